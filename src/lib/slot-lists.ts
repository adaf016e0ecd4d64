// Lists over the slots of a table: every slot is free or in one of so many circular lists, each in the order in which
// its slots came. Taking, giving back and moving a slot cost a few stores. Nothing is allocated after construction.

import { assert } from "./assert.ts";

export class SlotLists {
  readonly capacity: number;
  /** Slots first, then one sentinel per list. */
  readonly #next: Int32Array;
  readonly #prev: Int32Array;
  /** List of a slot; -1 = it is free, or was just taken. */
  readonly #list: Int16Array;
  readonly #counts: Int32Array;
  #free: number;
  #size = 0;

  constructor(capacity: number, lists: number) {
    this.capacity = capacity;
    this.#next = Int32Array.from({ length: capacity + lists }, (_, node) => node);
    this.#prev = this.#next.slice();
    this.#list = new Int16Array(capacity).fill(-1);
    this.#counts = new Int32Array(lists);
    for (let slot = 0; slot < capacity; slot++)
      this.#next[slot] = slot + 1 < capacity ? slot + 1 : -1;
    this.#free = capacity > 0 ? 0 : -1;
  }

  /** No slot is free. */
  get isFull(): boolean {
    return this.#free < 0;
  }

  /** Slots in lists. */
  get size(): number {
    return this.#size;
  }

  /** A free slot, in no list yet; -1 when there is none. `put` must follow. */
  take(): number {
    const slot = this.#free;
    if (slot >= 0) this.#free = this.#next[slot]!;
    return slot;
  }

  /** Puts a slot that was taken at the end of a list, out of the one that it is in. */
  put(slot: number, list: number): void {
    this.#unlink(slot);
    const sentinel = this.capacity + list;
    const last = this.#prev[sentinel]!;
    this.#next[last] = slot;
    this.#prev[slot] = last;
    this.#next[slot] = sentinel;
    this.#prev[sentinel] = slot;
    this.#list[slot] = list;
    this.#counts[list]!++;
    this.#size++;
  }

  /** Gives a slot back. */
  release(slot: number): void {
    this.#unlink(slot);
    this.#next[slot] = this.#free;
    this.#free = slot;
  }

  #unlink(slot: number): void {
    const list = this.#list[slot]!;
    if (list < 0) return;
    const next = this.#next[slot]!;
    const prev = this.#prev[slot]!;
    this.#next[prev] = next;
    this.#prev[next] = prev;
    this.#list[slot] = -1;
    this.#counts[list]!--;
    this.#size--;
  }

  /** The list of a slot, -1 when it is in none. */
  listOf(slot: number): number {
    return this.#list[slot]!;
  }

  count(list: number): number {
    return this.#counts[list]!;
  }

  /** The slot that came first into a list, or -1. */
  first(list: number): number {
    return this.#counts[list] === 0 ? -1 : this.#next[this.capacity + list]!;
  }

  /** The slot behind one in its list, or -1. */
  after(slot: number): number {
    const next = this.#next[slot]!;
    return next < this.capacity ? next : -1;
  }

  /** The longest of the lists from..to-1, the first of equals; -1 when all are empty. */
  longest(from: number, to: number): number {
    let longest = -1;
    let most = 0;
    for (let list = from; list < to; list++) {
      if (this.#counts[list]! <= most) continue;
      most = this.#counts[list]!;
      longest = list;
    }
    return longest;
  }

  /** For tests: counts and links agree. */
  check(): void {
    let size = 0;
    for (let list = 0; list < this.#counts.length; list++) {
      let counted = 0;
      for (let slot = this.first(list); slot >= 0; slot = this.after(slot)) {
        assert(this.#list[slot] === list, "a slot is in another list than it says");
        counted++;
      }
      assert(counted === this.#counts[list], "a list's count is wrong");
      size += counted;
    }
    assert(size === this.#size, "the lists' size is wrong");
  }
}
