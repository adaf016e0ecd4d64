// A single-producer single-consumer ring of 64-byte records in the arena (CORE-2). Each side keeps its own cursor
// private and a cached copy of the other's, and publishes once per burst with one atomic store: publishing every
// record costs six times as much. The two cursors lie 256 bytes apart (two pairs of cache lines), so that neither side
// nor the adjacent-line prefetcher touches the other's.
//
//    +0    tail: records published so far, written by the producer alone
//    +256  head: records released so far, written by the consumer alone
//    +512  capacity * 64 bytes of records
//
// Cursors count records and wrap at 2^32; capacity is a power of two.

import type { Arena, Planner } from "./arena.ts";
import { assert } from "./assert.ts";
import type { Offset } from "./units.ts";

const RECORD_SHIFT = 6;
const HEAD = 256;
const RECORDS = 512;

/** Reserves room for a ring of `capacity` records (a power of two). */
export function planRing(planner: Planner, capacity: number): Offset {
  assert((capacity & (capacity - 1)) === 0, "a ring's capacity is a power of two");
  return planner.reserve(RECORDS + (capacity << RECORD_SHIFT), 256);
}

/** Forgets what lies in a ring whose consumer is gone: the producer gets its room back. */
export function resetRing(arena: Arena, at: Offset): void {
  Atomics.store(arena.i32, (at + HEAD) >> 2, Atomics.load(arena.i32, at >> 2));
}

/** True when all that was published has been released. */
export function ringIsEmpty(arena: Arena, at: Offset): boolean {
  return Atomics.load(arena.i32, (at + HEAD) >> 2) === Atomics.load(arena.i32, at >> 2);
}

/** The producer's side. */
export class RingSender {
  readonly capacity: number;
  readonly #i32: Int32Array;
  readonly #tailAt: number;
  readonly #headAt: number;
  readonly #records: Offset;
  readonly #mask: number;
  #tail: number;
  #published: number;
  #head: number;

  constructor(arena: Arena, at: Offset, capacity: number) {
    this.capacity = capacity;
    this.#i32 = arena.i32;
    this.#tailAt = at >> 2;
    this.#headAt = (at + HEAD) >> 2;
    this.#records = at + RECORDS;
    this.#mask = capacity - 1;
    this.#tail = Atomics.load(this.#i32, this.#tailAt);
    this.#published = this.#tail;
    this.#head = Atomics.load(this.#i32, this.#headAt);
  }

  /** Offset of the next record to fill, or -1 when the ring is full. The record is sent by `publish`. */
  claim(): Offset {
    if (((this.#tail - this.#head) | 0) >= this.capacity) {
      this.#head = Atomics.load(this.#i32, this.#headAt);
      if (((this.#tail - this.#head) | 0) >= this.capacity) return -1;
    }
    const at = this.#records + ((this.#tail & this.#mask) << RECORD_SHIFT);
    this.#tail = (this.#tail + 1) | 0;
    return at;
  }

  /** Makes all claimed records visible. True when there was one. */
  publish(): boolean {
    if (this.#tail === this.#published) return false;
    this.#published = this.#tail;
    Atomics.store(this.#i32, this.#tailAt, this.#tail);
    return true;
  }

  /** Position of the record claimed last, modulo the capacity. */
  get position(): number {
    return (this.#tail - 1) & this.#mask;
  }

  /** The record claimed last, as a count of records that wraps. */
  get last(): number {
    return (this.#tail - 1) | 0;
  }

  /** Reads how far the consumer has released: a count of records that wraps. */
  released(): number {
    this.#head = Atomics.load(this.#i32, this.#headAt);
    return this.#head;
  }

  /** Records that may be claimed for certain. */
  get room(): number {
    return this.capacity - ((this.#tail - this.#head) | 0);
  }

  /** Records claimed and not yet released, as far as this side knows. */
  get used(): number {
    return (this.#tail - this.#head) | 0;
  }
}

/** The consumer's side. */
export class RingReceiver {
  readonly #i32: Int32Array;
  readonly #tailAt: number;
  readonly #headAt: number;
  readonly #records: Offset;
  readonly #mask: number;
  #head: number;
  #released: number;
  #tail: number;

  constructor(arena: Arena, at: Offset, capacity: number) {
    this.#i32 = arena.i32;
    this.#tailAt = at >> 2;
    this.#headAt = (at + HEAD) >> 2;
    this.#records = at + RECORDS;
    this.#mask = capacity - 1;
    this.#head = Atomics.load(this.#i32, this.#headAt);
    this.#released = this.#head;
    this.#tail = this.#head;
  }

  /** Looks for new records; the number that `next` will give. */
  available(): number {
    if (this.#tail === this.#head) this.#tail = Atomics.load(this.#i32, this.#tailAt);
    return (this.#tail - this.#head) | 0;
  }

  /** Offset of the next record, or -1. It stays valid until `release`. */
  next(): Offset {
    if (this.#tail === this.#head) return -1;
    const at = this.#records + ((this.#head & this.#mask) << RECORD_SHIFT);
    this.#head = (this.#head + 1) | 0;
    return at;
  }

  /** Gives everything that `next` returned back to the producer. */
  release(): void {
    if (this.#released === this.#head) return;
    this.#released = this.#head;
    Atomics.store(this.#i32, this.#headAt, this.#head);
  }
}
