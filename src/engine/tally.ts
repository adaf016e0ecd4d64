// Counts that the cores of an appliance add up, so that a rate holds over all of them without a message: each core has
// a row in the statistics segment (CORE-10), which it alone writes and all may read at any time.

/** Rows have so many counts: three classes of frames of 512 channels. */
export const TALLIES = 1536;

export interface Tallies {
  /** Adds one to a count of this core. */
  add(index: number): void;
  /** What all OTHER cores have counted, as far as this core sees it now. */
  others(index: number): number;
}

/** Over one Float64Array per core; `core` is the one that adds. */
export class SharedTallies implements Tallies {
  readonly #own: Float64Array;
  readonly #others: readonly Float64Array[];

  constructor(rows: readonly Float64Array[], core: number) {
    this.#own = rows[core] as Float64Array;
    this.#others = rows.filter((_, index) => index !== core);
  }

  add(index: number): void {
    this.#own[index] = (this.#own[index] as number) + 1;
  }

  others(index: number): number {
    let sum = 0;
    for (let n = 0; n < this.#others.length; n++) {
      sum += (this.#others[n] as Float64Array)[index] as number;
    }
    return sum;
  }
}
