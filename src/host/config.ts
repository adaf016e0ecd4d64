// What the IPv4 side of the appliance needs beside its interfaces: routes, what it forwards, and how much it says
// in ICMP. Plain data, made by the control core, that crosses threads by structured clone.

import type { Ipv4 } from "../lib/units.ts";

/** What a static route does with a packet. The last three refuse it: silently, or with an ICMP code of their own. */
export type RouteKind = "unicast" | "blackhole" | "unreachable" | "prohibit";

/** One static route. */
export interface RouteConfig {
  /** Network address; host bits are ignored. */
  readonly to: Ipv4;
  /** Prefix length 0..32; 0 is the default route. */
  readonly prefix: number;
  /** Next hop; 0 = the destinations are neighbours on `interface`. */
  readonly via: Ipv4;
  /** Interface that the packets leave through; -1 = the one whose prefix contains `via`. */
  readonly interface: number;
  /** `unicast` when absent. */
  readonly kind?: RouteKind;
}

/** Which own address an ICMP error carries as its source. */
export type ErrorSource = "incoming" | "outgoing";

export interface HostConfig {
  readonly routes: readonly RouteConfig[];
  /** True: a router (RFC 1812). False: a host that only receives and sends (RFC 1122). */
  readonly forwarding: boolean;
  /** Send ICMP redirects when a packet leaves through the interface that it came in on. */
  readonly redirects: boolean;
  /** The interface that the packet came in on, or the one that the error leaves through. */
  readonly errorSource: ErrorSource;
  /** TTL of what the appliance itself sends. */
  readonly ttl: number;
  /** Milliseconds in which one destination earns one more ICMP error; 0 = no limit for each. */
  readonly icmpIntervalMillis: number;
  /** ICMP errors that one destination may have at once. */
  readonly icmpBurst: number;
  /** ICMP errors and TCP resets a second to all destinations, shared evenly by the cores. */
  readonly icmpPerSecond: number;
  /** ICMP errors and TCP resets that the appliance may send at once. */
  readonly icmpTotalBurst: number;
  /** Fragmented datagrams for us that one core collects at a time; the oldest goes when one more comes. */
  readonly reassemblies: number;
  /** Fragments that one core holds for them in all. */
  readonly reassemblyFragments: number;
  /** How long the first fragment waits for the last. */
  readonly reassemblyMillis: number;
}

/** Defaults, each with its source. */
export const HOST_DEFAULTS: HostConfig = {
  routes: [],
  /** Our choice, because a machine between networks is what this program is for. */
  forwarding: true,
  /** Linux net.ipv4.conf.all.send_redirects = 1; RFC 1812 5.2.7.2 asks for the ability. */
  redirects: true,
  /**
   * So that traceroute names the interface that a packet entered by, as operators expect; Linux has it as
   * icmp_errors_use_inbound_ifaddr. RFC 1812 4.3.2.4 means "outgoing": the two differ on asymmetric paths alone.
   */
  errorSource: "incoming",
  /** IANA "IP parameters", default TTL 64 (RFC 1700); Linux ip_default_ttl. */
  ttl: 64,
  /** Linux icmp_ratelimit = 1000 ms, for the types of icmp_ratemask = 6168 (3, 4, 11 and 12). */
  icmpIntervalMillis: 1000,
  /** Linux XRLIM_BURST_FACTOR, net/ipv4/icmp.c. */
  icmpBurst: 6,
  /** Linux icmp_msgs_per_sec (1000 until 6.x). */
  icmpPerSecond: 1000,
  /** Linux icmp_msgs_burst (50 until 6.x). */
  icmpTotalBurst: 50,
  /** Our choice, because only ping sends fragments to a router: sixteen hosts may do so at once. */
  reassemblies: 16,
  /** Our choice, because it is two pings of the largest size (65,507 bytes) on an MTU of 1500. */
  reassemblyFragments: 96,
  /** Linux ipfrag_time = 30 s; RFC 1122 3.3.2 recommends 60..120 s, RFC 791 15 s. */
  reassemblyMillis: 30_000,
};
