// A bucket moves from core A to core B without reordering a flow (CORE-7). Pure: no messages, frames or clock of
// its own.
//
//   control core                A (source)                 B (target)                any other X
//   announce ------------------ goes on with the bucket    parks its new frames      now gives them to B
//   rewrites the byte           <------------------------- passed ------------------ passed   (behind what X gave A)
//   switched                    waits until all passed and its own queues ran empty once
//                               drained -----------------> lets the parked frames go, in order
//
// Why it holds: frames of the bucket reach A only from cores that have not said `passed` (rings keep order) or
// from the kernel before the byte changed, and those lie in A's queues, which A empties before it says `drained`.
// B sees the announcement before the first frame that the change sent to it, because the announcement was written
// before the byte and B looks at it after it has fetched frames and before it steers them. A core that is dead or
// stalled ends the wait by a deadline, counted in `forced`. B says so in a word: an A that wakes later lets go at once,
// for the bucket is B's by then.

import type { CoreId, Millis, PortId } from "../lib/units.ts";
import { ALL_BUCKETS, MAX_BUCKETS, MoveWord } from "./indirection.ts";

/** In place of a core: keep the frame until the move is through. Above every core number. */
export const PARK = 255;

/** What the caller must do now; bits. */
export const MoveAction = {
  None: 0,
  /** Tell `from` that nothing more of the bucket will come from here. */
  SendPassed: 1,
  /** Tell `to` that everything of the bucket has left here. */
  SendDrained: 2,
  /** Take the parked frames out and treat them as received now. */
  Release: 4,
} as const;

export interface MoveLimits {
  /**
   * From `switched` until an empty queue counts as empty: the kernel program may still have been at work with the old
   * byte, and a block of a TPACKET_V3 ring is handed over up to 1 ms late. Our choice.
   */
  readonly settle: Millis;
  /** A stops waiting for the others. Our choice: a stalled core is dead to a flow by then. */
  readonly sourceWait: Millis;
  /** B stops waiting for A; longer than A's own wait. Our choice. */
  readonly targetWait: Millis;
  /** Frames that B parks; more are dropped and counted, for order counts more than a frame. Our choice. */
  readonly parked: number;
  /** Frames that a queue can hold: having received that many, A has passed what lay there. */
  readonly queue: number;
}

export const DEFAULT_LIMITS: MoveLimits = {
  settle: 2,
  sourceWait: 50,
  targetWait: 100,
  parked: 1024,
  queue: 4096,
};

const Part = { None: 0, Source: 1, Target: 2, Copy: 3 } as const;
type Part = (typeof Part)[keyof typeof Part];

/** One core's part in bucket moves; it owns the core's private copy of the indirection table. */
export class MoveMachine {
  /** The core of each bucket as this core steers now; PARK while it parks. */
  readonly map: Uint8Array = new Uint8Array(MAX_BUCKETS);
  /** The move that runs, or ran last. */
  epoch: number;
  bucket: number = ALL_BUCKETS;
  from: CoreId = -1;
  to: CoreId = -1;
  /** Moves that ended by a deadline. */
  forced = 0;
  /** Port of the frame that `unpark` returned last. */
  unparkedPort: PortId = -1;

  readonly #core: CoreId;
  readonly #cores: number;
  readonly #shared: Uint8Array;
  readonly #words: Int32Array | null;
  readonly #limits: MoveLimits;
  #part: Part = Part.None;
  #deadline: Millis = 0;
  #settled: Millis = Infinity;
  /** Epoch of each core's last `passed`, and of the last `drained`. */
  readonly #passed: Int32Array;
  #drained: number;
  /** Frames that each port may still hold from before; 0 = emptied. */
  readonly #left: Int32Array;
  /** In this round a port was seen that may hold frames from before. */
  #pending = false;
  readonly #handles: Int32Array;
  readonly #ports: Int16Array;
  #head = 0;
  #count = 0;

