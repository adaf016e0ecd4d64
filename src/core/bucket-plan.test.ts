import assert from "node:assert/strict";
import { test } from "node:test";
import { moveFrom, moveTo } from "./bucket-plan.ts";

const dealt = (buckets: number, cores: number): Uint8Array =>
  Uint8Array.from({ length: buckets }, (_, bucket) => bucket % cores);
const owned = (table: Uint8Array, core: number): number =>
  table.filter((owner) => owner === core).length;

test("CORE-9 a leaving core's buckets go one by one to those that have the fewest", () => {
  for (const cores of [2, 3, 4, 8]) {
    const table = dealt(128, cores);
    const serving = Array.from({ length: cores }, (_, core) => core !== 1);
    let steps = 0;
    for (let move = moveFrom(1, table, serving); move !== null; ) {
      assert.equal(table[move.bucket], 1);
      table[move.bucket] = move.to;
      steps++;
      move = moveFrom(1, table, serving);
    }
    assert.equal(steps, owned(dealt(128, cores), 1));
    const counts = serving.flatMap((serves, core) => (serves ? [owned(table, core)] : []));
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${counts}`);
  }
});

test("CORE-9 a core that came gets back the buckets that it had at first, and no more than its share", () => {
  for (const cores of [2, 3, 4, 8]) {
    const table = dealt(128, cores);
    const serving = Array.from({ length: cores }, () => true);
    for (let move = moveFrom(1, table, serving); move !== null; ) {
      table[move.bucket] = move.to;
      move = moveFrom(1, table, serving);
    }
    for (let move = moveTo(1, table, serving); move !== null; ) {
      assert.equal(move.to, 1);
      table[move.bucket] = 1;
      move = moveTo(1, table, serving);
    }
    assert.equal(owned(table, 1), Math.floor(128 / cores));
    if (128 % cores === 0) assert.deepEqual(table, dealt(128, cores));
  }
});

test("CORE-9 nothing moves to a core that does not serve, nor from one to nobody", () => {
  assert.equal(moveTo(1, dealt(8, 2), [true, false]), null);
  assert.equal(moveFrom(0, dealt(8, 1), [false]), null);
});
