// The neighbour discovery engine of one core (ND-1..7; RFC 4861, 4862, 6583, 6980, 7527, 9131, MLD of RFC 2710 and 3810):
// what comes from the wire on any core, what operators change, and the faces that the core knows.

import type { CommonConfig } from "../engine/config.ts";
import { Drop } from "../engine/drop.ts";
import type { Learned6, Neighbours6, Waiting6 } from "../engine/ipv6.ts";
import { Message, Table as TableNumber } from "../engine/message.ts";
import type { Engine, Links, Out, Replicated } from "../engine/out.ts";
import { Role } from "../engine/role.ts";
import { Prng } from "../lib/prng.ts";
import { Buckets } from "../lib/token-buckets.ts";
import type { ChannelId, CoreId, Mac, Millis, Offset } from "../lib/units.ts";
import * as ethernet from "../wire/ethernet.ts";
import { Type } from "../wire/icmpv6.ts";
import { Protocol } from "../wire/ipv4.ts";
import * as ipv6 from "../wire/ipv6.ts";
import * as mld from "../wire/mld.ts";
import * as wire from "../wire/nd.ts";
import { formatIpv6 } from "../wire/text.ts";
import { Advertiser } from "./advertiser.ts";
import type { NdConfig, StaticNeighbour } from "./config.ts";
import { Context } from "./context.ts";
import { Discovery } from "./discovery.ts";
import { Entries } from "./entries.ts";
import { Groups } from "./groups.ts";
import { isUsable, State, STATE_NAMES } from "./machine.ts";
import * as message from "./message.ts";
import { Origin, Own, type OwnAddress, OwnKind, Phase } from "./own.ts";
import type { Steering6 } from "./owners.ts";
import { ALL_NODES, Speaker } from "./speaker.ts";
import { sequenceOf } from "./table.ts";

const ETHERNET = ethernet.LENGTH;
const HOP_BY_HOP_ALERT = 8;
const { Heard } = message;
/** Slots looked at per call of `rows`, so that a sparse table delays no frame. Our choice. */
const ROWS_SCAN = 4096;
/** Redirects a second and interface (RFC 4861 8.2 asks for a limit); our choice. */
const REDIRECT_RATE = 10;

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

/** What `clear` takes away; what is left out matches everything. */
export interface NdFilter {
  readonly iface?: number;
  readonly address?: readonly number[];
}

/** Forwarding that learns nothing: for tests and for a core whose IPv6 side is not there. */
export const NOTHING_LEARNED: Learned6 = {
  addressUp: () => {},
  addressDown: () => {},
  routerUp: () => {},
  routerDown: () => {},
  prefixUp: () => {},
  prefixDown: () => {},
  linkChanged: () => {},
  redirected: () => false,
  neighbourLost: () => {},
};

export class Nd implements Engine, Replicated, Neighbours6 {
  readonly table: number = TableNumber.Nd;
  readonly own: Own;
  readonly groups: Groups;
  readonly discovery: Discovery;
  readonly advertiser: Advertiser;
  readonly speaker: Speaker;
  readonly #out: Out;
  readonly #links: Links;
  readonly #context: Context;
  readonly #entries: Entries;
  readonly #redirects: Buckets;

  constructor(
    config: NdConfig,
    common: CommonConfig,
    out: Out,
    links: Links,
    waiting: Waiting6,
    learned: Learned6,
    steering: Steering6,
    now: Millis = 0,
  ) {
    this.#out = out;
    this.#links = links;
    const { interfaces } = common;
    const random = new Prng(config.seed * 64 + 32 + out.core);
    this.speaker = new Speaker(out, links, interfaces);
    this.own = new Own(out, this.speaker, learned, random, config);
    this.#context = new Context(
      config,
      interfaces,
      out,
      links,
      waiting,
      learned,
      this.speaker,
      this.own,
    );
    this.groups = new Groups(this.own, this.speaker, random);
    this.discovery = new Discovery(this.#context);
    this.advertiser = new Advertiser(this.own, this.speaker, random);
    this.#entries = new Entries(this.#context, steering);
    this.#redirects = new Buckets(interfaces.length, REDIRECT_RATE);
    this.#configureParts(config, common, now);
  }

