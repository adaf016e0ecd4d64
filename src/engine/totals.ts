// Sums over the cores' blocks of the statistics segment, by name: what happened, and nothing that did not.

import { BUCKET_AT, DROP_AT, PEER_AT, PEER_COUNTERS } from "./counter.ts";
import { DROP_NAMES } from "./drop.ts";
import { MESSAGE_NAMES } from "./message.ts";

/** Buckets that a block has counters for. */
const BUCKETS = 128;

/** Messages sent, by type; `blocks` holds every core's block. */
export function messageTotals(blocks: readonly Float64Array[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const block of blocks) {
    for (let peer = 0; peer < blocks.length; peer++) {
      for (const [type, name] of MESSAGE_NAMES.entries()) {
        const sent = block[PEER_AT + peer * PEER_COUNTERS + type] as number;
        if (sent > 0) total[name] = (total[name] ?? 0) + sent;
      }
    }
  }
  return total;
}

/** Frames and requests given up, by reason. */
export function dropTotals(blocks: readonly Float64Array[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const block of blocks) {
    for (const [reason, name] of DROP_NAMES.entries()) {
      const count = block[DROP_AT + reason] as number;
      if (count > 0) total[name] = (total[name] ?? 0) + count;
    }
  }
  return total;
}

/** Frames that software steered, by bucket. */
export function bucketTotals(blocks: readonly Float64Array[]): Float64Array {
  const total = new Float64Array(BUCKETS);
  for (const block of blocks) {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      total[bucket] = (total[bucket] as number) + (block[BUCKET_AT + bucket] as number);
    }
  }
  return total;
}
