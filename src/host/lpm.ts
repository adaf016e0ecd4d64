// Longest-prefix match for IPv4 (RFC 1812 5.2.4.3): a multibit trie with strides 20-4-4-4 and leaves pushed down,
// in typed arrays. A lookup reads the root and at most three blocks of one cache line each; a /20 or shorter needs the
// root alone, and of the root's 4 MiB only pages that hold routes are ever touched.
//
//   entry >= 0: a leaf:   | length 6 bits | value 25 bits |   value 0 = no route but the default
//   entry <  0: a block of 16 entries at ~entry
//
// Invariant: a leaf carries the longest prefix that covers its whole range, so an insert overwrites exactly the
// leaves of its range whose length is not greater, and a removal exactly those whose length is its own.

import type { Ipv4 } from "../lib/units.ts";
import { mask, Prefixes } from "./prefixes.ts";

const ROOT_BITS = 20;
const ROOT_SHIFT: number = 32 - ROOT_BITS;
const STRIDE = 4;
const BLOCK: number = 1 << STRIDE;
const LENGTH_SHIFT = 25;
const VALUE_MASK = 0x1ffffff;
const FIRST_BLOCKS = 64;

export class Lpm {
  readonly #prefixes: Prefixes = new Prefixes();
  readonly #root: Int32Array = new Int32Array(1 << ROOT_BITS);
  #blocks: Int32Array = new Int32Array(FIRST_BLOCKS * BLOCK);
  /** Prefixes that end inside each block: the block goes when none is left. */
  #uses: Int32Array = new Int32Array(FIRST_BLOCKS);
  #next = 0;
  /** First block of the free list, linked through entry 0; -1 = none. */
  #free = -1;
  #default = 0;

  /** The value of the longest prefix that contains the address; 0 = none. */
  lookup(address: Ipv4): number {
    let entry = this.#root[address >>> ROOT_SHIFT] as number;
    if (entry < 0) {
      entry = this.#blocks[~entry + ((address >>> 8) & 15)] as number;
      if (entry < 0) {
        entry = this.#blocks[~entry + ((address >>> 4) & 15)] as number;
        if (entry < 0) entry = this.#blocks[~entry + (address & 15)] as number;
      }
    }
    const value = entry & VALUE_MASK;
    return value !== 0 ? value : this.#default;
  }

  /** The prefixes, for exact questions and for lists. Only `insert` and `remove` change them. */
  get prefixes(): Prefixes {
    return this.#prefixes;
  }

  /** Adds a prefix or changes its value (1 to 2^25 - 1). Host bits are ignored. */
  insert(address: Ipv4, length: number, value: number): void {
    const network = (address & mask(length)) >>> 0;
    const before = this.#prefixes.set(network, length, value);
    if (length === 0) {
      this.#default = value;
      return;
    }
    const leaf = (length << LENGTH_SHIFT) | value;
    if (length <= ROOT_BITS) {
      this.#fillRoot(network >>> ROOT_SHIFT, 1 << (ROOT_BITS - length), leaf, length, false);
      return;
    }
    const block = this.#descend(network, length, before === 0 ? 1 : 0);
    const level = this.#levelOf(length);
    const first = (network >>> (32 - level)) & (BLOCK - 1);
    this.#fill(block, first, 1 << (level - length), leaf, length, false);
  }

  /** Removes a prefix; false when there is none. */
  remove(address: Ipv4, length: number): boolean {
    const network = (address & mask(length)) >>> 0;
    if (this.#prefixes.remove(network, length) === 0) return false;
    if (length === 0) {
      this.#default = 0;
      return true;
    }
    const leaf = this.#cover(network, length);
    if (length <= ROOT_BITS) {
      this.#fillRoot(network >>> ROOT_SHIFT, 1 << (ROOT_BITS - length), leaf, length, true);
      return true;
    }
    const block = this.#descend(network, length, 0);
    const level = this.#levelOf(length);
    const first = (network >>> (32 - level)) & (BLOCK - 1);
    this.#fill(block, first, 1 << (level - length), leaf, length, true);
    this.#ascend(network, level);
    return true;
  }

  /** Bytes that the trie has reserved, without the prefixes. */
  get bytes(): number {
    return this.#root.byteLength + this.#blocks.byteLength + this.#uses.byteLength;
  }

  /** Bits that are decided inside the block that a prefix of this length ends in: 24, 28 or 32. */
  #levelOf(length: number): number {
    return ROOT_BITS + Math.ceil((length - ROOT_BITS) / STRIDE) * STRIDE;
  }

