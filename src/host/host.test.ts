import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { frame, HostRig, icmpMessage, packet, RIG_INTERFACES, transport } from "../sim/host-rig.ts";
import { parseHex, parseIpv4 } from "../wire/text.ts";
import { HOST_DEFAULTS, type RouteConfig } from "./config.ts";
import { Stat, Status } from "./sender.ts";

const ip = (text: string): number => parseIpv4(text) ?? Number.NaN;
const A = 0x02000000000a;
const GATEWAY = 0x02000000000b;
const ROUTES: RouteConfig[] = [
  { to: ip("203.0.114.0"), prefix: 24, via: ip("198.51.100.2"), interface: -1 },
];

/** A rig with 192.0.2.10 on lan and the gateway 198.51.100.2 on wan known. */
function ready(config: ConstructorParameters<typeof HostRig>[0] = {}): HostRig {
  const rig = new HostRig({ routes: ROUTES, ...config });
  rig.learn(0, "192.0.2.10", A);
  rig.learn(1, "198.51.100.2", GATEWAY);
  return rig;
}

const UDP = "9c400035000c857b70696e67";
const TO_NET = frame({ from: "192.0.2.10", to: "203.0.114.9", payload: UDP });

// These bytes were made by another program.
const ECHO_IN =
  "02000000010102000000000a080045000024123400004001e499c000020ac00002010800ebe7000700010001020304050607";
const ECHO_OUT =
  "02000000000a020000000101080045000024000100004001f6ccc0000201c000020a0000f3e7000700010001020304050607";
const FORWARD_IN =
  "02000000010102000000000a0800450000201234000040116985c000020acb0072099c400035000c857b70696e67";
const FORWARD_OUT =
  "02000000000b020000000102080045000020123400003f116a85c000020acb0072099c400035000c857b70696e67";
const TTL_IN =
  "02000000010102000000000a080045000020123400000111a885c000020acb0072099c400035000c857b70696e67";
const TTL_OUT =
  "02000000000a020000000101080045c0003c000100004001f5f4c0000201c000020a0b00f4310000000045000020123400000111a885c000020acb0072099c400035000c857b70696e67";
const NO_ROUTE_OUT =
  "02000000000a020000000101080045c0003c000100004001f5f4c0000201c000020a0300fc3100000000450000201234000040116985c000020acb0072099c400035000c857b70696e67";
const SYN_IN =
  "02000000010102000000000a080045000028123400004006e490c000020ac00002019c40001601020304000000005002faf090890000";
const RESET_OUT =
  "02000000000a020000000101080045000028000100004006f6c3c0000201c000020a00169c400000000001020305501400008b670000";
const UDP_IN =
  "02000000010102000000000a080045000020123400004011e48dc000020ac00002019c400035000c008470696e67";
const PORT_OUT =
  "02000000000a020000000101080045c0003c000100004001f5f4c0000201c000020a030381260000000045000020123400004011e48dc000020ac00002019c400035000c008470696e67";

test("HOST-2 a ping to an own address is answered, byte for byte", () => {
  const rig = ready();
  rig.deliver(0, ECHO_IN);
  assert.deepEqual(rig.take(), {
    sent: [{ iface: 0, hex: ECHO_OUT, offload: "00000000000000000000" }],
    drops: [],
  });
});

test("HOST-2 the padding of a short frame does not come back", () => {
  const rig = ready();
  rig.deliver(0, ECHO_IN.padEnd(120, "0"));
  assert.equal(rig.sent[0]?.hex, ECHO_OUT);
});

test("HOST-2 an own address answers on every interface (RFC 1812 5.2.3)", () => {
  const rig = ready();
  const echo = icmpMessage(8, 0, 0x00070001, "aabb");
  rig.deliver(0, frame({ from: "192.0.2.10", to: "198.51.100.1", protocol: 1, payload: echo }));
  assert.equal(rig.sent[0]?.iface, 0);
  const reply = { from: "198.51.100.1", to: "192.0.2.10", protocol: 1, id: 1 };
  assert.equal(
    rig.sent[0]?.hex.slice(28),
    packet({ ...reply, payload: icmpMessage(0, 0, 0x00070001, "aabb") }),
  );
});

