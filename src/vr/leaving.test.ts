import assert from "node:assert/strict";
import { test } from "node:test";
import type { CommonConfig } from "../engine/config.ts";
import { Advert } from "./advert.ts";
import { VR_ROUTER_DEFAULTS, type VrRouterConfig } from "./config.ts";
import { Leaving, sleepLimit } from "./leaving.ts";
import { Machine, OFF } from "./machine.ts";
import { Send } from "./rules.ts";

const COMMON: CommonConfig = {
  ports: [],
  channels: [],
  interfaces: [
    {
      name: "lan",
      mac: 0x02ee_0000_0001,
      bridge: -1,
      channel: 0,
      vlan: 0,
      addresses: [{ address: 0xc0000202, prefix: 24 }],
      proxyArp: false,
      mtu: 1500,
    },
  ],
};
const CONFIG: VrRouterConfig = {
  ...VR_ROUTER_DEFAULTS,
  name: "gw",
  iface: 0,
  vrid: 9,
  addresses: [0xc0000201],
};

/** A machine that is Active, or Backup. */
function machineOf(isActive: boolean): Machine {
  const machine = new Machine(CONFIG, 4, COMMON, 0);
  machine.enter(isActive ? 2 : 1, 0, 0, 0);
  assert.equal(machine.isActive, isActive);
  return machine;
}

test("VR-3 leaving says so once for each Active router, and waits for each one's successor", () => {
  const leaving = new Leaving();
  const active = machineOf(true);
  const sent: [Machine, number][] = [];
  const effects = { transmit: (machine: Machine, what: number) => void sent.push([machine, what]) };

  assert.equal(leaving.isOn, false);
  assert.equal(leaving.begin([active, machineOf(false)], effects, 0), 1);
  assert.equal(leaving.begin([active], effects, 10), 1, "still waiting");
  assert.deepEqual(sent, [[active, Send.Release]]);

  const advert = new Advert();
  advert.priority = 0;
  leaving.heard(active, advert);
  assert.equal(leaving.begin([active], effects, 20), 1, "another one that leaves is no successor");
  advert.priority = 100;
  leaving.heard(active, advert);
  assert.equal(leaving.begin([active], effects, 30), 0);
});

test("VR-3 a core sleeps to the next timer of its routers, and never so long that it looks stalled", () => {
  const machine = machineOf(false);
  for (const timer of ["advertAt", "downAt", "standbyAt", "burstAt"] as const) machine[timer] = OFF;
  machine.interval = 1000;

  assert.equal(sleepLimit([], 0), Number.POSITIVE_INFINITY);
  assert.equal(sleepLimit([machine], 0), 250);
  machine.downAt = 107;
  assert.equal(sleepLimit([machine], 100), 7);
  machine.interval = 10;
  assert.equal(sleepLimit([machine], 100), 2.5);
});
