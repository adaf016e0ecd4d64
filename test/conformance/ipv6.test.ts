// What the IPv6 side must, must not and should do, one test per rule, named by the standard's
// section (HOST-2, HOST-3). Neighbour discovery has a suite of its own; reassembly's rules stand
// beside its code.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host6Config } from "../../src/host/config6.ts";
import {
  filler6,
  frame6,
  Host6Rig,
  icmp6,
  type Packet6Parts,
  packet6,
  RIG6_ADDRESSES,
  RIG6_INTERFACES,
  upper6,
  words,
} from "../../src/sim/host6-rig.ts";

const H = "2001:db8:1::a";
const LAN = "2001:db8:1::1";
const FAR = "2001:db8:9::9";
const ECHO = icmp6(H, LAN, 128, 0, 0x00070001, "aabb");
const UDP = upper6(H, FAR, 17, "9c400035000c000070696e67");
/** 33-33-00-00-00-01. */
const ALL_NODES_MAC = "333300000001";

/** Default route by wan; 2001:db8:1::a, the gateway and the link-local host are known. */
function router(config: Partial<Host6Config> = {}): Host6Rig {
  const rig = new Host6Rig({
    routes: [
      { to: words("::"), prefix: 0, via: words("fe80::b"), interface: 1 },
      { to: words("2001:db8:dead::"), prefix: 48, via: null, interface: -1, kind: "blackhole" },
      { to: words("2001:db8:beef::"), prefix: 48, via: null, interface: -1, kind: "prohibit" },
      { to: words("2001:db8:cafe::"), prefix: 48, via: null, interface: -1, kind: "unreachable" },
    ],
    ...config,
  });
  rig.learn(0, H, 0x02000000000a);
  rig.learn(0, "fe80::a", 0x02000000000a);
  rig.learn(1, "fe80::b", 0x02000000000b);
  rig.learn(2, "2001:db8:3::1", 0x02000000000c);
  return rig;
}

const outward = (parts: Partial<Packet6Parts> = {}): string =>
  frame6({ from: H, to: FAR, payload: UDP, ...parts });
const inward = (parts: Partial<Packet6Parts> = {}): string =>
  frame6({ from: H, to: LAN, next: 58, payload: ECHO, ...parts });

/** Type, code and the second word of the ICMPv6 message in a sent frame; "" where it is none. */
function message(hex: string): string {
  if (hex.slice(40, 42) !== "3a") return "";
  const rest = Number.parseInt(hex.slice(116, 124), 16);
  const [type, code] = [hex.slice(108, 110), hex.slice(110, 112)].map((two) =>
    Number.parseInt(two, 16),
  );
  return (type as number) < 128 ? `${type}/${code}/${rest}` : `${type}`;
}

/** Delivers one frame: drops, and type, code and word of what was answered, or where it went. */
function fate(rig: Host6Rig, hex: string, iface = 0): string {
  rig.deliver(iface, hex);
  const { sent, drops } = rig.take();
  const answers = sent.map((one) => message(one.hex) || `to ${one.iface}`);
  return [...drops, ...answers].join(" ");
}

const hex = (value: number, bytes: number): string =>
  (value >>> 0).toString(16).padStart(bytes * 2, "0");
/** An extension header of eight bytes. */
const extension = (next: number, six: string): string => `${hex(next, 1)}00${six}`;
/** An options header with one option without data, and padding. */
const option = (next: number, type: number): string => extension(next, `${hex(type, 1)}0001020000`);

// --- RFC 8200 3: the header ----------------------------------------------------------------------

test("RFC 8200 3: a version other than 6 is discarded in silence", () => {
  const frame = outward();
  assert.equal(fate(router(), `${frame.slice(0, 28)}4${frame.slice(29)}`), "ip-header");
});

test("RFC 8200 3: a payload length beyond the frame is discarded in silence", () => {
  assert.equal(fate(router(), outward({ length: 13 })), "ip-short");
  assert.equal(fate(router(), outward().slice(0, 28 + 78)), "ip-short");
});

