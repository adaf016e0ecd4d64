import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Backlog } from "./backlog.ts";

test("a backlog keeps each slot's order and agrees with plain arrays", () => {
  const step = fc.tuple(fc.boolean(), fc.nat(3), fc.nat(1000));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const backlog = new Backlog(4, 10);
      const model: number[][] = [[], [], [], []];
      for (const [push, slot, handle] of steps) {
        const list = model[slot] as number[];
        if (push) {
          assert.equal(backlog.isFull, model.flat().length === 10);
          if (backlog.isFull) continue;
          backlog.push(slot, handle);
          list.push(handle);
        } else assert.equal(backlog.shift(slot), list.shift() ?? -1);
        assert.equal(backlog.count(slot), list.length);
        assert.equal(backlog.size, model.flat().length);
      }
    }),
  );
});
