import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BridgeRig, bridgeInterface, bridgeFrame as frame, rigConfig } from "../sim/bridge-rig.ts";
import { access, trunk } from "../sim/configs.ts";
import type { Bridging } from "./bridging.ts";
import type { BridgeChannelConfig, StormConfig } from "./config.ts";
import { Why } from "./shut.ts";

const A = 0x0200_0000_000a;
const B = 0x0200_0000_000b;
const C = 0x0200_0000_000c;
const D = 0x0200_0000_000d;
const OWN = 0x02aa_0000_0001;
const ALL = 0xffff_ffff_ffff;
const GROUP = 0x0100_5e01_0203;

type Member = Omit<BridgeChannelConfig, "channel">;
const only = (rig: BridgeRig): Bridging => rig.bridges[0] as Bridging;
const ports = (rig: BridgeRig, core = 0): number[] =>
  rig.sent(core).map((line) => Number(line.split(" ")[0]));
const eventsOf = (rig: BridgeRig, name: string): number[][] =>
  rig.recorders.flatMap(({ events }) =>
    events.filter((one) => one.name === name).map(({ a, b, c, d }) => [a, b, c, d]),
  );

const storm = (limits: Partial<StormConfig>): Member => ({
  ...access(10),
  storm: { action: "drop", recovery: 0, ...limits },
});

test("BR-9 storm control holds each class to its rate, lets a burst through, and touches nothing else", () => {
  const rig = new BridgeRig({
    members: [
      storm({
        broadcast: { rate: 100, burst: 10 },
        multicast: { rate: 50, burst: 5 },
        unicast: { rate: 20, burst: 2 },
      }),
      access(10),
    ],
  });
  rig.receive(0, 1, frame(A, B), 0);
  rig.sent();
  const passed: Record<number, number> = { [ALL]: 0, [GROUP]: 0, [C]: 0, [B]: 0 };
  for (let now = 0; now < 10_000; now++) {
    for (const to of [ALL, GROUP, C, B]) {
      rig.receive(0, 0, frame(to, A), now);
      passed[to] = (passed[to] ?? 0) + rig.sent().length;
    }
  }
  assert.deepEqual(passed, { [ALL]: 1009, [GROUP]: 504, [C]: 201, [B]: 10_000 });
  const drops = rig.drops();
  assert.equal(drops.filter((name) => name === "storm").length, 10_000 - 1009);
  assert.equal(drops.filter((name) => name === "storm-multicast").length, 10_000 - 504);
  assert.equal(drops.filter((name) => name === "storm-unicast").length, 10_000 - 201);
  assert.equal(eventsOf(rig, "storm").length, 3, "each began once");
  rig.receive(0, 1, frame(ALL, B), 10_000);
  assert.deepEqual(ports(rig), [0], "the other channel has no limit");
  rig.tickTo(10_000, 12_000, 100);
  assert.deepEqual(
    eventsOf(rig, "storm").map(([channel, kind, began]) => [channel, kind, began]),
    [
      [0, 2, 1],
      [0, 1, 1],
      [0, 0, 1],
      [0, 0, 0],
      [0, 1, 0],
      [0, 2, 0],
    ],
  );
});

test("BR-9 a storm may shut its channel, both ways, until its time is over", () => {
  const limits = {
    broadcast: { rate: 10, burst: 10 },
    action: "shutdown",
    recovery: 5000,
  } as const;
  const rig = new BridgeRig({ members: [storm(limits), access(10), access(10)] });
  for (let n = 0; n < 12; n++) rig.receive(0, 0, frame(ALL, A), 1);
  assert.equal(rig.sent().length, 20, "ten frames to two channels");
  assert.deepEqual(rig.drops(), ["storm", "shut"]);
  rig.receive(0, 1, frame(ALL, B), 2);
  assert.deepEqual(ports(rig), [2], "nothing leaves through it");
  rig.receive(0, 1, frame(A, B), 2);
  assert.deepEqual(rig.drops(), ["shut"]);
  assert.equal(only(rig).protection.shut.why(0), Why.Storm);
  rig.tickTo(3, 5000, 100);
  rig.receive(0, 0, frame(ALL, A), 5000);
  assert.deepEqual(rig.drops(), ["shut"]);
  rig.tickTo(5001, 5001, 1);
  rig.receive(0, 0, frame(ALL, A), 6100);
  assert.deepEqual(ports(rig), [1, 2]);
  assert.deepEqual(eventsOf(rig, "channel-shut"), [[0, 0, Why.Storm, 5000]]);
  assert.deepEqual(eventsOf(rig, "channel-opened"), [[0, 0, Why.Storm, 0]]);
});

