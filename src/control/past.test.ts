import assert from "node:assert/strict";
import { test } from "node:test";
import { CORE_AT, CoreCounter, PORT_AT, PortCounter } from "../engine/counter.ts";
import { EventCode } from "../engine/event.ts";
import { Table } from "../engine/message.ts";
import { ControlError } from "./errors.ts";
import { SMALL } from "./example.ts";
import { FakeAppliance } from "./fake-appliance.ts";
import { OBJECTS } from "./objects.ts";
import { Past } from "./past.ts";
import { filtersPast, PAST, PAST_NAMES, parseMoment } from "./past-list.ts";
import { type Query, type Row, type Shown, show } from "./show.ts";

const START = Date.UTC(2026, 10, 23, 20, 0);
const LIMIT = 8 * 1024 * 1024;

/** An appliance, its past, and a clock that a test turns. */
function rig(limit: number = LIMIT): {
  appliance: FakeAppliance;
  shown: Shown;
  past: Past;
  clock: { now: number };
  wait: (seconds: number) => Promise<void>;
  rows: (object: string, query?: Query) => Promise<Row[]>;
} {
  const appliance = new FakeAppliance(SMALL);
  appliance.answers.set("summary", {
    tables: [{ table: Table.Arp, entries: 1, digest: 0xabc, version: 7 }],
  });
  const clock = { now: START };
  const shown: Shown & { past?: Past } = { appliance, configuration: { cores: { count: 2 } } };
  const past = new Past({ shown, limit, now: () => clock.now });
  Object.assign(shown, { past });
  return {
    appliance,
    shown,
    past,
    clock,
    /** Time passes, in steps of two seconds. */
    wait: async (seconds) => {
      for (let n = 0; n < seconds; n += 2) {
        clock.now += 2000;
        await past.turn();
      }
    },
    rows: async (object, query = {}) => {
      const all: Row[] = [];
      for await (const slice of show(shown, object, query)) all.push(...slice);
      return all;
    },
  };
}

test("OPS-2 every object of show is kept, or is one of those that need not be", () => {
  const others = OBJECTS.map(({ name }) => name).filter((name) => PAST[name] === undefined);
  assert.deepEqual(others, ["timers", "events", "past"]);
  for (const [name, { keys }] of Object.entries(PAST)) {
    const shape = OBJECTS.find((object) => object.name === name);
    for (const key of keys) assert.ok(shape?.fields.includes(key), `${name} ${key}`);
    for (const key of shape?.folding?.identity ?? [])
      assert.ok(keys.includes(key), `${name} ${key}`);
  }
  assert.ok(PAST_NAMES.includes("events"));
});

test("OPS-2 an object as it was then is what show said then, with its filters", async () => {
  const { appliance, past, clock, wait, rows } = rig();
  await past.turn();
  const said: { at: string; ports: Row[]; cores: Row[]; arp: Row[] }[] = [];
  for (let n = 0; n < 30; n++) {
    appliance.counters(0)[PORT_AT + PortCounter.FramesReceived] = n * n;
    appliance.counters(1)[CORE_AT + CoreCounter.FramesReceived] = 1000 * n;
    appliance.states[1] = n % 7 === 3 ? "offline" : "online";
    appliance.tables.set("arp 0", [
      {
        address: 0xc0000200 + n,
        mac: 0x020000000009,
        interface: 0,
        channel: 1,
        state: "reachable",
        ageMs: n,
      },
    ]);
    appliance.history.push({
      sequence: n + 1,
      time: clock.now + 1000,
      core: 0,
      code: EventCode["bucket-moved"],
      a: 0,
      b: 0,
      c: 0,
      d: 0,
    });
    clock.now += 30_000;
    await wait(2);
    const at = new Date(clock.now + 10).toISOString();
    said.push({
      at,
      ports: await rows("ports"),
      cores: await rows("cores"),
      arp: await rows("arp"),
    });
  }
  for (const { at, ports, cores, arp } of said) {
    assert.deepEqual(await rows("ports", { at }), ports);
    assert.deepEqual(await rows("cores", { at }), cores);
    assert.deepEqual(await rows("arp", { at }), arp);
    assert.deepEqual(await rows("cores", { at, core: "1" }), cores.slice(1));
    assert.deepEqual(await rows("arp", { at, address: "192.0.2.0/24" }), arp);
    assert.deepEqual(await rows("arp", { at, address: "192.0.3.0/24" }), []);
  }
  const events = await rows("events", { at: said[3]?.at as string });
  assert.equal(events.length, 4);
  assert.deepEqual(
    await rows("events", { at: said[3]?.at as string, limit: "1" }),
    events.slice(3),
  );
});

