// What the parts of the IPv4 side share: how a packet made here gets out, and what is counted.

import type { Ipv4, Millis, Offset } from "../lib/units.ts";

/** What became of a packet that was to be sent. */
export const Status = {
  /** On its way, or taken by ourselves. */
  Sent: 0,
  /** Waits for the next hop's MAC. */
  Waiting: 1,
  /** No route, or one that refuses. */
  NoRoute: 2,
  /** Longer than an IPv4 packet, or than the MTU with DF set. */
  TooBig: 3,
  /** No buffer free (counted as pool-empty). */
  NoBuffer: 4,
  /** The appliance has no address to send from. */
  NoSource: 5,
} as const;
export type Status = (typeof Status)[keyof typeof Status];
/** Names by number, for people. */
export const STATUS_NAMES = [
  "sent",
  "waiting",
  "no-route",
  "too-big",
  "no-buffer",
  "no-source",
] as const;

/** Sends whole packets that start here. host.ts implements it. */
export interface Sender {
  /** The IPv4 packet at start + 14: routed, resolved, sent; the Ethernet header is written on the way. */
  sendPacket(start: Offset, end: Offset, now: Millis): Status;
  /** The next identification, unique among the cores (RFC 6864 4.3). */
  nextId(): number;
}

/** Hears of answers to pings that this appliance sent; they may reach another core than the one that asked. */
export interface EchoSink {
  /** `bytes` of data came back, with `ttl` left. */
  replied(from: Ipv4, id: number, sequence: number, bytes: number, ttl: number, now: Millis): void;
  /** `from` says by an ICMP type and code that the echo to `destination` went no further. */
  refused(
    destination: Ipv4,
    id: number,
    sequence: number,
    type: number,
    code: number,
    from: Ipv4,
    now: Millis,
  ): void;
}

/** Things counted beside the drops. */
export const Stat = {
  Forwarded: 0,
  Delivered: 1,
  EchoesAnswered: 2,
  ErrorsSent: 3,
  Redirects: 4,
  ResetsSent: 5,
  FragmentsMade: 6,
  Reassembled: 7,
  Originated: 8,
} as const;
export const STAT_NAMES = [
  "forwarded",
  "delivered",
  "echoes-answered",
  "errors-sent",
  "redirects",
  "resets-sent",
  "fragments-made",
  "reassembled",
  "originated",
] as const;

/** Counters of one core, in the order of STAT_NAMES. */
export class Statistics {
  readonly values: Float64Array = new Float64Array(STAT_NAMES.length);

  add(stat: number): void {
    this.values[stat] = (this.values[stat] as number) + 1;
  }
}
