// Neighbor Discovery messages (RFC 4861 4) with the options of RFC 4861, 4191, 7527 and 8106: what is valid, how
// options are found, and how whole frames are written. `ip` is the IPv6 header, `at` the first ICMPv6 byte, an address
// four words.
//
//   RS  133   0 type code checksum · 4 reserved                                                        · 8 options
//   RA  134   4 hop limit · 5 flags · 6 lifetime, s · 8 reachable time, ms · 12 retransmission timer, ms · 16 options
//   NS  135   4 reserved · 8 target                                                                    · 24 options
//   NA  136   4 flags R S O · 8 target                                                                 · 24 options
//   Redirect  4 reserved · 8 target · 24 destination                                                   · 40 options

import type { Mac, Offset } from "../lib/units.ts";
import { mac, setMac } from "./bytes.ts";
import * as checksum from "./checksum.ts";
import * as ethernet from "./ethernet.ts";
import { Type } from "./icmpv6.ts";
import { Protocol } from "./ipv4.ts";
import * as ipv6 from "./ipv6.ts";

/** Four words of an address. */
export type Words = ArrayLike<number>;

/** RFC 4861 4.6, IANA "icmpv6-parameters". */
export const Option = {
  SourceLink: 1,
  TargetLink: 2,
  Prefix: 3,
  Redirected: 4,
  Mtu: 5,
  Nonce: 14,
  Route: 24,
  Dns: 25,
  Search: 31,
} as const;

/** Flags of an advertisement's fifth byte. */
export const Flag = { Router: 0x80, Solicited: 0x40, Override: 0x20 } as const;
/** Flags of a router advertisement. */
export const RouterFlag = { Managed: 0x80, Other: 0x40 } as const;
/** Flags of a prefix option. */
export const PrefixFlag = { OnLink: 0x80, Autonomous: 0x40 } as const;

export const HOP_LIMIT = 255;
const TARGET = 8;
const DESTINATION = 24;
/** Where the options of each message start, and so its shortest length; by type - 133. */
const OPTIONS = [8, 16, 24, 24, 40] as const;
/** Bytes of an IPv6 packet that a redirect must not exceed (RFC 4861 4.5). */
const REDIRECT_MAX = 1280;

/** True for the five types of neighbour discovery. */
export const isNd = (type: number): boolean =>
  type >= Type.RouterSolicitation && type <= Type.Redirect;

/** Offset of the first option. */
export const options = (view: DataView, at: Offset): Offset =>
  at + (OPTIONS[view.getUint8(at) - Type.RouterSolicitation] as number);

export const targetAt = (at: Offset): Offset => at + TARGET;
export const destinationAt = (at: Offset): Offset => at + DESTINATION;
export const flags = (view: DataView, at: Offset): number => view.getUint8(at + 4);

export const raHopLimit = (view: DataView, at: Offset): number => view.getUint8(at + 4);
export const raFlags = (view: DataView, at: Offset): number => view.getUint8(at + 5);
export const raLifetime = (view: DataView, at: Offset): number => view.getUint16(at + 6);
export const raReachable = (view: DataView, at: Offset): number => view.getUint32(at + 8);
export const raRetrans = (view: DataView, at: Offset): number => view.getUint32(at + 12);
/** Router preference as -1, 0, 1; the reserved value counts as medium (RFC 4191 2.2). */
export function raPreference(view: DataView, at: Offset): number {
  const bits = (view.getUint8(at + 5) >> 3) & 3;
  return bits === 1 ? 1 : bits === 3 ? -1 : 0;
}

/** Fields of a prefix option (RFC 4861 4.6.2) at its first byte. */
export const prefixLength = (view: DataView, option: Offset): number => view.getUint8(option + 2);
export const prefixFlags = (view: DataView, option: Offset): number => view.getUint8(option + 3);
export const prefixValid = (view: DataView, option: Offset): number => view.getUint32(option + 4);
export const prefixPreferred = (view: DataView, option: Offset): number =>
  view.getUint32(option + 8);
export const prefixAt = (option: Offset): Offset => option + 16;

// --- validity --------------------------------------------------------------------------------------------------------

/** Why a message is silently discarded (RFC 4861 6.1.1, 6.1.2, 7.1.1, 7.1.2, 8.1; RFC 6980). */
export const Fault = {
  None: 0,
  HopLimit: 1,
  Checksum: 2,
  Code: 3,
  Length: 4,
  Option: 5,
  Target: 6,
  /** From :: to another than a solicited-node group. */
  Unspecified: 7,
  /** From :: with a source link-layer option. */
  UnspecifiedLink: 8,
  /** An advertisement to a group with the solicited flag. */
  Solicited: 9,
  /** A router advertisement or redirect from no link-local address. */
  Source: 10,
  /** A redirect of a multicast destination. */
  Destination: 11,
} as const;
export type Fault = (typeof Fault)[keyof typeof Fault];

