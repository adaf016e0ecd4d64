import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Route } from "../engine/groups.ts";
import { Recorder } from "../sim/recorder.ts";
import { EtherType } from "../wire/ethernet.ts";
import * as igmp from "../wire/igmp.ts";
import * as mld from "../wire/mld.ts";
import { snoopDefaults } from "./config.ts";
import { Snoop } from "./snoop.ts";

const numbers = [0, 1, 2];
const common = {
  ports: numbers.map((port) => ({ name: `p${port}`, mac: 1 + port, mtu: 1500 })),
  channels: numbers.map((port) => ({ name: `p${port}`, ports: [port] })),
  interfaces: [],
};
const ports = { mayHold: () => true, sendInto: () => {} };

function make(): { snoop: Snoop; recorder: Recorder } {
  const recorder = new Recorder();
  const bridges = [snoopDefaults(0, numbers, { maxGroups: 8 })];
  const snoop = new Snoop({ bridges }, common, recorder, ports);
  snoop.tick(0);
  return { snoop, recorder };
}

test("BR-8 whole messages cut at every byte, and with every byte changed, never throw and never join", () => {
  const { snoop, recorder } = make();
  const { view, bytes } = recorder;
  const start = recorder.scratch(512);
  const frames: [type: number, write: () => number][] = [
    [EtherType.Ipv4, () => igmp.writeReport(view, start, 1, 1, igmp.Type.Report2, 0xef010203)],
    [EtherType.Ipv4, () => igmp.writeReport3(view, start, 1, 1, 4, 0xef010203, [1, 2, 3])],
    [
      EtherType.Ipv6,
      () =>
        mld.writeReport2(view, start, 1, [0xfe800000, 0, 0, 1], 4, [[0xff150000, 0, 0, 1]], 0, 1),
    ],
  ];
  let now = 1;
  for (const [type, write] of frames) {
    const end = write();
    const whole = bytes.slice(start, end);
    for (let cut = start + 14; cut < end; cut++) {
      bytes.set(whole, start);
      now += 10;
      snoop.route(0, 1, 10, start + 14, cut, type, now);
    }
    assert.equal(snoop.groups.groupCount(0), 0, "nothing that is cut short joins");
    for (let at = start + 14; at < end; at++) {
      bytes.set(whole, start);
      view.setUint8(at, view.getUint8(at) ^ 0x55);
      now += 10;
      snoop.route(0, 1, 10, start + 14, end, type, now);
    }
    bytes.set(whole, start);
  }
  assert.ok(recorder.drops.includes("igmp-checksum") && recorder.drops.includes("nd-checksum"));
});

test("BR-8 random bytes of both families never throw, and the table keeps its bound", () => {
  const { snoop, recorder } = make();
  const start = recorder.scratch(512);
  let now = 1;
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.boolean(),
      fc.boolean(),
      (data, six, real) => {
        recorder.bytes.set(data, start);
        if (real && data.length > 24) {
          const head = six ? "6000000000200001" : "46c0002000000000010200";
          recorder.bytes.set(Buffer.from(head, "hex"), start);
        }
        now += 10;
        const type = six ? EtherType.Ipv6 : EtherType.Ipv4;
        const route = snoop.route(0, 1, 10, start, start + data.length, type, now);
        assert.ok(route >= Route.Flood && route <= Route.Drop);
        assert.ok(snoop.groups.groupCount(0) <= 8);
      },
    ),
    { numRuns: 2000 },
  );
});

test("BR-8 a thousand reports of a channel in a second are looked at, the rest is dropped and counted", () => {
  const { snoop, recorder } = make();
  const start = recorder.scratch(128);
  const end = igmp.writeReport(recorder.view, start, 1, 1, igmp.Type.Report2, 0xef010203);
  const routes = Array.from({ length: 1100 }, () =>
    snoop.route(0, 1, 10, start + 14, end, EtherType.Ipv4, 5),
  );
  assert.equal(routes.filter((route) => route === Route.Drop).length, 100);
  assert.equal(recorder.drops.filter((name) => name === "snoop-rate").length, 100);
  assert.equal(snoop.route(0, 2, 10, start + 14, end, EtherType.Ipv4, 5), Route.Flood);
});

test("BR-8 a message of another configuration is not read; the master is asked a second later", () => {
  const out = new Recorder(1, 2);
  const bridges = [snoopDefaults(0, numbers)];
  const snoop = new Snoop({ bridges }, common, out, ports);
  const other = new Recorder(0, 2);
  const teller = new Snoop({ bridges }, { ...common, channels: [] }, other, ports);
  teller.tick(0);
  const slot = teller.groups.obtain(20, 0, 0, 0, 0, 5);
  teller.changed(slot, 1);
  for (const sent of other.messages) out.accept(sent, snoop, 1);
  assert.equal(snoop.groups.used, 0);
  snoop.tick(500);
  assert.deepEqual(out.messages, []);
  snoop.tick(1002);
  assert.deepEqual(
    out.messages.map(({ name, to }) => [name, to]),
    [["resync-ask", 0]],
  );
});
