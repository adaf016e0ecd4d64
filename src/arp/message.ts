// The ARP engine's messages, written in place (engine/message.ts has the first 8 bytes). A version is a
// sequence of 48 bits, the lower 32 at 4 and the upper 16 at 24, and its writer at 14.
//
//   arp-ask     8 address, 12 interface
//   arp-entry   8 address, 12 interface, 14 writer, 15 kind, 16 MAC, 22 static
//   arp-failed  8 address, 12 interface, 14 hold: 1 = stays failed for a while
//   arp-delete  8 address, 12 interface, 14 writer
//   arp-used    8 address, 12 interface, 14 writer: the version that is used

import { Message, Table as TableNumber } from "../engine/message.ts";
import type { Out } from "../engine/out.ts";
import type { CoreId, Ipv4, Mac, Offset } from "../lib/units.ts";
import { makeVersion, sequenceOf, writerOf } from "../lib/version.ts";
import { mac, setMac } from "../wire/bytes.ts";

const TABLE = 2;
const SEQUENCE = 4;
const ADDRESS = 8;
const IFACE = 12;
const WRITER = 14;
const HOLD = 14;
const KIND = 15;
const MAC = 16;
const STATIC = 22;
const SEQUENCE_HIGH = 24;

const HIGH = 0x1_0000_0000;

/** Receiver of a draft: all other cores. */
export const ALL: CoreId = -1;

/** What an arp-entry is. */
export const Kind = {
  /** An entry, new, changed, asked for or re-sent. */
  Entry: 0,
  /**
   * Start of a re-sync: the sender has all of the version's writer up to it; such entries that it does not name
   * are gone.
   */
  Mark: 1,
  /** With the variant `askers`: a new master starts; dynamic entries from before are void. */
  Reset: 2,
  /** An answer that finds no room: for frames that wait, not to be kept. */
  Passing: 3,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

export const addressOf = (view: DataView, at: Offset): Ipv4 => view.getUint32(at + ADDRESS);
export const ifaceOf = (view: DataView, at: Offset): number => view.getUint16(at + IFACE);
export const macOf = (view: DataView, at: Offset): Mac => mac(view, at + MAC);
export const kindOf = (view: DataView, at: Offset): number => view.getUint8(at + KIND);
export const isStatic = (view: DataView, at: Offset): boolean => view.getUint8(at + STATIC) === 1;
export const isHeld = (view: DataView, at: Offset): boolean => view.getUint8(at + HOLD) === 1;
export const versionOf = (view: DataView, at: Offset): number =>
  makeVersion(
    view.getUint16(at + SEQUENCE_HIGH) * HIGH + view.getUint32(at + SEQUENCE),
    view.getUint8(at + WRITER),
  );

function setVersion(view: DataView, at: Offset, version: number): void {
  const sequence = sequenceOf(version);
  view.setUint32(at + SEQUENCE, sequence % HIGH);
  view.setUint16(at + SEQUENCE_HIGH, Math.floor(sequence / HIGH));
  view.setUint8(at + WRITER, writerOf(version));
}

function draft(out: Out, type: number, iface: number, address: Ipv4): Offset {
  const at = out.draft(type);
  out.view.setUint16(at + TABLE, TableNumber.Arp);
  out.view.setUint32(at + ADDRESS, address);
  out.view.setUint16(at + IFACE, iface);
  return at;
}

function post(out: Out, to: CoreId): void {
  if (to !== ALL) out.send(to);
  else if (out.cores > 1) out.broadcast();
}

export function sendAsk(out: Out, to: CoreId, iface: number, address: Ipv4): void {
  draft(out, Message["arp-ask"], iface, address);
  post(out, to);
}

export function sendUsed(
  out: Out,
  to: CoreId,
  iface: number,
  address: Ipv4,
  version: number,
): void {
  const at = draft(out, Message["arp-used"], iface, address);
  setVersion(out.view, at, version);
  post(out, to);
}

export function sendFailed(
  out: Out,
  to: CoreId,
  iface: number,
  address: Ipv4,
  hold: boolean,
): void {
  const at = draft(out, Message["arp-failed"], iface, address);
  out.view.setUint8(at + HOLD, hold ? 1 : 0);
  post(out, to);
}

export function sendDelete(
  out: Out,
  to: CoreId,
  iface: number,
  address: Ipv4,
  version: number,
): void {
  const at = draft(out, Message["arp-delete"], iface, address);
  setVersion(out.view, at, version);
  post(out, to);
}

/** Tells an entry; `address` of a Mark is 0. */
export function sendEntry(
  out: Out,
  to: CoreId,
  kind: Kind,
  iface: number,
  address: Ipv4,
  hardware: Mac,
  fixed: boolean,
  version: number,
): void {
  const at = draft(out, Message["arp-entry"], iface, address);
  setVersion(out.view, at, version);
  out.view.setUint8(at + KIND, kind);
  setMac(out.view, at + MAC, hardware);
  out.view.setUint8(at + STATIC, fixed ? 1 : 0);
  post(out, to);
}
