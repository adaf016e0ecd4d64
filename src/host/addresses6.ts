// The appliance's own IPv6 addresses as neighbour discovery announces them, and which of them a
// packet carries as its source (RFC 6724 5). A router also answers to the anycast address of each
// of its subnets (RFC 4291 2.6.1), but for /127 links (RFC 6164 5.1). The addresses are few: every
// change builds the columns anew.

import { isLinkLocal, Scope, scope } from "./header6.ts";
import { maskWord } from "./lpm6.ts";

/** Buckets of the index; our choice, because an appliance has tens of addresses. A power of two. */
const BUCKETS = 256;
const NONE = -1;
/** Longest prefix that has an anycast address of its own. */
const ANYCAST_PREFIX = 126;

interface Own {
  readonly iface: number;
  readonly words: readonly [number, number, number, number];
  readonly prefix: number;
  readonly preferred: boolean;
  readonly anycast: boolean;
}

const keyOf = (iface: number, a: number, b: number, c: number, d: number): string =>
  `${iface} ${a} ${b} ${c} ${d}`;

export class Addresses6 {
  /** What was announced, in that order. */
  readonly #own = new Map<string, Own>();
  readonly #bucket: Int32Array = new Int32Array(BUCKETS).fill(NONE);
  // Columns, unicast addresses first.
  #a: Int32Array = new Int32Array(0);
  #b: Int32Array = new Int32Array(0);
  #c: Int32Array = new Int32Array(0);
  #d: Int32Array = new Int32Array(0);
  #iface: Int32Array = new Int32Array(0);
  #prefix: Uint8Array = new Uint8Array(0);
  #preferred: Uint8Array = new Uint8Array(0);
  #next: Int32Array = new Int32Array(0);
  #unicast = 0;
  #anycasts = true;

  /** A router has anycast addresses, a host has none. */
  setRouter(isRouter: boolean): void {
    this.#anycasts = isRouter;
    this.#build();
  }

  /** False when nothing changed. */
  up(
    iface: number,
    a: number,
    b: number,
    c: number,
    d: number,
    prefix: number,
    preferred: boolean,
  ): boolean {
    const key = keyOf(iface, a, b, c, d);
    const before = this.#own.get(key);
    if (before?.prefix === prefix && before.preferred === preferred) return false;
    this.#own.set(key, { iface, words: [a, b, c, d], prefix, preferred, anycast: false });
    this.#build();
    return true;
  }

  /** The prefix length that the address had, or -1: it was none of ours. */
  down(iface: number, a: number, b: number, c: number, d: number): number {
    const key = keyOf(iface, a, b, c, d);
    const before = this.#own.get(key);
    if (before === undefined) return NONE;
    this.#own.delete(key);
    this.#build();
    return before.prefix;
  }