test("OPS-2 ages go back from now, moments stand on the appliance's clock, and either is refused beyond what is kept", async () => {
  const { past, clock, wait, rows } = rig();
  await assert.rejects(rows("ports", { at: "-1s" }), { code: "not-kept" });
  await past.turn();
  await wait(60);
  assert.equal((await rows("ports", { at: "-30s" })).length, 3);
  assert.equal((await rows("ports", { at: "2026-11-23T20:00:00Z" })).length, 3);
  assert.equal((await rows("ports", { at: "2026-11-23T21:00:30+01:00" })).length, 3);
  for (const at of ["-2m", "-1h", "2026-11-23T19:59:59Z", "2026-11-23T20:01:02Z", "-999999999h"])
    await assert.rejects(rows("ports", { at }), (error: ControlError) => {
      assert.equal(error.code, "not-kept", at);
      assert.equal(error.status, 404);
      assert.match(error.hint, /kept is 2026-11-23T20:00:00.000Z to 2026-11-23T20:01:00.00\dZ/);
      return true;
    });
  for (const at of [
    "",
    "10",
    "-10",
    "10m",
    "yesterday",
    "2026-11-23",
    "2026-11-23T20:00",
    "-1.5x",
    "-1e9s",
  ])
    await assert.rejects(rows("ports", { at }), { code: "value-invalid", status: 400 }, at);
  for (const query of [{ rules: "true" }, { plan: "true" }, { hash: "192.0.2.1,192.0.2.2" }])
    await assert.rejects(rows("steering", { at: "-1s", ...query } as Query), {
      code: "value-invalid",
    });
  await assert.rejects(rows("ports", { at: "-1s", core: "0" }), { code: "value-invalid" });
  await assert.rejects(rows("timers", { at: "-1s" }), { code: "value-invalid" });
  assert.equal(filtersPast("bus", "core"), false);
  assert.equal(parseMoment("-1.5s", 10_000), 8500);
  clock.now += 1;
});

test("OPS-2 a jump of the system's clock moves nothing: the past goes on by the monotonic one", async (context) => {
  const { shown } = rig();
  context.mock.timers.enable({ apis: ["Date"], now: START });
  const past = new Past({ shown, limit: LIMIT });
  await past.turn();
  const before = past.span();
  context.mock.timers.setTime(START - 86_400_000);
  await past.turn();
  context.mock.timers.setTime(START + 86_400_000);
  await past.turn();
  const after = past.span();
  assert.equal(after?.oldest, before?.oldest);
  assert.ok(after !== undefined && after.newest - after.oldest < 60_000);
  assert.ok(typeof past.at("ports", past.now()) === "object");
});

test("OPS-2 cores are asked every ten seconds, at once when something happened, for their tables every thirty", async () => {
  const { appliance, past, wait } = rig();
  await past.turn();
  const words = appliance.asked.map(({ core, command }) => `${core} ${JSON.stringify(command)}`);
  assert.equal(new Set(words).size, words.length, "no question twice");
  /** How often core 0 was asked for its summary, and for its stations. */
  const asked = (): number[] => {
    const own = appliance.asked.filter(({ core }) => core === 0).map(({ command }) => command);
    const stations = own.filter((command) => command.kind === "rows" && command.table === "bridge");
    return [own.filter(({ kind }) => kind === "summary").length, stations.length];
  };
  assert.deepEqual(asked(), [1, 1]);
  await wait(8);
  assert.deepEqual(asked(), [1, 1]);
  await wait(2);
  assert.deepEqual(asked(), [2, 1]);
  const numbers = { time: START, core: 0, code: EventCode["bucket-moved"], a: 0, b: 0, c: 0, d: 0 };
  appliance.history.push({ sequence: 1, ...numbers });
  await wait(2);
  assert.deepEqual(asked(), [3, 1]);
  await wait(8);
  assert.deepEqual(asked(), [3, 1]);
  await wait(2);
  assert.deepEqual(asked(), [4, 1]);
  await wait(8);
  assert.deepEqual(asked(), [4, 2]);
});

