import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Copy } from "../lib/copy.ts";
import * as ethernet from "./ethernet.ts";
import * as ipv4 from "./ipv4.ts";
import * as ipv6 from "./ipv6.ts";
import * as offload from "./offload.ts";
import * as segment from "./segment.ts";
import * as tcp from "./tcp.ts";
import * as vlan from "./vlan.ts";

const copyIn =
  (bytes: Uint8Array): Copy =>
  (from, to, end) =>
    void bytes.copyWithin(to, from, end);

const START = 64;
const TO = 80_000;
const FROM6 = [0x20010db8, 0, 0, 1] as const;
const TO6 = [0x20010db8, 0, 0, 2] as const;

interface Shape {
  readonly family: 4 | 6;
  readonly transport: "tcp" | "udp";
  readonly tags: 0 | 1 | 2;
  readonly options: number;
  readonly payload: Uint8Array;
  readonly size: number;
  readonly flags: number;
  readonly sequence: number;
  readonly id: number;
  /** NEEDS_CSUM set, as a local kernel sends; clear as merged frames of a NIC may come. */
  readonly open: boolean;
}

interface Placed {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Offset of the IP and of the transport header. */
  readonly ip: number;
  readonly at: number;
}

/** Puts the super-frame as the kernel would hand it over, before tags are inserted by our own vlan.insert. */
function place(shape: Shape): Placed {
  const bytes = new Uint8Array(160_000);
  const view = new DataView(bytes.buffer);
  const isTcp = shape.transport === "tcp";
  const header = isTcp ? 20 + shape.options : 8;
  const length = header + shape.payload.length;
  const protocol = isTcp ? ipv4.Protocol.Tcp : ipv4.Protocol.Udp;
  const type = shape.family === 4 ? ethernet.EtherType.Ipv4 : ethernet.EtherType.Ipv6;
  const ip = ethernet.writeHeader(view, START, 0x02000000000b, 0x02000000000a, type);
  const at =
    shape.family === 4
      ? ipv4.write(view, ip, 0xc0000201, 0xc0000202, protocol, length, 64, shape.id)
      : ipv6.write(view, ip, FROM6, TO6, protocol, length, 64);
  view.setUint16(at, 40_000);
  view.setUint16(at + 2, 443);
  if (isTcp) {
    view.setUint32(at + 4, shape.sequence);
    view.setUint32(at + 8, 77);
    view.setUint8(at + 12, (header / 4) << 4);
    view.setUint8(at + 13, shape.flags);
    view.setUint16(at + 14, 500);
    bytes.fill(1, at + 20, at + header);
  } else {
    view.setUint16(at + 4, length);
  }
  bytes.set(shape.payload, at + header);
  const end = at + length;
  const field = at + (isTcp ? 16 : 6);
  view.setUint16(
    field,
    shape.open ? partialSum(bytes, ip, shape.family, protocol, length) : 0x1234,
  );
  const gso = isTcp
    ? shape.family === 4
      ? offload.Gso.Tcp4
      : offload.Gso.Tcp6
    : offload.Gso.UdpL4;
  const flags = shape.open ? offload.Flag.NeedsChecksum : offload.Flag.DataValid;
  const sumStart = shape.open ? at - START : 0;
  offload.write(view, START, flags, gso, at + header - START, shape.size, sumStart, field - at);
  let start = START;
  if (shape.tags > 0) start = vlan.insert(view, start, 100, ethernet.EtherType.Vlan);
  if (shape.tags > 1) start = vlan.insert(view, start, 7, ethernet.EtherType.ServiceVlan);
  return { view, bytes, start, end, ip, at };
}

