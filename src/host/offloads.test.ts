import assert from "node:assert/strict";
import { test } from "node:test";
import { frame, HostRig, icmpMessage, packet, transport } from "../sim/host-rig.ts";
import { parseIpv4 } from "../wire/text.ts";

const A = 0x02000000000a;
const GATEWAY = 0x02000000000b;
const ip = (text: string): number => parseIpv4(text) ?? Number.NaN;

function ready(): HostRig {
  const rig = new HostRig({
    routes: [{ to: 0, prefix: 0, via: ip("198.51.100.2"), interface: -1 }],
  });
  rig.learn(0, "192.0.2.10", A);
  rig.learn(1, "198.51.100.2", GATEWAY);
  rig.learn(2, "203.0.113.1", GATEWAY);
  return rig;
}

const little = (value: number): string =>
  (value & 255).toString(16).padStart(2, "0") + (value >> 8).toString(16).padStart(2, "0");

/** An offload header: needs-checksum at 34 + `offset`, and a kind of cutting. */
const header = (offset: number, gso = 0, gsoSize = 0, hdrLen = 0): string =>
  `01${gso.toString(16).padStart(2, "0")}${little(hdrLen)}${little(gsoSize)}${little(34)}${little(offset)}`;

/** The sum of a pseudo-header as a kernel leaves it in the field, not inverted. */
function partial(from: string, to: string, protocol: number, segment: string): string {
  const blank = "0".repeat(segment.length);
  const at = protocol === 6 ? 32 : 12;
  const inverted = transport(from, to, protocol, blank).slice(at, at + 4);
  const sum = (~Number.parseInt(inverted, 16) & 0xffff).toString(16).padStart(4, "0");
  return segment.slice(0, at) + sum + segment.slice(at + 4);
}

const bytes = (count: number): string => "5a".repeat(count);
const TCP_HEADER = "9c40005001020304000000005010faf000000000";

test("HOST-3 a frame whose checksum is still to be finished is forwarded with its offload header", () => {
  const rig = ready();
  const payload = partial("192.0.2.10", "203.0.114.9", 6, TCP_HEADER + bytes(10));
  const offload = header(16);
  rig.deliver(0, frame({ from: "192.0.2.10", to: "203.0.114.9", protocol: 6, payload }), offload);
  const sent = rig.take().sent[0];
  assert.equal(sent?.offload, offload);
  const parts = { from: "192.0.2.10", to: "203.0.114.9", protocol: 6, ttl: 63, payload };
  assert.equal(sent?.hex.slice(28), packet(parts));
});

test("HOST-3 a super-frame is forwarded whole when what it becomes fits the MTU", () => {
  const rig = ready();
  const payload = TCP_HEADER + bytes(1900);
  const offload = header(16, 1, 1448, 54);
  const hex = frame({
    from: "192.0.2.10",
    to: "203.0.114.9",
    protocol: 6,
    fragment: 0x4000,
    payload,
  });
  rig.deliver(0, hex, offload);
  const { sent, drops } = rig.take();
  assert.deepEqual(drops, []);
  assert.equal(sent[0]?.offload, offload);
  assert.equal(sent[0]?.hex.length, hex.length);
});

test("RFC 1191 4: a super-frame whose segments do not fit is told the MTU", () => {
  const rig = ready();
  const payload = TCP_HEADER + bytes(1900);
  const offload = header(16, 1, 1448, 54);
  for (const fragment of [0x4000, 0]) {
    const parts = { from: "192.0.2.10", to: "203.0.113.1", protocol: 6, fragment, payload };
    rig.deliver(0, frame(parts), offload);
    const { sent, drops } = rig.take();
    assert.deepEqual(drops, ["ip-too-big"]);
    assert.equal(sent[0]?.hex.slice(68, 84).replace(/^(.{4}).{4}/, "$1"), "030400000258");
    assert.equal(sent[0]?.offload, "0".repeat(20));
  }
});

test("a super-frame of UDP datagrams is measured by one datagram", () => {
  const rig = ready();
  const payload = `9c4000350728000070696e67${bytes(1820)}`;
  rig.deliver(0, frame({ from: "192.0.2.10", to: "203.0.113.1", payload }), header(6, 5, 572, 42));
  assert.deepEqual(rig.take().drops, [], "20 + 8 + 572 is the MTU");
  rig.deliver(0, frame({ from: "192.0.2.10", to: "203.0.113.1", payload }), header(6, 5, 573, 42));
  assert.deepEqual(rig.take().drops, ["ip-too-big"]);
});

test("RFC 768: a checksum that is still to be finished is finished before the packet is cut", () => {
  const rig = ready();
  const segment = `9c40003502c80000${bytes(704)}`;
  const payload = partial("192.0.2.10", "203.0.113.1", 17, segment);
  rig.deliver(0, frame({ from: "192.0.2.10", to: "203.0.113.1", payload }), header(6));
  const { sent } = rig.take();
  assert.equal(sent.length, 2);
  assert.equal(
    sent.map(({ hex }) => hex.slice(68)).join(""),
    transport("192.0.2.10", "203.0.113.1", 17, segment),
  );
  for (const { offload } of sent) assert.equal(offload, "0".repeat(20));
});

test("HOST-2 a connection from a local kernel is refused, and the answer is an ordinary frame", () => {
  const rig = ready();
  const syn = "9c4000160102030400000000500200000000" + "0000";
  const payload = partial("192.0.2.10", "192.0.2.1", 6, syn);
  rig.deliver(0, frame({ from: "192.0.2.10", to: "192.0.2.1", protocol: 6, payload }), header(16));
  const { sent } = rig.take();
  assert.equal(sent[0]?.hex.slice(46, 48), "06");
  assert.equal(sent[0]?.offload, "0".repeat(20));
  const expected = transport(
    "192.0.2.1",
    "192.0.2.10",
    6,
    "00169c40000000000102030550140000" + "00000000",
  );
  assert.equal(sent[0]?.hex.slice(68), expected);
});

test("HOST-2 an echo whose checksum is still to be finished is answered with a right one", () => {
  const rig = ready();
  const payload = `080000000007000${"1"}${bytes(10)}`;
  rig.deliver(0, frame({ from: "192.0.2.10", to: "192.0.2.1", protocol: 1, payload }), header(2));
  const { sent } = rig.take();
  assert.equal(sent[0]?.hex.slice(68), icmpMessage(0, 0, 0x00070001, bytes(10)));
  assert.equal(sent[0]?.offload, "0".repeat(20));
});

test("an offload header that contradicts the frame is counted", () => {
  const udp = frame({ from: "192.0.2.10", to: "203.0.114.9", payload: "9c400035000c857b70696e67" });
  const wrong = [
    header(500), // Behind the end.
    `0100000000000a000000`, // In the IPv4 header.
    header(6, 1, 1000), // TCP segments of UDP.
    header(6, 4, 1000), // IPv6.
    header(6, 3, 0), // Pieces of no length.
    header(6, 7, 1000), // No such kind.
  ];
  for (const offload of wrong) {
    const rig = ready();
    rig.deliver(0, udp, offload);
    assert.deepEqual(rig.take(), { sent: [], drops: ["checksum-offload"] }, offload);
  }
});
