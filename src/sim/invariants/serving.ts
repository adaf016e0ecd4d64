// Nobody is left out (CORE-9): when all is mended, every core serves again, whatever befell it, and every role is
// played by one that does.

import { Phase } from "../../core/supervised.ts";
import { ROLE_COUNT } from "../../engine/role.ts";
import type { Fabric } from "../fabric.ts";
import type { Invariant, Stage } from "./invariant.ts";

const NAMES: readonly string[] = Object.keys(Phase);

export class ServingInvariant implements Invariant {
  readonly #fabric: Fabric;

  constructor(stage: Stage) {
    this.#fabric = stage.fabric;
  }

  unsettled(): string {
    for (const [appliance, cluster] of this.#fabric.clusters.entries()) {
      const { supervision, cores } = cluster;
      for (let core = 0; core < cores.length; core++) {
        const where = `core ${core} of appliance ${appliance}`;
        if (!supervision.serves(core)) return `${where} is ${NAMES[supervision.phase(core)]}`;
        if (!cluster.isRunning(core)) return `${where} has no thread`;
        if (!supervision.membership.isAlive(core)) return `${where} is not told anything`;
      }
      for (let role = 0; role < ROLE_COUNT; role++) {
        if (!supervision.serves(supervision.membership.master(role))) {
          return `role ${role} of appliance ${appliance} is played by nobody`;
        }
      }
    }
    return "";
  }
}
