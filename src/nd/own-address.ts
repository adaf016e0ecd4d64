// One own IPv6 address: where it comes from, its phase, and how addresses are made (ND-7).

import type { Ipv6Words } from "../engine/ipv6.ts";
import type { Mac, Millis } from "../lib/units.ts";

/** States of an own address, as nd-own and events name them. */
export const Phase = { Tentative: 0, Preferred: 1, Deprecated: 2, Gone: 3, Duplicate: 4 } as const;
export type Phase = (typeof Phase)[keyof typeof Phase];
/** Where an own address comes from. */
export const Origin = {
  LinkLocal: 0,
  Configured: 1,
  Autoconfigured: 2,
  Anycast: 3,
  /** Of a virtual router that is active here (VR-4); told by that protocol, not by this one. */
  Virtual: 4,
} as const;
export interface OwnAddress {
  readonly iface: number;
  readonly words: Uint32Array;
  readonly prefix: number;
  readonly origin: number;
  phase: Phase;
  /** Probes or announcements sent, and when the master acts next. */
  sent: number;
  due: Millis;
  /** The last nonce sent, 48 bits. */
  nonce: number;
  probes: number;
  announcements: number;
  /** The announcements are of another MAC: they override what neighbours know. */
  isChange: boolean;
  /** The virtual MAC that it is answered for with; -1 = the interface's own. */
  mac: Mac;
  validUntil: Millis;
  preferredUntil: Millis;
}

/** An address of a virtual router that is active here. */
export interface VirtualAddress {
  readonly iface: number;
  readonly words: Ipv6Words;
  readonly mac: Mac;
  /** Packets to the address itself are for us. */
  readonly accept: boolean;
}

export const isVirtual = (own: OwnAddress, { iface, words }: VirtualAddress): boolean =>
  own.iface === iface && words.every((word, index) => own.words[index] === word);

/** fe80:: and the modified EUI-64 of a MAC (RFC 4291 appendix A). */
export function linkLocalOf(mac: Mac): Uint32Array {
  return identifierOf(mac, 0xfe800000, 0);
}

/** An address of a 64-bit prefix with the modified EUI-64 of a MAC. */
export function identifierOf(mac: Mac, a: number, b: number): Uint32Array {
  const high = Math.floor(mac / 0x1000000) ^ 0x020000;
  const low = mac % 0x1000000;
  return Uint32Array.of(a, b, ((high << 8) | 0xff) >>> 0, (0xfe000000 | low) >>> 0);
}

/** The subnet-router anycast address of a prefix (RFC 4291 2.6.1). */
export function subnetRouter(address: Ipv6Words, prefix: number): Uint32Array {
  return Uint32Array.from(address, (word, index) => {
    const bits = Math.max(0, Math.min(32, prefix - index * 32));
    return bits === 0 ? 0 : (word & (-1 << (32 - bits))) >>> 0;
  });
}

/** What may solicit from the interface's own MAC: neither what several routers have, nor what has a virtual MAC. */
export const isSource = (own: OwnAddress): boolean => own.origin !== Origin.Anycast && own.mac < 0;
export const isUp = (phase: Phase): boolean =>
  phase === Phase.Preferred || phase === Phase.Deprecated;

export function fresh(
  iface: number,
  words: Uint32Array,
  prefix: number,
  origin: number,
): OwnAddress {
  return {
    iface,
    words,
    prefix,
    origin,
    phase: Phase.Tentative,
    sent: 0,
    due: Number.POSITIVE_INFINITY,
    nonce: -1,
    probes: 0,
    announcements: 0,
    isChange: false,
    mac: -1,
    validUntil: Number.POSITIVE_INFINITY,
    preferredUntil: Number.POSITIVE_INFINITY,
  };
}

export function isEqual(one: OwnAddress, other: OwnAddress): boolean {
  return (
    one.iface === other.iface &&
    one.prefix === other.prefix &&
    one.words.every((word, index) => word === other.words[index])
  );
}
