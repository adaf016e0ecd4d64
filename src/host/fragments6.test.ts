import assert from "node:assert/strict";
import { test } from "node:test";
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
import { HOST6_DEFAULTS } from "./config6.ts";

const H = "2001:db8:1::a";
const LAN = "2001:db8:1::1";
const A = 0x02000000000a;

interface Piece {
  readonly at: number;
  readonly length: number;
  readonly more: boolean;
}

function ready(config: ConstructorParameters<typeof Host6Rig>[0] = {}): Host6Rig {
  const rig = new Host6Rig(config);
  rig.learn(0, H, A);
  return rig;
}

const hex = (value: number, bytes: number): string =>
  (value >>> 0).toString(16).padStart(bytes * 2, "0");

/** A fragment header: next header, place, more, identification. */
const fragmentHeader = (next: number, at: number, more: boolean, id: number): string =>
  `${hex(next, 1)}00${hex(at | (more ? 1 : 0), 2)}${hex(id, 4)}`;

/** The frame with one piece of an upper-layer message. */
function pieceFrame(whole: string, piece: Piece, id = 1, next = 58, before = ""): string {
  const data = whole.slice(piece.at * 2, (piece.at + piece.length) * 2);
  const header = fragmentHeader(next, piece.at, piece.more, id);
  const payload = before === "" ? header + data : `2c${before.slice(2)}${header}${data}`;
  return frame6({ from: H, to: LAN, next: before === "" ? 44 : 60, payload });
}

function pieces(total: number, size: number): Piece[] {
  const list: Piece[] = [];
  for (let at = 0; at < total; at += size) {
    list.push({ at, length: Math.min(size, total - at), more: at + size < total });
  }
  return list;
}

const error = (frame: string | undefined): string[] => [
  frame?.slice(108, 112) ?? "",
  frame?.slice(116, 124) ?? "",
];
const ECHO = icmp6(H, LAN, 128, 0, 0x00050001, filler6(192));
const REPLY = packet6({
  from: LAN,
  to: H,
  next: 58,
  payload: icmp6(LAN, H, 129, 0, 0x00050001, filler6(192)),
});

test("RFC 8200 4.5: a fragmented echo is answered in any order of its pieces", () => {
  const list = pieces(200, 72);
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [0, 2, 1],
  ]) {
    const rig = ready();
    for (const index of order) rig.deliver(0, pieceFrame(ECHO, list[index] as Piece));
    const { sent, drops } = rig.take();
    assert.deepEqual(drops, []);
    assert.equal(sent.length, 1);
    assert.equal(sent[0]?.hex.slice(28), REPLY, order.join(" "));
    assert.equal(rig.recorder.held, 0);
  }
});

test("RFC 8200 4.5: the last fragment alone may have any length", () => {
  const rig = ready();
  const echo = icmp6(H, LAN, 128, 0, 0x00050001, filler6(195));
  for (const piece of pieces(203, 104)) rig.deliver(0, pieceFrame(echo, piece));
  const payload = icmp6(LAN, H, 129, 0, 0x00050001, filler6(195));
  assert.equal(rig.sent[0]?.hex.slice(28), packet6({ from: LAN, to: H, next: 58, payload }));
});

test("RFC 8200 4.5: a last fragment that contradicts another one costs the packet", () => {
  const rig = ready();
  rig.deliver(0, pieceFrame(ECHO, { at: 104, length: 48, more: false }));
  rig.deliver(0, pieceFrame(ECHO, { at: 160, length: 40, more: false }));
  assert.deepEqual(rig.take(), { sent: [], drops: ["ip-fragment"] });
  assert.equal(rig.recorder.held, 0);
});

test("RFC 8200 4.5: headers before the fragment header are the first fragment's, and do not come back", () => {
  const rig = ready();
  const padding = "2c00010400000000";
  for (const piece of pieces(200, 104)) rig.deliver(0, pieceFrame(ECHO, piece, 1, 58, padding));
  assert.equal(rig.sent[0]?.hex.slice(28), REPLY);
});

test("RFC 8200 4.5: destination options may be part of what was fragmented", () => {
  const rig = ready();
  const whole = `3a00010400000000${ECHO}`;
  for (const piece of pieces(208, 104)) rig.deliver(0, pieceFrame(whole, piece, 1, 60));
  assert.equal(rig.sent[0]?.hex.slice(28), REPLY);
});

test("RFC 8200 4.5: source, destination and identification alone say what belongs together", () => {
  const rig = ready();
  const [first, second] = pieces(200, 104) as [Piece, Piece];
  rig.deliver(0, pieceFrame(ECHO, first, 1));
  rig.deliver(0, pieceFrame(ECHO, second, 2));
  assert.equal(rig.sent.length, 0);
  rig.deliver(0, pieceFrame(ECHO, second, 1));
  assert.equal(rig.sent.length, 1);
});

