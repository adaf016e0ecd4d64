import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as bytes from "./bytes.ts";
import * as ethernet from "./ethernet.ts";
import { formatHex, parseMac } from "./text.ts";

const someMac = fc.integer({ min: 0, max: 2 ** 48 - 1 });

test("a MAC that is written is read back, whatever its bits", () => {
  const view = new DataView(new ArrayBuffer(8));
  fc.assert(
    fc.property(someMac, (mac) => {
      bytes.setMac(view, 1, mac);
      assert.equal(bytes.mac(view, 1), mac);
      assert.equal(formatHex(view, 1, 7), mac.toString(16).padStart(12, "0"));
      assert.equal(view.getUint8(0) + view.getUint8(7), 0);
    }),
  );
});

test("copy moves any length exactly, also onto an overlap from below", () => {
  const source = Uint8Array.from({ length: 64 }, (_, index) => index + 1);
  for (let length = 0; length <= 32; length++) {
    const moved = source.slice();
    const view = new DataView(moved.buffer);
    bytes.copy(view, 20, view, 16, length);
    const expected = source.slice();
    expected.set(source.slice(20, 20 + length), 16);
    assert.deepEqual(moved, expected);
  }
});

test("equal compares every byte of the range and none beside it", () => {
  const view = new DataView(Uint8Array.from([1, 2, 3, 9, 1, 2, 3, 8]).buffer);
  assert.ok(bytes.equal(view, 0, view, 4, 3));
  assert.ok(!bytes.equal(view, 0, view, 4, 4));
});

test("the header is written and read at its places", () => {
  const view = new DataView(new ArrayBuffer(20));
  assert.equal(ethernet.writeHeader(view, 2, 0xffffffffffff, 0x02000000000a, 0x0806), 16);
  assert.equal(formatHex(view, 2, 16), "ffffffffffff02000000000a0806");
  assert.equal(ethernet.destination(view, 2), 0xffffffffffff);
  assert.equal(ethernet.source(view, 2), 0x02000000000a);
  assert.equal(ethernet.type(view, 2), 0x0806);
  ethernet.setDestination(view, 2, 0x0180c2000000);
  ethernet.setSource(view, 2, 0xfe0000000001);
  ethernet.setType(view, 2, 0x8100);
  assert.equal(formatHex(view, 2, 16), "0180c2000000fe00000000018100");
});

test("every length below a header is refused", () => {
  const view = new DataView(new ArrayBuffer(20));
  for (let length = 0; length < 14; length++) assert.ok(!ethernet.isValid(view, 0, length));
  assert.ok(ethernet.isValid(view, 0, 14));
});

test("group, local and station bits are those of the first byte", () => {
  const view = new DataView(new ArrayBuffer(6));
  fc.assert(
    fc.property(someMac, (mac) => {
      const first = Math.floor(mac / 2 ** 40);
      bytes.setMac(view, 0, mac);
      assert.equal(ethernet.isGroup(mac), first % 2 === 1);
      assert.equal(ethernet.isGroupDestination(view, 0), first % 2 === 1);
      assert.equal(ethernet.isLocallyAdministered(mac), Math.floor(first / 2) % 2 === 1);
      assert.equal(ethernet.isStation(mac), mac !== 0 && first % 2 === 0);
    }),
  );
  assert.ok(ethernet.isGroup(0xffffffffffff) && ethernet.isBroadcast(0xffffffffffff));
  assert.ok(!ethernet.isStation(0));
});

test("BR-2 the sixteen reserved groups are known, and their neighbours are not", () => {
  for (let last = 0; last <= 15; last++) assert.ok(ethernet.isReservedGroup(0x0180c2000000 + last));
  for (const other of [
    "01:80:c2:00:00:10",
    "01:80:c1:ff:ff:ff",
    "00:80:c2:00:00:00",
    "01:80:c2:00:01:00",
  ]) {
    assert.ok(!ethernet.isReservedGroup(parseMac(other) ?? 0), other);
  }
});
