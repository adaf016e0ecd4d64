// `linkloom explain stp br0 p1`: why a channel has its role and state in the spanning tree: which priority vector won
// at which of its steps (IEEE 802.1D-2004 17.6), which guard fired and how to get the channel back.

import type { Row } from "../show.ts";

/** What an explanation is made of. */
export interface StpEvidence {
  /** Rows of `show stp` of the bridge, of every core. */
  readonly rows: readonly Row[];
  /** The channel; undefined: the bridge as a whole. */
  readonly channel?: string | undefined;
  readonly events: readonly Row[];
}

const text = (value: unknown): string => String(value ?? "");
const seconds = (value: unknown): string => `${Math.round(Number(value ?? 0) / 100) / 10} s`;

/** The four parts of a priority vector, best first: lower is better at the first that differs. */
interface Vector {
  readonly root: string;
  readonly cost: number;
  readonly bridge: string;
  readonly port: string;
}

/** The vector that a channel's segment has: what the best bridge there says. */
const vectorOf = (row: Row): Vector => ({
  root: text(row["root"]),
  cost: Number(row["designated-cost"] ?? 0),
  bridge: text(row["designated-bridge"]),
  port: text(row["designated-port"]),
});

/** Orders identifiers: by the number before the point, then by the rest. */
function compareIds(one: string, other: string): number {
  const [a = "", ...restA] = one.split(".");
  const [b = "", ...restB] = other.split(".");
  if (a !== b) return Number(a) - Number(b);
  const [x, y] = [restA.join("."), restB.join(".")];
  return /^\d+$/.test(x) && /^\d+$/.test(y) ? Number(x) - Number(y) : x.localeCompare(y);
}

/** At which step one vector is better than another, in words; "" when they are the same. */
export function decided(better: Vector, worse: Vector): string {
  if (better.root !== worse.root)
    return `its root ${better.root} has a lower identifier than ${worse.root}`;
  if (better.cost !== worse.cost)
    return `its root path cost is ${better.cost}, against ${worse.cost}`;
  if (better.bridge !== worse.bridge) {
    return `at equal cost (${better.cost}) its bridge ${better.bridge} has a lower identifier than ${worse.bridge}`;
  }
  return better.port === worse.port
    ? ""
    : `at equal cost and bridge its port ${better.port} has a lower identifier than ${worse.port}`;
}

/** The sentences. */
export function explainStp(evidence: StpEvidence): string[] {
  const { rows, channel } = evidence;
  const bridge = rows.find((row) => row["channel"] === null && row["designated-bridge"] !== null);
  if (bridge === undefined) return ["No core answers as the link master now: try again."];
  const name = text(bridge["bridge"]);
  if (bridge["protocol"] === "off") {
    return [
      `${name} runs no spanning tree: every channel forwards, and nothing here breaks a loop.`,
      `Write bridges.${name}.stp: {protocol: rstp} to have one.`,
    ];
  }
  const ports = rows.filter((row) => row["channel"] !== null && row["number"] !== null);
  const unique = [...new Map(ports.map((row) => [row["channel"], row])).values()];
  const lines = [rootLine(name, bridge, unique)];
  for (const row of unique) {
    if (channel !== undefined && row["channel"] !== channel) continue;
    lines.push(...explainPort(row, bridge, unique, rows, channel !== undefined));
  }
  if (channel === undefined) return [...lines, ...changes(bridge)];
  for (const event of evidence.events.slice(-5)) {
    const change = [event["from"], event["to"]].filter((word) => word !== "").join(" to ");
    lines.push(
      `${text(event["time"])}: ${text(event["cause"])}, ${change} ${text(event["evidence"])}`.trim(),
    );
  }
  return lines;
}

function rootLine(name: string, bridge: Row, ports: readonly Row[]): string {
  const own = text(bridge["designated-bridge"]);
  if (bridge["role"] === "root") {
    const heard = ports.filter(({ role }) => role !== "disabled").length;
    return `${name} (${own}) is the root: of all bridges heard on ${heard} channels none has a lower identifier.`;
  }
  return `${name} (${own}) takes ${text(bridge["root"])} for the root, at cost ${text(bridge["cost"])} through ${text(bridge["root-channel"])}.`;
}

function changes(bridge: Row): string[] {
  const count = Number(bridge["topology-changes"] ?? 0);
  if (count === 0 || bridge["topology-change-ms"] === null) return [];
  const at = text(bridge["topology-change-channel"]);
  return [
    `The topology changed ${count} times, the last time ${seconds(bridge["topology-change-ms"])} ago${at === "" ? "" : `, at ${at}`}.`,
  ];
}

