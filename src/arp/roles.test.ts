// ARP while roles move, messages are lost and the configuration is reloaded (CORE-3, CORE-8, OPS-1).

import assert from "node:assert/strict";
import { test } from "node:test";
import { Message } from "../engine/message.ts";
import { ArpRig, INTERFACES, ip, mac, OWN_IP } from "../sim/arp-rig.ts";

const HOST = ip("192.0.2.10");
const HOST_MAC = mac("02:00:00:00:00:0a");
const RIVAL_MAC = mac("02:00:00:00:00:0b");
const NOBODY = ip("192.0.2.99");

// --- roles -------------------------------------------------------------------------------------

test("CORE-8 a new master re-issues what is pending at once, the others ask it, and nothing is lost", () => {
  const rig = new ArpRig(4);
  for (let core = 0; core < 4; core++) rig.resolve(core, HOST, `0${core}`);
  rig.settle();
  rig.now = 300;

  rig.moveRole(2);
  const asks = rig.settle();

  assert.deepEqual(asks, ["arp-ask", "arp-ask", "arp-ask"]);
  assert.deepEqual(
    rig.wire.map(({ core }) => core),
    [0, 2],
  );
  rig.reply(HOST, HOST_MAC);
  rig.settle();
  assert.deepEqual(rig.returned.map(({ core, hex }) => [core, hex.slice(28)]).toSorted(), [
    [0, "00"],
    [1, "01"],
    [2, "02"],
    [3, "03"],
  ]);
  assert.deepEqual(rig.run(20_000, 100), []);
});

test("CORE-8 an ask that reaches the new master before it knows its role is answered once it does", () => {
  const rig = new ArpRig(3);
  rig.moveRole(2, 0);
  rig.moveRole(2, 1);

  rig.resolve(1, HOST);
  rig.settle();
  assert.deepEqual(rig.wire, []);
  rig.moveRole(2, 2);

  assert.deepEqual(
    rig.wire.map(({ core }) => core),
    [2],
  );
  rig.reply(HOST, HOST_MAC);
  rig.settle();
  assert.equal(rig.returned.length, 1);
});

test("ARP-3 an asker whose ask was lost asks again by itself, and gives up after three", () => {
  const rig = new ArpRig(2);
  const lose = (): number => rig.recorder(1).messages.splice(0).length;
  rig.resolve(1, HOST);
  let asks = lose();

  while (rig.returned.length === 0 && rig.now < 60_000) {
    rig.now += 10;
    rig.arp(1).tick(rig.now);
    asks += lose();
  }

  assert.equal(asks, 3);
  assert.equal(rig.now, 12_000);
  assert.deepEqual(
    rig.returned.map((one) => one.mac),
    [-1],
  );
  assert.equal(rig.recorder(1).held, 0);
});

test("CORE-8 a new master continues the versions, ages what it inherited, and the old one ages nothing", () => {
  const rig = new ArpRig(3, { timeout: 10_000 });
  for (let n = 0; n < 5; n++) rig.receive(1, HOST_MAC + n, HOST + n, NOBODY);
  rig.run(9000);

  rig.moveRole(1);
  rig.receive(1, RIVAL_MAC, HOST, NOBODY);
  rig.settle();
  assert.ok((rig.row(2, HOST)?.["version"] as number) > 5);
  assert.deepEqual(rig.row(1, HOST)?.["version"], rig.row(2, HOST)?.["version"]);
  rig.run(18_000);
  assert.equal(rig.arp(0).summary().entries, 5);
  rig.run(22_000);

  for (let core = 0; core < 3; core++) assert.equal(rig.arp(core).summary().entries, 0);
  assert.deepEqual(rig.wire, []);
});

test("CORE-8 an old master's late entry does not bring back what the new one deleted", () => {
  const rig = new ArpRig(3);
  rig.receive(1, HOST_MAC, HOST, NOBODY);
  rig.collect();
  rig.deliver("0>1");
  rig.moveRole(1);
  assert.equal(rig.arp(1).remove(HOST, -1, 0), 1);
  rig.collect();

  rig.deliver("1>2");
  rig.deliver("0>2");
  rig.settle();

  for (let core = 0; core < 3; core++)
    assert.equal(rig.arp(core).summary().entries, 0, `core ${core}`);
});

test("with propagate askers a role move drops copies that the new master could not flush", () => {
  const rig = new ArpRig(3, { propagate: "askers" });
  rig.resolve(1, HOST);
  rig.settle();
  rig.reply(HOST, HOST_MAC);
  rig.settle();
  assert.equal(rig.resolve(1, HOST), HOST_MAC);

  rig.moveRole(2);
  rig.run(11_000, 100);
  assert.equal(rig.resolve(1, HOST), -1);
  rig.settle();
  rig.reply(HOST, HOST_MAC);
  rig.settle();

  assert.equal(rig.resolve(1, HOST), HOST_MAC);
  assert.equal(rig.row(0, HOST), undefined);
});

