import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { frame, HostRig, icmpMessage, packet, RIG_INTERFACES } from "../sim/host-rig.ts";
import { parseIpv4 } from "../wire/text.ts";
import { HOST_DEFAULTS } from "./config.ts";
import { Stat } from "./sender.ts";

const A = 0x02000000000a;
const ip = (text: string): number => parseIpv4(text) ?? Number.NaN;

function ready(config: ConstructorParameters<typeof HostRig>[0] = {}): HostRig {
  const rig = new HostRig(config);
  rig.learn(0, "192.0.2.10", A);
  return rig;
}

const filler = (bytes: number): string =>
  Array.from({ length: bytes }, (_, n) => ((n * 7) & 255).toString(16).padStart(2, "0")).join("");

interface Piece {
  readonly at: number;
  readonly length: number;
  readonly more: boolean;
}

/** Cuts `size` bytes into pieces of `step`. */
function pieces(size: number, step: number): Piece[] {
  const list: Piece[] = [];
  for (let at = 0; at < size; at += step) {
    list.push({ at, length: Math.min(step, size - at), more: at + step < size });
  }
  return list;
}

function pieceFrame(
  whole: string,
  { at, length, more }: Piece,
  id = 0x77,
  from = "192.0.2.10",
): string {
  return frame({
    from,
    to: "192.0.2.1",
    protocol: 1,
    id,
    fragment: (more ? 0x2000 : 0) | (at / 8),
    payload: whole.slice(at * 2, (at + length) * 2),
  });
}

function answers(whole: string, list: readonly Piece[]): string[] {
  const reply = icmpMessage(0, 0, 0x00050001, whole.slice(16));
  return list.map(({ at, length, more }) =>
    packet({
      from: "192.0.2.1",
      to: "192.0.2.10",
      protocol: 1,
      id: 1,
      fragment: (more ? 0x2000 : 0) | (at / 8),
      payload: reply.slice(at * 2, (at + length) * 2),
    }),
  );
}

test("HOST-2 a ping of 4,000 bytes is answered piece by piece", () => {
  const rig = ready();
  const whole = icmpMessage(8, 0, 0x00050001, filler(4000));
  const list = pieces(4008, 1480);
  for (const piece of list) rig.deliver(0, pieceFrame(whole, piece));
  assert.deepEqual(
    rig.sent.map(({ hex }) => hex.slice(28)),
    answers(whole, list),
  );
  assert.deepEqual(rig.recorder.drops, []);
  assert.equal(rig.recorder.held, 0);
  assert.equal(rig.host.statistics.values[Stat.Reassembled], 1);
});

test("HOST-2 pieces in any order make the same answer", () => {
  const whole = icmpMessage(8, 0, 0x00050001, filler(200));
  const list = pieces(208, 24);
  fc.assert(
    fc.property(fc.shuffledSubarray(list, { minLength: list.length }), (order) => {
      const rig = ready();
      for (const piece of order) rig.deliver(0, pieceFrame(whole, piece));
      assert.deepEqual(
        rig.sent.map(({ hex }) => hex.slice(28)),
        answers(whole, list),
      );
      assert.equal(rig.recorder.held, 0);
    }),
    { numRuns: 50 },
  );
});

test("the largest ping is answered, one byte more is not (ping of death)", () => {
  const rig = ready();
  const whole = icmpMessage(8, 0, 0x00050001, filler(65_507));
  for (const piece of pieces(65_515, 1480)) rig.deliver(0, pieceFrame(whole, piece));
  assert.equal(rig.sent.length, 45);
  rig.deliver(0, pieceFrame(filler(65_528), { at: 65_512, length: 8, more: false }));
  assert.deepEqual(rig.take().drops, ["ip-fragment"]);
});

test("a repeated piece changes nothing", () => {
  const rig = ready();
  const whole = icmpMessage(8, 0, 0x00050001, filler(92));
  const [first, second] = pieces(100, 56) as [Piece, Piece];
  for (const piece of [first, first, second]) rig.deliver(0, pieceFrame(whole, piece));
  assert.equal(rig.sent.length, 2);
  assert.deepEqual(rig.recorder.drops, ["ip-fragment"]);
});

test("overlapping pieces drop the datagram", () => {
  const whole = icmpMessage(8, 0, 0x00050001, filler(192));
  const bad: Piece[][] = [
    [
      { at: 0, length: 64, more: true },
      { at: 56, length: 64, more: true },
    ],
    [
      { at: 56, length: 64, more: true },
      { at: 0, length: 64, more: true },
    ],
    [
      { at: 0, length: 64, more: true },
      { at: 0, length: 56, more: true },
    ],
    [
      { at: 64, length: 64, more: true },
      { at: 8, length: 40, more: false },
    ],
    [
      { at: 64, length: 30, more: false },
      { at: 64, length: 64, more: true },
    ],
    [
      { at: 64, length: 30, more: false },
      { at: 120, length: 8, more: false },
    ],
  ];
  for (const list of bad) {
    const rig = ready();
    for (const piece of list) rig.deliver(0, pieceFrame(whole, piece));
    assert.deepEqual(rig.recorder.drops, ["ip-fragment"], JSON.stringify(list));
    assert.equal(rig.recorder.held, 0);
    assert.equal(rig.sent.length, 0);
  }
});

test("a piece without data, or of an odd length in the middle, is refused", () => {
  const rig = ready();
  rig.deliver(0, pieceFrame("", { at: 8, length: 0, more: true }));
  rig.deliver(0, pieceFrame(filler(60), { at: 0, length: 60, more: true }));
  assert.deepEqual(rig.take().drops, ["ip-fragment", "ip-fragment"]);
  assert.equal(rig.recorder.held, 0);
});

