import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SlotLists } from "./slot-lists.ts";

const CAPACITY = 6;
const LISTS = 3;

test("random operations on slot lists do what arrays do", () => {
  const operation = fc.record({
    what: fc.constantFrom("take", "put", "release"),
    which: fc.nat(CAPACITY - 1),
    list: fc.nat(LISTS - 1),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const lists = new SlotLists(CAPACITY, LISTS);
      const model: number[][] = Array.from({ length: LISTS }, () => []);
      const used: number[] = [];
      const forget = (slot: number): void => {
        for (const list of model) if (list.includes(slot)) list.splice(list.indexOf(slot), 1);
      };
      for (const { what, which, list } of operations) {
        const slot = used[which % Math.max(1, used.length)];
        if (what === "take") {
          const taken = lists.take();
          assert.equal(taken < 0, used.length === CAPACITY);
          if (taken < 0) continue;
          assert.ok(!used.includes(taken));
          used.push(taken);
          lists.put(taken, list);
          model[list]?.push(taken);
        } else if (slot !== undefined && what === "put") {
          forget(slot);
          lists.put(slot, list);
          model[list]?.push(slot);
        } else if (slot !== undefined) {
          forget(slot);
          used.splice(used.indexOf(slot), 1);
          lists.release(slot);
        }
        lists.check();
        assert.equal(lists.size, used.length);
        assert.equal(lists.isFull, used.length === CAPACITY);
        for (const [at, slots] of model.entries()) {
          assert.equal(lists.count(at), slots.length);
          assert.equal(lists.first(at), slots[0] ?? -1);
          for (const [n, one] of slots.entries()) {
            assert.equal(lists.listOf(one), at);
            assert.equal(lists.after(one), slots[n + 1] ?? -1);
          }
        }
        const lengths = model.map(({ length }) => length);
        const most = Math.max(...lengths);
        assert.equal(lists.longest(0, LISTS), most === 0 ? -1 : lengths.indexOf(most));
      }
    }),
  );
});

test("lists over no slots are full and empty", () => {
  const lists = new SlotLists(0, 1);

  assert.equal(lists.take(), -1);
  assert.equal(lists.first(0), -1);
});