/** Adds 16-bit words with the carry at each step: independent of checksum.ts. */
function naive(words: readonly number[]): number {
  let sum = 0;
  for (const word of words) {
    sum += word;
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

function wordsOf(bytes: Uint8Array): number[] {
  const words: number[] = [];
  for (let index = 0; index < bytes.length; index += 2) {
    words.push((bytes[index] ?? 0) * 256 + (bytes[index + 1] ?? 0));
  }
  return words;
}

function pseudoWords(
  bytes: Uint8Array,
  ip: number,
  family: number,
  protocol: number,
  length: number,
): number[] {
  const addresses = family === 4 ? bytes.slice(ip + 12, ip + 20) : bytes.slice(ip + 8, ip + 40);
  return [...wordsOf(addresses), protocol, length];
}

function partialSum(
  bytes: Uint8Array,
  ip: number,
  family: number,
  protocol: number,
  length: number,
): number {
  return naive(pseudoWords(bytes, ip, family, protocol, length));
}

/** True when the transport checksum at..end is right by the naive routine. */
function sumIsRight(frame: Placed, family: number, protocol: number): boolean {
  const length = frame.end - frame.at;
  const pseudo = pseudoWords(frame.bytes, frame.ip, family, protocol, length);
  return naive([...pseudo, ...wordsOf(frame.bytes.slice(frame.at, frame.end))]) === 0xffff;
}

const shapes: fc.Arbitrary<Shape> = fc
  .record({
    family: fc.constantFrom(4, 6),
    transport: fc.constantFrom("tcp", "udp"),
    tags: fc.constantFrom(0, 1, 2),
    options: fc.constantFrom(0, 12, 40),
    payload: fc.uint8Array({ minLength: 0, maxLength: 3000 }),
    size: fc.integer({ min: 48, max: 1460 }),
    flags: fc.nat(255),
    sequence: fc.constantFrom(0, 1, 0xffffffff, 0xfffff000),
    id: fc.constantFrom(0, 7, 0xffff),
    open: fc.boolean(),
  } as const)
  .map((shape) => shape as Shape);

test("a super-frame is cut into frames that together carry the same bytes with right headers", () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const frame = place(shape);
      const { view, bytes, start, end } = frame;
      const isTcp = shape.transport === "tcp";
      const header = isTcp ? 20 + shape.options : 8;
      const count = segment.segmentCount(view, start, end);
      assert.equal(count, Math.max(1, Math.ceil(shape.payload.length / shape.size)));
      const before = bytes.slice(0, TO - 20);
      const room = segment.segmentRoom(view, start, end);
      const carried: number[] = [];
      for (let index = 0; index < count; index++) {
        bytes.fill(0xee, TO - 20, TO + 2000);
        const stop = segment.writeSegment(view, copyIn(bytes), start, end, index, TO);
        const cut = {
          ...frame,
          start: TO,
          end: stop,
          ip: frame.ip - start + TO,
          at: frame.at - start + TO,
        };
        assert.ok(stop - TO <= room);
        assert.ok(offload.isPlain(view, TO));
        assert.equal(bytes[stop], 0xee);
        assert.deepEqual(bytes.slice(TO, cut.ip), bytes.slice(start, frame.ip), "MACs, tags, type");
        if (shape.family === 4) {
          assert.ok(ipv4.isValid(view, cut.ip, stop));
          assert.equal(ipv4.packetEnd(view, cut.ip), stop);
          assert.equal(ipv4.id(view, cut.ip), (shape.id + index) & 0xffff);
        } else {
          assert.ok(ipv6.isValid(view, cut.ip, stop));
          assert.equal(ipv6.packetEnd(view, cut.ip), stop);
        }
        assert.ok(sumIsRight(cut, shape.family, isTcp ? 6 : 17), "checksum");
        if (isTcp) {
          const isLast = index === count - 1;
          const kept = (isLast ? 0xff : 0xf6) & (index === 0 ? 0xff : 0x7f);
          assert.equal(tcp.sequence(view, cut.at), (shape.sequence + index * shape.size) >>> 0);
          assert.equal(tcp.flags(view, cut.at), shape.flags & kept);
        } else {
          assert.equal(view.getUint16(cut.at + 4), stop - cut.at);
          assert.notEqual(view.getUint16(cut.at + 6), 0);
        }
        carried.push(...bytes.slice(cut.at + header, stop));
      }
      assert.deepEqual(carried, [...shape.payload]);
      assert.deepEqual(bytes.slice(0, TO - 20), before, "the super-frame is untouched");
    }),
    { numRuns: 150 },
  );
});

const PLAIN: Shape = {
  family: 4,
  transport: "tcp",
  tags: 0,
  options: 12,
  payload: new Uint8Array(5000).fill(0x5a),
  size: 1448,
  flags: 0x18,
  sequence: 1,
  id: 1,
  open: true,
};

test("a full 64 KiB super-frame is cut", () => {
  const frame = place({ ...PLAIN, payload: new Uint8Array(65_483).fill(0xff) });
  const count = segment.segmentCount(frame.view, frame.start, frame.end);
  assert.equal(count, 46);
  const stop = segment.writeSegment(
    frame.view,
    copyIn(frame.bytes),
    frame.start,
    frame.end,
    count - 1,
    TO,
  );
  assert.equal(stop - TO, 66 + 65_483 - 45 * 1448);
});

test("an IPv4 total length of 0, as for a super-packet past 64 KiB, is taken as the frame's", () => {
  const frame = place(PLAIN);
  ipv4.setTotalLength(frame.view, frame.ip, 0);
  assert.equal(segment.segmentCount(frame.view, frame.start, frame.end), 4);
});

