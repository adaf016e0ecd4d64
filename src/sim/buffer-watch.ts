// The frame buffers of an appliance's cores under watch (CORE-10): each is free or taken, never given back twice, never
// sent after it was given back; freed ones are overwritten.

import type { Core } from "../core/core.ts";
import { FRAME_START } from "../core/frame-message.ts";
import type { Layout } from "../core/layout.ts";
import { BUFFER, HEADROOM } from "../engine/frame.ts";
import { Message } from "../engine/message.ts";
import type { Arena } from "../lib/arena.ts";
import type { CoreId, Offset } from "../lib/units.ts";
import { Violation } from "./violation.ts";
import { POISON } from "./watched-port.ts";

export const MEMORY = "no buffer is used after release";
/** So much of a freed buffer is overwritten: headroom, headers and some payload. */
const POISONED = 160;

export class BufferWatch {
  readonly #layout: Layout;
  readonly #u8: Uint8Array;
  /** Per core: 1 = free. */
  readonly #free: Uint8Array[];

  constructor(arena: Arena, layout: Layout) {
    this.#layout = layout;
    this.#u8 = arena.u8;
    this.#free = layout.pools.map(({ count, bigCount }) => new Uint8Array(count + bigCount));
  }

  /** Watches a core's pool from now on: all buffers are free. */
  watch(core: Core): void {
    const { pool } = core;
    const free = this.#free[core.core] as Uint8Array;
    free.fill(1);
    const take = pool.take.bind(pool);
    const give = pool.give.bind(pool);
    pool.take = (room): number => {
      const buffer = take(room);
      if (buffer >= 0) {
        if (free[buffer] !== 1) throw new Violation(MEMORY, `buffer ${buffer} was given out twice`);
        free[buffer] = 0;
      }
      return buffer;
    };
    pool.give = (buffer): void => {
      if (free[buffer] !== 0) {
        throw new Violation(MEMORY, `core ${core.core} gave buffer ${buffer} back twice`);
      }
      free[buffer] = 1;
      const start = pool.start(buffer) - HEADROOM;
      this.#u8.fill(POISON, start, start + POISONED);
      give(buffer);
    };
    this.#watchBus(core);
  }

  /** Frames that other cores hand over: where they lie must not be free when they are read. */
  #watchBus({ bus, core, view }: Core): void {
    const next = bus.next.bind(bus);
    bus.next = (): Offset => {
      const at = next();
      if (at >= 0 && view.getUint8(at) === Message.frame) {
        this.used(core, view.getInt32(at + FRAME_START));
      }
      return at;
    };
  }

  /** A frame is sent, or read: where it lies must not be free. */
  used(by: CoreId, start: Offset): void {
    const { pools } = this.#layout;
    for (let core = 0; core < pools.length; core++) {
      const { at, count } = pools[core] as Layout["pools"][number];
      if (start < at || start >= at + count * BUFFER) continue;
      const buffer = Math.floor((start - at) / BUFFER);
      if (this.#free[core]?.[buffer] === 1) {
        throw new Violation(MEMORY, `core ${by} uses the free buffer ${buffer} of core ${core}`);
      }
      return;
    }
  }
}
