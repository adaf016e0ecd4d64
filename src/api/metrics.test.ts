import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { SMALL } from "../control/example.ts";
import { FakeAppliance } from "../control/fake-appliance.ts";
import { CORE_AT, CoreCounter, DROP_AT, PEER_AT, PEER_COUNTERS } from "../engine/counter.ts";
import { DROP_NAMES, Drop } from "../engine/drop.ts";
import { EVENT_NAMES, EventCode } from "../engine/event.ts";
import { Message } from "../engine/message.ts";
import { COMPAT_METRICS, METRICS } from "./metric-list.ts";
import { metricsText } from "./metrics.ts";

const ops = (path: string): string =>
  readFileSync(new URL(`../../ops/${path}`, import.meta.url), "utf8");

function busy(): FakeAppliance {
  const appliance = new FakeAppliance(SMALL);
  appliance.counters(0)[DROP_AT + Drop.runt] = 3;
  appliance.counters(1)[DROP_AT + Drop.runt] = 4;
  appliance.counters(0)[PEER_AT + PEER_COUNTERS + Message["arp-ask"]] = 5;
  appliance.counters(1)[CORE_AT + CoreCounter.ArpRequestsSent] = 6;
  appliance.counters(0)[CORE_AT + CoreCounter.StationsMoved] = 7;
  appliance.counters(0)[CORE_AT + CoreCounter.LatenessMaxMillis] = 12;
  appliance.answers.set("summary", {
    tables: [{ table: 1, entries: 9, digest: 0xabc, version: 7 }],
  });
  const numbers = { a: 0, b: 0, c: 0, d: 0 };
  for (const sequence of [1, 2])
    appliance.history.push({
      sequence,
      time: 0,
      core: 0,
      code: EventCode["port-down"],
      ...numbers,
    });
  return appliance;
}

const lines = (text: string): Map<string, string> =>
  new Map(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.lastIndexOf(" ")), line.slice(line.lastIndexOf(" ") + 1)]),
  );

test("OPS-3 metrics say what the cores count, in base units, one series per state", async () => {
  const appliance = busy();
  const { type, text } = await metricsText({ appliance });
  const found = lines(text);

  assert.match(type, /^text\/plain; version=0\.0\.4/);
  for (const [series, value] of [
    ['linkloom_core_state{core="1",state="online"}', "1"],
    ['linkloom_core_state{core="1",state="offline"}', "0"],
    ['linkloom_bus_messages_total{type="arp-ask"}', "5"],
    ['linkloom_table_entries{table="arp",core="1"}', "9"],
    ['linkloom_coherent{table="arp"}', "1"],
    ["linkloom_arp_requests_total", "6"],
    ["linkloom_fdb_moves_total", "7"],
    ['linkloom_drops_total{reason="runt"}', "7"],
    ['linkloom_timer_lateness_seconds{core="0"}', "0.012"],
    ['linkloom_events_total{event="port-down"}', "2"],
    ['linkloom_port_up{port="p0"}', "1"],
    ['linkloom_core_role{core="0",role="arp"}', "1"],
  ] as const)
    assert.equal(found.get(series), value, series);
});

test("OPS-3 a second scrape counts nothing twice", async () => {
  const appliance = busy();
  const first = lines((await metricsText({ appliance })).text);
  const second = lines((await metricsText({ appliance })).text);

  for (const [series, value] of first) {
    if (/memory|cpu/.test(series)) continue;
    assert.equal(second.get(series), value, series);
  }
});

test("OPS-3 other exporters' names come only when they are asked for, and then all of them", async () => {
  const appliance = busy();
  const plain = (await metricsText({ appliance })).text;
  const compat = (await metricsText({ appliance, compatMetrics: true })).text;

  for (const { name, type } of COMPAT_METRICS) {
    assert.ok(!plain.includes(`# TYPE ${name} `), name);
    assert.ok(compat.includes(`# TYPE ${name} ${type}\n`), name);
  }
  for (const { name, type } of METRICS)
    assert.ok(compat.includes(`# TYPE ${name} ${type}\n`), name);
});

