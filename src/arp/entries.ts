// The addresses of other stations on one core: what is known, what is asked for, and the messages that keep all
// cores' tables equal (ARP-2..4, ARP-6, ARP-8). The master decides and tells; a replica asks, is told, and runs
// timers for nothing but what itself waits for.

import type { InterfaceConfig } from "../engine/config.ts";
import { Drop } from "../engine/drop.ts";
import { EventCode } from "../engine/event.ts";
import type { CoreId, Ipv4, Mac, Millis, Offset } from "../lib/units.ts";
import { makeVersion } from "../lib/version.ts";
import { Ageing } from "./ageing.ts";
import type { ArpConfig, StaticEntry } from "./config.ts";
import { type Context, isUnicast } from "./context.ts";
import { Ledger, TOMBSTONE } from "./ledger.ts";
import { Input, next, State } from "./machine.ts";
import { ALL, Kind, sendDelete, sendEntry, sendFailed } from "./message.ts";
import { Pending } from "./pending.ts";
import { Resync } from "./resync.ts";
import type { Table } from "./table.ts";

/** Timers handled per tick, so that a wave of ageing delays no frame. Our choice. */
const TIMERS_PER_TICK = 256;

export class Entries {
  readonly table: Table;
  readonly ledger: Ledger;
  readonly pending: Pending;
  readonly resync: Resync;
  readonly #context: Context;
  readonly #ageing: Ageing;

  constructor(context: Context) {
    this.#context = context;
    this.ledger = new Ledger(context);
    this.table = this.ledger.table;
    this.pending = new Pending(context, this.ledger);
    this.resync = new Resync(context, this.ledger);
    this.#ageing = new Ageing(context, this.ledger);
    for (const entry of context.config.statics) this.#place(entry, 0);
  }

  // --- resolving -------------------------------------------------------------------------------

  resolve(iface: number, address: Ipv4, start: Offset, end: Offset, now: Millis): Mac {
    const slot = this.table.find(iface, address);
    if (!this.table.isUsable(slot)) return this.#miss(slot, iface, address, start, end, now);
    const mac = this.table.mac(slot);
    if (this.table.isNotable(slot, now)) this.#noteUse(slot, now);
    return mac;
  }

