// All cores have the same tables when messages have stopped (CORE-3 and every replicated table).

import { TABLE_COUNT, TABLE_NAMES } from "../../engine/message.ts";
import type { Fabric } from "../fabric.ts";
import type { Invariant, Stage } from "./invariant.ts";

export class CoherenceInvariant implements Invariant {
  readonly #fabric: Fabric;

  constructor(stage: Stage) {
    this.#fabric = stage.fabric;
  }

  unsettled(): string {
    for (const [appliance, { cores }] of this.#fabric.clusters.entries()) {
      for (let table = 0; table < TABLE_COUNT; table++) {
        const digests = cores
          .filter(({ bus, core }) => bus.isAlive(core))
          .map(({ dispatch }) => dispatch.replicated(table)?.summary());
        const [first] = digests;
        const index = digests.findIndex(
          (one) => one?.digest !== first?.digest || one?.entries !== first?.entries,
        );
        if (index < 0) continue;
        const entries = digests.map((one) => one?.entries).join(", ");
        return `tables "${TABLE_NAMES[table]}" of appliance ${appliance} differ: ${entries} entries`;
      }
    }
    return "";
  }
}
