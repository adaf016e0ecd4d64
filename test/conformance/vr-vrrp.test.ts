// VRRP against its standards, one rule a test: RFC 9568 (version 3, which is RFC 5798 with additions), RFC 3768
// (version 2). One router of the engine on a virtual clock; its neighbour is made of frames.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type AdvertSpec, bytesOf, readVrrp, vrrpFrame } from "../../src/sim/vr-frames.ts";
import { VrRig, type VrRouter, type VrSpec } from "../../src/sim/vr-rig.ts";

const IPV6 = {
  addresses6: [
    [0xfe80_0000, 0, 0x0000_5eff, 0xfe00_020a],
    [0x2001_0db8, 0, 0, 1],
  ],
} as const;
const OURS = 0xc000_0202;
const LOWER_ADDRESS = 0xc000_0200;

function make(spec: VrSpec = {}, cores = 1): { rig: VrRig; router: VrRouter } {
  const rig = new VrRig([spec], { cores });
  rig.run(1);
  return { rig, router: rig.first };
}

/** A router that has been Active for a while, with nothing of that left to read. */
function makeActive(spec: VrSpec = {}): { rig: VrRig; router: VrRouter } {
  const made = make(spec);
  made.rig.runUntil(() => made.router.machine("gw", familyOf(spec)).isActive);
  made.rig.run(10);
  clear(made);
  return made;
}

const familyOf = (spec: VrSpec): 4 | 6 => (spec.addresses6 === undefined ? 4 : 6);

function clear({ rig, router }: { rig: VrRig; router: VrRouter }): void {
  rig.takeFrames();
  router.announcements.length = 0;
  router.takeEvents();
  router.takeDrops();
}

const hear = (router: VrRouter, spec: AdvertSpec = {}): void => {
  router.cores[0]?.receive(vrrpFrame(spec));
  router.settle();
};
const sent = (rig: VrRig): ReturnType<typeof readVrrp>[] => rig.takeFrames().map(readVrrp);
/** Milliseconds until the router is Active. */
const untilActive = (rig: VrRig, router: VrRouter): number =>
  rig.runUntil(() => router.isActive, 60_000, 1);
const near = (value: number, expected: number, by = 2): void => {
  assert.ok(Math.abs(value - expected) <= by, `${value} is not about ${expected}`);
};

// --- Initialize (6.4.1) ---------------------------------------------------------------------------------------------

test("VR-3 the owner of the addresses goes Active at once, advertises and announces (RFC 9568 6.4.1)", () => {
  const { rig, router } = make({ priority: 255 });
  assert.equal(router.state(), "active");
  assert.equal(router.machine().reason, 2);
  assert.deepEqual(
    sent(rig).map(({ priority, hops }) => [priority, hops]),
    [[255, 255]],
  );
  assert.deepEqual(
    router.announcements.map(({ repeat }) => repeat),
    [5],
  );
});

test("VR-3 anybody else goes Backup, says nothing, and waits three intervals and the skew (6.4.1, 6.1)", () => {
  for (const [priority, down] of [
    [254, 3007.8],
    [200, 3218.75],
    [150, 3414.06],
    [100, 3609.4],
    [1, 3996.1],
  ] as const) {
    const { rig, router } = make({ priority });
    assert.equal(router.state(), "backup");
    assert.equal(rig.frames.length, 0);
    near(untilActive(rig, router), down);
  }
});

test("VR-3 timers of 10 ms and of 40.95 s run as advertised (6.1, 5.2.7)", () => {
  const fast = make({ priority: 100, interval: 10 });
  near(untilActive(fast.rig, fast.router), 36.09);
  clear(fast);
  fast.rig.run(1000);
  const beats = sent(fast.rig);
  near(beats.length, 100, 1);
  assert.equal(beats[0]?.interval, 10);
  const slow = make({ priority: 254, interval: 40_950 });
  near(
    slow.rig.runUntil(() => slow.router.isActive, 200_000, 10),
    3 * 40_950 + 319.9,
    20,
  );
  assert.equal(sent(slow.rig)[0]?.interval, 40_950);
});