test("RFC 8200 4.5: a fragment whose length is no multiple of 8 is told parameter problem", () => {
  const rig = ready();
  rig.deliver(0, pieceFrame(ECHO, { at: 0, length: 100, more: true }));
  const { sent, drops } = rig.take();
  assert.deepEqual(drops, ["ip-fragment"]);
  assert.deepEqual(error(sent[0]?.hex), ["0400", "00000004"], "it points at the payload length");
});

test("RFC 8200 4.5: a packet longer than 65535 bytes is told parameter problem", () => {
  const rig = ready();
  const payload = fragmentHeader(58, 65528, false, 1) + filler6(8);
  rig.deliver(0, frame6({ from: H, to: LAN, next: 44, payload }));
  const { sent, drops } = rig.take();
  assert.deepEqual(drops, ["ip-fragment"]);
  assert.deepEqual(error(sent[0]?.hex), ["0400", "0000002a"], "it points at the fragment's place");
});

test("RFC 8200 4.5, RFC 7112: a first fragment without all headers is told parameter problem", () => {
  const rig = ready();
  rig.deliver(
    0,
    frame6({
      from: H,
      to: LAN,
      next: 44,
      payload: `${fragmentHeader(60, 0, true, 1)}3a02010400000000`,
    }),
  );
  const { sent, drops } = rig.take();
  assert.deepEqual(drops, ["ip-fragment"]);
  assert.deepEqual(error(sent[0]?.hex), ["0403", "00000000"]);
  assert.equal(rig.recorder.held, 0);
});

test("RFC 8200 4.5, RFC 5722: fragments that overlap cost the whole packet, in silence", () => {
  const bad: Piece[][] = [
    [
      { at: 0, length: 104, more: true },
      { at: 96, length: 104, more: false },
    ],
    [
      { at: 96, length: 104, more: false },
      { at: 0, length: 104, more: true },
    ],
    [
      { at: 0, length: 96, more: true },
      { at: 96, length: 104, more: false },
      { at: 200, length: 8, more: false },
    ],
    [
      { at: 120, length: 8, more: true },
      { at: 64, length: 32, more: false },
    ],
  ];
  for (const [index, list] of bad.entries()) {
    const rig = ready();
    rig.deliver(0, pieceFrame(ECHO, { at: 160, length: 8, more: true }, 7));
    const before = rig.recorder.held;
    // The third packet is answered before its bad piece comes, which then starts another one.
    for (const piece of list) rig.deliver(0, pieceFrame(ECHO + filler6(8), piece));
    if (index === 2) continue;
    assert.deepEqual(rig.recorder.drops, ["ip-fragment"], JSON.stringify(list));
    assert.equal(rig.recorder.held, before);
    assert.equal(rig.sent.length, 0);
  }
});

test("RFC 8200 4.5: an exact duplicate is ignored and the packet kept", () => {
  const rig = ready();
  const [first, second] = pieces(200, 104) as [Piece, Piece];
  rig.deliver(0, pieceFrame(ECHO, first));
  rig.deliver(0, pieceFrame(ECHO, first));
  rig.deliver(0, pieceFrame(ECHO, second));
  assert.equal(rig.sent.length, 1);
  assert.deepEqual(rig.recorder.drops, ["ip-fragment"]);
});

test("RFC 8200 4.5: a packet not complete in 60 seconds is given up, and told when its beginning is there", () => {
  const rig = ready();
  const [first, second] = pieces(200, 104) as [Piece, Piece];
  rig.deliver(0, pieceFrame(ECHO, first, 1));
  rig.deliver(0, pieceFrame(ECHO, second, 2));
  rig.now += 59_999;
  rig.host.tick(rig.now);
  assert.deepEqual(rig.take(), { sent: [], drops: [] });
  rig.now += 1;
  rig.host.tick(rig.now);
  rig.host.tick(rig.now);
  const { sent, drops } = rig.take();
  assert.deepEqual(drops, ["ip-fragment", "ip-fragment"]);
  assert.equal(sent.length, 1, "only the one whose beginning is there");
  assert.deepEqual(error(sent[0]?.hex), ["0301", "00000000"]);
  assert.equal(rig.recorder.held, 0);
});

test("RFC 6946: an atomic fragment is answered at once, whatever else is collected", () => {
  const rig = ready();
  rig.deliver(0, pieceFrame(ECHO, { at: 0, length: 104, more: true }, 1));
  rig.deliver(0, pieceFrame(ECHO, { at: 0, length: 200, more: false }, 1));
  assert.equal(rig.sent[0]?.hex.slice(28), REPLY);
  rig.deliver(0, pieceFrame(ECHO, { at: 104, length: 96, more: false }, 1));
  assert.equal(rig.sent.length, 2, "the others are still complete");
});

test("RFC 6980: neighbour discovery in fragments is refused", () => {
  const rig = ready();
  const whole = icmp6(
    H,
    LAN,
    135,
    0,
    0,
    `${"fe80000000000000000000000000".padEnd(28, "0")}0001${filler6(64)}`,
  );
  for (const piece of pieces(whole.length / 2, 48)) rig.deliver(0, pieceFrame(whole, piece));
  assert.deepEqual(rig.take(), { sent: [], drops: ["nd-fragment"] });
});

