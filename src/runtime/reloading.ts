// Takes a configuration over on all cores of a running appliance, or on none (OPS-1). Cores that are out of service
// hear of it when they start again; a core that dies meanwhile starts with what came of it.

import type { StartPlan } from "../control/appliance-port.ts";
import type { ApplianceConfig } from "../core/config.ts";
import type { Arena, Planner } from "../lib/arena.ts";
import type { CoreId, PortId } from "../lib/units.ts";
import { closeHeld } from "../ports/factory.ts";
import { type SteeringConfig, steersAlike } from "../steering/config.ts";
import { ApplianceError } from "./errors.ts";
import type { PortOpening } from "./protocol.ts";
import type { Question } from "./questions.ts";
import { type PortChanges, portChanges, refuseFixed } from "./reload.ts";

/** What it needs of the appliance. */
export interface Reloadable {
  readonly arena: Arena;
  readonly planner: Planner;
  readonly openings: (PortOpening | null)[];
  ask(core: CoreId, question: Question): Promise<unknown>;
  isOnline(core: CoreId): boolean;
  /** While a core opens and closes ports its silence is no sign. */
  excuse(core: CoreId, isExcused: boolean): void;
}

export class Reloading {
  readonly #appliance: Reloadable;

  constructor(appliance: Reloadable) {
    this.#appliance = appliance;
  }

  /** From `before` to the plan, cores and ports; rejects with everything as it was. */
  async run(before: ApplianceConfig, { config, drivers }: StartPlan): Promise<void> {
    const { arena, openings, planner } = this.#appliance;
    refuseFixed(before, config);
    const room = arena.buffer.byteLength;
    const changes = portChanges(openings, drivers, planner, config.cores.count, room);
    if (Object.keys(changes).length > 0) this.#wantAll(config.cores.count);
    const steered = await this.#steer(before, changes, config.steering);
    const undo = Object.fromEntries(
      Object.keys(changes).map((port) => [port, openings[Number(port)] ?? null]),
    );
    for (let core = 0; core < config.cores.count; core++) {
      try {
        await this.#configure(core, { config, ports: changes, steered });
      } catch (error) {
        await this.#undo(core, before, undo, steered);
        throw error;
      }
    }
    for (const [port, opening] of Object.entries(changes)) {
      this.#closeDead(openings[Number(port)] ?? null, config.cores.count);
      openings[Number(port)] = opening;
    }
  }

  /** The kernel numbers the queues of a port as the cores open them, so that all must be there. */
  #wantAll(cores: number): void {
    for (let core = 0; core < cores; core++) {
      if (this.#appliance.isOnline(core)) continue;
      throw new ApplianceError(
        "reload-refused",
        `Ports cannot change while core ${core} is out of service`,
        `set core ${core} online`,
      );
    }
  }

  /** What a core that died in the midst of a change had open of a port that is gone now. */
  #closeDead(opening: PortOpening | null, cores: number): void {
    if (opening === null) return;
    for (let core = 0; core < cores; core++) {
      if (!this.#appliance.isOnline(core)) closeHeld(this.#appliance.arena, opening.plan, core);
    }
  }

  /** One core takes over; one that is not there, or dies, starts with it later. */
  async #configure(
    core: CoreId,
    what: { config: ApplianceConfig; ports: PortChanges; steered: readonly PortId[] },
  ): Promise<void> {
    if (!this.#appliance.isOnline(core)) return;
    this.#appliance.excuse(core, true);
    try {
      await this.#appliance.ask(core, { kind: "configure", ...what });
    } catch (error) {
      if (this.#appliance.isOnline(core)) throw error;
    } finally {
      this.#appliance.excuse(core, false);
    }
  }

  /**
   * Exchanges the kernel programs of ports that are steered in another way now, and gives the ports where that was done
   * under traffic. The others are closed on all cores before any opens them anew: they join `changes`.
   */
  async #steer(
    before: ApplianceConfig,
    changes: PortChanges,
    after: SteeringConfig,
  ): Promise<PortId[]> {
    const { cores, steering } = before;
    const { openings } = this.#appliance;
    const others: PortId[] = [];
    for (const [port, opening] of openings.entries()) {
      const isSteered = opening?.driver.driver === "packet" || opening?.driver.driver === "tap";
      if (cores.count === 1 || !isSteered || steersAlike(steering, after, port)) continue;
      if (!(port in changes)) others.push(port);
    }
    if (others.length === 0) return [];
    this.#wantAll(cores.count);
    const taken = await this.#exchange(after, others);
    const ports: Record<number, null> = {};
    for (const port of others) {
      if (taken.includes(port)) continue;
      ports[port] = null;
      changes[port] = openings[port] ?? null;
    }
    if (Object.keys(ports).length === 0) return taken;
    for (let core = 0; core < cores.count; core++) {
      await this.#configure(core, { config: before, ports, steered: [] });
    }
    return taken;
  }

  async #exchange(steering: SteeringConfig, ports: readonly PortId[]): Promise<PortId[]> {
    this.#appliance.excuse(0, true);
    try {
      return (await this.#appliance.ask(0, { kind: "steer", steering, ports })) as PortId[];
    } finally {
      this.#appliance.excuse(0, false);
    }
  }

  /** A core could not take over a configuration: it and those before it go back to the one that ran. */
  async #undo(
    last: CoreId,
    config: ApplianceConfig,
    ports: PortChanges,
    steered: readonly PortId[],
  ): Promise<void> {
    if (steered.length > 0) await this.#exchange(config.steering, steered);
    for (let core = 0; core <= last; core++) {
      await this.#configure(core, { config, ports, steered });
    }
  }
}
