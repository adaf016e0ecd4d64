// What virtual routers do to the rest of their core (VR-4): the bridge and routed channels take frames to their virtual
// MACs, ARP and neighbour discovery answer for their addresses, the host side accepts or refuses packets to them. One
// list, of what is active here now; every change is applied to all of them in the same tick.

import type { Arp } from "../arp/arp.ts";
import type { Bridging } from "../bridge/bridging.ts";
import type { Channels } from "../engine/channels.ts";
import type { InterfaceConfig } from "../engine/config.ts";
import type { Ipv6Words } from "../engine/ipv6.ts";
import type { Links, Out } from "../engine/out.ts";
import type { Virtual, VirtualSink } from "../engine/virtual.ts";
import type { Host } from "../host/host.ts";
import type { Host6 } from "../host/host6.ts";
import { HashIndex } from "../lib/hash-index.ts";
import type { ChannelId, Ipv4, Mac, Millis, Offset, PortId } from "../lib/units.ts";
import type { Nd } from "../nd/nd.ts";
import * as arp from "../wire/arp.ts";
import * as nd from "../wire/nd.ts";

/** ff02::1, which every node hears. */
const ALL_NODES: nd.Words = [0xff020000, 0, 0, 1];

/** The engines of the same core. */
export interface Neighbourhood {
  readonly out: Out;
  readonly links: Links;
  readonly channels: Channels;
  readonly bridging: Bridging;
  readonly resolver: Arp;
  readonly nd: Nd;
  readonly host: Host;
  readonly host6: Host6;
}

const isSame = (a: Virtual, b: Virtual): boolean =>
  a.iface === b.iface && a.mac === b.mac && a.family === b.family && a.name === b.name;

export class Virtuals implements VirtualSink {
  readonly #of: Neighbourhood;
  readonly #isUp: (channel: ChannelId) => boolean;
  #interfaces: readonly InterfaceConfig[];
  #active: Virtual[] = [];
  /** Virtual MACs of interfaces on a channel of their own. */
  #routed: HashIndex = new HashIndex(0);

  constructor(of: Neighbourhood, interfaces: readonly InterfaceConfig[]) {
    this.#of = of;
    this.#isUp = (channel) => of.channels.isUp(channel);
    this.#interfaces = interfaces;
  }

  /** What is active on this core now. */
  get active(): readonly Virtual[] {
    return this.#active;
  }

  /** True for a virtual MAC that is ours on an interface that is on no bridge. */
  isRouted(iface: number, mac: Mac): boolean {
    return this.#routed.size > 0 && this.#routed.find(iface, mac | 0) >= 0;
  }

  setVirtual(virtual: Virtual, active: boolean, now: Millis): void {
    const at = this.#active.findIndex((one) => isSame(one, virtual));
    if (at < 0 && !active) return;
    if (at >= 0 && active && isEqual(this.#active[at] as Virtual, virtual)) return;
    if (!active) this.#active.splice(at, 1);
    else if (at >= 0) this.#active[at] = virtual;
    else this.#active.push(virtual);
    this.#apply(now);
  }

  /** Interfaces keep their numbers over a reload, but may be gone or have moved to another bridge. */
  configure(interfaces: readonly InterfaceConfig[], now: Millis): void {
    const before = this.#interfaces;
    this.#interfaces = interfaces;
    this.#active = this.#active.filter(
      ({ iface }) =>
        interfaces[iface] !== undefined && interfaces[iface]?.name === before[iface]?.name,
    );
    this.#apply(now);
  }

  #apply(now: Millis): void {
    const { bridging, resolver, host, host6 } = this.#of;
    const addresses: { iface: number; address: Ipv4; mac: Mac; accept: boolean }[] = [];
    const addresses6: { iface: number; words: Ipv6Words; mac: Mac; accept: boolean }[] = [];
    for (const { iface, mac, accept, ...of } of this.#active) {
      for (const address of of.addresses) addresses.push({ iface, address, mac, accept });
      for (const words of of.addresses6) addresses6.push({ iface, words, mac, accept });
    }
    bridging.membership.setVirtual(this.#active);
    resolver.setVirtual(addresses, now);
    host.setVirtual(addresses);
    this.#of.nd.setVirtual(addresses6);
    host6.setRefused(addresses6.filter(({ accept }) => !accept).map(({ words }) => words));
    this.#routed = new HashIndex(this.#active.length);
    for (const { iface, mac } of this.#active) {
      const at = this.#interfaces[iface];
      // The interface's own MAC is looked at before.
      if (at !== undefined && at.bridge < 0 && at.mac !== mac) this.#routed.set(iface, mac | 0, 0);
    }
  }

  announce(virtual: Virtual, repeat: number, _now: Millis): void {
    for (let turn = 0; turn < repeat; turn++) {
      for (const address of virtual.addresses) this.#announce4(virtual, address);
      for (const words of virtual.addresses6) this.#announce6(virtual, words);
    }
  }

  /** A gratuitous request (RFC 5227 1.1: what old ARP implementations heed, too). */
  #announce4({ iface, mac }: Virtual, address: Ipv4): void {
    const { out, links } = this.#of;
    const start = out.scratch(arp.FRAME);
    if (start < 0) return;
    links.output(iface, start, arp.writeRequest(out.view, start, mac, address, address));
  }

