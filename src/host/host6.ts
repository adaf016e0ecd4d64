// The appliance's own IPv6 side on one core (HOST-1..3): packets for its addresses are answered,
// others are routed (RFC 8200), and what starts here is sent. Private to its core and without any
// message: neighbour discovery, which has the neighbours, tells it of addresses, routers and
// prefixes (engine/ipv6.ts).

import type { CommonConfig } from "../engine/config.ts";
import { Drop } from "../engine/drop.ts";
import type { Deliver6, Ipv6Words, Learned6, Neighbours6 } from "../engine/ipv6.ts";
import type { Links, Out, Waiting } from "../engine/out.ts";
import type { ChannelId, Mac, Millis, Offset } from "../lib/units.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmpv6 from "../wire/icmpv6.ts";
import * as ipv6 from "../wire/ipv6.ts";
import * as offload from "../wire/offload.ts";
import { Addresses6 } from "./addresses6.ts";
import type { Host6Config } from "./config6.ts";
import { Errors6, Unreachable } from "./errors6.ts";
import * as extensions6 from "./extensions6.ts";
import { Forwarding6 } from "./forwarding6.ts";
import * as header6 from "./header6.ts";
import { Hop6 } from "./hops6.ts";
import { Limiter } from "./limiter.ts";
import { Local6 } from "./local6.ts";
import { Messages6 } from "./messages6.ts";
import * as offloads6 from "./offloads6.ts";
import { OWN, originOf } from "./output.ts";
import { Output6 } from "./output6.ts";
import { Resets6 } from "./resets6.ts";
import { type Route6Row, Routes6 } from "./routes6.ts";
import { Statistics, type Status } from "./sender.ts";
import { Address, type EchoSink6 } from "./sender6.ts";

const ETHERNET = ethernet.LENGTH;
/** Data bytes of a ping, as the ping programs send. */
const PING_BYTES = 56;
/** ff02::1:ff00:0/104: its third word, and the first byte of its fourth (RFC 4291 2.7.1). */
const SOLICITED = { third: 1, fourth: 0xff } as const;

export class Host6 implements Waiting, Learned6, Deliver6 {
  readonly #out: Out;
  readonly #view: DataView;
  readonly #addresses: Addresses6 = new Addresses6();
  readonly #routes: Routes6 = new Routes6();
  readonly #limiter: Limiter = new Limiter();
  readonly #output: Output6;
  readonly #errors: Errors6;
  readonly #messages: Messages6;
  readonly #local: Local6;
  readonly #forwarding: Forwarding6;
  /** What was done, beside the drops: STAT_NAMES of sender.ts gives the names. */
  readonly statistics: Statistics = new Statistics();
  #isRouter = true;
  #neighbours: Neighbours6 | null = null;
  /** Virtual addresses that are ours now and take no packets (RFC 9568 6.4.3, Accept_Mode). */
  #refused: readonly Ipv6Words[] = [];
  /** Names of the interfaces that speak IPv6, "" for one that does not. */
  #names: string[] = [];

  constructor(config: Host6Config, common: CommonConfig, out: Out, links: Links) {
    const { statistics } = this;
    const addresses = this.#addresses;
    const routes = this.#routes;
    const limiter = this.#limiter;
    this.#out = out;
    this.#view = out.view;
    this.#output = new Output6(out, links, routes, addresses, statistics);
    this.#errors = new Errors6(out, routes, addresses, limiter, this.#output, statistics);
    this.#messages = new Messages6(out, routes, addresses, this.#output, statistics);
    const resets = new Resets6(out, limiter, this.#output, statistics);
    this.#local = new Local6(out, this.#errors, this.#messages, resets, statistics);
    this.#forwarding = new Forwarding6(out, routes, this.#errors, this.#output, statistics);
    this.#output.turnInward(this.#local);
    this.configure(config, common, 0);
  }

  /** Who finds neighbours; to be called once before the first frame. */
  attach(neighbours: Neighbours6): void {
    this.#neighbours = neighbours;
    this.#output.attach(neighbours);
    this.#messages.attach(neighbours);
    this.#forwarding.attach(neighbours);
    this.#routes.attach((iface, words) => this.#isReachable(iface, words));
  }

  /** Who hears of answers to own pings; null = nobody. */
  listen(sink: EchoSink6 | null): void {
    this.#messages.sink = sink;
  }

  /**
   * Takes a configuration; routes that are the same stay untouched, and so does what was learned.
   */
  configure(config: Host6Config, common: CommonConfig, _now: Millis): void {
    const names = common.interfaces.map((iface) => (iface.ipv6 === undefined ? "" : iface.name));
    for (const [iface, name] of this.#names.entries()) {
      if (name !== "" && names[iface] !== name) this.#forget(iface);
    }
    this.#names = names;
    this.#isRouter = config.forwarding;
    this.#addresses.setRouter(config.forwarding);
    this.#routes.configure(config, common.interfaces);
    this.#limiter.configure(config, this.#out.cores);
    this.#output.configure(config, common.interfaces);
    this.#errors.configure(config);
    this.#local.configure(config);
    this.#forwarding.configure(config);
  }

  // --- questions ---------------------------------------------------------------------------------

  /** True for an own address, which must be one of `iface` when it is link-local. */
  isLocal(iface: number, words: Ipv6Words): boolean {
    return this.#addresses.find(iface, ...words) >= 0;
  }

  /**
   * The virtual addresses that are ours from now on and take no packets, all of them (VR-4); those
   * that do come as addresses of ours.
   */
  setRefused(addresses: readonly Ipv6Words[]): void {
    this.#refused = addresses;
  }

  #isRefused(a: number, b: number, c: number, d: number): boolean {
    for (const words of this.#refused) {
      if (words[3] === d >>> 0 && words[2] === c >>> 0 && words[1] === b >>> 0) {
        if (words[0] === a >>> 0) return true;
      }
    }
    return false;
  }

