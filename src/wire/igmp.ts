// Internet Group Management Protocol, versions 1 (RFC 1112), 2 (RFC 2236) and 3 (RFC 3376), and Multicast Router
// Discovery (RFC 4286) where it shares the type field. `at` is the first byte behind the IPv4 header, `end` the
// packet's.
//
//   v1, v2, leave   0 type · 1 longest response, 1/10 s · 2 checksum · 4 group
//   v3 query        as v2, then 8 S and robustness · 9 interval code · 10 number of sources · 12 sources
//   v3 report       0 type · 2 checksum · 6 number of records · 8 records: type 1, aux words 1, sources 2, group 4, ...

import type { Ipv4, Mac, Offset } from "../lib/units.ts";
import * as checksum from "./checksum.ts";
import * as ethernet from "./ethernet.ts";
import * as ipv4 from "./ipv4.ts";

/** Bytes of a message of versions 1 and 2. */
export const LENGTH = 8;
const QUERY3_LENGTH = 12;
const RECORD_LENGTH = 8;

/** IANA "igmp-type-numbers". */
export const Type = {
  Query: 0x11,
  Report1: 0x12,
  Report2: 0x16,
  Leave: 0x17,
  Report3: 0x22,
  RouterAdvertisement: 0x30,
  RouterSolicitation: 0x31,
  RouterTermination: 0x32,
} as const;

/** Types of a group record, of versions 3 and of MLDv2 alike (RFC 3376 4.2.12, RFC 3810 5.2.12). */
export const Record = {
  IsInclude: 1,
  IsExclude: 2,
  ToInclude: 3,
  ToExclude: 4,
  Allow: 5,
  Block: 6,
} as const;

/** 224.0.0.1, .2, .22 and .106. */
export const ALL_HOSTS: Ipv4 = 0xe0000001;
export const ALL_ROUTERS: Ipv4 = 0xe0000002;
export const ROUTERS3: Ipv4 = 0xe0000016;

/** True when the header is whole and the checksum right: of everything behind the IPv4 header (RFC 3376 4.1.2). */
export const isValid = (view: DataView, at: Offset, end: Offset): boolean =>
  end - at >= LENGTH && checksum.verify(view, at, end);

export const type = (view: DataView, at: Offset): number => view.getUint8(at);
export const group = (view: DataView, at: Offset): Ipv4 => view.getUint32(at + 4);

/** Version of a query by length and first code (RFC 3376 7.1); 0 = none, to be ignored. */
export function queryVersion(view: DataView, at: Offset, end: Offset): 0 | 1 | 2 | 3 {
  if (end - at === LENGTH) return view.getUint8(at + 1) === 0 ? 1 : 2;
  return end - at >= QUERY3_LENGTH ? 3 : 0;
}

/** A code of eight bits: above 127 a floating-point number (RFC 3376 4.1.1, 4.1.7). */
export const decode = (code: number): number =>
  code < 128 ? code : ((code & 15) | 16) << (((code >> 4) & 7) + 3);

/** The code of the largest number that it can say and that is not above `value`. */
export function encode(value: number): number {
  if (value < 128) return Math.max(0, Math.floor(value));
  for (let exponent = 0; exponent < 8; exponent++) {
    const mantissa = Math.floor(value / 2 ** (exponent + 3));
    if (mantissa < 32) return 0x80 | (exponent << 4) | (mantissa & 15);
  }
  return 0xff;
}

/** The longest delay of an answer in milliseconds; version 1 has 10 s (RFC 2236 4). */
export function responseDelay(view: DataView, at: Offset, version: number): number {
  if (version === 1) return 10_000;
  const code = view.getUint8(at + 1);
  return (version === 2 ? code : decode(code)) * 100;
}

/** Of a version 3 query: routers shall not lower their timers; robustness (0 = unsaid); interval in seconds. */
export const suppresses = (view: DataView, at: Offset): boolean =>
  (view.getUint8(at + 8) & 8) !== 0;
export const robustness = (view: DataView, at: Offset): number => view.getUint8(at + 8) & 7;
export const interval = (view: DataView, at: Offset): number => decode(view.getUint8(at + 9));
export const querySources = (view: DataView, at: Offset): number => view.getUint16(at + 10);

export const recordCount = (view: DataView, at: Offset): number => view.getUint16(at + 6);
/** The first record of a version 3 report. */
export const firstRecord = (at: Offset): Offset => at + 8;
export const recordType = (view: DataView, record: Offset): number => view.getUint8(record);
export const recordSources = (view: DataView, record: Offset): number => view.getUint16(record + 2);
export const recordGroup = (view: DataView, record: Offset): Ipv4 => view.getUint32(record + 4);
/** Where the next record starts; -1 when this one is cut short. */
export function nextRecord(view: DataView, record: Offset, end: Offset): Offset {
  if (end - record < RECORD_LENGTH) return -1;
  const words = view.getUint8(record + 1) + recordSources(view, record);
  const next = record + RECORD_LENGTH + words * 4;
  return next <= end ? next : -1;
}

