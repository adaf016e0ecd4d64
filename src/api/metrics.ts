// Metrics in Prometheus's text form, made anew from what the cores count at each scrape; nothing is counted twice.
// Loaded with the first scrape.

import { readFileSync } from "node:fs";
import { Counter, Gauge, Registry } from "prom-client";
import type { Appliance } from "../control/appliance-port.ts";
import { objectShape } from "../control/objects.ts";
import type { Serving } from "../control/serving.ts";
import { type Row, show } from "../control/show.ts";
import { CORE_AT, CoreCounter } from "../engine/counter.ts";
import { dropTotals, messageTotals } from "../engine/totals.ts";
import { MUX_NAMES } from "../lag/mux.ts";
import { addCompat } from "./compat-metrics.ts";
import { EventCounts } from "./event-counts.ts";
import { COMPAT_METRICS, METRICS, type Metric } from "./metric-list.ts";

const CORE_STATES = ["starting", "online", "stalled", "offline"] as const;
/** States of IEEE 802.1D-2004 17.10. */
const STP_STATES = ["discarding", "learning", "forwarding"] as const;
/** States of RFC 9568 6.3, of RFC 2281 5.3, and of carp(4). */
const VR_STATES: Readonly<Record<string, readonly string[]>> = {
  vrrp: ["initialize", "backup", "active"],
  hsrp: ["initial", "learn", "listen", "speak", "standby", "active"],
  carp: ["init", "backup", "master"],
};

export type Labels = Readonly<Record<string, string | number>>;
/** Sets one series. */
export type SetMetric = (name: string, labels: Labels, value: number) => void;

/** The state of what is counted by itself, per appliance. */
const counts = new WeakMap<Appliance, EventCounts>();

/** The whole text, and its media type. */
export async function metricsText(serving: Serving): Promise<{ type: string; text: string }> {
  const registry = new Registry();
  const list = serving.compatMetrics === true ? [...METRICS, ...COMPAT_METRICS] : METRICS;
  const made = new Map(list.map((metric) => [metric.name, make(registry, metric)]));
  const set: SetMetric = (name, labels, value) => {
    const metric = made.get(name);
    if (metric === undefined) throw new Error(`There is no metric ${name}`);
    // A counter of ours has its value already; this registry lives for one scrape.
    if (metric instanceof Counter) metric.inc(labels, value);
    else metric.set(labels, value);
  };
  const { appliance } = serving;
  const events = counts.get(appliance) ?? new EventCounts(appliance);
  counts.set(appliance, events);
  addProcess(set, appliance);
  addCores(set, appliance);
  addTotals(set, appliance);
  addEvents(set, events);
  await addTables(set, serving);
  if (serving.compatMetrics === true) await addCompat(set, serving, rowsOf);
  return { type: registry.contentType, text: await registry.metrics() };
}

function make(registry: Registry, { name, type, labels, help }: Metric): Counter | Gauge {
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  return type === "counter" ? new Counter(options) : new Gauge(options);
}

/** All rows of an object; none where this version has no such object. */
export async function rowsOf(
  serving: Serving,
  object: string,
  query: Readonly<Record<string, string>> = {},
): Promise<Row[]> {
  if (objectShape(object) === undefined) return [];
  const rows: Row[] = [];
  for await (const slice of show(serving, object, query)) rows.push(...slice);
  return rows;
}

/** The version in package.json, which lies above src/ and above dist/ alike. */
function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

function addProcess(set: SetMetric, appliance: Appliance): void {
  set("linkloom_info", { version: version() }, 1);
  set("linkloom_start_time_seconds", {}, appliance.startedAt / 1000);
  set("linkloom_resident_memory_bytes", {}, process.memoryUsage.rss());
  const { user, system } = process.cpuUsage();
  set("linkloom_cpu_seconds_total", {}, (user + system) / 1e6);
}

/** One series for each state, 1 for the one that is. */
export function setStates(
  set: SetMetric,
  name: string,
  labels: Labels,
  states: readonly string[],
  now: string,
): void {
  for (const state of states) set(name, { ...labels, state }, Number(state === now));
}

function addCores(set: SetMetric, appliance: Appliance): void {
  const sums = { requests: 0, replies: 0, moved: 0, learned: 0 };
  for (const { core, state, load, restarts } of appliance.cores()) {
    const labels = { core };
    const counters = appliance.counters(core);
    const count = (counter: number): number => counters[CORE_AT + counter] ?? 0;
    setStates(set, "linkloom_core_state", labels, CORE_STATES, state);
    set("linkloom_core_load_ratio", labels, load);
    set("linkloom_core_restarts_total", labels, restarts);
    set("linkloom_core_frames_received_total", labels, count(CoreCounter.FramesReceived));
    set("linkloom_core_frames_sent_total", labels, count(CoreCounter.FramesSent));
    const late = count(CoreCounter.LatenessMaxMillis) / 1000;
    set("linkloom_timer_lateness_seconds", labels, late);
    sums.requests += count(CoreCounter.ArpRequestsSent);
    sums.replies += count(CoreCounter.ArpRepliesSent);
    sums.moved += count(CoreCounter.StationsMoved);
    sums.learned += count(CoreCounter.StationsLearned);
  }
  set("linkloom_arp_requests_total", {}, sums.requests);
  set("linkloom_arp_replies_total", {}, sums.replies);
  set("linkloom_fdb_moves_total", {}, sums.moved);
  set("linkloom_fdb_learned_total", {}, sums.learned);
}

