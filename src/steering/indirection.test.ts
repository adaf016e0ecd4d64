import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  addKernelFrames,
  dryRun,
  fillBuckets,
  MAX_BUCKETS,
  moveWordsOf,
  planMove,
  STATE_BUCKETS_AT,
  STATE_BYTES,
  STATE_FRAMES_AT,
} from "./indirection.ts";

test("CORE-4 buckets start as bucket modulo cores", () => {
  const buckets = new Uint8Array(MAX_BUCKETS);
  fillBuckets(buckets, 3);
  assert.deepEqual([...buckets.subarray(0, 7)], [0, 1, 2, 0, 1, 2, 0]);
});

test("CORE-7 nothing moves while cores differ by no more than the threshold", () => {
  const balance = {
    buckets: Uint8Array.of(0, 1),
    frames: Float64Array.of(9, 1),
    loads: Float64Array.of(0.5, 0.3),
  };
  assert.equal(planMove(balance, 0.2), null);
  assert.equal(planMove({ ...balance, loads: Float64Array.of(0.5, 0.5) }, 0), null);
});

test("CORE-7 the bucket that leaves two cores most alike moves from the busiest to the idlest", () => {
  const balance = {
    buckets: Uint8Array.of(0, 0, 0, 1, 2),
    frames: Float64Array.of(60, 30, 10, 5, 50),
    loads: Float64Array.of(0.9, 0.1, 0.5),
  };
  const move = planMove(balance, 0.2);
  assert.ok(move !== null);
  assert.deepEqual([move.bucket, move.from, move.to], [1, 0, 1]);
  assert.ok(Math.abs(move.before - 0.8) < 1e-9 && Math.abs(move.after - 0.26) < 1e-9);
});

test("CORE-7 one bucket that carries all is not thrown to and fro", () => {
  const balance = {
    buckets: Uint8Array.of(0, 1),
    frames: Float64Array.of(100, 0),
    loads: Float64Array.of(0.9, 0),
  };
  assert.equal(planMove(balance, 0.2), null);
});

test("CORE-7 a load that is spread evenly over all buckets of a core moves too", () => {
  const buckets = new Uint8Array(MAX_BUCKETS);
  const balance = {
    buckets,
    frames: new Float64Array(MAX_BUCKETS).fill(10),
    loads: Float64Array.of(0.9, 0),
  };
  const moves = dryRun(balance, 0.2, 1000);
  // Until the cores differ by no more than 0.2: 0.55 and 0.35 of what 128 buckets carry.
  assert.equal(moves.length, 50);
});

test("CORE-7 a core that takes no part neither gives nor gets", () => {
  const buckets = Uint8Array.of(0, 0, 1, 2);
  const frames = Float64Array.of(10, 10, 10, 10);
  const move = planMove({ buckets, frames, loads: Float64Array.of(0.8, -1, 0.1) }, 0.2);
  assert.equal(move?.to, 2);
  assert.equal(
    planMove({ buckets, frames, loads: Float64Array.of(0.8, Number.NaN, -1) }, 0.2),
    null,
  );
});

const balances = fc.record({
  buckets: fc.uint8Array({ minLength: 2, maxLength: 32, max: 3 }),
  frames: fc.array(fc.nat(1000), { minLength: 32, maxLength: 32 }),
  loads: fc.array(fc.nat(100), { minLength: 4, maxLength: 4 }),
});

test("CORE-7 a plan always lowers the difference, ends, and changes nothing", () => {
  fc.assert(
    fc.property(balances, fc.nat(50), (input, percent) => {
      const balance = {
        buckets: input.buckets,
        frames: Float64Array.from(input.frames),
        loads: Float64Array.from(input.loads, (load) => load / 100),
      };
      const before = structuredClone(balance);
      const moves = dryRun(balance, percent / 100, 1000);
      assert.ok(moves.length < 1000);
      assert.deepEqual(balance, before);
      const owner = balance.buckets.slice();
      for (const move of moves) {
        assert.equal(owner[move.bucket], move.from);
        assert.notEqual(move.from, move.to);
        assert.ok(move.before > percent / 100 && move.after < move.before);
        owner[move.bucket] = move.to;
      }
    }),
    { numRuns: 500 },
  );
});

test("CORE-10 move words are found only where the buckets lie in a state page", () => {
  const page = new SharedArrayBuffer(STATE_BYTES * 2);
  assert.ok(moveWordsOf(new Uint8Array(page, STATE_BYTES + STATE_BUCKETS_AT, 128)) !== null);
  assert.equal(moveWordsOf(new Uint8Array(128)), null);
});

test("CORE-10 the kernel's counts are read as 64-bit numbers", () => {
  const page = new DataView(new ArrayBuffer(STATE_BYTES));
  page.setBigUint64(STATE_FRAMES_AT + 8, 0x1_0000_0005n, true);
  const frames = new Float64Array(MAX_BUCKETS);
  addKernelFrames(page, frames);
  assert.equal(frames[1], 0x1_0000_0005);
});
