// HSRP against RFC 2281: the table of 5.7 as the RFC prints it, played cell by cell on a router of the engine; then
// what the text around it says. The table below is written out again, apart from the engine's.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type HsrpSpec, hsrpFrame } from "../../src/sim/vr-frames.ts";
import { VrRig, type VrRouter, type VrSpec } from "../../src/sim/vr-rig.ts";
import { cellOf, type HsrpEvent } from "../../src/vr/hsrp.ts";
import { HsrpState } from "../../src/vr/machine.ts";
import * as hsrp from "../../src/wire/hsrp.ts";

const SPEC: VrSpec = {
  protocol: "hsrp",
  version: 1,
  vrid: 5,
  priority: 110,
  preempt: false,
  password: [...Buffer.from("cisco\0\0\0")],
};
const HIGHER = 0xc000_0263;
const HELLO = 3000;
const HOLD = 10_000;

function make(spec: VrSpec = {}): { rig: VrRig; router: VrRouter } {
  const rig = new VrRig([{ ...SPEC, ...spec }]);
  rig.run(1);
  return { rig, router: rig.first };
}

const hear = (router: VrRouter, spec: HsrpSpec = {}): void => {
  router.cores[0]?.receive(hsrpFrame(spec));
  router.settle();
};

interface Said {
  readonly op: number;
  readonly state: number;
  readonly priority: number;
  readonly mac: number;
  readonly hello: number;
  readonly hops: number;
}

function said(rig: VrRig): Said[] {
  return rig.takeFrames().map(({ bytes }) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const at = hsrp.group(view, 42, bytes.length);
    const version = hsrp.version(view, 42);
    return {
      op: hsrp.op(view, at),
      state: hsrp.state(view, at, version),
      priority: hsrp.priority(view, at, version),
      hello: hsrp.hello(view, at, version),
      mac: view.getUint16(6) * 0x1_0000_0000 + view.getUint32(8),
      hops: view.getUint8(22),
    };
  });
}

// RFC 2281 5.7, actions sorted; rows are events, columns the states Initial to Active. "*" = with preemption.
const RFC: Readonly<Record<string, readonly string[]>> = {
  a: ["AB/3", "", "", "", "", ""],
  b: ["", "CD/1", "CD/1", "CD/1", "CD/1", "CDH/1"],
  c: ["", "", "AB/4", "", "CDFI/6", ""],
  d: ["", "", "B/4", "D/5", "", ""],
  e: ["", "", "", "F", "F", "F"],
  f: ["", "", "", "B/3", "B/3", ""],
  g: ["", "ABE/3", "AE", "AE", "AE", "AB/4"],
  h: ["", "ABE/3", "A", "A", "A", "G"],
  "h*": ["", "ABE/3", "BFGI/6", "BFGI/6", "BFGI/6", "G"],
  i: ["", "", "AB/4", "A", "CFI/6", ""],
  j: ["", "", "", "", "", "ABH/4"],
  k: ["", "", "B", "B/3", "B/3", "B"],
  l: ["", "", "B/4", "D/5", "", "B"],
};

test("VR-5 the machine's table is that of RFC 2281 5.7", () => {
  for (const [row, cells] of Object.entries(RFC)) {
    for (const [state, expected] of cells.entries()) {
      const { actions, to } = cellOf(row[0] as HsrpEvent, state, row.endsWith("*"));
      const sorted = [...actions].sort().join("");
      assert.equal(
        to < 0 ? sorted : `${sorted}/${to + 1}`,
        expected,
        `${row} in state ${state + 1}`,
      );
    }
  }
});

// --- every cell, played ---------------------------------------------------------------------------------------------

/** Brings a router into a state by what the protocol offers, and forgets how. */
function reach(state: number, spec: VrSpec = {}): { rig: VrRig; router: VrRouter } {
  const made = make(spec);
  const { rig, router } = made;
  const until = (name: string): void => {
    rig.runUntil(() => router.state() === name, 60_000, 10);
  };
  if (state >= HsrpState.Speak) until("speak");
  if (state === HsrpState.Standby) {
    // As if the Active router were heard still.
    router.machine().downAt = rig.now + 60_000;
    until("standby");
    router.machine().downAt = rig.now + HOLD;
  }
  if (state === HsrpState.Active) until("active");
  rig.takeFrames();
  router.announcements.length = 0;
  return made;
}

