import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Message } from "../engine/message.ts";
import { ArpRig, ip, mac, OWN_IP } from "../sim/arp-rig.ts";

const GOOD =
  "ffffffffffff 02000000000a 0806 0001080006040001 02000000000a c000020a 000000000000 c0000201";

test("ARP-1 every length from the Ethernet header on is counted or handled, never thrown for", () => {
  const rig = new ArpRig(1, { rarp: true, inarp: true });
  const { start, end } = rig.recorder(0).frame(`${GOOD} ${"00".repeat(40)}`);

  for (let cut = start + 14; cut <= end; cut++) {
    const before = rig.recorder(0).drops.length;
    const consumed = rig.arp(0).receive(0, 0, start, start + 14, cut, 0);
    assert.equal(consumed, true);
    assert.equal(rig.recorder(0).drops.length - before, cut - start < 42 ? 1 : 0);
  }
  assert.deepEqual(new Set(rig.recorder(0).drops), new Set(["arp-short"]));
});

test("random ARP, RARP and InARP never throws, and the tables keep their bounds and agree", () => {
  const rig = new ArpRig(2, {
    rarp: true,
    inarp: true,
    maxEntries: 16,
    maxPending: 8,
    receiveRate: 1e6,
  });
  const bytes = fc.uint8Array({ minLength: 28, maxLength: 28 });
  const field = fc.record({
    bytes,
    fixed: fc.boolean(),
    op: fc.constantFrom(0, 1, 1, 1, 2, 2, 3, 4, 8, 9, 0xffff),
    near: fc.boolean(),
    cut: fc.nat(28),
    whole: fc.boolean(),
    iface: fc.nat(3),
    channel: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.array(field, { maxLength: 30 }), (packets) => {
      for (const packet of packets) {
        const { start } = rig.recorder(0).frame(`${GOOD}`);
        const { view, bytes: memory } = rig.recorder(0);
        const at = start + 14;
        memory.set(packet.bytes, at);
        if (packet.fixed) {
          view.setUint16(at, 1);
          view.setUint32(at + 2, 0x08000604);
          view.setUint16(at + 6, packet.op);
        }
        if (packet.near) {
          view.setUint8(at + 8, 2);
          view.setUint32(at + 14, ip("192.0.2.0") + (packet.bytes[17] as number));
          view.setUint32(at + 24, OWN_IP + ((packet.bytes[27] as number) & 3));
        }
        const end = packet.whole ? at + 28 : at + packet.cut;
        rig.now += 1;
        rig.arp(0).receive(packet.iface, packet.channel, start, at, end, rig.now);
        rig.resolve(packet.cut & 1, ip("192.0.2.0") + (packet.bytes[0] as number));
        for (const arp of rig.arps) arp.tick(rig.now);
        rig.settle();
      }
      assert.ok(rig.arp(0).summary().entries <= 16);
      assert.deepEqual(rig.arp(1).summary(), rig.arp(0).summary());
      assert.ok(rig.recorder(0).held <= 8 * 16);
      for (const recorder of rig.recorders) recorder.clear();
      rig.wire.length = 0;
      rig.returned.length = 0;
      rig.delivered.length = 0;
    }),
    { numRuns: 200 },
  );
});

test("random records of the engine's types never throw and never exceed the table's bound", () => {
  const types = ["arp-ask", "arp-entry", "arp-failed", "arp-delete", "arp-used"] as const;
  const record = fc.record({
    type: fc.constantFrom(...types),
    bytes: fc.uint8Array({ minLength: 64, maxLength: 64 }),
  });
  for (const master of [0, 1]) {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 60 }), (records) => {
        const rig = new ArpRig(2, { maxEntries: 8, maxPending: 4 });
        rig.moveRole(master);
        const { start } = rig.recorder(0).frame("00".repeat(64));
        for (const { type, bytes } of records) {
          rig.recorder(0).bytes.set(bytes, start);
          rig.recorder(0).bytes[start + 12] = 0;
          rig.recorder(0).bytes[start + 13] = (bytes[13] as number) & 1;
          rig.arp(0).message(Message[type], 1, start, rig.now);
          rig.arp(0).tick(rig.now);
          rig.now += 7;
        }
        assert.ok(rig.arp(0).summary().entries <= 8 + 4);
      }),
      { numRuns: 200 },
    );
  }
});

test("a million frames to known addresses and a hundred thousand refreshes allocate next to nothing", () => {
  const rig = new ArpRig(1);
  const arp = rig.arp(0);
  const first = ip("192.0.2.2");
  for (let n = 0; n < 200; n++)
    rig.receive(1, mac("02:00:00:00:00:02") + n, first + n, ip("192.0.2.250"));
  const { start, end } = rig.recorder(0).frame(GOOD);
  const work = (count: number): void => {
    for (let n = 0; n < count; n++) {
      if (arp.resolve(0, first + (n % 200), start, end, n / 100) < 0) throw new Error("unknown");
      if (n % 10 === 0) arp.receive(0, 0, start, start + 14, end, n / 10);
    }
  };
  const { view } = rig.recorder(0);
  view.setUint32(start + 14 + 24, ip("192.0.2.250"));
  work(100_000);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  work(1_000_000);
  const grown = process.memoryUsage().heapUsed - before;
  assert.ok(grown < 4_000_000, `${grown} bytes`);
});
