import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "./prng.ts";

test("one seed gives one sequence, another seed another", () => {
  const draw = (seed: number): number[] => {
    const random = new Prng(seed);
    return Array.from({ length: 20 }, () => random.next());
  };
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
});

test("draws are spread evenly and stay in their bounds", () => {
  const random = new Prng(1);
  const counts = new Array<number>(10).fill(0);
  for (let n = 0; n < 100_000; n++) {
    const drawn = random.below(10);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 500, `${counts}`);
});
