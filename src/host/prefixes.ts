// Exact prefixes of IPv4 routes in columns: what stands beside the lookup trie to answer "is there such a route"
// and to list them. Open addressing with linear probing; a removed row is closed by moving its followers back, so
// there are no tombstones. Grows by doubling: never on the packet path.

import type { Ipv4 } from "../lib/units.ts";

const FIRST = 64;
const FREE = 0xff;

/** The bits that a prefix of `length` compares. */
export function mask(length: number): number {
  return length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
}

export class Prefixes {
  #address: Uint32Array = new Uint32Array(FIRST);
  #length: Uint8Array = new Uint8Array(FIRST).fill(FREE);
  #value: Int32Array = new Int32Array(FIRST);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Rows that a walk from 0 passes, free ones included. */
  get capacity(): number {
    return this.#length.length;
  }

  /** True when the row holds a prefix; its parts are then valid. */
  isUsed(row: number): boolean {
    return this.#length[row] !== FREE;
  }

  address(row: number): Ipv4 {
    return this.#address[row] as number;
  }

  length(row: number): number {
    return this.#length[row] as number;
  }

  value(row: number): number {
    return this.#value[row] as number;
  }

  /** The value of exactly this prefix, or 0. */
  get(address: Ipv4, length: number): number {
    const row = this.#find(address, length);
    return this.#length[row] === FREE ? 0 : (this.#value[row] as number);
  }

  /** Adds the prefix or changes its value. Returns the value before, 0 = it is new. */
  set(address: Ipv4, length: number, value: number): number {
    const row = this.#find(address, length);
    if (this.#length[row] !== FREE) {
      const before = this.#value[row] as number;
      this.#value[row] = value;
      return before;
    }
    this.#address[row] = address;
    this.#length[row] = length;
    this.#value[row] = value;
    this.#size++;
    if (this.#size * 2 > this.#length.length) this.#grow();
    return 0;
  }

  /** Removes the prefix; returns its value, 0 = there was none. */
  remove(address: Ipv4, length: number): number {
    const row = this.#find(address, length);
    if (this.#length[row] === FREE) return 0;
    const value = this.#value[row] as number;
    this.#size--;
    this.#close(row);
    return value;
  }

  /** Closes the gap at `row`: a follower moves into it unless its own place lies behind the gap. */
  #close(row: number): void {
    const last = this.#length.length - 1;
    let gap = row;
    for (let next = (gap + 1) & last; this.#length[next] !== FREE; next = (next + 1) & last) {
      const home = this.#hash(this.#address[next] as number, this.#length[next] as number);
      if (((next - home) & last) < ((next - gap) & last)) continue;
      this.#address[gap] = this.#address[next] as number;
      this.#length[gap] = this.#length[next] as number;
      this.#value[gap] = this.#value[next] as number;
      gap = next;
    }
    this.#length[gap] = FREE;
  }

  #hash(address: Ipv4, length: number): number {
    let hash = Math.imul(address ^ Math.imul(length + 1, 0x9e3779b1), 0x85ebca6b);
    hash ^= hash >>> 15;
    return (Math.imul(hash, 0xc2b2ae35) >>> 7) & (this.#length.length - 1);
  }

  #find(address: Ipv4, length: number): number {
    const last = this.#length.length - 1;
    let row = this.#hash(address, length);
    while (
      this.#length[row] !== FREE &&
      (this.#address[row] !== address || this.#length[row] !== length)
    ) {
      row = (row + 1) & last;
    }
    return row;
  }

  #grow(): void {
    const address = this.#address;
    const length = this.#length;
    const value = this.#value;
    const rows = length.length * 2;
    this.#address = new Uint32Array(rows);
    this.#length = new Uint8Array(rows).fill(FREE);
    this.#value = new Int32Array(rows);
    for (let row = 0; row < length.length; row++) {
      if (length[row] === FREE) continue;
      const to = this.#find(address[row] as number, length[row] as number);
      this.#address[to] = address[row] as number;
      this.#length[to] = length[row] as number;
      this.#value[to] = value[row] as number;
    }
  }
}
