// Neighbour discovery's messages, written in place (engine/message.ts has the first 8 bytes). One layout serves all;
// each type uses the fields that it names. The sequence at 4 with the writer at 26 is the version that the message
// carries.
//
//   8 address (16) · 24 interface · 26 writer · 27 kind · 28 MAC (6) · 34 flags · 35 state · 36 core · 37 hops
//   38 tries or length · 39 bucket · 40 due or valid · 44 age or preferred · 48 two words more
//
//   nd-ask      address, core: who asks, hops                                         to the owner
//   nd-entry    address, MAC, flags, state, core: the holder, version                 to all, or to one that asked
//   nd-delete   address, flags: why, version                                          to all, or to those that asked
//   nd-used     address, hops                                                         to the owner
//   nd-heard    address, kind, MAC (all ones: none), flags, core: who heard, hops     to the owner
//   nd-move     kind; a token: state, tries, due, age, MAC, flags, version, askers    to the new owner
//   nd-own      kind, address, MAC and more                                           to or from the master
//   nd-router   kind, address, lifetimes and more                                     to or from the master

import { Table as TableNumber } from "../engine/message.ts";
import type { Out } from "../engine/out.ts";
import type { CoreId, Mac, Offset } from "../lib/units.ts";
import { makeVersion, sequenceOf, writerOf } from "../lib/version.ts";
import { mac, setMac } from "../wire/bytes.ts";

const TABLE = 2;
const SEQUENCE = 4;
export const ADDRESS = 8;
const IFACE = 24;
const WRITER = 26;
const KIND = 27;
const MAC = 28;
const FLAGS = 34;
const STATE = 35;
const CORE = 36;
const HOPS = 37;
const TRIES = 38;
const BUCKET = 39;
const DUE = 40;
const AGE = 44;
const MORE = 48;

/** Receiver of a draft: all other cores. */
export const ALL: CoreId = -1;
/** A message is sent on to where the owner is now at most so often; then it is dropped, for its sender repeats it. */
export const MAX_HOPS = 4;

/** Flags of an entry. */
export const EntryFlag = { Static: 1, Router: 2 } as const;
/** Why an address is deleted, in an nd-delete's flags. */
export const Deleted = {
  Gone: 0,
  /** It was asked for in vain. */
  Unanswered: 1,
  /** The receiver told of it as known, which is older than its deletion. */
  Unheard: 2,
} as const;
/** What nd-heard tells. */
export const Heard = { Advertisement: 0, Hint: 1, RouterHint: 2, Confirm: 3 } as const;
/** What nd-move carries. */
export const Move = {
  /** A machine: who gets it runs it from now on. */
  Token: 0,
  /** Nothing more of the bucket comes: its new owner may begin. */
  Marker: 1,
  /** An address that is being resolved by `core`. */
  Registration: 2,
} as const;

export const wordOf = (view: DataView, at: Offset, index: number): number =>
  view.getUint32(at + ADDRESS + index * 4);
export const ifaceOf = (view: DataView, at: Offset): number => view.getUint16(at + IFACE);
export const kindOf = (view: DataView, at: Offset): number => view.getUint8(at + KIND);
/** A MAC, or -1 for all ones. */
export const macOf = (view: DataView, at: Offset): Mac => {
  const value = mac(view, at + MAC);
  return value === 0xffffffffffff ? -1 : value;
};
export const flagsOf = (view: DataView, at: Offset): number => view.getUint8(at + FLAGS);
export const stateOf = (view: DataView, at: Offset): number => view.getUint8(at + STATE);
/** A core, or -1. */
export const coreOf = (view: DataView, at: Offset): CoreId => view.getInt8(at + CORE);
export const hopsOf = (view: DataView, at: Offset): number => view.getUint8(at + HOPS);
export const triesOf = (view: DataView, at: Offset): number => view.getUint8(at + TRIES);
export const bucketOf = (view: DataView, at: Offset): number => view.getUint8(at + BUCKET);
export const dueOf = (view: DataView, at: Offset): number => view.getUint32(at + DUE);
export const ageOf = (view: DataView, at: Offset): number => view.getUint32(at + AGE);
export const moreOf = (view: DataView, at: Offset, index: number): number =>
  view.getUint32(at + MORE + index * 4);
/** The version, or -1 where the message carries none. */
export function versionOf(view: DataView, at: Offset): number {
  const sequence = view.getUint32(at + SEQUENCE);
  return sequence === 0 ? -1 : makeVersion(sequence, view.getUint8(at + WRITER));
}

/** Starts a record about an address; the words may be signed. */
export function draft(
  out: Out,
  type: number,
  iface: number,
  a: number,
  b: number,
  c: number,
  d: number,
): Offset {
  const at = out.draft(type);
  const { view } = out;
  view.setUint16(at + TABLE, TableNumber.Nd);
  view.setInt32(at + ADDRESS, a);
  view.setInt32(at + ADDRESS + 4, b);
  view.setInt32(at + ADDRESS + 8, c);
  view.setInt32(at + ADDRESS + 12, d);
  view.setUint16(at + IFACE, iface);
  return at;
}

export function setVersion(view: DataView, at: Offset, version: number): void {
  if (version < 0) return;
  view.setUint32(at + SEQUENCE, sequenceOf(version));
  view.setUint8(at + WRITER, writerOf(version));
}
export const setKind = (view: DataView, at: Offset, kind: number): void =>
  view.setUint8(at + KIND, kind);
export const setHardware = (view: DataView, at: Offset, address: Mac): void =>
  setMac(view, at + MAC, address < 0 ? 0xffffffffffff : address);
export const setFlags = (view: DataView, at: Offset, flags: number): void =>
  view.setUint8(at + FLAGS, flags);
export const setState = (view: DataView, at: Offset, state: number): void =>
  view.setUint8(at + STATE, state);
export const setCore = (view: DataView, at: Offset, core: CoreId): void =>
  view.setInt8(at + CORE, core);
export const setHops = (view: DataView, at: Offset, hops: number): void =>
  view.setUint8(at + HOPS, hops);
export const setTries = (view: DataView, at: Offset, tries: number): void =>
  view.setUint8(at + TRIES, tries);
export const setBucket = (view: DataView, at: Offset, bucket: number): void =>
  view.setUint8(at + BUCKET, bucket);
export const setDue = (view: DataView, at: Offset, due: number): void =>
  view.setUint32(at + DUE, due);
export const setAge = (view: DataView, at: Offset, age: number): void =>
  view.setUint32(at + AGE, age);
export const setMore = (view: DataView, at: Offset, index: number, value: number): void =>
  view.setUint32(at + MORE + index * 4, value);

export function post(out: Out, to: CoreId): void {
  if (to !== ALL) out.send(to);
  else if (out.cores > 1) out.broadcast();
}
