// Multicast snooping of one core (BR-8, RFC 4541). Every core keeps the group table and sends data by it; what hosts
// and routers say goes to the link master, which changes the table (master.ts) and tells all of each change. Without a
// querier nothing is limited: multicast floods.

import { Asking } from "../engine/asking.ts";
import type { CommonConfig } from "../engine/config.ts";
import { Drop } from "../engine/drop.ts";
import { type GroupForwarding, type GroupPorts, Route } from "../engine/groups.ts";
import { Message, Table } from "../engine/message.ts";
import type { Engine, Out, Replicated } from "../engine/out.ts";
import { Role } from "../engine/role.ts";
import { Buckets } from "../lib/token-buckets.ts";
import type { ChannelId, CoreId, Millis, Offset, Vlan } from "../lib/units.ts";
import { makeVersion, sequenceOf } from "../lib/version.ts";
import { EtherType } from "../wire/ethernet.ts";
import * as igmp from "../wire/igmp.ts";
import * as ipv4 from "../wire/ipv4.ts";
import * as ipv6 from "../wire/ipv6.ts";
import {
  MAX_DOMAINS,
  REPORT_RATE,
  type SnoopBridgeConfig,
  type SnoopChannelConfig,
  type SnoopConfig,
} from "./config.ts";
import { isControl4, isControl6 } from "./control.ts";
import { Master, type MasterHooks } from "./master.ts";
import * as message from "./message.ts";
import { isLinkScope4, isLinkScope6, read4, read6 } from "./reads.ts";
import { Speaker } from "./speaker.ts";
import {
  bridgeOf,
  Family,
  familyOf,
  GroupTable,
  Kind,
  makeScope,
  RouterFlag,
  Slot,
  vlanOf,
} from "./table.ts";
import { rowOf } from "./view.ts";

/** Versions count sixteenths of a millisecond, of each core by itself. */
const STEPS = 16;

export class Snoop implements Engine, Replicated, GroupForwarding, MasterHooks {
  readonly table: number = Table.Groups;
  allowed: Int32Array = new Int32Array(1);
  groups: GroupTable;
  /** Null on the other cores. */
  master: Master | null = null;
  readonly #out: Out;
  readonly #ports: GroupPorts;
  readonly #speaker: Speaker;
  readonly #rates: Buckets;
  #config: SnoopConfig;
  #bridges: (SnoopBridgeConfig | undefined)[] = [];
  #channels: (SnoopChannelConfig | undefined)[] = [];
  #epoch = 0;
  #steps = 0;
  readonly #asking: Asking;
  /** Of the re-sync under way: the core that sends, and the newest version when it began. */
  #resyncFrom = -1;
  #named: Uint8Array = new Uint8Array(0);

  constructor(config: SnoopConfig, common: CommonConfig, out: Out, ports: GroupPorts) {
    this.#out = out;
    this.#ports = ports;
    this.#asking = new Asking(out, this.table, Role.Link);
    this.#speaker = new Speaker(out, ports, common);
    this.#rates = new Buckets(common.channels.length, REPORT_RATE);
    this.#config = config;
    this.groups = this.#take(config, common);
  }

