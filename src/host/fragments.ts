// Fragmented packets for us, of either family: each fragment stays in the buffer that holds it, in the order of its
// place, until the packet is whole (RFC 791 3.2, RFC 815, RFC 8200 4.5). Bounded: so many packets and so many fragments
// a core; the oldest packet makes room. Overlaps drop the packet, for they are an attack (RFC 5722 for IPv6; Linux does
// so for IPv4 since 4.20).

import { Drop } from "../engine/drop.ts";
import type { Out } from "../engine/out.ts";
import type { Millis, Offset } from "../lib/units.ts";

const NONE = -1;

export class Fragments {
  readonly #out: Out;
  readonly #lifetime: Millis;
  /** What tells the packet of the fragment at hand from others: written before `rowOf`. */
  protected readonly wanted: Int32Array;
  // Packets.
  readonly #keys: Int32Array;
  readonly #used: Uint8Array;
  readonly #iface: Int32Array;
  readonly #born: Float64Array;
  /** Length of the whole payload once the last fragment is there, else -1. */
  readonly #total: Int32Array;
  readonly #received: Int32Array;
  readonly #first: Int32Array;
  // Fragments.
  readonly #handle: Int32Array;
  readonly #place: Int32Array;
  readonly #length: Int32Array;
  /** From the frame's start to the fragment's data. */
  readonly #data: Int32Array;
  readonly #next: Int32Array;
  #free: number;

  /** Packets are told apart by so many words. */
  constructor(out: Out, packets: number, fragments: number, lifetime: Millis, words: number) {
    this.#out = out;
    this.#lifetime = lifetime;
    this.wanted = new Int32Array(words);
    this.#keys = new Int32Array(packets * words);
    this.#used = new Uint8Array(packets);
    this.#iface = new Int32Array(packets);
    this.#born = new Float64Array(packets);
    this.#total = new Int32Array(packets);
    this.#received = new Int32Array(packets);
    this.#first = new Int32Array(packets).fill(NONE);
    this.#handle = new Int32Array(fragments);
    this.#place = new Int32Array(fragments);
    this.#length = new Int32Array(fragments);
    this.#data = new Int32Array(fragments);
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

  // --- packets -------------------------------------------------------------------------------------------------------

  /** The interface that the packet's last fragment came in on. */
  iface(row: number): number {
    return this.#iface[row] as number;
  }

  /** Length of the payload of a packet that is whole. */
  total(row: number): number {
    return this.#total[row] as number;
  }

  /** First fragment of a packet, which has the transport header when the packet is whole; -1 = there is none. */
  first(row: number): number {
    return this.#first[row] as number;
  }

  /** The frame of the packet's beginning; -1 = it is not there. */
  beginning(row: number): Offset {
    const fragment = this.#first[row] as number;
    return fragment < 0 || this.#place[fragment] !== 0 ? NONE : this.start(fragment);
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

  // --- fragments -----------------------------------------------------------------------------------------------------

  /** The fragment behind, -1 at the end. */
  next(fragment: number): number {
    return this.#next[fragment] as number;
  }

  start(fragment: number): Offset {
    return this.#out.heldStart(this.#handle[fragment] as number);
  }

  end(fragment: number): Offset {
    return this.#out.heldEnd(this.#handle[fragment] as number);
  }

  /** Where the fragment's data lies in the payload, in bytes. */
  place(fragment: number): number {
    return this.#place[fragment] as number;
  }

  length(fragment: number): number {
    return this.#length[fragment] as number;
  }

  /** From the frame's start to the fragment's data. */
  data(fragment: number): number {
    return this.#data[fragment] as number;
  }

  // --- coming in -----------------------------------------------------------------------------------------------------

  /** Counts a fragment that is not kept; -1. */
  protected refuse(): number {
    this.#out.drop(Drop["ip-fragment"]);
    return NONE;
  }

  #discard(row: number): number {
    this.remove(row);
    return this.refuse();
  }

  /** The row of the wanted packet, a new one when its first fragment comes; -1 = none is configured. */
  protected rowOf(iface: number, now: Millis): number {
    let row = this.#find();
    if (row < 0) row = this.#begin(now);
    if (row >= 0) this.#iface[row] = iface;
    return row;
  }

  #find(): number {
    const { wanted } = this;
    const words = wanted.length;
    for (let row = 0; row < this.#used.length; row++) {
      if (this.#used[row] === 0) continue;
      let word = 0;
      while (word < words && this.#keys[row * words + word] === wanted[word]) word++;
      if (word === words) return row;
    }
    return NONE;
  }

  #begin(now: Millis): number {
    let row = this.#used.indexOf(0);
    if (row < 0) row = this.#evict(NONE);
    if (row < 0) return NONE;
    this.#keys.set(this.wanted, row * this.wanted.length);
    this.#used[row] = 1;
    this.#born[row] = now;
    this.#total[row] = NONE;
    this.#received[row] = 0;
    this.#first[row] = NONE;
    return row;
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

  /**
   * Keeps a fragment of a packet: the frame start..end, whose `length` bytes of data begin at `data` from its start and
   * belong at `place` of the payload; `more` follow. Returns the row when the packet is whole now, else -1.
   */
  protected keep(
    row: number,
    start: Offset,
    end: Offset,
    data: number,
    place: number,
    length: number,
    more: boolean,
  ): number {
    const total = this.#total[row] as number;
    const whole = more ? total : place + length;
    if (total >= 0 && (whole !== total || place + length > total)) return this.#discard(row);
    let before = NONE;
    let after = this.#first[row] as number;
    while (after >= 0 && (this.#place[after] as number) < place) {
      before = after;
      after = this.#next[after] as number;
    }
    if (after >= 0 && this.#place[after] === place && this.#length[after] === length) {
      return this.refuse(); // RFC 8200 4.5: an exact duplicate may be ignored, and the packet kept.
    }
    const overlapsBefore =
      before >= 0 && (this.#place[before] as number) + (this.#length[before] as number) > place;
    const overlapsAfter = after >= 0 && place + length > (this.#place[after] as number);
    // A last fragment with something behind it is an overlap as well.
    const beyond = whole >= 0 && after >= 0 && place + length === whole;
    if (overlapsBefore || overlapsAfter || beyond) return this.#discard(row);
    if (this.#free < 0) this.#evict(row);
    const fragment = this.#free;
    const handle = fragment < 0 ? NONE : this.#out.hold(start, end);
    if (handle < 0) return this.#discard(row);
    this.#free = this.#next[fragment] as number;
    this.#handle[fragment] = handle;
    this.#place[fragment] = place;
    this.#length[fragment] = length;
    this.#data[fragment] = data;
    this.#next[fragment] = after;
    if (before >= 0) this.#next[before] = fragment;
    else this.#first[row] = fragment;
    this.#total[row] = whole;
    const received = (this.#received[row] as number) + length;
    this.#received[row] = received;
    return received === whole ? row : NONE;
  }
}
