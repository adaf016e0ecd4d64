// `show health`, what no other test of the control plane asks for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CORE_AT, CoreCounter } from "../engine/counter.ts";
import { FakeAppliance } from "./fake-appliance.ts";
import { healthRows } from "./health.ts";

const SUBJECT = "neighbour discovery";
const textOf = (address: string): string => `
cores: {count: 2}
ports:
  p0: {driver: memory}
interfaces:
  lan: {channel: p0, addresses: ["${address}"]}
`;

test("OPS-3 health sums what neighbour discovery handed over and resolves, over all cores", () => {
  const appliance = new FakeAppliance(textOf("2001:db8:1::1/64"));
  for (const core of [0, 1]) {
    appliance.counters(core)[CORE_AT + CoreCounter.NdHandedOver] = 5 + core;
    appliance.counters(core)[CORE_AT + CoreCounter.NdPending] = 2;
  }

  const found = healthRows(appliance, []).find(({ subject }) => subject === SUBJECT);

  assert.equal(found?.["state"], "ok");
  assert.match(String(found?.["detail"]), /^11 advertisements handed over .* 4 addresses in resol/);
});

test("OPS-3 an appliance without IPv6 has no row for neighbour discovery", () => {
  const rows = healthRows(new FakeAppliance(textOf("192.0.2.1/24")), []);
  assert.ok(rows.length > 0 && rows.every(({ subject }) => subject !== SUBJECT));
});
