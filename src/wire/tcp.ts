// TCP header (RFC 9293 3.1), as far as a link appliance reads it; `at` is its first byte.
//
//   0           2           4           8           12    13    14        16        18        20
//   +-----------+-----------+-----------+-----------+-----+-----+---------+---------+---------+---------
//   | src port  | dst port  | sequence  | ack       | off | flag| window  | sum     | urgent  | options, data
//   +-----------+-----------+-----------+-----------+-----+-----+---------+---------+---------+---------

import type { Offset } from "../lib/units.ts";

/** Bytes of a header without options. */
export const LENGTH = 20;

export const Flag = {
  Fin: 1,
  Syn: 2,
  Rst: 4,
  Psh: 8,
  Ack: 16,
  Urg: 32,
  Ece: 64,
  Cwr: 128,
} as const;
/** Flag letters as tcpdump prints them, lowest bit first. */
export const FLAG_LETTERS = "FSRP.UEW";

/** Where the checksum and the flags lie. */
export const CHECKSUM = 16;
export const FLAGS = 13;

/** True when a whole header with its options is in at..end. */
export function isValid(view: DataView, at: Offset, end: Offset): boolean {
  if (end - at < LENGTH) return false;
  const header = headerLength(view, at);
  return header >= LENGTH && header <= end - at;
}

export const sourcePort = (view: DataView, at: Offset): number => view.getUint16(at);
export const destinationPort = (view: DataView, at: Offset): number => view.getUint16(at + 2);
export const sequence = (view: DataView, at: Offset): number => view.getUint32(at + 4);
export const acknowledgment = (view: DataView, at: Offset): number => view.getUint32(at + 8);
/** Bytes of the header with its options. */
export const headerLength = (view: DataView, at: Offset): number =>
  (view.getUint8(at + 12) >> 4) * 4;
export const flags = (view: DataView, at: Offset): number => view.getUint8(at + FLAGS);
export const window = (view: DataView, at: Offset): number => view.getUint16(at + 14);
