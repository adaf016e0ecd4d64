// One timer per slot number, in a hierarchical wheel (Varghese and Lauck, 1987, scheme 7): setting, clearing
// and firing cost a few stores however many timers run. Resolution is one millisecond; no timer fires early.
// Nothing is allocated after construction, and one call does a bounded amount of work.

import type { Millis } from "./units.ts";

const BITS = 6;
const BUCKETS = 1 << BITS;
/** 64^6 ms is more than 2^32: any two ticks whose lower 32 bits differ meet in one of the levels. */
const LEVELS = 6;
/**
 * Longest step ahead in ticks; later timers are put there and looked at again. Keeps 32-bit arithmetic
 * unambiguous.
 */
const HORIZON = 2 ** 30;
/** Timers moved to a finer level per call, so that one call stays in the microseconds. Our choice. */
const MOVES = 512;

export class Wheel {
  /** Slots first, then one sentinel per bucket: circular lists that need no case for their ends. */
  readonly #next: Int32Array;
  readonly #prev: Int32Array;
  /** Level of a slot's timer, or -1. */
  readonly #level: Int8Array;
  readonly #due: Float64Array;
  readonly #slots: number;
  /** Timers per level. */
  readonly #counts: Int32Array = new Int32Array(LEVELS);
  #count = 0;
  /** The next tick to run; all timers of earlier ticks have fired. */
  #tick = 0;

  constructor(slots: number) {
    this.#slots = slots;
    const nodes = slots + LEVELS * BUCKETS;
    this.#next = Int32Array.from({ length: nodes }, (_, node) => node);
    this.#prev = Int32Array.from({ length: nodes }, (_, node) => node);
    this.#level = new Int8Array(slots).fill(-1);
    this.#due = new Float64Array(slots);
  }

  /** Timers that run. */
  get size(): number {
    return this.#count;
  }

  isSet(slot: number): boolean {
    return this.#level[slot]! >= 0;
  }

  /** When the slot's timer is due; only while it is set. */
  due(slot: number): Millis {
    return this.#due[slot]!;
  }

  /**
   * Starts or moves the slot's timer. A moment that is past fires in the millisecond after the last that ran.
   */
  set(slot: number, due: Millis): void {
    if (this.#level[slot]! >= 0) this.#unlink(slot);
    this.#due[slot] = due;
    this.#place(slot);
  }

  clear(slot: number): void {
    if (this.#level[slot]! >= 0) this.#unlink(slot);
  }

  /**
   * A slot whose timer is due, its timer cleared; -1 when there is none, or when this call has done its share
   * of moving (the rest follows in the next call). Call it until it returns -1 or the caller's own bound is
   * met.
   */
  expire(now: Millis): number {
    const today = Math.floor(now);
    let moves = 0;
    while (this.#tick <= today) {
      if (this.#count === 0) {
        this.#tick = today + 1;
        return -1;
      }
      const low = this.#tick >>> 0;
      // Coarser buckets that start at this tick are spread first.
      for (let level = LEVELS - 1; level > 0; level--) {
        if (this.#counts[level] === 0 || low % (1 << (level * BITS)) !== 0) continue;
        const sentinel = this.#sentinel(level, low);
        let slot = this.#next[sentinel]!;
        while (slot !== sentinel) {
          if (moves++ >= MOVES) return -1;
          this.#unlink(slot);
          this.#place(slot);
          slot = this.#next[sentinel]!;
        }
      }
      const sentinel = this.#sentinel(0, low);
      const slot = this.#next[sentinel]!;
      if (slot !== sentinel) {
        this.#unlink(slot);
        if (this.#due[slot]! <= now) return slot;
        this.#place(slot); // It was beyond the horizon when it was set.
        continue;
      }
      this.#tick = Math.min(this.#following(low), today + 1);
    }
    return -1;
  }

  /** The next tick at which a bucket can start, past levels that are empty. */
  #following(low: number): number {
    if (this.#counts[0]! > 0) return this.#tick + 1;
    let span = BUCKETS;
    for (let level = 1; level < LEVELS - 1 && this.#counts[level] === 0; level++) span *= BUCKETS;
    return this.#tick + span - (low % span);
  }

  #place(slot: number): void {
    const tick = Math.min(Math.max(Math.ceil(this.#due[slot]!), this.#tick), this.#tick + HORIZON);
    const low = tick >>> 0;
    // The highest bit in which the tick differs from the next one says how coarse its bucket may be.
    const differing = (low ^ (this.#tick >>> 0)) >>> 0;
    const level = differing < BUCKETS ? 0 : Math.floor((31 - Math.clz32(differing)) / BITS);
    const sentinel = this.#sentinel(level, low);
    const last = this.#prev[sentinel]!;
    this.#next[last] = slot;
    this.#prev[slot] = last;
    this.#next[slot] = sentinel;
    this.#prev[sentinel] = slot;
    this.#level[slot] = level;
    this.#counts[level]!++;
    this.#count++;
  }

  #unlink(slot: number): void {
    const next = this.#next[slot]!;
    const prev = this.#prev[slot]!;
    this.#next[prev] = next;
    this.#prev[next] = prev;
    this.#counts[this.#level[slot]!]!--;
    this.#level[slot] = -1;
    this.#count--;
  }

  #sentinel(level: number, low: number): number {
    return this.#slots + level * BUCKETS + ((low >>> (level * BITS)) & (BUCKETS - 1));
  }
}