test("VR-3 an interface that is down keeps the router in Initialize, and takes it back there", () => {
  const { rig, router } = makeActive();
  router.up = false;
  rig.run(20);
  assert.equal(router.state(), "initialize");
  assert.equal(rig.takeFrames().length, 0, "nothing is said into a cut cable");
  assert.equal(router.cores[0]?.active.size, 0);
  rig.run(10_000);
  hear(router);
  assert.deepEqual(router.takeDrops(), ["vr-inactive"]);
  router.up = true;
  rig.run(20);
  assert.equal(router.state(), "backup");
});

// --- Backup (6.4.2) -------------------------------------------------------------------------------------------------

test("VR-4 a Backup holds no virtual MAC, announces nothing and advertises nothing (6.4.2 (310) to (340))", () => {
  const { rig, router } = make();
  rig.run(10_000, () => {
    if (Math.round(rig.now) % 900 === 0) hear(router, { priority: 200 });
    assert.equal(router.cores[0]?.active.size, 0);
  });
  assert.equal(router.state(), "backup");
  assert.equal(rig.frames.length, 0);
  assert.equal(router.announcements.length, 0);
});

test("VR-3 a higher or equal advertisement restarts Active_Down_Timer with the interval it names (6.4.2 (450))", () => {
  for (const priority of [100, 101, 255]) {
    const { rig, router } = make({ priority: 100 });
    rig.run(2000);
    hear(router, { priority, interval: 500 });
    near(untilActive(rig, router), 3 * 500 + (156 * 500) / 256);
  }
});

test("VR-3 a lower one is discarded, and the timer runs on, when we preempt (6.4.2 (490))", () => {
  const { rig, router } = make({ priority: 150 });
  rig.run(1000);
  hear(router, { priority: 149 });
  rig.run(1000);
  hear(router, { priority: 149 });
  near(untilActive(rig, router), 3414.06 - 2000 - 1, 3);
  assert.equal(router.machine().history.at(-1)?.reason, 5, "preempted");
});

test("VR-3 a lower one is followed when Preempt_Mode is false (6.4.2 (450))", () => {
  const { rig, router } = make({ priority: 150, preempt: false });
  rig.run(3000);
  hear(router, { priority: 1 });
  near(untilActive(rig, router), 3414.06);
});

test("VR-3 a lower one is followed until the preemption delay has passed", () => {
  const { rig, router } = make({ priority: 150, preemptDelay: 5000 });
  const beat = (): void => {
    if (Math.round(rig.now) % 1000 === 0) hear(router, { priority: 100 });
  };
  rig.run(5000, beat);
  assert.equal(router.state(), "backup");
  const until = rig.now + 8000;
  while (rig.now < until && !router.isActive) rig.run(1, beat);
  assert.equal(router.state(), "active");
  near(rig.now, 1000 + 5000 + 3414, 1002);
});

test("VR-3 a priority of zero shortens the wait to the skew (6.4.2 (420))", () => {
  for (const [interval, skew] of [
    [1000, 609.4],
    [100, 60.94],
  ] as const) {
    const { rig, router } = make({ priority: 100, interval });
    hear(router, { priority: 200, interval });
    rig.run(interval / 2);
    hear(router, { priority: 0, interval });
    near(untilActive(rig, router), skew);
    assert.equal(router.machine().history.at(-1)?.reason, 4, "released");
  }
});

test("VR-3 a Backup that is shut down says nothing (6.4.2 (360))", () => {
  const { rig, router } = make();
  router.cores[0]?.vr.stop(rig.now);
  assert.equal(router.state(), "initialize");
  assert.equal(rig.frames.length, 0);
});

test("VR-3 on Active: advertisement, announcement of every address, Adver_Timer (6.4.2 (370) to (395))", () => {
  const { rig, router } = make({ priority: 150 });
  untilActive(rig, router);
  const [first] = sent(rig);
  assert.equal(first?.mac, 0x0000_5e00_010a, "7.2: the source is the virtual MAC");
  assert.equal(first?.destinationMac, 0x0100_5e00_0012);
  assert.deepEqual(
    router.announcements.map(({ at, repeat }) => [at, repeat]),
    [[rig.now, 5]],
  );
  assert.equal(router.cores[0]?.active.size, 1);
  rig.run(5000);
  assert.equal(sent(rig).length, 5);
});

