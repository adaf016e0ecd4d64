// What neighbour discovery needs beside the interfaces: plain data, made by the control core.

import type { Ipv6Words } from "../engine/ipv6.ts";
import type { Mac, Millis } from "../lib/units.ts";

/** Which core runs an entry's machine (ND-2). */
export type OwnerVariant =
  /** The core that the distributor gives the neighbour's advertisements to. */
  | "hash"
  /** The core that created the entry. */
  | "first"
  /** The core that gets the neighbour's own messages. */
  | "traffic";

export interface StaticNeighbour {
  readonly iface: number;
  readonly address: Ipv6Words;
  readonly mac: Mac;
}

export interface NdConfig {
  readonly owner: OwnerVariant;
  /** BaseReachableTime. */
  readonly reachableTime: Millis;
  readonly retransTimer: Millis;
  readonly delayFirstProbe: Millis;
  readonly multicastSolicits: number;
  readonly unicastSolicits: number;
  readonly dadTransmits: number;
  /** Known neighbours per core. */
  readonly maxEntries: number;
  /** Addresses that are being resolved per core, apart from the known ones (RFC 6583 7.1). */
  readonly maxPending: number;
  /** Frames that wait for one address. */
  readonly pendingFrames: number;
  /** Frames that wait on one core in all. */
  readonly waitingFrames: number;
  /** New addresses a second that a core solicits on one interface (RFC 6583 6.2); those known before do not count. */
  readonly solicitRate: number;
  /** True: a router. It sets the router flag, serves router solicitations, and learns neither routers nor redirects. */
  readonly router: boolean;
  /** Seed of everything random, so that one seed gives one run. */
  readonly seed: number;
  readonly statics: readonly StaticNeighbour[];
}

/** Defaults, each with its source. */
export const ND_DEFAULTS: NdConfig = {
  owner: "hash", // ND-2 names it first; advertisements then need no message.
  reachableTime: 30_000, // REACHABLE_TIME, RFC 4861 10
  retransTimer: 1000, // RETRANS_TIMER, RFC 4861 10
  delayFirstProbe: 5000, // DELAY_FIRST_PROBE_TIME, RFC 4861 10
  multicastSolicits: 3, // MAX_MULTICAST_SOLICIT, RFC 4861 10
  unicastSolicits: 3, // MAX_UNICAST_SOLICIT, RFC 4861 10
  dadTransmits: 1, // DupAddrDetectTransmits, RFC 4862 5.1
  maxEntries: 8192, // the specification's example
  maxPending: 1024, // our choice: an eighth of the table; a sweep then costs its own addresses only
  pendingFrames: 16, // as for ARP; RFC 4861 7.2.2 asks for one at least
  waitingFrames: 1024, // our choice: half a pool of the smallest size
  solicitRate: 1000, // our choice: a tenth of the sweep that the bound is made for
  router: true,
  seed: 1,
  statics: [],
};

/** RFC 4861 10: factors of the random reachable time. */
export const MIN_RANDOM_FACTOR = 0.5;
export const MAX_RANDOM_FACTOR = 1.5;