test("a UDP sender that wanted no checksum gets none", () => {
  const frame = place({ ...PLAIN, transport: "udp", options: 0, open: false });
  frame.view.setUint16(frame.at + 6, 0);
  const stop = segment.writeSegment(frame.view, copyIn(frame.bytes), frame.start, frame.end, 0, TO);
  assert.equal(frame.view.getUint16(frame.at + TO - frame.start + 6), 0);
  assert.equal(stop - TO, 42 + 1448);
});

test("an offload header that contradicts the frame makes it a bad one", () => {
  const damages: readonly (readonly [string, (frame: Placed) => void])[] = [
    ["size 0", ({ view, start }) => view.setUint16(start - 6, 0)],
    ["no GSO type", ({ view, start }) => view.setUint8(start - 9, 0)],
    ["fragmentation offload", ({ view, start }) => view.setUint8(start - 9, offload.Gso.Udp)],
    ["unknown GSO type", ({ view, start }) => view.setUint8(start - 9, 9)],
    ["the other family", ({ view, start }) => view.setUint8(start - 9, offload.Gso.Tcp6)],
    ["the other transport", ({ view, start }) => view.setUint8(start - 9, offload.Gso.UdpL4)],
    ["checksum start", ({ view, start }) => view.setUint16(start - 4, 36, true)],
    ["EtherType", ({ view, start }) => view.setUint16(start + 12, 0x0806)],
    ["IP version", ({ view, ip }) => view.setUint8(ip, 0x65)],
    ["IP header length", ({ view, ip }) => view.setUint8(ip, 0x44)],
    ["IP total length", ({ view, ip }) => view.setUint16(ip + 2, 100)],
    ["fragment", ({ view, ip }) => view.setUint16(ip + 6, 0x2000)],
    ["TCP header length", ({ view, at }) => view.setUint8(at + 12, 0x40)],
    [
      "more pieces than any sender asks for",
      ({ view, start }) => view.setUint16(start - 6, 1, true),
    ],
  ];
  for (const [name, damage] of damages) {
    const frame = place(PLAIN);
    assert.equal(segment.segmentCount(frame.view, frame.start, frame.end), 4);
    damage(frame);
    assert.equal(segment.segmentCount(frame.view, frame.start, frame.end), 0, name);
  }
});

test("every cut of a super-frame's headers is refused without a read behind it", () => {
  for (const shape of [PLAIN, { ...PLAIN, family: 6, tags: 2 } as Shape]) {
    const { bytes, start, end, at } = place(shape);
    for (let stop = start; stop < at + 20; stop++) {
      const cut = new DataView(bytes.slice(0, stop).buffer);
      assert.equal(segment.segmentCount(cut, start, stop), 0, `${stop - start}`);
    }
    assert.ok(segment.segmentCount(new DataView(bytes.slice(0, end).buffer), start, end) > 0);
  }
});

test("an open checksum is finished so that the naive routine agrees, for every shape", () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const frame = place({ ...shape, open: true });
      frame.view.setUint8(frame.start - 9, 0);
      assert.ok(offload.needsChecksum(frame.view, frame.start));
      assert.ok(offload.finishChecksum(frame.view, frame.start, frame.end));
      assert.ok(offload.isPlain(frame.view, frame.start));
      assert.ok(sumIsRight(frame, shape.family, shape.transport === "tcp" ? 6 : 17));
    }),
    { numRuns: 100 },
  );
});

test("finishing a checksum refuses what contradicts the frame and changes nothing", () => {
  for (const [sumStart, sumOffset] of [
    [0, 16],
    [13, 16],
    [34, 0xffff],
    [0xffff, 16],
    [5062, 5],
  ] as const) {
    const { view, bytes, start, end } = place(PLAIN);
    view.setUint8(start - 9, 0);
    view.setUint16(start - 4, sumStart, true);
    view.setUint16(start - 2, sumOffset, true);
    const before = bytes.slice();
    assert.equal(offload.finishChecksum(view, start, end), false, `${sumStart}`);
    assert.deepEqual(bytes, before);
  }
  const whole = place(PLAIN);
  assert.equal(offload.finishChecksum(whole.view, whole.start, whole.end), false, "super-frame");
});

test("a plain frame needs nothing, and is told by its ten bytes alone", () => {
  const { view, start, end } = place(PLAIN);
  assert.ok(!offload.isPlain(view, start) && offload.isSuper(view, start));
  offload.clear(view, start);
  assert.ok(offload.isPlain(view, start) && !offload.isSuper(view, start));
  assert.ok(offload.finishChecksum(view, start, end));
  view.setUint8(start - 10, offload.Flag.DataValid);
  assert.ok(offload.isPlain(view, start));
  view.setUint8(start - 9, offload.Gso.Tcp4 | offload.GSO_ECN);
  assert.ok(offload.isEcn(view, start) && !offload.isPlain(view, start));
  assert.equal(offload.gsoType(view, start), offload.Gso.Tcp4);
});
