// Frames of neighbour and listener discovery as they come in, on any core (ND-1): what is valid, whom it concerns, and
// the answers that the receiving core gives itself.

import { Drop } from "../engine/drop.ts";
import type { Resolver6 } from "../engine/ipv6.ts";
import { Message } from "../engine/message.ts";
import type { Links, Out } from "../engine/out.ts";
import { Role } from "../engine/role.ts";
import type { Mac, Millis, Offset } from "../lib/units.ts";
import * as ethernet from "../wire/ethernet.ts";
import { Type } from "../wire/icmpv6.ts";
import { Protocol } from "../wire/ipv4.ts";
import * as ipv6 from "../wire/ipv6.ts";
import * as mld from "../wire/mld.ts";
import * as wire from "../wire/nd.ts";
import type { Advertiser } from "./advertiser.ts";
import type { Context } from "./context.ts";
import type { Discovery } from "./discovery.ts";
import type { Entries } from "./entries.ts";
import type { Groups } from "./groups.ts";
import * as message from "./message.ts";
import { type Own, OwnKind } from "./own.ts";
import { Origin, type OwnAddress, Phase } from "./own-address.ts";
import { ALL_NODES, Speaker } from "./speaker.ts";

const ETHERNET = ethernet.LENGTH;
const HOP_BY_HOP_ALERT = 8;
const { Heard } = message;

/** Drop reason of each fault of wire/nd.ts. */
const FAULTS: Int32Array = Int32Array.of(
  -1,
  Drop["nd-hop-limit"],
  Drop["nd-checksum"],
  Drop["nd-code"],
  Drop["nd-length"],
  Drop["nd-option"],
  Drop["nd-target"],
  Drop["nd-unspecified"],
  Drop["nd-unspecified-link"],
  Drop["nd-solicited"],
  Drop["nd-source"],
  Drop["nd-destination"],
);

/** The parts that a message may concern. */
export interface Parts {
  readonly out: Out;
  readonly links: Links;
  readonly context: Context;
  readonly entries: Entries;
  readonly resolver: Resolver6;
  readonly groups: Groups;
  readonly discovery: Discovery;
  readonly advertiser: Advertiser;
}

export class Reception {
  readonly own: Own;
  readonly speaker: Speaker;
  readonly groups: Groups;
  readonly discovery: Discovery;
  readonly advertiser: Advertiser;
  readonly #out: Out;
  readonly #links: Links;
  readonly #context: Context;
  readonly #entries: Entries;
  readonly #resolver: Resolver6;

  constructor(parts: Parts) {
    this.#out = parts.out;
    this.#links = parts.links;
    this.#context = parts.context;
    this.#entries = parts.entries;
    this.#resolver = parts.resolver;
    this.own = parts.context.own;
    this.speaker = parts.context.speaker;
    this.groups = parts.groups;
    this.discovery = parts.discovery;
    this.advertiser = parts.advertiser;
  }

  /**
   * An untagged IPv6 frame to the interface's MAC or to a group. True when it was neighbour or listener discovery, and
   * is done with; false when it is for the forwarding side. On any core.
   */
  receive(iface: number, start: Offset, end: Offset, now: Millis): boolean {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    if (end - ip < ipv6.LENGTH + 4 || !ipv6.isValid(view, ip, end)) return false;
    const next = ipv6.nextHeader(view, ip);
    let at = ip + ipv6.LENGTH;
    if (next !== Protocol.Icmpv6) {
      if (next === Protocol.Tcp || next === Protocol.Udp) return false;
      const found = ipv6.upper(view, ip);
      if (found < 0) return false;
      at = ip + ipv6.upperOffset(found);
      if (ipv6.upperProtocol(found) === ipv6.Next.Fragment)
        return this.#isNdFragment(iface, ip, at);
      if (ipv6.upperProtocol(found) !== Protocol.Icmpv6) return false;
    }
    const packetEnd = ipv6.packetEnd(view, ip);
    if (at + 4 > packetEnd) return false;
    const type = view.getUint8(at);
    const isDiscovery = wire.isNd(type);
    if (!isDiscovery && !mld.isMld(type)) return false;
    if (!this.#isForUs(iface, ip)) return false;
    if (!this.#context.speaks(iface)) {
      this.#out.drop(Drop["nd-off"]);
      return true;
    }
    if (!isDiscovery) {
      this.#receiveListener(iface, ip, at, packetEnd, type, now);
      return true;
    }
    const fault = wire.fault(view, ip, at, packetEnd);
    if (fault !== wire.Fault.None) {
      this.#out.drop(FAULTS[fault] as number);
      return true;
    }
    this.#dispatch(type, iface, start, ip, at, packetEnd, now);
    return true;
  }

  /** RFC 6980 5: no part of neighbour discovery may be fragmented. */
  #isNdFragment(iface: number, ip: Offset, fragment: Offset): boolean {
    const { view } = this.#out;
    const isFirst = (view.getUint16(fragment + 2) & 0xfff8) === 0;
    const isIcmp = view.getUint8(fragment) === Protocol.Icmpv6;
    const at = fragment + 8;
    if (!isFirst || !isIcmp || at >= ipv6.packetEnd(view, ip)) return false;
    if (!wire.isNd(view.getUint8(at)) || !this.#isForUs(iface, ip)) return false;
    this.#out.drop(Drop["nd-fragment"]);
    return true;
  }

  #isForUs(iface: number, ip: Offset): boolean {
    const { view } = this.#out;
    return wire.isMulticast(view, ip + 24) || this.own.isAssigned(iface, view, ip + 24);
  }

