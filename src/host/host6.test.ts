import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  filler6,
  frame6,
  Host6Rig,
  icmp6,
  packet6,
  RIG6_INTERFACES,
  upper6,
  words,
} from "../sim/host6-rig.ts";
import type { Route6Config } from "./config6.ts";
import { HOST6_DEFAULTS } from "./config6.ts";
import { Stat, Status } from "./sender.ts";

const H = "2001:db8:1::a";
const LAN = "2001:db8:1::1";
const FAR = "2001:db8:9::9";
const A = 0x02000000000a;
const GATEWAY = 0x02000000000b;
const PLAIN = "00000000000000000000";
const ROUTES: Route6Config[] = [
  { to: words("2001:db8:9::"), prefix: 48, via: words("2001:db8:2::2"), interface: -1 },
];

/** A rig with 2001:db8:1::a on lan and the gateway 2001:db8:2::2 on wan known. */
function ready(config: ConstructorParameters<typeof Host6Rig>[0] = {}): Host6Rig {
  const rig = new Host6Rig({ routes: ROUTES, ...config });
  rig.learn(0, H, A);
  rig.learn(1, "2001:db8:2::2", GATEWAY);
  return rig;
}

/** The words of type, code and the rest of an error, and what it quotes. */
function errorOf(hex: string): { type: number; code: number; rest: number; quoted: string } {
  const at = (14 + 40) * 2;
  return {
    type: Number.parseInt(hex.slice(at, at + 2), 16),
    code: Number.parseInt(hex.slice(at + 2, at + 4), 16),
    rest: Number.parseInt(hex.slice(at + 8, at + 16), 16),
    quoted: hex.slice(at + 16),
  };
}

// These bytes were made by another program.
const ECHO_IN =
  "02000000010102000000000a86dd6000000000103a4020010db800010000000000000000000a20010db80001000000000000000000018000181e000700010001020304050607";
const ECHO_OUT =
  "02000000000a02000000010186dd6000000000103a4020010db800010000000000000000000120010db800010000000000000000000a8100171e000700010001020304050607";
const FORWARD_IN =
  "02000000010102000000000a86dd60000000000c114020010db800010000000000000000000a20010db80009000000000000000000099c400035000c290170696e67";
const FORWARD_OUT =
  "02000000000b02000000010286dd60000000000c113f20010db800010000000000000000000a20010db80009000000000000000000099c400035000c290170696e67";
const HOPS_IN =
  "02000000010102000000000a86dd60000000000c110120010db800010000000000000000000a20010db80009000000000000000000099c400035000c290170696e67";
const HOPS_OUT =
  "02000000000a02000000010186dd60000000003c3a4020010db800010000000000000000000120010db800010000000000000000000a0300301a0000000060000000000c110120010db800010000000000000000000a20010db80009000000000000000000099c400035000c290170696e67";
const NO_ROUTE_OUT =
  "02000000000a02000000010186dd60000000003c3a4020010db800010000000000000000000120010db800010000000000000000000a010031db0000000060000000000c114020010db800010000000000000000000a20010db80009000000000000000000099c400035000c290170696e67";
const SYN_IN =
  "02000000010102000000000a86dd600000000014064020010db800010000000000000000000a20010db80001000000000000000000019c40001601020304000000005002faf0b9160000";
const RESET_OUT =
  "02000000000a02000000010186dd600000000014064020010db800010000000000000000000120010db800010000000000000000000a00169c40000000000102030550140000b3f40000";
const UDP_IN =
  "02000000010102000000000a86dd60000000000c114020010db800010000000000000000000a20010db80001000000000000000000019c400035000c291170696e67";
const PORT_OUT =
  "02000000000a02000000010186dd60000000003c3a4020010db800010000000000000000000120010db800010000000000000000000a010431d70000000060000000000c114020010db800010000000000000000000a20010db80001000000000000000000019c400035000c291170696e67";

const UDP = upper6(H, FAR, 17, "9c400035000c000070696e67");

test("HOST-2 a ping to an own address is answered, byte for byte", () => {
  const rig = ready();
  rig.deliver(0, ECHO_IN);
  assert.deepEqual(rig.take(), {
    sent: [{ iface: 0, hex: ECHO_OUT, offload: PLAIN }],
    drops: [],
  });
});

