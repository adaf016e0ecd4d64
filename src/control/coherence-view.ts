// `show coherence`: what every core has of each replicated table, and whether it is the same.

import { TABLE_NAMES } from "../engine/message.ts";
import type { Appliance, SummaryAnswer } from "./appliance-port.ts";

type Row = Record<string, unknown>;

/** Every online core's summary. */
export async function summaries(
  appliance: Appliance,
): Promise<{ core: number; summary: SummaryAnswer }[]> {
  const online = appliance.cores().filter(({ state }) => state === "online" || state === "stalled");
  return Promise.all(
    online.map(async ({ core }) => ({
      core,
      summary: await appliance.command(core, { kind: "summary" }),
    })),
  );
}

/** Whether every core has the same: one row for each table and core. */
export function coherence(
  answers: readonly { core: number; summary: SummaryAnswer }[],
  repairs: readonly number[],
): Row[] {
  const rows = answers.flatMap(({ core, summary }) =>
    summary.tables.map(({ table, entries, digest, version }) => ({
      table: TABLE_NAMES[table] ?? String(table),
      core,
      entries,
      digest: (digest >>> 0).toString(16).padStart(8, "0"),
      "newest-version": version,
      equal: true,
      repairs: repairs[table] ?? 0,
    })),
  );
  for (const row of rows) {
    row.equal = rows.every((other) => other.table !== row.table || other.digest === row.digest);
  }
  return rows.sort((a, b) => a.table.localeCompare(b.table) || a.core - b.core);
}