test("BR-9 a limit of stations: drop, flood or shutdown, for new stations and for those that move here", () => {
  const limited = (action: "drop" | "flood" | "shutdown"): BridgeRig =>
    new BridgeRig({
      members: [{ ...access(10), macLimit: { limit: 2, action, recovery: 1000 } }, access(10)],
    });
  const fill = (rig: BridgeRig): void => {
    rig.receive(0, 1, frame(ALL, D), 1);
    for (const from of [A, B]) rig.receive(0, 0, frame(ALL, from), 1);
    rig.sent();
  };

  const drop = limited("drop");
  fill(drop);
  for (const from of [C, D]) drop.receive(0, 0, frame(ALL, from), 2);
  assert.deepEqual(drop.drops(), ["mac-limit", "mac-limit"]);
  assert.deepEqual(drop.sent(), []);
  assert.equal(only(drop).locate(0, D, 10), 1, "it did not move");
  drop.receive(0, 0, frame(ALL, A), 3);
  assert.deepEqual(ports(drop), [1], "known stations go on");
  assert.deepEqual(eventsOf(drop, "mac-limit"), [[0, 0, 2, 0]], "told once");
  only(drop).clear({ channel: 0 }, 4);
  drop.receive(0, 0, frame(ALL, C), 5);
  assert.deepEqual(ports(drop), [1], "a flush makes room at once");

  const flood = limited("flood");
  fill(flood);
  for (const from of [C, D]) flood.receive(0, 0, frame(ALL, from), 2);
  assert.deepEqual(ports(flood), [1, 1], "forwarded");
  assert.equal(only(flood).locate(0, C, 10), -1, "not learned");

  const shut = limited("shutdown");
  fill(shut);
  shut.receive(0, 0, frame(ALL, C), 2);
  shut.receive(0, 0, frame(ALL, A), 3);
  assert.deepEqual(shut.drops(), ["mac-limit", "shut"]);
  assert.equal(only(shut).protection.shut.why(0), Why.MacLimit);
});

test("BR-9 static stations do not fall under the limit of another channel, and stay where they are", () => {
  const rig = new BridgeRig({
    members: [{ ...access(10), macLimit: { limit: 1, action: "drop", recovery: 0 } }, access(10)],
    bridge: { statics: [{ mac: C, vlan: 10, channel: 1 }] },
  });
  rig.receive(0, 0, frame(ALL, A), 1);
  rig.receive(0, 0, frame(ALL, C), 1);
  assert.equal(only(rig).locate(0, C, 10), 1);
  assert.deepEqual(ports(rig), [1, 1]);
});

test("BR-9 cores that let the last station in at once end with as many as the limit says, and all alike", () => {
  const members = [
    { ...access(10), macLimit: { limit: 3, action: "drop", recovery: 0 } as const },
    access(10),
  ];
  const mac = fc.integer({ min: 1, max: 6 }).map((n) => 0x0200_0000_0100 + n);
  fc.assert(
    fc.property(
      fc.array(fc.record({ core: fc.nat(2), from: mac, deliver: fc.nat(6) }), { maxLength: 40 }),
      (steps) => {
        const rig = new BridgeRig({ cores: 3, members });
        let now = 1;
        for (const { core, from, deliver } of steps) {
          now += 0.2;
          rig.receive(core, 0, frame(ALL, from), now);
          for (let n = 0; n < deliver; n++) rig.deliverOne(n, now);
        }
        rig.settle(now + 1);
        assert.ok(rig.entries(0).length <= 3, `${rig.entries(0)}`);
        assert.deepEqual(rig.entries(1), rig.entries(0));
        assert.deepEqual(rig.entries(2), rig.entries(0));
      },
    ),
  );
});