/** Every selector of a PromQL expression: the metric, and its labels with what they are compared to. */
function selectorsOf(expression: string): { name: string; labels: [string, string][] }[] {
  return [...expression.matchAll(/\b(linkloom_\w+)(?:\{([^}]*)\})?/g)].map(
    ([, name = "", inside]) => ({
      name,
      labels: [...(inside ?? "").matchAll(/(\w+)\s*=~?\s*"([^"]*)"/g)].map(([, label, value]) => [
        label ?? "",
        value ?? "",
      ]),
    }),
  );
}

/** Labels that Prometheus itself adds. */
const TARGET = ["instance", "job"];

function checkExpression(expression: string, legend: string): void {
  const selectors = selectorsOf(expression);
  assert.ok(selectors.length > 0, `${expression} names no metric`);
  const known = new Set<string>(TARGET);
  for (const { name, labels } of selectors) {
    const metric = METRICS.find((one) => one.name === name);
    assert.ok(metric !== undefined, `${expression} names ${name}, which does not exist`);
    for (const label of metric.labels) known.add(label);
    for (const [label, value] of labels) {
      const exists = metric.labels.includes(label) || TARGET.includes(label);
      assert.ok(exists, `${name} has no label ${label}`);
      if (label === "reason" && name === "linkloom_drops_total")
        assert.ok((DROP_NAMES as readonly string[]).includes(value), `no drop is called ${value}`);
      if (label === "event")
        assert.ok((EVENT_NAMES as readonly string[]).includes(value), `no event is ${value}`);
    }
    // What only grows is looked at by its rate, what stands is not.
    const grows = new RegExp(`\\b(?:rate|increase)\\(${name}\\b`).test(expression);
    assert.equal(grows, metric.type === "counter", `${expression} and the type of ${name}`);
  }
  for (const [, label = ""] of legend.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g))
    assert.ok(known.has(label), `"${legend}" names ${label}, which ${expression} has not`);
  for (const [, inside = ""] of expression.matchAll(/\bby \(([^)]*)\)/g))
    for (const label of inside.split(",")) assert.ok(known.has(label.trim()), `by ${label}`);
}

test("OPS-3 every alert rule names metrics and labels that exist, and says what to look at", () => {
  const { groups } = parse(ops("prometheus/linkloom.rules.yaml")) as {
    groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  assert.ok(rules.length >= 15);
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  for (const { alert, expr, annotations } of rules) {
    assert.match(alert, /^Linkloom[A-Z]/);
    const words = `${annotations["summary"] ?? ""} ${annotations["description"] ?? ""}`;
    assert.ok(annotations["summary"] && annotations["description"], alert);
    checkExpression(expr, words.replaceAll(/\{\{\s*\$value\s*\}\}/g, ""));
  }
});

test("OPS-3 every panel of the dashboard names metrics and labels that exist", () => {
  const { panels } = JSON.parse(ops("grafana/linkloom.json")) as {
    panels: {
      id: number;
      title: string;
      type: string;
      gridPos: { x: number; y: number; w: number; h: number };
      targets?: { expr: string; legendFormat: string }[];
    }[];
  };
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const shown = panels.filter(({ type }) => type !== "row");
  assert.ok(shown.length >= 20);
  for (const { title, targets, gridPos } of shown) {
    assert.ok(gridPos.x + gridPos.w <= 24, title);
    assert.ok(targets !== undefined && targets.length > 0, title);
    for (const { expr, legendFormat } of targets) {
      const legend = legendFormat.replaceAll("{{instance}}", "");
      checkExpression(expr.replaceAll("$instance", "all"), legend);
    }
  }
  const used = new Set(
    shown.flatMap(({ targets }) =>
      (targets ?? []).flatMap(({ expr }) => selectorsOf(expr).map(({ name }) => name)),
    ),
  );
  for (const name of ["linkloom_vr_state", "linkloom_stp_port_state", "linkloom_lacp_member_state"])
    assert.ok(used.has(name), name);
});
