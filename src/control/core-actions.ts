// What an operator may change about the cores while the appliance runs: which of them serve, and who plays the roles.

import { ROLE_NAMES } from "../engine/role.ts";
import { type Done, invalid, only, type Words } from "./actions.ts";
import type { Appliance } from "./appliance-port.ts";
import { ControlError } from "./errors.ts";

/** So long is a core waited for; a drain of 128 buckets takes about a second. Our choice. */
const PATIENCE = 15_000;
const STEP = 20;

export class CoreActions {
  readonly #appliance: Appliance;

  constructor(appliance: Appliance) {
    this.#appliance = appliance;
  }

  /** `set core N online|offline`: done when it serves, or when its last flow has left it. */
  async setCore(words: Words): Promise<Done> {
    only(words, ["core", "state"]);
    const { state } = words as { state?: unknown };
    const core = this.#coreOf(words);
    if (state !== "online" && state !== "offline") {
      throw invalid(`"${String(state)}" is no state that can be set`, "online or offline");
    }
    this.#appliance.setCore(core, state === "online");
    for (let waited = 0; waited < PATIENCE; waited += STEP) {
      if (this.#appliance.cores()[core]?.state === state) {
        return { count: 1, detail: `core ${core} is ${state}` };
      }
      await new Promise((resolve) => setTimeout(resolve, STEP));
    }
    const now = this.#appliance.cores()[core]?.state ?? "gone";
    throw new ControlError(
      "unavailable",
      `Core ${core} is ${now} after ${PATIENCE / 1000} s`,
      "show cores and show events tell more",
    );
  }

  /** `set master arp|link CORE`, or auto. */
  async setMaster(words: Words): Promise<Done> {
    only(words, ["role", "core"]);
    const { role: name, core: wanted } = words as { role?: unknown; core?: unknown };
    const role = (ROLE_NAMES as readonly unknown[]).indexOf(name);
    if (role < 0)
      throw invalid(`"${String(name)}" is no role`, `there are ${ROLE_NAMES.join(", ")}`);
    const core = wanted === "auto" ? -1 : this.#coreOf(words);
    this.#appliance.setMaster(role, core);
    const master = this.#appliance.masters()[role];
    return { count: 1, detail: `core ${master} is the ${String(name)} master` };
  }

  #coreOf(words: Words): number {
    const { core: wanted } = words as { core?: unknown };
    const { count } = this.#appliance.config.cores;
    const core = wanted === undefined || wanted === "" ? -1 : Number(wanted);
    if (Number.isInteger(core) && core >= 0 && core < count) return core;
    throw invalid(`"${String(wanted)}" is no core`, `0 to ${count - 1}`);
  }
}
