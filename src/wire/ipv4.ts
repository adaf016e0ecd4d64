// IPv4 header (RFC 791); `at` is its first byte. What follows it ends at `packetEnd`, not where the frame ends:
// Ethernet pads short frames.
//
//   0        1        2                 4                 6                 8        9        10       12       16
//   20
//   +--------+--------+-----------------+-----------------+-----------------+--------+--------+--------+--------+------+
//   | ver|ihl| tos    | total length    | identification  | flags|fragment  | TTL    | proto. | sum    | source | dst  |
//   +--------+--------+-----------------+-----------------+-----------------+--------+--------+--------+--------+------+

import type { Ipv4, Offset } from "../lib/units.ts";
import * as checksum from "./checksum.ts";

/** Bytes of a header without options. */
export const LENGTH = 20;

/** IANA "protocol-numbers". */
export const Protocol = { Icmp: 1, Igmp: 2, Tcp: 6, Udp: 17, Icmpv6: 58, Vrrp: 112 } as const;

/** What `fault` finds, in the order in which it looks. */
export const Fault = {
  None: 0,
  Short: 1,
  Version: 2,
  HeaderLength: 3,
  TotalLength: 4,
  Checksum: 5,
} as const;
export type Fault = (typeof Fault)[keyof typeof Fault];

/** What `options` finds. Record covers record route and timestamp, which RFC 7126 lets a router pass. */
export const Options = { None: 0, Other: 1, SourceRoute: 2, Malformed: 3, RouterAlert: 4 } as const;
export type Options = (typeof Options)[keyof typeof Options];

/** Bits of the fragment word (RFC 791 3.1). */
export const DONT_FRAGMENT = 0x4000;
export const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET = 0x1fff;

const TOS = 1;
const TOTAL_LENGTH = 2;
const ID = 4;
const FRAGMENT = 6;
const TTL = 8;
const PROTOCOL = 9;
const CHECKSUM = 10;
const SOURCE = 12;
const DESTINATION = 16;

/** The first thing wrong with the header (RFC 1812 5.2.2), or Fault.None. */
export function fault(view: DataView, at: Offset, end: Offset): Fault {
  if (end - at < LENGTH) return Fault.Short;
  const first = view.getUint8(at);
  if (first >> 4 !== 4) return Fault.Version;
  const header = (first & 15) * 4;
  if (header < LENGTH) return Fault.HeaderLength;
  const total = view.getUint16(at + TOTAL_LENGTH);
  if (total < header || total > end - at) return Fault.TotalLength;
  return checksum.verify(view, at, at + header) ? Fault.None : Fault.Checksum;
}

/** True when a whole, right header and all the bytes it announces are there. Check once, then read freely. */
export const isValid = (view: DataView, at: Offset, end: Offset): boolean =>
  fault(view, at, end) === Fault.None;

/** True when the fixed header can be read and its lengths hold, whatever the checksum: for hashing and people. */
export function isReadable(view: DataView, at: Offset, end: Offset): boolean {
  const found = fault(view, at, end);
  return found === Fault.None || found === Fault.Checksum;
}

/** Bytes of the header with its options. */
export const headerLength = (view: DataView, at: Offset): number => (view.getUint8(at) & 15) * 4;
/** DSCP and ECN (RFC 2474, RFC 3168). */
export const tos = (view: DataView, at: Offset): number => view.getUint8(at + TOS);
export const totalLength = (view: DataView, at: Offset): number =>
  view.getUint16(at + TOTAL_LENGTH);
export const id = (view: DataView, at: Offset): number => view.getUint16(at + ID);
/** DF, MF and the offset as one word. */
export const fragment = (view: DataView, at: Offset): number => view.getUint16(at + FRAGMENT);
export const ttl = (view: DataView, at: Offset): number => view.getUint8(at + TTL);
export const protocol = (view: DataView, at: Offset): number => view.getUint8(at + PROTOCOL);
export const headerChecksum = (view: DataView, at: Offset): number => view.getUint16(at + CHECKSUM);
export const source = (view: DataView, at: Offset): Ipv4 => view.getUint32(at + SOURCE);
export const destination = (view: DataView, at: Offset): Ipv4 => view.getUint32(at + DESTINATION);

/** Where the payload starts, and where the packet ends. */
export const payload = (view: DataView, at: Offset): Offset => at + headerLength(view, at);
export const packetEnd = (view: DataView, at: Offset): Offset => at + totalLength(view, at);

/** True for any piece of a fragmented packet. */
export const isFragment = (view: DataView, at: Offset): boolean =>
  (fragment(view, at) & (MORE_FRAGMENTS | FRAGMENT_OFFSET)) !== 0;
/** True for a piece that has no transport header. */
export const isLaterFragment = (view: DataView, at: Offset): boolean =>
  (fragment(view, at) & FRAGMENT_OFFSET) !== 0;
