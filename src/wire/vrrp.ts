// VRRP advertisements: version 2 (RFC 3768) for IPv4, version 3 (RFC 5798, RFC 9568) for IPv4 and IPv6. `at` is the
// first byte behind the IP header, `ip` the first byte of that header, `end` where the packet ends.
//
//   0        1        2        3        4                 6                 8
//   +--------+--------+--------+--------+-----------------+-----------------+------------------------------------+
//   | ver|typ| vrid   | priority| count | v2: auth, adv s | checksum        | count addresses [v2: 8 bytes auth] |
//   |        |        |        |        | v3: 0, adv cs   |                 |                                    |
//   +--------+--------+--------+--------+-----------------+-----------------+------------------------------------+
//
// The checksum of version 3 over IPv4 has two readings: RFC 5798 5.2.8 puts a pseudo-header before it (keepalived 2.2
// and FRR 8.4 send and want that), RFC 9568 5.2.8 does not. Both are accepted; the sender chooses.

import type { Ipv4, Mac, Millis, Offset } from "../lib/units.ts";
import { equal } from "./bytes.ts";
import * as checksum from "./checksum.ts";
import { LENGTH as ETHERNET, EtherType, writeHeader } from "./ethernet.ts";
import * as ipv4 from "./ipv4.ts";
import * as ipv6 from "./ipv6.ts";
import { Fault } from "./vrrp-fault.ts";

/** IP protocol number of VRRP, and of CARP, which took it too (IANA "protocol-numbers"). */
export const PROTOCOL: number = ipv4.Protocol.Vrrp;
/** Every message of VRRP and CARP has this TTL or hop limit (RFC 9568 5.1.1.3). */
export const HOPS = 255;
/** 224.0.0.18 and ff02::12 (RFC 9568 5.1.1.2, 5.1.2.2), with their Ethernet groups. */
export const GROUP4: Ipv4 = 0xe0000012;
export const GROUP4_MAC: Mac = 0x01005e000012;
export const GROUP6: readonly [number, number, number, number] = [0xff020000, 0, 0, 0x12];
export const GROUP6_MAC: Mac = 0x333300000012;
/** Precedence "internetwork control": what keepalived and FRR send. */
const CONTROL = 0xc0;

/** Bytes before the addresses. */
export const LENGTH = 8;
/** Bytes of the authentication data of version 2 (RFC 3768 5.3.10). */
export const AUTH_LENGTH = 8;
const ADVERTISEMENT = 1;

/** Priority of a router that gives up, and of one that owns the addresses (RFC 9568 5.2.4). */
export const RELEASE = 0;
export const OWNER = 255;

/** Kinds of authentication of version 2; 1 and 2 are of RFC 2338, which RFC 3768 5.3.6 left for compatibility. */
export const Auth = { None: 0, Simple: 1, Header: 2 } as const;

/** Largest interval of version 3 in centiseconds: twelve bits (RFC 9568 5.2.7). */
export const MAX_CENTISECONDS = 4095;

/** The two readings of the checksum of version 3 over IPv4; all else has one. */
export const ChecksumForm = { Wrong: 0, Plain: 1, Pseudo: 2 } as const;
export type ChecksumForm = (typeof ChecksumForm)[keyof typeof ChecksumForm];

/** The virtual MAC of a VRID (RFC 9568 7.3). */
export const virtualMac4 = (vrid: number): Mac => 0x00005e000100 + vrid;
export const virtualMac6 = (vrid: number): Mac => 0x00005e000200 + vrid;
/** The VRID that a virtual MAC belongs to, or -1 for any other MAC. CARP shares the range of IPv4. */
export function vridOf(mac: Mac): number {
  const vrid = mac % 256;
  const base = mac - vrid;
  return vrid > 0 && (base === 0x00005e000100 || base === 0x00005e000200) ? vrid : -1;
}

