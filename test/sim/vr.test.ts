// Two and three routers on one segment in virtual time: elections, losses, partitions, sleeping processes, dying
// cores, reloads, groups. After every step the rig holds that all cores of a router take the same virtual MACs and
// know the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, readVrrp } from "../../src/sim/vr-frames.ts";
import { VrRig, type VrRouter, type VrSpec, vrConfig } from "../../src/sim/vr-rig.ts";
import type { VrConfig } from "../../src/vr/config.ts";
import { REASON_NAMES, Rival } from "../../src/vr/reason.ts";

const CORES = [1, 2, 4, 8];
const SECOND = 1000;

/** Rivals that a router told of: kind, their address's last byte, their MAC, our MAC, both channels. */
const rivals = (router: VrRouter): [number, number, number, number, number][] =>
  router.events
    .filter(({ name }) => name === "vr-rival")
    .map(({ a, b, c, d }) => [
      Math.floor(a / 0x1_0000) % 16,
      Math.floor(a / 0x10_0000) % 256,
      b,
      c,
      d,
    ]);

const transitions = (rig: VrRig): number[] => rig.routers.map((one) => one.machine().transitions);

// --- elections ------------------------------------------------------------------------------------------------------

test("VR-3 the highest of three routers is Active, and each next one takes over in its own down interval", () => {
  const rig = new VrRig([{ priority: 200 }, { priority: 150 }, { priority: 100 }], { cores: 2 });
  rig.run(10 * SECOND);
  assert.deepEqual(rig.active(), [0]);
  rig.first.frozen = true;
  const first = rig.runUntil(() => rig.active().length > 0);
  assert.deepEqual(rig.active(), [1]);
  assert.ok(first <= 3416, `${first} ms`);
  rig.run(10 * SECOND);
  rig.second.frozen = true;
  const second = rig.runUntil(() => rig.active().length > 0);
  assert.deepEqual(rig.active(), [2]);
  assert.ok(second <= 3612, `${second} ms`);
});

test("VR-3 a clean release costs the skew, at 1 s and at 100 ms; a death the down interval", () => {
  for (const [interval, release, death] of [
    [1000, 612, 3612],
    [100, 64, 364],
    [10, 9, 39],
  ] as const) {
    for (const cores of CORES) {
      const specs = [
        { priority: 150, interval },
        { priority: 100, interval },
      ];
      const clean = new VrRig(specs, { cores });
      clean.run(interval * 10);
      assert.deepEqual(clean.active(), [0]);
      for (const { vr } of clean.first.cores) vr.stop(clean.now);
      clean.first.settle();
      const released = clean.runUntil(() => clean.second.isActive);
      assert.ok(released <= release, `${interval} ms: released in ${released} ms`);
      const dead = new VrRig(specs, { cores });
      dead.run(interval * 10);
      dead.first.frozen = true;
      const died = dead.runUntil(() => dead.second.isActive);
      assert.ok(died <= death, `${interval} ms: died in ${died} ms`);
    }
  }
});

test("VR-3 with one frame in ten lost, late and unordered, one router is Active and stays so", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const specs = [{ priority: 150 }, { priority: 120 }, { priority: 100 }];
    const rig = new VrRig(specs, { seed, loss: 0.1, delay: 20, cores: 2 });
    rig.run(20 * SECOND, undefined, 5);
    let split = 0;
    rig.run(
      100 * SECOND,
      () => {
        if (rig.active().length !== 1) split++;
      },
      5,
    );
    // Three lost in a row (one in a thousand) start a takeover, which ends with the next advertisement.
    assert.ok(split < 2000 / 5, `seed ${seed}: ${split * 5} ms with another number than one`);
    rig.loss = 0;
    rig.run(5 * SECOND, undefined, 5);
    assert.deepEqual(rig.active(), [0], `seed ${seed}`);
  }
});

// --- partition and heal ---------------------------------------------------------------------------------------------

