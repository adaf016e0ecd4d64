// What every event of neighbour discovery costs, exactly, on 1, 2, 4 and 8 cores, and the life of an entry across them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL_NODES, NdRig, OWN, station, stationMac } from "../sim/nd-rig.ts";

const SIZES = [1, 2, 4, 8];
const times = (name: string, count: number): string[] => Array.from({ length: count }, () => name);

for (const cores of SIZES) {
  for (const asker of new Set([0, cores - 1])) {
    // The station's bucket is 1: the owner is core 1, or 0 where there is only one.
    const x = station(1);
    const owner = 1 % cores;
    const title = `on core ${asker} of ${cores}, owner ${owner}`;

    test(`ND-4 a miss ${title} costs ${asker === owner ? 0 : 1}, its answer ${cores - 1}, and one solicitation`, () => {
      const rig = new NdRig(cores);

      assert.equal(rig.resolve(asker, x, "aa"), -1);
      assert.deepEqual(rig.settle(), times("nd-ask", asker === owner ? 0 : 1));
      assert.deepEqual(
        rig.solicitations(x).map(({ core }) => core),
        [owner],
      );

      rig.advertise(x, stationMac(1));
      assert.deepEqual(rig.settle(), times("nd-entry", cores - 1));
      assert.deepEqual(
        rig.returned.map(({ core, mac }) => [core, mac]),
        [[asker, stationMac(1)]],
      );
      for (let core = 0; core < cores; core++) {
        assert.equal(rig.state(core, x), "reachable");
        assert.equal(rig.resolve(core, x), stationMac(1));
      }
      assert.deepEqual(rig.settle(), [], "use of what is known costs nothing");
      assert.ok(rig.isCoherent());
      assert.deepEqual(rig.runners(x), [owner]);
    });
  }

  test(`ND-4 all ${cores} cores miss at once: one ask each, one solicitation a second in all, three at most`, () => {
    const rig = new NdRig(cores);
    const x = station(1);
    for (let core = 0; core < cores; core++) rig.resolve(core, x);
    assert.deepEqual(rig.settle(), times("nd-ask", cores - 1));
    assert.equal(rig.solicitations(x).length, 1);

    const names = rig.run(2900);
    assert.deepEqual(names, []);
    assert.equal(rig.solicitations(x).length, 3);
    const failed = rig.run(200);
    assert.deepEqual(failed, times("nd-delete", cores - 1));
    assert.equal(rig.solicitations(x).length, 3);
    assert.equal(rig.returned.filter(({ mac }) => mac === -1).length, cores, "each is answered");
    for (let core = 0; core < cores; core++) assert.equal(rig.row(core, x), undefined);
  });

  test(`ND-3 an entry that is confirmed again costs nothing on ${cores} cores`, () => {
    const rig = new NdRig(cores);
    const x = station(1);
    rig.resolve(0, x);
    rig.settle();
    rig.advertise(x, stationMac(1));
    rig.settle();
    rig.clear();

    rig.run(45_000);
    const owner = rig.ownerOf(x);
    assert.equal(rig.state(owner, x), "stale");
    rig.resolve(owner, x);
    rig.run(5_100);
    assert.equal(rig.state(owner, x), "probe");
    assert.deepEqual(
      rig.solicitations(x).map(({ core, toMac }) => [core, toMac]),
      [[owner, stationMac(1)]],
      "one unicast probe from the owner",
    );
    rig.advertise(x, stationMac(1));
    assert.deepEqual(rig.settle(), [], "nothing changed");
    assert.equal(rig.state(owner, x), "reachable");
  });

  test(`ND-3 traffic on replicas alone keeps an entry alive: one report a period on ${cores} cores`, () => {
    if (cores === 1) return;
    const rig = new NdRig(cores);
    const x = station(1);
    const replica = cores - 1 === rig.ownerOf(x) ? 0 : cores - 1;
    rig.resolve(replica, x);
    rig.settle();
    rig.advertise(x, stationMac(1));
    rig.settle();
    let reports = 0;
    for (let second = 0; second < 300; second++) {
      assert.equal(rig.resolve(replica, x), stationMac(1), "frames leave all the time");
      const before = rig.solicitations(x).length;
      const names = rig.run(1000, 100);
      assert.deepEqual(
        names.filter((name) => name !== "nd-used"),
        [],
      );
      reports += names.length;
      if (rig.solicitations(x).length > before) rig.advertise(x, stationMac(1));
      assert.deepEqual(rig.settle(), []);
    }
    assert.ok(reports >= 8 && reports <= 10, `${reports} reports in ten periods`);
    assert.ok(rig.solicitations(x).length >= 4, "it was asked again and again");
  });

  test(`ND-5 a MAC that changed while probing makes the entry stale everywhere: ${cores - 1} messages`, () => {
    const rig = new NdRig(cores);
    const x = station(1);
    const owner = rig.ownerOf(x);
    rig.resolve(owner, x);
    rig.advertise(x, stationMac(1));
    rig.run(46_000);
    rig.resolve(owner, x);
    rig.run(5_100);
    assert.equal(rig.state(owner, x), "probe");

    rig.advertise(x, stationMac(9), { flags: 0x20, to: ALL_NODES });
    assert.deepEqual(rig.settle(), times("nd-entry", cores - 1));
    for (let core = 0; core < cores; core++) {
      assert.equal(rig.state(core, x), "stale");
      assert.equal(rig.row(core, x)?.["mac"], stationMac(9));
    }
    assert.ok(rig.isCoherent());
  });

  test(`ND-6 a neighbour that went silent is deleted everywhere: ${cores - 1} messages, three probes`, () => {
    const rig = new NdRig(cores);
    const x = station(1);
    const owner = rig.ownerOf(x);
    rig.resolve(owner, x);
    rig.advertise(x, stationMac(1));
    rig.run(46_000);
    rig.clear();
    rig.resolve(owner, x);
    const names = rig.run(5_000 + 3_000 + 100);
    assert.deepEqual(names, times("nd-delete", cores - 1));
    assert.equal(rig.solicitations(x).length, 3);
    for (let core = 0; core < cores; core++) assert.equal(rig.row(core, x), undefined);
    assert.ok(rig.isCoherent());
  });

  test(`ND-3 a station that solicits us is known everywhere at ${cores - 1} messages, again at none`, () => {
    const rig = new NdRig(cores);
    const x = station(1);
    const owner = rig.ownerOf(x);
    rig.solicit(owner, x, stationMac(1), OWN);
    assert.deepEqual(rig.settle(), times("nd-entry", cores - 1));
    for (let core = 0; core < cores; core++) assert.equal(rig.state(core, x), "stale");
    for (let core = 0; core < cores; core++) rig.solicit(core, x, stationMac(1), OWN);
    assert.deepEqual(rig.settle(), []);
    const answers = rig.said.filter(({ type }) => type === 136);
    assert.equal(answers.length, cores + 1, "whoever hears it answers, once");
    assert.ok(answers.every(({ flags }) => flags === 0xe0));
  });

  test(`CORE-5 an advertisement that lands elsewhere is passed on once, and counted, on ${cores} cores`, () => {
    const rig = new NdRig(cores);
    const x = station(1);
    const owner = rig.ownerOf(x);
    rig.resolve(owner, x);
    rig.advertise(x, stationMac(1));
    rig.settle();
    assert.equal(
      rig.nds.reduce((sum, nd) => sum + nd.handedOver, 0),
      0,
    );
    if (cores === 1) return;
    const other = (owner + 1) % cores;
    rig.advertise(x, stationMac(1), { core: other });
    assert.deepEqual(rig.settle(), ["nd-heard"]);
    assert.equal(rig.nd(other).handedOver, 1);
  });
}

