// The simulator of whole networks under faults (docs/simulator.md): that it is deterministic, that it finds what is
// planted and makes it short, that what it found before stays mended, and some seeds.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Message } from "../../src/engine/message.ts";
import { ALL_SHAPES_FROM, SHAPES, scenarioOf } from "../../src/sim/scenario.ts";
import { formatScript, parseScript, type Script, scriptOf } from "../../src/sim/script.ts";
import { minimize, shrink } from "../../src/sim/shrink.ts";
import { type Outcome, Simulator } from "../../src/sim/simulator.ts";

/** Seeds that every run plays, and steps of each: what some seconds allow. `npm run sim` plays more. */
const SEEDS = Array.from({ length: 12 }, (_, n) => 1001 + n);
const STEPS = 25_000;
/** Deaths have scripts of their own (regressions, failover.test.ts), and seeds by hand. */
const WITHOUT = ["kill", "leave"];
const REGRESSIONS = new URL("./regressions/", import.meta.url);

/** Plays a script on appliances whose first core has a planted bug: it is deaf to news of stations. */
function playDeaf(script: Script): Outcome {
  const simulator = new Simulator(script);
  for (const { cores } of simulator.fabric.clusters) {
    const dispatch = cores[0]?.dispatch;
    if (dispatch === undefined) continue;
    const message = dispatch.message.bind(dispatch);
    dispatch.message = (type, from, at, now): boolean =>
      type === Message["bridge-learn"] || message(type, from, at, now);
  }
  return simulator.run(30_000);
}

test("one seed gives one run, byte for byte; another seed another", () => {
  const digest = (seed: number): string => new Simulator(scriptOf(seed)).run(8000).digest;

  assert.equal(digest(7), digest(7));
  assert.notEqual(digest(7), digest(8));
});

test("a script that was saved and read is the same run", () => {
  const drawn = scriptOf(5, { cores: 3, shape: "bundle" });
  const [first] = drawn.episodes;
  assert.ok(first !== undefined);
  const text = formatScript(drawn, [first]);

  const outcome = new Simulator(parseScript(text)).run();

  assert.equal(outcome.digest, new Simulator({ ...drawn, episodes: [first] }).run().digest);
  assert.throws(() => parseScript("seed 1\nepisode 0 10\n  3 dance 1 2 3\n"), /Line 3/);
});

test("minimize finds the smallest list that still fails", () => {
  const items = Array.from({ length: 100 }, (_, n) => n);
  const fails = (rest: readonly number[]): boolean => rest.includes(17) && rest.includes(61);

  assert.deepEqual(minimize(items, fails), [17, 61]);
});

test("CORE-3 a planted bug is found, and its script is shrunk and fails in the same way", () => {
  const script = scriptOf(3, { cores: 3, shape: "plain" }, ["kill", "leave", "stall"]);
  const { failure } = playDeaf(script);
  assert.ok(failure !== null, "a core that is deaf to news of stations is noticed");

  const shrunk = shrink(script, failure, playDeaf, 60);

  const operations = shrunk.script.episodes.flatMap((episode) => episode.operations);
  assert.ok(operations.length <= 5, `${operations.length} operations`);
  assert.equal(playDeaf(parseScript(shrunk.text)).failure?.invariant, failure.invariant);
  assert.equal(new Simulator(parseScript(shrunk.text)).run().failure, null, "no bug, no failure");
});

for (const name of readdirSync(REGRESSIONS).sort()) {
  const text = readFileSync(new URL(name, REGRESSIONS), "utf8");
  const [title = name] = text.split("\n");
  test(`regression ${name}: ${title.replace(/^# */, "")}`, () => {
    const { failure } = new Simulator(parseScript(text)).run();
    assert.equal(failure?.what ?? "", "");
  });
}

test(`CORE-3 CORE-7 BR-4 ARP-3 ND-2 LAG-3 seeds ${SEEDS[0]} to ${SEEDS.at(-1)} keep every promise`, (context) => {
  let steps = 0;
  for (const seed of SEEDS) {
    const outcome = new Simulator(scriptOf(seed, {}, WITHOUT)).run(STEPS);
    steps += outcome.steps;
    const again = `npm run sim -- --seed ${seed} --steps ${STEPS} --without ${WITHOUT.join(",")}`;
    assert.equal(outcome.failure?.what ?? "", "", again);
  }
  context.diagnostic(`${SEEDS.length} seeds, ${steps} steps`);
});

for (const [shape, tags] of [
  ["ring", "BR-7"],
  ["groups", "BR-8"],
  ["pair", "VR-3"],
] as const) {
  const seeds = Array.from({ length: 5 }, (_, n) => 1021 + n);

  test(`${tags} CORE-7 seeds ${seeds[0]} to ${seeds.at(-1)} of the shape ${shape}, with every fault`, (context) => {
    let steps = 0;
    for (const seed of seeds) {
      const outcome = new Simulator(scriptOf(seed, { shape })).run(STEPS);
      steps += outcome.steps;
      const again = `npm run sim -- --seed ${seed} --steps ${STEPS} --shape ${shape}`;
      assert.equal(outcome.failure?.what ?? "", "", again);
    }
    context.diagnostic(`${seeds.length} seeds, ${steps} steps`);
  });
}

test("seeds below 10,000 stand for the shapes that they stood for before there were others", () => {
  const shapes = Array.from({ length: 40 }, (_, seed) => scenarioOf(seed).shape);
  const later = Array.from({ length: 40 }, (_, n) => scenarioOf(ALL_SHAPES_FROM + n).shape);

  assert.deepEqual([...new Set(shapes)].sort(), ["bundle", "pair", "plain"]);
  assert.deepEqual([...new Set(later)].sort(), [...SHAPES].sort());
});