const PROTOCOLS: readonly (readonly [string, VrSpec, VrSpec, number])[] = [
  ["VRRP", { priority: 150 }, { priority: 100 }, 1000],
  ["VRRP of one priority", { priority: 100 }, { priority: 100 }, 1000],
  ["VRRP at 100 ms", { priority: 150, interval: 100 }, { priority: 100, interval: 100 }, 100],
  [
    "VRRP version 2 without preemption",
    { version: 2, priority: 150, preempt: false },
    { version: 2, priority: 100, preempt: false },
    1000,
  ],
  [
    "CARP",
    { protocol: "carp", version: 2, password: [...bytesOf("secret")], preempt: true },
    { protocol: "carp", version: 2, password: [...bytesOf("secret")], advskew: 100, preempt: true },
    1000,
  ],
  [
    "HSRP",
    { protocol: "hsrp", version: 2, hello: 1000, hold: 3000, priority: 120, preempt: true },
    { protocol: "hsrp", version: 2, hello: 1000, hold: 3000, priority: 100, preempt: true },
    1000,
  ],
];

test("VR-6 partition for 30 s and heal: one master within three intervals, a burst after, both told of both", () => {
  for (const [what, one, other, interval] of PROTOCOLS) {
    for (let phase = 0; phase < 7; phase++) {
      const rig = new VrRig([one, other], { cores: 2 });
      rig.run(12 * SECOND, undefined, 10);
      assert.equal(rig.active().length, 1, what);
      rig.run(phase * 139);
      rig.sides[1] = 1;
      rig.run(30 * SECOND, undefined, 10);
      assert.deepEqual(rig.active(), [0, 1], `${what}: both sides have a gateway`);
      for (const router of rig.routers) {
        router.events.length = 0;
        router.announcements.length = 0;
      }
      rig.sides[1] = 0;
      const healed = rig.now;
      const took = rig.runUntil(() => rig.active().length === 1, 3 * interval);
      const [winner] = rig.active();
      rig.run(2 * interval);
      assert.deepEqual(rig.active(), [winner], what);
      const { announcements } = rig.router(winner ?? 0);
      const text = `${what}, phase ${phase}, after ${took} ms`;
      assert.ok(
        announcements.some(({ at }) => at > healed && at <= healed + 3 * interval),
        `${text}: the winner announces again`,
      );
      const loser = rig.router(1 - (winner ?? 0));
      const told = [...rivals(rig.router(winner ?? 0)), ...rivals(loser)];
      assert.ok(told.length > 0, `${text}: somebody tells of a rival`);
      const yielded = rivals(loser).find(([kind]) => kind === Rival.Yielded);
      assert.equal(yielded?.[3], loser.mac, `${text}: the loser names itself`);
      assert.equal(yielded?.[1], 2 + (winner ?? 0), `${text}: and the winner's address`);
      assert.equal(yielded?.[4], 0x1_0001, `${text}: and both channels`);
    }
  }
});

test("VR-6 a rival of equal priority is told of once, not with every advertisement", () => {
  const rig = new VrRig([{ priority: 100 }, { priority: 100 }]);
  rig.run(60 * SECOND, undefined, 10);
  assert.equal(rig.active().length, 1);
  const told = rig.routers.map((router) => rivals(router).map(([kind]) => kind));
  assert.deepEqual(told, [
    [Rival.Yielded, Rival.EqualPriority],
    [Rival.TwoActive, Rival.EqualPriority],
  ]);
});

test("VR-6 an answer for our address from another MAC is told of, and answered by a burst", () => {
  const rig = new VrRig([{ priority: 150 }], { cores: 2 });
  rig.run(10 * SECOND);
  const { cores, announcements } = rig.first;
  announcements.length = 0;
  const vr = cores[0]?.vr;
  vr?.heardAddress4(0, 0xc000_0201, 0x0200_0000_0099, 0, rig.now);
  vr?.heardAddress4(0, 0xc000_0201, 0x0000_5e00_010a, 0, rig.now);
  vr?.heardAddress4(0, 0xc000_0277, 0x0200_0000_0099, 0, rig.now);
  assert.deepEqual(
    rivals(rig.first).map(([kind, , mac]) => [kind, mac]),
    [[Rival.Answered, 0x0200_0000_0099]],
  );
  assert.equal(announcements.length, 1);
  for (let n = 0; n < 100; n++) vr?.heardAddress4(0, 0xc000_0201, 0x0200_0000_0099, 0, rig.now + n);
  assert.equal(rivals(rig.first).length, 1, "not with every one");
  assert.equal(announcements.length, 1);
});

