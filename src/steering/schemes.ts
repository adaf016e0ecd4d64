// Choosing a core by load (CORE-7): the election that least-load, time-slice and the arbiter share, and the table
// in which a flow keeps the core that it was given. Each core's distributor has its own of both: nothing here is
// shared but the loads, which every core reports for itself.

import type { CoreId, Millis } from "../lib/units.ts";

/** Loads closer than this count as equal, so that priority and age decide. Our choice. */
const LOAD_STEP = 1 / 16;
/** What a frame or flow given lately adds to a core's load, lest all go to one. Our choice. */
const GIVEN_COST = 1 / 1024;
/** What was given is forgotten after this, when it shows in the loads: as often as cores report. Our choice. */
const GIVEN_AGE: Millis = 100;
/** A report older than this says nothing; loads are reported several times a second. Our choice. */
const VOTE_AGE: Millis = 1000;

/** What cores report of themselves. */
export interface Loads {
  /** 0..1 per core; negative or NaN: the core takes no part. */
  readonly loads: Float64Array;
  /** When each core reported, or null when that is not known: then all reports are fresh. */
  readonly reported: Float64Array | null;
}

/** Elects cores: the least loaded of those below the threshold whose report is fresh. */
export class Election {
  readonly #core: CoreId;
  readonly #loads: Float64Array;
  readonly #reported: Float64Array | null;
  readonly #priority: Float64Array;
  readonly #threshold: number;
  /** Given to each core since `#since`. */
  readonly #given: Float64Array;
  #since: Millis = -Infinity;

  constructor(
    core: CoreId,
    cores: number,
    source: Loads,
    priorities: readonly number[],
    threshold: number,
  ) {
    this.#core = core;
    this.#loads = source.loads.subarray(0, cores);
    this.#reported = source.reported;
    this.#priority = Float64Array.from({ length: cores }, (_, index) => priorities[index] ?? 0);
    this.#threshold = threshold;
    this.#given = new Float64Array(cores);
  }

  /** True when a core may get new flows: it takes part and is not above its threshold. */
  accepts(core: CoreId): boolean {
    const load = this.#loads[core] as number;
    return load >= 0 && load <= this.#threshold;
  }

  /** Says that the core was given a frame or a flow without an election. */
  give(core: CoreId): void {
    this.#given[core] = (this.#given[core] as number) + 1;
  }

