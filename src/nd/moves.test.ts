// Exactly one core runs an entry's machine (ND-2), in every variant, while buckets move at every step of its life: the
// right to run it is on one core, or in one message. Checked after every single event.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../lib/prng.ts";
import { NdRig, station, stationMac } from "../sim/nd-rig.ts";
import type { OwnerVariant } from "./config.ts";

const VARIANTS: readonly OwnerVariant[] = ["hash", "first", "traffic"];

/** Cores that run it and messages that carry it. */
const places = (rig: NdRig, n: number): number =>
  rig.runners(station(n)).length + rig.tokens(station(n));

/** The stations answer what was said since the last call; `deaf` ones do not. */
function answer(rig: NdRig, stations: number, from: number, deaf = -1): number {
  for (const said of rig.said.slice(from)) {
    for (let n = 1; n <= stations; n++) {
      if (n === deaf || said.type !== 135) continue;
      const x = station(n);
      if (rig.solicitations(x).includes(said)) rig.advertise(x, stationMac(n));
    }
  }
  return rig.said.length;
}

// Every state in which the bucket can move, as steps that lead there.
const STEPS: readonly [string, (rig: NdRig) => void][] = [
  ["incomplete", () => {}],
  ["incomplete, solicited twice", (rig) => void rig.run(1500)],
  ["reachable", (rig) => void rig.advertise(station(1), stationMac(1))],
  [
    "stale",
    (rig) => {
      rig.advertise(station(1), stationMac(1));
      rig.run(46_000);
    },
  ],
  [
    "delay",
    (rig) => {
      rig.advertise(station(1), stationMac(1));
      rig.run(46_000);
      rig.resolve(1, station(1));
      rig.run(2000);
    },
  ],
  [
    "probe",
    (rig) => {
      rig.advertise(station(1), stationMac(1));
      rig.run(46_000);
      rig.resolve(1, station(1));
      rig.run(6500);
    },
  ],
];

for (const [name, lead] of STEPS) {
  for (const early of [false, true]) {
    const order = early ? "the new owner sees it first" : "the old owner sees it first";
    test(`ND-2 ownership moves with its bucket in state ${name} when ${order}`, () => {
      const rig = new NdRig(4);
      const x = station(1);
      rig.resolve(3, x, "aa");
      rig.settle();
      lead(rig);
      rig.settle();
      assert.deepEqual(rig.runners(x), [1]);
      const sent = rig.solicitations(x).length;
      const state = rig.state(1, x);
      const bucket = rig.bucketOf(x);

      const order = early ? [2, 0, 3, 1] : [1, 0, 3, 2];
      for (const core of order) {
        rig.move(bucket, 2, core);
        rig.nd(core).tick(rig.now);
        rig.collect();
        assert.equal(places(rig, 1), 1, "one core runs it, or one message carries it");
        for (let pairs = rig.pairs; pairs.length > 0; pairs = rig.pairs) {
          rig.deliver(pairs[0] as string);
          assert.equal(places(rig, 1), 1);
        }
        rig.run(2, 1);
      }
      rig.run(60, 1);
      assert.deepEqual(rig.runners(x), [2]);
      assert.equal(rig.state(2, x), state, "the machine goes on where it was");
      assert.ok(rig.isCoherent());
      assert.equal(rig.solicitations(x).length, sent, "a move alone solicits nobody");

      // It goes on to its end: three solicitations of a kind in all, then nobody has it.
      rig.resolve(0, x);
      rig.run(60_000);
      rig.resolve(0, x);
      rig.run(60_000);
      for (let core = 0; core < 4; core++) {
        assert.deepEqual(rig.recorder(core).held, 0, "no frame is left behind");
        rig.nd(core).check();
      }
      assert.equal(rig.returned.filter(({ hex }) => hex.endsWith("aa")).length, 1);
    });
  }
}

