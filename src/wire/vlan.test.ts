import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as offload from "./offload.ts";
import { formatHex, parseHex } from "./text.ts";
import * as vlan from "./vlan.ts";

const START = 40;

/** The frame at START with `HEADROOM` before it, filled with a pattern that shows stray writes. */
function place(hex: string): { bytes: Uint8Array; view: DataView; end: number } {
  const frame = parseHex(hex) ?? new Uint8Array();
  const bytes = new Uint8Array(START + frame.length + 8).fill(0xee);
  bytes.fill(0, START - offload.OFFLOAD, START);
  bytes.set(frame, START);
  return { bytes, view: new DataView(bytes.buffer), end: START + frame.length };
}

const UNTAGGED = "ffffffffffff 02000000000a 0806 0001080006040001";
const TAGGED = "ffffffffffff 02000000000a 8100 a064 0806 0001080006040001";
const squeeze = (hex: string): string => hex.replaceAll(" ", "");

test("BR-6 a tag goes in before the type and comes out again", () => {
  const { view, bytes, end } = place(UNTAGGED);

  const start = vlan.insert(view, START, vlan.pack(5, 0, 100), 0x8100);

  assert.equal(start, START - 4);
  assert.equal(formatHex(view, start, end), squeeze(TAGGED));
  assert.ok(vlan.isTagged(view, start, end));
  assert.equal(vlan.tci(view, start), 0xa064);
  assert.equal(vlan.remove(view, start), START);
  assert.equal(formatHex(view, START, end), squeeze(UNTAGGED));
  assert.deepEqual([...bytes.slice(end)], new Array(8).fill(0xee));
  assert.deepEqual([...bytes.slice(0, START - 14)], new Array(START - 14).fill(0xee));
});

test("BR-6 removing a tag from a tagged frame leaves the bytes behind it alone", () => {
  const { view, end } = place(TAGGED);
  const start = vlan.remove(view, START);
  assert.equal(start, START + 4);
  assert.equal(formatHex(view, start, end), squeeze(UNTAGGED));
  assert.ok(offload.isPlain(view, start));
});

test("the offload header moves along, and its offsets follow the tag", () => {
  const { view } = place(UNTAGGED);
  offload.write(view, START, offload.Flag.NeedsChecksum, offload.Gso.Tcp4, 66, 1448, 34, 16);

  const start = vlan.insert(view, START, 7, 0x8100);

  const read = (at: number): number[] => [
    offload.flags(view, at),
    offload.gsoType(view, at),
    offload.hdrLen(view, at),
    offload.gsoSize(view, at),
    offload.csumStart(view, at),
    offload.csumOffset(view, at),
  ];
  assert.deepEqual(read(start), [1, 1, 70, 1448, 38, 16]);
  assert.deepEqual(read(vlan.remove(view, start)), [1, 1, 66, 1448, 34, 16]);
});

test("a frame whose checksum was only found right keeps its header as it is", () => {
  const { view } = place(UNTAGGED);
  offload.write(view, START, offload.Flag.DataValid, 0, 0, 0, 0, 0);
  const start = vlan.insert(view, START, 7, 0x8100);
  assert.equal(formatHex(view, start - 10, start), "02000000000000000000");
});

test("random frames survive two tags in and two tags out", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 14, maxLength: 60 }),
      fc.uint8Array({ minLength: 10, maxLength: 10 }),
      fc.nat(0xffff),
      (frame, header, control) => {
        const { view, bytes, end } = place(Buffer.from(frame).toString("hex"));
        bytes.set(header, START - 10);
        const before = formatHex(view, START - 10, end);
        let start = vlan.insert(view, START, control, 0x8100);
        start = vlan.insert(view, start, 3, 0x88a8);
        assert.equal(vlan.tpid(view, start), 0x88a8);
        start = vlan.remove(view, start);
        assert.equal(vlan.tci(view, start), control);
        assert.equal(formatHex(view, vlan.remove(view, start) - 10, end), before);
      },
    ),
  );
});

test("a TCI falls into its parts and is put together from them", () => {
  fc.assert(
    fc.property(fc.nat(0xffff), (control) => {
      const [priority, drop, id] = [vlan.pcp(control), vlan.dei(control), vlan.vid(control)];
      assert.equal(vlan.pack(priority, drop, id), control);
      assert.equal(priority * 8192 + drop * 4096 + id, control);
    }),
  );
  const { view } = place(TAGGED);
  vlan.setTci(view, START, 0x1fff);
  assert.equal(vlan.tci(view, START), 0x1fff);
});

test("the payload is found past no, one and two tags of any TPID", () => {
  const rest = "0800 4500";
  const macs = "ffffffffffff 02000000000a";
  for (const [tags, bytes] of [
    ["", 0],
    ["8100 0001", 4],
    ["88a8 0001 8100 0002", 8],
    ["9100 0001 8100 0002", 8],
  ] as const) {
    const { view, end } = place(`${macs} ${tags} ${rest}`);
    assert.equal(vlan.payload(view, START, end), START + 14 + bytes, tags);
    assert.equal(view.getUint16(vlan.payload(view, START, end) - 2), 0x0800);
  }
});

test("a third tag is payload", () => {
  const { view, end } = place("ffffffffffff 02000000000a 88a8 0001 8100 0002 8100 0003 0800");
  assert.equal(view.getUint16(vlan.payload(view, START, end) - 2), 0x8100);
});

test("every length that cuts a header or a tag is refused", () => {
  const frame = parseHex("ffffffffffff 02000000000a 88a8 0001 8100 0002 0800") ?? new Uint8Array();
  for (let length = 0; length < 22; length++) {
    const view = new DataView(frame.slice(0, length).buffer);
    assert.equal(vlan.payload(view, 0, length), -1, `${length}`);
    assert.equal(vlan.isTagged(view, 0, length), false);
  }
  const single = parseHex("ffffffffffff 02000000000a 8100 0001 0800") ?? new Uint8Array();
  for (let length = 0; length < 18; length++) {
    assert.equal(vlan.isTagged(new DataView(single.slice(0, length).buffer), 0, length), false);
  }
  assert.ok(vlan.isTagged(new DataView(single.buffer), 0, 18));
});