export const isDontFragment = (view: DataView, at: Offset): boolean =>
  (fragment(view, at) & DONT_FRAGMENT) !== 0;

const END_OF_LIST = 0;
const NO_OPERATION = 1;
const LOOSE_ROUTE = 131;
const STRICT_ROUTE = 137;
const ROUTER_ALERT = 148;

/** Walks the options of a valid header; a source route or a broken list wins over everything else. */
export function options(view: DataView, at: Offset): Options {
  const end = at + headerLength(view, at);
  let next = at + LENGTH;
  let found: Options = Options.None;
  while (next < end) {
    const kind = view.getUint8(next);
    if (kind === END_OF_LIST) return found;
    if (kind === NO_OPERATION) {
      next++;
      continue;
    }
    const length = next + 1 < end ? view.getUint8(next + 1) : 0;
    if (length < 2 || next + length > end) return Options.Malformed;
    if (kind === LOOSE_ROUTE || kind === STRICT_ROUTE) return Options.SourceRoute;
    if (kind === ROUTER_ALERT) found = Options.RouterAlert;
    else if (found === Options.None) found = Options.Other;
    next += length;
  }
  return found;
}

/** Takes one off the TTL and mends the checksum (RFC 1624). The caller has seen that the TTL is above 1. */
export function decrementTtl(view: DataView, at: Offset): void {
  const word = view.getUint16(at + TTL);
  view.setUint16(at + TTL, word - 0x100);
  view.setUint16(at + CHECKSUM, checksum.update(view.getUint16(at + CHECKSUM), word, word - 0x100));
}

/** Computes the header checksum anew. */
export function setChecksum(view: DataView, at: Offset): void {
  view.setUint16(at + CHECKSUM, 0);
  view.setUint16(at + CHECKSUM, checksum.compute(view, at, at + headerLength(view, at)));
}

export const setSource = (view: DataView, at: Offset, value: Ipv4): void =>
  view.setUint32(at + SOURCE, value);
export const setDestination = (view: DataView, at: Offset, value: Ipv4): void =>
  view.setUint32(at + DESTINATION, value);
export const setTotalLength = (view: DataView, at: Offset, value: number): void =>
  view.setUint16(at + TOTAL_LENGTH, value);
export const setId = (view: DataView, at: Offset, value: number): void =>
  view.setUint16(at + ID, value);

/** Changes the service byte and mends the checksum (RFC 1624). */
export function setTos(view: DataView, at: Offset, value: number): void {
  const word = view.getUint16(at);
  const changed = (word & 0xff00) | value;
  view.setUint16(at, changed);
  view.setUint16(at + CHECKSUM, checksum.update(view.getUint16(at + CHECKSUM), word, changed));
}

/** Writes a header without options or fragmentation, checksum included; returns the offset of the payload. */
export function write(
  view: DataView,
  at: Offset,
  from: Ipv4,
  to: Ipv4,
  payloadProtocol: number,
  payloadLength: number,
  hops: number,
  identification: number,
): Offset {
  view.setUint16(at, 0x4500);
  view.setUint16(at + TOTAL_LENGTH, LENGTH + payloadLength);
  view.setUint16(at + ID, identification);
  view.setUint16(at + FRAGMENT, 0);
  view.setUint8(at + TTL, hops);
  view.setUint8(at + PROTOCOL, payloadProtocol);
  view.setUint32(at + SOURCE, from);
  view.setUint32(at + DESTINATION, to);
  setChecksum(view, at);
  return at + LENGTH;
}

/** 224.0.0.0/4 (RFC 5771). */
export const isMulticast = (address: Ipv4): boolean => address >>> 28 === 14;
/** 127.0.0.0/8, never on a wire (RFC 1122 3.2.1.3). */
export const isLoopback = (address: Ipv4): boolean => address >>> 24 === 127;
/** 0.0.0.0/8, "this network" (RFC 1122 3.2.1.3). */
export const isThisNetwork = (address: Ipv4): boolean => address >>> 24 === 0;
/** 240.0.0.0/4, reserved, the limited broadcast among them (RFC 1112 4). */
export const isReserved = (address: Ipv4): boolean => address >>> 28 === 15;
/** 255.255.255.255. */
export const isLimitedBroadcast = (address: Ipv4): boolean => address === 0xffffffff;
/** 169.254.0.0/16, never forwarded (RFC 3927 2.7). */
export const isLinkLocal = (address: Ipv4): boolean => address >>> 16 === 0xa9fe;
/** True for what may be one host's address on a wire. Class E stays refused (RFC 1812 5.3.7). */
export const isHost = (address: Ipv4): boolean =>
  !(isThisNetwork(address) || isLoopback(address) || address >>> 28 >= 14);