  #configureParts(config: NdConfig, { interfaces }: CommonConfig, now: Millis): void {
    this.own.configure(interfaces, config, now);
    this.groups.configure(interfaces, config.router);
    this.discovery.configure(interfaces, now);
    this.advertiser.configure(interfaces, now);
  }

  /** Frames that wait for a neighbour on this core. */
  get waitingFrames(): number {
    return this.#entries.pending.frames;
  }

  get evictions(): number {
    return this.#entries.ledger.evictions;
  }

  /** Addresses that are being resolved, and known neighbours. */
  get pendingAddresses(): number {
    return this.#entries.table.pending;
  }

  /** Advertisements that landed on another core than the owner's, and were passed on. */
  get handedOver(): number {
    return this.#entries.handedOver;
  }

  // --- resolving -----------------------------------------------------------------------------------------------------

  resolve(iface: number, at: Offset, start: Offset, end: Offset, now: Millis): Mac {
    return this.#entries.resolve(iface, at, start, end, now);
  }

  confirm(iface: number, at: Offset, now: Millis): void {
    const slot = this.#find(iface, at);
    const { table } = this.#entries;
    if (!table.isUsable(slot) || table.isStatic(slot)) return;
    // At most one message per entry and reachable-time: a copy's age says when it was last told or confirmed.
    if (!table.isRun(slot)) {
      if (now - table.updated(slot) < this.#context.usePeriod(iface)) return;
      table.setUpdated(slot, now);
    }
    this.#heard(Heard.Confirm, iface, at, -1, 0, now);
  }

  isReachable(iface: number, at: Offset): boolean {
    return this.#entries.table.isUsable(this.#find(iface, at));
  }

  #find(iface: number, at: Offset): number {
    const { view } = this.#out;
    return this.#entries.table.find(
      iface,
      view.getInt32(at),
      view.getInt32(at + 4),
      view.getInt32(at + 8),
      view.getInt32(at + 12),
    );
  }

  #heard(kind: number, iface: number, at: Offset, mac: Mac, flags: number, now: Millis): void {
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

  // --- frames --------------------------------------------------------------------------------------------------------

  /**
   * An untagged IPv6 frame to the interface's MAC or to a group. True when it was neighbour or listener discovery, and is
   * done with; false when it is for the forwarding side. On any core.
   */
  receive(iface: number, _channel: ChannelId, start: Offset, end: Offset, now: Millis): boolean {
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
      this.speaker.advertise(iface, ALL_NODES, own.words, this.#router | wire.Flag.Override);
      return;
    }
    if (this.own.isAssigned(iface, view, source) || wire.isMulticast(view, source)) {
      this.#out.drop(Drop["nd-spoof"]);
      return;
    }
    const mac = this.#link(at, end, wire.Option.SourceLink);
    if (mac >= 0) this.#heard(Heard.Hint, iface, source, mac, 0, now);
    this.#answer(iface, own, source, mac, now);
  }

  get #router(): number {
    return this.#context.config.router ? wire.Flag.Router : 0;
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
    const flags = this.#router | Solicited | override;
    const start = this.speaker.writeAdvertisement(iface, to, Math.max(0, mac), own.words, flags);
    if (start < 0) return;
    const end = start + Speaker.ADVERTISEMENT;
    let known = mac;
    if (known < 0) {
      view.setUint16(start, 0);
      view.setUint32(start + 2, 0); // What waits started here (host/output.ts).
      known = this.resolve(iface, start + ETHERNET + 24, start, end, now);
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
      if (mac === this.speaker.mac(iface)) return; // An own announcement came back.
      if (own.phase === Phase.Tentative) this.own.contested(own, false, mac, -1);
      else this.#out.drop(Drop["nd-spoof"]);
      return;
    }
    const mac = this.#link(at, end, wire.Option.TargetLink);
    this.#heard(Heard.Advertisement, iface, target, mac, wire.flags(view, at), now);
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
    if (mac >= 0) this.#heard(Heard.Hint, iface, ip + 8, mac, 0, now);
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
    this.#heard(Heard.RouterHint, iface, ip + 8, mac, 0, now);
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
    this.#heard(isRouter ? Heard.RouterHint : Heard.Hint, iface, target, mac, 0, now);
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
    if (this.own.isMaster) this.#query(record, now);
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

  #query(at: Offset, now: Millis): void {
    const { view } = this.#out;
    const words = Uint32Array.from([0, 1, 2, 3], (index) => message.wordOf(view, at, index));
    const group = words[0] === 0 ? null : words;
    const iface = message.ifaceOf(view, at);
    this.groups.asked(iface, group, message.dueOf(view, at), message.triesOf(view, at), now);
  }

  redirect(iface: number, start: Offset, end: Offset, target: Offset, now: Millis): void {
    const { view } = this.#out;
    const source = this.own.linkLocal(iface);
    if (source === null || !this.#redirects.take(iface, now)) return;
    const ip = start + ETHERNET;
    const words = (at: Offset): Uint32Array =>
      Uint32Array.from([0, 4, 8, 12], (byte) => view.getUint32(at + byte));
    const { table } = this.#entries;
    const slot = this.#find(iface, target);
    const link = table.isUsable(slot) ? table.mac(slot) : -1;
    const to = this.#find(iface, ip + 8);
    const mac = table.isUsable(to) ? table.mac(to) : ethernet.source(view, start);
    this.speaker.redirect(iface, mac, source, words(ip + 8), words(target), link, ip, end);
  }

  // --- engine --------------------------------------------------------------------------------------------------------

  message(type: number, from: CoreId, at: Offset, now: Millis): void {
    const entries = this.#entries;
    const { view } = this.#out;
    if (type === Message["nd-entry"]) entries.told(from, at, now);
    else if (type === Message["nd-delete"]) entries.toldDeleted(at, now);
    else if (type === Message["nd-used"]) entries.toldUsed(from, message.hopsOf(view, at), at, now);
    else if (type === Message["nd-move"]) entries.moved(from, at, now);
    else if (type === Message["nd-router"]) this.discovery.message(from, at, now);
    else if (type === Message["nd-own"]) this.#ownMessage(at, now);
    else this.#neighbourMessage(type, at, now);
  }

  #neighbourMessage(type: number, at: Offset, now: Millis): void {
    const { view } = this.#out;
    const iface = message.ifaceOf(view, at);
    const hops = message.hopsOf(view, at);
    const core = message.coreOf(view, at);
    const a = message.wordOf(view, at, 0);
    const b = message.wordOf(view, at, 1);
    const c = message.wordOf(view, at, 2);
    const d = message.wordOf(view, at, 3);
    if (iface >= this.#context.interfaces.length) return;
    if (type === Message["nd-ask"]) this.#entries.asked(core, hops, iface, a, b, c, d, now);
    else {
      const mac = message.macOf(view, at);
      const flags = message.flagsOf(view, at);
      const kind = message.kindOf(view, at);
      this.#entries.heard(kind, core, hops, iface, a, b, c, d, mac, flags, now);
    }
  }

  #ownMessage(at: Offset, now: Millis): void {
    const { view } = this.#out;
    const kind = message.kindOf(view, at);
    if (kind === OwnKind.Query) this.#query(at, now);
    else if (kind === OwnKind.Solicit) this.advertiser.solicited(message.ifaceOf(view, at), now);
    else this.own.message(at);
  }

  tick(now: Millis): void {
    this.#entries.tick(now);
    this.own.tick(now);
    this.groups.tick(now);
    this.discovery.tick(now);
    this.advertiser.tick(now);
  }

  /** The master of own addresses and routers moved (it is the ARP master, so that one core speaks for all). */
  roleChanged(now: Millis): void {
    this.own.roleChanged(now);
    this.discovery.roleChanged(now);
    if (this.own.isMaster) this.advertiser.roleChanged(now);
  }

  configure(config: NdConfig, common: CommonConfig, now: Millis): void {
    const before = this.#context.interfaces;
    const entries = this.#entries;
    for (const [iface, old] of before.entries()) {
      const is = common.interfaces[iface];
      const isSame =
        is !== undefined &&
        is.name === old.name &&
        is.bridge === old.bridge &&
        is.channel === old.channel &&
        is.vlan === old.vlan &&
        (is.ipv6 === undefined) === (old.ipv6 === undefined);
      if (!isSame) entries.dropInterface(iface, now);
    }
    this.speaker.interfaces = common.interfaces;
    this.#context.configure(config, common.interfaces);
    this.#redirects.configure(common.interfaces.length, REDIRECT_RATE);
    this.#configureParts(config, common, now);
    entries.rehash(now);
  }

  /** The appliance stops: hosts hear that this router does. */
  stop(now: Millis): void {
    this.advertiser.stop(now);
  }

  // --- operators -----------------------------------------------------------------------------------------------------

  /** Adds or changes a static neighbour on all cores; called on one. */
  addStatic(entry: StaticNeighbour, now: Millis): boolean {
    return this.#entries.addStatic(entry, now);
  }

  /** Deletes an address' neighbours on all cores, static ones too; called on one. How many it were. */
  remove(address: readonly number[], iface: number, now: Millis): number {
    return this.#flush(address, iface, true, now);
  }

  /** Deletes what was learned and matches, on all cores; called on one. How many it were. */
  clear(filter: NdFilter, now: Millis): number {
    return this.#flush(filter.address ?? null, filter.iface ?? -1, false, now);
  }

  #flush(address: readonly number[] | null, iface: number, statics: boolean, now: Millis): number {
    const { table } = this.#entries;
    let count = 0;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (!table.isUsable(slot) || (table.isStatic(slot) && !statics)) continue;
      if (iface >= 0 && table.iface(slot) !== iface) continue;
      if (address !== null && !address.every((word, index) => table.word(slot, index) === word)) {
        continue;
      }
      this.#entries.flush(slot, now);
      count++;
    }
    return count;
  }

  /** Announces own addresses to all nodes; -1 = of all interfaces. Only on the master. */
  announce(iface: number, now: Millis): number {
    return this.own.announce(iface, now);
  }

  // --- Replicated ----------------------------------------------------------------------------------------------------

  resync(to: CoreId, cursor: number, limit: number): number {
    if (cursor === 0 && this.own.isMaster) {
      this.own.tellAll(to);
      this.discovery.tellAll(to);
    }
    return this.#entries.resync(to, cursor, limit);
  }

  resyncBegin(from: CoreId): void {
    this.#entries.resyncBegin(from);
  }

  resyncEnd(from: CoreId, now: Millis): void {
    this.#entries.resyncEnd(from, now);
  }

  summary(): { entries: number; digest: number; version: number } {
    const { table, ledger } = this.#entries;
    return { entries: table.entries, digest: table.digest, version: ledger.newest };
  }

  rows(
    cursor: number,
    limit: number,
    now: Millis,
  ): { rows: Record<string, unknown>[]; next: number } {
    const { table } = this.#entries;
    const rows: Record<string, unknown>[] = [];
    const stop = Math.min(table.capacity, cursor + ROWS_SCAN);
    for (let slot = cursor; slot < stop; slot++) {
      if (rows.length === limit) return { rows, next: slot };
      if (table.state(slot) < State.Gone) rows.push(this.#row(slot, now));
    }
    return { rows, next: stop < table.capacity ? stop : -1 };
  }

  #row(slot: number, now: Millis): Record<string, unknown> {
    const { table } = this.#entries;
    const state = table.state(slot);
    const [a, b, c, d] = [0, 1, 2, 3].map((index) => table.word(slot, index)) as number[];
    return {
      address: formatIpv6(a as number, b as number, c as number, d as number),
      mac: isUsable(state) ? table.mac(slot) : 0,
      interface: table.iface(slot),
      state: table.isStatic(slot) ? "static" : STATE_NAMES[state],
      owner: this.#entries.ownerSeen(slot),
      router: isUsable(state) && table.isRouter(slot),
      ageMs: isUsable(state) ? now - table.updated(slot) : 0,
      version: Math.max(0, sequenceOf(table.version(slot))),
    };
  }

  // --- for tests -----------------------------------------------------------------------------------------------------

  /** Whether this core runs the machine of an address; the table proves itself on the way. */
  runs(iface: number, a: number, b: number, c: number, d: number): boolean {
    const { table } = this.#entries;
    const slot = table.find(iface, a, b, c, d);
    return slot >= 0 && table.state(slot) < State.Gone && table.isRun(slot);
  }

  check(): void {
    this.#entries.table.check();
  }
}

function isSame(view: DataView, one: Offset, other: Offset): boolean {
  for (let byte = 0; byte < 16; byte += 4) {
    if (view.getInt32(one + byte) !== view.getInt32(other + byte)) return false;
  }
  return true;
}