  constructor(
    core: CoreId,
    cores: number,
    ports: number,
    shared: Uint8Array,
    words: Int32Array | null,
    limits: MoveLimits = DEFAULT_LIMITS,
  ) {
    this.#core = core;
    this.#cores = cores;
    this.#shared = shared;
    this.#words = words;
    this.#limits = limits;
    this.epoch = words === null ? 0 : Atomics.load(words, MoveWord.Announced);
    this.#drained = this.epoch;
    this.#passed = new Int32Array(cores).fill(this.epoch);
    this.#left = new Int32Array(ports);
    this.#handles = new Int32Array(limits.parked);
    this.#ports = new Int16Array(limits.parked);
    this.copy();
  }

  /** Takes the shared table as it is. */
  copy(): void {
    for (let bucket = 0; bucket < MAX_BUCKETS; bucket++) {
      this.map[bucket] = this.#shared[bucket] ?? 0;
    }
  }

  /** True while this core parks frames of a bucket. */
  get parking(): boolean {
    return this.#part === Part.Target;
  }

  /** True while this core has a part in a move and `check` must be called. */
  get active(): boolean {
    return this.#part !== Part.None;
  }

  get parked(): number {
    return this.#count;
  }

  /** True when the last announcement has been acted on. */
  get isSeen(): boolean {
    return this.#words === null || this.#words[MoveWord.Announced] === this.epoch;
  }

  /**
   * Looks for an announcement; after fetching frames or records and before steering them. One load
   * when there is none.
   */
  observe(now: Millis): number {
    const words = this.#words;
    if (words === null || words[MoveWord.Announced] === this.epoch) return MoveAction.None;
    return this.#begin(words, Atomics.load(words, MoveWord.Announced), now);
  }