const isZero = (view: DataView, at: Offset): boolean =>
  (view.getInt32(at) | view.getInt32(at + 4) | view.getInt32(at + 8) | view.getInt32(at + 12)) ===
  0;
/** fe80::/10 */
export const isLinkLocal = (view: DataView, at: Offset): boolean =>
  (view.getUint16(at) & 0xffc0) === 0xfe80;
export const isMulticast = (view: DataView, at: Offset): boolean => view.getUint8(at) === 0xff;
export const isUnspecified: (view: DataView, at: Offset) => boolean = isZero;
/** ff02::1:ff00:0/104 */
export const isSolicitedNode = (view: DataView, at: Offset): boolean =>
  view.getUint32(at) === 0xff020000 &&
  view.getUint32(at + 4) === 0 &&
  view.getUint32(at + 8) === 1 &&
  view.getUint8(at + 12) === 0xff;

function same(view: DataView, at: Offset, other: Offset): boolean {
  for (let byte = 0; byte < 16; byte += 4) {
    if (view.getInt32(at + byte) !== view.getInt32(other + byte)) return false;
  }
  return true;
}

/** Checks a message of one of the five types, at..end being the whole ICMPv6 message of a valid packet. */
export function fault(view: DataView, ip: Offset, at: Offset, end: Offset): Fault {
  const source = ip + 8;
  const destination = ip + 24;
  const type = view.getUint8(at);
  if (ipv6.hopLimit(view, ip) !== HOP_LIMIT) return Fault.HopLimit;
  if (end - at < (OPTIONS[type - Type.RouterSolicitation] as number)) return Fault.Length;
  const sum = checksum.add(view, at, end, checksum.pseudo6(view, ip, Protocol.Icmpv6, end - at));
  if (sum !== 0xffff) return Fault.Checksum;
  if (view.getUint8(at + 1) !== 0) return Fault.Code;
  const from = options(view, at);
  if (!areOptionsValid(view, from, end)) return Fault.Option;
  const isAnonymous = isZero(view, source);
  switch (type) {
    case Type.RouterSolicitation:
      return isAnonymous && option(view, from, end, Option.SourceLink) >= 0
        ? Fault.UnspecifiedLink
        : Fault.None;
    case Type.RouterAdvertisement:
      return isLinkLocal(view, source) ? Fault.None : Fault.Source;
    case Type.NeighborSolicitation:
      if (isMulticast(view, at + TARGET)) return Fault.Target;
      if (!isAnonymous) return Fault.None;
      if (!isSolicitedNode(view, destination)) return Fault.Unspecified;
      return option(view, from, end, Option.SourceLink) >= 0 ? Fault.UnspecifiedLink : Fault.None;
    case Type.NeighborAdvertisement:
      if (isMulticast(view, at + TARGET)) return Fault.Target;
      return isMulticast(view, destination) && (flags(view, at) & Flag.Solicited) !== 0
        ? Fault.Solicited
        : Fault.None;
    default:
      if (!isLinkLocal(view, source)) return Fault.Source;
      if (isMulticast(view, at + DESTINATION)) return Fault.Destination;
      return isLinkLocal(view, at + TARGET) || same(view, at + TARGET, at + DESTINATION)
        ? Fault.None
        : Fault.Target;
  }
}

// --- options ---------------------------------------------------------------------------------------------------------

/** True when every option has a length above zero and lies within the message. */
export function areOptionsValid(view: DataView, from: Offset, end: Offset): boolean {
  let next = from;
  while (next < end) {
    if (next + 2 > end) return false;
    const length = view.getUint8(next + 1) * 8;
    if (length === 0 || next + length > end) return false;
    next += length;
  }
  return true;
}

/** The first option of a kind in valid options from..end, or -1. */
export function option(view: DataView, from: Offset, end: Offset, kind: number): Offset {
  for (let next = from; next + 8 <= end; next += view.getUint8(next + 1) * 8) {
    if (view.getUint8(next) === kind) return next;
  }
  return -1;
}

/** The next option of the kind behind one that was found, or -1. */
export function nextOption(view: DataView, found: Offset, end: Offset): Offset {
  return option(view, found + view.getUint8(found + 1) * 8, end, view.getUint8(found));
}

/** A prefix option that is long enough to be read (4 units). */
export const isPrefix = (view: DataView, found: Offset): boolean => view.getUint8(found + 1) === 4;

/** The MAC in the first option of a kind that has Ethernet's length, or -1. */
export function linkLayer(view: DataView, from: Offset, end: Offset, kind: number): Mac {
  const found = option(view, from, end, kind);
  return found < 0 || view.getUint8(found + 1) !== 1 ? -1 : mac(view, found + 2);
}

