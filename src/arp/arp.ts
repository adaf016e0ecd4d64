// The ARP engine of one core (ARP-1..8; RFC 826, 5227, 903, 2390): what comes from the wire on the master, what
// operators and the configuration change, and the faces that the core knows. The table itself is entries.ts.

import type { CommonConfig, InterfaceConfig } from "../engine/config.ts";
import { Drop } from "../engine/drop.ts";
import { LAST_WORDS, Message, Table as TableNumber } from "../engine/message.ts";
import type { Engine, Links, Out, Replicated, Resolver, Stations, Waiting } from "../engine/out.ts";
import { Buckets } from "../lib/token-buckets.ts";
import type { ChannelId, CoreId, Ipv4, Mac, Millis, Offset } from "../lib/units.ts";
import { sequenceOf, writerOf } from "../lib/version.ts";
import * as wire from "../wire/arp.ts";
import * as ethernet from "../wire/ethernet.ts";
import type { ArpConfig, StaticEntry } from "./config.ts";
import { Context, isUnicast } from "./context.ts";
import { Entries } from "./entries.ts";
import { State } from "./machine.ts";
import {
  ALL,
  addressOf,
  ifaceOf,
  isHeld,
  isStatic,
  Kind,
  kindOf,
  macOf,
  versionOf,
} from "./message.ts";
import { Own } from "./own.ts";
import { Report } from "./report.ts";
import { Speaker } from "./speaker.ts";

/** Says which addresses of others the appliance answers for (proxy ARP, RFC 1027). host/ implements it. */
export interface Proxied {
  /** Whether `target`, asked for on `iface`, is reached through another interface. */
  isProxied(iface: number, target: Ipv4): boolean;
}

/** What `clear` takes away; what is left out matches everything. */
export interface ArpFilter {
  readonly iface?: number;
  readonly address?: Ipv4;
  /** With `address`: its prefix length; 32 when left out. */
  readonly prefix?: number;
}

/**
 * How long after a reload a new master makes up for a change that the one before may not have made. Our choice.
 */
const RELOAD_GRACE: Millis = 5000;

const NOTHING_PROXIED: Proxied = { isProxied: () => false };

export class Arp implements Engine, Replicated, Resolver {
  readonly table: number = TableNumber.Arp;
  readonly #out: Out;
  readonly #context: Context;
  readonly #proxied: Proxied;
  readonly #speaker: Speaker;
  readonly #own: Own;
  readonly #entries: Entries;
  readonly #received: Buckets;
  readonly #report: Report;
  #started = false;
  /** Static entries before the last reload, which a new master may have to finish. */
  #previous: readonly StaticEntry[] | null = null;
  #reloaded: Millis = Number.NEGATIVE_INFINITY;
  /** ARP messages that reached this engine. */
  received = 0;

  constructor(
    config: ArpConfig,
    common: CommonConfig,
    out: Out,
    links: Links,
    waiting: Waiting,
    stations: Stations,
    proxied: Proxied = NOTHING_PROXIED,
  ) {
    this.#out = out;
    this.#proxied = proxied;
    this.#speaker = new Speaker(out, links);
    this.#own = new Own(out, this.#speaker, config.acd);
    this.#own.configure(common.interfaces, config.acd, 0);
    this.#context = new Context(config, common.interfaces, out, waiting, this.#speaker, this.#own);
    this.#entries = new Entries(this.#context);
    this.#report = new Report(this.#context, this.#entries, stations);
    this.#received = new Buckets(common.channels.length, config.receiveRate);
  }

  /** Requests that left, probes and announcements included. */
  get requestsSent(): number {
    return this.#speaker.requests;
  }

  get repliesSent(): number {
    return this.#speaker.replies;
  }

  get evictions(): number {
    return this.#entries.ledger.evictions;
  }

  /** Frames that wait for an address on this core. */
  get waitingFrames(): number {
    return this.#entries.pending.frames;
  }

