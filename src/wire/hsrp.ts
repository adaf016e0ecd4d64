// HSRP: version 1 (RFC 2281) and version 2 (Cisco; TLVs, IPv4 and IPv6). `at` is the first byte behind the UDP header.
//
// Version 1, 20 bytes:
//   0        1        2        3        4        5        6        7        8                16
//   +--------+--------+--------+--------+--------+--------+--------+--------+----------------+-----------------+
//   | 0      | op     | state  | hello s| hold s | priority| group | 0      | password       | virtual address |
//   +--------+--------+--------+--------+--------+--------+--------+--------+----------------+-----------------+
// Version 2, a chain of (type 1, length 1, value); type 1 is the state of a group, 40 bytes:
//   +--------+--------+--------+--------+--------+--------+----------+----------+-----------------+
//   | 2      | op     | state  | 4 or 6 | group           | identifier 6        | priority 4      |
//   +--------+--------+--------+--------+-----------------+---------------------+-----------------+
//   | hello ms 4      | hold ms 4       | virtual address 16                                      |
//   +-----------------+-----------------+---------------------------------------------------------+

import type { Ipv4, Mac, Millis, Offset } from "../lib/units.ts";
import { setMac } from "./bytes.ts";
import * as checksum from "./checksum.ts";
import { EtherType, writeHeader } from "./ethernet.ts";
import * as ipv4 from "./ipv4.ts";
import * as ipv6 from "./ipv6.ts";
import * as udp from "./udp.ts";
import { Fault } from "./vrrp-fault.ts";

/** UDP ports: RFC 2281 5.1, and that of version 2 over IPv6. */
export const PORT = 1985;
export const PORT6 = 2029;
/** Where hellos go: all routers for version 1 (RFC 2281 5.1), groups of its own for version 2. */
export const GROUP_V1: Ipv4 = 0xe0000002;
export const GROUP_V2: Ipv4 = 0xe0000066;
export const GROUP6: readonly [number, number, number, number] = [0xff020000, 0, 0, 0x66];
const GROUP_V1_MAC: Mac = 0x01005e000002;
const GROUP_V2_MAC: Mac = 0x01005e000066;
const GROUP6_MAC: Mac = 0x333300000066;
/** TTL of what is sent (RFC 2281 5.1); over IPv6 Cisco sends 255. */
export const HOPS = 1;
const HOPS6 = 255;
const CONTROL = 0xc0;

export const Op = { Hello: 0, Coup: 1, Resign: 2 } as const;
/** The six states, as version 2 numbers them. */
export const State = {
  Initial: 1,
  Learn: 2,
  Listen: 3,
  Speak: 4,
  Standby: 5,
  Active: 6,
} as const;
export type State = (typeof State)[keyof typeof State];
/** Version 1's numbers of the states (RFC 2281 5.1), by version 2's. */
const STATES_V1 = [-1, 0, 1, 2, 4, 8, 16] as const;

/** Bytes of a version 1 message, and of the group state of version 2 with its two bytes of type and length. */
export const LENGTH_V1 = 20;
const GROUP_STATE = 1;
const GROUP_STATE_LENGTH = 40;
const TEXT = 3;
const TEXT_LENGTH = 8;
const MD5 = 4;
/** Bytes of the password; "cisco" padded with zeros unless configured (RFC 2281 5.1). */
export const PASSWORD = 8;

/** Virtual MACs (RFC 2281 3; version 2: Cisco). */
export const virtualMacV1 = (group: number): Mac => 0x00000c07ac00 + group;
export const virtualMacV2 = (group: number): Mac => 0x00000c9ff000 + group;
export const virtualMac6 = (group: number): Mac => 0x000573a00000 + group;

/** 1 or 2. The first byte is the version in version 1, and the type of the first element in version 2. */
export const version = (view: DataView, at: Offset): 1 | 2 => (view.getUint8(at) === 0 ? 1 : 2);

/** Where the value of the first element of a type stands, or -1; the lengths hold once `fault` is None. */
function element(view: DataView, at: Offset, end: Offset, type: number): Offset {
  let next = at;
  while (next + 2 <= end) {
    if (view.getUint8(next) === type) return next + 2;
    next += 2 + view.getUint8(next + 1);
  }
  return -1;
}