  /** The leaf that a prefix leaves behind: that of the longest shorter prefix, but never of the default route. */
  #cover(network: Ipv4, length: number): number {
    for (let shorter = length - 1; shorter > 0; shorter--) {
      const value = this.#prefixes.get((network & mask(shorter)) >>> 0, shorter);
      if (value !== 0) return (shorter << LENGTH_SHIFT) | value;
    }
    return 0;
  }

  /** The block that a prefix ends in, made with all above it where missing; adds `uses` to each on the way. */
  #descend(network: Ipv4, length: number, uses: number): number {
    const at = network >>> ROOT_SHIFT;
    let entry = this.#root[at] as number;
    if (entry >= 0) {
      entry = ~this.#take(entry);
      this.#root[at] = entry;
    }
    let block = ~entry;
    this.#uses[block / BLOCK] = (this.#uses[block / BLOCK] as number) + uses;
    for (let level = ROOT_BITS + STRIDE; length > level; level += STRIDE) {
      const index = block + ((network >>> (32 - level)) & (BLOCK - 1));
      entry = this.#blocks[index] as number;
      if (entry >= 0) {
        entry = ~this.#take(entry);
        this.#blocks[index] = entry;
      }
      block = ~entry;
      this.#uses[block / BLOCK] = (this.#uses[block / BLOCK] as number) + uses;
    }
    return block;
  }

  /** One prefix less in the blocks from the root down to `level`; the first block without any becomes a leaf. */
  #ascend(network: Ipv4, level: number): void {
    const at = network >>> ROOT_SHIFT;
    let block = ~(this.#root[at] as number);
    let holder = -1;
    let freed = false;
    for (let depth = ROOT_BITS + STRIDE; depth <= level; depth += STRIDE) {
      const uses = (this.#uses[block / BLOCK] as number) - 1;
      this.#uses[block / BLOCK] = uses;
      const index = block + ((network >>> (32 - depth)) & (BLOCK - 1));
      const below = this.#blocks[index] as number;
      if (uses === 0) {
        // No prefix ends in here: below it there is none either, but for the block on this very path.
        if (!freed) {
          const leaf = this.#coverOf(network, depth - STRIDE);
          if (holder < 0) this.#root[at] = leaf;
          else this.#blocks[holder] = leaf;
          freed = true;
        }
        this.#give(block);
      }
      holder = index;
      block = ~below;
    }
  }

  /** The leaf that stands for the range of `length` bits around the address. */
  #coverOf(address: Ipv4, length: number): number {
    return this.#cover((address & mask(length)) >>> 0, length + 1);
  }

  #fillRoot(first: number, count: number, leaf: number, length: number, removing: boolean): void {
    for (let at = first; at < first + count; at++) {
      const entry = this.#root[at] as number;
      if (entry < 0) this.#fill(~entry, 0, BLOCK, leaf, length, removing);
      else if (yields(entry, length, removing)) this.#root[at] = leaf;
    }
  }

  #fill(
    block: number,
    first: number,
    count: number,
    leaf: number,
    length: number,
    removing: boolean,
  ): void {
    for (let at = block + first; at < block + first + count; at++) {
      const entry = this.#blocks[at] as number;
      if (entry < 0) this.#fill(~entry, 0, BLOCK, leaf, length, removing);
      else if (yields(entry, length, removing)) this.#blocks[at] = leaf;
    }
  }

  /** A block of sixteen copies of a leaf. */
  #take(leaf: number): number {
    let block = this.#free;
    if (block >= 0) this.#free = this.#blocks[block] as number;
    else {
      if (this.#next === this.#blocks.length) this.#grow();
      block = this.#next;
      this.#next += BLOCK;
    }
    this.#blocks.fill(leaf, block, block + BLOCK);
    this.#uses[block / BLOCK] = 0;
    return block;
  }

  #give(block: number): void {
    this.#blocks[block] = this.#free;
    this.#free = block;
  }

  #grow(): void {
    const blocks = new Int32Array(this.#blocks.length * 2);
    blocks.set(this.#blocks);
    this.#blocks = blocks;
    const uses = new Int32Array(this.#uses.length * 2);
    uses.set(this.#uses);
    this.#uses = uses;
  }
}

/** True when a prefix of `length` owns the leaf (removing), or is the longer one for it (inserting). */
function yields(entry: number, length: number, removing: boolean): boolean {
  const held = entry >>> LENGTH_SHIFT;
  return removing ? held === length : held <= length;
}
