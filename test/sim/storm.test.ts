// Storm control over the cores of a whole appliance: one rate for all, whichever cores the frames reach, and no
// message.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "../../src/sim/cluster.ts";
import { access, plainConfig } from "../../src/sim/configs.ts";
import { plain } from "./frames.ts";

const ALL = "ff:ff:ff:ff:ff:ff";
const A = "02:00:00:00:00:0a";
const RATE = 200;
const BURST = 20;

/** Floods port 0 with broadcasts for some seconds, on some of the cores' queues; how many came out. */
function flood(cores: number, used: readonly number[], seconds: number): number {
  let passed = 0;
  const storm = {
    broadcast: { rate: RATE, burst: BURST },
    action: "drop" as const,
    recovery: 0,
  };
  const config = plainConfig({
    cores,
    members: [{ ...access(10), storm }, access(10)],
  });
  const cluster = new Cluster(config, {
    onFrame: (port) => {
      if (port === 1) passed++;
    },
    step: 2,
  });
  cluster.run(10);
  for (const core of cluster.cores)
    for (const port of [0, 1]) core.distributor.setSteered(port, true);
  let turn = 0;
  cluster.run(seconds * 1000, () => {
    for (let n = 0; n < 4; n++) cluster.inject(0, plain(ALL, A), used[turn++ % used.length]);
  });
  cluster.settle();
  const spent = cluster.messages();
  assert.deepEqual(
    Object.keys(spent).filter((name) => name !== "bridge-learn"),
    [],
    "no message for it",
  );
  return passed;
}

for (const cores of [1, 2, 4, 8]) {
  test(`BR-9 a storm of ten times the rate on one or all of ${cores} cores passes at the rate`, () => {
    const seconds = 5;
    const wanted = RATE * seconds + BURST;
    const all = Array.from({ length: cores }, (_, core) => core);
    for (const used of [[cores - 1], all]) {
      const passed = flood(cores, used, seconds);
      // Each core may spend one burst before it sees what the others spent; debts are paid back.
      const early = (used.length - 1) * BURST;
      assert.ok(
        passed >= wanted - BURST - early && passed <= wanted + early,
        `${passed} of ${wanted} on ${used.length} cores`,
      );
    }
  });
}
