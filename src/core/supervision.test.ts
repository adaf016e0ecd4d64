// The supervisor's decisions on an arena without cores: a test plays the threads and writes the words that cores write.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EventCode } from "../engine/event.ts";
import { access, plainConfig } from "../sim/configs.ts";
import { makeSupervisionRig as makeRig } from "../sim/supervision-rig.ts";
import { loadsOf, Presence, presenceWord } from "./layout.ts";
import { Phase } from "./supervised.ts";
import { Supervision } from "./supervision.ts";

test("CORE-9 a silent core is shown as stalled, then dead in the set time; its buckets and roles move at once", () => {
  const rig = makeRig(4);
  rig.run(100);
  rig.lively.delete(0);

  rig.run(160);
  assert.deepEqual(rig.states(), ["stalled", "online", "online", "online"]);
  rig.run(130);
  assert.equal(rig.master(0), 0, "not before its time");
  rig.run(20);

  assert.deepEqual(rig.states(), ["offline", "online", "online", "online"]);
  assert.deepEqual([rig.master(0), rig.master(1)], [1, 1]);
  assert.ok(!rig.owners().has(0));
  assert.deepEqual(rig.ended, [0]);
  assert.equal(rig.supervision.membership.isAlive(0), false);
});

test("CORE-9 a core that stalls for less than the set time goes on as if nothing were", () => {
  const rig = makeRig(2);
  rig.run(100);
  rig.lively.delete(1);
  rig.run(250);
  rig.lively.add(1);
  rig.run(500);

  assert.deepEqual(rig.states(), ["online", "online"]);
  assert.deepEqual([rig.started, rig.ended], [[], []]);
});

test("CORE-9 a supervisor that was itself held up blames no core", () => {
  const rig = makeRig(2);
  rig.run(100);

  rig.now += 5000; // Nobody beat, nobody looked: the machine slept.
  rig.supervision.turn(rig.now);
  rig.run(200);

  assert.deepEqual(rig.states(), ["online", "online"]);
  assert.deepEqual(rig.ended, []);
});

test("CORE-9 a dead core starts again when its thread is gone, and serves when it has every table", () => {
  const rig = makeRig(2);
  rig.run(50);
  rig.supervision.failed(1, rig.now);
  rig.lively.delete(1);
  rig.run(100);
  assert.deepEqual(rig.started, [], "its thread may still write");

  rig.supervision.ended(1, rig.now);
  rig.run(30);
  assert.deepEqual(rig.started, [1]);
  assert.equal(rig.supervision.state(1), "starting");
  assert.equal(rig.supervision.membership.isAlive(1), false, "nobody sends it anything yet");
  assert.equal(rig.supervision.membership.generation(1), 1);

  rig.lively.add(1);
  rig.supervision.started(1, rig.now);
  rig.run(100);
  assert.equal(rig.supervision.membership.isAlive(1), true, "it is sent tables and changes");
  assert.equal(rig.supervision.phase(1), Phase.Joining);
  assert.ok(!rig.owners().has(1), "but no traffic");

  rig.revive(1);
  rig.run(3000);
  assert.equal(rig.supervision.state(1), "online");
  assert.equal(
    [...rig.supervision.membership.buckets(128)].filter((core) => core === 1).length,
    64,
  );
  assert.equal(rig.supervision.restarts(1), 1);
});

test("CORE-9 restarts that fail wait longer and longer, and end; an operator may try again", () => {
  const rig = makeRig(2, { maxRestarts: 3, restartDelay: 1000 });
  const at: number[] = [];
  rig.run(50);
  rig.lively.delete(1);
  rig.supervision.failed(1, rig.now);
  rig.supervision.ended(1, rig.now);
  for (let n = 0; n < 1500; n++) {
    rig.run(10);
    if (rig.started.length === 0) continue;
    at.push(rig.now);
    rig.started.length = 0;
    rig.supervision.ended(1, rig.now);
  }

  assert.equal(at.length, 3);
  const [first = 0, second = 0, third = 0] = at;
  assert.ok(second - first >= 1000 && second - first < 1100, `${second - first}`);
  assert.ok(third - second >= 2000 && third - second < 2100, `${third - second}`);
  assert.equal(rig.supervision.phase(1), Phase.Offline);
  assert.ok(rig.told.some(({ code }) => code === EventCode["core-given-up"]));

  rig.supervision.setOnline(1, rig.now);
  rig.run(20);
  assert.deepEqual(rig.started, [1]);
});