/** The value of an MTU option, or 0. */
export function mtuOption(view: DataView, from: Offset, end: Offset): number {
  const found = option(view, from, end, Option.Mtu);
  return found < 0 || view.getUint8(found + 1) !== 1 ? 0 : view.getUint32(found + 4);
}

// --- writing ---------------------------------------------------------------------------------------------------------

/** The MAC of an IPv6 group: 33:33 and its low 32 bits (RFC 2464 7). */
export const groupMac = (lowWord: number): Mac => 0x3333_0000_0000 + (lowWord >>> 0);

/** Room that any frame written here but a redirect and a router advertisement needs. */
export const FRAME_ROOM: number = 14 + 40 + 24 + 16;

/** Writes Ethernet and IPv6 headers, the payload's length still 0; returns the offset of the payload. */
export function writeHeaders(
  view: DataView,
  start: Offset,
  toMac: Mac,
  fromMac: Mac,
  from: Words,
  to: Words,
  next: number,
  hops: number,
): Offset {
  const ip = ethernet.writeHeader(view, start, toMac, fromMac, ethernet.EtherType.Ipv6);
  view.setUint32(ip, 0x60000000);
  view.setUint32(ip + 4, (next << 8) | hops);
  for (let word = 0; word < 4; word++) {
    view.setUint32(ip + 8 + word * 4, from[word] as number);
    view.setUint32(ip + 24 + word * 4, to[word] as number);
  }
  return ip + ipv6.LENGTH;
}

export function writeWords(view: DataView, at: Offset, words: Words): Offset {
  for (let word = 0; word < 4; word++) view.setUint32(at + word * 4, words[word] as number);
  return at + 16;
}

/** Completes payload length and checksum of the frame at `start`, whose ICMPv6 message is at..end. Returns the end. */
export function finish(view: DataView, start: Offset, at: Offset, end: Offset): Offset {
  const ip = start + ethernet.LENGTH;
  view.setUint16(ip + 4, end - ip - ipv6.LENGTH);
  view.setUint16(at + 2, 0);
  const pseudo = checksum.pseudo6(view, ip, Protocol.Icmpv6, end - at);
  view.setUint16(at + 2, checksum.finish(checksum.add(view, at, end, pseudo)));
  return end;
}

function begin(view: DataView, at: Offset, type: number, word: number): Offset {
  view.setUint8(at, type);
  view.setUint8(at + 1, 0);
  view.setUint32(at + 4, word);
  return at + 8;
}

/** A link-layer option; nothing when `address` is negative. */
function writeLink(view: DataView, at: Offset, kind: number, address: Mac): Offset {
  if (address < 0) return at;
  view.setUint16(at, (kind << 8) | 1);
  setMac(view, at + 2, address);
  return at + 8;
}

/** A solicitation. `source` :: asks for duplicates, with `nonce` (48 bits, RFC 7527; -1 = none) and no link layer. */
// biome-ignore lint/complexity/useMaxParams: a field each, and no object for a frame
export function writeSolicitation(
  view: DataView,
  start: Offset,
  toMac: Mac,
  fromMac: Mac,
  from: Words,
  to: Words,
  target: Words,
  link: Mac,
  nonce: number,
): Offset {
  const at = writeHeaders(view, start, toMac, fromMac, from, to, Protocol.Icmpv6, HOP_LIMIT);
  let end = begin(view, at, Type.NeighborSolicitation, 0);
  end = writeLink(view, writeWords(view, end, target), Option.SourceLink, link);
  return finish(view, start, at, writeLink(view, end, Option.Nonce, nonce));
}

// biome-ignore lint/complexity/useMaxParams: a field each, and no object for a frame
export function writeAdvertisement(
  view: DataView,
  start: Offset,
  toMac: Mac,
  fromMac: Mac,
  from: Words,
  to: Words,
  target: Words,
  link: Mac,
  bits: number,
): Offset {
  const at = writeHeaders(view, start, toMac, fromMac, from, to, Protocol.Icmpv6, HOP_LIMIT);
  const end = writeWords(
    view,
    begin(view, at, Type.NeighborAdvertisement, bits * 0x1000000),
    target,
  );
  return finish(view, start, at, writeLink(view, end, Option.TargetLink, link));
}

export function writeRouterSolicitation(
  view: DataView,
  start: Offset,
  toMac: Mac,
  fromMac: Mac,
  from: Words,
  to: Words,
  link: Mac,
): Offset {
  const at = writeHeaders(view, start, toMac, fromMac, from, to, Protocol.Icmpv6, HOP_LIMIT);
  const end = begin(view, at, Type.RouterSolicitation, 0);
  return finish(view, start, at, writeLink(view, end, Option.SourceLink, link));
}