for (const variant of VARIANTS) {
  for (const cores of [2, 4, 8]) {
    test(`ND-2 ${variant}: no entry is run twice or by nobody on ${cores} cores, moves at every step`, () => {
      for (let seed = 1; seed <= 12; seed++) chaos(variant, cores, seed);
    });
  }
}

/** Random misses, uses, advertisements, hints, time and bucket moves; messages at most some milliseconds late. */
function chaos(variant: OwnerVariant, cores: number, seed: number): void {
  const random = new Prng(seed * 1000 + cores);
  const rig = new NdRig(cores, { owner: variant, seed, solicitRate: 1e6 });
  const stations = 6;
  const created = new Set<number>();
  let heard = 0;
  let moving: { bucket: number; to: number; left: number[]; at: number } | null = null;
  let settledAt = 0;
  const proveAll = (what: string): void => {
    for (let n = 1; n <= stations; n++) {
      const found = places(rig, n);
      const text = `${variant} seed ${seed} station ${n}: ${found} after ${what} at ${rig.now}`;
      assert.ok(found <= 1, text);
      if (found === 1) created.add(n);
      else assert.ok(!created.has(n), text);
    }
  };
  for (let step = 0; step < 400; step++) {
    const n = 1 + random.below(stations);
    const x = station(n);
    const core = random.below(cores);
    const what = random.below(10);
    if (what <= 1) rig.resolve(core, x);
    else if (what === 2) rig.solicit(core, x, stationMac(n), [0x20010db8, 0, 0, 1]);
    else if (what === 3) rig.advertise(x, stationMac(n), { core });
    else if (what === 4) heard = answer(rig, stations, heard);
    else if (what === 5 && moving === null && rig.now > settledAt) {
      const bucket = rig.bucketOf(x);
      const left = Array.from({ length: cores }, (_, index) => index);
      moving = { bucket, to: random.below(cores), left, at: rig.now };
    } else if (what === 6 && moving !== null) {
      const [seer] = moving.left.splice(random.below(moving.left.length), 1);
      rig.move(moving.bucket, moving.to, seer);
      if (moving.left.length === 0) moving = null;
      // As the distributor's moves: the next one comes when the last is surely through.
      settledAt = rig.now + 110;
    } else if (what === 7) {
      rig.now += 1;
      for (const [pair, queue] of rig.queues) {
        while (queue.length > 0 && rig.now - (queue[0]?.at ?? 0) > 5) {
          rig.deliver(pair);
          proveAll("a late message");
        }
      }
      if (moving !== null && rig.now - moving.at > 20) {
        for (const seer of moving.left) rig.move(moving.bucket, moving.to, seer);
        moving = null;
        settledAt = rig.now + 110;
      }
      for (const nd of rig.nds) {
        nd.tick(rig.now);
        rig.collect();
        proveAll("a tick");
      }
    } else if (what === 8 && moving === null && random.chance(0.2)) rig.run(40, 5);
    rig.collect();
    proveAll(`event ${what}`);
    for (let count = random.below(3); count > 0; count--) {
      const { pairs } = rig;
      if (pairs.length === 0) break;
      rig.deliver(random.pick(pairs));
      proveAll("a message");
    }
  }
  if (moving !== null) rig.move(moving.bucket, moving.to);
  for (let n = 0; n < 8; n++) {
    rig.run(100, 5);
    heard = answer(rig, stations, heard);
    rig.settle();
    proveAll("the end");
  }
  assert.ok(rig.isCoherent(), `${variant} seed ${seed}: tables differ`);
  for (let n = 1; n <= stations; n++) {
    if (!created.has(n)) continue;
    const [runner] = rig.runners(station(n));
    assert.notEqual(runner, undefined);
    if (variant === "hash") assert.equal(runner, rig.ownerOf(station(n)));
  }
  for (let core = 0; core < cores; core++) {
    rig.nd(core).check();
    assert.equal(rig.nd(core).waitingFrames, 0, `${variant} seed ${seed}: frames still wait`);
  }
}

