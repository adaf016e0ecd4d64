import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Buckets } from "../lib/token-buckets.ts";
import { makeVersion, sequenceOf, writerOf } from "../lib/version.ts";
import { State } from "./machine.ts";
import { Table } from "./table.ts";

const LIVE = [State.Reachable, State.Probing, State.Pending, State.Failed, State.Gone];

test("ARP-1 the table agrees with a Map after every random operation, and its lists and digest with its columns", () => {
  const step = fc.tuple(fc.nat(2), fc.nat(11), fc.constantFrom(...LIVE, State.None), fc.nat(5));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = new Table(16);
      const model = new Map<string, { state: State; mac: number; isStatic: boolean }>();
      let now = 0;
      for (const [iface, low, state, mac] of steps) {
        now++;
        const key = `${iface} ${low}`;
        let slot = table.find(iface, 0xc0000200 + low);
        assert.equal(slot >= 0, model.has(key));
        if (slot < 0) {
          slot = table.create(iface, 0xc0000200 + low);
          assert.equal(slot < 0, model.size === 16);
          if (slot < 0) continue;
        }
        const isStatic = mac === 5;
        if (state <= State.Probing) table.assign(slot, mac, isStatic, now, now);
        table.enter(slot, state);
        if (state === State.None) model.delete(key);
        else if (state <= State.Probing) model.set(key, { state, mac, isStatic });
        else model.set(key, { state, mac: 0, isStatic: false });
        table.check();
        const of = (...states: State[]): number =>
          [...model.values()].filter((entry) => states.includes(entry.state)).length;
        assert.equal(table.entries, of(State.Reachable, State.Probing));
        assert.equal(table.pending, of(State.Pending));
        assert.equal(table.failed, of(State.Failed));
      }
      for (const [key, { state, mac, isStatic }] of model) {
        const [iface, low] = key.split(" ").map(Number) as [number, number];
        const slot = table.find(iface, 0xc0000200 + low);
        assert.equal(table.state(slot), state);
        if (!table.isUsable(slot)) continue;
        assert.equal(table.mac(slot), mac);
        assert.equal(table.isStatic(slot), isStatic);
      }
    }),
    { numRuns: 200 },
  );
});

test("the digest is the same for the same entries in any order, and differs for another MAC, interface or kind", () => {
  const digest = (entries: [number, number, number, boolean][]): number => {
    const table = new Table(16);
    for (const [iface, address, mac, isStatic] of entries) {
      const slot = table.create(iface, address);
      table.assign(slot, mac, isStatic, 1, 0);
      table.enter(slot, State.Reachable);
    }
    return table.digest;
  };
  const base = digest([
    [0, 1, 0x020000000001, false],
    [1, 2, 0x020000000002, false],
  ]);
  assert.equal(
    digest([
      [1, 2, 0x020000000002, false],
      [0, 1, 0x020000000001, false],
    ]),
    base,
  );
  for (const other of [
    [0, 2, 0x020000000002, false],
    [1, 2, 0x020000000003, false],
    [1, 2, 0x030000000002, false],
    [1, 2, 0x020000000002, true],
  ] as [number, number, number, boolean][]) {
    assert.notEqual(digest([[0, 1, 0x020000000001, false], other]), base);
  }
  assert.equal(digest([]), 0);
});

test("ARP-8 the table gives up an entry that was not used before any that was, whatever their age", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(19), { maxLength: 19 }), (used) => {
      const table = new Table(20);
      for (let n = 0; n < 20; n++) {
        const slot = table.create(0, n);
        table.assign(slot, n + 2, false, n, n);
        table.enter(slot, State.Reachable);
      }
      for (const n of used) table.use(table.find(0, n), 100 + n, 0);
      const order: number[] = [];
      while (table.entries > 0) {
        const slot = table.leastUsed();
        order.push(table.address(slot));
        table.enter(slot, State.None);
      }
      const unused = order.slice(0, 20 - used.length);
      for (const n of unused) assert.ok(!used.includes(n), `${n} was used`);
    }),
  );
});

test("the slot to forget first is the oldest deletion, then the oldest failure, and never a pending one", () => {
  const table = new Table(6);
  const states = [State.Pending, State.Failed, State.Gone, State.Failed, State.Gone];
  for (const [n, state] of states.entries()) table.enter(table.create(0, n), state);
  const order: number[] = [];
  for (let slot = table.forgettable(); slot >= 0; slot = table.forgettable()) {
    order.push(table.address(slot));
    table.enter(slot, State.None);
  }
  assert.deepEqual(order, [2, 4, 1, 3]);
});

test("the pending address to give up is the oldest of the interface that has most", () => {
  const table = new Table(8);
  for (const [iface, address] of [
    [0, 1],
    [1, 2],
    [1, 3],
    [2, 4],
  ] as const) {
    table.enter(table.create(iface, address), State.Pending);
  }
  assert.equal(table.address(table.oldestPending()), 2);
});

test("a version holds its sequence and writer, and orders by sequence first", () => {
  assert.equal(sequenceOf(makeVersion(4_000_000_000, 63)), 4_000_000_000);
  assert.equal(writerOf(makeVersion(4_000_000_000, 63)), 63);
  assert.ok(makeVersion(5, 0) > makeVersion(4, 63));
  assert.ok(makeVersion(4, 2) > makeVersion(4, 1));
});

test("a bucket gives its burst, then its rate, and one bucket's emptiness is not another's", () => {
  const buckets = new Buckets(2, 100);
  const take = (bucket: number, now: number): number => {
    let taken = 0;
    while (buckets.take(bucket, now)) taken++;
    return taken;
  };
  assert.equal(take(0, 0), 100);
  assert.equal(take(0, 250), 25);
  assert.equal(take(1, 250), 100);
  assert.equal(take(0, 100_000), 100);
  assert.equal(buckets.take(2, 0), false);
  buckets.configure(3, 10);
  assert.equal(take(0, 100_000), 0);
  assert.equal(take(2, 100_000), 10);
});
