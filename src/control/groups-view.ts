// `show groups` and `show protection` in words: what each core knows of multicast groups, and what protects each
// channel of a bridge.

import type { ApplianceConfig } from "../core/config.ts";
import { formatIpv4, formatIpv6 } from "../wire/text.ts";
import type { RawRow } from "./appliance-port.ts";

type Row = Record<string, unknown>;
type Answers = readonly { core: number; rows: readonly RawRow[] }[];

const address = (value: unknown): string | null => {
  if (typeof value === "number") return formatIpv4(value);
  if (!Array.isArray(value)) return null;
  return formatIpv6(...(value as [number, number, number, number]));
};

const round = (value: unknown): number | null =>
  typeof value === "number" ? Math.round(value) : null;

/** Rows of `show groups`; what only the link master knows is null on the others. */
export function groupRows(config: ApplianceConfig, answers: Answers): Row[] {
  const names = (channels: unknown): string[] =>
    (channels as number[]).map((channel) => config.common.channels[channel]?.name ?? "");
  return answers.flatMap(({ core, rows }) =>
    rows.map((row) => ({
      core,
      bridge: config.bridging.bridges[row["bridge"] as number]?.name ?? "",
      vlan: row["vlan"],
      family: row["family"],
      group: address(row["group"]),
      channels: names(row["channels"]),
      routers: names(row["routers"]),
      querier: address(row["querier"]),
      "querier-state": row["querierState"],
      limited: row["limited"],
      "expires-ms": round(row["expiresMs"]),
      version: row["version"],
    })),
  );
}

const ISOLATIONS = ["none", "isolated"];

/** Rows of `show protection`. */
export function protectionRows(config: ApplianceConfig, answers: Answers): Row[] {
  const { channels } = config.common;
  return answers.flatMap(({ core, rows }) =>
    rows.map((row) => ({
      core,
      bridge: config.bridging.bridges[row["bridge"] as number]?.name ?? "",
      channel: channels[row["channel"] as number]?.name ?? "",
      state: row["state"],
      reason: row["reason"],
      "opens-ms": round(row["opensMs"]),
      stations: row["stations"],
      "mac-limit": row["macLimit"],
      isolation: ISOLATIONS[row["isolation"] as number] ?? `community ${row["isolation"]}`,
      broadcast: row["broadcast"],
      multicast: row["multicast"],
      "unknown-unicast": row["unicast"],
    })),
  );
}