test("a damaged datagram is not answered", () => {
  const rig = ready();
  const whole = icmpMessage(8, 0, 0x00050001, filler(92)).replace(/..$/, "00");
  for (const piece of pieces(100, 56)) rig.deliver(0, pieceFrame(whole, piece));
  assert.deepEqual(rig.take(), { sent: [], drops: ["icmp-checksum"] });
});

test("RFC 792: a datagram that stays incomplete is told reassembly time exceeded", () => {
  const rig = ready();
  const whole = icmpMessage(8, 0, 0x00050001, filler(92));
  const [first, second] = pieces(100, 56) as [Piece, Piece];
  rig.deliver(0, pieceFrame(whole, first, 1));
  rig.deliver(0, pieceFrame(whole, second, 2));
  rig.now += 29_999;
  rig.host.tick(rig.now);
  assert.deepEqual(rig.take(), { sent: [], drops: [] });
  rig.now += 1;
  rig.host.tick(rig.now);
  rig.host.tick(rig.now);
  const { sent, drops } = rig.take();
  assert.deepEqual(drops, ["ip-fragment", "ip-fragment"]);
  assert.equal(sent.length, 1, "only the one whose beginning is there");
  assert.equal(sent[0]?.hex.slice(68, 72), "0b01");
  assert.equal(rig.recorder.held, 0);
});

test("datagrams and pieces are bounded: the oldest makes room", () => {
  const rig = ready({ reassemblies: 4, reassemblyFragments: 6 });
  for (let id = 0; id < 50; id++) {
    rig.deliver(0, pieceFrame(filler(64), { at: 0, length: 32, more: true }, id));
    rig.deliver(0, pieceFrame(filler(64), { at: 40, length: 8, more: true }, id));
    rig.now += 1;
    assert.ok(rig.recorder.held <= 6);
  }
  const whole = icmpMessage(8, 0, 0x00050001, filler(92));
  for (const piece of pieces(100, 56)) rig.deliver(0, pieceFrame(whole, piece, 99));
  assert.equal(rig.sent.length, 2, "a new one is still collected");
});

test("without room for datagrams every piece is refused", () => {
  const rig = ready({ reassemblies: 0, reassemblyFragments: 0 });
  rig.deliver(0, pieceFrame(filler(64), { at: 0, length: 32, more: true }));
  assert.deepEqual(rig.take(), { sent: [], drops: ["ip-fragment"] });
});

test("an empty buffer pool gives the datagram up", () => {
  const rig = ready();
  rig.deliver(0, pieceFrame(filler(64), { at: 0, length: 32, more: true }));
  const { start, end } = rig.recorder.frame(
    pieceFrame(filler(64), { at: 32, length: 8, more: true }),
  );
  rig.recorder.poolEmpty = true;
  rig.host.deliver(0, 0, start, end, rig.now);
  assert.deepEqual(rig.take().drops, ["pool-empty", "ip-fragment"]);
  assert.equal(rig.recorder.held, 0);
});

test("a reload with other bounds forgets what was collected, one with the same does not", () => {
  const rig = ready();
  const common = { ports: [], channels: [], interfaces: RIG_INTERFACES };
  rig.deliver(0, pieceFrame(filler(64), { at: 0, length: 32, more: true }));
  rig.host.configure(HOST_DEFAULTS, common, rig.now);
  assert.equal(rig.recorder.held, 1);
  rig.host.configure({ ...HOST_DEFAULTS, reassemblies: 2 }, common, rig.now);
  assert.equal(rig.recorder.held, 0);
});

test("a fragmented reply to our ping is told", () => {
  const rig = ready();
  const whole = icmpMessage(0, 0, 0x00050001, filler(92));
  for (const piece of pieces(100, 56)) rig.deliver(0, pieceFrame(whole, piece));
  assert.deepEqual(rig.heard, ["192.0.2.10 id 5 seq 1 bytes 92 ttl 64"]);
});

test("HOST-1 what starts here is cut to the MTU as well", () => {
  const rig = ready();
  rig.learn(2, "203.0.113.1", A);
  rig.host.startPing(ip("203.0.113.1"), 5, 1, rig.now, 1000);
  assert.deepEqual(
    rig.sent.map(({ hex }) => [hex.length / 2 - 14, hex.slice(40, 44)]),
    [
      [596, "2000"],
      [452, "0048"],
    ],
  );
});

test("HOST-3 fragments put together again are the packet that was cut, for every MTU and size", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 68, max: 700 }),
      fc.integer({ min: 0, max: 1480 }),
      (mtu, size) => {
        const interfaces = RIG_INTERFACES.map((one) =>
          one.name === "narrow" ? { ...one, mtu } : one,
        );
        const rig = new HostRig({}, interfaces);
        rig.learn(2, "203.0.113.1", A);
        rig.deliver(0, frame({ from: "192.0.2.10", to: "203.0.113.1", payload: filler(size) }));
        let data = "";
        for (const [index, { hex }] of rig.sent.entries()) {
          assert.ok(hex.length / 2 - 14 <= mtu);
          const word = Number.parseInt(hex.slice(40, 44), 16);
          assert.equal((word & 0x1fff) * 8, data.length / 2);
          assert.equal((word & 0x2000) !== 0, index < rig.sent.length - 1);
          data += hex.slice(68);
        }
        assert.equal(data, filler(size));
      },
    ),
    { numRuns: 200 },
  );
});
