import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "../sim/cluster.ts";
import { stpBridge, stpRowsOf } from "../sim/stp-bridge.ts";
import { World } from "../sim/world.ts";
import { populateRing, RING_BEHAVIOUR, RING_SEGMENTS, Ring } from "./ring.ts";

/** The lab with a simulated appliance in place of the one on threads. */
function makeLab(): {
  ring: Ring;
  world: World;
  run: (millis: number) => void;
  lines: () => string[];
} {
  const channels = { 2: { edge: "on" } } as const;
  const cluster = new Cluster(stpBridge({ cores: 2, ports: 3, mac: 0x02aa_0000_0000, channels }));
  const ring = new Ring(1, {
    toAppliance: (port, view, start, end) =>
      cluster.inject(port, new Uint8Array(view.buffer, view.byteOffset + start, end - start)),
    setLink: (port, up) => cluster.ends[port]?.[0]?.setUp(up),
  });
  cluster.onFrame = (port, _core, view, start, end) =>
    ring.deliver(port, view, start, end, cluster.now);
  const world = new World(RING_SEGMENTS, 1, RING_BEHAVIOUR, ring.send);
  ring.world = world;
  populateRing(world);
  const run = (millis: number): void => cluster.run(millis, (now) => ring.tick(now));
  return { ring, world, run, lines: () => ring.picture(stpRowsOf(cluster, cluster.now)) };
}

const used = (lines: readonly string[]): number[] =>
  lines.flatMap((line, cable) => (line.includes("=====") ? [cable] : []));

test("BR-7 in the lab's ring one cable of four rests; when another is cut it is used, and stations reach each other", () => {
  const { ring, world, run, lines } = makeLab();
  assert.match(ring.command(["explode"]), /^say "mend", or "cut CABLE" with a cable 0 to 3$/);
  assert.match(ring.command(["cut", "4"]), /^say/);
  ring.command(["mend"]);
  run(1000);
  assert.deepEqual(used(lines()), [0, 1, 2], lines().join("\n"));
  assert.match(lines()[3] ?? "", /designated forwarding d - - - a alternate discarding/);

  assert.equal(ring.command(["cut", "1"]), "cable 1 is cut");
  run(2500);
  assert.deepEqual(used(lines()), [0, 2, 3], lines().join("\n"));
  assert.match(lines()[1] ?? "", /disabled discarding b {3}X {3}c disabled discarding/);

  ring.key("m");
  run(2500);
  assert.deepEqual(used(lines()), [0, 1, 2]);
  ring.key("c");
  run(2500);
  assert.deepEqual(used(lines()), [1, 2, 3]);
  ring.calm();
  const before = world.totals();
  run(3000);
  const after = world.totals();
  assert.ok(after.answered - before.answered > 100);
  assert.ok(
    after.lost - before.lost <= 20,
    `${after.lost - before.lost} lost while a cable came back`,
  );
  assert.equal(after.duplicates, 0);
});

test("BR-7 left alone, the lab's ring is cut and mended in turn", () => {
  const { run, lines } = makeLab();
  run(5500);
  assert.equal(lines().filter((line) => line.includes("  X  ")).length, 1, lines().join("\n"));
  run(5000);
  assert.equal(lines().filter((line) => line.includes("  X  ")).length, 0);
  assert.equal(used(lines()).length, 3);
});
