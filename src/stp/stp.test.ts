// The spanning tree engine of one core and of two: acknowledgements, guards' counters, reloads, stalls, rows, hostile
// frames. What machines do is in test/conformance/stp.test.ts, whole networks are in test/sim/stp*.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Drop } from "../engine/drop.ts";
import { PortState } from "../engine/port-state.ts";
import type { StpNode } from "../sim/stp-node.ts";
import { StpWorld } from "../sim/stp-rig.ts";
import { costOf, type StpChannelConfig, timesFit } from "./config.ts";
import { compare, isSuperior, makeVector } from "./vector.ts";

const HELLO = `0180c2000000 02bb00000001 0027 424203 0000 02 02 3c
  1000 02aa00000099 00000000 1000 02aa00000099 8001 0000 1400 0200 0f00 00`;
const CONFIG = `0180c2000000 02bb00000001 0026 424203 0000 00 00 00
  1000 02aa00000099 00000000 1000 02aa00000099 8001 0000 1400 0200 0f00`;
const TCN = "0180c2000000 02bb00000001 0007 424203 00000080";

const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(hex.replaceAll(/\s/g, "").match(/../g) ?? [], (pair) =>
    Number.parseInt(pair, 16),
  );

function alone(
  cores = 1,
  ports: Partial<StpChannelConfig>[] = [{}, {}],
): { world: StpWorld; node: StpNode } {
  const world = new StpWorld();
  const node = world.add({ name: "A", address: 0x0200_0000_1100, cores, ports });
  for (let port = 0; port < ports.length; port++) world.plug("A", port, `s${port}`);
  world.run(20);
  return { world, node };
}

const statesOf = (node: StpNode): string =>
  node.cores.map(({ states }) => states.join("")).join("/");

test("BR-7 a vector is better by root, cost, bridge and port, in this order (17.5)", () => {
  const base = {
    rootPriority: 2,
    rootAddress: 2,
    cost: 2,
    bridgePriority: 2,
    bridgeAddress: 2,
    portId: 2,
  };
  const order = [
    "rootPriority",
    "rootAddress",
    "cost",
    "bridgePriority",
    "bridgeAddress",
    "portId",
  ] as const;
  for (const [index, key] of order.entries()) {
    const better = { ...base, [key]: 1 };
    for (const later of order.slice(index + 1)) better[later] = 9;
    assert.ok(compare(better, base) < 0, key);
    assert.ok(compare(base, better) > 0, key);
  }
  assert.equal(compare(base, { ...base }), 0);
  assert.equal(isSuperior(base, { ...base }), false);
});

test("BR-7 a worse vector of the same designated port replaces the one before (17.6)", () => {
  const port = { ...makeVector(), bridgeAddress: 5, portId: 0x8001, cost: 10 };
  assert.equal(isSuperior({ ...port, cost: 20 }, port), true);
  assert.equal(
    isSuperior({ ...port, cost: 20, portId: 0x9001 }, port),
    true,
    "its number counts, not its priority",
  );
  assert.equal(isSuperior({ ...port, cost: 20, portId: 0x8002 }, port), false);
  assert.equal(isSuperior({ ...port, cost: 20, bridgeAddress: 6 }, port), false);
});

test("BR-7 path costs are those of table 17-3, and an aggregate's that of its members' sum", () => {
  const table = [
    [10, 2_000_000],
    [100, 200_000],
    [1000, 20_000],
    [10_000, 2000],
    [100_000, 200],
    [1_000_000, 20],
  ];
  for (const [speed = 0, cost] of table) assert.equal(costOf(speed), cost, `${speed} Mbit/s`);
  assert.equal(costOf(2000), 10_000);
  assert.equal(costOf(3000), 6667);
  assert.equal(costOf(0.0001), 200_000_000);
  assert.equal(costOf(1e12), 1);
  assert.equal(costOf(0), 20_000, "unknown");
});

test("BR-7 times go together as 17.14 asks", () => {
  assert.equal(timesFit(2000, 15_000, 20_000), true);
  assert.equal(timesFit(2000, 10_000, 20_000), false);
  assert.equal(timesFit(10_000, 15_000, 20_000), false);
});