test("ARP-6 a replica that uses what the master does not have is told to forget it", () => {
  const rig = new ArpRig(2, { timeout: 10_000 });
  rig.receive(1, HOST_MAC, HOST, NOBODY);
  rig.settle();
  rig.arp(0).remove(HOST, -1, 0);
  rig.recorder(0).messages.length = 0; // The deletion is lost.
  rig.now = 6000;

  assert.equal(rig.resolve(1, HOST), HOST_MAC);
  assert.deepEqual(rig.settle(), ["arp-used", "arp-delete"]);

  assert.equal(rig.resolve(1, HOST), -1);
});

// --- re-sync -----------------------------------------------------------------------------------

test("CORE-3 a re-sync gives a core that lost messages the master's table, whatever it missed", () => {
  for (const slice of [1, 3, 64]) {
    const rig = new ArpRig(2);
    for (let n = 0; n < 20; n++) rig.receive(1, HOST_MAC + n, HOST + n, NOBODY);
    rig.settle();
    for (let n = 0; n < 5; n++) rig.arp(0).remove(HOST + n, -1, 0);
    for (let n = 10; n < 15; n++) rig.receive(1, RIVAL_MAC + n, HOST + n, NOBODY);
    rig.arp(0).addStatic(0, HOST + 40, HOST_MAC, 0);
    rig.recorder(0).messages.length = 0; // All of it is lost.
    assert.notEqual(rig.arp(0).summary().digest, rig.arp(1).summary().digest);

    rig.resync(0, 1, slice);

    assert.deepEqual(rig.arp(1).summary(), rig.arp(0).summary());
    assert.equal(rig.arp(1).summary().entries, 16);
  }
});

test("CORE-9 a core that starts afresh gets the table by a re-sync, and releases what waited there", () => {
  const rig = new ArpRig(3);
  for (let n = 0; n < 20; n++) rig.receive(1, HOST_MAC + n, HOST + n, NOBODY);
  rig.settle();
  rig.restart(2);
  rig.resolve(2, HOST);
  rig.recorder(2).messages.length = 0;

  rig.resync(0, 2);
  rig.resync(1, 2);

  assert.deepEqual(rig.arp(2).summary(), rig.arp(0).summary());
  assert.equal(rig.returned.length, 1);
});

test("CORE-3 a former master re-sends what it wrote, and its view deletes nothing that the new one made", () => {
  const rig = new ArpRig(3);
  rig.receive(1, HOST_MAC, HOST, NOBODY);
  rig.collect();
  rig.deliver("0>1");
  rig.queues.get("0>2")!.length = 0; // Lost on the way to core 2.
  rig.moveRole(1);
  rig.receive(1, RIVAL_MAC, ip("192.0.2.77"), NOBODY);
  rig.settle();
  rig.recorder(2).clear();

  rig.resync(0, 2);

  assert.equal(rig.row(2, HOST)?.["mac"], HOST_MAC);
  assert.equal(rig.row(2, ip("192.0.2.77"))?.["mac"], RIVAL_MAC);
  assert.deepEqual(rig.arp(2).summary(), rig.arp(1).summary());
});

// --- reload ------------------------------------------------------------------------------------

function reload(
  rig: ArpRig,
  config: Partial<ArpRig["config"]>,
  interfaces = rig.common.interfaces,
): void {
  rig.config = { ...rig.config, ...config };
  rig.common = { ...rig.common, interfaces };
  for (const arp of rig.arps) arp.configure(rig.config, rig.common, rig.now);
}

test("OPS-1 a reload that changes nothing costs no message and disturbs no entry, timer or address", () => {
  const rig = new ArpRig(3, {
    acd: "announce",
    statics: [{ iface: 0, address: HOST, mac: HOST_MAC }],
  });
  rig.receive(1, RIVAL_MAC, HOST + 1, NOBODY);
  rig.run(10_000);
  const before = [rig.rows(0), rig.rows(2), rig.wire.length];

  reload(rig, {});

  assert.deepEqual(rig.run(10_000.5), []);
  assert.deepEqual([rig.rows(0), rig.rows(2), rig.wire.length].toString(), before.toString());
});

test("OPS-1 a reload adds, changes and removes the static entries that differ, on all cores", () => {
  const entry = (n: number, to: number): { iface: number; address: number; mac: number } => ({
    iface: 0,
    address: HOST + n,
    mac: to,
  });
  const rig = new ArpRig(3, {
    statics: [entry(0, HOST_MAC), entry(1, HOST_MAC), entry(2, HOST_MAC)],
  });
  rig.run(100);

  reload(rig, { statics: [entry(0, HOST_MAC), entry(1, RIVAL_MAC), entry(3, HOST_MAC)] });
  const seen = rig.settle();

  assert.deepEqual(seen.toSorted(), [
    "arp-delete",
    "arp-delete",
    "arp-entry",
    "arp-entry",
    "arp-entry",
    "arp-entry",
  ]);
  for (let core = 0; core < 3; core++) {
    const rows = rig.rows(core).map(({ address, mac: to }) => [address, to]);
    assert.deepEqual(rows.toSorted(), [
      [HOST, HOST_MAC],
      [HOST + 1, RIVAL_MAC],
      [HOST + 3, HOST_MAC],
    ]);
  }
});

