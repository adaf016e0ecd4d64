// One appliance is the Active virtual router (VR-3), on all of its cores (VR-4), when the network is whole again.

import type { Fabric } from "../fabric.ts";
import type { Invariant, Stage } from "./invariant.ts";

export class VirtualRoutersInvariant implements Invariant {
  readonly #fabric: Fabric;

  constructor(stage: Stage) {
    this.#fabric = stage.fabric;
  }

  unsettled(): string {
    const { clusters, scenario } = this.#fabric;
    const routers = scenario.appliances[0]?.vr?.routers ?? [];
    for (const [index, { name }] of routers.entries()) {
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
