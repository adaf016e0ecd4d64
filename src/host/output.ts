// The way out for everything of IPv4 (HOST-1): packets that start here are routed and given a source, any packet is cut
// to the MTU where it may be, its next hop is resolved, and the Ethernet header is written.
//
// A frame whose next hop is not known yet waits inside the resolver. Until its Ethernet header is written, the bytes of
// its destination MAC tell where it came from: 0, 0, then the interface's number + 1 as 32 bits; 0 = it started here.

import type { InterfaceConfig } from "../engine/config.ts";
import { Drop } from "../engine/drop.ts";
import type { Links, Out, Resolver } from "../engine/out.ts";
import { assert } from "../lib/assert.ts";
import { BROADCAST, type Ipv4, type Mac, type Millis, type Offset } from "../lib/units.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmp from "../wire/icmp.ts";
import * as ipv4 from "../wire/ipv4.ts";
import type { HostConfig } from "./config.ts";
import * as fragment from "./fragment.ts";
import { Hop, type Routes } from "./routes.ts";
import { type Sender, Stat, type Statistics, Status } from "./sender.ts";

const ETHERNET = ethernet.LENGTH;
/** Longest IPv4 packet (RFC 791 3.1). */
const MAX_PACKET = 0xffff;
/** 01-00-5E-00-00-00, with the low 23 bits of the group (RFC 1112 6.4). */
const GROUP_MAC: Mac = 0x01005e000000;

/** Where packets that we send to ourselves go. local.ts implements it. */
export interface Inward {
  receive(iface: number, start: Offset, end: Offset, group: boolean, now: Millis): void;
}

/** The origin of a frame that started here; else the number of the interface it came in on, plus one. */
export const OWN = 0;

/** Where a frame that waits for its next hop came from: OWN, or interface + 1. */
export const originOf = (view: DataView, start: Offset): number => view.getUint32(start + 2);

export class Output implements Sender {
  readonly #out: Out;
  readonly #view: DataView;
  readonly #links: Links;
  readonly #routes: Routes;
  readonly #stats: Statistics;
  #resolver: Resolver | null = null;
  #inward: Inward | null = null;
  // Columns of the interfaces.
  #mac: Float64Array = new Float64Array(0);
  #mtu: Int32Array = new Int32Array(0);
  #ttl = 64;
  #id = 0;

  constructor(out: Out, links: Links, routes: Routes, stats: Statistics) {
    this.#out = out;
    this.#view = out.view;
    this.#links = links;
    this.#routes = routes;
    this.#stats = stats;
  }

  attach(resolver: Resolver): void {
    this.#resolver = resolver;
  }

  turnInward(inward: Inward): void {
    this.#inward = inward;
  }

  configure(config: HostConfig, interfaces: readonly InterfaceConfig[]): void {
    this.#ttl = config.ttl;
    this.#mac = Float64Array.from(interfaces, (iface) => iface.mac);
    this.#mtu = Int32Array.from(interfaces, (iface) => iface.mtu);
  }

  mtu(iface: number): number {
    return this.#mtu[iface] as number;
  }

  mac(iface: number): Mac {
    return this.#mac[iface] as number;
  }

