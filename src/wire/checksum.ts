// The Internet checksum (RFC 1071) and its incremental update (RFC 1624). A running `sum` is the ones' complement sum
// of 16-bit words before folding; pieces of an even length may be summed one after the other.

import type { Offset } from "../lib/units.ts";

/** Bytes summed before a fold: 16,384 words of at most 65535 and a carried 65535 stay below 2^31. */
const BLOCK = 32768;

/** Adds the bytes at..end to `sum`; an odd last byte counts as the high half of a word (RFC 1071 section 4.1). */
export function add(view: DataView, at: Offset, end: Offset, sum: number): number {
  let total = fold(sum);
  let from = at;
  while (from < end) {
    const stop = end - from > BLOCK ? from + BLOCK : end;
    for (; from + 4 <= stop; from += 4) {
      const word = view.getInt32(from);
      total += (word >>> 16) + (word & 0xffff);
    }
    if (from + 2 <= stop) {
      total += view.getUint16(from);
      from += 2;
    }
    if (from < stop) total += view.getUint8(from++) << 8;
    total = fold(total);
  }
  return total;
}

/** Copies `length` bytes and returns `sum` with them added: one pass over the memory instead of two. */
export function copyAdd(
  view: DataView,
  at: Offset,
  to: Offset,
  length: number,
  sum: number,
): number {
  let total = fold(sum);
  let done = 0;
  while (done < length) {
    const stop = length - done > BLOCK ? done + BLOCK : length;
    for (; done + 4 <= stop; done += 4) {
      const word = view.getInt32(at + done);
      view.setInt32(to + done, word);
      total += (word >>> 16) + (word & 0xffff);
    }
    for (; done < stop; done++) {
      const byte = view.getUint8(at + done);
      view.setUint8(to + done, byte);
      total += (done & 1) === 0 ? byte << 8 : byte;
    }
    total = fold(total);
  }
  return total;
}

/** Brings a running sum back to 16 bits. */
export function fold(sum: number): number {
  const once = (sum >>> 16) + (sum & 0xffff);
  return (once >>> 16) + (once & 0xffff);
}

/** The checksum field for a running sum. */
export const finish = (sum: number): number => ~fold(sum) & 0xffff;

/** The checksum of the bytes at..end; the field itself must hold zero. */
export const compute = (view: DataView, at: Offset, end: Offset): number =>
  finish(add(view, at, end, 0));

/** True when the bytes at..end, their checksum field included, sum up to all ones. */
export const verify = (view: DataView, at: Offset, end: Offset): boolean =>
  add(view, at, end, 0) === 0xffff;

/** The checksum after a 16-bit field changed (RFC 1624 equation 3). */
export function update(checksum: number, from: number, to: number): number {
  return finish((~checksum & 0xffff) + (~from & 0xffff) + to);
}

/** The checksum after a 32-bit field changed. */
export function update32(checksum: number, from: number, to: number): number {
  return update(update(checksum, from >>> 16, to >>> 16), from & 0xffff, to & 0xffff);
}

/** The running sum of a pseudo-header for IPv4 (RFC 9293 3.1, RFC 768); `at` is the IPv4 header. */
export function pseudo4(view: DataView, at: Offset, protocol: number, length: number): number {
  return add(view, at + 12, at + 20, protocol + length);
}

/** The running sum of a pseudo-header for IPv6 (RFC 8200 8.1); `at` is the IPv6 header. */
export function pseudo6(view: DataView, at: Offset, protocol: number, length: number): number {
  return add(view, at + 8, at + 40, protocol + length);
}