  /** The interface of the route to exactly this prefix; -1 = there is none that leads on. */
  routeThrough(prefix: Ipv6Words, length: number): number {
    return this.#routes.through(prefix, length);
  }

  /**
   * The interface that packets to the address leave through; -1 = none (own addresses included).
   */
  routeFor(words: Ipv6Words): number {
    if (this.#addresses.find(-1, ...words) >= 0) return -1;
    const { hops } = this.#routes;
    const hop = this.#routes.lookup(...words);
    const kind = hops.kind(hop);
    return kind === Hop6.Link || kind === Hop6.Gateway ? hops.iface(hop) : -1;
  }

  /** Own addresses and routes from `cursor` on (0 first); `next` is -1 at the end. */
  routes(cursor: number, limit: number): { rows: Route6Row[]; next: number } {
    const addresses = this.#addresses;
    const rows: Route6Row[] = [];
    let row = cursor;
    for (; row < addresses.size && rows.length < limit; row++) {
      rows.push({
        address: [0, 1, 2, 3].map((index) => addresses.word(row, index)) as unknown as Ipv6Words,
        prefix: 128,
        via: null,
        interface: addresses.iface(row),
        origin: "local",
        kind: "unicast",
      });
    }
    if (rows.length === limit) return { rows, next: row };
    const found = this.#routes.rows(row - addresses.size, limit - rows.length);
    rows.push(...found.rows);
    return { rows, next: found.next < 0 ? -1 : addresses.size + found.next };
  }

  /** Static routes that were left out because no interface reaches their next hop. */
  get unresolvedRoutes(): number {
    return this.#routes.unresolved;
  }

  tick(now: Millis): void {
    this.#local.tick(now);
  }

  // --- frames in ---------------------------------------------------------------------------------

  deliver(iface: number, _channel: ChannelId, start: Offset, end: Offset, now: Millis): void {
    const view = this.#view;
    const ip = start + ETHERNET;
    if (end < ip || ethernet.type(view, start) !== ethernet.EtherType.Ipv6) {
      this.#out.drop(Drop.ethertype);
      return;
    }
    if (!ipv6.isValid(view, ip, end)) {
      const isOther = end > ip && view.getUint8(ip) >> 4 !== 6;
      this.#out.drop(isOther ? Drop["ip-header"] : Drop["ip-short"]);
      return;
    }
    const packetEnd = ipv6.packetEnd(view, ip);
    if (!offload.isPlain(view, start) && !offloads6.isConsistent(view, start, packetEnd)) {
      this.#out.drop(Drop["checksum-offload"]);
      return;
    }
    if (!this.#isSourceGood(iface, ip)) {
      this.#out.drop(Drop["ip-source"]);
      return;
    }
    if (ipv6.nextHeader(view, ip) !== ipv6.Next.HopByHop || this.#hopByHop(iface, start, now)) {
      this.#dispatch(iface, start, packetEnd, now);
    }
  }

  /** RFC 4291 2.5.2, 2.5.3, 2.7, RFC 6890: what is no station, or is ourselves, sent nothing. */
  #isSourceGood(iface: number, ip: Offset): boolean {
    const view = this.#view;
    const a = header6.source(view, ip, 0);
    const b = header6.source(view, ip, 1);
    const c = header6.source(view, ip, 2);
    const d = header6.source(view, ip, 3);
    if (header6.isMulticast(a) || header6.isUnspecified(a, b, c, d)) return false;
    return !header6.isMartian(a, b, c, d) && this.#addresses.find(iface, a, b, c, d) < 0;
  }

