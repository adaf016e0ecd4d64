// Fragmented packets for us (RFC 8200 4.5): each fragment stays in the buffer that holds it, in the
// order of its place, until the packet is whole and is copied together. Bounded: so many packets
// and so many fragments a core; the oldest packet makes room. Overlaps drop the packet (RFC 5722).

import { Drop } from "../engine/drop.ts";
import type { Out } from "../engine/out.ts";
import type { Millis, Offset } from "../lib/units.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as ipv6 from "../wire/ipv6.ts";
import { lengthAt } from "./extensions6.ts";
import * as header6 from "./header6.ts";

const ETHERNET = ethernet.LENGTH;
const NONE = -1;
/** Bytes of a fragment header. */
export const FRAGMENT_HEADER = 8;
/** Words of a key: source, destination, identification. */
const KEY = 9;

/** Where the fragment at `at` belongs in the fragmentable part. */
export const place = (view: DataView, at: Offset): number => view.getUint16(at + 2) & 0xfff8;
export const hasMore = (view: DataView, at: Offset): boolean => (view.getUint16(at + 2) & 1) !== 0;

export class Reassembly6 {
  readonly #out: Out;
  readonly #lifetime: Millis;
  // Packets.
  readonly #key: Int32Array;
  readonly #used: Uint8Array;
  readonly #iface: Int32Array;
  readonly #how: Uint8Array;
  readonly #born: Float64Array;
  /** Length of the whole fragmentable part once the last fragment is there, else -1. */
  readonly #total: Int32Array;
  readonly #received: Int32Array;
  readonly #first: Int32Array;
  // Fragments.
  readonly #handle: Int32Array;
  readonly #place: Int32Array;
  readonly #length: Int32Array;
  /** From the frame's start to the fragment header. */
  readonly #header: Int32Array;
  readonly #next: Int32Array;
  #free: number;

