import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as icmp from "./icmp.ts";
import * as icmpv6 from "./icmpv6.ts";
import * as ipv4 from "./ipv4.ts";
import * as ipv6 from "./ipv6.ts";
import * as llc from "./llc.ts";
import * as slow from "./slow.ts";
import * as tcp from "./tcp.ts";
import { parseHex } from "./text.ts";
import * as udp from "./udp.ts";

const A = 0xc0000201;
const B = 0xc6336401;

function viewOf(hex: string): DataView {
  return new DataView((parseHex(hex) ?? new Uint8Array()).buffer as ArrayBuffer);
}

/** A packet in a view exactly as long as it, so that any read behind it throws. */
function packet(payload: number, protocol: number = ipv4.Protocol.Udp): DataView {
  const view = new DataView(new ArrayBuffer(20 + payload));
  ipv4.write(view, 0, A, B, protocol, payload, 64, 7);
  return view;
}

/** A packet with the options, padded with zeros to a multiple of four. */
function withOptions(hex: string): DataView {
  const options = parseHex(hex) ?? new Uint8Array();
  const header = 20 + Math.ceil(options.length / 4) * 4;
  const bytes = new Uint8Array(header);
  const view = new DataView(bytes.buffer);
  ipv4.write(view, 0, A, B, 17, 0, 64, 7);
  bytes.set(options, 20);
  view.setUint8(0, 0x40 | (header / 4));
  ipv4.setTotalLength(view, 0, header);
  ipv4.setChecksum(view, 0);
  return view;
}

test("HOST-3 an IPv4 header that is written is valid and read back", () => {
  const ip = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(
      ip,
      ip,
      fc.nat(255),
      fc.nat(40),
      fc.nat(255),
      fc.nat(0xffff),
      (from, to, kind, bytes, hops, id) => {
        const view = new DataView(new ArrayBuffer(20 + bytes));
        assert.equal(ipv4.write(view, 0, from, to, kind, bytes, hops, id), 20);
        assert.equal(ipv4.fault(view, 0, 20 + bytes), ipv4.Fault.None);
        assert.deepEqual(
          [
            ipv4.source(view, 0),
            ipv4.destination(view, 0),
            ipv4.protocol(view, 0),
            ipv4.ttl(view, 0),
            ipv4.id(view, 0),
          ],
          [from, to, kind, hops, id],
        );
        assert.deepEqual([ipv4.payload(view, 0), ipv4.packetEnd(view, 0)], [20, 20 + bytes]);
      },
    ),
  );
});

test("HOST-3 every length below the packet's is refused, and Ethernet's padding is not", () => {
  const whole = new Uint8Array(packet(8).buffer);
  for (let length = 0; length < 28; length++) {
    const cut = new DataView(whole.slice(0, length).buffer);
    const expected = length < 20 ? ipv4.Fault.Short : ipv4.Fault.TotalLength;
    assert.equal(ipv4.fault(cut, 0, length), expected, `${length}`);
  }
  const padded = new Uint8Array(46);
  padded.set(whole);
  const view = new DataView(padded.buffer);
  assert.ok(ipv4.isValid(view, 0, 46));
  assert.equal(ipv4.packetEnd(view, 0), 28);
});

test("HOST-3 each fault of a header has its own name", () => {
  const faults: readonly (readonly [string, (view: DataView) => void, number])[] = [
    ["version", (view) => view.setUint8(0, 0x65), ipv4.Fault.Version],
    ["header length 4", (view) => view.setUint8(0, 0x44), ipv4.Fault.HeaderLength],
    ["header length over the total", (view) => view.setUint8(0, 0x4f), ipv4.Fault.TotalLength],
    ["total below the header", (view) => view.setUint16(2, 19), ipv4.Fault.TotalLength],
    ["checksum", (view) => view.setUint8(8, 63), ipv4.Fault.Checksum],
  ];
  for (const [name, damage, expected] of faults) {
    const view = packet(8);
    damage(view);
    assert.equal(ipv4.fault(view, 0, 28), expected, name);
    assert.equal(ipv4.isValid(view, 0, 28), false, name);
    assert.equal(ipv4.isReadable(view, 0, 28), expected === ipv4.Fault.Checksum, name);
  }
});

