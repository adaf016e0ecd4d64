// Re-sync of a peer whose messages overflowed, or that starts (CORE-3): what this core is responsible for, sent again, and
// what a peer did not name, forgotten. Versions decide, so live changes and two senders may mix with it.

import { type CoreId, MAX_CORES } from "../lib/units.ts";
import type { Context } from "./context.ts";
import type { Ledger } from "./ledger.ts";
import { State } from "./machine.ts";
import { Kind, sendDelete, sendEntry } from "./message.ts";
import { makeVersion, sequenceOf, type Table, writerOf } from "./table.ts";

/** Slots looked at per record allowed, so that a sparse table delays no frame. Our choice. */
const SCAN = 64;

export class Resync {
  readonly #context: Context;
  readonly #ledger: Ledger;
  readonly #table: Table;
  /** Re-syncs that began here so far. */
  #count = 0;
  /** Per peer the number of its last one, and the newest version that its sender knew; -1 none. */
  readonly #began: Uint32Array = new Uint32Array(MAX_CORES);
  readonly #mark: Float64Array = new Float64Array(MAX_CORES).fill(-1);

  constructor(context: Context, ledger: Ledger) {
    this.#context = context;
    this.#ledger = ledger;
    this.#table = ledger.table;
  }

  /**
   * Sends up to `limit` records from `cursor`: the master all entries, after the mark that lets the peer forget the rest;
   * another core only what itself wrote as a master before, which the peer may have missed.
   */
  send(to: CoreId, cursor: number, limit: number): number {
    const table = this.#table;
    const { out, isMaster } = this.#context;
    if (cursor === 0 && isMaster) {
      const newest = makeVersion(this.#ledger.newest, MAX_CORES - 1);
      sendEntry(out, to, Kind.Mark, 0, 0, 0, false, newest);
    }
    let room = limit;
    const last = Math.min(table.capacity, cursor + limit * SCAN);
    for (let slot = cursor; slot < last; slot++) {
      if (room === 0) return slot;
      if (this.#send(slot, to)) room--;
    }
    return last < table.capacity ? last : -1;
  }

  #send(slot: number, to: CoreId): boolean {
    const table = this.#table;
    const { out, isMaster } = this.#context;
    if (!isMaster && !this.#isOwn(slot)) return false;
    if (table.isUsable(slot)) {
      this.#ledger.tell(slot, to);
      return true;
    }
    if (isMaster || table.state(slot) !== State.Gone) return false;
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
    this.#mark[from] = -1;
  }

  /** The sender is the master, and knows everything up to this version. */
  mark(from: CoreId, version: number): void {
    this.#ledger.observe(version);
    this.#mark[from] = version;
  }

  /** A message names the entry. */
  named(slot: number): void {
    this.#table.setSeen(slot, this.#count);
  }

  /** The peer has sent everything: what it must have known and did not name is gone. */
  end(from: CoreId): void {
    const table = this.#table;
    const mark = this.#mark[from] as number;
    const began = this.#began[from] as number;
    this.#mark[from] = -1;
    if (mark < 0) return;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (!table.isUsable(slot) || table.seen(slot) >= began || table.version(slot) > mark)
        continue;
      this.#ledger.forget(slot);
    }
  }
}