test("RFC 8200 3: the hop limit is decremented by one, and at 1 and 0 nothing is forwarded", () => {
  const rig = router();
  rig.deliver(0, outward({ hops: 2 }));
  assert.equal(rig.take().sent[0]?.hex.slice(42, 44), "01");
  assert.equal(fate(router(), outward({ hops: 1 })), "ip-ttl 3/0/0");
  assert.equal(fate(router(), outward({ hops: 0 })), "ip-ttl 3/0/0");
});

test("RFC 8200 3: a node that is the destination does not look at the hop limit", () => {
  for (const hops of [0, 1, 255]) assert.equal(fate(router(), inward({ hops })), "129");
});

test("RFC 8200 3: nothing but the hop limit changes on the way", () => {
  const rig = router();
  const payload = `${option(59, 0x3e)}0011`;
  rig.deliver(0, outward({ flow: 0xfabcdef, next: 0, payload, hops: 77 }));
  const expected = packet6({ from: H, to: FAR, flow: 0xfabcdef, next: 0, payload, hops: 76 });
  assert.equal(rig.take().sent[0]?.hex.slice(28), expected);
});

// --- RFC 8200 4: extension headers ---------------------------------------------------------------

test("RFC 8200 4: extension headers of a packet in transit are not looked at but for hop-by-hop options", () => {
  for (const next of [43, 44, 60, 135, 50, 51, 200]) {
    assert.equal(fate(router(), outward({ next, payload: "ffffffffffffffff" })), "to 1", `${next}`);
  }
});

test("RFC 8200 4: an unknown next header for us is told code 1, at the field that named it", () => {
  assert.equal(fate(router(), inward({ next: 200 })), "ip-protocol 4/1/6");
  const payload = extension(135, "010400000000") + ECHO;
  assert.equal(fate(router(), inward({ next: 60, payload })), "ip-protocol 4/1/40");
});

test("RFC 8200 4: a hop-by-hop header anywhere but first is an unknown next header", () => {
  const payload = extension(0, "010400000000") + extension(58, "010400000000") + ECHO;
  assert.equal(fate(router(), inward({ next: 60, payload })), "ip-protocol 4/1/40");
});

test("RFC 8200 4: headers are walked in any order, up to a bound", () => {
  const padding = (next: number): string => extension(next, "010400000000");
  const routing = (next: number): string => extension(next, "000000000000");
  const some = padding(60) + padding(43) + routing(60) + padding(58) + ECHO;
  assert.equal(fate(router(), inward({ next: 0, payload: some })), "129");
  const many = `${padding(60).repeat(8)}${padding(58)}${ECHO}`;
  assert.equal(fate(router(), inward({ next: 60, payload: many })), "ip6-extension");
});

test("RFC 8200 4: a header that ends behind the packet is discarded", () => {
  const long = `3a02${"010400000000"}${ECHO.slice(0, 16)}`;
  assert.equal(fate(router(), inward({ next: 60, payload: long })), "ip6-extension");
  assert.equal(fate(router(), inward({ next: 0, payload: long })), "ip6-extension");
  assert.equal(fate(router(), outward({ next: 0, payload: "3a00" })), "ip6-extension");
});

test("RFC 8200 4.2: an unknown option is skipped, discarded or told by its two high bits", () => {
  const expected: readonly (readonly [number, string])[] = [
    [0x3e, "129"],
    [0x7e, "ip6-option"],
    [0xbe, "ip6-option 4/2/42"],
    [0xfe, "ip6-option 4/2/42"],
  ];
  for (const [type, what] of expected) {
    const payload = option(58, type) + ECHO;
    assert.equal(fate(router(), inward({ next: 60, payload })), what, `destination ${type}`);
    assert.equal(fate(router(), inward({ next: 0, payload })), what, `hop-by-hop ${type}`);
  }
});