test("HOST-3 taking one off the TTL keeps every header's checksum right", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 255 }), fc.nat(255), fc.nat(0xffff), (hops, kind, id) => {
      const view = new DataView(new ArrayBuffer(20));
      ipv4.write(view, 0, A, B, kind, 0, hops, id);
      ipv4.decrementTtl(view, 0);
      assert.equal(ipv4.ttl(view, 0), hops - 1);
      assert.ok(ipv4.isValid(view, 0, 20));
      ipv4.setTos(view, 0, id & 0xff);
      assert.equal(ipv4.tos(view, 0), id & 0xff);
      assert.ok(ipv4.isValid(view, 0, 20));
    }),
    { numRuns: 500 },
  );
});

test("HOST-3 the options scan finds source routes and broken lists", () => {
  const lists: readonly (readonly [string, number])[] = [
    ["", ipv4.Options.None],
    ["01010101", ipv4.Options.None],
    ["00ffffff", ipv4.Options.None],
    ["83070400000000", ipv4.Options.SourceRoute],
    ["0189070400000000", ipv4.Options.SourceRoute],
    ["07070400000000", ipv4.Options.Other],
    ["94040000", ipv4.Options.RouterAlert],
    ["9404000083030400", ipv4.Options.SourceRoute],
    ["07010000", ipv4.Options.Malformed],
    ["07000000", ipv4.Options.Malformed],
    ["07050000", ipv4.Options.Malformed],
    ["01010107", ipv4.Options.Malformed],
  ];
  for (const [hex, expected] of lists) {
    const view = withOptions(hex);
    assert.ok(ipv4.isValid(view, 0, view.byteLength), hex);
    assert.equal(ipv4.options(view, 0), expected, hex);
  }
});

test("fragments are told apart: first, later, and none with DF", () => {
  const view = packet(0);
  const look = (value: number): boolean[] => {
    view.setUint16(6, value);
    return [ipv4.isFragment(view, 0), ipv4.isLaterFragment(view, 0), ipv4.isDontFragment(view, 0)];
  };
  assert.deepEqual(look(0), [false, false, false]);
  assert.deepEqual(look(0x4000), [false, false, true]);
  assert.deepEqual(look(0x2000), [true, false, false]);
  assert.deepEqual(look(0x2001), [true, true, false]);
  assert.deepEqual(look(0x1fff), [true, true, false]);
});

test("addresses that no host has on a wire are known", () => {
  for (const host of [0x01000000, 0xc0000201, 0xdfffffff, 0x80000000, 0xa9fe0001])
    assert.ok(ipv4.isHost(host));
  for (const other of [0, 0x00ffffff, 0x7f000001, 0xe0000001, 0xefffffff, 0xf0000000, 0xffffffff]) {
    assert.ok(!ipv4.isHost(other), other.toString(16));
  }
  assert.ok(ipv4.isMulticast(0xe0000012) && !ipv4.isMulticast(0xf0000000));
  assert.ok(ipv4.isReserved(0xf0000000) && ipv4.isLimitedBroadcast(0xffffffff));
  assert.ok(ipv4.isLinkLocal(0xa9fe0101) && !ipv4.isLinkLocal(0xa9ff0101));
});

