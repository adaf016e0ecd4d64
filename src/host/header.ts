// Fields of an IPv4 header that only the host side changes or takes apart (RFC 791 3.1). `ip` is its first byte. Who
// changes a field computes the checksum anew.

import type { Offset } from "../lib/units.ts";

const FRAGMENT = 6;
const TTL = 8;
const SOURCE = 12;
const DESTINATION = 16;
const PLACE = 0x1fff;
const FLAGS = 0xe000;

/** DF and MF, in place. */
export const flags = (view: DataView, ip: Offset): number => view.getUint16(ip + FRAGMENT) & FLAGS;
/** Where the payload belongs in the whole packet, in units of eight bytes. */
export const place = (view: DataView, ip: Offset): number => view.getUint16(ip + FRAGMENT) & PLACE;

export const setFragment = (view: DataView, ip: Offset, bits: number, at: number): void =>
  view.setUint16(ip + FRAGMENT, bits | (at & PLACE));

export const setTtl = (view: DataView, ip: Offset, value: number): void =>
  view.setUint8(ip + TTL, value);

/** The reply goes where the packet came from. */
export function swapAddresses(view: DataView, ip: Offset): void {
  const source = view.getInt32(ip + SOURCE);
  view.setInt32(ip + SOURCE, view.getInt32(ip + DESTINATION));
  view.setInt32(ip + DESTINATION, source);
}
