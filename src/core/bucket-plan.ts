// Which bucket moves next when a core leaves or has come (CORE-9): one at a time, so that each keeps its order.

import type { CoreId } from "../lib/units.ts";

export interface Step {
  readonly bucket: number;
  readonly to: CoreId;
}

/** Buckets of each core. */
function countsOf(table: Uint8Array, cores: number): number[] {
  const counts = new Array<number>(cores).fill(0);
  for (const core of table) counts[core] = (counts[core] ?? 0) + 1;
  return counts;
}

/** The next bucket of a core that leaves, to the serving core that has the fewest; null when it has none left. */
export function moveFrom(
  core: CoreId,
  table: Uint8Array,
  serving: readonly boolean[],
): Step | null {
  const bucket = table.indexOf(core);
  if (bucket < 0) return null;
  const counts = countsOf(table, serving.length);
  let to = -1;
  for (const [other, count] of counts.entries()) {
    if (serving[other] !== true || other === core) continue;
    if (to < 0 || count < (counts[to] as number)) to = other;
  }
  return to < 0 ? null : { bucket, to };
}

/**
 * The next bucket for a core that came, from the core that has the most; null when it has its share. The buckets that
 * it had when the appliance started come first, so that flows return where they were.
 */
export function moveTo(core: CoreId, table: Uint8Array, serving: readonly boolean[]): Step | null {
  const counts = countsOf(table, serving.length);
  const share = Math.floor(table.length / serving.filter(Boolean).length);
  if (serving[core] !== true || (counts[core] as number) >= share) return null;
  let most = -1;
  for (const [other, count] of counts.entries()) {
    if (other !== core && (most < 0 || count > (counts[most] as number))) most = other;
  }
  if (most < 0 || counts[most] === 0) return null;
  const home = table.findIndex(
    (owner, bucket) => owner === most && bucket % serving.length === core,
  );
  return { bucket: home >= 0 ? home : table.indexOf(most), to: core };
}