test("HOST-2 an echo request becomes its reply in place with a right checksum", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.nat(0xffff),
      fc.nat(0xffff),
      (data, id, sequence) => {
        const bytes = new Uint8Array(8 + data.length);
        bytes.set(data, 8);
        const view = new DataView(bytes.buffer);
        assert.equal(
          icmp.writeEcho(view, 0, bytes.length, icmp.Type.Echo, id, sequence),
          bytes.length,
        );
        assert.ok(icmp.verify(view, 0, bytes.length));
        icmp.turnEcho(view, 0);
        assert.equal(icmp.type(view, 0), icmp.Type.EchoReply);
        assert.deepEqual([icmp.id(view, 0), icmp.sequence(view, 0)], [id, sequence]);
        assert.ok(icmp.verify(view, 0, bytes.length));
        assert.deepEqual(bytes.slice(8), data);
      },
    ),
  );
});

test("HOST-3 an ICMP error quotes as much as 576 bytes hold and never the padding", () => {
  for (const [payload, quoted] of [
    [0, 20],
    [8, 28],
    [528, 548],
    [529, 548],
    [1480, 548],
  ] as const) {
    const bytes = new Uint8Array(3000);
    const view = new DataView(bytes.buffer);
    const body = ipv4.write(view, 0, A, B, 17, payload, 1, 7);
    bytes.fill(0xab, body, body + payload + 30);

    const end = icmp.writeError(view, 2000, 0xc0000264, icmp.Type.TimeExceeded, 0, 0, 0, 99);

    assert.equal(end - 2000, 28 + quoted);
    assert.ok(end - 2000 <= 576);
    assert.ok(ipv4.isValid(view, 2000, end));
    assert.equal(ipv4.packetEnd(view, 2000), end);
    assert.deepEqual([ipv4.source(view, 2000), ipv4.destination(view, 2000)], [0xc0000264, A]);
    assert.equal(ipv4.tos(view, 2000), 0xc0);
    assert.ok(icmp.verify(view, 2020, end));
    assert.deepEqual([icmp.type(view, 2020), icmp.code(view, 2020)], [11, 0]);
    assert.deepEqual(bytes.slice(2028, end), bytes.slice(0, quoted));
  }
});

test("an error carries the MTU or the gateway where RFC 1191 and RFC 792 put it", () => {
  const view = new DataView(new ArrayBuffer(400));
  ipv4.write(view, 0, A, B, 17, 8, 1, 7);
  icmp.writeError(
    view,
    100,
    B,
    icmp.Type.Unreachable,
    icmp.Unreachable.FragmentationNeeded,
    1400,
    0,
    1,
  );
  assert.equal(icmp.nextHopMtu(view, 120), 1400);
  assert.equal(icmp.code(view, 120), 4);
  icmp.writeError(view, 100, B, icmp.Type.Redirect, icmp.Redirect.Host, 0xc00002fe, 0, 1);
  assert.equal(icmp.gateway(view, 120), 0xc00002fe);
});

test("HOST-3 no error answers what RFC 1812 4.3.2.7 forbids", () => {
  const answerable = (change: (view: DataView) => void, kind: number = 17): boolean => {
    const view = packet(8, kind);
    change(view);
    return icmp.isAnswerable(view, 0);
  };
  assert.ok(answerable(() => undefined));
  assert.ok(answerable((view) => view.setUint8(20, icmp.Type.Echo), 1));
  assert.ok(!answerable((view) => view.setUint8(20, icmp.Type.Unreachable), 1));
  assert.ok(!answerable((view) => view.setUint8(20, icmp.Type.ParameterProblem), 1));
  assert.ok(!answerable((view) => view.setUint16(6, 0x2001)), "later fragment");
  assert.ok(!answerable((view) => ipv4.setSource(view, 0, 0)), "no source");
  assert.ok(!answerable((view) => ipv4.setSource(view, 0, 0xe0000001)), "group source");
  assert.ok(!answerable((view) => ipv4.setDestination(view, 0, 0xe0000001)), "group");
  assert.ok(!answerable((view) => ipv4.setDestination(view, 0, 0xffffffff)), "broadcast");
  assert.ok(!icmp.isAnswerable(packet(0, 1), 0), "ICMP without a type");
});