const EVENTS: Readonly<Record<string, HsrpSpec>> = {
  f: { state: hsrp.State.Speak, priority: 120 },
  g: { state: hsrp.State.Active, priority: 120 },
  h: { state: hsrp.State.Active, priority: 100 },
  "h*": { state: hsrp.State.Active, priority: 100 },
  j: { op: hsrp.Op.Coup, state: hsrp.State.Speak, priority: 120 },
  k: { state: hsrp.State.Standby, priority: 120 },
  l: { state: hsrp.State.Standby, priority: 100 },
};

test("VR-5 every cell of the table does what it says, when the event comes as a frame or a timer", () => {
  for (const [row, cells] of Object.entries(RFC)) {
    for (const [state, cell] of cells.entries()) {
      if (state < HsrpState.Listen || row === "a") continue;
      const { rig, router } = reach(state, { preempt: row.endsWith("*") });
      const machine = router.machine();
      const text = `${row} in state ${state + 1}`;
      play(row, rig, router);
      const [actions = "", to] = cell.split("/");
      assert.equal(machine.state, to === undefined ? state : Number(to) - 1, text);
      const frames = said(rig);
      const count = (op: number): number => frames.filter((one) => one.op === op).length;
      assert.equal(count(hsrp.Op.Hello), actions.includes("F") ? 1 : 0, `${text}: hello`);
      assert.equal(count(hsrp.Op.Coup), actions.includes("G") ? 1 : 0, `${text}: coup`);
      assert.equal(count(hsrp.Op.Resign), actions.includes("H") ? 1 : 0, `${text}: resign`);
      if (actions.includes("I")) assert.equal(router.announcements.length, 1, `${text}: announced`);
      if (actions.includes("A") && machine.state !== HsrpState.Active) {
        assert.equal(machine.downAt, rig.now + HOLD, `${text}: active timer`);
      }
      if (actions.includes("B")) {
        assert.equal(machine.standbyAt, rig.now + HOLD, `${text}: standby timer`);
      }
      if (actions.includes("D")) assert.equal(machine.standbyAt, -1, `${text}: standby stopped`);
      if (actions.includes("C")) assert.equal(machine.downAt, -1, `${text}: active stopped`);
    }
  }
});

/** Makes an event happen. */
function play(row: string, rig: VrRig, router: VrRouter): void {
  const machine = router.machine();
  const frame = EVENTS[row];
  // Somebody must be Active for a resignation to mean anything.
  if (frame !== undefined) hear(router, frame);
  else if (row === "b") router.cores[0]?.vr.stop(rig.now);
  else if (row === "i") {
    machine.follow(
      { mac: 1, channel: 0, source: [0, 0, 0, 0xc000_0209], priority: 120 } as never,
      rig.now,
    );
    hear(router, { op: hsrp.Op.Resign, state: hsrp.State.Active, priority: 120 });
  } else {
    machine.advertAt = row === "e" ? rig.now : -1;
    if (row === "c") machine.downAt = rig.now;
    else if (machine.downAt >= 0) machine.downAt = rig.now + HOLD;
    if (row === "d") machine.standbyAt = rig.now;
    else if (machine.standbyAt >= 0) machine.standbyAt = rig.now + HOLD;
    router.tick();
  }
}

// --- the text -------------------------------------------------------------------------------------------------------

test("VR-5 alone, a router listens for the hold time, speaks for another, and is Active (5.3)", () => {
  const { rig, router } = make();
  assert.equal(router.state(), "listen");
  assert.equal(
    rig.runUntil(() => router.state() === "speak", 60_000, 1),
    HOLD,
  );
  assert.equal(
    rig.runUntil(() => router.state() === "active", 60_000, 1),
    HOLD,
  );
  assert.deepEqual(
    router.machine().history.map(({ to }) => to),
    [2, 3, 4, 5],
    "Standby for no time",
  );
});

