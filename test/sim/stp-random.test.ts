// Spanning tree on random networks of up to twelve bridges with up to four cores each: frames are lost and late, cores
// hear late of everything, segments are cut and mended, the role moves. No core's ports may make a loop at any moment;
// when the faults end, one tree must stand in bounded time, and again after every cut.

import assert from "node:assert/strict";
import { test } from "node:test";
import { StpWorld } from "../../src/sim/stp-rig.ts";
import { type RandomOptions, randomNetwork } from "../../src/sim/topology-random.ts";

interface Case extends Partial<RandomOptions> {
  readonly name: string;
  readonly seeds: number;
  readonly loss?: number;
  readonly delay?: readonly [number, number];
  readonly bus?: readonly [number, number];
  readonly moves?: boolean;
  /** Cores die, the link master too, and come back knowing nothing. */
  readonly kills?: boolean;
  /** One tree must stand within so many milliseconds. */
  readonly limit: number;
}

/** Old information ends after Max Age, and each of two states of an old bridge lasts Forward Delay; then hellos. */
const SLOW = 20_000 + 2 * 15_000 + 15_000;

const CASES: readonly Case[] = [
  { name: "links between two bridges", seeds: 40, limit: SLOW },
  { name: "roles that move", seeds: 15, limit: SLOW, moves: true },
  { name: "cores that die and come back", seeds: 10, limit: SLOW, moves: true, kills: true },
  { name: "a twentieth of the frames lost", seeds: 15, limit: SLOW, loss: 0.05 },
  {
    name: "shared segments and old bridges, a fifth lost, slow links and cores",
    seeds: 10,
    limit: 2 * SLOW,
    shared: 0.2,
    old: 0.2,
    loss: 0.2,
    delay: [0.1, 50],
    bus: [0.01, 20],
  },
];

/** Lets time pass until one tree stands and nothing moves; the time that took. */
function settle(world: StpWorld, limit: number): number {
  const began = world.now;
  world.run(20);
  while (world.faultOfTree() !== "" || world.now - world.lastChange < 100) {
    assert.ok(world.now - began < limit, `after ${limit} ms: ${world.faultOfTree()}`);
    world.run(100);
  }
  return Math.max(0, world.lastChange - began);
}

function moveRoles(world: StpWorld): void {
  for (const node of world.nodes.values()) {
    const to = world.random.below(node.cores.length);
    if (world.random.chance(0.3) && !node.dead.has(to)) node.moveRole(to);
  }
}

function killCores(world: StpWorld): void {
  for (const node of world.nodes.values()) {
    for (const core of [...node.dead]) {
      if (world.random.chance(0.5)) continue;
      node.restart(core);
      world.later(5, () => {
        if (node.stp !== node.cores[core]?.stp) node.stp.resync(core, 0, 100, world.now);
      });
    }
    const alive = node.cores.filter(({ core }) => !node.dead.has(core));
    if (alive.length > 1 && world.random.chance(0.4)) node.kill(world.random.pick(alive).core);
  }
}

function runCase(one: Case, seed: number): number {
  const { loss = 0, delay = [0.1, 5], bus = [0.01, 1], limit } = one;
  const world = new StpWorld({ seed, loss, delay, bus, tick: 20 });
  const options = { bridges: 12, cores: 4, extra: 12, shared: 0, old: 0, ...one, seed };
  const { segments } = randomNetwork(world, options);
  let worst = loss > 0 ? 0 : settle(world, limit);
  for (let cut = 0; cut < 4; cut++) {
    const segment = world.random.pick(segments);
    world.sever(segment);
    world.run(world.random.below(8000));
    if (loss === 0) worst = Math.max(worst, settle(world, limit));
    if (one.kills === true) killCores(world);
    if (one.moves === true) moveRoles(world);
    world.mend(segment);
    world.run(world.random.below(8000));
  }
  world.loss = 0;
  return Math.max(worst, settle(world, limit));
}

for (const one of CASES) {
  test(`BR-7 random networks, ${one.name}: no loop ever, one tree in bounded time`, (context) => {
    let worst = 0;
    for (let seed = 1; seed <= one.seeds; seed++) {
      try {
        worst = Math.max(worst, runCase(one, seed));
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      }
    }
    context.diagnostic(`${one.seeds} networks, the slowest tree after ${Math.round(worst)} ms`);
  });
}