  #begin(words: Int32Array, epoch: number, now: Millis): number {
    let actions: number = MoveAction.None;
    if (this.#part === Part.Target) {
      this.forced++;
      actions = MoveAction.Release;
    }
    this.copy();
    this.epoch = epoch;
    this.bucket = words[MoveWord.Bucket] as number;
    this.from = words[MoveWord.From] as number;
    this.to = words[MoveWord.To] as number;
    this.#settled = Infinity;
    if (this.bucket === ALL_BUCKETS) {
      this.#part = Part.Copy;
      return actions;
    }
    if (this.from === this.#core) {
      if (Atomics.load(words, MoveWord.Forced) === epoch) {
        this.#part = Part.None;
        this.map[this.bucket] = this.to;
        return actions;
      }
      this.#part = Part.Source;
      this.#deadline = now + this.#limits.sourceWait;
      this.#left.fill(this.#limits.queue);
      this.map[this.bucket] = this.#core;
      return actions;
    }
    const parks = this.to === this.#core && this.#drained !== epoch;
    this.#part = parks ? Part.Target : Part.None;
    this.#deadline = now + this.#limits.targetWait;
    this.map[this.bucket] = parks ? PARK : this.to;
    return actions | MoveAction.SendPassed;
  }

  /** Another core said `passed`; it may come before this core has seen the announcement. */
  passed(from: CoreId, epoch: number): void {
    if (from < this.#cores) this.#passed[from] = epoch;
  }

  /** The source said `drained`. */
  drained(epoch: number): number {
    this.#drained = epoch;
    if (this.#part !== Part.Target || epoch !== this.epoch) return MoveAction.None;
    return this.#release();
  }

  /**
   * A port's queue gave `count` of at most `capacity` frames (none, too), and they have been treated. While `active`,
   * call it for every port in every round.
   */
  received(port: PortId, count: number, capacity: number, now: Millis): void {
    if (this.#part !== Part.Source || now < this.#settled) return;
    if (this.#left[port] === 0) return;
    const left = count < capacity ? 0 : (this.#left[port] as number) - count;
    this.#left[port] = Math.max(0, left);
    if (left > 0) this.#pending = true;
  }

  /** At the end of a round, when its frames have been treated and before the bus is published. */
  check(now: Millis, isAlive: (core: CoreId) => boolean): number {
    if (this.#part === Part.None || this.#words === null) return MoveAction.None;
    const switched = Atomics.load(this.#words, MoveWord.Switched) === this.epoch;
    if (this.#part === Part.Copy) {
      if (!switched) return MoveAction.None;
      this.copy();
      this.#part = Part.None;
      return MoveAction.None;
    }
    if (this.#part === Part.Target) {
      if (now < this.#deadline) return MoveAction.None;
      this.forced++;
      Atomics.store(this.#words, MoveWord.Forced, this.epoch);
      return this.#release();
    }
    if (switched && this.#settled === Infinity) this.#settled = now + this.#limits.settle;
    const late = now >= this.#deadline || this.#words[MoveWord.Forced] === this.epoch;
    const drained = now >= this.#settled && !this.#pending && this.#allPassed(isAlive);
    this.#pending = false;
    if (!late && !drained) return MoveAction.None;
    if (late) this.forced++;
    this.#part = Part.None;
    this.map[this.bucket] = this.to;
    return MoveAction.SendDrained;
  }

  #allPassed(isAlive: (core: CoreId) => boolean): boolean {
    for (let core = 0; core < this.#cores; core++) {
      if (core === this.#core || this.#passed[core] === this.epoch) continue;
      if (isAlive(core)) return false;
    }
    return true;
  }

  #release(): number {
    this.#part = Part.None;
    this.map[this.bucket] = this.#core;
    return MoveAction.Release;
  }

  /** Keeps a frame; false when there is no room. */
  park(handle: number, port: PortId): boolean {
    if (this.#count === this.#handles.length) return false;
    const index = (this.#head + this.#count++) % this.#handles.length;
    this.#handles[index] = handle;
    this.#ports[index] = port;
    return true;
  }

  /** The oldest parked frame, or -1; its port is in `unparkedPort`. */
  unpark(): number {
    if (this.#count === 0) return -1;
    const index = this.#head;
    this.#head = (index + 1) % this.#handles.length;
    this.#count--;
    this.unparkedPort = this.#ports[index] as number;
    return this.#handles[index] as number;
  }
}

/**
 * The control core's side: moves one bucket, or rewrites the table. Calls must lie further apart than
 * `targetWait`.
 */
export class MoveControl {
  readonly #buckets: Uint8Array;
  readonly #words: Int32Array;

  constructor(buckets: Uint8Array, words: Int32Array) {
    this.#buckets = buckets;
    this.#words = words;
  }

  /** Announces, rewrites the byte, says so. The caller then wakes the cores that sleep. */
  move(bucket: number, to: CoreId): void {
    if (this.#buckets[bucket] === to) return;
    const words = this.#words;
    const epoch = ((words[MoveWord.Announced] as number) + 1) | 0;
    words[MoveWord.Bucket] = bucket;
    words[MoveWord.From] = this.#buckets[bucket] as number;
    words[MoveWord.To] = to;
    Atomics.store(words, MoveWord.Announced, epoch);
    Atomics.store(this.#buckets, bucket, to);
    Atomics.store(words, MoveWord.Switched, epoch);
  }

  /** Writes the whole table at once, without regard to order: cores came or went. */
  rewrite(table: Uint8Array): void {
    const words = this.#words;
    const epoch = ((words[MoveWord.Announced] as number) + 1) | 0;
    words[MoveWord.Bucket] = ALL_BUCKETS;
    Atomics.store(words, MoveWord.Announced, epoch);
    for (let bucket = 0; bucket < this.#buckets.length; bucket++) {
      Atomics.store(this.#buckets, bucket, table[bucket] as number);
    }
    Atomics.store(words, MoveWord.Switched, epoch);
  }
}
