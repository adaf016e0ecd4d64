// The bridge's messages (engine/message.ts): one station, or one flush, and the version that decides between two of
// them. Offsets from the record's start.
//
//   8       10       12        14     16        18     19         20       24
//   +-------+--------+---------+------+---------+------+----------+--------+-----------------+
//   | epoch | bridge | channel | VLAN | MAC 16  | kind | reserved | MAC 32 | version (float) |
//   +-------+--------+---------+------+---------+------+----------+--------+-----------------+
//
// `epoch` names the sender's configuration: numbers of channels and bridges mean the same only under the same one.

import { FIELDS, Message, Table } from "../engine/message.ts";
import type { Out } from "../engine/out.ts";
import type { CoreId, Offset } from "../lib/units.ts";

/** What a bridge-delete takes away. */
export const Delete = {
  /** One station, found idle for an ageing time. A core that sees it answers by telling it anew. */
  Aged: 0,
  /** One station, evicted or removed by an operator. Nobody answers. */
  Gone: 1,
  /** Every dynamic station that channel and VLAN (NO_CHANNEL and 0: any) match and that is not newer. */
  Flush: 2,
  /** The same for a bucket of pairs of channel and VLAN (table.ts), which stands in place of the channel. */
  Pair: 3,
} as const;

/** "any channel" in a flush, and "no channel" in a table: no channel has this number. */
export const NO_CHANNEL = 0xffff;
/** To every other core. */
export const ALL = -1;

const TABLE = 2;
const SCOPE: number = FIELDS;
const CHANNEL: number = FIELDS + 4;
const VLAN: number = FIELDS + 6;
const MAC_HIGH: number = FIELDS + 8;
const KIND: number = FIELDS + 10;
const MAC_LOW: number = FIELDS + 12;
const VERSION: number = FIELDS + 16;

/** Epoch and bridge, as a message carries them. */
export const makeScope = (epoch: number, bridge: number): number => ((epoch << 16) | bridge) >>> 0;

export const epoch = (view: DataView, at: Offset): number => view.getUint16(at + SCOPE);
export const bridge = (view: DataView, at: Offset): number => view.getUint16(at + SCOPE + 2);
export const channel = (view: DataView, at: Offset): number => view.getUint16(at + CHANNEL);
export const vlan = (view: DataView, at: Offset): number => view.getUint16(at + VLAN);
/** The first 16 bits of the MAC. */
export const macHigh = (view: DataView, at: Offset): number => view.getUint16(at + MAC_HIGH);
/** The last 32 bits of the MAC, signed as in the table. */
export const macLow = (view: DataView, at: Offset): number => view.getInt32(at + MAC_LOW);
export const kind = (view: DataView, at: Offset): number => view.getUint8(at + KIND);
export const version = (view: DataView, at: Offset): number => view.getFloat64(at + VERSION);

function draft(out: Out, type: number, scope: number, where: number, id: number): Offset {
  const at = out.draft(type);
  const { view } = out;
  view.setUint16(at + TABLE, Table.Bridge);
  view.setUint32(at + SCOPE, scope);
  view.setUint16(at + CHANNEL, where);
  view.setUint16(at + VLAN, id);
  return at;
}

function dispatch(out: Out, to: CoreId | typeof ALL): void {
  if (to === ALL) out.broadcast();
  else out.send(to);
}

/** Tells that a station is on a channel; `key` is the table's (table.ts). */
export function sendLearn(
  out: Out,
  to: CoreId | typeof ALL,
  scope: number,
  low: number,
  key: number,
  where: number,
  stamp: number,
): void {
  const at = draft(out, Message["bridge-learn"], scope, where, (key >>> 16) & 0xfff);
  const { view } = out;
  view.setUint16(at + MAC_HIGH, key & 0xffff);
  view.setInt32(at + MAC_LOW, low);
  view.setFloat64(at + VERSION, stamp);
  dispatch(out, to);
}

/** Tells that a station is gone. */
export function sendDelete(
  out: Out,
  to: CoreId | typeof ALL,
  scope: number,
  low: number,
  key: number,
  why: number,
  stamp: number,
): void {
  const at = draft(out, Message["bridge-delete"], scope, NO_CHANNEL, (key >>> 16) & 0xfff);
  const { view } = out;
  view.setUint16(at + MAC_HIGH, key & 0xffff);
  view.setUint8(at + KIND, why);
  view.setInt32(at + MAC_LOW, low);
  view.setFloat64(at + VERSION, stamp);
  dispatch(out, to);
}

/** Tells that this core cannot hold a station, or no longer: nobody is to. Told even where the table is sent whole. */
export function sendRefuse(out: Out, scope: number, low: number, key: number, stamp: number): void {
  const at = draft(out, Message["bridge-refuse"], scope, NO_CHANNEL, (key >>> 16) & 0xfff);
  const { view } = out;
  view.setUint16(at + MAC_HIGH, key & 0xffff);
  view.setUint8(at + KIND, Delete.Gone);
  view.setInt32(at + MAC_LOW, low);
  view.setFloat64(at + VERSION, stamp);
  dispatch(out, ALL);
}

/** Tells a core whose refusals were lost that this one holds a station, as of a version. */
export function sendHeld(
  out: Out,
  to: CoreId,
  scope: number,
  low: number,
  key: number,
  stamp: number,
): void {
  const at = draft(out, Message["bridge-held"], scope, NO_CHANNEL, (key >>> 16) & 0xfff);
  const { view } = out;
  view.setUint16(at + MAC_HIGH, key & 0xffff);
  view.setUint8(at + KIND, Delete.Gone);
  view.setInt32(at + MAC_LOW, low);
  view.setFloat64(at + VERSION, stamp);
  out.send(to);
}

/** Tells of a flush: `why` is Flush, with a channel and a VLAN, or Pair, with a bucket and 0. */
export function sendFlush(
  out: Out,
  to: CoreId | typeof ALL,
  scope: number,
  why: number,
  where: number,
  id: number,
  stamp: number,
): void {
  const at = draft(out, Message["bridge-delete"], scope, where, id);
  const { view } = out;
  view.setUint8(at + KIND, why);
  view.setFloat64(at + VERSION, stamp);
  dispatch(out, to);
}
