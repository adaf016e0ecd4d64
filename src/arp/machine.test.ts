import assert from "node:assert/strict";
import { test } from "node:test";
import { AcdInput, isAnswered, nextPhase, Phase, wait } from "./acd.ts";
import { Input, isUsable, next, State } from "./machine.ts";

// One row per state: what follows on Wanted, Heard, Exhausted, AgedUsed, AgedIdle, Deleted, Forgotten.
const TABLE: Record<keyof typeof State, (keyof typeof State)[]> = {
  Reachable: ["Reachable", "Reachable", "Reachable", "Probing", "Gone", "Gone", "Reachable"],
  Probing: ["Probing", "Reachable", "Gone", "Probing", "Probing", "Gone", "Probing"],
  Pending: ["Pending", "Reachable", "Failed", "Pending", "Pending", "Gone", "Pending"],
  Failed: ["Failed", "Reachable", "Failed", "Failed", "Failed", "None", "None"],
  Gone: ["Pending", "Reachable", "Gone", "Gone", "Gone", "Gone", "None"],
  None: ["Pending", "Reachable", "None", "None", "None", "None", "None"],
};

for (const [name, row] of Object.entries(TABLE)) {
  test(`ARP-4 ARP-6 a ${name} address follows its row of the table on every input`, () => {
    const inputs = Object.entries(Input);
    assert.equal(inputs.length, row.length);
    for (const [column, [input, value]] of inputs.entries()) {
      const to = next(State[name as keyof typeof State], value);
      assert.equal(to, State[row[column] as keyof typeof State], `${name} on ${input}`);
    }
  });
}

test("only a reachable or probing address may be sent to", () => {
  const usable = Object.entries(State).filter(([, state]) => isUsable(state));
  assert.deepEqual(
    usable.map(([name]) => name),
    ["Reachable", "Probing"],
  );
});

const ACD: [
  phase: keyof typeof Phase,
  input: keyof typeof AcdInput,
  sent: number,
  to: keyof typeof Phase,
][] = [
  ["Probing", "Timer", 0, "Probing"],
  ["Probing", "Timer", 2, "Probing"],
  ["Probing", "Timer", 3, "Announcing"],
  ["Probing", "Conflict", 1, "Rejected"],
  ["Announcing", "Timer", 0, "Announcing"],
  ["Announcing", "Timer", 1, "Announcing"],
  ["Announcing", "Timer", 2, "InUse"],
  ["Announcing", "Conflict", 1, "Announcing"],
  ["InUse", "Timer", 0, "InUse"],
  ["InUse", "Conflict", 0, "InUse"],
  ["Rejected", "Timer", 0, "Probing"],
  ["Rejected", "Conflict", 0, "Rejected"],
];
for (const [phase, input, sent, to] of ACD) {
  test(`ARP-7 RFC 5227: ${phase} with ${sent} frames sent goes to ${to} on ${input}`, () => {
    assert.equal(nextPhase(Phase[phase], AcdInput[input], sent), Phase[to]);
  });
}

test("ARP-7 RFC 5227 1.1: waits lie within the standard's bounds, and only a used address is answered for", () => {
  for (const jitter of [0, 0.5, 1]) {
    assert.ok(wait(Phase.Probing, 0, jitter) <= 1000);
    for (const sent of [1, 2]) {
      const time = wait(Phase.Probing, sent, jitter);
      assert.ok(time >= 1000 && time <= 2000);
    }
    assert.equal(wait(Phase.Probing, 3, jitter), 2000);
    assert.equal(wait(Phase.Announcing, 1, jitter), 2000);
    assert.equal(wait(Phase.Rejected, 0, jitter), 60_000);
  }
  assert.deepEqual(Object.values(Phase).filter(isAnswered), [Phase.Announcing, Phase.InUse]);
});