test("CORE-9 a core goes out of service bucket by bucket, and the last one stays", () => {
  const rig = makeRig(2);
  rig.run(50);
  assert.equal(rig.supervision.setOffline(0, rig.now), "");
  assert.deepEqual([rig.master(0), rig.master(1)], [1, 1], "roles go first");
  assert.ok(rig.owners().has(0), "buckets one at a time");
  rig.run(1500);
  const leave = presenceWord(rig.layout, 0) + Presence.Leave;
  assert.equal(rig.arena.i32[leave], 1);
  rig.lively.delete(0);
  rig.supervision.ended(0, rig.now);
  rig.run(50);

  assert.deepEqual(rig.states(), ["offline", "online"]);
  assert.match(rig.supervision.setOffline(1, rig.now), /last core/);
  assert.deepEqual(rig.started, [], "it stays out");
});

test("CORE-9 a core that leaves gets nothing of one that dies, and the next bucket moves when all have seen that", () => {
  const rig = makeRig(4);
  rig.run(50);
  rig.supervision.setOffline(0, rig.now);
  rig.run(100);
  const mine = (): number[] => {
    const buckets = [...rig.supervision.membership.buckets(128).entries()];
    return buckets.filter(([, core]) => core === 0).map(([bucket]) => bucket);
  };
  const before = mine();
  assert.ok(before.length > 0 && before.length < 32, "it is on its way out");

  rig.lively.clear(); // Nobody acts on what is written from here on.
  rig.supervision.failed(2, rig.now);

  assert.deepEqual(mine(), before);
  assert.ok(!rig.owners().has(2));
  rig.run(100);
  assert.deepEqual(mine(), before, "not before they have");
  for (const core of [0, 1, 3]) rig.lively.add(core);
  rig.run(100);
  assert.ok(mine().length < before.length);
});

test("CORE-8 a role goes to the lowest (priority, id), to the pinned core, and where an operator orders it", () => {
  const rig = makeRig(3, {}, [-1, 2]);
  rig.run(20);
  assert.deepEqual([rig.master(0), rig.master(1)], [0, 2]);
  assert.equal(rig.supervision.setMaster(0, 1), "");
  assert.equal(rig.master(0), 1);
  rig.lively.delete(1);
  rig.lively.delete(2);
  rig.run(400);
  assert.deepEqual([rig.master(0), rig.master(1)], [0, 0]);
  assert.match(rig.supervision.setMaster(0, 1), /not online/);
});

test("CORE-8 a core whose load stays high gives its roles away, and has them again when it is idle for as long", () => {
  const rig = makeRig(2, { overloadThreshold: 0.9, overloadTime: 1000 });
  const loads = loadsOf(rig.arena, rig.layout);
  rig.run(100);
  loads[0] = 0.95;
  rig.run(900);
  assert.equal(rig.master(0), 0, "not at once");
  rig.run(200);
  assert.deepEqual([rig.master(0), rig.master(1)], [1, 1]);

  loads[0] = 0.7;
  rig.run(3000);
  assert.equal(rig.master(0), 1, "between the thresholds nothing moves");
  loads[0] = 0.1;
  rig.run(1200);
  assert.equal(rig.master(0), 0);
});

test("CORE-8 a core that is pinned by the configuration keeps its role under load", () => {
  const rig = makeRig(2, { overloadThreshold: 0.9, overloadTime: 1000 }, [0, -1]);
  loadsOf(rig.arena, rig.layout)[0] = 1;
  rig.run(1500);

  assert.deepEqual([rig.master(0), rig.master(1)], [0, 1]);
});

test("CORE-9 a core that gets no CPU is not dead, unless that lasts", () => {
  const rig = makeRig(2);
  const { supervision } = rig;
  const threads = { starved: true };
  const starving = new Supervision(
    plainConfig({ cores: 2, members: [access(1), access(1)] }),
    rig.arena,
    rig.layout,
    {
      start: () => {},
      end: (core) => void rig.ended.push(core),
      wake: () => {},
      tell: () => {},
      isStarved: () => threads.starved,
    },
    0,
  );
  assert.ok(supervision.serves(1));
  rig.lively.delete(1);
  for (let now = 10; now <= 2000; now += 10) {
    rig.arena.i32[presenceWord(rig.layout, 0) + Presence.Heartbeat] = now;
    starving.turn(now);
  }
  assert.deepEqual([starving.state(1), rig.ended], ["stalled", []]);

  threads.starved = false;
  for (let now = 2010; now <= 2400; now += 10) {
    rig.arena.i32[presenceWord(rig.layout, 0) + Presence.Heartbeat] = now;
    starving.turn(now);
  }
  assert.deepEqual(rig.ended, [1]);
});
