// The arena: ONE page-aligned shared buffer that holds every frame, ring, counter and table that more than
// one thread may see. Being a WebAssembly.Memory it starts on a page, so that the kernel's own packet rings
// can be mapped at fixed addresses inside it, and a frame is then two numbers wherever it lies.

import { assert } from "./assert.ts";
import { type Copy, makeCopy } from "./copy.ts";
import type { Offset } from "./units.ts";

/** A page of the kernel and a unit of our sections (x86-64 and arm64 with 4 KiB pages). */
export const PAGE = 4096;
/** A page of WebAssembly (its core specification, section 4.2.8). */
const WASM_PAGE = 65536;
/** Offsets stay below 2^31, so that they are small integers in V8 and fit an Int32Array. */
const MAX_BYTES = 0x7fff0000;

interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
}
declare const WebAssembly: {
  Memory: new (shape: { initial: number; maximum: number; shared: true }) => SharedMemory;
};

/** The shared buffer and the views that every reader uses. Send `memory` to workers and `attach` there. */
export class Arena {
  /** What crosses threads (structured clone keeps it shared). */
  readonly memory: SharedMemory;
  readonly buffer: SharedArrayBuffer;
  /** The one view for frames and records; big-endian unless a call says otherwise. */
  readonly view: DataView;
  readonly u8: Uint8Array;
  /** For cursors and flags through Atomics; index = offset / 4. */
  readonly i32: Int32Array;
  /** For counters; index = offset / 8. */
  readonly f64: Float64Array;
  /** Copies bytes many times faster than copyWithin can on shared memory. */
  readonly copy: Copy;

  private constructor(memory: SharedMemory) {
    this.memory = memory;
    this.buffer = memory.buffer;
    this.view = new DataView(this.buffer);
    this.u8 = new Uint8Array(this.buffer);
    this.i32 = new Int32Array(this.buffer);
    this.f64 = new Float64Array(this.buffer);
    this.copy = makeCopy(memory);
  }

  /** Makes a zeroed arena of at least `bytes` bytes. Memory is only touched, and so resident, when used. */
  static create(bytes: number): Arena {
    assert(bytes > 0 && bytes <= MAX_BYTES, "an arena holds 1 byte to 2 GiB");
    const pages = Math.ceil(bytes / WASM_PAGE);
    return new Arena(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }));
  }

  /** The same arena in another thread, from what `memory` was there. */
  static attach(memory: unknown): Arena {
    return new Arena(memory as SharedMemory);
  }
}

/** Hands out sections of an arena in order; the plan is made once, before any thread starts. */
export class Planner {
  #next: Offset = PAGE; // Offset 0 stays unused, so that 0 can mean "none".

  /** Reserves `bytes` bytes that start at a multiple of `align` (a power of two). */
  reserve(bytes: number, align = 128): Offset {
    const at = Math.ceil(this.#next / align) * align;
    this.#next = at + bytes;
    return at;
  }

  /** Bytes planned so far: what the arena must at least hold. */
  get size(): number {
    return this.#next;
  }
}
