// What the ARP engine can be told, with where each default comes from. Names and units are those of the
// configuration file's `neighbours.arp`; the control core makes this from the checked file.

import type { Ipv4, Mac, Millis } from "../lib/units.ts";

/** A static entry (ARP-7): never aged, never evicted, never overwritten from the wire. */
export interface StaticEntry {
  /** Interface number. */
  readonly iface: number;
  readonly address: Ipv4;
  readonly mac: Mac;
}

/** How the ARP engine behaves. */
export interface ArpConfig {
  /** By age since the last confirmation, or by a used flag that is cleared at the timer (ARP-6). */
  readonly ageing: "timestamp" | "second-chance";
  /** Age at which an entry goes, or is probed when it is in use; the period of the flag's timer. */
  readonly timeout: Millis;
  /** Requests per address in all, before it is given up (ARP-4). */
  readonly retries: number;
  /** Between two requests for one address. */
  readonly retryInterval: Millis;
  /** Whether that interval doubles with each request. */
  readonly backOff: "none" | "exponential";
  /** Frames that wait for one address on one core; then the oldest goes (ARP-3). */
  readonly pendingFrames: number;
  /** Who hears of an answered or failed request: every core, or those that asked (ARP-4). */
  readonly propagate: "all" | "askers";
  /** Who hears when the master answers an ask from its table (ARP-3). */
  readonly answer: "asker" | "all";
  /** Known addresses, static ones included (ARP-8). */
  readonly maxEntries: number;
  /** What a gratuitous message does: change what is known, also teach what is not, or nothing. */
  readonly acceptGratuitous: "update" | "learn" | "ignore";
  /** Static entries of the configuration. */
  readonly statics: readonly StaticEntry[];
  /** Addresses asked for at a time on one core; then the oldest of the busiest interface is given up. */
  readonly maxPending: number;
  /** Frames that wait on one core for any address. */
  readonly waitingFrames: number;
  /** How long an address that failed is not asked for again (ARP-4); 0 = not at all. */
  readonly holdDown: Millis;
  /** Requests per second and interface, with a burst of as many; also the asks of a core to the master. */
  readonly requestRate: number;
  /** ARP messages per second and channel that are acted on, with a burst of as many. */
  readonly receiveRate: number;
  /** Unicast requests to a used entry before it is flushed (ARP-6). */
  readonly probes: number;
  /**
   * What is done for own addresses before and when they are used (RFC 5227); conflicts are seen in any case.
   */
  readonly acd: "announce" | "probe" | "off";
  /** Refuse ARP whose Ethernet source differs from its sender address. */
  readonly verifySource: boolean;
  /** Answer RARP requests from the static entries (RFC 903). */
  readonly rarp: boolean;
  /** Answer InARP requests (RFC 2390). */
  readonly inarp: boolean;
}

/** The defaults. */
export const ARP_DEFAULTS: ArpConfig = {
  /** The first variant that ARP-6 names. */
  ageing: "timestamp",
  /** The specification's configuration example; NetScaler's and 4.4BSD's 20 minutes. */
  timeout: 1_200_000,
  /** ARP-4; Linux mcast_solicit. */
  retries: 3,
  /** ARP-4; Linux retrans_time_ms; at most one a second as RFC 1122 2.3.2.1 suggests. */
  retryInterval: 1000,
  /** The first variant that ARP-4 allows. */
  backOff: "none",
  /** The specification's configuration example; RFC 1122 2.3.2.2 wants at least one. */
  pendingFrames: 16,
  /** The first variant that ARP-4 names. */
  propagate: "all",
  /** The first variant that ARP-3 names. */
  answer: "asker",
  /** The specification's configuration example. */
  maxEntries: 8192,
  /** Linux arp_accept = 0: a gratuitous message updates and creates nothing. */
  acceptGratuitous: "update",
  statics: [],
  /** Linux gc_thresh3 bounds all of its entries at 1024; ours bounds only the unresolved ones by it. */
  maxPending: 1024,
  /** Our choice: two frames for each pending address on average, and no more than 4 MiB of buffers. */
  waitingFrames: 2048,
  /**
   * Our choice: as long as three requests take, so that a dead host costs no more than one request a second.
   */
  holdDown: 3000,
  /**
   * Our choice: a host that pings a whole /22 at once waits half a second; a sweep cannot flood the network.
   */
  requestRate: 2000,
  /** Our choice: far above what a busy channel needs, far below what would load a core (about 0.2 %). */
  receiveRate: 2000,
  /** Linux ucast_solicit. */
  probes: 3,
  /** An appliance does not give its configured addresses up, so it announces and does not wait 4..7 s first. */
  acd: "announce",
  /** NetScaler spoofvalidation DISABLED; VRRP, HSRP and NIC teams may send from another MAC. */
  verifySource: false,
  /** Our choice: nobody expects an unconfigured RARP server. */
  rarp: false,
  /** Our choice: meant for frame relay; Ethernet hosts do not ask. */
  inarp: false,
};
