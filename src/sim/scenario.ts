// What a seed of the simulator stands for: which appliances there are, how they are cabled, and where hosts may sit.
// Tables are small and times are short, so that bounds are met and entries age within a run.

import { ARP_DEFAULTS } from "../arp/config.ts";
import type { BridgeChannelConfig } from "../bridge/config.ts";
import type { ApplianceConfig } from "../core/config.ts";
import { SUPERVISION_DEFAULTS } from "../core/supervision-config.ts";
import type { InterfaceConfig } from "../engine/config.ts";
import type { Ipv6Words } from "../engine/ipv6.ts";
import { LAG_DEFAULTS, PORT_PRIORITY } from "../lag/config.ts";
import { Prng } from "../lib/prng.ts";
import type { Mac, Millis, PortId, Vlan } from "../lib/units.ts";
import { ND_DEFAULTS, type OwnerVariant } from "../nd/config.ts";
import { VR_DEFAULTS, VR_ROUTER_DEFAULTS, type VrConfig } from "../vr/config.ts";
import { access, plainConfig, trunk } from "./configs.ts";
import {
  drawGroups,
  drawRing,
  type GroupPlan,
  groupSnooping,
  ringStp,
  TREE_TIME,
} from "./shape-parts.ts";

/**
 * The shapes: one appliance with hosts; the same with an aggregate to a simulated switch; two appliances joined by an
 * aggregate, each other's partner; three in a ring with spanning tree; one or two that snoop, with hosts in groups.
 */
export const SHAPES = ["plain", "bundle", "pair", "ring", "groups"] as const;
export type Shape = (typeof SHAPES)[number];
/** What seeds below `ALL_SHAPES_FROM` draw: they stand for what they stood for before there were more. */
const FIRST_SHAPES: readonly Shape[] = ["plain", "bundle", "pair"];
export const ALL_SHAPES_FROM = 10_000;
/** LACP's short timeout and its wait to aggregate, twice over. */
const CONVERGE: Millis = 15_000;
/** Cores of each of the three appliances of a ring, at most, unless somebody wishes for more. */
const RING_CORES = 4;

/** What may be set from outside; all else follows from the seed. */
export interface Wishes {
  readonly cores?: number | undefined;
  readonly shape?: Shape | undefined;
}

/** A port of an appliance. */
export interface Place {
  readonly appliance: number;
  /** The port, or the member of an aggregate to the simulated switch: hosts sit behind that. */
  readonly port: PortId;
  /** The tag that frames of hosts here carry; 0 = none. */
  readonly tag: Vlan;
}

/** A host, and where it may be plugged in. */
export interface HostPlan {
  readonly name: string;
  readonly mac: Mac;
  readonly vlan: Vlan;
  readonly address: number;
  readonly gateway: number;
  readonly ipv6: Ipv6Words;
  readonly gateway6: Ipv6Words;
  readonly places: readonly Place[];
}

export interface Scenario {
  readonly seed: number;
  readonly cores: number;
  readonly shape: Shape;
  /** Whether the NIC's own steering sends every flow to the right core, or each to some core. */
  readonly isStray: boolean;
  readonly owner: OwnerVariant;
  readonly appliances: readonly ApplianceConfig[];
  readonly cables: readonly (readonly [Place, Place])[];
  readonly hosts: readonly HostPlan[];
  /** Ports of the first appliance that lead to the simulated switch; empty = there is none. */
  readonly bundle: readonly PortId[];
  /** What hosts listen to, and who asks them; null = the appliances do not snoop. */
  readonly groups: GroupPlan | null;
  /** What was mended has this long to converge. */
  readonly converge: Millis;
}

export const VLANS: readonly Vlan[] = [10, 20];
const HOSTS_PER_VLAN = 4;

/** The interface's MAC on a VLAN of an appliance. */
export const interfaceMac = (appliance: number, vlan: Vlan): Mac =>
  0x02aa_0000_0000 + appliance * 0x1_0000 + vlan;
const network = (vlan: Vlan): number => 0x0a00_0000 + vlan * 0x1_0000;
const network6 = (vlan: Vlan): number => (0x2001_0db8 + vlan) >>> 0;
/** An address of a VLAN by number: IPv4 and IPv6. */
export const addressOf = (vlan: Vlan, host: number): number => network(vlan) + host;
export const address6Of = (vlan: Vlan, host: number): Ipv6Words => [network6(vlan), 0, 0, host];

function interfacesOf(appliance: number): InterfaceConfig[] {
  return VLANS.map((vlan) => ({
    name: `vlan${vlan}`,
    mac: interfaceMac(appliance, vlan),
    bridge: 0,
    channel: -1,
    vlan,
    addresses: [{ address: addressOf(vlan, 1 + appliance), prefix: 24 }],
    proxyArp: false,
    mtu: 1500,
    ipv6: {
      addresses: [{ address: address6Of(vlan, 1 + appliance), prefix: 64 }],
      acceptAdvertisements: false,
      autoconfigure: false,
      acceptRedirects: false,
      advertise: null,
    },
  }));
}

