// LAG-3 and LAG-6 in every interleaving: all orders and delays of two systems' messages and LACPDUs, timers, cuts and
// losses, to a bounded depth, from the moments at which something is about to change. See sim/lag-rig.ts for the
// promises.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MUX_NAMES } from "../../src/lag/mux.ts";
import { type ExploreOptions, LagExplorer } from "../../src/sim/lag-explorer.ts";
import { LagRig, type LagRigOptions } from "../../src/sim/lag-rig.ts";

/** States that one exploration may meet before it stops: what a test's time allows. */
const LIMIT = Number(process.env["LAG_EXPLORE_LIMIT"] ?? 2700);

const BOUNDS: ExploreOptions = { depth: 60, limit: LIMIT, ticks: 3, cuts: 1, losses: 1 };

/** Where an exploration begins. */
const STARTS: readonly (readonly [string, (rig: LagRig) => void])[] = [
  ["the beginning", () => {}],
  ["the end of the wait", (rig) => rig.run(1950, 10)],
  [
    "the first cut of a bundle",
    (rig) => {
      rig.run(6000, 10);
      rig.cable(0, false);
    },
  ],
  [
    "a member's return",
    (rig) => {
      rig.run(6000, 10);
      rig.cable(0, false);
      rig.settle();
      rig.cable(0, true);
      rig.run(1950, 10);
    },
  ],
];

const SHAPES: readonly LagRigOptions[] = [
  { cores: [1, 1], ports: 2 },
  { cores: [2, 1], ports: 2 },
  { cores: [2, 2], ports: 2 },
  { cores: [3, 2], ports: 2 },
  { cores: [4, 4], ports: 2 },
  { cores: [2, 2], ports: 3 },
  { cores: [4, 1], ports: 4 },
  { cores: [2, 2], ports: 2, one: { minLinks: 2 } },
  { cores: [2, 2], ports: 2, one: { maxLinks: 1 } },
  { cores: [2, 2], ports: 2, one: { mux: "coupled" } },
];

let total = 0;
for (const shape of SHAPES) {
  const [one = 1, other = 1] = shape.cores ?? [];
  const more = shape.one === undefined ? "" : `, ${JSON.stringify(shape.one)}`;
  const name = `LAG-6 all orders: ${shape.ports} ports, ${one} and ${other} cores${more}`;
  test(name, (context) => {
    for (const [start, prepare] of STARTS) {
      const rig = new LagRig(shape);
      rig.tick();
      prepare(rig);
      const before = rig.first.port(0).mux;
      const found = new LagExplorer(rig, BOUNDS).explore();
      total += found.states;
      context.diagnostic(
        `from ${start}: ${found.states} states, ${found.steps} steps, depth ${found.depth}` +
          `${found.complete ? ", all" : ""}`,
      );
      assert.ok(found.states > 100, `${start}: ${found.states} states`);
      assert.equal(MUX_NAMES[rig.first.port(0).mux], MUX_NAMES[before], "the start is put back");
      // Whatever the orders were, peace follows when all is delivered.
      for (let port = 0; port < (shape.ports ?? 2); port++) rig.cable(port, true);
      rig.run(9000, 50);
      assert.equal(MUX_NAMES[rig.first.port(0).mux], "distributing");
    }
  });
}

test("LAG-6 the explorer met a hundred thousand states and more in all", (context) => {
  context.diagnostic(`${total} states`);
  assert.ok(LIMIT < 2700 || total > 100_000, `${total}`);
});

test("LAG-6 the explorer finds what it is there for: a master that does not wait for acknowledgements", () => {
  const rig = new LagRig({ cores: [2, 1], ports: 2 });
  const sync = rig.first.lags[0]?.sync;
  assert.ok(sync !== undefined);
  sync.isSettled = (): boolean => true;
  rig.tick();
  rig.run(1950, 10);
  assert.throws(
    () => new LagExplorer(rig, BOUNDS).explore(),
    /told port \d to be collecting before all cores were/,
  );
});

test("LAG-6 and a master that opens a port again before all cores have shut it", () => {
  const rig = new LagRig({ cores: [2, 1], ports: 2 });
  const sync = rig.first.lags[0]?.sync;
  assert.ok(sync !== undefined);
  const changed = sync.changed.bind(sync);
  rig.tick();
  rig.run(6000, 10);
  // Only the way up is waited for.
  sync.changed = (port, mustFollow): void =>
    changed(port, mustFollow && rig.first.port(port).mux >= 3);
  rig.cable(0, false);
  const bounds = { ...BOUNDS, ticks: 8, losses: 0 };
  assert.throws(
    () => new LagExplorer(rig, bounds).explore(),
    /by a state from before the port was attached/,
  );
});
