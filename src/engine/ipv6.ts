// The contract between the two halves of IPv6 on one core: nd/ finds and keeps neighbours, own addresses, routers and
// prefixes; host/ routes, answers and sends. core/dispatch.ts joins them. An address is four unsigned 32-bit words,
// never a bigint or a string; where bytes of a packet hold one, its offset in `out.view` is passed instead.

import type { ChannelId, Mac, Millis, Offset } from "../lib/units.ts";

/** An IPv6 address: four unsigned 32-bit words, the first one first on the wire. */
export type Ipv6Words = readonly [number, number, number, number];

/** An IPv6 address of an interface with its prefix length. */
export interface Address6Config {
  readonly address: Ipv6Words;
  readonly prefix: number;
}

/** A prefix that an interface advertises (RFC 4861 6.2.1, AdvPrefixList). */
export interface AdvertisedPrefix {
  readonly prefix: Ipv6Words;
  readonly length: number;
  readonly onLink: boolean;
  readonly autonomous: boolean;
  /** Seconds; 0xffffffff = for ever. */
  readonly validSeconds: number;
  readonly preferredSeconds: number;
}

/** How an interface advertises this router (RFC 4861 6.2.1); its presence turns AdvSendAdvertisements on. */
export interface AdvertiseConfig {
  readonly maxInterval: Millis;
  readonly minInterval: Millis;
  readonly managed: boolean;
  readonly other: boolean;
  /** MTU option; 0 = none. */
  readonly mtu: number;
  /** 0 = unspecified. */
  readonly reachableTime: Millis;
  /** 0 = unspecified. */
  readonly retransTimer: Millis;
  /** 0 = unspecified. */
  readonly hopLimit: number;
  /** Seconds as a default router; 0 = none. */
  readonly lifetimeSeconds: number;
  /** Router preference (RFC 4191 2.1). */
  readonly preference: "low" | "medium" | "high";
  readonly prefixes: readonly AdvertisedPrefix[];
  /** Recursive DNS servers (RFC 8106 5.1) and their lifetime in seconds. */
  readonly dns: readonly Ipv6Words[];
  readonly dnsSeconds: number;
}

/** What an interface needs for IPv6; absent on an interface that speaks no IPv6. */
export interface Interface6Config {
  /** Beside the link-local address, which is made from the MAC. */
  readonly addresses: readonly Address6Config[];
  /** Learn routers and prefixes from advertisements (as a host, RFC 4861 6.3); a router does not. */
  readonly acceptAdvertisements: boolean;
  /** Make addresses from advertised prefixes (RFC 4862 5.5). */
  readonly autoconfigure: boolean;
  /** Follow redirects (RFC 4861 8.3); never when the appliance forwards. */
  readonly acceptRedirects: boolean;
  readonly advertise: AdvertiseConfig | null;
}

/** Finds the MAC of an IPv6 next hop. nd/ implements it. */
export interface Resolver6 {
  /**
   * The MAC of the next hop whose 16 address bytes stand at `at` in `out.view`, when it is known now. Otherwise -1: the
   * frame (copied) was queued, or dropped and counted, and `Waiting` hears of it later. Multicast is not resolved
   * here. `at` may lie inside the frame (on-link destination) or anywhere else in the arena; it is read during the call
   * only.
   */
  resolve(iface: number, at: Offset, start: Offset, end: Offset, now: Millis): Mac;
  /** The neighbour whose address stands at `at` was heard to answer in an upper layer (RFC 4861 7.3.1). */
  confirm(iface: number, at: Offset, now: Millis): void;
}

/**
 * What neighbour discovery tells the forwarding side of its own core, in any order and more than once (telling the same
 * again changes nothing). host/ implements it. Configured addresses come this way too, once duplicate detection has
 * passed: host/ takes no address from the configuration itself.
 */
export interface Learned6 {
  /**
   * The address may be used and is answered for; with `prefix` bits on link (128 for addresses made from an advertised
   * prefix, whose on-link prefix is told apart). `preferred` false: deprecated, not for new packets (RFC 4862 5.5.4).
   */
  addressUp(
    iface: number,
    a: number,
    b: number,
    c: number,
    d: number,
    prefix: number,
    preferred: boolean,
  ): void;
  addressDown(iface: number, a: number, b: number, c: number, d: number): void;
  /** A default router; the higher preference (-1, 0, 1) first, of equals the reachable one (RFC 4191; 4861 6.3.6). */
  routerUp(iface: number, a: number, b: number, c: number, d: number, preference: number): void;
  routerDown(iface: number, a: number, b: number, c: number, d: number): void;
  /** A prefix on link, learned from a router. */
  prefixUp(iface: number, a: number, b: number, c: number, d: number, length: number): void;
  prefixDown(iface: number, a: number, b: number, c: number, d: number, length: number): void;
  /** MTU (option 5) and hop limit that a router advertised; 0 = back to the configured one. */
  linkChanged(iface: number, mtu: number, hopLimit: number): void;
  /**
   * A redirect that is valid by itself (RFC 4861 8.1): packets to the address at `destination` had better go to the
   * address at `target`; equal addresses: it is on link. `from` is the address of the router that said so: false, and
   * nothing is changed, when it is not the first hop to the destination now. On every core.
   */
  redirected(
    iface: number,
    from: Offset,
    target: Offset,
    destination: Offset,
    now: Millis,
  ): boolean;
  /** The neighbour stopped being a router or is gone: next hops are chosen anew (RFC 4861 7.3.3). */
  neighbourLost(iface: number, a: number, b: number, c: number, d: number): void;
}

/** The IPv6 side of host/ as core/dispatch.ts calls it; frames of neighbour discovery and MLD do not get here. */
export interface Deliver6 {
  /** An untagged IPv6 frame to the interface's MAC or to a group, which may be changed in place. */
  deliver(iface: number, channel: ChannelId, start: Offset, end: Offset, now: Millis): void;
}

/** What host/ asks of nd/ beside resolving. */
export interface Neighbours6 extends Resolver6 {
  /** True while the neighbour at `at` is known and not doubted: REACHABLE, STALE, DELAY or PROBE (RFC 4861 6.3.6). */
  isReachable(iface: number, at: Offset): boolean;
  /**
   * Sends a redirect to the source of the packet at start + 14 (RFC 4861 8.2): its destination is better reached by the
   * address at `target` (equal: on link). The caller has checked 8.2 but the rate limit is its own, too.
   */
  redirect(iface: number, start: Offset, end: Offset, target: Offset, now: Millis): void;
}