test("OPS-2 a large table is left out, says so, and its core is left alone for a minute", async () => {
  const { appliance, past, wait, rows } = rig();
  const stations = Array.from({ length: 600 }, (_, n) => ({
    bridge: 0,
    mac: 0x020000000000 + n,
    vlan: 10,
    channel: 1,
  }));
  appliance.tables.set("bridge 0", stations);
  await past.turn();
  await assert.rejects(rows("bridge", { at: "-0s" }), {
    code: "not-kept",
    hint: "it has more than 512 rows",
  });
  const asked = (): number =>
    appliance.asked.filter(({ command }) => command.kind === "rows" && command.table === "bridge")
      .length;
  const before = asked();
  appliance.tables.set("bridge 0", stations.slice(0, 5));
  await wait(50);
  assert.equal(asked(), before);
  await wait(20);
  assert.equal((await rows("bridge", { at: "-0s" })).length, 5);
  const row = (await rows("past")).find(({ object }) => object === "bridge");
  assert.equal(row?.["reason"], null);
});

test("OPS-2 a core that does not answer leaves what it said last, with its time", async () => {
  const { appliance, past, wait, clock, rows } = rig();
  await past.turn();
  const command = appliance.command.bind(appliance);
  appliance.command = () =>
    Promise.reject(new ControlError("core-silent", "Core 1 did not answer", ""));
  await wait(20);
  const then = past.at("coherence", clock.now);
  assert.ok(typeof then === "object");
  assert.equal(then.time, START);
  assert.equal((await rows("ports", { at: "-0s" })).length, 3, "what needs no core goes on");
  appliance.command = command;
  await wait(10);
  const later = past.at("coherence", clock.now + 10);
  assert.ok(typeof later === "object" && later.time > START + 20_000);
});

test("OPS-2 an hour is kept, and what it takes is said object by object", async () => {
  const { past, wait, rows, clock } = rig();
  await past.turn();
  await wait(5400);
  const { oldest = 0 } = past.span() ?? {};
  assert.ok(clock.now - oldest >= 3_600_000, "an hour");
  assert.ok(clock.now - oldest < 3_600_000 + 15 * 60_000, "and a segment at most");
  assert.ok(past.room.taken < past.room.limit / 4, `${past.room.taken} bytes`);
  const overview = await rows("past");
  assert.deepEqual(
    overview.map(({ object }) => object),
    Object.keys(PAST),
  );
  const ports = overview.find(({ object }) => object === "ports");
  assert.ok(Number(ports?.["moments"]) >= 1800);
  assert.equal(ports?.["age-ms"], 0);
  const moments = await rows("past", { moments: "true" });
  assert.equal(moments[0]?.["time"], new Date(oldest).toISOString());
});

test("OPS-2 the past of a new configuration is the new one's, and that of the old one stays", async () => {
  const { appliance, past, shown, wait, rows, clock } = rig();
  await past.turn();
  await wait(4);
  const before = await rows("config");
  const at = new Date(clock.now).toISOString();
  await wait(4);
  Object.assign(shown, { configuration: { cores: { count: 3 } } });
  await appliance.reconfigure({ config: { ...appliance.config }, drivers: [] });
  await wait(4);
  assert.deepEqual(await rows("config", { at }), before);
  assert.deepEqual(await rows("config", { at: "-0s" }), await rows("config"));
  assert.notDeepEqual(await rows("config"), before);
});