  // --- frames ----------------------------------------------------------------------------------

  resolve(iface: number, address: Ipv4, start: Offset, end: Offset, now: Millis): Mac {
    return this.#entries.resolve(iface, address, start, end, now);
  }

  /**
   * An ARP or RARP frame on an interface's VLAN, on the master. True when it is consumed, false when it is to
   * be bridged onward: what asks for nobody here and is not sent to the interface's MAC goes on, learned from
   * or not.
   */
  receive(
    iface: number,
    channel: ChannelId,
    start: Offset,
    at: Offset,
    end: Offset,
    now: Millis,
  ): boolean {
    this.#entries.checkRole(now);
    const self = this.#context.interfaces[iface];
    if (self === undefined || !this.#context.isMaster) return false;
    this.received++;
    const { view } = this.#out;
    const to = ethernet.destination(view, start);
    const isToUs = to === self.mac || this.#own.isVirtual(iface, to);
    if (!wire.isValid(view, at, end)) {
      const isWhole = wire.isParsable(view, at, end);
      this.#out.drop(isWhole ? Drop["arp-format"] : Drop["arp-short"]);
      return isToUs || !isWhole;
    }
    const sender = wire.senderIp(view, at);
    if (!this.#entries.isAwaited(iface, sender) && !this.#received.take(channel, now)) {
      this.#out.drop(Drop["arp-rate"]);
      return isToUs || this.#own.find(iface, wire.targetIp(view, at)) >= 0;
    }
    const operation = wire.operation(view, at);
    if (operation === wire.Operation.RarpRequest || operation === wire.Operation.RarpReply) {
      return this.#answerRarp(iface, self, start, at) || isToUs;
    }
    if (!this.#isSenderValid(start, at)) {
      this.#out.drop(Drop["arp-source"]);
      return isToUs;
    }
    const from = wire.senderMac(view, at);
    if (from === self.mac || this.#own.isVirtual(iface, from)) return true; // An own frame came back.
    if (!this.#hear(iface, at, now)) {
      this.#out.drop(Drop["arp-spoof"]);
      return isToUs || this.#own.find(iface, wire.targetIp(view, at)) >= 0;
    }
    return this.#answer(iface, self, operation, at, now) || isToUs;
  }

  /** A sender that a station can be (protocol checks of RFC 826, 1122 and 5227; 0.0.0.0 is a probe's). */
  #isSenderValid(start: Offset, at: Offset): boolean {
    const { view } = this.#out;
    const mac = wire.senderMac(view, at);
    const address = wire.senderIp(view, at);
    if (!ethernet.isStation(mac) || (address !== 0 && !isUnicast(address))) return false;
    return !this.#context.config.verifySource || ethernet.source(view, start) === mac;
  }

  /** Learns from the sender's pair (ARP-5); false when it contradicts what is certain. */
  #hear(iface: number, at: Offset, now: Millis): boolean {
    const { view } = this.#out;
    const mac = wire.senderMac(view, at);
    const address = wire.senderIp(view, at);
    if (address === 0) return true;
    const own = this.#own.find(iface, address);
    if (own >= 0) {
      this.#own.conflict(own, mac, now);
      return false;
    }
    const isGratuitous = wire.isGratuitous(view, at);
    const policy = this.#context.config.acceptGratuitous;
    if (isGratuitous && policy === "ignore") return true;
    const mayAdd = (!isGratuitous || policy === "learn") && this.#own.isOnSubnet(iface, address);
    return this.#entries.hear(iface, address, mac, mayAdd, now);
  }

