// One appliance is the Active virtual router (VR-3), on all of its cores (VR-4): at every step from T after the last
// fault that concerns it, and when the network is whole again.
//
// T is what RFC 5798 gives a Backup router to notice: Active_Down_Interval = 3 * Advertisement_Interval + Skew_Time
// (6.1, there Master_Down_Interval), Skew_Time = (256 - priority) * Advertisement_Interval / 256, here of the lowest
// priority; and one Advertisement_Interval more: where two were Active, the lower one steps back at the next
// advertisement of the other (6.4.3). Our own part: interfaces are looked at every 10 ms (TRACK_PERIOD), and a core of
// the simulator does nothing for up to 64 ms when time leaps, once on each side.

import { Role } from "../../engine/role.ts";
import { Mux } from "../../lag/mux.ts";
import type { Millis } from "../../lib/units.ts";
import { TRACK_PERIOD, type VrRouterConfig } from "../../vr/config.ts";
import type { Fabric, Node } from "../fabric.ts";
import { Violation } from "../violation.ts";
import type { Invariant, Stage } from "./invariant.ts";

export const ACTIVE = "one appliance is Active, T after the last fault";

/** Two leaps of time. */
const SLOW: Millis = 2 * 64;
/** Steps between two looks. */
const EVERY = 8;

/** Within so long a router has one Active appliance again: see above. `priority` is the lowest of all. */
export function timeToActive({ interval }: VrRouterConfig, priority: number): Millis {
  const skew = ((256 - priority) * interval) / 256;
  return 3 * interval + skew + interval + TRACK_PERIOD + SLOW;
}

export class VirtualRoutersInvariant implements Invariant {
  readonly #stage: Stage;
  readonly #fabric: Fabric;
  readonly #routers: readonly VrRouterConfig[];
  readonly #time: readonly Millis[];
  /** When something last happened that advertisements may have been lost by, or routers not run. */
  #troubled: Millis = 0;
  /** What the cables were like at the last look, and frames that queues had no room for. */
  #cables = "";
  #overrun = 0;
  #turn = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#fabric = stage.fabric;
    const { appliances } = stage.fabric.scenario;
    this.#routers = appliances[0]?.vr?.routers ?? [];
    this.#time = this.#routers.map((router, index) => {
      const all = appliances.map(({ vr }) => vr?.routers[index]?.priority ?? router.priority);
      return timeToActive(router, Math.min(...all));
    });
  }

  stepped(_node: Node): void {
    if (this.#routers.length === 0 || ++this.#turn % EVERY !== 0) return;
    const { now } = this.#fabric;
    if (this.#isTroubled()) this.#troubled = now;
    for (let index = 0; index < this.#routers.length; index++) {
      if (now - this.#troubled <= (this.#time[index] as Millis)) continue;
      const count = this.#countActive(index);
      if (count === 1) continue;
      const { name } = this.#routers[index] as VrRouterConfig;
      const quiet = Math.round(now - this.#troubled);
      throw new Violation(ACTIVE, `${count} for ${name}, ${quiet} ms after`);
    }
  }

  /** True while a fault concerns the routers: cores, roles, lost frames, and the cables between the appliances. */
  #isTroubled(): boolean {
    const { now, spoiled, overrun } = this.#fabric;
    const { core, role } = this.#stage.disturbed;
    const cables = this.#cablesNow();
    const isSame = cables === this.#cables && overrun === this.#overrun;
    this.#cables = cables;
    this.#overrun = overrun;
    return (
      !isSame || cables === "" || Math.max(core, role, spoiled) > this.#troubled || spoiled >= now
    );
  }

  /** Members of the aggregate that every core of both appliances sends on; "" = they cannot hear each other. */
  #cablesNow(): string {
    const { clusters, scenario } = this.#fabric;
    let common = -1;
    let some = 0;
    for (let appliance = 0; appliance < clusters.length; appliance++) {
      const cluster = clusters[appliance];
      if (cluster === undefined) return "";
      for (let core = 0; core < cluster.cores.length; core++) {
        if (!cluster.isRunning(core)) continue;
        const members = cluster.cores[core]?.dispatch.lag.actors[0]?.ports ?? [];
        let bits = 0;
        for (let n = 0; n < members.length; n++) {
          if (members[n]?.mux === Mux.Distributing) bits |= 1 << n;
        }
        common &= bits;
        some |= bits;
      }
    }
    if (common !== some || common <= 0) return "";
    let cut = "";
    for (const [{ appliance, port }] of scenario.cables) {
      cut += this.#fabric.wireOf(appliance, port).cut > 0 ? "-" : "+";
    }
    return cut.includes("+") ? `${common} ${cut}` : "";
  }

  /** By the link masters' machines: the other cores follow by messages. */
  #countActive(index: number): number {
    let count = 0;
    for (const { cores, supervision } of this.#fabric.clusters) {
      const master = cores[supervision.membership.master(Role.Link)];
      if (master?.dispatch.vr.runner.machines[index]?.isActive === true) count++;
    }
    return count;
  }

  unsettled(): string {
    const { clusters } = this.#fabric;
    for (const [index, { name }] of this.#routers.entries()) {
      const active: string[] = [];
      for (const [appliance, { cores }] of clusters.entries()) {
        const alive = cores.filter(({ bus, core }) => bus.isAlive(core));
        const states = alive.map(({ dispatch }) => dispatch.vr.runner.machines[index]?.isActive);
        if (states.some((state) => state !== states[0])) {
          return `cores of appliance ${appliance} do not agree whether ${name} is Active`;
        }
        if (states[0] === true) active.push(String(appliance));
      }
      if (active.length !== 1) return `${name} is Active on ${active.join(" and ") || "nobody"}`;
    }
    return "";
  }
}
