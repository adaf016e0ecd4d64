// One bridge's part of a re-sync (CORE-3): what a core sends when a peer has missed messages, and what it takes away
// that a peer no longer names. A core answers for what it told last; a peer that lost its memory also gets back what it
// told.

import type { Out } from "../engine/out.ts";
import { type CoreId, MAX_CORES, type Millis } from "../lib/units.ts";
import { writerOf } from "../lib/version.ts";
import { firstAt } from "./clock.ts";
import {
  ALL,
  Delete,
  makeScope,
  NO_CHANNEL,
  sendDelete,
  sendFlush,
  sendHeld,
  sendLearn,
} from "./message.ts";
import { CHANNEL_MASK, Flag, PAIRS, Slot, type StationTable } from "./table.ts";

const VLANS = 4096;

export class Resync {
  readonly #out: Out;
  readonly #table: StationTable;
  readonly #channels: number;
  readonly #replicates: boolean;
  #scope: number = makeScope(0, 0);
  /** 1 while a core sends its whole view. */
  readonly #receiving: Uint8Array = new Uint8Array(MAX_CORES);

  constructor(out: Out, table: StationTable, channels: number, replicates: boolean) {
    this.#out = out;
    this.#table = table;
    this.#channels = channels;
    this.#replicates = replicates;
  }

  configure(scope: number): void {
    this.#scope = scope;
  }

  /** True between a peer's begin and end: what it tells is to be flagged Named. */
  isReceiving(from: CoreId): boolean {
    return this.#receiving[from] === 1;
  }

  /** Positions to send: the flushes remembered (of all, by channel, by VLAN, by bucket of pairs), then the slots. */
  get positions(): number {
    return this.#flushes + this.#table.size;
  }

  get #flushes(): number {
    return 1 + this.#channels + VLANS + PAIRS;
  }

  /** Sends what is at a position, when it is to be sent. */
  send(position: number, to: CoreId): boolean {
    if (!this.#replicates) return false;
    const flushes = this.#flushes;
    return position < flushes
      ? this.#sendFlush(position, to)
      : this.#sendSlot(position - flushes, to);
  }

  #sendFlush(position: number, to: CoreId): boolean {
    const table = this.#table;
    const vlanAt = 1 + this.#channels;
    const pairAt = vlanAt + VLANS;
    let version: number;
    let why: number = Delete.Flush;
    let where = NO_CHANNEL;
    let vlan = 0;
    if (position === 0) version = table.flushedAll();
    else if (position < vlanAt) {
      where = position - 1;
      version = table.flushedChannel(where);
    } else if (position < pairAt) {
      vlan = position - vlanAt;
      version = table.flushedVlan(vlan);
    } else {
      why = Delete.Pair;
      where = position - pairAt;
      version = table.flushedPair(where);
    }
    if (version === 0) return false;
    sendFlush(this.#out, to, this.#scope, why, where, vlan, version);
    return true;
  }

  /** An entry, or as a deletion a tombstone or flushed entry, when this core, or the asker itself, told of it last. */
  #sendSlot(slot: number, to: CoreId): boolean {
    const table = this.#table;
    const state = table.state(slot);
    if (state === Slot.Free) return false;
    const meta = table.meta(slot);
    if (state === Slot.Live && (meta & Flag.Static) !== 0) return false;
    const version = table.version(slot);
    const teller = writerOf(version);
    const out = this.#out;
    // For a core that is gone everyone answers: nobody knows whom its last word reached.
    const isGone = out.isAlive?.(teller) === false;
    if (teller !== out.core && teller !== to && !isGone) return false;
    this.#tell(slot, to);
    return true;
  }

  /** Tells a core of an entry that it may have refused; true when there is one. */
  sendHeld(slot: number, to: CoreId): boolean {
    const table = this.#table;
    if (!this.#replicates || table.state(slot) !== Slot.Live) return false;
    if ((table.meta(slot) & Flag.Static) !== 0) return false;
    sendHeld(this.#out, to, this.#scope, table.low(slot), table.key(slot), table.version(slot));
    return true;
  }

  #tell(slot: number, to: CoreId | typeof ALL): void {
    const table = this.#table;
    const version = table.version(slot);
    const low = table.low(slot);
    const key = table.key(slot);
    if (table.state(slot) === Slot.Live) {
      const channel = table.meta(slot) & CHANNEL_MASK;
      sendLearn(this.#out, to, this.#scope, low, key, channel, version);
    } else sendDelete(this.#out, to, this.#scope, low, key, Delete.Gone, version);
  }

  /** A core is gone, perhaps in the midst of telling all: what it told since then is told on. */
  retell(core: CoreId, since: Millis): void {
    if (!this.#replicates) return;
    const table = this.#table;
    const first = firstAt(since);
    for (let slot = 0; slot < table.size; slot++) {
      const state = table.state(slot);
      if (state === Slot.Free || writerOf(table.version(slot)) !== core) continue;
      if (table.version(slot) < first) continue;
      if (state === Slot.Live && (table.meta(slot) & Flag.Static) !== 0) continue;
      this.#tell(slot, ALL);
    }
  }

  begin(from: CoreId): void {
    if (!this.#replicates) return;
    this.#receiving[from] = 1;
    const table = this.#table;
    for (let slot = 0; slot < table.size; slot++) {
      if (table.state(slot) === Slot.Live && writerOf(table.version(slot)) === from) {
        table.removeFlags(slot, Flag.Named);
      }
    }
  }

  /** What `from` told of last and did not name again is gone; what it told since it began is named, too. */
  end(from: CoreId): void {
    if (this.#receiving[from] !== 1) return;
    this.#receiving[from] = 0;
    const table = this.#table;
    for (let slot = 0; slot < table.size; slot++) {
      if (table.state(slot) !== Slot.Live) continue;
      if ((table.meta(slot) & (Flag.Static | Flag.Named)) !== 0) continue;
      const version = table.version(slot);
      if (writerOf(version) === from) table.entomb(slot, version);
    }
  }
}
