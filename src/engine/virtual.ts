// The contract between the virtual routers of a core (vr/) and the rest of that core: who takes frames to a virtual MAC
// and answers for the addresses behind it, who sends, and what tracking asks. core/dispatch.ts joins them. A virtual
// MAC is told active or not on EVERY core; announcements and advertisements leave the link master alone.

import type { ChannelId, Ipv4, Mac, Millis, Offset, PortId } from "../lib/units.ts";
import type { Ipv6Words } from "./ipv6.ts";

/** What a virtual router stands for on one interface, in one family: a virtual MAC and the addresses behind it. */
export interface Virtual {
  /** The virtual router's name in the configuration. */
  readonly name: string;
  readonly iface: number;
  readonly family: 4 | 6;
  /** The virtual MAC; the interface's own when the router is configured to use no virtual one. */
  readonly mac: Mac;
  /** Of family 4; empty in family 6. */
  readonly addresses: readonly Ipv4[];
  /** Of family 6, the link-local one first; empty in family 4. */
  readonly addresses6: readonly Ipv6Words[];
  /**
   * Packets to the addresses themselves (ping, say) are for us: Accept_Mode, or we own the addresses (RFC 9568 6.4.3).
   * When false they are dropped, but for neighbour discovery; packets through the virtual MAC are forwarded anyhow.
   */
  readonly accept: boolean;
}

/** What the machines do to the rest of their core. core/dispatch.ts implements it. */
export interface VirtualSink {
  /**
   * From now on this core takes frames to the MAC on the interface and answers ARP and solicitations for the addresses
   * with it (`active`), or refuses both. Keyed by interface, MAC and family; telling the same again changes nothing,
   * telling other addresses replaces them. Called on every core: on the link master when the machine moves, on the
   * others as its message arrives.
   */
  setVirtual(virtual: Virtual, active: boolean, now: Millis): void;
  /**
   * The addresses are here: a gratuitous ARP, or an unsolicited advertisement (R, O), of each from the virtual MAC,
   * `repeat` times each, on the interface's VLAN. Called on the link master alone, at once after `setVirtual` and
   * again later; the pauses between bursts are vr/'s.
   */
  announce(virtual: Virtual, repeat: number, now: Millis): void;
  /**
   * Sends a complete untagged frame to a group through an interface, before whatever data waits where the driver lets
   * it. Like Links.output, but the source may be a virtual MAC that we hold: the bridge must not learn it as a station.
   */
  sendControl(iface: number, start: Offset, end: Offset): void;
  /**
   * Sends a frame whose IP header is complete to a configured peer: the destination MAC is found as that of any packet
   * from this appliance; the source MAC stands. Such frames may wait for ARP.
   */
  sendUnicast(iface: number, family: 4 | 6, start: Offset, end: Offset, now: Millis): void;

  // What tracking and the machines ask, on the link master, every ten milliseconds at most.
  /** False when nothing of the interface can carry frames: the channel, or every channel of its bridge, is down. */
  isInterfaceUp(iface: number): boolean;
  isPortUp(port: PortId): boolean;
  isChannelUp(channel: ChannelId): boolean;
  /** A route to exactly this prefix exists and its interface is up. */
  hasRoute4(prefix: Ipv4, length: number): boolean;
  hasRoute6(prefix: Ipv6Words, length: number): boolean;
  /** The neighbour is resolved and has not failed. */
  isReachable4(iface: number, address: Ipv4): boolean;
  isReachable6(iface: number, address: Ipv6Words): boolean;
}
