// The table with its timers, versions and messages: every change that all cores must know goes through here. Who runs
// an entry's machine numbers its changes; a change is told once, and the larger version wins on every core.

import { EventCode } from "../engine/event.ts";
import { Message } from "../engine/message.ts";
import type { CoreId, Mac, Millis } from "../lib/units.ts";
import { makeVersion, sequenceOf } from "../lib/version.ts";
import { Wheel } from "../lib/wheel.ts";
import type { Context } from "./context.ts";
import { onSend, State, stateOf } from "./machine.ts";
import * as message from "./message.ts";
import { Table } from "./table.ts";

/** How long a neighbour that is gone is remembered: RFC 6583 6.2 has those known before first. Our choice of time. */
const REMEMBER: Millis = 600_000;
/** On the core that runs the machine a use is noted at most so often, so that steady traffic costs a comparison. */
const USE_GRAIN: Millis = 1000;
/** Slots looked at for one to evict that this core may, per core: the share of them is 1/N on average. */
const VICTIMS = 32;

/** Tells people of an address with a number of up to 48 bits (engine/event.ts). */
export function tellEvent(
  context: Pick<Context, "out">,
  code: number,
  iface: number,
  a: number,
  b: number,
  c: number,
  d: number,
  n: number,
): void {
  const high = Math.floor(n / 0x1_0000_0000);
  const middle = Math.floor(n / 0x10000) % 0x10000;
  context.out.event(
    code,
    iface * 0x1_0000_0000 + (a >>> 0),
    (b >>> 0) * 0x10000 + high,
    (c >>> 0) * 0x10000 + middle,
    (d >>> 0) * 0x10000 + (n % 0x10000),
  );
}

export class Ledger {
  readonly table: Table;
  readonly wheel: Wheel;
  readonly #context: Context;
  readonly #built: number;
  /** Largest sequence seen or written. */
  newest = 0;
  evictions = 0;

  constructor(context: Context) {
    this.#context = context;
    const { maxEntries, maxPending, seed } = context.config;
    this.#built = maxEntries;
    this.table = new Table(maxEntries + 2 * maxPending + 1, seed);
    this.wheel = new Wheel(this.table.capacity);
  }

  /** A slot for an address that has none, in state None; -1 when nothing can be forgotten for it. */
  create(iface: number, a: number, b: number, c: number, d: number, bucket: number): number {
    const { table } = this;
    if (table.isFull) {
      const old = table.forgettable();
      if (old < 0) return -1;
      this.forget(old);
    }
    const slot = table.create(iface, a, b, c, d);
    if (slot >= 0) table.bucket[slot] = bucket;
    return slot;
  }

  /** Frees a slot without a trace. */
  forget(slot: number): void {
    this.wheel.clear(slot);
    this.table.setRun(slot, false);
    this.table.enter(slot, State.None);
  }