// --- sleeping -------------------------------------------------------------------------------------------------------

test("VR-6 a backup that slept for 5 s takes nothing over, whether its queue kept the advertisements or not", () => {
  for (const [, one, other, interval] of PROTOCOLS) {
    for (const keeps of [true, false]) {
      for (let phase = 0; phase < 3; phase++) {
        const rig = new VrRig([one, other], { cores: 2 });
        rig.run(12 * SECOND + phase * 230, undefined, 10);
        const [active = 0] = rig.active();
        const backup = rig.router(1 - active);
        const before = transitions(rig);
        backup.frozen = true;
        rig.run(5 * SECOND, undefined, 5);
        if (!keeps) backup.waiting.length = 0;
        backup.thaw();
        rig.run(10 * interval);
        assert.deepEqual(transitions(rig), before);
      }
    }
  }
});

test("VR-6 a backup that slept takes over one interval after waking when the Active is gone, not before", () => {
  const rig = new VrRig([{ priority: 150 }, { priority: 100 }]);
  rig.run(10 * SECOND);
  rig.second.frozen = true;
  rig.first.frozen = true;
  rig.run(5 * SECOND);
  rig.second.waiting.length = 0;
  rig.second.thaw();
  const took = rig.runUntil(() => rig.second.isActive);
  assert.ok(took >= SECOND && took < 1100, `${took} ms`);
});

test("VR-6 an Active that slept past its time yields, takes back, and announces itself again", () => {
  const rig = new VrRig([{ priority: 150 }, { priority: 100 }]);
  rig.run(10 * SECOND);
  rig.first.frozen = true;
  rig.run(10 * SECOND);
  assert.deepEqual(rig.active(), [1]);
  rig.first.announcements.length = 0;
  rig.first.thaw();
  rig.run(2 * SECOND);
  assert.deepEqual(rig.active(), [0]);
  assert.ok(rig.first.announcements.length > 0);
  const late = rig.first.events.filter(({ name }) => name === "vr-late");
  assert.equal(late.length, 0, "it answered the other one before its own timer ran");
});

test("VR-6 how late advertisements were is recorded, and told when it matters", () => {
  const rig = new VrRig([{ priority: 150 }]);
  rig.run(10 * SECOND);
  rig.first.frozen = true;
  rig.run(2 * SECOND);
  rig.first.thaw();
  rig.run(10);
  assert.ok(rig.first.machine().lateMax > 900);
  assert.equal(rig.first.events.filter(({ name }) => name === "vr-late").length, 1);
});

// --- cores ----------------------------------------------------------------------------------------------------------

/** Frames as text, with when they left. */
const wireOf = (rig: VrRig, from: number): string[] =>
  rig.takeFrames(from).map((frame) => `${frame.at} ${readVrrp(frame).payload}`);

test("VR-3 advertisements are those of one router at any number of cores, whichever hears", () => {
  const play = (cores: number): string[] => {
    const rig = new VrRig([{ priority: 150 }, { priority: 100 }], { cores });
    let turn = 0;
    for (const router of rig.routers) {
      router.steer = () => {
        turn++;
        return turn % cores;
      };
    }
    rig.run(10 * SECOND);
    rig.sides[1] = 1;
    rig.run(10 * SECOND);
    rig.sides[1] = 0;
    rig.run(10 * SECOND);
    return [...wireOf(rig, 0), "|"];
  };
  const one = play(1);
  assert.ok(one.length > 20);
  for (const cores of [2, 4, 8]) assert.deepEqual(play(cores), one);
});