test("VR-4 the burst is sent again after its delay, and every refresh period one more announcement", () => {
  const { rig, router } = makeActive({ announce: { repeat: 3, delay: 2000, refresh: 10_000 } });
  const since = router.machine().since;
  rig.run(31_000);
  assert.deepEqual(
    router.announcements.map(({ at, repeat }) => [at - since, repeat]),
    [
      [2000, 3],
      [10_000, 1],
      [20_000, 1],
      [30_000, 1],
    ],
  );
});

// --- Active (6.4.3) -------------------------------------------------------------------------------------------------

test("VR-3 an Active router that is shut down sends priority 0 and is gone (6.4.3 (650))", () => {
  const { rig, router } = makeActive({ priority: 150 });
  router.cores[0]?.vr.stop(rig.now);
  assert.deepEqual(
    sent(rig).map(({ priority, mac }) => [priority, mac]),
    [[0, 0x0000_5e00_010a]],
  );
  assert.equal(router.state(), "initialize");
  assert.equal(router.cores[0]?.active.size, 0);
});

test("VR-3 an Active router answers priority 0 with an advertisement at once (6.4.3 (710))", () => {
  const { rig, router } = makeActive({ priority: 150 });
  rig.run(500);
  hear(router, { priority: 0 });
  const [now] = rig.takeFrames();
  assert.equal(now?.at, rig.now);
  assert.equal(router.state(), "active");
  near(
    rig.runUntil(() => rig.frames.length > 0),
    1000,
    1,
  );
});

test("VR-3 a higher one makes it Backup, which waits by the interval it names (6.4.3 (725))", () => {
  const { rig, router } = makeActive({ priority: 150 });
  hear(router, { priority: 151, interval: 200 });
  assert.equal(router.state(), "backup");
  assert.equal(router.cores[0]?.active.size, 0);
  near(untilActive(rig, router), 600 + (106 * 200) / 256);
});

test("VR-3 of equal priorities the higher address stays Active (6.4.3 (725))", () => {
  const higher = makeActive({ priority: 150 });
  hear(higher.router, { priority: 150, source: OURS + 7 });
  assert.equal(higher.router.state(), "backup");
  assert.equal(higher.router.machine().reason, 7);
  const lower = makeActive({ priority: 150 });
  hear(lower.router, { priority: 150, source: LOWER_ADDRESS });
  assert.equal(lower.router.state(), "active");
});

test("VR-3 addresses are compared unsigned, in network order (6.4.3 (725))", () => {
  const { router } = makeActive({ priority: 150 });
  hear(router, { priority: 150, source: 0x0aff_ffff });
  assert.equal(router.state(), "active", "10.255.255.255 is below 192.0.2.2");
  const six = makeActive({ priority: 150, ...IPV6 });
  six.router.cores[0]?.receive(
    vrrpFrame({ priority: 150, addresses6: IPV6.addresses6, source: 0xffff_ffff }),
  );
  assert.equal(six.router.state("gw", 6), "active", "fe80::…ffff:ffff is below fe80::ff:fe00:1");
});

test("VR-3 a lower one is discarded and answered at once, so that bridges learn where the Active is (RFC 9568)", () => {
  const { rig, router } = makeActive({ priority: 150 });
  rig.run(300);
  hear(router, { priority: 100 });
  assert.equal(router.state(), "active");
  assert.deepEqual(
    sent(rig).map(({ at, priority }) => [at, priority]),
    [[rig.now, 150]],
  );
});

test("VR-6 a flood of lower ones is not answered by a flood", () => {
  const { rig, router } = makeActive({ priority: 150 });
  for (let n = 0; n < 100; n++) hear(router, { priority: 100 });
  assert.equal(rig.takeFrames().length, 1);
});

// --- receiving (7.1) ------------------------------------------------------------------------------------------------

