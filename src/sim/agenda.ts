// What is to happen when, for simulations of many parties: a binary heap by time, then by order of entry.

import type { Millis } from "../lib/units.ts";

interface Entry {
  readonly at: Millis;
  readonly order: number;
  readonly act: () => void;
}

const isBefore = (a: Entry, b: Entry): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order);

export class Agenda {
  readonly #heap: Entry[] = [];
  #order = 0;

  add(at: Millis, act: () => void): void {
    const heap = this.#heap;
    const entry = { at, order: this.#order++, act };
    let place = heap.length;
    heap.push(entry);
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above] as Entry;
      if (isBefore(parent, entry)) break;
      heap[place] = parent;
      place = above;
    }
    heap[place] = entry;
  }

  /** When the next is due, -1 when there is none. */
  nextAt(): Millis {
    return this.#heap[0]?.at ?? -1;
  }

  /** Takes the next one out. */
  take(): () => void {
    const heap = this.#heap;
    const first = heap[0] as Entry;
    const last = heap.pop() as Entry;
    if (heap.length > 0) this.#sink(last);
    return first.act;
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= heap.length) break;
      const right = heap[below + 1];
      if (right !== undefined && isBefore(right, heap[below] as Entry)) below++;
      const child = heap[below] as Entry;
      if (isBefore(entry, child)) break;
      heap[place] = child;
      place = below;
    }
    heap[place] = entry;
  }
}