test("ND-3 an upper layer's confirmation on a replica is told once in a reachable time", () => {
  const rig = new NdRig(4);
  const x = station(1);
  rig.resolve(1, x);
  rig.advertise(x, stationMac(1));
  rig.settle();
  rig.run(30_000);
  for (let n = 0; n < 100; n++) rig.confirm(3, x);
  assert.deepEqual(rig.settle(), ["nd-heard"]);
  for (let n = 0; n < 100; n++) rig.confirm(1, x);
  assert.deepEqual(rig.settle(), []);
  rig.run(14_000);
  assert.equal(rig.state(1, x), "reachable", "confirmed at 30 s, for 15 s at least");
});

test("ND-7 CORE-8 a new master tells each own address to every core, one that heard nothing from the last among them", () => {
  const rig = new NdRig(3, {}, { detect: true });
  const isUp = (core: number): boolean => rig.nd(core).own.linkLocal(0) !== null;
  for (; rig.now < 4000; rig.settle()) {
    rig.now += 10;
    rig.tick();
    rig.queues.delete("0>2"); // Core 0 hangs before core 2, which was just started, hears of it.
  }
  assert.deepEqual([0, 1, 2].map(isUp), [true, true, false]);

  for (const { masters } of rig.recorders) masters.fill(1);
  for (const nd of rig.nds) nd.roleChanged(rig.now);
  const addresses = rig.nd(1).own.addresses.length;
  assert.deepEqual(rig.settle(), times("nd-own", 2 * addresses));

  assert.deepEqual([0, 1, 2].map(isUp), [true, true, true]);
});