test("BR-7 a channel whose speed changes takes another way to the root", () => {
  const world = new StpWorld();
  world.add({ name: "A", address: 0x1100, ports: [{}, {}] });
  const b = world.add({ name: "B", address: 0x2200, cores: 2, ports: [{}, {}] });
  for (const port of [0, 1]) for (const name of ["A", "B"]) world.plug(name, port, `s${port}`);
  world.run(5000);
  assert.equal(b.row(0)["role"], "root");
  // The second one is an aggregate of two members now.
  for (const { stp } of b.cores) stp?.linkChanged(1, true, 2000, world.now);
  world.run(1000);
  assert.deepEqual([b.row(1)["role"], b.row(1)["cost"]], ["root", 10_000]);
  for (const { stp } of b.cores) stp?.linkChanged(1, true, 1000, world.now);
  world.run(1000);
  assert.deepEqual([b.row(0)["role"], b.row(1)["cost"]], ["root", 20_000]);
});

test("BR-7 a port stays closing, and tells nothing, until the other core has acknowledged", () => {
  const { world, node } = alone(2, [{ edge: "on" }, {}]);
  assert.equal(statesOf(node), "20/20");
  node.stalled.add(1);
  world.inject(node, 0, bytesOf(HELLO));
  world.run(100);
  // The better root is there; the edge port that heard of it is the root port, and agrees once both cores are shut.
  const frames = world.frames;
  world.plug("A", 0, "");
  world.run(1000);
  assert.equal(statesOf(node), "00/20", "the stalled core has not heard");
  assert.equal(node.row(0)["reason"], "link-down");
  assert.equal(node.row(0)["settled"], false);
  assert.equal(world.frames, frames, "no BPDU contradicts the core that still forwards");
  node.stalled.delete(1);
  world.run(1000);
  assert.equal(statesOf(node), "00/00");
  assert.equal(node.row(0)["settled"], true);
  assert.ok(world.frames > frames);
});

test("BR-7 a core that does not acknowledge is told again every 250 ms, until it is declared dead", () => {
  const { world, node } = alone(2, [{ edge: "on" }]);
  node.stalled.add(1);
  world.plug("A", 0, "");
  const before = node.messageCount();
  world.run(2000);
  const again = node.messageCount() - before;
  assert.ok(again >= 6 && again <= 10, `${again} messages in two seconds`);
  node.dead.add(1);
  world.run(500);
  assert.equal(node.row(0)["settled"], true);
});

test("BR-7 a reload that changes nothing disturbs nothing and costs nothing", () => {
  const { world, node } = alone(4, [{ edge: "on" }, {}]);
  world.run(10_000);
  const [before, messages, events] = [statesOf(node), node.messageCount(), node.events.length];
  node.reconfigure((bridge) => structuredClone(bridge));
  world.run(5000);
  assert.deepEqual(
    [statesOf(node), node.messageCount(), node.events.length],
    [before, messages, events],
  );
});

test("BR-7 a reload changes only what differs: a priority moves no state, another protocol begins anew", () => {
  const { world, node } = alone(2, [{ edge: "on" }, { edge: "on" }]);
  world.run(1000);
  node.reconfigure((bridge) => ({ ...bridge, priority: 4096, helloTime: 1000 }));
  world.run(1000);
  assert.equal(statesOf(node), "22/22");
  assert.equal(node.row(-1)["rootPriority"], 4096);
  assert.equal(
    node.events.filter(({ name }) => name === "stp-state").length,
    4,
    "those of the start",
  );
  node.reconfigure((bridge) => ({ ...bridge, protocol: "off" }));
  world.run(1000);
  assert.equal(statesOf(node), "22/22");
  node.reconfigure((bridge) => ({
    ...bridge,
    protocol: "stp",
    channels: bridge.channels.map((one) => ({ ...one, edge: "off" as const })),
  }));
  world.run(100);
  assert.equal(statesOf(node), "00/00");
});

test("BR-7 a bridge without a spanning tree forwards, and its BPDUs are counted", () => {
  const world = new StpWorld();
  const node = world.add({
    name: "A",
    address: 0x1100,
    cores: 2,
    bridge: { protocol: "off" },
    ports: [{}],
  });
  world.plug("A", 0, "s");
  world.run(100);
  assert.equal(statesOf(node), "2/2");
  world.inject(node, 0, bytesOf(HELLO));
  assert.equal(node.drops.get(Drop["bpdu-no-stp"]), 1);
  assert.deepEqual(node.row(-1)["protocol"], "off");
});

