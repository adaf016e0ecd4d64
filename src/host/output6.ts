// The way out for everything of IPv6 (HOST-1): packets that start here are given a source, routed
// and cut to the path's MTU, the next hop of any packet is resolved, and the Ethernet header is
// written.
//
// A frame whose next hop is not known yet waits inside the resolver, marked with its origin as
// IPv4's are (output.ts). The resolver reads the next hop's address from the frame, or, for a
// gateway, from the frame's headroom.

import type { InterfaceConfig } from "../engine/config.ts";
import { HEADROOM } from "../engine/frame.ts";
import type { Ipv6Words, Resolver6 } from "../engine/ipv6.ts";
import type { Links, Out } from "../engine/out.ts";
import { assert } from "../lib/assert.ts";
import { Prng } from "../lib/prng.ts";
import type { Mac, Millis, Offset } from "../lib/units.ts";
import { copy } from "../wire/bytes.ts";
import * as checksum from "../wire/checksum.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmpv6 from "../wire/icmpv6.ts";
import { Protocol } from "../wire/ipv4.ts";
import * as ipv6 from "../wire/ipv6.ts";
import type { Addresses6 } from "./addresses6.ts";
import type { Host6Config } from "./config6.ts";
import * as header6 from "./header6.ts";
import { Hop6 } from "./hops6.ts";
import { OWN } from "./output.ts";
import { MIN_MTU, PathMtus6 } from "./pmtu6.ts";
import type { Routes6 } from "./routes6.ts";
import { Stat, type Statistics, Status } from "./sender.ts";
import { Address, type Inward6, type Sender6 } from "./sender6.ts";

const ETHERNET = ethernet.LENGTH;
const FRAGMENT_HEADER = 8;
const MORE = 1;
/** Longest payload without a jumbogram (RFC 8200 3). */
const MAX_PAYLOAD = 0xffff;
/** 33-33-00-00-00-00, with the last word of the group (RFC 2464 7). */
const GROUP_MAC: Mac = 0x333300000000;

export class Output6 implements Sender6 {
  readonly #out: Out;
  readonly #view: DataView;
  readonly #links: Links;
  readonly #routes: Routes6;
  readonly #addresses: Addresses6;
  readonly #stats: Statistics;
  readonly pathMtus: PathMtus6 = new PathMtus6();
  /**
   * Identifications that nobody outside can guess from one that he saw by counting on (RFC 7739).
   */
  readonly #random: Prng;
  #resolver: Resolver6 | null = null;
  #inward: Inward6 | null = null;
  // Columns of the interfaces.
  #mac: Float64Array = new Float64Array(0);
  /** As configured. */
  #ownMtu: Int32Array = new Int32Array(0);
  /** As a router advertised; 0 = nothing. */
  #toldMtu: Int32Array = new Int32Array(0);
  #hops: Uint8Array = new Uint8Array(0);
  /** What counts: as configured, or less when a router says so. */
  #mtu: Int32Array = new Int32Array(0);
  #hopLimit = 64;

  constructor(out: Out, links: Links, routes: Routes6, addresses: Addresses6, stats: Statistics) {
    this.#out = out;
    this.#view = out.view;
    this.#links = links;
    this.#routes = routes;
    this.#addresses = addresses;
    this.#stats = stats;
    this.#random = new Prng(0x6c6c3600 + out.core);
  }

  attach(resolver: Resolver6): void {
    this.#resolver = resolver;
  }

  turnInward(inward: Inward6): void {
    this.#inward = inward;
  }

  configure(config: Host6Config, interfaces: readonly InterfaceConfig[]): void {
    this.#hopLimit = config.hopLimit;
    this.pathMtus.configure(config.pathMtus, config.pathMtuMillis);
    this.#mac = Float64Array.from(interfaces, (iface) => iface.mac);
    // RFC 8200 5: what a link must carry is not refused, whatever is configured.
    this.#ownMtu = Int32Array.from(interfaces, (iface) => Math.max(iface.mtu, MIN_MTU));
    const { length } = interfaces;
    const [mtus, hops] = [this.#toldMtu, this.#hops];
    this.#toldMtu = Int32Array.from({ length }, (_, iface) => mtus[iface] ?? 0);
    this.#hops = Uint8Array.from({ length }, (_, iface) => hops[iface] ?? 0);
    this.#mtu = new Int32Array(length);
    for (let iface = 0; iface < length; iface++) this.#choose(iface);
  }

  /** What a router advertised for the link; 0 = back to the configured one. */
  linkChanged(iface: number, mtu: number, hops: number): void {
    if (iface >= this.#mtu.length) return;
    this.#toldMtu[iface] = mtu;
    this.#hops[iface] = hops;
    this.#choose(iface);
  }

  /** RFC 4861 6.3.4: an MTU is believed from the least that IPv6 needs to what the link can do. */
  #choose(iface: number): void {
    const own = this.#ownMtu[iface] as number;
    const told = this.#toldMtu[iface] as number;
    this.#mtu[iface] = told >= MIN_MTU && told < own ? told : own;
  }

  mac(iface: number): Mac {
    return this.#mac[iface] as number;
  }

  mtu(iface: number): number {
    return this.#mtu[iface] as number;
  }

  /** Forwards, or sends, by a hop that leads on. */
  transmit(origin: number, hop: number, start: Offset, end: Offset, now: Millis): Status {
    const { hops } = this.#routes;
    let at = start + ETHERNET + header6.DESTINATION;
    if (hops.kind(hop) === Hop6.Gateway) {
      at = start - HEADROOM;
      this.#view.setInt32(at, hops.word(hop, 0));
      this.#view.setInt32(at + 4, hops.word(hop, 1));
      this.#view.setInt32(at + 8, hops.word(hop, 2));
      this.#view.setInt32(at + 12, hops.word(hop, 3));
    }
    return this.#resolve(origin, hops.iface(hop), at, start, end, now);
  }

  /**
   * To the neighbour whose address stands at `at`: at once when its MAC is known, else the resolver
   * keeps the frame.
   */
  #resolve(
    origin: number,
    iface: number,
    at: Offset,
    start: Offset,
    end: Offset,
    now: Millis,
  ): Status {
    const resolver = this.#resolver;
    assert(resolver !== null, "the IPv6 side has no resolver yet");
    this.#view.setUint16(start, 0);
    this.#view.setUint32(start + 2, origin);
    const mac = resolver.resolve(iface, at, start, end, now);
    if (mac < 0) return Status.Waiting;
    this.complete(iface, mac, start, end);
    return Status.Sent;
  }

