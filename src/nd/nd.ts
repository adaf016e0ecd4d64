// The neighbour discovery engine of one core (ND-1..7; RFC 4861, 4862, 6583, 6980, 7527, 9131, MLD of RFC 2710 and
// 3810): what comes from the wire on any core, what operators change, and the faces that the core knows.

import type { CommonConfig } from "../engine/config.ts";
import type { Learned6, Neighbours6 } from "../engine/ipv6.ts";
import { Message, Table as TableNumber } from "../engine/message.ts";
import type { Engine, Links, Out, Replicated, Waiting } from "../engine/out.ts";
import { Prng } from "../lib/prng.ts";
import { Buckets } from "../lib/token-buckets.ts";
import type { ChannelId, CoreId, Mac, Millis, Offset } from "../lib/units.ts";
import { sequenceOf } from "../lib/version.ts";
import * as ethernet from "../wire/ethernet.ts";
import { formatIpv6 } from "../wire/text.ts";
import { Advertiser } from "./advertiser.ts";
import type { NdConfig, StaticNeighbour } from "./config.ts";
import { Context } from "./context.ts";
import { Discovery } from "./discovery.ts";
import { Entries } from "./entries.ts";
import { Groups } from "./groups.ts";
import { isUsable, STATE_NAMES, State } from "./machine.ts";
import * as message from "./message.ts";
import { Own, OwnKind } from "./own.ts";
import type { VirtualAddress } from "./own-address.ts";
import type { Steering6 } from "./owners.ts";
import { Reception } from "./receive.ts";
import { Speaker } from "./speaker.ts";
import { timerRows } from "./timers.ts";

const ETHERNET = ethernet.LENGTH;
/** Slots looked at per call of `rows`, so that a sparse table delays no frame. Our choice. */
const ROWS_SCAN = 4096;
/** Redirects a second and interface (RFC 4861 8.2 asks for a limit); our choice. */
const REDIRECT_RATE = 10;

/**
 * Changes per core in the long run: one in ten milliseconds. Our choice: sequences have 32 bits in messages, and last
 * for 497 days at this pace.
 */
const WRITE_PACE: Millis = 10;

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
  readonly #context: Context;
  readonly #entries: Entries;
  readonly #reception: Reception;
  readonly #redirects: Buckets;

  constructor(
    config: NdConfig,
    common: CommonConfig,
    out: Out,
    links: Links,
    waiting: Waiting,
    learned: Learned6,
    steering: Steering6,
    now: Millis = 0,
  ) {
    this.#out = out;
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
    // A core that is started again goes on above what was written before its time: nobody writes faster for long.
    this.#entries.ledger.newest = Math.floor(now / WRITE_PACE);
    this.#reception = new Reception({
      out,
      links,
      context: this.#context,
      entries: this.#entries,
      resolver: this,
      groups: this.groups,
      discovery: this.discovery,
      advertiser: this.advertiser,
    });
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
    this.#reception.heard(message.Heard.Confirm, iface, at, -1, 0, now);
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

  // --- frames --------------------------------------------------------------------------------------------------------

  /**
   * An untagged IPv6 frame to the interface's MAC or to a group. True when it was neighbour or listener discovery, and
   * is done with; false when it is for the forwarding side. On any core.
   */
  receive(iface: number, _channel: ChannelId, start: Offset, end: Offset, now: Millis): boolean {
    return this.#reception.receive(iface, start, end, now);
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
    if (type === Message["nd-entry"]) entries.telling.told(from, at, now);
    else if (type === Message["nd-delete"]) entries.telling.toldDeleted(at, now);
    else if (type === Message["nd-used"])
      entries.telling.toldUsed(from, message.hopsOf(view, at), at, now);
    else if (type === Message["nd-move"]) entries.moving.moved(at, now);
    else if (type === Message["nd-router"]) this.discovery.message(from, at, now);
    else if (type === Message["nd-own"]) this.#ownMessage(at, now);
    else this.#neighbourMessage(type, from, at, now);
  }

  #neighbourMessage(type: number, from: CoreId, at: Offset, now: Millis): void {
    const { view } = this.#out;
    const iface = message.ifaceOf(view, at);
    const hops = message.hopsOf(view, at);
    const core = message.coreOf(view, at);
    const a = message.wordOf(view, at, 0);
    const b = message.wordOf(view, at, 1);
    const c = message.wordOf(view, at, 2);
    const d = message.wordOf(view, at, 3);
    if (iface >= this.#context.interfaces.length) return;
    if (type === Message["nd-ask"]) {
      this.#entries.telling.asked(from, core, hops, iface, a, b, c, d, now);
    } else {
      const mac = message.macOf(view, at);
      const flags = message.flagsOf(view, at);
      const kind = message.kindOf(view, at);
      this.#entries.heard(kind, core, hops, iface, a, b, c, d, mac, flags, now);
    }
  }

  #ownMessage(at: Offset, now: Millis): void {
    const { view } = this.#out;
    const kind = message.kindOf(view, at);
    if (kind === OwnKind.Query) this.#reception.query(at, now);
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
    if (!this.own.isMaster) return;
    this.advertiser.roleChanged(now);
    // The one before may have died in the middle of telling, or before it told a core that had just been started.
    this.own.tellAll(message.ALL);
    this.discovery.tellAll(message.ALL);
  }

  /** Another core is gone: the machines that it ran are taken up by their homes. */
  coreLeft(core: CoreId, now: Millis): void {
    this.#entries.moving.coreLeft(core, now);
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
    entries.moving.rehash(now);
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

  /** The virtual addresses that are ours from now on, all of them (VR-4). Called on every core. */
  setVirtual(addresses: readonly VirtualAddress[]): void {
    this.own.setVirtual(addresses);
  }

  /** What is due here, for people: rows {timer, subject, due-ms, period-ms}. */
  timers(now: Millis): Record<string, unknown>[] {
    const { own, advertiser } = this;
    const { config, interfaces } = this.#context;
    return timerRows({ config, interfaces, entries: this.#entries, own, advertiser }, now);
  }

  // --- Replicated ----------------------------------------------------------------------------------------------------

  resync(to: CoreId, cursor: number, limit: number): number {
    if (cursor === 0 && this.own.isMaster) {
      this.own.tellAll(to);
      this.discovery.tellAll(to);
    }
    return this.#entries.telling.resync(to, cursor, limit);
  }

  resyncBegin(from: CoreId): void {
    this.#entries.telling.resyncBegin(from);
  }

  resyncEnd(from: CoreId, now: Millis): void {
    this.#entries.telling.resyncEnd(from, now);
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
      owner: this.#entries.moving.ownerSeen(slot),
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

  /** How often a machine began to run on this core. */
  get begun(): number {
    return this.#entries.table.begun;
  }

  check(): void {
    this.#entries.table.check();
  }
}