test("ND-2 a core that hands nothing over any more is waited for a tenth of a second, then replaced", () => {
  const rig = new NdRig(3);
  const x = station(1);
  rig.resolve(1, x);
  rig.advertise(x, stationMac(1));
  rig.settle();
  // Core 1 is dead: it neither ticks nor reads; the others see its buckets move to core 2.
  const bucket = rig.bucketOf(x);
  for (const core of [0, 2]) rig.move(bucket, 2, core);
  const tickOthers = (duration: number): void => {
    for (let n = 0; n < duration; n++) {
      rig.now += 1;
      for (const core of [0, 2]) rig.nd(core).tick(rig.now);
      rig.collect();
      for (const pair of ["0>2", "2>0"]) while (rig.queues.get(pair)?.length) rig.deliver(pair);
    }
  };
  tickOthers(99);
  assert.ok(!rig.nd(2).runs(0, ...x));
  tickOthers(5);
  assert.ok(rig.nd(2).runs(0, ...x));
  assert.equal(rig.state(2, x), "stale", "how old it is nobody knows");
  assert.equal(rig.resolve(0, x), stationMac(1), "frames leave all the time");
});

test("ND-2 variant first: the core that asks first runs the machine, at two messages and no second one", () => {
  const rig = new NdRig(4, { owner: "first" });
  const x = station(1);
  rig.resolve(3, x);
  assert.deepEqual(rig.settle(), ["nd-ask", "nd-move"]);
  assert.deepEqual(
    rig.solicitations(x).map(({ core }) => core),
    [3],
  );
  rig.resolve(0, x);
  assert.deepEqual(rig.settle(), ["nd-ask", "nd-ask"], "its home knows who has it");
  rig.advertise(x, stationMac(1), { core: 1 });
  assert.deepEqual(rig.settle(), ["nd-heard", "nd-entry", "nd-entry", "nd-entry"]);
  assert.deepEqual(rig.runners(x), [3]);
  assert.equal(rig.row(0, x)?.["owner"], 3);
  assert.equal(rig.returned.length, 2);
});

test("ND-2 variant traffic: the machine follows the neighbour's own messages", () => {
  const rig = new NdRig(4, { owner: "traffic" });
  const x = station(1);
  rig.solicit(2, x, stationMac(1), [0x20010db8, 0, 0, 1]);
  rig.settle();
  assert.deepEqual(rig.runners(x), [2]);
  rig.run(31_000);
  rig.solicit(3, x, stationMac(1), [0x20010db8, 0, 0, 1]);
  rig.settle();
  assert.deepEqual(rig.runners(x), [3]);
  for (let core = 0; core < 4; core++) assert.equal(rig.row(core, x)?.["owner"], 3);
});

test("ND-2 variant first: a home that was told of a machine which has ended begins anew", () => {
  const rig = new NdRig(3, { owner: "first" });
  const x = station(3); // Nobody answers for it; its home is core 0.
  rig.resolve(0, x, "aa");
  rig.run(200);
  rig.move(rig.bucketOf(x), 1);
  rig.run(3300);
  assert.deepEqual(rig.runners(x), [], "core 0 gave it up");

  rig.resolve(1, x, "bb");
  rig.run(5000);

  assert.deepEqual(
    rig.returned.map(({ core, mac }) => [core, mac]),
    [
      [0, -1],
      [1, -1],
    ],
  );
});

test("ND-2 variant first: a core's death starts no second machine of an address that another one resolves", () => {
  const rig = new NdRig(4, { owner: "first" });
  const x = station(3); // Its home is core 3.
  rig.resolve(1, x, "aa");
  rig.run(50);
  assert.deepEqual(rig.runners(x), [1]);

  for (const core of [0, 1, 3]) rig.nd(core).coreLeft(2, rig.now);
  rig.run(50);

  assert.deepEqual(rig.runners(x), [1]);
});

