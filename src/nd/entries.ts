// The neighbours on one core (ND-2..6): the machine of every entry that this core runs, copies of what others run, and
// the messages between them. Exactly one core runs an entry; the right to do so goes from core to core in nd-move.

import { Drop } from "../engine/drop.ts";
import { Message } from "../engine/message.ts";
import type { CoreId, Mac, Millis, Offset } from "../lib/units.ts";
import { BROADCAST } from "../lib/units.ts";
import { isGroup } from "../wire/ethernet.ts";
import type { StaticNeighbour } from "./config.ts";
import type { Context } from "./context.ts";
import { Ledger, linkOf, USE_GRAIN } from "./ledger.ts";
import {
  Act,
  isUsable,
  onAdvertisement,
  onConfirm,
  onHint,
  onSend,
  onTimer,
  State,
  stateOf,
} from "./machine.ts";
import * as message from "./message.ts";
import { type Movers, Owners, type Steering6 } from "./owners.ts";
import { Pending } from "./pending.ts";
import { makeVersion, type Table } from "./table.ts";

/** Timers handled per tick, so that a wave of them delays no frame. Our choice. */
const TIMERS_PER_TICK = 256;
const NEVER = 0xffffffff;
/** A message between cores takes less. Our choice: ten times what a stalled core may take. */
const ON_THE_WAY: Millis = 1000;
const { Heard, Move, EntryFlag, ALL, MAX_HOPS } = message;

const NO_MAC = (mac: Mac): boolean => mac === 0 || mac === BROADCAST || isGroup(mac);

export class Entries implements Movers {
  readonly table: Table;
  readonly ledger: Ledger;
  readonly pending: Pending;
  readonly owners: Owners;
  readonly #context: Context;
  /** Re-syncs begun per peer, and by which a peer's entries were last named. */
  readonly #resyncs: Uint32Array;
  /** Messages of neighbours that landed on another core than the owner's. */
  handedOver = 0;

  constructor(context: Context, steering: Steering6) {
    this.#context = context;
    this.ledger = new Ledger(context);
    this.table = this.ledger.table;
    this.pending = new Pending(context, this.ledger);
    this.owners = new Owners(steering, context.out.core, this);
    this.#resyncs = new Uint32Array(context.out.cores);
    for (const entry of context.config.statics) this.#place(entry, makeVersion(0, 0), 0);
  }

