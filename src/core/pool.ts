// One core's frame buffers (CORE-10): for frames that cross cores, wait for an address, or are copies. Only the owner
// allocates and frees; a receiver of a handed-over frame reads it and gives it back through the bus cursor.
// Ordinary buffers are numbered from 0, big ones (for super-frames) follow.

import { BIG_BUFFER, BUFFER, FRAME_ROOM, HEADROOM } from "../engine/frame.ts";
import type { Offset } from "../lib/units.ts";
import type { PoolLayout } from "./layout.ts";

export class Pool {
  readonly #layout: PoolLayout;
  readonly #free: Int32Array;
  readonly #freeBig: Int32Array;
  /** End of the frame that a buffer holds. */
  readonly #end: Int32Array;
  #freeCount: number;
  #freeBigCount: number;

  constructor(layout: PoolLayout) {
    this.#layout = layout;
    this.#free = Int32Array.from({ length: layout.count }, (_, n) => layout.count - 1 - n);
    this.#freeBig = Int32Array.from({ length: layout.bigCount }, (_, n) => layout.count + n);
    this.#end = new Int32Array(layout.count + layout.bigCount);
    this.#freeCount = layout.count;
    this.#freeBigCount = layout.bigCount;
  }

  /** Number of a buffer with `room` bytes from its start, or -1. */
  take(room: number): number {
    if (room <= FRAME_ROOM) {
      if (this.#freeCount === 0) return -1;
      return this.#free[--this.#freeCount] as number;
    }
    if (room > BIG_BUFFER - HEADROOM || this.#freeBigCount === 0) return -1;
    return this.#freeBig[--this.#freeBigCount] as number;
  }

  give(buffer: number): void {
    if (buffer < this.#layout.count) this.#free[this.#freeCount++] = buffer;
    else this.#freeBig[this.#freeBigCount++] = buffer;
  }

  /** Where a frame in the buffer starts: headroom lies before. */
  start(buffer: number): Offset {
    const { count } = this.#layout;
    if (buffer < count) return this.#layout.at + buffer * BUFFER + HEADROOM;
    return this.#layout.bigAt + (buffer - count) * BIG_BUFFER + HEADROOM;
  }

  end(buffer: number): Offset {
    return this.#end[buffer] as number;
  }

  setEnd(buffer: number, end: Offset): void {
    this.#end[buffer] = end;
  }

  /** Free ordinary and big buffers. */
  get free(): number {
    return this.#freeCount + this.#freeBigCount;
  }

  get size(): number {
    return this.#end.length;
  }
}
