import assert from "node:assert/strict";
import { test } from "node:test";
import { DROP_AT } from "../../engine/counter.ts";
import { Drop } from "../../engine/drop.ts";
import { EventCode } from "../../engine/event.ts";
import { SMALL } from "../example.ts";
import { FakeAppliance } from "../fake-appliance.ts";
import { OBJECTS } from "../objects.ts";
import { explain } from "./explain.ts";
import { EXPLAINED } from "./kinds.ts";

function rig(): FakeAppliance {
  const appliance = new FakeAppliance(SMALL);
  const tables = [{ table: 0, entries: 3, digest: 7, version: 9 }];
  appliance.answers.set("summary", { tables });
  appliance.answers.set("timers", {
    rows: [{ timer: "bridge-ageing", subject: "br0", "due-ms": 1234, "period-ms": 300_000 }],
    next: -1,
  });
  const station = { bridge: 0, mac: 0x02000000000a, vlan: 10, channel: 0, "age-ms": 5000 };
  for (const core of [0, 1]) {
    appliance.tables.set(`bridge ${core}`, [
      { ...station, moves: core, "last-move-ms": 2000, static: false, "in-use": true, version: 1 },
    ]);
    appliance.tables.set(`routes ${core}`, [
      { address: 0xc0000200, prefix: 24, via: null, interface: 0, origin: "connected" },
      { address: 0, prefix: 0, via: 0xc0000209, interface: 0, origin: "static" },
    ]);
  }
  appliance.counters(1)[DROP_AT + Drop.runt] = 5;
  const told = { sequence: 1, time: 0, core: 0, code: EventCode["port-up"], a: 0 };
  appliance.history.push({ ...told, b: 0, c: 0, d: 0 });
  return appliance;
}

const ask = (object: string, name: string): Promise<string[]> =>
  explain({ appliance: rig() }, object, name);

const ROWS: readonly (readonly [object: string, name: string, expected: RegExp])[] = [
  [
    "cores",
    "1",
    /Core 1 is online, busy 25 % .*\n.*\n.*64 steering buckets|Given up 5 times: runt \(/,
  ],
  ["ports", "p0", /p0 is a memory port; its link is up\.\np0 is on br0: untagged VLAN 10/],
  ["channels", "p0", /p0 \(single\) is up: p0 of p0 carry frames\.\np0 is on br0/],
  ["interfaces", "vlan10", /vlan10 is our own interface on VLAN 10 of br0.*\n.*192\.0\.2\.1\/24/],
  [
    "bridge",
    "02:00:00:00:00:0a",
    /All cores have .* on p0, VLAN 10 of br0, for 5s\.\nIt moved 1 times/,
  ],
  ["bridge", "02:00:00:00:00:99", /No core knows the station/],
  ["vlans", "10", /On br0 VLAN 10 goes untagged by p0/],
  ["vlans", "77", /No channel of any bridge carries VLAN 77/],
  [
    "routes",
    "192.0.2.77",
    /take 192\.0\.2\.0\/24 \(connected\), on the link of vlan10.*\n0\.0\.0\.0\/0 \(static\) fits too/,
  ],
  ["routes", "9.9.9.9", /take 0\.0\.0\.0\/0 \(static\), by 192\.0\.2\.9 on vlan10/],
  ["steering", "tcp,192.0.2.1:1,192.0.2.2:2", /Core [01] treats it, because of its bucket/],
  ["bus", "0 1", /Core 0 sent 0 messages to core 1/],
  ["coherence", "arp|bridge", /Every core has the same/],
  ["drops", "runt", /^runt \(shorter than an Ethernet header\)\.\nCore 1 counted it 5 times/],
  ["drops", "storm", /It was never counted/],
  ["timers", "bridge-ageing", /bridge-ageing br0 on core 0 is due in 1234 ms, every 300000 ms/],
  ["events", "p0", /port-up/],
  ["events", "nothing", /Nothing was told about "nothing"/],
  ["health", "core", /All is well|core 0/],
  ["config", "cores", /cores\.count is 2/],
];

for (const [object, name, expected] of ROWS) {
  test(`OPS-4 explain ${object} ${name} is made of what show knows`, async () => {
    const names = object === "coherence" ? ["bridge", "arp"] : [name];
    let lines: string[] = [];
    for (const one of names) {
      lines = await ask(object, one).catch((error: Error) => [error.message]);
      if (expected.test(lines.join("\n"))) break;
    }
    assert.match(lines.join("\n"), expected);
  });
}

test("OPS-4 every object of show can be explained", () => {
  const known = new Set(EXPLAINED.map(({ object }) => object));
  // A group is explained, not the table of them; the history explains itself.
  const other: Readonly<Record<string, string>> = {
    groups: "group",
    history: "config",
    past: "events",
  };
  for (const { name } of OBJECTS) assert.ok(known.has(other[name] ?? name), name);
});

test("OPS-4 what is not there is said, with where to look", async () => {
  for (const [object, name] of [
    ["cores", "7"],
    ["ports", "zz"],
    ["channels", "zz"],
    ["interfaces", "zz"],
    ["bus", "0 9"],
    ["coherence", "zz"],
    ["drops", "zz"],
    ["timers", "zz"],
    ["config", "zz"],
    ["zz", "zz"],
  ] as const) {
    await assert.rejects(ask(object, name), { code: "not-found" });
  }
  await assert.rejects(ask("vlans", "5000"), { code: "usage" });
});
