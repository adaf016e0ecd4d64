// Spanning tree of one core (BR-7; IEEE 802.1D-2004 clause 17). The link master alone runs the machines (tree.ts);
// every core enforces the port states that the master tells, and says so. A port counts as no longer forwarding when
// every core has acknowledged that it stopped: so nothing is agreed with a neighbour that one of our cores contradicts.

import { Asking } from "../engine/asking.ts";
import type { CommonConfig } from "../engine/config.ts";
import { Drop } from "../engine/drop.ts";
import { EventCode } from "../engine/event.ts";
import type { ChannelSink } from "../engine/inside.ts";
import { Message, Table } from "../engine/message.ts";
import type { Engine, Out, Replicated } from "../engine/out.ts";
import { PortState, type PortStateSink } from "../engine/port-state.ts";
import { Role as CoreRole } from "../engine/role.ts";
import type { ChannelId, CoreId, Millis, Offset, PortId } from "../lib/units.ts";
import { STALL, type StpConfig } from "./config.ts";
import { Incoming } from "./incoming.ts";
import * as message from "./message.ts";
import { send } from "./outgoing.ts";
import { Guard, type Port, Role, type TreeHooks } from "./port.ts";
import {
  allPlaces,
  channelsOf,
  epochOf,
  makeSlot,
  type Place,
  type Plan,
  placesOf,
  planSlot,
  type Slot,
} from "./slots.ts";
import { Telling } from "./telling.ts";
import type { Tree } from "./tree.ts";
import { bridgeRow, portRow, timerRows } from "./view.ts";

const OFF: Millis = -1;

export class Stp implements Engine, Replicated {
  readonly table: number = Table.Stp;
  #slots: readonly Slot[];
  readonly #telling: Telling;
  readonly #out: Out;
  readonly #sink: PortStateSink;
  readonly #channels: ChannelSink;
  readonly #incoming: Incoming;
  #places: (Place | undefined)[] = [];
  #isMaster: boolean;
  /** True when the trees' machines have begun, or were followed. */
  #begun = false;
  #lastTick: Millis = OFF;
  readonly #asking: Asking;
  #now: Millis;

  constructor(
    config: StpConfig,
    common: CommonConfig,
    out: Out,
    sink: PortStateSink,
    channels: ChannelSink,
    now: Millis,
  ) {
    this.#out = out;
    this.#sink = sink;
    this.#channels = channels;
    this.#asking = new Asking(out, this.table, CoreRole.Link);
    this.#incoming = new Incoming(out);
    this.#now = now;
    this.#isMaster = out.master(CoreRole.Link) === out.core;
    this.#telling = new Telling(out, common.channels.length, epochOf(config, common));
    this.#slots = config.bridges.map((bridge) => makeSlot(bridge, this.#hooks()));
    this.#places = placesOf(this.#slots, common);
    this.#enforceAll();
  }