// --- writing ---------------------------------------------------------------------------------------------------------

/** IPv4 header with the router alert (RFC 2113), which every message but those of version 1 has. */
const IP_LENGTH = 24;
/** Internetwork control (RFC 3376 4: TOS 0xc0). */
const TOS = 0xc0;

/** Room that a query or a report of one group needs. */
export const FRAME_ROOM: number = ethernet.LENGTH + IP_LENGTH + 16;

/** The MAC of an IPv4 group: 01:00:5e and its low 23 bits (RFC 1112 6.4). */
export const groupMac = (address: Ipv4): Mac => 0x0100_5e00_0000 + (address & 0x7fffff);

function writeHeaders(
  view: DataView,
  start: Offset,
  fromMac: Mac,
  from: Ipv4,
  to: Ipv4,
  length: number,
): Offset {
  const { EtherType, writeHeader } = ethernet;
  const ip = writeHeader(view, start, groupMac(to), fromMac, EtherType.Ipv4);
  view.setUint16(ip, 0x4600 | TOS);
  view.setUint16(ip + 2, IP_LENGTH + length);
  view.setUint32(ip + 4, 0);
  view.setUint16(ip + 8, 0x0100 | ipv4.Protocol.Igmp);
  view.setUint32(ip + 12, from);
  view.setUint32(ip + 16, to);
  view.setUint32(ip + 20, 0x94040000);
  view.setUint16(ip + 10, 0);
  view.setUint16(ip + 10, checksum.compute(view, ip, ip + IP_LENGTH));
  return ip + IP_LENGTH;
}

function finish(view: DataView, at: Offset, end: Offset): Offset {
  view.setUint16(at + 2, 0);
  view.setUint16(at + 2, checksum.compute(view, at, end));
  return end;
}

/** What a query says. */
export interface Query {
  readonly version: number;
  /** Milliseconds. */
  readonly responseDelay: number;
  readonly suppresses: boolean;
  readonly robustness: number;
  /** Seconds. */
  readonly interval: number;
}

/** A query of one group, or (0) of all. */
export function writeQuery(
  view: DataView,
  start: Offset,
  fromMac: Mac,
  from: Ipv4,
  address: Ipv4,
  query: Query,
): Offset {
  const is3 = query.version === 3;
  const to = address === 0 ? ALL_HOSTS : address;
  const at = writeHeaders(view, start, fromMac, from, to, is3 ? QUERY3_LENGTH : LENGTH);
  const tenths = Math.max(1, Math.round(query.responseDelay / 100));
  const code = is3 ? encode(tenths) : query.version === 1 ? 0 : Math.min(255, tenths);
  view.setUint16(at, (Type.Query << 8) | code);
  view.setUint32(at + 4, address);
  if (!is3) return finish(view, at, at + LENGTH);
  const said = query.robustness > 7 ? 0 : query.robustness;
  view.setUint8(at + 8, (query.suppresses ? 8 : 0) | said);
  view.setUint8(at + 9, encode(query.interval));
  view.setUint16(at + 10, 0);
  return finish(view, at, at + QUERY3_LENGTH);
}

/** A report of version 1 or 2, or a leave. */
export function writeReport(
  view: DataView,
  start: Offset,
  fromMac: Mac,
  from: Ipv4,
  kind: number,
  address: Ipv4,
): Offset {
  const to = kind === Type.Leave ? ALL_ROUTERS : address;
  const at = writeHeaders(view, start, fromMac, from, to, LENGTH);
  view.setUint16(at, kind << 8);
  view.setUint32(at + 4, address);
  return finish(view, at, at + LENGTH);
}

/** A version 3 report of one record. */
export function writeReport3(
  view: DataView,
  start: Offset,
  fromMac: Mac,
  from: Ipv4,
  kind: number,
  address: Ipv4,
  sources: readonly Ipv4[],
): Offset {
  const length = 16 + sources.length * 4;
  const at = writeHeaders(view, start, fromMac, from, ROUTERS3, length);
  view.setUint16(at, Type.Report3 << 8);
  view.setUint32(at + 4, 1);
  view.setUint32(at + 8, (kind << 24) | sources.length);
  view.setUint32(at + 12, address);
  for (const [index, source] of sources.entries()) view.setUint32(at + 16 + index * 4, source);
  return finish(view, at, at + length);
}