function explainPort(
  row: Row,
  bridge: Row,
  ports: readonly Row[],
  rows: readonly Row[],
  whole: boolean,
): string[] {
  const name = text(row["channel"]);
  const states = rows.filter((one) => one["channel"] === row["channel"]);
  const since = row["since-ms"] === null ? "" : ` since ${seconds(row["since-ms"])}`;
  const lines = [
    `${name} is ${text(row["role"])} and ${text(row["state"])}${since}: ${why(row, bridge, ports)}`,
  ];
  const advice = ADVICE[text(row["reason"])]?.(row, bridge);
  if (advice !== undefined) lines.push(advice);
  if (new Set(states.map(({ state }) => state)).size > 1) {
    const each = states.map((one) => `core ${text(one["core"])} ${text(one["state"])}`).join(", ");
    lines.push(`The cores are under way to one state: ${each}.`);
  }
  if (!whole) return lines;
  if (row["protocol"] === "stp" && bridge["protocol"] === "rstp") {
    lines.push(
      `Its neighbour speaks old STP (802.1D-1998), so nothing is agreed there: every step takes the root's forward delay, ${seconds(bridge["forward-delay-ms"])}.`,
    );
  }
  if (row["point-to-point"] === false) {
    lines.push(
      "It is taken for a shared segment, where nothing can be agreed: it opens by timers alone. Write stp: {point-to-point: on} if only one bridge is there.",
    );
  }
  if (Number(row["pvst-received"] ?? 0) > 0) {
    lines.push(
      `${text(row["pvst-received"])} BPDUs of PVST+ came in: that neighbour runs a tree for each VLAN, of which only VLAN 1's is plain STP. Run MSTP or RSTP there.`,
    );
  }
  if (Number(row["bad-received"] ?? 0) > 0) {
    lines.push(`${text(row["bad-received"])} BPDUs were not valid, and not heeded.`);
  }
  lines.push(
    `It sent ${text(row["bpdus-sent"])} BPDUs and received ${text(row["bpdus-received"])}; its state changed ${text(row["transitions"])} times.`,
  );
  return lines;
}

/** Why a port has its role: the vector that won there, and the step at which it did. */
function why(row: Row, bridge: Row, ports: readonly Row[]): string {
  const own = text(bridge["designated-bridge"]);
  const there = vectorOf(row);
  const ours: Vector = {
    root: text(bridge["root"]),
    cost: Number(bridge["cost"] ?? 0),
    bridge: own,
    port: `${text(row["priority"])}.${text(row["number"])}`,
  };
  switch (row["role"]) {
    case "root":
      return wayToRoot(row, ports);
    case "alternate": {
      const step = decided(there, ours);
      const better =
        step === "" ? "what it says there is better than what we would say" : `there ${step}`;
      return `${there.bridge} serves this segment, not we, because ${better}; the channel is a spare way to the root.`;
    }
    case "backup":
      return `our own port ${there.port} serves this segment already, and ours here, ${ours.port}, has the higher identifier.`;
    case "designated":
      if (row["edge"] === true) return "nobody sends BPDUs there, so it is an edge.";
      if (Number(row["bpdus-received"] ?? 0) === 0) return "no BPDU was ever heard there.";
      return `on this segment we are the best way to the root ${ours.root} (cost ${ours.cost}).`;
    default:
      return row["reason"] === "link-down" ? "it has no link." : "it takes no part.";
  }
}

function wayToRoot(row: Row, ports: readonly Row[]): string {
  const through = (port: Row): Vector => {
    const vector = vectorOf(port);
    return { ...vector, cost: vector.cost + Number(port["cost"] ?? 0) };
  };
  const best = through(row);
  const sum = `${best.cost - Number(row["cost"] ?? 0)} that ${best.bridge} tells, and its own ${text(row["cost"])}`;
  const others = ports
    .filter((port) => port !== row && ["alternate", "backup"].includes(text(port["role"])))
    .map((port) => ({ port, vector: through(port) }))
    .sort(
      (x, y) =>
        compareIds(x.vector.root, y.vector.root) ||
        x.vector.cost - y.vector.cost ||
        compareIds(x.vector.bridge, y.vector.bridge) ||
        compareIds(x.vector.port, y.vector.port),
    );
  const [next] = others;
  const first = `it is the best way to the root: cost ${best.cost} (${sum}).`;
  if (next === undefined) return first;
  const step = decided(best, next.vector) || "our own port here has the lower identifier";
  return `${first} The next best is ${text(next.port["channel"])}, and ${text(row["channel"])} wins because ${step}.`;
}

/** What stands behind a reason, and what to do. */
const ADVICE: Readonly<Record<string, (row: Row, bridge: Row) => string>> = {
  "link-down": () => "Look at the cable and at the other side's port.",
  "bpdu-guard": (row) =>
    `BPDU guard shut it: a bridge is plugged in where none is to be. Take that bridge away, then run "linkloom clear stp ${text(row["channel"])}" or pull the cable once; stp: {guard-recovery: 5m} would open it by itself.`,
  "root-guard": (row) =>
    `Root guard keeps it shut: a bridge behind it claims a better root, ${text(row["root"])}. It opens by itself when that bridge no longer does; raise that bridge's priority number, or take root-guard off here.`,
  "loop-guard": () =>
    "Loop guard keeps it shut: the neighbour fell silent without its link going down, so its frames may be lost in one direction. It opens by itself with the next BPDU; look at the cable and at the neighbour.",
  "own-bpdu": () =>
    "Its own BPDUs come back: the cable is looped, or a device returns frames. It stays shut while they do.",
  edge: () => "An edge forwards at once; the first BPDU makes it an ordinary channel.",
  disputed: () =>
    "A neighbour behind it forwards, and does not hear that we are better: our BPDUs do not get there. Look for a cable that carries one direction alone.",
  "waits-for-cores": () =>
    "It waits until every core has followed; show cores tells whether one is stuck.",
  "waits-for-agreement": (_row, bridge) =>
    `It has proposed to forward and waits for the neighbour's agreement; without one it opens after twice ${seconds(bridge["forward-delay-ms"])}. A host behind it never agrees: after 3 s without a BPDU it is an edge, with stp: {edge: on} at once.`,
  "waits-for-timer": (_row, bridge) =>
    `It waits for the forward delay, ${seconds(bridge["forward-delay-ms"])} as the root says, once to learn and once to forward.`,
  "waits-for-old-root": () =>
    "Another channel was the way to the root a moment ago; it opens when that one has stopped, or by the forward delay.",
};
