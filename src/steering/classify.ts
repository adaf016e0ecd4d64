// Reads of a frame what rules and the hash need, once: hash types as RSS names them (CORE-4). Every read is bounded by
// the frame's end. The kernel program (kernel.ts) and its classic stand-in (classic.ts) read by the same rules:
//
// - One outer tag (0x8100 or 0x88a8) is passed; its identifier belongs to the hash only where the MACs do.
// - IPv4 and IPv6 two-tuple; with TCP or UDP and both ports inside the frame, four-tuple. A fragment, the first one
//   too, is a two-tuple, so that all fragments of a packet meet. Of IPv6 only the first next header counts.
// - Everything else, a broken IP header included: destination MAC, source MAC, VLAN (2 bytes).

import type { Offset } from "../lib/units.ts";
import { EtherType } from "../wire/ethernet.ts";
import { hashHalf, hashWord, hashWords } from "./toeplitz.ts";

/** What the hash is taken over. */
export const HashType = {
  /** Too short for an Ethernet header: no hash. */
  None: 0,
  /** Destination MAC, source MAC, VLAN: 14 bytes. */
  Mac: 1,
  /** Source and destination address: 8 bytes. */
  Ipv4: 2,
  /** Addresses and ports: 12 bytes. */
  Ipv4Ports: 3,
  /** Source and destination address: 32 bytes. */
  Ipv6: 4,
  /** Addresses and ports: 36 bytes. */
  Ipv6Ports: 5,
} as const;
export type HashType = (typeof HashType)[keyof typeof HashType];
export const HASH_TYPE_NAMES = [
  "none",
  "mac+vlan",
  "ipv4",
  "ipv4+ports",
  "ipv6",
  "ipv6+ports",
] as const;

/** Value of `protocol` for what is not IP. */
export const NO_PROTOCOL = 256;
export const Protocol = { Icmp: 1, Tcp: 6, Udp: 17, Icmpv6: 58 } as const;

const HEADER = 14;
const TAG = 4;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
/** More-fragments flag and offset (RFC 791 3.1). */
const FRAGMENT = 0x3fff;
const PORTS = 4;
/** Neighbor Advertisement, and its length up to the end of the target (RFC 4861 4.4). */
export const ADVERTISEMENT = 136;
export const ADVERTISEMENT_LENGTH = 24;
export const TARGET = 8;

/** The fields of the frame that was read last. One per distributor; nothing is allocated per frame. */
export class Classifier {
  readonly #table: Int32Array;
  hashType: HashType = HashType.None;
  etherType = 0;
  vlan = 0;
  /** 4, 6, or 0 for what is not IP. */
  family = 0;
  protocol: number = NO_PROTOCOL;
  /** Offset of the IP header. */
  l3: Offset = 0;
  /** Offset of the TCP or UDP ports, or -1. */
  ports: Offset = -1;
  /** Offset of the target address of a Neighbor Advertisement, or -1. */
  target: Offset = -1;

  constructor(table: Int32Array) {
    this.#table = table;
  }

  /** Reads a frame; returns its hash type. */
  read(view: DataView, start: Offset, end: Offset): HashType {
    this.vlan = 0;
    this.family = 0;
    this.protocol = NO_PROTOCOL;
    this.ports = -1;
    this.target = -1;
    let at = start + HEADER;
    if (at > end) {
      this.etherType = 0;
      this.hashType = HashType.None;
      return HashType.None;
    }
    let type = view.getUint16(at - 2);
    if ((type === EtherType.Vlan || type === EtherType.ServiceVlan) && at + TAG <= end) {
      this.vlan = view.getUint16(at) & 0xfff;
      at += TAG;
      type = view.getUint16(at - 2);
    }
    this.etherType = type;
    this.l3 = at;
    if (type === EtherType.Ipv4) this.hashType = this.#readIpv4(view, at, end);
    else if (type === EtherType.Ipv6) this.hashType = this.#readIpv6(view, at, end);
    else this.hashType = HashType.Mac;
    return this.hashType;
  }

  #readIpv4(view: DataView, at: Offset, end: Offset): HashType {
    if (at + IPV4_HEADER > end) return HashType.Mac;
    const first = view.getUint8(at);
    const l4 = at + ((first & 15) << 2);
    if (first >> 4 !== 4 || (first & 15) < 5 || l4 > end) return HashType.Mac;
    const protocol = view.getUint8(at + 9);
    this.family = 4;
    this.protocol = protocol;
    if (protocol !== Protocol.Tcp && protocol !== Protocol.Udp) return HashType.Ipv4;
    if (l4 + PORTS > end || (view.getUint16(at + 6) & FRAGMENT) !== 0) return HashType.Ipv4;
    this.ports = l4;
    return HashType.Ipv4Ports;
  }

  #readIpv6(view: DataView, at: Offset, end: Offset): HashType {
    const l4 = at + IPV6_HEADER;
    if (l4 > end || view.getUint8(at) >> 4 !== 6) return HashType.Mac;
    const protocol = view.getUint8(at + 6);
    this.family = 6;
    this.protocol = protocol;
    if (protocol === Protocol.Tcp || protocol === Protocol.Udp) {
      if (l4 + PORTS > end) return HashType.Ipv6;
      this.ports = l4;
      return HashType.Ipv6Ports;
    }
    if (protocol === Protocol.Icmpv6 && l4 + ADVERTISEMENT_LENGTH <= end) {
      if (view.getUint8(l4) === ADVERTISEMENT) this.target = l4 + TARGET;
    }
    return HashType.Ipv6;
  }

  /** Toeplitz hash of the frame that was read last, as a signed 32-bit word; 0 for a runt. */
  hash(view: DataView, start: Offset): number {
    const table = this.#table;
    const at = this.l3;
    switch (this.hashType) {
      case HashType.Ipv4Ports:
        return (
          hashWord(table, 0, view.getInt32(at + 12)) ^
          hashWord(table, 4, view.getInt32(at + 16)) ^
          hashWord(table, 8, view.getInt32(this.ports))
        );
      case HashType.Ipv4:
        return (
          hashWord(table, 0, view.getInt32(at + 12)) ^ hashWord(table, 4, view.getInt32(at + 16))
        );
      case HashType.Ipv6Ports:
        return (
          hashWords(table, 0, view, at + 8, 32) ^ hashWord(table, 32, view.getInt32(this.ports))
        );
      case HashType.Ipv6:
        return hashWords(table, 0, view, at + 8, 32);
      case HashType.Mac:
        return (
          hashWord(table, 0, view.getInt32(start)) ^
          hashWord(table, 4, view.getInt32(start + 4)) ^
          hashWord(table, 8, view.getInt32(start + 8)) ^
          hashHalf(table, 12, this.vlan)
        );
      case HashType.None:
        return 0;
    }
  }

  /** Hash of the target of the Neighbor Advertisement that was read last. */
  targetHash(view: DataView): number {
    return hashWords(this.#table, 0, view, this.target, 16);
  }

  /** Hash of a whole frame: classify, then hash. */
  hashFrame(view: DataView, start: Offset, end: Offset): number {
    this.read(view, start, end);
    return this.hash(view, start);
  }
}

/** Hash of an IPv6 address alone: the low bits name the bucket, and so the core, that owns its neighbour entry. */
export function hashTarget(table: Int32Array, a: number, b: number, c: number, d: number): number {
  return (
    hashWord(table, 0, a) ^ hashWord(table, 4, b) ^ hashWord(table, 8, c) ^ hashWord(table, 12, d)
  );
}
