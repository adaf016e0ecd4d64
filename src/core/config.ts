// The whole compiled configuration of an appliance: plain data, made by control/compile.ts, sent to every core.

import type { ArpConfig } from "../arp/config.ts";
import type { BridgingConfig } from "../bridge/config.ts";
import type { CommonConfig } from "../engine/config.ts";
import type { HostConfig } from "../host/config.ts";
import type { Host6Config } from "../host/config6.ts";
import type { LagConfig } from "../lag/config.ts";
import type { Millis } from "../lib/units.ts";
import type { NdConfig } from "../nd/config.ts";
import type { SnoopConfig } from "../snoop/config.ts";
import type { SteeringConfig } from "../steering/config.ts";
import type { StpConfig } from "../stp/config.ts";
import type { VrConfig } from "../vr/config.ts";
import type { SupervisionConfig } from "./supervision-config.ts";

/** How the cores run (CORE-1, CORE-8, CORE-11). */
export interface CoresConfig {
  /** Data cores, 1..64. */
  readonly count: number;
  /** Period of the engines' timers, 1..100 ms. */
  readonly tick: Millis;
  /** `sleep`: an idle core waits in the kernel; `poll`: it never does. */
  readonly idle: "sleep" | "poll";
  /** Priority of each core for roles; the lowest (priority, id) plays the role. */
  readonly priorities: readonly number[];
  /** How they are watched; the defaults when left out. */
  readonly supervision?: SupervisionConfig;
}

export interface ApplianceConfig {
  readonly cores: CoresConfig;
  /** Bytes of the global cache (CORE-10). */
  readonly globalCache: number;
  /** The core pinned to each role (engine/role.ts), or -1: the lowest (priority, id) that lives. */
  readonly roles: readonly number[];
  readonly common: CommonConfig;
  readonly bridging: BridgingConfig;
  readonly arp: ArpConfig;
  readonly host: HostConfig;
  readonly steering: SteeringConfig;
  /** Aggregated channels; none when left out. */
  readonly lag?: LagConfig;
  /** The spanning tree of each bridge; none when left out. */
  readonly stp?: StpConfig;
  /** Multicast snooping; none when left out. */
  readonly snoop?: SnoopConfig | undefined;
  /** Neighbour discovery and the IPv6 side; the defaults when left out. */
  readonly nd?: NdConfig;
  readonly host6?: Host6Config;
  /** Virtual routers; none when left out. */
  readonly vr?: VrConfig;
}

/** The core that plays a role, of those that live: the pinned one, else the lowest (priority, id) (CORE-8). */
export function electMaster(
  config: Pick<ApplianceConfig, "cores" | "roles">,
  role: number,
  isAlive: (core: number) => boolean,
): number {
  const pinned = config.roles[role] ?? -1;
  if (pinned >= 0 && isAlive(pinned)) return pinned;
  let best = -1;
  for (let core = 0; core < config.cores.count; core++) {
    if (!isAlive(core)) continue;
    const priority = config.cores.priorities[core] ?? 0;
    if (best < 0 || priority < (config.cores.priorities[best] ?? 0)) best = core;
  }
  return best < 0 ? 0 : best;
}