test("BR-9 isolation: who reaches whom, by unicast, flood and group, is what the plain rule says", () => {
  // 0 everybody, 1 isolated, 2 and 3 communities.
  const isolation = fc.array(fc.constantFrom(0, 1, 2, 3), { minLength: 2, maxLength: 5 });
  fc.assert(
    fc.property(isolation, (kinds) => {
      const rig = new BridgeRig({
        members: kinds.map((kind) => ({ ...access(10), ...(kind > 0 ? { isolation: kind } : {}) })),
        bridge: { moveLimit: 0 },
      });
      const reaches = (from: number, to: number): boolean => {
        const [a, b] = [kinds[from], kinds[to]];
        return from !== to && (a === 0 || b === 0 || (a === b && a !== 1));
      };
      for (const from of kinds.keys()) rig.receive(0, from, frame(ALL, A + from), 1);
      rig.sent();
      for (const from of kinds.keys()) {
        const wanted = [...kinds.keys()].filter((to) => reaches(from, to));
        for (const to of [ALL, GROUP, D + 0x1000]) {
          rig.receive(0, from, frame(to, A + from), 2);
          assert.deepEqual(ports(rig), wanted, `${kinds} from ${from}`);
        }
        for (const to of kinds.keys()) {
          if (to === from) continue;
          rig.receive(0, from, frame(A + to, A + from), 2);
          assert.deepEqual(ports(rig), reaches(from, to) ? [to] : []);
        }
      }
    }),
  );
});

test("BR-9 an isolated channel reaches the appliance, and the appliance it", () => {
  const rig = new BridgeRig({
    members: [
      { ...access(10), isolation: 1 },
      { ...access(10), isolation: 1 },
    ],
    interfaces: [bridgeInterface(OWN, 10)],
  });
  rig.receive(0, 0, frame(OWN, A), 1);
  rig.receive(0, 0, frame(ALL, A), 1);
  assert.equal(rig.insides[0]?.delivered.length, 2);
  const { start, end } = rig.recorders[0]?.frame(frame(ALL, OWN)) ?? { start: 0, end: 0 };
  only(rig).output(0, start, end, 2);
  assert.deepEqual(ports(rig), [0, 1]);
});

const LOOPS = { interval: 1000, action: "shutdown", recovery: 60_000 } as const;

/** Lets each core tick, and brings what it sends on looped channels back to any core. */
function join(rig: BridgeRig, now: number, cable: ReadonlyMap<number, number>, core = 0): number {
  let back = 0;
  for (const bridge of rig.bridges) bridge.tick(now);
  for (const recorder of rig.recorders) {
    for (const { port, hex } of recorder.frames.splice(0)) {
      const to = cable.get(port);
      if (to === undefined) continue;
      back++;
      rig.receive(core, to, hex, now);
    }
  }
  rig.settle(now);
  return back;
}

test("BR-9 own probes that come back shut one channel of a loop, on every core, until its time is over", () => {
  for (const core of [0, 1]) {
    const rig = new BridgeRig({
      cores: 2,
      members: [access(10), access(10), access(10)],
      bridge: { loopDetection: LOOPS, seed: 7 },
    });
    assert.equal(
      join(
        rig,
        0,
        new Map([
          [0, 1],
          [1, 0],
        ]),
        core,
      ),
      2,
      "both probes cross",
    );
    for (const bridge of rig.bridges) {
      assert.deepEqual(
        [0, 1, 2].map((channel) => bridge.protection.shut.why(channel)),
        [Why.None, Why.Loop, Why.None],
      );
    }
    assert.deepEqual(eventsOf(rig, "loop-detected").length, 1);
    rig.receive(1, 1, frame(ALL, A), 10);
    assert.deepEqual(
      rig.drops(1).filter((name) => name !== "loop-probe"),
      ["shut"],
    );
    assert.equal(
      join(
        rig,
        2000,
        new Map([
          [0, 1],
          [1, 0],
        ]),
      ),
      1,
      "a shut channel sends no probes",
    );
    assert.equal(
      join(
        rig,
        60_001,
        new Map([
          [0, 1],
          [1, 0],
        ]),
      ),
      2,
      "open again, and found again",
    );
    assert.equal(rig.bridges[1]?.protection.shut.isShut(1), true);
  }
});

