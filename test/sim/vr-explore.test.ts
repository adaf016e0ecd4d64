// Anything that can happen to three routers, in any order, drawn from a seed: splits, losses, sleep, dying cores, cut
// cables, tracked things, reloads, operators. After every step the rig holds that the cores of each router agree. When
// all is well again there is one Active: the one that must be, which has announced itself since.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../src/lib/prng.ts";
import { bytesOf } from "../../src/sim/vr-frames.ts";
import { VrRig, type VrRouter, type VrSpec, vrConfig } from "../../src/sim/vr-rig.ts";

const SEEDS = 12;
const STEPS = 30;
const NAMES = ["vrrp", "vrrp 6", "vrrp 2", "both", "group", "carp", "hsrp"] as const;
const IPV6 = [
  [0xfe80_0000, 0, 0, 0x010a],
  [0x2001_0db8, 0, 0, 1],
] as const;
const TRACKS: NonNullable<VrSpec["tracks"]> = [
  { kind: "port", port: 5, decrement: 120, name: "p5" },
];

/** The routers of one place; `rank` 0 is to win. */
function specsOf(kind: (typeof NAMES)[number], rank: number): VrSpec[] {
  const priority = 200 - rank * 50;
  const one: VrSpec = { interval: 200, priority, tracks: TRACKS };
  switch (kind) {
    case "vrrp":
      return [one];
    case "vrrp 6":
      return [{ ...one, addresses6: IPV6 }];
    case "vrrp 2":
      return [{ ...one, version: 2, interval: 1000 }];
    case "both":
      return [{ ...one, addresses: [0xc000_0201], addresses6: IPV6 }];
    case "group":
      return [
        { ...one, group: "g" },
        { ...one, group: "g", name: "other", vrid: 20, addresses: [0xc000_0214] },
      ];
    case "carp":
      return [
        {
          ...one,
          protocol: "carp",
          version: 2,
          advskew: rank * 60,
          preempt: true,
          password: [...bytesOf("secret")],
        },
      ];
    case "hsrp":
      return [
        {
          ...one,
          protocol: "hsrp",
          version: 2,
          hello: 200,
          hold: 700,
          preempt: true,
          password: null,
        },
      ];
  }
}

/** One thing that goes wrong, or is mended. */
function disturb(rig: VrRig, random: Prng, kind: (typeof NAMES)[number]): string {
  const index = random.below(3);
  const router = rig.router(index);
  const what = random.below(11);
  if (what === 0) rig.sides[index] = random.below(2);
  else if (what === 1) rig.loss = random.chance(0.5) ? 0 : 0.3;
  else if (what === 2) {
    if (router.frozen) router.thaw();
    else router.frozen = true;
  } else if (what === 3 && router.frozen) {
    router.waiting.length = 0;
    router.thaw();
  } else if (what === 4) router.up = !router.up;
  else if (what === 5) {
    if (router.downPorts.has(5)) router.downPorts.delete(5);
    else router.downPorts.add(5);
  } else if (what === 6 && router.dead.size < router.cores.length - 1) {
    router.kill(router.master);
  } else if (what === 7 && !router.frozen) {
    const change = random.chance(0.5) ? {} : { preemptDelay: 300 };
    router.reload(vrConfig(specsOf(kind, index).map((spec) => ({ ...spec, ...change }))));
  } else if (what === 8 && !router.frozen) setPriority(router, random.chance(0.5) ? -1 : 60);
  else if (what === 9) {
    const turn = random.below(4);
    router.steer = () =>
      router.dead.has(turn % router.cores.length) ? router.master : turn % router.cores.length;
  } else if (what === 10 && !router.frozen)
    router.cores[router.master]?.vr.flushVmacs(-1, -1, rig.now);
  return `${what} on ${index}`;
}

function setPriority(router: VrRouter, priority: number): void {
  for (const { core, vr } of router.cores) {
    if (!router.dead.has(core)) vr.setPriority("gw", priority, router.rig.now);
  }
  router.settle();
}

function mend(rig: VrRig, kind: (typeof NAMES)[number]): void {
  rig.loss = 0;
  rig.sides.fill(0);
  for (const [index, router] of rig.routers.entries()) {
    if (router.frozen) router.thaw();
    router.up = true;
    router.downPorts.clear();
    setPriority(router, -1);
    router.reload(vrConfig(specsOf(kind, index)));
  }
}

for (const kind of NAMES) {
  test(`VR-3, VR-5, VR-6 three routers of "${kind}" end with the one Active that must be, whatever happened`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = new Prng(seed);
      const configs = [0, 1, 2].map((rank) => vrConfig(specsOf(kind, rank)));
      const rig = new VrRig(configs, { seed, cores: 1 + (seed % 4), delay: random.below(20) });
      const steps: string[] = [];
      try {
        rig.run(random.below(3000), undefined, 5);
        for (let n = 0; n < STEPS; n++) {
          steps.push(`${Math.round(rig.now)}: ${disturb(rig, random, kind)}`);
          rig.run(random.below(1500), undefined, 5);
        }
        mend(rig, kind);
        const from = rig.now;
        rig.run(8000, undefined, 5);
        const machines = rig.first.cores[rig.first.master]?.vr.runner.machines ?? [];
        for (const { config, family } of machines) {
          assert.deepEqual(rig.active(config.name, family), [0], `${config.name} ${family}`);
        }
        const before = rig.routers.map(
          (one) => one.machine("gw", kind === "vrrp 6" ? 6 : 4).transitions,
        );
        for (const router of rig.routers) router.announcements.length = 0;
        rig.run(4000, undefined, 5);
        const after = rig.routers.map(
          (one) => one.machine("gw", kind === "vrrp 6" ? 6 : 4).transitions,
        );
        assert.deepEqual(after, before, `it changes still, ${rig.now - from} ms after`);
      } catch (error) {
        throw new Error(`seed ${seed}: ${steps.join("; ")}`, { cause: error });
      }
    }
  });
}
