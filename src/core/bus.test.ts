// The bus where a whole table is owed to a peer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_COUNTERS } from "../engine/counter.ts";
import { Message, type MessageName, RECORD, Table } from "../engine/message.ts";
import { Arena, Planner } from "../lib/arena.ts";
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