/** The address that the virtual router of a VLAN has. */
const VIRTUAL_HOST = 254;

/** VRRP on every VLAN: the first appliance is preferred. */
function routersOf(appliance: number): VrConfig {
  return {
    ...VR_DEFAULTS,
    routers: VLANS.map((vlan, iface) => ({
      ...VR_ROUTER_DEFAULTS,
      name: `gw${vlan}`,
      iface,
      vrid: vlan,
      priority: 200 - appliance * 100,
      interval: 200,
      addresses: [addressOf(vlan, VIRTUAL_HOST)],
    })),
  };
}

interface Parts {
  readonly seed: number;
  readonly appliance: number;
  readonly cores: number;
  /** Single ports, in order. */
  readonly edges: readonly Omit<BridgeChannelConfig, "channel">[];
  /** Members of the aggregate, behind the edges; 0 = none. */
  readonly members: number;
  readonly aggregate: Omit<BridgeChannelConfig, "channel">;
  readonly owner: OwnerVariant;
  readonly ageing: "each-tells" | "each-silent" | "one";
  readonly arpAgeing: "timestamp" | "second-chance";
  /** Beside all that. */
  readonly more: Partial<ApplianceConfig>;
}

function applianceOf(parts: Parts): ApplianceConfig {
  const { cores, edges, members, appliance } = parts;
  const base = plainConfig({
    cores,
    members: edges,
    routedPorts: members,
    interfaces: interfacesOf(appliance),
    bridge: { tableSize: 1024, ageingTime: 10_000, ageing: parts.ageing, moveLimit: 0 },
    arp: {
      ...ARP_DEFAULTS,
      maxEntries: 64,
      maxPending: 32,
      timeout: 6000,
      ageing: parts.arpAgeing,
    },
  });
  const { tableSize, probeLimit } = { tableSize: 1024, probeLimit: 8 };
  const ports = base.common.ports.map((port, index) => ({
    ...port,
    mac: 0x02ff_0000_0000 + appliance * 0x100 + index,
  }));
  const bundle = Array.from({ length: members }, (_, n) => edges.length + n);
  const aggregate = edges.length + members;
  const [bridge] = base.bridging.bridges;
  if (bridge === undefined) throw new Error("a scenario has one bridge");
  const inBridge =
    members === 0
      ? bridge.channels
      : [...bridge.channels, { ...parts.aggregate, channel: aggregate }];
  return {
    ...base,
    // Whoever dies comes back soon, and as often as the script has it.
    cores: {
      ...base.cores,
      supervision: { ...SUPERVISION_DEFAULTS, restartDelay: 50, maxRestarts: 1_000_000 },
    },
    globalCache: cores * 2 ** 21,
    common: {
      ...base.common,
      ports,
      channels: [
        ...edges.map((_, port) => ({ name: `p${port}`, ports: [port] })),
        ...bundle.map(() => ({ name: "", ports: [] })),
        ...(members === 0 ? [] : [{ name: "LA/1", ports: bundle, hash: "l3+l4" as const }]),
      ],
    },
    bridging: { bridges: [{ ...bridge, tableSize, probeLimit, channels: inBridge }] },
    ...parts.more,
    nd: {
      ...ND_DEFAULTS,
      owner: parts.owner,
      maxEntries: 64,
      maxPending: 32,
      reachableTime: 4000,
      seed: parts.seed,
    },
    lag: {
      channels:
        members === 0
          ? []
          : [
              {
                ...LAG_DEFAULTS,
                channel: aggregate,
                system: ports[edges.length]?.mac ?? 0,
                rate: "fast",
                members: bundle.map((port, n) => ({
                  port,
                  number: n + 1,
                  priority: PORT_PRIORITY,
                  mac: ports[port]?.mac ?? 0,
                })),
              },
            ],
    },
  };
}

function hostsOf(placesOf: (vlan: Vlan) => readonly Place[], gateway = 1): HostPlan[] {
  return VLANS.flatMap((vlan) =>
    Array.from({ length: HOSTS_PER_VLAN }, (_, n) => ({
      name: `h${vlan}.${n}`,
      mac: 0x0200_0000_0000 + vlan * 0x1_0000 + n,
      vlan,
      address: addressOf(vlan, 10 + n),
      gateway: addressOf(vlan, gateway),
      ipv6: address6Of(vlan, 10 + n),
      gateway6: address6Of(vlan, 1),
      places: placesOf(vlan),
    })),
  );
}

const place = (appliance: number, port: PortId, tag: Vlan = 0): Place => ({ appliance, port, tag });

