// What the parts of the IPv6 side share: how a packet made here gets out, and who hears of answers
// to own pings.

import type { Ipv6Words } from "../engine/ipv6.ts";
import type { Millis, Offset } from "../lib/units.ts";
import type { Status } from "./sender.ts";

/** How a packet is addressed to us. */
export const Address = {
  /** An own unicast address. */
  Own: 0,
  /** The anycast address of a subnet of ours. */
  Anycast: 1,
  /** A group that we hear. */
  Group: 2,
} as const;

/** Sends whole packets that start here. output6.ts implements it. */
export interface Sender6 {
  /**
   * The IPv6 packet at start + 14, with its source: routed, cut where it must be, resolved, sent. A
   * hop limit of 0 is filled in. `iface` is where link-local and multicast destinations are meant;
   * -1 = none is known.
   */
  sendPacket(iface: number, start: Offset, end: Offset, now: Millis): Status;
}

/** Where packets that we send to ourselves go. local6.ts implements it. */
export interface Inward6 {
  receive(iface: number, start: Offset, end: Offset, how: number, now: Millis): void;
}

/**
 * Hears of answers to pings that this appliance sent; they may reach another core than the one that
 * asked.
 */
export interface EchoSink6 {
  /** `bytes` of data came back, with `hops` left. */
  replied6(
    from: Ipv6Words,
    id: number,
    sequence: number,
    bytes: number,
    hops: number,
    now: Millis,
  ): void;
  /** `from` says by an ICMPv6 type and code that the echo to `destination` went no further. */
  refused6(
    destination: Ipv6Words,
    id: number,
    sequence: number,
    type: number,
    code: number,
    from: Ipv6Words,
    now: Millis,
  ): void;
}
