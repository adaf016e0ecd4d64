// IPv4 options on their way through a router (RFC 791 3.1, RFC 1812 5.3.13): record route and timestamp are filled
// in, the others pass. Source routes have been refused before (RFC 7126 4.3, 4.4).

import type { Ipv4, Millis, Offset } from "../lib/units.ts";
import * as ipv4 from "../wire/ipv4.ts";

const END_OF_LIST = 0;
const NO_OPERATION = 1;
const RECORD_ROUTE = 7;
const TIMESTAMP = 68;
/** The bit that says: this option goes into every fragment. */
const COPIED = 0x80;
/** Milliseconds since an own start instead of midnight UT: RFC 791 marks such a timestamp by the high bit. */
const NONSTANDARD = 0x80000000;
/** Flags of a timestamp option. */
const Stamp = { Alone: 0, WithAddress: 1, Prespecified: 3 } as const;

/**
 * Fills the options of a header with what `own` has to add; the caller computes the header checksum anew.
 * Returns 0, or the place in the header of the first byte that is wrong, for a parameter problem message.
 */
export function record(view: DataView, ip: Offset, own: Ipv4, now: Millis): number {
  const end = ip + ipv4.headerLength(view, ip);
  let at = ip + ipv4.LENGTH;
  while (at < end) {
    const kind = view.getUint8(at);
    if (kind === END_OF_LIST) return 0;
    if (kind === NO_OPERATION) {
      at++;
      continue;
    }
    const length = lengthAt(view, at, end);
    if (length === 0) return at + 1 - ip;
    let wrong = 0;
    if (kind === RECORD_ROUTE) wrong = recordRoute(view, at, length, own);
    else if (kind === TIMESTAMP) wrong = timestamp(view, at, length, own, now);
    if (wrong !== 0) return at + wrong - ip;
    at += length;
  }
  return 0;
}

/** The place in the header of the first option whose length cannot be; 0 = there is none. */
export function brokenAt(view: DataView, ip: Offset): number {
  const end = ip + ipv4.headerLength(view, ip);
  let at = ip + ipv4.LENGTH;
  while (at < end) {
    const kind = view.getUint8(at);
    if (kind === END_OF_LIST) return 0;
    const length = kind === NO_OPERATION ? 1 : lengthAt(view, at, end);
    if (length === 0) return at + 1 - ip;
    at += length;
  }
  return 0;
}

/** Length of the option at `at`; 0 = it cannot be. */
function lengthAt(view: DataView, at: Offset, end: Offset): number {
  const length = at + 1 < end ? view.getUint8(at + 1) : 0;
  return length < 2 || at + length > end ? 0 : length;
}

/** Adds an address where there is room; a full option passes as it is (RFC 791). */
function recordRoute(view: DataView, at: Offset, length: number, own: Ipv4): number {
  if (length < 3) return 1;
  const pointer = view.getUint8(at + 2);
  if (pointer < 4) return 2;
  if (pointer > length) return 0;
  if (pointer + 3 > length) return 2;
  view.setUint32(at + pointer - 1, own);
  view.setUint8(at + 2, pointer + 4);
  return 0;
}

function timestamp(view: DataView, at: Offset, length: number, own: Ipv4, now: Millis): number {
  if (length < 4) return 1;
  const pointer = view.getUint8(at + 2);
  const control = view.getUint8(at + 3);
  const flag = control & 15;
  if (pointer < 5) return 2;
  if (pointer > length) {
    // No room: the overflow counter tells, and a router that cannot count further says so.
    if (control >> 4 === 15) return 3;
    view.setUint8(at + 3, control + 16);
    return 0;
  }
  const time = NONSTANDARD + (Math.floor(now) % NONSTANDARD);
  const entry = at + pointer - 1;
  const size = flag === Stamp.Alone ? 4 : 8;
  if (pointer - 1 + size > length) return 2;
  if (flag === Stamp.Prespecified && view.getUint32(entry) !== own) return 0;
  if (flag !== Stamp.Alone && flag !== Stamp.WithAddress && flag !== Stamp.Prespecified) return 3;
  if (flag === Stamp.WithAddress) view.setUint32(entry, own);
  view.setUint32(entry + size - 4, time);
  view.setUint8(at + 2, pointer + size);
  return 0;
}

/** Blanks the options that stay in the first fragment alone (RFC 791 3.1); the header keeps its length. */
export function keepCopied(view: DataView, ip: Offset): void {
  const end = ip + ipv4.headerLength(view, ip);
  let at = ip + ipv4.LENGTH;
  while (at < end) {
    const kind = view.getUint8(at);
    if (kind === END_OF_LIST) return;
    const length = kind === NO_OPERATION ? 1 : lengthAt(view, at, end);
    if (length === 0) return;
    if ((kind & COPIED) === 0) {
      for (let index = 0; index < length; index++) view.setUint8(at + index, NO_OPERATION);
    }
    at += length;
  }
}