test("VR-2, VR-4 message costs: nothing in peace, N-1 for a change, one for what lands elsewhere", () => {
  for (const cores of CORES) {
    const others = cores - 1;
    const rig = new VrRig([{ priority: 150 }, { priority: 100 }], { cores });
    const say = (name: string, count: number): string => (count > 0 ? `${name} ${count}` : "");
    rig.run(5 * SECOND);
    // Up: down to Backup, Backup to Active. The other one: to Backup, then whom it follows, and a virtual MAC.
    assert.equal(rig.first.takeMessages(), say("vr-state", 2 * others));
    const second = rig.second.takeMessages();
    assert.equal(second, others === 0 ? "" : `vr-state ${2 * others}, vmac-entry ${others}`);
    rig.run(60 * SECOND, undefined, 10);
    assert.equal(rig.first.takeMessages() + rig.second.takeMessages(), "", "peace is free");
    // Steered to another core: one message for each advertisement, and none for the table.
    rig.second.steer = () => cores - 1;
    rig.run(10 * SECOND);
    // But once: the core that told of the virtual MAC hears it no more, and the one that does contradicts.
    const once = `, vmac-delete ${others}, vmac-entry ${others}`;
    assert.equal(rig.second.takeMessages(), others > 0 ? `vr-heard 10${once}` : "");
    rig.run(60 * SECOND, undefined, 10);
    assert.equal(rig.second.takeMessages(), say("vr-heard", others > 0 ? 60 : 0));
    rig.second.steer = () => rig.second.master;
    // A foreign virtual router is noted wherever it is heard, for nothing once known.
    const foreign = new VrRig([{ priority: 150 }, { vrid: 11, priority: 100 }], { cores });
    foreign.second.steer = () => cores - 1;
    foreign.run(30 * SECOND);
    foreign.second.messages.delete("vr-state");
    assert.equal(foreign.second.takeMessages(), say("vmac-entry", others));
    // A change of state: one message to each.
    rig.first.frozen = true;
    rig.run(4 * SECOND);
    rig.second.messages.delete("vmac-delete");
    assert.equal(rig.second.takeMessages(), say("vr-state", others));
  }
});

test("VR-3 the link master's core dies: the neighbour sees nothing, Active or Backup", () => {
  for (const cores of [2, 4, 8]) {
    for (const [, one, other, interval] of PROTOCOLS) {
      const rig = new VrRig([one, other], { cores });
      rig.run(12 * SECOND, undefined, 10);
      const sinces = (): string[] =>
        rig.routers.map((router) => `${router.state()} since ${router.machine().since}`);
      const before = sinces();
      for (const router of rig.routers) {
        router.kill(router.master);
        rig.run(interval / 2);
      }
      rig.run(10 * interval);
      assert.deepEqual(sinces(), before, `${cores} cores`);
      assert.equal(rig.active().length, 1);
    }
  }
});

test("VR-3 a new link master is told of by N-2 messages a machine, and goes on at once", () => {
  const rig = new VrRig([{ priority: 150 }], { cores: 4 });
  rig.run(10 * SECOND);
  rig.first.takeMessages();
  rig.takeFrames();
  rig.first.kill(0);
  rig.run(1);
  assert.equal(rig.first.takeMessages(), "vr-state 2");
  assert.equal(rig.takeFrames().length, 1);
});

test("VR-5 CARP: a new link master's counters are above those of the one before", () => {
  const spec: VrSpec = { protocol: "carp", version: 2, password: [...bytesOf("secret")] };
  const rig = new VrRig([{ ...spec }, { ...spec, advskew: 100 }], { cores: 2 });
  rig.run(60 * SECOND, undefined, 5);
  rig.second.takeDrops();
  rig.first.kill(0);
  rig.run(10 * SECOND);
  assert.deepEqual(rig.second.takeDrops(), [], "none of them is a replay");
  assert.deepEqual(rig.active(), [0]);
});

test("VR-2 a core that missed everything is told the whole view", () => {
  const rig = new VrRig([{ priority: 100 }, { priority: 150 }, { vrid: 12 }], { cores: 2 });
  rig.run(10 * SECOND);
  const [one, two] = rig.first.cores;
  // Its table is emptied behind its back, as if it had never heard.
  const { learning } = two?.vr ?? {};
  for (let slot = 0; slot < (learning?.table.capacity ?? 0); slot++) {
    if (learning?.table.used[slot] === 1) learning.table.remove(slot);
  }
  assert.throws(() => rig.first.check());
  rig.first.resync(0, 1);
  rig.first.check();
  assert.equal(one?.vr.summary().digest, two?.vr.summary().digest);
});

// --- reloads --------------------------------------------------------------------------------------------------------

