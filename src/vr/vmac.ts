// The table of virtual MACs (VR-1, VR-2): who speaks for which virtual router on which interface, in columns,
// bounded. A row belongs to the core that told of it last (its owner), which ages it; every core notes when it heard
// one itself. Of two tellings the larger (version, core) counts on every core.

import type { Ipv6Words } from "../engine/ipv6.ts";
import { HashIndex } from "../lib/hash-index.ts";
import type { CoreId, Ipv4, Mac, Millis } from "../lib/units.ts";

/** Words of addresses that a row keeps: six of IPv4, or one and a half of IPv6; the digest covers all. */
export const WORDS = 6;
const NEVER = -1;

export const Flag = { Static: 1, Updated: 2, Stale: 4 } as const;
/** What `protocol` numbers. */
export const VMAC_PROTOCOLS = ["vrrp", "hsrp", "carp"] as const;

/** What an advertisement says of a virtual MAC. */
export interface VmacSaid {
  iface: number;
  mac: Mac;
  vrid: number;
  family: 4 | 6;
  priority: number;
  /** Index of VMAC_PROTOCOLS. */
  protocol: number;
  /** Addresses advertised. */
  count: number;
  /** Over all of them. */
  digest: number;
  readonly words: number[];
  /** Not heard for so long, it is gone. */
  timeout: Millis;
}

export const makeSaid = (): VmacSaid => ({
  iface: 0,
  mac: 0,
  vrid: 0,
  family: 4,
  priority: 0,
  protocol: 0,
  count: 0,
  digest: 0,
  words: new Array<number>(WORDS).fill(0),
  timeout: 0,
});

/** Puts addresses into what is said: the words that fit, the number and the digest of all. */
export function sayAddresses(
  said: VmacSaid,
  four: readonly Ipv4[],
  six: readonly Ipv6Words[],
): void {
  said.words.fill(0);
  said.count = four.length + six.length;
  let digest = 0;
  let at = 0;
  const put = (word: number): void => {
    digest = addToDigest(digest, word);
    if (at < WORDS) said.words[at++] = word >>> 0;
  };
  for (const address of four) put(address);
  for (const address of six) for (const word of address) put(word);
  said.digest = digest;
}

/** One more word of an address. */
export const addToDigest = (digest: number, word: number): number =>
  Math.imul(digest ^ word, 0x9e3779b1) ^ (digest >>> 15);

