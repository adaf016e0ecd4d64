// Finds the slot of a 64-bit key, given as two 32-bit words, in flat memory: open addressing with linear
// probing and backward-shift deletion (Knuth, TAOCP vol. 3, 6.4, algorithm R), so that a table that churns for
// ever is as fast as a fresh one. Nothing is allocated after construction.

import { assert } from "./assert.ts";

/**
 * Words per cell: key a, key b, slot + 1 (0 = empty), unused. 16 bytes, so that a cell never splits a cache
 * line.
 */
const CELL = 4;

export class HashIndex {
  readonly #cells: Int32Array;
  readonly #mask: number;
  readonly #seed: number;
  #size = 0;

  /** Room for `slots` keys at a load of at most one half. `seed` makes collisions hard to plan from outside. */
  constructor(slots: number, seed = 0) {
    let cells = 16;
    while (cells < slots * 2) cells *= 2;
    this.#cells = new Int32Array(cells * CELL);
    this.#mask = cells - 1;
    this.#seed = seed | 0;
  }

  /** Keys held. */
  get size(): number {
    return this.#size;
  }

  /** The slot of the key, or -1. */
  find(a: number, b: number): number {
    const cells = this.#cells;
    const mask = this.#mask;
    const first = a | 0;
    const second = b | 0;
    let cell = this.#home(first, second);
    for (;;) {
      const at = cell * CELL;
      const slot = cells[at + 2]!;
      if (slot === 0) return -1;
      if (cells[at] === first && cells[at + 1] === second) return slot - 1;
      cell = (cell + 1) & mask;
    }
  }

  /** Puts the key at `slot`, in place of the slot that it had. */
  set(a: number, b: number, slot: number): void {
    const cells = this.#cells;
    const first = a | 0;
    const second = b | 0;
    let cell = this.#home(first, second);
    for (;;) {
      const at = cell * CELL;
      if (cells[at + 2] === 0) break;
      if (cells[at] === first && cells[at + 1] === second) {
        cells[at + 2] = slot + 1;
        return;
      }
      cell = (cell + 1) & this.#mask;
    }
    assert(this.#size < this.#mask, "a hash index has more keys than it was made for");
    const at = cell * CELL;
    cells[at] = first;
    cells[at + 1] = second;
    cells[at + 2] = slot + 1;
    this.#size++;
  }

  /** Removes the key; false when it was not there. */
  delete(a: number, b: number): boolean {
    const cells = this.#cells;
    const mask = this.#mask;
    const first = a | 0;
    const second = b | 0;
    let hole = this.#home(first, second);
    for (;;) {
      const at = hole * CELL;
      if (cells[at + 2] === 0) return false;
      if (cells[at] === first && cells[at + 1] === second) break;
      hole = (hole + 1) & mask;
    }
    // Every later cell of the run whose home lies at or before the hole moves back into it.
    for (let cell = (hole + 1) & mask; ; cell = (cell + 1) & mask) {
      const at = cell * CELL;
      if (cells[at + 2] === 0) break;
      const home = this.#home(cells[at]!, cells[at + 1]!);
      if (((cell - home) & mask) < ((cell - hole) & mask)) continue;
      cells.copyWithin(hole * CELL, at, at + CELL);
      hole = cell;
    }
    cells[hole * CELL + 2] = 0;
    this.#size--;
    return true;
  }

  clear(): void {
    this.#cells.fill(0);
    this.#size = 0;
  }

  /** Mixes both words so that neighbouring addresses spread (the finalizer of MurmurHash3, public domain). */
  #home(a: number, b: number): number {
    let hash = Math.imul(a ^ this.#seed, 0x9e3779b1) ^ b;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & this.#mask;
  }
}
