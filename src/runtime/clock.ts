// The one clock of an appliance: CLOCK_MONOTONIC, in milliseconds since the control core started it. Each thread reads
// its own fast counter and adds the offset between the two, which it measured once.

// Imported, because the global is a getter that costs as much as the clock.
import { performance } from "node:perf_hooks";
import type { Millis } from "../lib/units.ts";

/** Nanoseconds of CLOCK_MONOTONIC, the same in every thread. */
export function monotonic(): bigint {
  return process.hrtime.bigint();
}

/** Reads the appliance's time in this thread. */
export class Clock {
  readonly #offset: Millis;

  /** `origin`: what `monotonic` said when the appliance started. */
  constructor(origin: bigint) {
    const before = performance.now();
    const shared = Number(monotonic() - origin) / 1e6;
    const after = performance.now();
    this.#offset = shared - (before + after) / 2;
  }

  now(): Millis {
    return performance.now() + this.#offset;
  }
}