const fifty = (change: (spec: VrSpec, index: number) => VrSpec = (spec) => spec): VrConfig =>
  vrConfig(
    Array.from({ length: 50 }, (_, index) =>
      change(
        {
          name: `gw${index}`,
          vrid: index + 1,
          addresses: [0xc000_0210 + index],
          priority: 150,
        },
        index,
      ),
    ),
  );

test("VR-3 a reload that changes one of 50 routers moves none of the other 49", () => {
  for (const cores of [1, 4]) {
    const changes: readonly ((spec: VrSpec) => VrSpec)[] = [
      (spec) => ({ ...spec, priority: 120 }),
      (spec) => ({ ...spec, addresses: [0xc000_02f0, 0xc000_02f1] }),
      (spec) => ({ ...spec, vrid: 200 }),
      (spec) => ({ ...spec, name: "other" }),
      (spec) => ({ ...spec, interval: 200 }),
    ];
    for (const change of changes) {
      const rig = new VrRig([fifty(), fifty((spec) => ({ ...spec, priority: 100 }))], { cores });
      rig.run(10 * SECOND, undefined, 5);
      const states = (): string[] =>
        rig.routers.flatMap((router) =>
          router.cores.flatMap(({ vr }) =>
            vr.runner.machines
              .filter(({ config }) => config.name !== "gw7" && config.name !== "other")
              .map(
                ({ config, stateName, transitions: moves }) =>
                  `${config.name} ${stateName} ${moves}`,
              ),
          ),
        );
      const before = states();
      rig.takeFrames();
      rig.first.reload(fifty((spec, index) => (index === 7 ? change(spec) : spec)));
      rig.run(10 * SECOND, undefined, 5);
      assert.deepEqual(states(), before);
      // And their beat did not skip: ten advertisements each, one second apart.
      const beats = new Map<number, number[]>();
      for (const { at, vrid } of rig.takeFrames(0).map(readVrrp)) {
        beats.set(vrid, [...(beats.get(vrid) ?? []), at]);
      }
      for (let vrid = 1; vrid <= 50; vrid++) {
        if (vrid === 8) continue;
        const times = beats.get(vrid) ?? [];
        assert.equal(times.length, 10, `vrid ${vrid}`);
        for (const [n, at] of times.entries()) {
          if (n > 0) assert.equal(at - (times[n - 1] ?? 0), SECOND);
        }
      }
    }
  }
});

test("VR-3 a reload without a change says nothing to anybody", () => {
  const rig = new VrRig([fifty()], { cores: 2 });
  rig.run(10 * SECOND, undefined, 5);
  rig.takeFrames();
  rig.first.takeMessages();
  rig.first.takeEvents();
  rig.first.announcements.length = 0;
  rig.first.reload(fifty());
  rig.run(10);
  assert.equal(rig.frames.length, 0);
  assert.equal(rig.first.takeEvents().length, 0);
  assert.equal(rig.first.announcements.length, 0);
});

test("VR-3 a router that a reload removes is released while its interface is there", () => {
  const rig = new VrRig([{ priority: 150 }, { priority: 100 }], { cores: 2 });
  rig.run(10 * SECOND);
  rig.takeFrames();
  rig.first.reload(vrConfig([]));
  assert.deepEqual(
    rig.takeFrames().map((frame) => readVrrp(frame).priority),
    [0],
  );
  for (const { active } of rig.first.cores) assert.equal(active.size, 0);
});

test("VR-4 an Active router whose addresses a reload changes stays Active and announces them", () => {
  const rig = new VrRig([{ priority: 150 }]);
  rig.run(10 * SECOND);
  rig.first.announcements.length = 0;
  rig.first.reload(vrConfig([{ priority: 150, addresses: [0xc000_0201, 0xc000_0231] }]));
  rig.run(5);
  assert.equal(rig.first.state(), "active");
  assert.equal(rig.first.announcements.length, 1);
  const [virtual] = rig.first.cores[0]?.active.values() ?? [];
  assert.deepEqual(virtual?.addresses, [0xc000_0201, 0xc000_0231]);
});

