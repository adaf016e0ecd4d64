// The bridge engine of one core: every frame of a bridged channel in the order of BR-2, VLAN tags by BR-6, and the doors
// for messages, timers, people and `show`. What is known of stations is learning.ts; who carries which VLAN is
// membership.ts.

import type { CommonConfig } from "../engine/config.ts";
import { Drop } from "../engine/drop.ts";
import { MIN_FRAME, OFFLOAD } from "../engine/frame.ts";
import type { ChannelSink, Inside } from "../engine/inside.ts";
import { Message, Table } from "../engine/message.ts";
import type { Engine, Out, Replicated, Stations } from "../engine/out.ts";
import { Role } from "../engine/role.ts";
import type { ChannelId, CoreId, Mac, Millis, Offset, Vlan } from "../lib/units.ts";
import { EtherType } from "../wire/ethernet.ts";
import * as tag from "../wire/vlan.ts";
import { Clock } from "./clock.ts";
import type { BridgingConfig } from "./config.ts";
import { BRIDGE_COUNTERS, BridgeCounter } from "./counters.ts";
import type { Learning } from "./learning.ts";
import type { Membership } from "./membership.ts";
import * as message from "./message.ts";
import { Gate, type Muting } from "./muting.ts";
import { reconfigure } from "./reconfigure.ts";
import { resyncSlice, rowsSlice } from "./replication.ts";
import { CHANNEL_MASK, Flag, highOf, lowOf, makeKey } from "./table.ts";

/** 01-80-C2-00-00-0X, never relayed (IEEE 802.1D-2004 7.12.6), in the two parts of a MAC. */
const RESERVED_HIGH = 0x0180;
const RESERVED_LOW: number = 0xc2000000 | 0;
const BPDU = 0;
const SLOW = 2;

