// CARP as OpenBSD's ip_carp.c and ucarp 1.5 run it: whoever advertises more often is master, a smaller demotion goes
// first, the digest must hold and its counter be new. One router of the engine; its neighbour is made of frames.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, type CarpSpec, carpFrame } from "../../src/sim/vr-frames.ts";
import { VrRig, type VrRouter, type VrSpec } from "../../src/sim/vr-rig.ts";
import * as carp from "../../src/wire/carp.ts";

const SPEC: VrSpec = {
  protocol: "carp",
  version: 2,
  vrid: 7,
  advbase: 1,
  advskew: 50,
  preempt: false,
  password: [...bytesOf("secret")],
};

function make(spec: VrSpec = {}): { rig: VrRig; router: VrRouter } {
  const rig = new VrRig([{ ...SPEC, ...spec }]);
  rig.run(1);
  return { rig, router: rig.first };
}

function makeActive(spec: VrSpec = {}): { rig: VrRig; router: VrRouter } {
  const made = make(spec);
  made.rig.runUntil(() => made.router.isActive);
  made.rig.run(2000);
  made.rig.takeFrames();
  made.router.announcements.length = 0;
  return made;
}

let counter = 0;
/** Every frame has a counter of its own unless a test says otherwise. */
const hear = (router: VrRouter, spec: CarpSpec = {}): void => {
  counter++;
  router.cores[0]?.receive(carpFrame({ low: counter, ...spec }));
  router.settle();
};

function said(rig: VrRig): {
  advskew: number;
  advbase: number;
  demote: number;
  high: number;
  low: number;
}[] {
  return rig.takeFrames().map(({ bytes }) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return {
      advskew: carp.advskew(view, 34),
      advbase: carp.advbase(view, 34),
      demote: carp.demote(view, 34),
      high: carp.counterHigh(view, 34),
      low: carp.counterLow(view, 34),
    };
  });
}
const near = (value: number, expected: number): void =>
  assert.ok(Math.abs(value - expected) <= 2, `${value} is not about ${expected}`);

test("VR-5 CARP: a backup waits 3 advbase and the skew, then advertises every advbase and skew", () => {
  const { rig, router } = make({ advskew: 10 });
  assert.equal(router.state(), "backup");
  near(
    rig.runUntil(() => router.isActive),
    3000 + 10_000 / 256,
  );
  assert.equal(router.announcements.length, 1);
  rig.takeFrames();
  rig.run(10_000);
  assert.equal(said(rig).length, 9, "every 1.039 s");
});

test("VR-5 CARP: counters go up by one, from the moment that the appliance started", () => {
  const { rig } = makeActive();
  rig.run(5000);
  const heard = said(rig);
  for (const [index, { high, low }] of heard.entries()) {
    assert.equal(high, 1_700_000_000);
    assert.equal(low, (heard[0]?.low ?? 0) + index);
  }
});

// The rows of carp_proto_input_c: ours is 1 s + 50/256 unless the row says so.
const MASTER_ROWS: readonly (readonly [string, CarpSpec, VrSpec, "master" | "backup"])[] = [
  ["a more frequent one", { advskew: 10 }, {}, "backup"],
  ["a rarer one", { advskew: 100 }, {}, "master"],
  ["an equal one with a lower address", { advskew: 50, source: 0xc000_0201 }, {}, "backup"],
  ["an equal one with a higher address", { advskew: 50 }, {}, "master"],
  ["a more frequent one, demoted", { advskew: 10, demote: 1 }, {}, "master"],
];

test("VR-5 CARP: what makes a master give way", () => {
  for (const [what, frame, spec, expected] of MASTER_ROWS) {
    const { router } = makeActive(spec);
    hear(router, frame);
    assert.equal(router.state(), expected, what);
  }
});

const BACKUP_ROWS: readonly (readonly [string, CarpSpec, VrSpec, "master" | "backup"])[] = [
  ["a more frequent one", { advskew: 10 }, {}, "backup"],
  ["a rarer one without preemption", { advskew: 100 }, {}, "backup"],
  ["a rarer one with preemption", { advskew: 100 }, { preempt: true }, "master"],
  ["an equal one with preemption", { advskew: 50 }, { preempt: true }, "backup"],
  ["a demoted one", { advskew: 10, demote: 1 }, {}, "master"],
  ["one that is too slow", { advbase: 4, advskew: 0 }, {}, "master"],
  ["one that bows out", { advbase: 255, advskew: 255 }, {}, "master"],
];

test("VR-5 CARP: what makes a backup take over at once, and what restarts its timer", () => {
  for (const [what, frame, spec, expected] of BACKUP_ROWS) {
    const { rig, router } = make(spec);
    rig.run(2000);
    hear(router, frame);
    assert.equal(router.state(), expected, what);
    if (expected === "backup")
      near(
        rig.runUntil(() => router.isActive),
        3000 + 50_000 / 256,
      );
  }
});

test("VR-5 CARP: a demoted master says so, with a skew of 240, and gives way", () => {
  const spec: VrSpec = { tracks: [{ kind: "port", port: 3, decrement: 20, name: "p3" }] };
  const { rig, router } = makeActive(spec);
  router.downPorts.add(3);
  rig.run(20);
  const [first] = said(rig);
  assert.deepEqual([first?.demote, first?.advskew], [20, 240]);
  hear(router, { advskew: 200 });
  assert.equal(router.state(), "backup");
  assert.equal(router.machine().reason, 15, "demoted");
});

