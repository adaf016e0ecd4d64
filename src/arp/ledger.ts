// The table with its timers, versions and messages: every change of a known address goes through here. One
// writer, the master, numbers its changes; a change is told once and the larger version wins on every core,
// also while the role moves and two masters' messages cross. Deletions are remembered for a while for the same
// reason.

import { EventCode } from "../engine/event.ts";
import { type CoreId, type Ipv4, MAX_CORES, type Millis } from "../lib/units.ts";
import { makeVersion, sequenceOf, writerOf } from "../lib/version.ts";
import { Wheel } from "../lib/wheel.ts";
import type { Context } from "./context.ts";
import { Input, next, State } from "./machine.ts";
import { ALL, Kind, sendDelete, sendEntry } from "./message.ts";
import { Table } from "./table.ts";

/** RFC 1122 2.3.2.1: at most one request per second and destination. */
export const REQUEST_SPACING: Millis = 1000;
/** More changes than a master can make in a millisecond, and 17 years of them fit 47 bits. Our choice. */
const CHANGES_PER_MILLI = 256;
/** How long a deletion is remembered: far longer than a message of a master before can be late. Our choice. */
export const TOMBSTONE: Millis = 10_000;

export class Ledger {
  readonly table: Table;
  readonly wheel: Wheel;
  readonly #context: Context;
  /** Known addresses that the table was built for. */
  readonly #built: number;
  /** Largest sequence seen or written. */
  newest = 0;
  /** When the role came here; a core that was born with it has nothing to settle. */
  reignsSince: Millis = Number.NEGATIVE_INFINITY;
  /** Per core the sequence up to which everything that it wrote has arrived here. */
  readonly covered: Float64Array = new Float64Array(MAX_CORES);
  /** Entries given up at the table's bound. */
  evictions = 0;

  constructor(context: Context) {
    this.#context = context;
    const { maxEntries, maxPending } = context.config;
    this.#built = maxEntries;
    // Failed and gone addresses may take as much room as pending ones; the oldest of them are forgotten first.
    this.table = new Table(maxEntries + 2 * maxPending + 1);
    this.wheel = new Wheel(this.table.capacity);
  }

  /** A slot for an address that has none, in state None; -1 when nothing can be forgotten for it. */
  create(iface: number, address: Ipv4): number {
    if (this.table.isFull) {
      const old = this.table.forgettable();
      if (old < 0) return -1;
      this.forget(old);
    }
    return this.table.create(iface, address);
  }

  /** Frees a slot, without a trace. */
  forget(slot: number): void {
    this.wheel.clear(slot);
    this.table.enter(slot, State.None);
  }

  /** Nobody here waits for the address any more; that it was asked for a moment ago is remembered. */
  lay(slot: number, now: Millis): void {
    this.table.enter(slot, next(this.table.state(slot), Input.Deleted));
    this.wheel.set(slot, now + REQUEST_SPACING);
  }

  /**
   * The same for a known address whose copy here is void: its version, told again, is news, but no older one
   * is.
   */
  void(slot: number, now: Millis): void {
    this.table.setVersion(slot, this.table.version(slot) - 1);
    this.lay(slot, now);
  }

  /** The version of the next change. */
  write(): number {
    const { core } = this.#context.out;
    this.newest++;
    this.covered[core] = this.newest;
    return makeVersion(this.newest, core);
  }

  /**
   * This core becomes the master. Its sequence goes on above all that any master wrote before, also what was
   * lost on the way here: nobody writes faster than this many changes per millisecond of the clock that all
   * cores share.
   */
  takeOver(now: Millis): void {
    this.reignsSince = now;
    this.newest = Math.max(this.newest, Math.floor(now * CHANGES_PER_MILLI));
  }

  /**
   * A version that another core tells: this core's own will be larger. From its writer all older ones came
   * before.
   */
  observe(version: number, from: CoreId): void {
    const sequence = sequenceOf(version);
    if (sequence > this.newest) this.newest = sequence;
    if (writerOf(version) === from) this.cover(from, sequence);
  }

