// What the IPv4 side must, must not and should do, one test per rule, named by the standard's section (HOST-2, HOST-3).

import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostConfig } from "../../src/host/config.ts";
import {
  frame,
  HostRig,
  icmpMessage,
  type PacketParts,
  packet,
  transport,
} from "../../src/sim/host-rig.ts";
import { parseIpv4 } from "../../src/wire/text.ts";

const A = 0x02000000000a;
const GATEWAY = 0x02000000000b;
const ip = (text: string): number => parseIpv4(text) ?? Number.NaN;
const UDP = "9c400035000c857b70696e67";
const BROADCAST_MAC = "ffffffffffff";

/** Default route by wan; 192.0.2.10 and both gateways are known. */
function router(config: Partial<HostConfig> = {}): HostRig {
  const rig = new HostRig({
    routes: [{ to: 0, prefix: 0, via: ip("198.51.100.2"), interface: -1 }],
    ...config,
  });
  rig.learn(0, "192.0.2.10", A);
  rig.learn(0, "192.0.2.20", 0x020000000014);
  rig.learn(1, "198.51.100.2", GATEWAY);
  rig.learn(2, "203.0.113.1", GATEWAY);
  return rig;
}

const outward = (parts: Partial<PacketParts>): string =>
  frame({ from: "192.0.2.10", to: "203.0.114.9", payload: UDP, ...parts });

/** Type and code of the ICMP message in a sent frame; "" where it is none. */
function message(hex: string | undefined): string {
  return hex?.slice(46, 48) === "01" ? hex.slice(68, 72) : "";
}

/** Delivers one frame: drops, and the type and code of what was answered. */
function fate(rig: HostRig, hex: string, iface = 0): string {
  rig.deliver(iface, hex);
  const { sent, drops } = rig.take();
  const answers = sent.map((one) => message(one.hex) || `to ${one.iface}`);
  return [...drops, ...answers].join(" ");
}

/** A frame with bytes changed after its checksum was made, and the checksum made again where asked. */
function edited(hex: string, at: number, bytes: string): string {
  return hex.slice(0, at * 2) + bytes + hex.slice(at * 2 + bytes.length);
}

// --- RFC 1812 5.2.2: header validation -----------------------------------------------------------------------------

test("RFC 1812 5.2.2: a version other than 4 is discarded in silence", () => {
  assert.equal(fate(router(), edited(outward({}), 14, "55")), "ip-header");
});

test("RFC 1812 5.2.2: a header length under 20 bytes is discarded in silence", () => {
  assert.equal(fate(router(), edited(outward({}), 14, "44")), "ip-header");
});

test("RFC 1812 5.2.2: a total length below the header's or above the frame's is discarded", () => {
  assert.equal(fate(router(), edited(outward({}), 16, "0013")), "ip-header");
  assert.equal(fate(router(), edited(outward({}), 16, "0200")), "ip-short");
});

test("RFC 1812 5.2.2: a wrong header checksum is discarded in silence", () => {
  assert.equal(fate(router(), edited(outward({}), 24, "dead")), "ip-checksum");
});

test("RFC 1812 5.2.2: a header longer than the packet is discarded", () => {
  assert.equal(fate(router(), edited(outward({ payload: "" }), 14, "4f")), "ip-header");
});

// --- RFC 1812 5.3: forwarding ---------------------------------------------------------------------------------------

test("RFC 1812 5.3.1: TTL 1 and 0 are not forwarded but answered by time exceeded", () => {
  assert.equal(fate(router(), outward({ ttl: 1 })), "ip-ttl 0b00");
  assert.equal(fate(router(), outward({ ttl: 0 })), "ip-ttl 0b00");
  assert.equal(fate(router(), outward({ ttl: 2 })), "to 1");
});

test("RFC 1812 5.3.1: a packet for the router itself is taken whatever its TTL", () => {
  const payload = icmpMessage(8, 0, 1);
  const hex = frame({ from: "192.0.2.10", to: "192.0.2.1", protocol: 1, ttl: 1, payload });
  assert.equal(fate(router(), hex), "0000");
});

test("RFC 1812 5.3.4: what came by link-layer broadcast is not forwarded", () => {
  assert.equal(fate(router(), outward({ mac: BROADCAST_MAC })), "ip-destination");
});