  /**
   * RFC 8200 4.3: every node on the way looks at the options. False when they stop the packet
   * (counted).
   */
  #hopByHop(iface: number, start: Offset, now: Millis): boolean {
    const view = this.#view;
    const ip = start + ETHERNET;
    const at = ip + ipv6.LENGTH;
    const end = ipv6.packetEnd(view, ip);
    if (at + 8 > end || at + extensions6.lengthAt(view, at) > end) {
      this.#out.drop(Drop["ip6-extension"]);
      return false;
    }
    const verdict = extensions6.options(view, ip, at, at + extensions6.lengthAt(view, at));
    if (verdict === extensions6.Verdict.Pass) return true;
    return this.#local.refuseOption(iface, start, verdict, now);
  }

  #dispatch(iface: number, start: Offset, end: Offset, now: Millis): void {
    const view = this.#view;
    const ip = start + ETHERNET;
    const a = header6.destination(view, ip, 0);
    const b = header6.destination(view, ip, 1);
    const c = header6.destination(view, ip, 2);
    const d = header6.destination(view, ip, 3);
    if (header6.isMulticast(a)) {
      if (this.#isJoined(iface, a, b, c, d)) {
        this.#local.receive(iface, start, end, Address.Group, now);
      } else this.#out.drop(Drop["ip-not-for-us"]); // Multicast is not routed.
      return;
    }
    const own = this.#addresses.find(iface, a, b, c, d);
    if (ethernet.isGroupDestination(view, start)) {
      this.#out.drop(Drop["ip-destination"]);
    } else if (own >= 0) {
      const how = this.#addresses.isAnycast(own) ? Address.Anycast : Address.Own;
      this.#local.receive(iface, start, end, how, now);
    } else if (this.#refused.length > 0 && this.#isRefused(a, b, c, d)) {
      this.#out.drop(Drop["ip-not-for-us"]);
    } else if (
      header6.isLinkLocal(a) || // RFC 4291 2.5.6: it is of this link and not ours.
      header6.isUnspecified(a, b, c, d) ||
      header6.isMartian(a, b, c, d)
    ) {
      this.#out.drop(Drop["ip-destination"]);
    } else this.#forwarding.receive(iface, start, end, now);
  }

  /**
   * RFC 4291 2.7.1, 2.8: all nodes, all routers, and the solicited-node groups of own addresses.
   */
  #isJoined(iface: number, a: number, b: number, c: number, d: number): boolean {
    if (b !== 0 || a >>> 20 !== 0xff0) return false;
    const scope = header6.groupScope(a);
    if (c === 0) {
      if (d === 1) return scope === header6.Scope.LinkLocal;
      if (d !== 2 || !this.#isRouter) return false;
      return scope === header6.Scope.LinkLocal || scope === header6.Scope.SiteLocal;
    }
    const isSolicited = c === SOLICITED.third && d >>> 24 === SOLICITED.fourth;
    return (
      isSolicited &&
      scope === header6.Scope.LinkLocal &&
      this.#addresses.hasTail(iface, d & 0xffffff)
    );
  }

  // --- frames out --------------------------------------------------------------------------------

  resolved(iface: number, mac: Mac, start: Offset, end: Offset, _now: Millis): void {
    this.#output.complete(iface, mac, start, end);
  }

  failed(_iface: number, start: Offset, end: Offset, now: Millis): void {
    const origin = originOf(this.#view, start);
    const { Address: code } = Unreachable;
    if (origin === OWN) this.#messages.ownFailed(start, end, code, now);
    else this.#errors.send(origin - 1, start, icmpv6.Type.Unreachable, code, 0, now);
  }

  /**
   * HOST-1: sends bytes of the arena as the payload of a packet to `destination`. `iface` is where
   * a link-local or multicast one is meant; -1 = none. The payload's checksum is the caller's.
   */
  send(
    destination: Ipv6Words,
    iface: number,
    protocol: number,
    payloadStart: Offset,
    payloadEnd: Offset,
    now: Millis,
  ): Status {
    return this.#output.send(destination, iface, protocol, payloadStart, payloadEnd, now);
  }

  /** A whole, valid IPv6 packet at start + 14; a hop limit of 0 is filled in. */
  sendPacket(iface: number, start: Offset, end: Offset, now: Millis): Status {
    return this.#output.sendPacket(iface, start, end, now);
  }

  /**
   * Sends one ICMPv6 echo request with `size` bytes of data; the answer goes to the listener of
   * whichever core it reaches. A small `hops` makes it a step of traceroute; 0 = the configured
   * one.
   */
  startPing6(
    destination: Ipv6Words,
    iface: number,
    id: number,
    sequence: number,
    now: Millis,
    size: number = PING_BYTES,
    hops = 0,
  ): Status {
    this.#messages.asked(destination[3], id, sequence);
    return this.#output.ping(destination, iface, id, sequence, size, hops, now);
  }

  // --- what neighbour discovery tells ------------------------------------------------------------

  addressUp(
    iface: number,
    a: number,
    b: number,
    c: number,
    d: number,
    prefix: number,
    preferred: boolean,
  ): void {
    const before = this.#addresses.prefixOf(iface, a, b, c, d);
    if (!this.#addresses.up(iface, a, b, c, d, prefix, preferred) || before === prefix) return;
    if (isConnecting(a, before)) this.#routes.disconnect(iface, [a, b, c, d], before, false);
    if (isConnecting(a, prefix)) this.#routes.connect(iface, [a, b, c, d], prefix, false);
  }

  addressDown(iface: number, a: number, b: number, c: number, d: number): void {
    const before = this.#addresses.down(iface, a, b, c, d);
    if (isConnecting(a, before)) this.#routes.disconnect(iface, [a, b, c, d], before, false);
  }

  routerUp(iface: number, a: number, b: number, c: number, d: number, preference: number): void {
    this.#routes.routerUp(iface, [a, b, c, d], preference);
  }

  routerDown(iface: number, a: number, b: number, c: number, d: number): void {
    this.#routes.routerDown(iface, [a, b, c, d]);
  }

  prefixUp(iface: number, a: number, b: number, c: number, d: number, length: number): void {
    if (!header6.isLinkLocal(a)) this.#routes.connect(iface, [a, b, c, d], length, true);
  }

  prefixDown(iface: number, a: number, b: number, c: number, d: number, length: number): void {
    if (!header6.isLinkLocal(a)) this.#routes.disconnect(iface, [a, b, c, d], length, true);
  }

  linkChanged(iface: number, mtu: number, hopLimit: number): void {
    this.#output.linkChanged(iface, mtu, hopLimit);
  }

  redirected(
    iface: number,
    from: Offset,
    target: Offset,
    destination: Offset,
    _now: Millis,
  ): boolean {
    const to = this.#wordsAt(destination);
    const hop = this.#routes.lookup(...to);
    const { hops } = this.#routes;
    // RFC 4861 8.1: "the IP source address of the Redirect is the same as the current first-hop
    // router".
    const isFirstHop =
      hops.kind(hop) === Hop6.Gateway &&
      hops.iface(hop) === iface &&
      hops.gateway(hop).join(" ") === this.#wordsAt(from).join(" ");
    if (!isFirstHop || header6.isLinkLocal(to[0]) || header6.isMulticast(to[0])) return false;
    this.#routes.redirect(iface, to, this.#wordsAt(target));
    return true;
  }

  neighbourLost(iface: number, a: number, b: number, c: number, d: number): void {
    this.#routes.neighbourLost(iface, [a, b, c, d]);
  }

  /** The interface is gone, or another has its number now. */
  #forget(iface: number): void {
    this.#addresses.forget(iface);
    this.#routes.forget(iface);
    this.#output.linkChanged(iface, 0, 0);
  }

  #wordsAt(at: Offset): Ipv6Words {
    const view = this.#view;
    return [
      view.getUint32(at),
      view.getUint32(at + 4),
      view.getUint32(at + 8),
      view.getUint32(at + 12),
    ];
  }

  #isReachable(iface: number, words: Ipv6Words): boolean {
    const at = this.#out.scratch(16);
    if (at < 0 || this.#neighbours === null) return true;
    header6.setAddress(this.#view, at, ...words);
    return this.#neighbours.isReachable(iface, at);
  }
}

/**
 * True when an address with this prefix length makes its prefix on link: no link-local one, whose
 * link is its own.
 */
function isConnecting(a: number, prefix: number): boolean {
  return prefix >= 0 && prefix < 128 && !header6.isLinkLocal(a);
}
