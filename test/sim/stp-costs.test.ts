// What spanning tree costs between cores, exactly, on bridges of 1, 2, 4 and 8 cores: a message to each other core when
// a port's state, role or information changes, an acknowledgement where frames depend on it, nothing while nothing
// changes.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { StpNode } from "../../src/sim/stp-node.ts";
import { StpWorld } from "../../src/sim/stp-rig.ts";

interface Ring {
  readonly world: StpWorld;
  readonly a: StpNode;
  readonly c: StpNode;
}

/** A ring of three at rest; C blocks its port 1. */
function ring(cores: number): Ring {
  const world = new StpWorld({ seed: cores });
  const a = world.add({ name: "A", address: 0x1100, cores, ports: [{}, {}, { edge: "on" }] });
  world.add({ name: "B", address: 0x2200, cores, ports: [{}, {}] });
  const c = world.add({ name: "C", address: 0x3300, cores, ports: [{}, {}] });
  world.plug("A", 0, "ab");
  world.plug("B", 0, "ab");
  world.plug("A", 1, "ac");
  world.plug("C", 0, "ac");
  world.plug("B", 1, "bc");
  world.plug("C", 1, "bc");
  world.run(30_000);
  assert.equal(world.faultOfTree(), "");
  return { world, a, c };
}

/** Messages by name that a step and the second after it cost a bridge. */
function cost(
  world: StpWorld,
  node: StpNode,
  step: () => void,
  time = 1000,
): Record<string, number> {
  const before = new Map(node.messages);
  step();
  world.run(time);
  const spent: Record<string, number> = {};
  for (const [name, count] of node.messages) {
    const more = count - (before.get(name) ?? 0);
    if (more > 0) spent[name] = more;
  }
  return spent;
}

const times = (others: number, costs: Record<string, number>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(costs)
      .filter(() => others > 0)
      .map(([name, count]) => [name, count * others]),
  );

for (const cores of [1, 2, 4, 8]) {
  const others = cores - 1;

  test(`BR-7 a minute of hellos costs ${cores} cores no message`, () => {
    const { world, a, c } = ring(cores);
    assert.deepEqual(
      cost(world, a, () => {}, 60_000),
      {},
    );
    assert.deepEqual(
      cost(world, c, () => {}, 60_000),
      {},
    );
  });

  test(`BR-7 a port that opens costs ${others} messages and as many acknowledgements on ${cores} cores`, () => {
    const { world, a } = ring(cores);
    // Discarding, learning and forwarding are passed at once, and told once.
    assert.deepEqual(
      cost(world, a, () => world.plug("A", 2, "x")),
      times(others, { "stp-port": 1, "stp-ack": 1 }),
    );
  });

  test(`BR-7 a port that goes down costs ${others} for its state, then ${others} for the flush, on ${cores} cores`, () => {
    const { world, a } = ring(cores);
    world.plug("A", 2, "x");
    world.run(1000);
    assert.deepEqual(
      cost(world, a, () => world.plug("A", 2, "")),
      times(others, { "stp-port": 1, "stp-flush": 1, "stp-ack": 2 }),
    );
  });

  test(`BR-7 an alternate port that takes over costs four messages for each of ${others} other cores`, () => {
    const { world, c } = ring(cores);
    // The old root port: its state, its flush. The new one: its state. One of the two: its role, when it is settled.
    assert.deepEqual(
      cost(world, c, () => world.sever("ac")),
      times(others, { "stp-port": 2, "stp-flush": 1, "stp-role": 1, "stp-ack": 3 }),
    );
  });

  test(`BR-7 the role that moves costs a message for each port and other core of ${cores}`, () => {
    const { world, c } = ring(cores);
    const spent = cost(world, c, () => {
      for (const core of c.cores) core.masterSeen = cores - 1;
      c.master = cores - 1;
      c.cores[cores - 1]?.stp?.roleChanged(world.now);
    });
    assert.deepEqual(spent, times(others, { "stp-port": 2, "stp-ack": 2 }));
  });
}
