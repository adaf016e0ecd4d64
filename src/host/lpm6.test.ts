import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatIpv6, parseIpv6Prefix } from "../wire/text.ts";
import { Lpm6 } from "./lpm6.ts";

type Words = [number, number, number, number];

/** Bits of an address as text: slow, and shares nothing with the trie. */
const bits = (words: Words): string =>
  words.map((word) => (word >>> 0).toString(2).padStart(32, "0")).join("");

/** Every prefix of the address, longest first, looked up in a plain Map. */
class Model {
  readonly map = new Map<string, number>();

  set(words: Words, length: number, value: number): void {
    this.map.set(bits(words).slice(0, length), value);
  }

  remove(words: Words, length: number): boolean {
    return this.map.delete(bits(words).slice(0, length));
  }

  lookup(words: Words): number {
    const text = bits(words);
    for (let length = 128; length >= 0; length--) {
      const value = this.map.get(text.slice(0, length));
      if (value !== undefined) return value;
    }
    return 0;
  }
}

/** Few different words, so that prefixes meet, nest and part at every bit. */
const word = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0, 0xffffffff, 0x80000000, 1, 0x20010db8, 0x20010db9) },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 0, max: 31 }).map((bit) => (1 << bit) >>> 0),
  },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffffffff }) },
);
const address = fc.tuple(word, word, word, word);
const length = fc.oneof(
  fc.constantFrom(0, 1, 31, 32, 33, 48, 63, 64, 65, 95, 96, 97, 127, 128),
  fc.integer({ min: 0, max: 128 }),
);

test("a table equals a plain map of prefixes after any operations", () => {
  const operation = fc.record({
    kind: fc.constantFrom("insert", "insert", "remove"),
    address,
    length,
    value: fc.integer({ min: 1, max: 0x1ffffff }),
  });
  fc.assert(
    fc.property(
      fc.array(operation, { maxLength: 120 }),
      fc.array(address, { maxLength: 20 }),
      (operations, others) => {
        const table = new Lpm6();
        const model = new Model();
        for (const { kind, address: words, length: bitCount, value } of operations) {
          if (kind === "insert") {
            table.insert(...words, bitCount, value);
            model.set(words, bitCount, value);
          } else {
            assert.equal(table.remove(...words, bitCount), model.remove(words, bitCount));
          }
          assert.equal(table.size, model.map.size);
          assert.equal(table.lookup(...words), model.lookup(words));
        }
        const asked = [...operations.map((one) => one.address), ...others];
        for (const words of asked) assert.equal(table.lookup(...words), model.lookup(words));
        let rows = 0;
        for (let row = 0; row < table.capacity; row++) {
          if (!table.isUsed(row)) continue;
          rows++;
          const words: Words = [0, 1, 2, 3].map((index) => table.word(row, index)) as Words;
          const held = table.length(row);
          assert.equal(model.map.get(bits(words).slice(0, held)), table.value(row));
          assert.equal(table.get(...words, held), table.value(row));
        }
        assert.equal(rows, model.map.size);
      },
    ),
    { numRuns: 300 },
  );
});

test("forty thousand routes answer like the model, and give their nodes back", () => {
  let seed = 11;
  const random = (): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed;
  };
  const table = new Lpm6();
  const model = new Model();
  const list: { words: Words; bitCount: number }[] = [];
  for (let n = 0; n < 40_000; n++) {
    const bitCount = [32, 48, 48, 48, 44, 40, 56, 64, 128, 29][(random() >>> 8) % 10] as number;
    const words: Words = [0x20000000 | (random() >>> 4), random(), random(), random()];
    list.push({ words, bitCount });
    table.insert(...words, bitCount, n + 1);
    model.set(words, bitCount, n + 1);
  }
  assert.equal(table.size, model.map.size);
  for (const { words } of list.slice(0, 5000)) {
    assert.equal(table.lookup(...words), model.lookup(words));
    const near: Words = [words[0], words[1] ^ (1 << (random() >>> 27)), words[2], words[3]];
    assert.equal(table.lookup(...near), model.lookup(near));
  }
  const { bytes } = table;
  assert.ok(bytes <= 16 << 20, `${bytes} bytes`);
  for (const { words, bitCount } of list) table.remove(...words, bitCount);
  assert.equal(table.size, 0);
  for (const [n, { words, bitCount }] of list.entries()) table.insert(...words, bitCount, n + 1);
  assert.equal(table.bytes, bytes, "removed nodes are used again");
});

test("RFC 7608: the longest prefix wins at every length from 0 to 128", () => {
  const table = new Lpm6();
  const words: Words = [0x20010db8, 0xa5a5a5a5, 0x5a5a5a5a, 0xdeadbeef];
  for (let bitCount = 0; bitCount <= 128; bitCount++) {
    table.insert(...words, bitCount, bitCount + 1);
    assert.equal(table.lookup(...words), bitCount + 1);
  }
  for (let bitCount = 0; bitCount < 128; bitCount++) {
    const other: Words = [...words];
    other[bitCount >> 5] = ((other[bitCount >> 5] as number) ^ (1 << (31 - (bitCount & 31)))) >>> 0;
    assert.equal(table.lookup(...other), bitCount + 1, `differs in bit ${bitCount}`);
  }
  for (let bitCount = 128; bitCount > 0; bitCount--) {
    assert.ok(table.remove(...words, bitCount));
    assert.ok(!table.remove(...words, bitCount));
    assert.equal(table.lookup(...words), bitCount);
  }
});

test("host bits of a route are ignored and its prefix is listed without them", () => {
  const table = new Lpm6();
  const route = parseIpv6Prefix("2001:db8:1:2:3:4:5:6/44");
  assert.ok(route !== undefined);
  table.insert(...route.address, route.length, 7);
  const row = [...Array(table.capacity).keys()].find((at) => table.isUsed(at)) ?? -1;
  const text = formatIpv6(
    table.word(row, 0),
    table.word(row, 1),
    table.word(row, 2),
    table.word(row, 3),
  );
  assert.equal(`${text}/${table.length(row)}`, "2001:db8::/44");
});
