import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import type { StartPlan } from "./appliance-port.ts";
import { Configurations, type ConfigurationsOptions } from "./configurations.ts";
import { loadedOf } from "./configurations-rig.ts";
import { SMALL } from "./example.ts";
import { FakeAppliance } from "./fake-appliance.ts";
import { StoredHistory } from "./history.ts";
import { planChanges } from "./plan.ts";

const folder = mkdtempSync(join(tmpdir(), "linkloom-"));
after(() => rmSync(folder, { recursive: true }));

/** Twenty aggregated channels in one bridge. */
const CHANNELS = 20;
function many(change: (channel: number) => string = () => ""): string {
  const numbers = Array.from({ length: CHANNELS }, (_, n) => n + 1);
  return `cores: {count: 2}
ports:
${numbers.map((n) => `  a${n}: {driver: memory}\n  b${n}: {driver: memory}`).join("\n")}
channels:
${numbers.map((n) => `  LA/${n}: {members: [a${n}, b${n}], mode: lacp${change(n)}}`).join("\n")}
bridges:
  br0:
    stp: {protocol: "off"}
    channels: {${numbers.map((n) => `LA/${n}: {access-vlan: 10}`).join(", ")}}
interfaces: {vlan10: {bridge: br0, vlan: 10, addresses: [192.0.2.1/24]}}
`;
}

const plan = (before: string, after: string): ReturnType<typeof planChanges> => {
  const first = loadedOf(before);
  return planChanges(first, loadedOf(after, first.plan.config));
};

test("OPS-1 a plan names what is added, changed and removed, and whom it disturbs", () => {
  const after = many((n) => (n === 7 ? ", lacp: {rate: fast}" : ""));
  const { changes, summary, renegotiations, restart } = plan(many(), after);

  assert.deepEqual(
    changes.map(({ object, change, disturbs }) => [object, change, disturbs]),
    [["channel LA/7", "changed", "renegotiates"]],
  );
  assert.equal(summary, "0 failovers, 1 channel renegotiates");
  assert.equal(renegotiations, 1);
  assert.equal(restart, "");
});

test("OPS-1 a plan of the same file in other words is empty", () => {
  assert.deepEqual(plan(SMALL, `# a comment\n${SMALL}\n`).changes, []);
});

/** One change to SMALL, and what a plan must say of it. */
const ROWS: readonly (readonly [from: string, to: string, object: string, disturbs: RegExp])[] = [
  ["access-vlan: 10", "access-vlan: 20", "bridge br0 channel p0", /stations of VLANs/],
  ["192.0.2.1/24", "192.0.2.3/24", "interface vlan10", /^$/],
  ["cores: {count: 2}", "cores: {count: 2}\nforwarding: {ipv4: false}", "forwarding", /^$/],
  ["cores: {count: 2}", "cores: {count: 2}\nroles: {arp: 1}", "roles", /^$/],
];
for (const [from, to, object, disturbs] of ROWS) {
  test(`OPS-1 a plan of ${JSON.stringify(to)} names ${object} alone`, () => {
    assert.ok(SMALL.includes(from), from);
    const { changes, failovers, renegotiations } = plan(SMALL, SMALL.replace(from, to));

    assert.deepEqual(
      changes.map((change) => change.object),
      [object],
    );
    assert.match(changes[0]?.disturbs ?? "", disturbs);
    assert.ok((changes[0]?.values.length ?? 0) > 0);
    assert.deepEqual([failovers, renegotiations], [0, 0]);
  });
}

test("OPS-1 a plan says what needs a restart, and apply refuses it with nothing changed", async () => {
  const more = SMALL.replace("count: 2", "count: 3");
  assert.match(plan(SMALL, more).restart, /cores\.count cannot change/);
  const { keeper, applied } = rig();
  await assert.rejects(keeper.apply({ text: more }, "test"), { code: "reload-refused" });
  assert.equal(applied.length, 0);
});

test("OPS-1 whatever two configurations are, a plan there and back names the same objects", () => {
  const channels = fc.array(fc.integer({ min: 1, max: CHANNELS }), { maxLength: 6 });
  fc.assert(
    fc.property(channels, channels, (one, other) => {
      const text = (fast: readonly number[]): string =>
        many((n) => (fast.includes(n) ? ", lacp: {rate: fast}" : ""));
      const there = plan(text(one), text(other));
      const back = plan(text(other), text(one));
      const differ = new Set(
        [...one, ...other].filter((n) => one.includes(n) !== other.includes(n)),
      );
      assert.equal(there.renegotiations, differ.size);
      const names = ({ changes }: typeof there): string[] =>
        changes.map(({ object }) => object).sort();
      assert.deepEqual(names(there), names(back));
      assert.deepEqual(names(there), [...differ].map((n) => `channel LA/${n}`).sort());
    }),
    { numRuns: 10 },
  );
});

