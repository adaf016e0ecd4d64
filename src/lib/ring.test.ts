import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Arena, Planner } from "./arena.ts";
import { planRing, RingReceiver, RingSender } from "./ring.ts";

function makeRing(capacity: number): { arena: Arena; sender: RingSender; receiver: RingReceiver } {
  const planner = new Planner();
  const at = planRing(planner, capacity);
  const arena = Arena.create(planner.size);
  return {
    arena,
    sender: new RingSender(arena, at, capacity),
    receiver: new RingReceiver(arena, at, capacity),
  };
}

test("CORE-2 records arrive in order, and only once published", () => {
  const { arena, sender, receiver } = makeRing(8);

  for (let n = 1; n <= 3; n++) arena.view.setUint32(sender.claim(), n);
  assert.equal(receiver.available(), 0);
  assert.equal(sender.publish(), true);

  assert.equal(receiver.available(), 3);
  const seen = [receiver.next(), receiver.next(), receiver.next()].map((at) =>
    arena.view.getUint32(at),
  );
  assert.deepEqual(seen, [1, 2, 3]);
  assert.equal(receiver.next(), -1);
  assert.equal(sender.publish(), false);
});

test("CORE-3 a full ring refuses, and takes again what was released", () => {
  const { sender, receiver } = makeRing(4);
  for (let n = 0; n < 4; n++) assert.ok(sender.claim() > 0);
  assert.equal(sender.claim(), -1);
  sender.publish();
  receiver.available();
  receiver.next();
  assert.equal(sender.claim(), -1, "read, but not released");
  receiver.release();
  assert.ok(sender.claim() > 0);
  assert.equal(sender.claim(), -1);
});

test("CORE-2 the ring equals a queue under random operations", () => {
  const operation = fc.constantFrom("claim", "publish", "next", "release" as const);
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
      const { arena, sender, receiver } = makeRing(16);
      const drafted: number[] = [];
      const published: number[] = [];
      let inUse = 0;
      let read = 0;
      let counter = 0;
      for (const op of operations) {
        if (op === "claim") {
          const at = sender.claim();
          assert.equal(at < 0, inUse === 16);
          if (at < 0) continue;
          inUse++;
          arena.view.setUint32(at, ++counter);
          drafted.push(counter);
        } else if (op === "publish") {
          assert.equal(sender.publish(), drafted.length > 0);
          published.push(...drafted.splice(0));
        } else if (op === "next") {
          receiver.available();
          const at = receiver.next();
          const expected = published.shift();
          assert.equal(at < 0 ? undefined : arena.view.getUint32(at), expected);
          if (at >= 0) read++;
        } else {
          receiver.release();
          inUse -= read;
          read = 0;
        }
      }
    }),
  );
});
