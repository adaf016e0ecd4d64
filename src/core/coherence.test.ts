import assert from "node:assert/strict";
import { test } from "node:test";
import { EventCode } from "../engine/event.ts";
import { Table } from "../engine/message.ts";
import { access, plainConfig } from "../sim/configs.ts";
import { Coherence, comparableTables, type Digests } from "./coherence.ts";

const ALL = 0x7f;
const digests = (...bridge: number[]): Digests[] =>
  bridge.map((digest) => [
    { table: Table.Bridge, digest },
    { table: Table.Arp, digest: 7 },
  ]);

/** Looks when they are due; when the first repair was asked for, and all that were. */
function repairsOf(coherence: Coherence, say: (n: number) => Digests[], until: number): number[] {
  const at: number[] = [];
  for (let n = 0; coherence.due <= until; n++) {
    const now = coherence.due;
    if (coherence.look(say(n), ALL, now) !== 0) at.push(now);
  }
  return at;
}

test("CORE-3 equal tables are looked at every ten seconds, and nothing is sent", () => {
  const coherence = new Coherence(() => assert.fail());
  assert.deepEqual(
    repairsOf(coherence, () => digests(1, 1, 1), 60_000),
    [],
  );
  assert.equal(coherence.due, 70_000);
});

test("CORE-3 a table that differs and changes is under way; one that differs and rests is sent again", () => {
  const moving = new Coherence(() => {});
  assert.deepEqual(
    repairsOf(moving, (n) => digests(n, n + 1), 60_000),
    [],
  );
  const resting = new Coherence(() => {});
  const [first] = repairsOf(resting, () => digests(1, 2), 10_000);
  assert.equal(first, 2000, "the third look, a second apart");
});

test("CORE-3 what cannot be repaired is tried ever less often; what was is told with its time", () => {
  const told: [number, readonly number[]][] = [];
  const coherence = new Coherence((code, numbers) => told.push([code, numbers]));
  const at = repairsOf(coherence, () => digests(1, 2), 400_000);
  assert.ok(at.length >= 6 && at.length <= 9, `${at}`);
  assert.ok((at.at(-1) ?? 0) - (at.at(-2) ?? 0) >= 60_000, `${at}`);
  assert.deepEqual(told, [[EventCode["table-differs"], [Table.Bridge]]]);

  const now = coherence.due;
  assert.equal(coherence.look(digests(3, 3), ALL, now), 0);
  assert.deepEqual(told[1], [EventCode["table-repaired"], [Table.Bridge, now - (at[0] ?? 0)]]);
  assert.equal(coherence.repairs[Table.Bridge], at.length);
});

test("BR-10 CORE-3 tables that each core keeps for itself are not compared", () => {
  const independent = plainConfig({
    cores: 2,
    members: [access(1), access(1)],
    bridge: { learning: "independent" },
  });
  assert.equal(comparableTables(independent) & (1 << Table.Bridge), 0);
  const askers = plainConfig({ cores: 2, members: [access(1)], arp: { propagate: "askers" } });
  assert.equal(comparableTables(askers) & (1 << Table.Arp), 0);
  assert.notEqual(comparableTables(askers) & (1 << Table.Bridge), 0);
});
