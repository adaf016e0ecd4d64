// Longest-prefix match for IPv6 (RFC 7608: any length from 0 to 128), in typed arrays. Prefixes of
// up to 32 bits lie in the trie of lpm.ts, over the first word. Longer ones lie under their first
// word, which a hash index finds: there each has a path-compressed binary trie, whose nodes are 32
// bytes, so that a step of a lookup reads one cache line. The addresses that registries hand out
// differ in the first word, so those tries are small.
//
//   node:  | length | value, 0 = none | child for a bit 0 | child for 1 | four words of the prefix |
//
// Invariant: but for a root (length 32), a node without a value has two children, and a child's
// prefix continues its parent's.

import { assert } from "../lib/assert.ts";
import { HashIndex } from "../lib/hash-index.ts";
import { Lpm } from "./lpm.ts";

/** Words per node. */
const NODE = 8;
const LENGTH = 0;
const VALUE = 1;
const CHILD = 2;
const PREFIX = 4;
const FREE = 255;
/** Bits that the root of a trie has: the first word. */
const ROOT_BITS = 32;
/** Our choice: 2 KiB, for the handful of routes that most appliances have. */
const FIRST_NODES = 64;

export class Lpm6 {
  /** Prefixes of up to 32 bits. */
  readonly #short: Lpm = new Lpm();
  /** The root of each first word with longer prefixes. */
  #roots: HashIndex = new HashIndex(FIRST_NODES);
  #rootCapacity: number = FIRST_NODES;
  #nodes: Int32Array = new Int32Array(FIRST_NODES * NODE);
  /** Node 0 stands for "none". */
  #next = 1;
  /** First free node, linked through its value. */
  #free = 0;
  #long = 0;

  /** The value of the longest prefix that contains the address; 0 = none. */
  lookup(a: number, b: number, c: number, d: number): number {
    const root = this.#roots.find(a, 0);
    if (root >= 0) {
      const found = this.#descend(root, b, c, d);
      if (found !== 0) return found;
    }
    return this.#short.lookup(a);
  }

