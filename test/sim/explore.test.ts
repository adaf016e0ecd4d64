// All orders of small products, breadth first (src/sim/explorer.ts, src/sim/models): bridge learning on three cores,
// the hand-over of the ARP master, a neighbour's machine that moves with its bucket. Link aggregation has its own file.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Message } from "../../src/engine/message.ts";
import { Counterexample, explore, type Model } from "../../src/sim/explorer.ts";
import { ArpModel } from "../../src/sim/models/arp-model.ts";
import { BridgeModel } from "../../src/sim/models/bridge-model.ts";
import { NdModel } from "../../src/sim/models/nd-model.ts";

/** States that one exploration may meet before it stops: what a test's time allows. */
const LIMIT = Number(process.env["EXPLORE_LIMIT"] ?? 1300);
const BOUNDS = { depth: 60, limit: LIMIT };

const MODELS: readonly (readonly [string, () => Model])[] = [
  [
    "BR-4 two cores learn one station on two channels at once, and a link goes down",
    () => new BridgeModel({ cores: 3, frames: 2, downs: 1, overflows: 0, times: 0 }),
  ],
  [
    "BR-4 BR-5 CORE-3 two cores learn, a ring overflows, time passes",
    () => new BridgeModel({ cores: 3, frames: 2, downs: 0, overflows: 1, times: 1 }),
  ],
  [
    "ARP-3 CORE-8 two cores miss an address while the role moves",
    () => new ArpModel({ cores: 3, misses: 2, moves: 1, overflows: 0, times: 0 }),
  ],
  [
    "ARP-4 CORE-3 the role moves, a ring overflows, time passes",
    () => new ArpModel({ cores: 3, misses: 1, moves: 1, overflows: 1, times: 1 }),
  ],
  ...(["hash", "first", "traffic"] as const).map(
    (owner) =>
      [
        `ND-2 a neighbour's bucket moves, owner by ${owner}`,
        () => new NdModel({ cores: 3, owner, misses: 1, moves: 1, answers: 1, times: 1 }),
      ] as const,
  ),
];

for (const [name, make] of MODELS) {
  test(`${name}: all orders`, (context) => {
    const found = explore(make(), BOUNDS);
    const all = found.complete ? ", all" : "";
    context.diagnostic(`${found.states} states, ${found.steps} steps, depth ${found.depth}${all}`);
    assert.ok(found.states >= Math.min(LIMIT, 500), `${found.states} states`);
  });
}

/** Makes an engine deaf to one kind of message on the last core. */
function deafen(name: keyof typeof Message) {
  return (engine: { message: (...args: never[]) => void }, core: number): void => {
    if (core !== 2) return;
    const message = engine.message.bind(engine) as (type: number, ...rest: unknown[]) => void;
    engine.message = (...args: never[]): void => {
      const [type, ...rest] = args as unknown as [number, ...unknown[]];
      if (type !== Message[name]) message(type, ...rest);
    };
  };
}

test("the explorer finds a core that is deaf, in each of the models, and says how", () => {
  const bridge = new BridgeModel(
    { cores: 3, frames: 1, downs: 0, overflows: 0, times: 0 },
    deafen("bridge-learn"),
  );
  const arp = new ArpModel(
    { cores: 3, misses: 1, moves: 0, overflows: 0, times: 0 },
    deafen("arp-entry"),
  );
  const nd = new NdModel(
    { cores: 3, owner: "hash", misses: 1, moves: 1, answers: 1, times: 0 },
    deafen("nd-entry"),
  );
  for (const model of [bridge, arp, nd]) {
    assert.throws(
      () => explore(model, BOUNDS),
      (error) => error instanceof Counterexample && error.trail.length > 0,
    );
  }
});
