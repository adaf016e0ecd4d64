import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Decoder, Encoder, type Row, Writer } from "./past-codec.ts";
import { PastStore, type Reading } from "./past-store.ts";

/** Values as rows have them, and some that they never have. */
const value: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 300 }) },
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom<unknown>(-0, 0, 0.5, 0.123, 2 ** 51, -(2 ** 51), 2 ** 51 + 1, Number.NaN, null),
  fc.constantFrom<unknown>(true, false, undefined, "", "up", "down", [], ["p0", "p1"], { a: 1 }),
  fc.string({ maxLength: 12, unit: "grapheme" }),
);
const row: fc.Arbitrary<Row> = fc
  .tuple(
    fc.constantFrom("p0", "p1", "p2", "p3", "p4"),
    fc.dictionary(fc.constantFrom("a", "b", "c", "age-ms", "__proto__x"), value),
  )
  .map(([port, rest]) => ({ port, ...rest }));
const rows: fc.Arbitrary<Row[]> = fc.array(row, { maxLength: 8 });

/** Rows as a reader gets them: what is undefined is not there. */
const plain = (list: readonly Row[]): Row[] =>
  list.map((one) =>
    Object.fromEntries(Object.entries(one).filter(([, what]) => what !== undefined)),
  );

test("OPS-2 rows come back from their differences exactly, whatever they were", () => {
  fc.assert(
    fc.property(fc.array(rows, { minLength: 1, maxLength: 12 }), (states) => {
      const encoder = new Encoder(["port"]);
      const decoder = new Decoder();
      for (const state of states) {
        const out = new Writer();
        encoder.encode(state, out);
        const bytes = out.written().slice();
        assert.ok(bytes.length > 0);
        decoder.apply(bytes, 0, bytes.length);
        assert.deepEqual(decoder.rows(), plain(state));
      }
    }),
    { numRuns: 500 },
  );
});

test("OPS-2 what goes on as it went takes one byte: counters at an even rate, ages, everything that rests", () => {
  const encoder = new Encoder(["port"]);
  const decoder = new Decoder();
  const sizes: number[] = [];
  for (let n = 0; n < 10; n++) {
    const out = new Writer();
    const state = Array.from({ length: 10 }, (_, port) => ({
      port: `p${port}`,
      link: "up",
      members: ["a", "b"],
      "frames-received": 1000 * n * port,
      "bytes-received": 2 ** 40 + 64_000 * n * port,
      "since-ms": 5 + 2000 * n,
    }));
    encoder.encode(state, out);
    sizes.push(out.at);
    decoder.apply(out.written().slice(), 0, out.at);
    assert.deepEqual(decoder.rows(), state);
  }
  assert.deepEqual(sizes.slice(2), new Array(8).fill(1), sizes.join(" "));
});

/** One step of the model: an object read, or time that passes. */
interface Step {
  readonly pause: number;
  readonly a: Reading | undefined;
  readonly b: Reading | undefined;
}
const reading = fc.option(fc.oneof({ weight: 5, arbitrary: rows }, fc.constant("too many")), {
  nil: undefined,
});
const step: fc.Arbitrary<Step> = fc.record({
  pause: fc.integer({ min: 1, max: 5000 }),
  a: reading,
  b: reading,
});

/** The model: every whole snapshot, for ever. */
interface Whole {
  readonly time: number;
  readonly state: Readonly<Record<"a" | "b", { reading: Reading; time: number } | undefined>>;
}

function matches(store: PastStore, whole: Whole, asked: number): void {
  for (const name of ["a", "b"] as const) {
    const expected = whole.state[name];
    const found = store.at(name, asked);
    if (expected === undefined) assert.equal(found, undefined);
    else if (typeof expected.reading === "string") assert.equal(found, expected.reading);
    else {
      assert.ok(typeof found === "object", `${name} at ${asked}: ${String(found)}`);
      assert.deepEqual(found.rows, plain(expected.reading));
      assert.equal(found.time, expected.time);
    }
  }
}

