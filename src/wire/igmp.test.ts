import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as checksum from "./checksum.ts";
import * as igmp from "./igmp.ts";
import * as ipv4 from "./ipv4.ts";

const view = new DataView(new ArrayBuffer(256));
const hex = (start: number, end: number): string =>
  Buffer.from(view.buffer.slice(start, end)).toString("hex");
const QUERY = {
  version: 2,
  responseDelay: 10_000,
  suppresses: false,
  robustness: 2,
  interval: 125,
};
const MAC = 0x0200_0000_000a;
const HEAD = "02000000000a0800";

test("a general query of version 2 is the bytes that routers send", () => {
  const end = igmp.writeQuery(view, 16, MAC, 0xc0000201, 0, QUERY);
  assert.equal(
    hex(16, end),
    `01005e000001${HEAD}46c000200000000001028215c0000201e0000001940400001164ee9b00000000`,
  );
  assert.ok(ipv4.isValid(view, 30, end));
  assert.ok(igmp.isValid(view, 54, end));
  assert.equal(igmp.queryVersion(view, 54, end), 2);
  assert.equal(igmp.responseDelay(view, 54, 2), 10_000);
});

test("RFC 3376 7.1: a query's version is told by its length and its code", () => {
  const rows: [length: number, code: number, version: number][] = [
    [8, 0, 1],
    [8, 1, 2],
    [8, 255, 2],
    [9, 100, 0],
    [10, 100, 0],
    [11, 0, 0],
    [12, 0, 3],
    [20, 100, 3],
  ];
  for (const [length, code, version] of rows) {
    view.setUint8(1, code);
    assert.equal(igmp.queryVersion(view, 0, length), version, `${length} bytes, code ${code}`);
  }
});

test("RFC 3376 4.1.1: codes above 127 are floating-point numbers; writing one loses less than a sixteenth", () => {
  assert.equal(igmp.decode(127), 127);
  assert.equal(igmp.decode(0x80), 128);
  assert.equal(igmp.decode(0x8f), 248);
  assert.equal(igmp.decode(0xff), 31_744);
  for (let code = 0; code < 256; code++) assert.equal(igmp.encode(igmp.decode(code)), code);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 31_744 }), (value) => {
      const said = igmp.decode(igmp.encode(value));
      assert.ok(said <= value && said >= value * (15 / 16) - 1, `${value} became ${said}`);
    }),
  );
  assert.equal(igmp.encode(1e9), 255);
});

test("what is written of each version reads back the same", () => {
  for (const version of [1, 2, 3]) {
    for (const group of [0, 0xef010203]) {
      const end = igmp.writeQuery(view, 16, MAC, 1, group, { ...QUERY, version, suppresses: true });
      assert.equal(igmp.queryVersion(view, 54, end), version);
      assert.equal(igmp.group(view, 54), group);
      assert.ok(igmp.isValid(view, 54, end));
      if (version < 3) continue;
      assert.deepEqual(
        [igmp.suppresses(view, 54), igmp.robustness(view, 54), igmp.interval(view, 54)],
        [true, 2, 125],
      );
    }
  }
  const end = igmp.writeReport3(view, 16, MAC, 1, igmp.Record.Allow, 0xef010203, [5, 6]);
  const record = igmp.firstRecord(54);
  assert.deepEqual(
    [
      igmp.recordCount(view, 54),
      igmp.recordType(view, record),
      igmp.recordSources(view, record),
      igmp.recordGroup(view, record),
      igmp.nextRecord(view, record, end),
    ],
    [1, igmp.Record.Allow, 2, 0xef010203, end],
  );
  for (let cut = record; cut < end; cut++) assert.equal(igmp.nextRecord(view, record, cut), -1);
});

test("every length below a whole message is refused, and so is a wrong bit", () => {
  const end = igmp.writeReport(view, 16, MAC, 1, igmp.Type.Report2, 0xef010203);
  for (let cut = 54; cut < end; cut++) assert.equal(igmp.isValid(view, 54, cut), false);
  for (let bit = 0; bit < 64; bit++) {
    const at = 54 + (bit >> 3);
    view.setUint8(at, view.getUint8(at) ^ (1 << (bit & 7)));
    assert.equal(igmp.isValid(view, 54, end), false);
    view.setUint8(at, view.getUint8(at) ^ (1 << (bit & 7)));
  }
  assert.ok(checksum.verify(view, 54, end));
});

test("RFC 1112 6.4: 32 groups share a MAC", () => {
  assert.equal(igmp.groupMac(0xe0000001), 0x0100_5e00_0001);
  assert.equal(igmp.groupMac(0xef812345), 0x0100_5e01_2345);
  assert.equal(igmp.groupMac(0xe0012345), igmp.groupMac(0xef812345));
});
