// Where one core's engines meet (CORE-11): frames go to the bridge or to the interface of their port, messages to
// the engine that owns their type, addresses to the resolver. The engines know each other only by the interfaces of
// engine/; this file alone connects them.

import { Arp, type Proxied } from "../arp/arp.ts";
import { Bridging } from "../bridge/bridging.ts";
import { BridgeCounter } from "../bridge/counters.ts";
import { Channels } from "../engine/channels.ts";
import type { InterfaceConfig } from "../engine/config.ts";
import { CORE_AT, CoreCounter } from "../engine/counter.ts";
import { Drop } from "../engine/drop.ts";
import { MIN_FRAME } from "../engine/frame.ts";
import type { Inside } from "../engine/inside.ts";
import { Message, Table } from "../engine/message.ts";
import type { Links, Out, Replicated } from "../engine/out.ts";
import { PortState, type PortStateSink } from "../engine/port-state.ts";
import { Role } from "../engine/role.ts";
import { HOST6_DEFAULTS } from "../host/config6.ts";
import { Host } from "../host/host.ts";
import { Host6 } from "../host/host6.ts";
import type { LagConfig } from "../lag/config.ts";
import { Lag, type MemberSink } from "../lag/lag.ts";
import {
  BROADCAST,
  type ChannelId,
  type CoreId,
  type Ipv4,
  type Millis,
  type Offset,
  type PortId,
} from "../lib/units.ts";
import { ND_DEFAULTS } from "../nd/config.ts";
import { Nd } from "../nd/nd.ts";
import type { Steering6 } from "../nd/owners.ts";
import { NO_SNOOPING } from "../snoop/config.ts";
import { Snoop } from "../snoop/snoop.ts";
import { NO_STP } from "../stp/config.ts";
import { Stp } from "../stp/stp.ts";
import { VR_DEFAULTS } from "../vr/config.ts";
import { Vr } from "../vr/vr.ts";
import * as arp from "../wire/arp.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as vlan from "../wire/vlan.ts";
import * as vrrp from "../wire/vrrp.ts";
import { ChannelLinks } from "./channel-links.ts";
import type { ApplianceConfig } from "./config.ts";
import { Freed } from "./freed.ts";
import { routedInterfaces } from "./routed.ts";
import { tableOf } from "./table-of.ts";
import { Virtuals } from "./virtuals.ts";

/** 01-80-C2-00: how addresses that end at a bridge begin (IEEE 802.1D-2004 7.12.6). */
const RESERVED = 0x0180c200;
const SLOW = 0x0002;

/** Frames of one burst: what a driver's batch is. */
interface Frames {
  readonly start: Int32Array;
  readonly end: Int32Array;
  readonly count: number;
}

export class Dispatch implements Inside, Links, Proxied, MemberSink, PortStateSink {
  readonly out: Out;
  readonly channels: Channels;
  readonly bridging: Bridging;
  readonly resolver: Arp;
  readonly host: Host;
  readonly nd: Nd;
  readonly host6: Host6;
  readonly lag: Lag;
  readonly stp: Stp;
  readonly snoop: Snoop;
  readonly vr: Vr;
  readonly virtuals: Virtuals;
  /** Advertisements may come to our own addresses: routers have peers. */
  #hasPeers: boolean;
  readonly #links: ChannelLinks;
  /** False until the first tick: while a core is made it can send nothing, and its tables are empty. */
  #ticks = false;
  readonly #freed: Freed;
  /** Channels of mode active-backup. */
  #backups: ReadonlySet<ChannelId>;
  #interfaces: readonly InterfaceConfig[];
  /** Interfaces of each routed channel by VLAN; null for a channel without. */
  #routed: (Int16Array | null)[];
  #forwards: boolean;
  #now: Millis;

