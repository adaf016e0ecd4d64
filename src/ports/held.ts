// What one core's queue of a port holds of the kernel's, as words in the arena. Descriptors belong to the process: a
// thread that dies leaves its sockets open, and in their places in the kernel's groups, whose members are numbered. Who
// follows it takes them over from here, and so does whoever closes them in the end.

import type { Arena, Planner } from "../lib/arena.ts";
import type { CoreId, Offset } from "../lib/units.ts";
import { close } from "./linux/ffi.ts";

/** Words per core. */
const WORDS = 16;
/** The first words are descriptors, each one more than its number, 0 = none; the others are the driver's. */
const HELD_DESCRIPTORS = 7;

export function planHeld(planner: Planner, cores: number): Offset {
  return planner.reserve(cores * WORDS * 4, 128);
}

/** One core's words. */
export class Held {
  readonly #i32: Int32Array;
  readonly #at: number;
  /** Offset in the arena of word 0 behind the descriptors. */
  readonly offset: Offset;

  constructor(arena: Arena, at: Offset, core: CoreId) {
    this.#i32 = arena.i32;
    this.#at = (at >> 2) + core * WORDS;
    this.offset = (this.#at + HELD_DESCRIPTORS) << 2;
  }

  /** True when a thread before left an open queue. */
  get isSet(): boolean {
    return Atomics.load(this.#i32, this.#at) !== 0;
  }

  /** Descriptor n, or -1. */
  descriptor(n: number): number {
    return Atomics.load(this.#i32, this.#at + n) - 1;
  }

  setDescriptor(n: number, fd: number): void {
    Atomics.store(this.#i32, this.#at + n, fd + 1);
  }

  word(n: number): number {
    return Atomics.load(this.#i32, this.#at + HELD_DESCRIPTORS + n);
  }

  setWord(n: number, value: number): void {
    Atomics.store(this.#i32, this.#at + HELD_DESCRIPTORS + n, value);
  }

  /** Everything is closed, or another's now. */
  clear(): void {
    for (let n = 0; n < WORDS; n++) Atomics.store(this.#i32, this.#at + n, 0);
  }

  /** Closes what a thread that is gone left open. */
  closeAll(): void {
    for (let n = 0; n < HELD_DESCRIPTORS; n++) {
      const fd = this.descriptor(n);
      if (fd >= 0) close(fd);
    }
    this.clear();
  }
}