export class VmacTable {
  readonly capacity: number;
  readonly #index: HashIndex;
  readonly #free: number[] = [];
  readonly iface: Int16Array;
  readonly mac: Float64Array;
  readonly vrid: Uint16Array;
  readonly family: Uint8Array;
  readonly priority: Uint8Array;
  readonly protocol: Uint8Array;
  readonly count: Uint8Array;
  readonly digest: Int32Array;
  readonly words: Uint32Array;
  readonly owner: Uint8Array;
  readonly version: Float64Array;
  readonly timeout: Float64Array;
  /** When this core heard it, or was told of it. */
  readonly heard: Float64Array;
  /** When this core itself heard it; NEVER = it did not. */
  readonly heardHere: Float64Array;
  /** Ageing by flag: when the flag is looked at next. */
  readonly deadline: Float64Array;
  readonly flags: Uint8Array;
  /** 1 = the slot holds a row. */
  readonly used: Uint8Array;
  size = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#index = new HashIndex(Math.max(1, capacity));
    for (let slot = capacity - 1; slot >= 0; slot--) this.#free.push(slot);
    this.iface = new Int16Array(capacity);
    this.mac = new Float64Array(capacity);
    this.vrid = new Uint16Array(capacity);
    this.family = new Uint8Array(capacity);
    this.priority = new Uint8Array(capacity);
    this.protocol = new Uint8Array(capacity);
    this.count = new Uint8Array(capacity);
    this.digest = new Int32Array(capacity);
    this.words = new Uint32Array(capacity * WORDS);
    this.owner = new Uint8Array(capacity);
    this.version = new Float64Array(capacity);
    this.timeout = new Float64Array(capacity);
    this.heard = new Float64Array(capacity);
    this.heardHere = new Float64Array(capacity);
    this.deadline = new Float64Array(capacity);
    this.flags = new Uint8Array(capacity);
    this.used = new Uint8Array(capacity);
  }

  static #high(iface: number, mac: Mac, family: number): number {
    return (
      (Math.floor(mac / 0x1_0000_0000) << 16) | ((iface << 1) & 0xffff) | (family === 6 ? 1 : 0)
    );
  }

  find(iface: number, mac: Mac, family: number): number {
    return this.#index.find(mac | 0, VmacTable.#high(iface, mac, family));
  }

  isStatic(slot: number): boolean {
    return ((this.flags[slot] as number) & Flag.Static) !== 0;
  }

  /** True when a row says the same as an advertisement. */
  isSame(slot: number, said: VmacSaid): boolean {
    return (
      this.vrid[slot] === said.vrid &&
      this.priority[slot] === said.priority &&
      this.protocol[slot] === said.protocol &&
      this.count[slot] === said.count &&
      this.digest[slot] === (said.digest | 0) &&
      this.timeout[slot] === said.timeout
    );
  }

  /** This core heard what is known already: no message. */
  refresh(slot: number, now: Millis): void {
    this.heard[slot] = now;
    this.heardHere[slot] = now;
    this.flags[slot] = (this.flags[slot] as number) | Flag.Updated;
  }

  /** Puts a row, new or changed; -1 when the table is full. */
  put(said: VmacSaid, owner: CoreId, version: number, now: Millis): number {
    let slot = this.find(said.iface, said.mac, said.family);
    if (slot < 0) {
      const free = this.#free.pop();
      if (free === undefined) return -1;
      slot = free;
      this.#index.set(said.mac | 0, VmacTable.#high(said.iface, said.mac, said.family), slot);
      this.used[slot] = 1;
      this.flags[slot] = 0;
      this.iface[slot] = said.iface;
      this.mac[slot] = said.mac;
      this.family[slot] = said.family;
      this.heardHere[slot] = NEVER;
      this.size++;
    }
    this.vrid[slot] = said.vrid;
    this.priority[slot] = said.priority;
    this.protocol[slot] = said.protocol;
    this.count[slot] = said.count;
    this.digest[slot] = said.digest;
    for (let n = 0; n < WORDS; n++) this.words[slot * WORDS + n] = said.words[n] as number;
    this.timeout[slot] = said.timeout;
    this.owner[slot] = owner;
    this.version[slot] = version;
    this.heard[slot] = now;
    this.deadline[slot] = now + said.timeout;
    this.flags[slot] = ((this.flags[slot] as number) | Flag.Updated) & ~Flag.Stale;
    return slot;
  }

  setStatic(slot: number): void {
    this.flags[slot] = (this.flags[slot] as number) | Flag.Static;
  }

  /** Takes a row out into `said`. */
  say(slot: number, said: VmacSaid): void {
    said.iface = this.iface[slot] as number;
    said.mac = this.mac[slot] as number;
    said.family = this.family[slot] as 4 | 6;
    said.vrid = this.vrid[slot] as number;
    said.priority = this.priority[slot] as number;
    said.protocol = this.protocol[slot] as number;
    said.count = this.count[slot] as number;
    said.digest = this.digest[slot] as number;
    said.timeout = this.timeout[slot] as number;
    for (let n = 0; n < WORDS; n++) said.words[n] = this.words[slot * WORDS + n] as number;
  }

  remove(slot: number): void {
    const mac = this.mac[slot] as number;
    const high = VmacTable.#high(this.iface[slot] as number, mac, this.family[slot] as number);
    this.#index.delete(mac | 0, high);
    this.used[slot] = 0;
    this.flags[slot] = 0;
    this.size--;
    this.#free.push(slot);
  }

  /** True when a row that this core answers for is to go now. By flag, a row lives at most two of its times. */
  isDue(slot: number, byFlag: boolean, now: Millis): boolean {
    if (this.isStatic(slot)) return false;
    const timeout = this.timeout[slot] as number;
    if (!byFlag) return now - (this.heard[slot] as number) > timeout;
    if (now < (this.deadline[slot] as number)) return false;
    const flags = this.flags[slot] as number;
    this.flags[slot] = flags & ~Flag.Updated;
    this.deadline[slot] = now + timeout;
    return (flags & Flag.Updated) === 0;
  }

  /** True when this core itself heard the router lately, so that another one's word that it is gone is wrong. */
  isHeardHere(slot: number, now: Millis): boolean {
    const at = this.heardHere[slot] as number;
    return at !== NEVER && now - at <= (this.timeout[slot] as number);
  }

  /** Order-free, over what must be equal on every core. */
  digestOfAll(): number {
    let all = 0;
    for (let slot = 0; slot < this.capacity; slot++) {
      if (this.used[slot] !== 1) continue;
      let one = addToDigest(0x5bd1e995, (this.mac[slot] as number) | 0);
      one = addToDigest(one, (this.iface[slot] as number) * 8 + (this.family[slot] as number));
      one = addToDigest(one, (this.vrid[slot] as number) * 256 + (this.priority[slot] as number));
      one = addToDigest(one, this.digest[slot] as number);
      all ^= addToDigest(one, this.owner[slot] as number);
    }
    return all;
  }
}
