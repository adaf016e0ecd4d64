// The neighbours on one core (ND-3, ND-4): what frames find, the machine of every entry that this core runs, and what
// operators and the configuration put in. Who runs which is moving.ts, what the cores say to each other telling.ts.

import { Drop } from "../engine/drop.ts";
import { Message } from "../engine/message.ts";
import type { CoreId, Mac, Millis, Offset } from "../lib/units.ts";
import { BROADCAST } from "../lib/units.ts";
import { makeVersion } from "../lib/version.ts";
import { isGroup } from "../wire/ethernet.ts";
import type { StaticNeighbour } from "./config.ts";
import type { Context } from "./context.ts";
import { Ledger, linkOf } from "./ledger.ts";
import {
  Act,
  isUsable,
  onAdvertisement,
  onConfirm,
  onHint,
  onTimer,
  State,
  stateOf,
} from "./machine.ts";
import * as message from "./message.ts";
import { Moving } from "./moving.ts";
import type { Owners, Steering6 } from "./owners.ts";
import { Pending } from "./pending.ts";
import type { Table } from "./table.ts";
import { Telling } from "./telling.ts";

/** Timers handled per tick, so that a wave of them delays no frame. Our choice. */
const TIMERS_PER_TICK = 256;
const { Heard, ALL, MAX_HOPS } = message;

const isNobody = (mac: Mac): boolean => mac === 0 || mac === BROADCAST || isGroup(mac);

export class Entries {
  readonly table: Table;
  readonly ledger: Ledger;
  readonly pending: Pending;
  readonly owners: Owners;
  readonly moving: Moving;
  readonly telling: Telling;
  readonly #context: Context;
  /** Messages of neighbours that landed on another core than the owner's. */
  handedOver = 0;

  constructor(context: Context, steering: Steering6) {
    this.#context = context;
    this.ledger = new Ledger(context);
    this.table = this.ledger.table;
    this.pending = new Pending(context, this.ledger);
    this.moving = new Moving(context, this.ledger, this.pending, steering);
    this.telling = new Telling(context, this.moving);
    this.owners = this.moving.owners;
    for (const entry of context.config.statics) this.#place(entry, makeVersion(0, 0), 0);
  }

  resolve(iface: number, at: Offset, start: Offset, end: Offset, now: Millis): Mac {
    const { view } = this.#context.out;
    const { table } = this;
    const a = view.getInt32(at);
    const b = view.getInt32(at + 4);
    const c = view.getInt32(at + 8);
    const d = view.getInt32(at + 12);
    const slot = table.find(iface, a, b, c, d);
    if (!table.isUsable(slot)) return this.#miss(slot, iface, a, b, c, d, start, end, now);
    const mac = table.mac(slot);
    if (table.isNotable(slot, now)) this.moving.noteUse(slot, now);
    return mac;
  }

