// What events cost in messages and frames, for 1, 2, 4 and 8 cores (ARP-3..6; the budgets of the architecture).

import assert from "node:assert/strict";
import { test } from "node:test";
import { BROADCAST } from "../lib/units.ts";
import { ArpRig, ip, mac } from "../sim/arp-rig.ts";

const HOST = ip("192.0.2.10");
const HOST_MAC = mac("02:00:00:00:00:0a");
const OTHER_MAC = mac("02:00:00:00:00:0b");

const times = (count: number, name: string): string[] => new Array<string>(count).fill(name);

function assertEqualTables(rig: ArpRig): void {
  const sums = rig.arps.map((arp) => arp.summary());
  for (const sum of sums) {
    assert.equal(sum.digest, sums[0]?.digest);
    assert.equal(sum.entries, sums[0]?.entries);
  }
}

for (const cores of [1, 2, 4, 8]) {
  const others = cores - 1;

  test(`ARP-3 with ${cores} cores a miss on the master costs one request, and ${others} messages when answered`, () => {
    const rig = new ArpRig(cores);

    assert.equal(rig.resolve(0, HOST), -1);
    assert.deepEqual(rig.settle(), []);
    assert.equal(rig.wire.length, 1);
    assert.equal(rig.wire[0]?.to, BROADCAST);
    assert.equal(rig.reply(HOST, HOST_MAC), true);

    assert.deepEqual(rig.settle(), times(others, "arp-entry"));
    assertEqualTables(rig);
    for (let core = 0; core < cores; core++) assert.equal(rig.resolve(core, HOST), HOST_MAC);
    assert.deepEqual(rig.settle(), []);
    assert.equal(rig.wire.length, 1);
    assert.deepEqual(
      rig.returned.map(({ core, mac: to }) => [core, to]),
      [[0, HOST_MAC]],
    );
  });

  test(`ARP-3 with ${cores} cores that all miss one address at once, ${others} ask and one request leaves`, () => {
    const rig = new ArpRig(cores);

    for (let core = 0; core < cores; core++) {
      for (let n = 0; n < 5; n++) assert.equal(rig.resolve(core, HOST, `0${n}`), -1);
    }
    assert.deepEqual(rig.settle(), times(others, "arp-ask"));
    assert.equal(rig.wire.length, 1);
    rig.reply(HOST, HOST_MAC);

    assert.deepEqual(rig.settle(), times(others, "arp-entry"));
    assert.equal(rig.returned.length, 5 * cores);
    for (let core = 0; core < cores; core++) {
      const marks = rig.returned.filter((one) => one.core === core).map(({ hex }) => hex.slice(28));
      assert.deepEqual(marks, ["00", "01", "02", "03", "04"]);
    }
    assertEqualTables(rig);
    assert.deepEqual(
      rig.recorders.map(({ held }) => held),
      times(cores, "").map(() => 0),
    );
  });

  test(`ARP-4 with ${cores} cores a dead address costs 3 requests, ${others} asks and ${others} failures`, () => {
    const rig = new ArpRig(cores);

    for (let core = 0; core < cores; core++) rig.resolve(core, HOST);
    const names = rig.run(2999);
    assert.deepEqual(names, times(others, "arp-ask"));
    assert.equal(rig.wire.length, 3);
    assert.equal(rig.returned.length, 0);

    assert.deepEqual(rig.run(3010), times(others, "arp-failed"));
    assert.equal(rig.wire.length, 3);
    assert.deepEqual(
      rig.returned.map((one) => one.mac),
      times(cores, "").map(() => -1),
    );
    for (const recorder of rig.recorders) assert.deepEqual(recorder.drops, ["arp-failed"]);
    assert.deepEqual(
      rig.recorder(0).events.map(({ name }) => name),
      ["arp-failed"],
    );
  });

  test(`ARP-5 with ${cores} cores a new or changed pair costs ${others} messages and an unchanged one none`, () => {
    const rig = new ArpRig(cores);

    rig.receive(1, HOST_MAC, HOST, ip("192.0.2.99"));
    assert.deepEqual(rig.settle(), times(others, "arp-entry"));
    for (let n = 0; n < 10; n++) rig.receive(1, HOST_MAC, HOST, ip("192.0.2.99"));
    assert.deepEqual(rig.settle(), []);
    rig.receive(1, OTHER_MAC, HOST, ip("192.0.2.99"));
    assert.deepEqual(rig.settle(), times(others, "arp-entry"));

    for (let core = 0; core < cores; core++) assert.equal(rig.resolve(core, HOST), OTHER_MAC);
    assertEqualTables(rig);
    assert.equal(rig.wire.length, 0);
  });

  test(`ARP-6 with ${cores} cores an idle entry's flush costs ${others} messages, its refresh none`, () => {
    const rig = new ArpRig(cores, { timeout: 10_000 });
    rig.receive(1, HOST_MAC, HOST, ip("192.0.2.99"));
    rig.settle();

    rig.now = 8000;
    rig.receive(1, HOST_MAC, HOST, ip("192.0.2.99"));
    assert.deepEqual(rig.run(17_990), []);
    for (let core = 0; core < cores; core++) assert.equal(rig.arp(core).summary().entries, 1);
    assert.deepEqual(rig.run(18_010), times(others, "arp-delete"));
    for (let core = 0; core < cores; core++) {
      assert.deepEqual(rig.arp(core).summary(), { entries: 0, digest: 0, version: 2 });
    }
    assert.equal(rig.wire.length, 0);
  });

  test(`ARP-6 with ${cores} cores steady use costs each replica one message per half timeout and no more`, () => {
    const rig = new ArpRig(cores, { timeout: 10_000 });
    rig.receive(1, HOST_MAC, HOST, ip("192.0.2.99"));
    rig.settle();

    const names: string[] = [];
    for (let at = 100; at <= 4900; at += 100) {
      for (let core = 0; core < cores; core++) assert.equal(rig.resolve(core, HOST), HOST_MAC);
      names.push(...rig.run(at));
    }
    assert.equal(names.length, 0, "within the first period the flag is still set");
    for (let at = 5000; at <= 9900; at += 100) {
      for (let core = 0; core < cores; core++) rig.resolve(core, HOST);
      names.push(...rig.run(at));
    }
    assert.deepEqual(names, times(others, "arp-used"));
  });

  test(`ARP-3 with ${cores} cores a frame to a known address costs no message, however many there are`, () => {
    const rig = new ArpRig(cores);
    rig.receive(1, HOST_MAC, HOST, ip("192.0.2.99"));
    rig.settle();

    for (let n = 0; n < 1000; n++) rig.resolve(n % cores, HOST);

    assert.deepEqual(rig.settle(), []);
  });

  test(`ARP-7 with ${cores} cores a static entry costs ${others} messages to add and to remove, the same again none`, () => {
    const rig = new ArpRig(cores);

    assert.equal(rig.arp(0).addStatic(0, HOST, HOST_MAC, 0), true);
    assert.deepEqual(rig.settle(), times(others, "arp-entry"));
    assert.equal(rig.arp(0).addStatic(0, HOST, HOST_MAC, 0), true);
    assert.deepEqual(rig.settle(), []);
    assertEqualTables(rig);
    for (let core = 0; core < cores; core++) {
      assert.equal(rig.resolve(core, HOST), HOST_MAC);
      assert.equal(rig.row(core, HOST)?.["origin"], "static");
    }
    assert.equal(rig.arp(0).remove(HOST, -1, 0), 1);
    assert.deepEqual(rig.settle(), times(others, "arp-delete"));
    assertEqualTables(rig);
  });

  test(`ARP-4 with ${cores} cores the variant askers tells an answer or a failure only to those that asked`, () => {
    const rig = new ArpRig(cores, { propagate: "askers" });
    const asking = Math.min(1, others);

    for (const core of new Set([0, others])) rig.resolve(core, HOST);
    assert.deepEqual(rig.settle(), times(asking, "arp-ask"));
    rig.reply(HOST, HOST_MAC);
    assert.deepEqual(rig.settle(), times(asking, "arp-entry"));
    assert.equal(rig.resolve(others, HOST), HOST_MAC);

    rig.resolve(others, ip("192.0.2.77"));
    const names = rig.run(3010);
    assert.deepEqual(names, [...times(asking, "arp-ask"), ...times(asking, "arp-failed")]);
  });
}

test("ARP-3 the master answers from its table: to the asker alone, or to all", () => {
  for (const [answer, count] of [
    ["asker", 1],
    ["all", 3],
  ] as const) {
    const rig = new ArpRig(4, { propagate: "askers", answer });
    rig.resolve(0, HOST);
    rig.reply(HOST, HOST_MAC);
    assert.deepEqual(rig.settle(), []);

    assert.equal(rig.resolve(2, HOST), -1);

    assert.deepEqual(rig.settle(), ["arp-ask", ...times(count, "arp-entry")]);
    assert.equal(rig.resolve(2, HOST), HOST_MAC);
    assert.equal(rig.wire.length, 1);
  }
});

test("ARP-3 nothing assumes that the master is core 0", () => {
  const rig = new ArpRig(4);
  rig.moveRole(3);

  for (let core = 0; core < 4; core++) rig.resolve(core, HOST);

  assert.deepEqual(rig.settle(), times(3, "arp-ask"));
  assert.deepEqual(
    rig.wire.map(({ core }) => core),
    [3],
  );
  rig.reply(HOST, HOST_MAC);
  assert.deepEqual(rig.settle(), times(3, "arp-entry"));
  assertEqualTables(rig);
});
