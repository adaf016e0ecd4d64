import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { formatNote, openCapture } from "./capture.ts";
import * as pcap from "./pcap.ts";
import * as pcapng from "./pcapng.ts";
import type { CaptureReader, CaptureRecord, CaptureStamp } from "./record.ts";
import { Direction } from "./record.ts";
import { parseHex } from "./text.ts";

const fixture = (name: string): Uint8Array =>
  readFileSync(new URL(`../../test/fixtures/captures/${name}`, import.meta.url));

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function bytesOf(hex: string): Uint8Array {
  return parseHex(hex) ?? assert.fail(hex);
}

function drain(reader: CaptureReader): CaptureRecord[] {
  const records: CaptureRecord[] = [];
  for (let record = reader.next(); record !== undefined; record = reader.next())
    records.push(record);
  return records;
}

const frames = fc.array(
  fc.record({
    interface: fc.nat(2),
    seconds: fc.integer({ min: 0, max: 0xffffffff }),
    nanos: fc.nat(999_999_999),
    data: fc.uint8Array({ maxLength: 70 }),
    cut: fc.nat(100),
    direction: fc.constantFrom(0, 1, 2),
    comments: fc.array(fc.string({ unit: "grapheme", maxLength: 20 }), { maxLength: 2 }),
  }),
  { maxLength: 8 },
);

test("OPS-4 what is written as pcapng is read back: interfaces, nanoseconds, comments, direction", () => {
  fc.assert(
    fc.property(frames, (list) => {
      const parts = [pcapng.sectionHeader("linkloom")];
      for (const name of ["p0", "p1", "Schnittstelle-ü"]) parts.push(pcapng.interfaceBlock(name));
      for (const { data, cut, ...rest } of list) {
        const stamp: CaptureStamp = { ...rest, originalLength: data.length + cut };
        parts.push(pcapng.packetBlock(stamp, data));
      }
      const file = join(...parts);
      const reader = openCapture(file);
      const records = drain(reader);
      assert.equal(reader.fault, undefined);
      assert.deepEqual(
        reader.interfaces.map(({ name }) => name),
        ["p0", "p1", "Schnittstelle-ü"],
      );
      assert.equal(records.length, list.length);
      for (const [index, record] of records.entries()) {
        const { data, cut, ...rest } = list[index] ?? assert.fail();
        const { start, end, originalLength, ...stamp } = record;
        assert.deepEqual(stamp, rest);
        assert.deepEqual(file.slice(start, end), data);
        assert.equal(originalLength, data.length + cut);
      }
    }),
  );
});

test("OPS-4 what is written as pcap is read back with nanoseconds", () => {
  fc.assert(
    fc.property(frames, (list) => {
      const file = join(
        pcap.fileHeader(),
        ...list.map(({ seconds, nanos, data, cut }) =>
          pcap.record(seconds, nanos, data, data.length + cut),
        ),
      );
      const reader = openCapture(file);
      const records = drain(reader);
      assert.equal(reader.fault, undefined);
      assert.deepEqual(
        records.map(({ seconds, nanos, originalLength }) => [seconds, nanos, originalLength]),
        list.map(({ seconds, nanos, data, cut }) => [seconds, nanos, data.length + cut]),
      );
      assert.deepEqual(
        records.map(({ start, end }) => [...file.slice(start, end)]),
        list.map(({ data }) => [...data]),
      );
    }),
  );
});

const PCAP_FORMS: readonly (readonly [string, string, number])[] = [
  [
    "microseconds, big-endian",
    "a1b2c3d4 0002 0004 00000000 00000000 00000060 00000001 0000000a 00000007 00000002 00000040 aabb",
    7000,
  ],
  [
    "microseconds, little-endian",
    "d4c3b2a1 0200 0400 00000000 00000000 60000000 01000000 0a000000 07000000 02000000 40000000 aabb",
    7000,
  ],
  [
    "nanoseconds, big-endian",
    "a1b23c4d 0002 0004 00000000 00000000 00000060 00000001 0000000a 00000007 00000002 00000040 aabb",
    7,
  ],
  [
    "nanoseconds, little-endian",
    "4d3cb2a1 0200 0400 00000000 00000000 60000000 01000000 0a000000 07000000 02000000 40000000 aabb",
    7,
  ],
];

for (const [name, hex, nanos] of PCAP_FORMS) {
  test(`pcap is read in ${name}, and every cut of it ends without a throw`, () => {
    const file = bytesOf(hex);
    const reader = openCapture(file);
    assert.deepEqual(drain(reader), [
      {
        interface: 0,
        seconds: 10,
        nanos,
        start: 40,
        end: 42,
        originalLength: 64,
        direction: 0,
        comments: [],
      },
    ]);
    assert.equal(reader.fault, undefined);
    assert.deepEqual(reader.interfaces, [{ name: "", linkType: 1, snapLength: 96 }]);
    for (let length = 0; length < file.length; length++) {
      const cut = openCapture(file.slice(0, length));
      assert.equal(drain(cut).length, 0);
      assert.equal(cut.fault === undefined, length === 24, `${length}`);
      assert.equal(cut.fault?.at ?? 24, length > 24 ? 24 : length === 24 ? 24 : 0);
    }
  });
}