test("VR-3 an operator's priority counts at once, until it is taken back", () => {
  const rig = new VrRig([{ priority: 150 }, { priority: 100 }], { cores: 2 });
  rig.run(10 * SECOND);
  const set = (priority: number): void => {
    for (const { vr } of rig.first.cores)
      assert.equal(vr.setPriority("gw", priority, rig.now), true);
    rig.first.settle();
  };
  set(50);
  rig.runUntil(() => rig.active()[0] === 1, 4 * SECOND);
  set(-1);
  rig.runUntil(() => rig.active()[0] === 0, 5 * SECOND);
  assert.equal(rig.first.cores[0]?.vr.setPriority("nobody", 1, rig.now), false);
});

test("VR-3 CORE-9 an operator's priority outlives the core that was given it: the others know it from the master", () => {
  const rig = new VrRig([{ priority: 100 }, { priority: 150 }], { cores: 2 });
  rig.run(10 * SECOND);
  assert.deepEqual(rig.active(), [1]);
  const [master, other] = rig.first.cores;
  // As when the other one started again just after the order.
  assert.equal(master?.vr.setPriority("gw", 200, rig.now), true);
  rig.first.settle();
  rig.runUntil(() => rig.active()[0] === 0, 5 * SECOND);
  assert.equal(other?.vr.summary().digest, master?.vr.summary().digest);

  rig.first.kill(0);
  rig.run(30 * SECOND);

  assert.deepEqual(rig.active(), [0]);
});

// --- tracking, groups, both families --------------------------------------------------------------------------------

const TRACKS: VrSpec["tracks"] = [
  { kind: "port", port: 1, decrement: 30, name: "p1" },
  { kind: "channel", channel: 2, decrement: 40, name: "LA/1" },
  { kind: "route4", prefix: 0, length: 0, decrement: 50, name: "default" },
  { kind: "neighbour4", iface: 0, address: 0xc000_02fe, decrement: 255, name: "uplink" },
];

test("VR-3 what is tracked takes its number off, or the router down, and gives it back", () => {
  const rig = new VrRig([{ priority: 150, tracks: TRACKS }], { cores: 2 });
  rig.run(10 * SECOND);
  const at = (): number => {
    rig.run(20);
    return rig.first.machine().priority;
  };
  assert.equal(at(), 150);
  rig.first.downPorts.add(1);
  assert.equal(at(), 120);
  rig.first.downPorts.add(2);
  assert.equal(at(), 80);
  rig.first.downRoutes.add(0);
  assert.equal(at(), 30);
  assert.equal(rig.first.state(), "active");
  rig.first.downRoutes.add(0xc000_02fe);
  at();
  assert.equal(rig.first.state(), "initialize");
  assert.equal(REASON_NAMES[rig.first.machine().reason], "tracked-down");
  assert.equal(readVrrp(rig.frames.at(-1) as never).priority, 0, "neighbours hear of it");
  rig.first.downRoutes.clear();
  rig.first.downPorts.clear();
  assert.equal(at(), 150);
  assert.equal(rig.first.state(), "backup");
});

test("VR-3 the policies none, one, all and progressive", () => {
  const cases: readonly (readonly [
    NonNullable<VrSpec["tracking"]>,
    number[],
    (number | null)[],
  ])[] = [
    ["none", [0, 1, 2], [150, 150, 150]],
    ["one", [0, 1, 2], [150, 150, null]],
    ["all", [0, 1, 2], [150, null, null]],
    ["progressive", [0, 1, 2], [150, 75, null]],
  ];
  for (const [tracking, downs, expected] of cases) {
    for (const [index, down] of downs.entries()) {
      const rig = new VrRig([{ priority: 150, tracking, tracks: TRACKS?.slice(0, 2) }]);
      for (const port of [1, 2].slice(0, down)) rig.first.downPorts.add(port);
      rig.run(20);
      const machine = rig.first.machine();
      assert.equal(machine.isDown ? null : machine.priority, expected[index] ?? null, tracking);
    }
  }
});

const BOTH: VrSpec = {
  addresses: [0xc000_0201],
  addresses6: [[0xfe80_0000, 0, 0, 0x010a]],
};

