// What the lab's screen and its summary are made of: counters read from the statistics segment and each core's word
// about its tables, taken together at one moment; and the rates between two such moments.

import type { SummaryAnswer } from "../control/appliance-port.ts";
import { CORE_AT, CoreCounter } from "../engine/counter.ts";
import { TABLE_NAMES } from "../engine/message.ts";
import { ROLE_NAMES } from "../engine/role.ts";
import { dropTotals, messageTotals } from "../engine/totals.ts";
import type { CoreId, Millis } from "../lib/units.ts";
import type { RunningAppliance } from "../runtime/appliance.ts";
import type { World } from "../sim/world.ts";

export interface CoreSample {
  readonly core: number;
  readonly state: string;
  readonly roles: readonly string[];
  readonly load: number;
  readonly received: number;
  readonly sent: number;
  readonly messages: number;
  /** Entries of each replicated table, index = table. */
  readonly entries: readonly number[];
}

export interface TableSample {
  readonly table: string;
  readonly entries: number;
  /** True when all cores' digests are equal. */
  readonly equal: boolean;
}

export interface Sample {
  readonly now: Millis;
  readonly cores: readonly CoreSample[];
  readonly tables: readonly TableSample[];
  /** Messages sent by type, and drops by reason, over all cores. */
  readonly messages: Readonly<Record<string, number>>;
  readonly drops: Readonly<Record<string, number>>;
  readonly traffic: ReturnType<World["totals"]>;
  readonly moves: number;
  readonly silent: number;
}

/** What a core has in its tables; null for one that is out of service, or goes while it is asked. */
async function summaryOf(appliance: RunningAppliance, core: CoreId): Promise<SummaryAnswer | null> {
  const isOnline = (): boolean => appliance.cores()[core]?.state === "online";
  if (!isOnline()) return null;
  try {
    return await appliance.command(core, { kind: "summary" });
  } catch (error) {
    if (isOnline()) throw error;
    return null;
  }
}

export async function takeSample(appliance: RunningAppliance, world: World): Promise<Sample> {
  const status = appliance.cores();
  const summaries = await Promise.all(status.map(({ core }) => summaryOf(appliance, core)));
  const masters = appliance.masters();
  const cores = status.map(({ core, state, load }, index) => {
    const counters = appliance.counters(core);
    return {
      core,
      state,
      roles: ROLE_NAMES.filter((_, role) => masters[role] === core),
      load,
      received: counters[CORE_AT + CoreCounter.FramesReceived] as number,
      sent: counters[CORE_AT + CoreCounter.FramesSent] as number,
      messages: counters[CORE_AT + CoreCounter.MessagesSent] as number,
      entries: (summaries[index]?.tables ?? []).map(({ entries }) => entries),
    };
  });
  const tables = TABLE_NAMES.map((table, index) => {
    const own = summaries
      .filter((summary) => summary !== null)
      .map((summary) => summary.tables.find((row) => row.table === index));
    return {
      table,
      entries: Math.max(0, ...own.map((row) => row?.entries ?? 0)),
      equal: own.every((row) => row?.digest === own[0]?.digest),
    };
  });
  return {
    now: appliance.clock.now(),
    cores,
    tables,
    ...countersByName(appliance),
    traffic: world.totals(),
    moves: world.moves,
    silent: world.stations.filter(({ silent }) => silent).length,
  };
}

/** Messages by type and drops by reason, over all cores; only what happened. */
export function countersByName(appliance: Pick<RunningAppliance, "cores" | "counters">): {
  messages: Record<string, number>;
  drops: Record<string, number>;
} {
  const blocks = appliance.cores().map(({ core }) => appliance.counters(core));
  return { messages: messageTotals(blocks), drops: dropTotals(blocks) };
}
