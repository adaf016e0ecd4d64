import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as arp from "./arp.ts";
import { formatHex, parseHex } from "./text.ts";

const OWN = 0x02000000000a;
const IP = 0xc0000201;
const PEER = 0x02000000000b;
const PEER_IP = 0xc0000202;
const at = 14;

const view = new DataView(new ArrayBuffer(arp.FRAME));
const written = (end: number): string => formatHex(view, 0, end);
const squeeze = (hex: string): string => hex.replaceAll(" ", "");

/** The golden frames: what each writer must produce. */
const FRAMES: readonly (readonly [string, () => number, string])[] = [
  [
    "ARP-1 a request",
    () => arp.writeRequest(view, 0, OWN, IP, PEER_IP),
    "ffffffffffff 02000000000a 0806 0001080006040001 02000000000a c0000201 000000000000 c0000202",
  ],
  [
    "ARP-7 a probe",
    () => arp.writeProbe(view, 0, OWN, 0xc0000209),
    "ffffffffffff 02000000000a 0806 0001080006040001 02000000000a 00000000 000000000000 c0000209",
  ],
  [
    "ARP-7 an announcement",
    () => arp.writeAnnouncement(view, 0, OWN, 0xc0000209),
    "ffffffffffff 02000000000a 0806 0001080006040001 02000000000a c0000209 000000000000 c0000209",
  ],
  [
    "ARP-1 a reply",
    () => arp.writeReply(view, 0, OWN, IP, PEER, PEER_IP),
    "02000000000b 02000000000a 0806 0001080006040002 02000000000a c0000201 02000000000b c0000202",
  ],
  [
    "ARP-6 a unicast poll",
    () => arp.writePoll(view, 0, OWN, IP, PEER, PEER_IP),
    "02000000000b 02000000000a 0806 0001080006040001 02000000000a c0000201 000000000000 c0000202",
  ],
  [
    "ARP-7 a RARP request",
    () => arp.writeRarpRequest(view, 0, OWN, OWN),
    "ffffffffffff 02000000000a 8035 0001080006040003 02000000000a 00000000 02000000000a 00000000",
  ],
  [
    "ARP-7 a RARP reply",
    () => arp.writeRarpReply(view, 0, OWN, IP, PEER, PEER, PEER_IP),
    "02000000000b 02000000000a 8035 0001080006040004 02000000000a c0000201 02000000000b c0000202",
  ],
  [
    "ARP-7 an InARP reply",
    () => arp.writeInarpReply(view, 0, OWN, IP, PEER, PEER_IP),
    "02000000000b 02000000000a 0806 0001080006040009 02000000000a c0000201 02000000000b c0000202",
  ],
];

for (const [name, write, golden] of FRAMES) {
  test(`${name} is written as the golden frame`, () => {
    assert.equal(written(write()), squeeze(golden));
    assert.ok(arp.isValid(view, at, arp.FRAME));
  });
}

test("ARP-1 every field that is written is read back", () => {
  const mac = fc.integer({ min: 0, max: 2 ** 48 - 1 });
  const ip = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(fc.nat(0xffff), mac, ip, mac, ip, (operation, fromMac, fromIp, toMac, toIp) => {
      assert.equal(arp.write(view, at, operation, fromMac, fromIp, toMac, toIp), at + arp.LENGTH);
      assert.equal(arp.operation(view, at), operation);
      assert.equal(arp.senderMac(view, at), fromMac);
      assert.equal(arp.senderIp(view, at), fromIp);
      assert.equal(arp.targetMac(view, at), toMac);
      assert.equal(arp.targetIp(view, at), toIp);
    }),
  );
});

test("probe, announcement and ordinary request are told apart", () => {
  arp.writeProbe(view, 0, OWN, IP);
  assert.deepEqual([arp.isProbe(view, at), arp.isGratuitous(view, at)], [true, false]);
  arp.writeAnnouncement(view, 0, OWN, IP);
  assert.deepEqual([arp.isProbe(view, at), arp.isGratuitous(view, at)], [false, true]);
  arp.writeRequest(view, 0, OWN, IP, PEER_IP);
  assert.deepEqual([arp.isProbe(view, at), arp.isGratuitous(view, at)], [false, false]);
  arp.writeProbe(view, 0, OWN, 0);
  assert.equal(arp.isGratuitous(view, at), false);
});

test("ARP-1 every length below the packet's is refused, and Ethernet's padding is not", () => {
  arp.writeRequest(view, 0, OWN, IP, PEER_IP);
  const packet = new Uint8Array(view.buffer).slice(at);
  for (let length = 0; length < arp.LENGTH; length++) {
    const cut = new DataView(packet.slice(0, length).buffer);
    assert.equal(arp.isValid(cut, 0, length), false);
    assert.equal(arp.isParsable(cut, 0, length), false);
  }
  const padded = new Uint8Array(46);
  padded.set(packet);
  assert.ok(arp.isValid(new DataView(padded.buffer), 0, 46));
});

test("ARP-1 any hardware and protocol length is parsed, and only Ethernet with IPv4 acted on", () => {
  const chaos = parseHex("0005 0801 02 02 0001 aaaa bbbb cccc dddd") ?? new Uint8Array();
  const other = new DataView(chaos.buffer);
  assert.ok(arp.isParsable(other, 0, 16));
  assert.ok(!arp.isParsable(other, 0, 15));
  assert.ok(!arp.isValid(other, 0, 16));
  assert.deepEqual(
    [
      arp.hardwareType(other, 0),
      arp.protocolType(other, 0),
      arp.hardwareLength(other, 0),
      arp.protocolLength(other, 0),
    ],
    [5, 0x0801, 2, 2],
  );
  const longest = new Uint8Array(8 + 4 * 255);
  longest[4] = 255;
  longest[5] = 255;
  assert.ok(arp.isParsable(new DataView(longest.buffer), 0, longest.length));
  assert.ok(!arp.isParsable(new DataView(longest.buffer), 0, longest.length - 1));
});

test("hardware type 6 counts as Ethernet, any other wrong field does not", () => {
  arp.writeRequest(view, 0, OWN, IP, PEER_IP);
  view.setUint16(at, 6);
  assert.ok(arp.isValid(view, at, arp.FRAME));
  for (const [offset, value] of [
    [1, 7],
    [3, 1],
    [4, 5],
    [5, 16],
  ] as const) {
    arp.writeRequest(view, 0, OWN, IP, PEER_IP);
    view.setUint8(at + offset, value);
    assert.equal(arp.isValid(view, at, arp.FRAME), false, `${offset}`);
  }
});