export const version = (view: DataView, at: Offset): number => view.getUint8(at) >> 4;
export const type = (view: DataView, at: Offset): number => view.getUint8(at) & 15;
export const vrid = (view: DataView, at: Offset): number => view.getUint8(at + 1);
export const priority = (view: DataView, at: Offset): number => view.getUint8(at + 2);
export const count = (view: DataView, at: Offset): number => view.getUint8(at + 3);
/** Version 2. */
export const authType = (view: DataView, at: Offset): number => view.getUint8(at + 4);
/** The advertised interval, of both versions. */
export const interval = (view: DataView, at: Offset): Millis =>
  version(view, at) === 2 ? view.getUint8(at + 5) * 1000 : (view.getUint16(at + 4) & 0xfff) * 10;
/** Address `index` of an IPv4 advertisement. */
export const address4 = (view: DataView, at: Offset, index: number): Ipv4 =>
  view.getUint32(at + LENGTH + index * 4);
/** Where address `index` of an IPv6 advertisement stands. */
export const address6At = (at: Offset, index: number): Offset => at + LENGTH + index * 16;
/** Where the authentication data of a version 2 advertisement stands. */
export const authAt = (view: DataView, at: Offset): Offset => at + LENGTH + count(view, at) * 4;

/** Bytes of the whole advertisement, from its own fields. */
export function length(view: DataView, at: Offset, isIpv6: boolean): number {
  const addresses = count(view, at) * (isIpv6 ? 16 : 4);
  return LENGTH + addresses + (version(view, at) === 2 ? AUTH_LENGTH : 0);
}

/** True when the eight bytes of authentication data are those of `password`, zero padded (RFC 2338 5.3.10). */
export function isPassword(view: DataView, at: Offset, password: Uint8Array): boolean {
  const from = authAt(view, at);
  let difference = 0;
  for (let n = 0; n < AUTH_LENGTH; n++) difference |= view.getUint8(from + n) ^ (password[n] ?? 0);
  return difference === 0;
}

/**
 * What is wrong with the bytes of an advertisement (RFC 3768 7.1, RFC 9568 7.1), in the order of the standard. That the
 * first IPv6 address is link-local (5.2.9) is not asked for: FRR 8.4 sends global ones alone.
 */
export function fault(view: DataView, ip: Offset, at: Offset, end: Offset): Fault {
  const isIpv6 = view.getUint8(ip) >> 4 === 6;
  const hops = isIpv6 ? ipv6.hopLimit(view, ip) : ipv4.ttl(view, ip);
  if (hops !== HOPS) return Fault.Hops;
  if (end - at < LENGTH) return Fault.Short;
  const spoken = version(view, at);
  if (spoken !== 3 && (spoken !== 2 || isIpv6)) return Fault.Version;
  if (type(view, at) !== ADVERTISEMENT) return Fault.Type;
  if (end - at < length(view, at, isIpv6)) return Fault.Short;
  if (checksumForm(view, ip, at) === ChecksumForm.Wrong) return Fault.Checksum;
  if (vrid(view, at) === 0) return Fault.Vrid;
  if (count(view, at) === 0) return Fault.Addresses;
  if (spoken === 2 && authType(view, at) > Auth.Header) return Fault.Auth;
  return interval(view, at) === 0 ? Fault.Interval : Fault.None;
}

/** Which reading of the checksum holds. The bytes that the fields announce must be there. */
export function checksumForm(view: DataView, ip: Offset, at: Offset): ChecksumForm {
  const isIpv6 = view.getUint8(ip) >> 4 === 6;
  const bytes = length(view, at, isIpv6);
  const sum = checksum.add(view, at, at + bytes, 0);
  if (!isIpv6 && sum === 0xffff) return ChecksumForm.Plain;
  if (version(view, at) === 2) return ChecksumForm.Wrong;
  const pseudo = isIpv6 ? checksum.pseudo6 : checksum.pseudo4;
  const whole = checksum.add(view, at, at + bytes, pseudo(view, ip, PROTOCOL, bytes));
  return whole === 0xffff ? ChecksumForm.Pseudo : ChecksumForm.Wrong;
}

/** True when both advertisements name the same addresses in the same order. */
export function sameAddresses(
  view: DataView,
  at: Offset,
  other: DataView,
  to: Offset,
  isIpv6: boolean,
): boolean {
  const many = count(view, at);
  const size = many * (isIpv6 ? 16 : 4);
  return many === count(other, to) && equal(view, at + LENGTH, other, to + LENGTH, size);
}

