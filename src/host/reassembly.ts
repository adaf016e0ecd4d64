// Fragmented datagrams for us, collected and not copied together (RFC 791 3.2, RFC 815): each fragment stays in the
// buffer that holds it, in the order of its place, until the datagram is whole. Bounded: so many datagrams and so
// many fragments a core; the oldest datagram makes room. Overlaps drop the datagram, for they are an attack
// (RFC 5722 for IPv6; Linux does so for IPv4 since 4.20).

import { Drop } from "../engine/drop.ts";
import type { Out } from "../engine/out.ts";
import type { Millis, Offset } from "../lib/units.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as ipv4 from "../wire/ipv4.ts";
import * as header from "./header.ts";

const ETHERNET = ethernet.LENGTH;
const NONE = -1;
/** Most payload that a datagram can have: 65535 bytes less the shortest header. */
const MAX_DATA: number = 0xffff - ipv4.LENGTH;

export class Reassembly {
  readonly #out: Out;
  readonly #lifetime: Millis;
  // Datagrams.
  readonly #source: Uint32Array;
  readonly #destination: Uint32Array;
  /** Identification and protocol; -1 = the row is free. */
  readonly #key: Int32Array;
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
  readonly #next: Int32Array;
  #free: number;

  constructor(out: Out, datagrams: number, fragments: number, lifetime: Millis) {
    this.#out = out;
    this.#lifetime = lifetime;
    this.#source = new Uint32Array(datagrams);
    this.#destination = new Uint32Array(datagrams);
    this.#key = new Int32Array(datagrams).fill(NONE);
    this.#iface = new Int32Array(datagrams);
    this.#born = new Float64Array(datagrams);
    this.#total = new Int32Array(datagrams);
    this.#received = new Int32Array(datagrams);
    this.#first = new Int32Array(datagrams).fill(NONE);
    this.#handle = new Int32Array(fragments);
    this.#place = new Int32Array(fragments);
    this.#length = new Int32Array(fragments);
    this.#next = Int32Array.from({ length: fragments }, (_, n) =>
      n + 1 < fragments ? n + 1 : NONE,
    );
    this.#free = fragments > 0 ? 0 : NONE;
  }

  /** True when it was made for these bounds. */
  isSized(datagrams: number, fragments: number, lifetime: Millis): boolean {
    return (
      datagrams === this.#key.length &&
      fragments === this.#handle.length &&
      lifetime === this.#lifetime
    );
  }

  /** Keeps the fragment in start..end, a valid packet for us. Returns its datagram when that is whole now, else -1. */
  accept(iface: number, start: Offset, end: Offset, now: Millis): number {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    const length = ipv4.totalLength(view, ip) - ipv4.headerLength(view, ip);
    const place = header.place(view, ip) * 8;
    const more = (header.flags(view, ip) & ipv4.MORE_FRAGMENTS) !== 0;
    if (length === 0 || place + length > MAX_DATA || (more && length % 8 !== 0))
      return this.#refuse();
    const row = this.#row(view, ip, iface, now);
    if (row < 0) return this.#refuse();
    const total = this.#total[row] as number;
    const whole = more ? total : place + length;
    if (total >= 0 && (whole !== total || place + length > total)) return this.#discard(row);
    return this.#keep(row, start, end, place, length, whole);
  }

  /** First fragment of a datagram, which has the transport header when the datagram is whole. */
  first(row: number): number {
    return this.#first[row] as number;
  }

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

  iface(row: number): number {
    return this.#iface[row] as number;
  }

  /** A datagram that waited too long, or -1; the caller answers and removes it. */
  expired(now: Millis): number {
    for (let row = 0; row < this.#key.length; row++) {
      if (this.#key[row] === NONE) continue;
      if (now - (this.#born[row] as number) >= this.#lifetime) return row;
    }
    return NONE;
  }

  /** True when the datagram's beginning is there. */
  hasBeginning(row: number): boolean {
    const fragment = this.#first[row] as number;
    return fragment >= 0 && this.#place[fragment] === 0;
  }

  /** Forgets a datagram; its buffers are free at the end of the burst. */
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
    this.#key[row] = NONE;
  }

  /** Forgets everything. */
  clear(): void {
    for (let row = 0; row < this.#key.length; row++) if (this.#key[row] !== NONE) this.remove(row);
  }

  #refuse(): number {
    this.#out.drop(Drop["ip-fragment"]);
    return NONE;
  }

  #discard(row: number): number {
    this.remove(row);
    return this.#refuse();
  }

  #keep(
    row: number,
    start: Offset,
    end: Offset,
    place: number,
    length: number,
    whole: number,
  ): number {
    let before = NONE;
    let after = this.#first[row] as number;
    while (after >= 0 && (this.#place[after] as number) < place) {
      before = after;
      after = this.#next[after] as number;
    }
    if (after >= 0 && this.#place[after] === place && this.#length[after] === length) {
      return this.#refuse(); // A repeated fragment changes nothing.
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
    this.#next[fragment] = after;
    if (before >= 0) this.#next[before] = fragment;
    else this.#first[row] = fragment;
    this.#total[row] = whole;
    const received = (this.#received[row] as number) + length;
    this.#received[row] = received;
    return received === whole ? row : NONE;
  }

  /** The row of the fragment's datagram, a new one when it is the first to come; -1 = none is configured. */
  #row(view: DataView, ip: Offset, iface: number, now: Millis): number {
    const key = (ipv4.id(view, ip) << 8) | ipv4.protocol(view, ip);
    const source = ipv4.source(view, ip);
    const destination = ipv4.destination(view, ip);
    let free = NONE;
    for (let row = 0; row < this.#key.length; row++) {
      if (this.#key[row] === NONE) free = row;
      else if (
        this.#key[row] === key &&
        this.#source[row] === source &&
        this.#destination[row] === destination
      ) {
        return row;
      }
    }
    if (free < 0) free = this.#evict(NONE);
    if (free < 0) return NONE;
    this.#key[free] = key;
    this.#source[free] = source;
    this.#destination[free] = destination;
    this.#iface[free] = iface;
    this.#born[free] = now;
    this.#total[free] = NONE;
    this.#received[free] = 0;
    this.#first[free] = NONE;
    return free;
  }

  /** Drops the oldest datagram but `except`, counted; returns its row, -1 = there is none. */
  #evict(except: number): number {
    let oldest = NONE;
    for (let row = 0; row < this.#key.length; row++) {
      if (row === except || this.#key[row] === NONE) continue;
      if (oldest < 0 || (this.#born[row] as number) < (this.#born[oldest] as number)) oldest = row;
    }
    if (oldest >= 0) this.#discard(oldest);
    return oldest;
  }
}
