import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Wheel } from "./wheel.ts";

/** Everything that is due, as often as the wheel bounds a call. */
function drain(wheel: Wheel, now: number): number[] {
  const slots: number[] = [];
  for (let idle = 0; idle < 64; ) {
    const slot = wheel.expire(now);
    if (slot < 0) idle++;
    else slots.push(slot);
  }
  return slots;
}

const delay = fc.oneof(
  fc.double({ min: 0, max: 5, noNaN: true }),
  fc.double({ min: 0, max: 100, noNaN: true }),
  fc.double({ min: 0, max: 10_000, noNaN: true }),
  fc.double({ min: 0, max: 20_000_000, noNaN: true }),
  fc.double({ min: 0, max: 3_000_000_000, noNaN: true }),
);

test("a wheel fires what a sorted list would, at random steps, also around 2^31 and 2^32 milliseconds", () => {
  const step = fc.tuple(fc.constantFrom("set", "set", "clear", "run"), fc.nat(31), delay);
  const from = fc.constantFrom(
    0,
    4095.5,
    2 ** 30 - 3,
    2 ** 31 - 70,
    2 ** 32 - 5000,
    2 ** 40 + 0.25,
  );
  fc.assert(
    fc.property(from, fc.array(step, { maxLength: 120 }), (start, steps) => {
      const wheel = new Wheel(32);
      const model = new Map<number, number>();
      const ticks = new Map<number, number>();
      let now = start;
      drain(wheel, now);
      for (const [what, slot, time] of steps) {
        if (what === "set") {
          wheel.set(slot, now + time);
          model.set(slot, now + time);
          ticks.set(slot, Math.max(Math.ceil(now + time), Math.floor(now) + 1));
        } else if (what === "clear") {
          wheel.clear(slot);
          model.delete(slot);
        } else {
          now += time;
          const due = [...model.keys()].filter((one) => ticks.get(one)! <= Math.floor(now));
          const fired = drain(wheel, now);
          assert.deepEqual(fired.toSorted(), due.toSorted());
          for (const one of fired) model.delete(one);
        }
        assert.equal(wheel.size, model.size);
        for (let one = 0; one < 32; one++) assert.equal(wheel.isSet(one), model.has(one));
        for (const [one, at] of model) assert.equal(wheel.due(one), at);
      }
    }),
    { numRuns: 400 },
  );
});

test("a wheel fires in the order of time", () => {
  const wheel = new Wheel(1000);
  for (let slot = 0; slot < 1000; slot++) wheel.set(slot, (slot * 7919) % 5003);
  const times: number[] = [];
  for (let now = 0; now <= 5018; now += 13) {
    for (let slot = wheel.expire(now); slot >= 0; slot = wheel.expire(now))
      times.push((slot * 7919) % 5003);
  }
  assert.equal(times.length, 1000);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
});

test("one call moves at most a bounded number of timers, and none is lost for it", () => {
  const wheel = new Wheel(20_000);
  for (let slot = 0; slot < 20_000; slot++) wheel.set(slot, 1_200_000 + (slot % 60));
  let calls = 0;
  let fired = 0;
  while (fired < 20_000) {
    calls++;
    for (let slot = wheel.expire(1_200_060); slot >= 0; slot = wheel.expire(1_200_060)) fired++;
    assert.ok(calls < 500, "it stands still");
  }
  assert.ok(calls >= 20_000 / 512, "a call did unbounded work");
  assert.equal(wheel.size, 0);
});

test("a timer set for the past fires at the next call, and one set while firing does not starve the rest", () => {
  const wheel = new Wheel(4);
  wheel.expire(1000);
  wheel.set(0, 3);
  assert.equal(wheel.expire(1000), -1);
  assert.equal(wheel.expire(1001), 0);
  wheel.set(1, 1002);
  wheel.set(2, 1002);
  assert.equal(wheel.expire(1002), 1);
  wheel.set(1, 1003);
  assert.equal(wheel.expire(1002), 2);
  assert.equal(wheel.expire(1002), -1);
  assert.equal(wheel.expire(1003), 1);
});
