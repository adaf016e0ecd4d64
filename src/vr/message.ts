// Fields of the records of virtual routers. Where the record's head is free (bytes 2 to 7, engine/message.ts), it holds
// a MAC or a version, so that all fits into one record.
//
//   vr-state     the link master tells all of a machine
//     head: MAC of whoever is Active | 0 epoch 4 | 4 machine 2 | 6 checksum form 4 bits, state 4 | 7 reason 1 |
//     8 sequence 4 | 12 priority 1 | 13 Active's priority 1 | 14 held 1 | 15 an operator's priority, 0 = none 1 | 16 interval 8 | 24 since 8 | 32 counter 8 |
//     40 Active's address 16
//   vr-heard     an advertisement, taken apart and found good, for the link master
//     head: its MAC | 0 epoch 4 | 4 machine 2 | 6 channel 2 | 8 address 16 | 24 priority 1 |
//     25 form 2 bits, same 1, op 2, state 3 | 26 spare 6 | 32 interval 8 | 40 hold 8 | 48 counter 8
//   vmac-entry   a row
//     head: version | 0 epoch 4 | 4 mac 6 | 10 interface 2 | 12 vrid 2 | 14 family 1 | 15 priority 1 | 16 count 1 |
//     17 protocol 1 | 18 owner 1 | 19 spare 1 | 20 digest 4 | 24 timeout 4 | 28 words 24 | 52 age 4
//   vmac-delete  a row is gone; or, with no MAC, all that are not static, of an interface (or all), of a vrid (or all)
//     head: version | 0 epoch 4 | 4 mac 6 | 10 interface 2 | 12 vrid 2 | 14 family 1

import { FIELDS } from "../engine/message.ts";
import type { Millis, Offset } from "../lib/units.ts";
import { mac, setMac } from "../wire/bytes.ts";
import type { Advert } from "./advert.ts";
import { type Machine, OFF } from "./machine.ts";
import { type VmacSaid, WORDS } from "./vmac.ts";

const HEAD = 2;
const EPOCH: number = FIELDS;
const MACHINE: number = FIELDS + 4;
/** An interface or a vrid that stands for all of them. */
export const ANY = 0xffff;

export const epochOf = (view: DataView, at: Offset): number => view.getInt32(at + EPOCH);
export const machineOf = (view: DataView, at: Offset): number => view.getUint16(at + MACHINE);
export const sequenceOf = (view: DataView, at: Offset): number => view.getUint32(at + FIELDS + 8);
export const versionOf = (view: DataView, at: Offset): number => mac(view, at + HEAD);

/** Everything that another core needs to go on in the master's place. */
export function writeState(
  view: DataView,
  at: Offset,
  machine: Machine,
  sequence: number,
  epoch: number,
): void {
  setMac(view, at + HEAD, machine.activeMac);
  view.setInt32(at + EPOCH, epoch);
  view.setUint16(at + MACHINE, machine.index);
  const to = at + FIELDS;
  view.setUint8(to + 6, (machine.form << 4) | machine.state);
  view.setUint8(to + 7, machine.reason);
  view.setUint32(to + 8, sequence);
  view.setUint8(to + 12, machine.priority);
  view.setUint8(to + 13, machine.activePriority);
  view.setUint8(to + 14, machine.held);
  view.setUint8(to + 15, machine.override === OFF ? 0 : machine.override);
  view.setFloat64(to + 16, machine.interval);
  view.setFloat64(to + 24, machine.since);
  view.setUint32(to + 32, machine.high);
  view.setUint32(to + 36, machine.low);
  for (let n = 0; n < 4; n++) view.setUint32(to + 40 + n * 4, machine.active[n] as number);
}

export function readState(view: DataView, at: Offset, machine: Machine): void {
  machine.activeMac = mac(view, at + HEAD);
  const from = at + FIELDS;
  const formAndState = view.getUint8(from + 6);
  machine.form = formAndState >> 4;
  machine.state = formAndState & 0xf;
  machine.reason = view.getUint8(from + 7);
  machine.priority = view.getUint8(from + 12);
  machine.activePriority = view.getUint8(from + 13);
  machine.held = view.getUint8(from + 14);
  machine.override = view.getUint8(from + 15) || OFF;
  machine.interval = view.getFloat64(from + 16);
  machine.since = view.getFloat64(from + 24);
  machine.high = view.getUint32(from + 32);
  machine.low = view.getUint32(from + 36);
  for (let n = 0; n < 4; n++) machine.active[n] = view.getUint32(from + 40 + n * 4);
}