test("UDP is written with a checksum that verifies, and every shorter length is refused", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 50 }),
      fc.nat(0xffff),
      fc.nat(0xffff),
      (data, from, to) => {
        const view = packet(8 + data.length);
        new Uint8Array(view.buffer).set(data, 28);
        const end = view.byteLength;
        assert.equal(udp.write4(view, 0, 20, end, from, to), end);
        assert.ok(udp.isValid(view, 20, end) && udp.verify4(view, 0, 20));
        assert.notEqual(view.getUint16(26), 0);
        assert.deepEqual([udp.sourcePort(view, 20), udp.destinationPort(view, 20)], [from, to]);
        view.setUint16(20, from ^ 1);
        assert.ok(!udp.verify4(view, 0, 20));
        for (let cut = 20; cut < end; cut++) assert.ok(!udp.isValid(view, 20, cut));
      },
    ),
    { numRuns: 30 },
  );
  const short = viewOf("0001 0002 0007 0000");
  assert.ok(!udp.isValid(short, 0, 8));
});

test("TCP is valid with a whole header and not before", () => {
  const view = viewOf("0050 c000 00000001 00000002 8018 ffff 0000 0000 0101080a 00000001 00000002");
  assert.ok(tcp.isValid(view, 0, 32));
  for (let length = 0; length < 32; length++) assert.ok(!tcp.isValid(view, 0, length), `${length}`);
  assert.deepEqual(
    [
      tcp.sourcePort(view, 0),
      tcp.destinationPort(view, 0),
      tcp.sequence(view, 0),
      tcp.acknowledgment(view, 0),
    ],
    [80, 0xc000, 1, 2],
  );
  assert.deepEqual(
    [tcp.headerLength(view, 0), tcp.flags(view, 0), tcp.window(view, 0)],
    [32, 0x18, 0xffff],
  );
  view.setUint8(12, 0x40);
  assert.ok(!tcp.isValid(view, 0, 32));
});

const LINK_LOCAL = [0xfe800000, 0, 0x000000ff, 0xfe00000a] as const;
const GROUP = [0xff020000, 0, 1, 0xff00000a] as const;

/** An IPv6 packet in a view exactly as long as it. */
function packet6(next: number, payload: string): DataView {
  const body = parseHex(payload) ?? new Uint8Array();
  const view = new DataView(new ArrayBuffer(40 + body.length));
  ipv6.write(view, 0, LINK_LOCAL, GROUP, next, body.length, 255);
  new Uint8Array(view.buffer).set(body, 40);
  return view;
}

test("an IPv6 header that is written is read back; every shorter length is refused", () => {
  const view = packet6(58, "8700000000000000");
  assert.ok(ipv6.isValid(view, 0, 48));
  assert.deepEqual(
    [0, 1, 2, 3].map((word) => ipv6.source(view, 0, word)),
    [...LINK_LOCAL],
  );
  assert.deepEqual(
    [0, 1, 2, 3].map((word) => ipv6.destination(view, 0, word)),
    [...GROUP],
  );
  assert.deepEqual(
    [ipv6.nextHeader(view, 0), ipv6.hopLimit(view, 0), ipv6.packetEnd(view, 0)],
    [58, 255, 48],
  );
  assert.ok(ipv6.isMulticastDestination(view, 0));
  const whole = new Uint8Array(view.buffer);
  for (let length = 0; length < 48; length++) {
    assert.ok(!ipv6.isValid(new DataView(whole.slice(0, length).buffer), 0, length), `${length}`);
  }
  view.setUint32(0, 0x6ab12345);
  assert.deepEqual([ipv6.trafficClass(view, 0), ipv6.flowLabel(view, 0)], [0xab, 0x12345]);
  view.setUint8(0, 0x40);
  assert.ok(!ipv6.isValid(view, 0, 48));
});