test("HOST-3 a packet is forwarded with one hop less, byte for byte and without a message", () => {
  const rig = ready();
  rig.deliver(0, FORWARD_IN);
  assert.equal(FORWARD_IN, TO_NET);
  assert.deepEqual(rig.take(), {
    sent: [{ iface: 1, hex: FORWARD_OUT, offload: "00000000000000000000" }],
    drops: [],
  });
  assert.deepEqual(rig.recorder.messages, []);
  assert.equal(rig.host.statistics.values[Stat.Forwarded], 1);
});

test("HOST-3 a hop counter that ran out is told, byte for byte, so that traceroute works", () => {
  const rig = ready();
  rig.deliver(0, TTL_IN);
  assert.deepEqual(rig.take(), {
    sent: [{ iface: 0, hex: TTL_OUT, offload: "00000000000000000000" }],
    drops: ["ip-ttl"],
  });
});

test("HOST-3 a packet without a route is told net unreachable, byte for byte", () => {
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
  const segment = "9c4000160102030411223344501000000000000061626364".slice(0, 40);
  const ack = transport("192.0.2.10", "192.0.2.1", 6, segment);
  rig.deliver(0, frame({ from: "192.0.2.10", to: "192.0.2.1", protocol: 6, payload: ack }));
  const expected = transport(
    "192.0.2.1",
    "192.0.2.10",
    6,
    "00169c40112233440000000050040000" + "00000000",
  );
  assert.equal(rig.take().sent[0]?.hex.slice(68), expected);

  const reset = transport(
    "192.0.2.10",
    "192.0.2.1",
    6,
    "9c4000160102030411223344500400000000" + "0000",
  );
  rig.deliver(0, frame({ from: "192.0.2.10", to: "192.0.2.1", protocol: 6, payload: reset }));
  assert.deepEqual(rig.take(), { sent: [], drops: ["ip-protocol"] });
});

test("HOST-2 an unknown protocol is told protocol unreachable", () => {
  const rig = ready();
  rig.deliver(0, frame({ from: "192.0.2.10", to: "192.0.2.1", protocol: 50, payload: "00112233" }));
  const { sent, drops } = rig.take();
  assert.equal(sent[0]?.hex.slice(68, 72), "0302");
  assert.deepEqual(drops, ["ip-protocol"]);
});

test("HOST-1 a frame whose next hop is unknown waits and leaves when it is known", () => {
  const rig = new HostRig({ routes: ROUTES });
  rig.deliver(0, FORWARD_IN);
  assert.deepEqual(rig.take(), { sent: [], drops: [] });
  assert.deepEqual(rig.asked, ["1 198.51.100.2"]);
  rig.learn(1, "198.51.100.2", GATEWAY);
  assert.equal(rig.take().sent[0]?.hex, FORWARD_OUT);
  assert.equal(rig.recorder.held, 0);
});

test("HOST-3 the source of a frame whose next hop stays silent is told host unreachable", () => {
  const rig = new HostRig({ routes: ROUTES });
  rig.learn(0, "192.0.2.10", A);
  rig.deliver(0, FORWARD_IN);
  rig.fail(1, "198.51.100.2");
  const hex = rig.take().sent[0]?.hex ?? "";
  const quoted = packet({ from: "192.0.2.10", to: "203.0.114.9", ttl: 63, payload: UDP });
  assert.equal(
    hex.slice(28),
    packet({
      from: "192.0.2.1",
      to: "192.0.2.10",
      protocol: 1,
      id: 1,
      tos: 0xc0,
      payload: icmpMessage(3, 1, 0, quoted),
    }),
  );
});

test("HOST-1 a program's payload gets a header, a source, a route and a MAC", () => {
  const rig = ready();
  const { start, end } = rig.recorder.frame(UDP);
  assert.equal(rig.host.send(ip("203.0.114.9"), 17, start, end, rig.now), Status.Sent);
  const expected = packet({ from: "198.51.100.1", to: "203.0.114.9", id: 1, payload: UDP });
  assert.equal(rig.take().sent[0]?.hex, `02000000000b0200000001020800${expected}`);
});