test("VR-3 what RFC 9568 7.1 forbids is dropped, counted by its reason, and changes nothing", () => {
  const cases: readonly (readonly [string, AdvertSpec])[] = [
    ["vr-ttl", { hops: 254 }],
    ["vr-ttl", { hops: 1 }],
    ["vr-version", { bend: [[0, 0x11]] }],
    ["vr-version", { bend: [[0, 0x41]] }],
    ["vr-version", { version: 2, priority: 200 }],
    ["vr-type", { bend: [[0, 0x32]] }],
    ["vr-checksum", { bend: [[2, 201]], keepChecksum: true }],
    ["vr-short", { cut: 4 }],
    ["vr-short", { cut: 8 }],
    ["vr-short", { bend: [[3, 9]] }],
    ["vr-vrid", { vrid: 0 }],
    ["vr-foreign", { vrid: 11 }],
    ["vr-addresses", { addresses4: [] }],
    ["vr-interval", { interval: 0 }],
    ["vr-destination", { destination: OURS }],
    ["vr-destination", { destination: 0xe000_0001 }],
  ];
  for (const [reason, spec] of cases) {
    for (const setting of [make({ priority: 150 }), makeActive({ priority: 150 })]) {
      const { router, rig } = setting;
      clear(setting);
      const before = router.state();
      const due = router.machine().downAt;
      hear(router, { priority: 200, ...spec });
      assert.deepEqual(router.takeDrops(), [reason], JSON.stringify(spec));
      assert.equal(router.state(), before);
      assert.equal(router.machine().downAt, due);
      assert.equal(router.machine().received, 0);
      assert.equal(rig.takeFrames().length, 0);
    }
  }
});

test("VR-3 both readings of the checksum are taken, and the peer's is shown (RFC 9568 5.2.8)", () => {
  for (const [pseudo, form] of [
    [false, "rfc9568"],
    [true, "rfc5798"],
  ] as const) {
    const { rig, router } = make();
    hear(router, { priority: 200, pseudo });
    const [row] = router.cores[0]?.vr.rows(0, 1, rig.now).rows ?? [];
    assert.equal(row?.["checksum-heard"], form);
    assert.equal(row?.["adverts-received"], 1);
  }
});

test("VR-3 the checksum sent is the configured one, or the one that was heard", () => {
  const formOf = (spec: VrSpec, pseudo?: boolean): number | undefined => {
    const { rig, router } = make(spec);
    if (pseudo !== undefined) hear(router, { priority: 200, pseudo });
    untilActive(rig, router);
    return sent(rig)[0]?.form;
  };
  assert.equal(formOf({ checksum: "rfc9568" }, true), 1);
  assert.equal(formOf({ checksum: "rfc5798" }, false), 2);
  assert.equal(formOf({ checksum: "mirror" }), 2);
  assert.equal(formOf({ checksum: "mirror" }, false), 1);
  assert.equal(formOf({ checksum: "mirror" }, true), 2);
});

test("VR-3 the owner takes no advertisement (7.1)", () => {
  const { router } = make({ priority: 255 });
  router.takeDrops();
  hear(router, { priority: 255, source: OURS + 9 });
  assert.deepEqual(router.takeDrops(), ["vr-owner"]);
  assert.equal(router.state(), "active");
});

test("VR-3 other addresses than ours are told of and taken in version 3 (7.1)", () => {
  const { router } = make();
  hear(router, { priority: 200, addresses4: [0xc000_0263] });
  assert.equal(router.machine().received, 1);
  assert.deepEqual(router.takeEvents().filter(({ name }) => name === "vr-stranger").length, 1);
});

test("VR-2 our own advertisement that comes back is dropped", () => {
  const { rig, router } = makeActive();
  rig.run(1000);
  const [own] = rig.takeFrames();
  router.cores[0]?.receive(own?.bytes ?? new Uint8Array());
  assert.deepEqual(router.takeDrops(), ["vr-own"]);
});

// --- version 2 (RFC 3768) -------------------------------------------------------------------------------------------

test("VR-3 version 2: other intervals, authentications and addresses are dropped (RFC 3768 7.1)", () => {
  const cases: readonly (readonly [string, AdvertSpec])[] = [
    ["vr-interval", { interval: 2000 }],
    ["vr-auth", { password: bytesOf("secret12") }],
    ["vr-addresses", { addresses4: [0xc000_0263] }],
    ["vr-version", { version: 3 }],
    ["vr-checksum", { bend: [[2, 9]], keepChecksum: true }],
    ["vr-ttl", { hops: 64 }],
  ];
  for (const [reason, spec] of cases) {
    const { router } = make({ version: 2, priority: 100 });
    hear(router, { version: 2, priority: 200, ...spec });
    assert.deepEqual(router.takeDrops(), [reason], JSON.stringify(spec));
    assert.equal(router.machine().received, 0);
  }
  const { router } = make({ version: 2, priority: 100 });
  hear(router, { version: 2, priority: 255, addresses4: [0xc000_0263] });
  assert.deepEqual(router.takeDrops(), [], "an owner's addresses are taken");
  assert.equal(router.machine().received, 1);
});

