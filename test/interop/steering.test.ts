// Which core gets a frame, on a real wire: steered in the kernel (CORE-4..6), by every scheme, in order (CORE-7).

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { MICROSOFT_KEY } from "../../src/steering/config.ts";
import { hashWord, toeplitzTable } from "../../src/steering/toeplitz.ts";
import { type Appliance, type Rig, until, withRig } from "./rig.ts";

/** Nothing moves by itself where a test counts. */
const STILL = "rebalance: {threshold: 100%, interval: 1h}";

function config(cores: number, steering: string, port = ""): string {
  return `cores: {count: ${cores}}
steering:
  ${steering}
ports:
  p0: {driver: packet, interface: p0${port}}
  p1: {driver: packet, interface: p1${port}}
bridges:
  br0:
    stp: {protocol: "off"}
    channels: {p0: {}, p1: {}}
`;
}

/** Hosts a and b on a bridge; `steering` and `port` are parts of the configuration. */
async function network(rig: Rig, cores: number, steering: string, port = ""): Promise<Appliance> {
  await rig.mute("sw");
  for (const [n, name] of ["a", "b"].entries()) {
    await rig.host(name);
    await rig.cable(name, "eth0", "sw", `p${n}`);
    await rig.address(name, "eth0", `10.0.0.${n + 1}/24`);
  }
  const appliance = await rig.linkloom("sw", config(cores, steering, port));
  assert.equal(await rig.ping("a", "10.0.0.2"), 3);
  return appliance;
}

/** Frames that each core took from its ports. */
async function received(appliance: Appliance): Promise<number[]> {
  return (await appliance.show("cores")).map((row) => Number(row["frames-received"]));
}

/** Frames that went from core to core. */
async function handovers(appliance: Appliance): Promise<number> {
  const rows = (await appliance.show("bus")).filter(({ type }) => type === "frame");
  return rows.reduce((sum, row) => sum + Number(row["sent"]), 0);
}

interface Received {
  readonly received: number;
  readonly reordered: number;
  readonly flows: number;
}

/** So many of the frames sent count as all: a core that waits for a CPU loses what its ring does not hold. */
const most = (frames: number): number => frames * 0.9;

/** Numbered flows from a to b; how they arrived. `flows` is a number or source ports. */
async function stream(
  rig: Rig,
  flows: number | string,
  each: number,
  rate: number,
): Promise<Received> {
  const receiver = await rig.startWire("b", "receive", 9000, 0.5);
  await rig.wire("a", "stream", "10.0.0.2", 9000, flows, each, rate);
  return JSON.parse((await receiver.ended).split("\n")[1] ?? "") as Received;
}

const difference = (after: readonly number[], before: readonly number[]): number[] =>
  after.map((value, n) => value - (before[n] as number));

for (const cores of [2, 4]) {
  test(`CORE-4 CORE-6 thousands of flows are spread over ${cores} cores by the kernel itself, without hand-over`, async (context) => {
    await withRig(async (rig) => {
      const appliance = await network(rig, cores, STILL);
      const before = await received(appliance);
      const arrived = await stream(rig, 3000, 5, 10_000);
      const shares = difference(await received(appliance), before);
      context.diagnostic(`${JSON.stringify(arrived)} by cores: ${shares}`);
      assert.equal(arrived.flows, 3000);
      assert.ok(arrived.received >= most(15_000), `${arrived.received} of 15,000`);
      assert.equal(arrived.reordered, 0);
      for (const share of shares) assert.ok(share > 15_000 / cores / 2, `${shares}`);
      assert.equal(await handovers(appliance), 0);
      const frames = (await appliance.show("steering")).map((row) => Number(row["frames"]));
      assert.equal(frames.length, 128);
      const used = frames.filter((count) => count > 0).length;
      assert.ok(used > 100, `${used} buckets were used`);
      assert.ok(frames.reduce((sum, count) => sum + count, 0) >= most(15_000));
    });
  });
}

test("CORE-4 show steering --hash names the core on which the frames of a flow are then counted", async () => {
  await withRig(async (rig) => {
    const appliance = await network(rig, 4, STILL);
    const cores = new Set<unknown>();
    for (let port = 20000; cores.size < 4 && port < 20040; port += 3) {
      const tuple = `udp,10.0.0.1:${port},10.0.0.2:9000`;
      const [prediction] = await appliance.show("steering", "--hash", tuple);
      assert.equal(prediction?.["hash-type"], "ipv4+ports");
      const core = Number(prediction["core"]);
      if (cores.has(core)) continue;
      cores.add(core);
      const before = await received(appliance);
      await rig.wire("a", "stream", "10.0.0.2", 9000, `${port},`, 1000, 20_000);
      const shares = difference(await received(appliance), before);
      assert.ok((shares[core] as number) >= most(1000), `${tuple} on core ${core}: ${shares}`);
      for (const [other, share] of shares.entries()) {
        if (other !== core) assert.ok(share < 50, `${tuple} on core ${core}: ${shares}`);
      }
    }
    assert.equal(cores.size, 4, "every core was named");
    const [tcp] = await appliance.show(
      "steering",
      "--hash",
      "tcp,66.9.149.187:2794,161.142.100.80:1766",
    );
    assert.equal(tcp?.["hash"], "0x51ccc178", "the published vector");
  });
});