  nextId(): number {
    this.#id = (this.#id + this.#out.cores) & 0xffff;
    return (this.#id + this.#out.core) & 0xffff;
  }

  /** To a neighbour: at once when its MAC is known, else the resolver keeps the frame. */
  transmit(
    origin: number,
    iface: number,
    neighbour: Ipv4,
    start: Offset,
    end: Offset,
    now: Millis,
  ): Status {
    const resolver = this.#resolver;
    assert(resolver !== null, "the host side has no resolver yet");
    this.#view.setUint16(start, 0);
    this.#view.setUint32(start + 2, origin);
    const mac = resolver.resolve(iface, neighbour, start, end, now);
    if (mac < 0) return Status.Waiting;
    this.complete(iface, mac, start, end);
    return Status.Sent;
  }

  /** Writes the Ethernet header and sends. */
  complete(iface: number, mac: Mac, start: Offset, end: Offset): void {
    const from = this.#mac[iface] as number;
    ethernet.writeHeader(this.#view, start, mac, from, ethernet.EtherType.Ipv4);
    this.#links.output(iface, start, end);
  }

  /** Sends the whole, ordinary packet at `start` in pieces that fit the interface. */
  cut(
    origin: number,
    iface: number,
    neighbour: Ipv4,
    start: Offset,
    end: Offset,
    now: Millis,
  ): Status {
    const view = this.#view;
    const ip = start + ETHERNET;
    const size = fragment.pieceSize(view, ip, this.#mtu[iface] as number);
    const payload = end - ipv4.payload(view, ip);
    if (size === 0) {
      this.#out.drop(Drop["ip-too-big"]);
      return Status.TooBig;
    }
    let status: Status = Status.Sent;
    for (let at = 0; at < payload; at += size) {
      const length = Math.min(size, payload - at);
      const piece = this.#out.scratch(ETHERNET + ipv4.headerLength(view, ip) + length);
      if (piece < 0) return Status.NoBuffer;
      const to = piece + ETHERNET;
      const pieceEnd = fragment.writePiece(view, this.#out.copy, ip, at, length, to);
      this.#stats.add(Stat.FragmentsMade);
      status = this.transmit(origin, iface, neighbour, piece, pieceEnd, now);
    }
    return status;
  }

  /** A whole, valid IPv4 packet at start + 14; a source of 0.0.0.0 is filled in. The bytes may be changed. */
  sendPacket(start: Offset, end: Offset, now: Millis): Status {
    const view = this.#view;
    const ip = start + ETHERNET;
    const destination = ipv4.destination(view, ip);
    const hop = this.#routes.lookup(destination);
    const kind = this.#routes.kind(hop);
    if (!this.#leads(kind) || ipv4.isReserved(destination)) return Status.NoRoute;
    const iface = this.#routes.iface(hop);
    if (ipv4.source(view, ip) === 0) {
      const source = this.#routes.source(hop);
      if (source === 0) return Status.NoSource;
      ipv4.setSource(view, ip, source);
      ipv4.setChecksum(view, ip);
    }
    this.#stats.add(Stat.Originated);
    if (kind === Hop.Local) {
      const inward = this.#inward;
      assert(inward !== null, "the host side hears nobody yet");
      view.setUint16(start, 0); // No group: whatever stood in the buffer is no link-layer broadcast.
      inward.receive(iface, start, end, false, now);
      return Status.Sent;
    }
    const tooBig = end - ip > (this.#mtu[iface] as number);
    if (kind === Hop.Broadcast || ipv4.isMulticast(destination)) {
      if (tooBig) return Status.TooBig;
      const group = kind === Hop.Broadcast ? BROADCAST : GROUP_MAC + (destination & 0x7fffff);
      this.complete(iface, group, start, end);
      return Status.Sent;
    }
    const neighbour = this.#routes.neighbour(hop, destination);
    if (!tooBig) return this.transmit(OWN, iface, neighbour, start, end, now);
    if (ipv4.isDontFragment(view, ip)) return Status.TooBig;
    return this.cut(OWN, iface, neighbour, start, end, now);
  }

  /** HOST-1: sends bytes of the arena as the payload of a packet to `destination`. */
  send(
    destination: Ipv4,
    protocol: number,
    payloadStart: Offset,
    payloadEnd: Offset,
    now: Millis,
  ): Status {
    const length = payloadEnd - payloadStart;
    if (length > MAX_PACKET - ipv4.LENGTH) return Status.TooBig;
    const start = this.#out.scratch(ETHERNET + ipv4.LENGTH + length);
    if (start < 0) return Status.NoBuffer;
    const at = start + ETHERNET + ipv4.LENGTH;
    this.#out.copy(payloadStart, at, payloadEnd);
    return this.#originate(destination, protocol, start, length, this.#ttl, now);
  }

  /** One ICMP echo request with `size` bytes of data; a `ttl` of 0 means the configured one. */
  ping(
    destination: Ipv4,
    id: number,
    sequence: number,
    size: number,
    ttl: number,
    now: Millis,
  ): Status {
    const length = icmp.LENGTH + size;
    if (length > MAX_PACKET - ipv4.LENGTH) return Status.TooBig;
    const start = this.#out.scratch(ETHERNET + ipv4.LENGTH + length);
    if (start < 0) return Status.NoBuffer;
    const at = start + ETHERNET + ipv4.LENGTH;
    for (let index = 0; index < size; index++) this.#view.setUint8(at + icmp.LENGTH + index, index);
    icmp.writeEcho(this.#view, at, at + length, icmp.Type.Echo, id, sequence);
    const hops = ttl === 0 ? this.#ttl : ttl;
    return this.#originate(destination, ipv4.Protocol.Icmp, start, length, hops, now);
  }

  /** True when a packet that starts here may take a hop of the kind. */
  #leads(kind: number): boolean {
    return (
      kind === Hop.Local || kind === Hop.Broadcast || kind === Hop.Link || kind === Hop.Gateway
    );
  }

  /** Writes the header before a payload that stands in its place, and sends. */
  #originate(
    destination: Ipv4,
    protocol: number,
    start: Offset,
    length: number,
    ttl: number,
    now: Millis,
  ): Status {
    const ip = start + ETHERNET;
    ipv4.write(this.#view, ip, 0, destination, protocol, length, ttl, this.nextId());
    return this.sendPacket(start, ip + ipv4.LENGTH + length, now);
  }
}