test("HOST-2 the padding of a short frame does not come back", () => {
  const rig = ready();
  rig.deliver(0, ECHO_IN.padEnd(200, "0"));
  assert.equal(rig.sent[0]?.hex, ECHO_OUT);
});

test("HOST-2 an own address answers on every interface, a link-local one on its own", () => {
  const rig = ready();
  rig.learn(0, "fe80::a", A);
  const ask = (from: string, to: string): void =>
    rig.deliver(
      0,
      frame6({ from, to, next: 58, payload: icmp6(from, to, 128, 0, 0x00070001, "aabb") }),
    );
  ask(H, "2001:db8:2::1");
  assert.equal(
    rig.take().sent[0]?.hex.slice(28),
    packet6({
      from: "2001:db8:2::1",
      to: H,
      next: 58,
      payload: icmp6("2001:db8:2::1", H, 129, 0, 0x00070001, "aabb"),
    }),
  );
  ask("fe80::a", "fe80::1");
  assert.equal(rig.take().sent[0]?.iface, 0);
  ask("fe80::a", "fe80::2");
  assert.deepEqual(rig.take(), { sent: [], drops: ["ip-destination"] });
});

test("HOST-2 a reply keeps the traffic class and nothing else of the header", () => {
  const rig = ready();
  const payload = icmp6(H, LAN, 128, 0, 0x00070001);
  rig.deliver(0, frame6({ from: H, to: LAN, next: 58, flow: 0xb812345, hops: 9, payload }));
  assert.equal(rig.sent[0]?.hex.slice(28, 44), "6b80000000083a40");
});

test("HOST-3 a packet is forwarded with one hop less, byte for byte and without a message", () => {
  const rig = ready();
  rig.deliver(0, FORWARD_IN);
  assert.equal(FORWARD_IN, frame6({ from: H, to: FAR, payload: UDP }));
  assert.deepEqual(rig.take(), {
    sent: [{ iface: 1, hex: FORWARD_OUT, offload: PLAIN }],
    drops: [],
  });
  assert.deepEqual(rig.recorder.messages, []);
  assert.deepEqual(rig.asked, ["1 2001:db8:2::2"]);
  assert.equal(rig.host.statistics.values[Stat.Forwarded], 1);
});

test("HOST-3 a hop limit that ran out is told, byte for byte, so that traceroute works", () => {
  const rig = ready();
  rig.deliver(0, HOPS_IN);
  assert.deepEqual(rig.take(), {
    sent: [{ iface: 0, hex: HOPS_OUT, offload: PLAIN }],
    drops: ["ip-ttl"],
  });
});

test("HOST-3 a packet without a route is told so, byte for byte", () => {
  const rig = ready({ routes: [] });
  rig.deliver(0, FORWARD_IN);
  const { sent, drops } = rig.take();
  assert.equal(sent[0]?.hex, NO_ROUTE_OUT);
  assert.deepEqual(drops, ["ip-no-route"]);
});

test("HOST-2 a connection to the appliance is refused by a reset, byte for byte", () => {
  const rig = ready();
  rig.deliver(0, SYN_IN);
  const { sent, drops } = rig.take();
  assert.equal(sent[0]?.hex, RESET_OUT);
  assert.deepEqual(drops, ["ip-protocol"]);
});

test("HOST-2 UDP to the appliance is told port unreachable, byte for byte", () => {
  const rig = ready();
  rig.deliver(0, UDP_IN);
  const { sent, drops } = rig.take();
  assert.equal(sent[0]?.hex, PORT_OUT);
  assert.deepEqual(drops, ["ip-protocol"]);
});

test("HOST-2 a reset carries the number that the segment acknowledged, and answers no reset", () => {
  const rig = ready();
  const segment = (flags: string): string =>
    upper6(H, LAN, 6, `9c400016010203041122334450${flags}000000000000`);
  rig.deliver(0, frame6({ from: H, to: LAN, next: 6, payload: segment("10") }));
  const expected = upper6(LAN, H, 6, "00169c40112233440000000050040000" + "00000000");
  assert.equal(rig.take().sent[0]?.hex.slice(108), expected);
  rig.deliver(0, frame6({ from: H, to: LAN, next: 6, payload: segment("14") }));
  assert.deepEqual(rig.take(), { sent: [], drops: ["ip-protocol"] });
});