  // biome-ignore lint/complexity/useMaxParams: an address is four numbers, and no object is made
  #miss(
    found: number,
    iface: number,
    a: number,
    b: number,
    c: number,
    d: number,
    start: Offset,
    end: Offset,
    now: Millis,
  ): Mac {
    const { table, pending } = this;
    const state = found < 0 ? State.None : table.state(found);
    if (state === State.Incomplete || state === State.Wanted) {
      pending.enqueue(found, start, end);
      return -1;
    }
    const { out, own, newcomers } = this.#context;
    const self = own.macOf(iface, a, b, c, d);
    if (self >= 0) return self;
    if (a >>> 24 === 0xff || (a | b | c | d) === 0 || !this.#context.speaks(iface)) {
      out.drop(Drop["ip-destination"]);
      return -1;
    }
    if (found < 0 && !newcomers.take(iface, now)) {
      out.drop(Drop["nd-rate"]);
      return -1;
    }
    const bucket = this.moving.bucketOf(a, b, c, d);
    const home = this.owners.home(bucket, now);
    const slot = pending.begin(found, iface, a, b, c, d, bucket);
    if (slot < 0) {
      out.drop(Drop["nd-table-full"]);
      return -1;
    }
    pending.enqueue(slot, start, end);
    if (home !== out.core) pending.ask(slot, home, now);
    else if (this.owners.isAwaiting(bucket)) pending.expect(slot, now);
    else pending.start(slot, now);
    return -1;
  }

  /** What was heard of a neighbour on core `by`, here or on another one. */
  // biome-ignore lint/complexity/useMaxParams: an address is four numbers, and no object is made
  heard(
    kind: number,
    by: CoreId,
    hops: number,
    iface: number,
    a: number,
    b: number,
    c: number,
    d: number,
    mac: Mac,
    flags: number,
    now: Millis,
  ): void {
    const { table, owners } = this;
    const { out } = this.#context;
    const bucket = this.moving.bucketOf(a, b, c, d);
    const home = owners.home(bucket, now);
    let slot = table.find(iface, a, b, c, d);
    if (slot >= 0 && table.isStatic(slot)) {
      if (mac >= 0 && mac !== table.mac(slot)) out.drop(Drop["nd-spoof"]);
      return;
    }
    const isHint = kind === Heard.Hint || kind === Heard.RouterHint;
    if (isHint && mac < 0 && !table.isUsable(slot)) return;
    const isNews = !isHint || this.#isNews(slot, kind, mac, now);
    if (slot < 0 || !table.isRun(slot)) {
      if (!isNews) return;
      const owner = slot < 0 ? home : this.moving.ownerOf(slot, now);
      if (owner !== out.core) {
        if (kind === Heard.Advertisement && hops === 0 && by === out.core) this.handedOver++;
        if (hops < MAX_HOPS) this.#pass(kind, by, hops, iface, a, b, c, d, mac, flags, owner);
        return;
      }
      if (owners.isAwaiting(bucket)) return;
      if (this.table.isUsable(slot)) {
        if (!this.moving.mayAdopt(slot, now)) return;
        this.moving.adopt(slot, now);
      } else if (slot >= 0 && table.state(slot) === State.Wanted) this.pending.start(slot, now);
    }
    if (slot < 0 || table.state(slot) === State.Gone) {
      if (!isHint) {
        if (kind === Heard.Advertisement) out.drop(Drop["nd-not-for-us"]);
        return;
      }
      slot = this.#createHinted(slot, iface, a, b, c, d, bucket, now);
      if (slot < 0) return;
    }
    this.#apply(slot, kind, mac, flags, now);
    this.#follow(slot, kind, by, now);
  }

  /**
   * Whether the owner need hear a hint: not when this core's copy says the same, for then nothing changes there either
   * (row 23). In the variant `traffic` it hears of it now and then, so that the machine may follow.
   */
  #isNews(slot: number, kind: number, mac: Mac, now: Millis): boolean {
    const { table } = this;
    if (!table.isUsable(slot) || (mac >= 0 && table.mac(slot) !== mac)) return true;
    if (kind === Heard.RouterHint && !table.isRouter(slot)) return true;
    if (this.#context.config.owner !== "traffic" || table.isRun(slot)) return false;
    if (now - table.updated(slot) < this.#context.usePeriod(table.iface(slot))) return false;
    table.setUpdated(slot, now);
    return true;
  }

  /** Row 20: a neighbour that spoke first. The slot has no state yet. */
  #createHinted(
    found: number,
    iface: number,
    a: number,
    b: number,
    c: number,
    d: number,
    bucket: number,
    now: Millis,
  ): number {
    const { out } = this.#context;
    if (!this.ledger.makeRoom(true, true, now)) {
      out.drop(Drop["nd-table-full"]);
      return -1;
    }
    const slot = found >= 0 ? found : this.ledger.create(iface, a, b, c, d, bucket);
    if (slot < 0) {
      out.drop(Drop["nd-table-full"]);
      return -1;
    }
    this.table.setRun(slot, true);
    this.table.setHolder(slot, out.core);
    this.table.askers.clear(slot);
    return slot;
  }

  // biome-ignore lint/complexity/useMaxParams: an address is four numbers, and no object is made
  #pass(
    kind: number,
    by: CoreId,
    hops: number,
    iface: number,
    a: number,
    b: number,
    c: number,
    d: number,
    mac: Mac,
    flags: number,
    to: CoreId,
  ): void {
    const { out } = this.#context;
    const at = message.draft(out, Message["nd-heard"], iface, a, b, c, d);
    message.setKind(out.view, at, kind);
    message.setHardware(out.view, at, mac);
    message.setFlags(out.view, at, flags);
    message.setCore(out.view, at, by);
    message.setHops(out.view, at, hops + 1);
    out.send(to);
  }

  /** The variant `traffic`: the machine goes to where the neighbour's own messages come in. */
  #follow(slot: number, kind: number, by: CoreId, now: Millis): void {
    if (this.#context.config.owner !== "traffic" || kind === Heard.Advertisement) return;
    if (by !== this.#context.out.core && this.table.isRun(slot)) this.moving.give(slot, by, now);
  }

  /** Puts what was heard into the machine of an entry that this core runs. */
  #apply(slot: number, kind: number, mac: Mac, flags: number, now: Millis): void {
    const { table } = this;
    const held = table.state(slot);
    const state = held === State.Gone || held === State.None ? State.None : held;
    const link = linkOf(table, slot, mac);
    const isRouter = kind === Heard.RouterHint || (flags & 0x80) !== 0;
    if (kind === Heard.Advertisement) {
      const outcome = onAdvertisement(state, (flags & 0x40) !== 0, (flags & 0x20) !== 0, link);
      this.#settle(slot, outcome, mac, isRouter, now);
    } else if (kind === Heard.Confirm) this.#settle(slot, onConfirm(state), -1, false, now);
    else if (kind === Heard.RouterHint && link === 0) {
      this.#settle(slot, isUsable(state) ? state | Act.Router : Act.Ignore, -1, true, now);
    } else {
      const router = kind === Heard.RouterHint ? Act.Router : 0;
      this.#settle(slot, onHint(state, link) | router, mac, isRouter, now);
    }
  }

  /** Does what an outcome asks for, and tells the others what they must know. */
  #settle(slot: number, outcome: number, mac: Mac, isRouter: boolean, now: Millis): void {
    if ((outcome & Act.Ignore) !== 0) return;
    const { table, ledger } = this;
    const before = table.state(slot);
    const wasUsable = table.isUsable(slot);
    const next = stateOf(outcome);
    const hardware = (outcome & Act.Record) !== 0 ? mac : table.mac(slot);
    const wasRouter = wasUsable && table.isRouter(slot);
    const router = (outcome & Act.Router) !== 0 ? isRouter : wasRouter;
    const isNew = !wasUsable;
    const isChanged = isNew || hardware !== table.mac(slot) || router !== wasRouter;
    if (
      isNew &&
      before !== State.None &&
      before !== State.Gone &&
      !ledger.makeRoom(true, false, now)
    ) {
      this.#passing(slot, hardware, router, now);
      return;
    }
    if (wasRouter && !router) ledger.routerLost(slot);
    if (isChanged) table.assign(slot, hardware, router, false, now);
    if (isNew) table.enter(slot, next);
    else table.become(slot, next);
    if ((outcome & Act.Confirm) !== 0) table.setUpdated(slot, now);
    if (next !== before || (outcome & Act.Confirm) !== 0) ledger.arm(slot, now);
    const isDemoted = !isNew && before === State.Reachable && next === State.Stale;
    const isCleared = next === State.Reachable && table.isDoubtTold(slot);
    if (isChanged || isDemoted || isCleared) {
      table.setVersion(slot, ledger.write());
      ledger.tell(slot, ALL);
      table.askers.clear(slot);
      if (isNew) ledger.event("nd-added", slot, hardware);
      else if (isChanged) ledger.event("nd-changed", slot, hardware);
    }
    if ((outcome & Act.Release) !== 0 && this.pending.release(slot, hardware, now) > 0) {
      this.ledger.used(slot, now);
    }
  }

  /** No room to remember an answer: what waited leaves, here and on the cores that asked. */
  #passing(slot: number, mac: Mac, isRouter: boolean, now: Millis): void {
    const { table } = this;
    this.#context.out.drop(Drop["nd-table-full"]);
    table.assign(slot, mac, isRouter, false, now);
    table.setVersion(slot, this.ledger.write());
    this.ledger.tellAskers(slot);
    this.pending.release(slot, mac, now);
    this.ledger.forget(slot);
  }

  /** Solicits a known neighbour by unicast; after the last try it is gone (rows 17 to 19). */
  #probe(slot: number, isFirst: boolean, now: Millis): void {
    const { table, ledger } = this;
    const { config, own, speaker } = this.#context;
    const tries = isFirst ? 0 : table.tries(slot);
    const outcome = onTimer(table.state(slot), !isFirst && tries >= config.unicastSolicits);
    if ((outcome & Act.Fail) !== 0) {
      ledger.event("nd-deleted", slot, table.mac(slot));
      ledger.remove(slot, now);
      return;
    }
    table.become(slot, stateOf(outcome));
    table.setTries(slot, tries + 1);
    table.setAsked(slot, now);
    const iface = table.iface(slot);
    ledger.wheel.set(slot, now + this.#context.retrans(iface));
    const source = own.sourceFor(iface, table.word(slot, 0), table.word(slot, 1), -1);
    if (source !== null) speaker.solicit(iface, source, table, slot, table.mac(slot));
  }

  tick(now: Millis): void {
    this.owners.tick(now);
    const { table, ledger } = this;
    for (let n = 0; n < TIMERS_PER_TICK; n++) {
      const slot = ledger.wheel.expire(now);
      if (slot < 0) return;
      const state = table.state(slot);
      if (state === State.Wanted) this.#wantedDue(slot, now);
      else if (state === State.Gone) ledger.forget(slot);
      else if (!table.isRun(slot)) continue;
      else if (state === State.Incomplete) this.pending.due(slot, now);
      else if (state === State.Delay) this.#probe(slot, true, now);
      else if (state === State.Probe) this.#probe(slot, false, now);
      else if (state === State.Reachable) {
        table.become(slot, stateOf(onTimer(state, false)));
        ledger.arm(slot, now);
      }
    }
  }

  /** Nothing was heard for longer than a machine runs: at its home, where all questions meet, it begins anew. */
  #wantedDue(slot: number, now: Millis): void {
    const bucket = this.table.bucket[slot] as number;
    if (this.owners.isAwaiting(bucket)) {
      this.pending.expect(slot, now);
      return;
    }
    const home = this.owners.home(bucket, now);
    const isHome = home === this.#context.out.core;
    this.pending.wantedDue(slot, isHome ? home : this.moving.ownerOf(slot, now), now);
  }

  #place({ iface, address, mac }: StaticNeighbour, version: number, now: Millis): number {
    const [a, b, c, d] = address;
    const { table, ledger } = this;
    let slot = table.find(iface, a, b, c, d);
    const wasUsable = table.isUsable(slot);
    if (!wasUsable && !ledger.makeRoom(true, false, now)) return -1;
    if (slot < 0) slot = ledger.create(iface, a, b, c, d, this.moving.bucketOf(a, b, c, d));
    if (slot < 0) return -1;
    table.setRun(slot, false);
    table.assign(slot, mac, false, true, now);
    table.setVersion(slot, version);
    if (wasUsable) table.become(slot, State.Reachable);
    else table.enter(slot, State.Reachable);
    ledger.arm(slot, now);
    table.askers.clear(slot);
    this.pending.release(slot, mac, now);
    return slot;
  }

  /** Adds or changes a static entry on all cores; called on one. False: no room, or a group's MAC. */
  addStatic(entry: StaticNeighbour, now: Millis): boolean {
    if (isNobody(entry.mac)) return false;
    const slot = this.#place(entry, this.ledger.write(), now);
    if (slot < 0) return false;
    this.ledger.tell(slot, ALL);
    this.ledger.event("nd-added", slot, entry.mac);
    return true;
  }

  /** Deletes a known neighbour on all cores, whoever runs it. */
  flush(slot: number, now: Millis): void {
    this.ledger.event("nd-deleted", slot, this.table.mac(slot));
    this.ledger.remove(slot, now);
  }

  /** Empties an interface that is gone or another one now, on this core alone: all cores do the same. */
  dropInterface(iface: number, now: Millis): void {
    const { table } = this;
    for (let slot = 0; slot < table.capacity; slot++) {
      const state = table.state(slot);
      if (state === State.None || table.iface(slot) !== iface) continue;
      if (state === State.Incomplete || state === State.Wanted) this.pending.fail(slot, now);
      else this.ledger.forget(slot);
    }
  }
}
