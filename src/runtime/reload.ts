// What a reload changes of an appliance's ports, and what it cannot change while the cores run (OPS-1).

import type { ApplianceConfig } from "../core/config.ts";
import type { Planner } from "../lib/arena.ts";
import { type PortDriverConfig, planPort } from "../ports/factory.ts";
import { ApplianceError } from "./errors.ts";
import type { PortOpening } from "./protocol.ts";

/** Ports to open, or to close (null), by number. */
export type PortChanges = Record<number, PortOpening | null>;

/** Throws for what needs another arena or other threads. */
export function refuseFixed(before: ApplianceConfig, after: ApplianceConfig): void {
  for (const key of ["count", "tick", "idle"] as const) {
    if (after.cores[key] !== before.cores[key]) {
      throw new ApplianceError(
        "reload-refused",
        `cores.${key} cannot change while running`,
        "restart the appliance",
      );
    }
  }
  if (after.globalCache !== before.globalCache) {
    throw new ApplianceError(
      "reload-refused",
      "global-cache.size cannot change while running",
      "restart the appliance",
    );
  }
}

/** The ports whose driver is another one now. Those that open get their place in the arena, of `room` bytes in all. */
export function portChanges(
  openings: readonly (PortOpening | null)[],
  drivers: readonly (PortDriverConfig | null)[],
  planner: Planner,
  cores: number,
  room: number,
): PortChanges {
  const changes: PortChanges = {};
  for (let port = 0; port < Math.max(drivers.length, openings.length); port++) {
    const driver = drivers[port] ?? null;
    const before = openings[port] ?? null;
    if (JSON.stringify(driver) === JSON.stringify(before?.driver ?? null)) continue;
    if (driver === null) {
      changes[port] = null;
      continue;
    }
    const plan = planPort(planner, driver, cores);
    if (planner.size > room) {
      throw new ApplianceError(
        "reload-refused",
        "no address space is left for another port",
        "restart the appliance",
      );
    }
    changes[port] = { driver, plan };
  }
  return changes;
}
