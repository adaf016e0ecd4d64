// One core's bridge table (BR-1): slots in columns. What a lookup reads lies in one row of 16 bytes, four rows to a
// cache line; what only changes read lies apart. 40 bytes a slot.
//
//   row:   | MAC low 32 | state 2, VLAN 12, MAC high 16 | flags 16, channel 16 | moves |
//   times: | version | learned | last move |
//
// A station's slot is a hash of MAC and VLAN, or one of the next `limit` slots; a lookup looks at these and no more, so
// a deletion leaves no chain to mend. A flush writes one number: an entry counts only while its version is above the
// flush of its channel, its VLAN, both and all; what does not is taken away bit by bit. A deleted station leaves a
// tombstone, so that an older word of it cannot bring it back.

import { assert } from "../lib/assert.ts";
import type { Mac, Millis, Vlan } from "../lib/units.ts";
import { NO_CHANNEL } from "./message.ts";

/** Flags of an entry, above the channel's 16 bits. */
export const Flag = {
  /** Traffic since the timer, here or told by another core. */
  InUse: 0x10000,
  /** Traffic since the timer on this core. */
  Own: 0x20000,
  Static: 0x40000,
  /** Named by the re-sync under way. */
  Named: 0x80000,
} as const;
export const CHANNEL_MASK = 0xffff;

/** What a slot holds. */
export const Slot = { Free: 0, Tombstone: 1, Live: 2, Stale: 3 } as const;
export type Slot = (typeof Slot)[keyof typeof Slot];

/** The key of a live entry: this bit, the VLAN and the MAC's first 16 bits. */
const LIVE: number = 1 << 31;
const TOMBSTONE: number = 1 << 30;
const KEY_MASK = 0x0fffffff;

const ROW = 4;
const LOW = 0;
const KEY = 1;
const META = 2;
const MOVES = 3;
const TIMES = 3;
const VERSION = 0;
const LEARNED = 1;
const LAST_MOVE = 2;

/** Bytes of one slot, all columns. */
export const SLOT_BYTES: number = ROW * 4 + TIMES * 8;
/** Buckets of the flushes by channel and VLAN together; pairs may share one, which only flushes more. Our choice. */
export const PAIRS = 1024;
/** Buckets of the versions of tombstones that had to give their slot away. Our choice. */
const FLOORS = 1024;
/** Windows that a hop may look through for a free slot: our choice, at half load 2 nearly always do. */
const HOP_WINDOWS = 8;

const HIGH = 0x1_0000_0000;

/** The key of a station: `macHigh` is the MAC's first 16 bits. */
export const makeKey = (macHigh: number, vlan: Vlan): number => macHigh | (vlan << 16) | LIVE;
export const vlanOf = (key: number): Vlan => (key >>> 16) & 0xfff;
export const macOf = (low: number, key: number): Mac => (key & 0xffff) * HIGH + (low >>> 0);
export const highOf = (mac: Mac): number => Math.floor(mac / HIGH);
export const lowOf = (mac: Mac): number => mac | 0;

/** Bucket of a flush by channel and VLAN, the same on every core. */
export function pairOf(channel: number, vlan: Vlan): number {
  const h = Math.imul(channel * 4096 + vlan, 0x9e3779b1);
  return (h >>> 16) & (PAIRS - 1);
}

/** What an entry adds to the digest; sums do not depend on the order. */
function fingerprint(low: number, key: number, meta: number, version: number): number {
  let h = Math.imul(low ^ Math.imul(key & KEY_MASK, 0x85ebca6b), 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ (meta & (CHANNEL_MASK | Flag.Static)), 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 13) ^ (version | 0), 0x27d4eb2f);
  h = Math.imul(h ^ (h >>> 16) ^ Math.floor(version / HIGH), 0x165667b1);
  return h ^ (h >>> 15);
}

export class StationTable {
  readonly size: number;
  readonly limit: number;
  readonly #mask: number;
  readonly #seed: number;
  readonly #rows: Int32Array;
  readonly #times: Float64Array;
  /** Entries per channel, stale ones included until they are reclaimed. */
  readonly #counts: Int32Array;
  #flushedAll = 0;
  readonly #flushedChannel: Float64Array;
  readonly #flushedVlan: Float64Array = new Float64Array(4096);
  readonly #flushedPair: Float64Array = new Float64Array(PAIRS);
  readonly #floor: Float64Array = new Float64Array(FLOORS);
  /** True while stale entries may lie in the table; counts the flushes. */
  #dirty = false;
  #flushes = 0;
  #entries = 0;
  #digest = 0;
  #newest = 0;

