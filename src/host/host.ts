// The appliance's own IPv4 side on one core (HOST-1..3): packets for its addresses are answered, others are routed
// (RFC 1812), and what starts here is sent. Private to its core and without any message: the only thing that cores
// share is the resolver's table.

import type { CommonConfig } from "../engine/config.ts";
import { Drop } from "../engine/drop.ts";
import type { Engine, Links, Out, Resolver, Waiting } from "../engine/out.ts";
import type { ChannelId, CoreId, Ipv4, Mac, Millis, Offset } from "../lib/units.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmp from "../wire/icmp.ts";
import * as ipv4 from "../wire/ipv4.ts";
import * as offload from "../wire/offload.ts";
import type { HostConfig } from "./config.ts";
import { Errors } from "./errors.ts";
import { Limiter } from "./limiter.ts";
import { Local } from "./local.ts";
import * as offloads from "./offloads.ts";
import * as options from "./options.ts";
import { Output, OWN, originOf } from "./output.ts";
import { Hop, type RouteRow, Routes } from "./routes.ts";
import { type EchoSink, Stat, Statistics, type Status } from "./sender.ts";

const ETHERNET = ethernet.LENGTH;
/** 224.0.0.1, which every host hears (RFC 1112 4). */
const ALL_SYSTEMS: Ipv4 = 0xe0000001;
/** Data bytes of a ping, as the ping programs send. */
const PING_BYTES = 56;

export class Host implements Waiting, Engine {
  readonly #out: Out;
  readonly #view: DataView;
  readonly #routes: Routes = new Routes();
  readonly #limiter: Limiter = new Limiter();
  readonly #output: Output;
  readonly #errors: Errors;
  readonly #local: Local;
  /** What was done, beside the drops: STAT_NAMES gives the names. */
  readonly statistics: Statistics = new Statistics();
  #forwarding = true;
  #redirects = true;

