// Reads and writes that a DataView lacks: 48-bit MAC addresses as numbers and short copies. All network byte order.

import type { Mac, Offset } from "../lib/units.ts";

const HIGH = 0x1_0000_0000;

/** The 48-bit address at `at`, as 16 + 32 bits: exact in a double and without a bigint. */
export function mac(view: DataView, at: Offset): Mac {
  return view.getUint16(at) * HIGH + view.getUint32(at + 2);
}

/** Writes a 48-bit address. */
export function setMac(view: DataView, at: Offset, value: Mac): void {
  view.setUint16(at, (value / HIGH) | 0);
  view.setUint32(at + 2, value); // A DataView takes the number modulo 2^32.
}

/**
 * Copies `length` bytes between views, four at a time: for headers, where the call into the engine that
 * Uint8Array.set and copyWithin make costs more than the bytes. Ascending, so `to` may overlap from below.
 */
export function copy(
  from: DataView,
  at: Offset,
  target: DataView,
  to: Offset,
  length: number,
): void {
  let done = 0;
  for (; done + 4 <= length; done += 4)
    target.setInt32(to + done, from.getInt32(at + done, true), true);
  for (; done < length; done++) target.setUint8(to + done, from.getUint8(at + done));
}

/** True when both ranges hold the same bytes. */
export function equal(
  view: DataView,
  at: Offset,
  other: DataView,
  to: Offset,
  length: number,
): boolean {
  for (let index = 0; index < length; index++) {
    if (view.getUint8(at + index) !== other.getUint8(to + index)) return false;
  }
  return true;
}
