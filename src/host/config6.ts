// What the IPv6 side of the appliance needs beside its interfaces: routes, what it forwards, and
// how much it says in ICMPv6. Plain data, made by the control core, that crosses threads by
// structured clone. Own addresses come from neighbour discovery (engine/ipv6.ts), never from here.

import type { Ipv6Words } from "../engine/ipv6.ts";
import { type ErrorSource, HOST_DEFAULTS, type RouteKind } from "./config.ts";

/** One static route. */
export interface Route6Config {
  /** Network address; host bits are ignored. */
  readonly to: Ipv6Words;
  /** Prefix length 0..128; 0 is the default route. */
  readonly prefix: number;
  /** Next hop; null = the destinations are neighbours on `interface`. */
  readonly via: Ipv6Words | null;
  /**
   * Interface that the packets leave through; -1 = the one whose prefix contains `via`. A
   * link-local `via` needs it.
   */
  readonly interface: number;
  /** `unicast` when absent. */
  readonly kind?: RouteKind;
}

export interface Host6Config {
  readonly routes: readonly Route6Config[];
  /** True: a router. False: a host that only receives and sends. */
  readonly forwarding: boolean;
  /** Send redirects when a packet leaves through the interface that it came in on. */
  readonly redirects: boolean;
  /**
   * Take the address of an ICMPv6 error from the interface that the packet came in on, or from
   * where the error leaves.
   */
  readonly errorSource: ErrorSource;
  /** Hop limit of what the appliance itself sends, until a router advertises another. */
  readonly hopLimit: number;
  /** Milliseconds in which one destination earns one more ICMPv6 error; 0 = no limit for each. */
  readonly icmpIntervalMillis: number;
  /** ICMPv6 errors that one destination may have at once. */
  readonly icmpBurst: number;
  /** ICMPv6 errors and TCP resets a second to all destinations, shared evenly by the cores. */
  readonly icmpPerSecond: number;
  /** ICMPv6 errors and TCP resets that the appliance may send at once. */
  readonly icmpTotalBurst: number;
  /**
   * Fragmented packets for us that one core collects at a time; the oldest goes when one more
   * comes.
   */
  readonly reassemblies: number;
  /** Fragments that one core holds for them in all. */
  readonly reassemblyFragments: number;
  /** How long the first fragment waits for the last. */
  readonly reassemblyMillis: number;
  /** Destinations whose path MTU one core remembers; the oldest goes when one more comes. */
  readonly pathMtus: number;
  /** How long a path MTU is believed. */
  readonly pathMtuMillis: number;
  /** Destinations for which one core follows a redirect; the oldest goes when one more comes. */
  readonly redirectedHosts: number;
}

/** Defaults, each with its source. */
export const HOST6_DEFAULTS: Host6Config = {
  routes: [],
  /** Our choice, because a machine between networks is what this program is for. */
  forwarding: true,
  /** RFC 4861 8.2: a router SHOULD send them. */
  redirects: true,
  /** As for IPv4 (config.ts); RFC 4443 2.2 (d) allows it. */
  errorSource: "incoming",
  /** IANA "IP parameters", default TTL 64; Linux net.ipv6.conf.all.hop_limit = 64. */
  hopLimit: 64,
  /** Linux net.ipv6.icmp.ratelimit = 1000 ms. */
  icmpIntervalMillis: HOST_DEFAULTS.icmpIntervalMillis,
  /** Linux XRLIM_BURST_FACTOR, net/ipv4/icmp.c, which IPv6 shares. */
  icmpBurst: HOST_DEFAULTS.icmpBurst,
  /** Linux icmp_msgs_per_sec, which IPv6 shares. */
  icmpPerSecond: HOST_DEFAULTS.icmpPerSecond,
  /** Linux icmp_msgs_burst, which IPv6 shares. */
  icmpTotalBurst: HOST_DEFAULTS.icmpTotalBurst,
  /** Our choice, as for IPv4: only ping sends fragments to a router. */
  reassemblies: HOST_DEFAULTS.reassemblies,
  /** Our choice, as for IPv4: two pings of the largest size. */
  reassemblyFragments: HOST_DEFAULTS.reassemblyFragments,
  /** RFC 8200 4.5: "within 60 seconds of the reception of the first-arriving fragment". */
  reassemblyMillis: 60_000,
  /** Our choice, because only answers to large pings ever need one. */
  pathMtus: 64,
  /** RFC 8201 4: not before 5 minutes, 10 are recommended. */
  pathMtuMillis: 600_000,
  /** Our choice, because only what starts here follows them. */
  redirectedHosts: 256,
};
