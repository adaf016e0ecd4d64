import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseIpv4, parseIpv4Prefix } from "../wire/text.ts";
import { Lpm } from "./lpm.ts";
import { mask, Prefixes } from "./prefixes.ts";

const ip = (text: string): number => parseIpv4(text) ?? Number.NaN;
function insert(lpm: Lpm, text: string, value: number): void {
  const prefix = parseIpv4Prefix(text);
  assert.ok(prefix !== undefined);
  lpm.insert(prefix.address, prefix.length, value);
}

/** The naive model: every prefix in a list, the longest that matches wins. */
class Model {
  readonly routes = new Map<string, { network: number; length: number; value: number }>();

  insert(address: number, length: number, value: number): void {
    const network = (address & mask(length)) >>> 0;
    this.routes.set(`${network}/${length}`, { network, length, value });
  }

  remove(address: number, length: number): boolean {
    return this.routes.delete(`${(address & mask(length)) >>> 0}/${length}`);
  }

  lookup(address: number): number {
    let best = { length: -1, value: 0 };
    for (const route of this.routes.values()) {
      if ((address & mask(route.length)) >>> 0 !== route.network) continue;
      if (route.length > best.length) best = route;
    }
    return best.value;
  }
}

test("RFC 1812 5.2.4.3: the longest matching prefix wins, whatever the order of insertion", () => {
  const texts = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.0/24",
    "10.1.2.3/32",
    "10.1.2.2/31",
  ];
  for (const order of [texts, texts.toReversed()]) {
    const lpm = new Lpm();
    for (const text of order) insert(lpm, text, texts.indexOf(text) + 1);

    assert.equal(lpm.lookup(ip("192.0.2.1")), 1);
    assert.equal(lpm.lookup(ip("10.200.0.1")), 2);
    assert.equal(lpm.lookup(ip("10.1.3.1")), 3);
    assert.equal(lpm.lookup(ip("10.1.2.200")), 4);
    assert.equal(lpm.lookup(ip("10.1.2.3")), 5);
    assert.equal(lpm.lookup(ip("10.1.2.2")), 6);
  }
});

test("an empty table and a table without a default route know no way", () => {
  const lpm = new Lpm();
  assert.equal(lpm.lookup(ip("192.0.2.1")), 0);
  insert(lpm, "192.0.2.0/24", 7);
  assert.equal(lpm.lookup(ip("192.0.2.1")), 7);
  assert.equal(lpm.lookup(ip("192.0.3.1")), 0);
});

test("a removed prefix uncovers the next shorter one on every level", () => {
  const lpm = new Lpm();
  for (let length = 0; length <= 32; length++) lpm.insert(ip("203.0.113.77"), length, length + 1);
  for (let length = 32; length >= 0; length--) {
    assert.equal(lpm.lookup(ip("203.0.113.77")), length + 1);
    assert.ok(lpm.remove(ip("203.0.113.77"), length));
    assert.ok(!lpm.remove(ip("203.0.113.77"), length));
  }
  assert.equal(lpm.lookup(ip("203.0.113.77")), 0);
});

test("routes that come and go do not grow the table", () => {
  const lpm = new Lpm();
  for (let round = 0; round < 200; round++) {
    for (let n = 0; n < 60; n++) lpm.insert(((n << 24) | (round << 8) | n) >>> 0, 32, 1);
    for (let n = 0; n < 60; n++) lpm.remove(((n << 24) | (round << 8) | n) >>> 0, 32);
  }
  assert.equal(lpm.prefixes.size, 0);
  assert.ok(lpm.bytes < 4.1 * 2 ** 20, `${lpm.bytes} bytes`);
});

test("HOST-3 random inserts, changes and removals equal a naive list", () => {
  // Few distinct bits, so that prefixes nest, meet in one block and are removed again.
  const address = fc.integer({ min: 0, max: 0xfff }).map((bits) => {
    const high = [0x0a000000, 0x0a001000, 0xc0000200, 0xffff_f000][bits >> 10] as number;
    return (high | (bits & 0x3ff)) >>> 0;
  });
  const operation = fc.record({
    remove: fc.boolean(),
    address,
    length: fc.oneof(fc.integer({ min: 0, max: 32 }), fc.integer({ min: 18, max: 32 })),
    value: fc.integer({ min: 1, max: 1000 }),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), fc.array(address), (operations, probes) => {
      const lpm = new Lpm();
      const model = new Model();
      for (const { remove, address: at, length, value } of operations) {
        if (remove) assert.equal(lpm.remove(at, length), model.remove(at, length));
        else {
          lpm.insert(at, length, value);
          model.insert(at, length, value);
        }
        assert.equal(lpm.prefixes.size, model.routes.size);
        assert.equal(lpm.lookup(at), model.lookup(at));
        for (const probe of probes) assert.equal(lpm.lookup(probe), model.lookup(probe));
      }
    }),
    { numRuns: 400 },
  );
});

test("HOST-3 100,000 random routes are found again, and removed one by one", () => {
  const lpm = new Lpm();
  let seed = 1;
  const next = (): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed;
  };
  const routes: { address: number; length: number }[] = [];
  while (lpm.prefixes.size < 100_000) {
    const route = { address: next(), length: 12 + ((next() >>> 8) % 21) };
    lpm.insert(route.address, route.length, 1 + (next() >>> 7));
    routes.push(route);
  }
  assert.ok(lpm.bytes < 40 * 2 ** 20, `${lpm.bytes} bytes`);
  for (const { address } of routes.slice(0, 2000)) {
    let expected = 0;
    for (let length = 32; expected === 0; length--) {
      expected = lpm.prefixes.get((address & mask(length)) >>> 0, length);
    }
    assert.equal(lpm.lookup(address), expected);
  }
  for (const { address, length } of routes) lpm.remove(address, length);
  assert.equal(lpm.prefixes.size, 0);
  for (const { address } of routes) assert.equal(lpm.lookup(address), 0);
});

test("exact prefixes equal a plain Map under random operations", () => {
  const operation = fc.record({
    remove: fc.boolean(),
    address: fc.integer({ min: 0, max: 200 }).map((n) => Math.imul(n, 0x01000193) >>> 0),
    length: fc.integer({ min: 0, max: 32 }),
    value: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
      const prefixes = new Prefixes();
      const model = new Map<string, number>();
      for (const { remove, address, length, value } of operations) {
        const key = `${address}/${length}`;
        if (remove) {
          assert.equal(prefixes.remove(address, length), model.get(key) ?? 0);
          model.delete(key);
        } else {
          assert.equal(prefixes.set(address, length, value), model.get(key) ?? 0);
          model.set(key, value);
        }
      }
      const listed = new Map<string, number>();
      for (let row = 0; row < prefixes.capacity; row++) {
        if (!prefixes.isUsed(row)) continue;
        listed.set(`${prefixes.address(row)}/${prefixes.length(row)}`, prefixes.value(row));
      }
      assert.deepEqual([...listed].sort(), [...model].sort());
      assert.equal(prefixes.size, model.size);
    }),
  );
});
