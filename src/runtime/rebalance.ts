// Keeps the cores' loads alike (CORE-7): every interval at most one bucket moves from the busiest core to the idlest,
// when they differ by more than the threshold. Runs on the control core; the cores carry the move out in order
// (steering/mover.ts).

import type { ApplianceConfig } from "../core/config.ts";
import { bucketTotals } from "../engine/totals.ts";
import type { Arena } from "../lib/arena.ts";
import type { Millis, Offset } from "../lib/units.ts";
import { Scheme } from "../steering/config.ts";
import {
  addKernelFrames,
  type BucketMove,
  moveWordsOf,
  planMove,
  STATE_BYTES,
} from "../steering/indirection.ts";
import { MoveControl } from "../steering/move.ts";

/** Frames per bucket since the start: what software steered, and what the kernel's program did. */
export function bucketFrames(
  counters: readonly Float64Array[],
  arena: Arena,
  page: Offset,
): Float64Array {
  const frames = bucketTotals(counters);
  addKernelFrames(new DataView(arena.buffer, page, STATE_BYTES), frames);
  return frames;
}

export interface RebalanceOptions {
  /** The table's bytes, as many as it has buckets. */
  readonly buckets: Uint8Array;
  readonly frames: () => Float64Array;
  readonly loads: () => Float64Array;
  /** Told after a move; the cores that sleep must be woken. */
  readonly moved: (move: BucketMove) => void;
}

export class Rebalancer {
  readonly #options: RebalanceOptions;
  readonly #control: MoveControl | null;
  #before: Float64Array;
  #due: Millis = 0;

  constructor(options: RebalanceOptions) {
    this.#options = options;
    const words = moveWordsOf(options.buckets);
    this.#control = words === null ? null : new MoveControl(options.buckets, words);
    this.#before = options.frames();
  }

  /** Moves one bucket when that is due and worth it. */
  turn(config: ApplianceConfig, now: Millis): void {
    const { rebalance } = config.steering;
    if (rebalance === null || this.#control === null || now < this.#due) return;
    const first = this.#due === 0;
    this.#due = now + rebalance.interval;
    const frames = this.#options.frames();
    const delta = frames.map((count, bucket) => count - (this.#before[bucket] as number));
    this.#before = frames;
    if (first || !movesBuckets(config)) return;
    const { buckets } = this.#options;
    const move = planMove(
      { buckets, frames: delta, loads: this.#options.loads() },
      rebalance.threshold,
    );
    if (move === null) return;
    this.#control.move(move.bucket, move.to);
    this.#options.moved(move);
  }
}

/** Where a table of flows decides, the buckets do not: moving them would change nothing. */
function movesBuckets(config: ApplianceConfig): boolean {
  const { cores, loadThreshold, scheme } = config.steering;
  return cores > 1 && loadThreshold >= 1 && scheme !== Scheme.Arbiter;
}
