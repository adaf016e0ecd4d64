// The indirection table (CORE-4) and the page it lies in: 128 bucket bytes that the control core alone writes, read by
// every core and, where the page is the value of an eBPF map, by the kernel's program in place. Rebalancing
// (CORE-7) plans one bucket move at a time; move.ts carries it out in order.

import type { CoreId } from "../lib/units.ts";

/** One page: the value of the kernel program's state map, laid out as the control section of the global cache. */
export const STATE_BYTES = 4096;
/** The core that plays role r: 32-bit word at STATE_ROLE_AT + 4 r, in the machine's byte order. */
export const STATE_ROLE_AT = 0;
/** The core of bucket b: byte at STATE_BUCKETS_AT + b. */
export const STATE_BUCKETS_AT = 128;
/** The running bucket move: 32-bit words, see MoveWord. */
export const STATE_MOVE_AT = 256;
/** The core that stands in for core k where a rule or a scheme names it: byte at STATE_COVERS_AT + k. */
export const STATE_COVERS_AT = 320;
/**
 * Frames that the kernel program put into bucket b: 64-bit counter at STATE_FRAMES_AT + 8 b, written
 * by the kernel.
 */
export const STATE_FRAMES_AT = 2048;

/** Words of a bucket move, from STATE_MOVE_AT on; written by the control core alone, but for Forced; epochs last. */
export const MoveWord = {
  /** Counts announcements: written before the bucket's byte changes. */
  Announced: 0,
  /** Equals Announced as soon as the bucket's byte has changed. */
  Switched: 1,
  /** The bucket, or ALL_BUCKETS when the table was rewritten without regard to order. */
  Bucket: 2,
  From: 3,
  To: 4,
  /** The announcement whose target did not wait any longer: the target writes it. */
  Forced: 5,
} as const;
export const MOVE_WORDS = 6;
export const ALL_BUCKETS = -1;

export const MAX_BUCKETS = 128;

/** Bucket i to core i mod cores, as NICs start; all 128 bytes, so that any number of buckets may be read. */
export function fillBuckets(buckets: Uint8Array, cores: number): void {
  for (let bucket = 0; bucket < buckets.length; bucket++) buckets[bucket] = bucket % cores;
}

/**
 * A view of the move words of the page whose bucket bytes are `buckets`, or null when those bytes lie in no such page
 * (a test, a prediction): then buckets never move in order, only at `configure`.
 */
export function moveWordsOf(buckets: Uint8Array): Int32Array | null {
  const at = buckets.byteOffset - STATE_BUCKETS_AT + STATE_MOVE_AT;
  if (buckets.byteOffset < STATE_BUCKETS_AT || at % 4 !== 0) return null;
  if (at + MOVE_WORDS * 4 > buckets.buffer.byteLength) return null;
  return new Int32Array(buckets.buffer, at, MOVE_WORDS);
}

/** Frames per bucket that the kernel program counted, added to `into`; `page` is a view of the state page. */
export function addKernelFrames(page: DataView, into: Float64Array): void {
  for (let bucket = 0; bucket < MAX_BUCKETS; bucket++) {
    const at = STATE_FRAMES_AT + bucket * 8;
    const frames = page.getUint32(at, true) + page.getUint32(at + 4, true) * 0x1_0000_0000;
    into[bucket] = (into[bucket] as number) + frames;
  }
}

/** One bucket to another core, with the imbalance before and the one to expect. */
export interface BucketMove {
  readonly bucket: number;
  readonly from: CoreId;
  readonly to: CoreId;
  readonly before: number;
  readonly after: number;
}

/** What a plan is made from. */
export interface Balance {
  /** The core of each bucket; as many as the table has. */
  readonly buckets: Uint8Array;
  /** Frames per bucket in the last interval. */
  readonly frames: Float64Array;
  /** Load per core, 0..1; negative or NaN: the core takes no part. */
  readonly loads: Float64Array;
}

/**
 * The least part of the imbalance that a move must take away: less than the share of one bucket of 128, or a load that
 * is spread evenly over many buckets would never move. Our choice.
 */
const WORTHWHILE = 0.005;
/** The same for a bucket that makes the idlest core the busier one, so that none wanders to and fro. Our choice. */
const WORTH_TURNING = 0.1;

/** Busiest and idlest core that take part. */
function extremes(loads: Float64Array): { high: CoreId; low: CoreId } {
  let high = -1;
  let low = -1;
  for (let core = 0; core < loads.length; core++) {
    const load = loads[core] as number;
    if (!(load >= 0)) continue;
    if (high < 0 || load > (loads[high] as number)) high = core;
    if (low < 0 || load < (loads[low] as number)) low = core;
  }
  return { high, low };
}

/**
 * The next move, or null: from the busiest core to the idlest, when they differ by more than `threshold`, the bucket
 * that leaves them most alike. A bucket's share of a core's load is its share of the core's frames.
 */
export function planMove(balance: Balance, threshold: number): BucketMove | null {
  const { buckets, frames, loads } = balance;
  const { high, low } = extremes(loads);
  if (high < 0 || high === low) return null;
  const before = (loads[high] as number) - (loads[low] as number);
  if (before <= threshold) return null;
  let total = 0;
  for (let bucket = 0; bucket < buckets.length; bucket++) {
    if (buckets[bucket] === high) total += frames[bucket] as number;
  }
  if (total === 0) return null;
  let best = -1;
  let after = before;
  for (let bucket = 0; bucket < buckets.length; bucket++) {
    if (buckets[bucket] !== high) continue;
    const share = ((frames[bucket] as number) / total) * (loads[high] as number);
    const difference = before - 2 * share;
    const rest = Math.abs(difference);
    if (rest >= after || before - rest < before * (difference < 0 ? WORTH_TURNING : WORTHWHILE))
      continue;
    after = rest;
    best = bucket;
  }
  return best < 0 ? null : { bucket: best, from: high, to: low, before, after };
}

/** The moves that `planMove` would make one after the other, at most `limit`; nothing is changed. */
export function dryRun(balance: Balance, threshold: number, limit: number): BucketMove[] {
  const buckets = balance.buckets.slice();
  const loads = balance.loads.slice();
  const moves: BucketMove[] = [];
  while (moves.length < limit) {
    const move = planMove({ buckets, frames: balance.frames, loads }, threshold);
    if (move === null) return moves;
    moves.push(move);
    let total = 0;
    for (const [bucket, core] of buckets.entries()) {
      if (core === move.from) total += balance.frames[bucket] as number;
    }
    const share = ((balance.frames[move.bucket] as number) / total) * (loads[move.from] as number);
    loads[move.from] = (loads[move.from] as number) - share;
    loads[move.to] = (loads[move.to] as number) + share;
    buckets[move.bucket] = move.to;
  }
  return moves;
}
