// Token buckets in columns: a rate per second with a burst of as many, one bucket per interface or channel, so
// that a noisy one starves no other.

import type { Millis } from "./units.ts";

export class Buckets {
  #tokens: Float64Array;
  #last: Float64Array;
  #rate: number;

  constructor(count: number, rate: number) {
    this.#tokens = new Float64Array(count).fill(rate);
    this.#last = new Float64Array(count);
    this.#rate = rate;
  }

  /** Takes over a new number of buckets and a new rate; what the old ones had left stays. */
  configure(count: number, rate: number): void {
    const tokens = new Float64Array(count).fill(rate);
    const last = new Float64Array(count);
    tokens.set(this.#tokens.subarray(0, count));
    last.set(this.#last.subarray(0, count));
    this.#tokens = tokens;
    this.#last = last;
    this.#rate = rate;
  }

  /** True, and one token fewer, when the bucket is not empty. A bucket that does not exist is always empty. */
  take(bucket: number, now: Millis): boolean {
    const had = this.#tokens[bucket];
    if (had === undefined) return false;
    const elapsed = now - (this.#last[bucket] as number);
    const tokens = Math.min(this.#rate, had + (elapsed * this.#rate) / 1000);
    this.#last[bucket] = now;
    const taken = tokens >= 1;
    this.#tokens[bucket] = taken ? tokens - 1 : tokens;
    return taken;
  }
}
