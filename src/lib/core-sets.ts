// A set of cores for each slot of a table: two words of bits, for at most 64 cores.

import type { CoreId } from "./units.ts";

export class CoreSets {
  readonly #low: Int32Array;
  readonly #high: Int32Array;

  constructor(slots: number) {
    this.#low = new Int32Array(slots);
    this.#high = new Int32Array(slots);
  }

  add(slot: number, core: CoreId): void {
    if (core < 32) this.#low[slot]! |= 1 << core;
    else this.#high[slot]! |= 1 << (core - 32);
  }

  /** Adds the cores 0 to 31 of `low` and 32 to 63 of `high`, a bit each. */
  addAll(slot: number, low: number, high: number): void {
    this.#low[slot]! |= low;
    this.#high[slot]! |= high;
  }

  has(slot: number, core: CoreId): boolean {
    const word = core < 32 ? this.#low[slot]! : this.#high[slot]!;
    return ((word >>> (core & 31)) & 1) === 1;
  }

  isEmpty(slot: number): boolean {
    return (this.#low[slot]! | this.#high[slot]!) === 0;
  }

  /** The cores 0 to 31 as bits. */
  low(slot: number): number {
    return this.#low[slot]!;
  }

  /** The cores 32 to 63 as bits. */
  high(slot: number): number {
    return this.#high[slot]!;
  }

  clear(slot: number): void {
    this.#low[slot] = 0;
    this.#high[slot] = 0;
  }
}
