import assert from "node:assert/strict";
import { test } from "node:test";
import { coreList } from "../control/core-list.ts";
import { foldRows } from "../control/folding.ts";
import { objectShape } from "../control/objects.ts";
import { formatTable, type Row } from "./table.ts";

const arp = objectShape("arp");
assert.ok(arp !== undefined);

const entry = (core: number, address: string, mac: string, age = 5): Row => ({
  core,
  address,
  mac,
  interface: "vlan10",
  vlan: 10,
  channel: "p0",
  origin: "dynamic",
  state: "reachable",
  "age-ms": age,
  version: 3,
});

const table = (
  rows: readonly Row[],
  options: Partial<Parameters<typeof formatTable>[1]> = {},
): string => formatTable(rows, { shape: arp, cores: 4, fold: true, colour: false, ...options });

test("OPS-2 equal copies of all cores fold into one row, whatever their ages", () => {
  const rows = [0, 1, 2, 3].map((core) => entry(core, "192.0.2.9", "02:00:00:00:00:09", core));

  const lines = table(rows).split("\n");

  assert.equal(lines.length, 3);
  assert.match(lines[1] ?? "", /^0-3 {4}192\.0\.2\.9 /);
  assert.equal(lines[2], "1 entry on 4 cores");
});

test("OPS-2 a copy that differs stands out, beside the others", () => {
  const rows = [0, 1, 2, 3].map((core) =>
    entry(core, "192.0.2.9", core === 2 ? "02:00:00:00:00:0a" : "02:00:00:00:00:09"),
  );

  const lines = table(rows).split("\n");

  assert.match(lines[1] ?? "", /^! 0-1,3 .*:09 /);
  assert.match(lines[2] ?? "", /^! 2 .*:0a /);
  assert.equal(lines[3], "1 entry on 4 cores, 1 differs between cores (!)");
  assert.ok(table(rows, { colour: true }).includes("\u001b[1;31m! 2"));
});

test("OPS-2 an entry that some core lacks stands out, and equal ones do not", () => {
  const rows = [
    ...[0, 1, 2, 3].map((core) => entry(core, "192.0.2.10", "02:00:00:00:00:0a")),
    ...[0, 1].map((core) => entry(core, "192.0.2.9", "02:00:00:00:00:09")),
  ];

  const lines = table(rows).split("\n");

  assert.match(lines[1] ?? "", /^! 0-1 +192\.0\.2\.9 /);
  assert.match(lines[2] ?? "", /^ {2}0-3 +192\.0\.2\.10 /);
  assert.equal(lines[3], "2 entries on 4 cores, 1 differs between cores (!)");
});

test("OPS-2 one core's copy is not folded", () => {
  const text = table([entry(1, "192.0.2.9", "02:00:00:00:00:09")], { fold: false });

  assert.match(text, /^CORE +ADDRESS/);
  assert.ok(text.endsWith("1 entry"));
});

test("columns are aligned, numbers to the right, and nothing trails", () => {
  const text = formatTable(
    [
      { reason: "runt", count: 5, core: 0 },
      { reason: "vlan-filtered", count: 12_345, core: 10 },
    ],
    {
      shape: { name: "drops", fields: ["core", "reason", "count"] },
      cores: 11,
      fold: true,
      colour: false,
    },
  );

  assert.equal(
    text,
    [
      "CORE  REASON         COUNT",
      "   0  runt               5",
      "  10  vlan-filtered  12345",
      "2 rows",
    ].join("\n"),
  );
});

test("an empty table has its header and says that it is empty", () => {
  const lines = table([]).split("\n");

  assert.match(lines[0] ?? "", /^CORES +ADDRESS/);
  assert.equal(lines[1], "0 entries on 4 cores");
});

test("cores are listed as ranges", () => {
  assert.equal(coreList([3, 0, 1, 2]), "0-3");
  assert.equal(coreList([5, 0, 2]), "0,2,5");
  assert.equal(coreList([]), "");
});

test("folding keeps every row's cores, each once", () => {
  const rows = Array.from({ length: 64 }, (_, core) =>
    entry(core, "192.0.2.9", core % 2 === 0 ? "a" : "b"),
  );

  const folded = foldRows(rows, Object.keys(rows[0] ?? {}), { identity: ["address"], own: [] });

  assert.equal(folded.length, 2);
  assert.ok(folded.every(({ differs }) => differs.size > 0));
  assert.equal(String(folded[0]?.cores).split(",").length, 32);
});
