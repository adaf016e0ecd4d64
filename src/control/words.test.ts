import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { match, parseVlans } from "./address.ts";
import { parseAddress } from "./network.ts";
import { editDistance, formatDuration, nearest, parseDuration } from "./words.ts";

test("durations have a unit and come as milliseconds", () => {
  const values = {
    "200ms": 200,
    "1s": 1000,
    "5m": 300_000,
    "2h": 7_200_000,
    "1.5s": 1500,
    "0s": 0,
  };
  for (const [text, millis] of Object.entries(values)) assert.equal(parseDuration(text), millis);
  assert.ok(Math.abs((parseDuration("250us") ?? 0) - 0.25) < 1e-9);
  for (const text of ["5", "", "s", "-1s", "1 s", "1d", "1e3s", 5, null, undefined, "1.s"]) {
    assert.equal(parseDuration(text), undefined, String(text));
  }
});

test("a duration that is printed reads back the same", () => {
  fc.assert(
    fc.property(fc.nat({ max: 1_000_000_000 }), (millis) => {
      assert.equal(parseDuration(formatDuration(millis)), millis);
    }),
  );
});

test("the edit distance is Levenshtein's", () => {
  assert.equal(editDistance("kitten", "sitting"), 3);
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("abc", "abc"), 0);
});

test("the nearest word is one that may have been meant", () => {
  const words = ["access-vlan", "native-vlan", "mode", "count"];

  assert.equal(nearest("acces-vlan", words), "access-vlan");
  assert.equal(nearest("cuont", words), "count");
  assert.equal(nearest("zzzzz", words), "");
  assert.equal(nearest("p2", ["p0", "p1"]), "");
});

test("VLAN lists take numbers, ranges and lists, each VLAN once", () => {
  assert.deepEqual(parseVlans("10,20-22, 21"), [10, 20, 21, 22]);
  assert.deepEqual(parseVlans(7), [7]);
  assert.deepEqual(parseVlans([3, "1-2"]), [1, 2, 3]);
  for (const value of ["0", "4095", "5-3", "", "1-", "a", null, true, "1,,2", {}]) {
    assert.equal(parseVlans(value), undefined, JSON.stringify(value));
  }
});

test("an address alone matches itself", () => {
  assert.deepEqual(match.safeParse("192.0.2.1").data, { ipv4: 0xc0000201, length: 32 });
  assert.deepEqual(match.safeParse("192.0.2.0/24").data, { ipv4: 0xc0000200, length: 24 });
  assert.deepEqual(parseAddress("::1"), { ipv6: [0, 0, 0, 1] });
  assert.equal(parseAddress("192.0.2.1/24"), undefined);
});