  /** Forgets the addresses of an interface. */
  forget(iface: number): void {
    for (const [key, own] of this.#own) if (own.iface === iface) this.#own.delete(key);
    this.#build();
  }

  /** The prefix length of an address of the interface, or -1. */
  prefixOf(iface: number, a: number, b: number, c: number, d: number): number {
    return this.#own.get(keyOf(iface, a, b, c, d))?.prefix ?? NONE;
  }

  /** Own addresses, anycast ones included: rows 0.. of the columns. */
  get size(): number {
    return this.#a.length;
  }

  /**
   * The row of an own address (words of either sign), which is link-local on `iface` or any other
   * on any interface; -1 = not ours.
   */
  find(iface: number, a: number, b: number, c: number, d: number): number {
    let row = this.#bucket[bucketOf(a, b, c, d)] as number;
    while (row >= 0) {
      if (
        this.#d[row] === (d | 0) &&
        this.#c[row] === (c | 0) &&
        this.#b[row] === (b | 0) &&
        this.#a[row] === (a | 0) &&
        (this.#iface[row] === iface || !isLinkLocal(a))
      ) {
        return row;
      }
      row = this.#next[row] as number;
    }
    return NONE;
  }

  isAnycast(row: number): boolean {
    return row >= this.#unicast;
  }

  iface(row: number): number {
    return this.#iface[row] as number;
  }

  /** Word 0..3. */
  word(row: number, index: number): number {
    const column = index === 0 ? this.#a : index === 1 ? this.#b : index === 2 ? this.#c : this.#d;
    return (column[row] as number) >>> 0;
  }

  /**
   * True when an address of the interface has these last 24 bits: its solicited-node group is ours.
   */
  hasTail(iface: number, tail: number): boolean {
    for (let row = 0; row < this.#d.length; row++) {
      if (this.#iface[row] === iface && ((this.#d[row] as number) & 0xffffff) === tail) return true;
    }
    return false;
  }

  /**
   * The row of the best source for packets to the address that leave through `iface`, -1 = there is
   * none. `strictly`: only addresses of that interface.
   */
  source(
    iface: number,
    a: number,
    b: number,
    c: number,
    d: number,
    strictly: boolean = false,
  ): number {
    const wanted = scope(a, b, c, d);
    const label = labelOf(a);
    let best = NONE;
    let highest = -1;
    for (let row = 0; row < this.#unicast; row++) {
      const own = (this.#a[row] as number) >>> 0;
      const here = this.#iface[row] === iface;
      if (!here && (strictly || isLinkLocal(own))) continue;
      const held = scope(own, this.#b[row] as number, this.#c[row] as number, 0);
      // A link-local address must not go further than the link (RFC 4291 2.5.6).
      if (held < wanted && held === Scope.LinkLocal) continue;
      const same = this.#shared(row, a, b, c, d);
      if (same === 128) return row; // Rule 1.
      // Rules 2, 3, 5, 6 and 8 in this order, as the digits of one number.
      const score =
        (held < wanted ? 0 : 16 - held) * 4096 +
        (this.#preferred[row] as number) * 2048 +
        (here ? 1024 : 0) +
        (labelOf(own) === label ? 512 : 0) +
        Math.min(same, this.#prefix[row] as number);
      if (score > highest) {
        highest = score;
        best = row;
      }
    }
    return best;
  }

  /** Leading bits that an own address shares with another. */
  #shared(row: number, a: number, b: number, c: number, d: number): number {
    let zeros = Math.clz32(a ^ (this.#a[row] as number));
    if (zeros < 32) return zeros;
    zeros = Math.clz32(b ^ (this.#b[row] as number));
    if (zeros < 32) return 32 + zeros;
    zeros = Math.clz32(c ^ (this.#c[row] as number));
    if (zeros < 32) return 64 + zeros;
    return 96 + Math.clz32(d ^ (this.#d[row] as number));
  }

  /** Builds columns and index from what was announced. */
  #build(): void {
    const list = [...this.#own.values()];
    this.#unicast = list.length;
    if (this.#anycasts) list.push(...this.#anycastOf(list));
    this.#a = Int32Array.from(list, ({ words }) => words[0]);
    this.#b = Int32Array.from(list, ({ words }) => words[1]);
    this.#c = Int32Array.from(list, ({ words }) => words[2]);
    this.#d = Int32Array.from(list, ({ words }) => words[3]);
    this.#iface = Int32Array.from(list, ({ iface }) => iface);
    this.#prefix = Uint8Array.from(list, ({ prefix }) => prefix);
    this.#preferred = Uint8Array.from(list, ({ preferred }) => (preferred ? 1 : 0));
    this.#next = new Int32Array(list.length).fill(NONE);
    this.#bucket.fill(NONE);
    for (let row = list.length - 1; row >= 0; row--) {
      const bucket = bucketOf(
        this.word(row, 0),
        this.word(row, 1),
        this.word(row, 2),
        this.word(row, 3),
      );
      this.#next[row] = this.#bucket[bucket] as number;
      this.#bucket[bucket] = row;
    }
  }

  /** The subnets' anycast addresses, each once. */
  #anycastOf(list: readonly Own[]): Own[] {
    const found = new Map<string, Own>();
    for (const { iface, words, prefix } of list) {
      if (prefix > ANYCAST_PREFIX || isLinkLocal(words[0])) continue;
      const network = networkOf(words, prefix);
      if (this.#own.has(keyOf(iface, ...network))) continue;
      found.set(network.join(" "), {
        iface,
        words: network,
        prefix,
        preferred: true,
        anycast: true,
      });
    }
    return [...found.values()];
  }
}

/** The address with its host bits cleared. */
export function networkOf(
  words: readonly [number, number, number, number],
  prefix: number,
): [number, number, number, number] {
  const part = (index: number): number => maskWord(words[index] as number, prefix - index * 32);
  return [part(0), part(1), part(2), part(3)];
}

/** Labels of the default policy table (RFC 6724 2.1) for what may be a source here. */
function labelOf(a: number): number {
  if (a >>> 25 === 0x7e) return 13; // fc00::/7
  if (a >>> 16 === 0x2002) return 2;
  return a === 0x20010000 ? 5 : 1;
}

function bucketOf(a: number, b: number, c: number, d: number): number {
  let hash = Math.imul(a ^ Math.imul(b, 0x9e3779b1), 0x85ebca6b);
  hash = Math.imul((hash ^ c ^ (hash >>> 15)) | 0, 0xc2b2ae35) ^ d;
  return (Math.imul(hash ^ (hash >>> 13), 0x9e3779b1) >>> 20) & (BUCKETS - 1);
}
