// How the table of virtual MACs is kept equal on all cores (VR-2): what a core heard for the first time, or heard
// change, it tells the others; what is as known costs nothing. The owner of a row ages it and says so; whoever hears
// the router contradicts, and becomes the owner. A flush reaches all.

import { Drop } from "../engine/drop.ts";
import { Message } from "../engine/message.ts";
import type { Out } from "../engine/out.ts";
import { Role } from "../engine/role.ts";
import { Buckets } from "../lib/token-buckets.ts";
import type { ChannelId, CoreId, Mac, Millis, Offset } from "../lib/units.ts";
import { LEARN_LIMIT, type VrConfig } from "./config.ts";
import * as message from "./message.ts";
import { Flag, makeSaid, sayAddresses, type VmacSaid, VmacTable } from "./vmac.ts";

/** How often rows are looked at. Our choice. */
const SWEEP: Millis = 250;
/** The least time of a row: a core's pause ages nobody. Our choice. */
const LEAST: Millis = 1000;

export class Learning {
  table: VmacTable;
  readonly #out: Out;
  #config: VrConfig;
  #epoch: number;
  #sweepAt: Millis = 0;
  readonly #limits: Buckets;
  readonly #told: VmacSaid = makeSaid();
  /** The last flush: what was told before it is void. */
  #flush: { version: number; iface: number; vrid: number } = { version: -1, iface: 0, vrid: 0 };

  constructor(config: VrConfig, out: Out, epoch: number, channels: number) {
    this.#out = out;
    this.#config = config;
    this.#epoch = epoch;
    this.#limits = new Buckets(channels, LEARN_LIMIT);
    this.table = new VmacTable(config.maxEntries);
    this.#addStatics();
  }

