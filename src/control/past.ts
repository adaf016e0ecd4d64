// Keeps the past: reads the objects of `show` again and again, by `show` itself, and keeps an hour of them in a bounded
// room (past-store.ts). What lies in the control core's memory is read every two seconds; what the cores must be asked
// for every ten, and as soon as something happened; tables of the network every thirty. Its clock is that of the
// events: the system's when it began, and monotonic since, so that a jump of the system's clock moves nothing.

import type { Appliance, CoreCommand } from "./appliance-port.ts";
import { PAST, type PastShape } from "./past-list.ts";
import { PastStore, type Reading, type Then } from "./past-store.ts";
import { iso, type PastReader } from "./past-view.ts";
import { type Row, type Shown, show } from "./show.ts";

/** How far back. The specification: time travel over the last hour. */
const KEEP = 3_600_000;
/** How often the control core's own memory is read: our choice, finer than a person remembers. */
const OFTEN = 2000;
/** How often cores are asked while nothing happens: our choice, for their counters alone change then. */
const ASKED = 10_000;
/** How often tables of the network are read: our choice, so that an hour of the largest that are kept fits. */
const RARELY = 30_000;
/** An object with too many rows is tried again so much later. Our choice. */
const TOO_MANY = 60_000;

type Pace = PastShape["pace"];
const NAMES = Object.keys(PAST);
/** Objects that are made of the configuration alone: read again when there is another. */
const FIXED = new Set(["interfaces", "vlans", "config"]);

/** Errors of a core that does not answer now. */
const SILENT = ["core-silent", "core-not-online", "core-failed"];

export interface PastOptions {
  readonly shown: Shown;
  /** Bytes that the past may take. */
  readonly limit: number;
  /** Milliseconds since 1970; goes on evenly. A test gives its own. */
  readonly now?: () => number;
}

export class Past implements PastReader {
  readonly now: () => number;
  readonly #shown: Shown;
  readonly #limit: number;
  readonly #store: PastStore;
  /** Until when an object is not tried. */
  readonly #later = new Map<string, number>();
  readonly #fixed = new Map<string, { of: readonly unknown[]; rows: Reading }>();
  #timer: NodeJS.Timeout | undefined;
  #asking = false;
  #closed = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  #rarelyAt = Number.NEGATIVE_INFINITY;
  #seen = 0;
  #answer: { key: string; was: Then | string | undefined } = { key: "", was: undefined };

  constructor({ shown, limit, now = evenClock() }: PastOptions) {
    this.#shown = shown;
    this.#limit = limit;
    this.now = now;
    const objects = Object.entries(PAST).map(([name, { keys }]) => ({ name, keys }));
    this.#store = new PastStore(limit, objects);
  }

