// What the shapes of the simulator have beside bridges, hosts and cables: the spanning tree of a ring, and the snooping
// of appliances with groups. Times are the shortest that the standards allow, so that much happens within a run.

import type { Prng } from "../lib/prng.ts";
import type { Mac, Millis, PortId, Vlan } from "../lib/units.ts";
import { type SnoopBridgeConfig, type SnoopConfig, snoopDefaults } from "../snoop/config.ts";
import {
  type Edge,
  STP_CHANNEL_DEFAULTS,
  STP_DEFAULTS,
  type StpBridgeConfig,
  type StpConfig,
} from "../stp/config.ts";

/** What a seed draws for a ring. */
export interface RingPlan {
  /** The priority of each appliance's bridge: the least is the root's. */
  readonly priorities: readonly number[];
  readonly edge: Edge;
  /** The first two appliances are joined by two cables. */
  readonly isDouble: boolean;
}

/** IEEE 802.1D-2004 table 17-1: the least that a bridge may be set to. */
const FAST: Pick<StpBridgeConfig, "helloTime" | "forwardDelay" | "maxAge"> = {
  helloTime: 1000,
  forwardDelay: 4000,
  maxAge: 6000,
};

/**
 * Until one tree stands once nothing fails any more: what was heard of a root that is gone ages out (Max Age), two
 * states last a Forward Delay each, and three hellos may have been lost on the way (IEEE 802.1D-2004 17.13, 17.17.6);
 * as much again for the hellos that TxHoldCount keeps back (17.13.12).
 */
export const TREE_TIME: Millis = FAST.maxAge + 2 * FAST.forwardDelay + 2 * 3 * FAST.helloTime;

export function drawRing(random: Prng): RingPlan {
  const priorities = [4096, 8192, 12_288];
  for (let n = priorities.length - 1; n > 0; n--) {
    const other = random.below(n + 1);
    const swap = priorities[n] as number;
    priorities[n] = priorities[other] as number;
    priorities[other] = swap;
  }
  const edge = random.pick(["on", "on", "auto"] as const);
  return { priorities, edge, isDouble: random.chance(0.4) };
}

/** The spanning tree of an appliance: `edges` ports with hosts, then `links` to its neighbours in the ring. */
export function ringStp(
  { priorities, edge }: RingPlan,
  appliance: number,
  edges: number,
  links: number,
): StpConfig {
  const channels = Array.from({ length: edges + links }, (_, channel) => ({
    ...STP_CHANNEL_DEFAULTS,
    channel,
    number: channel + 1,
    edge: channel < edges ? edge : ("auto" as const),
  }));
  const address: Mac = 0x02fe_0000_0000 + appliance * 0x100;
  const priority = priorities[appliance] ?? STP_DEFAULTS.priority;
  return { bridges: [{ ...STP_DEFAULTS, ...FAST, bridge: 0, address, priority, channels }] };
}

/** What a seed draws for appliances with groups. */
export interface GroupPlan {
  /** Appliances that are joined by a cable. */
  readonly appliances: number;
  /** Who asks: the appliances, or a host of each VLAN that is a multicast router. */
  readonly querier: "appliance" | "router";
  readonly igmpVersion: number;
  readonly mldVersion: number;
  readonly unregistered: SnoopBridgeConfig["unregistered"];
  /** Rows that an appliance keeps. */
  readonly maxGroups: number;
}

/** Groups of each family that hosts may listen to. */
export const GROUPS = 6;
/** Room for all groups of both VLANs and families, and too little. */
export const ROOM = 64;
const TIGHT = 7;

/** Query Interval, Query Response Interval and Last Member Query Interval (RFC 3376 8.2, 8.3, 8.8) of the simulator. */
export const ASKING: Pick<
  SnoopBridgeConfig,
  "queryInterval" | "queryResponse" | "lastMemberInterval" | "robustness"
> = { queryInterval: 2000, queryResponse: 1000, lastMemberInterval: 300, robustness: 2 };

export function drawGroups(random: Prng): GroupPlan {
  return {
    appliances: random.pick([1, 2, 2]),
    querier: random.pick(["appliance", "router"] as const),
    igmpVersion: random.pick([2, 3]),
    mldVersion: random.pick([1, 2]),
    unregistered: random.pick(["routers", "flood"] as const),
    maxGroups: random.pick([ROOM, ROOM, TIGHT]),
  };
}

export function groupSnooping(
  plan: GroupPlan,
  channels: readonly PortId[],
  vlans: readonly Vlan[],
): SnoopConfig {
  const { igmpVersion, mldVersion, unregistered, maxGroups } = plan;
  const querier =
    plan.querier === "appliance" ? { igmpVersion, mldVersion, vlans, address: 0 } : null;
  return { bridges: [snoopDefaults(0, channels, { ...ASKING, querier, unregistered, maxGroups })] };
}