test("a pcap of another major version, and a file of another kind, are refused with the place", () => {
  const file = bytesOf("a1b2c3d4 0003 0004 00000000 00000000 00000060 00000001");
  assert.deepEqual(openCapture(file).fault, { at: 4, text: "the major version is not 2" });
  const other = openCapture(bytesOf("7f454c46 00000000"));
  assert.equal(other.next(), undefined);
  assert.match(other.fault?.text ?? "", /neither pcap nor pcapng/);
});

/** Numbers in either byte order, for hand-made blocks. */
function block(
  little: boolean,
  type: number,
  body: readonly (readonly [8 | 16 | 32, number])[],
): Uint8Array {
  const size = body.reduce((total, [bits]) => total + bits / 8, 0);
  const view = new DataView(new ArrayBuffer(12 + size));
  view.setUint32(0, type, little);
  view.setUint32(4, 12 + size, little);
  let at = 8;
  for (const [bits, value] of body) {
    if (bits === 8) view.setUint8(at, value);
    if (bits === 16) view.setUint16(at, value, little);
    if (bits === 32) view.setUint32(at, value, little);
    at += bits / 8;
  }
  view.setUint32(8 + size, 12 + size, little);
  return new Uint8Array(view.buffer);
}

const section = (little: boolean): Uint8Array =>
  block(little, 0x0a0d0d0a, [
    [32, 0x1a2b3c4d],
    [16, 1],
    [16, 0],
    [32, 0xffffffff],
    [32, 0xffffffff],
  ]);
const link = (
  little: boolean,
  snap: number,
  options: readonly (readonly [8 | 16 | 32, number])[] = [],
): Uint8Array => block(little, 1, [[16, 1], [16, 0], [32, snap], ...options]);
const FOUR_BYTES = [
  [8, 1],
  [8, 2],
  [8, 3],
  [8, 4],
] as const;

for (const little of [true, false]) {
  const order = little ? "little-endian" : "big-endian";

  test(`pcapng is read ${order}: old, simple and enhanced packets, unknown blocks passed over`, () => {
    const file = join(
      section(little),
      block(little, 0x0bad, [[32, 5]]),
      link(little, 3),
      block(little, 6, [[32, 0], [32, 0], [32, 1_500_000], [32, 4], [32, 60], ...FOUR_BYTES]),
      block(little, 2, [
        [16, 0],
        [16, 9],
        [32, 0],
        [32, 2_000_001],
        [32, 3],
        [32, 3],
        ...FOUR_BYTES,
      ]),
      block(little, 3, [[32, 60], ...FOUR_BYTES]),
    );
    const reader = openCapture(file);
    const records = drain(reader);
    assert.equal(reader.fault, undefined);
    assert.deepEqual(
      records.map(({ seconds, nanos, start, end, originalLength }) => [
        seconds,
        nanos,
        end - start,
        originalLength,
      ]),
      [
        [1, 500_000_000, 4, 60],
        [2, 1000, 3, 3],
        [0, 0, 3, 60],
      ],
    );
  });

  test(`pcapng times of any resolution and offset are exact, ${order}`, () => {
    const packet = block(little, 6, [
      [32, 0],
      [32, 1],
      [32, 0x80000000],
      [32, 4],
      [32, 4],
      ...FOUR_BYTES,
    ]);
    const time = (options: readonly (readonly [8 | 16 | 32, number])[]): number[] => {
      const record = openCapture(join(section(little), link(little, 0, options), packet)).next();
      return [record?.seconds ?? -1, record?.nanos ?? -1];
    };
    const resolution = (value: number) =>
      [
        [16, 9],
        [16, 1],
        [8, value],
        [8, 0],
        [8, 0],
        [8, 0],
      ] as const;
    const words = little ? [100, 0] : [0, 100];
    assert.deepEqual(time([]), [6442, 450_944_000]);
    assert.deepEqual(time(resolution(9)), [6, 442_450_944]);
    assert.deepEqual(time(resolution(0x80 | 32)), [1, 500_000_000]);
    assert.deepEqual(time(resolution(0x80 | 127)), [0, 0]);
    assert.deepEqual(time(resolution(0)), [6_442_450_944, 0]);
    assert.deepEqual(
      time([
        ...resolution(9),
        [16, 14],
        [16, 8],
        [32, words[0] ?? 0],
        [32, words[1] ?? 0],
        [32, 0],
      ]),
      [106, 442_450_944],
    );
  });
}

test("a second section may change the byte order, and numbers its interfaces anew", () => {
  const packet = (little: boolean): Uint8Array =>
    block(little, 6, [[32, 0], [32, 0], [32, 0], [32, 4], [32, 4], ...FOUR_BYTES]);
  const file = join(
    section(true),
    link(true, 0),
    packet(true),
    section(false),
    link(false, 0),
    packet(false),
  );
  const reader = openCapture(file);
  assert.deepEqual(
    drain(reader).map((record) => record.interface),
    [0, 1],
  );
  assert.equal(reader.fault, undefined);
});