test("HOST-2 what comes with a wrong checksum is dropped in silence", () => {
  const rig = ready();
  const broken = (hex: string): string => hex.replace(/..$/, "55");
  rig.deliver(0, broken(ECHO_IN));
  rig.deliver(0, broken(UDP_IN));
  rig.deliver(0, broken(SYN_IN));
  const none = `${UDP_IN.slice(0, 120)}0000${UDP_IN.slice(124)}`;
  rig.deliver(0, none);
  assert.deepEqual(rig.take(), {
    sent: [],
    drops: ["icmp-checksum", "transport-checksum", "transport-checksum", "transport-checksum"],
  });
});

test("HOST-1 a frame whose next hop is unknown waits and leaves when it is known", () => {
  const rig = new Host6Rig({ routes: ROUTES });
  rig.deliver(0, FORWARD_IN);
  assert.deepEqual(rig.take(), { sent: [], drops: [] });
  rig.learn(1, "2001:db8:2::2", GATEWAY);
  assert.equal(rig.take().sent[0]?.hex, FORWARD_OUT);
  assert.equal(rig.recorder.held, 0);
});

test("HOST-3 the source of a frame whose next hop stays silent is told address unreachable", () => {
  const rig = new Host6Rig({ routes: ROUTES });
  rig.learn(0, H, A);
  rig.deliver(0, FORWARD_IN);
  rig.fail(1, "2001:db8:2::2");
  const { sent } = rig.take();
  assert.equal(sent[0]?.iface, 0);
  const quoted = packet6({ from: H, to: FAR, hops: 63, payload: UDP });
  assert.deepEqual(errorOf(sent[0]?.hex ?? ""), { type: 1, code: 3, rest: 0, quoted });
});

test("HOST-1 a destination on link is its own next hop", () => {
  const rig = ready();
  rig.learn(1, "2001:db8:2::77", A);
  rig.deliver(0, frame6({ from: H, to: "2001:db8:2::77", payload: "00" }));
  assert.deepEqual(rig.asked, ["1 2001:db8:2::77"]);
  assert.equal(rig.sent[0]?.hex.slice(0, 28), "02000000000a02000000010286dd");
});

test("HOST-1 a program's payload gets a header, a source, a route and a MAC", () => {
  const rig = ready();
  const { start, end } = rig.recorder.frame("9c400035000cabcd70696e67");
  assert.equal(rig.host.send(words(FAR), -1, 17, start, end, rig.now), Status.Sent);
  const expected = packet6({ from: "2001:db8:2::1", to: FAR, payload: "9c400035000cabcd70696e67" });
  assert.equal(rig.take().sent[0]?.hex, `02000000000b02000000010286dd${expected}`);
});

test("HOST-1 sending says what became of the packet", () => {
  const rig = ready();
  const { start, end } = rig.recorder.frame("0011");
  const send = (to: string, iface = -1): number =>
    rig.host.send(words(to), iface, 17, start, end, rig.now);
  assert.equal(send("2001:4860::1"), Status.NoRoute);
  assert.equal(send("2001:db8:1::77"), Status.Waiting);
  assert.equal(send("fe80::77"), Status.NoRoute, "a link-local address needs an interface");
  assert.equal(send("fe80::77", 1), Status.Waiting);
  assert.equal(rig.asked.at(-1), "1 fe80::77");
  assert.equal(send("ff02::1"), Status.NoRoute);
  assert.equal(rig.host.send(words(FAR), -1, 17, 0, 70000, rig.now), Status.TooBig);
  rig.recorder.poolEmpty = true;
  assert.equal(send(H), Status.NoBuffer);
  rig.recorder.poolEmpty = false;
  rig.take();
  assert.equal(send("ff02::1:ff00:a", 2), Status.Sent);
  assert.equal(rig.sent[0]?.hex.slice(0, 28), "3333ff00000a02000000010386dd");
  assert.equal(rig.sent[0]?.hex.slice(44, 76), "fe800000000000000000000000000001");
  const none = new Host6Rig({}, RIG6_INTERFACES, []);
  assert.equal(none.host.send(words("fe80::77"), 0, 17, start, end, rig.now), Status.NoSource);
});