  #enforceAll(): void {
    for (const slot of this.#slots) {
      for (const channel of channelsOf(slot)) {
        const state = slot.tree?.find(channel)?.state ?? PortState.Forwarding;
        this.#sink.setPortState(slot.config.bridge, channel, state, this.#now);
      }
    }
  }

  #hooks(): TreeHooks {
    return {
      enforce: (port, state) => this.#enforce(port, state),
      flush: (port) => {
        port.flushes++;
        this.#telling.sync.want(port.config.channel);
        this.#flushHere(port);
      },
      isSettled: (port) => this.#telling.isSettled(port),
      transmit: (port, kind) => {
        const { tree } = this.#placeOf(port);
        send(this.#out, this.#channels, tree.bridge, port, kind);
      },
      roleChanged: (port, from) => this.#roleOfPort(port, from),
      protocolChanged: (port) => {
        const version = port.sendRSTP ? 2 : 0;
        this.#out.event(EventCode["stp-protocol"], port.config.channel, version, 0, 0);
      },
      guardChanged: (port, guard, shut) => this.#guarded(port, guard, shut),
      topologyChanged: (port, here) => this.#topologyChanged(port, here),
    };
  }

  #placeOf(port: Port): Place {
    return this.#places[port.config.channel] as Place;
  }

  #bridgeOf(port: Port): number {
    return this.#placeOf(port).slot.config.bridge;
  }

  #enforce(port: Port, state: PortState): void {
    if (port.state === state) return;
    const from = port.state;
    const { channel } = port.config;
    port.state = state;
    port.since = this.#now;
    port.counts.transitions++;
    this.#telling.sync.want(channel);
    this.#sink.setPortState(this.#bridgeOf(port), channel, state, this.#now);
    this.#out.event(EventCode["stp-state"], channel, from, state, port.role);
  }

  #flushHere(port: Port): void {
    this.#sink.flushChannel(this.#bridgeOf(port), port.config.channel, this.#now);
  }

  #roleOfPort(port: Port, from: Role): void {
    port.since = this.#now;
    this.#out.event(EventCode["stp-role"], port.config.channel, from, port.role, 0);
  }

  #guarded(port: Port, guard: Guard, shut: boolean): void {
    const from = guard === Guard.Bpdu ? this.#incoming.from : port.portPriority.bridgeAddress;
    this.#out.event(EventCode["stp-guard"], port.config.channel, guard, shut ? 1 : 0, from);
  }

  #topologyChanged(port: Port, here: boolean): void {
    const { slot } = this.#placeOf(port);
    const { channel } = port.config;
    slot.facts.topologyChanges++;
    slot.facts.topologyChangeAt = this.#now;
    slot.facts.topologyChangeChannel = channel;
    port.counts.topologyChanges++;
    const { bridge } = slot.config;
    this.#out.event(EventCode["stp-topology-change"], bridge, channel, here ? 1 : 0, 0);
  }

  // --- frames --------------------------------------------------------------------------------------------------------

  /** True when a spanning tree runs on the channel: its BPDUs are for `receive`. */
  isPort(channel: ChannelId): boolean {
    return this.#places[channel] !== undefined;
  }

  /** On the link master: frames may not leave through the channel, and every core that lives has said that none do. */
  isShut(channel: ChannelId): boolean {
    const port = this.#places[channel]?.port;
    if (port === undefined || port.state === PortState.Forwarding) return false;
    return this.#isMaster && this.#begun && this.#telling.hasSettled(port);
  }

  /** The same of a port that is neither root nor designated: it knows no station (17.31). */
  isOutside(channel: ChannelId): boolean {
    const role = this.#places[channel]?.port.role;
    return role !== Role.Root && role !== Role.Designated && this.isShut(channel);
  }

  /**
   * A frame to 01-80-C2-00-00-00 that arrived on a port of the channel, whatever the channel's state; any core may get
   * it, and hands it to the link master. Consumes it.
   */
  receive(port: PortId, channel: ChannelId, start: Offset, end: Offset, now: Millis): void {
    const place = this.#places[channel];
    if (place === undefined) {
      this.#out.drop(Drop["bpdu-no-stp"]);
      return;
    }
    const master = this.#out.master(CoreRole.Link);
    if (master !== this.#out.core) {
      this.#out.handover(master, port, start, end);
      return;
    }
    this.#wake(now);
    this.#incoming.receive(place.tree, place.port, start, end, now);
    this.#tell(place.slot, now);
  }

  /**
   * A frame to 01-00-0C-CC-CC-CD (PVST+, `bpdu.PVST_GROUP`) on a channel of a bridge: counted and named on the link
   * master. True when the frame was handed there, or is to be dropped; false when it goes on as any group's does.
   */
  pvst(port: PortId, channel: ChannelId, start: Offset, end: Offset, now: Millis): boolean {
    const place = this.#places[channel];
    if (place === undefined) return false;
    const master = this.#out.master(CoreRole.Link);
    if (master !== this.#out.core) {
      this.#out.handover(master, port, start, end);
      return true;
    }
    this.#wake(now);
    const ends = this.#incoming.pvst(place.tree, place.port, start, end, now);
    this.#tell(place.slot, now);
    return ends;
  }

  // --- messages ------------------------------------------------------------------------------------------------------

  message(type: number, from: CoreId, at: Offset, now: Millis): void {
    const { view } = this.#out;
    const place = this.#places[message.channelOf(view, at)];
    if (message.epochOf(view, at) !== this.#telling.epoch || place === undefined) {
      if (!this.#isMaster) this.#asking.later(now);
      return;
    }
    this.#wake(now);
    const { port } = place;
    if (type === Message["stp-ack"]) {
      if (!this.#isMaster) return;
      this.#telling.sync.acknowledged(port.config.channel, from, message.sequenceOf(view, at));
      if (!this.#telling.isSettled(port)) return;
      place.tree.run(now);
      this.#tell(place.slot, now);
      return;
    }
    // Only the master's word counts; one that was master a moment ago is heard no more.
    if (this.#isMaster || from !== this.#out.master(CoreRole.Link)) return;
    this.#follow(place, at, now);
    if (message.wantsAck(view, at)) this.#telling.acknowledge(from, port.config.channel);
  }

  #follow({ slot, port }: Place, at: Offset, now: Millis): void {
    const { view } = this.#out;
    const { channel } = port.config;
    message.readPort(view, at, port, now);
    this.#telling.sync.follow(channel, message.sequenceOf(view, at));
    const state = message.stateOf(view, at);
    if (state !== port.state) {
      port.state = state;
      port.since = now;
      this.#sink.setPortState(slot.config.bridge, channel, state, now);
    }
    const flushes = message.flushesOf(view, at);
    // A core that was never told has learned nothing that it would have to forget.
    if (port.known && flushes !== port.flushes) this.#flushHere(port);
    port.flushes = flushes;
    port.known = true;
    this.#begun = true;
  }

  /** Tells every other core what changed since the last time: one message for each port and core. */
  #tell(slot: Slot, now: Millis): void {
    const { tree } = slot;
    if (tree === null || !this.#isMaster) return;
    this.#tellRoot(slot, tree);
    this.#telling.tell(tree, now);
  }

  #tellRoot(slot: Slot, tree: Tree): void {
    const { rootPriority, rootPort } = tree.bridge;
    const { root } = slot;
    if (!this.#begun) return;
    const { rootPriority: priority, rootAddress: address } = rootPriority;
    if (priority === root.priority && address === root.address) return;
    slot.root = { priority, address };
    const towards = rootPort === null ? -1 : rootPort.config.channel;
    this.#out.event(EventCode["stp-root"], slot.config.bridge, priority, address, towards);
  }

  // --- timers, roles, links ------------------------------------------------------------------------------------------

  tick(now: Millis): void {
    this.#wake(now);
    if (this.#isMaster) {
      for (const slot of this.#slots) this.#tickSlot(slot, now);
    } else this.#asking.tick(now);
  }

  #tickSlot(slot: Slot, now: Millis): void {
    const { tree } = slot;
    if (tree === null) return;
    if (now >= tree.due) {
      tree.run(now);
      this.#tell(slot, now);
    }
    if (this.#out.cores === 1) return;
    for (const port of tree.ports) {
      if (!this.#telling.resend(port, now)) continue;
      tree.run(now);
      this.#tell(slot, now);
    }
  }

  roleChanged(now: Millis): void {
    this.#wake(now);
  }

  /** Before anything else: who is the master, whether the loop slept, whether the machines have begun. */
  #wake(now: Millis): void {
    this.#now = now;
    const slept = this.#lastTick === OFF ? 0 : now - this.#lastTick;
    this.#lastTick = now;
    this.#checkRole(now);
    if (!this.#isMaster) return;
    if (!this.#begun) {
      this.#begun = true;
      // Another core may have been the master before, and this one never told.
      for (const { port } of allPlaces(this.#places)) this.#telling.sync.want(port.config.channel);
      for (const { tree } of this.#slots) tree?.begin(now);
      for (const slot of this.#slots) this.#tell(slot, now);
    } else if (slept > STALL) {
      for (const { tree } of this.#slots) tree?.forgive(slept, now);
    }
  }

  #checkRole(now: Millis): void {
    const isMaster = this.#out.master(CoreRole.Link) === this.#out.core;
    if (isMaster === this.#isMaster) return;
    this.#isMaster = isMaster;
    this.#telling.newMaster();
    if (!isMaster || !this.#begun) return;
    this.#asking.cease();
    for (const slot of this.#slots) {
      const { tree } = slot;
      if (tree === null) continue;
      for (const port of tree.ports) this.#telling.sync.want(port.config.channel);
      tree.takeOver(now);
      const { rootPriority: priority, rootAddress: address } = tree.bridge.rootPriority;
      slot.root = { priority, address };
      this.#tell(slot, now);
    }
  }

  /**
   * On every core: a channel can send from now on or can no longer, or its speed changed (the sum of the members that
   * are up, Mbit/s; 0 = unknown). Channels start down.
   */
  linkChanged(channel: ChannelId, up: boolean, speed: number, now: Millis): void {
    const place = this.#places[channel];
    if (place === undefined) return;
    const { slot, tree, port } = place;
    if (port.link === up && port.speed === speed) return;
    this.#wake(now);
    if (!this.#isMaster) {
      port.link = up;
      port.speed = speed;
      return;
    }
    tree.linkChanged(port, up, speed, now);
    this.#tell(slot, now);
  }

  /** An operator: forget what BPDU guard shut, and look for RSTP neighbours anew (mcheck, 17.19.13). On every core. */
  clear(channel: ChannelId, now: Millis): void {
    const place = this.#places[channel];
    if (place === undefined) return;
    this.#wake(now);
    if (!this.#isMaster) return;
    place.tree.clear(place.port, now);
    this.#tell(place.slot, now);
  }

  // --- configuration -------------------------------------------------------------------------------------------------

  /**
   * On every core. Channels that stay as they were go on undisturbed; new ones start discarding, their links down until
   * `linkChanged`.
   */
  configure(config: StpConfig, common: CommonConfig, now: Millis): void {
    this.#wake(now);
    const epoch = epochOf(config, common);
    if (epoch === this.#telling.epoch) {
      this.#enforceAll();
      return;
    }
    this.#telling.renew(common.channels.length, epoch);
    const plans = config.bridges.map((bridge) =>
      planSlot(bridge, this.#slots, common, this.#hooks()),
    );
    this.#slots = plans.map(({ slot }) => slot);
    this.#places = placesOf(this.#slots, common);
    for (const plan of plans) {
      if (this.#isMaster) this.#begin(plan, now);
      else plan.slot.tree?.bridge.parameters(plan.slot.config);
    }
    if (!this.#isMaster && plans.length > 0) this.#asking.soon(now);
    this.#enforceAll();
  }

  #begin({ slot, isNew, was }: Plan, now: Millis): void {
    const { tree, config } = slot;
    if (tree === null) return;
    for (const port of tree.ports) this.#telling.sync.want(port.config.channel);
    if (isNew) tree.begin(now);
    else tree.configure(config, was, now);
    this.#tell(slot, now);
  }

  // --- Replicated ----------------------------------------------------------------------------------------------------

  resync(to: CoreId, cursor: number, limit: number, now: Millis): number {
    if (!this.#isMaster) return -1;
    const places = allPlaces(this.#places);
    const last = Math.min(places.length, cursor + limit);
    for (const { port } of places.slice(cursor, last)) this.#telling.tellOne(to, port, now);
    return last < places.length ? last : -1;
  }

  resyncBegin(): void {
    this.#asking.cease();
  }

  resyncEnd(): void {}

  /** Over what must be equal on every core: each port's state and role. */
  summary(): { entries: number; digest: number; version: number } {
    let entries = 0;
    let digest = 0;
    let version = 0;
    for (const { port } of allPlaces(this.#places)) {
      const { channel } = port.config;
      entries++;
      digest ^= Math.imul(((channel << 8) | (port.role << 4) | port.state) + 1, 0x9e3779b1);
      version += this.#telling.sync.sequence(channel);
    }
    return { entries, digest, version };
  }

  rows(
    cursor: number,
    limit: number,
    now: Millis,
  ): { rows: Record<string, unknown>[]; next: number } {
    const all = this.#slots.flatMap(({ config, tree, facts }) => [
      bridgeRow(config, tree, facts, this.#isMaster, now),
      ...(tree?.ports ?? []).map((port) =>
        portRow(tree as Tree, port, this.#isMaster, this.#telling.hasSettled(port), now),
      ),
    ]);
    const last = cursor + limit;
    return { rows: all.slice(cursor, last), next: last < all.length ? last : -1 };
  }

  /** What is due on the master: rows {timer, subject, due-ms, period-ms}. */
  timers(now: Millis): Record<string, unknown>[] {
    if (!this.#isMaster) return [];
    return this.#slots.flatMap(({ tree }) => (tree === null ? [] : timerRows(tree, now)));
  }

  /** Times that machines did not come to rest: 0, or a fault of ours. */
  get restless(): number {
    return this.#slots.reduce((sum, { tree }) => sum + (tree?.restless ?? 0), 0);
  }
}
