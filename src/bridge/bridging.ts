// The bridge engine of one core: every frame of a bridged channel in the order of BR-2, VLAN tags by BR-6, and the
// doors for messages, timers, people and `show`. What is known of stations is learning.ts; who carries which VLAN is
// membership.ts.

import type { CommonConfig } from "../engine/config.ts";
import { Drop } from "../engine/drop.ts";
import { MIN_FRAME } from "../engine/frame.ts";
import type { GroupForwarding, GroupPorts } from "../engine/groups.ts";
import type { ChannelSink, Inside } from "../engine/inside.ts";
import { LAST_WORDS, Message, Table } from "../engine/message.ts";
import type { Engine, Out, Replicated, Stations } from "../engine/out.ts";
import { Role } from "../engine/role.ts";
import type { ChannelId, CoreId, Mac, Millis, Offset, PortId, Vlan } from "../lib/units.ts";
import { EtherType } from "../wire/ethernet.ts";
import * as tag from "../wire/vlan.ts";
import { Clock } from "./clock.ts";
import type { BridgingConfig } from "./config.ts";
import { BRIDGE_COUNTERS, BridgeCounter } from "./counters.ts";
import { Egress, INSIDE, UNTAGGED } from "./egress.ts";
import { Held } from "./held.ts";
import { learnOnly } from "./learn-only.ts";
import type { Learning } from "./learning.ts";
import { Lane, type Membership, NO_ENTRY } from "./membership.ts";
import * as message from "./message.ts";
import { Misses } from "./misses.ts";
import { Multicast } from "./multicast.ts";
import type { Muting } from "./muting.ts";
import { Admission, type Protection } from "./protection.ts";
import { reconfigure } from "./reconfigure.ts";
import { resyncSlice, rowsSlice, summaryOf, timerRows } from "./replication.ts";
import { takeReserved } from "./reserved.ts";
import { type ClearFilter, clearStations, locateStation } from "./stations.ts";
import { CHANNEL_MASK, Flag, macOf, makeKey, vlanOf } from "./table.ts";

/** 01-80-C2-00-00-0X, never relayed (IEEE 802.1D-2004 7.12.6), in the two parts of a MAC. */
const RESERVED_HIGH = 0x0180;
const RESERVED_LOW: number = 0xc2000000 | 0;
/** 01-00-0C-CC-CC-CD, where PVST+ sends its BPDUs, in the two parts of a MAC. */
const PVST_HIGH = 0x0100;
const PVST_LOW = 0x0ccc_cccd;

/** What a lookup of the source compares: on this channel, in use, seen here. Then nothing changes, nothing is told. */
const STEADY: number = CHANNEL_MASK | Flag.InUse | Flag.Own;

const isArp = (type: number): boolean => type === EtherType.Arp || type === EtherType.Rarp;

export type { ClearFilter } from "./stations.ts";

export class Bridging implements Engine, Replicated, Stations, GroupPorts {
  readonly table: number = Table.Bridge;
  /** See counters.ts; the core copies them out. */
  readonly counters: Float64Array = new Float64Array(BRIDGE_COUNTERS);
  readonly #out: Out;
  readonly #view: DataView;
  readonly #egress: Egress;
  readonly #inside: Inside;
  readonly #clock: Clock;
  #membership: Membership;
  #muting: Muting;
  /** BR-9. */
  protection: Protection;
  readonly #multicast: Multicast;
  #lane: Int32Array;
  #bridges: readonly Learning[];
  /** A number for the configuration: messages of another one name other channels. */
  #epoch: number;
  #config: BridgingConfig;
  #common: CommonConfig;
  readonly #misses: Misses;
  readonly #held: Held;