  #noteUse(slot: number, now: Millis): void {
    this.checkRole(now);
    if (this.table.isUsable(slot)) this.#ageing.use(slot, now);
  }

  #miss(found: number, iface: number, address: Ipv4, start: Offset, end: Offset, now: Millis): Mac {
    if (this.checkRole(now)) return this.resolve(iface, address, start, end, now);
    const state = this.#stateOf(found);
    if (state === State.Pending) {
      this.pending.enqueue(found, start, end);
      return -1;
    }
    if (state === State.Failed) {
      this.pending.refuse(found, iface, start, end, now);
      return -1;
    }
    const { out, own } = this.#context;
    const self = own.mac(iface, address);
    if (self >= 0) return self;
    if (!isUnicast(address) || !this.#context.hasInterface(iface)) {
      out.drop(Drop["ip-destination"]);
      return -1;
    }
    const slot = this.pending.begin(found, iface, address, now);
    if (slot < 0) out.drop(Drop["arp-table-full"]);
    else {
      this.pending.enqueue(slot, start, end);
      this.pending.solicit(slot, now);
    }
    return -1;
  }

  #stateOf(slot: number): State {
    return slot < 0 ? State.None : this.table.state(slot);
  }

  // --- what the master hears -------------------------------------------------------------------

  /** Whether an answer for the address is waited for, so that no rate limit may drop it. */
  isAwaited(iface: number, address: Ipv4): boolean {
    const state = this.#stateOf(this.table.find(iface, address));
    return state === State.Pending || state === State.Probing;
  }

  /**
   * ARP on the master says that `address` is at `mac` (ARP-4, ARP-5). `mayAdd`: an address that nobody asked
   * for is added, too. False when it contradicts a static entry.
   */
  hear(iface: number, address: Ipv4, mac: Mac, mayAdd: boolean, now: Millis): boolean {
    const { table, ledger } = this;
    const slot = table.find(iface, address);
    if (!table.isUsable(slot)) {
      const state = this.#stateOf(slot);
      if (mayAdd || state === State.Pending || state === State.Failed) {
        this.#add(slot, iface, address, mac, now);
      }
      return true;
    }
    if (table.isStatic(slot)) return table.mac(slot) === mac;
    if (table.mac(slot) === mac) {
      table.confirm(slot, now);
      if (table.state(slot) === State.Probing) ledger.reach(slot, now);
      return true;
    }
    const { out } = this.#context;
    out.event(EventCode["arp-changed"], iface, address, table.mac(slot), mac);
    table.assign(slot, mac, false, ledger.write(), now);
    ledger.reach(slot, now);
    ledger.tell(slot, ALL);
    return true;
  }

  #add(found: number, iface: number, address: Ipv4, mac: Mac, now: Millis): void {
    const { table, ledger } = this;
    const isAnswer = this.#stateOf(found) === State.Pending;
    const slot = this.#room(found, iface, address, mac, now);
    if (slot < 0) return;
    const { out, config } = this.#context;
    table.assign(slot, mac, false, ledger.write(), now);
    ledger.reach(slot, now);
    out.event(EventCode["arp-added"], iface, address, mac, 0);
    // Right after a role move others may still hold, or be about to get, what the master before told.
    const isSettled = now - ledger.reignsSince >= TOMBSTONE;
    if (isAnswer && isSettled && config.propagate === "askers") ledger.tellAskers(slot);
    else ledger.tell(slot, ALL);
    table.askers.clear(slot);
    this.pending.release(slot, mac, now);
  }

  /**
   * A slot for an address that becomes known, with the table's limit kept (ARP-8). -1 when every entry is
   * static: frames that waited still leave, here and on the cores that asked, but nothing is remembered.
   */
  #room(found: number, iface: number, address: Ipv4, mac: Mac, now: Millis): number {
    const { table, ledger } = this;
    if (ledger.makeRoom(now)) return found >= 0 ? found : ledger.create(iface, address);
    const { out, isMaster } = this.#context;
    out.drop(Drop["arp-table-full"]);
    if (this.#stateOf(found) !== State.Pending) return -1;
    for (let core = 0; isMaster && core < out.cores; core++) {
      if (!table.askers.has(found, core)) continue;
      sendEntry(out, core, Kind.Passing, iface, address, mac, false, ledger.write());
    }
    this.#pass(found, mac, now);
    return -1;
  }

  /** Lets go what waits for an address, without keeping the address. */
  #pass(slot: number, mac: Mac, now: Millis): void {
    this.pending.release(slot, mac, now);
    this.ledger.lay(slot, now);
  }

  /** The master had no room for an answer. */
  toldPassing(iface: number, address: Ipv4, mac: Mac, now: Millis): void {
    const slot = this.table.find(iface, address);
    if (this.#stateOf(slot) === State.Pending) this.#pass(slot, mac, now);
  }

  // --- timers and roles ------------------------------------------------------------------------

  tick(now: Millis): void {
    this.checkRole(now);
    const { table, ledger } = this;
    for (let n = 0; n < TIMERS_PER_TICK; n++) {
      const slot = ledger.wheel.expire(now);
      if (slot < 0) return;
      switch (table.state(slot)) {
        case State.Pending:
          this.pending.due(slot, now);
          break;
        case State.Reachable:
          this.#ageing.due(slot, now);
          break;
        case State.Probing:
          this.#ageing.probe(slot, now);
          break;
        case State.Failed:
        case State.Gone:
          table.enter(slot, next(table.state(slot), Input.Forgotten));
          break;
        case State.None:
          break;
      }
    }
  }

  /** Notices that the role moved, whoever looks first; true when it did. */
  checkRole(now: Millis): boolean {
    const wasMaster = this.#context.isMaster;
    if (!this.#context.lookForMaster()) return false;
    const { table } = this;
    const { out, isMaster, config } = this.#context;
    if (isMaster) this.ledger.takeOver(now);
    if (isMaster && config.propagate === "askers") {
      sendEntry(out, ALL, Kind.Reset, 0, 0, 0, false, this.ledger.write());
    }
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.isUsable(slot)) this.#usableMoved(slot, wasMaster, now);
      else if (table.state(slot) === State.Pending) this.pending.moved(slot, now);
    }
    if (isMaster) this.ledger.shrink(now);
    return true;
  }

  #usableMoved(slot: number, wasMaster: boolean, now: Millis): void {
    const { table, ledger } = this;
    const { isMaster, config } = this.#context;
    if (table.isStatic(slot)) {
      const isTold = isMaster && config.propagate === "askers" && table.version(slot) > 0;
      if (isTold) ledger.tell(slot, ALL);
    } else if (isMaster) this.#ageing.takeOver(slot, now);
    else if (config.propagate === "askers") ledger.void(slot, now);
    else if (wasMaster) ledger.reach(slot, now);
  }

  // --- messages --------------------------------------------------------------------------------

  /** A core misses an address. */
  asked(from: CoreId, iface: number, address: Ipv4, now: Millis): void {
    const { table } = this;
    const { out, config, isMaster, own } = this.#context;
    const found = table.find(iface, address);
    switch (this.#stateOf(found)) {
      case State.Reachable:
      case State.Probing:
        // A core that is no master any more leaves the answer to the new one, which the asker will ask.
        if (isMaster) this.ledger.tell(found, config.answer === "all" ? ALL : from);
        return;
      case State.Failed:
        sendFailed(out, from, iface, address, true);
        return;
      case State.Pending:
        table.askers.add(found, from);
        return;
      case State.Gone:
      case State.None:
        break;
    }
    const isSensible = isUnicast(address) && own.mac(iface, address) < 0;
    const slot = isSensible ? this.pending.begin(found, iface, address, now) : -1;
    if (slot < 0) {
      sendFailed(out, from, iface, address, false);
      return;
    }
    table.askers.add(slot, from);
    // The asker may know before this core that it is the master now: it is remembered until this core learns it
    // too.
    if (isMaster) this.pending.solicit(slot, now);
    else this.pending.expect(slot, now);
  }

  /** A master tells an entry: this one, or one before whose message is late. */
  told(
    iface: number,
    address: Ipv4,
    mac: Mac,
    isFixed: boolean,
    version: number,
    from: CoreId,
    now: Millis,
  ): void {
    const { table, ledger } = this;
    const { isMaster, config, master } = this.#context;
    const found = table.find(iface, address);
    const wasUsable = table.isUsable(found);
    ledger.observe(version, from);
    if (isMaster && wasUsable && isFixed && !table.isStatic(found)) {
      this.#insist(found, mac, now);
      return;
    }
    if (found >= 0 && table.version(found) >= version) {
      this.resync.named(found);
      return;
    }
    if (isMaster && wasUsable && table.isStatic(found) && !isFixed) {
      this.#insist(found, table.mac(found), now);
      return;
    }
    if (config.propagate === "askers" && !isMaster && from !== master) {
      // With askers alone told, what a master before told is void, and so is what it replaced.
      if (wasUsable) ledger.void(found, now);
      return;
    }
    const slot = wasUsable ? found : this.#room(found, iface, address, mac, now);
    if (slot < 0) {
      // A master that has no room for what the one before told lets nobody keep it.
      if (isMaster) this.#bury(table.find(iface, address), iface, address, now);
      return;
    }
    table.assign(slot, mac, isFixed, version, now);
    this.resync.named(slot);
    ledger.reach(slot, now);
    if (isMaster && config.propagate === "askers") ledger.tell(slot, ALL);
    table.askers.clear(slot);
    this.pending.release(slot, mac, now);
  }

  /**
   * While the role moved one master was told a static entry and another learned the address: the static one
   * stays.
   */
  #insist(slot: number, mac: Mac, now: Millis): void {
    const { table, ledger } = this;
    table.assign(slot, mac, true, ledger.write(), now);
    ledger.reach(slot, now);
    ledger.tell(slot, ALL);
  }

  /** The master gave an address up. */
  toldFailed(iface: number, address: Ipv4, hold: boolean, now: Millis): void {
    const { table } = this;
    const { isMaster, config } = this.#context;
    if (isMaster) return;
    let slot = table.find(iface, address);
    const state = this.#stateOf(slot);
    if (table.isUsable(slot) || state === State.Failed) return;
    if (state !== State.Pending) {
      // Room for a failure must not cost an address that is still asked for.
      if (!hold || table.pending >= config.maxPending) return;
      slot = this.pending.begin(slot, iface, address, now);
      if (slot < 0) return;
    }
    this.pending.fail(slot, hold, now);
  }

  /**
   * A master deleted an entry. Remembered even when there is none: an older message may still be on its way.
   */
  toldDeleted(iface: number, address: Ipv4, version: number, from: CoreId, now: Millis): void {
    const { table, ledger } = this;
    ledger.observe(version, from);
    let slot = table.find(iface, address);
    if (slot < 0) {
      slot = ledger.create(iface, address);
      if (slot < 0) return;
      table.enter(slot, State.Gone);
    } else if (table.version(slot) >= version) return;
    table.setVersion(slot, version);
    const state = table.state(slot);
    if (state === State.Pending || state === State.Failed) return;
    if (state !== State.Gone) table.enter(slot, next(state, Input.Deleted));
    ledger.wheel.set(slot, now + TOMBSTONE);
  }

  /** A replica uses an entry that the master might take for idle. */
  toldUsed(from: CoreId, iface: number, address: Ipv4, version: number, now: Millis): void {
    const { table } = this;
    if (!this.#context.isMaster) return;
    const slot = table.find(iface, address);
    if (!table.isUsable(slot)) {
      this.#bury(slot, iface, address, now);
      return;
    }
    this.#ageing.used(slot, now);
    if (version < table.version(slot)) this.ledger.tell(slot, from);
  }

  /**
   * A core has what the master does not have, from a time before: all are told to forget it, and to keep it
   * forgotten.
   */
  #bury(found: number, iface: number, address: Ipv4, now: Millis): void {
    const { table, ledger } = this;
    const version = ledger.write();
    sendDelete(this.#context.out, ALL, iface, address, version);
    let slot = found;
    if (slot < 0) {
      slot = ledger.create(iface, address);
      if (slot < 0) return;
      table.enter(slot, State.Gone);
    }
    table.setVersion(slot, version);
    if (table.state(slot) === State.Gone) ledger.wheel.set(slot, now + TOMBSTONE);
  }

  /**
   * A new master starts, with askers alone told: nothing may stay but what it names and what the configuration
   * has.
   */
  toldReset(from: CoreId, now: Millis): void {
    if (from !== this.#context.master) return;
    for (let slot = 0; slot < this.table.capacity; slot++) {
      if (this.table.isUsable(slot) && this.table.version(slot) > 0) this.ledger.void(slot, now);
    }
  }

  // --- operators and configuration -------------------------------------------------------------

  /** Puts a static entry into this core's table; the slot, or -1. */
  #place({ iface, address, mac }: StaticEntry, now: Millis): number {
    const found = this.table.find(iface, address);
    const isUsable = this.table.isUsable(found);
    const slot = isUsable ? found : this.#room(found, iface, address, mac, now);
    if (slot < 0) return -1;
    this.table.assign(slot, mac, true, makeVersion(0, 0), now);
    this.ledger.reach(slot, now);
    this.pending.release(slot, mac, now);
    return slot;
  }

  /** Adds or changes a static entry everywhere; only on the master. False when there is no room. */
  addStatic(entry: StaticEntry, now: Millis): boolean {
    const { table, ledger } = this;
    const { iface, address, mac } = entry;
    const found = table.find(iface, address);
    if (table.isUsable(found) && table.isStatic(found) && table.mac(found) === mac) return true;
    const slot = this.#place(entry, now);
    if (slot < 0) return false;
    table.setVersion(slot, ledger.write());
    table.askers.clear(slot);
    ledger.tell(slot, ALL);
    this.#context.out.event(EventCode["arp-added"], iface, address, mac, 0);
    return true;
  }

  /** Deletes a known address: on the master everywhere, else on this core. */
  flush(slot: number, now: Millis): void {
    this.ledger.flush(slot, Input.Deleted, now);
  }

  /** Empties an interface that is gone or is another one now; what waited is answered as failed. */
  dropInterface(iface: number, now: Millis): void {
    const { table } = this;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.state(slot) === State.None || table.iface(slot) !== iface) continue;
      if (table.state(slot) === State.Pending) this.pending.fail(slot, false, now);
      else if (table.isUsable(slot)) this.flush(slot, now);
      else this.pending.forgive(slot);
    }
  }

  /** Takes over settings and interfaces; entries stay as they are. */
  configure(config: ArpConfig, interfaces: readonly InterfaceConfig[], now: Millis): void {
    const { table, ledger } = this;
    const before = this.#context.config;
    this.#context.configure(config, interfaces);
    if (!this.#context.isMaster) return;
    ledger.shrink(now);
    if (before.timeout === config.timeout && before.ageing === config.ageing) return;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.state(slot) !== State.Reachable || table.isStatic(slot)) continue;
      this.#ageing.reschedule(slot, now);
    }
  }
}