test("HOST-2 a ping from the appliance is sent, and its reply, refusal and silence are told", () => {
  const rig = ready();
  assert.equal(rig.host.startPing6(words(H), -1, 9, 1, rig.now, 4), Status.Sent);
  const payload = icmp6(LAN, H, 128, 0, 0x00090001, "00010203");
  const request = packet6({ from: LAN, to: H, next: 58, payload });
  assert.equal(rig.take().sent[0]?.hex.slice(28), request);

  const reply = icmp6(H, LAN, 129, 0, 0x00090001, "00010203");
  rig.deliver(0, frame6({ from: H, to: LAN, next: 58, hops: 61, payload: reply }));
  const refusal = icmp6(H, LAN, 3, 0, 0, request);
  rig.deliver(0, frame6({ from: H, to: LAN, next: 58, payload: refusal }));
  rig.host.startPing6(words("2001:db8:1::99"), -1, 9, 2, rig.now);
  rig.fail(0, "2001:db8:1::99");
  assert.deepEqual(rig.heard, [
    "2001:db8:1::a id 9 seq 1 bytes 4 hops 61",
    "2001:db8:1::a id 9 seq 1: type 3 code 0 from 2001:db8:1::a",
    "2001:db8:1::99 id 9 seq 2: type 1 code 3 from 2001:db8:1::1",
  ]);
  assert.deepEqual(rig.take(), { sent: [], drops: [] });
});

test("RFC 4861 7.3.1: the reply to an own ping confirms the neighbour that it went through", () => {
  const rig = ready();
  const reply = (from: string, id: number): void => {
    const payload = icmp6(from, LAN, 129, 0, id, "");
    rig.deliver(0, frame6({ from, to: LAN, next: 58, payload }));
  };
  rig.host.startPing6(words(H), -1, 9, 1, rig.now);
  rig.host.startPing6(words(FAR), -1, 9, 2, rig.now);
  reply(H, 0x00090001);
  reply(FAR, 0x00090002);
  reply(H, 0x00090003);
  reply("2001:db8:1::b", 0x00090001);
  assert.deepEqual(
    rig.confirmed,
    ["0 2001:db8:1::a", "1 2001:db8:2::2"],
    "none that was not asked",
  );
});

test("HOST-2 the appliance can ping itself without a frame", () => {
  const rig = ready();
  assert.equal(rig.host.startPing6(words("2001:db8:2::1"), -1, 1, 1, rig.now), Status.Sent);
  assert.equal(rig.host.startPing6(words("fe80::1"), 2, 1, 2, rig.now), Status.Sent);
  assert.deepEqual(rig.heard, [
    "2001:db8:2::1 id 1 seq 1 bytes 56 hops 64",
    "fe80::1 id 1 seq 2 bytes 56 hops 64",
  ]);
  assert.deepEqual(rig.take(), { sent: [], drops: [] });
});

test("HOST-3 a packet that leaves where it came in is forwarded, and its sender redirected", () => {
  const routes: Route6Config[] = [
    { to: words("2001:db8:a::"), prefix: 48, via: words("fe80::b"), interface: 0 },
    { to: words("2001:db8:b::"), prefix: 48, via: words("2001:db8:1::b"), interface: -1 },
  ];
  const rig = ready({ routes });
  for (const to of ["2001:db8:a::1", "2001:db8:b::1", "2001:db8:1::c"]) {
    rig.deliver(0, frame6({ from: H, to, payload: "00" }));
  }
  rig.deliver(0, frame6({ from: "2001:db8:77::1", to: "2001:db8:1::c", payload: "00" }));
  assert.deepEqual(
    rig.redirects,
    ["0 2001:db8:a::1 by fe80::b", "0 2001:db8:1::c by 2001:db8:1::c"],
    "a router only by its link-local address, and nobody who is no neighbour",
  );
  assert.equal(rig.asked.length, 4);
  const off = ready({ routes, redirects: false });
  off.deliver(0, frame6({ from: H, to: "2001:db8:1::c", payload: "00" }));
  assert.deepEqual(off.redirects, []);
});