export function writeHeard(view: DataView, at: Offset, advert: Advert, epoch: number): void {
  setMac(view, at + HEAD, advert.mac);
  view.setInt32(at + EPOCH, epoch);
  view.setUint16(at + MACHINE, advert.machine);
  const to = at + FIELDS;
  view.setInt16(to + 6, advert.channel);
  for (let n = 0; n < 4; n++) view.setUint32(to + 8 + n * 4, advert.source[n] as number);
  view.setUint8(to + 24, advert.priority);
  const bits = advert.form | (advert.isSame ? 4 : 0) | (advert.op << 3) | (advert.state << 5);
  view.setUint8(to + 25, bits);
  view.setFloat64(to + 32, advert.interval);
  view.setFloat64(to + 40, advert.hold);
  view.setUint32(to + 48, advert.high);
  view.setUint32(to + 52, advert.low);
}

export function readHeard(view: DataView, at: Offset, advert: Advert): void {
  advert.mac = mac(view, at + HEAD);
  advert.machine = machineOf(view, at);
  const from = at + FIELDS;
  advert.channel = view.getInt16(from + 6);
  for (let n = 0; n < 4; n++) advert.source[n] = view.getUint32(from + 8 + n * 4);
  advert.priority = view.getUint8(from + 24);
  const bits = view.getUint8(from + 25);
  advert.form = bits & 3;
  advert.isSame = (bits & 4) !== 0;
  advert.op = (bits >> 3) & 3;
  advert.state = bits >> 5;
  advert.interval = view.getFloat64(from + 32);
  advert.hold = view.getFloat64(from + 40);
  advert.high = view.getUint32(from + 48);
  advert.low = view.getUint32(from + 52);
}

/** `age`: how long ago the router was heard. */
export function writeVmac(
  view: DataView,
  at: Offset,
  said: VmacSaid,
  owner: number,
  version: number,
  age: Millis,
  epoch: number,
): void {
  setMac(view, at + HEAD, version);
  view.setInt32(at + EPOCH, epoch);
  const to = at + FIELDS;
  setMac(view, to + 4, said.mac);
  view.setUint16(to + 10, said.iface);
  view.setUint16(to + 12, said.vrid);
  view.setUint8(to + 14, said.family);
  view.setUint8(to + 15, said.priority);
  view.setUint8(to + 16, said.count);
  view.setUint8(to + 17, said.protocol);
  view.setUint8(to + 18, owner);
  view.setInt32(to + 20, said.digest);
  view.setUint32(to + 24, said.timeout);
  for (let n = 0; n < WORDS; n++) view.setUint32(to + 28 + n * 4, said.words[n] as number);
  view.setUint32(to + 52, Math.max(0, Math.round(age)));
}

export function readVmac(view: DataView, at: Offset, said: VmacSaid): void {
  const from = at + FIELDS;
  said.mac = mac(view, from + 4);
  said.iface = view.getUint16(from + 10);
  said.vrid = view.getUint16(from + 12);
  said.family = view.getUint8(from + 14) === 6 ? 6 : 4;
  said.priority = view.getUint8(from + 15);
  said.count = view.getUint8(from + 16);
  said.protocol = view.getUint8(from + 17);
  said.digest = view.getInt32(from + 20);
  said.timeout = view.getUint32(from + 24);
  for (let n = 0; n < WORDS; n++) said.words[n] = view.getUint32(from + 28 + n * 4);
}

export const ownerOf = (view: DataView, at: Offset): number => view.getUint8(at + FIELDS + 18);
export const ageOf = (view: DataView, at: Offset): Millis => view.getUint32(at + FIELDS + 52);

export function writeDelete(
  view: DataView,
  at: Offset,
  mac: number,
  iface: number,
  vrid: number,
  family: number,
  version: number,
  epoch: number,
): void {
  setMac(view, at + HEAD, version);
  view.setInt32(at + EPOCH, epoch);
  const to = at + FIELDS;
  setMac(view, to + 4, mac);
  view.setUint16(to + 10, iface);
  view.setUint16(to + 12, vrid);
  view.setUint8(to + 14, family);
}