/** No tag on the frame. */
const UNTAGGED = -1;
/** A frame from inside: no channel to spare in a flood. */
const INSIDE = -1;
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
  readonly #sink: ChannelSink;
  readonly #inside: Inside;
  readonly #clock: Clock;
  #membership: Membership;
  #muting: Muting;
  #gate: Uint8Array;
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
    this.#sink = channels;
    this.#inside = inside;
    this.#clock = new Clock(out.core);
    this.#config = config;
    this.#common = common;
    const made = reconfigure(null, config, common, out, this.#clock, this.counters, 0);
    this.#membership = made.membership;
    this.#muting = made.muting;
    this.#gate = made.muting.gate;
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
  receive(channel: ChannelId, start: Offset, end: Offset, now: Millis): void {
    const view = this.#view;
    if (end - start < MIN_FRAME) {
      this.#out.drop(Drop.runt);
      return;
    }
    const toHigh = view.getUint16(start);
    const toLow = view.getInt32(start + 2);
    if (toHigh === RESERVED_HIGH && (toLow & ~15) === RESERVED_LOW) {
      this.#receiveReserved(toLow & 15, start);
      return;
    }
    if (this.#gate[channel] !== Gate.Open) {
      this.#out.drop(this.isBridged(channel) ? Drop.muted : Drop["port-unattached"]);
      return;
    }
    let type = view.getUint16(start + 12);
    let tci = UNTAGGED;
    if (type === EtherType.Vlan) {
      if (end - start < MIN_FRAME + tag.LENGTH) {
        this.#out.drop(Drop.runt);
        return;
      }
      tci = view.getUint16(start + 14);
      type = view.getUint16(start + 16);
    }
    const vlan = this.#classify(channel, tci);
    if (vlan < 0) return;
    const bridge = this.#membership.bridgeOf[channel] as number;
    const iface = this.#membership.firstInterface[(bridge << 12) | vlan] as number;
    const isArp = iface >= 0 && (type === EtherType.Arp || type === EtherType.Rarp);
    if (isArp && this.#handOver(channel, start, end)) return;

    const fromHigh = view.getUint16(start + 6);
    const fromLow = view.getInt32(start + 8);
    if ((fromHigh & 0x100) !== 0 || (fromHigh | fromLow) === 0) {
      this.#out.drop(Drop["source-group"]);
      return;
    }
    const stations = this.#bridges[bridge] as Learning;
    const { table } = stations;
    const key = makeKey(fromHigh, vlan);
    const slot = table.find(fromLow, key);
    if (slot < 0) this.#learn(stations, fromLow, key, channel, iface, now);
    else {
      // One comparison for "on this channel, in use, seen here": the steady state, which costs nothing more.
      const meta = table.meta(slot);
      const steady = channel | Flag.InUse | Flag.Own;
      if (
        (meta & (CHANNEL_MASK | Flag.InUse | Flag.Own)) !== steady &&
        (meta & Flag.Static) === 0
      ) {
        stations.seen(slot, channel, now);
      }
    }
    if (isArp && this.#resolve(iface, channel, start, start + (tci < 0 ? 14 : 18), end, now))
      return;
    if ((toHigh & 0x100) === 0) {
      this.#forward(stations, channel, start, end, tci, vlan, type, now);
      return;
    }
    const copies =
      iface >= 0 && !isArp ? this.#copyInside(iface, channel, start, end, tci, type, now) : 0;
    this.#flood(bridge, channel, start, end, tci, vlan, type, copies);
  }

  /** Groups that end at a bridge. Spanning tree and link aggregation will take theirs here, by class DROP and LAG. */
  #receiveReserved(group: number, start: Offset): void {
    if (group === BPDU) this.#out.drop(Drop["bpdu-no-stp"]);
    else if (group === SLOW && this.#view.getUint16(start + 12) === EtherType.Slow) {
      this.#out.drop(Drop["lacp-no-channel"]);
    } else this.#out.drop(Drop["reserved-group"]);
  }

  /** The VLAN of a frame by its tag and channel (ingress filter), or -1 when it was dropped. */
  #classify(channel: ChannelId, tci: number): Vlan | -1 {
    const members = this.#membership;
    const own = members.untagged[channel] as number;
    const id = tci & 0xfff;
    if (tci < 0 || id === 0) {
      if (own > 0) return own;
      this.#out.drop(Drop["vlan-filtered"]);
      return -1;
    }
    if (id === own) return id;
    if (id === tag.VID_RESERVED) this.#out.drop(Drop["vlan-reserved"]);
    else if (members.access[channel] === 1) this.#out.drop(Drop["vlan-tagged-on-access"]);
    else if (members.carries(channel, id)) return id;
    else this.#out.drop(Drop["vlan-filtered"]);
    return -1;
  }

  /** ARP where the appliance has an interface belongs to one core (ARP-2), which then also learns from it. */
  #handOver(channel: ChannelId, start: Offset, end: Offset): boolean {
    const master = this.#out.master(Role.Arp);
    if (master === this.#out.core) return false;
    this.#count(BridgeCounter.HandedOver);
    this.#out.handover(master, this.#membership.port[channel] as number, start, end);
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

  /** A frame to one station: inside, to a channel, nowhere, or, when the station is unknown, everywhere. */
  #forward(
    stations: Learning,
    channel: ChannelId,
    start: Offset,
    end: Offset,
    tci: number,
    vlan: Vlan,
    type: number,
    now: Millis,
  ): void {
    const view = this.#view;
    const toHigh = view.getUint16(start);
    const toLow = view.getInt32(start + 2);
    const first = this.#membership.firstInterface[(stations.index << 12) | vlan] as number;
    if (first >= 0 && channel !== INSIDE) {
      const iface = this.#membership.findInterface(first, toHigh, toLow);
      if (iface >= 0) {
        this.#deliver(iface, channel, start, end, tci, type, now);
        return;
      }
    }
    const slot = stations.table.find(toLow, makeKey(toHigh, vlan));
    if (slot < 0) {
      this.#flood(stations.index, channel, start, end, tci, vlan, type, 0);
      return;
    }
    const target = stations.table.meta(slot) & CHANNEL_MASK;
    if (target === channel) this.#out.drop(Drop["same-channel"]);
    else if (target === message.NO_CHANNEL) this.#out.drop(Drop["static-drop"]);
    else if (!this.#membership.carries(target, vlan)) this.#out.drop(Drop["vlan-filtered"]);
    else this.#send(target, start, end, tci, vlan, type);
  }

  /** Sends a frame that nobody else needs, its tag made what the channel wants. */
  #send(
    target: ChannelId,
    start: Offset,
    end: Offset,
    tci: number,
    vlan: Vlan,
    type: number,
  ): void {
    const view = this.#view;
    let from = start;
    if (this.#membership.untagged[target] === vlan) {
      if (tci >= 0) {
        if (type === EtherType.Vlan) {
          this.#out.drop(Drop["vlan-double-tag"]);
          return;
        }
        from = tag.remove(view, start);
      }
    } else if (tci < 0) from = tag.insert(view, start, vlan, EtherType.Vlan);
    else if ((tci & 0xfff) !== vlan) tag.setTci(view, start, (tci & 0xf000) | vlan);
    if (this.#sink.send(target, from, end)) this.#count(BridgeCounter.Forwarded);
    else this.#out.drop(Drop["channel-down"]);
  }

  /** Gives a frame to an interface; nobody else needs it. */
  #deliver(
    iface: number,
    channel: ChannelId,
    start: Offset,
    end: Offset,
    tci: number,
    type: number,
    now: Millis,
  ): void {
    if (tci >= 0 && type === EtherType.Vlan) {
      this.#out.drop(Drop["vlan-double-tag"]);
      return;
    }
    this.#count(BridgeCounter.Local);
    this.#inside.deliver(iface, channel, tci < 0 ? start : tag.remove(this.#view, start), end, now);
  }

  /** Gives a copy to every interface on the VLAN, from `first` on; returns how many. */
  #copyInside(
    first: number,
    channel: ChannelId,
    start: Offset,
    end: Offset,
    tci: number,
    type: number,
    now: Millis,
  ): number {
    if (tci >= 0 && type === EtherType.Vlan) return 0;
    let copies = 0;
    for (let iface = first; iface >= 0; iface = this.#membership.nextInterface[iface] as number) {
      const copy = this.#copy(start, end);
      if (copy < 0) break;
      const last = copy + end - start;
      this.#deliver(iface, channel, copy, last, tci, type, now);
      copies++;
    }
    return copies;
  }

  /** The frame once more, with its offload header and room for a tag before it; -1 when no buffer is left (counted). */
  #copy(start: Offset, end: Offset): Offset {
    const copy = this.#out.scratch(end - start);
    if (copy >= 0) this.#out.bytes.copyWithin(copy - OFFLOAD, start - OFFLOAD, end);
    return copy;
  }

  /** To all channels of the VLAN but `source`: at most two forms of the frame, tagged and untagged. */
  #flood(
    bridge: number,
    source: ChannelId | typeof INSIDE,
    start: Offset,
    end: Offset,
    tci: number,
    vlan: Vlan,
    type: number,
    copies: number,
  ): void {
    const members = this.#membership.members[bridge] as Int16Array;
    let plain = 0;
    let tagged = 0;
    for (let n = 0; n < members.length; n++) {
      const target = members[n] as number;
      if (target === source || !this.#membership.carries(target, vlan)) continue;
      if (!this.#sink.isUp(target)) continue;
      if (this.#membership.untagged[target] === vlan) plain++;
      else tagged++;
    }
    if (plain > 0 && tci >= 0 && type === EtherType.Vlan) {
      // An inner tag must not become the only one: the frame would change VLAN behind the appliance.
      plain = 0;
      this.#out.drop(Drop["vlan-double-tag"]);
      if (tagged === 0) return;
    }
    if (plain + tagged === 0) {
      if (copies === 0) this.#out.drop(Drop["no-destination-channel"]);
      return;
    }
    this.#count(BridgeCounter.Flooded);
    const view = this.#view;
    let other = start;
    if (plain > 0 && tagged > 0) other = this.#copy(start, end);
    const otherEnd = other + end - start;
    if (tci < 0) {
      if (plain > 0) this.#sendAll(members, source, vlan, true, start, end);
      if (tagged === 0 || other < 0) return;
      this.#sendAll(
        members,
        source,
        vlan,
        false,
        tag.insert(view, other, vlan, EtherType.Vlan),
        otherEnd,
      );
      return;
    }
    if ((tci & 0xfff) !== vlan) tag.setTci(view, start, (tci & 0xf000) | vlan);
    if (tagged > 0) this.#sendAll(members, source, vlan, false, start, end);
    if (plain > 0 && other >= 0) {
      this.#sendAll(members, source, vlan, true, tag.remove(view, other), otherEnd);
    }
  }

  /** One form of a flooded frame to the channels that want it. */
  #sendAll(
    members: Int16Array,
    source: ChannelId | typeof INSIDE,
    vlan: Vlan,
    plain: boolean,
    start: Offset,
    end: Offset,
  ): void {
    for (let n = 0; n < members.length; n++) {
      const target = members[n] as number;
      if (target === source || !this.#membership.carries(target, vlan)) continue;
      if ((this.#membership.untagged[target] === vlan) === plain)
        this.#sink.send(target, start, end);
    }
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
    const type = this.#view.getUint16(start + 12);
    if ((this.#view.getUint16(start) & 0x100) === 0) {
      this.#forward(stations, INSIDE, start, end, UNTAGGED, vlan, type, now);
    } else this.#flood(bridge, INSIDE, start, end, UNTAGGED, vlan, type, 0);
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

  // --- people and the control core -----------------------------------------------------------------------------------

  /** Takes over a configuration. Stations stay, except where their channel or VLAN is gone. */
  configure(config: BridgingConfig, common: CommonConfig, now: Millis): void {
    const before = {
      config: this.#config,
      common: this.#common,
      bridges: this.#bridges,
      muting: this.#muting,
    };
    const made = reconfigure(before, config, common, this.#out, this.#clock, this.counters, now);
    this.#config = config;
    this.#common = common;
    this.#membership = made.membership;
    this.#muting = made.muting;
    this.#gate = made.muting.gate;
    this.#bridges = made.bridges;
    this.#epoch = made.epoch;
  }

  /** BR-9: called on every core. False when there is no such bridge or no slot. */
  addStatic(bridge: number, mac: Mac, vlan: Vlan, channel: ChannelId | -1, now: Millis): boolean {
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

  resyncBegin(from: CoreId, now: Millis): void {
    for (const stations of this.#bridges) stations.resyncBegin(from, now);
  }

  resyncEnd(from: CoreId): void {
    for (const stations of this.#bridges) stations.resyncEnd(from);
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
