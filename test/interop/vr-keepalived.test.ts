// Virtual routers beside keepalived: taking over, yielding, sharing a VRID, with data through the virtual address.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Rig, type Started, until, withRig } from "./rig.ts";
import {
  FAR,
  FAR6,
  keepalivedState,
  LINK_LOCAL,
  makeNetworks,
  pause,
  type Router,
  Stream,
  setGateway,
  startKeepalived,
  startOurs,
  stateOf,
  untilState,
  VIP,
} from "./vr-rig.ts";

/** Busy machines are slow to start programs; nothing here depends on how slow. */
const PATIENCE = 40_000;

interface Case {
  readonly name: string;
  readonly version: 2 | 3;
  readonly family: 4 | 6;
  readonly vmac: boolean;
  readonly interval: number;
}

const CASES: readonly Case[] = [
  { name: "version 2", version: 2, family: 4, vmac: false, interval: 1000 },
  { name: "version 3, IPv4", version: 3, family: 4, vmac: false, interval: 200 },
  { name: "version 3, IPv4, its VMAC", version: 3, family: 4, vmac: true, interval: 200 },
  { name: "version 3, IPv6", version: 3, family: 6, vmac: false, interval: 200 },
  { name: "version 3, IPv6, its VMAC", version: 3, family: 6, vmac: true, interval: 200 },
];

const isMaster = (peer: Started): boolean => keepalivedState(peer) === "MASTER";

/** Data has come for a while without a pause, through whoever is Active. */
async function flows(stream: Stream): Promise<void> {
  await until(
    "data through the virtual router",
    async () => {
      const before = stream.count;
      await pause(300);
      return stream.count - before > 20;
    },
    PATIENCE,
  );
}

async function play(rig: Rig, of: Case): Promise<void> {
  const { version, family, vmac, interval } = of;
  await makeNetworks(rig, ["b"], family === 6);
  const router: Omit<Router, "side" | "priority"> = { version, family, vmac, interval, cores: 2 };
  const theirs: Router = { ...router, side: "a", priority: 150 };
  const peer = startKeepalived(rig, theirs);
  const ours = await startOurs(rig, { ...router, side: "b", priority: 100 });
  await until("keepalived to be master", () => isMaster(peer), PATIENCE);
  await untilState(ours, "backup", PATIENCE);
  await setGateway(rig, family === 4 ? VIP : LINK_LOCAL);
  const stream = await Stream.start(rig, family === 4 ? FAR : FAR6);
  await flows(stream);

  // It leaves in good order: we take over at once. It comes back: we yield.
  await rig.finish(peer);
  await untilState(ours, "active", PATIENCE);
  await flows(stream);
  const again = startKeepalived(rig, theirs);
  await untilState(ours, "backup", PATIENCE);
  await until("keepalived to be master again", () => isMaster(again), PATIENCE);
  await flows(stream);

  // An operator makes us the better one; then we leave in good order.
  assert.equal((await ours.cli("set", "vr", "gw", "priority", "200")).code, 0);
  await untilState(ours, "active", PATIENCE);
  await until("keepalived to yield", () => keepalivedState(again) === "BACKUP", PATIENCE);
  await flows(stream);
  const explained = await ours.cli("explain", "vr", "gw");
  assert.match(explained.stdout, /is active .*preempt/);
  const [row] = await ours.show("vr");
  assert.equal(row?.["priority"], 200);
  assert.equal(row?.["checksum-heard"] ?? "", version === 3 && family === 4 ? "rfc5798" : "");
  await ours.stop();
  await until("keepalived to take over", () => isMaster(again), PATIENCE);
  await flows(stream);
  const { gaps } = await stream.stop();
  process.stdout.write(`# ${of.name}: silences over 50 ms in all changes: ${gaps.join(" ")} ms\n`);
}

for (const of of CASES) {
  test(`VR-3 VR-4 takes over from, yields to and shares a VRID with keepalived: ${of.name}`, () =>
    withRig((rig) => play(rig, of)));
}

test("VR-4 a backup answers neither ARP nor pings of the virtual address, and no master answers with its own MAC", () =>
  withRig(async (rig) => {
    await makeNetworks(rig, ["a", "b"]);
    const router = { version: 3, family: 4, interval: 200, cores: 2 } as const;
    const a = await startOurs(rig, { ...router, side: "a", priority: 150 });
    const b = await startOurs(rig, { ...router, side: "b", priority: 100 });
    await untilState(a, "active", PATIENCE);
    await until("one active router", async () => (await stateOf(b)) === "backup", PATIENCE);
    const seen = await rig.sniff("h", "eth0", "0806");
    assert.equal(await rig.ping("h", VIP), 3);
    const found = await rig.in("h", "ip", "neigh", "show", VIP);
    assert.match(found, /lladdr 00:00:5e:00:01:09/);
    // Every word about the address, request or answer, names the virtual MAC, the Ethernet source as well.
    const about = seen().filter(({ hex }) => hex.slice(56, 64) === "0a090001");
    assert.ok(about.length > 0);
    for (const { hex } of about) {
      assert.equal(hex.slice(12, 24), "00005e000109");
      assert.equal(hex.slice(44, 56), "00005e000109");
    }
    // With the master cut off and the backup told to stay, nobody answers.
    await b.stop();
    await a.stop();
    await rig.in("h", "ip", "neigh", "flush", "all");
    const count = seen().filter(({ hex }) => hex.slice(56, 64) === "0a090001").length;
    assert.equal(await rig.ping("h", VIP, 1), 0);
    assert.equal(seen().filter(({ hex }) => hex.slice(56, 64) === "0a090001").length, count);
  }));
