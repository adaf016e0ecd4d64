// Cores open their queues of one interface in core order, because the kernel numbers queues and sockets as they come.
// Two words in the arena say whose turn it is and for which incarnation of the interface (its index).

import type { Arena, Planner } from "../lib/arena.ts";
import type { CoreId, Offset } from "../lib/units.ts";

const TURN = 0;
const INTERFACE = 1;
const NOTE = 2;
/** Wakes nobody may have missed: a waiter looks again after so long. */
const STEP_MS = 20;

/** Reserves the words. */
export function planTurn(planner: Planner): Offset {
  return planner.reserve(128, 128);
}

/** One core's view of the order. */
export class Turn {
  readonly #i32: Int32Array;
  readonly #at: number;
  readonly #core: CoreId;

  constructor(arena: Arena, at: Offset, core: CoreId) {
    this.#i32 = arena.i32;
    this.#at = at >> 2;
    this.#core = core;
  }

  /** The first core begins anew: nobody else has a turn until it is done. */
  begin(): void {
    if (this.#core === 0) Atomics.store(this.#i32, this.#at + TURN, -1);
  }

  /** True when all cores before this one are done with the interface `index`; -1 stands for any. */
  isMine(index: number): boolean {
    if (this.#core === 0) return true;
    if (Atomics.load(this.#i32, this.#at + TURN) !== this.#core) return false;
    return index === -1 || Atomics.load(this.#i32, this.#at + INTERFACE) === index;
  }

  /** Waits for the turn; false after `limitMs`. */
  await(index: number, limitMs: number): boolean {
    for (let waited = 0; !this.isMine(index); waited += STEP_MS) {
      if (waited >= limitMs) return false;
      const seen = Atomics.load(this.#i32, this.#at + TURN);
      Atomics.wait(this.#i32, this.#at + TURN, seen, STEP_MS);
    }
    return true;
  }

  /** What the first core tells the others, 0 at first. */
  get note(): number {
    return Atomics.load(this.#i32, this.#at + NOTE);
  }

  set note(value: number) {
    Atomics.store(this.#i32, this.#at + NOTE, value);
  }

  /** Passes the turn on. */
  done(index: number): void {
    Atomics.store(this.#i32, this.#at + INTERFACE, index);
    Atomics.store(this.#i32, this.#at + TURN, this.#core + 1);
    Atomics.notify(this.#i32, this.#at + TURN);
  }
}