  /** Answers what asks for a local address; true when the message was for nobody else. */
  #answer(
    iface: number,
    self: InterfaceConfig,
    operation: number,
    at: Offset,
    now: Millis,
  ): boolean {
    const { view } = this.#out;
    const target = wire.targetIp(view, at);
    const sender = wire.senderIp(view, at);
    const asker = wire.senderMac(view, at);
    const own = this.#own.find(iface, target);
    if (operation === wire.Operation.Request) {
      if (own >= 0) {
        if (sender === 0 && this.#own.isProbed(own)) this.#own.conflict(own, asker, now);
        else if (this.#own.answers(iface, target)) {
          this.#speaker.reply(iface, this.#own.mac(iface, target), target, asker, sender);
        }
        return true;
      }
      // Never for probes and announcements: those ask about an address that is about to be used.
      if (!self.proxyArp || sender === 0 || sender === target) return false;
      if (!this.#proxied.isProxied(iface, target)) return false;
      this.#speaker.reply(iface, self.mac, target, asker, sender);
      return true;
    }
    if (operation === wire.Operation.InarpRequest && this.#context.config.inarp) {
      const source = this.#own.source(iface, sender);
      if (source === 0) return false;
      this.#speaker.inarpReply(iface, self.mac, source, asker, sender);
      return true;
    }
    if (operation !== wire.Operation.Reply && operation !== wire.Operation.InarpReply) {
      this.#out.drop(Drop["arp-operation"]);
    }
    return own >= 0;
  }

  /** A RARP server's answer from the static entries (RFC 903), where configured; teaches nothing. */
  #answerRarp(iface: number, self: InterfaceConfig, start: Offset, at: Offset): boolean {
    const { view } = this.#out;
    if (!this.#context.config.rarp || wire.operation(view, at) !== wire.Operation.RarpRequest)
      return false;
    const client = wire.targetMac(view, at);
    const slot = this.#entries.table.staticOf(iface, client);
    const from = ethernet.source(view, start);
    if (slot < 0 || !ethernet.isStation(from)) return false;
    const address = this.#entries.table.address(slot);
    const own = this.#own.source(iface, address);
    this.#speaker.rarpReply(iface, self.mac, own, from, client, address);
    return true;
  }

  // --- messages and timers ---------------------------------------------------------------------

  message(type: number, from: CoreId, at: Offset, now: Millis): void {
    const entries = this.#entries;
    entries.checkRole(now);
    const { view } = this.#out;
    const iface = ifaceOf(view, at);
    const address = addressOf(view, at);
    if (!this.#context.hasInterface(iface)) return; // Removed here already, or not here yet: the reload tells again.
    switch (type) {
      case Message["arp-ask"]:
        entries.asked(from, iface, address, now);
        break;
      case Message["arp-entry"]:
        this.#told(from, iface, address, at, now);
        break;
      case Message["arp-failed"]:
        entries.toldFailed(iface, address, isHeld(view, at), now);
        break;
      case Message["arp-delete"]:
        entries.toldDeleted(iface, address, versionOf(view, at), from, now);
        break;
      case Message["arp-used"]:
        entries.toldUsed(from, iface, address, versionOf(view, at), now);
        break;
      default:
        this.#out.drop(Drop["bus-unknown"]);
    }
  }

  #told(from: CoreId, iface: number, address: Ipv4, at: Offset, now: Millis): void {
    const entries = this.#entries;
    const { view } = this.#out;
    const version = versionOf(view, at);
    const kind = kindOf(view, at);
    if (kind === Kind.Mark) entries.resync.mark(from, version);
    else if (kind === Kind.Reset) entries.toldReset(from, now);
    else if (kind === Kind.Passing) entries.toldPassing(iface, address, macOf(view, at), now);
    else entries.told(iface, address, macOf(view, at), isStatic(view, at), version, from, now);
  }

  tick(now: Millis): void {
    if (!this.#started) {
      this.#started = true;
      this.#own.begin(now);
    }
    this.#entries.tick(now);
    if (this.#previous !== null && this.#context.isMaster) this.#finishReload(now);
    this.#own.tick(now, this.#context.isMaster);
  }

  /** This core joins others that run: the own addresses are in use already, and not to be probed or announced. */
  resume(now: Millis): void {
    this.#started = true;
    this.#own.resume(now);
  }

  /** Another core is gone: what it told last, as the master, is told on, should that not have reached all. */
  coreLeft(core: CoreId, now: Millis): void {
    this.#entries.checkRole(now);
    const { ledger, table } = this.#entries;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (!table.isUsable(slot) || writerOf(table.version(slot)) !== core) continue;
      if (sequenceOf(table.version(slot)) === 0 || now - table.updated(slot) >= LAST_WORDS)
        continue;
      ledger.tell(slot, ALL);
    }
  }

  /** The ARP role moved. Every entry point also notices by itself; this does it at once. */
  roleChanged(now: Millis): void {
    this.#entries.checkRole(now);
  }

  // --- operators -------------------------------------------------------------------------------

  /**
   * Adds or changes a static entry on all cores. Call it on the master; false elsewhere, or when there is no
   * room.
   */
  addStatic(iface: number, address: Ipv4, mac: Mac, now: Millis): boolean {
    this.#entries.checkRole(now);
    if (!this.#context.isMaster || this.#context.interfaces[iface] === undefined) return false;
    if (!isUnicast(address) || !ethernet.isStation(mac) || this.#own.find(iface, address) >= 0) {
      return false;
    }
    return this.#entries.addStatic({ iface, address, mac }, now);
  }

  /** Removes an entry, static or not, on one interface or on any (-1), on all cores. Returns how many. */
  remove(address: Ipv4, iface: number, now: Millis): number {
    let count = 0;
    for (let one = 0; one < this.#context.interfaces.length; one++) {
      if (iface >= 0 && one !== iface) continue;
      count += this.#removeOne(one, address, now);
    }
    return count;
  }

  #removeOne(iface: number, address: Ipv4, now: Millis): number {
    const entries = this.#entries;
    entries.checkRole(now);
    const slot = entries.table.find(iface, address);
    if (slot < 0) return 0;
    entries.pending.forgive(slot);
    if (!this.#context.isMaster || !entries.table.isUsable(slot)) return 0;
    entries.flush(slot, now);
    return 1;
  }

  /**
   * Flushes the dynamic entries that match, on all cores. Returns how many; 0 on a core that is not the master.
   */
  clear(filter: ArpFilter, now: Millis): number {
    const entries = this.#entries;
    entries.checkRole(now);
    const { table } = entries;
    const { iface = -1, address = -1, prefix = 32 } = filter;
    const bits = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) | 0;
    let count = 0;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.state(slot) === State.None) continue;
      if (iface >= 0 && table.iface(slot) !== iface) continue;
      if (address >= 0 && ((table.address(slot) ^ address) & bits) !== 0) continue;
      entries.pending.forgive(slot);
      if (!this.#context.isMaster || !table.isUsable(slot) || table.isStatic(slot)) continue;
      entries.flush(slot, now);
      count++;
    }
    return count;
  }

  /**
   * The virtual addresses that are ours from now on, each with its virtual MAC (VR-4). Called on every core; the
   * announcements are the caller's.
   */
  setVirtual(
    addresses: readonly { readonly iface: number; readonly address: Ipv4; readonly mac: Mac }[],
    now: Millis,
  ): void {
    this.#own.setVirtual(addresses, now);
  }

  /** True while the MAC of a neighbour is known here. */
  isKnown(iface: number, address: Ipv4): boolean {
    const { table } = this.#entries;
    return table.isUsable(table.find(iface, address));
  }

  /** Sends a gratuitous request for own addresses (-1 = any interface, any address). Returns how many left. */
  announce(iface: number, address: number, now: Millis): number {
    this.#entries.checkRole(now);
    return this.#context.isMaster ? this.#own.announce(iface, address) : 0;
  }

  // --- configuration ---------------------------------------------------------------------------

  /**
   * Takes over a new configuration: called on every core with the same one. The master makes the changes and
   * tells the others; each core by itself empties an interface that is gone or became another one.
   */
  configure(config: ArpConfig, common: CommonConfig, now: Millis): void {
    const entries = this.#entries;
    entries.checkRole(now);
    const before = this.#context.interfaces;
    const statics = this.#context.config.statics.filter(({ iface }) =>
      isSame(before[iface], common.interfaces[iface]),
    );
    for (let iface = 0; iface < before.length; iface++) {
      const old = before[iface] as InterfaceConfig;
      if (!isSame(old, common.interfaces[iface])) entries.dropInterface(iface, now);
    }
    this.#own.configure(common.interfaces, config.acd, now);
    this.#received.configure(common.channels.length, config.receiveRate);
    entries.configure(config, common.interfaces, now);
    this.#previous = statics;
    this.#reloaded = now;
    if (this.#context.isMaster) this.#finishReload(now);
  }

  /**
   * The master's part: own addresses have no entries, and the static ones become those of the configuration.
   */
  #finishReload(now: Millis): void {
    const entries = this.#entries;
    const old = this.#previous;
    this.#previous = null;
    // A core that became master long after the reload need not repeat what the master of then did.
    if (old === null || now - this.#reloaded > RELOAD_GRACE) return;
    for (const { iface, address } of this.#own.all) {
      const slot = entries.table.find(iface, address);
      if (entries.table.isUsable(slot)) entries.flush(slot, now);
    }
    this.#changeStatics(old, this.#context.config.statics, now);
  }

  /**
   * Removes the static entries that are no longer wanted and adds those that are new; the others are not
   * touched.
   */
  #changeStatics(old: readonly StaticEntry[], wanted: readonly StaticEntry[], now: Millis): void {
    const key = (entry: StaticEntry): string => `${entry.iface} ${entry.address}`;
    const text = (entry: StaticEntry): string => `${key(entry)} ${entry.mac}`;
    const keys = new Set(wanted.map(key));
    const present = new Set(old.map(text));
    for (const entry of old) {
      if (keys.has(key(entry))) continue;
      const slot = this.#entries.table.find(entry.iface, entry.address);
      if (!this.#entries.table.isUsable(slot) || !this.#entries.table.isStatic(slot)) continue;
      this.#entries.flush(slot, now);
    }
    for (const entry of wanted) if (!present.has(text(entry))) this.#entries.addStatic(entry, now);
  }

  // --- Replicated ------------------------------------------------------------------------------

  resync(to: CoreId, cursor: number, limit: number, now: Millis): number {
    this.#entries.checkRole(now);
    return this.#entries.resync.send(to, cursor, limit);
  }

  resyncBegin(from: CoreId, now: Millis): void {
    this.#entries.checkRole(now);
    this.#entries.resync.begin(from);
  }

  resyncEnd(from: CoreId, now: Millis): void {
    this.#entries.checkRole(now);
    this.#entries.resync.end(from, now);
  }

  summary(): { entries: number; digest: number; version: number } {
    const { table, ledger } = this.#entries;
    return { entries: table.entries, digest: table.digest, version: ledger.newest };
  }

  /**
   * Rows as `show arp` has them, with numbers for addresses and names; own addresses follow the table's slots.
   */
  rows(
    cursor: number,
    limit: number,
    now: Millis,
  ): { rows: Record<string, unknown>[]; next: number } {
    return this.#report.rows(cursor, limit, now);
  }

  /** What is due next on this core, for people. */
  timers(now: Millis): Record<string, unknown>[] {
    return this.#report.timers(now);
  }
}

/** Whether an interface number still means the same network, so that its entries may stay. */
function isSame(a: InterfaceConfig | undefined, b: InterfaceConfig | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.name === b.name && a.bridge === b.bridge && a.channel === b.channel && a.vlan === b.vlan;
}