test("the first fragment of UDP is answered, later ones and TCP's are not", () => {
  const rig = ready();
  const datagram = upper6(H, LAN, 17, `9c4082350070000${"0"}${filler6(104)}`);
  rig.deliver(0, pieceFrame(datagram, { at: 0, length: 64, more: true }, 1, 17));
  rig.deliver(0, pieceFrame(datagram, { at: 64, length: 48, more: false }, 1, 17));
  rig.deliver(0, pieceFrame(datagram, { at: 0, length: 64, more: true }, 2, 6));
  rig.deliver(0, pieceFrame(datagram, { at: 0, length: 64, more: true }, 3, 200));
  const { sent, drops } = rig.take();
  assert.deepEqual(drops, ["ip-protocol", "ip-protocol", "ip-protocol", "ip-protocol"]);
  assert.deepEqual(
    sent.map((one) => error(one.hex)),
    [
      ["0104", "00000000"],
      ["0401", "00000028"],
    ],
  );
});

test("a damaged packet is not answered, nor one with a fragment inside", () => {
  const rig = ready();
  const broken = ECHO.replace(/..$/, "00");
  for (const piece of pieces(200, 104)) rig.deliver(0, pieceFrame(broken, piece));
  assert.deepEqual(rig.take(), { sent: [], drops: ["icmp-checksum"] });
  const inner = `2c00010400000000${fragmentHeader(58, 0, true, 9)}${filler6(104)}`;
  for (const piece of pieces(inner.length / 2, 64)) rig.deliver(0, pieceFrame(inner, piece, 2, 60));
  assert.equal(rig.sent.length, 0);
  assert.equal(rig.recorder.held, 0);
});

test("packets and pieces are bounded: the oldest makes room", () => {
  const rig = ready({ reassemblies: 4, reassemblyFragments: 6 });
  for (let id = 0; id < 50; id++) {
    rig.deliver(0, pieceFrame(ECHO, { at: 0, length: 32, more: true }, id));
    rig.deliver(0, pieceFrame(ECHO, { at: 40, length: 8, more: true }, id));
    rig.now += 1;
    assert.ok(rig.recorder.held <= 6);
  }
  for (const piece of pieces(200, 104)) rig.deliver(0, pieceFrame(ECHO, piece, 99));
  assert.equal(rig.sent.length, 1, "a new one is still collected");
});

test("without room every piece is refused, and an empty pool gives the packet up", () => {
  const none = ready({ reassemblies: 0, reassemblyFragments: 0 });
  none.deliver(0, pieceFrame(ECHO, { at: 0, length: 32, more: true }));
  assert.deepEqual(none.take(), { sent: [], drops: ["ip-fragment"] });

  const rig = ready();
  const [first, second] = pieces(200, 104) as [Piece, Piece];
  rig.deliver(0, pieceFrame(ECHO, first));
  const { start, end } = rig.recorder.frame(pieceFrame(ECHO, second));
  rig.recorder.poolEmpty = true;
  rig.host.deliver(0, 0, start, end, rig.now);
  assert.deepEqual(rig.take().drops, ["pool-empty", "ip-fragment"]);
  assert.equal(rig.recorder.held, 0);
});

test("a reload with other bounds forgets what was collected, one with the same does not", () => {
  const rig = ready();
  const common = { ports: [], channels: [], interfaces: RIG6_INTERFACES };
  rig.deliver(0, pieceFrame(ECHO, { at: 0, length: 32, more: true }));
  rig.host.configure(HOST6_DEFAULTS, common, rig.now);
  assert.equal(rig.recorder.held, 1);
  rig.host.configure({ ...HOST6_DEFAULTS, reassemblies: 2 }, common, rig.now);
  assert.equal(rig.recorder.held, 0);
});

test("RFC 8200 4.5: what starts here is cut by its source, and only where it must be", () => {
  const rig = ready();
  rig.learn(2, "2001:db8:3::1", A);
  rig.host.startPing6(words("2001:db8:3::1"), -1, 5, 1, rig.now, 1500);
  const lengths = rig.sent.map((one) => one.hex.length / 2 - 14);
  assert.deepEqual(lengths, [1280, 324]);
  const [first, second] = rig.sent.map((one) => one.hex.slice(28)) as [string, string];
  assert.equal(first.slice(8, 16), "04d82c40", "length, fragment header next, hop limit");
  assert.equal(first.slice(80, 88), "3a000001");
  assert.equal(second.slice(80, 88), "3a0004d0");
  assert.equal(first.slice(88, 96), second.slice(88, 96), "one identification");
  const whole = first.slice(96) + second.slice(96);
  assert.equal(whole, icmp6("2001:db8:3::", "2001:db8:3::1", 128, 0, 0x00050001, filler6(1500)));
  rig.host.startPing6(words("2001:db8:3::1"), -1, 5, 2, rig.now, 1500);
  assert.notEqual(rig.sent[2]?.hex.slice(28 + 88, 28 + 96), first.slice(88, 96));
});