  /** Everything that `writer` wrote up to `sequence` is in this table. */
  cover(writer: CoreId, sequence: number): void {
    if (sequence > (this.covered[writer] as number)) this.covered[writer] = sequence;
    if (sequence > this.newest) this.newest = sequence;
  }

  /** The entry's MAC is (again) known; starts what runs for it. */
  reach(slot: number, now: Millis): void {
    this.table.enter(slot, next(this.table.state(slot), Input.Heard));
    this.arm(slot, now);
  }

  /** Starts what runs for a usable entry on this core: ageing on the master, nothing on a replica. */
  arm(slot: number, now: Millis): void {
    const { isMaster, config, usePeriod } = this.#context;
    this.table.setTries(slot, 0);
    this.wheel.clear(slot);
    if (this.table.isStatic(slot)) {
      this.table.setQuiet(slot, Number.POSITIVE_INFINITY);
    } else if (isMaster) {
      this.table.setQuiet(slot, now);
      this.wheel.set(slot, now + config.timeout);
    } else {
      this.table.setQuiet(slot, now + usePeriod);
    }
  }

  /** Tells an entry to one core or to ALL. */
  tell(slot: number, to: CoreId): void {
    const { table } = this;
    sendEntry(
      this.#context.out,
      to,
      Kind.Entry,
      table.iface(slot),
      table.address(slot),
      table.mac(slot),
      table.isStatic(slot),
      table.version(slot),
    );
  }

  tellAskers(slot: number): void {
    if (this.table.askers.isEmpty(slot)) return;
    for (let core = 0; core < this.#context.out.cores; core++) {
      if (this.table.askers.has(slot, core)) this.tell(slot, core);
    }
  }

  /**
   * Takes a known address away: on the master everywhere; a replica forgets its copy, so that it may be told it
   * again.
   */
  remove(slot: number, input: Input, now: Millis): void {
    const { table } = this;
    const { isMaster, out } = this.#context;
    if (!isMaster) {
      this.void(slot, now);
      return;
    }
    table.setVersion(slot, this.write());
    sendDelete(out, ALL, table.iface(slot), table.address(slot), table.version(slot));
    table.enter(slot, next(table.state(slot), input));
    this.wheel.set(slot, now + TOMBSTONE);
  }

  /** The same, and people hear of it from the master. */
  flush(slot: number, input: Input, now: Millis): void {
    const { table } = this;
    const { isMaster, out } = this.#context;
    if (isMaster) {
      const iface = table.iface(slot);
      out.event(EventCode["arp-flushed"], iface, table.address(slot), table.mac(slot), 0);
    }
    this.remove(slot, input, now);
  }

  /**
   * Keeps the bound on known addresses for one more (ARP-8); false when all of them are static. The master
   * keeps it for all. A replica has slots to spare, so that messages of two masters that cross do not make it
   * forget on its own.
   */
  makeRoom(now: Millis): boolean {
    const { isMaster, config } = this.#context;
    const spare = isMaster ? 0 : config.maxPending;
    return this.table.entries < this.#limit() + spare || this.#evict(now);
  }

  /** After the bound was lowered. */
  shrink(now: Millis): void {
    while (this.table.entries > this.#limit()) if (!this.#evict(now)) return;
  }

  /** Growing past what was built takes effect when the core starts again. */
  #limit(): number {
    return Math.min(this.#built, this.#context.config.maxEntries);
  }

  /** Gives the least recently used dynamic entry up; false when there is none. */
  #evict(now: Millis): boolean {
    const { table } = this;
    const victim = table.leastUsed();
    if (victim < 0) return false;
    this.evictions++;
    const { out } = this.#context;
    out.event(EventCode["arp-full"], table.iface(victim), table.address(victim), 0, 0);
    this.remove(victim, Input.Deleted, now);
    return true;
  }
}
