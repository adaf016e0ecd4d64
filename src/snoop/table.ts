// One core's group table in columns: for each group of a VLAN the channels that want it, and for each VLAN and family
// one row of the channels with routers behind, whose presence says that a querier is known (BR-8). The link master
// writes, the others follow its messages; the larger version wins, so that all cores end alike. This file alone
// indexes arrays.
//
// A scope is bridge << 13 | VLAN << 1 | family. An IPv4 group is the last of the four words.

import type { ChannelId, Vlan } from "../lib/units.ts";

export const Family = { Ipv4: 0, Ipv6: 1 } as const;
/** What a row is. */
export const Kind = { Group: 0, Routers: 1 } as const;
/** What a slot holds: Gone keeps the version of what was there, so that an older word does not bring it back. */
export const Slot = { Free: 0, Gone: 1, Live: 2 } as const;

/** Flags of a router row. */
export const RouterFlag = {
  /** A querier is known and has had its answers: multicast of the VLAN is limited. */
  Active: 1,
  /** The querier is this system. */
  Own: 2,
  /** The group table was full when a group came: unknown groups flood. */
  Full: 4,
} as const;

export const makeScope = (bridge: number, vlan: Vlan, family: number): number =>
  (bridge << 13) | (vlan << 1) | family;
export const bridgeOf = (scope: number): number => scope >>> 13;
export const vlanOf = (scope: number): Vlan => (scope >>> 1) & 0xfff;
export const familyOf = (scope: number): number => scope & 1;
/** Scopes of one bridge. */
const SPAN = 0x2000;
const WORDS = 4;

export class GroupTable {
  readonly capacity: number;
  /** Words of a row of channels. */
  readonly words: number;
  readonly #scope: Int32Array;
  readonly #kind: Uint8Array;
  readonly #state: Uint8Array;
  readonly #flags: Uint8Array;
  /** The group; of a router row the querier. */
  readonly #address: Int32Array;
  readonly #version: Float64Array;
  readonly #channels: Int32Array;
  /** Chains of slots: the first of each bucket plus 1, and the next of each slot plus 1. */
  readonly #heads: Int32Array;
  readonly #next: Int32Array;
  readonly #mask: number;
  readonly #seed: number;
  /** Slot of each scope's router row plus 1. */
  readonly #routers: Int32Array;
  readonly #groups: Int32Array;
  #free: number;
  readonly #nextFree: Int32Array;
  #live = 0;
  #used = 0;
  #newest = 0;

  constructor(capacity: number, channels: number, bridges: number, seed = 0) {
    this.capacity = capacity;
    this.words = Math.max(1, (channels + 31) >>> 5);
    this.#scope = new Int32Array(capacity);
    this.#kind = new Uint8Array(capacity);
    this.#state = new Uint8Array(capacity);
    this.#flags = new Uint8Array(capacity);
    this.#address = new Int32Array(capacity * WORDS);
    this.#version = new Float64Array(capacity);
    this.#channels = new Int32Array(capacity * this.words);
    let buckets = 16;
    while (buckets < capacity) buckets *= 2;
    this.#heads = new Int32Array(buckets);
    this.#mask = buckets - 1;
    this.#next = new Int32Array(capacity);
    this.#seed = seed | 0;
    this.#routers = new Int32Array(bridges * SPAN);
    this.#groups = new Int32Array(bridges);
    this.#nextFree = Int32Array.from({ length: capacity }, (_, slot) => slot + 2);
    if (capacity > 0) this.#nextFree[capacity - 1] = 0;
    this.#free = capacity > 0 ? 1 : 0;
  }

  get entries(): number {
    return this.#live;
  }

  /** Slots in use, those of what is gone included. */
  get used(): number {
    return this.#used;
  }

  get newest(): number {
    return this.#newest;
  }

  /** Live groups of a bridge. */
  groupCount(bridge: number): number {
    return this.#groups[bridge] ?? 0;
  }

