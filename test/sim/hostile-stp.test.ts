import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzBpdus } from "./hostile-stp.ts";

test("BR-7 forty thousand hostile BPDUs are counted by reason, nothing is thrown, and the ports recover", () => {
  const { drops, transitions } = fuzzBpdus(1, 40_000);

  for (const reason of [
    "bpdu-llc",
    "bpdu-short",
    "bpdu-protocol",
    "bpdu-type",
    "bpdu-age",
    "bpdu-own",
    "bpdu-guard",
    "bpdu-rate",
  ] as const) {
    assert.ok((drops[reason] ?? 0) > 0, `${reason} in ${JSON.stringify(drops)}`);
  }
  assert.ok(transitions > 100, `${transitions} transitions`);
});