/** What is wrong with a message; `at` is the UDP header here, `ip` the IP header, `end` where the packet ends. */
export function fault(view: DataView, ip: Offset, at: Offset, end: Offset): Fault {
  const isIpv6 = view.getUint8(ip) >> 4 === 6;
  const hops = isIpv6 ? ipv6.hopLimit(view, ip) : ipv4.ttl(view, ip);
  if (hops !== HOPS && hops !== HOPS6) return Fault.Hops;
  if (!udp.isValid(view, at, end)) return Fault.Short;
  if (!(isIpv6 ? isSummed6(view, ip, at) : udp.verify4(view, ip, at))) return Fault.Checksum;
  const from = at + udp.LENGTH;
  const to = at + udp.length(view, at);
  if (to - from < 1) return Fault.Short;
  return view.getUint8(from) === 0 && !isIpv6
    ? faultV1(view, from, to)
    : faultV2(view, from, to, isIpv6);
}

function isSummed6(view: DataView, ip: Offset, at: Offset): boolean {
  const bytes = udp.length(view, at);
  const pseudo = checksum.pseudo6(view, ip, ipv4.Protocol.Udp, bytes);
  return checksum.add(view, at, at + bytes, pseudo) === 0xffff;
}

function faultV1(view: DataView, at: Offset, end: Offset): Fault {
  if (end - at < LENGTH_V1) return Fault.Short;
  if (view.getUint8(at + 1) > Op.Resign) return Fault.Type;
  const state = view.getUint8(at + 2);
  if (STATES_V1.indexOf(state as 0) < 0) return Fault.State;
  const hello = view.getUint8(at + 3);
  return hello === 0 || view.getUint8(at + 4) <= hello ? Fault.Interval : Fault.None;
}

function faultV2(view: DataView, at: Offset, end: Offset, isIpv6: boolean): Fault {
  let group = -1;
  let next = at;
  while (next < end) {
    if (next + 2 > end) return Fault.Element;
    const type = view.getUint8(next);
    const length = view.getUint8(next + 1);
    if (next + 2 + length > end) return Fault.Element;
    if (type === GROUP_STATE && length < GROUP_STATE_LENGTH) return Fault.Element;
    if (type === TEXT && length < TEXT_LENGTH) return Fault.Element;
    if (type === GROUP_STATE && group < 0) group = next + 2;
    next += 2 + length;
  }
  if (group < 0) return Fault.Type;
  if (view.getUint8(group) !== 2) return Fault.Version;
  if (view.getUint8(group + 1) > Op.Resign) return Fault.Type;
  const state = view.getUint8(group + 2);
  if (state < State.Initial || state > State.Active) return Fault.State;
  if (view.getUint8(group + 3) !== (isIpv6 ? 6 : 4)) return Fault.Addresses;
  if (view.getUint16(group + 4) > 4095) return Fault.Vrid;
  const hello = view.getUint32(group + 16);
  return hello === 0 || view.getUint32(group + 20) <= hello ? Fault.Interval : Fault.None;
}

/** Where the fields of a group stand in a faultless message: the message itself, or its group state element. */
export const group = (view: DataView, at: Offset, end: Offset): Offset =>
  version(view, at) === 1 ? at : element(view, at, end, GROUP_STATE);

// Accessors of what `group` found; `v` is the version.
export const op = (view: DataView, at: Offset): number => view.getUint8(at + 1);
export const state = (view: DataView, at: Offset, v: number): State =>
  (v === 1 ? STATES_V1.indexOf(view.getUint8(at + 2) as 0) : view.getUint8(at + 2)) as State;
export const groupNumber = (view: DataView, at: Offset, v: number): number =>
  v === 1 ? view.getUint8(at + 6) : view.getUint16(at + 4);
export const priority = (view: DataView, at: Offset, v: number): number =>
  v === 1 ? view.getUint8(at + 5) : view.getUint32(at + 12);
export const hello = (view: DataView, at: Offset, v: number): Millis =>
  v === 1 ? view.getUint8(at + 3) * 1000 : view.getUint32(at + 16);
export const hold = (view: DataView, at: Offset, v: number): Millis =>
  v === 1 ? view.getUint8(at + 4) * 1000 : view.getUint32(at + 20);
/** Where the virtual address stands: 4 bytes, or 16 over IPv6. */
export const addressAt = (at: Offset, v: number): Offset => at + (v === 1 ? 16 : 24);

/** Where the eight bytes of a message's password stand, or -1 when it has none or a digest. */
export function passwordAt(view: DataView, at: Offset, end: Offset): Offset {
  return version(view, at) === 1 ? at + 8 : element(view, at, end, TEXT);
}

/** True when a message of version 2 carries an MD5 digest, which nobody here verifies. */
export const hasDigest = (view: DataView, at: Offset, end: Offset): boolean =>
  version(view, at) === 2 && element(view, at, end, MD5) >= 0;

