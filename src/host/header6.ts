// Fields of an IPv6 header that only the host side changes, and what the kinds of addresses mean to
// it (RFC 4291 2.4, RFC 6890). `ip` is the header's first byte; an address is passed as its words.

import type { Offset } from "../lib/units.ts";

/** Where the addresses stand in the header. */
export const SOURCE = 8;
export const DESTINATION = 24;
/** Where the header says what follows it. */
export const NEXT = 6;
const HOPS = 7;
/** Where it says how much. */
export const PAYLOAD = 4;

/**
 * Word 0..3 of an address as a signed number: it fits a small integer of the JavaScript engine,
 * where an unsigned one is put on the heap whenever it is passed on. What compares and shifts words
 * here takes either.
 */
export const source = (view: DataView, ip: Offset, word: number): number =>
  view.getInt32(ip + SOURCE + word * 4);
export const destination = (view: DataView, ip: Offset, word: number): number =>
  view.getInt32(ip + DESTINATION + word * 4);

export const setHopLimit = (view: DataView, ip: Offset, value: number): void =>
  view.setUint8(ip + HOPS, value);
export const setNextHeader = (view: DataView, ip: Offset, value: number): void =>
  view.setUint8(ip + NEXT, value);
export const setPayloadLength = (view: DataView, ip: Offset, value: number): void =>
  view.setUint16(ip + PAYLOAD, value);

/** The address of four words at `at`. */
export function setAddress(
  view: DataView,
  at: Offset,
  a: number,
  b: number,
  c: number,
  d: number,
): void {
  view.setUint32(at, a);
  view.setUint32(at + 4, b);
  view.setUint32(at + 8, c);
  view.setUint32(at + 12, d);
}

/**
 * Writes a header with traffic class and flow label 0 but for its addresses; returns the payload's
 * offset.
 */
export function write(
  view: DataView,
  ip: Offset,
  next: number,
  bytes: number,
  hops: number,
): Offset {
  view.setUint32(ip, 0x60000000);
  view.setUint16(ip + PAYLOAD, bytes);
  view.setUint8(ip + NEXT, next);
  view.setUint8(ip + HOPS, hops);
  return ip + 40;
}

/** fe80::/10. */
export const isLinkLocal = (a: number): boolean => a >>> 22 === 0x3fa;
/** ff00::/8. */
export const isMulticast = (a: number): boolean => a >>> 24 === 0xff;
/** ::, which no packet on its way may have but neighbour discovery's. */
export const isUnspecified = (a: number, b: number, c: number, d: number): boolean =>
  (a | b | c | d) === 0;
/**
 * ::1, which never leaves a host (RFC 4291 2.5.3), and ::ffff:0:0/96, which is never on a wire (RFC
 * 6890 2.2.3).
 */
export const isMartian = (a: number, b: number, c: number, d: number): boolean =>
  (a | b) === 0 && (c === 0xffff || (c === 0 && d === 1));
/** Scope of a multicast address (RFC 4291 2.7). */
export const groupScope = (a: number): number => (a >>> 16) & 15;

/** Scopes in the numbers that multicast has for them (RFC 4007 5). */
export const Scope = { InterfaceLocal: 1, LinkLocal: 2, SiteLocal: 5, Global: 14 } as const;

/** The scope of any address (RFC 6724 3.1). */
export function scope(a: number, b: number, c: number, d: number): number {
  if (isMulticast(a)) return groupScope(a);
  if (isLinkLocal(a) || ((a | b | c) === 0 && d === 1)) return Scope.LinkLocal;
  return a >>> 22 === 0x3fb ? Scope.SiteLocal : Scope.Global;
}