  constructor(size: number, limit: number, channels: number, seed: number) {
    assert(size > 0 && (size & (size - 1)) === 0, "a bridge table has a power of two slots");
    this.size = size;
    this.limit = Math.min(limit, size);
    this.#mask = size - 1;
    this.#seed = seed & KEY_MASK;
    this.#rows = new Int32Array(size * ROW);
    this.#times = new Float64Array(size * TIMES);
    this.#counts = new Int32Array(channels);
    this.#flushedChannel = new Float64Array(channels);
  }

  // Two multiplications spread random, sequential and few-MACs-in-many-VLANs sets alike; the seed keeps a stranger from
  // choosing addresses that meet in one window.
  #hash(low: number, key: number): number {
    let h = Math.imul(low ^ Math.imul(key ^ this.#seed, 0x85ebca6b), 0x9e3779b1);
    h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
    return h ^ (h >>> 16);
  }

  /** The slot of a station that counts, or -1. On the packet path, twice per frame. */
  find(low: number, key: number): number {
    const rows = this.#rows;
    const mask = this.#mask;
    let slot = this.#hash(low, key) & mask;
    for (let left = this.limit; left > 0; left--) {
      const at = slot * ROW;
      if (rows[at] === low && rows[at + KEY] === key) {
        return this.#dirty && this.#isStale(slot) ? -1 : slot;
      }
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  /** The slot that holds a station, its stale entry or its tombstone; or -1. */
  findAny(low: number, key: number): number {
    const rows = this.#rows;
    let slot = this.#hash(low, key) & this.#mask;
    for (let left = this.limit; left > 0; left--) {
      const at = slot * ROW;
      const word = rows[at + KEY] as number;
      if (rows[at] === low && word !== 0 && ((word ^ key) & KEY_MASK) === 0) return slot;
      slot = (slot + 1) & this.#mask;
    }
    return -1;
  }

  /** Flags and channel of a slot in one word. */
  meta(slot: number): number {
    return this.#rows[slot * ROW + META] as number;
  }

  low(slot: number): number {
    return this.#rows[slot * ROW + LOW] as number;
  }

  /** The key as of a live entry, also for a tombstone. */
  key(slot: number): number {
    return ((this.#rows[slot * ROW + KEY] as number) & KEY_MASK) | LIVE;
  }

  moves(slot: number): number {
    return this.#rows[slot * ROW + MOVES] as number;
  }

  version(slot: number): number {
    return this.#times[slot * TIMES + VERSION] as number;
  }

  learned(slot: number): Millis {
    return this.#times[slot * TIMES + LEARNED] as number;
  }

  /** When the station moved last, or -1. */
  lastMove(slot: number): Millis {
    return this.#times[slot * TIMES + LAST_MOVE] as number;
  }

  state(slot: number): Slot {
    const word = this.#rows[slot * ROW + KEY] as number;
    if (word === 0) return Slot.Free;
    if (word > 0) return Slot.Tombstone;
    return this.#dirty && this.#isStale(slot) ? Slot.Stale : Slot.Live;
  }

  get entries(): number {
    return this.#entries;
  }

  get digest(): number {
    return this.#digest >>> 0;
  }

  get newest(): number {
    return this.#newest;
  }

  /** Entries of a channel; stale ones count until they are reclaimed. */
  count(channel: number): number {
    return this.#counts[channel] ?? 0;
  }

  // --- flushes ---------------------------------------------------------------------------------------------------

  get dirty(): boolean {
    return this.#dirty;
  }

  /** Grows with every flush: a walk over all slots that saw no change of it may call `clean`. */
  get flushes(): number {
    return this.#flushes;
  }

  clean(): void {
    this.#dirty = false;
  }

  /** Dynamic entries with versions up to `version` no longer count: of one channel, one VLAN, both or (-1, 0) all. */
  flush(channel: number, vlan: Vlan, version: number): void {
    if (channel >= this.#flushedChannel.length || vlan > 4095) return;
    this.#dirty = true;
    this.#flushes++;
    if (channel >= 0 && vlan > 0) this.flushPair(pairOf(channel, vlan), version);
    else if (channel >= 0)
      this.#flushedChannel[channel] = Math.max(this.#flushedChannel[channel]!, version);
    else if (vlan > 0) this.#flushedVlan[vlan] = Math.max(this.#flushedVlan[vlan]!, version);
    else this.#flushedAll = Math.max(this.#flushedAll, version);
  }

  /** The same for a bucket of `pairOf`. */
  flushPair(bucket: number, version: number): void {
    if (bucket >= PAIRS) return;
    this.#dirty = true;
    this.#flushes++;
    this.#flushedPair[bucket] = Math.max(this.#flushedPair[bucket]!, version);
  }

  /** Newest flush of all, of a channel, of a VLAN, of a bucket of pairs: 0 for never. */
  flushedAll(): number {
    return this.#flushedAll;
  }
  flushedChannel(channel: number): number {
    return this.#flushedChannel[channel] ?? 0;
  }
  flushedVlan(vlan: Vlan): number {
    return this.#flushedVlan[vlan] ?? 0;
  }
  flushedPair(bucket: number): number {
    return this.#flushedPair[bucket] ?? 0;
  }

  /** True when an entry of this version was flushed. */
  isFlushed(channel: number, vlan: Vlan, version: number): boolean {
    return (
      version <= this.#flushedAll ||
      version <= (this.#flushedChannel[channel] ?? 0) ||
      version <= (this.#flushedVlan[vlan] as number) ||
      version <= (this.#flushedPair[pairOf(channel, vlan)] as number)
    );
  }

  #isStale(slot: number): boolean {
    const meta = this.meta(slot);
    if ((meta & Flag.Static) !== 0) return false;
    return this.isFlushed(meta & CHANNEL_MASK, vlanOf(this.key(slot)), this.version(slot));
  }

  // --- room ------------------------------------------------------------------------------------------------------

  /** Newest version of a deleted station that may be this one and has no tombstone any more. */
  floor(low: number, key: number): number {
    return this.#floor[this.#hash(low, key) & (FLOORS - 1)] as number;
  }

  raiseFloor(low: number, key: number, version: number): void {
    const bucket = this.#hash(low, key) & (FLOORS - 1);
    this.#floor[bucket] = Math.max(this.#floor[bucket] as number, version);
  }

  /**
   * A free slot for a station that has none, or -1 when all its slots are taken: a free one, else that of the oldest
   * tombstone or flushed entry, else one made free by moving another entry on within its own slots.
   */
  place(low: number, key: number): number {
    const home = this.#hash(low, key) & this.#mask;
    let tombstone = -1;
    for (let n = 0; n < this.limit; n++) {
      const slot = (home + n) & this.#mask;
      const state = this.state(slot);
      if (state === Slot.Free) return slot;
      if (state === Slot.Live) continue;
      if (tombstone < 0 || this.version(slot) < this.version(tombstone)) tombstone = slot;
    }
    if (tombstone < 0) return this.#hop(home);
    this.raiseFloor(this.low(tombstone), this.key(tombstone), this.version(tombstone));
    this.release(tombstone);
    return tombstone;
  }

  /** Hopscotch: brings a free slot from further on into the window of `home`. Not across the table's end. */
  #hop(home: number): number {
    const end = Math.min(this.size, home + this.limit * HOP_WINDOWS);
    let free = home + this.limit;
    while (free < end && this.#rows[free * ROW + KEY] !== 0) free++;
    if (free >= end) return -1;
    while (free - home >= this.limit) {
      let from = free - this.limit + 1;
      while (from < free && this.#distance(from, free) >= this.limit) from++;
      if (from === free) return -1;
      this.#rows.copyWithin(free * ROW, from * ROW, (from + 1) * ROW);
      this.#times.copyWithin(free * TIMES, from * TIMES, (from + 1) * TIMES);
      this.#rows[from * ROW + KEY] = 0;
      free = from;
    }
    return free;
  }

  /** How far slot `to` is from the first slot of the station in `slot`. */
  #distance(slot: number, to: number): number {
    return (to - this.#hash(this.low(slot), this.key(slot))) & this.#mask;
  }

  /** BR-10: of a station's slots, the oldest dynamic entry of the channel that has most entries; -1 for none. */
  victim(low: number, key: number): number {
    const home = this.#hash(low, key) & this.#mask;
    let best = -1;
    let most = -1;
    for (let n = 0; n < this.limit; n++) {
      const slot = (home + n) & this.#mask;
      const meta = this.meta(slot);
      if (this.state(slot) !== Slot.Live || (meta & Flag.Static) !== 0) continue;
      const count = this.count(meta & CHANNEL_MASK);
      if (count > most || (count === most && this.version(slot) < this.version(best))) {
        best = slot;
        most = count;
      }
    }
    return best;
  }

  // --- changes ---------------------------------------------------------------------------------------------------

  #account(slot: number, sign: 1 | -1): void {
    const at = slot * ROW;
    const meta = this.#rows[at + META] as number;
    const channel = meta & CHANNEL_MASK;
    if (channel !== NO_CHANNEL) this.#counts[channel] = this.count(channel) + sign;
    this.#entries += sign;
    this.#digest =
      (this.#digest +
        sign * fingerprint(this.low(slot), this.key(slot), meta, this.version(slot))) |
      0;
  }

  /** Fills a slot that `place` gave. `meta` is the channel and the flags. */
  set(
    slot: number,
    low: number,
    key: number,
    meta: number,
    version: number,
    learned: Millis,
  ): void {
    const at = slot * ROW;
    this.#rows[at + LOW] = low;
    this.#rows[at + KEY] = key;
    this.#rows[at + META] = meta;
    this.#rows[at + MOVES] = 0;
    this.#times[slot * TIMES + VERSION] = version;
    this.#times[slot * TIMES + LEARNED] = learned;
    this.#times[slot * TIMES + LAST_MOVE] = -1;
    if (version > this.#newest) this.#newest = version;
    this.#account(slot, 1);
  }

  /** A new version of a live entry: seen again, or on another channel. */
  renew(slot: number, meta: number, version: number): void {
    this.#account(slot, -1);
    this.#rows[slot * ROW + META] = meta;
    this.#times[slot * TIMES + VERSION] = version;
    if (version > this.#newest) this.#newest = version;
    this.#account(slot, 1);
  }

  countMove(slot: number, now: Millis): void {
    const at = slot * ROW + MOVES;
    this.#rows[at] = (this.#rows[at] as number) + 1;
    this.#times[slot * TIMES + LAST_MOVE] = now;
  }

  addFlags(slot: number, flags: number): void {
    this.#rows[slot * ROW + META] = this.meta(slot) | flags;
  }

  removeFlags(slot: number, flags: number): void {
    this.#rows[slot * ROW + META] = this.meta(slot) & ~flags;
  }

  /** Empties a slot, whatever it holds. */
  release(slot: number): void {
    const at = slot * ROW + KEY;
    if ((this.#rows[at] as number) < 0) this.#account(slot, -1);
    this.#rows[at] = 0;
  }

  /** A live entry, or an older tombstone, becomes a tombstone of this version. */
  entomb(slot: number, version: number): void {
    const at = slot * ROW + KEY;
    const word = this.#rows[at] as number;
    if (word < 0) this.#account(slot, -1);
    this.#rows[at] = (word & KEY_MASK) | TOMBSTONE;
    this.#times[slot * TIMES + VERSION] = version;
    if (version > this.#newest) this.#newest = version;
  }

  /** A deletion of a station that has no slot: a tombstone where there is room, else the floor remembers. */
  bury(low: number, key: number, version: number): void {
    const home = this.#hash(low, key) & this.#mask;
    for (let n = 0; n < this.limit; n++) {
      const slot = (home + n) & this.#mask;
      if (this.state(slot) !== Slot.Free) continue;
      this.#rows[slot * ROW + LOW] = low;
      this.#rows[slot * ROW + KEY] = (key & KEY_MASK) | TOMBSTONE;
      this.#times[slot * TIMES + VERSION] = version;
      return;
    }
    this.raiseFloor(low, key, version);
  }

  /** Takes all flushed entries away at once: for the control side, which wants exact numbers. */
  reclaim(): void {
    if (!this.#dirty) return;
    for (let slot = 0; slot < this.size; slot++) {
      if (this.state(slot) === Slot.Stale) this.entomb(slot, this.version(slot));
    }
    this.#dirty = false;
  }
}