test("VR-5 hellos leave at their period, TTL 1, from the virtual MAC while Active alone (3, 5.1)", () => {
  const { rig } = reach(HsrpState.Active);
  rig.run(HELLO * 4);
  const active = said(rig);
  assert.equal(active.length, 4);
  assert.ok(active.every(({ mac, hops }) => mac === 0x0000_0c07_ac05 && hops === 1));
  const speak = reach(HsrpState.Speak);
  speak.rig.run(HELLO);
  assert.deepEqual(
    said(speak.rig).map(({ mac, state }) => [mac, state]),
    [[0x0200_0000_0001, hsrp.State.Speak]],
  );
});

test("VR-5 ties go to the higher address (5.3)", () => {
  const { router } = reach(HsrpState.Active);
  hear(router, { state: hsrp.State.Active, priority: 110, source: 0xc000_0201 });
  assert.equal(router.state(), "active");
  hear(router, { state: hsrp.State.Active, priority: 110, source: HIGHER });
  assert.equal(router.state(), "speak");
});

test("VR-5 times are learned from the Active router, which itself learns none (5.1)", () => {
  const listening = reach(HsrpState.Listen);
  const times = { state: hsrp.State.Active, hello: 1000, hold: 4000 } as const;
  hear(listening.router, { ...times, priority: 120 });
  assert.equal(listening.router.machine().hold, 4000);
  assert.equal(listening.router.machine().downAt, listening.rig.now + 4000);
  const active = reach(HsrpState.Active);
  hear(active.router, { ...times, priority: 100 });
  assert.equal(active.router.machine().hold, HOLD);
});

test("VR-5 what does not belong is dropped and counted: text, TTL, group, operation, state, version", () => {
  const cases: readonly (readonly [string, HsrpSpec])[] = [
    ["vr-auth", { password: Uint8Array.from(Buffer.from("Cisco\0\0\0")) }],
    ["vr-ttl", { hops: 64 }],
    ["vr-foreign", { group: 6 }],
    ["vr-type", { op: 9 }],
    ["vr-interval", { hello: 3000, hold: 3000 }],
    ["vr-version", { version: 2 }],
  ];
  for (const [reason, spec] of cases) {
    const { router } = reach(HsrpState.Active);
    router.takeDrops();
    hear(router, { priority: 200, ...spec });
    assert.deepEqual(router.takeDrops(), [reason], JSON.stringify(spec));
    assert.equal(router.state(), "active");
  }
});

test("VR-5 a hello is byte for byte the golden one", () => {
  const { rig } = reach(HsrpState.Active, { priority: 110, addresses: [0xc000_0232] });
  rig.run(HELLO);
  const [frame] = rig.takeFrames();
  const hex = Buffer.from(frame?.bytes.subarray(42) ?? []).toString("hex");
  assert.equal(hex, "000010030a6e0500636973636f000000c0000232");
});

test("VR-5 version 2: group 300, milliseconds, its own group and virtual MAC", () => {
  const { rig, router } = make({ version: 2, vrid: 300, hello: 200, hold: 700 });
  rig.runUntil(() => router.isActive);
  const [last] = rig.takeFrames().slice(-1);
  const hex = Buffer.from(last?.bytes ?? []).toString("hex");
  assert.match(hex, /^01005e00006600000c9ff12c0800/);
  assert.match(hex, /0128020006/);
  assert.match(hex, /012c0200000000010000006e000000c8000002bcc0000201/);
  hear(router, {
    version: 2,
    group: 300,
    priority: 200,
    hello: 200,
    hold: 700,
    state: hsrp.State.Active,
  });
  assert.equal(router.state(), "speak");
});

test("VR-5 two routers elect one Active and one Standby; the Standby takes over in a hold time, and preempts back", () => {
  const spec = { ...SPEC, hello: 200, hold: 700, version: 2, preempt: true };
  const rig = new VrRig([
    { ...spec, priority: 120 },
    { ...spec, priority: 100 },
  ]);
  rig.run(5000);
  assert.deepEqual(
    rig.routers.map((one) => one.state()),
    ["active", "standby"],
  );
  rig.first.frozen = true;
  const outage = rig.runUntil(() => rig.active().length === 1);
  assert.ok(outage <= 700, `took ${outage} ms`);
  rig.run(2000);
  rig.first.thaw();
  rig.run(3000);
  assert.deepEqual(
    rig.routers.map((one) => one.state()),
    ["active", "standby"],
  );
});
