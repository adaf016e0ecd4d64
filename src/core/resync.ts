// Sends tables whole to peers whose rings overflowed (CORE-3): begin, slices as the ring has room, end. Live messages
// of the table go on in between, behind the slices that they may contradict, so that what comes last is what counts.

import { EventCode } from "../engine/event.ts";
import { Message, TABLE_COUNT, Table } from "../engine/message.ts";
import type { Out, Replicated } from "../engine/out.ts";
import type { CoreId, Millis, Offset } from "../lib/units.ts";
import type { Bus } from "./bus.ts";

/** Entries per tick, peer and table; twice as many records must be free, so that live messages keep their room. */
const SLICE = 64;
/** Where a resync-end says that refusals to the peer were lost. */
const MISSES = 4;

export class Resync {
  readonly #out: Out;
  readonly #bus: Bus;
  readonly #tableOf: (table: number) => Replicated | null;
  /** Per peer and table: the next cursor, -1 when none runs. */
  readonly #cursors: Int32Array;
  /** Per peer: bit per table that is being sent. */
  readonly #running: Int32Array;

  constructor(out: Out, bus: Bus, tableOf: (table: number) => Replicated | null) {
    this.#out = out;
    this.#bus = bus;
    this.#tableOf = tableOf;
    this.#cursors = new Int32Array(out.cores * TABLE_COUNT).fill(-1);
    this.#running = new Int32Array(out.cores);
  }

  /** Begins what is due and goes on with what runs; true when something was sent. */
  turn(now: Millis): boolean {
    let sent = false;
    for (let to = 0; to < this.#out.cores; to++) {
      if (to === this.#out.core || !this.#bus.isAlive(to)) continue;
      const dirty = this.#bus.dirty(to);
      if ((dirty | (this.#running[to] as number)) === 0) continue;
      for (let table = 0; table < TABLE_COUNT; table++) {
        const isDirty = (dirty & (1 << table)) !== 0;
        if (!isDirty && (this.#cursors[to * TABLE_COUNT + table] as number) < 0) continue;
        if (this.#bus.room(to) < SLICE * 2) continue;
        const replicated = this.#tableOf(table);
        if (replicated === null) continue;
        this.#slice(replicated, to, isDirty, now);
        sent = true;
      }
    }
    return sent;
  }

  /** A peer is gone, or starts anew: what was under way to it is not gone on with. */
  forget(to: CoreId): void {
    this.#cursors.fill(-1, to * TABLE_COUNT, (to + 1) * TABLE_COUNT);
    this.#running[to] = 0;
  }

  #slice(table: Replicated, to: CoreId, restart: boolean, now: Millis): void {
    const index = to * TABLE_COUNT + table.table;
    if (restart) {
      const wasLost = this.#bus.beginResync(to, table.table);
      this.#mark(Message["resync-begin"], table.table, to);
      this.#cursors[index] = 0;
      if (wasLost) this.#out.event(EventCode["bus-resync"], to, table.table, 0, 0);
    }
    const next = table.resync(to, this.#cursors[index] as number, SLICE, now);
    this.#cursors[index] = next;
    const bit = 1 << table.table;
    const running = this.#running[to] as number;
    this.#running[to] = next < 0 ? running & ~bit : running | bit;
    if (next >= 0) return;
    const misses = table.table === Table.Bridge && this.#bus.takeMissedRefusals(to);
    this.#mark(Message["resync-end"], table.table, to, misses);
  }

  #mark(type: number, table: number, to: CoreId, misses = false): void {
    const at = this.#out.draft(type);
    this.#out.view.setUint16(at + 2, table);
    this.#out.view.setUint8(at + MISSES, misses ? 1 : 0);
    this.#out.send(to);
  }

  /** The bits of all tables that this core knows. */
  get tables(): number {
    let bits = 0;
    for (let table = 0; table < TABLE_COUNT; table++) {
      if (this.#tableOf(table) !== null) bits |= 1 << table;
    }
    return bits;
  }

  /** A peer's mark: its whole table begins or ends. False for a table that this core does not know. */
  marked(type: number, at: Offset, now: Millis): boolean {
    const table = this.#tableOf(this.#out.view.getUint16(at + 2));
    if (table === null) return false;
    const from = this.#out.view.getUint8(at + 1);
    if (type === Message["resync-begin"]) table.resyncBegin(from, now);
    else table.resyncEnd(from, now, this.#out.view.getUint8(at + MISSES) === 1);
    return true;
  }
}
