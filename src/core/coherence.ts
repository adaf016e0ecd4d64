// The background check of coherence (CORE-3): digests of all cores, compared now and then. A table that differs while
// nothing changes, look after look, has lost a message somewhere: it is sent again, whole, by everyone to everyone,
// counted and told. Pure: who asks the cores, and when, is elsewhere.

import { EventCode } from "../engine/event.ts";
import { TABLE_COUNT, Table } from "../engine/message.ts";
import type { Millis } from "../lib/units.ts";
import type { ApplianceConfig } from "./config.ts";

/** Between two looks while all is well. Our choice: nobody looks at tables more often by hand. */
const PERIOD: Millis = 10_000;
/** Between looks at a table that differs: longer than messages and timers of a core need. Our choice. */
const CLOSE: Millis = 1000;
/** Equal looks at unequal tables in a row after which nothing is under way any more. Our choice. */
const STILL = 2;
/** After so many repairs in a row without success it is tried once a minute. Our choice. */
const TRIES = 3;
const LATER: Millis = 60_000;

/** What one core says of its tables: table number and digest. */
export type Digests = readonly { readonly table: number; readonly digest: number }[];

/** Tables, by bits, that are equal on all cores when messages rest. Some variants keep a core's own view. */
export function comparableTables(config: ApplianceConfig): number {
  let tables = (1 << TABLE_COUNT) - 1;
  const differs = config.bridging.bridges.some(
    ({ ageing, learning }) => learning === "independent" || ageing === "each-silent",
  );
  if (differs) tables &= ~(1 << Table.Bridge);
  if (config.arp.propagate === "askers") tables &= ~(1 << Table.Arp);
  return tables;
}

export class Coherence {
  /** Repairs per table. */
  readonly repairs: number[] = new Array<number>(TABLE_COUNT).fill(0);
  /** When the next look is due. */
  due: Millis = 0;
  readonly #tell: (code: number, numbers: readonly number[]) => void;
  /** Per table the digests of the last look, as text; "" = they were equal. */
  readonly #last: string[] = new Array<string>(TABLE_COUNT).fill("");
  readonly #still: number[] = new Array<number>(TABLE_COUNT).fill(0);
  readonly #tries: number[] = new Array<number>(TABLE_COUNT).fill(0);
  readonly #since: Millis[] = new Array<number>(TABLE_COUNT).fill(0);
  /** When it was sent again last. */
  readonly #sent: Millis[] = new Array<number>(TABLE_COUNT).fill(0);

  constructor(tell: (code: number, numbers: readonly number[]) => void) {
    this.#tell = tell;
  }

  /** Compares what the cores said at `now`; the tables, by bits, that every core must send again. */
  look(cores: readonly Digests[], comparable: number, now: Millis): number {
    let resend = 0;
    this.due = now + PERIOD;
    for (let table = 0; table < TABLE_COUNT; table++) {
      if ((comparable & (1 << table)) === 0) continue;
      const digests = cores.map((core) => core.find((one) => one.table === table)?.digest);
      const isEqual = digests.every((digest) => digest === digests[0]);
      if (isEqual) this.#equal(table, now);
      else if (this.#differs(table, digests.join(" "), now)) resend |= 1 << table;
    }
    return resend;
  }

  #equal(table: number, now: Millis): void {
    if ((this.#tries[table] as number) > 0) {
      this.#tell(EventCode["table-repaired"], [table, Math.round(now - (this.#since[table] ?? 0))]);
    }
    this.#last[table] = "";
    this.#still[table] = 0;
    this.#tries[table] = 0;
  }

  #differs(table: number, digests: string, now: Millis): boolean {
    const tries = this.#tries[table] as number;
    if (tries >= TRIES && now - (this.#sent[table] as number) < LATER) return false;
    this.due = Math.min(this.due, now + CLOSE);
    this.#still[table] = this.#last[table] === digests ? (this.#still[table] as number) + 1 : 0;
    this.#last[table] = digests;
    if ((this.#still[table] as number) < STILL) return false;
    this.#still[table] = 0;
    if (tries === 0) {
      this.#since[table] = now;
      this.#tell(EventCode["table-differs"], [table]);
    }
    this.#tries[table] = tries + 1;
    this.#sent[table] = now;
    this.repairs[table] = (this.repairs[table] as number) + 1;
    return true;
  }
}
