// Memory is bounded (CORE-3, CORE-10): what waits is within its bounds at any time; when all is quiet nothing waits,
// and every buffer is free again. Use after release is found where it happens (buffer-watch.ts).

import { ARP_DEFAULTS } from "../../arp/config.ts";
import { ND_DEFAULTS } from "../../nd/config.ts";
import type { Fabric, Node } from "../fabric.ts";
import { BACKLOG, POISONED_FRAME } from "../fabric.ts";
import type { Seen } from "../seen.ts";
import { Violation } from "../violation.ts";
import type { Invariant, Stage } from "./invariant.ts";

export const BOUNDS = "memory is bounded";
export const LEAK = "every buffer comes back";
export const FREED = "no freed memory is sent";

/** Steps between two looks at a core. */
const EVERY = 16;

export class MemoryInvariant implements Invariant {
  readonly #fabric: Fabric;
  #turn = 0;

  constructor(stage: Stage) {
    this.#fabric = stage.fabric;
  }

  frame(seen: Seen): void {
    if (seen.to === POISONED_FRAME || seen.from === POISONED_FRAME) {
      throw new Violation(FREED, `core ${seen.core} sent it through port ${seen.port}`);
    }
  }

  stepped(node: Node): void {
    if (++this.#turn % EVERY !== 0) return;
    const core = this.#fabric.clusters[node.appliance]?.cores[node.core];
    if (core === undefined) return;
    const { resolver, nd } = core.dispatch;
    const where = `core ${node.core} of ${node.appliance}`;
    if (resolver.waitingFrames > ARP_DEFAULTS.waitingFrames)
      throw new Violation(BOUNDS, `${where}: ${resolver.waitingFrames} frames wait for ARP`);
    if (nd.waitingFrames > ND_DEFAULTS.waitingFrames)
      throw new Violation(BOUNDS, `${where}: ${nd.waitingFrames} frames wait for neighbours`);
    if (core.bus.backlogged > BACKLOG * (core.cores - 1))
      throw new Violation(BOUNDS, `${where}: ${core.bus.backlogged} records wait`);
  }

  unsettled(): string {
    for (const { cores } of this.#fabric.clusters) {
      for (const { core, pool, bus } of cores) {
        if (!bus.isAlive(core)) continue;
        if (pool.free !== pool.size) return `${LEAK}: core ${core} misses ${pool.size - pool.free}`;
        if (!bus.quiet) return `core ${core} has messages under way`;
      }
    }
    return "";
  }
}