test("HOST-1 sending says what became of the packet", () => {
  const rig = ready();
  const { start, end } = rig.recorder.frame(UDP);
  const send = (to: string): number => rig.host.send(ip(to), 17, start, end, rig.now);
  assert.equal(send("8.8.8.8"), Status.NoRoute);
  assert.equal(send("192.0.2.77"), Status.Waiting);
  assert.equal(send("192.0.2.0"), Status.NoRoute);
  assert.equal(send("255.255.255.255"), Status.NoRoute);
  assert.equal(rig.host.send(ip("192.0.2.10"), 17, 0, 70000, rig.now), Status.TooBig);
  rig.recorder.poolEmpty = true;
  assert.equal(send("192.0.2.10"), Status.NoBuffer);
  rig.recorder.poolEmpty = false;
  assert.equal(send("192.0.2.255"), Status.Sent);
  assert.equal(rig.sent.at(-1)?.hex.slice(0, 28), "ffffffffffff0200000001010800");
});

test("HOST-1 multicast from here goes to the group's MAC by the route to the group", () => {
  const rig = ready({
    routes: [{ to: ip("224.0.0.0"), prefix: 4, via: 0, interface: 1 }],
  });
  const { start, end } = rig.recorder.frame(UDP);
  assert.equal(rig.host.send(ip("224.129.2.3"), 17, start, end, rig.now), Status.Sent);
  assert.equal(rig.sent[0]?.hex.slice(0, 28), "01005e0102030200000001020800");
});

test("HOST-2 a ping from the appliance is sent, and its reply, refusal and silence are told", () => {
  const rig = ready();
  assert.equal(rig.host.startPing(ip("192.0.2.10"), 9, 1, rig.now, 4), Status.Sent);
  const request = packet({
    from: "192.0.2.1",
    to: "192.0.2.10",
    protocol: 1,
    id: 1,
    payload: icmpMessage(8, 0, 0x00090001, "00010203"),
  });
  assert.equal(rig.take().sent[0]?.hex.slice(28), request);

  const reply = icmpMessage(0, 0, 0x00090001, "00010203");
  rig.deliver(
    0,
    frame({ from: "192.0.2.10", to: "192.0.2.1", protocol: 1, ttl: 61, payload: reply }),
  );
  const refusal = icmpMessage(11, 0, 0, request);
  rig.deliver(0, frame({ from: "192.0.2.10", to: "192.0.2.1", protocol: 1, payload: refusal }));
  rig.host.startPing(ip("192.0.2.99"), 9, 2, rig.now);
  rig.fail(0, "192.0.2.99");
  assert.deepEqual(rig.heard, [
    "192.0.2.10 id 9 seq 1 bytes 4 ttl 61",
    "192.0.2.10 id 9 seq 1: type 11 code 0 from 192.0.2.10",
    "192.0.2.99 id 9 seq 2: type 3 code 1 from 192.0.2.1",
  ]);
  assert.deepEqual(rig.take(), { sent: [], drops: [] });
});

test("HOST-2 the appliance can ping itself without a frame", () => {
  const rig = ready();
  assert.equal(rig.host.startPing(ip("198.51.100.1"), 1, 1, rig.now), Status.Sent);
  assert.deepEqual(rig.heard, ["198.51.100.1 id 1 seq 1 bytes 56 ttl 64"]);
  assert.deepEqual(rig.take(), { sent: [], drops: [] });
});

test("HOST-2 errors about packets that are no pings of ours are counted", () => {
  const rig = ready();
  const foreign = packet({
    from: "192.0.2.50",
    to: "192.0.2.10",
    protocol: 1,
    payload: "0800f7fe00010001",
  });
  const message = icmpMessage(3, 1, 0, foreign);
  rig.deliver(0, frame({ from: "192.0.2.10", to: "192.0.2.1", protocol: 1, payload: message }));
  assert.deepEqual(rig.take(), { sent: [], drops: ["icmp-type"] });
  assert.deepEqual(rig.heard, []);
});

test("HOST-3 a host that does not forward drops what is for others", () => {
  const rig = ready({ forwarding: false });
  rig.deliver(0, FORWARD_IN);
  assert.deepEqual(rig.take(), { sent: [], drops: ["ip-forwarding-off"] });
});