  // Groups that meet in one chain cost a stranger's victim at most a walk over the table, which is small.
  #bucket(scope: number, a: number, b: number, c: number, d: number): number {
    let h = Math.imul(scope ^ this.#seed, 0x9e3779b1) ^ a;
    h = Math.imul(h ^ (h >>> 15), 0x85ebca6b) ^ b;
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35) ^ c;
    h = Math.imul(h ^ (h >>> 16), 0x27d4eb2f) ^ d;
    h = Math.imul(h ^ (h >>> 15), 0x165667b1);
    return (h ^ (h >>> 13)) & this.#mask;
  }

  /** The slot of a live group, or -1. On the packet path of multicast. */
  find(scope: number, a: number, b: number, c: number, d: number): number {
    const slot = this.findAny(scope, Kind.Group, a, b, c, d);
    return slot >= 0 && this.#state[slot] === Slot.Live ? slot : -1;
  }

  /** The slot of a live router row, or -1: no querier is known. On the packet path of multicast. */
  routers(scope: number): number {
    const slot = (this.#routers[scope] ?? 0) - 1;
    return slot >= 0 && this.#state[slot] === Slot.Live ? slot : -1;
  }

  /** The slot of a row, live or gone; or -1. */
  findAny(scope: number, kind: number, a: number, b: number, c: number, d: number): number {
    if (kind === Kind.Routers) return (this.#routers[scope] ?? 0) - 1;
    const address = this.#address;
    for (
      let slot = (this.#heads[this.#bucket(scope, a, b, c, d)] as number) - 1;
      slot >= 0;
      slot = (this.#next[slot] as number) - 1
    ) {
      const at = slot * WORDS;
      if (
        this.#scope[slot] === scope &&
        address[at + 3] === d &&
        address[at + 2] === c &&
        address[at + 1] === b &&
        address[at] === a
      ) {
        return slot;
      }
    }
    return -1;
  }

  /** A row, made where there is none; -1 when the table is full. A fresh one is gone, empty, of version 0. */
  obtain(scope: number, kind: number, a: number, b: number, c: number, d: number): number {
    const known = this.findAny(scope, kind, a, b, c, d);
    if (known >= 0) return known;
    if (scope >= this.#routers.length) return -1;
    if (this.#free === 0) this.#reclaim();
    const slot = this.#free - 1;
    if (slot < 0) return -1;
    this.#free = this.#nextFree[slot] as number;
    this.#used++;
    this.#scope[slot] = scope;
    this.#kind[slot] = kind;
    this.#state[slot] = Slot.Gone;
    this.#flags[slot] = 0;
    this.#version[slot] = 0;
    this.#channels.fill(0, slot * this.words, (slot + 1) * this.words);
    this.setAddress(slot, a, b, c, d);
    if (kind === Kind.Routers) this.#routers[scope] = slot + 1;
    else {
      const bucket = this.#bucket(scope, a, b, c, d);
      this.#next[slot] = this.#heads[bucket] as number;
      this.#heads[bucket] = slot + 1;
    }
    return slot;
  }

  /** The table is full: what has been gone for longest gives its slot. */
  #reclaim(): void {
    let oldest = -1;
    for (let slot = 0; slot < this.capacity; slot++) {
      if (this.#state[slot] !== Slot.Gone) continue;
      if (oldest < 0 || (this.#version[slot] as number) < (this.#version[oldest] as number)) {
        oldest = slot;
      }
    }
    if (oldest >= 0) this.release(oldest);
  }

  /** Gives a slot back. */
  release(slot: number): void {
    if (this.#state[slot] === Slot.Free) return;
    this.setLive(slot, false);
    if (this.#kind[slot] === Kind.Routers) this.#routers[this.#scope[slot] as number] = 0;
    else this.#unchain(slot);
    this.#state[slot] = Slot.Free;
    this.#nextFree[slot] = this.#free;
    this.#free = slot + 1;
    this.#used--;
  }

  #unchain(slot: number): void {
    const at = slot * WORDS;
    const [a, b, c, d] = this.#address.subarray(at, at + WORDS) as unknown as [
      number,
      number,
      number,
      number,
    ];
    const bucket = this.#bucket(this.#scope[slot] as number, a, b, c, d);
    if (this.#heads[bucket] === slot + 1) {
      this.#heads[bucket] = this.#next[slot] as number;
      return;
    }
    for (let one = (this.#heads[bucket] as number) - 1; one >= 0; ) {
      const next = this.#next[one] as number;
      if (next === slot + 1) {
        this.#next[one] = this.#next[slot] as number;
        return;
      }
      one = next - 1;
    }
  }

  setLive(slot: number, live: boolean): void {
    const before = this.#state[slot] === Slot.Live;
    this.#state[slot] = live ? Slot.Live : Slot.Gone;
    if (before === live) return;
    this.#live += live ? 1 : -1;
    if (this.#kind[slot] !== Kind.Group) return;
    const bridge = bridgeOf(this.#scope[slot] as number);
    this.#groups[bridge] = (this.#groups[bridge] as number) + (live ? 1 : -1);
  }

  state(slot: number): number {
    return this.#state[slot] as number;
  }

  kind(slot: number): number {
    return this.#kind[slot] as number;
  }

  scope(slot: number): number {
    return this.#scope[slot] as number;
  }

  flags(slot: number): number {
    return this.#flags[slot] as number;
  }

  setFlags(slot: number, flags: number): void {
    this.#flags[slot] = flags;
  }

  word(slot: number, index: number): number {
    return this.#address[slot * WORDS + index] as number;
  }

  /** Of a group only by `obtain`; a router row's querier changes. */
  setAddress(slot: number, a: number, b: number, c: number, d: number): void {
    const at = slot * WORDS;
    this.#address[at] = a;
    this.#address[at + 1] = b;
    this.#address[at + 2] = c;
    this.#address[at + 3] = d;
  }

  version(slot: number): number {
    return this.#version[slot] as number;
  }

  setVersion(slot: number, version: number): void {
    this.#version[slot] = version;
    if (version > this.#newest) this.#newest = version;
  }

  has(slot: number, channel: ChannelId): boolean {
    const word = this.#channels[slot * this.words + (channel >>> 5)] as number;
    return ((word >>> (channel & 31)) & 1) === 1;
  }

  set(slot: number, channel: ChannelId, on: boolean): void {
    const at = slot * this.words + (channel >>> 5);
    const word = this.#channels[at] as number;
    const bit = 1 << (channel & 31);
    this.#channels[at] = on ? word | bit : word & ~bit;
  }

  channelWord(slot: number, word: number): number {
    return word < this.words ? (this.#channels[slot * this.words + word] as number) : 0;
  }

  setChannelWord(slot: number, word: number, bits: number): void {
    if (word < this.words) this.#channels[slot * this.words + word] = bits;
  }

  isEmpty(slot: number): boolean {
    for (let word = 0; word < this.words; word++) {
      if (this.#channels[slot * this.words + word] !== 0) return false;
    }
    return true;
  }

  /** Adds a row's channels to `row`, or (`first`) puts them there. */
  collect(slot: number, row: Int32Array, first: boolean): void {
    for (let word = 0; word < this.words; word++) {
      const bits = this.#channels[slot * this.words + word] as number;
      row[word] = first ? bits : (row[word] as number) | bits;
    }
  }

  /** Order-free, over what must be equal on all cores. */
  get digest(): number {
    let digest = 0;
    for (let slot = 0; slot < this.capacity; slot++) {
      if (this.#state[slot] !== Slot.Live) continue;
      let h = Math.imul((this.#scope[slot] as number) ^ 0x2545f491, 0x9e3779b1);
      h = Math.imul(h ^ (h >>> 15) ^ (this.#flags[slot] as number), 0x85ebca6b);
      for (let word = 0; word < WORDS; word++) {
        h = Math.imul(h ^ (h >>> 13) ^ this.word(slot, word), 0xc2b2ae35);
      }
      for (let word = 0; word < this.words; word++) {
        h = Math.imul(h ^ (h >>> 16) ^ this.channelWord(slot, word), 0x27d4eb2f);
      }
      digest = (digest + (h ^ (h >>> 15))) >>> 0;
    }
    return digest;
  }
}
