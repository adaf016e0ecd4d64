// Re-sync of a peer whose messages overflowed, or that starts (CORE-3): what this core is responsible for, sent
// again, and what a peer did not name, forgotten. Versions decide, so live changes and two senders may mix with
// it.

import { type CoreId, MAX_CORES, type Millis } from "../lib/units.ts";
import { makeVersion, sequenceOf, writerOf } from "../lib/version.ts";
import type { Context } from "./context.ts";
import type { Ledger } from "./ledger.ts";
import { State } from "./machine.ts";
import { Kind, sendDelete, sendEntry } from "./message.ts";
import type { Table } from "./table.ts";

/** Slots looked at per record allowed, so that a sparse table delays no frame. Our choice. */
const SCAN = 64;

export class Resync {
  readonly #context: Context;
  readonly #ledger: Ledger;
  readonly #table: Table;
  /** Re-syncs that began here so far. */
  #count = 0;
  /** Per peer the number of its last one. */
  readonly #began: Uint32Array = new Uint32Array(MAX_CORES);
  /** Per peer and writer, the sequence up to which the peer's table is complete; -1 none. */
  readonly #marks: Float64Array = new Float64Array(MAX_CORES * MAX_CORES).fill(-1);

  constructor(context: Context, ledger: Ledger) {
    this.#context = context;
    this.#ledger = ledger;
    this.#table = ledger.table;
  }

  /**
   * Sends up to `limit` records from `cursor`: the master all entries, after the marks that let the peer forget
   * the rest; another core what itself wrote as a master before, which the peer may have missed, and all to the
   * master, which may have died and come back without a memory.
   */
  send(to: CoreId, cursor: number, limit: number): number {
    const table = this.#table;
    const { isMaster } = this.#context;
    if (cursor === 0 && isMaster) this.#sendMarks(to);
    let room = limit;
    const last = Math.min(table.capacity, cursor + limit * SCAN);
    for (let slot = cursor; slot < last; slot++) {
      if (room === 0) return slot;
      if (this.#send(slot, to)) room--;
    }
    return last < table.capacity ? last : -1;
  }

  /**
   * One mark per core that was a master: what of it is complete here, and so what is missing here is deleted. Of its
   * own, also of a life before that it has no memory of, the master has all there is.
   */
  #sendMarks(to: CoreId): void {
    const { out } = this.#context;
    const { covered, newest } = this.#ledger;
    for (let writer = 0; writer < out.cores; writer++) {
      const sequence = writer === out.core ? newest : (covered[writer] as number);
      if (sequence === 0 && writer !== out.core) continue;
      sendEntry(out, to, Kind.Mark, 0, 0, 0, false, makeVersion(sequence, writer));
    }
  }

  #send(slot: number, to: CoreId): boolean {
    const table = this.#table;
    const { out, isMaster, master } = this.#context;
    if (!isMaster && to !== master && !this.#isOwn(slot)) return false;
    if (table.isUsable(slot)) {
      this.#ledger.tell(slot, to);
      return true;
    }
    // A deletion is told too: what it deleted may still be on its way to the peer from a master before.
    if (table.state(slot) === State.None || sequenceOf(table.version(slot)) <= 0) return false;
    sendDelete(out, to, table.iface(slot), table.address(slot), table.version(slot));
    return true;
  }

  /** Whether this core wrote what the slot holds; the configuration's entries have sequence 0 and no writer. */
  #isOwn(slot: number): boolean {
    const version = this.#table.version(slot);
    return sequenceOf(version) > 0 && writerOf(version) === this.#context.out.core;
  }

  /** A peer begins to send. */
  begin(from: CoreId): void {
    this.#count++;
    this.#began[from] = this.#count;
    this.#marks.fill(-1, from * MAX_CORES, (from + 1) * MAX_CORES);
  }

  /** The sender is the master, and its table holds all that the version's writer wrote up to it. */
  mark(from: CoreId, version: number): void {
    this.#marks[from * MAX_CORES + writerOf(version)] = sequenceOf(version);
  }

  /** A message names the entry. */
  named(slot: number): void {
    this.#table.setSeen(slot, this.#count);
  }

  /** The peer has sent everything: what it must have known and did not name is gone. */
  end(from: CoreId, now: Millis): void {
    const table = this.#table;
    const marks = this.#marks.subarray(from * MAX_CORES, (from + 1) * MAX_CORES);
    if ((marks[from] as number) < 0) return;
    const began = this.#began[from] as number;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (!table.isUsable(slot) || table.seen(slot) >= began) continue;
      const version = table.version(slot);
      const sequence = sequenceOf(version);
      // Sequence 0 is the configuration, which every core starts with.
      if (sequence === 0 || sequence <= (marks[writerOf(version)] as number)) {
        this.#ledger.void(slot, now);
      }
    }
    for (let writer = 0; writer < MAX_CORES; writer++) {
      this.#ledger.cover(writer, marks[writer] as number);
    }
    marks.fill(-1);
  }
}