test("RFC 1122 3.3.6: what came by link-layer broadcast to a unicast address is not taken", () => {
  const payload = icmpMessage(8, 0, 1);
  const hex = frame({
    from: "192.0.2.10",
    to: "192.0.2.1",
    mac: BROADCAST_MAC,
    protocol: 1,
    payload,
  });
  assert.equal(fate(router(), hex), "ip-destination");
});

test("RFC 1812 5.3.5.1: the limited broadcast is received and never forwarded", () => {
  const hex = outward({ to: "255.255.255.255", mac: BROADCAST_MAC });
  assert.equal(fate(router(), hex), "transport-checksum");
  const payload = transport("192.0.2.10", "255.255.255.255", 17, "9c400035000c000070696e67");
  const good = outward({ to: "255.255.255.255", mac: BROADCAST_MAC, payload });
  assert.equal(fate(router(), good), "ip-protocol");
});

test("RFC 2644: a directed broadcast is not forwarded", () => {
  assert.equal(fate(router(), outward({ to: "198.51.100.3" })), "ip-destination");
});

test("RFC 1812 4.2.3.1: { prefix, 0 } is discarded in silence", () => {
  assert.equal(fate(router(), outward({ to: "192.0.2.0" })), "ip-destination");
  assert.equal(fate(router(), outward({ to: "198.51.100.0" })), "ip-destination");
});

test("RFC 3021 2.2: on a /31 neither address is a broadcast", () => {
  assert.equal(fate(router(), outward({ to: "203.0.113.1" })), "to 2");
  const payload = icmpMessage(8, 0, 1);
  assert.equal(
    fate(router(), frame({ from: "192.0.2.10", to: "203.0.113.0", protocol: 1, payload })),
    "0000",
  );
});

for (const from of ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1"]) {
  test(`RFC 1812 5.3.7: a packet from ${from} is discarded in silence`, () => {
    assert.equal(fate(router(), outward({ from })), "ip-source");
  });
}

test("RFC 1812 5.3.7: a packet from 255.255.255.255 or a directed broadcast is discarded", () => {
  assert.equal(fate(router(), outward({ from: "255.255.255.255" })), "ip-source");
  assert.equal(fate(router(), outward({ from: "192.0.2.255" })), "ip-source");
  assert.equal(fate(router(), outward({ from: "192.0.2.0" })), "ip-source");
});

test("RFC 1812 5.3.8: a packet from one of the router's own addresses is discarded", () => {
  assert.equal(fate(router(), outward({ from: "198.51.100.1" })), "ip-source");
});