test("HOST-3 a packet longer than the link's MTU is told it, and one that fits passes", () => {
  const rig = ready();
  rig.learn(2, "2001:db8:3::1", A);
  const send = (bytes: number): void =>
    rig.deliver(0, frame6({ from: H, to: "2001:db8:3::1", payload: filler6(bytes) }));
  send(1240);
  assert.equal(rig.take().sent.length, 1);
  send(1241);
  const { sent, drops } = rig.take();
  assert.deepEqual(drops, ["ip-too-big"]);
  const error = errorOf(sent[0]?.hex ?? "");
  assert.deepEqual([error.type, error.code, error.rest], [2, 0, 1280]);
  assert.equal((sent[0]?.hex.length ?? 0) / 2 - 14, 1280, "as much as fits is quoted");
  assert.equal(rig.host.statistics.values[Stat.FragmentsMade], 0);
});

test("errors are limited to one peer and in all, path MTUs in all alone", () => {
  const rig = ready();
  for (let n = 0; n < 10; n++) rig.deliver(0, HOPS_IN);
  assert.equal(rig.take().sent.length, 6);
  rig.now += 1000;
  rig.deliver(0, HOPS_IN);
  rig.deliver(0, HOPS_IN);
  assert.equal(rig.take().sent.length, 1);
  rig.now += 60_000;
  for (let n = 0; n < 100; n++) {
    rig.deliver(0, frame6({ from: H, to: "2001:db8:3::1", payload: filler6(1241) }));
  }
  const { sent, drops } = rig.take();
  assert.equal(sent.length, 50);
  assert.equal(drops.filter((name) => name === "icmp-rate").length, 50);
});

test("a frame with work left to its sender keeps its offload header, and is measured by its segments", () => {
  const rig = ready();
  const tcp = `9c40001601020304000000005010faf0${"00000000"}${filler6(3000 - 20)}`;
  const payload = upper6(H, FAR, 6, tcp);
  // NEEDS_CSUM, TCPv6, hdr_len 74, gso_size 1440, csum_start 54, csum_offset 16.
  const offload = "01044a00a00536001000";
  rig.deliver(0, frame6({ from: H, to: FAR, next: 6, payload }).slice(0, 4000), offload);
  assert.deepEqual(rig.take().drops, ["ip-short"]);
  const short = upper6(H, FAR, 6, tcp.slice(0, 3600));
  rig.deliver(0, frame6({ from: H, to: FAR, next: 6, payload: short }), offload);
  const { sent, drops } = rig.take();
  assert.deepEqual(drops, []);
  assert.equal(sent[0]?.offload, offload);
  rig.deliver(0, frame6({ from: H, to: FAR, next: 6, payload: short }), "01044a00ff0536001000");
  const told = rig.take();
  assert.deepEqual(told.drops, ["ip-too-big"], "1535 bytes a segment and headers are too much");
  rig.deliver(0, frame6({ from: H, to: FAR, next: 17, payload: short }), offload);
  assert.deepEqual(rig.take().drops, ["checksum-offload"]);
});

test("a local kernel's unfinished checksum is finished before an answer", () => {
  const rig = ready();
  const half = icmp6(H, LAN, 128, 0, 0x00070001, "aabb");
  // The field holds the pseudo-header's sum, not inverted.
  const sum = (
    0xffff - Number.parseInt(upper6(H, LAN, 58, "0".repeat(half.length)).slice(4, 8), 16)
  )
    .toString(16)
    .padStart(4, "0");
  const unfinished = `${half.slice(0, 4)}${sum}${half.slice(8)}`;
  rig.deliver(
    0,
    frame6({ from: H, to: LAN, next: 58, payload: unfinished }),
    "01000000000036000200",
  );
  const { sent, drops } = rig.take();
  assert.deepEqual(drops, []);
  assert.equal(sent[0]?.offload, PLAIN);
  assert.equal(sent[0]?.hex.slice(108), icmp6(LAN, H, 129, 0, 0x00070001, "aabb"));
});

