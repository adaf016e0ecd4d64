// What is live on the page: rows asked for again and again while somebody looks at them, and the events of the last
// hour. One poller per object and filter, however many parts of the page show it.

import { useEffect, useState } from "preact/hooks";
import { ApiError, followEvents, type Row, rowsOf } from "./client.ts";

/** How often what is looked at is asked for. Our choice: a person sees change within a second. */
const INTERVAL = 1000;
/** How long the past is kept: an hour, in snapshots of the small objects every two seconds. Our choice. */
const PAST_MILLIS = 3_600_000;
const SNAPSHOT_MILLIS = 2000;
const MAX_EVENTS = 20_000;
/** The objects that time travel shows. Tables of stations are too large to be kept so often. */
const KEPT = [
  "cores",
  "ports",
  "channels",
  "lacp",
  "stp",
  "vr",
  "coherence",
  "vlans",
  "interfaces",
  "health",
];

export interface Answer {
  readonly rows: readonly Row[];
  /** When they came, on the page's clock; 0 = never yet. */
  readonly at: number;
  readonly error: ApiError | null;
}

const NOTHING: Answer = { rows: [], at: 0, error: null };

class Poller {
  readonly #object: string;
  readonly #query: Readonly<Record<string, string>>;
  readonly #listeners = new Set<(answer: Answer) => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  answer: Answer = NOTHING;

  constructor(object: string, query: Readonly<Record<string, string>>) {
    this.#object = object;
    this.#query = query;
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
      this.answer = { rows: await rowsOf(this.#object, this.#query), at: Date.now(), error: null };
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

function pollerOf(object: string, query: Readonly<Record<string, string>>): Poller {
  const key = `${object}?${new URLSearchParams(query)}`;
  let poller = pollers.get(key);
  if (poller === undefined) {
    poller = new Poller(object, query);
    pollers.set(key, poller);
  }
  return poller;
}

/** The rows of an object, now; or, while the page looks at the past, as they were. */
export function useRows(object: string, query: Readonly<Record<string, string>> = {}): Answer {
  const past = usePast();
  const poller = pollerOf(object, query);
  const [answer, setAnswer] = useState<Answer>(poller.answer);
  useEffect(() => {
    setAnswer(poller.answer);
    return poller.listen(setAnswer);
  }, [poller]);
  if (past === null || Object.keys(query).length > 0) return answer;
  const rows = snapshotAt(past)?.rows.get(object);
  return rows === undefined ? answer : { rows, at: past, error: null };
}

// --- the past ----------------------------------------------------------------------------------------------------

interface Snapshot {
  readonly at: number;
  readonly rows: ReadonlyMap<string, readonly Row[]>;
}

const snapshots: Snapshot[] = [];
let lookedAt: number | null = null;
const pastListeners = new Set<(past: number | null) => void>();

/** The newest snapshot that is not younger. */
function snapshotAt(time: number): Snapshot | undefined {
  return snapshots.findLast(({ at }) => at <= time) ?? snapshots[0];
}

/** The time that the page looks at; null = now. */
export function usePast(): number | null {
  const [past, setPast] = useState(lookedAt);
  useEffect(() => {
    pastListeners.add(setPast);
    return () => void pastListeners.delete(setPast);
  }, []);
  return past;
}

export function lookAt(time: number | null): void {
  lookedAt = time;
  for (const listener of pastListeners) listener(time);
}

export const oldest = (): number => snapshots[0]?.at ?? Date.now();

/** Keeps a snapshot of the small objects every two seconds, for an hour. */
export function rememberPast(): () => void {
  const stops = KEPT.map((object) => pollerOf(object, {}).listen(() => undefined));
  const timer = setInterval(() => {
    const rows = new Map(KEPT.map((object) => [object, pollerOf(object, {}).answer.rows]));
    snapshots.push({ at: Date.now(), rows });
    while ((snapshots[0]?.at ?? Number.POSITIVE_INFINITY) < Date.now() - PAST_MILLIS)
      snapshots.shift();
  }, SNAPSHOT_MILLIS);
  return () => {
    clearInterval(timer);
    for (const stop of stops) stop();
  };
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

/** Two answers of counters as rates: what was added a second, by row. */
export function useRates(
  object: string,
  key: (row: Row) => string,
  fields: readonly string[],
): ReadonlyMap<string, Readonly<Record<string, number>>> {
  const answer = useRows(object);
  const [state, setState] = useState<{ last: Answer; rates: Map<string, Record<string, number>> }>({
    last: NOTHING,
    rates: new Map(),
  });
  useEffect(() => {
    const seconds = (answer.at - state.last.at) / 1000;
    if (answer.at === 0 || seconds <= 0) return;
    const before = new Map(state.last.rows.map((row) => [key(row), row]));
    const rates = new Map<string, Record<string, number>>();
    for (const row of answer.rows) {
      const old = before.get(key(row));
      if (old === undefined) continue;
      const rate: Record<string, number> = {};
      for (const field of fields) {
        rate[field] = Math.max(0, (Number(row[field]) - Number(old[field])) / seconds);
      }
      rates.set(key(row), rate);
    }
    setState({ last: answer, rates });
  }, [answer]);
  return state.rates;
}