test("BR-7 after a stall nothing has run out: the neighbour has a fresh interval to be heard", () => {
  const { world, node } = alone(1, [{}]);
  const hello = (): void => world.inject(node, 0, bytesOf(HELLO));
  hello();
  world.run(4000);
  assert.equal(node.row(0)["role"], "root");
  node.stalled.add(0);
  world.run(60_000);
  node.stalled.delete(0);
  world.run(3000);
  assert.equal(node.row(0)["role"], "root", "three hellos from the end of the stall");
  hello();
  world.run(5500);
  assert.equal(node.row(0)["role"], "root");
  world.run(1000);
  assert.equal(node.row(0)["role"], "designated");
});

test("BR-7 two bridges heard on one port: it is no point-to-point link until one of them has left", () => {
  const { world, node } = alone(1, [{}]);
  const hello = (from: string): void =>
    world.inject(node, 0, bytesOf(HELLO.replace("1000 02aa00000099 8001", `1000 ${from} 8001`)));
  hello("02aa00000099");
  world.run(2000);
  hello("02aa00000099");
  assert.equal(node.row(0)["pointToPoint"], true);
  hello("02cc00000099");
  assert.equal(node.row(0)["pointToPoint"], false);
  for (let n = 0; n < 11; n++) {
    world.run(2000);
    hello("02aa00000099");
  }
  assert.equal(node.row(0)["pointToPoint"], true);
});

test("BR-7 an own BPDU that comes back keeps its port from opening", () => {
  const { world, node } = alone(1, [{ edge: "auto" }]);
  let own: Uint8Array | null = null;
  world.onFrame = (_node, _channel, bytes) => {
    own = bytes;
    world.later(1, () => world.inject(node, 0, bytes));
    return false;
  };
  world.run(60_000);
  assert.notEqual(own, null);
  assert.equal(statesOf(node), "0");
  assert.equal(node.row(0)["guard"], "own");
  assert.ok((node.drops.get(Drop["bpdu-own"]) ?? 0) > 20);
  world.onFrame = null;
  world.run(60_000);
  assert.equal(statesOf(node), "2", "the loop is gone");
});

test("BR-7 every refused BPDU has its reason, and a flood its bound", () => {
  const { world, node } = alone(1, [{}, { bpduFilter: true }, { bpduGuard: true }]);
  const refused = (port: number, hex: string, reason: keyof typeof Drop): void => {
    const before = node.drops.get(Drop[reason]) ?? 0;
    world.inject(node, port, bytesOf(hex));
    assert.equal(node.drops.get(Drop[reason]), before + 1, reason);
  };
  refused(0, HELLO.replace("424203", "424303"), "bpdu-llc");
  refused(0, HELLO.replace("424203 0000", "424203 0001"), "bpdu-protocol");
  refused(0, HELLO.replace("02 02 3c", "02 07 3c"), "bpdu-type");
  refused(0, HELLO.slice(0, -4), "bpdu-short");
  refused(0, CONFIG.replace("8001 0000", "8001 1400"), "bpdu-age");
  refused(1, HELLO, "bpdu-filter");
  refused(2, TCN, "bpdu-guard");
  assert.equal(node.row(2)["guard"], "bpdu");
  for (let n = 0; n < 200; n++) world.inject(node, 0, bytesOf(HELLO));
  assert.equal(node.drops.get(Drop["bpdu-rate"]), 105, "a hundred in a second are looked at");
  assert.equal(node.row(0)["badReceived"], 5);
});

test("BR-7 PVST+ is counted and named once, shuts a guarded port, and goes on elsewhere", () => {
  const { world, node } = alone(2, [{}, { bpduGuard: true }]);
  const frame = bytesOf(`01000ccccccd 02bb00000001 81000064 0032 aaaa03 00000c 010b 0000 02 02 3c
    1000 02aa00000099 00000000 1000 02aa00000099 8001 0000 1400 0200 0f00 00 00 00000002 0064`);
  const [master, second] = node.cores;
  const give = (core: typeof master, port: number): boolean | undefined => {
    core?.bytes.set(frame, 4096);
    return core?.stp?.pvst(port, port, 4096, 4096 + frame.length, world.now);
  };
  assert.equal(give(master, 0), false);
  assert.equal(give(master, 0), false);
  assert.equal(node.row(0)["pvstReceived"], 2);
  const named = node.events.filter(({ name }) => name === "stp-pvst");
  assert.deepEqual(
    named.map(({ numbers }) => numbers),
    [[0, 100, 0x02aa00000099, 0]],
  );
  assert.equal(give(second, 0), true, "handed to the link master");
  assert.equal(give(master, 1), true);
  assert.equal(node.row(1)["reason"], "bpdu-guard");
});

