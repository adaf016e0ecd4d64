// Addresses that are asked for (ARP-3, ARP-4): frames and cores that wait, requests on the wire by the master,
// asks to the master by the others, and what happens when nobody answers.

import { Drop } from "../engine/drop.ts";
import { EventCode } from "../engine/event.ts";
import { WaitingFrames } from "../engine/waiting-frames.ts";
import type { Ipv4, Mac, Millis, Offset } from "../lib/units.ts";
import type { Context } from "./context.ts";
import { type Ledger, REQUEST_SPACING } from "./ledger.ts";
import { Input, next, State } from "./machine.ts";
import { ALL, sendAsk, sendFailed } from "./message.ts";
import type { Table } from "./table.ts";

/** Times that a replica asks the master before it gives the address up itself. Our choice. */
const ASKS = 3;
/** How much longer than the master's own schedule a replica waits before it asks again. Our choice. */
const PATIENCE: Millis = 1000;
/** A sender to a failed address is told at most once a second (RFC 1812 4.3.2.8 wants a limit). */
const TELL_INTERVAL: Millis = 1000;
/** Wait for a token of the request bucket. Our choice: a few ticks. */
export const TOKEN_WAIT: Millis = 5;

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
      Drop["arp-queue-full"],
      Drop["arp-failed"],
    );
  }

  /** Frames that wait here. */
  get frames(): number {
    return this.#frames.size;
  }

  /** Makes an address pending; `slot` is a gone entry of it or -1. The new slot, or -1 when there is none. */
  begin(slot: number, iface: number, address: Ipv4, now: Millis): number {
    const table = this.#table;
    if (table.pending >= this.#context.config.maxPending) this.#abandon(table.oldestPending(), now);
    const at = slot >= 0 ? slot : this.#ledger.create(iface, address);
    if (at < 0) return -1;
    table.askers.clear(at);
    table.setTries(at, 0);
    table.enter(at, next(table.state(at), Input.Wanted));
    return at;
  }

  /** Too many addresses are pending: gives this one up, without holding it against the address. */
  #abandon(slot: number, now: Millis): void {
    this.#frames.dropAll(slot);
    if (this.#context.isMaster) this.#tellFailed(slot, false);
    this.#ledger.lay(slot, now);
  }

  /** Keeps a frame until the address is known or has failed. */
  enqueue(slot: number, start: Offset, end: Offset): void {
    this.#frames.add(slot, this.#context.config.pendingFrames, start, end);
  }

  /** Sends what waited for an address, in order. */
  release(slot: number, mac: Mac, now: Millis): void {
    this.#frames.resolve(slot, this.#table.iface(slot), mac, now);
  }

  /** Asks once more: the master on the wire, a replica the master. Paced per address and per interface. */
  solicit(slot: number, now: Millis): void {
    const table = this.#table;
    const { wheel } = this.#ledger;
    const { out, config, isMaster, master, requests } = this.#context;
    const iface = table.iface(slot);
    const address = table.address(slot);
    const earliest = table.asked(slot) + Math.min(REQUEST_SPACING, config.retryInterval);
    if (isMaster && now < earliest) {
      wheel.set(slot, earliest);
      return;
    }
    if (!requests.take(iface, now)) {
      wheel.set(slot, now + TOKEN_WAIT);
      return;
    }
    const tries = table.tries(slot) + 1;
    table.setTries(slot, tries);
    if (isMaster) {
      table.setAsked(slot, now);
      wheel.set(slot, now + this.#interval(tries));
      this.#context.request(iface, address);
    } else {
      this.expect(slot, now);
      sendAsk(out, master, iface, address);
    }
  }

  /** Waits a little longer for the master's word than the master itself waits for the network. */
  expect(slot: number, now: Millis): void {
    const { backOff, retries, retryInterval } = this.#context.config;
    const schedule = retryInterval * (backOff === "none" ? retries : 2 ** retries - 1);
    this.#ledger.wheel.set(slot, now + schedule + PATIENCE);
  }

  /** From the `tries`-th request to the next. */
  #interval(tries: number): Millis {
    const { backOff, retryInterval } = this.#context.config;
    return backOff === "none" ? retryInterval : retryInterval * 2 ** (tries - 1);
  }

  /** The timer of a pending address. */
  due(slot: number, now: Millis): void {
    const tries = this.#table.tries(slot);
    const { isMaster, config } = this.#context;
    if (!isMaster && !this.#frames.has(slot)) this.#ledger.lay(slot, now);
    else if (tries < (isMaster ? config.retries : ASKS)) this.solicit(slot, now);
    else this.fail(slot, true, now);
  }

  /**
   * The role moved: the new master asks the wire at once, the others ask it. A core that only asked here
   * repeats itself.
   */
  moved(slot: number, now: Millis): void {
    this.#table.setTries(slot, 0);
    if (this.#context.isMaster || this.#frames.has(slot)) this.solicit(slot, now);
    else this.#ledger.lay(slot, now);
  }

  /**
   * Gives an address up: tells the cores, answers the waiting frames, and remembers the failure for a while.
   */
  fail(slot: number, hold: boolean, now: Millis): void {
    const table = this.#table;
    const { out, isMaster, config } = this.#context;
    const iface = table.iface(slot);
    if (isMaster) {
      out.event(EventCode["arp-failed"], iface, table.address(slot), table.tries(slot), 0);
      this.#tellFailed(slot, hold);
    }
    table.askers.clear(slot);
    table.enter(slot, next(table.state(slot), Input.Exhausted));
    table.setTouched(slot, now);
    this.#ledger.wheel.set(slot, hold ? now + config.holdDown : now);
    this.#frames.fail(slot, iface, now);
  }

  #tellFailed(slot: number, hold: boolean): void {
    const table = this.#table;
    const { out, config } = this.#context;
    const iface = table.iface(slot);
    const address = table.address(slot);
    if (config.propagate === "all" && hold) {
      sendFailed(out, ALL, iface, address, true);
      return;
    }
    if (table.askers.isEmpty(slot)) return;
    for (let core = 0; core < out.cores; core++) {
      if (table.askers.has(slot, core)) sendFailed(out, core, iface, address, hold);
    }
  }

  /** A frame to an address that failed a moment ago: dropped, and its sender told now and then. */
  refuse(slot: number, iface: number, start: Offset, end: Offset, now: Millis): void {
    this.#context.out.drop(Drop["arp-negative"]);
    if (now - this.#table.touched(slot) < TELL_INTERVAL) return;
    this.#table.setTouched(slot, now);
    this.#context.waiting.failed(iface, start, end, now);
  }

  /** Forgets that an address failed, on this core. */
  forgive(slot: number): void {
    if (this.#table.state(slot) === State.Failed) this.#ledger.forget(slot);
  }
}
