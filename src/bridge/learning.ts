// What one core knows of one bridge's stations, and what it tells the other cores of it (BR-3..5, BR-9, BR-10). Every
// change has a version; the larger version wins on every core, so that all end with the same entries whatever the order
// in which they hear of them.

import { Drop } from "../engine/drop.ts";
import { EventCode } from "../engine/event.ts";
import type { Out } from "../engine/out.ts";
import { Role } from "../engine/role.ts";
import type { ChannelId, CoreId, Mac, Millis, Vlan } from "../lib/units.ts";
import { writerOf } from "../lib/version.ts";
import { type Clock, firstAt, timeOf } from "./clock.ts";
import type { Ageing, BridgeConfig } from "./config.ts";
import { BridgeCounter } from "./counters.ts";
import {
  ALL,
  Delete,
  makeScope,
  NO_CHANNEL,
  sendDelete,
  sendFlush,
  sendLearn,
  sendRefuse,
} from "./message.ts";
import type { Muting } from "./muting.ts";
import { Resync } from "./resync.ts";
import {
  CHANNEL_MASK,
  Flag,
  highOf,
  lowOf,
  macOf,
  makeKey,
  Slot,
  StationTable,
  vlanOf,
} from "./table.ts";

/** Slots that a sweep looks at in one tick: our choice, some microseconds; 2^20 slots take two seconds. */
const SLICE = 512;
/** How long a tombstone stays at least where there is room: our choice, far above any delay on the bus. */
const TOMBSTONE_TIME: Millis = 10_000;
/** Events about single stations that a bridge tells in a second: our choice, more than a person reads. */
const EVENTS_PER_SECOND = 50;

export class Learning {
  readonly table: StationTable;
  readonly resync: Resync;
  /** Number of the bridge. */
  readonly index: number;
  /** Epoch and bridge, as messages carry them. */
  #scope: number;
  readonly #out: Out;
  readonly #clock: Clock;
  #muting: Muting | null = null;
  readonly #counters: Float64Array;
  readonly #channels: number;
  readonly #replicates: boolean;
  #ageing: Ageing;
  #period: Millis;
  /** Number of the ageing sweep that ran or runs: time divided by the period, the same on all cores. */
  #sweep = -1;
  /** Next slot of the walk under way, or -1; whether it ages; the table's flushes when it began. */
  #cursor = -1;
  #ages = false;
  #flushes = 0;
  #eventSecond = -1;
  #eventsLeft = 0;

  constructor(
    out: Out,
    clock: Clock,
    counters: Float64Array,
    index: number,
    config: BridgeConfig,
    channels: number,
  ) {
    this.#out = out;
    this.#clock = clock;
    this.#counters = counters;
    this.#channels = channels;
    this.index = index;
    this.#scope = makeScope(0, index);
    this.table = new StationTable(config.tableSize, config.probeLimit, channels, config.seed ?? 0);
    this.#replicates = config.learning === "broadcast" && out.cores > 1;
    this.resync = new Resync(out, this.table, channels, this.#replicates);
    this.#ageing = config.learning === "independent" ? "each-silent" : config.ageing;
    this.#period = config.ageingTime;
  }

  #count(counter: number): void {
    this.#counters[counter] = (this.#counters[counter] as number) + 1;
  }

  #tell(code: number, a: number, b: number, c: number, d: number, now: Millis): void {
    const second = Math.floor(now / 1000);
    if (second !== this.#eventSecond) {
      this.#eventSecond = second;
      this.#eventsLeft = EVENTS_PER_SECOND;
    }
    if (this.#eventsLeft <= 0) return;
    this.#eventsLeft--;
    this.#out.event(code, a, b, c, d);
  }

  // --- what this core's own traffic teaches (BR-3) -----------------------------------------------------------------

  /** A frame of a known station, where the packet path found more than "all as before". */
  seen(slot: number, channel: ChannelId, now: Millis): void {
    const { table } = this;
    const meta = table.meta(slot);
    if ((meta & Flag.Static) !== 0) return;
    const known = meta & CHANNEL_MASK;
    if (known === channel && (meta & Flag.InUse) !== 0) {
      table.addFlags(slot, Flag.Own); // Another core has said so in this period.
      return;
    }
    const version = this.#clock.next(now);
    table.renew(slot, channel | Flag.InUse | Flag.Own | (meta & Flag.Named), version);
    if (known === channel) this.#count(BridgeCounter.Refreshed);
    else {
      this.#count(BridgeCounter.Moved);
      this.#moved(slot, channel, now);
      const mac = macOf(table.low(slot), table.key(slot));
      this.#tell(EventCode["station-moved"], mac, vlanOf(table.key(slot)), known, channel, now);
    }
    this.#announce(slot, ALL);
  }

