// What the flow distributor is told (CORE-4, CORE-5, CORE-7), compiled to numbers by the control core. Plain data.

import type { Role } from "../engine/role.ts";
import type { CoreId, Ipv4, Millis, PortId } from "../lib/units.ts";

/** How the frames of a port are spread over the cores (CORE-7). */
export const Scheme = {
  /** Hash of the flow, indirection table. */
  Flow: 0,
  /** All of a port to one core. */
  Port: 1,
  /** Named jobs to named cores; what has no core goes by flow. */
  Function: 2,
  /** `frames` frames at a time to the least loaded core. */
  LeastLoad: 3,
  /** All frames of a time slice to the least loaded core. */
  TimeSlice: 4,
  /** A new flow to the core whose vote wins; a known flow keeps its core. */
  Arbiter: 5,
} as const;
export type Scheme = (typeof Scheme)[keyof typeof Scheme];
/** As the configuration names them; index = Scheme. */
export const SCHEME_NAMES = [
  "flow",
  "port",
  "function",
  "least-load",
  "time-slice",
  "arbiter",
] as const;

/** Jobs that the scheme `function` can pin; ARP, BPDU and LACP are pinned by their roles already. */
export const JOB_NAMES = ["tcp", "udp", "icmp", "ip", "other"] as const;
export type Job = (typeof JOB_NAMES)[number];

/** An exact number, or a number under a mask. */
export type Masked = number | { readonly value: number; readonly mask: number };

/** A prefix of either family; the length of the whole address for one address. Host bits are ignored. */
export type AddressMatch =
  | { readonly ipv4: Ipv4; readonly ipv6?: undefined; readonly length: number }
  | {
      readonly ipv6: readonly [number, number, number, number];
      readonly ipv4?: undefined;
      readonly length: number;
    };

/** One rule: every field that is there must match. A core or a role; with both, the role counts. */
export interface RuleConfig {
  /** The type behind at most one VLAN tag. */
  readonly etherType?: Masked | undefined;
  /** Identifier of the outer tag; 0 = untagged or priority-tagged. */
  readonly vlan?: Masked | undefined;
  /** The port that the frame came in by. */
  readonly port?: PortId | undefined;
  /** IPv4 protocol or first IPv6 next header. */
  readonly protocol?: number | undefined;
  readonly source?: AddressMatch | undefined;
  readonly destination?: AddressMatch | undefined;
  /** TCP or UDP ports; a fragment has none. */
  readonly sourcePort?: Masked | undefined;
  readonly destinationPort?: Masked | undefined;
  readonly core?: CoreId | undefined;
  readonly role?: Role | undefined;
}

/** When and how far buckets are moved. */
export interface RebalanceConfig {
  /** Difference between the busiest and the idlest core, as a share of a core (0..1), from which a bucket moves. */
  readonly threshold: number;
  readonly interval: Millis;
}

export interface SteeringConfig {
  readonly cores: number;
  /** Toeplitz key, 16..52 bytes. */
  readonly key: readonly number[];
  /** Buckets of the indirection table: 2, 4, .. 128. */
  readonly buckets: number;
  /** Scheme of every port that `portSchemes` does not name. */
  readonly scheme: Scheme;
  /** Scheme per port, index = PortId; -1 or absent: `scheme`. This makes the hybrid. */
  readonly portSchemes: readonly number[];
  /** Core per port for the scheme `port`, index = PortId; -1 or absent: port modulo cores. */
  readonly portCores: readonly number[];
  /** Frames given to a core at a time by `least-load`. */
  readonly unitFrames: number;
  /** Time given to a core at a time by `time-slice`. */
  readonly unitTime: Millis;
  /** Core per job for the scheme `function`; absent: by flow. */
  readonly functions: { readonly [job in Job]?: CoreId };
  readonly rules: readonly RuleConfig[];
  /** null = the table is left as it is. */
  readonly rebalance: RebalanceConfig | null;
  /** Load (0..1) above which a core gets no new flows; 1 = never, and then `flow` needs no table of flows. */
  readonly loadThreshold: number;
  /** Priority per core for votes, lower is better, as for roles; absent: 0. */
  readonly priorities: readonly number[];
  /** Flows that a core remembers at most, a power of two: for `arbiter`, and for `flow` with a load threshold. */
  readonly flows: number;
  /** An idle flow is forgotten after this. */
  readonly flowTimeout: Millis;
}