test("OPS-2 every moment that is kept is what was recorded, within the bytes allowed, oldest forgotten first", () => {
  let dropped = 0;
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 20, maxLength: 120 }),
      fc.constantFrom(24_000, 64_000, 1_000_000),
      fc.integer({ min: 10_000, max: 400_000 }),
      (steps, limit, keep) => {
        const store = new PastStore(limit, [
          { name: "a", keys: ["port"] },
          { name: "b", keys: [] },
        ]);
        const model: Whole[] = [];
        let time = 0;
        for (const { pause, a, b } of steps) {
          time += pause;
          const readings = new Map<string, Reading>();
          const state: Record<"a" | "b", Whole["state"]["a"]> = {
            ...(model.at(-1)?.state ?? { a: undefined, b: undefined }),
          };
          for (const [name, what] of [
            ["a", a],
            ["b", b],
          ] as const) {
            if (what === undefined) continue;
            readings.set(name, what);
            state[name] = { reading: what, time };
          }
          // An object that takes too much for the room is left out; the model says so too.
          assert.equal(store.add(time, readings), true);
          store.forget(time - keep);
          model.push({ time, state });
          assert.ok(store.bytes <= limit, `${store.bytes} of ${limit}`);
        }
        const { oldest, newest } = store;
        assert.equal(newest, time);
        assert.ok(oldest !== undefined);
        assert.equal(store.at("a", oldest - 1), undefined);
        const kept = model.filter((whole) => whole.time >= oldest);
        dropped += model.length - kept.length;
        assert.deepEqual(
          [...store.times()],
          kept.map((whole) => whole.time),
        );
        for (const [n, whole] of kept.entries()) {
          const until = kept[n + 1]?.time ?? whole.time + 10;
          for (const asked of [whole.time, until - 1]) {
            const tooLarge = (["a", "b"] as const).some((name) =>
              String(store.at(name, asked)).startsWith("its rows take more"),
            );
            if (!tooLarge) matches(store, whole, asked);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
  assert.ok(dropped > 0, "some were forgotten");
});

/** Rows of random numbers: nothing about them can be foreseen. */
const noise = (count: number, seed: number): Row[] =>
  Array.from({ length: count }, (_, n) => ({
    port: `p${n}`,
    a: Math.sin(seed * 1000 + n),
    b: `${seed} ${n}`,
  }));

test("OPS-2 the bound holds against rows that cannot be foreseen, and the newest past stays", () => {
  const limit = 256 * 1024;
  const store = new PastStore(limit, [{ name: "a", keys: ["port"] }]);
  for (let n = 0; n < 2000; n++) {
    assert.ok(store.add(n * 2000, new Map([["a", noise(100, n)]])));
    assert.ok(store.bytes <= limit);
  }
  const found = store.at("a", 1999 * 2000);
  assert.ok(typeof found === "object");
  assert.deepEqual(found.rows, noise(100, 1999));
  const moments = [...store.times()].length;
  assert.ok(moments > 50 && moments < 200, `${moments} moments`);
});

test("OPS-2 an object that takes too much is left out and says so, and is there again when it is small", () => {
  const limit = 256 * 1024;
  const store = new PastStore(limit, [
    { name: "a", keys: ["port"] },
    { name: "b", keys: ["port"] },
  ]);
  const small = [{ port: "p0", up: true }];
  store.add(
    1000,
    new Map([
      ["a", small],
      ["b", small],
    ]),
  );
  store.add(
    2000,
    new Map([
      ["a", noise(2000, 1)],
      ["b", small],
    ]),
  );
  store.add(3000, new Map([["a", small]]));
  assert.equal(store.at("a", 2500), "its rows take more than 4096 bytes");
  for (const [name, asked, time] of [
    ["a", 1500, 1000],
    ["b", 3000, 2000],
    ["a", 3000, 3000],
  ] as const)
    assert.deepEqual(store.at(name, asked), { rows: small, time });
});

test("OPS-2 an object whose rows are the very same list costs no look and few bytes", () => {
  const store = new PastStore(1_000_000, [{ name: "a", keys: ["port"] }]);
  const same = noise(500, 1).map((one) => Object.freeze(one));
  store.add(0, new Map([["a", same.slice(0, 20)]]));
  const list = same.slice(0, 20);
  store.add(1, new Map([["a", list]]));
  for (let n = 2; n < 200; n++) store.add(n, new Map([["a", list]]));
  const sizes = Array.from(store.moments(), ({ objects }) => objects[0]?.bytes);
  assert.deepEqual(sizes.slice(2), new Array(198).fill(0));
  assert.deepEqual(store.at("a", 150), { rows: list.map((one) => ({ ...one })), time: 150 });
});