test("BR-7 rows, timers and digests: the master tells all, the others their states, and all agree", () => {
  const { world, node } = alone(3, [{}, { edge: "on" }]);
  world.inject(node, 0, bytesOf(HELLO));
  world.run(50);
  const row = node.row(0);
  assert.deepEqual(
    [row["role"], row["state"], row["designatedAddress"], row["designatedPort"], row["reason"]],
    ["root", "forwarding", 0x02aa00000099, 0x8001, "root-port"],
  );
  assert.deepEqual([node.row(-1)["rootCost"], node.row(-1)["rootChannel"]], [20_000, 0]);
  const others = node.cores.slice(1).map(({ stp }) => stp?.rows(0, 9, world.now).rows);
  for (const rows of others) {
    assert.deepEqual(
      rows?.map((one) => [one["channel"], one["state"], one["master"]]),
      [
        [-1, undefined, false],
        [0, "forwarding", false],
        [1, "forwarding", false],
      ],
    );
  }
  const digests = new Set(node.cores.map(({ stp }) => stp?.summary().digest));
  assert.equal(digests.size, 1);
  assert.ok(node.stp.timers(world.now).some(({ timer }) => timer === "stp-rcvdInfoWhile"));
  assert.deepEqual(node.cores[1]?.stp?.timers(world.now), []);
});

test("BR-7 a core that restarts is told everything, and forgets no station for it", () => {
  const { world, node } = alone(2, [{ edge: "on" }, {}]);
  world.run(10_000);
  const [, second] = node.cores;
  assert.ok(second !== undefined);
  const flushes = [...second.flushes];
  // As after a restart: a fresh engine, which the master's whole table reaches.
  node.restart(1);
  assert.equal(statesOf(node), "22/00");
  node.stp.resync(1, 0, 10, world.now);
  world.run(10);
  assert.equal(statesOf(node), "22/22");
  assert.deepEqual(second.flushes, flushes);
});

test("BR-7 a core that becomes the link master before it was told anything begins with the links that it knows", () => {
  const { world, node } = alone(2, [{ edge: "on" }, {}]);
  world.run(10_000);
  node.cores[1]?.stp?.roleChanged(world.now);
  node.restart(1);
  node.kill(0);
  world.run(10_000);
  assert.equal(node.cores[1]?.states.join(""), "22");
});

test("BR-7 an operator's clear releases a guarded port at once and asks again for RSTP", () => {
  const { world, node } = alone(1, [{ bpduGuard: true, edge: "on" }, {}]);
  world.inject(node, 0, bytesOf(HELLO));
  for (let n = 0; n < 4; n++) {
    world.inject(node, 1, bytesOf(CONFIG));
    world.run(2000);
  }
  assert.deepEqual([node.row(0)["reason"], node.row(1)["protocol"]], ["bpdu-guard", "stp"]);
  for (const port of [0, 1]) node.stp.clear(port, world.now);
  world.run(20);
  assert.equal(node.cores[0]?.states[0], PortState.Forwarding);
  assert.equal(node.row(1)["protocol"], "rstp");
});

test("BR-7 hostile BPDUs of every shape throw nothing, open no loop and leave the machines at rest", () => {
  const templates = [HELLO, CONFIG, TCN].map(bytesOf);
  const flip = fc.tuple(fc.nat(60), fc.nat(255));
  const step = fc.record({
    port: fc.nat(2),
    which: fc.nat(2),
    length: fc.nat(60),
    flips: fc.array(flip, { maxLength: 6 }),
    wait: fc.nat(3000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, isOld) => {
      const world = new StpWorld({ tick: 100 });
      const bridge = { protocol: isOld ? ("stp" as const) : ("rstp" as const) };
      const node = world.add({ name: "A", address: 0x1100, cores: 2, bridge, ports: [{}, {}, {}] });
      for (const port of [0, 1, 2]) world.plug("A", port, `s${port}`);
      for (const { port, which, length, flips, wait } of steps) {
        const frame = Uint8Array.from(templates[which] as Uint8Array);
        for (const [at, value] of flips) if (at < frame.length) frame[at] = value;
        world.inject(node, port, frame.slice(0, Math.max(14, length + 10)));
        world.run(wait);
      }
      assert.equal(node.stp.restless, 0);
      world.run(100_000);
      assert.equal(world.faultOfTree(), "");
    }),
    { numRuns: 60 },
  );
});
