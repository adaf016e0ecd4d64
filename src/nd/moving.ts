// Which core runs a neighbour's machine, and how that goes from core to core (ND-2): the right to run it is on exactly
// one core, or in one nd-move message.

import { Message } from "../engine/message.ts";
import type { CoreId, Millis, Offset } from "../lib/units.ts";
import type { Context } from "./context.ts";
import type { Ledger } from "./ledger.ts";
import { isUsable, State } from "./machine.ts";
import * as message from "./message.ts";
import { type Movers, Owners, type Steering6 } from "./owners.ts";
import type { Pending } from "./pending.ts";
import type { Table } from "./table.ts";

/** A due time that is none. */
export const NEVER = 0xffffffff;
/** A message between cores takes less. Our choice: ten times what a stalled core may take. */
const ON_THE_WAY: Millis = 1000;
const { Move, EntryFlag, ALL } = message;

export class Moving implements Movers {
  readonly table: Table;
  readonly ledger: Ledger;
  readonly pending: Pending;
  readonly owners: Owners;
  readonly #context: Context;

  constructor(context: Context, ledger: Ledger, pending: Pending, steering: Steering6) {
    this.#context = context;
    this.ledger = ledger;
    this.table = ledger.table;
    this.pending = pending;
    const { out } = context;
    this.owners = new Owners(steering, out.core, this, (core) => out.isAlive?.(core) ?? true);
  }

  get isHashed(): boolean {
    return this.#context.config.owner === "hash";
  }

  bucketOf(a: number, b: number, c: number, d: number): number {
    return this.owners.steering.bucketOf(a, b, c, d);
  }

  /** The core to turn to about a slot that this core does not run: its holder where that is known, else its home. */
  ownerOf(slot: number, now: Millis): CoreId {
    const home = this.owners.home(this.table.bucket[slot] as number, now);
    const holder = this.table.holder(slot);
    return this.isHashed || holder < 0 || holder === this.#context.out.core ? home : holder;
  }

  /** The core that runs a slot, as far as this one knows. */
  ownerSeen(slot: number): CoreId {
    const { table } = this;
    if (table.isRun(slot)) return this.#context.out.core;
    const holder = table.holder(slot);
    return this.isHashed || holder < 0
      ? this.owners.homeSeen(table.bucket[slot] as number)
      : holder;
  }