test("RFC 8200 4.2: of options in packets to a group, only type 10 is told", () => {
  const to = "ff02::1";
  const expected = ["129", "ip6-option", "ip6-option 4/2/42", "ip6-option"];
  for (const [index, type] of [0x3e, 0x7e, 0xbe, 0xfe].entries()) {
    const payload = option(58, type) + icmp6(H, to, 128, 0, 7, "aabb");
    const frame = frame6({ from: H, to, next: 60, payload, mac: ALL_NODES_MAC });
    assert.equal(fate(router(), frame), expected[index], `${type}`);
  }
});

test("RFC 8200 4.3: a router on the way acts on hop-by-hop options as well", () => {
  const expected = ["to 1", "ip6-option", "ip6-option 4/2/42", "ip6-option 4/2/42"];
  for (const [index, type] of [0x3e, 0x7e, 0xbe, 0xfe].entries()) {
    const payload = option(17, type) + UDP;
    assert.equal(fate(router(), outward({ next: 0, payload })), expected[index], `${type}`);
  }
});

test("RFC 8504 5.3: too many options and padding without end are discarded", () => {
  const few = `3a03${"3e00".repeat(8)}01070000000000000001030000`.padEnd(64, "0");
  assert.equal(
    fate(router(), inward({ next: 60, payload: few.slice(0, 36) + "0".repeat(28) + ECHO })),
    "ip6-option",
  );
  const nine = `3a02${"3e00".repeat(9)}01020000`;
  assert.equal(fate(router(), inward({ next: 60, payload: nine + ECHO })), "ip6-option");
  const eight = `3a02${"3e00".repeat(8)}010400000000`;
  assert.equal(fate(router(), inward({ next: 60, payload: eight + ECHO })), "129");
  assert.equal(
    fate(router(), inward({ next: 60, payload: `3a01${"00".repeat(14)}${ECHO}` })),
    "ip6-option",
  );
});

test("RFC 2711 2.1: a router alert does not stop a packet", () => {
  const payload = extension(17, "050200000100") + UDP;
  assert.equal(fate(router(), outward({ next: 0, payload })), "to 1");
});

test("RFC 8200 4.4: a routing header of an unknown type with no segment left is passed over", () => {
  for (const type of [0, 2, 4, 99]) {
    const payload = extension(58, `${hex(type, 1)}0000000000`) + ECHO;
    assert.equal(fate(router(), inward({ next: 43, payload })), "129", `type ${type}`);
  }
});

test("RFC 8200 4.4, RFC 5095 3: with segments left it is discarded and told code 0, at its type", () => {
  for (const type of [0, 2, 4, 99]) {
    const payload = `3a02${hex(type, 1)}0100000000${"20010db8000900000000000000000009"}${ECHO}`;
    assert.equal(
      fate(router(), inward({ next: 43, payload })),
      "ip6-routing 4/0/42",
      `type ${type}`,
    );
  }
});

test("RFC 8200 4.7: no next header is ignored in silence", () => {
  assert.equal(fate(router(), inward({ next: 59, payload: "0011" })), "ip-protocol");
});

// --- RFC 8200 5, RFC 8201: packet size -----------------------------------------------------------

test("RFC 8200 5, RFC 4443 3.2: a packet longer than the next link is told its MTU and never cut", () => {
  const fits = frame6({ from: H, to: "2001:db8:3::1", payload: filler6(1240) });
  assert.equal(fate(router(), fits), "to 2");
  const over = frame6({ from: H, to: "2001:db8:3::1", payload: filler6(1241) });
  assert.equal(fate(router(), over), "ip-too-big 2/0/1280");
});

test("RFC 8200 5: 1280 bytes pass over any link", () => {
  const interfaces = RIG6_INTERFACES.map((one) => ({ ...one, mtu: 576 }));
  const rig = new Host6Rig({}, interfaces);
  rig.learn(2, "2001:db8:3::1", 1);
  rig.learn(0, H, 2);
  assert.equal(fate(rig, frame6({ from: H, to: "2001:db8:3::1", payload: filler6(1240) })), "to 2");
});

