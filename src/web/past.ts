// The past, which the daemon keeps: where the page looks, how far it can look back, and an object's rows as they were.
// Dragging the bar asks for no more than a person sees: one request of an object at a time, the latest wish next, and
// what was answered once is not asked for again.

import { useEffect, useState } from "preact/hooks";
import { ApiError, type Row, rowsOf, rowsThen } from "./client.ts";

/** How often the page asks how far back the past reaches. */
const SPAN_INTERVAL = 10_000;
/** Between two requests of one object while the bar is dragged: some a second look smooth. Our choice. */
const PAUSE = 120;
/** Answers kept of one object. */
const KEPT_ANSWERS = 60;

/** An object's rows as they were. */
export interface Then {
  readonly rows: readonly Row[];
  /** When they were read. */
  readonly at: number;
  readonly error: ApiError | null;
}

// --- where the page looks ----------------------------------------------------------------------------------------

let lookedAt: number | null = null;
const listeners = new Set<() => void>();
const tell = (): void => {
  for (const listener of listeners) listener();
};

/** Calls a component again whenever the page looks elsewhere, or the past reaches elsewhere. */
function useTold(): void {
  const [, turn] = useState(0);
  useEffect(() => {
    const listener = (): void => turn((n) => n + 1);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
}

/** The time that the page looks at, on the appliance's clock; null = now. */
export function usePast(): number | null {
  useTold();
  return lookedAt;
}

export function lookAt(time: number | null): void {
  lookedAt = time === null ? null : Math.max(Math.round(time), span.oldest ?? 0);
  tell();
}

// --- how far back ------------------------------------------------------------------------------------------------

interface Span {
  /** The oldest moment; null: nothing is kept. */
  readonly oldest: number | null;
  /** What the appliance's clock is ahead of the browser's. */
  readonly ahead: number;
  /** Since when each object is kept. */
  readonly since: ReadonlyMap<string, number>;
}

let span: Span = { oldest: null, ahead: 0, since: new Map() };

/** What the appliance's clock says. */
export const applianceNow = (): number => Date.now() + span.ahead;

/** How far back the past reaches. */
export function useSpan(): Span {
  useTold();
  return span;
}

/** True when the daemon can say how an object was at a time. */
const isKept = (object: string, time: number): boolean =>
  object === "events" || (span.since.get(object) ?? Number.POSITIVE_INFINITY) <= time;

/** Asks how far back the past reaches, as long as the page lives. */
export function followPast(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  const turn = async (): Promise<void> => {
    try {
      span = spanOf(await rowsOf("past"), span);
      if (lookedAt !== null && span.oldest !== null && lookedAt < span.oldest) lookAt(span.oldest);
      tell();
    } catch (error) {
      // What asks for rows says it.
      if (!(error instanceof ApiError)) throw error;
    }
    // Right after the appliance's start there is nothing yet; it comes in a second.
    if (!isOver) timer = setTimeout(turn, span.oldest === null ? 1000 : SPAN_INTERVAL);
  };
  void turn();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

function spanOf(rows: readonly Row[], before: Span): Span {
  const since = new Map<string, number>();
  let newest = 0;
  let { ahead } = before;
  for (const row of rows) {
    if (row["oldest"] === null) continue;
    since.set(String(row["object"]), Date.parse(String(row["oldest"])));
    const last = Date.parse(String(row["newest"]));
    if (last <= newest) continue;
    newest = last;
    ahead = last + Number(row["age-ms"]) - Date.now();
  }
  return { oldest: since.size === 0 ? null : Math.min(...since.values()), ahead, since };
}

// --- an object as it was -----------------------------------------------------------------------------------------

/** The answers of one object: each holds from the moment that it was read to the one that was asked for. */
class Pastime {
  readonly #object: string;
  readonly #answers: { readonly was: Then; until: number }[] = [];
  readonly #listeners = new Set<() => void>();
  #wanted: number[] = [];
  #busy = false;

  constructor(object: string) {
    this.#object = object;
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** What is known of the time. */
  known(time: number): Then | undefined {
    return this.#answers.findLast(({ was, until }) => was.at <= time && time <= until)?.was;
  }

  /** Asks for the times, unless they are known; earlier wishes are forgotten. */
  want(times: readonly number[]): void {
    this.#wanted = times.filter((time) => this.known(time) === undefined);
    if (!this.#busy) void this.#work();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let time = this.#wanted.shift(); time !== undefined; time = this.#wanted.shift()) {
      if (this.known(time) !== undefined) continue;
      const began = performance.now();
      await this.#ask(time);
      for (const listener of this.#listeners) listener();
      const rest = PAUSE - (performance.now() - began);
      if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
    }
    this.#busy = false;
  }

  async #ask(time: number): Promise<void> {
    try {
      const { rows, at } = await rowsThen(this.#object, time);
      this.#answers.push({ was: { rows, at: Math.min(at, time), error: null }, until: time });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#answers.push({ was: { rows: [], at: time, error }, until: time });
    }
    if (this.#answers.length > KEPT_ANSWERS) this.#answers.shift();
  }
}

const pastimes = new Map<string, Pastime>();

function pastimeOf(object: string): Pastime {
  const known = pastimes.get(object) ?? new Pastime(object);
  pastimes.set(object, known);
  return known;
}

/**
 * An object as it was at each of the times; while an answer is on its way, the last that came. Undefined for what the
 * daemon does not keep so far back; an empty list asks for nothing.
 */
export function useThen(object: string, times: readonly number[]): readonly (Then | undefined)[] {
  const pastime = pastimeOf(object);
  const wanted = times.filter((time) => isKept(object, time));
  const [, turn] = useState(0);
  const [last, setLast] = useState<ReadonlyMap<number, Then>>(new Map());
  useEffect(() => pastime.listen(() => turn((n) => n + 1)), [pastime]);
  useEffect(() => pastime.want(wanted), [pastime, wanted.join()]);
  const answers = times.map((time) => pastime.known(time));
  useEffect(() => {
    const fresh = answers.flatMap((then, n) => (then === undefined ? [] : [[n, then] as const]));
    if (fresh.length > 0) setLast(new Map([...last, ...fresh]));
  }, [pastime, answers.map((then) => then?.at).join()]);
  return times.map((time, n) => (isKept(object, time) ? (answers[n] ?? last.get(n)) : undefined));
}
