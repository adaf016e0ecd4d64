// Cutting a packet that is longer than the MTU (RFC 791 3.2, RFC 1812 4.2.2.7): one piece at a time into a buffer of
// its own. A piece of a piece keeps its place and, unless it is the last of the last, its MF.

import type { Copy } from "../lib/copy.ts";
import type { Offset } from "../lib/units.ts";
import * as ipv4 from "../wire/ipv4.ts";
import * as header from "./header.ts";
import { keepCopied } from "./options.ts";

/** Bytes of payload that each piece but the last carries: a multiple of eight; 0 = the MTU holds none. */
export function pieceSize(view: DataView, ip: Offset, mtu: number): number {
  const room = mtu - ipv4.headerLength(view, ip);
  return room < 8 ? 0 : room & ~7;
}

/**
 * Writes the piece with `length` payload bytes from `offset` on of the packet at `ip` to `to`; returns its end.
 * `offset` is a multiple of eight.
 */
export function writePiece(
  view: DataView,
  copy: Copy,
  ip: Offset,
  offset: number,
  length: number,
  to: Offset,
): Offset {
  const size = ipv4.headerLength(view, ip);
  const end = to + size + length;
  copy(ip, to, ip + size);
  copy(ip + size + offset, to + size, ip + size + offset + length);
  if (offset > 0 && size > ipv4.LENGTH) keepCopied(view, to);
  const more = size + offset + length < ipv4.totalLength(view, ip) ? ipv4.MORE_FRAGMENTS : 0;
  ipv4.setTotalLength(view, to, size + length);
  const place = header.place(view, ip) + (offset >> 3);
  header.setFragment(view, to, header.flags(view, ip) | more, place);
  ipv4.setChecksum(view, to);
  return end;
}
