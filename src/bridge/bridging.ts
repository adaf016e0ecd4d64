// The bridge engine of one core: every frame of a bridged channel in the order of BR-2, VLAN tags by BR-6, and the
// doors for messages, timers, people and `show`. What is known of stations is learning.ts; who carries which VLAN is
// membership.ts.

import type { CommonConfig } from "../engine/config.ts";
import { Drop } from "../engine/drop.ts";
import { MIN_FRAME } from "../engine/frame.ts";
import type { ChannelSink, Inside } from "../engine/inside.ts";
import { Message, Table } from "../engine/message.ts";
import type { Engine, Out, Replicated, Stations } from "../engine/out.ts";
import { Role } from "../engine/role.ts";
import type { ChannelId, CoreId, Mac, Millis, Offset, PortId, Vlan } from "../lib/units.ts";
import { EtherType } from "../wire/ethernet.ts";
import * as tag from "../wire/vlan.ts";
import { Clock } from "./clock.ts";
import type { BridgingConfig } from "./config.ts";
import { BRIDGE_COUNTERS, BridgeCounter } from "./counters.ts";
import { Egress, INSIDE, UNTAGGED } from "./egress.ts";
import { learnOnly } from "./learn-only.ts";
import type { Learning } from "./learning.ts";
import { Lane, type Membership } from "./membership.ts";
import * as message from "./message.ts";
import type { Muting } from "./muting.ts";
import { reconfigure } from "./reconfigure.ts";
import { resyncSlice, rowsSlice } from "./replication.ts";
import { CHANNEL_MASK, Flag, highOf, lowOf, makeKey } from "./table.ts";

/** 01-80-C2-00-00-0X, never relayed (IEEE 802.1D-2004 7.12.6), in the two parts of a MAC. */
const RESERVED_HIGH = 0x0180;
const RESERVED_LOW: number = 0xc2000000 | 0;
const BPDU = 0;
const SLOW = 2;
/** 01-00-0C-CC-CC-CD, where PVST+ sends its BPDUs, in the two parts of a MAC. */
const PVST_HIGH = 0x0100;
const PVST_LOW = 0x0ccc_cccd;

/** What a lookup of the source compares: on this channel, in use, seen here. Then nothing changes, nothing is told. */
const STEADY: number = CHANNEL_MASK | Flag.InUse | Flag.Own;

const isArp = (type: number): boolean => type === EtherType.Arp || type === EtherType.Rarp;

/** A peer with another configuration is asked for its table this often until both agree: our choice. */
const ASK_AGAIN: Millis = 1000;

/** What `clear` flushes: what all given fields match. */
export interface ClearFilter {
  readonly bridge?: number | undefined;
  readonly vlan?: Vlan | undefined;
  readonly channel?: ChannelId | undefined;
  readonly mac?: Mac | undefined;
}

export class Bridging implements Engine, Replicated, Stations {
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
  #lane: Int32Array;
  #bridges: readonly Learning[];
  /** A number for the configuration: messages of another one name other channels. */
  #epoch: number;
  #config: BridgingConfig;
  #common: CommonConfig;
  /** Peers whose messages could not be used; when to ask them for their table. */
  #missed: CoreId[] = [];
  #askAt: Millis = 0;

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
    this.#config = config;
    this.#common = common;
    const made = reconfigure(null, config, common, out, this.#clock, this.counters, 0);
    this.#membership = made.membership;
    this.#egress = new Egress(out, channels, inside, this.counters, made.membership);
    this.#muting = made.muting;
    this.#lane = made.membership.lane;
    this.#bridges = made.bridges;
    this.#epoch = made.epoch;
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
      this.#receiveReserved(toLow & 15, port, channel, start, end, now);
      return;
    }
    const lane = this.#lane[channel] ?? Lane.Closed;
    if (lane < 0) {
      this.#receiveClosed(channel, lane, port, start, end, now);
      return;
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
    if (from < 0) this.#learn(stations, fromLow, makeKey(fromHigh, vlan), channel, iface, now);
    else if ((table.meta(from) & STEADY) !== (channel | Flag.InUse | Flag.Own)) {
      stations.seen(from, channel, now);
    }
    if (iface >= 0 || (toHigh & 0x100) !== 0) {
      if (
        toHigh === PVST_HIGH &&
        toLow === PVST_LOW &&
        this.#isPvst(port, channel, start, end, now)
      )
        return;
      if (this.#goesInside(iface, channel, start, end, tci, vlan, type, now)) return;
    }
    const to = table.find(toLow, makeKey(toHigh, vlan));
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
      this.#egress.spread(arp ? -1 : iface, channel, start, end, tci, vlan, type, now);
      return true;
    }
    const mine = this.#membership.findInterface(iface, toHigh, view.getInt32(start + 2));
    if (mine < 0) return false;
    this.#egress.deliver(mine, channel, start, end, tci, type, now);
    return true;
  }

