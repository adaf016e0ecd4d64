import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as checksum from "./checksum.ts";
import { parseHex } from "./text.ts";

/** RFC 1071 section 1 by the letter, over an array, with the carry added at every step. */
function model(bytes: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < bytes.length; index += 2) {
    sum += (bytes[index] ?? 0) * 256 + (bytes[index + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return 0xffff - sum;
}

/** Zero and all ones are the same number in ones' complement. */
const same = (a: number, b: number): boolean => a % 0xffff === b % 0xffff;

const bytes = fc.uint8Array({ minLength: 0, maxLength: 200 });
const word = fc.nat(0xffff);

test("the example of RFC 1071 section 3 sums to ddf2", () => {
  const view = new DataView((parseHex("0001 f203 f4f5 f6f7") ?? new Uint8Array()).buffer);
  assert.equal(checksum.add(view, 0, 8, 0), 0xddf2);
});

test("the checksum is that of a simple model for every content and length", () => {
  fc.assert(
    fc.property(bytes, (data) => {
      const view = new DataView(data.slice().buffer);
      assert.equal(checksum.compute(view, 0, data.length), model(data));
    }),
    { numRuns: 500 },
  );
});

test("a block of 64 KiB of ones does not overflow", () => {
  for (const length of [32767, 32768, 32770, 65535, 65600]) {
    const data = new Uint8Array(length).fill(0xff);
    assert.equal(checksum.compute(new DataView(data.buffer), 0, length), model(data), `${length}`);
  }
});

test("pieces of even length may be summed one after the other", () => {
  fc.assert(
    fc.property(bytes, fc.nat(100), (data, half) => {
      const view = new DataView(data.slice().buffer);
      const cut = Math.min(half * 2, data.length & ~1);
      const pieces = checksum.add(view, cut, data.length, checksum.add(view, 0, cut, 0));
      assert.ok(same(checksum.finish(pieces), model(data)));
    }),
  );
});

test("copying and summing at once copies exactly and sums the same", () => {
  fc.assert(
    fc.property(bytes, (data) => {
      const room = new Uint8Array(500).fill(0xee);
      room.set(data, 0);
      const view = new DataView(room.buffer);
      const sum = checksum.copyAdd(view, 0, 250, data.length, 0);
      assert.equal(checksum.finish(sum), model(data));
      assert.deepEqual(room.slice(250, 250 + data.length), data);
      assert.equal(room[250 + data.length], 0xee);
      assert.equal(room[249], 0xee);
    }),
  );
});

test("verify accepts a right checksum and finds every changed byte", () => {
  const data = parseHex("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7") ?? new Uint8Array();
  assert.ok(checksum.verify(new DataView(data.buffer), 0, 20));
  for (let index = 0; index < 20; index++) {
    const broken = data.slice();
    broken[index] = ((broken[index] ?? 0) + 1) & 0xff;
    assert.ok(!checksum.verify(new DataView(broken.buffer), 0, 20));
  }
});

test("the incremental update equals the computation anew (RFC 1624)", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), word, (data, changed) => {
      const view = new DataView(data.slice().buffer);
      const before = checksum.compute(view, 0, 20);
      const old = view.getUint16(8);
      view.setUint16(8, changed);
      assert.ok(same(checksum.update(before, old, changed), checksum.compute(view, 0, 20)));
      const old32 = view.getUint32(12);
      const next = (changed * 65537) >>> 0;
      const half = checksum.compute(view, 0, 20);
      view.setUint32(12, next);
      assert.ok(same(checksum.update32(half, old32, next), checksum.compute(view, 0, 20)));
    }),
    { numRuns: 500 },
  );
});

test("the corner case of RFC 1624 section 4 gives 0000 and not ffff", () => {
  assert.equal(checksum.update(0xdd2f, 0x5555, 0x3285), 0x0000);
});