/** What a message says. */
export interface Message {
  readonly version: 1 | 2;
  readonly op: number;
  readonly state: State;
  readonly group: number;
  readonly priority: number;
  /** Whole seconds in version 1. */
  readonly hello: Millis;
  readonly hold: Millis;
  /** Version 2: the sender's MAC. */
  readonly identifier: Mac;
  readonly address4: Ipv4;
  /** Version 2 over IPv6, else null. */
  readonly address6: readonly [number, number, number, number] | null;
  /** Eight bytes. */
  readonly password: Uint8Array;
}

/** Bytes of the UDP data that `write` writes. */
export const lengthOf = (what: Message): number =>
  what.version === 1 ? LENGTH_V1 : 2 + GROUP_STATE_LENGTH + 2 + TEXT_LENGTH;

/** Writes the UDP data of a message; returns its end. */
export function write(view: DataView, at: Offset, what: Message): Offset {
  const end = at + lengthOf(what);
  for (let byte = at; byte < end; byte++) view.setUint8(byte, 0);
  return what.version === 1 ? writeV1(view, at, what) : writeV2(view, at, what);
}

function writePassword(view: DataView, at: Offset, password: Uint8Array): void {
  for (let n = 0; n < PASSWORD; n++) view.setUint8(at + n, password[n] ?? 0);
}

function writeV1(view: DataView, at: Offset, what: Message): Offset {
  view.setUint8(at + 1, what.op);
  view.setUint8(at + 2, STATES_V1[what.state]);
  view.setUint8(at + 3, Math.round(what.hello / 1000));
  view.setUint8(at + 4, Math.round(what.hold / 1000));
  view.setUint8(at + 5, what.priority);
  view.setUint8(at + 6, what.group);
  writePassword(view, at + 8, what.password);
  view.setUint32(at + 16, what.address4);
  return at + LENGTH_V1;
}

function writeV2(view: DataView, at: Offset, what: Message): Offset {
  view.setUint8(at, GROUP_STATE);
  view.setUint8(at + 1, GROUP_STATE_LENGTH);
  const from = at + 2;
  view.setUint8(from, 2);
  view.setUint8(from + 1, what.op);
  view.setUint8(from + 2, what.state);
  view.setUint8(from + 3, what.address6 === null ? 4 : 6);
  view.setUint16(from + 4, what.group);
  setMac(view, from + 6, what.identifier);
  view.setUint32(from + 12, what.priority);
  view.setUint32(from + 16, what.hello);
  view.setUint32(from + 20, what.hold);
  if (what.address6 === null) view.setUint32(from + 24, what.address4);
  else for (let n = 0; n < 4; n++) view.setUint32(from + 24 + n * 4, what.address6[n] as number);
  const text = from + GROUP_STATE_LENGTH;
  view.setUint8(text, TEXT);
  view.setUint8(text + 1, TEXT_LENGTH);
  writePassword(view, text + 2, what.password);
  return text + 2 + TEXT_LENGTH;
}

/** Writes a whole frame over IPv4; returns its end. Room: 42 + lengthOf(what). */
export function writeFrame4(
  view: DataView,
  start: Offset,
  fromMac: Mac,
  from: Ipv4,
  identification: number,
  what: Message,
): Offset {
  const isV1 = what.version === 1;
  const toMac = isV1 ? GROUP_V1_MAC : GROUP_V2_MAC;
  const ip = writeHeader(view, start, toMac, fromMac, EtherType.Ipv4);
  const bytes = udp.LENGTH + lengthOf(what);
  const to = isV1 ? GROUP_V1 : GROUP_V2;
  const at = ipv4.write(view, ip, from, to, ipv4.Protocol.Udp, bytes, HOPS, identification);
  ipv4.setTos(view, ip, CONTROL);
  return udp.write4(view, ip, at, write(view, at + udp.LENGTH, what), PORT, PORT);
}

/** Writes a whole frame over IPv6; returns its end. Room: 62 + lengthOf(what). */
export function writeFrame6(
  view: DataView,
  start: Offset,
  fromMac: Mac,
  from: readonly [number, number, number, number],
  what: Message,
): Offset {
  const ip = writeHeader(view, start, GROUP6_MAC, fromMac, EtherType.Ipv6);
  const bytes = udp.LENGTH + lengthOf(what);
  const at = ipv6.write(view, ip, from, GROUP6, ipv4.Protocol.Udp, bytes, HOPS6);
  view.setUint16(ip, 0x6000 | (CONTROL << 4));
  const end = write(view, at + udp.LENGTH, what);
  view.setUint16(at, PORT6);
  view.setUint16(at + 2, PORT6);
  view.setUint16(at + 4, bytes);
  view.setUint16(at + 6, 0);
  const sum = checksum.add(view, at, end, checksum.pseudo6(view, ip, ipv4.Protocol.Udp, bytes));
  view.setUint16(at + 6, checksum.finish(sum) || 0xffff);
  return end;
}
