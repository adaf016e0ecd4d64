// `show vr` and `show vmac` in words, and what `explain vr` is made of. The machines run on the link master, so its
// rows are `show vr`; each core has its own table of virtual MACs.

import { Role } from "../engine/role.ts";
import type { Appliance, RawRow } from "./appliance-port.ts";

type Row = Record<string, unknown>;

/** Rows per question to a core. */
const SLICE = 512;

async function rowsOf(appliance: Appliance, core: number, table: "vr" | "vmac"): Promise<RawRow[]> {
  const rows: RawRow[] = [];
  for (let cursor = 0; cursor >= 0; ) {
    const answer = await appliance.command(core, { kind: "rows", table, cursor, limit: SLICE });
    rows.push(...answer.rows);
    cursor = answer.next;
  }
  return rows;
}

/** The core that speaks for all; while it has just gone, any that follows it. */
function linkMaster(appliance: Appliance): number {
  const master = appliance.masters()[Role.Link] ?? 0;
  const online = appliance.cores().filter(({ state }) => state === "online");
  return online.some(({ core }) => core === master) ? master : (online[0]?.core ?? master);
}

/** The engines' clock means nothing to people: the moment of something that was so many milliseconds ago. */
function dated(row: RawRow, now: number): Row {
  const age = row["since-ms"];
  const at = typeof age === "number" ? new Date(now - age).toISOString() : "";
  return { ...row, "last-transition": at };
}

/** The virtual routers as the link master knows them, one row for each family. */
export async function vrRows(appliance: Appliance): Promise<Row[]> {
  const rows = await rowsOf(appliance, linkMaster(appliance), "vr");
  const now = Date.now();
  return rows.map((row) => dated(row, now));
}

/** Every core's virtual MACs. */
export async function vmacRows(appliance: Appliance): Promise<Row[]> {
  const online = appliance.cores().filter(({ state }) => state === "online");
  const answers = await Promise.all(
    online.map(async ({ core }) =>
      (await rowsOf(appliance, core, "vmac")).map((row) => ({ core, ...row })),
    ),
  );
  return answers.flat();
}

/** Why a virtual router is as it is: one row for each family; [] when there is none of the name. */
export async function vrExplanation(appliance: Appliance, name: string): Promise<Row[]> {
  const command = { kind: "vr-explain", name } as const;
  const { rows } = await appliance.command(linkMaster(appliance), command);
  const now = Date.now();
  return rows.map((row) => dated(row, now));
}

/** Longest wait for successors: our choice, the skew of the slowest backup at the intervals that people use. */
const LEAVE_LIMIT = 3000;
const LEAVE_STEP = 10;

/**
 * Before a stop: neighbours hear that the virtual routers are free, and what comes to them is forwarded on until their
 * successors were heard, or an interval and a little more has passed (RFC 9568 6.1: a skew time is shorter).
 */
export async function leaveRouters(appliance: Appliance): Promise<void> {
  const routers = appliance.config.vr?.routers ?? [];
  if (routers.length === 0) return;
  const longest = Math.max(
    ...routers.map(({ protocol, interval, hello, advbase }) =>
      protocol === "vrrp" ? interval : protocol === "hsrp" ? hello : advbase * 1000,
    ),
  );
  const end = performance.now() + Math.min(LEAVE_LIMIT, longest + 200);
  try {
    for (;;) {
      const { count } = await appliance.command(linkMaster(appliance), { kind: "vr-leave" });
      if (count === 0 || performance.now() >= end) return;
      await new Promise((resolve) => setTimeout(resolve, LEAVE_STEP));
    }
  } catch (error) {
    // A core that is gone forwards nothing; the stop goes on.
    const { code } = error as { code?: unknown };
    if (code !== "core-not-online" && code !== "core-silent") throw error;
  }
}
