import assert from "node:assert/strict";
import { test } from "node:test";
import { EVENT_NAMES, EventCode } from "../engine/event.ts";
import type { RawEvent } from "./appliance-port.ts";
import { describeEvent } from "./event-text.ts";
import { SMALL } from "./example.ts";
import { planOf } from "./fake-appliance.ts";

const { config } = planOf(SMALL);
const event = (code: number, a = 0, b = 0, c = 0, d = 0): RawEvent => ({
  sequence: 1,
  time: 1000,
  core: 1,
  code,
  a,
  b,
  c,
  d,
});

test("OPS-3 an event names what changed, from what to what, and why", () => {
  const moved = event(EventCode["station-moved"], 0x020000000009, 10, 0, 1);
  assert.deepEqual(describeEvent(moved, config), {
    time: "1970-01-01T00:00:01.000Z",
    core: 1,
    subject: "station 02:00:00:00:00:09 vlan 10",
    from: "p0",
    to: "p1",
    cause: "station-moved",
    evidence: "",
  });
  const failed = describeEvent(event(EventCode["arp-failed"], 0, 0xc0000209, 3), config);
  assert.equal(failed.subject, "arp 192.0.2.9");
  assert.equal(failed.evidence, "3 requests on vlan10 without an answer");
  const role = describeEvent(event(EventCode["role-changed"], 0, -1, 1), config);
  assert.deepEqual([role.subject, role.from, role.to], ["role arp", "", "core 1"]);
});

test("every event code, and one that is not known, becomes a line", () => {
  for (let code = 0; code <= EVENT_NAMES.length; code++) {
    const { cause, subject, evidence } = describeEvent(event(code, 0, 1, 1, 1), config);
    assert.equal(cause, EVENT_NAMES[code] ?? `event ${code}`);
    assert.notEqual(subject + evidence, "");
  }
});

test("things that a reload removed keep their numbers in old events", () => {
  assert.equal(describeEvent(event(EventCode["port-up"], 77), config).subject, "port number 77");
});
