// Who is home for an address (ND-2): the core to which the distributor gives its bucket. Every core sees a bucket move
// at its own moment; so the old home hands over what it runs and then a marker, and the new one begins nothing of the
// bucket before the marker has come. A dead core's marker is not waited for where a home runs all that it is home for;
// one that does not come, until a deadline.

import type { CoreId, Millis } from "../lib/units.ts";

/** What the distributor says about buckets. steering/ implements it, see core/. */
export interface Steering6 {
  /** Core of each bucket as this core steers now; IN_TRANSIT while frames for it are kept until its turn. */
  readonly map: Uint8Array;
  /** The bucket of an address' advertisements. */
  bucketOf(a: number, b: number, c: number, d: number): number;
}

/** In a map: the bucket is on its way to this core (steering's PARK). */
export const IN_TRANSIT = 255;
export const BUCKETS = 128;
/** The wait for a marker: as long as steering waits for a core that gives a bucket away. */
export const MARKER_WAIT: Millis = 100;
/** How long what came early is kept for a bucket that is said to move here: half, so that it is back in time. */
const EARLY_WAIT: Millis = 50;

/** What happens to buckets; entries.ts implements it. */
export interface Movers {
  /** The home of an address runs its machine; else another core may, and nobody but the dead home knew of that. */
  readonly isHashed: boolean;
  /** This core is home now, and nobody else is: what it knows and nobody runs is to be run. */
  begin(bucket: number, now: Millis): void;
  /** Another core is home now: everything goes there, then the marker. */
  handOver(bucket: number, to: CoreId, withMarker: boolean, now: Millis): void;
  sendMarker(bucket: number, to: CoreId): void;
}

export class Owners {
  readonly steering: Steering6;
  readonly #core: CoreId;
  readonly #movers: Movers;
  readonly #isAlive: (core: CoreId) => boolean;
  /** The home of each bucket as this core last acted on, and the one before, whose marker is waited for. */
  readonly #home: Uint8Array = new Uint8Array(BUCKETS);
  readonly #giver: Uint8Array = new Uint8Array(BUCKETS);
  /** When the home of each bucket changed last, and which one it was before that. */
  readonly #since: Float64Array = new Float64Array(BUCKETS).fill(Number.NEGATIVE_INFINITY);
  readonly #origin: Uint8Array = new Uint8Array(BUCKETS);
  /** Until when a marker is waited for; 0 = not at all. */
  readonly #awaited: Float64Array = new Float64Array(BUCKETS);
  /** Until when something that came early is kept; 0 = nothing came. */
  readonly #early: Float64Array = new Float64Array(BUCKETS);
  /** The marker came before this core saw the bucket move. */
  readonly #marked: Uint8Array = new Uint8Array(BUCKETS);
  /** The bucket went on before its marker came here: it follows. */
  readonly #relays: Uint8Array = new Uint8Array(BUCKETS);
  /** The map as it was when every bucket was looked at last, by words, so that a tick costs little. */
  readonly #seen: Uint8Array = new Uint8Array(BUCKETS);
  readonly #mapWords: Int32Array;
  readonly #seenWords: Int32Array = new Int32Array(this.#seen.buffer);
  /** Buckets with a deadline of either kind. */
  #waits = 0;

  constructor(
    steering: Steering6,
    core: CoreId,
    movers: Movers,
    isAlive: (core: CoreId) => boolean = () => true,
  ) {
    this.steering = steering;
    this.#core = core;
    this.#movers = movers;
    this.#isAlive = isAlive;
    const { map } = steering;
    this.#mapWords = new Int32Array(map.buffer, map.byteOffset, BUCKETS >> 2);
    this.#seen.set(map.subarray(0, BUCKETS));
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.#home[bucket] = this.#now(bucket);
  }