test("routes are listed with their origin, page by page", () => {
  const rig = ready();
  rig.host.routerUp(0, ...words("fe80::b"), 0);
  const all: string[] = [];
  for (let cursor = 0; cursor >= 0; ) {
    const { rows, next } = rig.host.routes(cursor, 3);
    for (const row of rows) {
      all.push(
        `${row.origin} ${row.address.map((word) => word.toString(16)).join(":")}/${row.prefix}`,
      );
    }
    cursor = next;
  }
  assert.deepEqual(all.filter((row) => !row.startsWith("local")).sort(), [
    "connected 20010db8:10000:0:0/64",
    "connected 20010db8:20000:0:0/64",
    "connected 20010db8:30000:0:0/127",
    "router 0:0:0:0/0",
    "static 20010db8:90000:0:0/48",
  ]);
  assert.equal(all.filter((row) => row.startsWith("local")).length, 8, "six own, two anycast");
});

test("a configuration that changes keeps what was learned and what is the same", () => {
  const rig = ready();
  const common = { ports: [], channels: [], interfaces: RIG6_INTERFACES };
  rig.host.configure({ ...HOST6_DEFAULTS, routes: [] }, common, rig.now);
  rig.deliver(0, FORWARD_IN);
  assert.deepEqual(rig.take().drops, ["ip-no-route"]);
  rig.host.configure({ ...HOST6_DEFAULTS, routes: ROUTES }, common, rig.now);
  rig.deliver(0, FORWARD_IN);
  assert.equal(rig.take().sent[0]?.hex, FORWARD_OUT);
  const renamed = RIG6_INTERFACES.map((one) =>
    one.name === "wan" ? { ...one, name: "new" } : one,
  );
  rig.host.configure({ ...HOST6_DEFAULTS, routes: ROUTES }, { ...common, interfaces: renamed }, 0);
  assert.equal(rig.host.isLocal(0, words("2001:db8:2::1")), false);
  assert.equal(rig.host.unresolvedRoutes, 1);
  rig.host.addressUp(1, ...words("2001:db8:2::1"), 64, true);
  assert.equal(rig.host.unresolvedRoutes, 0);
  rig.deliver(0, FORWARD_IN);
  assert.equal(rig.take().sent[0]?.hex, FORWARD_OUT);
});

test("bytes of every length and kind never throw, and nothing stays held for ever", () => {
  const rig = ready();
  for (const hex of [ECHO_IN, FORWARD_IN, SYN_IN, UDP_IN]) {
    for (let bytes = 0; bytes <= hex.length / 2; bytes++) rig.deliver(0, hex.slice(0, bytes * 2));
  }
  const byte = fc.integer({ min: 0, max: 255 });
  const chain = fc.array(
    fc.record({
      kind: fc.constantFrom(0, 43, 44, 51, 58, 59, 60, 6, 17, 135, 200),
      size: fc.constantFrom(0, 0, 0, 1, 255),
      rest: fc.uint8Array({ minLength: 6, maxLength: 14 }),
    }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(
      chain,
      fc.constantFrom(LAN, FAR, "ff02::1", "fe80::1", "2001:db8:1::", "::1", "::"),
      fc.constantFrom(H, "fe80::a", "::", "ff02::1", LAN),
      fc.array(byte, { maxLength: 60 }),
      fc.uint8Array({ minLength: 10, maxLength: 10 }),
      fc.boolean(),
      (headers, to, from, tail, offload, withOffload) => {
        let payload = tail.map((value) => value.toString(16).padStart(2, "0")).join("");
        for (const [index, one] of [...headers.entries()].reverse()) {
          const next = headers[index + 1]?.kind ?? 58;
          const first = next.toString(16).padStart(2, "0") + one.size.toString(16).padStart(2, "0");
          payload = first + Buffer.from(one.rest).toString("hex") + payload;
        }
        const hex = frame6({ from, to, next: headers[0]?.kind ?? 58, payload });
        rig.deliver(0, hex, withOffload ? Buffer.from(offload).toString("hex") : "");
        rig.now += 7;
        rig.host.tick(rig.now);
        // Nobody answers: what waits is given up, before the recorder's buffers come round.
        for (const { iface, address } of [...rig.waiting]) rig.fail(iface, address);
      },
    ),
    { numRuns: 4000 },
  );
  for (let n = 0; n < 40; n++) {
    rig.now += 61_000;
    rig.host.tick(rig.now);
  }
  assert.equal(rig.recorder.held, 0);
});
