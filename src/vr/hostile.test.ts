// Advertisements that nobody in good faith sends: every length, every bit, random bytes, floods. Nothing throws, a
// router that runs stays as it is, and every frame is accounted for: taken, dropped for a reason, or left to the
// host.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../lib/prng.ts";
import { bytesOf, carpFrame, hsrpFrame, vrrpFrame } from "../sim/vr-frames.ts";
import { VrRig, type VrSpec } from "../sim/vr-rig.ts";

const KINDS: readonly (readonly [string, VrSpec, () => Uint8Array])[] = [
  ["vrrp", { priority: 150 }, () => vrrpFrame({ priority: 200 })],
  ["vrrp 2", { version: 2, priority: 150 }, () => vrrpFrame({ version: 2, priority: 200 })],
  [
    "carp",
    { protocol: "carp", version: 2, vrid: 7, advskew: 50, password: [...bytesOf("secret")] },
    () => carpFrame({ advskew: 1 }),
  ],
  [
    "hsrp 1",
    { protocol: "hsrp", version: 1, vrid: 5, priority: 110, password: [...bytesOf("cisco")] },
    () => hsrpFrame({ priority: 200 }),
  ],
  [
    "hsrp 2",
    { protocol: "hsrp", version: 2, vrid: 5, priority: 110, password: [...bytesOf("cisco")] },
    () => hsrpFrame({ version: 2, priority: 200 }),
  ],
];

function makeActive(spec: VrSpec): VrRig {
  const rig = new VrRig([spec], { cores: 2 });
  rig.runUntil(() => rig.first.isActive, 60_000, 10);
  rig.run(5000, undefined, 10);
  rig.first.takeDrops();
  return rig;
}

/** Gives a router a frame and says what became of it. */
function give(rig: VrRig, bytes: Uint8Array, core: number): "dropped" | "taken" | "other" {
  const { first } = rig;
  const before = first.drops.length;
  const mine = first.cores[core]?.receive(bytes) ?? false;
  first.settle();
  const drops = first.drops.length - before;
  assert.ok(drops <= 1, "one frame, one reason");
  if (drops === 1) return "dropped";
  return mine ? "taken" : "other";
}

test("VR-3, VR-5 a right advertisement of a better router is taken: what follows is not empty", () => {
  for (const [what, spec, frame] of KINDS) {
    const rig = makeActive(spec);
    assert.equal(give(rig, frame(), 0), "taken", what);
    assert.equal(rig.first.isActive, false, what);
  }
});

test("VR-3, VR-5 cut at every length, on either core, nothing throws and nothing moves", () => {
  for (const [what, spec, frame] of KINDS) {
    const rig = makeActive(spec);
    const whole = frame();
    for (let length = 14; length < whole.length; length++) {
      // The IP header still announces the whole: it is the host's to count. One that agrees is ours.
      const cut = whole.slice(0, length);
      assert.notEqual(give(rig, cut, length % 2), "taken", `${what} ${length}`);
      if (length < 34) continue;
      const view = new DataView(cut.buffer);
      view.setUint16(16, length - 14);
      view.setUint16(24, 0);
      let sum = 0;
      for (let at = 14; at < 34; at += 2) sum += view.getUint16(at);
      while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
      view.setUint16(24, ~sum & 0xffff);
      assert.notEqual(give(rig, cut, length % 2), "taken", `${what} ${length}, announced`);
    }
    assert.equal(rig.first.isActive, true, what);
    rig.first.check();
  }
});

test("VR-3, VR-5 every flipped bit of the message is seen, but for what nothing protects", () => {
  for (const [what, spec, frame] of KINDS) {
    const rig = makeActive(spec);
    const whole = frame();
    for (let at = 34; at < whole.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const bent = whole.slice();
        bent[at] = (bent[at] as number) ^ (1 << bit);
        const got = give(rig, bent, bit % 2);
        assert.notEqual(got, "taken", `${what} byte ${at - 34} bit ${bit}`);
      }
    }
    assert.equal(rig.first.isActive, true, what);
  }
});

test("VR-3, VR-5 random messages behind right headers never throw, and every one is accounted for", () => {
  const random = new Prng(7);
  for (const [what, spec, frame] of KINDS) {
    const rig = makeActive(spec);
    const whole = frame();
    for (let n = 0; n < 3000; n++) {
      const bent = whole.slice();
      const from = what.startsWith("hsrp") ? 42 : 34;
      for (let at = from; at < bent.length; at++) {
        if (random.chance(0.4)) bent[at] = random.below(256);
      }
      if (bent.some((byte, at) => byte !== whole[at])) give(rig, bent, n % 2);
      if (n % 100 === 0) rig.run(10);
    }
    assert.equal(rig.first.isActive, true, what);
    rig.first.check();
  }
});

test("VR-3 a flood is cut at its limit, of its port alone, and our own advertisements leave in time", () => {
  const rig = new VrRig([{ priority: 150, interval: 100 }]);
  rig.run(2000);
  const [core] = rig.first.cores;
  const bad = vrrpFrame({ priority: 100, bend: [[2, 1]], keepChecksum: true });
  rig.takeFrames();
  const before = rig.now;
  rig.run(1000, () => {
    for (let n = 0; n < 50; n++) core?.receive(bad);
  });
  const drops = rig.first.takeDrops();
  const looked = drops.filter((reason) => reason === "vr-checksum").length;
  assert.ok(looked >= 10_000 && looked <= 20_100, `${looked} looked at`);
  assert.ok(drops.filter((reason) => reason === "vr-rate").length >= 29_000);
  assert.equal(rig.takeFrames().length, (rig.now - before) / 100);
});

test("VR-6 strangers' and rivals' events are bounded in a flood of different senders", () => {
  const rig = new VrRig([{ priority: 150 }], { cores: 2 });
  rig.run(5000);
  rig.first.takeEvents();
  for (let n = 0; n < 5000; n++) {
    const sender = { source: 0xc000_0300 + n, mac: 0x0200_0001_0000 + n };
    rig.first.cores[n % 2]?.receive(vrrpFrame({ priority: 100, ...sender }));
    rig.first.cores[n % 2]?.receive(vrrpFrame({ priority: 100, version: 2, ...sender }));
    rig.first.settle();
    if (n % 5 === 0) rig.run(1);
  }
  const events = rig.first.takeEvents();
  assert.ok(events.length < 10, `${events.length} events in a second`);
  assert.equal(rig.first.isActive, true);
});