test("BR-9 a loop behind one channel shuts that channel; probes of strangers and of other bridges pass", () => {
  const options = {
    members: [access(10), trunk(0, 20, 30), access(10)],
    bridge: { loopDetection: LOOPS, seed: 7 },
  };
  const rig = new BridgeRig(options);
  only(rig).tick(0);
  const [first, second] = rig.sent();
  assert.equal(
    second?.slice(2).slice(24, 32),
    "81000014",
    "on the lowest VLAN where none is untagged",
  );
  const other = first?.slice(2).replace("02ff00000000", "02ff00000044") ?? "";
  const stranger = `${other.slice(0, 40)}02ff00000044${other.slice(52)}`;
  rig.receive(0, 0, stranger, 1);
  assert.deepEqual(ports(rig), [2], "another system's");
  rig.receive(0, 1, second?.slice(2) ?? "", 1);
  assert.equal(only(rig).protection.shut.why(1), Why.Loop);
  assert.equal(only(rig).protection.shut.isShut(0), false);
});

test("BR-9 an operator opens what was shut; action report only tells; a reload keeps what is shut", () => {
  const options = {
    cores: 2,
    members: [access(10), access(10)],
    bridge: { loopDetection: { ...LOOPS, recovery: 0 } },
  };
  const rig = new BridgeRig(options);
  join(rig, 0, new Map([[0, 1]]));
  assert.equal(only(rig).protection.shut.until(1), Infinity);
  const { bridging, common } = rigConfig(options);
  for (const bridge of rig.bridges) bridge.configure(bridging, common, 10);
  assert.equal(rig.bridges[1]?.protection.shut.isShut(1), true);
  assert.equal(only(rig).protection.shut.open(-1, 20), 1);
  rig.settle(20);
  assert.equal(rig.bridges[1]?.protection.shut.isShut(1), false);
  rig.receive(1, 1, frame(ALL, A), 21);
  assert.deepEqual(ports(rig, 1).length, 1);

  const told = new BridgeRig({
    ...options,
    bridge: { loopDetection: { ...LOOPS, action: "report" as const } },
  });
  join(told, 0, new Map([[0, 1]]));
  assert.equal(eventsOf(told, "loop-detected").length, 1);
  assert.equal(only(told).protection.shut.isShut(1), false);
});

test("BR-9 an own MAC that comes from outside is told, and learned by nobody", () => {
  const rig = new BridgeRig({
    members: [access(10), access(10)],
    interfaces: [bridgeInterface(OWN, 10)],
  });
  for (let n = 0; n < 5; n++) rig.receive(0, 1, frame(ALL, OWN), n);
  assert.deepEqual(eventsOf(rig, "own-mac-seen"), [[0, 1, OWN, 10]]);
  assert.equal(only(rig).locate(0, OWN, 10), -1);
});

test("BR-9 shut channels: lost and reordered words leave all cores alike after a re-sync", () => {
  const step = fc.record({
    core: fc.nat(2),
    channel: fc.nat(3),
    open: fc.boolean(),
    deliver: fc.nat(4),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.nat(2), (steps, lost) => {
      const rig = new BridgeRig({ cores: 3, members: [0, 1, 2, 3].map(() => access(10)) });
      let now = 1;
      for (const { core, channel, open, deliver } of steps) {
        now += 0.1;
        const { shut } = (rig.bridges[core] as Bridging).protection;
        if (open) shut.open(channel, now);
        else shut.shut(channel, Why.Loop, 0, now);
        for (let n = 0; n < deliver; n++) rig.deliverOne(n, now);
      }
      for (let from = 0; from < 3; from++) if (from !== lost) rig.lose(from, lost);
      rig.settle(now);
      for (let from = 0; from < 3; from++) {
        for (let to = 0; to < 3; to++) if (from !== to) rig.bridges[from]?.resync(to, 0, 64);
      }
      rig.settle(now);
      const states = rig.bridges.map((bridge) =>
        [0, 1, 2, 3].map((channel) => bridge.protection.shut.isShut(channel)),
      );
      assert.deepEqual(states[1], states[0]);
      assert.deepEqual(states[2], states[0]);
    }),
  );
});