const ROUTERS = `${SMALL}
virtual-routers:
  one: {protocol: vrrp, interface: vlan10, vrid: 1, priority: 150, addresses: [192.0.2.200]}
  two: {protocol: vrrp, interface: vlan10, vrid: 2, priority: 100, addresses: [192.0.2.201]}
`;
/** A change, the active routers, and how many of them fail over. */
const FAILOVERS: readonly (readonly [from: string, to: string, active: string, count: number])[] = [
  ["priority: 150", "priority: 160", "one", 0],
  ["192.0.2.200", "192.0.2.202", "one", 0],
  ["vrid: 1,", "vrid: 3,", "one", 1],
  ["vrid: 1,", "vrid: 3,", "two", 0],
  ["  two: {", "  other: {", "two", 1],
  ["vlan10: {", 'vlan10: {mac: "02:00:00:00:00:77", ', "two", 1],
  ["192.0.2.1/24", "192.0.2.3/24", "two", 0],
];
for (const [from, to, active, count] of FAILOVERS) {
  test(`OPS-1 ${to} fails ${count} over while ${active} is active`, () => {
    assert.ok(ROUTERS.includes(from), from);
    const first = loadedOf(ROUTERS);
    const next = loadedOf(ROUTERS.replace(from, to), first.plan.config);
    const { failovers, summary, changes } = planChanges(first, next, new Set([active]));
    assert.equal(failovers, count, JSON.stringify(changes));
    assert.match(summary, new RegExp(`^${count} failovers?, `));
  });
}

interface Rig {
  readonly keeper: Configurations;
  readonly appliance: FakeAppliance;
  readonly applied: StartPlan[];
  readonly told: string[];
}

function rig(
  options: Partial<ConfigurationsOptions> = {},
  history = new StoredHistory(null, () => {}),
): Rig {
  const appliance = new FakeAppliance(SMALL);
  const applied: StartPlan[] = [];
  const told: string[] = [];
  const taken = appliance.reconfigure.bind(appliance);
  appliance.reconfigure = (plan) => {
    applied.push(plan);
    return taken(plan);
  };
  const first = loadedOf(SMALL);
  appliance.config = first.plan.config;
  const keeper = new Configurations(
    {
      appliance,
      load: async ({ text, before }) => loadedOf(text ?? "", before),
      history,
      cores: undefined,
      activeRouters: () => Promise.resolve(new Set<string>()),
      tell: (line) => told.push(line),
      ...options,
    },
    first,
  );
  return { keeper, appliance, applied, told };
}

const OTHER = SMALL.replace("192.0.2.1/24", "192.0.2.3/24");
const addressOf = ({ appliance }: Rig): string =>
  JSON.stringify(appliance.config.common.interfaces[0]?.addresses);
const FIRST = JSON.stringify(loadedOf(SMALL).plan.config.common.interfaces[0]?.addresses);
const SECOND = JSON.stringify(loadedOf(OTHER).plan.config.common.interfaces[0]?.addresses);

test("OPS-1 apply takes over what differs, and nothing at all where nothing does", async () => {
  const one = rig();
  const done = await one.keeper.apply({ text: OTHER }, "test");

  assert.equal(addressOf(one), SECOND);
  assert.equal(done.detail, "1 object changed: 0 failovers, 0 channels renegotiate");
  assert.deepEqual(done.paths, ["interfaces.vlan10.addresses[0]"]);
  const again = await one.keeper.apply({ text: `${OTHER}# the same\n` }, "test");
  assert.equal(again.detail, "nothing differs");
  assert.equal(one.applied.length, 1);
});

test("OPS-1 a plan changes nothing", async () => {
  const one = rig();
  await one.keeper.plan({ text: OTHER });
  assert.deepEqual([one.applied.length, one.keeper.history().length], [0, 1]);
});

test("OPS-1 a faulty file is refused whole", async () => {
  const one = rig();
  const faulty = one.keeper.apply(
    { text: OTHER.replace("access-vlan: 10", "access-vlan: 5000") },
    "t",
    { confirm: 60_000 },
  );
  await assert.rejects(faulty, { code: "configuration-invalid" });
  assert.deepEqual([one.applied.length, one.keeper.isPending], [0, false]);
  await one.keeper.apply({ text: OTHER }, "test");
});

test("OPS-1 a change that the cores refuse leaves what ran, and the next one compares with that", async () => {
  const one = rig();
  const works = one.appliance.reconfigure;
  one.appliance.reconfigure = () => Promise.reject(new Error("core 1 could not open a port"));
  await assert.rejects(one.keeper.apply({ text: OTHER }, "test", { confirm: 60_000 }), /core 1/);
  assert.deepEqual([one.keeper.isPending, one.keeper.history().length], [false, 1]);

  one.appliance.reconfigure = works;
  const done = await one.keeper.apply({ text: OTHER }, "test");
  assert.equal(done.changes.length, 1);
});

