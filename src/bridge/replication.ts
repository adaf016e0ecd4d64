// Walks over all bridges' tables in slices: what a re-sync sends to a peer (CORE-3), and the rows that `show` prints.

import type { CoreId, Millis } from "../lib/units.ts";
import type { BridgingConfig } from "./config.ts";
import type { Learning } from "./learning.ts";
import { NO_CHANNEL } from "./message.ts";
import { CHANNEL_MASK, Flag, macOf, Slot, vlanOf } from "./table.ts";

/** Cursors count positions of all bridges, this many to a bridge: 2^20 slots and what comes before them. */
const SPAN: number = 2 ** 21;
/** Positions looked at in one call, also when few of them have anything to send: our choice, some microseconds. */
const LOOK = 8192;

/**
 * Sends flushes, entries and tombstones from `cursor` on: at most `limit` messages. First the flushes, so that what
 * they took away does not come back.
 */
export function resyncSlice(
  bridges: readonly Learning[],
  to: CoreId,
  cursor: number,
  limit: number,
): number {
  let bridge = Math.floor(cursor / SPAN);
  let position = cursor % SPAN;
  let sent = 0;
  for (let looked = 0; looked < LOOK && sent < limit; looked++) {
    const stations = bridges[bridge];
    if (stations === undefined) return -1;
    if (position >= stations.resync.positions) {
      bridge++;
      position = 0;
      continue;
    }
    if (stations.resync.send(position, to)) sent++;
    position++;
  }
  return bridge * SPAN + position;
}

/** Up to `limit` entries as rows: numbers where names are meant, -1 as the channel of a dropped station. */
export function rowsSlice(
  bridges: readonly Learning[],
  core: CoreId,
  cursor: number,
  limit: number,
  now: Millis,
): { rows: Record<string, unknown>[]; next: number } {
  const rows: Record<string, unknown>[] = [];
  let bridge = Math.floor(cursor / SPAN);
  let slot = cursor % SPAN;
  while (rows.length < limit) {
    const stations = bridges[bridge];
    if (stations === undefined) return { rows, next: -1 };
    if (slot >= stations.table.size) {
      bridge++;
      slot = 0;
      continue;
    }
    if (stations.table.state(slot) === Slot.Live) rows.push(row(stations, core, slot, now));
    slot++;
  }
  return { rows, next: bridge * SPAN + slot };
}

function row(
  { table, index }: Learning,
  core: CoreId,
  slot: number,
  now: Millis,
): Record<string, unknown> {
  const meta = table.meta(slot);
  const channel = meta & CHANNEL_MASK;
  const moved = table.lastMove(slot);
  return {
    core,
    bridge: index,
    index: slot,
    mac: macOf(table.low(slot), table.key(slot)),
    vlan: vlanOf(table.key(slot)),
    channel: channel === NO_CHANNEL ? -1 : channel,
    "in-use": (meta & Flag.InUse) !== 0,
    static: (meta & Flag.Static) !== 0,
    "age-ms": Math.max(0, now - table.learned(slot)),
    moves: table.moves(slot),
    "last-move-ms": moved < 0 ? -1 : Math.max(0, now - moved),
    version: table.version(slot),
  };
}

/** Entries, digest and newest version over all bridges. */
export function summaryOf(bridges: readonly Learning[]): {
  entries: number;
  digest: number;
  version: number;
} {
  let entries = 0;
  let digest = 0;
  let version = 0;
  for (const { table, index } of bridges) {
    table.reclaim();
    entries += table.entries;
    digest = (digest + Math.imul(table.digest, 2 * index + 1)) >>> 0;
    version = Math.max(version, table.newest);
  }
  return { entries, digest, version };
}

/** The ageing timer of every bridge, as `show timers` prints it. */
export function timerRows(
  bridges: readonly Learning[],
  config: BridgingConfig,
  now: Millis,
): Record<string, unknown>[] {
  return bridges.map((stations, index) => {
    const { due, period } = stations.timer(now);
    const subject = config.bridges[index]?.name ?? "";
    return { timer: "bridge-ageing", subject, "due-ms": due, "period-ms": period };
  });
}
