import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { State } from "./machine.ts";
import { Table } from "./table.ts";

const USABLE = [State.Reachable, State.Stale, State.Delay, State.Probe] as const;
const STATES = [...USABLE, State.Incomplete, State.Wanted, State.Gone] as const;

interface Row {
  state: State;
  mac: number;
  router: boolean;
  fixed: boolean;
}

test("ND-1 random operations leave the table equal to a plain Map, with lists, counts and digest", () => {
  const operation = fc.record({
    what: fc.constantFrom("create", "enter", "assign", "delete", "find"),
    iface: fc.nat(1),
    // Few words, so that keys collide and are used again.
    words: fc.tuple(fc.nat(2), fc.nat(1), fc.nat(1), fc.nat(6)),
    state: fc.constantFrom(...STATES),
    mac: fc.integer({ min: 1, max: 0xffffff }),
    router: fc.boolean(),
    fixed: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
      const table = new Table(24, 7);
      const model = new Map<string, Row>();
      for (const { what, iface, words, state, mac, router, fixed } of operations) {
        const [a, b, c, d] = words;
        const key = `${iface} ${words.join(" ")}`;
        const slot = table.find(iface, a, b, c, d);
        const row = model.get(key);
        assert.equal(slot >= 0, row !== undefined);
        if (slot < 0) {
          if (what !== "create") continue;
          const made = table.create(iface, a, b, c, d);
          assert.equal(made < 0, model.size === 24, "only a full table refuses");
          if (made < 0) continue;
          table.assign(made, mac, router, fixed, 1);
          table.enter(made, state);
          model.set(key, { state, mac, router, fixed });
        } else if (row !== undefined && what === "enter") {
          table.become(slot, state);
          row.state = state;
        } else if (row !== undefined && what === "assign") {
          if (row.state > State.Probe) continue;
          table.assign(slot, mac, router, fixed, 2);
          Object.assign(row, { mac, router, fixed });
        } else if (what === "delete") {
          table.enter(slot, State.None);
          model.delete(key);
        }
        table.check();
      }
      for (const [key, row] of model) {
        const [iface, a, b, c, d] = key.split(" ").map(Number) as [
          number,
          number,
          number,
          number,
          number,
        ];
        const slot = table.find(iface, a, b, c, d);
        assert.deepEqual(
          [table.state(slot), table.mac(slot), table.isRouter(slot), table.isStatic(slot)],
          [row.state, row.mac, row.router, row.fixed],
        );
        assert.deepEqual(
          [0, 1, 2, 3].map((word) => table.word(slot, word)),
          [a, b, c, d],
        );
      }
      const usable = [...model.values()].filter(({ state }) => state <= State.Probe).length;
      const pending = [...model.values()].filter(
        ({ state }) => state === State.Incomplete || state === State.Wanted,
      ).length;
      assert.equal(table.entries, usable);
      assert.equal(table.pending, pending);
    }),
  );
});

test("the digest does not depend on order, and does on what must be equal on all cores", () => {
  const fill = (order: readonly number[], change = -1): number => {
    const table = new Table(64, order[0]);
    for (const n of order) {
      const slot = table.create(0, 0x20010db8, 0, 0, n);
      table.assign(slot, 0x020000000000 + n, n === change, false, 0);
      table.enter(slot, n % 2 === 0 ? State.Stale : State.Reachable);
    }
    return table.digest;
  };
  const order = Array.from({ length: 40 }, (_, n) => n);
  assert.equal(fill(order), fill(order.toReversed()));
  assert.notEqual(fill(order), fill(order, 7));
});

test("known neighbours stand in the order in which they came, and static ones stand apart", () => {
  const table = new Table(8);
  for (let n = 0; n < 4; n++) {
    const slot = table.create(0, 0, 0, 0, n);
    table.assign(slot, n + 1, false, n === 0, 0);
    table.enter(slot, State.Stale);
  }
  assert.equal(table.oldestKnown(), table.find(0, 0, 0, 0, 1));
  table.demote(table.find(0, 0, 0, 0, 1));
  assert.equal(table.oldestKnown(), table.find(0, 0, 0, 0, 2));
  table.check();
});