  /** An unsolicited advertisement with R and O set (RFC 9568 6.4.2 (390)). */
  #announce6({ iface, mac, addresses6 }: Virtual, words: Ipv6Words): void {
    const { out, links } = this.#of;
    const start = out.scratch(nd.FRAME_ROOM);
    if (start < 0) return;
    const first = addresses6[0] ?? words;
    const source = first[0] >>> 22 === 0x3fa ? first : words;
    const flags = nd.Flag.Router | nd.Flag.Override;
    const to = nd.groupMac(1);
    const { view } = out;
    const end = nd.writeAdvertisement(view, start, to, mac, source, ALL_NODES, words, mac, flags);
    links.output(iface, start, end);
  }

  /** Before whatever data leaves in the same round: an advertisement that is lost behind it costs a takeover. */
  sendControl(iface: number, start: Offset, end: Offset): void {
    const { out, links } = this.#of;
    const send = (): void => links.output(iface, start, end);
    if (out.first === undefined) send();
    else out.first(send);
  }

  /** The peer is reached from the interface's own MAC, as everything that is routed. */
  sendUnicast(iface: number, family: 4 | 6, start: Offset, end: Offset, now: Millis): void {
    if (family === 4) this.#of.host.sendPacket(start, end, now);
    else this.#of.host6.sendPacket(iface, start, end, now);
  }

  isInterfaceUp(iface: number): boolean {
    const at = this.#interfaces[iface];
    if (at === undefined) return false;
    const { channels, bridging } = this.#of;
    return at.bridge < 0
      ? channels.isUp(at.channel)
      : bridging.membership.isReached(iface, this.#isUp);
  }

  isPortUp(port: PortId): boolean {
    return this.#of.channels.isPortUp(port);
  }

  isChannelUp(channel: ChannelId): boolean {
    return this.#of.channels.isUp(channel);
  }

  hasRoute4(prefix: Ipv4, length: number): boolean {
    return this.isInterfaceUp(this.#of.host.routeThrough(prefix, length));
  }

  hasRoute6(prefix: Ipv6Words, length: number): boolean {
    return this.isInterfaceUp(this.#of.host6.routeThrough(prefix, length));
  }

  isReachable4(iface: number, address: Ipv4): boolean {
    return this.#of.resolver.isKnown(iface, address);
  }

  isReachable6(iface: number, address: Ipv6Words): boolean {
    const { out } = this.#of;
    const at = out.scratch(16);
    if (at < 0) return false;
    for (let word = 0; word < 4; word++) out.view.setUint32(at + word * 4, address[word] as number);
    return this.#of.nd.isReachable(iface, at);
  }
}

function isEqual(a: Virtual, b: Virtual): boolean {
  const text = ({ addresses, addresses6 }: Virtual): string => `${addresses} ${addresses6}`;
  return a.accept === b.accept && text(a) === text(b);
}
