// The bus where a whole table is owed to a peer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_COUNTERS } from "../engine/counter.ts";
import { FIELDS, Message, type MessageName, RECORD, Table } from "../engine/message.ts";
import { Arena, Planner } from "../lib/arena.ts";
import { Prng } from "../lib/prng.ts";
import { Bus } from "./bus.ts";
import { initControl, planLayout } from "./layout.ts";

test("CORE-3 while a whole table is owed its news are not told, but refusals are: the table may have no room for them", () => {
  const planner = new Planner();
  const layout = planLayout(planner, 2, 2 ** 22);
  const record = planner.reserve(RECORD);
  const arena = Arena.create(planner.size);
  initControl(arena, layout, [0, 0], 128);
  const owner = { give: (): void => {} };
  const [from, to] = [0, 1].map(
    (core) => new Bus(arena, layout, core, new Float64Array(BLOCK_COUNTERS), owner),
  ) as [Bus, Bus];
  const heard = (name: MessageName): boolean => {
    arena.u8[record] = Message[name];
    assert.ok(from.send(1, record, Table.Bridge, -1));
    from.publish();
    if (!to.poll()) return false;
    const isHeard = to.next() >= 0;
    while (to.next() >= 0);
    to.release();
    return isHeard;
  };

  assert.ok(heard("bridge-delete"));
  from.markDirty(1, Table.Bridge);
  assert.ok(!heard("bridge-delete"));
  assert.ok(heard("bridge-refuse"));
  from.beginResync(1, Table.Bridge);
  assert.ok(heard("bridge-delete"));
});

test("CORE-3 a refusal that is lost behind a full ring is noted until it is asked for, or the peer is gone; nothing else is", () => {
  const planner = new Planner();
  const layout = { ...planLayout(planner, 3, 2 ** 20, 8), backlog: 4 };
  const record = planner.reserve(RECORD);
  const arena = Arena.create(planner.size);
  initControl(arena, layout, [0, 0, 0], 128);
  const bus = new Bus(arena, layout, 0, new Float64Array(BLOCK_COUNTERS), { give: () => {} });
  const send = (name: MessageName, times: number): void => {
    arena.u8[record] = Message[name];
    for (let n = 0; n < times; n++) bus.send(1, record, Table.Bridge, -1);
  };

  send("bridge-refuse", 8 + 4);
  assert.equal(bus.takeMissedRefusals(1), false, "ring and backlog hold them");
  send("bridge-delete", 1);
  assert.equal(bus.takeMissedRefusals(1), false, "the table tells of a deletion");
  send("bridge-refuse", 1);
  assert.equal(bus.takeMissedRefusals(2), false);
  assert.equal(bus.takeMissedRefusals(1), true);
  assert.equal(bus.takeMissedRefusals(1), false);
  send("bridge-refuse", 1);
  bus.forget(1);
  assert.equal(bus.takeMissedRefusals(1), false);
});

test("CORE-3 a buffer that went along with a record comes back once, and not before the record was released", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Prng(seed);
    const planner = new Planner();
    const layout = { ...planLayout(planner, 2, 2 ** 20, 8), backlog: 8 };
    const record = planner.reserve(RECORD);
    const arena = Arena.create(planner.size);
    initControl(arena, layout, [0, 0], 128);
    const lent = new Set<number>();
    const released = new Set<number>();
    const give = (buffer: number): void => {
      assert.ok(released.delete(buffer), `seed ${seed}: buffer ${buffer} is still in use`);
      lent.delete(buffer);
    };
    const [from, to] = [0, 1].map(
      (core) => new Bus(arena, layout, core, new Float64Array(BLOCK_COUNTERS), { give }),
    ) as [Bus, Bus];
    const receive = (most: number): void => {
      const read: number[] = [];
      to.poll();
      for (let n = 0; n < most; n++) {
        const at = to.next();
        if (at < 0) break;
        read.push(arena.view.getInt32(at + FIELDS));
      }
      for (const buffer of read) if (buffer >= 0) released.add(buffer);
      to.release();
    };
    // Long times without a frame, and short ones with many.
    for (let step = 0, next = 0, share = 0; step < 400; step++) {
      if (random.chance(0.05)) share = random.pick([0, 0, 0.1, 0.7]);
      if (random.chance(0.6)) {
        const buffer = random.chance(share) ? next++ : -1;
        arena.u8[record] = Message["bridge-delete"];
        arena.view.setInt32(record + FIELDS, buffer);
        if (from.send(1, record, -1, buffer) && buffer >= 0) lent.add(buffer);
      }
      if (random.chance(0.4)) from.publish();
      if (random.chance(0.3)) receive(random.below(12));
    }
    for (let n = 0; n < 8; n++) {
      from.publish();
      receive(100);
    }
    from.publish();
    assert.deepEqual([...lent], [], `seed ${seed}: all came back`);
  }
});