/** The key of Microsoft's RSS verification suite: what every NIC ships with. */
export const MICROSOFT_KEY: readonly number[] = [
  0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0,
  0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c,
  0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
];

/** 6d5a twenty times: period 16 bits, so both directions of a flow hash alike. */
export const SYMMETRIC_KEY: readonly number[] = Array.from({ length: 40 }, (_, index) =>
  index % 2 === 0 ? 0x6d : 0x5a,
);

export const KEY_MIN = 16;
export const KEY_MAX = 52;

/** The key that a configuration text names: microsoft, symmetric, or 16..52 bytes in hex. */
export function keyOf(text: string): readonly number[] | undefined {
  if (text === "microsoft") return MICROSOFT_KEY;
  if (text === "symmetric") return SYMMETRIC_KEY;
  const digits = text.replaceAll(/[:\s]/g, "");
  if (!/^(?:[0-9a-f]{2}){16,52}$/i.test(digits)) return undefined;
  return Array.from({ length: digits.length / 2 }, (_, index) =>
    Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16),
  );
}

/** The defaults of the specification's configuration, for a number of cores. */
export function defaultSteering(cores: number): SteeringConfig {
  return {
    cores,
    key: MICROSOFT_KEY, // The specification's default.
    buckets: 128, // The specification's default, and the most that RSS has.
    scheme: Scheme.Flow, // The specification's default.
    portSchemes: [],
    portCores: [],
    unitFrames: 1, // The specification's default.
    unitTime: 1, // Our choice: one tick, the shortest time in which loads are measured anew.
    functions: {},
    rules: [],
    rebalance: { threshold: 0.2, interval: 10_000 }, // The specification's example.
    loadThreshold: 1, // Our choice: off, so that the kernel alone can steer by flow.
    priorities: [],
    flows: 65536, // Our choice: 1 MiB per core, 32 times the stations of a usual segment.
    flowTimeout: 30_000, // As long as Linux remembers an unanswered UDP flow (nf_conntrack_udp_timeout).
  };
}

/** The scheme that a port runs. */
export function schemeOf(config: SteeringConfig, port: PortId): Scheme {
  const own = config.portSchemes[port] ?? -1;
  return own < 0 ? config.scheme : (own as Scheme);
}

/** The core of a port under the scheme `port`. */
export function portCoreOf(config: SteeringConfig, port: PortId): CoreId {
  const own = config.portCores[port] ?? -1;
  return own < 0 ? port % config.cores : own;
}

/** True when frames of the port are spread by a table of flows beside the buckets. */
export function tracksFlows(config: SteeringConfig, port: PortId): boolean {
  const scheme = schemeOf(config, port);
  if (scheme === Scheme.Arbiter) return true;
  return (scheme === Scheme.Flow || scheme === Scheme.Function) && config.loadThreshold < 1;
}

/** What a port's program in the kernel is made from. */
function programInput(config: SteeringConfig, port: PortId): unknown {
  const { cores, key, buckets, functions, loadThreshold, rules } = config;
  const own = rules.filter((rule) => rule.port === undefined || rule.port === port);
  const scheme = schemeOf(config, port);
  const core = scheme === Scheme.Port ? portCoreOf(config, port) : -1;
  return { cores, key, buckets, functions, loadThreshold, own, scheme, core };
}

/** True when the kernel's program of a port is the same under both configurations. */
export function steersAlike(one: SteeringConfig, other: SteeringConfig, port: PortId): boolean {
  return JSON.stringify(programInput(one, port)) === JSON.stringify(programInput(other, port));
}