test("RFC 8201 4: a path MTU is believed for what starts here, and in time forgotten", () => {
  const rig = router();
  const ping = (sequence: number): number[] => {
    rig.host.startPing6(words(FAR), -1, 5, sequence, rig.now, 1400);
    return rig.take().sent.map((one) => one.hex.length / 2 - 14);
  };
  const tell = (mtu: number, source = "2001:db8:2::1"): void => {
    const quoted = packet6({
      from: source,
      to: FAR,
      next: 58,
      payload: icmp6(source, FAR, 128, 0, 0x00050001, filler6(1192)),
    });
    const payload = icmp6("2001:db8:7::7", "2001:db8:2::1", 2, 0, mtu, quoted);
    rig.deliver(1, frame6({ from: "2001:db8:7::7", to: "2001:db8:2::1", next: 58, payload }));
    rig.take();
  };
  assert.deepEqual(ping(1), [1448]);
  tell(1279);
  assert.deepEqual(ping(2), [1448], "below the minimum: not believed");
  tell(1300, "2001:db8:55::1");
  assert.deepEqual(ping(3), [1448], "not about a packet of ours");
  tell(1300);
  assert.deepEqual(ping(4), [1296, 208]);
  assert.equal(rig.heard.at(-1), "2001:db8:9::9 id 5 seq 1: type 2 code 0 from 2001:db8:7::7");
  tell(1400);
  assert.deepEqual(ping(5), [1296, 208], "never up");
  rig.now += 600_000;
  assert.deepEqual(ping(6), [1448]);
});

// --- RFC 8200 8.1: checksums ---------------------------------------------------------------------

test("RFC 8200 8.1: UDP without a checksum is discarded", () => {
  const payload = upper6(H, LAN, 17, "9c400035000c000070696e67");
  assert.equal(fate(router(), inward({ next: 17, payload })), "ip-protocol 1/4/0");
  const none = `${payload.slice(0, 12)}0000${payload.slice(16)}`;
  assert.equal(fate(router(), inward({ next: 17, payload: none })), "transport-checksum");
});

// --- RFC 4291 2: addresses -----------------------------------------------------------------------

test("RFC 4291 2.5.2: :: is no destination, and nothing from it is forwarded or answered", () => {
  assert.equal(fate(router(), outward({ to: "::" })), "ip-destination");
  assert.equal(fate(router(), outward({ from: "::" })), "ip-source");
  assert.equal(fate(router(), inward({ from: "::" })), "ip-source");
});

test("RFC 4291 2.5.3: the loopback address never comes from outside", () => {
  assert.equal(fate(router(), inward({ from: "::1" })), "ip-source");
  assert.equal(fate(router(), inward({ to: "::1" })), "ip-destination");
});

test("RFC 6890 2.2.3: mapped addresses are on no wire", () => {
  assert.equal(fate(router(), outward({ from: "::ffff:192.0.2.1" })), "ip-source");
  assert.equal(fate(router(), outward({ to: "::ffff:192.0.2.1" })), "ip-destination");
});

test("RFC 4291 2.5.6: link-local packets are never forwarded; RFC 4443 3.1: a source's is told code 2", () => {
  assert.equal(fate(router(), outward({ from: "fe80::a" })), "ip6-scope 1/2/0");
  assert.equal(fate(router(), outward({ to: "fe80::99" })), "ip-destination");
  assert.equal(fate(router(), outward({ from: "febf::a" })).split(" ")[0], "ip6-scope");
});

test("RFC 4291 2.6.1: a router answers to its subnets' anycast addresses, from a unicast one", () => {
  const to = "2001:db8:1::";
  const rig = router();
  const frame = frame6({ from: H, to, next: 58, payload: icmp6(H, to, 128, 0, 7, "aabb") });
  rig.deliver(0, frame);
  const payload = icmp6(LAN, H, 129, 0, 7, "aabb");
  assert.equal(rig.sent[0]?.hex.slice(28), packet6({ from: LAN, to: H, next: 58, payload }));
  assert.equal(fate(router({ forwarding: false }), frame), "ip-forwarding-off", "a host has none");
});

