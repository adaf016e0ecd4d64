import assert from "node:assert/strict";
import { test } from "node:test";
import { CoreSets } from "./core-sets.ts";

test("a set of cores holds what was added to it, for each of 64 cores and each slot alone", () => {
  const sets = new CoreSets(2);
  for (let core = 0; core < 64; core++) {
    sets.add(1, core);
    for (let other = 0; other < 64; other++) {
      assert.equal(sets.has(1, other), other === core, `${core} ${other}`);
      assert.equal(sets.has(0, other), false);
    }
    assert.equal(sets.isEmpty(1), false);
    sets.clear(1);
    assert.equal(sets.isEmpty(1), true);
  }
});

test("sets are joined by their words", () => {
  const sets = new CoreSets(2);
  for (const core of [0, 31, 32, 63]) sets.add(0, core);
  sets.add(1, 7);

  sets.addAll(1, sets.low(0), sets.high(0));

  const cores = Array.from({ length: 64 }, (_, core) => core).filter((core) => sets.has(1, core));
  assert.deepEqual(cores, [0, 7, 31, 32, 63]);
});