  constructor(out: Out, packets: number, fragments: number, lifetime: Millis) {
    this.#out = out;
    this.#lifetime = lifetime;
    this.#key = new Int32Array(packets * KEY);
    this.#used = new Uint8Array(packets);
    this.#iface = new Int32Array(packets);
    this.#how = new Uint8Array(packets);
    this.#born = new Float64Array(packets);
    this.#total = new Int32Array(packets);
    this.#received = new Int32Array(packets);
    this.#first = new Int32Array(packets).fill(NONE);
    this.#handle = new Int32Array(fragments);
    this.#place = new Int32Array(fragments);
    this.#length = new Int32Array(fragments);
    this.#header = new Int32Array(fragments);
    this.#next = Int32Array.from({ length: fragments }, (_, n) =>
      n + 1 < fragments ? n + 1 : NONE,
    );
    this.#free = fragments > 0 ? 0 : NONE;
  }

  /** True when it was made for these bounds. */
  isSized(packets: number, fragments: number, lifetime: Millis): boolean {
    return (
      packets === this.#used.length &&
      fragments === this.#handle.length &&
      lifetime === this.#lifetime
    );
  }

  /**
   * Keeps the fragment in start..end, whose fragment header stands at `at` and whose length was
   * checked. Returns its packet when that is whole now, else -1.
   */
  accept(iface: number, how: number, start: Offset, at: Offset, end: Offset, now: Millis): number {
    const { view } = this.#out;
    const length = end - at - FRAGMENT_HEADER;
    const from = place(view, at);
    if (length === 0) return this.#refuse();
    const row = this.#row(view, start + ETHERNET, at, now);
    if (row < 0) return this.#refuse();
    this.#iface[row] = iface;
    this.#how[row] = how;
    const total = this.#total[row] as number;
    const whole = hasMore(view, at) ? total : from + length;
    if (total >= 0 && (whole !== total || from + length > total)) return this.#discard(row);
    return this.#keep(row, start, at, end, from, whole);
  }

  /** The interface that the packet's last fragment came in on. */
  iface(row: number): number {
    return this.#iface[row] as number;
  }

  /** How the packet is addressed to us (sender6.ts). */
  how(row: number): number {
    return this.#how[row] as number;
  }

  /** The frame of the packet's first fragment; -1 = it is not there. */
  beginning(row: number): Offset {
    const fragment = this.#first[row] as number;
    if (fragment < 0 || this.#place[fragment] !== 0) return NONE;
    return this.#out.heldStart(this.#handle[fragment] as number);
  }

  /**
   * Where the headers end and the fragmentable part begins, from the start of the whole packet's
   * frame.
   */
  headers(row: number): number {
    return this.#header[this.#first[row] as number] as number;
  }

  /** Length of the whole packet's frame. */
  length(row: number): number {
    return this.headers(row) + (this.#total[row] as number);
  }

  /**
   * Writes the whole packet into a buffer, which lives until the end of the burst: its start, or -1
   * when there is none. The headers are the first fragment's, without the fragment header.
   */
  join(row: number): Offset {
    const { view } = this.#out;
    const headers = this.headers(row);
    const total = this.#total[row] as number;
    const start = this.#out.scratch(headers + total);
    if (start < 0) return NONE;
    const first = this.beginning(row);
    this.#out.copy(first, start, first + headers);
    let fragment = this.#first[row] as number;
    while (fragment >= 0) {
      const held = this.#out.heldStart(this.#handle[fragment] as number);
      const from = held + (this.#header[fragment] as number) + FRAGMENT_HEADER;
      const to = start + headers + (this.#place[fragment] as number);
      this.#out.copy(from, to, from + (this.#length[fragment] as number));
      fragment = this.#next[fragment] as number;
    }
    const ip = start + ETHERNET;
    header6.setPayloadLength(view, ip, headers - ETHERNET - ipv6.LENGTH + total);
    // The header before the fragment header now names what was behind it.
    let field = ip + header6.NEXT;
    for (let at = ip + ipv6.LENGTH; at < start + headers; at += lengthAt(view, at)) field = at;
    view.setUint8(field, view.getUint8(first + headers));
    return start;
  }

  /** A packet that waited too long, or -1; the caller answers and removes it. */
  expired(now: Millis): number {
    for (let row = 0; row < this.#used.length; row++) {
      if (this.#used[row] === 1 && now - (this.#born[row] as number) >= this.#lifetime) return row;
    }
    return NONE;
  }

  /** Forgets a packet; its buffers are free at the end of the burst. */
  remove(row: number): void {
    let fragment = this.#first[row] as number;
    while (fragment >= 0) {
      const next = this.#next[fragment] as number;
      this.#out.release(this.#handle[fragment] as number);
      this.#next[fragment] = this.#free;
      this.#free = fragment;
      fragment = next;
    }
    this.#first[row] = NONE;
    this.#used[row] = 0;
  }

  /** Forgets everything. */
  clear(): void {
    for (let row = 0; row < this.#used.length; row++) if (this.#used[row] === 1) this.remove(row);
  }

  #refuse(): number {
    this.#out.drop(Drop["ip-fragment"]);
    return NONE;
  }

  #discard(row: number): number {
    this.remove(row);
    return this.#refuse();
  }

  #keep(row: number, start: Offset, at: Offset, end: Offset, from: number, whole: number): number {
    const length = end - at - FRAGMENT_HEADER;
    let before = NONE;
    let after = this.#first[row] as number;
    while (after >= 0 && (this.#place[after] as number) < from) {
      before = after;
      after = this.#next[after] as number;
    }
    if (after >= 0 && this.#place[after] === from && this.#length[after] === length) {
      return this.#refuse(); // RFC 8200 4.5: an exact duplicate may be ignored, and the packet kept.
    }
    const overlapsBefore =
      before >= 0 && (this.#place[before] as number) + (this.#length[before] as number) > from;
    const overlapsAfter = after >= 0 && from + length > (this.#place[after] as number);
    // A last fragment with something behind it is an overlap as well.
    const beyond = whole >= 0 && after >= 0 && from + length === whole;
    if (overlapsBefore || overlapsAfter || beyond) return this.#discard(row);
    if (this.#free < 0) this.#evict(row);
    const fragment = this.#free;
    const handle = fragment < 0 ? NONE : this.#out.hold(start, end);
    if (handle < 0) return this.#discard(row);
    this.#free = this.#next[fragment] as number;
    this.#handle[fragment] = handle;
    this.#place[fragment] = from;
    this.#length[fragment] = length;
    this.#header[fragment] = at - start;
    this.#next[fragment] = after;
    if (before >= 0) this.#next[before] = fragment;
    else this.#first[row] = fragment;
    this.#total[row] = whole;
    const received = (this.#received[row] as number) + length;
    this.#received[row] = received;
    return received === whole ? row : NONE;
  }

  /**
   * The row of the fragment's packet, a new one when it is the first to come; -1 = none is
   * configured.
   */
  #row(view: DataView, ip: Offset, at: Offset, now: Millis): number {
    let free = NONE;
    for (let row = 0; row < this.#used.length; row++) {
      if (this.#used[row] === 0) free = row;
      else if (this.#isSame(row, view, ip, at)) return row;
    }
    if (free < 0) free = this.#evict(NONE);
    if (free < 0) return NONE;
    for (let word = 0; word < KEY - 1; word++) {
      this.#key[free * KEY + word] = view.getInt32(ip + header6.SOURCE + word * 4);
    }
    this.#key[free * KEY + KEY - 1] = view.getInt32(at + 4);
    this.#used[free] = 1;
    this.#born[free] = now;
    this.#total[free] = NONE;
    this.#received[free] = 0;
    this.#first[free] = NONE;
    return free;
  }

  /** RFC 8200 4.5: a packet is told by its source, its destination and its identification. */
  #isSame(row: number, view: DataView, ip: Offset, at: Offset): boolean {
    const key = this.#key;
    if (key[row * KEY + KEY - 1] !== view.getInt32(at + 4)) return false;
    for (let word = 0; word < KEY - 1; word++) {
      if (key[row * KEY + word] !== view.getInt32(ip + header6.SOURCE + word * 4)) return false;
    }
    return true;
  }

  /** Drops the oldest packet but `except`, counted; returns its row, -1 = there is none. */
  #evict(except: number): number {
    let oldest = NONE;
    for (let row = 0; row < this.#used.length; row++) {
      if (row === except || this.#used[row] === 0) continue;
      if (oldest < 0 || (this.#born[row] as number) < (this.#born[oldest] as number)) oldest = row;
    }
    if (oldest >= 0) this.#discard(oldest);
    return oldest;
  }
}