test("HOST-3 refusing routes drop, each with its own answer", () => {
  const kinds = { blackhole: null, unreachable: "0301", prohibit: "030d" } as const;
  for (const [kind, code] of Object.entries(kinds)) {
    const rig = ready({
      routes: [
        { to: 0, prefix: 0, via: ip("198.51.100.2"), interface: -1 },
        { to: ip("203.0.114.0"), prefix: 25, via: 0, interface: -1, kind: kind as "prohibit" },
      ],
    });
    rig.deliver(0, FORWARD_IN);
    const { sent, drops } = rig.take();
    assert.equal(sent[0]?.hex.slice(68, 72) ?? null, code);
    assert.deepEqual(drops, ["ip-no-route"]);
  }
});

test("HOST-3 a reload keeps routes that are the same and changes the others", () => {
  const rig = ready();
  const common = { ports: [], channels: [], interfaces: RIG_INTERFACES };
  const other: RouteConfig = { to: 0, prefix: 0, via: ip("192.0.2.10"), interface: -1 };
  rig.host.configure({ ...HOST_DEFAULTS, routes: [other] }, common, rig.now);
  assert.equal(rig.host.routeFor(ip("203.0.114.9")), 0);
  rig.host.configure({ ...HOST_DEFAULTS, routes: [...ROUTES, other] }, common, rig.now);
  assert.equal(rig.host.routeFor(ip("203.0.114.9")), 1);
  rig.host.configure({ ...HOST_DEFAULTS, routes: [] }, { ...common, interfaces: [] }, rig.now);
  assert.equal(rig.host.routeFor(ip("203.0.114.9")), -1);
  assert.ok(!rig.host.isLocal(ip("192.0.2.1")));
  assert.deepEqual(rig.host.routes(0, 100), { rows: [], next: -1 });
});

test("HOST-3 a route whose gateway nobody reaches is left out and counted", () => {
  const rig = ready({ routes: [{ to: 0, prefix: 0, via: ip("10.0.0.1"), interface: -1 }] });
  assert.equal(rig.host.unresolvedRoutes, 1);
  assert.equal(rig.host.routeFor(ip("8.8.8.8")), -1);
});

test("HOST-3 routes are listed in pages, with their origin", () => {
  const rig = ready({
    routes: [...ROUTES, { to: 0, prefix: 0, via: 0, interface: -1, kind: "blackhole" }],
  });
  const rows: string[] = [];
  for (let cursor = 0; cursor >= 0; ) {
    const page = rig.host.routes(cursor, 2);
    assert.ok(page.rows.length <= 2);
    for (const row of page.rows) {
      rows.push(
        `${row.address.toString(16)}/${row.prefix} ${row.via.toString(16)} ${row.interface} ${row.origin} ${row.kind}`,
      );
    }
    cursor = page.next;
  }
  assert.deepEqual(rows.sort(), [
    "0/0 0 -1 static blackhole",
    "c0000200/24 0 0 connected unicast",
    "c0000201/32 0 0 local unicast",
    "c6336400/30 0 1 connected unicast",
    "c6336401/32 0 1 local unicast",
    "cb007100/31 0 2 connected unicast",
    "cb007100/32 0 2 local unicast",
    "cb007200/24 c6336402 1 static unicast",
  ]);
});

test("HOST-3 both ends of a /31 are hosts, and a /32 has no neighbours", () => {
  const rig = ready();
  assert.equal(rig.host.routeFor(ip("203.0.113.1")), 2);
  assert.ok(rig.host.isLocal(ip("203.0.113.0")));
  const lone = { ...RIG_INTERFACES[0], addresses: [{ address: ip("10.9.9.9"), prefix: 32 }] };
  const alone = new HostRig({}, [lone as (typeof RIG_INTERFACES)[number]]);
  assert.ok(alone.host.isLocal(ip("10.9.9.9")));
  assert.equal(alone.host.routeFor(ip("10.9.9.8")), -1);
});