  get #isHashed(): boolean {
    return this.#context.config.owner === "hash";
  }

  #bucketOf(a: number, b: number, c: number, d: number): number {
    return this.owners.steering.bucketOf(a, b, c, d);
  }

  /** The core to turn to about a slot that this core does not run: its holder where that is known, else its home. */
  #ownerOf(slot: number, now: Millis): CoreId {
    const home = this.owners.home(this.table.bucket[slot] as number, now);
    const holder = this.table.holder(slot);
    return this.#isHashed || holder < 0 || holder === this.#context.out.core ? home : holder;
  }

  /** The core that runs a slot, as far as this one knows. */
  ownerSeen(slot: number): CoreId {
    const { table } = this;
    if (table.isRun(slot)) return this.#context.out.core;
    const holder = table.holder(slot);
    return this.#isHashed || holder < 0
      ? this.owners.homeSeen(table.bucket[slot] as number)
      : holder;
  }

  // --- resolving -----------------------------------------------------------------------------------------------------

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
    if (table.isNotable(slot, now)) this.#noteUse(slot, now);
    return mac;
  }

  /** The first use after a quiet while: the machine hears of it, here or by one message (ND-3). */
  #noteUse(slot: number, now: Millis): void {
    const { table } = this;
    table.touch(slot, now);
    if (table.isRun(slot)) {
      this.#used(slot, now);
      return;
    }
    table.setQuiet(slot, now + this.#context.usePeriod(table.iface(slot)));
    const owner = this.#ownerOf(slot, now);
    if (owner !== this.#context.out.core) this.#send(Message["nd-used"], slot, owner, 0);
    else if (this.owners.isAwaiting(table.bucket[slot] as number)) return;
    else if (this.#mayAdopt(slot, now)) {
      this.#adopt(slot, now);
      this.#used(slot, now);
    }
  }

  #send(type: number, slot: number, to: CoreId, hops: number): void {
    const { out } = this.#context;
    message.setHops(out.view, this.ledger.draft(type, slot), hops);
    out.send(to);
  }

  /** A frame was sent through an entry that this core runs. */
  #used(slot: number, now: Millis): void {
    const { table } = this;
    table.touch(slot, now);
    table.setQuiet(slot, now + USE_GRAIN);
    const next = stateOf(onSend(table.state(slot)));
    if (next === table.state(slot)) return;
    table.become(slot, next);
    this.ledger.arm(slot, now);
  }

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
    const bucket = this.#bucketOf(a, b, c, d);
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

  // --- what the owner is asked and told ------------------------------------------------------------------------------

  /** Core `asker` misses an address. */
  asked(
    asker: CoreId,
    hops: number,
    iface: number,
    a: number,
    b: number,
    c: number,
    d: number,
    now: Millis,
  ): void {
    const { table, owners } = this;
    const { out } = this.#context;
    const bucket = this.#bucketOf(a, b, c, d);
    const home = owners.home(bucket, now);
    let slot = table.find(iface, a, b, c, d);
    const state = slot < 0 ? State.None : table.state(slot);
    if (slot >= 0 && table.isRun(slot)) this.#answer(slot, asker, now);
    else if (slot >= 0 && table.isStatic(slot)) this.ledger.tell(slot, asker);
    else if (home !== out.core) {
      if (hops >= MAX_HOPS) return;
      const at = message.draft(out, Message["nd-ask"], iface, a, b, c, d);
      message.setCore(out.view, at, asker);
      message.setHops(out.view, at, hops + 1);
      out.send(home);
    } else if (isUsable(state)) this.#askedForeign(slot, asker, hops, now);
    else if (state === State.Wanted) {
      const holder = table.holder(slot);
      table.addAsker(slot, asker);
      if (owners.isAwaiting(bucket)) return;
      if (holder < 0 || holder === out.core) this.pending.start(slot, now);
      else if (holder !== asker && hops < MAX_HOPS) {
        // Who was named before gets the machine, or has it; should it be lost, this memory ends and it begins anew.
        this.pending.askFor(slot, holder, asker, hops + 1);
      }
    } else {
      slot = this.pending.begin(slot, iface, a, b, c, d, bucket);
      if (slot < 0) {
        out.drop(Drop["nd-table-full"]);
        return;
      }
      table.addAsker(slot, asker);
      if (owners.isAwaiting(bucket)) this.pending.expect(slot, now);
      else if (this.#context.config.owner === "first") this.#grant(slot, asker, now);
      else this.pending.start(slot, now);
    }
  }

  /** A core asks for what is known here but run elsewhere. */
  #askedForeign(slot: number, asker: CoreId, hops: number, now: Millis): void {
    const { table } = this;
    const isAwaiting = this.owners.isAwaiting(table.bucket[slot] as number);
    const holder = table.holder(slot);
    if (!isAwaiting && this.#mayAdopt(slot, now)) {
      this.#adopt(slot, now);
      this.#answer(slot, asker, now);
    } else if (isAwaiting || this.#isHashed || holder === asker || hops >= MAX_HOPS) {
      this.ledger.tell(slot, asker);
    } else this.pending.askFor(slot, holder, asker, hops + 1);
  }

  /**
   * Whether this core, the address' home, may take up a machine that nobody seems to run: with `hash` it is its own. Else it
   * is another's as long as one is named; and when this core itself is, its machine may still be on the way.
   */
  #mayAdopt(slot: number, now: Millis): boolean {
    const { table } = this;
    if (this.#isHashed || table.holder(slot) < 0) return true;
    const isNamed = table.holder(slot) === this.#context.out.core;
    return isNamed && now - table.updated(slot) > ON_THE_WAY;
  }

  /** The variant `first`: who asks first runs the machine; its home only knows that. */
  #grant(slot: number, asker: CoreId, now: Millis): void {
    const { table } = this;
    table.setHolder(slot, asker);
    this.pending.expect(slot, now);
    this.#sendToken(slot, asker, State.Incomplete, NEVER, 0, 0);
  }

  #answer(slot: number, asker: CoreId, now: Millis): void {
    if (!this.table.isUsable(slot)) {
      this.table.addAsker(slot, asker);
      return;
    }
    this.ledger.tell(slot, asker);
    this.#used(slot, now);
  }

  /** What was heard of a neighbour on core `by`, here or on another one. */
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
    const bucket = this.#bucketOf(a, b, c, d);
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
      const owner = slot < 0 ? home : this.#ownerOf(slot, now);
      if (owner !== out.core) {
        if (kind === Heard.Advertisement && hops === 0 && by === out.core) this.handedOver++;
        if (hops < MAX_HOPS) this.#pass(kind, by, hops, iface, a, b, c, d, mac, flags, owner);
        return;
      }
      if (owners.isAwaiting(bucket)) return;
      if (this.table.isUsable(slot)) {
        if (!this.#mayAdopt(slot, now)) return;
        this.#adopt(slot, now);
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
    this.table.clearAskers(slot);
    return slot;
  }

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
    if (by !== this.#context.out.core && this.table.isRun(slot)) this.#give(slot, by, now);
  }

  // --- the machine ---------------------------------------------------------------------------------------------------

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
      table.clearAskers(slot);
      if (isNew) ledger.event("nd-added", slot, hardware);
      else if (isChanged) ledger.event("nd-changed", slot, hardware);
    }
    if ((outcome & Act.Release) !== 0 && this.pending.release(slot, hardware, now) > 0) {
      this.#used(slot, now);
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

  #wantedDue(slot: number, now: Millis): void {
    if (this.owners.isAwaiting(this.table.bucket[slot] as number)) this.pending.expect(slot, now);
    else this.pending.wantedDue(slot, this.#ownerOf(slot, now), now);
  }

  // --- moving (ND-2) -------------------------------------------------------------------------------------------------

  /** Runs what this core only had a copy of: nobody else does. How old it is nobody knows, so it is in doubt. */
  #adopt(slot: number, now: Millis): void {
    const { table, ledger } = this;
    table.setRun(slot, true);
    table.setHolder(slot, this.#context.out.core);
    table.become(slot, State.Stale);
    table.setVersion(slot, ledger.write());
    ledger.arm(slot, now);
    ledger.tell(slot, ALL);
  }

  begin(bucket: number, now: Millis): void {
    const { table } = this;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.bucket[slot] !== bucket || table.state(slot) >= State.Gone) continue;
      if (table.isRun(slot) || table.isStatic(slot)) continue;
      const isHeld = !this.#isHashed && table.holder(slot) >= 0;
      if (isHeld && table.holder(slot) !== this.#context.out.core) continue;
      if (table.isUsable(slot)) this.#adopt(slot, now);
      else this.pending.start(slot, now);
    }
  }

  handOver(bucket: number, to: CoreId, withMarker: boolean, now: Millis): void {
    const { table } = this;
    const { out } = this.#context;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.bucket[slot] !== bucket || table.state(slot) >= State.Gone) continue;
      if (table.isRun(slot)) {
        if (this.#isHashed) this.#give(slot, to, now);
        else if (!table.isUsable(slot)) this.#register(slot, out.core, to);
      } else if (table.state(slot) === State.Wanted) this.#handOverWanted(slot, to);
    }
    if (withMarker) this.sendMarker(bucket, to);
  }

  #handOverWanted(slot: number, to: CoreId): void {
    const { table } = this;
    const { out } = this.#context;
    const holder = table.holder(slot);
    if (!this.#isHashed && holder >= 0 && holder !== out.core) this.#register(slot, holder, to);
    for (let core = 0; core < out.cores; core++) {
      if (core !== to && table.isAsker(slot, core)) this.pending.askFor(slot, to, core, 1);
    }
    table.clearAskers(slot);
    if (this.pending.hasFrames(slot)) this.pending.askFor(slot, to, out.core, 1);
  }

  #register(slot: number, holder: CoreId, to: CoreId): void {
    const { out } = this.#context;
    const at = this.ledger.draft(Message["nd-move"], slot);
    message.setKind(out.view, at, Move.Registration);
    message.setCore(out.view, at, holder);
    message.setBucket(out.view, at, this.table.bucket[slot] as number);
    out.send(to);
  }

  sendMarker(bucket: number, to: CoreId): void {
    const { out } = this.#context;
    const at = message.draft(out, Message["nd-move"], 0, 0, 0, 0, 0);
    message.setKind(out.view, at, Move.Marker);
    message.setBucket(out.view, at, bucket);
    out.send(to);
  }

  #sendToken(
    slot: number,
    to: CoreId,
    state: State,
    due: number,
    age: number,
    tries: number,
  ): void {
    const { table } = this;
    const { view } = this.#context.out;
    const at = this.ledger.draft(Message["nd-move"], slot);
    message.setVersion(view, at, table.version(slot));
    message.setKind(view, at, Move.Token);
    message.setHardware(view, at, table.mac(slot));
    message.setFlags(view, at, this.ledger.flagsOf(slot) | (table.isDoubtTold(slot) ? 4 : 0));
    message.setState(view, at, state);
    message.setTries(view, at, tries);
    message.setBucket(view, at, table.bucket[slot] as number);
    message.setDue(view, at, due);
    message.setAge(view, at, age);
    message.setMore(view, at, 0, table.askersLow(slot));
    message.setMore(view, at, 1, table.askersHigh(slot));
    this.#context.out.send(to);
  }

  /** Hands the machine of an entry to another core; from now on this one has a copy, or waits. */
  #give(slot: number, to: CoreId, now: Millis): void {
    const { table, ledger, pending } = this;
    const { out } = this.#context;
    const state = table.state(slot);
    const due = ledger.wheel.isSet(slot) ? Math.max(0, ledger.wheel.due(slot) - now) : NEVER;
    const age = Math.min(NEVER, Math.max(0, now - table.updated(slot)));
    if (pending.hasFrames(slot)) table.addAsker(slot, out.core);
    this.#sendToken(slot, to, state, Math.ceil(due), Math.floor(age), table.tries(slot));
    table.setRun(slot, false);
    table.setHolder(slot, to);
    table.clearAskers(slot);
    if (isUsable(state)) {
      table.become(slot, state === State.Reachable ? state : State.Stale);
      ledger.arm(slot, now);
    } else if (pending.hasFrames(slot)) {
      table.enter(slot, State.Wanted);
      table.setTries(slot, 1);
      pending.expect(slot, now);
    } else if (this.#isHashed) ledger.forget(slot);
    else {
      table.enter(slot, State.Wanted);
      pending.expect(slot, now);
    }
  }

  moved(from: CoreId, at: Offset, now: Millis): void {
    const { view } = this.#context.out;
    const kind = message.kindOf(view, at);
    const bucket = message.bucketOf(view, at);
    if (kind === Move.Marker) {
      this.owners.marker(bucket, now);
      return;
    }
    const iface = message.ifaceOf(view, at);
    const a = message.wordOf(view, at, 0);
    const b = message.wordOf(view, at, 1);
    const c = message.wordOf(view, at, 2);
    const d = message.wordOf(view, at, 3);
    const found = this.table.find(iface, a, b, c, d);
    if (kind === Move.Token) this.#receiveToken(found, iface, a, b, c, d, from, at, now);
    else if (found >= 0 && this.table.state(found) === State.Wanted) {
      this.table.setHolder(found, message.coreOf(view, at));
    } else if (found < 0) {
      const slot = this.pending.begin(-1, iface, a, b, c, d, this.#bucketOf(a, b, c, d));
      if (slot < 0) return;
      this.table.setHolder(slot, message.coreOf(view, at));
      this.pending.expect(slot, now);
    }
  }

  #receiveToken(
    found: number,
    iface: number,
    a: number,
    b: number,
    c: number,
    d: number,
    from: CoreId,
    at: Offset,
    now: Millis,
  ): void {
    const { table, ledger, pending, owners } = this;
    const { out } = this.#context;
    const { view } = out;
    const state = message.stateOf(view, at) as State;
    const version = message.versionOf(view, at);
    ledger.observe(Math.max(0, version));
    const bucket = this.#bucketOf(a, b, c, d);
    const home = owners.home(bucket, now);
    let slot = found;
    if (slot < 0 || table.state(slot) === State.Gone) {
      if (slot >= 0 && version >= 0 && table.version(slot) > version) return; // Deleted since.
      slot = pending.begin(slot, iface, a, b, c, d, bucket);
      if (slot < 0) return;
    }
    const wasRun = table.isRun(slot);
    table.addAskers(slot, message.moreOf(view, at, 0), message.moreOf(view, at, 1));
    const isNewer = isUsable(state) && (!table.isUsable(slot) || version > table.version(slot));
    if (isNewer) this.#assignFrom(slot, at, version, now);
    if (wasRun && (!isNewer || !isUsable(state))) return; // Two met: the newer stays.
    table.setRun(slot, true);
    table.setHolder(slot, out.core);
    if (isUsable(state) || table.isUsable(slot)) this.#resume(slot, state, at, now);
    else this.#resumePending(slot, at, now);
    if (this.#isHashed && home !== out.core) {
      if (owners.isRelayed(bucket)) this.#give(slot, home, now);
      else owners.cameEarly(bucket, now);
    }
    if (!this.#isHashed && table.isUsable(slot)) {
      table.setVersion(slot, ledger.write());
      ledger.tell(slot, ALL);
    }
    if (from === out.core) out.drop(Drop["bus-unknown"]);
  }

  #assignFrom(slot: number, at: Offset, version: number, now: Millis): void {
    const { view } = this.#context.out;
    const flags = message.flagsOf(view, at);
    const isRouter = (flags & EntryFlag.Router) !== 0;
    const wasUsable = this.table.isUsable(slot);
    this.table.assign(slot, message.macOf(view, at), isRouter, false, now);
    this.table.setVersion(slot, version);
    this.table.setDoubtTold(slot, (flags & 4) !== 0);
    if (!wasUsable) this.table.enter(slot, State.Stale);
  }

  /** Goes on with a known neighbour's machine where the other core left it. */
  #resume(slot: number, state: State, at: Offset, now: Millis): void {
    const { table, ledger } = this;
    const { view } = this.#context.out;
    table.become(slot, isUsable(state) ? state : State.Stale);
    table.setUpdated(slot, now - message.ageOf(view, at));
    ledger.arm(slot, now);
    table.setTries(slot, message.triesOf(view, at));
    const due = message.dueOf(view, at);
    if (due !== NEVER) ledger.wheel.set(slot, now + due);
    if (table.askersLow(slot) !== 0 || table.askersHigh(slot) !== 0) {
      ledger.tellAskers(slot);
      table.clearAskers(slot);
    }
    if (this.pending.release(slot, table.mac(slot), now) > 0) this.#used(slot, now);
  }

  #resumePending(slot: number, at: Offset, now: Millis): void {
    const { table, ledger, pending } = this;
    const { view } = this.#context.out;
    const tries = message.triesOf(view, at);
    if (tries === 0) {
      pending.start(slot, now);
      return;
    }
    table.enter(slot, State.Incomplete);
    table.setTries(slot, tries);
    const due = message.dueOf(view, at);
    const wait = due === NEVER ? 0 : due;
    ledger.wheel.set(slot, now + wait);
    table.setAsked(slot, now + wait - this.#context.retrans(table.iface(slot)));
  }

  // --- what the owner tells ------------------------------------------------------------------------------------------

  /** An entry as its owner tells it. */
  told(from: CoreId, at: Offset, now: Millis): void {
    const { table, ledger } = this;
    const { view } = this.#context.out;
    const version = message.versionOf(view, at);
    ledger.observe(Math.max(0, version));
    const iface = message.ifaceOf(view, at);
    const a = message.wordOf(view, at, 0);
    const b = message.wordOf(view, at, 1);
    const c = message.wordOf(view, at, 2);
    const d = message.wordOf(view, at, 3);
    let slot = table.find(iface, a, b, c, d);
    if (slot >= 0 && table.version(slot) >= version) {
      // The same again, or older than what is run here: who told it must yield.
      table.setSeen(slot, this.#resyncs[from] as number);
      if (table.isRun(slot) && table.version(slot) > version) ledger.tell(slot, from);
      return;
    }
    const wasUsable = table.isUsable(slot);
    if (!wasUsable && !ledger.makeRoom(false, false, now)) {
      if (slot >= 0) this.pending.release(slot, message.macOf(view, at), now);
      this.#context.out.drop(Drop["nd-table-full"]);
      return;
    }
    if (slot < 0) slot = ledger.create(iface, a, b, c, d, this.#bucketOf(a, b, c, d));
    if (slot < 0) return;
    const flags = message.flagsOf(view, at);
    const isRouter = (flags & EntryFlag.Router) !== 0;
    if (wasUsable && table.isRouter(slot) && !isRouter) ledger.routerLost(slot);
    const mac = message.macOf(view, at);
    table.setRun(slot, false);
    table.assign(slot, mac, isRouter, (flags & EntryFlag.Static) !== 0, now);
    table.setVersion(slot, version);
    table.setHolder(slot, message.coreOf(view, at));
    table.setSeen(slot, this.#resyncs[from] as number);
    const state = message.stateOf(view, at) === State.Reachable ? State.Reachable : State.Stale;
    if (wasUsable) table.become(slot, state);
    else table.enter(slot, state);
    ledger.arm(slot, now);
    table.setDoubtTold(slot, state === State.Stale);
    table.clearAskers(slot);
    const isUsed = this.pending.release(slot, mac, now) > 0;
    if (isUsed && state === State.Stale) this.#noteUse(slot, now);
  }

  /** The owner gave an address up. */
  toldDeleted(at: Offset, now: Millis): void {
    const { table, ledger } = this;
    const { view } = this.#context.out;
    const version = message.versionOf(view, at);
    const iface = message.ifaceOf(view, at);
    const a = message.wordOf(view, at, 0);
    const b = message.wordOf(view, at, 1);
    const c = message.wordOf(view, at, 2);
    const d = message.wordOf(view, at, 3);
    let slot = table.find(iface, a, b, c, d);
    if (message.flagsOf(view, at) === 1) {
      const isWaiting = slot >= 0 && table.state(slot) === State.Wanted;
      if (isWaiting && !this.owners.isAwaiting(table.bucket[slot] as number)) {
        this.pending.fail(slot, now);
      }
      return;
    }
    ledger.observe(Math.max(0, version));
    if (slot < 0) {
      slot = ledger.create(iface, a, b, c, d, this.#bucketOf(a, b, c, d));
      if (slot < 0) return;
    } else if (table.version(slot) >= version) {
      if (table.isRun(slot) && table.isUsable(slot)) ledger.tell(slot, ALL);
      return;
    } else if (table.state(slot) === State.Wanted || table.state(slot) === State.Incomplete) {
      table.setVersion(slot, version);
      return;
    }
    table.setVersion(slot, version);
    ledger.lay(slot, now);
  }

  /** Another core uses an entry. */
  toldUsed(from: CoreId, hops: number, at: Offset, now: Millis): void {
    const { table } = this;
    const { out } = this.#context;
    const { view } = out;
    const iface = message.ifaceOf(view, at);
    const [a, b, c, d] = [0, 1, 2, 3].map((index) => message.wordOf(view, at, index)) as [
      number,
      number,
      number,
      number,
    ];
    const slot = table.find(iface, a, b, c, d);
    if (slot >= 0 && table.isRun(slot)) {
      if (table.isUsable(slot)) this.#used(slot, now);
      return;
    }
    const home = this.owners.home(this.#bucketOf(a, b, c, d), now);
    const owner = table.isUsable(slot) ? this.#ownerOf(slot, now) : home;
    const isElsewhere = owner !== out.core && hops < MAX_HOPS;
    if (isElsewhere || (home !== out.core && hops < MAX_HOPS)) {
      const forward = message.draft(out, Message["nd-used"], iface, a, b, c, d);
      message.setHops(view, forward, hops + 1);
      out.send(isElsewhere ? owner : home);
    } else if (home !== out.core || this.owners.isAwaiting(this.#bucketOf(a, b, c, d))) return;
    else if (table.isUsable(slot)) {
      if (table.isStatic(slot) || !this.#mayAdopt(slot, now)) return;
      this.#adopt(slot, now);
      this.#used(slot, now);
    } else if (hops === 0) {
      // It has what nobody else has: it is told to forget it.
      const gone = message.draft(out, Message["nd-delete"], iface, a, b, c, d);
      message.setVersion(view, gone, this.ledger.write());
      out.send(from);
    }
  }

  // --- operators, configuration, re-sync -----------------------------------------------------------------------------

  #place({ iface, address, mac }: StaticNeighbour, version: number, now: Millis): number {
    const [a, b, c, d] = address;
    const { table, ledger } = this;
    let slot = table.find(iface, a, b, c, d);
    const wasUsable = table.isUsable(slot);
    if (!wasUsable && !ledger.makeRoom(true, false, now)) return -1;
    if (slot < 0) slot = ledger.create(iface, a, b, c, d, this.#bucketOf(a, b, c, d));
    if (slot < 0) return -1;
    table.setRun(slot, false);
    table.assign(slot, mac, false, true, now);
    table.setVersion(slot, version);
    if (wasUsable) table.become(slot, State.Reachable);
    else table.enter(slot, State.Reachable);
    ledger.arm(slot, now);
    table.clearAskers(slot);
    this.pending.release(slot, mac, now);
    return slot;
  }

  /** Adds or changes a static entry on all cores; called on one. False when there is no room or the MAC is a group's. */
  addStatic(entry: StaticNeighbour, now: Millis): boolean {
    if (NO_MAC(entry.mac)) return false;
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

  /** The distributor's key or number of buckets changed: where everything belongs is found anew. */
  rehash(now: Millis): void {
    const { table, owners } = this;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.state(slot) === State.None) continue;
      const [a, b, c, d] = [0, 1, 2, 3].map((index) => table.word(slot, index)) as number[];
      const bucket = this.#bucketOf(a as number, b as number, c as number, d as number);
      if (bucket === table.bucket[slot]) continue;
      table.bucket[slot] = bucket;
      const home = owners.home(bucket, now);
      const isToMove = this.#isHashed && table.isRun(slot) && home !== this.#context.out.core;
      if (isToMove) this.#give(slot, home, now);
    }
  }

  resync(to: CoreId, cursor: number, limit: number): number {
    const { table, ledger } = this;
    let left = limit;
    for (let slot = cursor; slot < table.capacity; slot++) {
      if (left === 0) return slot;
      if (!table.isUsable(slot) || !(table.isRun(slot) || table.isStatic(slot))) continue;
      ledger.tell(slot, to);
      left--;
    }
    return -1;
  }

  resyncBegin(from: CoreId): void {
    this.#resyncs[from] = (this.#resyncs[from] as number) + 1;
  }

  /** What the peer runs and did not name is gone. */
  resyncEnd(from: CoreId, now: Millis): void {
    const { table, ledger } = this;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (!table.isUsable(slot) || table.isRun(slot) || table.isStatic(slot)) continue;
      if (this.ownerSeen(slot) !== from || table.seen(slot) === this.#resyncs[from]) continue;
      table.setVersion(slot, -1);
      ledger.lay(slot, now);
    }
  }
}