  /** Groups that end at a bridge: link aggregation takes its own here (class LAG), the rest ends (class DROP). */
  #receiveReserved(
    group: number,
    port: PortId,
    channel: ChannelId,
    start: Offset,
    end: Offset,
    now: Millis,
  ): void {
    if (group === BPDU) {
      if (this.#inside.bpdu === undefined) this.#out.drop(Drop["bpdu-no-stp"]);
      else this.#inside.bpdu(port, channel, start, end, now);
    } else if (group === SLOW && this.#view.getUint16(start + 12) === EtherType.Slow) {
      if (this.#inside.slow === undefined) this.#out.drop(Drop["lacp-no-channel"]);
      else this.#inside.slow(port, start, end, now);
    } else this.#out.drop(Drop["reserved-group"]);
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
    if (iface >= 0 && this.#membership.findInterface(iface, key & 0xffff, low) >= 0) return;
    stations.learn(low, key, channel, now);
  }

  /** An untagged frame from inside, through an interface that is on a bridge. */
  output(iface: number, start: Offset, end: Offset, _now: Millis): void {
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
    const { table } = stations;
    const to =
      (toHigh & 0x100) === 0 ? table.find(view.getInt32(start + 2), makeKey(toHigh, vlan)) : -1;
    if (to < 0) this.#egress.flood(bridge, INSIDE, start, end, UNTAGGED, vlan, type);
    else this.#forward(table.meta(to) & CHANNEL_MASK, INSIDE, start, end, UNTAGGED, vlan, type);
  }

  // --- messages and timers -----------------------------------------------------------------------------------------

  message(type: number, from: CoreId, at: Offset, now: Millis): void {
    const view = this.#view;
    const stations = this.#bridges[message.bridge(view, at)];
    const version = message.version(view, at);
    if (message.epoch(view, at) !== this.#epoch || stations === undefined) {
      this.#clock.witness(version);
      this.#miss(from, now);
      return;
    }
    const low = message.macLow(view, at);
    const key = makeKey(message.macHigh(view, at), message.vlan(view, at));
    const kind = message.kind(view, at);
    const channel = message.channel(view, at);
    if (type === Message["bridge-learn"])
      stations.applyLearn(low, key, channel, version, from, now);
    else if (kind === message.Delete.Flush) {
      stations.applyFlush(channel, message.vlan(view, at), version);
    } else if (kind === message.Delete.Pair) stations.applyPairFlush(channel, version);
    else stations.applyDelete(low, key, kind, version, now);
  }

  /** A peer runs another configuration for now; its table is asked for when both should agree. */
  #miss(from: CoreId, now: Millis): void {
    if (this.#missed.includes(from)) return;
    if (this.#missed.length === 0) this.#askAt = now + ASK_AGAIN;
    this.#missed.push(from);
  }

  tick(now: Millis): void {
    for (let n = 0; n < this.#bridges.length; n++) (this.#bridges[n] as Learning).tick(now);
    this.#muting.tick(now);
    if (this.#missed.length === 0 || now < this.#askAt) return;
    for (const peer of this.#missed) {
      const at = this.#out.draft(Message["resync-ask"]);
      this.#view.setUint16(at + 2, Table.Bridge);
      this.#out.send(peer);
    }
    this.#missed = [];
  }

  /** The ageing timer of every bridge, as `show timers` prints it. */
  timers(now: Millis): Record<string, unknown>[] {
    return this.#bridges.map((stations, index) => {
      const { due, period } = stations.timer(now);
      const subject = this.#config.bridges[index]?.name ?? "";
      return { timer: "bridge-ageing", subject, "due-ms": due, "period-ms": period };
    });
  }

  // --- people and the control core -----------------------------------------------------------------------------------

  /** Takes over a configuration. Stations stay, except where their channel or VLAN is gone. */
  configure(config: BridgingConfig, common: CommonConfig, now: Millis): void {
    const before = {
      config: this.#config,
      common: this.#common,
      bridges: this.#bridges,
      muting: this.#muting,
      membership: this.#membership,
    };
    const made = reconfigure(before, config, common, this.#out, this.#clock, this.counters, now);
    this.#config = config;
    this.#common = common;
    this.#membership = made.membership;
    this.#egress.configure(made.membership);
    this.#muting = made.muting;
    this.#lane = made.membership.lane;
    this.#bridges = made.bridges;
    this.#epoch = made.epoch;
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
    const { bridge = -1, vlan = 0, channel = -1, mac = -1 } = filter;
    let count = 0;
    for (const stations of this.#bridges) {
      if (bridge >= 0 && stations.index !== bridge) continue;
      count += stations.clear(mac, vlan, channel, now);
    }
    return count;
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

  /** The virtual MACs that frames are taken for from now on (VR-4); each core hears of them by itself. */
  setVirtual(macs: readonly { readonly iface: number; readonly mac: Mac }[]): void {
    this.#membership.setVirtual(macs);
  }

  /** True when a channel of the interface's VLAN can carry frames. */
  isReached(iface: number, isUp: (channel: ChannelId) => boolean): boolean {
    return this.#membership.isReached(iface, isUp);
  }

  locate(bridge: number, mac: Mac, vlan: Vlan): ChannelId {
    const stations = this.#bridges[bridge];
    if (stations === undefined) return -1;
    const slot = stations.table.find(lowOf(mac), makeKey(highOf(mac), vlan));
    const channel = slot < 0 ? message.NO_CHANNEL : stations.table.meta(slot) & CHANNEL_MASK;
    return channel === message.NO_CHANNEL ? -1 : channel;
  }

  // --- Replicated --------------------------------------------------------------------------------------------------------

  resync(to: CoreId, cursor: number, limit: number): number {
    return resyncSlice(this.#bridges, to, cursor, limit);
  }

  resyncBegin(from: CoreId): void {
    for (const stations of this.#bridges) stations.resync.begin(from);
  }

  resyncEnd(from: CoreId): void {
    for (const stations of this.#bridges) stations.resync.end(from);
  }

  summary(): { entries: number; digest: number; version: number } {
    let entries = 0;
    let digest = 0;
    let version = 0;
    for (const { table, index } of this.#bridges) {
      table.reclaim();
      entries += table.entries;
      digest = (digest + Math.imul(table.digest, 2 * index + 1)) >>> 0;
      version = Math.max(version, table.newest);
    }
    return { entries, digest, version };
  }

  rows(
    cursor: number,
    limit: number,
    now: Millis,
  ): { rows: Record<string, unknown>[]; next: number } {
    return rowsSlice(this.#bridges, this.#out.core, cursor, limit, now);
  }
}