  /**
   * The winner, and gives it one. First those that accept, then those with a fresh report; of these by load in steps,
   * then priority (lower is better), then what they were given, then this core itself, which costs no hand-over.
   */
  elect(now: Millis): CoreId {
    const count = this.#loads.length;
    if (now - this.#since >= GIVEN_AGE) {
      this.#since = now;
      this.#given.fill(0);
    }
    let best = -1;
    let bestClass = 0;
    let bestLoad = 0;
    for (let core = 0; core < count; core++) {
      const reportedLoad = this.#loads[core] as number;
      if (!(reportedLoad >= 0)) continue;
      const load = reportedLoad + (this.#given[core] as number) * GIVEN_COST;
      const rank =
        (reportedLoad > this.#threshold ? 2 : 0) +
        (this.#reported !== null && now - (this.#reported[core] as number) > VOTE_AGE ? 1 : 0);
      if (
        best < 0 ||
        rank < bestClass ||
        (rank === bestClass && this.#beats(core, load, best, bestLoad))
      ) {
        best = core;
        bestClass = rank;
        bestLoad = load;
      }
    }
    if (best < 0) return this.#core;
    this.give(best);
    return best;
  }

  #beats(core: CoreId, load: number, best: CoreId, bestLoad: number): boolean {
    const step = Math.floor(load / LOAD_STEP) - Math.floor(bestLoad / LOAD_STEP);
    if (step !== 0) return step < 0;
    const priority = (this.#priority[core] as number) - (this.#priority[best] as number);
    if (priority !== 0) return priority < 0;
    if (this.#reported !== null) {
      const fresher = (this.#reported[core] as number) - (this.#reported[best] as number);
      if (Math.abs(fresher) > VOTE_AGE / 4) return fresher > 0;
    }
    const given = (this.#given[core] as number) - (this.#given[best] as number);
    return given !== 0 ? given < 0 : core === this.#core;
  }
}

/** Entries of one hash that are looked at: a set that fills a cache line or two. */
const WAYS = 4;
/**
 * A flow that was silent for this long has no frame in any ring any more, so that its core may change without
 * reordering it. Our choice: far above the few milliseconds that full rings take to pass.
 */
export const DRAINED: Millis = 1000;

/** What may be done with a flow that the table does not know. */
export const Placement = {
  /** No room: it goes where its bucket says, unremembered. */
  None: 0,
  /** Room, but it may have gone where its bucket says a moment ago: it must stay there. */
  Home: 1,
  /** It may be given to any core. */
  Free: 2,
} as const;
export type Placement = (typeof Placement)[keyof typeof Placement];

/**
 * Which core a flow was given. Bounded: when all ways of a set hold flows that spoke within DRAINED, a further
 * flow goes where its bucket says and, as long as that is recent, so does every new flow of the set. So a flow
 * never changes its core while frames of it may be under way.
 */
export class FlowTable {
  readonly #sets: number;
  readonly #timeout: Millis;
  readonly #hash: Int32Array;
  readonly #core: Uint8Array;
  /** When the flow spoke last; -Infinity = free. */
  readonly #last: Float64Array;
  /** Per set: when a flow was last turned away. */
  readonly #overflow: Float64Array;
  /** Where the flow that `find` missed may be put. */
  #slot = 0;
  placement: Placement = Placement.None;
  /** Frames of flows that found no room. */
  overflows = 0;

  constructor(capacity: number, timeout: Millis) {
    this.#sets = Math.max(1, capacity / WAYS);
    this.#timeout = Math.max(timeout, DRAINED);
    this.#hash = new Int32Array(this.#sets * WAYS);
    this.#core = new Uint8Array(this.#sets * WAYS);
    this.#last = new Float64Array(this.#sets * WAYS).fill(-Infinity);
    this.#overflow = new Float64Array(this.#sets).fill(-Infinity);
  }

  /** The core of a known flow, which is thereby kept; -1 for a new one, and `placement` says what to do. */
  find(hash: number, now: Millis): CoreId {
    // The low bits chose the bucket already; take others.
    const base = (((hash >>> 7) ^ hash) & (this.#sets - 1)) * WAYS;
    let oldest = base;
    for (let slot = base; slot < base + WAYS; slot++) {
      const last = this.#last[slot] as number;
      if (this.#hash[slot] === hash && now - last <= this.#timeout) {
        this.#last[slot] = now;
        return this.#core[slot] as number;
      }
      if (last < (this.#last[oldest] as number)) oldest = slot;
    }
    const set = base / WAYS;
    this.#slot = oldest;
    if (now - (this.#last[oldest] as number) <= DRAINED) {
      this.#overflow[set] = now;
      this.overflows++;
      this.placement = Placement.None;
    } else {
      const recent = now - (this.#overflow[set] as number) <= DRAINED;
      this.placement = recent ? Placement.Home : Placement.Free;
    }
    return -1;
  }

  /** Remembers the flow that `find` just missed; not when its placement is None. */
  put(hash: number, core: CoreId, now: Millis): void {
    const slot = this.#slot;
    this.#hash[slot] = hash;
    this.#core[slot] = core;
    this.#last[slot] = now;
  }

  /** Flows that spoke within the timeout: for people, not for the packet path. */
  count(now: Millis): number {
    let count = 0;
    for (const last of this.#last) if (now - last <= this.#timeout) count++;
    return count;
  }

  /** A core left: its flows are new again. */
  forget(core: CoreId): void {
    for (let slot = 0; slot < this.#core.length; slot++) {
      if (this.#core[slot] === core) this.#last[slot] = -Infinity;
    }
  }
}