  constructor(config: ApplianceConfig, out: Out, now: Millis, steering: Steering6) {
    const { common } = config;
    this.out = out;
    this.#now = now;
    this.#forwards = config.host.forwarding;
    this.#interfaces = common.interfaces;
    this.#routed = routedInterfaces(common.interfaces, common.channels.length);
    this.channels = new Channels(out, common.channels, common.ports.length);
    this.bridging = new Bridging(config.bridging, common, out, this.channels, this);
    this.snoop = new Snoop(config.snoop ?? NO_SNOOPING, common, out, this.bridging);
    if (config.snoop !== undefined) this.bridging.attach(this.snoop);
    this.host = new Host(config.host, common, out, this);
    this.resolver = new Arp(config.arp, common, out, this, this.host, this.bridging, this);
    this.host.attach(this.resolver);
    const { host6 = HOST6_DEFAULTS, nd = ND_DEFAULTS } = config;
    this.host6 = new Host6(host6, common, out, this);
    this.nd = new Nd(nd, common, out, this, this.host6, this.host6, steering, now);
    this.host6.attach(this.nd);
    this.#backups = backupsOf(config);
    this.#links = new ChannelLinks(common, this.channels, (channel, up, speed) =>
      this.stp.linkChanged(channel, up, speed, this.#now),
    );
    this.stp = new Stp(config.stp ?? NO_STP, common, out, this, this.channels, now);
    this.lag = new Lag(config.lag ?? NO_LAG, common, out, this);
    this.virtuals = new Virtuals({ ...this, links: this }, common.interfaces);
    this.vr = new Vr(config.vr ?? VR_DEFAULTS, common, out, this.virtuals);
    this.#hasPeers = hasPeers(config);
    this.nd.own.rivalHeard = (iface, words, mac, at) =>
      this.vr.heardAddress6(iface, words, mac, -1, at);
    this.#freed = new Freed(out, this.channels);
  }

  /** A frame of at least 14 bytes that arrived on a port. */
  receive(port: PortId, start: Offset, end: Offset, now: Millis): void {
    this.#now = now;
    const channel = this.channels.channelOf(port);
    if (channel < 0) this.#receiveShut(port, start, end, now);
    else if (this.bridging.isBridged(channel))
      this.bridging.receive(channel, start, end, now, port);
    else this.#receiveRouted(port, channel, start, end, now);
  }

  /**
   * A burst of one port, all of it this core's. The channel is looked up anew: a frame may change what its port may
   * do.
   */
  receiveBurst(port: PortId, batch: Frames, now: Millis): void {
    this.#now = now;
    const { channels, bridging } = this;
    const { start, end, count } = batch;
    for (let n = 0; n < count; n++) {
      const channel = channels.channelOf(port);
      if (channel >= 0 && bridging.isBridged(channel)) {
        bridging.receive(channel, start[n] as number, end[n] as number, now, port);
      } else if ((end[n] as number) - (start[n] as number) < MIN_FRAME) {
        this.out.drop(Drop.runt);
      } else this.receive(port, start[n] as number, end[n] as number, now);
    }
  }

  /** A frame on a port whose frames are not taken; what keeps it in its aggregate is. */
  #receiveShut(port: PortId, start: Offset, end: Offset, now: Millis): void {
    if (this.#isSlow(start)) this.lag.receive(port, start, end, now);
    else this.out.drop(Drop[this.channels.isBlocked(port) ? "lag-blocked" : "port-unattached"]);
  }

