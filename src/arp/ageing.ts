// Ageing (ARP-6), on the master alone. Use on the master is noted there; a replica that uses an entry says so
// once per period, so that the master can tell a used entry, which it probes, from an idle one, which just
// goes.

import type { Millis } from "../lib/units.ts";
import type { Context } from "./context.ts";
import type { Ledger } from "./ledger.ts";
import { Input, next } from "./machine.ts";
import { sendUsed } from "./message.ts";
import { TOKEN_WAIT } from "./pending.ts";
import type { Table } from "./table.ts";

/**
 * On the master a use is noted at most once a second, so that steady traffic costs a comparison. Our choice.
 */
const USE_GRAIN: Millis = 1000;

export class Ageing {
  readonly #context: Context;
  readonly #ledger: Ledger;
  readonly #table: Table;

  constructor(context: Context, ledger: Ledger) {
    this.#context = context;
    this.#ledger = ledger;
    this.#table = ledger.table;
  }

  /** The first use after a quiet while on this core; the role has just been looked at. */
  use(slot: number, now: Millis): void {
    const table = this.#table;
    const { out, isMaster, master, usePeriod } = this.#context;
    if (isMaster) {
      this.used(slot, now);
      return;
    }
    table.use(slot, now, now + usePeriod);
    if (table.isStatic(slot)) return;
    sendUsed(out, master, table.iface(slot), table.address(slot), table.version(slot));
  }

  /** The master notes a use, its own or another core's. */
  used(slot: number, now: Millis): void {
    this.#table.use(slot, now, now + Math.min(USE_GRAIN, this.#context.config.timeout / 4));
  }

  /** The timer of a reachable entry. */
  due(slot: number, now: Millis): void {
    const table = this.#table;
    const { wheel } = this.#ledger;
    const { isMaster, config } = this.#context;
    const { ageing, timeout } = config;
    if (!isMaster) return;
    const age = now - table.updated(slot);
    if (ageing === "timestamp" && age < timeout) {
      wheel.set(slot, table.updated(slot) + timeout);
      return;
    }
    // A flag that is kept set by use alone does not prove that the station is still there: it is asked.
    const isFlagged = table.isFlagged(slot);
    const isDoubtful = ageing === "timestamp" || (isFlagged && age >= timeout);
    if (isDoubtful && table.isUsedSinceUpdate(slot)) {
      table.setTries(slot, 0);
      table.enter(slot, next(table.state(slot), Input.AgedUsed));
      this.probe(slot, now);
    } else if (ageing === "second-chance" && isFlagged) {
      table.clearFlag(slot, now);
      wheel.set(slot, now + timeout);
    } else this.#ledger.flush(slot, Input.AgedIdle, now);
  }

  /** Asks a used entry's station by unicast whether it is still there; after the last try the entry goes. */
  probe(slot: number, now: Millis): void {
    const table = this.#table;
    const { wheel } = this.#ledger;
    const { isMaster, config, requests } = this.#context;
    if (!isMaster) return;
    const tries = table.tries(slot);
    if (tries >= config.probes) {
      this.#ledger.flush(slot, Input.Exhausted, now);
      return;
    }
    if (!requests.take(table.iface(slot), now)) {
      wheel.set(slot, now + TOKEN_WAIT);
      return;
    }
    table.setTries(slot, tries + 1);
    wheel.set(slot, now + config.retryInterval);
    this.#context.poll(table.iface(slot), table.address(slot), table.mac(slot));
  }

  /**
   * The role came here. The master before confirmed silently, so the age known here is only an upper bound: one
   * full period more, spread over an eighth of it so that not all entries come due at once.
   */
  takeOver(slot: number, now: Millis): void {
    this.#ledger.arm(slot, now);
    const { timeout } = this.#context.config;
    this.#ledger.wheel.set(slot, now + timeout * (1 + (slot & 127) / 1024));
  }

  /** The period was changed. */
  reschedule(slot: number, now: Millis): void {
    const due = this.#table.updated(slot) + this.#context.config.timeout;
    this.#ledger.wheel.set(slot, Math.max(now, due));
  }
}
