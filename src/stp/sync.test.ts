// Who has acknowledged what of a port (BR-7): see sync.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Sync } from "./sync.ts";

test("BR-7 whoever looks whether a port is settled takes nothing from the machines that wait for it", () => {
  const sync = new Sync(3, 1, 0);
  const isAlive = (core: number): boolean => core !== 2;
  sync.want(0);
  sync.advance(0, 250);
  assert.equal(sync.hasSettled(0, isAlive), false);
  sync.acknowledged(0, 1, 1);

  assert.equal(sync.hasSettled(0, isAlive), true, "the third core has died");
  assert.ok(sync.isOverdue(0, 250), "the machines have not heard of it");
  assert.equal(sync.isSettled(0, isAlive), true);
  assert.equal(sync.isOverdue(0, 250), false, "and now they have");
});
