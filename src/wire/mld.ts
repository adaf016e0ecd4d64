// Multicast Listener Discovery, versions 1 (RFC 2710) and 2 (RFC 3810), as listeners, queriers and snooping bridges
// speak it. Every message has hop limit 1 and a hop-by-hop header with the router alert (RFC 2711).
//
//   v1 query, report, done   4 maximum response delay, ms · 6 reserved · 8 group
//   v2 query                 as v1, then 24 flags · 25 QQIC · 26 number of sources · 28 sources
//   v2 report                4 reserved · 6 number of records · 8 records: type, aux words, sources, group, sources...

import type { Mac, Offset } from "../lib/units.ts";
import * as icmpv6 from "./icmpv6.ts";
import { decode, encode, type Query } from "./igmp.ts";
import { Protocol } from "./ipv4.ts";
import * as nd from "./nd.ts";

/** Bytes of a v1 message, and of the v1 part of a v2 query. */
export const LENGTH = 24;
const QUERY2_LENGTH = 28;
const RECORD_LENGTH = 20;
const HOP_LIMIT = 1;

/** Record types of a v2 report (RFC 3810 5.2.12). */
export const Record = { IsExclude: 2, ToInclude: 3, ToExclude: 4 } as const;

/** ff02::1, all nodes. */
const NODES: nd.Words = [0xff020000, 0, 0, 1];
/** ff02::16, all MLDv2 routers. */
export const ROUTERS2: nd.Words = [0xff020000, 0, 0, 0x16];
/** ff02::2, where a v1 listener says that it is done. */
const ROUTERS: nd.Words = [0xff020000, 0, 0, 2];

/** True for the message types of both versions. */
export const isMld = (type: number): boolean =>
  (type >= icmpv6.Type.ListenerQuery && type <= icmpv6.Type.ListenerDone) ||
  type === icmpv6.Type.ListenerReport2;

/** Version of a query by its length (RFC 3810 8.1); 0 = neither, to be ignored. */
export function queryVersion(at: Offset, end: Offset): 0 | 1 | 2 {
  if (end - at === LENGTH) return 1;
  return end - at >= QUERY2_LENGTH ? 2 : 0;
}

/** The longest delay of an answer in milliseconds (RFC 3810 5.1.3: above 32767 a floating-point code). */
export function responseDelay(view: DataView, at: Offset, version: number): number {
  const code = view.getUint16(at + 4);
  if (version === 1 || code < 0x8000) return code;
  return ((code & 0xfff) | 0x1000) << (((code >> 12) & 7) + 3);
}

/** Offset of the group; unspecified in a general query. */
export const groupAt = (at: Offset): Offset => at + 8;

/** Of a v2 query: routers shall not lower their timers; robustness (0 = unsaid); interval in seconds. */
export const suppresses = (view: DataView, at: Offset): boolean =>
  (view.getUint8(at + 24) & 8) !== 0;
export const robustness = (view: DataView, at: Offset): number => view.getUint8(at + 24) & 7;
export const interval = (view: DataView, at: Offset): number => decode(view.getUint8(at + 25));
export const querySources = (view: DataView, at: Offset): number => view.getUint16(at + 26);

export const recordCount = (view: DataView, at: Offset): number => view.getUint16(at + 6);
/** The first record of a v2 report. */
export const firstRecord = (at: Offset): Offset => at + 8;
export const recordType = (view: DataView, record: Offset): number => view.getUint8(record);
export const recordSources = (view: DataView, record: Offset): number => view.getUint16(record + 2);
export const recordGroupAt = (record: Offset): Offset => record + 4;
/** Where the next record starts; -1 when this one is cut short. */
export function nextRecord(view: DataView, record: Offset, end: Offset): Offset {
  if (end - record < RECORD_LENGTH) return -1;
  const next =
    record + RECORD_LENGTH + view.getUint8(record + 1) * 4 + recordSources(view, record) * 16;
  return next <= end ? next : -1;
}