  #moved(slot: number, channel: ChannelId, now: Millis): void {
    this.table.countMove(slot, now);
    if (this.#muting?.moved(this.index, channel, now) === true) this.#count(BridgeCounter.Muted);
  }

  #announce(slot: number, to: CoreId | typeof ALL): void {
    if (!this.#replicates) return;
    const { table } = this;
    const channel = table.meta(slot) & CHANNEL_MASK;
    sendLearn(
      this.#out,
      to,
      this.#scope,
      table.low(slot),
      table.key(slot),
      channel,
      table.version(slot),
    );
  }

  /** A frame of a station that is not in the table. */
  learn(low: number, key: number, channel: ChannelId, now: Millis): void {
    const { table } = this;
    const slot = this.#room(low, key, now);
    if (slot < 0) {
      this.#count(BridgeCounter.Refused);
      return;
    }
    table.set(slot, low, key, channel | Flag.InUse | Flag.Own, this.#clock.next(now), now);
    this.#count(BridgeCounter.Learned);
    const mac = macOf(low, key);
    this.#tell(EventCode["station-learned"], this.index, mac, vlanOf(key), channel, now);
    this.#announce(slot, ALL);
  }

  /** A slot for a station without a live entry; the oldest of the fullest channel gives way (BR-10). -1 for none. */
  #room(low: number, key: number, now: Millis): number {
    const { table } = this;
    const known = table.findAny(low, key);
    if (known >= 0) {
      table.release(known);
      return known;
    }
    const slot = table.place(low, key);
    if (slot >= 0) return slot;
    const victim = table.victim(low, key);
    if (victim < 0) return -1;
    this.#count(BridgeCounter.Evicted);
    const from = table.meta(victim) & CHANNEL_MASK;
    this.#tell(EventCode["bridge-full"], this.index, from, 0, 0, now);
    const version = this.#clock.next(now);
    table.raiseFloor(table.low(victim), table.key(victim), version);
    this.#tellRefused(table.low(victim), table.key(victim), version);
    table.release(victim);
    return victim;
  }

  #renounce(low: number, key: number, why: number, version: number): void {
    if (this.#replicates) sendDelete(this.#out, ALL, this.#scope, low, key, why, version);
  }

  #tellRefused(low: number, key: number, version: number): void {
    if (this.#replicates) sendRefuse(this.#out, this.#scope, low, key, version);
  }

  // --- what other cores tell (BR-4) ----------------------------------------------------------------------------------

  /** Another core learned a station, or saw it move or again. */
  applyLearn(
    low: number,
    key: number,
    channel: ChannelId,
    version: number,
    from: CoreId,
    now: Millis,
  ): void {
    this.#clock.witness(version);
    if (!this.#replicates) return;
    const { table } = this;
    if (channel >= this.#channels) {
      this.#out.drop(Drop["bus-unknown"]);
      return;
    }
    if (table.isFlushed(channel, vlanOf(key), version)) {
      // Flushed before it arrived; yet it is newer than what older words say of the station on another channel.
      this.#supersede(low, key, version);
      return;
    }
    const slot = table.findAny(low, key);
    if (slot < 0) {
      if (version <= table.floor(low, key)) this.#refuse(low, key, now);
      else this.#adopt(low, key, channel, version, from, now);
      return;
    }
    const meta = table.meta(slot);
    switch (table.state(slot)) {
      case Slot.Live:
        if ((meta & Flag.Static) !== 0) return;
        if (version > table.version(slot)) this.#follow(slot, meta, channel, version, now);
        if (this.resync.isReceiving(from)) table.addFlags(slot, Flag.Named);
        return;
      case Slot.Tombstone:
      case Slot.Stale:
        if (version > table.version(slot)) this.#adopt(low, key, channel, version, from, now);
        return;
      case Slot.Free:
        return;
    }
  }

  #follow(slot: number, meta: number, channel: ChannelId, version: number, now: Millis): void {
    const moved = (meta & CHANNEL_MASK) !== channel;
    const kept = meta & (moved ? Flag.Named : Flag.Named | Flag.Own);
    this.table.renew(slot, channel | Flag.InUse | kept, version);
    if (moved) this.#moved(slot, channel, now);
  }

