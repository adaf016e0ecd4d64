import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "./arena.ts";

test("a copy of every length, at every alignment, is exact and touches nothing beside it", () => {
  const arena = Arena.create(8192);
  const { u8, copy } = arena;
  for (let length = 0; length <= 130; length++) {
    for (let shift = 0; shift < 4; shift++) {
      for (let n = 0; n < 512; n++) u8[n] = (n * 7 + length) & 255;
      u8.fill(0xee, 1024, 1536);
      const from = 64 + shift;
      const to = 1024 + 64 + ((shift * 5) & 15);
      copy(from, to, from + length);
      const expected = new Uint8Array(512).fill(0xee);
      expected.set(u8.slice(from, from + length), to - 1024);
      assert.deepEqual(u8.slice(1024, 1536), expected, `${length} bytes from ${from} to ${to}`);
    }
  }
});

test("a copy up to the arena's last byte stays inside", () => {
  const arena = Arena.create(65536);
  const size = arena.buffer.byteLength;
  arena.u8.fill(7, 0, 100);
  for (const length of [1, 15, 16, 17, 33, 100]) {
    arena.u8.fill(0, size - 100);
    arena.copy(0, size - length, length);
    assert.equal(
      arena.u8.slice(size - 100).reduce((sum, byte) => sum + byte, 0),
      7 * length,
    );
    arena.copy(size - length, 200, size);
  }
});
