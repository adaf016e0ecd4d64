import assert from "node:assert/strict";
import { test } from "node:test";
import { CoreActions } from "./core-actions.ts";
import { FakeAppliance } from "./fake-appliance.ts";

const refused = (promise: Promise<unknown>, what: RegExp): Promise<void> =>
  assert.rejects(promise, what);

test("CORE-9 a core is taken out of service and into it by its number", async () => {
  const appliance = new FakeAppliance("cores: {count: 2}");
  const actions = new CoreActions(appliance);

  const { detail } = await actions.setCore({ core: "1", state: "offline" });
  assert.equal(detail, "core 1 is offline");
  assert.deepEqual(appliance.states, ["online", "offline"]);
  await actions.setCore({ core: 1, state: "online" });
  assert.deepEqual(appliance.states, ["online", "online"]);
});

test("CORE-8 a role is given to a core, and back to the configuration's", async () => {
  const appliance = new FakeAppliance("cores: {count: 2}");
  const actions = new CoreActions(appliance);

  const { detail } = await actions.setMaster({ role: "link", core: "1" });
  assert.equal(detail, "core 1 is the link master");
  assert.deepEqual(appliance.masters(), [0, 1]);
  await actions.setMaster({ role: "link", core: "auto" });
  assert.deepEqual(appliance.masters(), [0, 0]);
});

test("CORE-8 CORE-9 what is no core, no state and no role is refused", async () => {
  const actions = new CoreActions(new FakeAppliance("cores: {count: 2}"));

  await refused(actions.setCore({ core: "2", state: "offline" }), /"2" is no core/);
  await refused(actions.setCore({ core: "", state: "offline" }), /"" is no core/);
  await refused(actions.setCore({ core: "1", state: "asleep" }), /"asleep" is no state/);
  await refused(actions.setMaster({ role: "boss", core: "1" }), /"boss" is no role/);
  await refused(actions.setMaster({ role: "arp", core: "x" }), /"x" is no core/);
  await refused(actions.setCore({ core: "1", state: "online", more: 1 }), /more/);
});
