import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HashIndex } from "./hash-index.ts";

test("a hash index agrees with a Map after every random operation", () => {
  const key = fc.tuple(
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 0xfffffff0, max: 0xffffffff }),
  );
  const step = fc.tuple(fc.constantFrom("set", "delete", "find"), key, fc.nat(63));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), fc.integer(), (steps, seed) => {
      const index = new HashIndex(64, seed);
      const model = new Map<string, number>();
      for (const [what, [a, b], slot] of steps) {
        const name = `${a} ${b}`;
        if (what === "set") {
          index.set(a, b, slot);
          model.set(name, slot);
        } else if (what === "delete") assert.equal(index.delete(a, b), model.delete(name));
        assert.equal(index.find(a, b), model.get(name) ?? -1);
        assert.equal(index.size, model.size);
      }
      for (let a = 0; a < 4; a++) {
        for (let b = 0xfffffff0; b <= 0xffffffff; b++) {
          assert.equal(index.find(a, b), model.get(`${a} ${b}`) ?? -1);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("a hash index that is full and churns for a million keys still finds what it holds and nothing else", () => {
  const index = new HashIndex(1024);
  for (let n = 0; n < 1_000_000; n++) {
    index.set(n & 7, n, n & 1023);
    if (n >= 1024) assert.ok(index.delete((n - 1024) & 7, n - 1024));
  }
  assert.equal(index.size, 1024);
  for (let n = 998_976; n < 1_000_000; n++) assert.equal(index.find(n & 7, n), n & 1023);
  assert.equal(index.find(0, 5), -1);
  index.clear();
  assert.equal(index.find(999_999 & 7, 999_999), -1);
  assert.equal(index.size, 0);
});