  /** The version of the next change. */
  write(): number {
    this.newest++;
    return makeVersion(this.newest, this.#context.out.core);
  }

  observe(version: number): void {
    const sequence = sequenceOf(version);
    if (sequence > this.newest) this.newest = sequence;
  }

  /** Starts what runs for a usable entry here: the machine's timer, or on a replica the wait until a use is told. */
  arm(slot: number, now: Millis): void {
    const { table, wheel } = this;
    const { config } = this.#context;
    const state = table.state(slot);
    wheel.clear(slot);
    table.setTries(slot, 0);
    if (table.isStatic(slot)) table.setQuiet(slot, Number.POSITIVE_INFINITY);
    else if (!table.isRun(slot)) {
      const wait = state === State.Reachable ? this.#context.usePeriod(table.iface(slot)) : 0;
      table.setQuiet(slot, now + wait);
    } else {
      table.setQuiet(slot, state === State.Stale ? now : now + USE_GRAIN);
      if (state === State.Reachable) {
        wheel.set(slot, table.updated(slot) + this.#context.reachable(table.iface(slot), now));
      } else if (state === State.Delay) wheel.set(slot, now + config.delayFirstProbe);
    }
  }

  /** A frame was sent through an entry that this core runs. */
  used(slot: number, now: Millis): void {
    const { table } = this;
    table.setTouched(slot, now);
    table.setQuiet(slot, now + USE_GRAIN);
    const next = stateOf(onSend(table.state(slot)));
    if (next === table.state(slot)) return;
    table.become(slot, next);
    this.arm(slot, now);
  }

  /** A draft of a message about the slot's address. */
  draft(type: number, slot: number): number {
    const { table } = this;
    return message.draft(
      this.#context.out,
      type,
      table.iface(slot),
      table.word(slot, 0),
      table.word(slot, 1),
      table.word(slot, 2),
      table.word(slot, 3),
    );
  }

  flagsOf(slot: number): number {
    const { Static, Router } = message.EntryFlag;
    const { table } = this;
    return (table.isStatic(slot) ? Static : 0) | (table.isRouter(slot) ? Router : 0);
  }

  /** Tells an entry to one core or to ALL. */
  tell(slot: number, to: CoreId): void {
    const { out } = this.#context;
    if (out.cores === 1 || to === out.core) return;
    const { table } = this;
    const at = this.draft(Message["nd-entry"], slot);
    const isCertain = table.state(slot) === State.Reachable;
    message.setVersion(out.view, at, table.version(slot));
    message.setHardware(out.view, at, table.mac(slot));
    message.setFlags(out.view, at, this.flagsOf(slot));
    message.setState(out.view, at, isCertain ? State.Reachable : State.Stale);
    message.setCore(out.view, at, table.holder(slot));
    message.post(out, to);
    if (to === message.ALL) table.setDoubtTold(slot, !isCertain);
  }

  tellAskers(slot: number): void {
    for (let core = 0; core < this.#context.out.cores; core++) {
      if (this.table.askers.has(slot, core)) this.tell(slot, core);
    }
  }

  event(
    name: "nd-added" | "nd-changed" | "nd-failed" | "nd-deleted" | "nd-full",
    slot: number,
    n: number,
  ): void {
    const { table } = this;
    tellEvent(
      this.#context,
      EventCode[name],
      table.iface(slot),
      table.word(slot, 0),
      table.word(slot, 1),
      table.word(slot, 2),
      table.word(slot, 3),
      n,
    );
  }

  /** A known neighbour is gone on this core: next hops over a router are chosen anew, and it is remembered a while. */
  lay(slot: number, now: Millis): void {
    const { table } = this;
    if (table.isUsable(slot) && table.isRouter(slot)) this.routerLost(slot);
    table.setRun(slot, false);
    table.enter(slot, State.Gone);
    this.wheel.set(slot, now + REMEMBER);
  }

  routerLost(slot: number): void {
    const { table } = this;
    this.#context.learned.neighbourLost(
      table.iface(slot),
      table.word(slot, 0),
      table.word(slot, 1),
      table.word(slot, 2),
      table.word(slot, 3),
    );
  }

  /** Takes a known neighbour away on all cores. */
  remove(slot: number, now: Millis): void {
    const { table } = this;
    const { out } = this.#context;
    table.setVersion(slot, this.write());
    if (out.cores > 1) {
      const at = this.draft(Message["nd-delete"], slot);
      message.setVersion(out.view, at, table.version(slot));
      message.post(out, message.ALL);
    }
    this.lay(slot, now);
  }

  /**
   * Room for one more known neighbour. `isRunHere`: this core keeps the bound, a replica has slots to spare. `isHint`:
   * the new one only spoke up itself; then no neighbour goes that is in use, for anybody on the link can pretend to be
   * many.
   */
  makeRoom(isRunHere: boolean, isHint: boolean, now: Millis): boolean {
    const { config } = this.#context;
    const limit = Math.min(this.#built, config.maxEntries) + (isRunHere ? 0 : config.maxPending);
    return this.table.entries < limit || this.#evict(isHint, now);
  }

  /** Gives a neighbour up that this core runs: one that is idle, else (not for a hint) the one longest in its place. */
  #evict(isHint: boolean, now: Millis): boolean {
    const { table } = this;
    let oldest = -1;
    for (let tries = VICTIMS * this.#context.out.cores; tries > 0; tries--) {
      const slot = table.oldestKnown();
      if (slot < 0 || slot === oldest) break;
      if (table.isRun(slot)) {
        if (this.#isIdle(slot, isHint, now)) {
          this.#giveUp(slot, now);
          return true;
        }
        if (oldest < 0) oldest = slot;
      }
      table.demote(slot);
    }
    if (oldest < 0 || isHint) return false;
    this.#giveUp(oldest, now);
    return true;
  }

  /** Nothing has left through it lately; for a hint: not at all since it was last confirmed, and it is in doubt. */
  #isIdle(slot: number, isHint: boolean, now: Millis): boolean {
    const { table } = this;
    if (isHint && table.state(slot) !== State.Stale) return false;
    const isUnused = table.touched(slot) <= table.updated(slot);
    return isHint ? isUnused : isUnused && now - table.touched(slot) > 2 * USE_GRAIN;
  }

  #giveUp(slot: number, now: Millis): void {
    this.evictions++;
    this.event("nd-full", slot, 0);
    this.remove(slot, now);
  }
}

/** How the neighbour's link-layer address compares with the one that is known. */
export const linkOf = (table: Table, slot: number, mac: Mac): 0 | 1 | 2 =>
  mac < 0 ? 0 : table.isUsable(slot) && table.mac(slot) === mac ? 1 : 2;