/** What an advertisement says. */
export interface Advertisement {
  readonly version: 2 | 3;
  readonly vrid: number;
  readonly priority: number;
  /** Whole seconds in version 2, tens of milliseconds in version 3. */
  readonly interval: Millis;
  /** One of the two lists is empty. The first IPv6 address is link-local. */
  readonly addresses4: readonly Ipv4[];
  readonly addresses6: readonly (readonly [number, number, number, number])[];
  /** Version 2: the simple password as eight bytes, or null. */
  readonly password: Uint8Array | null;
  /** Version 3 over IPv4: with the pseudo-header of RFC 5798. */
  readonly pseudo: boolean;
}

/** Bytes that `write` writes. */
export function lengthOf(what: Advertisement): number {
  const addresses = what.addresses4.length * 4 + what.addresses6.length * 16;
  return LENGTH + addresses + (what.version === 2 ? AUTH_LENGTH : 0);
}

/** Writes an advertisement behind an IP header that is there already; returns its end. */
export function write(view: DataView, ip: Offset, at: Offset, what: Advertisement): Offset {
  const { addresses4, addresses6 } = what;
  view.setUint8(at, (what.version << 4) | ADVERTISEMENT);
  view.setUint8(at + 1, what.vrid);
  view.setUint8(at + 2, what.priority);
  view.setUint8(at + 3, addresses4.length + addresses6.length);
  if (what.version === 2) {
    view.setUint8(at + 4, what.password === null ? Auth.None : Auth.Simple);
    view.setUint8(at + 5, Math.round(what.interval / 1000));
  } else view.setUint16(at + 4, Math.min(MAX_CENTISECONDS, Math.round(what.interval / 10)));
  view.setUint16(at + 6, 0);
  let to = at + LENGTH;
  for (const address of addresses4) {
    view.setUint32(to, address);
    to += 4;
  }
  for (const address of addresses6) {
    for (const word of address) {
      view.setUint32(to, word);
      to += 4;
    }
  }
  if (what.version === 2) {
    for (let n = 0; n < AUTH_LENGTH; n++) view.setUint8(to + n, what.password?.[n] ?? 0);
    to += AUTH_LENGTH;
  }
  let sum = 0;
  if (addresses6.length > 0) sum = checksum.pseudo6(view, ip, PROTOCOL, to - at);
  else if (what.version === 3 && what.pseudo) {
    sum = checksum.pseudo4(view, ip, PROTOCOL, to - at);
  }
  view.setUint16(at + 6, checksum.finish(checksum.add(view, at, to, sum)));
  return to;
}

/** Writes Ethernet and IPv4 before a message of `bytes` bytes; returns where the message goes: start + 34. */
export function writeEnvelope4(
  view: DataView,
  start: Offset,
  fromMac: Mac,
  toMac: Mac,
  from: Ipv4,
  to: Ipv4,
  bytes: number,
  identification: number,
): Offset {
  const ip = writeHeader(view, start, toMac, fromMac, EtherType.Ipv4);
  const at = ipv4.write(view, ip, from, to, PROTOCOL, bytes, HOPS, identification);
  ipv4.setTos(view, ip, CONTROL);
  return at;
}

/** Writes Ethernet and IPv6 before a message of `bytes` bytes; returns where the message goes: start + 54. */
export function writeEnvelope6(
  view: DataView,
  start: Offset,
  fromMac: Mac,
  toMac: Mac,
  from: readonly [number, number, number, number],
  to: readonly [number, number, number, number],
  bytes: number,
): Offset {
  const ip = writeHeader(view, start, toMac, fromMac, EtherType.Ipv6);
  const at = ipv6.write(view, ip, from, to, PROTOCOL, bytes, HOPS);
  view.setUint16(ip, 0x6000 | (CONTROL << 4));
  return at;
}

/** Where the IP header of a frame without tag stands. */
export const ipAt = (start: Offset): Offset => start + ETHERNET;