test("RFC 6164 5.1: a link of two has no anycast address", () => {
  const to = "2001:db8:3::";
  assert.equal(
    fate(router(), frame6({ from: H, to, next: 58, payload: icmp6(H, to, 128, 0, 7, "") })),
    "129",
    "it is ours as any other",
  );
  const other = new Host6Rig({}, RIG6_INTERFACES, [
    [0, LAN, 64],
    [2, "2001:db8:3::1", 127],
  ]);
  other.learn(0, H, 1);
  assert.equal(fate(other, frame6({ from: H, to, payload: UDP })), "", "it is the neighbour's");
  assert.deepEqual(other.asked, ["2 2001:db8:3::"]);
});

test("RFC 4291 2.7: a group is no source", () => {
  assert.equal(fate(router(), outward({ from: "ff02::1" })), "ip-source");
});

test("RFC 4291 2.7: groups of the scopes 0 and 1 are not heard", () => {
  for (const to of ["ff00::1", "ff01::1", "ff01::2"]) {
    const payload = icmp6(H, to, 128, 0, 7, "");
    const frame = frame6({ from: H, to, next: 58, payload, mac: ALL_NODES_MAC });
    assert.equal(fate(router(), frame), "ip-not-for-us", to);
  }
});

test("RFC 4291 2.8: all nodes, all routers and solicited-node groups are heard, and no other", () => {
  const ask = (to: string, config: Partial<Host6Config> = {}): string => {
    const payload = icmp6(H, to, 128, 0, 7, "");
    return fate(router(config), frame6({ from: H, to, next: 58, payload, mac: ALL_NODES_MAC }));
  };
  assert.equal(ask("ff02::1"), "129");
  assert.equal(ask("ff02::2"), "129");
  assert.equal(ask("ff05::2"), "129");
  assert.equal(ask("ff02::1:ff00:1"), "129");
  assert.equal(ask("ff02::1:ff00:77"), "ip-not-for-us");
  assert.equal(ask("ff02::5"), "ip-not-for-us");
  assert.equal(ask("ff0e::1:2"), "ip-not-for-us", "multicast is not routed");
  assert.equal(ask("ff02::2", { forwarding: false }), "ip-not-for-us");
});

// --- RFC 4443 2.2: the source of a message -------------------------------------------------------

test("RFC 4443 2.2 (a): what was sent to an own address is answered from it", () => {
  const rig = router();
  const payload = upper6(H, "2001:db8:2::1", 17, "9c400035000c000070696e67");
  rig.deliver(0, frame6({ from: H, to: "2001:db8:2::1", payload }));
  assert.equal(rig.sent[0]?.hex.slice(44, 76), "20010db8000200000000000000000001");
});

test("RFC 4443 2.2 (b): else from a unicast address of the interface that the packet came in on", () => {
  const rig = router();
  rig.deliver(0, outward({ hops: 1 }));
  assert.equal(rig.sent[0]?.hex.slice(44, 76), "20010db8000100000000000000000001");
});

test("RFC 6724 5: or, where the source could not hear that one, from another", () => {
  const addresses = RIG6_ADDRESSES.filter(([, text]) => text !== LAN);
  const rig = new Host6Rig(
    { routes: [{ to: words("2001:db8:1::"), prefix: 64, via: null, interface: 0 }] },
    RIG6_INTERFACES,
    addresses,
  );
  rig.learn(0, H, 1);
  rig.learn(0, "fe80::a", 1);
  rig.deliver(0, outward({ hops: 1 }));
  assert.equal(rig.sent[0]?.hex.slice(44, 60), "20010db800020000");
  rig.deliver(0, outward({ from: "fe80::a" }));
  assert.equal(rig.sent[1]?.hex.slice(44, 60), "fe80000000000000");
});