  /** The first use after a quiet while: the machine hears of it, here or by one message (ND-3). */
  noteUse(slot: number, now: Millis): void {
    const { table } = this;
    table.setTouched(slot, now);
    if (table.isRun(slot)) {
      this.ledger.used(slot, now);
      return;
    }
    table.setQuiet(slot, now + this.#context.usePeriod(table.iface(slot)));
    const owner = this.ownerOf(slot, now);
    if (owner !== this.#context.out.core) this.send(Message["nd-used"], slot, owner, 0);
    else if (this.owners.isAwaiting(table.bucket[slot] as number)) return;
    else if (this.mayAdopt(slot, now)) {
      this.adopt(slot, now);
      this.ledger.used(slot, now);
    }
  }

  send(type: number, slot: number, to: CoreId, hops: number): void {
    const { out } = this.#context;
    message.setHops(out.view, this.ledger.draft(type, slot), hops);
    out.send(to);
  }

  /**
   * Whether this core, the address' home, may take up a machine that nobody seems to run: with `hash` it is its own.
   * Else it is another's as long as one is named; and when this core itself is, its machine may still be on the way.
   */
  mayAdopt(slot: number, now: Millis): boolean {
    const { table } = this;
    if (this.isHashed || table.holder(slot) < 0) return true;
    const isNamed = table.holder(slot) === this.#context.out.core;
    return isNamed && now - table.updated(slot) > ON_THE_WAY;
  }

  /** Runs what this core only had a copy of: nobody else does. How old it is nobody knows, so it is in doubt. */
  adopt(slot: number, now: Millis): void {
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
      const isHeld = !this.isHashed && table.holder(slot) >= 0;
      if (isHeld && table.holder(slot) !== this.#context.out.core) {
        if (table.state(slot) === State.Wanted) this.#passOn(slot, table.holder(slot));
        continue;
      }
      if (table.isUsable(slot)) this.adopt(slot, now);
      else this.pending.start(slot, now);
    }
  }

  /**
   * A core is gone, and with it the machines that it ran. Where buckets say who runs them, those follow their buckets;
   * else each address' home takes them up. Who waited for that core's word turns to the home; and a home that is new
   * hears who is resolving what, for nobody else can tell it.
   */
  coreLeft(core: CoreId, now: Millis): void {
    const { table, owners } = this;
    owners.coreLeft(core, now);
    for (let slot = 0; slot < table.capacity; slot++) {
      const state = table.state(slot);
      if (state >= State.Gone || table.isStatic(slot)) continue;
      if (table.isRun(slot)) {
        if (!this.isHashed && !table.isUsable(slot)) this.#registerHere(slot, now);
        continue;
      }
      const holder = table.holder(slot);
      if (holder === core) table.setHolder(slot, -1);
      // Another core is named, which lives: it runs the machine, or will soon.
      else if (table.isUsable(slot) || (!this.isHashed && holder >= 0)) continue;
      const bucket = table.bucket[slot] as number;
      const home = owners.home(bucket, now);
      const isHere = home === this.#context.out.core;
      // While the bucket itself is awaited, its begin does the rest.
      if (isHere && owners.isAwaiting(bucket)) continue;
      if (table.isUsable(slot)) {
        if (isHere) this.adopt(slot, now);
      } else if (isHere) this.pending.start(slot, now);
      else if (this.pending.hasFrames(slot)) this.pending.ask(slot, home, now);
    }
  }

  handOver(bucket: number, to: CoreId, withMarker: boolean, now: Millis): void {
    const { table } = this;
    const { out } = this.#context;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.bucket[slot] !== bucket || table.state(slot) >= State.Gone) continue;
      if (table.isRun(slot)) {
        if (this.isHashed) this.give(slot, to, now);
        else if (!table.isUsable(slot)) this.#register(slot, out.core, to);
      } else if (table.state(slot) === State.Wanted) this.#handOverWanted(slot, to);
    }
    if (withMarker) this.sendMarker(bucket, to);
  }