test("VR-5 CARP: a master that stops bows out", () => {
  const { rig, router } = makeActive();
  router.cores[0]?.vr.stop(rig.now);
  assert.deepEqual(
    said(rig).map(({ advbase, advskew }) => [advbase, advskew]),
    [[255, 255]],
  );
});

test("VR-5 CARP: advbase and advskew of 255 never advertise", () => {
  const { rig, router } = make({ advbase: 255, advskew: 255 });
  rig.run(800_000, undefined, 1000);
  assert.equal(router.state(), "backup");
  assert.equal(rig.frames.length, 0);
});

test("VR-5 CARP: hostile advertisements are counted by reason and change nothing", () => {
  const cases: readonly (readonly [string, CarpSpec])[] = [
    ["vr-auth", { password: "Secret" }],
    ["vr-auth", { addresses: [0xc000_0299] }],
    ["vr-auth", { bend: [[20, 1]] }],
    ["vr-checksum", { bend: [[2, 1]] }],
    ["vr-ttl", { hops: 64 }],
    ["vr-foreign", { vhid: 8 }],
  ];
  for (const [reason, spec] of cases) {
    const { router } = makeActive();
    router.takeDrops();
    const frame: CarpSpec = { advskew: 0, ...spec };
    const bytes = carpFrame({ ...frame, low: ++counter });
    if (reason === "vr-auth" && spec.bend !== undefined) fixChecksum(bytes);
    router.cores[0]?.receive(bytes);
    assert.deepEqual(router.takeDrops(), [reason], JSON.stringify(spec));
    assert.equal(router.state(), "master");
  }
});

/** The checksum of the message, anew. */
function fixChecksum(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer);
  let sum = 0;
  view.setUint16(40, 0);
  for (let at = 34; at < 70; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  view.setUint16(40, ~sum & 0xffff);
}

test("VR-5 CARP: an advertisement played again is dropped; one of a restarted neighbour is not", () => {
  const { router } = makeActive();
  const old = carpFrame({ advskew: 10, high: 5, low: 100 });
  hear(router, { advskew: 10, high: 5, low: 100 });
  hear(router, { advskew: 10, high: 5, low: 101 });
  assert.equal(router.machine().received, 2);
  router.takeDrops();
  const before = router.machine().downAt;
  router.cores[0]?.receive(old);
  router.cores[0]?.receive(carpFrame({ advskew: 10, high: 5, low: 101 }));
  assert.deepEqual(router.takeDrops(), ["vr-replay", "vr-replay"]);
  assert.equal(router.machine().downAt, before);
  // It starts at random again; what it said before stays void.
  hear(router, { advskew: 10, high: 3, low: 7 });
  assert.deepEqual(router.takeDrops(), []);
  router.cores[0]?.receive(old);
  assert.deepEqual(router.takeDrops(), ["vr-replay"]);
});

test("VR-5 CARP: replayed adverts of a dead master keep no backup from taking over", () => {
  const { rig, router } = make();
  const recorded: Uint8Array[] = [];
  for (let n = 0; n < 5; n++) {
    const bytes = carpFrame({ advskew: 10, high: 9, low: n });
    recorded.push(bytes);
    router.cores[0]?.receive(bytes);
    rig.run(1000);
  }
  const from = rig.now;
  while (!router.isActive && rig.now - from < 10_000) {
    rig.run(100);
    router.cores[0]?.receive(recorded[Math.floor(rig.now / 100) % 5] as Uint8Array);
  }
  assert.ok(rig.now - from >= 2100 && rig.now - from <= 2400, `took ${rig.now - from} ms`);
  rig.run(500);
  for (const bytes of recorded) router.cores[0]?.receive(bytes);
  assert.equal(router.state(), "master");
});

test("VR-5 CARP: two of one skew settle on the lower address, and stay", () => {
  const rig = new VrRig([SPEC, SPEC, SPEC]);
  rig.run(20_000);
  assert.deepEqual(rig.active(), [0]);
  const before = rig.routers.map((one) => one.machine().transitions);
  rig.run(20_000);
  assert.deepEqual(
    rig.routers.map((one) => one.machine().transitions),
    before,
  );
});

test("VR-5 CARP: whoever takes over goes on counting where the last master was", () => {
  const { rig, router } = make();
  hear(router, { advskew: 10, high: 7, low: 0xffff_ffff });
  rig.runUntil(() => router.isActive);
  const [first] = said(rig);
  assert.deepEqual([first?.high, first?.low], [8, 0]);
});

test("VR-5 CARP: our advertisement is byte for byte the golden one", () => {
  const { rig, router } = make({ advskew: 10, addresses: [0xc000_0264] });
  router.machine().high = 0;
  router.machine().low = 0;
  rig.runUntil(() => router.isActive);
  const [frame] = rig.takeFrames();
  const hex = Buffer.from(frame?.bytes.subarray(34) ?? []).toString("hex");
  const golden = "21070a07000139c1 0000000000000001 a99cda75876680408da518c45f88af0b769ee3d8";
  assert.equal(hex, golden.replaceAll(" ", ""));
});