  constructor(config: HostConfig, common: CommonConfig, out: Out, links: Links) {
    const { statistics } = this;
    this.#out = out;
    this.#view = out.view;
    this.#output = new Output(out, links, this.#routes, statistics);
    this.#errors = new Errors(out, this.#routes, this.#limiter, this.#output, statistics);
    this.#local = new Local(
      out,
      this.#routes,
      this.#errors,
      this.#limiter,
      this.#output,
      statistics,
    );
    this.#output.turnInward(this.#local);
    this.configure(config, common, 0);
  }

  /** Who finds MACs; to be called once before the first frame. */
  attach(resolver: Resolver): void {
    this.#output.attach(resolver);
  }

  /** Who hears of answers to own pings; null = nobody. */
  listen(sink: EchoSink | null): void {
    this.#local.sink = sink;
  }

  /** Takes a configuration; routes that are the same stay untouched. */
  configure(config: HostConfig, common: CommonConfig, _now: Millis): void {
    this.#forwarding = config.forwarding;
    this.#redirects = config.redirects;
    this.#routes.configure(config, common);
    this.#limiter.configure(config, this.#out.cores);
    this.#output.configure(config, common.interfaces);
    this.#errors.configure(config);
    this.#local.configure(config);
  }

  // --- questions -----------------------------------------------------------------------------------------------------

  isLocal(address: Ipv4): boolean {
    return this.#routes.isLocal(address);
  }

  /** The interface that packets to the address leave through; -1 = none (own addresses included). */
  routeFor(address: Ipv4): number {
    const hop = this.#routes.lookup(address);
    const kind = this.#routes.kind(hop);
    return kind === Hop.Link || kind === Hop.Gateway ? this.#routes.iface(hop) : -1;
  }

  /** The virtual addresses that are ours from now on, all of them (VR-4). */
  setVirtual(
    addresses: readonly {
      readonly iface: number;
      readonly address: Ipv4;
      readonly accept: boolean;
    }[],
  ): void {
    this.#routes.setVirtual(addresses);
  }

  /** The interface of the route to exactly this prefix; -1 = there is none that leads on. */
  routeThrough(prefix: Ipv4, length: number): number {
    return this.#routes.through(prefix, length);
  }

  /** Routes from `cursor` on (0 first); `next` is -1 at the end. */
  routes(cursor: number, limit: number): { rows: RouteRow[]; next: number } {
    return this.#routes.rows(cursor, limit);
  }

  /** Static routes that were left out because no interface reaches their next hop. */
  get unresolvedRoutes(): number {
    return this.#routes.unresolved;
  }

  // --- engine --------------------------------------------------------------------------------------------------------

  /** This engine sends and knows no messages. */
  message(_type: number, _from: CoreId, _at: Offset, _now: Millis): void {
    this.#out.drop(Drop["bus-unknown"]);
  }

  tick(now: Millis): void {
    this.#local.tick(now);
  }

  // --- frames in -----------------------------------------------------------------------------------------------------

  /** An untagged frame to our MAC, to broadcast or to a group, which may be changed in place. */
  deliver(iface: number, _channel: ChannelId, start: Offset, end: Offset, now: Millis): void {
    const view = this.#view;
    const ip = start + ETHERNET;
    if (end < ip || ethernet.type(view, start) !== ethernet.EtherType.Ipv4) {
      this.#out.drop(Drop.ethertype);
      return;
    }
    const fault = ipv4.fault(view, ip, end);
    if (fault !== ipv4.Fault.None) {
      this.#out.drop(dropOf(fault, view, ip));
      return;
    }
    const packetEnd = ipv4.packetEnd(view, ip);
    if (!offload.isPlain(view, start) && !offloads.isConsistent(view, start, packetEnd)) {
      this.#out.drop(Drop["checksum-offload"]);
      return;
    }
    const source = ipv4.source(view, ip);
    // RFC 1812 5.3.7: martian sources; an own address as source came from somebody else.
    if (!ipv4.isHost(source) || this.#routes.isOurs(this.#routes.lookup(source))) {
      this.#out.drop(Drop["ip-source"]);
      return;
    }
    if (ipv4.headerLength(view, ip) > ipv4.LENGTH && !this.#checkOptions(iface, start, now)) return;
    this.#dispatch(iface, start, packetEnd, now);
  }

  #dispatch(iface: number, start: Offset, end: Offset, now: Millis): void {
    const destination = ipv4.destination(this.#view, start + ETHERNET);
    if (destination >= 0xe0000000) {
      this.#group(iface, destination, start, end, now);
      return;
    }
    const hop = this.#routes.lookup(destination);
    const kind = this.#routes.kind(hop);
    if (kind === Hop.Broadcast && this.#routes.iface(hop) === iface) {
      this.#local.receive(iface, start, end, true, now);
    } else if (
      kind === Hop.Broadcast || // Another interface's: a directed broadcast (RFC 2644: not forwarded).
      kind === Hop.Network ||
      ethernet.isGroupDestination(this.#view, start) || // RFC 1122 3.3.6, RFC 1812 5.3.4.
      ipv4.isThisNetwork(destination) ||
      ipv4.isLoopback(destination)
    ) {
      this.#out.drop(Drop["ip-destination"]);
    } else if (kind === Hop.Local) this.#local.receive(iface, start, end, false, now);
    else this.#forward(iface, hop, kind, start, end, now);
  }

  /** Multicast is not routed; limited broadcast and 224.0.0.1 are heard; class E is nobody. */
  #group(iface: number, destination: Ipv4, start: Offset, end: Offset, now: Millis): void {
    if (ipv4.isLimitedBroadcast(destination) || destination === ALL_SYSTEMS) {
      this.#local.receive(iface, start, end, true, now);
    } else if (ipv4.isMulticast(destination)) this.#out.drop(Drop["ip-not-for-us"]);
    else this.#out.drop(Drop["ip-destination"]);
  }

  /** False when the packet goes no further because of its options (counted). */
  #checkOptions(iface: number, start: Offset, now: Millis): boolean {
    const found = ipv4.options(this.#view, start + ETHERNET);
    if (found !== ipv4.Options.SourceRoute && found !== ipv4.Options.Malformed) return true;
    this.#out.drop(Drop["ip-options"]);
    if (found === ipv4.Options.Malformed) {
      const pointer = options.brokenAt(this.#view, start + ETHERNET);
      this.#parameterProblem(iface, start, pointer, now);
    }
    return false;
  }

  #parameterProblem(iface: number, start: Offset, pointer: number, now: Millis): void {
    const rest = pointer * 0x1000000;
    this.#errors.send(iface, start, icmp.Type.ParameterProblem, 0, rest, now);
  }

  // --- forwarding ----------------------------------------------------------------------------------------------------

  #forward(
    iface: number,
    hop: number,
    kind: number,
    start: Offset,
    end: Offset,
    now: Millis,
  ): void {
    const view = this.#view;
    const ip = start + ETHERNET;
    if (!this.#forwarding) {
      this.#out.drop(Drop["ip-forwarding-off"]);
      return;
    }
    const destination = ipv4.destination(view, ip);
    const source = ipv4.source(view, ip);
    if (ipv4.isLinkLocal(destination) || ipv4.isLinkLocal(source)) {
      this.#out.drop(Drop["ip-destination"]); // RFC 3927 2.7.
      return;
    }
    if (kind !== Hop.Link && kind !== Hop.Gateway) {
      if (kind === Hop.Refused) this.#out.drop(Drop["ip-not-for-us"]);
      else this.#noRoute(iface, kind, start, now);
      return;
    }
    if (ipv4.ttl(view, ip) <= 1) {
      this.#out.drop(Drop["ip-ttl"]);
      this.#errors.send(iface, start, icmp.Type.TimeExceeded, icmp.Exceeded.Transit, 0, now);
      return;
    }
    const to = this.#routes.iface(hop);
    const neighbour = this.#routes.neighbour(hop, destination);
    if (to === iface && this.#redirects) this.#redirect(iface, source, neighbour, start, now);
    if (ipv4.headerLength(view, ip) > ipv4.LENGTH) {
      const wrong = options.record(view, ip, this.#routes.source(hop), now);
      ipv4.setChecksum(view, ip);
      if (wrong !== 0) {
        this.#out.drop(Drop["ip-options"]);
        this.#parameterProblem(iface, start, wrong, now);
        return;
      }
    }
    const mtu = this.#output.mtu(to);
    if (end - ip > mtu && offloads.packetLength(view, start, end) > mtu) {
      this.#tooBig(iface, to, neighbour, start, end, now);
      return;
    }
    ipv4.decrementTtl(view, ip);
    this.statistics.add(Stat.Forwarded);
    this.#output.transmit(iface + 1, to, neighbour, start, end, now);
  }

  #noRoute(iface: number, kind: number, start: Offset, now: Millis): void {
    this.#out.drop(Drop["ip-no-route"]);
    if (kind === Hop.Blackhole) return;
    const { Network, Host: NoHost, AdministrativelyProhibited } = icmp.Unreachable;
    let code: number = Network;
    if (kind === Hop.Unreachable) code = NoHost;
    else if (kind === Hop.Prohibit) code = AdministrativelyProhibited;
    this.#errors.send(iface, start, icmp.Type.Unreachable, code, 0, now);
  }

  /** RFC 1812 5.2.7.2: the sender could have reached the neighbour itself. */
  #redirect(iface: number, source: Ipv4, neighbour: Ipv4, start: Offset, now: Millis): void {
    const routes = this.#routes;
    // Through a virtual MAC: the sender knows the virtual router alone, whose addresses no redirect may betray
    // (RFC 2281 5.4, RFC 9568 8.1.1).
    if (ethernet.destination(this.#view, start) !== this.#output.mac(iface)) return;
    if (!routes.isOnLink(iface, source) || !routes.isOnLink(iface, neighbour)) return;
    const { Host: ForHost } = icmp.Redirect;
    this.#errors.send(iface, start, icmp.Type.Redirect, ForHost, neighbour, now);
  }

  /** Cuts what may be cut; else tells the source the MTU that it must keep to (RFC 1191 4). */
  #tooBig(
    iface: number,
    to: number,
    neighbour: Ipv4,
    start: Offset,
    end: Offset,
    now: Millis,
  ): void {
    const view = this.#view;
    const ip = start + ETHERNET;
    const mtu = this.#output.mtu(to);
    if (ipv4.isDontFragment(view, ip) || !offloads.isOnePacket(view, start)) {
      this.#out.drop(Drop["ip-too-big"]);
      const { FragmentationNeeded } = icmp.Unreachable;
      this.#errors.send(iface, start, icmp.Type.Unreachable, FragmentationNeeded, mtu, now);
      return;
    }
    offloads.settle(view, start, end);
    ipv4.decrementTtl(view, ip);
    this.statistics.add(Stat.Forwarded);
    this.#output.cut(iface + 1, to, neighbour, start, end, now);
  }

  // --- frames out ----------------------------------------------------------------------------------------------------

  resolved(iface: number, mac: Mac, start: Offset, end: Offset, _now: Millis): void {
    this.#output.complete(iface, mac, start, end);
  }

  failed(_iface: number, start: Offset, _end: Offset, now: Millis): void {
    const origin = originOf(this.#view, start);
    const { Host: NoHost } = icmp.Unreachable;
    if (origin === OWN) this.#local.ownFailed(start, NoHost, now);
    else this.#errors.send(origin - 1, start, icmp.Type.Unreachable, NoHost, 0, now);
  }

  /** HOST-1: sends bytes of the arena as the payload of a packet to `destination`. */
  send(
    destination: Ipv4,
    protocol: number,
    payloadStart: Offset,
    payloadEnd: Offset,
    now: Millis,
  ): Status {
    return this.#output.send(destination, protocol, payloadStart, payloadEnd, now);
  }

  /** A whole, valid IPv4 packet at start + 14; a source of 0.0.0.0 is filled in. The bytes may be changed. */
  sendPacket(start: Offset, end: Offset, now: Millis): Status {
    return this.#output.sendPacket(start, end, now);
  }

  /**
   * Sends one ICMP echo request with `size` bytes of data; the answer goes to the listener of whichever core it
   * reaches. A small `ttl` makes it a step of traceroute; 0 = the configured one.
   */
  startPing(
    destination: Ipv4,
    id: number,
    sequence: number,
    now: Millis,
    size: number = PING_BYTES,
    ttl = 0,
  ): Status {
    return this.#output.ping(destination, id, sequence, size, ttl, now);
  }
}

/** Which counter a broken header belongs to. */
function dropOf(fault: number, view: DataView, ip: Offset): number {
  switch (fault) {
    case ipv4.Fault.Short:
      return Drop["ip-short"];
    case ipv4.Fault.TotalLength:
      return ipv4.totalLength(view, ip) < ipv4.headerLength(view, ip)
        ? Drop["ip-header"]
        : Drop["ip-short"];
    case ipv4.Fault.Checksum:
      return Drop["ip-checksum"];
    default:
      return Drop["ip-header"];
  }
}
