// `show stp` in words: each core's own state of a channel beside what the link master knows of it. One row of a bridge,
// without a channel, says where the root is.

import type { ApplianceConfig } from "../core/config.ts";
import { formatMac } from "../wire/text.ts";
import type { RawRow } from "./appliance-port.ts";

type Row = Record<string, unknown>;

/** A bridge identifier as people write it: priority, then the address; null when there is none. */
function bridgeId(priority: unknown, address: unknown): string | null {
  if (typeof priority !== "number" || typeof address !== "number" || address === 0) return null;
  return `${priority}.${formatMac(address)}`;
}

/** A port identifier (IEEE 802.1D-2004 9.2.7): priority and number. */
function portId(identifier: unknown): string | null {
  if (typeof identifier !== "number") return null;
  return `${(identifier >> 12) << 4}.${identifier & 0xfff}`;
}

const round = (value: unknown): number | null =>
  typeof value === "number" ? Math.round(value) : null;
const yes = (value: unknown): boolean | null => (typeof value === "boolean" ? value : null);
const total = (row: RawRow, ...fields: readonly string[]): number | null => {
  const values = fields.map((field) => row[field]).filter((value) => typeof value === "number");
  return values.length === 0 ? null : values.reduce((sum: number, value) => sum + Number(value), 0);
};

/** Rows of `show stp` from every core's raw rows. */
export function stpRows(
  config: ApplianceConfig,
  answers: readonly { core: number; rows: readonly RawRow[] }[],
): Row[] {
  const place = (row: RawRow): string => `${row["bridge"]} ${row["channel"]}`;
  const master = new Map<string, RawRow>();
  for (const { rows } of answers) {
    for (const row of rows) if (row["master"] === true) master.set(place(row), row);
  }
  const bridge = (row: RawRow): string =>
    config.bridging.bridges[row["bridge"] as number]?.name ?? "";
  const channel = (number: unknown): string => config.common.channels[number as number]?.name ?? "";
  return answers.flatMap(({ core, rows }) =>
    rows.map((row) => {
      const known = master.get(place(row)) ?? {};
      const both = { core, bridge: bridge(row) };
      return row["channel"] === -1
        ? { ...both, ...bridgeRow(known, channel) }
        : { ...both, channel: channel(row["channel"]), ...channelRow(row, known) };
    }),
  );
}

function bridgeRow(known: RawRow, channel: (number: unknown) => string): Row {
  const root = bridgeId(known["rootPriority"], known["rootAddress"]);
  const own = bridgeId(known["priority"], known["address"]);
  const isRoot = known["rootChannel"] === -1;
  return {
    channel: null,
    role: root === null ? null : isRoot ? "root" : "designated",
    state: null,
    cost: known["rootCost"] ?? null,
    "designated-bridge": own,
    "designated-port": null,
    root,
    edge: null,
    "point-to-point": null,
    protocol: known["protocol"] ?? null,
    transitions: null,
    reason: known["protocol"] === "off" ? "off" : isRoot ? "this bridge is the root" : "",
    "root-channel": isRoot ? null : channel(known["rootChannel"]) || null,
    priority: known["priority"] ?? null,
    "hello-ms": known["helloMs"] ?? null,
    "forward-delay-ms": known["forwardDelayMs"] ?? null,
    "max-age-ms": known["maxAgeMs"] ?? null,
    "topology-changes": known["topologyChanges"] ?? null,
    "topology-change-ms": round(known["topologyChangeMs"]),
    "topology-change-channel": channel(known["topologyChangeChannel"]) || null,
  };
}

function channelRow(row: RawRow, known: RawRow): Row {
  return {
    role: row["role"] ?? known["role"] ?? null,
    state: row["state"] ?? null,
    cost: known["cost"] ?? null,
    "designated-bridge": bridgeId(known["designatedPriority"], known["designatedAddress"]),
    "designated-port": portId(known["designatedPort"]),
    root: bridgeId(known["rootPriority"], known["rootAddress"]),
    edge: yes(known["edge"]),
    "point-to-point": yes(known["pointToPoint"]),
    protocol: known["protocol"] ?? null,
    transitions: known["transitions"] ?? null,
    reason: known["reason"] ?? null,
    "designated-cost": known["designatedCost"] ?? null,
    priority: known["priority"] ?? null,
    number: known["number"] ?? null,
    "since-ms": round(known["sinceMs"]),
    guard: known["guard"] ?? null,
    settled: yes(known["settled"]),
    "bpdus-sent": total(known, "rstSent", "configSent", "tcnSent"),
    "bpdus-received": total(known, "rstReceived", "configReceived", "tcnReceived"),
    "rst-sent": known["rstSent"] ?? null,
    "config-sent": known["configSent"] ?? null,
    "tcn-sent": known["tcnSent"] ?? null,
    "rst-received": known["rstReceived"] ?? null,
    "config-received": known["configReceived"] ?? null,
    "tcn-received": known["tcnReceived"] ?? null,
    "pvst-received": known["pvstReceived"] ?? null,
    "bad-received": known["badReceived"] ?? null,
    "topology-changes": known["topologyChanges"] ?? null,
  };
}
