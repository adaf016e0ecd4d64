// What the link master alone does for snooping: it hears joins, leaves and queries, runs memberships, router ports and
// queriers, and changes the group table, of which every change is told (snoop.ts). Standards: RFC 4541 for what a
// switch does; RFC 2236, 3376, 2710, 3810 for the timers.

import { Drop } from "../engine/drop.ts";
import { EventCode } from "../engine/event.ts";
import type { Out } from "../engine/out.ts";
import type { ChannelId, Millis, Vlan } from "../lib/units.ts";
import {
  MAX_DOMAINS,
  RouterPort,
  type SnoopBridgeConfig,
  type SnoopChannelConfig,
} from "./config.ts";
import { type Address, Asker, Domain, type HeardQuery, isNobody, NOBODY } from "./domain.ts";
import { Members } from "./members.ts";
import type { Listener } from "./reads.ts";
import type { Speaker } from "./speaker.ts";
import {
  bridgeOf,
  Family,
  familyOf,
  type GroupTable,
  Kind,
  makeScope,
  RouterFlag,
  Slot,
  vlanOf,
} from "./table.ts";

/** What the master asks of the core that it runs on. */
export interface MasterHooks {
  /** The configuration of a bridge that snoops this family; undefined when none does. */
  bridge(scope: number): SnoopBridgeConfig | undefined;
  channel(channel: ChannelId): SnoopChannelConfig | undefined;
  mayHold(bridge: number, channel: ChannelId, vlan: Vlan): boolean;
  /** A row is to be told under a new version. */
  changed(slot: number, now: Millis): void;
}

/** A leave in doubt: queries of the group that are still to be sent on a channel. */
interface Doubt {
  readonly slot: number;
  readonly channel: ChannelId;
  left: number;
  at: Millis;
}
/** Doubts at a time: our choice. More leaves than that simply time out. */
const MAX_DOUBTS = 1024;
/** A bridge whose table was full is told again after so long. */
const FULL_AGAIN: Millis = 10_000;

export class Master implements Listener {
  readonly domains: Map<number, Domain> = new Map();
  readonly members: Members;
  readonly #out: Out;
  readonly #table: GroupTable;
  readonly #speaker: Speaker;
  readonly #hooks: MasterHooks;
  readonly #fullAt: Map<number, Millis> = new Map();
  #doubts: Doubt[] = [];
  /** When a domain has something to do, at the earliest. */
  #due: Millis = 0;
  /** Of the message in work. */
  #scope = 0;
  #channel: ChannelId = 0;
  #now: Millis = 0;

  constructor(out: Out, table: GroupTable, channels: number, speaker: Speaker, hooks: MasterHooks) {
    this.#out = out;
    this.#table = table;
    this.#speaker = speaker;
    this.#hooks = hooks;
    this.members = new Members(table, channels);
  }

  /** What follows is about a message that came in on a channel. */
  begin(scope: number, channel: ChannelId, now: Millis): void {
    this.#scope = scope;
    this.#channel = channel;
    this.#now = now;
  }

  drop(reason: number): void {
    this.#out.drop(reason);
  }

  #domain(scope: number): Domain | undefined {
    const known = this.domains.get(scope);
    if (known !== undefined) return known;
    const config = this.#hooks.bridge(scope);
    if (config === undefined || this.domains.size >= MAX_DOMAINS) return undefined;
    const mayAsk = config.querier?.vlans.includes(vlanOf(scope)) ?? false;
    const domain = new Domain(scope, config, mayAsk, this.#speaker.address(scope, config));
    this.domains.set(scope, domain);
    return domain;
  }

  // --- joins and leaves ----------------------------------------------------------------------------------------------