  /** Takes over the configuration's numbers; returns a table for them. */
  #take(config: SnoopConfig, common: CommonConfig): GroupTable {
    this.#config = config;
    const bridges = Math.max(0, ...config.bridges.map(({ bridge }) => bridge + 1));
    const channels = common.channels.length;
    this.#bridges = Array.from({ length: bridges }, (_, index) =>
      config.bridges.find(({ bridge }) => bridge === index),
    );
    this.#channels = new Array<SnoopChannelConfig | undefined>(channels).fill(undefined);
    let capacity = 0;
    for (const bridge of config.bridges) {
      capacity += bridge.maxGroups;
      for (const channel of bridge.channels) this.#channels[channel.channel] = channel;
    }
    const names = common.channels.map(({ name }) => name);
    this.#epoch = hash(JSON.stringify([names, config.bridges.map(({ bridge }) => bridge)]));
    if (capacity > 0) capacity += MAX_DOMAINS;
    const table = new GroupTable(capacity, channels, bridges, this.#epoch);
    this.allowed = new Int32Array(table.words);
    this.#named = new Uint8Array(capacity);
    return table;
  }

  // --- the frame's way
  // -------------------------------------------------------------------------------------------------

  route(
    bridge: number,
    channel: ChannelId | -1,
    vlan: Vlan,
    at: Offset,
    end: Offset,
    type: number,
    now: Millis,
  ): Route {
    const config = this.#bridges[bridge];
    if (config === undefined) return Route.Flood;
    const { view } = this.#out;
    if (type === EtherType.Ipv4) {
      if (!config.igmp || end - at < ipv4.LENGTH) return Route.Flood;
      const scope = makeScope(bridge, vlan, Family.Ipv4);
      if (isControl4(view, at)) return this.#control(scope, channel, at, end, now);
      const to = view.getInt32(at + 16);
      if (to >>> 28 !== 14 || isLinkScope4(to)) return Route.Flood;
      return this.#byGroup(config, scope, 0, 0, 0, to);
    }
    if (type !== EtherType.Ipv6 || !config.mld || end - at < ipv6.LENGTH) return Route.Flood;
    const scope = makeScope(bridge, vlan, Family.Ipv6);
    if (isControl6(view, at, end)) return this.#control(scope, channel, at, end, now);
    const first = view.getInt32(at + 24);
    if (first >>> 24 !== 0xff || isLinkScope6(first)) return Route.Flood;
    const b = view.getInt32(at + 28);
    const c = view.getInt32(at + 32);
    return this.#byGroup(config, scope, first, b, c, view.getInt32(at + 36));
  }

  /** Data: to who joined the group and to routers; by address, not by MAC, which 32 groups share (RFC 4541 2.1.2). */
  #byGroup(
    config: SnoopBridgeConfig,
    scope: number,
    a: number,
    b: number,
    c: number,
    d: number,
  ): Route {
    const { groups } = this;
    const routers = groups.routers(scope);
    if (routers < 0) return Route.Flood;
    const flags = groups.flags(routers);
    if ((flags & RouterFlag.Active) === 0) return Route.Flood;
    const slot = groups.find(scope, a, b, c, d);
    if (slot < 0 && (config.unregistered === "flood" || (flags & RouterFlag.Full) !== 0)) {
      return Route.Flood;
    }
    groups.collect(routers, this.allowed, true);
    if (slot >= 0) groups.collect(slot, this.allowed, false);
    return Route.Some;
  }

  /** What hosts and routers say: the link master hears it, and sends it on. */
  #control(scope: number, channel: ChannelId | -1, at: Offset, end: Offset, now: Millis): Route {
    const out = this.#out;
    if (channel < 0) return this.#controlInside(scope, at, end);
    if (out.isTreated !== true && !this.#rates.take(channel, now)) {
      out.drop(Drop["snoop-rate"]);
      return Route.Drop;
    }
    if (out.master(Role.Link) !== out.core) {
      // A frame that was handed over while the role moved goes no further.
      return out.isTreated === true ? Route.Flood : Route.Master;
    }
    this.#checkRole(now);
    const { master } = this;
    if (master === null) return Route.Flood;
    master.begin(scope, channel, now);
    const isIpv6 = familyOf(scope) === Family.Ipv6;
    const route = (isIpv6 ? read6 : read4)(out.view, at, end, master);
    return route === Route.Some ? this.#toRouters(scope) : route;
  }

  /** Reports go to routers alone, so that no host holds its own back (RFC 4541 2.1.1). */
  #toRouters(scope: number): Route {
    const { groups } = this;
    const routers = groups.routers(scope);
    if (routers < 0 || (groups.flags(routers) & RouterFlag.Active) === 0) return Route.Flood;
    groups.collect(routers, this.allowed, true);
    return Route.Some;
  }

  /** The appliance's own listeners: their interfaces get everything anyway, so routers alone need to know. */
  #controlInside(scope: number, at: Offset, end: Offset): Route {
    const { view } = this.#out;
    if (familyOf(scope) === Family.Ipv6) {
      const found = ipv6.isValid(view, at, end) ? ipv6.upper(view, at) : -1;
      if (found < 0) return Route.Flood;
      const type = view.getUint8(at + ipv6.upperOffset(found));
      return type === 131 || type === 132 || type === 143 ? this.#toRouters(scope) : Route.Flood;
    }
    const first = at + ipv4.headerLength(view, at);
    if (first >= end || view.getUint8(at + 9) !== ipv4.Protocol.Igmp) return Route.Flood;
    const type = view.getUint8(first);
    const { Report1, Report2, Report3, Leave } = igmp.Type;
    const isReport = type === Report1 || type === Report2 || type === Report3 || type === Leave;
    return isReport ? this.#toRouters(scope) : Route.Flood;
  }

  // --- what the master asks
  // ----------------------------------------------------------------------------------------------

  bridge(scope: number): SnoopBridgeConfig | undefined {
    const config = this.#bridges[bridgeOf(scope)];
    const snoops = familyOf(scope) === Family.Ipv6 ? config?.mld : config?.igmp;
    return snoops === true ? config : undefined;
  }

  channel(channel: ChannelId): SnoopChannelConfig | undefined {
    return this.#channels[channel];
  }

  mayHold(bridge: number, channel: ChannelId, vlan: Vlan): boolean {
    return this.#ports.mayHold(bridge, channel, vlan);
  }

  changed(slot: number, now: Millis): void {
    this.#steps = Math.max(this.#steps + 1, Math.floor(now * STEPS));
    this.groups.setVersion(slot, makeVersion(this.#steps, this.#out.core));
    if (this.#out.cores > 1) {
      message.sendRow(this.#out, message.ALL, this.#epoch, this.groups, slot);
    }
  }

  // --- messages, timers, roles
  // -------------------------------------------------------------------------------------------

  message(type: number, from: CoreId, at: Offset, now: Millis): void {
    if (type !== Message["group-entry"]) return;
    const { view } = this.#out;
    const version = message.versionOf(view, at);
    this.#steps = Math.max(this.#steps, sequenceOf(version));
    const scope = message.scopeOf(view, at);
    if (message.epochOf(view, at) !== this.#epoch || this.#bridges[bridgeOf(scope)] === undefined) {
      this.#asking.later(now);
      return;
    }
    const { groups } = this;
    const kind = message.kindOf(view, at);
    const [a, b, c, d] = [0, 1, 2, 3].map((index) => message.word(view, at, index)) as [
      number,
      number,
      number,
      number,
    ];
    const slot = groups.obtain(scope, kind, a, b, c, d);
    if (slot < 0) {
      this.#out.drop(Drop["snoop-full"]);
      return;
    }
    if (from === this.#resyncFrom) this.#named[slot] = 1;
    if (version < groups.version(slot)) return;
    const isNewer = version > groups.version(slot);
    if (kind === Kind.Routers) groups.setAddress(slot, a, b, c, d);
    groups.setFlags(slot, message.flagsOf(view, at));
    const first = message.partOf(view, at) * message.PART_WORDS;
    for (let index = 0; index < message.PART_WORDS; index++) {
      groups.setChannelWord(slot, first + index, message.channelWord(view, at, index));
    }
    groups.setVersion(slot, version);
    groups.setLive(slot, message.isLive(view, at));
    // The role has just moved here, and this was the last word of who had it.
    if (!isNewer || this.master === null) return;
    this.master.adopt(slot, now);
    this.master.recount(now);
  }

  tick(now: Millis): void {
    this.#checkRole(now);
    if (this.master !== null) this.master.tick(now);
    else this.#asking.tick(now);
  }

  roleChanged(now: Millis): void {
    this.#checkRole(now);
  }

  #checkRole(now: Millis): void {
    const isMaster = this.#out.master(Role.Link) === this.#out.core;
    if (isMaster === (this.master !== null)) return;
    this.master = isMaster && this.#config.bridges.length > 0 ? this.#makeMaster(now) : null;
  }

  #makeMaster(now: Millis): Master {
    const master = new Master(this.#out, this.groups, this.#channels.length, this.#speaker, this);
    this.master = master;
    master.takeOver(this.#config.bridges, now);
    return master;
  }

  /** A channel lost its link. */
  channelDown(channel: ChannelId, now: Millis): void {
    this.master?.channelDown(channel, now);
  }

  /** Spanning tree changed the topology of a bridge. */
  topologyChanged(bridge: number, now: Millis): void {
    this.master?.topologyChanged(bridge, now);
  }

  /**
   * Takes groups away that match (-1 and 0: any), on all cores: on the master. Hosts join anew at the next query. How
   * many there were.
   */
  clear(bridge: number, vlan: Vlan, group: readonly number[] | null, now: Millis): number {
    const { groups, master } = this;
    if (master === null) return 0;
    let count = 0;
    for (let slot = 0; slot < groups.capacity; slot++) {
      if (groups.state(slot) !== Slot.Live || groups.kind(slot) !== Kind.Group) continue;
      const scope = groups.scope(slot);
      if (bridge >= 0 && bridgeOf(scope) !== bridge) continue;
      if (vlan > 0 && vlanOf(scope) !== vlan) continue;
      if (group?.some((word, index) => groups.word(slot, index) !== (word | 0))) continue;
      count++;
      master.forget(slot, now);
    }
    return count;
  }

  // --- configuration
  // -----------------------------------------------------------------------------------------------------

  /** Takes over a configuration. Groups stay, but for channels and VLANs that are gone. */
  configure(config: SnoopConfig, common: CommonConfig, now: Millis): void {
    const old = this.groups;
    this.#speaker.configure(common);
    this.#rates.configure(common.channels.length, REPORT_RATE);
    this.groups = this.#take(config, common);
    for (let slot = 0; slot < old.capacity; slot++) {
      if (old.state(slot) === Slot.Live) this.#keep(old, slot);
    }
    this.master = null;
    this.#checkRole(now);
    if (this.master === null && config.bridges.length > 0 && this.#out.cores > 1) {
      this.#asking.later(now);
    }
  }

  #keep(old: GroupTable, from: number): void {
    const { groups } = this;
    const scope = old.scope(from);
    const kind = old.kind(from);
    const config = this.bridge(scope);
    if (config === undefined) return;
    if (kind === Kind.Group && groups.groupCount(config.bridge) >= config.maxGroups) return;
    const [a, b, c, d] = [0, 1, 2, 3].map((index) => old.word(from, index)) as [
      number,
      number,
      number,
      number,
    ];
    const slot = groups.obtain(scope, kind, a, b, c, d);
    if (slot < 0) return;
    groups.setFlags(slot, old.flags(from));
    groups.setAddress(slot, a, b, c, d);
    for (let channel = 0; channel < old.words * 32; channel++) {
      if (!old.has(from, channel)) continue;
      if (this.mayHold(config.bridge, channel, vlanOf(scope))) groups.set(slot, channel, true);
    }
    groups.setVersion(slot, old.version(from));
    groups.setLive(slot, kind === Kind.Routers || !groups.isEmpty(slot));
  }

  // --- Replicated
  // --------------------------------------------------------------------------------------------------------

  resync(to: CoreId, cursor: number, limit: number): number {
    if (this.#out.master(Role.Link) !== this.#out.core) return -1;
    const { groups } = this;
    let sent = 0;
    for (let slot = cursor; slot < groups.capacity; slot++) {
      if (sent >= limit) return slot;
      if (groups.state(slot) === Slot.Free) continue;
      message.sendRow(this.#out, to, this.#epoch, groups, slot);
      sent += message.partsOf(groups);
    }
    return -1;
  }

  resyncBegin(from: CoreId): void {
    if (from !== this.#out.master(Role.Link)) return;
    this.#asking.cease();
    this.#resyncFrom = from;
    this.#named.fill(0);
  }

  /** What the master no longer knows is gone. */
  resyncEnd(from: CoreId): void {
    if (from !== this.#resyncFrom) return;
    this.#resyncFrom = -1;
    const { groups } = this;
    for (let slot = 0; slot < groups.capacity; slot++) {
      if (groups.state(slot) !== Slot.Free && this.#named[slot] === 0) groups.release(slot);
    }
  }

  summary(): { entries: number; digest: number; version: number } {
    const { entries, digest, newest } = this.groups;
    return { entries, digest, version: newest };
  }

  rows(
    cursor: number,
    limit: number,
    now: Millis,
  ): { rows: Record<string, unknown>[]; next: number } {
    const { groups } = this;
    const rows: Record<string, unknown>[] = [];
    for (let slot = cursor; slot < groups.capacity; slot++) {
      if (rows.length >= limit) return { rows, next: slot };
      if (groups.state(slot) === Slot.Live) rows.push(rowOf(groups, slot, this.master, now));
    }
    return { rows, next: -1 };
  }

  /** What is due on the master: rows {timer, subject, due-ms, period-ms}. */
  timers(now: Millis): Record<string, unknown>[] {
    const rows: Record<string, unknown>[] = [];
    for (const domain of this.master?.domains.values() ?? []) {
      if (domain.due === Infinity) continue;
      const family = familyOf(domain.scope) === Family.Ipv6 ? "ipv6" : "ipv4";
      const subject = `bridge ${bridgeOf(domain.scope)} vlan ${vlanOf(domain.scope)} ${family}`;
      const period = domain.queryAt === Infinity ? 0 : domain.interval;
      rows.push({
        timer: "snoop-querier",
        subject,
        "due-ms": domain.due - now,
        "period-ms": period,
      });
    }
    return rows;
  }
}

/** FNV-1a, folded to 16 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let n = 0; n < text.length; n++) h = Math.imul(h ^ text.charCodeAt(n), 0x01000193);
  return (h ^ (h >>> 16)) & 0xffff;
}