test("the walk over extension headers ends at the ports, at a fragment, or at its bound", () => {
  const walk = (next: number, payload: string): number[] => {
    const found = ipv6.upper(packet6(next, payload), 0);
    return found < 0 ? [-1] : [ipv6.upperProtocol(found), ipv6.upperOffset(found)];
  };
  const eight = "0000000000000000";
  assert.deepEqual(walk(6, ""), [6, 40]);
  assert.deepEqual(walk(0, `1100000000000000 ${eight}`), [17, 48]);
  assert.deepEqual(walk(0, `2b01${"00".repeat(14)} 0600000000000000 ${eight}`), [6, 64]);
  assert.deepEqual(
    walk(44, `1100000000000001 ${eight}`),
    [17, 48],
    "an atomic fragment is no fragment",
  );
  assert.deepEqual(walk(44, `1100000100000001 ${eight}`), [44, 40], "first of several");
  assert.deepEqual(walk(44, `1100010800000001 ${eight}`), [44, 40], "later");
  assert.deepEqual(walk(51, `0604${"00".repeat(22)}`), [6, 64]);
  assert.deepEqual(walk(59, ""), [59, 40]);
  assert.deepEqual(walk(0, "1100"), [-1], "cut");
  assert.deepEqual(walk(0, "11ff000000000000"), [-1], "longer than the packet");
  assert.deepEqual(walk(44, "110000"), [-1]);
  assert.deepEqual(walk(51, "06040000"), [-1]);
  assert.deepEqual(
    walk(60, `${"3c00000000000000".repeat(7)}1100000000000000`),
    [17, 104],
    "eight headers",
  );
  assert.deepEqual(walk(60, "3c00000000000000".repeat(9)), [-1], "nine headers");
});

test("the golden Neighbor Solicitation verifies and names its target", () => {
  const view = viewOf(
    "60000000 0018 3a ff 00000000000000000000000000000000 ff0200000000000000000001ff00000a" +
      "87007d1300000000 fe80000000000000000000fffe00000a",
  );
  assert.ok(ipv6.isValid(view, 0, 64));
  assert.ok(icmpv6.verify(view, 0, 40, 64));
  assert.ok(icmpv6.hasTarget(view, 40, 64) && !icmpv6.hasTarget(view, 40, 63));
  assert.deepEqual(
    [0, 1, 2, 3].map((word) => icmpv6.target(view, 40, word)),
    [...LINK_LOCAL],
  );
  view.setUint8(60, 1);
  assert.ok(!icmpv6.verify(view, 0, 40, 64));
});

test("the golden BPDUs are recognised, cut and foreign ones are not", () => {
  const bpdus: readonly (readonly [string, number, number])[] = [
    ["424203 0000 00 80", 0, llc.BpduType.TopologyChange],
    ["424203 0000 00 00 00 1000 02aa00000099", 0, llc.BpduType.Config],
    ["424203 0000 02 02 0e 1000 02aa00000099", 2, llc.BpduType.Rapid],
  ];
  for (const [hex, version, type] of bpdus) {
    const view = viewOf(hex);
    assert.ok(llc.isBpdu(view, 0, view.byteLength));
    assert.deepEqual([llc.bpduVersion(view, 0), llc.bpduType(view, 0)], [version, type]);
    for (let length = 0; length < 7; length++) assert.ok(!llc.isBpdu(view, 0, length));
  }
  for (const other of ["aaaa03 00000c 2000", "424213 0000 00 80", "424203 0001 00 80"]) {
    assert.ok(!llc.isBpdu(viewOf(other), 0, 7), other);
  }
  const snap = viewOf("aaaa03");
  assert.deepEqual([llc.dsap(snap, 0), llc.ssap(snap, 0), llc.control(snap, 0)], [0xaa, 0xaa, 3]);
});

test("a slow protocol tells its subtype and version", () => {
  const view = viewOf("0201");
  assert.ok(slow.isValid(view, 0, 2) && !slow.isValid(view, 0, 1));
  assert.deepEqual([slow.subtype(view, 0), slow.version(view, 0)], [slow.Subtype.Marker, 1]);
});