  #adopt(
    low: number,
    key: number,
    channel: ChannelId,
    version: number,
    from: CoreId,
    now: Millis,
  ): void {
    const slot = this.#room(low, key, now);
    if (slot < 0) {
      this.#refuse(low, key, now);
      return;
    }
    const named = this.resync.isReceiving(from) ? Flag.Named : 0;
    this.table.set(slot, low, key, channel | Flag.InUse | named, version, timeOf(version));
  }

  /**
   * This core cannot hold the entry, or cannot tell whether it is older than a deletion: so no core holds it. Where
   * there is room a tombstone says so, in place of an older one: who is to be sent the whole table hears nothing else.
   */
  #refuse(low: number, key: number, now: Millis): void {
    this.#count(BridgeCounter.Refused);
    const version = this.#clock.next(now);
    this.table.place(low, key);
    this.table.bury(low, key, version);
    this.#tellRefused(low, key, version);
  }

  /** Another core deleted a station. */
  applyDelete(low: number, key: number, why: number, version: number, now: Millis): void {
    this.#clock.witness(version);
    if (!this.#replicates) return;
    const { table } = this;
    const slot = table.find(low, key);
    const meta = slot < 0 ? 0 : table.meta(slot);
    if (why === Delete.Aged && (meta & Flag.Own) !== 0 && version > table.version(slot)) {
      if ((meta & Flag.Static) !== 0) return;
      // BR-5: nobody flushes what this core still sees; its word crossed the deletion.
      table.renew(slot, meta, this.#clock.next(now));
      this.#count(BridgeCounter.Refreshed);
      this.#announce(slot, ALL);
      return;
    }
    const isOwnWord =
      writerOf(version) === this.#out.core && slot >= 0 && version === table.version(slot);
    this.#supersede(low, key, version);
    // Who has just had that word from here again hears from here alone that it is gone.
    if (isOwnWord) this.#renounce(low, key, Delete.Gone, version);
  }

  /** Another core holds a station: it is told again where this one has refused it, or knows that it is gone. */
  applyHeld(low: number, key: number, version: number, now: Millis): void {
    const { table } = this;
    const slot = table.findAny(low, key);
    if (slot < 0) {
      if (version <= table.floor(low, key)) this.#refuse(low, key, now);
    } else if (table.state(slot) !== Slot.Live && version <= table.version(slot)) {
      this.#tellRefused(low, key, table.version(slot));
    }
  }

  /**
   * The station is nowhere as of this version. At the same one, too: a core that started anew no longer names what it
   * told, and whoever has entombed that for it must not differ for good from those who have not.
   */
  #supersede(low: number, key: number, version: number): void {
    const { table } = this;
    const slot = table.findAny(low, key);
    if (slot < 0) table.bury(low, key, version);
    else if (version >= table.version(slot) && !this.#isStatic(slot)) table.entomb(slot, version);
  }

  #isStatic(slot: number): boolean {
    return this.table.state(slot) === Slot.Live && (this.table.meta(slot) & Flag.Static) !== 0;
  }

  applyFlush(channel: number, vlan: Vlan, version: number): void {
    this.#clock.witness(version);
    this.table.flush(channel === NO_CHANNEL ? -1 : channel, vlan, version);
  }

  applyPairFlush(bucket: number, version: number): void {
    this.#clock.witness(version);
    this.table.flushPair(bucket, version);
  }

  // --- changes from inside and by people -------------------------------------------------------------------------------

  /** Takes all dynamic stations of a channel (-1: any) and a VLAN (0: any) away, here and on the other cores: O(1). */
  flush(channel: ChannelId | -1, vlan: Vlan, now: Millis): void {
    const version = this.#clock.next(now);
    this.table.flush(channel, vlan, version);
    if (this.#out.cores === 1) return;
    const where = channel < 0 ? NO_CHANNEL : channel;
    sendFlush(this.#out, ALL, this.#scope, Delete.Flush, where, vlan, version);
  }

  /** Takes all dynamic stations away that match (-1 and 0: any), here and on the other cores; how many there were. */
  clear(mac: Mac | -1, vlan: Vlan, channel: ChannelId | -1, now: Millis): number {
    const { table } = this;
    let count = 0;
    for (let slot = 0; slot < table.size; slot++) {
      const meta = table.meta(slot);
      if (table.state(slot) !== Slot.Live || (meta & Flag.Static) !== 0) continue;
      if (channel >= 0 && (meta & CHANNEL_MASK) !== channel) continue;
      const key = table.key(slot);
      if (vlan > 0 && vlanOf(key) !== vlan) continue;
      if (mac >= 0 && macOf(table.low(slot), key) !== mac) continue;
      count++;
      if (mac >= 0) this.#delete(slot, Delete.Gone, now);
    }
    if (mac < 0) this.flush(channel, vlan, now);
    return count;
  }

  #delete(slot: number, why: number, now: Millis): void {
    const { table } = this;
    const version = this.#clock.next(now);
    table.entomb(slot, version);
    this.#renounce(table.low(slot), table.key(slot), why, version);
  }

  /** Takes one station away, here and on the other cores. */
  forget(slot: number, now: Millis): void {
    this.#delete(slot, Delete.Gone, now);
  }

  /** BR-9: pins a station to a channel, or (-1) drops what is sent to it. False when no slot can be had. */
  addStatic(mac: Mac, vlan: Vlan, channel: ChannelId | -1, now: Millis): boolean {
    const low = lowOf(mac);
    const key = makeKey(highOf(mac), vlan);
    const slot = this.#room(low, key, now);
    if (slot < 0) return false;
    const to = channel < 0 ? NO_CHANNEL : channel;
    this.table.set(slot, low, key, to | Flag.Static | Flag.InUse | Flag.Own, 0, now);
    return true;
  }

  /**
   * Removes a static station. What the others learned of it meanwhile this core has ignored, so they forget it too and
   * learn it anew.
   */
  removeStatic(mac: Mac, vlan: Vlan, now: Millis): boolean {
    const { table } = this;
    const slot = table.find(lowOf(mac), makeKey(highOf(mac), vlan));
    if (slot < 0 || (table.meta(slot) & Flag.Static) === 0) return false;
    this.#delete(slot, Delete.Gone, now);
    return true;
  }

  /** Takes over times and variants that do not change the table's shape, and the configuration's epoch. */
  configure(config: BridgeConfig, epoch: number, muting: Muting): void {
    this.#muting = muting;
    this.#scope = makeScope(epoch, this.index);
    this.resync.configure(this.#scope);
    this.#ageing = config.learning === "independent" ? "each-silent" : config.ageing;
    if (config.ageingTime !== this.#period) this.#sweep = -1;
    this.#period = config.ageingTime;
  }

  /** Copies an entry of a table of other shape or numbering; only while configuring. */
  inherit(from: StationTable, slot: number, meta: number): void {
    const low = from.low(slot);
    const key = from.key(slot);
    const to = this.table.place(low, key);
    if (to < 0) return;
    this.table.set(to, low, key, meta, from.version(slot), from.learned(slot));
  }

  // --- ageing (BR-5) ---------------------------------------------------------------------------------------------------

  /** A slice of the walk over the table, when one is due: ageing, or taking flushed entries away. */
  tick(now: Millis): void {
    if (this.#cursor < 0 && !this.#begin(now)) return;
    const { table } = this;
    const end = Math.min(table.size, this.#cursor + SLICE);
    for (let slot = this.#cursor; slot < end; slot++) this.#visit(slot, now);
    this.#cursor = end;
    if (end < table.size) return;
    this.#cursor = -1;
    if (table.flushes === this.#flushes) table.clean();
  }

  /** Until the ageing timer fires next, and its period. */
  timer(now: Millis): { due: Millis; period: Millis } {
    return { due: this.#period - (now % this.#period), period: this.#period };
  }

  #begin(now: Millis): boolean {
    const due = Math.floor(now / this.#period);
    this.#ages = this.#sweep >= 0 && due > this.#sweep;
    this.#sweep = due;
    if (!this.#ages && !this.table.dirty) return false;
    this.#cursor = 0;
    this.#flushes = this.table.flushes;
    return true;
  }

  #visit(slot: number, now: Millis): void {
    const { table } = this;
    switch (table.state(slot)) {
      case Slot.Free:
        return;
      case Slot.Stale:
        table.entomb(slot, table.version(slot));
        return;
      case Slot.Tombstone:
        if (table.version(slot) < firstAt(now - TOMBSTONE_TIME)) table.release(slot);
        return;
      case Slot.Live:
        if (this.#ages) this.#age(slot, now);
        return;
    }
  }

  /**
   * A flag found set is cleared. A flag found clear is believed only when the version, too, is from before the last
   * timer: else the station was seen after that, by a core whose timer had already run.
   */
  #age(slot: number, now: Millis): void {
    const { table } = this;
    const meta = table.meta(slot);
    if ((meta & Flag.Static) !== 0) return;
    if ((meta & Flag.InUse) !== 0) {
      table.removeFlags(slot, Flag.InUse | Flag.Own);
      return;
    }
    const version = table.version(slot);
    if (version >= firstAt((this.#sweep - 1) * this.#period) || !this.#mayFlush(version)) return;
    this.#count(BridgeCounter.Aged);
    const mac = macOf(table.low(slot), table.key(slot));
    const vlan = vlanOf(table.key(slot));
    this.#tell(EventCode["station-flushed"], this.index, mac, vlan, meta & CHANNEL_MASK, now);
    if (this.#ageing === "each-silent") table.release(slot);
    else this.#delete(slot, Delete.Aged, now);
  }

  /**
   * Whose job a flush is. `one`: the link master's. `each-tells`: the core's that told of the station last, so that
   * a flush is told once; another core does it one period later, should that one be dead.
   */
  #mayFlush(version: number): boolean {
    if (this.#ageing === "one") return this.#out.core === this.#out.master(Role.Link);
    if (this.#ageing === "each-silent" || writerOf(version) === this.#out.core) return true;
    return version < firstAt((this.#sweep - 2) * this.#period);
  }
}