/** The scenario of a seed. */
export function scenarioOf(seed: number, wishes: Wishes = {}): Scenario {
  const random = new Prng(seed);
  const drawn = {
    shape: random.pick(seed < ALL_SHAPES_FROM ? FIRST_SHAPES : SHAPES),
    cores: random.pick([1, 2, 2, 3, 4, 4, 5, 8]),
    isStray: random.chance(0.3),
    owner: random.pick(["hash", "hash", "hash", "first", "traffic"] as const),
    ageing: random.pick(["each-tells", "each-tells", "one"] as const),
    arpAgeing: random.pick(["timestamp", "second-chance"] as const),
  };
  const shape = wishes.shape ?? drawn.shape;
  const most = shape === "ring" ? RING_CORES : drawn.cores;
  const cores = wishes.cores ?? Math.min(drawn.cores, most);
  const common: Drawn = { ...drawn, seed, cores };
  const rest = { seed, cores, shape, isStray: drawn.isStray, owner: drawn.owner };
  return { ...rest, ...MAKERS[shape](common, random) };
}

type Drawn = Pick<Parts, "seed" | "cores" | "owner" | "ageing" | "arpAgeing">;
type Made = Pick<Scenario, "appliances" | "cables" | "hosts" | "bundle" | "groups" | "converge">;

const BOTH = trunk(0, ...VLANS);
const NONE = { members: 0, aggregate: access(10) } as const;

const MAKERS: { readonly [S in Shape]: (drawn: Drawn, random: Prng) => Made } = {
  plain: (drawn) => oneAppliance(drawn, 0),
  bundle: (drawn) => oneAppliance(drawn, 2),
  pair: twoRouters,
  ring: ringOfThree,
  groups: snoopers,
};

function oneAppliance(drawn: Drawn, members: number): Made {
  const edges = [access(10), access(10), access(20), access(20), BOTH];
  const parts = { ...drawn, edges, members, aggregate: access(10), more: {} };
  const bundle = members > 0 ? [5, 6] : [];
  return {
    appliances: [applianceOf({ ...parts, appliance: 0 })],
    cables: [],
    hosts: hostsOf((vlan) => [
      place(0, vlan === 10 ? 0 : 2),
      place(0, vlan === 10 ? 1 : 3),
      place(0, 4, vlan),
      ...(vlan === 10 ? bundle.slice(0, 1).map((port) => place(0, port)) : []),
    ]),
    bundle,
    groups: null,
    converge: CONVERGE,
  };
}

function twoRouters(drawn: Drawn): Made {
  const edges = [access(10), access(20), BOTH];
  const parts = { ...drawn, edges, members: 2, aggregate: BOTH };
  const sides = [0, 1];
  return {
    appliances: sides.map((appliance) =>
      applianceOf({ ...parts, appliance, more: { vr: routersOf(appliance) } }),
    ),
    cables: [3, 4].map((port) => [place(0, port), place(1, port)] as const),
    hosts: hostsOf(
      (vlan) => sides.flatMap((side) => [place(side, vlan === 10 ? 0 : 1), place(side, 2, vlan)]),
      VIRTUAL_HOST,
    ),
    bundle: [],
    groups: null,
    converge: CONVERGE,
  };
}

/** Ports 0 and 1 are for hosts, 2 leads to the neighbour before, 3 to the one behind; 4 is the second cable's. */
function ringOfThree(drawn: Drawn, random: Prng): Made {
  const plan = drawRing(random);
  const sides = [0, 1, 2];
  const linksOf = (side: number): number => (plan.isDouble && side < 2 ? 3 : 2);
  return {
    appliances: sides.map((appliance) => {
      const links = new Array(linksOf(appliance)).fill(BOTH);
      const edges = [access(10), access(20), ...links];
      const stp = ringStp(plan, appliance, 2, links.length);
      return applianceOf({ ...drawn, ...NONE, edges, appliance, more: { stp } });
    }),
    cables: [
      ...sides.map((side) => [place(side, 3), place((side + 1) % 3, 2)] as const),
      ...(plan.isDouble ? [[place(0, 4), place(1, 4)] as const] : []),
    ],
    hosts: hostsOf((vlan) => sides.map((side) => place(side, vlan === 10 ? 0 : 1))),
    bundle: [],
    groups: null,
    // Then a cable is cut and mended, and stations are heard anew.
    converge: TREE_TIME + CONVERGE,
  };
}

/** Two access ports on the first VLAN, one on the second, a trunk with hosts, and the cable to the other appliance. */
function snoopers(drawn: Drawn, random: Prng): Made {
  const groups = drawGroups(random);
  const edges = [access(10), access(10), access(20), BOTH, BOTH];
  const snoop = groupSnooping(groups, [...edges.keys()], VLANS);
  const sides = Array.from({ length: groups.appliances }, (_, side) => side);
  return {
    appliances: sides.map((appliance) =>
      applianceOf({ ...drawn, ...NONE, edges, appliance, more: { snoop } }),
    ),
    cables: sides.length > 1 ? [[place(0, 4), place(1, 4)]] : [],
    hosts: hostsOf((vlan) =>
      sides.flatMap((side) => [
        ...(vlan === 10 ? [place(side, 0), place(side, 1)] : [place(side, 2)]),
        place(side, 3, vlan),
      ]),
    ),
    bundle: [],
    groups,
    converge: CONVERGE,
  };
}
