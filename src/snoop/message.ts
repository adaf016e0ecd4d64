// The one message of snooping: a row of the group table as it is now, from the link master to all. Offsets from the
// record's start.
//
//   8       10     11       12      14     15       16        32        40
//   +-------+------+--------+-------+------+--------+---------+---------+------------------------+
//   | epoch | kind | bridge | VLAN  | part | flags  | address | version | channels, 192 bits     |
//   +-------+------+--------+-------+------+--------+---------+---------+------------------------+
//
// `kind`: bit 0 a router row, bit 1 IPv6, bit 2 live. An appliance with more than 192 channels needs a part for each
// 192; `epoch` names the configuration, under which numbers mean the same.

import { FIELDS, Message, Table } from "../engine/message.ts";
import type { Out } from "../engine/out.ts";
import type { CoreId, Offset } from "../lib/units.ts";
import { bridgeOf, familyOf, type GroupTable, makeScope, Slot, vlanOf } from "./table.ts";

/** To every other core. */
export const ALL = -1;
/** Words of channels in one record. */
export const PART_WORDS = 6;

const EPOCH: number = FIELDS;
const KIND: number = FIELDS + 2;
const BRIDGE: number = FIELDS + 3;
const VLAN: number = FIELDS + 4;
const PART: number = FIELDS + 6;
const FLAGS: number = FIELDS + 7;
const ADDRESS: number = FIELDS + 8;
const VERSION: number = FIELDS + 24;
const CHANNELS: number = FIELDS + 32;

export const epochOf = (view: DataView, at: Offset): number => view.getUint16(at + EPOCH);
export const kindOf = (view: DataView, at: Offset): number => view.getUint8(at + KIND) & 1;
export const isLive = (view: DataView, at: Offset): boolean => (view.getUint8(at + KIND) & 4) !== 0;
export const scopeOf = (view: DataView, at: Offset): number =>
  makeScope(
    view.getUint8(at + BRIDGE),
    view.getUint16(at + VLAN) & 0xfff,
    (view.getUint8(at + KIND) >> 1) & 1,
  );
export const partOf = (view: DataView, at: Offset): number => view.getUint8(at + PART);
export const flagsOf = (view: DataView, at: Offset): number => view.getUint8(at + FLAGS);
export const word = (view: DataView, at: Offset, index: number): number =>
  view.getInt32(at + ADDRESS + index * 4);
export const versionOf = (view: DataView, at: Offset): number => view.getFloat64(at + VERSION);
export const channelWord = (view: DataView, at: Offset, index: number): number =>
  view.getInt32(at + CHANNELS + index * 4);

/** Parts that a row has. */
export const partsOf = (table: GroupTable): number => Math.ceil(table.words / PART_WORDS);

/** Sends a row. */
export function sendRow(
  out: Out,
  to: CoreId | typeof ALL,
  epoch: number,
  table: GroupTable,
  slot: number,
): void {
  const scope = table.scope(slot);
  for (let part = 0; part < partsOf(table); part++) {
    const at = out.draft(Message["group-entry"]);
    const { view } = out;
    view.setUint16(at + 2, Table.Groups);
    view.setUint16(at + EPOCH, epoch);
    const live = table.state(slot) === Slot.Live ? 4 : 0;
    view.setUint8(at + KIND, table.kind(slot) | (familyOf(scope) << 1) | live);
    view.setUint8(at + BRIDGE, bridgeOf(scope));
    view.setUint16(at + VLAN, vlanOf(scope));
    view.setUint8(at + PART, part);
    view.setUint8(at + FLAGS, table.flags(slot));
    for (let index = 0; index < 4; index++) {
      view.setInt32(at + ADDRESS + index * 4, table.word(slot, index));
    }
    view.setFloat64(at + VERSION, table.version(slot));
    for (let index = 0; index < PART_WORDS; index++) {
      view.setInt32(at + CHANNELS + index * 4, table.channelWord(slot, part * PART_WORDS + index));
    }
    if (to === ALL) out.broadcast();
    else out.send(to);
  }
}
