import assert from "node:assert/strict";
import { test } from "node:test";
import { BUCKET_AT } from "../engine/counter.ts";
import { FakeAppliance } from "./fake-appliance.ts";
import { planRows } from "./steering-plan.ts";

class Uneven extends FakeAppliance {
  readonly loads: readonly number[] = [0.9, 0.1, 0.3];

  override cores(): ReturnType<FakeAppliance["cores"]> {
    return super.cores().map((core, n) => ({ ...core, load: this.loads[n] ?? 0 }));
  }
}

const loadsOf = (row: Record<string, unknown> | undefined): string[] =>
  (row?.["loads"] ?? []) as string[];

test("CORE-7 a dry run says which buckets would move and what load each core would have, and moves none", () => {
  const appliance = new Uneven("cores: {count: 3}");
  for (let bucket = 0; bucket < 126; bucket += 3) appliance.counters(0)[BUCKET_AT + bucket] = 10;
  const before = [...appliance.buckets()];

  const rows = planRows(appliance);

  assert.deepEqual(rows[0], {
    step: 0,
    bucket: null,
    from: null,
    to: null,
    loads: ["90 %", "10 %", "30 %"],
  });
  assert.ok(rows.length > 5, `${rows.length}`);
  assert.ok(rows.slice(1).every(({ from, to }) => from === 0 && to !== 0));
  const last = loadsOf(rows.at(-1)).map((text) => Number.parseFloat(text));
  assert.ok(Math.max(...last) - Math.min(...last) <= 20.1, String(last));
  assert.ok(Math.abs(last.reduce((sum, load) => sum + load) - 130) < 1, "no load is lost");
  assert.deepEqual([...appliance.buckets()], before);
});

test("CORE-7 a core out of service takes no part in the dry run", () => {
  const appliance = new Uneven("cores: {count: 3}");
  appliance.setCore(1, false);
  for (let bucket = 0; bucket < 126; bucket += 3) appliance.counters(0)[BUCKET_AT + bucket] = 10;

  const rows = planRows(appliance);

  assert.ok(rows.slice(1).every(({ to }) => to === 2));
  assert.equal(loadsOf(rows[0])[1], "");
});