function writeAlert(
  view: DataView,
  start: Offset,
  toMac: Mac,
  fromMac: Mac,
  from: nd.Words,
  to: nd.Words,
): Offset {
  const at = nd.writeHeaders(view, start, toMac, fromMac, from, to, 0, HOP_LIMIT);
  view.setUint32(at, (Protocol.Icmpv6 << 24) | 0x0502);
  view.setUint32(at + 4, 0x0000_0100);
  return at + 8;
}

/** Room for a v2 report with `records` groups. */
export const reportRoom = (records: number): number => 14 + 40 + 8 + 8 + records * 20;

/** A v2 report; `groups` are those from `first` on, `count` of them, all with record type `kind`. */
export function writeReport2(
  view: DataView,
  start: Offset,
  fromMac: Mac,
  from: nd.Words,
  kind: number,
  groups: readonly nd.Words[],
  first: number,
  count: number,
): Offset {
  const at = writeAlert(view, start, nd.groupMac(0x16), fromMac, from, ROUTERS2);
  view.setUint32(at, icmpv6.Type.ListenerReport2 << 24);
  view.setUint32(at + 4, count);
  let next = at + 8;
  for (let index = first; index < first + count; index++) {
    view.setUint32(next, kind << 24);
    next = nd.writeWords(view, next + 4, groups[index] as nd.Words);
  }
  return nd.finish(view, start, at, next);
}

/** A v1 report (to the group itself) or, with `isDone`, the word that nobody here listens any more. */
export function writeReport1(
  view: DataView,
  start: Offset,
  fromMac: Mac,
  from: nd.Words,
  group: nd.Words,
  isDone: boolean,
): Offset {
  const to = isDone ? ROUTERS : group;
  const at = writeAlert(view, start, nd.groupMac(to[3] as number), fromMac, from, to);
  const { ListenerDone, ListenerReport } = icmpv6.Type;
  view.setUint32(at, (isDone ? ListenerDone : ListenerReport) << 24);
  view.setUint32(at + 4, 0);
  return nd.finish(view, start, at, nd.writeWords(view, at + 8, group));
}

/** The longest delay that a query can say, in milliseconds, as its code of 16 bits (RFC 3810 5.1.3). */
export function encodeDelay(millis: number): number {
  if (millis < 0x8000) return Math.max(0, Math.floor(millis));
  for (let exponent = 0; exponent < 8; exponent++) {
    const mantissa = Math.floor(millis / 2 ** (exponent + 3));
    if (mantissa < 0x2000) return 0x8000 | (exponent << 12) | (mantissa & 0xfff);
  }
  return 0xffff;
}

/** Room that a query needs. */
export const QUERY_ROOM: number = 14 + 40 + 8 + QUERY2_LENGTH;

/** A query of one group, or (all zero) of all. `from` is a link-local address. */
export function writeQuery(
  view: DataView,
  start: Offset,
  fromMac: Mac,
  from: nd.Words,
  group: nd.Words,
  query: Query,
): Offset {
  const isGeneral =
    ((group[0] as number) | (group[1] as number) | (group[2] as number) | (group[3] as number)) ===
    0;
  const to = isGeneral ? NODES : group;
  const at = writeAlert(view, start, nd.groupMac(to[3] as number), fromMac, from, to);
  const { version } = query;
  view.setUint32(at, icmpv6.Type.ListenerQuery << 24);
  const delay = query.responseDelay;
  view.setUint16(at + 4, version === 1 ? Math.min(0xffff, delay) : encodeDelay(delay));
  view.setUint16(at + 6, 0);
  const next = nd.writeWords(view, at + 8, group);
  if (version === 1) return nd.finish(view, start, at, next);
  const said = query.robustness > 7 ? 0 : query.robustness;
  view.setUint8(next, (query.suppresses ? 8 : 0) | said);
  view.setUint8(next + 1, encode(query.interval));
  view.setUint16(next + 2, 0);
  return nd.finish(view, start, at, next + 4);
}