test("the source of errors may be the address that they leave by", () => {
  const rig = router({ errorSource: "outgoing" });
  rig.deliver(1, outward({ hops: 1 }));
  assert.equal(rig.sent[0]?.hex.slice(44, 76), "20010db8000100000000000000000001");
});

// --- RFC 4443 2.4: processing rules --------------------------------------------------------------

test("RFC 4443 2.4 (a, b): unknown messages are discarded in silence", () => {
  for (const type of [5, 100, 127, 150, 200, 255]) {
    assert.equal(fate(router(), inward({ payload: icmp6(H, LAN, type, 0, 0, "") })), "icmp-type");
  }
});

test("RFC 4443 2.4 (c): as much of the packet as fits 1280 bytes is quoted", () => {
  const rig = router();
  const packet = packet6({ from: H, to: FAR, payload: filler6(1400), hops: 1 });
  rig.deliver(0, outward({ payload: filler6(1400), hops: 1 }));
  const sent = rig.take().sent[0]?.hex ?? "";
  assert.equal(sent.length / 2 - 14, 1280);
  assert.equal(sent.slice(124), packet.slice(0, (1280 - 48) * 2));
});

test("RFC 4443 2.4 (e.1, e.2): no error about an error or a redirect, whatever stands before it", () => {
  for (const type of [1, 2, 3, 4, 100, 127, 137]) {
    const payload = icmp6(H, FAR, type, 0, 0, "");
    assert.equal(fate(router(), outward({ next: 58, payload, hops: 1 })), "ip-ttl", `type ${type}`);
    const behind = extension(58, "010400000000") + payload;
    assert.equal(fate(router(), outward({ next: 60, payload: behind, hops: 1 })), "ip-ttl");
    const piece = `3a00000100000001${payload}`;
    assert.equal(fate(router(), outward({ next: 44, payload: piece, hops: 1 })), "ip-ttl");
  }
  const query = icmp6(H, FAR, 128, 0, 0, "");
  assert.equal(fate(router(), outward({ next: 58, payload: query, hops: 1 })), "ip-ttl 3/0/0");
});

test("RFC 4443 2.4 (e.3): no error about a packet to a group", () => {
  const to = "ff02::1";
  const udp = upper6(H, to, 17, "9c400035000c000070696e67");
  assert.equal(
    fate(router(), frame6({ from: H, to, payload: udp, mac: ALL_NODES_MAC })),
    "ip-protocol",
  );
  const odd = frame6({ from: H, to, next: 200, payload: "00", mac: ALL_NODES_MAC });
  assert.equal(fate(router(), odd), "ip-protocol");
});

test("RFC 4443 2.4 (e.4, e.5): no error about a frame to a group or to all, and it goes nowhere", () => {
  for (const mac of [ALL_NODES_MAC, "ffffffffffff"]) {
    assert.equal(fate(router(), outward({ mac, hops: 1 })), "ip-destination");
    assert.equal(fate(router(), outward({ mac })), "ip-destination");
    assert.equal(fate(router(), inward({ mac, next: 17, payload: UDP })), "ip-destination");
  }
});

test("RFC 4443 2.4 (f): errors are limited", () => {
  const rig = router();
  let sent = 0;
  for (let n = 0; n < 1000; n++) sent += fate(rig, outward({ hops: 1 })).endsWith("3/0/0") ? 1 : 0;
  assert.equal(sent, 6);
});

// --- RFC 4443 3: the messages --------------------------------------------------------------------

test("RFC 4443 3.1: no route is code 0, a prohibited one 1, a reject route 6, a black hole silent", () => {
  assert.equal(fate(router({ routes: [] }), outward()), "ip-no-route 1/0/0");
  assert.equal(fate(router(), outward({ to: "2001:db8:beef::1" })), "ip-no-route 1/1/0");
  assert.equal(fate(router(), outward({ to: "2001:db8:cafe::1" })), "ip-no-route 1/6/0");
  assert.equal(fate(router(), outward({ to: "2001:db8:dead::1" })), "ip-no-route");
});

