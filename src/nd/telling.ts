// What cores say to each other about neighbours (ND-4, ND-6): questions of those that miss one, answers, changes and
// deletions of those that run one, and the whole of it again after an overflow (CORE-3).

import { Drop } from "../engine/drop.ts";
import { Message } from "../engine/message.ts";
import type { CoreId, Millis, Offset } from "../lib/units.ts";
import type { Context } from "./context.ts";
import type { Ledger } from "./ledger.ts";
import { isUsable, State } from "./machine.ts";
import * as message from "./message.ts";
import { type Moving, NEVER } from "./moving.ts";
import type { Owners } from "./owners.ts";
import type { Pending } from "./pending.ts";
import type { Table } from "./table.ts";

const { Deleted, EntryFlag, ALL, MAX_HOPS } = message;

export class Telling {
  readonly table: Table;
  readonly ledger: Ledger;
  readonly pending: Pending;
  readonly owners: Owners;
  readonly #context: Context;
  readonly #moving: Moving;
  /** Re-syncs begun per peer, and by which a peer's entries were last named. */
  readonly #resyncs: Uint32Array;

  constructor(context: Context, moving: Moving) {
    this.#context = context;
    this.#moving = moving;
    this.table = moving.table;
    this.ledger = moving.ledger;
    this.pending = moving.pending;
    this.owners = moving.owners;
    this.#resyncs = new Uint32Array(context.out.cores);
  }

  /** Core `asker` misses an address; core `from` says so. */
  // biome-ignore lint/complexity/useMaxParams: an address is four numbers, and no object is made
  asked(
    from: CoreId,
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
    const bucket = this.#moving.bucketOf(a, b, c, d);
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
      table.askers.add(slot, asker);
      if (owners.isAwaiting(bucket)) return;
      // Who was named got its machine before this question: sending it back, it has given the address up.
      const isBack = from === holder && asker !== holder;
      if (holder < 0 || holder === out.core || isBack) this.pending.start(slot, now);
      // Who was named asks itself, so it runs nothing: it gave the address up and begins anew. Should its machine still
      // be on the way to it, a second one there changes nothing.
      else if (holder === asker) this.#grant(slot, asker, now);
      else if (hops < MAX_HOPS) {
        // Who was named before gets the machine, or has it; should it be lost, this memory ends and it begins anew.
        this.pending.askFor(slot, holder, asker, hops + 1);
      }
    } else {
      slot = this.pending.begin(slot, iface, a, b, c, d, bucket);
      if (slot < 0) {
        out.drop(Drop["nd-table-full"]);
        return;
      }
      table.askers.add(slot, asker);
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
    if (!isAwaiting && this.#moving.mayAdopt(slot, now)) {
      this.#moving.adopt(slot, now);
      this.#answer(slot, asker, now);
    } else if (isAwaiting || this.#moving.isHashed || holder === asker || hops >= MAX_HOPS) {
      this.ledger.tell(slot, asker);
    } else this.pending.askFor(slot, holder, asker, hops + 1);
  }

  /** The variant `first`: who asks first runs the machine; its home only knows that. */
  #grant(slot: number, asker: CoreId, now: Millis): void {
    const { table } = this;
    table.setHolder(slot, asker);
    this.pending.expect(slot, now);
    this.#moving.sendToken(slot, asker, State.Incomplete, NEVER, 0, 0);
  }

  #answer(slot: number, asker: CoreId, now: Millis): void {
    if (!this.table.isUsable(slot)) {
      this.table.askers.add(slot, asker);
      return;
    }
    this.ledger.tell(slot, asker);
    this.ledger.used(slot, now);
  }

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
      // The same again, or older than what is run here or was deleted: who told it must yield.
      table.setSeen(slot, this.#resyncs[from] as number);
      if (table.version(slot) === version) return;
      if (!table.isUsable(slot)) this.#refuse(slot, from);
      else if (table.isRun(slot)) ledger.tell(slot, from);
      return;
    }
    const wasUsable = table.isUsable(slot);
    if (!wasUsable && !ledger.makeRoom(false, false, now)) {
      if (slot >= 0) this.pending.release(slot, message.macOf(view, at), now);
      this.#context.out.drop(Drop["nd-table-full"]);
      return;
    }
    if (slot < 0) slot = ledger.create(iface, a, b, c, d, this.#moving.bucketOf(a, b, c, d));
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
    table.askers.clear(slot);
    const isUsed = this.pending.release(slot, mac, now) > 0;
    if (isUsed && state === State.Stale) this.#moving.noteUse(slot, now);
  }

  /** Tells who told of a neighbour that it was deleted since. */
  #refuse(slot: number, to: CoreId): void {
    const { out } = this.#context;
    const at = this.ledger.draft(Message["nd-delete"], slot);
    message.setVersion(out.view, at, this.table.version(slot));
    message.setFlags(out.view, at, Deleted.Unheard);
    out.send(to);
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
    if (message.flagsOf(view, at) === Deleted.Unheard) {
      this.#toldUnheard(slot, version, now);
      return;
    }
    if (message.flagsOf(view, at) === Deleted.Unanswered) {
      const isWaiting = slot >= 0 && table.state(slot) === State.Wanted;
      if (isWaiting && !this.owners.isAwaiting(table.bucket[slot] as number)) {
        this.pending.fail(slot, now);
      }
      return;
    }
    ledger.observe(Math.max(0, version));
    if (slot < 0) {
      slot = ledger.create(iface, a, b, c, d, this.#moving.bucketOf(a, b, c, d));
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

  /**
   * A deletion that did not come here, for who wrote it is dead or knew of no one else to tell: what began again since
   * is older, so some cores would never take it. It ends on all of them.
   */
  #toldUnheard(slot: number, version: number, now: Millis): void {
    const { table, ledger } = this;
    ledger.observe(version);
    if (!table.isUsable(slot) || table.isStatic(slot) || table.version(slot) >= version) return;
    ledger.event("nd-deleted", slot, table.mac(slot));
    ledger.remove(slot, now);
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
      if (table.isUsable(slot)) this.ledger.used(slot, now);
      return;
    }
    const home = this.owners.home(this.#moving.bucketOf(a, b, c, d), now);
    const owner = table.isUsable(slot) ? this.#moving.ownerOf(slot, now) : home;
    const isElsewhere = owner !== out.core && hops < MAX_HOPS;
    if (isElsewhere || (home !== out.core && hops < MAX_HOPS)) {
      const forward = message.draft(out, Message["nd-used"], iface, a, b, c, d);
      message.setHops(view, forward, hops + 1);
      out.send(isElsewhere ? owner : home);
    } else if (home !== out.core || this.owners.isAwaiting(this.#moving.bucketOf(a, b, c, d)))
      return;
    else if (table.isUsable(slot)) {
      if (table.isStatic(slot) || !this.#moving.mayAdopt(slot, now)) return;
      this.#moving.adopt(slot, now);
      this.ledger.used(slot, now);
    } else if (hops === 0) {
      // It has what nobody else has: it is told to forget it.
      const gone = message.draft(out, Message["nd-delete"], iface, a, b, c, d);
      message.setVersion(view, gone, this.ledger.write());
      out.send(from);
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
      if (this.#moving.ownerSeen(slot) !== from || table.seen(slot) === this.#resyncs[from])
        continue;
      table.setVersion(slot, -1);
      ledger.lay(slot, now);
    }
  }
}