  join(group: Address, version: number): void {
    const now = this.#now;
    const channel = this.#channel;
    const slot = this.#groupSlot(group);
    if (slot < 0) return;
    const interval = this.#interval();
    if (!this.#table.has(slot, channel)) {
      const limit = this.#hooks.channel(channel)?.maxGroups ?? 0;
      if (limit > 0 && (this.members.joined[channel] as number) >= limit) {
        this.#tellFull(limit);
        if (this.#table.isEmpty(slot)) this.#table.release(slot);
        return;
      }
      this.#add(slot, channel);
      this.#hooks.changed(slot, now);
    }
    this.members.setUntil(slot, channel, now + interval);
    if (version === 1) this.members.setOldUntil(slot, now + interval);
    this.#settle(slot, channel);
  }

  #interval(): Millis {
    const config = this.#hooks.bridge(this.#scope) as SnoopBridgeConfig;
    const fallback = config.robustness * config.queryInterval + config.queryResponse;
    return this.domains.get(this.#scope)?.membershipInterval ?? fallback;
  }

  /** The row of a group, made when there is room; -1 when the table is full, and then unknown groups flood. */
  #groupSlot(group: Address): number {
    const table = this.#table;
    const [a, b, c, d] = group;
    const known = table.findAny(this.#scope, Kind.Group, a, b, c, d);
    if (known >= 0 && table.state(known) === Slot.Live) return known;
    const bridge = bridgeOf(this.#scope);
    const limit = this.#hooks.bridge(this.#scope)?.maxGroups ?? 0;
    const hasRoom = table.groupCount(bridge) < limit;
    const slot = hasRoom ? table.obtain(this.#scope, Kind.Group, a, b, c, d) : -1;
    if (slot >= 0) {
      this.members.begin(slot);
      return slot;
    }
    this.#refuse(limit);
    return -1;
  }

  /** No room for a group: those of its VLAN and family that are in no row flood. */
  #refuse(limit: number): void {
    const table = this.#table;
    this.#tellFull(limit);
    const routers = table.routers(this.#scope);
    if (routers < 0 || (table.flags(routers) & RouterFlag.Full) !== 0) return;
    table.setFlags(routers, table.flags(routers) | RouterFlag.Full);
    this.#hooks.changed(routers, this.#now);
  }

  #tellFull(limit: number): void {
    this.#out.drop(Drop["snoop-full"]);
    const bridge = bridgeOf(this.#scope);
    if (this.#now - (this.#fullAt.get(bridge) ?? -FULL_AGAIN) < FULL_AGAIN) return;
    this.#fullAt.set(bridge, this.#now);
    this.#out.event(EventCode["groups-full"], bridge, limit, 0, 0);
  }

  #add(slot: number, channel: ChannelId): void {
    const table = this.#table;
    table.set(slot, channel, true);
    table.setLive(slot, true);
    if (table.kind(slot) === Kind.Group) {
      this.members.joined[channel] = (this.members.joined[channel] as number) + 1;
    }
  }

  /** A leave of a group whose member is heard again is settled. */
  #settle(slot: number, channel: ChannelId): void {
    if (this.#doubts.length === 0) return;
    this.#doubts = this.#doubts.filter((one) => one.slot !== slot || one.channel !== channel);
  }

  leave(group: Address): void {
    const now = this.#now;
    const channel = this.#channel;
    const [a, b, c, d] = group;
    const slot = this.#table.find(this.#scope, a, b, c, d);
    if (slot < 0 || !this.#table.has(slot, channel)) return;
    // RFC 2236 4: a host of version 1 may be there, which would not answer.
    if (now < this.members.oldUntil(slot)) return;
    if (this.#hooks.channel(channel)?.fastLeave === true) {
      this.#remove(slot, channel, now);
      return;
    }
    const domain = this.domains.get(this.#scope);
    if (domain?.state !== Asker.Own || this.#doubts.length >= MAX_DOUBTS) return;
    if (this.#doubts.some((one) => one.slot === slot && one.channel === channel)) return;
    this.#lower(slot, channel, now + domain.lastMemberTime);
    this.#doubts.push({ slot, channel, left: domain.config.robustness, at: now });
    this.#ask(now);
  }

  #lower(slot: number, channel: ChannelId, until: Millis): void {
    if (until < this.members.until(slot, channel)) this.members.setUntil(slot, channel, until);
  }

  /** Sends the queries of doubtful leaves that are due. */
  #ask(now: Millis): void {
    const table = this.#table;
    for (const doubt of this.#doubts) {
      if (now < doubt.at) continue;
      const domain = this.domains.get(table.scope(doubt.slot));
      const isThere = table.state(doubt.slot) === Slot.Live && table.has(doubt.slot, doubt.channel);
      if (domain === undefined || domain.state !== Asker.Own || !isThere) {
        doubt.left = 0;
        continue;
      }
      const delay = domain.config.lastMemberInterval;
      doubt.left--;
      doubt.at = now + delay;
      this.#speaker.query(domain, this.#addressOf(doubt.slot), doubt.channel, delay);
    }
    this.#doubts = this.#doubts.filter(({ left }) => left > 0);
  }

  #addressOf(slot: number): Address {
    const table = this.#table;
    return [table.word(slot, 0), table.word(slot, 1), table.word(slot, 2), table.word(slot, 3)];
  }

  #remove(slot: number, channel: ChannelId, now: Millis): void {
    const table = this.#table;
    const isGroup = table.kind(slot) === Kind.Group;
    table.set(slot, channel, false);
    if (isGroup) this.members.joined[channel] = (this.members.joined[channel] as number) - 1;
    else this.#tellRouter(slot, channel, 0);
    if (table.isEmpty(slot) && (isGroup || table.flags(slot) === 0)) {
      const known = isGroup ? undefined : this.domains.get(table.scope(slot));
      if (known === undefined || known.state === Asker.None) table.setLive(slot, false);
    }
    this.#hooks.changed(slot, now);
    if (isGroup) this.#clearFull(table.scope(slot), now);
  }

  /**
   * There is room again: unknown groups need not flood any more once a tenth is free. The bound is the bridge's, so
   * this holds for every VLAN and family of it, whichever the room came from.
   */
  #clearFull(freed: number, now: Millis): void {
    const table = this.#table;
    const bridge = bridgeOf(freed);
    const limit = this.#hooks.bridge(freed)?.maxGroups ?? 0;
    if (table.groupCount(bridge) > limit * 0.9) return;
    for (const scope of this.domains.keys()) {
      const routers = bridgeOf(scope) === bridge ? table.routers(scope) : -1;
      if (routers < 0 || (table.flags(routers) & RouterFlag.Full) === 0) continue;
      table.setFlags(routers, table.flags(routers) & ~RouterFlag.Full);
      this.#hooks.changed(routers, now);
    }
  }

  // --- queries and routers -------------------------------------------------------------------------------------------

  query(group: Address, query: HeardQuery & { readonly lowers: boolean }): void {
    const now = this.#now;
    const domain = this.#domain(this.#scope);
    if (domain === undefined) {
      this.#tellFull(MAX_DOMAINS);
      return;
    }
    const before = domain.querier;
    const state = domain.state;
    const isQuerier = domain.heard(query, now);
    this.#due = 0;
    // RFC 4541 2.1.1: a query from 0.0.0.0 shows another switch, not a router.
    if (!isNobody(query.from)) this.router(domain.otherQuerierInterval);
    if (!isQuerier) return;
    if (state !== domain.state || before.some((word, index) => word !== domain.querier[index])) {
      this.#tellQuerier(domain);
    }
    this.#refresh(domain, now);
    if (state === Asker.None) this.#fixDomain(domain, now);
    if (query.isGeneral || !query.lowers) return;
    const [a, b, c, d] = group;
    const slot = this.#table.find(domain.scope, a, b, c, d);
    if (slot < 0) return;
    // RFC 3376 6.6.1, RFC 2236 3: who is not the querier lowers its timers as the querier does.
    const until = now + query.responseDelay * domain.robustness;
    for (let channel = 0; channel < this.members.joined.length; channel++) {
      if (this.#table.has(slot, channel)) this.#lower(slot, channel, until);
    }
  }

  router(time: Millis): void {
    const channel = this.#channel;
    const wanted = this.#hooks.channel(channel)?.routerPort ?? RouterPort.Auto;
    if (wanted === RouterPort.Never) return;
    const slot = this.#routerSlot(this.#scope);
    if (slot < 0) return;
    const until = wanted === RouterPort.Always ? Infinity : this.#now + time;
    const isNew = !this.#table.has(slot, channel);
    if (isNew || until > this.members.until(slot, channel)) {
      this.members.setUntil(slot, channel, until);
    }
    if (!isNew) return;
    this.#add(slot, channel);
    this.#tellRouter(slot, channel, 1);
    this.#hooks.changed(slot, this.#now);
  }

  #routerSlot(scope: number): number {
    const table = this.#table;
    const known = table.findAny(scope, Kind.Routers, 0, 0, 0, 0);
    if (known >= 0 && table.state(known) === Slot.Live) return known;
    const slot = table.obtain(scope, Kind.Routers, 0, 0, 0, 0);
    if (slot >= 0) this.members.begin(slot);
    return slot;
  }

  #tellRouter(slot: number, channel: ChannelId, on: number): void {
    const scope = this.#table.scope(slot);
    const where = vlanOf(scope) * 2 + familyOf(scope);
    this.#out.event(EventCode["router-port"], bridgeOf(scope), where, channel, on);
  }

  #tellQuerier(domain: Domain): void {
    const { scope, querier } = domain;
    const last = ((querier[2] & 0xffff) >>> 0) * 2 ** 32 + (querier[3] >>> 0);
    const where = vlanOf(scope) * 2 + familyOf(scope);
    const code = EventCode["querier-changed"];
    this.#out.event(code, bridgeOf(scope), where, domain.state, last);
  }