  constructor(
    config: BridgingConfig,
    common: CommonConfig,
    out: Out,
    channels: ChannelSink,
    inside: Inside,
  ) {
    this.#out = out;
    this.#view = out.view;
    this.#inside = inside;
    this.#clock = new Clock(out.core);
    this.#misses = new Misses(out);
    this.#held = new Held(out);
    this.#config = config;
    this.#common = common;
    const made = reconfigure(null, config, common, out, this.#clock, this.counters, 0);
    this.#membership = made.membership;
    this.#egress = new Egress(out, channels, inside, this.counters, made.membership);
    this.#muting = made.muting;
    this.protection = made.protection;
    this.#multicast = new Multicast(out, this.#egress, made.membership, made.protection);
    this.#lane = made.membership.lane;
    this.#bridges = made.bridges;
    this.#epoch = made.epoch;
  }

  /** From now on, snooping decides where multicast goes (BR-8); null: it floods. */
  attach(groups: GroupForwarding | null): void {
    this.#multicast.groups = groups;
  }

  isBridged(channel: ChannelId): boolean {
    return (this.#membership.bridgeOf[channel] ?? -1) >= 0;
  }

  #count(counter: number): void {
    this.counters[counter] = (this.counters[counter] as number) + 1;
  }

  // --- the frame's way (BR-2) --------------------------------------------------------------------------------------

  /** A frame that arrived on a channel. Its bytes may be changed in place. */
  receive(
    channel: ChannelId,
    start: Offset,
    end: Offset,
    now: Millis,
    port: PortId = this.#membership.port[channel] as number,
  ): void {
    const view = this.#view;
    if (end - start < MIN_FRAME) {
      this.#out.drop(Drop.runt);
      return;
    }
    const toHigh = view.getUint16(start);
    const toLow = view.getInt32(start + 2);
    if (toHigh === RESERVED_HIGH && (toLow & ~15) === RESERVED_LOW) {
      takeReserved(this.#inside, this.#out, toLow & 15, port, channel, start, end, now);
      return;
    }
    const lane = this.#lane[channel] ?? Lane.Closed;
    if (lane < 0) {
      if ((lane & NO_ENTRY) !== 0 || (lane & Lane.Guarded) === 0) {
        this.#receiveClosed(channel, lane, port, start, end, now);
        return;
      }
      if (!this.protection.admits(channel, start, end, now)) return;
    }
    let vlan = lane & Lane.Vlan;
    let type = view.getUint16(start + 12);
    let tci = UNTAGGED;
    if (type === EtherType.Vlan) {
      if (end - start < MIN_FRAME + tag.LENGTH) {
        this.#out.drop(Drop.runt);
        return;
      }
      tci = view.getUint16(start + 14);
      type = view.getUint16(start + 16);
      if ((tci & 0xfff) !== vlan) vlan = this.#classify(channel, lane, tci & 0xfff);
    }
    if (vlan <= 0) {
      if (vlan === 0) this.#out.drop(Drop["vlan-filtered"]);
      return;
    }
    const bridge = (lane >> Lane.BridgeShift) & Lane.Bridge;
    let iface = -1;
    if ((lane & Lane.Inside) !== 0) {
      iface = this.#membership.firstInterface[(bridge << 12) | vlan] as number;
      if (iface >= 0 && isArp(type) && this.#handOver(port, start, end)) return;
    }
    const fromHigh = view.getUint16(start + 6);
    const fromLow = view.getInt32(start + 8);
    if ((fromHigh & 0x100) !== 0 || (fromHigh | fromLow) === 0) {
      this.#out.drop(Drop["source-group"]);
      return;
    }
    const stations = this.#bridges[bridge] as Learning;
    const { table } = stations;
    const from = table.find(fromLow, makeKey(fromHigh, vlan));
    const admission =
      lane < 0 ? this.protection.station(stations, from, channel, now) : Admission.Learn;
    if (admission === Admission.Drop) return;
    if (from < 0) {
      const key = makeKey(fromHigh, vlan);
      if (admission === Admission.Learn) this.#learn(stations, fromLow, key, channel, iface, now);
    } else if ((table.meta(from) & STEADY) !== (channel | Flag.InUse | Flag.Own)) {
      if (admission === Admission.Learn) stations.seen(from, channel, now);
    }
    if (iface >= 0 || (toHigh & 0x100) !== 0) {
      this.#multicast.port = port;
      if (
        toHigh === PVST_HIGH &&
        toLow === PVST_LOW &&
        this.#isPvst(port, channel, start, end, now)
      )
        return;
      if (this.#goesInside(iface, channel, start, end, tci, vlan, type, now)) return;
    }
    const to = table.find(toLow, makeKey(toHigh, vlan));
    if (lane < 0 && this.#multicast.isKept(to < 0 ? -1 : table.meta(to), channel, now)) return;
    if (to < 0) this.#egress.flood(bridge, channel, start, end, tci, vlan, type);
    else this.#forward(table.meta(to) & CHANNEL_MASK, channel, start, end, tci, vlan, type);
  }

  /** To where a station is: another channel, or nowhere. */
  #forward(
    target: number,
    channel: ChannelId | typeof INSIDE,
    start: Offset,
    end: Offset,
    tci: number,
    vlan: Vlan,
    type: number,
  ): void {
    if (target === channel) this.#out.drop(Drop["same-channel"]);
    else if (target === message.NO_CHANNEL) this.#out.drop(Drop["static-drop"]);
    else this.#egress.send(target, start, end, tci, vlan, type);
  }

  /**
   * What is for the appliance itself, or for many: ARP, an interface's MAC, a group. True when nothing is left to do
   * with the frame. `iface` is the first interface on the VLAN, or -1.
   */
  #goesInside(
    iface: number,
    channel: ChannelId,
    start: Offset,
    end: Offset,
    tci: number,
    vlan: Vlan,
    type: number,
    now: Millis,
  ): boolean {
    const arp = isArp(type);
    const at = start + (tci < 0 ? 14 : 18);
    if (iface >= 0 && arp && this.#resolve(iface, channel, start, at, end, now)) return true;
    const view = this.#view;
    const toHigh = view.getUint16(start);
    if ((toHigh & 0x100) !== 0) {
      this.#multicast.spread(arp ? -1 : iface, channel, start, end, tci, vlan, type, now);
      return true;
    }
    const mine = this.#membership.findInterface(iface, toHigh, view.getInt32(start + 2));
    if (mine < 0) return false;
    this.#egress.deliver(mine, channel, start, end, tci, type, now);
    return true;
  }

  /** A frame on a channel that takes none now. Where spanning tree learns before it forwards, its source counts. */
  #receiveClosed(
    channel: ChannelId,
    lane: number,
    port: PortId,
    start: Offset,
    end: Offset,
    now: Millis,
  ): void {
    const view = this.#view;
    if (!this.isBridged(channel)) this.#out.drop(Drop["port-unattached"]);
    else if ((lane & Lane.Muted) !== 0) this.#out.drop(Drop.muted);
    else if ((lane & Lane.Shut) !== 0) this.#out.drop(Drop.shut);
    else {
      if (view.getUint16(start) === PVST_HIGH && view.getInt32(start + 2) === PVST_LOW) {
        if (this.#isPvst(port, channel, start, end, now)) return;
      }
      if ((lane & Lane.Learning) !== 0)
        learnOnly(this.#membership, this.#bridges, channel, view, start, end, now);
      this.#out.drop(Drop["stp-discarding"]);
    }
  }

  #isPvst(port: PortId, channel: ChannelId, start: Offset, end: Offset, now: Millis): boolean {
    return this.#inside.pvst?.(port, channel, start, end, now) ?? false;
  }

  /** The VLAN of a tag that is not the channel's own, by the ingress filter; -1 when the frame was dropped. */
  #classify(channel: ChannelId, lane: number, id: number): Vlan | -1 {
    if (id === 0) return lane & Lane.Vlan;
    if (id === tag.VID_RESERVED) this.#out.drop(Drop["vlan-reserved"]);
    else if ((lane & Lane.Access) !== 0) this.#out.drop(Drop["vlan-tagged-on-access"]);
    else if (this.#membership.carries(channel, id)) return id;
    else this.#out.drop(Drop["vlan-filtered"]);
    return -1;
  }

  /** ARP where the appliance has an interface belongs to one core (ARP-2), which then also learns from it. */
  #handOver(port: PortId, start: Offset, end: Offset): boolean {
    const master = this.#out.master(Role.Arp);
    if (master === this.#out.core) return false;
    this.#count(BridgeCounter.HandedOver);
    this.#out.handover(master, port, start, end);
    return true;
  }

  #resolve(
    first: number,
    channel: ChannelId,
    start: Offset,
    at: Offset,
    end: Offset,
    now: Millis,
  ): boolean {
    for (let iface = first; iface >= 0; iface = this.#membership.nextInterface[iface] as number) {
      if (this.#inside.arp(iface, channel, start, at, end, now)) return true;
    }
    return false;
  }

  /** A station not in the table; the appliance's own MAC coming back from outside is no station. */
  #learn(
    stations: Learning,
    low: number,
    key: number,
    channel: ChannelId,
    iface: number,
    now: Millis,
  ): void {
    if (iface >= 0 && this.#membership.findInterface(iface, key & 0xffff, low) >= 0) {
      // A virtual MAC tells of a rival, not of a loop.
      if (this.#membership.findOwn(iface, key & 0xffff, low) < 0) return;
      this.protection.ownSeen(channel, macOf(low, key), vlanOf(key), now);
      return;
    }
    stations.learn(low, key, channel, now);
  }

  /** An untagged frame from inside, through an interface that is on a bridge. */
  output(iface: number, start: Offset, end: Offset, now: Millis): void {
    const bridge = this.#membership.interfaceBridge[iface] ?? -1;
    const stations = this.#bridges[bridge];
    if (stations === undefined) {
      this.#out.drop(Drop["port-unattached"]);
      return;
    }
    const vlan = this.#membership.interfaceVlan[iface] as number;
    const view = this.#view;
    const type = view.getUint16(start + 12);
    const toHigh = view.getUint16(start);
    if ((toHigh & 0x100) !== 0) {
      this.#multicast.output(bridge, start, end, vlan, type, now);
      return;
    }
    const { table } = stations;
    const to = table.find(view.getInt32(start + 2), makeKey(toHigh, vlan));
    if (to < 0) this.#egress.flood(bridge, INSIDE, start, end, UNTAGGED, vlan, type);
    else this.#forward(table.meta(to) & CHANNEL_MASK, INSIDE, start, end, UNTAGGED, vlan, type);
  }

  // --- messages and timers -----------------------------------------------------------------------------------------

  message(type: number, from: CoreId, at: Offset, now: Millis): void {
    const view = this.#view;
    if (type === Message["bridge-shut"]) {
      if (!this.protection.shut.message(at)) this.#misses.note(from, now);
      return;
    }
    const stations = this.#bridges[message.bridge(view, at)];
    const version = message.version(view, at);
    if (message.epoch(view, at) !== this.#epoch || stations === undefined) {
      this.#clock.witness(version);
      this.#misses.note(from, now);
      return;
    }
    const low = message.macLow(view, at);
    const key = makeKey(message.macHigh(view, at), message.vlan(view, at));
    const kind = message.kind(view, at);
    const channel = message.channel(view, at);
    if (type === Message["bridge-held"]) stations.applyHeld(low, key, version, now);
    else if (type === Message["bridge-learn"]) {
      stations.applyLearn(low, key, channel, version, from, now);
      this.protection.told(stations, low, key, now);
    } else if (kind === message.Delete.Flush) {
      stations.applyFlush(channel, message.vlan(view, at), version);
    } else if (kind === message.Delete.Pair) stations.applyPairFlush(channel, version);
    else stations.applyDelete(low, key, kind, version, now);
  }

  tick(now: Millis): void {
    for (let n = 0; n < this.#bridges.length; n++) (this.#bridges[n] as Learning).tick(now);
    this.#muting.tick(now);
    this.protection.tick(now, this);
    this.#misses.tick(now);
    this.#held.tick(this.#bridges);
  }

  timers(now: Millis): Record<string, unknown>[] {
    return timerRows(this.#bridges, this.#config, now);
  }

  /** What protects each channel, as `show protection` prints it. */
  protectionRows(now: Millis): Record<string, unknown>[] {
    return this.protection.rows((bridge, one) => this.#bridges[bridge]?.table.count(one) ?? 0, now);
  }

  // --- people and the control core -----------------------------------------------------------------------------------

  /** Takes over a configuration. Stations stay, except where their channel or VLAN is gone. */
  configure(config: BridgingConfig, common: CommonConfig, now: Millis): void {
    const before = {
      config: this.#config,
      common: this.#common,
      bridges: this.#bridges,
      muting: this.#muting,
      protection: this.protection,
      membership: this.#membership,
    };
    const made = reconfigure(before, config, common, this.#out, this.#clock, this.counters, now);
    this.#config = config;
    this.#common = common;
    this.#membership = made.membership;
    this.#egress.configure(made.membership);
    this.#muting = made.muting;
    this.protection = made.protection;
    this.#multicast.configure(made.membership, made.protection);
    this.#lane = made.membership.lane;
    this.#bridges = made.bridges;
    this.#epoch = made.epoch;
  }

  mayHold(bridge: number, channel: ChannelId, vlan: Vlan): boolean {
    return this.#membership.mayHold(bridge, channel, vlan);
  }

  sendInto(bridge: number, vlan: Vlan, channel: ChannelId | -1, start: Offset, end: Offset): void {
    const type = this.#view.getUint16(start + 12);
    if (channel < 0) this.#egress.flood(bridge, INSIDE, start, end, UNTAGGED, vlan, type);
    else this.#egress.send(channel, start, end, UNTAGGED, vlan, type);
  }

  /**
   * BR-9: called on every core. False when there is no such bridge or no slot, or the
   * channel does not carry the VLAN.
   */
  addStatic(bridge: number, mac: Mac, vlan: Vlan, channel: ChannelId | -1, now: Millis): boolean {
    if (!this.#membership.mayHold(bridge, channel, vlan)) return false;
    return this.#bridges[bridge]?.addStatic(mac, vlan, channel, now) ?? false;
  }

  /** Called on every core. False when there is no such entry. */
  removeStatic(bridge: number, mac: Mac, vlan: Vlan, now: Millis): boolean {
    return this.#bridges[bridge]?.removeStatic(mac, vlan, now) ?? false;
  }

  /**
   * Flushes the dynamic stations that match, on all cores: called on ONE core, which tells the others. Returns how many
   * this core held.
   */
  clear(filter: ClearFilter, now: Millis): number {
    return clearStations(this.#bridges, filter, now);
  }

  /** The channel lost its link: what was learned there is gone, on all cores. */
  linkDown(channel: ChannelId, now: Millis): void {
    const bridge = this.#membership.bridgeOf[channel] ?? -1;
    this.#bridges[bridge]?.flush(channel, 0, now);
  }

  /** What spanning tree lets a channel do with data frames on this core, from the next frame on (BR-7). */
  setPortState(channel: ChannelId, learns: boolean, forwards: boolean): void {
    if (this.isBridged(channel)) this.#membership.setPortState(channel, learns, forwards);
  }

  /** For virtual routers: which MACs are ours, and who is reached. Another one after each `configure`. */
  get membership(): Membership {
    return this.#membership;
  }

  locate(bridge: number, mac: Mac, vlan: Vlan): ChannelId {
    return locateStation(this.#bridges[bridge], mac, vlan);
  }

  // --- Replicated --------------------------------------------------------------------------------------------------------

  resync(to: CoreId, cursor: number, limit: number): number {
    if (cursor === 0) this.protection.shut.resync(to);
    return resyncSlice(this.#bridges, to, cursor, limit);
  }

  /** Another core is gone: what it told last is told on, should that not have reached all. */
  coreLeft(core: CoreId, now: Millis): void {
    this.#held.forget(core);
    for (const stations of this.#bridges) stations.resync.retell(core, now - LAST_WORDS);
  }

  resyncBegin(from: CoreId): void {
    for (const stations of this.#bridges) stations.resync.begin(from);
  }

  resyncEnd(from: CoreId, _now: Millis, misses: boolean): void {
    for (const stations of this.#bridges) stations.resync.end(from);
    if (misses) this.#held.tell(from);
  }

  summary(): { entries: number; digest: number; version: number } {
    return summaryOf(this.#bridges);
  }

  rows(
    cursor: number,
    limit: number,
    now: Millis,
  ): { rows: Record<string, unknown>[]; next: number } {
    return rowsSlice(this.#bridges, this.#out.core, cursor, limit, now);
  }
}
