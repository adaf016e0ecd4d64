// One machine per neighbour (ND-2): never on two cores at once, and on one when all is quiet. In the end every entry is
// true. Looked at is what a core runs when it has begun to run a machine, or wakes; and one address now and then, in
// turn, so that a step stays cheap.

import type { Core } from "../../core/core.ts";
import type { Fabric, Node } from "../fabric.ts";
import type { HostPlan } from "../scenario.ts";
import { VLANS } from "../scenario.ts";
import { Violation } from "../violation.ts";
import type { Invariant, Stage } from "./invariant.ts";
import { TRUTH } from "./resolving.ts";

/** Steps between two looks at an address, whatever happens. */
const EVERY = 16;

export const MACHINE = "one machine runs for a neighbour";

export class NeighboursInvariant implements Invariant {
  readonly #fabric: Fabric;
  readonly #plans: readonly HostPlan[];
  #next = 0;
  #turn = 0;
  /** Per node: the core, how often it had begun a machine at the last look, and whether it was stalled then. */
  readonly #cores: (Core | undefined)[] = [];
  readonly #begun: number[] = [];
  readonly #slept: boolean[] = [];

  constructor(stage: Stage) {
    this.#fabric = stage.fabric;
    this.#plans = stage.fabric.scenario.hosts;
  }

  stepped(node: Node): void {
    const { index, appliance } = node;
    const core = this.#fabric.clusters[appliance]?.cores[node.core];
    const begun = core?.dispatch.nd.begun ?? 0;
    const sleeps = node.stalled > 0;
    if (core !== this.#cores[index] || begun !== this.#begun[index] || this.#slept[index]) {
      this.#cores[index] = core;
      this.#begun[index] = begun;
      for (const plan of this.#plans) this.#look(appliance, plan);
    }
    this.#slept[index] = sleeps;
    if (++this.#turn % EVERY !== 0) return;
    this.#next = this.#next + 1 === this.#plans.length ? 0 : this.#next + 1;
    const next = this.#plans[this.#next] as HostPlan;
    for (let one = 0; one < this.#fabric.clusters.length; one++) this.#look(one, next);
  }

  #look(appliance: number, plan: HostPlan): void {
    if (this.#machines(appliance, plan) < 2) return;
    const cores = this.#runners(appliance, plan).join(" and ");
    throw new Violation(MACHINE, `cores ${cores} run ${plan.name} on appliance ${appliance}`);
  }

  /** Cores that run it. One that does nothing now counts no more: what it held is taken from it when it wakes. */
  #machines(appliance: number, { vlan, ipv6 }: HostPlan): number {
    const cluster = this.#fabric.clusters[appliance];
    const cores = cluster?.cores ?? [];
    const [a, b, c, d] = ipv6;
    const iface = VLANS.indexOf(vlan);
    let count = 0;
    for (let n = 0; n < cores.length; n++) {
      const core = cores[n];
      if (core === undefined || !core.bus.isAlive(n) || cluster?.isRunning(n) !== true) continue;
      if (this.#fabric.isStalled(appliance, n)) continue;
      if (core.dispatch.nd.runs(iface, a | 0, b | 0, c | 0, d | 0)) count++;
    }
    return count;
  }

  #runners(appliance: number, { vlan, ipv6 }: HostPlan): number[] {
    const [a, b, c, d] = ipv6;
    const iface = VLANS.indexOf(vlan);
    return (this.#fabric.clusters[appliance]?.cores ?? [])
      .filter(({ dispatch }) => dispatch.nd.runs(iface, a | 0, b | 0, c | 0, d | 0))
      .map(({ core }) => core);
  }

  /** Whoever is known has one machine, and everybody has the right MAC. */
  unsettled(): string {
    for (const [appliance, { cores }] of this.#fabric.clusters.entries()) {
      const known = new Set<string>();
      for (const { dispatch, core, bus } of cores) {
        if (!bus.isAlive(core)) continue;
        for (const row of dispatch.nd.rows(0, 1000, this.#fabric.now).rows) {
          const plan = this.#planOf(row["address"] as string);
          if (plan === undefined || row["mac"] === 0) continue;
          known.add(plan.name);
          if (row["mac"] !== plan.mac) return `${TRUTH}: core ${core} on ${plan.name}`;
        }
      }
      for (const plan of this.#plans) {
        if (!known.has(plan.name)) continue;
        const count = this.#machines(appliance, plan);
        if (count !== 1) return `${count} cores of ${appliance} run ${plan.name}`;
      }
    }
    return "";
  }

  readonly #byText: Map<string, HostPlan> = new Map();

  #planOf(text: string): HostPlan | undefined {
    if (this.#byText.size === 0) {
      for (const plan of this.#plans) {
        const [first, , , last] = plan.ipv6;
        const high = (first >>> 16).toString(16);
        const low = (first & 0xffff).toString(16);
        this.#byText.set(`${high}:${low}::${last.toString(16)}`, plan);
      }
    }
    return this.#byText.get(text);
  }
}
