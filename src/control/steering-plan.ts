// `show steering --plan`: which buckets the rebalancer would move, one after the other, and the load that each core
// would have then. By the frames of each bucket since the start; nothing is moved.

import { dryRun } from "../steering/indirection.ts";
import type { Appliance } from "./appliance-port.ts";

/** Moves shown at most: more are another plan by the time that they are made. Our choice. */
const MOVES = 32;
/** Used where the configuration turned rebalancing off: the specification's example. */
const THRESHOLD = 0.2;

const percent = (load: number): string => `${Math.round(load * 1000) / 10} %`;

/** The plan as rows; the first is how it is now. */
export function planRows(appliance: Appliance): Record<string, unknown>[] {
  const { rebalance } = appliance.config.steering;
  const buckets = appliance.buckets().slice();
  const frames = appliance.bucketFrames();
  const cores = appliance.cores();
  // A core that does not serve takes no part.
  const loads = Float64Array.from(cores, ({ state, load }) => (state === "online" ? load : -1));
  const moves = dryRun({ buckets, frames, loads }, rebalance?.threshold ?? THRESHOLD, MOVES);
  const texts = (): string[] => Array.from(loads, (load) => (load < 0 ? "" : percent(load)));
  const rows: Record<string, unknown>[] = [
    { step: 0, bucket: null, from: null, to: null, loads: texts() },
  ];
  for (const [n, { bucket, from, to }] of moves.entries()) {
    let total = 0;
    for (const [other, core] of buckets.entries()) if (core === from) total += frames[other] ?? 0;
    const share = total === 0 ? 0 : ((frames[bucket] ?? 0) / total) * (loads[from] ?? 0);
    loads[from] = (loads[from] ?? 0) - share;
    loads[to] = (loads[to] ?? 0) + share;
    buckets[bucket] = to;
    rows.push({ step: n + 1, bucket, from, to, loads: texts() });
  }
  return rows;
}
