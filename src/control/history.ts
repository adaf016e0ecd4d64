// The configurations that ran, newest last: bounded, on disk where they may be, so that `rollback` outlives a restart.
// Passwords are in them, so the folder is its owner's alone. A disk that fails costs history, never a change.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Configurations kept. Our choice: weeks of an operator's changes. */
const KEPT = 20;

export interface HistoryRow {
  readonly [key: string]: unknown;
  readonly number: number;
  readonly time: string;
  readonly by: string;
  readonly changed: number;
  readonly disturbs: string;
  /** "running", "previous" (where a change that waits goes back to), or "". */
  readonly state: string;
}

interface Entry {
  readonly number: number;
  readonly time: string;
  readonly by: string;
  readonly changed: number;
  readonly disturbs: string;
  readonly text: string;
}

export class StoredHistory {
  readonly #folder: string | null;
  readonly #warn: (line: string) => void;
  #entries: Entry[] = [];

  /** `folder`: null keeps it in memory alone. */
  constructor(folder: string | null, warn: (line: string) => void) {
    this.#folder = folder;
    this.#warn = warn;
    if (folder === null) return;
    this.#try(() => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const names = readdirSync(folder).filter((name) => /^\d+\.json$/.test(name));
      const entries = names.flatMap((name): Entry[] => {
        const entry = parse(readFileSync(join(folder, name), "utf8"));
        return entry === undefined ? [] : [entry];
      });
      this.#entries = entries.sort((one, other) => one.number - other.number).slice(-KEPT);
    });
  }

  /** Adds what runs now; its number. The same text as the newest one's adds nothing. */
  add(text: string, by: string, disturbs: string, changed: number): number {
    const newest = this.#entries.at(-1);
    if (newest?.text === text) return newest.number;
    const number = (newest?.number ?? 0) + 1;
    const entry = { number, time: new Date().toISOString(), by, changed, disturbs, text };
    this.#entries.push(entry);
    const gone = this.#entries.splice(0, Math.max(0, this.#entries.length - KEPT));
    this.#try(() => {
      if (this.#folder === null) return;
      const file = join(this.#folder, `${number}.json`);
      // Whole or not at all, whatever happens to the machine.
      writeFileSync(`${file}.new`, JSON.stringify(entry), { mode: 0o600 });
      renameSync(`${file}.new`, file);
      for (const old of gone) rmSync(join(this.#folder, `${old.number}.json`), { force: true });
    });
    return number;
  }

  text(number: number): string | undefined {
    return this.#entries.find((entry) => entry.number === number)?.text;
  }

  /** The number of the configuration before another one, undefined when there is none. */
  before(number: number): number | undefined {
    return this.#entries.findLast((entry) => entry.number < number)?.number;
  }

  rows(running: number, previous: number): HistoryRow[] {
    return this.#entries.map(({ number, time, by, changed, disturbs }) => ({
      number,
      time,
      by,
      changed,
      disturbs,
      state: number === running ? "running" : number === previous ? "previous" : "",
    }));
  }

  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#warn(`linkloom: the history of configurations is not kept on disk: ${why}`);
    }
  }
}

/** An entry as it was written; undefined for what somebody else put there. */
function parse(text: string): Entry | undefined {
  try {
    const entry = JSON.parse(text) as Entry;
    const good = Number.isInteger(entry.number) && typeof entry.text === "string";
    return good ? entry : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