for (const to of ["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "240.0.0.1"]) {
  test(`RFC 1812 5.3.7: a packet to ${to} is discarded in silence`, () => {
    assert.equal(fate(router(), outward({ to })), "ip-destination");
  });
}

test("RFC 3927 2.7: link-local addresses are not forwarded in either direction", () => {
  assert.equal(fate(router(), outward({ to: "169.254.1.1" })), "ip-destination");
  assert.equal(fate(router(), outward({ from: "169.254.1.1" })), "ip-destination");
});

test("RFC 1112 7.1: multicast is not forwarded without a multicast router", () => {
  assert.equal(fate(router(), outward({ to: "239.1.2.3", mac: "01005e010203" })), "ip-not-for-us");
});

test("RFC 6890: documentation and private addresses are forwarded like others", () => {
  assert.equal(fate(router(), outward({ from: "10.1.1.1", to: "172.16.0.1" })), "to 1");
});

// --- RFC 791, RFC 7126: options -----------------------------------------------------------------------------------

test("RFC 7126 4.3, 4.4: loose and strict source routes are dropped", () => {
  for (const kind of ["83", "89"]) {
    const options = `${kind}0704c000020200`;
    assert.equal(fate(router(), outward({ options })), "ip-options");
    assert.equal(fate(router(), outward({ options, to: "192.0.2.1" })), "ip-options");
  }
});

test("RFC 1812 4.3.3.5: a broken option is answered by parameter problem with its place", () => {
  const rig = router();
  rig.deliver(0, outward({ options: "01440100" }));
  const { sent, drops } = rig.take();
  assert.deepEqual(drops, ["ip-options"]);
  assert.equal(message(sent[0]?.hex), "0c00");
  assert.equal(sent[0]?.hex.slice(76, 84), "16000000");
});

test("RFC 1812 5.3.13.4: record route is filled with the address that the packet leaves by", () => {
  const rig = router();
  rig.deliver(0, outward({ options: "07070400000000" + "00" }));
  const expected = packet({
    from: "192.0.2.10",
    to: "203.0.114.9",
    ttl: 63,
    options: "070708c6336401" + "00",
    payload: UDP,
  });
  assert.equal(rig.sent[0]?.hex.slice(28), expected);
});

test("RFC 791 3.1: a full record route passes as it is, one without room for an address is wrong", () => {
  const rig = router();
  rig.deliver(0, outward({ options: "070708c0000202" + "00" }));
  assert.equal(rig.take().sent[0]?.hex.slice(68, 84), "070708c000020200");
  assert.equal(fate(rig, outward({ options: "07060400000000" + "00" })), "ip-options 0c00");
});

test("RFC 791 3.1: timestamps are marked as not from midnight, and a full list counts what is lost", () => {
  const rig = router();
  rig.now = 0x1234;
  rig.deliver(0, outward({ options: "440805000000000001010101".slice(0, 16) }));
  assert.equal(rig.take().sent[0]?.hex.slice(68, 84), "4408090080001234");
  rig.deliver(0, outward({ options: "440c05010000000000000000" }));
  assert.equal(rig.take().sent[0]?.hex.slice(68, 92), "440c0d01c633640180001234");
  rig.deliver(0, outward({ options: "4408091080001111" }));
  assert.equal(rig.take().sent[0]?.hex.slice(68, 84), "4408092080001111");
  assert.equal(fate(rig, outward({ options: "440809f080001111" })), "ip-options 0c00");
});

test("RFC 1122 3.2.2.6: an echo's record route is filled and comes back with the reply", () => {
  const rig = router();
  const payload = icmpMessage(8, 0, 1);
  const options = "07070400000000" + "00";
  rig.deliver(0, frame({ from: "192.0.2.10", to: "192.0.2.1", protocol: 1, options, payload }));
  const expected = packet({
    from: "192.0.2.1",
    to: "192.0.2.10",
    protocol: 1,
    id: 1,
    options: "070708c0000201" + "00",
    payload: icmpMessage(0, 0, 1),
  });
  assert.equal(rig.sent[0]?.hex.slice(28), expected);
});

// --- RFC 1812 4.2.2.7, RFC 791: fragmentation ---------------------------------------------------------------------------

const counting = (bytes: number): string =>
  Array.from({ length: bytes }, (_, n) => (n & 255).toString(16).padStart(2, "0")).join("");

test("RFC 791 3.2: a packet longer than the MTU is cut into pieces of eight bytes that fit", () => {
  const rig = router();
  const payload = counting(1300);
  rig.deliver(0, outward({ to: "203.0.113.1", payload }));
  const { sent, drops } = rig.take();
  assert.deepEqual(drops, []);
  const common = { from: "192.0.2.10", to: "203.0.113.1", ttl: 63 };
  assert.deepEqual(
    sent.map(({ iface, hex }) => [iface, hex.slice(28)]),
    [
      [2, packet({ ...common, fragment: 0x2000, payload: payload.slice(0, 1152) })],
      [2, packet({ ...common, fragment: 0x2048, payload: payload.slice(1152, 2304) })],
      [2, packet({ ...common, fragment: 0x0090, payload: payload.slice(2304) })],
    ],
  );
});

test("RFC 791 3.2: a piece of a piece keeps its place and its more-fragments flag", () => {
  const rig = router();
  rig.deliver(0, outward({ to: "203.0.113.1", fragment: 0x2064, payload: counting(800) }));
  assert.deepEqual(
    rig.take().sent.map(({ hex }) => hex.slice(40, 44)),
    ["2064", "20ac"],
  );
});

test("RFC 791 3.1: only copied options go into later fragments", () => {
  const rig = router();
  const options = "94040000" + "07070400000000" + "00";
  rig.deliver(0, outward({ to: "203.0.113.1", options, payload: counting(700) }));
  assert.deepEqual(
    rig.take().sent.map(({ hex }) => hex.slice(68, 92)),
    ["94040000070708cb00710000", "940400000101010101010100"],
  );
});

test("RFC 1191 4: a packet with DF that does not fit is answered with the MTU of the next hop", () => {
  const rig = router();
  rig.deliver(0, outward({ to: "203.0.113.1", fragment: 0x4000, payload: counting(700) }));
  const { sent, drops } = rig.take();
  assert.deepEqual(drops, ["ip-too-big"]);
  assert.equal(message(sent[0]?.hex), "0304");
  assert.equal(sent[0]?.hex.slice(76, 84), "00000258");
});

test("RFC 1191 3: the answer to path MTU discovery is not rate-limited", () => {
  const rig = router();
  for (let n = 0; n < 100; n++) {
    rig.deliver(0, outward({ to: "203.0.113.1", fragment: 0x4000, payload: counting(700) }));
  }
  assert.equal(rig.sent.length, 100);
});

// --- RFC 1812 4.3, RFC 1122 3.2.2: ICMP -----------------------------------------------------------------------------------

test("RFC 1812 4.3.2.3: an error quotes as much as fits into 576 bytes", () => {
  const rig = router();
  rig.deliver(0, outward({ ttl: 1, payload: counting(1400) }));
  assert.equal((rig.take().sent[0]?.hex.length ?? 0) / 2, 14 + 576);
});

test("RFC 1812 4.3.2.4: the error's source is an address of the interface, either way as configured", () => {
  const asymmetric = {
    routes: [{ to: ip("10.0.0.0"), prefix: 8, via: ip("198.51.100.2"), interface: -1 }],
  };
  const incoming = router(asymmetric);
  incoming.deliver(0, outward({ from: "10.1.1.1", ttl: 1, to: "10.2.2.2" }));
  assert.equal(incoming.sent[0]?.hex.slice(52, 60), "c0000201");
  const outgoing = router({ ...asymmetric, errorSource: "outgoing" });
  outgoing.deliver(0, outward({ from: "10.1.1.1", ttl: 1, to: "10.2.2.2" }));
  assert.equal(outgoing.sent[0]?.hex.slice(52, 60), "c6336401");
});

test("RFC 1812 4.3.2.5: errors have precedence 6", () => {
  const rig = router();
  rig.deliver(0, outward({ ttl: 1 }));
  assert.equal(rig.sent[0]?.hex.slice(30, 32), "c0");
});

test("RFC 1812 4.3.2.7: no error about an ICMP error, but one about an ICMP query", () => {
  for (const type of [3, 4, 5, 11, 12]) {
    const payload = icmpMessage(type, 0, 0, counting(28));
    assert.equal(fate(router(), outward({ ttl: 1, protocol: 1, payload })), "ip-ttl");
  }
  const payload = icmpMessage(8, 0, 1);
  assert.equal(fate(router(), outward({ ttl: 1, protocol: 1, payload })), "ip-ttl 0b00");
});

test("RFC 1812 4.3.2.7: no error about a fragment other than the first", () => {
  assert.equal(fate(router(), outward({ ttl: 1, fragment: 0x0010 })), "ip-ttl");
  assert.equal(fate(router(), outward({ ttl: 1, fragment: 0x2000 })), "ip-ttl 0b00");
});

test("RFC 1812 4.3.2.7: no error about a broadcast or a multicast", () => {
  const esp = { protocol: 50, payload: "00112233" };
  for (const [to, mac] of [
    ["192.0.2.255", BROADCAST_MAC],
    ["255.255.255.255", BROADCAST_MAC],
    ["224.0.0.1", "01005e000001"],
  ] as const) {
    assert.equal(fate(router(), outward({ ...esp, to, mac })), "ip-protocol");
  }
});

test("RFC 1812 4.3.2.8: one destination has six errors at once and then one a second", () => {
  const rig = router();
  for (let n = 0; n < 20; n++) rig.deliver(0, outward({ ttl: 1 }));
  assert.equal(rig.sent.length, 6);
  assert.equal(rig.recorder.drops.filter((name) => name === "icmp-rate").length, 14);
  rig.deliver(0, outward({ ttl: 1, from: "192.0.2.20" }));
  assert.equal(rig.sent.length, 7, "another destination has its own bucket");
  rig.now += 1000;
  rig.deliver(0, outward({ ttl: 1 }));
  rig.deliver(0, outward({ ttl: 1 }));
  assert.equal(rig.sent.length, 8);
});

test("RFC 1812 4.3.2.8: all destinations together have a bound as well, shared by the cores", () => {
  const errors = (cores: number): number => {
    const rig = new HostRig({}, undefined, 0, cores);
    for (let n = 10; n < 200; n++) rig.deliver(0, outward({ ttl: 1, from: `192.0.2.${n}` }));
    return rig.asked.length;
  };
  assert.equal(errors(1), 50);
  assert.equal(errors(2), 25);
});

test("RFC 1812 4.3.3.1: no route is net unreachable, a silent neighbour host unreachable", () => {
  assert.equal(fate(router({ routes: [] }), outward({})), "ip-no-route 0300");
  const rig = router();
  rig.deliver(0, outward({ to: "192.0.2.99" }));
  rig.take();
  rig.fail(0, "192.0.2.99");
  assert.equal(message(rig.take().sent[0]?.hex), "0301");
});

test("RFC 1122 3.2.2.6: an echo to a broadcast or multicast address is not answered", () => {
  const payload = icmpMessage(8, 0, 1);
  const echo = { from: "192.0.2.10", protocol: 1, payload };
  assert.equal(
    fate(router(), frame({ ...echo, to: "192.0.2.255", mac: BROADCAST_MAC })),
    "icmp-type",
  );
  assert.equal(
    fate(router(), frame({ ...echo, to: "224.0.0.1", mac: "01005e000001" })),
    "icmp-type",
  );
});

test("RFC 792: a short or damaged ICMP message is counted and not answered", () => {
  const to = { from: "192.0.2.10", to: "192.0.2.1", protocol: 1 };
  assert.equal(fate(router(), frame({ ...to, payload: "0800f7ff" })), "icmp-short");
  assert.equal(fate(router(), frame({ ...to, payload: "0800000000000001" })), "icmp-checksum");
});

test("RFC 1122 3.2.2: unknown ICMP types, redirects and source quench change nothing", () => {
  for (const type of [4, 5, 9, 10, 13, 15, 17, 40, 255]) {
    const payload = icmpMessage(type, 0, 0, counting(28));
    assert.equal(
      fate(router(), frame({ from: "192.0.2.10", to: "192.0.2.1", protocol: 1, payload })),
      "icmp-type",
    );
  }
});

test("RFC 1812 5.2.7.2: a packet that leaves where it came in is forwarded, and its sender redirected", () => {
  const rig = router({
    routes: [{ to: ip("203.0.114.0"), prefix: 24, via: ip("192.0.2.20"), interface: -1 }],
  });
  rig.deliver(0, outward({}));
  const [redirect, forwarded] = rig.take().sent;
  assert.equal(message(redirect?.hex), "0501");
  assert.equal(redirect?.hex.slice(76, 84), "c0000214");
  assert.equal(
    redirect?.hex.slice(84),
    packet({ from: "192.0.2.10", to: "203.0.114.9", payload: UDP }),
  );
  assert.equal(forwarded?.hex.slice(0, 12), "020000000014");
});

test("RFC 1812 5.2.7.2: no redirect to a sender that is no neighbour, none when switched off", () => {
  const routes = [{ to: ip("203.0.114.0"), prefix: 24, via: ip("192.0.2.20"), interface: -1 }];
  assert.equal(fate(router({ routes }), outward({ from: "10.0.0.1" })), "to 0");
  assert.equal(fate(router({ routes, redirects: false }), outward({})), "to 0");
});

test("RFC 1812 5.2.7.2: redirects are rate-limited without a drop, for the packets go on", () => {
  const rig = router({
    routes: [{ to: ip("203.0.114.0"), prefix: 24, via: ip("192.0.2.20"), interface: -1 }],
  });
  for (let n = 0; n < 20; n++) rig.deliver(0, outward({}));
  const { sent, drops } = rig.take();
  assert.equal(sent.filter(({ hex }) => message(hex) === "0501").length, 6);
  assert.equal(sent.length, 26);
  assert.deepEqual(drops, []);
});

test("RFC 1122 4.1.3.4: a UDP datagram with a wrong checksum is not answered", () => {
  assert.equal(fate(router(), outward({ to: "192.0.2.1" })), "transport-checksum");
});

test("RFC 9293 3.10.7.1: a damaged segment is not answered", () => {
  const payload = "9c400016010203040000000050020000dead0000";
  assert.equal(
    fate(router(), outward({ to: "192.0.2.1", protocol: 6, payload })),
    "transport-checksum",
  );
});

test("IPv6 and other types on an interface are counted", () => {
  assert.equal(fate(router(), outward({}).replace("0800", "86dd")), "ethertype");
});
