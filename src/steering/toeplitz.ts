// The Toeplitz hash of receive-side scaling (Microsoft's RSS), by tables: one of 256 words for every position of an
// input byte, so a byte costs one load and one xor. H(a xor b) = H(a) xor H(b), and zero bytes add nothing, so a
// short input may be hashed as a longer one with zeros behind it.
//
// A key of n bytes serves inputs of n - 4 bytes as published. Beyond, the key is taken again from its start (zeros
// there would keep the last address words from spreading anything); a symmetric key stays symmetric.

import { assert } from "../lib/assert.ts";
import type { Offset } from "../lib/units.ts";
import { KEY_MAX, KEY_MIN } from "./config.ts";

/** Bytes of the longest input: two IPv6 addresses and two ports. */
export const MAX_INPUT = 36;
/** Entries of all tables. */
export const TABLE_WORDS: number = MAX_INPUT * 256;

/** The 32 key bits that start at a bit position, the key being repeated. */
function windowAt(key: readonly number[], bit: number): number {
  let word = 0;
  for (let n = bit; n < bit + 32; n++) {
    const byte = key[(n >> 3) % key.length] as number;
    word = (word << 1) | ((byte >> (7 - (n & 7))) & 1);
  }
  return word;
}

/** Table of byte value v at position p: entry p * 256 + v. Signed 32-bit words. */
export function toeplitzTable(key: readonly number[]): Int32Array {
  assert(key.length >= KEY_MIN && key.length <= KEY_MAX, "a Toeplitz key has 16 to 52 bytes");
  const table = new Int32Array(TABLE_WORDS);
  for (let position = 0; position < MAX_INPUT; position++) {
    for (let bit = 0; bit < 8; bit++) {
      const word = windowAt(key, position * 8 + bit);
      for (let value = 0; value < 256; value++) {
        if ((value & (0x80 >> bit)) !== 0) {
          table[position * 256 + value] = (table[position * 256 + value] as number) ^ word;
        }
      }
    }
  }
  return table;
}

/** What a word adds to the hash when it stands at input byte `position`. */
export function hashWord(table: Int32Array, position: number, word: number): number {
  const base = position << 8;
  return (
    (table[base + (word >>> 24)] as number) ^
    (table[base + 256 + ((word >>> 16) & 255)] as number) ^
    (table[base + 512 + ((word >>> 8) & 255)] as number) ^
    (table[base + 768 + (word & 255)] as number)
  );
}

/** What two bytes add to the hash when they stand at input byte `position`. */
export function hashHalf(table: Int32Array, position: number, half: number): number {
  const base = position << 8;
  return (table[base + (half >>> 8)] as number) ^ (table[base + 256 + (half & 255)] as number);
}

/** Hash of `length` bytes in words at `at`, as if they stood at input byte `position`. `length` is a multiple of 4. */
export function hashWords(
  table: Int32Array,
  position: number,
  view: DataView,
  at: Offset,
  length: number,
): number {
  let hash = 0;
  for (let done = 0; done < length; done += 4) {
    hash ^= hashWord(table, position + done, view.getInt32(at + done));
  }
  return hash;
}
