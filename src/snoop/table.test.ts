import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GroupTable, Kind, makeScope, Slot } from "./table.ts";

test("BR-8 a group table of any size holds what a plain map holds, through joins, leaves and reuse", () => {
  const step = fc.record({
    scope: fc.nat(3),
    group: fc.nat(5),
    channel: fc.nat(69),
    on: fc.boolean(),
    purge: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 120 }),
      fc.integer({ min: 1, max: 30 }),
      (steps, size) => {
        const table = new GroupTable(size, 70, 2);
        const model = new Map<string, Set<number>>();
        for (const { scope: pick, group, channel, on, purge } of steps) {
          const scope = makeScope(pick & 1, 10, pick >> 1);
          const words = [group, 0, 0, group * 7] as const;
          const key = `${scope} ${group}`;
          const slot = table.obtain(scope, Kind.Group, ...words);
          if (slot < 0) {
            assert.equal(model.size, size, "refused only when full of what lives");
            continue;
          }
          table.set(slot, channel, on);
          const members = model.get(key) ?? new Set();
          if (on) members.add(channel);
          else members.delete(channel);
          table.setLive(slot, members.size > 0);
          if (members.size > 0) model.set(key, members);
          else model.delete(key);
          if (members.size === 0 && purge) table.release(slot);
        }
        assert.equal(table.entries, model.size);
        assert.equal(table.groupCount(0) + table.groupCount(1), model.size);
        for (let pick = 0; pick < 4; pick++) {
          for (let group = 0; group < 6; group++) {
            const scope = makeScope(pick & 1, 10, pick >> 1);
            const slot = table.find(scope, group, 0, 0, group * 7);
            const members = model.get(`${scope} ${group}`);
            assert.equal(slot >= 0, members !== undefined);
            if (slot < 0) continue;
            for (let channel = 0; channel < 70; channel++) {
              assert.equal(table.has(slot, channel), members?.has(channel) ?? false);
            }
          }
        }
      },
    ),
  );
});

test("BR-8 the digest is the same whatever the order of joins, and differs by one channel", () => {
  const make = (order: readonly number[], more = false): GroupTable => {
    const table = new GroupTable(16, 8, 1);
    for (const group of order) {
      const slot = table.obtain(makeScope(0, 1, 0), Kind.Group, 0, 0, 0, group);
      table.set(slot, group % 8, true);
      table.setLive(slot, true);
    }
    const slot = table.find(makeScope(0, 1, 0), 0, 0, 0, 3);
    if (more) table.set(slot, 7, true);
    return table;
  };
  assert.equal(make([1, 2, 3, 4]).digest, make([4, 1, 3, 2]).digest);
  assert.notEqual(make([1, 2, 3]).digest, make([1, 2, 3], true).digest);
});

test("BR-8 one row of routers for each VLAN and family, found without a search", () => {
  const table = new GroupTable(4, 8, 2);
  const scope = makeScope(1, 4094, 1);
  const slot = table.obtain(scope, Kind.Routers, 0, 0, 0, 0);
  assert.equal(table.routers(scope), -1, "not yet live");
  table.setLive(slot, true);
  assert.equal(table.routers(scope), slot);
  assert.equal(table.obtain(scope, Kind.Routers, 0, 0, 0, 0), slot);
  assert.equal(table.routers(makeScope(1, 4094, 0)), -1);
  assert.equal(table.obtain(makeScope(2, 1, 0), Kind.Group, 0, 0, 0, 1), -1, "no such bridge");
  table.release(slot);
  assert.deepEqual([table.routers(scope), table.entries, table.used], [-1, 0, 0]);
  assert.equal(table.state(slot), Slot.Free);
});