  /** Writes the Ethernet header and sends. */
  complete(iface: number, mac: Mac, start: Offset, end: Offset): void {
    const from = this.#mac[iface] as number;
    ethernet.writeHeader(this.#view, start, mac, from, ethernet.EtherType.Ipv6);
    this.#links.output(iface, start, end);
  }

  sendPacket(iface: number, start: Offset, end: Offset, now: Millis): Status {
    const view = this.#view;
    const ip = start + ETHERNET;
    const a = ipv6.destination(view, ip, 0);
    const b = ipv6.destination(view, ip, 1);
    const c = ipv6.destination(view, ip, 2);
    const d = ipv6.destination(view, ip, 3);
    const isGroup = header6.isMulticast(a);
    const row = isGroup ? -1 : this.#addresses.find(iface, a, b, c, d);
    if (row >= 0) return this.#turn(this.#addresses.iface(row), row, start, end, now);
    let hop = 0;
    let through = iface;
    if (!isGroup && !header6.isLinkLocal(a)) {
      hop = this.#leading(a, b, c, d);
      if (hop === 0) return Status.NoRoute;
      through = this.#routes.hops.iface(hop);
    }
    if (through < 0 || through >= this.#mtu.length) return Status.NoRoute;
    this.#setHops(ip, through);
    this.#stats.add(Stat.Originated);
    const mtu = this.pathMtus.lookup(a, b, c, d, this.#mtu[through] as number, now);
    if (end - ip > mtu) return this.#cut(through, hop, mtu, start, end, now);
    return this.#leave(through, hop, start, end, now);
  }

  /** The hop to an address that is neither ours nor of one link alone; 0 = none that leads on. */
  #leading(a: number, b: number, c: number, d: number): number {
    const hop = this.#routes.lookup(a, b, c, d);
    const kind = this.#routes.hops.kind(hop);
    return kind === Hop6.Link || kind === Hop6.Gateway ? hop : 0;
  }

  #setHops(ip: Offset, iface: number): void {
    if (ipv6.hopLimit(this.#view, ip) !== 0) return;
    const told = this.#hops[iface] as number;
    header6.setHopLimit(this.#view, ip, told === 0 ? this.#hopLimit : told);
  }

  /** A packet to ourselves. */
  #turn(iface: number, row: number, start: Offset, end: Offset, now: Millis): Status {
    const inward = this.#inward;
    assert(inward !== null, "the IPv6 side hears nobody yet");
    // No group: whatever stood in the buffer is no link-layer multicast.
    this.#view.setUint16(start, 0);
    this.#setHops(start + ETHERNET, iface);
    this.#stats.add(Stat.Originated);
    const how = this.#addresses.isAnycast(row) ? Address.Anycast : Address.Own;
    inward.receive(iface, start, end, how, now);
    return Status.Sent;
  }

  /** By a hop, or (0) to a group or a link-local neighbour of the interface. */
  #leave(iface: number, hop: number, start: Offset, end: Offset, now: Millis): Status {
    if (hop !== 0) return this.transmit(OWN, hop, start, end, now);
    const ip = start + ETHERNET;
    if (!ipv6.isMulticastDestination(this.#view, ip)) {
      return this.#resolve(OWN, iface, ip + header6.DESTINATION, start, end, now);
    }
    this.complete(iface, GROUP_MAC + ipv6.destination(this.#view, ip, 3), start, end);
    return Status.Sent;
  }

  /**
   * Sends a packet without extension headers in pieces (RFC 8200 4.5): only its source may do so.
   */
  #cut(iface: number, hop: number, mtu: number, start: Offset, end: Offset, now: Millis): Status {
    const view = this.#view;
    const ip = start + ETHERNET;
    const payload = ip + ipv6.LENGTH;
    const size = (mtu - ipv6.LENGTH - FRAGMENT_HEADER) & ~7;
    const id = this.#random.next();
    const next = ipv6.nextHeader(view, ip);
    let status: Status = Status.Sent;
    for (let at = payload; at < end; at += size) {
      const length = Math.min(size, end - at);
      const piece = this.#out.scratch(ETHERNET + ipv6.LENGTH + FRAGMENT_HEADER + length);
      if (piece < 0) return Status.NoBuffer;
      const to = piece + ETHERNET;
      copy(view, ip, view, to, ipv6.LENGTH);
      header6.setPayloadLength(view, to, FRAGMENT_HEADER + length);
      header6.setNextHeader(view, to, ipv6.Next.Fragment);
      const fragment = to + ipv6.LENGTH;
      view.setUint16(fragment, next << 8);
      view.setUint16(fragment + 2, (at - payload) | (at + length < end ? MORE : 0));
      view.setInt32(fragment + 4, id);
      this.#out.copy(at, fragment + FRAGMENT_HEADER, at + length);
      this.#stats.add(Stat.FragmentsMade);
      const pieceEnd = fragment + FRAGMENT_HEADER + length;
      status = this.#leave(iface, hop, piece, pieceEnd, now);
    }
    return status;
  }

  /**
   * HOST-1: sends bytes of the arena as the payload of a packet to `destination`; `iface` is where
   * a link-local or multicast one is meant, -1 = none.
   */
  send(
    destination: Ipv6Words,
    iface: number,
    protocol: number,
    payloadStart: Offset,
    payloadEnd: Offset,
    now: Millis,
  ): Status {
    const length = payloadEnd - payloadStart;
    if (length > MAX_PAYLOAD) return Status.TooBig;
    const start = this.#out.scratch(ETHERNET + ipv6.LENGTH + length);
    if (start < 0) return Status.NoBuffer;
    const at = start + ETHERNET + ipv6.LENGTH;
    this.#out.copy(payloadStart, at, payloadEnd);
    header6.write(this.#view, start + ETHERNET, protocol, length, 0);
    const status = this.#address(destination, iface, start);
    return status === Status.Sent ? this.sendPacket(iface, start, at + length, now) : status;
  }

  /**
   * One ICMPv6 echo request with `size` bytes of data; a hop limit of 0 means the configured one.
   */
  ping(
    destination: Ipv6Words,
    iface: number,
    id: number,
    sequence: number,
    size: number,
    hops: number,
    now: Millis,
  ): Status {
    const view = this.#view;
    const length = icmpv6.LENGTH + size;
    if (length > MAX_PAYLOAD) return Status.TooBig;
    const start = this.#out.scratch(ETHERNET + ipv6.LENGTH + length);
    if (start < 0) return Status.NoBuffer;
    const ip = start + ETHERNET;
    const at = header6.write(view, ip, Protocol.Icmpv6, length, hops);
    const status = this.#address(destination, iface, start);
    if (status !== Status.Sent) return status;
    view.setUint32(at, icmpv6.Type.Echo << 24);
    view.setUint16(at + 4, id);
    view.setUint16(at + 6, sequence);
    for (let index = 0; index < size; index++) view.setUint8(at + icmpv6.LENGTH + index, index);
    writeChecksum(view, ip, at, at + length);
    return this.sendPacket(iface, start, at + length, now);
  }

  /** Writes both addresses into the header of a packet that starts here. */
  #address(destination: Ipv6Words, iface: number, start: Offset): Status {
    const [a, b, c, d] = destination;
    let through = iface;
    if (!header6.isMulticast(a) && !header6.isLinkLocal(a)) {
      const own = this.#addresses.find(iface, a, b, c, d);
      const hop = own >= 0 ? 0 : this.#leading(a, b, c, d);
      if (own < 0 && hop === 0) return Status.NoRoute;
      through = own >= 0 ? this.#addresses.iface(own) : this.#routes.hops.iface(hop);
    } else if (iface < 0) return Status.NoRoute;
    const row = this.#addresses.source(through, a, b, c, d);
    if (row < 0) return Status.NoSource;
    const ip = start + ETHERNET;
    header6.setAddress(this.#view, ip + header6.DESTINATION, a, b, c, d);
    writeSource(this.#view, ip, this.#addresses, row);
    return Status.Sent;
  }
}

/** Writes an own address as the packet's source. */
export function writeSource(view: DataView, ip: Offset, addresses: Addresses6, row: number): void {
  for (let word = 0; word < 4; word++) {
    view.setUint32(ip + header6.SOURCE + word * 4, addresses.word(row, word));
  }
}

/** Computes the checksum of the ICMPv6 message in at..end, whose packet has both addresses. */
export function writeChecksum(view: DataView, ip: Offset, at: Offset, end: Offset): void {
  view.setUint16(at + 2, 0);
  const pseudo = checksum.pseudo6(view, ip, Protocol.Icmpv6, end - at);
  view.setUint16(at + 2, checksum.finish(checksum.add(view, at, end, pseudo)));
}