test("OPS-1 a master that loses its role before it made the reload's changes leaves them to the new one", () => {
  const rig = new ArpRig(2);
  const statics = [{ iface: 0, address: HOST, mac: HOST_MAC }];
  rig.arp(1).configure({ ...rig.config, statics }, rig.common, 0);
  rig.moveRole(1);
  rig.arp(0).configure({ ...rig.config, statics }, rig.common, 0);

  rig.run(10);

  for (const core of [0, 1]) assert.equal(rig.row(core, HOST)?.["origin"], "static");
});

test("OPS-1 a new own address is announced, an old one no longer answered, and neither has an entry", () => {
  const rig = new ArpRig(2, { acd: "announce" });
  const next = ip("192.0.2.50");
  rig.receive(1, HOST_MAC, next, NOBODY);
  rig.run(5000);
  const before = rig.wire.length;

  reload(rig, {}, [
    { ...INTERFACES[0]!, addresses: [{ address: next, prefix: 24 }] },
    INTERFACES[1]!,
  ]);
  rig.run(10_000);

  assert.deepEqual(
    rig.wire.slice(before).map(({ spa, tpa }) => [spa, tpa]),
    [
      [next, next],
      [next, next],
    ],
  );
  assert.equal(rig.receive(1, HOST_MAC, HOST, OWN_IP), false);
  assert.equal(rig.receive(1, HOST_MAC, HOST, next), true);
  for (const core of [0, 1]) assert.equal(rig.row(core, next), undefined);
});

test("OPS-1 an interface that goes takes its entries and answers what waited; others stay", () => {
  const rig = new ArpRig(2);
  rig.receive(1, HOST_MAC, HOST, NOBODY);
  rig.receive(1, HOST_MAC, ip("198.51.100.9"), ip("198.51.100.8"), { iface: 1, channel: 1 });
  rig.resolve(1, ip("198.51.100.7"), "77", 1);
  rig.settle();

  reload(rig, {}, [INTERFACES[0]!]);
  rig.settle();
  rig.run(100);

  for (const core of [0, 1])
    assert.deepEqual(
      rig.rows(core).map(({ address }) => address),
      [HOST],
    );
  assert.deepEqual(
    rig.returned.map((one) => one.mac),
    [-1],
  );
  assert.equal(rig.recorder(1).held, 0);
  assert.equal(rig.resolve(0, HOST, "00", 1), -1, "the interface is refused");
});

test("OPS-1 a lower limit is kept at once and a shorter timeout at the entries' next look", () => {
  const rig = new ArpRig(2, { timeout: 100_000 });
  for (let n = 0; n < 10; n++) rig.receive(1, HOST_MAC + n, HOST + n, NOBODY);
  rig.run(1000);

  reload(rig, { maxEntries: 4 });
  rig.settle();
  for (const core of [0, 1]) assert.equal(rig.arp(core).summary().entries, 4);
  reload(rig, { timeout: 2000 });
  rig.run(2100);
  for (const core of [0, 1]) assert.equal(rig.arp(core).summary().entries, 0);
});

test("a message of another engine's type is counted and ignored", () => {
  const rig = new ArpRig(1);
  rig.arp(0).message(Message["bridge-learn"], 1, 0, 0);
  assert.deepEqual(rig.recorder(0).drops, ["bus-unknown"]);
});

test("CORE-9 what a master told before it died and does not know any more is gone after a re-sync", () => {
  const rig = new ArpRig(3);
  rig.resolve(0, HOST);
  rig.reply(HOST, HOST_MAC);
  rig.collect();
  rig.deliver("0>1"); // It died before core 2 heard of it.
  rig.restart(0);
  rig.now = 100;
  rig.moveRole(1);
  rig.moveRole(0);
  assert.equal(rig.rows(1).length, 1);

  for (const to of [1, 2]) rig.resync(0, to);

  assert.deepEqual(
    [0, 1, 2].map((core) => rig.rows(core).length),
    [0, 0, 0],
  );
});

test("CORE-9 a master that comes back without a memory, and stays the master, learns from the others", () => {
  const rig = new ArpRig(2);
  rig.moveRole(1);
  rig.resolve(1, HOST);
  rig.reply(HOST, HOST_MAC);
  rig.settle();
  rig.restart(1);

  rig.resync(0, 1);

  assert.equal(rig.row(1, HOST)?.["mac"], HOST_MAC);
});