/** What a router advertisement says, options by options. */
export interface RouterAdvertisement {
  readonly hopLimit: number;
  readonly managed: boolean;
  readonly other: boolean;
  readonly preference: "low" | "medium" | "high";
  readonly lifetimeSeconds: number;
  readonly reachableTime: number;
  readonly retransTimer: number;
  readonly mtu: number;
  readonly prefixes: readonly {
    readonly prefix: Words;
    readonly length: number;
    readonly onLink: boolean;
    readonly autonomous: boolean;
    readonly validSeconds: number;
    readonly preferredSeconds: number;
  }[];
  readonly dns: readonly Words[];
  readonly dnsSeconds: number;
}

const PREFERENCE_BITS = { low: 0x18, medium: 0, high: 0x08 } as const;

/** Bytes that `writeRouterAdvertisement` needs at most. */
export const routerAdvertisementRoom = (ra: RouterAdvertisement): number =>
  14 + 40 + 16 + 8 + 8 + ra.prefixes.length * 32 + 8 + ra.dns.length * 16;

export function writeRouterAdvertisement(
  view: DataView,
  start: Offset,
  toMac: Mac,
  fromMac: Mac,
  from: Words,
  to: Words,
  link: Mac,
  ra: RouterAdvertisement,
): Offset {
  const at = writeHeaders(view, start, toMac, fromMac, from, to, Protocol.Icmpv6, HOP_LIMIT);
  const bits =
    (ra.managed ? RouterFlag.Managed : 0) |
    (ra.other ? RouterFlag.Other : 0) |
    PREFERENCE_BITS[ra.preference];
  let next = begin(view, at, Type.RouterAdvertisement, 0);
  view.setUint8(at + 4, ra.hopLimit);
  view.setUint8(at + 5, bits);
  view.setUint16(at + 6, ra.lifetimeSeconds);
  view.setUint32(next, ra.reachableTime);
  view.setUint32(next + 4, ra.retransTimer);
  next = writeLink(view, next + 8, Option.SourceLink, link);
  if (ra.mtu > 0) {
    view.setUint32(next, (Option.Mtu << 24) | (1 << 16));
    view.setUint32(next + 4, ra.mtu);
    next += 8;
  }
  for (const prefix of ra.prefixes) {
    view.setUint16(next, (Option.Prefix << 8) | 4);
    view.setUint8(next + 2, prefix.length);
    view.setUint8(
      next + 3,
      (prefix.onLink ? PrefixFlag.OnLink : 0) | (prefix.autonomous ? PrefixFlag.Autonomous : 0),
    );
    view.setUint32(next + 4, prefix.validSeconds);
    view.setUint32(next + 8, prefix.preferredSeconds);
    view.setUint32(next + 12, 0);
    next = writeWords(view, next + 16, prefix.prefix);
  }
  if (ra.dns.length > 0) {
    view.setUint32(next, (Option.Dns << 24) | ((1 + ra.dns.length * 2) << 16));
    view.setUint32(next + 4, ra.dnsSeconds);
    next += 8;
    for (const server of ra.dns) next = writeWords(view, next, server);
  }
  return finish(view, start, at, next);
}

/**
 * A redirect for the packet whose IPv6 header is at `packet` (to `packetEnd`): its destination is better reached by
 * `target`. `link` is the target's MAC, -1 = unknown. As much of the packet as 1280 bytes allow follows (RFC 4861
 * 4.6.3).
 */
// biome-ignore lint/complexity/useMaxParams: a field each, and no object for a frame
export function writeRedirect(
  view: DataView,
  bytes: Uint8Array,
  start: Offset,
  toMac: Mac,
  fromMac: Mac,
  from: Words,
  to: Words,
  target: Words,
  link: Mac,
  packet: Offset,
  packetEnd: Offset,
): Offset {
  const at = writeHeaders(view, start, toMac, fromMac, from, to, Protocol.Icmpv6, HOP_LIMIT);
  let next = writeWords(view, begin(view, at, Type.Redirect, 0), target);
  bytes.copyWithin(next, packet + 24, packet + 40);
  next = writeLink(view, next + 16, Option.TargetLink, link);
  const room = REDIRECT_MAX - (next - start - ethernet.LENGTH) - 8;
  const quoted = Math.min(packetEnd - packet, room) & ~7;
  view.setUint32(next, (Option.Redirected << 24) | ((1 + quoted / 8) << 16));
  view.setUint32(next + 4, 0);
  bytes.copyWithin(next + 8, packet, packet + quoted);
  return finish(view, start, at, next + 8 + quoted);
}
