// The offload header that lies before every frame: a virtio_net_hdr (Virtual I/O Device 1.2, 5.1.6), little-endian,
// as AF_PACKET and TAP pass it. Ten zero bytes mean an ordinary, whole frame. `start` is the frame's first byte.
//
//   start-10  -9         -8        -6         -4           -2
//   +--------+----------+---------+----------+------------+-------------+
//   | flags  | gso type | hdr_len | gso_size | csum_start | csum_offset |   frame ...
//   +--------+----------+---------+----------+------------+-------------+

import type { Offset } from "../lib/units.ts";
import * as checksum from "./checksum.ts";

/** Bytes of the header. */
export const OFFLOAD = 10;

const FLAGS = -10;
const GSO_TYPE = -9;
const HDR_LEN = -8;
const GSO_SIZE = -6;
const CSUM_START = -4;
const CSUM_OFFSET = -2;

/** Bits of `flags`. */
export const Flag = { NeedsChecksum: 1, DataValid: 2 } as const;
/** Values of the GSO type without its ECN bit; Udp is the old UFO, UdpL4 cuts into datagrams. */
export const Gso = { None: 0, Tcp4: 1, Udp: 3, Tcp6: 4, UdpL4: 5 } as const;
/** The super-frame carries CWR (RFC 3168), to be kept on the first segment alone. */
export const GSO_ECN = 0x80;

/** Both bytes that say "not an ordinary frame", flags first: NEEDS_CSUM, or any GSO type. */
const SPECIAL = 0x01ff;

export const flags = (view: DataView, start: Offset): number => view.getUint8(start + FLAGS);
/** The GSO type with its ECN bit taken off. */
export const gsoType = (view: DataView, start: Offset): number =>
  view.getUint8(start + GSO_TYPE) & 0x7f;
export const isEcn = (view: DataView, start: Offset): boolean =>
  (view.getUint8(start + GSO_TYPE) & GSO_ECN) !== 0;
export const hdrLen = (view: DataView, start: Offset): number =>
  view.getUint16(start + HDR_LEN, true);
export const gsoSize = (view: DataView, start: Offset): number =>
  view.getUint16(start + GSO_SIZE, true);
export const csumStart = (view: DataView, start: Offset): number =>
  view.getUint16(start + CSUM_START, true);
export const csumOffset = (view: DataView, start: Offset): number =>
  view.getUint16(start + CSUM_OFFSET, true);

/** True when the frame is whole and its checksums are final: nothing to finish, nothing to cut. */
export function isPlain(view: DataView, start: Offset): boolean {
  return (view.getUint16(start + FLAGS) & SPECIAL) === 0;
}

/** True when neither a flag nor a GSO type is set. */
export const isBlank = (view: DataView, start: Offset): boolean =>
  view.getInt16(start + FLAGS) === 0;

/** True when a checksum is still to be computed. */
export const needsChecksum = (view: DataView, start: Offset): boolean =>
  (view.getUint8(start + FLAGS) & Flag.NeedsChecksum) !== 0;

/** True when the frame is a super-frame to cut. */
export const isSuper = (view: DataView, start: Offset): boolean =>
  view.getUint8(start + GSO_TYPE) !== 0;

/** Marks the frame as ordinary and whole. */
export function clear(view: DataView, start: Offset): void {
  view.setInt32(start + FLAGS, 0);
  view.setInt32(start + GSO_SIZE, 0);
  view.setInt16(start + CSUM_OFFSET, 0);
}

/** Writes all fields. */
export function write(
  view: DataView,
  start: Offset,
  flagBits: number,
  gso: number,
  headerLength: number,
  segmentSize: number,
  checksumStart: number,
  checksumOffset: number,
): void {
  view.setUint8(start + FLAGS, flagBits);
  view.setUint8(start + GSO_TYPE, gso);
  view.setUint16(start + HDR_LEN, headerLength, true);
  view.setUint16(start + GSO_SIZE, segmentSize, true);
  view.setUint16(start + CSUM_START, checksumStart, true);
  view.setUint16(start + CSUM_OFFSET, checksumOffset, true);
}

/** The frame's headers grew (or, negative, shrank) by `delta` bytes before the checksummed part. */
export function shift(view: DataView, start: Offset, delta: number): void {
  if (isPlain(view, start)) return;
  const length = hdrLen(view, start);
  if (length !== 0) view.setUint16(start + HDR_LEN, length + delta, true);
  if (needsChecksum(view, start))
    view.setUint16(start + CSUM_START, csumStart(view, start) + delta, true);
}

/** Shortest header before a checksummed part: Ethernet's. */
const MIN_CSUM_START = 14;

/**
 * Computes the checksum that a local kernel left open, over everything behind csum_start, and marks the frame as
 * ordinary. The field holds the sum of the pseudo-header. False, and nothing changed, when the offload header
 * contradicts the frame or asks for a cut (segment.ts).
 */
export function finishChecksum(view: DataView, start: Offset, end: Offset): boolean {
  if (isSuper(view, start)) return false;
  if (needsChecksum(view, start)) {
    const from = start + csumStart(view, start);
    const field = from + csumOffset(view, start);
    if (from < start + MIN_CSUM_START || field + 2 > end) return false;
    // 0 and 0xffff are one number in this sum, but UDP reads 0 as "no checksum" (RFC 768).
    view.setUint16(field, checksum.compute(view, from, end) || 0xffff);
  }
  clear(view, start);
  return true;
}