test("an interface with several addresses answers for each and speaks from the fitting one", () => {
  const two = {
    ...(RIG_INTERFACES[0] as (typeof RIG_INTERFACES)[number]),
    addresses: [
      { address: ip("192.0.2.1"), prefix: 24 },
      { address: ip("10.1.0.1"), prefix: 16 },
    ],
  };
  const rig = new HostRig({}, [two]);
  rig.learn(0, "10.1.2.3", A);
  assert.ok(rig.host.isLocal(ip("192.0.2.1")) && rig.host.isLocal(ip("10.1.0.1")));
  rig.deliver(0, frame({ from: "10.1.2.3", to: "8.8.8.8", payload: UDP }));
  assert.equal(rig.sent[0]?.hex.slice(52, 60), "0a010001");
  rig.host.startPing(ip("10.1.2.3"), 1, 1, rig.now);
  assert.equal(rig.sent[1]?.hex.slice(52, 60), "0a010001");
});

test("identifications of two cores do not meet", () => {
  const seen = new Set<string>();
  for (const core of [0, 1, 2, 3]) {
    const rig = new HostRig({}, RIG_INTERFACES, core, 4);
    rig.learn(0, "192.0.2.10", A);
    for (let n = 0; n < 100; n++) rig.host.startPing(ip("192.0.2.10"), 1, n, rig.now, 0);
    for (const { hex } of rig.sent) seen.add(hex.slice(36, 40));
  }
  assert.equal(seen.size, 400);
});

test("HOST-3 hostile bytes never throw, and every frame is sent, kept or counted", () => {
  const rig = ready({ icmpIntervalMillis: 0, icmpPerSecond: 1e9, icmpTotalBurst: 1e9 });
  const bytes = fc.uint8Array({ maxLength: 120 });
  const kinds = [ECHO_IN, FORWARD_IN, SYN_IN, UDP_IN, TTL_IN].map((hex) => parseHex(hex));
  const changes = fc.array(fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 255 })), { maxLength: 4 });
  const offload = fc.option(fc.uint8Array({ minLength: 10, maxLength: 10 }), { nil: null });
  fc.assert(
    fc.property(
      fc.nat({ max: 4 }),
      changes,
      bytes,
      fc.boolean(),
      offload,
      (kind, edits, tail, mend, extra) => {
        const base = kinds[kind] ?? new Uint8Array();
        const data = new Uint8Array(base.length + tail.length);
        data.set(base);
        data.set(tail, base.length);
        for (const [at, value] of edits) if (at < data.length) data[at] = value;
        let hex = Buffer.from(data).toString("hex");
        if (mend) hex = withHeaderChecksum(hex);
        rig.deliver(0, hex, extra === null ? "" : Buffer.from(extra).toString("hex"));
        rig.now += 1;
        rig.host.tick(rig.now);
        rig.take();
        rig.asked.length = 0;
        rig.heard.length = 0;
        for (const { handle } of rig.waiting.splice(0)) rig.recorder.release(handle);
      },
    ),
    { numRuns: 20_000 },
  );
  rig.now += HOST_DEFAULTS.reassemblyMillis;
  for (let n = 0; n < HOST_DEFAULTS.reassemblies; n++) rig.host.tick(rig.now);
  assert.equal(rig.recorder.held - rig.waiting.length, 0);
});

/** The frame with a right IPv4 header checksum, so that edits behind it are looked at. */
function withHeaderChecksum(hex: string): string {
  const header = (Number.parseInt(hex.slice(29, 30), 16) || 0) * 8;
  if (header < 40 || hex.length < 28 + header) return hex;
  const blank = `${hex.slice(28, 48)}0000${hex.slice(52, 28 + header)}`;
  const words = blank.match(/.{4}/g) ?? [];
  let sum = words.reduce((total, word) => total + Number.parseInt(word, 16), 0);
  while (sum > 0xffff) sum = (sum >>> 16) + (sum & 0xffff);
  const right = (~sum & 0xffff).toString(16).padStart(4, "0");
  return hex.slice(0, 48) + right + hex.slice(52);
}

test("every length of a cut frame is counted or answered, and none throws", () => {
  const rig = ready();
  for (const whole of [ECHO_IN, FORWARD_IN, SYN_IN, UDP_IN]) {
    for (let length = 28; length < whole.length; length += 2) {
      rig.deliver(0, whole.slice(0, length));
      const { sent, drops } = rig.take();
      assert.deepEqual(sent, []);
      assert.deepEqual(drops, ["ip-short"], `${length / 2} bytes`);
    }
  }
});