  #handOverWanted(slot: number, to: CoreId): void {
    const { table } = this;
    const { out } = this.#context;
    const holder = table.holder(slot);
    if (!this.isHashed && holder >= 0 && holder !== out.core) this.#register(slot, holder, to);
    this.#passOn(slot, to);
  }

  /** Those that wait here, and what does, turn to another core. */
  #passOn(slot: number, to: CoreId): void {
    const { table } = this;
    const { out } = this.#context;
    for (let core = 0; core < out.cores; core++) {
      if (core !== to && table.askers.has(slot, core)) this.pending.askFor(slot, to, core, 1);
    }
    table.askers.clear(slot);
    if (this.pending.hasFrames(slot)) this.pending.askFor(slot, to, out.core, 1);
  }

  /** Tells the home of an address that this core resolves it. */
  #registerHere(slot: number, now: Millis): void {
    const { core } = this.#context.out;
    const home = this.owners.home(this.table.bucket[slot] as number, now);
    if (home !== core) this.#register(slot, core, home);
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

  sendToken(slot: number, to: CoreId, state: State, due: number, age: number, tries: number): void {
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
    message.setMore(view, at, 0, table.askers.low(slot));
    message.setMore(view, at, 1, table.askers.high(slot));
    this.#context.out.send(to);
  }

  /** Hands the machine of an entry to another core; from now on this one has a copy, or waits. */
  give(slot: number, to: CoreId, now: Millis): void {
    const { table, ledger, pending } = this;
    const { out } = this.#context;
    const state = table.state(slot);
    const due = ledger.wheel.isSet(slot) ? Math.max(0, ledger.wheel.due(slot) - now) : NEVER;
    const age = Math.min(NEVER, Math.max(0, now - table.updated(slot)));
    if (pending.hasFrames(slot)) table.askers.add(slot, out.core);
    this.sendToken(slot, to, state, Math.ceil(due), Math.floor(age), table.tries(slot));
    table.setRun(slot, false);
    table.setHolder(slot, to);
    table.askers.clear(slot);
    if (isUsable(state)) {
      table.become(slot, state === State.Reachable ? state : State.Stale);
      ledger.arm(slot, now);
    } else if (pending.hasFrames(slot)) {
      table.enter(slot, State.Wanted);
      table.setTries(slot, 1);
      pending.expect(slot, now);
    } else if (this.isHashed) ledger.forget(slot);
    else {
      table.enter(slot, State.Wanted);
      pending.expect(slot, now);
    }
  }

  moved(at: Offset, now: Millis): void {
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
    if (kind === Move.Token) this.#receiveToken(found, iface, a, b, c, d, at, now);
    else if (found >= 0 && this.table.state(found) === State.Wanted) {
      this.table.setHolder(found, message.coreOf(view, at));
    } else if (found < 0 || this.table.state(found) === State.Gone) {
      const slot = this.pending.begin(found, iface, a, b, c, d, this.bucketOf(a, b, c, d));
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
    at: Offset,
    now: Millis,
  ): void {
    const { table, ledger, pending, owners } = this;
    const { out } = this.#context;
    const { view } = out;
    const state = message.stateOf(view, at) as State;
    const version = message.versionOf(view, at);
    ledger.observe(Math.max(0, version));
    const bucket = this.bucketOf(a, b, c, d);
    const home = owners.home(bucket, now);
    let slot = found;
    if (slot < 0 || table.state(slot) === State.Gone) {
      if (slot >= 0 && version >= 0 && table.version(slot) > version) return; // Deleted since.
      slot = pending.begin(slot, iface, a, b, c, d, bucket);
      if (slot < 0) return;
    }
    const wasRun = table.isRun(slot);
    table.askers.addAll(slot, message.moreOf(view, at, 0), message.moreOf(view, at, 1));
    const isNewer = isUsable(state) && (!table.isUsable(slot) || version > table.version(slot));
    if (isNewer) this.#assignFrom(slot, at, version, now);
    if (wasRun && (!isNewer || !isUsable(state))) return; // Two met: the newer stays.
    table.setRun(slot, true);
    table.setHolder(slot, out.core);
    if (isUsable(state) || table.isUsable(slot)) this.#resume(slot, state, at, now);
    else this.#resumePending(slot, at, now);
    if (this.isHashed && home !== out.core) {
      if (owners.isRelayed(bucket)) this.give(slot, home, now);
      else owners.cameEarly(bucket, now);
    }
    if (!this.isHashed && table.isUsable(slot)) {
      table.setVersion(slot, ledger.write());
      ledger.tell(slot, ALL);
    }
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
    if (!table.askers.isEmpty(slot)) {
      ledger.tellAskers(slot);
      table.askers.clear(slot);
    }
    if (this.pending.release(slot, table.mac(slot), now) > 0) this.ledger.used(slot, now);
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

  /** The distributor's key or number of buckets changed: where everything belongs is found anew. */
  rehash(now: Millis): void {
    const { table, owners } = this;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.state(slot) === State.None) continue;
      const [a, b, c, d] = [0, 1, 2, 3].map((index) => table.word(slot, index)) as number[];
      const bucket = this.bucketOf(a as number, b as number, c as number, d as number);
      if (bucket === table.bucket[slot]) continue;
      table.bucket[slot] = bucket;
      const home = owners.home(bucket, now);
      const isToMove = this.isHashed && table.isRun(slot) && home !== this.#context.out.core;
      if (isToMove) this.give(slot, home, now);
    }
  }
}