  #addStatics(): void {
    for (const one of this.#config.statics) {
      const said: VmacSaid = { ...makeSaid(), ...one, protocol: 0, timeout: 0 };
      sayAddresses(said, one.addresses, one.addresses6);
      const slot = this.table.put(said, 0, 0, 0);
      if (slot >= 0) this.table.setStatic(slot);
    }
  }

  /** Takes over a configuration. Rows stay when the interfaces kept their numbers. */
  configure(config: VrConfig, epoch: number, channels: number, keeps: boolean, now: Millis): void {
    const before = this.table;
    this.#config = config;
    this.#epoch = epoch;
    this.#limits.configure(channels, LEARN_LIMIT);
    this.table = new VmacTable(config.maxEntries);
    this.#addStatics();
    if (!keeps) return;
    const said = makeSaid();
    for (let slot = 0; slot < before.capacity; slot++) {
      if (before.used[slot] !== 1 || before.isStatic(slot)) continue;
      before.say(slot, said);
      if (this.table.find(said.iface, said.mac, said.family) >= 0) continue;
      const owner = before.owner[slot] as number;
      const to = this.table.put(said, owner, before.version[slot] as number, now);
      if (to < 0) return;
      this.table.heard[to] = before.heard[slot] as number;
      this.table.heardHere[to] = before.heardHere[slot] as number;
    }
  }

  /** This core heard a router. `said` has its own time; the configured one goes before it. */
  heard(said: VmacSaid, channel: ChannelId, now: Millis): void {
    const { table } = this;
    said.timeout = Math.round(this.#config.timeout || Math.max(LEAST, said.timeout));
    const slot = table.find(said.iface, said.mac, said.family);
    if (slot >= 0 && (table.isSame(slot, said) || table.isStatic(slot))) {
      table.refresh(slot, now);
      return;
    }
    if (!this.#limits.take(Math.max(0, channel), now)) {
      this.#out.drop(Drop["vr-rate"]);
      return;
    }
    const version = Math.max(Math.floor(now), slot < 0 ? 0 : (table.version[slot] as number) + 1);
    const at = table.put(said, this.#out.core, this.#after(version), now);
    if (at < 0) {
      this.#out.drop(Drop["vr-table-full"]);
      return;
    }
    table.refresh(at, now);
    if (this.#out.cores === 1) return;
    this.#draft(at, now);
    this.#out.broadcast();
  }

  /** A version that the last flush does not void. */
  #after(version: number): number {
    return Math.max(version, this.#flush.version + 1);
  }

  #draft(slot: number, now: Millis): void {
    const { table } = this;
    table.say(slot, this.#told);
    const at = this.#out.draft(Message["vmac-entry"]);
    const age = now - (table.heard[slot] as number);
    const owner = table.owner[slot] as number;
    const version = table.version[slot] as number;
    message.writeVmac(this.#out.view, at, this.#told, owner, version, age, this.#epoch);
  }

  /** Another core tells of a row. */
  entry(at: Offset, now: Millis): void {
    const { view } = this.#out;
    const { table } = this;
    const said = this.#told;
    message.readVmac(view, at, said);
    const version = message.versionOf(view, at);
    const owner = message.ownerOf(view, at);
    if (version <= this.#flush.version && this.#isFlushed(said.iface, said.vrid)) return;
    const slot = table.find(said.iface, said.mac, said.family);
    if (slot >= 0) {
      if (table.isStatic(slot)) return;
      const known = table.version[slot] as number;
      if (version === known && owner === table.owner[slot]) {
        table.flags[slot] = (table.flags[slot] as number) & ~Flag.Stale;
        return;
      }
      if (version < known || (version === known && owner < (table.owner[slot] as number))) return;
    }
    const put = table.put(said, owner, version, now);
    if (put < 0) {
      this.#out.drop(Drop["vr-table-full"]);
      return;
    }
    // What this core heard itself may be younger.
    const here = table.heardHere[put] as number;
    table.heard[put] = Math.max(here, now - message.ageOf(view, at));
  }

  #isFlushed(iface: number, vrid: number): boolean {
    const flush = this.#flush;
    return (
      (flush.iface === message.ANY || flush.iface === iface) &&
      (flush.vrid === message.ANY || flush.vrid === vrid)
    );
  }

  /** Another core says that a row is gone, or that many are. */
  deleted(from: CoreId, at: Offset, now: Millis): void {
    const { view } = this.#out;
    const said = this.#told;
    message.readVmac(view, at, said);
    const version = message.versionOf(view, at);
    if (said.mac === 0) {
      this.#flushRows(said.iface, said.vrid, version);
      return;
    }
    const { table } = this;
    const slot = table.find(said.iface, said.mac, said.family);
    if (slot < 0 || table.isStatic(slot) || (table.version[slot] as number) > version) return;
    const owner = table.owner[slot] as number;
    if (owner !== from && this.#isAlive(owner)) return;
    if (table.isHeardHere(slot, now)) this.#claim(slot, version, now);
    else table.remove(slot);
  }

  #isAlive(core: CoreId): boolean {
    return core === this.#out.core || (this.#out.isAlive?.(core) ?? true);
  }

  /** The row is ours from now on: this core hears the router, its owner does not any more. */
  #claim(slot: number, version: number, now: Millis): void {
    const { table } = this;
    table.owner[slot] = this.#out.core;
    table.version[slot] = Math.max(Math.floor(now), version + 1);
    this.#draft(slot, now);
    this.#out.broadcast();
  }

  /** Forgets what is not configured, of an interface or of all (ANY), on every core. Returns the rows. */
  flush(iface: number, vrid: number, now: Millis): number {
    const version = this.#after(Math.floor(now));
    const count = this.#flushRows(iface, vrid, version);
    if (this.#out.cores === 1) return count;
    const at = this.#out.draft(Message["vmac-delete"]);
    message.writeDelete(this.#out.view, at, 0, iface, vrid, 0, version, this.#epoch);
    this.#out.broadcast();
    return count;
  }

  #flushRows(iface: number, vrid: number, version: number): number {
    const { table } = this;
    if (version > this.#flush.version) this.#flush = { version, iface, vrid };
    let count = 0;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.used[slot] !== 1 || table.isStatic(slot)) continue;
      if ((table.version[slot] as number) > version) continue;
      if (iface !== message.ANY && table.iface[slot] !== iface) continue;
      if (vrid !== message.ANY && table.vrid[slot] !== vrid) continue;
      table.remove(slot);
      count++;
    }
    return count;
  }

  /** Ages the rows that this core answers for: its own, and on the link master those of dead cores. */
  tick(now: Millis): void {
    if (now < this.#sweepAt) return;
    // Whoever slept has not heard anything: rows get their time anew.
    const slept = this.#sweepAt > 0 && now - this.#sweepAt > LEAST / 2;
    this.#sweepAt = now + SWEEP;
    const { table } = this;
    if (table.size === 0) return;
    const isMaster = this.#out.master(Role.Link) === this.#out.core;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.used[slot] !== 1) continue;
      const owner = table.owner[slot] as number;
      if (owner !== this.#out.core && !(isMaster && !this.#isAlive(owner))) continue;
      if (slept) {
        table.heard[slot] = Math.max(table.heard[slot] as number, now - LEAST / 2);
        table.deadline[slot] = Math.max(table.deadline[slot] as number, now + LEAST);
      }
      if (table.isDue(slot, this.#config.ageing === "flag", now)) this.#age(slot);
    }
  }

  #age(slot: number): void {
    const { table } = this;
    const mac: Mac = table.mac[slot] as number;
    const iface = table.iface[slot] as number;
    const family = table.family[slot] as number;
    const vrid = table.vrid[slot] as number;
    const version = table.version[slot] as number;
    table.remove(slot);
    if (this.#out.cores === 1) return;
    const at = this.#out.draft(Message["vmac-delete"]);
    message.writeDelete(this.#out.view, at, mac, iface, vrid, family, version, this.#epoch);
    this.#out.broadcast();
  }

  // --- re-sync ------------------------------------------------------------------------------------------------------

  /** Sends the row in a slot when this core answers for it. */
  send(slot: number, to: CoreId, now: Millis): void {
    const { table } = this;
    if (table.used[slot] !== 1 || table.isStatic(slot)) return;
    const owner = table.owner[slot] as number;
    // A peer that lost its memory gets back what it told.
    if (owner !== this.#out.core && owner !== to) return;
    this.#draft(slot, now);
    this.#out.send(to);
  }

  resyncBegin(from: CoreId): void {
    this.#each(from, (slot) => {
      this.table.flags[slot] = (this.table.flags[slot] as number) | Flag.Stale;
    });
  }

  resyncEnd(from: CoreId): void {
    this.#each(from, (slot) => {
      if (((this.table.flags[slot] as number) & Flag.Stale) !== 0) this.table.remove(slot);
    });
  }

  #each(owner: CoreId, act: (slot: number) => void): void {
    const { table } = this;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.used[slot] !== 1 || table.isStatic(slot) || table.owner[slot] !== owner) continue;
      act(slot);
    }
  }

  /** Up to `limit` VRIDs that nobody speaks on an interface, from the top down: for whoever must choose another. */
  freeVrids(iface: number, own: ReadonlySet<number>, limit: number): number[] {
    const { table } = this;
    const taken = new Set(own);
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.used[slot] === 1 && table.iface[slot] === iface)
        taken.add(table.vrid[slot] as number);
    }
    const free: number[] = [];
    for (let vrid = 255; vrid > 0 && free.length < limit; vrid--)
      if (!taken.has(vrid)) free.push(vrid);
    return free;
  }
}