test("CORE-5 rules steer before the hash, in the kernel too, and others do after a reload", async () => {
  await withRig(async (rig) => {
    const rules = `[{protocol: udp, destination-port: 9000, core: 3}, {ether-type: 0x88b5, core: 2}, {source: 10.0.0.2, core: 1}]`;
    const appliance = await network(rig, 4, `${STILL}\n  rules: ${rules}`);
    const shown = await appliance.show("steering", "--rules");
    assert.equal(shown.filter(({ origin }) => origin === "configured").length, 3);
    const expectOn = async (
      core: number,
      count: number,
      send: () => Promise<unknown>,
    ): Promise<void> => {
      const before = await received(appliance);
      await send();
      const shares = difference(await received(appliance), before);
      assert.ok((shares[core] as number) >= most(count), `core ${core}: ${shares}`);
      for (const [other, share] of shares.entries()) {
        if (other !== core) assert.ok(share < 20, `core ${core}: ${shares}`);
      }
    };
    await expectOn(3, 1000, () => stream(rig, 200, 5, 10_000));
    const frame = `ffffffffffff02000000000188b5${"00".repeat(46)}`;
    await expectOn(2, 300, () => rig.wire("a", "send", "eth0", 300, 0, frame));
    // From b, which rule 2 names, to a closed port of a; the answers come by their hash.
    const before = await received(appliance);
    await rig.wire("b", "stream", "10.0.0.1", 9001, 200, 5, 10_000);
    assert.ok((difference(await received(appliance), before)[1] as number) >= most(1000));
    assert.equal(await handovers(appliance), 0);

    const other = `${STILL}\n  rules: [{protocol: udp, destination-port: 9000, core: 0}]`;
    rig.reload("sw", appliance, config(4, other));
    await until("the reload", () => appliance.output().includes("linkloom reloaded"));
    const events = await appliance.show("events");
    const down = events.filter(({ to }) => to === "down");
    assert.deepEqual(down, [], "the ports stayed open");
    await expectOn(0, 1000, () => stream(rig, 200, 5, 10_000));
    assert.equal(await handovers(appliance), 0, "the kernel knows the new rule");
  });
});

for (const [name, steering, port, software] of [
  ["flow", "scheme: flow", "", false],
  ["port", "scheme: port", "", false],
  [
    "port with a rule that names another core",
    "rules: [{protocol: udp, core: 3}]",
    ", scheme: port, core: 1",
    false,
  ],
  ["function", "scheme: function\n  functions: {udp: 2, icmp: 1}", "", false],
  ["arbiter, handed over in software", "scheme: arbiter", "", true],
  ["flow with a load threshold, looked up in software", "load-threshold: 50%", "", true],
] as const) {
  test(`CORE-6 CORE-7 no flow is reordered by the scheme ${name}`, async (context) => {
    await withRig(async (rig) => {
      const appliance = await network(rig, 4, `${STILL}\n  ${steering}`, port);
      const before = await received(appliance);
      const arrived = await stream(rig, 300, 60, 20_000);
      const shares = difference(await received(appliance), before);
      const handed = await handovers(appliance);
      context.diagnostic(`${JSON.stringify(arrived)} by cores: ${shares}; ${handed} handed over`);
      assert.equal(arrived.flows, 300);
      assert.equal(arrived.reordered, 0);
      // A ring may overflow while other programs have the processors.
      assert.ok(arrived.received >= 14_400, `${arrived.received} of 18,000`);
      if (name.startsWith("arbiter")) assert.ok(handed > 0, "some frames were handed over");
      if (!software) assert.equal(handed, 0);
    });
  });
}

test("CORE-7 buckets move away from a busy core while traffic runs, and no flow is reordered", async (context) => {
  await withRig(async (rig) => {
    const appliance = await network(rig, 2, "rebalance: {threshold: 2%, interval: 200ms}");
    // Flows of which every one starts on core 0.
    const table = toeplitzTable(MICROSOFT_KEY);
    const ports: number[] = [];
    for (let source = 20000; ports.length < 400; source++) {
      const words = [0x0a000001, 0x0a000002, source * 65536 + 9000];
      const hash = words.reduce((sum, word, n) => sum ^ hashWord(table, n * 4, word), 0);
      if ((hash & 1) === 0) ports.push(source);
    }
    const arrived = await stream(rig, ports.join(), 250, 25_000);
    await delay(100);
    const moves = (await appliance.show("events")).filter(({ cause }) => cause === "bucket-moved");
    context.diagnostic(`${JSON.stringify(arrived)}, ${moves.length} buckets moved`);
    assert.ok(moves.length >= 2, `${moves.length} moves`);
    assert.equal(arrived.reordered, 0);
    assert.ok(arrived.received >= 80_000, `${arrived.received} of 100,000`);
    const table2 = await until("the table", () => appliance.show("steering"));
    assert.ok(table2.some(({ bucket, core }) => Number(bucket) % 2 === 0 && core === 1));
  });
});
