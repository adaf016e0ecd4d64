// Frames that wait for addresses: one first-in first-out list of buffer handles per table slot, in one pool of
// nodes.

import { assert } from "./assert.ts";

export class Backlog {
  readonly #handle: Int32Array;
  readonly #next: Int32Array;
  /** Per slot. */
  readonly #head: Int32Array;
  readonly #tail: Int32Array;
  readonly #count: Uint32Array;
  #free = 0;
  #size = 0;

  constructor(slots: number, nodes: number) {
    this.#handle = new Int32Array(nodes);
    this.#next = Int32Array.from({ length: nodes }, (_, node) =>
      node + 1 < nodes ? node + 1 : -1,
    );
    this.#head = new Int32Array(slots).fill(-1);
    this.#tail = new Int32Array(slots).fill(-1);
    this.#count = new Uint32Array(slots);
    if (nodes === 0) this.#free = -1;
  }

  /** Frames of all slots. */
  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#free < 0;
  }

  count(slot: number): number {
    return this.#count[slot]!;
  }

  /** Appends a buffer to a slot's list; only while not full. */
  push(slot: number, handle: number): void {
    const node = this.#free;
    assert(node >= 0, "a full backlog was pushed to");
    this.#free = this.#next[node]!;
    this.#handle[node] = handle;
    this.#next[node] = -1;
    if (this.#head[slot]! < 0) this.#head[slot] = node;
    else this.#next[this.#tail[slot]!] = node;
    this.#tail[slot] = node;
    this.#count[slot]!++;
    this.#size++;
  }

  /** The oldest buffer of a slot, or -1. */
  peek(slot: number): number {
    const node = this.#head[slot]!;
    return node < 0 ? -1 : this.#handle[node]!;
  }

  /** Takes the oldest buffer of a slot, or -1. */
  shift(slot: number): number {
    const node = this.#head[slot]!;
    if (node < 0) return -1;
    this.#head[slot] = this.#next[node]!;
    this.#next[node] = this.#free;
    this.#free = node;
    this.#count[slot]!--;
    this.#size--;
    return this.#handle[node]!;
  }
}