test("each contradiction of a pcapng file is a fault with its place, and what came before stands", () => {
  const good = block(true, 6, [[32, 0], [32, 0], [32, 0], [32, 4], [32, 4], ...FOUR_BYTES]);
  const head = join(section(true), link(true, 0), good);
  const change = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
    const copy = bytes.slice();
    new DataView(copy.buffer).setUint32(at, value, true);
    return copy;
  };
  const bad: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["length below 12", change(good, 4, 8), /impossible/],
    ["length no multiple of four", change(good, 4, 33), /impossible/],
    ["length past the file", change(good, 4, 4000), /longer than the file/],
    ["lengths that differ", change(good, good.length - 4, 40), /differ/],
    ["more bytes than the block", change(good, 20, 5), /longer than its block/],
    ["4 GiB kept", change(good, 20, 0xffffffff), /longer than its block/],
    ["unknown interface", change(good, 8, 1), /unknown interface/],
    ["packet block cut", block(true, 6, [[32, 0]]), /cut short/],
    ["interface block cut", block(true, 1, [[32, 0]]), /cut short/],
    ["simple block cut", block(true, 3, []), /cut short/],
    [
      "simple packet past its block",
      block(true, 3, [[32, 5], ...FOUR_BYTES]),
      /longer than its block/,
    ],
    [
      "option past the block",
      link(true, 0, [
        [16, 2],
        [16, 9],
        [32, 0],
      ]),
      /option/,
    ],
    ["half an option", link(true, 0, [[16, 2]]), /option|impossible/],
    [
      "section without byte order",
      block(true, 0x0a0d0d0a, [
        [32, 0],
        [32, 0],
        [32, 0],
        [32, 0],
      ]),
      /byte order/,
    ],
    [
      "section of version 2",
      block(true, 0x0a0d0d0a, [
        [32, 0x1a2b3c4d],
        [16, 2],
        [16, 0],
        [32, 0],
        [32, 0],
      ]),
      /version/,
    ],
    ["half a block header", new Uint8Array(8), /cut short/],
  ];
  for (const [name, block, expected] of bad) {
    const reader = openCapture(join(head, block));
    const records = drain(reader);
    assert.equal(records.length, 1, name);
    assert.equal(reader.fault?.at, head.length, name);
    assert.match(reader.fault?.text ?? "", expected, name);
    assert.equal(reader.next(), undefined);
  }
});

test("random bytes and damaged files never make a reader throw or run on", () => {
  const real = [fixture("icmpv6-length-zero.pcapng"), fixture("LACP.pcap")];
  const written = join(
    pcapng.sectionHeader("x"),
    pcapng.interfaceBlock("p0"),
    pcapng.packetBlock(
      {
        interface: 0,
        seconds: 1,
        nanos: 2,
        originalLength: 4,
        direction: Direction.In,
        comments: ["a", "b"],
      },
      new Uint8Array(4),
    ),
  );
  const damage = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.constantFrom(...real, written), damage, (file, changes) => {
      const copy = new Uint8Array(file);
      for (const [at, value] of changes) copy[at % copy.length] = value;
      for (const record of drain(openCapture(copy))) {
        assert.ok(record.start <= record.end && record.end <= copy.length);
      }
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      drain(openCapture(bytes));
      drain(openCapture(join(section(true), bytes)));
    }),
    { numRuns: 1000 },
  );
});

test("a capture inside a larger buffer is read by its own offsets", () => {
  const file = fixture("802.1w_rapid_STP.pcap");
  const larger = new Uint8Array(file.length + 100);
  larger.set(file, 50);
  assert.deepEqual(
    drain(openCapture(larger.subarray(50, 50 + file.length))),
    drain(openCapture(file)),
  );
});

const COUNTS: readonly (readonly [string, number])[] = [
  ["802.1D_spanning_tree.pcap", 14],
  ["802.1w_rapid_STP.pcap", 30],
  ["LACP.pcap", 20],
  ["LLDP_and_CDP.pcap", 12],
  ["MSTP_Intra-Region_BPDUs.pcap", 10],
  ["icmpv6-length-zero.pcapng", 1],
  ["own_vrrp2_v4_keepalived_link.pcap", 48],
  ["own_vrrp3_v6_keepalived_frr.pcap", 28],
];

for (const [name, count] of COUNTS) {
  test(`OPS-4 the capture ${name} has its ${count} frames`, () => {
    const reader = openCapture(fixture(name));
    assert.equal(drain(reader).length, count);
    assert.equal(reader.fault, undefined);
    assert.equal(reader.interfaces[0]?.linkType, 1);
  });
}

test("OPS-4 the note on a frame names core, class and reason", () => {
  assert.equal(formatNote(3, "DROP", "vlan-filtered"), "core=3 class=DROP reason=vlan-filtered");
  assert.equal(formatNote(0, "BCAST", ""), "core=0 class=BCAST");
});