  /** Reads again and again until `close`. */
  start(): void {
    void this.turn();
    this.#timer = setInterval(() => void this.turn(), OFTEN);
    this.#timer.unref();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  /** Reads what is due. */
  async turn(): Promise<void> {
    const due = this.#due();
    const near = await this.#gather(["often"], this.#shown);
    // The first moment has everything; later ones come when they are there, whatever a slow core takes.
    const isFirst = (): boolean => this.#store.newest === undefined;
    if (!isFirst() || due.length === 0) this.#add(near);
    if (due.length === 0) return;
    this.#asking = true;
    const asked = await this.#gather(due, { appliance: askedOnce(this.#shown.appliance) });
    this.#asking = false;
    this.#add(isFirst() ? new Map([...near, ...asked]) : asked);
  }

  /** Which objects the cores are asked for now; none while they are being asked. */
  #due(): Pace[] {
    const now = this.now();
    const due: Pace[] = [];
    if (this.#asking) return due;
    if (this.#hasHappened() || now - this.#askedAt >= ASKED) {
      due.push("asked");
      this.#askedAt = now;
    }
    if (now - this.#rarelyAt >= RARELY) {
      due.push("rarely");
      this.#rarelyAt = now;
    }
    return due;
  }

  /** True when there are events that were not there the last time. */
  #hasHappened(): boolean {
    const { appliance } = this.#shown;
    const last = appliance.events(this.#seen, Number.MAX_SAFE_INTEGER).at(-1);
    if (last === undefined) return false;
    this.#seen = last.sequence;
    return true;
  }

  /** Reads the objects of some paces, all at once: a core then wakes for many questions, not for each. Never fails. */
  async #gather(paces: readonly Pace[], shown: Shown): Promise<Map<string, Reading>> {
    const due = Object.entries(PAST).filter(
      ([name, shape]) => paces.includes(shape.pace) && this.now() >= (this.#later.get(name) ?? 0),
    );
    const readings = new Map<string, Reading>();
    const read = async (name: string): Promise<void> => {
      try {
        const isFixed = FIXED.has(name);
        readings.set(name, isFixed ? await this.#same(name) : await this.#rows(name, shown));
      } catch (error) {
        const { code, message } = error as { code?: unknown; message?: unknown };
        // A core that does not answer: what it was read as last stays.
        if (!SILENT.includes(String(code))) readings.set(name, `it cannot be read: ${message}`);
      }
    };
    await Promise.all(due.map(([name]) => read(name)));
    return readings;
  }

  /** The moment of what was read is the one at which all was there. */
  #add(readings: ReadonlyMap<string, Reading>): void {
    if (this.#closed || readings.size === 0) return;
    const time = Math.max(Math.round(this.now()), (this.#store.newest ?? 0) + 1);
    this.#store.add(time, readings);
    this.#store.forget(time - KEEP);
  }

  async #rows(name: string, shown: Shown): Promise<Reading> {
    const { most } = PAST[name] as PastShape;
    const rows: Row[] = [];
    for await (const slice of show(shown, name, {})) {
      for (const row of slice) rows.push(row);
      if (rows.length <= most) continue;
      this.#later.set(name, this.now() + TOO_MANY);
      return `it has more than ${most} rows`;
    }
    return rows;
  }

  /** The same list as long as the configuration is the same. */
  async #same(name: string): Promise<Reading> {
    const of = [this.#shown.appliance.config, this.#shown.configuration];
    const known = this.#fixed.get(name);
    if (known?.of.every((one, n) => one === of[n]) === true) return known.rows;
    const rows = await this.#rows(name, this.#shown);
    this.#fixed.set(name, { of, rows });
    return rows;
  }

  // --- what was read ---------------------------------------------------------------------------------------------------

  span(): { oldest: number; newest: number } | undefined {
    const { oldest, newest } = this.#store;
    return oldest === undefined || newest === undefined ? undefined : { oldest, newest };
  }

  at(object: string, time: number): Then | string | undefined {
    // The header of an answer and its rows ask the same.
    const key = `${object} ${time} ${this.#store.newest}`;
    if (this.#answer.key !== key) this.#answer = { key, was: this.#store.at(object, time) };
    return this.#answer.was;
  }

  overview(): Row[] {
    const newest = this.#store.newest ?? 0;
    const known = new Map<string, { first: number; last: number; count: number; bytes: number }>();
    for (const { time, objects } of this.#store.moments()) {
      for (const { name, bytes } of objects) {
        const one = known.get(name) ?? { first: time, last: time, count: 0, bytes: 0 };
        known.set(name, { ...one, last: time, count: one.count + 1, bytes: one.bytes + bytes });
      }
    }
    return NAMES.map((object) => {
      const { first, last, count = 0, bytes = 0 } = known.get(object) ?? {};
      const was = this.#store.at(object, newest);
      return {
        object,
        oldest: first === undefined ? null : iso(first),
        newest: last === undefined ? null : iso(last),
        "age-ms": last === undefined ? null : Math.max(0, Math.round(this.now() - last)),
        moments: count,
        bytes,
        reason: typeof was === "string" ? was : null,
      };
    });
  }

  moments(): Row[] {
    const now = this.now();
    return Array.from(this.#store.moments(), ({ time, objects }) => ({
      time: iso(time),
      "age-ms": Math.max(0, Math.round(now - time)),
      objects: objects.map(({ name }) => name),
    }));
  }

  /** Bytes that the past takes, and may take. */
  get room(): { readonly taken: number; readonly limit: number } {
    return { taken: this.#store.bytes, limit: this.#limit };
  }
}

/** The system's clock as it is now, going on with the monotonic one. */
function evenClock(): () => number {
  const offset = Date.now() - performance.now();
  return () => offset + performance.now();
}

/** The appliance, whose cores are asked each question once: objects that are made of the same answers share them. */
function askedOnce(appliance: Appliance): Appliance {
  const answers = new Map<string, Promise<unknown>>();
  const command = (core: number, question: CoreCommand): Promise<unknown> => {
    const key = `${core} ${JSON.stringify(question)}`;
    const answer = answers.get(key) ?? appliance.command(core, question);
    answers.set(key, answer);
    return answer;
  };
  const view: Pick<Appliance, keyof Appliance> = {
    config: appliance.config,
    startedAt: appliance.startedAt,
    ended: appliance.ended,
    counters: (core) => appliance.counters(core),
    cores: () => appliance.cores(),
    repairs: () => appliance.repairs(),
    ports: () => appliance.ports(),
    masters: () => appliance.masters(),
    buckets: () => appliance.buckets(),
    bucketFrames: () => appliance.bucketFrames(),
    command: command as Appliance["command"],
    events: (since, limit) => appliance.events(since, limit),
    setCore: (core, online) => appliance.setCore(core, online),
    setMaster: (role, core) => appliance.setMaster(role, core),
    observe: (...words) => appliance.observe(...words),
    reconfigure: (options) => appliance.reconfigure(options),
    stop: () => appliance.stop(),
  };
  return view;
}