  #dispatch(
    type: number,
    iface: number,
    start: Offset,
    ip: Offset,
    at: Offset,
    end: Offset,
    now: Millis,
  ): void {
    switch (type) {
      case Type.NeighborSolicitation:
        this.#receiveSolicitation(iface, start, ip, at, end, now);
        break;
      case Type.NeighborAdvertisement:
        this.#receiveAdvertisement(iface, start, at, end, now);
        break;
      case Type.RouterSolicitation:
        this.#receiveRouterSolicitation(iface, ip, at, end, now);
        break;
      case Type.RouterAdvertisement:
        this.#receiveRouterAdvertisement(iface, ip, at, end, now);
        break;
      default:
        this.#receiveRedirect(iface, ip, at, end, now);
    }
  }

  /** A link-layer address that a station may have, or -1. */
  #link(at: Offset, end: Offset, kind: number): Mac {
    const { view } = this.#out;
    const mac = wire.linkLayer(view, wire.options(view, at), end, kind);
    return mac >= 0 && ethernet.isStation(mac) ? mac : -1;
  }

  #receiveSolicitation(
    iface: number,
    start: Offset,
    ip: Offset,
    at: Offset,
    end: Offset,
    now: Millis,
  ): void {
    const { view } = this.#out;
    const own = this.own.find(iface, view, wire.targetAt(at));
    if (own === null || own.phase >= Phase.Gone) {
      this.#out.drop(Drop["nd-not-for-us"]);
      return;
    }
    const source = ip + 8;
    const isProbe = wire.isUnspecified(view, source);
    if (own.phase === Phase.Tentative) {
      // RFC 4862 5.4.3: resolving a tentative address is ignored; looking for its duplicate is a conflict.
      if (isProbe) this.#contest(own, start, at, end);
      else this.#out.drop(Drop["nd-not-for-us"]);
      return;
    }
    if (isProbe) {
      const flags = this.#routerFor(own) | wire.Flag.Override;
      this.speaker.advertise(iface, ALL_NODES, own.words, flags, this.own.linkOf(own));
      return;
    }
    if (this.own.isAssigned(iface, view, source) || wire.isMulticast(view, source)) {
      this.#out.drop(Drop["nd-spoof"]);
      return;
    }
    const mac = this.#link(at, end, wire.Option.SourceLink);
    if (mac >= 0) this.heard(Heard.Hint, iface, source, mac, 0, now);
    this.#answer(iface, own, source, mac, now);
  }

  get #router(): number {
    return this.#context.config.router ? wire.Flag.Router : 0;
  }

  /** Whoever answers for a virtual address is a router, whatever else it forwards (RFC 9568 8.2.3). */
  #routerFor(own: OwnAddress): number {
    return own.mac >= 0 ? wire.Flag.Router : this.#router;
  }

  #contest(own: OwnAddress, start: Offset, at: Offset, end: Offset): void {
    const { view } = this.#out;
    const nonce = wire.linkLayer(view, wire.options(view, at), end, wire.Option.Nonce);
    this.own.contested(own, true, ethernet.source(view, start), nonce);
  }

  /** To who asked, at the address that it named or that is known; else that is found out first (RFC 4861 7.2.4). */
  #answer(iface: number, own: OwnAddress, source: Offset, mac: Mac, now: Millis): void {
    const { view } = this.#out;
    const to = Uint32Array.from([0, 4, 8, 12], (byte) => view.getUint32(source + byte));
    const { Solicited, Override } = wire.Flag;
    // RFC 4861 7.2.4, 7.2.7: what several routers may have does not override.
    const override = own.origin === Origin.Anycast ? 0 : Override;
    const flags = this.#routerFor(own) | Solicited | override;
    const link = this.own.linkOf(own);
    const start = this.speaker.writeAdvertisement(
      iface,
      to,
      Math.max(0, mac),
      own.words,
      flags,
      link,
    );
    if (start < 0) return;
    const end = start + Speaker.ADVERTISEMENT;
    let known = mac;
    if (known < 0) {
      view.setUint16(start, 0);
      view.setUint32(start + 2, 0); // What waits started here (host/output.ts).
      known = this.#resolver.resolve(iface, start + ETHERNET + 24, start, end, now);
      if (known < 0) return;
      ethernet.setDestination(view, start, known);
    }
    this.#links.output(iface, start, end);
  }

  #receiveAdvertisement(iface: number, start: Offset, at: Offset, end: Offset, now: Millis): void {
    const { view } = this.#out;
    const target = wire.targetAt(at);
    const own = this.own.find(iface, view, target);
    if (own !== null && own.phase < Phase.Gone && own.origin !== Origin.Anycast) {
      const mac = ethernet.source(view, start);
      // An own announcement came back.
      if (mac === this.speaker.mac(iface) || mac === own.mac) return;
      if (own.mac >= 0) this.own.rival(own, mac, now);
      if (own.phase === Phase.Tentative) this.own.contested(own, false, mac, -1);
      else this.#out.drop(Drop["nd-spoof"]);
      return;
    }
    const mac = this.#link(at, end, wire.Option.TargetLink);
    this.heard(Heard.Advertisement, iface, target, mac, wire.flags(view, at), now);
  }

  #receiveRouterSolicitation(
    iface: number,
    ip: Offset,
    at: Offset,
    end: Offset,
    now: Millis,
  ): void {
    const out = this.#out;
    if (!this.#context.config.router || !this.advertiser.isAdvertising(iface)) {
      out.drop(Drop["nd-role"]);
      return;
    }
    const mac = this.#link(at, end, wire.Option.SourceLink);
    if (mac >= 0) this.heard(Heard.Hint, iface, ip + 8, mac, 0, now);
    if (this.own.isMaster) {
      this.advertiser.solicited(iface, now);
      return;
    }
    const record = message.draft(out, Message["nd-own"], iface, 0, 0, 0, 0);
    message.setKind(out.view, record, OwnKind.Solicit);
    out.send(out.master(Role.Arp));
  }

  #receiveRouterAdvertisement(
    iface: number,
    ip: Offset,
    at: Offset,
    end: Offset,
    now: Millis,
  ): void {
    if (this.own.isAssigned(iface, this.#out.view, ip + 8)) return; // An own one came back.
    const mac = this.#link(at, end, wire.Option.SourceLink);
    this.heard(Heard.RouterHint, iface, ip + 8, mac, 0, now);
    this.discovery.hear(iface, ip + 8, at, end, now);
  }

  #receiveRedirect(iface: number, ip: Offset, at: Offset, end: Offset, now: Millis): void {
    const { view } = this.#out;
    const accepts = this.#context.interfaces[iface]?.ipv6?.acceptRedirects === true;
    if (this.#context.config.router || !accepts) {
      this.#out.drop(Drop["nd-role"]);
      return;
    }
    if (!this.discovery.redirected(iface, ip + 8, at, now)) {
      this.#out.drop(Drop["nd-first-hop"]);
      return;
    }
    const target = wire.targetAt(at);
    const isRouter = !isSame(view, target, wire.destinationAt(at));
    const mac = this.#link(at, end, wire.Option.TargetLink);
    this.heard(isRouter ? Heard.RouterHint : Heard.Hint, iface, target, mac, 0, now);
  }

  /** MLD: queries are answered by the master; what other listeners say is none of a listener's business. */
  #receiveListener(
    iface: number,
    ip: Offset,
    at: Offset,
    end: Offset,
    type: number,
    now: Millis,
  ): void {
    const out = this.#out;
    const { view } = out;
    const hasAlert = at >= ip + ipv6.LENGTH + HOP_BY_HOP_ALERT;
    const isValid =
      ipv6.hopLimit(view, ip) === 1 && hasAlert && end - at >= 8 && wire.isLinkLocal(view, ip + 8);
    if (type !== Type.ListenerQuery) return;
    const version = mld.queryVersion(at, end);
    if (!isValid || version === 0) {
      out.drop(Drop["mld-invalid"]);
      return;
    }
    const delay = mld.responseDelay(view, at, version);
    const record = this.#draftQuery(iface, mld.groupAt(at));
    message.setKind(view, record, OwnKind.Query);
    message.setDue(view, record, delay);
    message.setTries(view, record, version);
    if (this.own.isMaster) this.query(record, now);
    else out.send(out.master(Role.Arp));
  }

  #draftQuery(iface: number, group: Offset): Offset {
    const { view } = this.#out;
    return message.draft(
      this.#out,
      Message["nd-own"],
      iface,
      view.getInt32(group),
      view.getInt32(group + 4),
      view.getInt32(group + 8),
      view.getInt32(group + 12),
    );
  }

  query(at: Offset, now: Millis): void {
    const { view } = this.#out;
    const words = Uint32Array.from([0, 1, 2, 3], (index) => message.wordOf(view, at, index));
    const group = words[0] === 0 ? null : words;
    const iface = message.ifaceOf(view, at);
    this.groups.asked(iface, group, message.dueOf(view, at), message.triesOf(view, at), now);
  }

  heard(kind: number, iface: number, at: Offset, mac: Mac, flags: number, now: Millis): void {
    const { view } = this.#out;
    this.#entries.heard(
      kind,
      this.#out.core,
      0,
      iface,
      view.getInt32(at),
      view.getInt32(at + 4),
      view.getInt32(at + 8),
      view.getInt32(at + 12),
      mac,
      flags,
      now,
    );
  }
}

function isSame(view: DataView, one: Offset, other: Offset): boolean {
  for (let byte = 0; byte < 16; byte += 4) {
    if (view.getInt32(one + byte) !== view.getInt32(other + byte)) return false;
  }
  return true;
}
