// What is live on the page: rows asked for again and again while somebody looks at them, and the events of the last
// hour. One poller per object, however many parts of the page show it. While the page looks at the past, the
// same rows as they were.

import { useEffect, useState } from "preact/hooks";
import { ApiError, followEvents, type Row, rowsOf } from "./client.ts";
import { usePast, useSpan, useThen } from "./past.ts";

/** How often what is looked at is asked for. Our choice: a person sees change within a second. */
const INTERVAL = 1000;
/** Rates of the past are those of so long before. Our choice: some moments of the past. */
const RATE_SPAN = 10_000;
const MAX_EVENTS = 20_000;

export interface Answer {
  readonly rows: readonly Row[];
  /** When they came, on the page's clock; 0 = never yet. Of the past: when they were read, on the appliance's. */
  readonly at: number;
  readonly error: ApiError | null;
  /** False: as they were at the time that the page looks at. */
  readonly isLive: boolean;
}

const NOTHING: Answer = { rows: [], at: 0, error: null, isLive: true };

class Poller {
  readonly #object: string;
  readonly #listeners = new Set<(answer: Answer) => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  answer: Answer = NOTHING;

  constructor(object: string) {
    this.#object = object;
  }

  listen(listener: (answer: Answer) => void): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) void this.#turn();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) clearTimeout(this.#timer);
    };
  }

  async #turn(): Promise<void> {
    const began = performance.now();
    try {
      const rows = await rowsOf(this.#object);
      this.answer = { rows, at: Date.now(), error: null, isLive: true };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.answer = { ...this.answer, error };
    }
    if (this.#listeners.size === 0) return;
    for (const listener of this.#listeners) listener(this.answer);
    // What takes long to answer is asked less often: never more than a fifth of the time.
    const took = performance.now() - began;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#turn(), Math.max(INTERVAL - took, took * 4));
  }
}

const pollers = new Map<string, Poller>();

function pollerOf(object: string): Poller {
  const poller = pollers.get(object) ?? new Poller(object);
  pollers.set(object, poller);
  return poller;
}

/** The rows of an object as they are now. */
export function useLive(object: string, isWanted = true): Answer {
  const poller = pollerOf(object);
  const [answer, setAnswer] = useState<Answer>(poller.answer);
  useEffect(() => {
    if (!isWanted) return undefined;
    setAnswer(poller.answer);
    return poller.listen(setAnswer);
  }, [poller, isWanted]);
  return answer;
}

/** The rows of an object: now; or, while the page looks at the past, as they were where the daemon keeps them. */
export function useRows(object: string): Answer {
  const past = usePast();
  const [then] = useThen(object, past === null ? [] : [past]);
  // Too large then, or not read yet: the daemon knows no better either.
  const isKept = then !== undefined && then.error?.status !== 404;
  const live = useLive(object, past === null || !isKept);
  return past === null || !isKept ? live : { ...then, isLive: false };
}

// --- events --------------------------------------------------------------------------------------------------------

let events: readonly Row[] = [];
let connected = false;
const eventListeners = new Set<() => void>();

/** Follows the events as long as the page lives. */
export function rememberEvents(): () => void {
  const stop = new AbortController();
  let fresh: Row[] = [];
  const tell = (): void => {
    if (fresh.length > 0) events = [...events, ...fresh].slice(-MAX_EVENTS);
    fresh = [];
    for (const listener of eventListeners) listener();
  };
  // Many at once are one change of the page.
  const timer = setInterval(() => {
    if (fresh.length > 0) tell();
  }, 250);
  void followEvents(
    stop.signal,
    (row) => fresh.push(row),
    (state) => {
      connected = state;
      tell();
    },
  );
  return () => {
    clearInterval(timer);
    stop.abort();
  };
}

/** The events, oldest first; while the page looks at the past, those up to then. */
export function useEvents(): { readonly events: readonly Row[]; readonly connected: boolean } {
  const past = usePast();
  const [, turn] = useState(0);
  useEffect(() => {
    const listener = (): void => turn((n) => n + 1);
    eventListeners.add(listener);
    return () => void eventListeners.delete(listener);
  }, []);
  if (past === null) return { events, connected };
  return { events: events.filter((row) => Date.parse(String(row["time"])) <= past), connected };
}

type Rates = ReadonlyMap<string, Readonly<Record<string, number>>>;
const NO_RATES: Rates = new Map();

/** Two answers of counters as rates: what was added a second, by row. */
function ratesOf(
  before: Pick<Answer, "rows" | "at">,
  after: Pick<Answer, "rows" | "at">,
  key: (row: Row) => string,
  fields: readonly string[],
): Rates {
  const seconds = (after.at - before.at) / 1000;
  if (seconds <= 0) return NO_RATES;
  const known = new Map(before.rows.map((row) => [key(row), row]));
  const rates = new Map<string, Record<string, number>>();
  for (const row of after.rows) {
    const old = known.get(key(row));
    if (old === undefined) continue;
    const rate: Record<string, number> = {};
    for (const field of fields) {
      rate[field] = Math.max(0, (Number(row[field]) - Number(old[field])) / seconds);
    }
    rates.set(key(row), rate);
  }
  return rates;
}

/** An object's counters as rates, now or over the seconds before the time that the page looks at. */
export function useRates(
  object: string,
  key: (row: Row) => string,
  fields: readonly string[],
): Rates {
  const past = usePast();
  const answer = useLive(object, past === null);
  const { oldest } = useSpan();
  const from = Math.max((past ?? 0) - RATE_SPAN, oldest ?? 0);
  const [before, after] = useThen(object, past === null ? [] : [from, past]);
  const [state, setState] = useState<{ last: Answer; rates: Rates }>({
    last: NOTHING,
    rates: NO_RATES,
  });
  useEffect(() => {
    if (answer.at === 0 || answer.at <= state.last.at) return;
    const rates = state.last.at === 0 ? NO_RATES : ratesOf(state.last, answer, key, fields);
    setState({ last: answer, rates });
  }, [answer]);
  if (past === null) return state.rates;
  if (before === undefined || after === undefined) return NO_RATES;
  return ratesOf(before, after, key, fields);
}