test("RFC 4443 3.1: a neighbour that does not answer is code 3", () => {
  const rig = router();
  rig.deliver(0, outward({ to: "2001:db8:2::99" }));
  rig.fail(1, "2001:db8:2::99");
  assert.equal(message(rig.sent[0]?.hex ?? ""), "1/3/0");
});

test("RFC 4443 3.1: UDP that nobody listens to is code 4", () => {
  const payload = upper6(H, LAN, 17, "9c400035000c000070696e67");
  assert.equal(fate(router(), inward({ next: 17, payload })), "ip-protocol 1/4/0");
});

test("RFC 4443 4.2: an echo reply has the request's data, identifier and sequence", () => {
  const rig = router();
  const payload = icmp6(H, LAN, 128, 0, 0xabcd1234, filler6(1000));
  rig.deliver(0, inward({ payload }));
  assert.equal(rig.sent[0]?.hex.slice(108), icmp6(LAN, H, 129, 0, 0xabcd1234, filler6(1000)));
});

test("RFC 4443 4.2: a request to a group is answered from a unicast address of the interface", () => {
  const rig = router();
  const ask = (from: string): string => {
    const payload = icmp6(from, "ff02::1", 128, 0, 7, "aa");
    rig.deliver(0, frame6({ from, to: "ff02::1", next: 58, payload, mac: ALL_NODES_MAC }));
    return rig.take().sent[0]?.hex.slice(28) ?? "";
  };
  const answer = (from: string, to: string): string =>
    packet6({ from, to, next: 58, payload: icmp6(from, to, 129, 0, 7, "aa") });
  assert.equal(ask(H), answer(LAN, H));
  assert.equal(ask("fe80::a"), answer("fe80::1", "fe80::a"));
});

// --- RFC 4861, as far as routes are meant --------------------------------------------------------

test("RFC 4861 6.3.6: a reachable default router before others, then by preference, else in turn", () => {
  const rig = new Host6Rig({ forwarding: false });
  const through = (): string => {
    rig.host.startPing6(words(FAR), -1, 1, 1, rig.now);
    return rig.asked.at(-1) ?? "";
  };
  rig.host.routerUp(0, ...words("fe80::b"), 0);
  rig.host.routerUp(0, ...words("fe80::c"), 1);
  assert.equal(through(), "0 fe80::c");
  rig.lost.add("0 fe80::c");
  rig.host.neighbourLost(0, ...words("fe80::c"));
  assert.equal(through(), "0 fe80::b");
  rig.lost.add("0 fe80::b");
  rig.host.neighbourLost(0, ...words("fe80::b"));
  assert.equal(through(), "0 fe80::c", "nobody is reachable: in turn");
  rig.host.neighbourLost(0, ...words("fe80::c"));
  assert.equal(through(), "0 fe80::b");
  rig.host.routerDown(0, ...words("fe80::b"));
  rig.host.routerDown(0, ...words("fe80::c"));
  assert.equal(rig.host.routeFor(words(FAR)), -1);
});

test("RFC 4861 8.1, 8.3: a redirect of the first hop is followed, any other is not", () => {
  const rig = new Host6Rig({ forwarding: false });
  rig.host.routerUp(0, ...words("fe80::b"), 0);
  const redirect = (from: string, target: string, to = FAR): boolean =>
    rig.host.redirected(0, rig.place(from), rig.place(target), rig.place(to), rig.now);
  const through = (to: string): string => {
    rig.host.startPing6(words(to), -1, 1, 1, rig.now);
    return rig.asked.at(-1) ?? "";
  };
  assert.equal(redirect("fe80::c", "fe80::d"), false, "from another than the first hop");
  assert.equal(
    redirect("fe80::b", "fe80::d", "2001:db8:1::5"),
    false,
    "on link: no router's business",
  );
  assert.equal(redirect("fe80::b", "fe80::d"), true);
  assert.equal(through(FAR), "0 fe80::d");
  assert.equal(through("2001:db8:9::8"), "0 fe80::b", "another destination");
  assert.equal(redirect("fe80::d", FAR), true, "on link, says the first hop of now");
  assert.equal(through(FAR), `0 ${FAR}`);
  rig.host.neighbourLost(0, ...words(FAR));
  assert.equal(through(FAR), "0 fe80::b", "a neighbour that is lost is given up");
});