test("VR-3 both families of one router share their fate, unless told not to", () => {
  for (const shareFate of [true, false]) {
    const specs = [
      { ...BOTH, priority: 150, shareFate },
      { ...BOTH, priority: 100, shareFate },
    ];
    const rig = new VrRig(specs, { cores: 2 });
    rig.run(10 * SECOND);
    assert.deepEqual([rig.active("gw", 4), rig.active("gw", 6)], [[0], [0]]);
    // Only IPv4 advertisements are lost.
    const { second } = rig;
    second.steer = (frame) => (frame.bytes[12] === 0x08 ? 99 : second.master);
    let apart = 0;
    rig.run(10 * SECOND, () => {
      if (second.machine("gw", 4).isActive !== second.machine("gw", 6).isActive) apart++;
    });
    if (shareFate)
      assert.deepEqual([apart, second.state("gw", 4)], [0, "backup"], "IPv6 hears the Active");
    else assert.ok(apart > 5000);
  }
});

test("VR-3 a group goes Active and Backup together, and falls with one of its interfaces", () => {
  const config = (priority: number): VrConfig =>
    vrConfig([
      { name: "in", vrid: 10, priority, group: "g", tracks: TRACKS?.slice(3) },
      { name: "out", vrid: 20, priority, group: "g", addresses: [0xc000_0202 + 20] },
      { name: "alone", vrid: 30, priority, addresses: [0xc000_0202 + 30] },
    ]);
  const rig = new VrRig([config(150), config(100)], { cores: 2 });
  rig.run(10 * SECOND);
  const of = (router: VrRouter): string =>
    ["in", "out", "alone"].map((name) => router.state(name)).join(" ");
  assert.equal(of(rig.first), "active active active");
  rig.first.downRoutes.add(0xc000_02fe);
  rig.run(2 * SECOND);
  assert.equal(of(rig.first), "initialize initialize active");
  assert.equal(of(rig.second), "active active backup");
  rig.first.downRoutes.clear();
  rig.run(10 * SECOND);
  assert.equal(of(rig.first), "active active active");
  assert.equal(of(rig.second), "backup backup backup");
});

test("VR-3 a group whose priorities cross does not flap", () => {
  const config = (a: number, b: number): VrConfig =>
    vrConfig([
      { name: "in", vrid: 10, priority: a, group: "g" },
      { name: "out", vrid: 20, priority: b, group: "g", addresses: [0xc000_0216] },
    ]);
  const rig = new VrRig([config(150, 100), config(100, 150)], { cores: 2 });
  rig.run(60 * SECOND, undefined, 5);
  const count = (): number =>
    rig.routers.reduce(
      (sum, router) => sum + router.machine("in").transitions + router.machine("out").transitions,
      0,
    );
  const before = count();
  rig.run(60 * SECOND, undefined, 5);
  assert.ok(count() - before <= 2, `${count() - before} changes in a minute`);
});

test("VR-3 two families of one priority, whose addresses decide differently, settle too", () => {
  const rig = new VrRig([BOTH, BOTH, BOTH], { cores: 2 });
  // The first one's link-local address is the highest, its IPv4 address the lowest.
  const { first } = rig;
  for (const { vr } of first.cores) {
    for (const machine of vr.runner.machines)
      if (machine.family === 6) machine.primary[2] = 0xffff_ffff;
  }
  const count = (): number =>
    rig.routers.reduce(
      (sum, router) =>
        sum + router.machine("gw", 4).transitions + router.machine("gw", 6).transitions,
      0,
    );
  rig.run(30 * SECOND);
  const before = count();
  rig.run(60 * SECOND, undefined, 5);
  assert.equal(count(), before);
  assert.equal(rig.active("gw", 4).length, 1);
  assert.deepEqual(rig.active("gw", 6), rig.active("gw", 4));
});

test("VR-6 a VRID that a stranger speaks is told of, with free ones", () => {
  const rig = new VrRig([
    { vrid: 255, priority: 100 },
    { vrid: 255, priority: 150, addresses: [0xc000_02aa] },
    { vrid: 254 },
  ]);
  rig.run(20 * SECOND);
  const told = rig.first.events.filter(({ name }) => name === "vr-stranger");
  assert.equal(told.length, 2, "once in ten seconds");
  const last = told.at(-1);
  assert.equal((last?.a ?? 0) % 0x1_0000, 255);
  assert.deepEqual(
    [last?.d ?? 0].flatMap((d) => [d >> 16, (d >> 8) & 255, d & 255]),
    [253, 252, 251],
  );
});