  /** Makes the router row say what the domain says. */
  #refresh(domain: Domain, now: Millis): void {
    const table = this.#table;
    const slot = this.#routerSlot(domain.scope);
    if (slot < 0) return;
    const isNone = domain.state === Asker.None;
    const full = isNone ? 0 : table.flags(slot) & RouterFlag.Full;
    const own = domain.state === Asker.Own ? RouterFlag.Own : 0;
    const flags = full | own | (domain.isActive ? RouterFlag.Active : 0);
    const [a, b, c, d] = domain.querier;
    const isSame =
      flags === table.flags(slot) &&
      table.word(slot, 0) === (a | 0) &&
      table.word(slot, 1) === (b | 0) &&
      table.word(slot, 2) === (c | 0) &&
      table.word(slot, 3) === (d | 0);
    const live = !isNone || !table.isEmpty(slot);
    if (isSame && live === (table.state(slot) === Slot.Live)) {
      if (!live && table.version(slot) === 0) table.release(slot);
      return;
    }
    table.setFlags(slot, flags);
    table.setAddress(slot, a, b, c, d);
    table.setLive(slot, live);
    this.#hooks.changed(slot, now);
  }

  // --- timers, links, roles ------------------------------------------------------------------------------------------

  tick(now: Millis): void {
    this.#now = now;
    if (now >= this.#due) this.#expireDomains(now);
    if (this.#doubts.length > 0) this.#ask(now);
    this.members.expire(now, (slot, channel) => this.#remove(slot, channel, now));
  }

  #expireDomains(now: Millis): void {
    for (const domain of this.domains.values()) {
      if (now < domain.due) continue;
      const { state } = domain;
      const asks = domain.expire(now);
      if (domain.state !== state) this.#tellQuerier(domain);
      if (asks) this.#speaker.query(domain, NOBODY, -1, domain.config.queryResponse);
      this.#refresh(domain, now);
      if (domain.state === Asker.None && this.#table.routers(domain.scope) < 0) {
        this.domains.delete(domain.scope);
      }
    }
    this.#due = Infinity;
    for (const { due } of this.domains.values()) this.#due = Math.min(this.#due, due);
  }

  /** Takes a group away: who wants it says so at the next query. */
  forget(slot: number, now: Millis): void {
    for (let channel = 0; channel < this.members.joined.length; channel++) {
      if (this.#table.has(slot, channel)) this.#remove(slot, channel, now);
    }
  }

  /** A channel lost its link, or left the bridge: nobody is there any more. */
  channelDown(channel: ChannelId, now: Millis): void {
    const table = this.#table;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.state(slot) !== Slot.Live || !table.has(slot, channel)) continue;
      if (this.members.until(slot, channel) !== Infinity) this.#remove(slot, channel, now);
    }
  }

  /** The topology changed: members may be elsewhere now, so everybody is asked (RFC 4541 2.1.1). */
  topologyChanged(bridge: number, now: Millis): void {
    for (const domain of this.domains.values()) {
      if (bridgeOf(domain.scope) === bridge && domain.state === Asker.Own) domain.queryAt = now;
    }
    this.#due = 0;
  }

  /** Takes over another core's rows: what they say gets a whole interval, queriers stay, the own one asks at once. */
  takeOver(bridges: readonly SnoopBridgeConfig[], now: Millis): void {
    const table = this.#table;
    this.#now = now;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.state(slot) === Slot.Live) this.adopt(slot, now);
    }
    this.recount(now);
    for (const config of bridges) this.#beginQuerier(config, now);
    for (const config of bridges) this.#fixRouters(config, now);
  }

  /** A row that another core wrote last: its timers begin anew. */
  adopt(slot: number, now: Millis): void {
    const table = this.#table;
    const scope = table.scope(slot);
    const domain = this.#domain(scope);
    if (domain === undefined) return;
    const isGroup = table.kind(slot) === Kind.Group;
    if (!isGroup && domain.state === Asker.None) this.#adoptQuerier(domain, slot, now);
    const time = isGroup ? domain.membershipInterval : domain.otherQuerierInterval;
    this.members.begin(slot);
    for (let channel = 0; channel < this.members.joined.length; channel++) {
      if (!table.has(slot, channel)) continue;
      this.members.setUntil(slot, channel, now + time);
    }
  }

  /**
   * Counts the groups of each channel anew, after rows that others wrote. What two masters entered at once, when the
   * role moved, may be too much: the last rows go, and flood as those for which there is no room.
   */
  recount(now: Millis): void {
    const table = this.#table;
    this.members.recount();
    for (let slot = table.capacity - 1; slot >= 0; slot--) {
      if (table.state(slot) !== Slot.Live || table.kind(slot) !== Kind.Group) continue;
      const scope = table.scope(slot);
      const limit = this.#hooks.bridge(scope)?.maxGroups ?? 0;
      if (table.groupCount(bridgeOf(scope)) <= limit) continue;
      this.begin(scope, 0, now);
      this.#refuse(limit);
      this.forget(slot, now);
    }
  }

  #adoptQuerier(domain: Domain, slot: number, now: Millis): void {
    this.#due = 0;
    const table = this.#table;
    const flags = table.flags(slot);
    const isActive = (flags & RouterFlag.Active) !== 0;
    if ((flags & RouterFlag.Own) !== 0) domain.begin(now);
    else {
      const from = this.#addressOf(slot);
      const { queryResponse: responseDelay } = domain.config;
      domain.heard({ from, isGeneral: true, responseDelay, robustness: 0, interval: 0 }, now);
    }
    if (isActive && domain.state !== Asker.None) domain.activeAt = 0;
  }

  #beginQuerier(config: SnoopBridgeConfig, now: Millis): void {
    for (const vlan of config.querier?.vlans ?? []) {
      for (const family of [Family.Ipv4, Family.Ipv6]) {
        const scope = makeScope(config.bridge, vlan, family);
        if (this.#hooks.bridge(scope) === undefined) continue;
        const domain = this.#domain(scope);
        if (domain === undefined || domain.state !== Asker.None) continue;
        domain.begin(now);
        this.#due = 0;
        this.#tellQuerier(domain);
        this.#refresh(domain, now);
      }
    }
  }

  /** Router ports of the configuration, in every VLAN where a querier is known. */
  #fixRouters(config: SnoopBridgeConfig, now: Millis): void {
    for (const domain of this.domains.values()) {
      if (bridgeOf(domain.scope) === config.bridge) this.#fixDomain(domain, now);
    }
  }

  #fixDomain(domain: Domain, now: Millis): void {
    const bridge = bridgeOf(domain.scope);
    for (const { channel, routerPort } of domain.config.channels) {
      if (routerPort !== RouterPort.Always) continue;
      if (!this.#hooks.mayHold(bridge, channel, vlanOf(domain.scope))) continue;
      this.begin(domain.scope, channel, now);
      this.router(Infinity);
    }
  }
}