test("RFC 4861 6.3.4: prefixes, MTU and hop limit of a router are used", () => {
  const rig = router({ forwarding: false });
  rig.host.prefixUp(0, ...words("2001:db8:77::"), 64);
  rig.host.linkChanged(0, 1400, 9);
  rig.host.startPing6(words("2001:db8:77::1"), -1, 1, 1, rig.now);
  assert.equal(rig.asked.at(-1), "0 2001:db8:77::1");
  rig.host.startPing6(words(H), -1, 1, 1, rig.now, 1400);
  assert.deepEqual(
    rig.sent.map((one) => [one.hex.length / 2 - 14, one.hex.slice(42, 44)]),
    [
      [1400, "09"],
      [104, "09"],
    ],
  );
  rig.host.prefixDown(0, ...words("2001:db8:77::"), 64);
  assert.equal(rig.host.routeFor(words("2001:db8:77::1")), 1, "by the default route again");
});

test("RFC 4862 5.5.4: a deprecated address is not used for what is new", () => {
  const rig = router();
  rig.host.addressUp(0, ...words("2001:db8:1::aaaa"), 64, true);
  rig.host.addressUp(0, ...words(LAN), 64, false);
  rig.host.startPing6(words(H), -1, 1, 1, rig.now);
  assert.equal(rig.sent[0]?.hex.slice(44, 76), "20010db800010000000000000000aaaa");
  assert.equal(fate(rig, inward()).split(" ").pop(), "129", "but answered");
});

test("RFC 6724 5: of own addresses the one with the longest common prefix speaks", () => {
  const rig = router();
  rig.host.addressUp(1, ...words("2001:db8:9:ffff::1"), 64, true);
  rig.host.startPing6(words(FAR), -1, 1, 1, rig.now);
  assert.equal(rig.sent[0]?.hex.slice(44, 76), "20010db80009ffff0000000000000001");
  rig.host.addressUp(1, ...words("fd00::1"), 64, true);
  rig.host.startPing6(words("fd77::1"), -1, 1, 2, rig.now);
  assert.equal(rig.sent[1]?.hex.slice(44, 48), "fd00");
});

test("RFC 6724 5: scope comes before the longest common prefix, and so does the label", () => {
  const speaker = (own: readonly string[], to: string): string => {
    const addresses = own.map((text) => [1, text, 64] as const);
    const routes = [{ to: words("::"), prefix: 0, via: words("fe80::b"), interface: 1 }];
    const rig = new Host6Rig({ routes }, RIG6_INTERFACES, addresses);
    rig.learn(1, "fe80::b", 1);
    rig.host.startPing6(words(to), -1, 1, 1, rig.now);
    return rig.sent[0]?.hex.slice(44, 52) ?? "";
  };
  assert.equal(speaker(["fec0::1", "2001:db8:2::1"], "e000::1"), "20010db8");
  assert.equal(speaker(["2001:0:5::1", "2a00::1"], FAR), "2a000000", "no Teredo to a native one");
  assert.equal(speaker(["fe80::1"], FAR), "", "a link-local address goes no further");
});

// --- forwarding off ------------------------------------------------------------------------------

test("RFC 8200 2: a host forwards nothing that is not for it", () => {
  const rig = router({ forwarding: false });
  assert.equal(fate(rig, outward()), "ip-forwarding-off");
  assert.equal(fate(rig, inward()), "129");
});