function addTotals(set: SetMetric, appliance: Appliance): void {
  const blocks = appliance.cores().map(({ core }) => appliance.counters(core));
  for (const [type, value] of Object.entries(messageTotals(blocks))) {
    set("linkloom_bus_messages_total", { type }, value);
  }
  for (const [reason, value] of Object.entries(dropTotals(blocks))) {
    set("linkloom_drops_total", { reason }, value);
  }
}

function addEvents(set: SetMetric, events: EventCounts): void {
  const { byName, transitions } = events.turn();
  for (const [event, value] of byName) set("linkloom_events_total", { event }, value);
  for (const [reason, value] of transitions) {
    set("linkloom_vr_transitions_total", { reason }, value);
  }
}

const text = (value: unknown): string => String(value ?? "");

async function addTables(set: SetMetric, serving: Serving): Promise<void> {
  for (const row of await rowsOf(serving, "cores")) {
    const roles = row["roles"] as readonly string[];
    for (const role of roles) set("linkloom_core_role", { core: text(row["core"]), role }, 1);
  }
  for (const row of await rowsOf(serving, "ports")) addPort(set, row);
  addBus(set, await rowsOf(serving, "bus"));
  for (const row of await rowsOf(serving, "coherence")) {
    const table = text(row["table"]);
    const core = text(row["core"]);
    set("linkloom_table_entries", { table, core }, Number(row["entries"]));
    set("linkloom_coherent", { table }, Number(row["equal"] === true));
  }
  for (const row of await rowsOf(serving, "channels")) {
    const channel = text(row["channel"]);
    set("linkloom_channel_up", { channel }, Number(row["up"] === true));
    set("linkloom_channel_members", { channel }, (row["members"] as unknown[]).length);
    const active = row["active-members"] as unknown[];
    set("linkloom_channel_active_members", { channel }, active.length);
  }
  await addMachines(set, serving);
}

/** State machines: what the network agreed on with us. */
async function addMachines(set: SetMetric, serving: Serving): Promise<void> {
  for (const row of await rowsOf(serving, "lacp", { core: String(linkMaster(serving)) })) {
    const labels = { channel: text(row["channel"]), port: text(row["port"]) };
    setStates(set, "linkloom_lacp_member_state", labels, MUX_NAMES, text(row["mux"]));
  }
  for (const row of await rowsOf(serving, "stp", { core: String(linkMaster(serving)) })) {
    const labels = { bridge: text(row["bridge"]), channel: text(row["channel"]) };
    const known = STP_STATES.find((state) => state === row["state"]);
    // A bridge's own row has no state of a port.
    if (known !== undefined) setStates(set, "linkloom_stp_port_state", labels, STP_STATES, known);
  }
  for (const row of await rowsOf(serving, "vr")) {
    const states = VR_STATES[text(row["protocol"])] ?? [];
    const state = text(row["state"]).toLowerCase();
    const labels = { name: text(row["name"]), family: text(row["family"]) };
    setStates(set, "linkloom_vr_state", labels, states, state);
  }
}

const linkMaster = ({ appliance }: Serving): number => appliance.masters()[1] ?? 0;

function addPort(set: SetMetric, row: Row): void {
  const labels = { port: text(row["port"]) };
  set("linkloom_port_up", labels, Number(row["link"] === "up"));
  set("linkloom_port_frames_received_total", labels, Number(row["frames-received"]));
  set("linkloom_port_frames_sent_total", labels, Number(row["frames-sent"]));
  set("linkloom_port_bytes_received_total", labels, Number(row["bytes-received"]));
  set("linkloom_port_bytes_sent_total", labels, Number(row["bytes-sent"]));
  set("linkloom_port_drops_total", labels, Number(row["drops"]));
}

/** Each pair once: its rows, one for each type, have the pair's own figures all. */
function addBus(set: SetMetric, rows: readonly Row[]): void {
  const pairs = new Map(rows.map((row) => [`${text(row["from"])} ${text(row["to"])}`, row]));
  for (const row of pairs.values()) {
    const labels = { from: text(row["from"]), to: text(row["to"]) };
    set("linkloom_bus_high_water", labels, Number(row["high-water"]));
    set("linkloom_bus_resyncs_total", labels, Number(row["resyncs"]));
  }
}
