// Addresses that are not known yet (ND-4): frames and cores that wait, solicitations by the core that runs the machine,
// asks to it by the others, and what happens when nobody answers. Bounded apart from what is known (RFC 6583).

import { Drop } from "../engine/drop.ts";
import { Message } from "../engine/message.ts";
import { WaitingFrames } from "../engine/waiting-frames.ts";
import type { CoreId, Mac, Millis, Offset } from "../lib/units.ts";
import type { Context } from "./context.ts";
import type { Ledger } from "./ledger.ts";
import { Act, onTimer, State } from "./machine.ts";
import * as message from "./message.ts";
import type { Table } from "./table.ts";

/** Times that a core asks before it gives the address up itself. Our choice. */
const ASKS = 3;
/** How much longer than the owner's own schedule a core waits before it asks again. Our choice. */
const PATIENCE: Millis = 1000;
const ETHERNET = 14;
const IP_SOURCE = 8;

export class Pending {
  readonly #context: Context;
  readonly #ledger: Ledger;
  readonly #table: Table;
  readonly #frames: WaitingFrames;

  constructor(context: Context, ledger: Ledger) {
    this.#context = context;
    this.#ledger = ledger;
    this.#table = ledger.table;
    this.#frames = new WaitingFrames(
      context.out,
      context.waiting,
      ledger.table,
      ledger.table.capacity,
      context.config.waitingFrames,
      Drop["nd-queue-full"],
      Drop["nd-failed"],
    );
  }

  /** Frames that wait here. */
  get frames(): number {
    return this.#frames.size;
  }

  hasFrames(slot: number): boolean {
    return this.#frames.has(slot);
  }

  /**
   * Makes room for one more pending address (RFC 6583): the oldest of the busiest interface gives way, so that a sweep
   * pushes out its own. The slot of the address in state Wanted, or -1.
   */
  begin(
    found: number,
    iface: number,
    a: number,
    b: number,
    c: number,
    d: number,
    bucket: number,
  ): number {
    const table = this.#table;
    if (table.pending >= this.#context.config.maxPending) this.#abandon(table.oldestPending());
    const slot = found >= 0 ? found : this.#ledger.create(iface, a, b, c, d, bucket);
    if (slot < 0) return -1;
    table.askers.clear(slot);
    table.setTries(slot, 0);
    table.setRun(slot, false);
    table.setHolder(slot, -1);
    this.#ledger.wheel.clear(slot);
    table.enter(slot, State.Wanted);
    return slot;
  }

  #abandon(slot: number): void {
    if (slot < 0) return;
    this.#context.out.drop(Drop["nd-pending-full"]);
    this.#frames.dropAll(slot);
    if (this.#table.isRun(slot)) this.#tellFailed(slot);
    this.#ledger.forget(slot);
  }

  /** Keeps a frame until the address is known or has failed. */
  enqueue(slot: number, start: Offset, end: Offset): void {
    this.#frames.add(slot, this.#context.config.pendingFrames, start, end);
  }

  /** Sends what waited for an address, in order; how many frames it were. */
  release(slot: number, mac: Mac, now: Millis): number {
    return this.#frames.resolve(slot, this.#table.iface(slot), mac, now);
  }

  // --- on the core that runs the machine -----------------------------------------------------------------------------

  /** This core runs the address' machine from now on: it solicits at once, but not twice within a period. */
  start(slot: number, now: Millis): void {
    const table = this.#table;
    table.setRun(slot, true);
    table.setHolder(slot, this.#context.out.core);
    table.setTries(slot, 0);
    table.enter(slot, State.Incomplete);
    const earliest = table.asked(slot) + this.#context.retrans(table.iface(slot));
    if (now < earliest) this.#ledger.wheel.set(slot, earliest);
    else this.solicit(slot, now);
  }

  /** One more solicitation by multicast (RFC 4861 7.2.2). */
  solicit(slot: number, now: Millis): void {
    const table = this.#table;
    const iface = table.iface(slot);
    table.setTries(slot, table.tries(slot) + 1);
    table.setAsked(slot, now);
    this.#ledger.wheel.set(slot, now + this.#context.retrans(iface));
    const { speaker, own } = this.#context;
    const frame = this.#frames.oldest(slot);
    const prompt = frame < 0 ? -1 : frame + ETHERNET + IP_SOURCE;
    const source = own.sourceFor(iface, table.word(slot, 0), table.word(slot, 1), prompt);
    if (source !== null) speaker.solicit(iface, source, this.#ledger.table, slot, -1);
  }

  /** The timer of an address that is solicited here. */
  due(slot: number, now: Millis): void {
    const isLast = this.#table.tries(slot) >= this.#context.config.multicastSolicits;
    const outcome = onTimer(State.Incomplete, isLast);
    if ((outcome & Act.Fail) !== 0) this.fail(slot, now);
    else this.solicit(slot, now);
  }

  // --- on a core that waits for another one's word -------------------------------------------------------------------

  /** Asks the core that should run the machine. */
  ask(slot: number, owner: CoreId, now: Millis): void {
    const { out } = this.#context;
    this.#table.setTries(slot, this.#table.tries(slot) + 1);
    this.expect(slot, now);
    this.askFor(slot, owner, out.core, 0);
  }

  /** Asks for another core, which asked here. */
  askFor(slot: number, owner: CoreId, asker: CoreId, hops: number): void {
    const { out } = this.#context;
    const at = this.#ledger.draft(Message["nd-ask"], slot);
    message.setCore(out.view, at, asker);
    message.setHops(out.view, at, hops);
    out.send(owner);
  }

  /** Waits a little longer for the owner's word than the owner itself waits for the network. */
  expect(slot: number, now: Millis): void {
    const { config } = this.#context;
    const schedule = config.multicastSolicits * this.#context.retrans(this.#table.iface(slot));
    this.#ledger.wheel.set(slot, now + schedule + PATIENCE);
  }

  /** The timer of an address that another core should have told. */
  wantedDue(slot: number, owner: CoreId, now: Millis): void {
    if (!this.hasFrames(slot)) this.#ledger.forget(slot);
    else if (this.#table.tries(slot) >= ASKS) this.fail(slot, now);
    else if (owner === this.#context.out.core) this.start(slot, now);
    else this.ask(slot, owner, now);
  }

  // --- failure -------------------------------------------------------------------------------------------------------

  /** Gives an address up: tells who asked, and has the waiting frames answered (ICMPv6 address unreachable). */
  fail(slot: number, now: Millis): void {
    const table = this.#table;
    if (table.isRun(slot)) {
      this.#ledger.event("nd-failed", slot, table.tries(slot));
      this.#tellFailed(slot);
    }
    this.#frames.fail(slot, table.iface(slot), now);
    // What the answers themselves may have added goes the same way, but unanswered.
    this.#frames.dropAll(slot);
    if (table.wasKnown(slot)) this.#ledger.lay(slot, now);
    else this.#ledger.forget(slot);
  }

  #tellFailed(slot: number): void {
    const { out } = this.#context;
    for (let core = 0; core < out.cores; core++) {
      if (core === out.core || !this.#table.askers.has(slot, core)) continue;
      const at = this.#ledger.draft(Message["nd-delete"], slot);
      message.setVersion(out.view, at, this.#table.version(slot));
      message.setFlags(out.view, at, message.Deleted.Unanswered);
      out.send(core);
    }
    this.#table.askers.clear(slot);
  }
}