test("ND-2 the new home of a dead core's bucket does not wait for its marker", () => {
  const rig = new NdRig(3);
  const x = station(2); // Its home is core 2.
  rig.resolve(0, x, "aa");
  rig.run(50);
  rig.advertise(x, stationMac(2));
  rig.settle();
  assert.deepEqual(rig.runners(x), [2]);

  rig.move(rig.bucketOf(x), 1);
  for (const core of [0, 1]) rig.nd(core).tick(rig.now);
  for (const core of [0, 1]) rig.nd(core).coreLeft(2, rig.now);

  assert.ok(rig.runners(x).includes(1), "it has begun");
});

test("ND-4 variant first: who asks after the core that had the machine gave up is not kept waiting", () => {
  const rig = new NdRig(4, { owner: "first" });
  const x = station(3); // Its home is core 3.
  rig.resolve(1, x, "aa");
  rig.run(3200);
  assert.deepEqual(rig.runners(x), [], "core 1 gave it up");

  rig.resolve(2, x, "bb");
  rig.run(50);

  assert.deepEqual(rig.runners(x), [3]);
  rig.advertise(x, stationMac(3));
  rig.settle();
  assert.ok(
    rig.returned.some(({ core, mac }) => core === 2 && mac === stationMac(3)),
    "the frame left",
  );
});

test("ND-4 variant first: the core that gave an address up gets its machine again when it asks again", () => {
  const rig = new NdRig(4, { owner: "first" });
  const x = station(3); // Its home is core 3.
  rig.resolve(1, x, "aa");
  rig.run(3200);
  assert.deepEqual(rig.runners(x), [], "core 1 gave it up");

  rig.resolve(1, x, "bb");
  rig.run(50);

  assert.deepEqual(rig.runners(x), [1]);
  rig.advertise(x, stationMac(3));
  rig.settle();
  assert.ok(
    rig.returned.some(({ core, mac }) => core === 1 && mac === stationMac(3)),
    "the frame left",
  );
});

test("ND-2 variant first: the death of an address' home starts no second machine of one that another core resolves", () => {
  const rig = new NdRig(4, { owner: "first" });
  const x = station(3); // Its home is core 3.
  rig.resolve(1, x, "aa");
  rig.run(50);
  assert.deepEqual(rig.runners(x), [1]);

  rig.move(rig.bucketOf(x), 2);
  rig.nd(2).tick(rig.now);
  rig.resolve(0, x, "bb"); // It asks the new home, before that one has heard from core 1.
  rig.settle();
  for (const core of [0, 1, 2]) rig.nd(core).coreLeft(3, rig.now);
  rig.run(200);

  assert.deepEqual(rig.runners(x), [1]);
  rig.advertise(x, stationMac(3), { core: 2 });
  rig.settle();
  const reached = rig.returned.map(({ core, mac }) => [core, mac]);
  assert.deepEqual(reached.sort(), [
    [0, stationMac(3)],
    [1, stationMac(3)],
  ]);
});

test("ND-4 a deletion that only some cores heard of ends the neighbour on all when its owner tells of it again", () => {
  const rig = new NdRig(3);
  const x = station(1);
  rig.resolve(0, x, "aa");
  rig.settle();
  rig.advertise(x, stationMac(1));
  rig.settle();
  assert.deepEqual(rig.runners(x), [1]);

  rig.nd(0).remove(x, 0, rig.now);
  rig.collect();
  rig.queues.delete("0>1"); // It dies in the midst of telling.
  rig.settle();
  assert.ok(!rig.isCoherent());
  rig.nd(1).resync(2, 0, 100);
  rig.settle();

  assert.ok(rig.isCoherent());
  assert.deepEqual(rig.runners(x), []);
  rig.resolve(2, x, "bb");
  rig.settle();
  rig.advertise(x, stationMac(1));
  rig.settle();
  assert.ok(rig.isCoherent());
  assert.equal(rig.state(2, x), "reachable", "and it is found anew");
});