  #isSlow(start: Offset): boolean {
    const { view } = this.out;
    if (view.getUint32(start) !== RESERVED || view.getUint16(start + 4) !== SLOW) return false;
    return view.getUint16(start + 12) === ethernet.EtherType.Slow;
  }

  /** A frame on a channel that carries interfaces and no bridge. */
  #receiveRouted(port: PortId, channel: ChannelId, start: Offset, end: Offset, now: Millis): void {
    const { view } = this.out;
    if (view.getUint32(start) === RESERVED && this.#isSlow(start)) {
      this.lag.receive(port, start, end, now);
      return;
    }
    const byVlan = this.#routed[channel];
    if (byVlan === null || byVlan === undefined) {
      this.out.drop(Drop["port-unattached"]);
      return;
    }
    if (ethernet.isGroup(ethernet.source(view, start))) {
      this.out.drop(Drop["source-group"]);
      return;
    }
    const tagged = vlan.isTagged(view, start, end);
    const iface = byVlan[tagged ? vlan.vid(vlan.tci(view, start)) : 0] as number;
    if (iface < 0) {
      this.out.drop(Drop["vlan-filtered"]);
      return;
    }
    const at = start + (tagged ? 18 : 14);
    const type = view.getUint16(at - 2);
    if (type === ethernet.EtherType.Arp || type === ethernet.EtherType.Rarp) {
      const master = this.out.master(Role.Arp);
      if (master !== this.out.core) this.out.handover(master, port, start, end);
      else this.arp(iface, channel, start, at, end, now);
      return;
    }
    const destination = ethernet.destination(view, start);
    const mine = this.#interfaces[iface] as InterfaceConfig;
    if (destination !== mine.mac && destination !== BROADCAST && !ethernet.isGroup(destination)) {
      if (!this.virtuals.isRouted(iface, destination)) {
        // To a virtual MAC that is another router's now, or nobody's (RFC 9568 6.4.2).
        const isVirtual = vrrp.vridOf(destination) > 0;
        this.out.drop(Drop[isVirtual ? "vr-not-active" : "not-local"]);
        return;
      }
    }
    const from = tagged ? vlan.remove(view, start) : start;
    this.deliver(iface, channel, from, end, now);
  }

  // --- Inside and Links ----------------------------------------------------------------------------------------------

  arp(
    iface: number,
    channel: ChannelId,
    start: Offset,
    at: Offset,
    end: Offset,
    now: Millis,
  ): boolean {
    const { view } = this.out;
    if (this.virtuals.active.length > 0 && arp.isValid(view, at, end)) {
      const mac = arp.senderMac(view, at);
      this.vr.heardAddress4(iface, arp.senderIp(view, at), mac, channel, now);
    }
    return this.resolver.receive(iface, channel, start, at, end, now);
  }

  deliver(iface: number, channel: ChannelId, start: Offset, end: Offset, now: Millis): void {
    const { view } = this.out;
    // Advertisements come to groups, which are no hot path, or from peers.
    if (((view.getUint8(start) & 1) !== 0 || this.#hasPeers) && end - start > ethernet.LENGTH) {
      if (this.vr.receive(iface, channel, start, end, now)) return;
    }
    const isIpv6 = ethernet.type(view, start) === ethernet.EtherType.Ipv6;
    if (!isIpv6 || this.#interfaces[iface]?.ipv6 === undefined) {
      this.host.deliver(iface, channel, start, end, now);
    } else if (!this.nd.receive(iface, channel, start, end, now)) {
      this.host6.deliver(iface, channel, start, end, now);
    }
  }

  slow(port: PortId, start: Offset, end: Offset, now: Millis): void {
    this.lag.receive(port, start, end, now);
  }

  bpdu(port: PortId, channel: ChannelId, start: Offset, end: Offset, now: Millis): void {
    if (this.stp.isPort(channel)) this.stp.receive(port, channel, start, end, now);
    else this.out.drop(Drop["bpdu-no-stp"]);
  }

  pvst(port: PortId, channel: ChannelId, start: Offset, end: Offset, now: Millis): boolean {
    return this.stp.pvst(port, channel, start, end, now);
  }

  /** What spanning tree lets a channel do on this core. */
  setPortState(_bridge: number, channel: ChannelId, state: PortState, _now: Millis): void {
    this.bridging.setPortState(
      channel,
      state !== PortState.Discarding,
      state === PortState.Forwarding,
    );
  }

  /**
   * Every core hears of a flush; the link master's bridge tells the others one version, so that all tables stay
   * equal.
   */
  flushChannel(bridge: number, channel: ChannelId, now: Millis): void {
    if (!this.#ticks || this.out.master(Role.Link) !== this.out.core) return;
    this.bridging.linkDown(channel, now);
    this.snoop.topologyChanged(bridge, now);
  }

  /** What link aggregation lets a member do. Stations behind a channel that lost its last member are gone. */
  setMember(port: PortId, collecting: boolean, distributing: boolean): void {
    const channel = this.channels.ownerOf(port);
    const wasUp = this.channels.isUp(channel);
    this.channels.setMember(port, collecting, distributing);
    this.#links.tell(channel);
    // Behind a backup that took over, switches must learn the way to us anew.
    if (distributing && this.#backups.has(channel) && this.out.master(Role.Arp) === this.out.core) {
      this.resolver.announce(-1, -1, this.#now);
    }
    if (!wasUp || this.channels.isUp(channel) || !this.bridging.isBridged(channel)) return;
    if (this.out.master(Role.Link) !== this.out.core || this.stp.isPort(channel)) return;
    this.bridging.linkDown(channel, this.#now);
    this.snoop.channelDown(channel, this.#now);
  }

  output(iface: number, start: Offset, end: Offset): void {
    const to = this.#interfaces[iface] as InterfaceConfig;
    if (to.bridge >= 0) {
      this.bridging.output(iface, start, end, this.#now);
      return;
    }
    let from = start;
    if (to.vlan > 0) from = vlan.insert(this.out.view, start, to.vlan, ethernet.EtherType.Vlan);
    if (!this.channels.send(to.channel, from, end)) this.out.drop(Drop["channel-down"]);
  }

  /**
   * Proxy ARP (RFC 1027): the target is reached through another interface than the one it is asked for on. Only a
   * router may say so: else it would draw frames that it then drops.
   */
  isProxied(iface: number, target: Ipv4): boolean {
    if (!this.#forwards) return false;
    const through = this.host.routeFor(target);
    return through >= 0 && through !== iface;
  }

  /** Copies what the engines count into the core's block of the statistics segment. */
  publish(counters: Float64Array): void {
    const bridge = this.bridging.counters;
    counters[CORE_AT + CoreCounter.StationsLearned] = bridge[BridgeCounter.Learned] as number;
    counters[CORE_AT + CoreCounter.StationsMoved] = bridge[BridgeCounter.Moved] as number;
    counters[CORE_AT + CoreCounter.Flooded] = bridge[BridgeCounter.Flooded] as number;
    counters[CORE_AT + CoreCounter.Forwarded] = bridge[BridgeCounter.Forwarded] as number;
    counters[CORE_AT + CoreCounter.LocalDelivered] = bridge[BridgeCounter.Local] as number;
    counters[CORE_AT + CoreCounter.ArpRequestsSent] = this.resolver.requestsSent;
    counters[CORE_AT + CoreCounter.ArpRepliesSent] = this.resolver.repliesSent;
    counters[CORE_AT + CoreCounter.ArpReceived] = this.resolver.received;
    counters[CORE_AT + CoreCounter.NdHandedOver] = this.nd.handedOver;
    counters[CORE_AT + CoreCounter.NdPending] = this.nd.pendingAddresses;
  }

  /** What is due on this core, for people: rows {timer, subject, due-ms, period-ms}. */
  timers(now: Millis): Record<string, unknown>[] {
    const { bridging, resolver, nd, vr, lag, stp, snoop } = this;
    return [bridging, resolver, nd, lag, stp, vr, snoop].flatMap((engine) => engine.timers(now));
  }

  // --- messages, timers, roles ------------------------------------------------------------------------------------

  /** A record from another core; false when its type is unknown. */
  message(type: number, from: CoreId, at: Offset, now: Millis): boolean {
    this.#now = now;
    const table = this.tableOf(type);
    if (table === Table.Bridge || type === Message["bridge-held"]) {
      this.bridging.message(type, from, at, now);
    } else if (table === Table.Arp || type === Message["arp-ask"] || type === Message["arp-used"]) {
      this.resolver.message(type, from, at, now);
    } else if (table === Table.Nd || isNdMessage(type)) {
      this.nd.message(type, from, at, now);
    } else if (table === Table.Lag || type === Message["lag-ack"]) {
      this.lag.message(type, from, at, now);
    } else if (table === Table.Stp || type === Message["stp-ack"]) {
      this.stp.message(type, from, at, now);
    } else if (table === Table.Groups) {
      this.snoop.message(type, from, at, now);
    } else if (table === Table.Vr || type === Message["vr-heard"]) {
      this.vr.message(type, from, at, now);
    } else return false;
    return true;
  }

  tick(now: Millis): void {
    this.#now = now;
    if (!this.#ticks) {
      this.#ticks = true;
      this.#links.tellAll();
    }
    this.bridging.tick(now);
    this.resolver.tick(now);
    this.host.tick(now);
    this.nd.tick(now);
    this.host6.tick(now);
    this.lag.tick(now);
    this.stp.tick(now);
    this.snoop.tick(now);
    this.vr.tick(now);
    this.#freed.tick(now);
  }

  /** The appliance stops in good order: partners of aggregates and hosts hear of it. Only masters say so. */
  stop(now: Millis): void {
    this.#now = now;
    // While the members of aggregates still carry frames.
    this.vr.stop(now);
    this.lag.goodbye();
    this.nd.stop(now);
  }

  roleChanged(role: Role, now: Millis): void {
    this.#now = now;
    const { resolver, nd, lag, stp, snoop, vr } = this;
    const concerned = role === Role.Arp ? [resolver, nd] : [lag, stp, snoop, vr];
    for (const engine of concerned) engine.roleChanged(now);
  }

  /** Another core died or was taken out: what only it ran is run by others. */
  coreLeft(core: CoreId, now: Millis): void {
    this.#now = now;
    const { bridging, resolver, nd, lag } = this;
    for (const engine of [bridging, resolver, nd, lag]) engine.coreLeft(core, now);
  }

  linkChanged(port: PortId, up: boolean, now: Millis): void {
    this.#now = now;
    this.channels.linkChanged(port, up);
    this.lag.linkChanged(port, up, now);
    const channel = this.channels.ownerOf(port);
    this.#links.tell(channel);
    this.vr.linkChanged(port, up, now);
    if (this.channels.isUp(channel)) return;
    if (up || channel < 0 || !this.bridging.isBridged(channel)) return;
    // Where a spanning tree runs, it forgets the stations of a port that is disabled, once for all cores.
    if (!this.stp.isPort(channel)) this.bridging.linkDown(channel, now);
    this.snoop.channelDown(channel, now);
  }

  /** An operator forgets guards and old neighbours of a channel, or (-1) of all; how many channels that were. */
  clearStp(channel: ChannelId, now: Millis): number {
    this.#now = now;
    let count = 0;
    for (let one = 0; one < this.#routed.length; one++) {
      if ((channel >= 0 && one !== channel) || !this.stp.isPort(one)) continue;
      this.stp.clear(one, now);
      count++;
    }
    return count;
  }

  /** True when a protocol of the link master must know at once that the port's link went. */
  isWatched(port: PortId): boolean {
    if (this.lag.isMember(port) || this.vr.runner.machines.length > 0) return true;
    return this.stp.isPort(this.channels.ownerOf(port));
  }

  /** A port tells its speed in Mbit/s, 0 = unknown. */
  speedChanged(port: PortId, speed: number, now: Millis): void {
    this.#now = now;
    this.#links.speedChanged(port, speed);
  }

  tableOf(type: number): number {
    return tableOf(type);
  }

  replicated(table: number): Replicated | null {
    if (table === Table.Bridge) return this.bridging;
    if (table === Table.Lag) return this.lag;
    if (table === Table.Stp) return this.stp;
    if (table === Table.Groups) return this.snoop;
    if (table === Table.Nd) return this.nd;
    if (table === Table.Vr) return this.vr;
    return table === Table.Arp ? this.resolver : null;
  }

  configure(config: ApplianceConfig, now: Millis): void {
    this.#now = now;
    const { common, vr = VR_DEFAULTS } = config;
    this.vr.retire(vr, common, now);
    this.#forwards = config.host.forwarding;
    this.#interfaces = common.interfaces;
    this.#routed = routedInterfaces(common.interfaces, common.channels.length);
    this.channels.configure(common.channels, common.ports.length);
    this.bridging.configure(config.bridging, common, now);
    this.snoop.configure(config.snoop ?? NO_SNOOPING, common, now);
    this.bridging.attach(config.snoop === undefined ? null : this.snoop);
    this.host.configure(config.host, common, now);
    this.resolver.configure(config.arp, common, now);
    this.host6.configure(config.host6 ?? HOST6_DEFAULTS, common, now);
    this.nd.configure(config.nd ?? ND_DEFAULTS, common, now);
    this.#backups = backupsOf(config);
    this.#links.configure(common);
    this.stp.configure(config.stp ?? NO_STP, common, now);
    this.lag.configure(config.lag ?? NO_LAG, common, now);
    this.#links.tellAll();
    this.virtuals.configure(common.interfaces, now);
    this.#hasPeers = hasPeers(config);
    this.vr.configure(vr, common, now);
    const { bridges } = config.bridging;
    const bridgeOf = (channel: ChannelId): number =>
      bridges.findIndex(({ channels }) => channels.some((one) => one.channel === channel));
    this.#freed.begin(common.ports.length, bridgeOf, now);
  }
}

/** Questions and reports, which are not sent again after an overflow: who sent them repeats them. */
const isNdMessage = (type: number): boolean =>
  type === Message["nd-ask"] || type === Message["nd-used"] || type === Message["nd-heard"];

const NO_LAG: LagConfig = { channels: [] };

const hasPeers = ({ vr = VR_DEFAULTS }: ApplianceConfig): boolean =>
  vr.routers.some(({ peers, peers6 }) => peers.length + peers6.length > 0);

function backupsOf({ lag = NO_LAG }: ApplianceConfig): Set<ChannelId> {
  const backups = lag.channels.filter(({ mode }) => mode === "active-backup");
  return new Set(backups.map(({ channel }) => channel));
}