  #now(bucket: number): CoreId {
    const core = this.steering.map[bucket] as number;
    return core === IN_TRANSIT ? this.#core : core;
  }

  /** The home of a bucket as this core sees it at this moment; acts on a move that it has not seen yet. */
  home(bucket: number, now: Millis): CoreId {
    if (this.#now(bucket) !== this.#home[bucket]) this.#sync(bucket, now);
    return this.#marked[bucket] === 1 ? this.#core : (this.#home[bucket] as number);
  }

  /** The same without acting, for display. */
  homeSeen(bucket: number): CoreId {
    return this.#home[bucket] as number;
  }

  /** This core is home, but the one before may not be done. */
  isAwaiting(bucket: number): boolean {
    return (this.#awaited[bucket] as number) > 0;
  }

  isRelayed(bucket: number): boolean {
    return this.#relays[bucket] === 1;
  }

  /**
   * Who has what a bucket's new home is to get: the home until now. One that is dead and was to become it a moment ago
   * may never have got it from the one before.
   */
  #giverOf(bucket: number, now: Millis): CoreId {
    const before = this.#home[bucket] as number;
    const isSure = this.#isAlive(before) || now - (this.#since[bucket] as number) >= MARKER_WAIT;
    return isSure ? before : (this.#origin[bucket] as number);
  }

  #sync(bucket: number, now: Millis): void {
    const before = this.#home[bucket] as number;
    const home = this.#now(bucket);
    const giver = this.#giverOf(bucket, now);
    this.#home[bucket] = home;
    this.#since[bucket] = now;
    this.#origin[bucket] = before;
    if (home === this.#core) {
      this.#relays[bucket] = 0;
      if (this.#marked[bucket] === 1) {
        this.#marked[bucket] = 0;
        this.#setEarly(bucket, 0);
        this.#movers.begin(bucket, now);
        return;
      }
      this.#setEarly(bucket, 0);
      this.#giver[bucket] = giver;
      // A dead core says nothing any more; but who runs what it was home for does (Moving.coreLeft).
      const isNobody = giver === home || !this.#isAlive(giver);
      const isSilent = before !== home && isNobody && this.#movers.isHashed;
      if (isSilent) this.#movers.begin(bucket, now);
      else this.#setAwaited(bucket, now + MARKER_WAIT);
      return;
    }
    if (before !== this.#core && this.#marked[bucket] === 0) return;
    const isComplete = this.#awaited[bucket] === 0;
    this.#setAwaited(bucket, 0);
    this.#marked[bucket] = 0;
    this.#setEarly(bucket, 0);
    this.#relays[bucket] = isComplete ? 0 : 1;
    this.#movers.handOver(bucket, home, isComplete, now);
  }

  /** A core is gone: its marker of a bucket will not come. */
  coreLeft(core: CoreId, now: Millis): void {
    if (!this.#movers.isHashed) return;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      if (this.#awaited[bucket] === 0 || this.#giver[bucket] !== core) continue;
      this.#setAwaited(bucket, 0);
      this.#movers.begin(bucket, now);
    }
  }

  #setAwaited(bucket: number, until: Millis): void {
    this.#waits += Number(until > 0) - Number((this.#awaited[bucket] as number) > 0);
    this.#awaited[bucket] = until;
  }

  #setEarly(bucket: number, until: Millis): void {
    this.#waits += Number(until > 0) - Number((this.#early[bucket] as number) > 0);
    this.#early[bucket] = until;
  }

  /** A machine of a bucket came although this core is not its home: the move will soon be seen here, too. */
  cameEarly(bucket: number, now: Millis): void {
    if (this.#early[bucket] === 0) this.#setEarly(bucket, now + EARLY_WAIT);
  }

  /** The marker of a bucket came. */
  marker(bucket: number, now: Millis): void {
    const home = this.home(bucket, now);
    if (this.#home[bucket] === this.#core) {
      if (this.#awaited[bucket] === 0) return;
      this.#setAwaited(bucket, 0);
      this.#movers.begin(bucket, now);
    } else if (this.#relays[bucket] === 1) {
      this.#relays[bucket] = 0;
      this.#movers.sendMarker(bucket, home);
    } else {
      this.#marked[bucket] = 1;
      this.cameEarly(bucket, now);
    }
  }

  /** True when the map is not what it was when all buckets were looked at last. */
  #isMapNew(): boolean {
    const map = this.#mapWords;
    const seen = this.#seenWords;
    for (let word = 0; word < map.length; word++) if (map[word] !== seen[word]) return true;
    return false;
  }

  tick(now: Millis): void {
    if (this.#isMapNew()) {
      this.#seen.set(this.steering.map);
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        if (this.#now(bucket) !== this.#home[bucket]) this.#sync(bucket, now);
      }
    }
    if (this.#waits === 0) return;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const awaited = this.#awaited[bucket] as number;
      // While it is on its way the old home may not have seen that it moves; from then on it lets go whenever it wakes.
      if (awaited > 0 && this.steering.map[bucket] === IN_TRANSIT) {
        this.#awaited[bucket] = now + MARKER_WAIT;
      } else if (awaited > 0 && now >= awaited) {
        this.#setAwaited(bucket, 0);
        this.#movers.begin(bucket, now);
      }
      const early = this.#early[bucket] as number;
      if (early > 0 && now >= early) {
        this.#setEarly(bucket, 0);
        this.#marked[bucket] = 0;
        this.#movers.handOver(bucket, this.#home[bucket] as number, true, now);
      }
    }
  }
}