/** Lets what was begun come to its end. */
const settle = async (): Promise<void> => {
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
};

test("OPS-1 a change that nobody confirms is undone by itself", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const one = rig();
  const done = await one.keeper.apply({ text: OTHER }, "test", { confirm: 1000 });
  assert.match(done.detail, /goes back in 1s unless confirmed/);
  assert.equal(addressOf(one), SECOND);
  await assert.rejects(one.keeper.apply({ text: SMALL }, "test"), {
    code: "change-pending",
  });
  t.mock.timers.tick(999);
  await settle();
  assert.equal(addressOf(one), SECOND);
  t.mock.timers.tick(1);
  await settle();

  assert.equal(addressOf(one), FIRST);
  assert.deepEqual(one.told, ["configuration 2 was not confirmed and is undone"]);
  assert.deepEqual(
    one.keeper.history().map(({ state }) => state),
    ["", "", "running"],
  );
  await assert.rejects(one.keeper.confirm(), { code: "nothing-pending" });
});

test("OPS-1 a change that is confirmed stays, and may be rolled back later", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const one = rig();
  await one.keeper.apply({ text: OTHER }, "test", { confirm: 1000 });
  await one.keeper.confirm();
  t.mock.timers.tick(100_000);
  await settle();
  assert.equal(addressOf(one), SECOND);

  await one.keeper.rollback(undefined, "test");
  assert.equal(addressOf(one), FIRST);
  await one.keeper.rollback(2, "test");
  assert.equal(addressOf(one), SECOND);
  await assert.rejects(one.keeper.rollback(99, "test"), { code: "not-found" });
});

test("OPS-1 rollback while a change waits undoes it at once", async () => {
  const one = rig();
  await one.keeper.apply({ text: OTHER }, "test", { confirm: 60_000 });
  const done = await one.keeper.rollback(undefined, "test");
  assert.deepEqual([addressOf(one), one.keeper.isPending], [FIRST, false]);
  assert.match(done.detail, /^undone/);
  await assert.rejects(rig().keeper.rollback(undefined, "test"), { code: "nothing-pending" });
});

test("OPS-1 changes come one after the other, however they are asked for", async () => {
  const one = rig();
  const texts = Array.from({ length: 8 }, (_, n) =>
    SMALL.replace("192.0.2.1/24", `192.0.2.${n + 3}/24`),
  );
  await Promise.all(texts.map((text) => one.keeper.apply({ text }, "test")));
  assert.equal(one.applied.length, 8);
  assert.equal(one.keeper.history().length, 9);
  const last = loadedOf(texts[7] ?? "").plan.config.common.interfaces[0]?.addresses;
  assert.equal(addressOf(one), JSON.stringify(last));
});

test("OPS-1 confirmation times that nobody can meet are refused", async () => {
  const one = rig();
  for (const confirm of [0, 10, 90_000_000])
    await assert.rejects(one.keeper.apply({ text: OTHER }, "test", { confirm }), {
      code: "value-invalid",
    });
  assert.equal(one.applied.length, 0);
});

test("OPS-1 the history is bounded, its owner's alone, and outlives a restart", async () => {
  const place = join(folder, "history");
  const one = rig({}, new StoredHistory(place, () => {}));
  for (let n = 0; n < 30; n++) {
    const text = SMALL.replace("192.0.2.1/24", `192.0.2.${n + 3}/24`);
    await one.keeper.apply({ text }, "test");
  }
  assert.equal(readdirSync(place).length, 20);
  assert.equal(statSync(place).mode & 0o777, 0o700);
  assert.equal(statSync(join(place, "31.json")).mode & 0o777, 0o600);
  writeFileSync(join(place, "99.json"), "{");

  const next = rig({}, new StoredHistory(place, () => {}));
  assert.equal(next.keeper.history().at(-1)?.number, 32);
  await next.keeper.rollback(31, "test");
  assert.match(
    addressOf(next),
    new RegExp(
      String(
        loadedOf(SMALL.replace("192.0.2.1/24", "192.0.2.32/24")).plan.config.common.interfaces[0]
          ?.addresses[0]?.address,
      ),
    ),
  );
});

test("OPS-1 a disk that fails costs history, and is told, but no change fails", async () => {
  const warned: string[] = [];
  const place = join(folder, "file");
  writeFileSync(place, "");
  chmodSync(place, 0o400);
  const one = rig({}, new StoredHistory(join(place, "below"), (line) => warned.push(line)));
  await one.keeper.apply({ text: OTHER }, "test");
  assert.equal(addressOf(one), SECOND);
  assert.match(warned[0] ?? "", /not kept on disk/);
});
