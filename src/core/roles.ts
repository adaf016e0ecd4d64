// Who plays the roles (CORE-8): by command, by the configuration, by election; away from a core whose load stays high.

import { EventCode } from "../engine/event.ts";
import { ROLE_COUNT } from "../engine/role.ts";
import type { CoreId, Millis } from "../lib/units.ts";
import type { ApplianceConfig } from "./config.ts";
import { elect } from "./election.ts";
import type { Membership } from "./membership.ts";
import { Overload } from "./overload.ts";
import type { SupervisionConfig } from "./supervision-config.ts";

/** Who hears of a role that moved. */
export interface RolesListener {
  wake(core: CoreId): void;
  tell(code: number, numbers: readonly number[]): void;
}

export class Roles {
  readonly #membership: Membership;
  readonly #listener: RolesListener;
  readonly #serves: (core: CoreId) => boolean;
  readonly #overload: Overload;
  /** By command: the core of each role, -1 = as configured. */
  readonly #ordered: number[] = Array.from({ length: ROLE_COUNT }, () => -1);

  constructor(membership: Membership, listener: RolesListener, serves: (core: CoreId) => boolean) {
    this.#membership = membership;
    this.#listener = listener;
    this.#serves = serves;
    this.#overload = new Overload(membership.cores);
  }

  /** By command: from the next election on; -1 = as configured. */
  order(role: number, core: CoreId): void {
    this.#ordered[role] = core;
  }

  electAll(config: ApplianceConfig): void {
    for (let role = 0; role < ROLE_COUNT; role++) this.#elect(config, role);
  }

  #elect(config: ApplianceConfig, role: number): void {
    const before = this.#membership.master(role);
    const after = elect(config, role, this.#ordered[role] ?? -1, {
      serves: this.#serves,
      isOver: (core) => this.#overload.isOver(core),
    });
    // With nobody to take it over the role stays where it was.
    if (after < 0 || after === before) return;
    this.#membership.setMaster(role, after);
    this.#listener.tell(EventCode["role-changed"], [role, before, after]);
    this.#listener.wake(before);
    this.#listener.wake(after);
  }

  /** True when a core became overloaded, or is no more. */
  checkLoads(passed: Millis, limits: SupervisionConfig): boolean {
    let changed = false;
    for (let core = 0; core < this.#membership.cores; core++) {
      const load = this.#serves(core) ? this.#membership.load(core) : 0;
      if (this.#overload.look(core, load, passed, limits)) changed = true;
    }
    return changed;
  }
}