test("VR-3 version 2: the simple password of RFC 2338 must be ours, and is sent", () => {
  const password = [...bytesOf("secret12")];
  const { rig, router } = make({ version: 2, priority: 150, password });
  hear(router, { version: 2, priority: 200 });
  hear(router, { version: 2, priority: 200, password: bytesOf("secret13") });
  assert.deepEqual(router.takeDrops(), ["vr-auth", "vr-auth"]);
  hear(router, { version: 2, priority: 200, password: bytesOf("secret12") });
  assert.deepEqual(router.takeDrops(), []);
  untilActive(rig, router);
  assert.match(sent(rig)[0]?.payload ?? "", /7365637265743132$/);
});

test("VR-3 version 2: the skew is of a second, the interval our own (RFC 3768 6.1)", () => {
  const { rig, router } = make({ version: 2, priority: 100, interval: 2000 });
  near(untilActive(rig, router), 6000 + 609.4);
});

test("VR-3 version 2: priority 0 makes the wait the skew (RFC 3768 6.4.2)", () => {
  const { rig, router } = make({ version: 2, priority: 100, interval: 3000 });
  hear(router, { version: 2, priority: 200, interval: 3000 });
  hear(router, { version: 2, priority: 0, interval: 3000 });
  near(untilActive(rig, router), 609.4);
});

// --- what is sent: the golden frames --------------------------------------------------------------------------------

test("VR-3 advertisements are byte for byte those of real routers", () => {
  const golden: readonly (readonly [VrSpec, string])[] = [
    [
      { version: 2, vrid: 7, priority: 150, password: [...bytesOf("secret12")] },
      "21079601010118 13c0000264 7365637265743132",
    ],
    [
      { version: 3, vrid: 7, priority: 150, interval: 500, checksum: "rfc9568" },
      "31079601 0032 7660 c0000264",
    ],
  ];
  for (const [spec, expected] of golden) {
    const { rig, router } = make({ addresses: [0xc000_0264], ...spec });
    untilActive(rig, router);
    assert.equal(sent(rig)[0]?.payload, expected.replaceAll(" ", ""));
  }
});

test("VR-3 IPv6: from the link-local address, to ff02::12, hop limit 255, addresses link-local first", () => {
  const { rig, router } = make({ priority: 150, ...IPV6 });
  rig.runUntil(() => router.machine("gw", 6).isActive);
  const [first] = sent(rig);
  assert.equal(first?.isIpv6, true);
  assert.equal(first?.mac, 0x0000_5e00_020a);
  assert.equal(first?.destinationMac, 0x3333_0000_0012);
  assert.equal(first?.hops, 255);
  assert.equal(first?.form, 2);
  assert.match(first?.payload ?? "", /^310a96020064....fe80000000000000/);
});

test("VR-3 between unicast peers, advertisements go to each and come from them alone", () => {
  const peers = [0xc000_0209, 0xc000_020a];
  const { rig, router } = make({ priority: 100, peers });
  hear(router, { priority: 200, destination: OURS });
  assert.deepEqual(router.takeDrops(), []);
  hear(router, { priority: 200 });
  hear(router, { priority: 200, destination: OURS, source: 0xc000_0299 });
  assert.deepEqual(router.takeDrops(), ["vr-destination", "vr-peer"]);
  untilActive(rig, router);
  const destinations = rig.takeFrames().map(({ bytes }) => [...bytes.subarray(30, 34)].join("."));
  assert.deepEqual(destinations, ["192.0.2.9", "192.0.2.10"]);
});

test("VR-4 accept: by configuration, and always for the owner (RFC 9568 6.4.3 (640))", () => {
  const accepts = (spec: VrSpec): boolean | undefined => {
    const { router } = makeActive(spec);
    return [...(router.cores[0]?.active.values() ?? [])][0]?.accept;
  };
  assert.equal(accepts({ accept: false }), false);
  assert.equal(accepts({ accept: true }), true);
  assert.equal(accepts({ accept: false, priority: 255 }), true);
});