  /** The longest prefix in the trie of a first word; its nodes' first words need no look. */
  #descend(root: number, b: number, c: number, d: number): number {
    const nodes = this.#nodes;
    let best = 0;
    let node = nodes[root * NODE + CHILD + (b >>> 31)] as number;
    while (node !== 0) {
      const at = node * NODE;
      const length = nodes[at] as number;
      let word = b;
      if (length <= 64) {
        if ((b ^ (nodes[at + PREFIX + 1] as number)) >>> (64 - length) !== 0) return best;
        if (length === 64) word = c;
      } else {
        if ((b ^ (nodes[at + PREFIX + 1] as number)) !== 0) return best;
        if (length <= 96) {
          if ((c ^ (nodes[at + PREFIX + 2] as number)) >>> (96 - length) !== 0) return best;
          word = length === 96 ? d : c;
        } else {
          if ((c ^ (nodes[at + PREFIX + 2] as number)) !== 0) return best;
          if ((d ^ (nodes[at + PREFIX + 3] as number)) >>> (128 - length) !== 0) return best;
          word = d;
        }
      }
      const value = nodes[at + VALUE] as number;
      if (value !== 0) best = value;
      if (length === 128) return best;
      node = nodes[at + CHILD + ((word >>> (31 - (length & 31))) & 1)] as number;
    }
    return best;
  }

  /** Prefixes held. */
  get size(): number {
    return this.#short.prefixes.size + this.#long;
  }

  /**
   * Rows that a walk from 0 passes, those without a prefix included: the short ones first, then the
   * nodes.
   */
  get capacity(): number {
    return this.#short.prefixes.capacity + this.#next;
  }

  /** True when the row holds a prefix; its parts are then valid. */
  isUsed(row: number): boolean {
    const node = this.#nodeOf(row);
    if (node < 0) return this.#short.prefixes.isUsed(row);
    return this.#nodes[node * NODE] !== FREE && this.#nodes[node * NODE + VALUE] !== 0;
  }

  length(row: number): number {
    const node = this.#nodeOf(row);
    return node < 0 ? this.#short.prefixes.length(row) : (this.#nodes[node * NODE] as number);
  }

  value(row: number): number {
    const node = this.#nodeOf(row);
    if (node < 0) return this.#short.prefixes.value(row);
    return this.#nodes[node * NODE + VALUE] as number;
  }

  /** Word 0..3 of a row's prefix. */
  word(row: number, index: number): number {
    const node = this.#nodeOf(row);
    if (node < 0) return index === 0 ? this.#short.prefixes.address(row) : 0;
    return (this.#nodes[node * NODE + PREFIX + index] as number) >>> 0;
  }

  /** The node that a row stands for, -1 = it is a short prefix's. */
  #nodeOf(row: number): number {
    const { capacity } = this.#short.prefixes;
    return row < capacity ? -1 : row - capacity;
  }

  /**
   * Bytes that the tries have reserved; of the short one's only pages that hold routes are ever
   * touched.
   */
  get bytes(): number {
    return this.#nodes.byteLength + this.#short.bytes;
  }

  /** The value of exactly this prefix, or 0. Host bits must be clear. */
  get(a: number, b: number, c: number, d: number, length: number): number {
    if (length <= ROOT_BITS) return this.#short.prefixes.get(a >>> 0, length);
    const nodes = this.#nodes;
    let node = Math.max(this.#roots.find(a, 0), 0);
    while (node !== 0) {
      const held = nodes[node * NODE] as number;
      if (held > length || this.#common(node, a, b, c, d) < held) return 0;
      if (held === length) return nodes[node * NODE + VALUE] as number;
      node = nodes[node * NODE + CHILD + bitAt(a, b, c, d, held)] as number;
    }
    return 0;
  }

  /** Adds a prefix or changes its value (1 to 2^25 - 1). Host bits are ignored. */
  insert(a: number, b: number, c: number, d: number, length: number, value: number): void {
    assert(length >= 0 && length <= 128 && value > 0, "a route has a length and a value");
    if (length <= ROOT_BITS) {
      this.#short.insert(a >>> 0, length, value);
      return;
    }
    const second = maskWord(b, length - 32);
    const third = maskWord(c, length - 64);
    const fourth = maskWord(d, length - 96);
    // At most three nodes are made below: with room for them, no array changes under our hands.
    while ((this.#next + 3) * NODE > this.#nodes.length) this.#grow();
    const nodes = this.#nodes;
    let link = 0;
    let node = this.#rootOf(a);
    for (;;) {
      const held = nodes[node * NODE + LENGTH] as number;
      const common = Math.min(this.#common(node, a, second, third, fourth), held, length);
      if (common < held) break;
      if (held === length) {
        if (nodes[node * NODE + VALUE] === 0) this.#long++;
        nodes[node * NODE + VALUE] = value;
        return;
      }
      link = node * NODE + CHILD + bitAt(a, second, third, fourth, held);
      node = nodes[link] as number;
      if (node === 0) break;
    }
    this.#long++;
    const made = this.#take(a, second, third, fourth, length, value);
    if (node === 0) {
      nodes[link] = made;
      return;
    }
    this.#split(link, node, made, length);
  }

  /** The root for a first word, made where missing. */
  #rootOf(a: number): number {
    const found = this.#roots.find(a, 0);
    if (found >= 0) return found;
    const root = this.#take(a, 0, 0, 0, ROOT_BITS, 0);
    if (this.#roots.size >= this.#rootCapacity) this.#growRoots();
    this.#roots.set(a, 0, root);
    return root;
  }

  #growRoots(): void {
    this.#rootCapacity *= 2;
    this.#roots = new HashIndex(this.#rootCapacity);
    for (let node = 1; node < this.#next; node++) {
      if (this.#nodes[node * NODE] !== ROOT_BITS) continue;
      this.#roots.set(this.#nodes[node * NODE + PREFIX] as number, 0, node);
    }
  }

  /** Removes a prefix; false when there is none. Host bits are ignored. */
  remove(a: number, b: number, c: number, d: number, length: number): boolean {
    if (length <= ROOT_BITS) return this.#short.remove(a >>> 0, length);
    const second = maskWord(b, length - 32);
    const third = maskWord(c, length - 64);
    const fourth = maskWord(d, length - 96);
    const nodes = this.#nodes;
    const root = this.#roots.find(a, 0);
    if (root < 0) return false;
    let above = 0;
    let link = 0;
    let node = root;
    for (;;) {
      const held = nodes[node * NODE + LENGTH] as number;
      if (held > length || this.#common(node, a, second, third, fourth) < held) return false;
      if (held === length) break;
      above = link;
      link = node * NODE + CHILD + bitAt(a, second, third, fourth, held);
      node = nodes[link] as number;
      if (node === 0) return false;
    }
    if (nodes[node * NODE + VALUE] === 0) return false;
    nodes[node * NODE + VALUE] = 0;
    this.#long--;
    this.#prune(above, link, node);
    if (nodes[root * NODE + CHILD] === 0 && nodes[root * NODE + CHILD + 1] === 0) {
      this.#roots.delete(a, 0);
      this.#give(root);
    }
    return true;
  }

  /**
   * A node without a value goes, and its parent too when that is left with one child and no value.
   */
  #prune(above: number, link: number, node: number): void {
    const nodes = this.#nodes;
    const at = node * NODE;
    const left = nodes[at + CHILD] as number;
    const right = nodes[at + CHILD + 1] as number;
    if (left !== 0 && right !== 0) return;
    nodes[link] = left + right;
    this.#give(node);
    const parent = Math.floor(link / NODE);
    if (
      left + right !== 0 ||
      nodes[parent * NODE] === ROOT_BITS ||
      nodes[parent * NODE + VALUE] !== 0
    )
      return;
    nodes[above] =
      (nodes[parent * NODE + CHILD] as number) + (nodes[parent * NODE + CHILD + 1] as number);
    this.#give(parent);
  }

  /** Puts `made` and `node`, which part before `node` ends, where `node` was. */
  #split(link: number, node: number, made: number, length: number): void {
    const nodes = this.#nodes;
    const at = made * NODE + PREFIX;
    const a = nodes[at] as number;
    const b = nodes[at + 1] as number;
    const c = nodes[at + 2] as number;
    const d = nodes[at + 3] as number;
    const held = nodes[node * NODE + LENGTH] as number;
    const common = Math.min(this.#common(node, a, b, c, d), held, length);
    const before = node * NODE + PREFIX;
    const side = bitAt(
      nodes[before] as number,
      nodes[before + 1] as number,
      nodes[before + 2] as number,
      nodes[before + 3] as number,
      common,
    );
    let top = made;
    if (common < length) {
      top = this.#take(
        maskWord(a, common),
        maskWord(b, common - 32),
        maskWord(c, common - 64),
        maskWord(d, common - 96),
        common,
        0,
      );
      nodes[top * NODE + CHILD + 1 - side] = made;
    }
    nodes[top * NODE + CHILD + side] = node;
    nodes[link] = top;
  }

  /**
   * Leading bits that the node's prefix words and the address share; may be more than the node's
   * length.
   */
  #common(node: number, a: number, b: number, c: number, d: number): number {
    const at = node * NODE + PREFIX;
    const nodes = this.#nodes;
    let zeros = Math.clz32(a ^ (nodes[at] as number));
    if (zeros < 32) return zeros;
    zeros = Math.clz32(b ^ (nodes[at + 1] as number));
    if (zeros < 32) return 32 + zeros;
    zeros = Math.clz32(c ^ (nodes[at + 2] as number));
    if (zeros < 32) return 64 + zeros;
    return 96 + Math.clz32(d ^ (nodes[at + 3] as number));
  }

  /** A node without children. There must be room. */
  #take(a: number, b: number, c: number, d: number, length: number, value: number): number {
    const nodes = this.#nodes;
    const node = this.#free !== 0 ? this.#free : this.#next++;
    const at = node * NODE;
    if (node === this.#free) this.#free = nodes[at + VALUE] as number;
    nodes[at + LENGTH] = length;
    nodes[at + VALUE] = value;
    nodes[at + CHILD] = 0;
    nodes[at + CHILD + 1] = 0;
    nodes[at + PREFIX] = a;
    nodes[at + PREFIX + 1] = b;
    nodes[at + PREFIX + 2] = c;
    nodes[at + PREFIX + 3] = d;
    return node;
  }

  #give(node: number): void {
    this.#nodes[node * NODE + LENGTH] = FREE;
    this.#nodes[node * NODE + VALUE] = this.#free;
    this.#free = node;
  }

  #grow(): void {
    const nodes = new Int32Array(this.#nodes.length * 2);
    nodes.set(this.#nodes);
    this.#nodes = nodes;
  }
}

/**
 * A word of an address with all but its first `bits` bits cleared; 32 and more keep it whole, 0 and
 * less nothing.
 */
export function maskWord(word: number, bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? word >>> 0 : (word & (0xffffffff << (32 - bits))) >>> 0;
}

/** Bit `index` of an address, 0 = the first one on the wire. */
function bitAt(a: number, b: number, c: number, d: number, index: number): number {
  const word = index < 32 ? a : index < 64 ? b : index < 96 ? c : d;
  return (word >>> (31 - (index & 31))) & 1;
}
