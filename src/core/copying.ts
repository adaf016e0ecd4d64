// A copy of a core's tables, made of the very messages in which a core that joins is sent them (resync.ts): what is
// replicated so that any core can take over is all that a rehearsal needs. Nothing leaves, and nothing changes.

import { RECORD } from "../engine/message.ts";
import type { Replicated } from "../engine/out.ts";
import type { CoreId, Millis, Offset } from "../lib/units.ts";

/** Records per answer at most, as many as rows: our choice, some tens of microseconds. */
const MAX_RECORDS = 512;

/** What it needs of a core. */
export interface Copied {
  readonly core: CoreId;
  cores: number;
  readonly bytes: Uint8Array;
  copied: ((record: Offset) => void) | null;
  readonly dispatch: { replicated(table: number): Replicated | null };
}

export interface Slice {
  /** Records of RECORD bytes, one behind the other. */
  readonly records: Uint8Array;
  /** The next cursor, -1 at the end. */
  readonly next: number;
  /** The appliance's time. */
  readonly now: Millis;
}

/** The entries of a table that this core answers for, from `cursor` on. */
export function copySlice(
  core: Copied,
  table: number,
  cursor: number,
  limit: number,
  now: Millis,
): Slice {
  const replicated = core.dispatch.replicated(table);
  const records: Uint8Array[] = [];
  if (replicated === null) return { records: new Uint8Array(0), next: -1, now };
  const { cores } = core;
  // A single core tells nobody anything: the copy is made as for a second one.
  core.cores = Math.max(2, cores);
  core.copied = (at) => records.push(core.bytes.slice(at, at + RECORD));
  let next: number;
  try {
    const to = (core.core + 1) % core.cores;
    next = replicated.resync(to, cursor, Math.min(limit, MAX_RECORDS), now);
  } finally {
    core.copied = null;
    core.cores = cores;
  }
  const all = new Uint8Array(records.length * RECORD);
  for (const [index, record] of records.entries()) all.set(record, index * RECORD);
  return { records: all, next, now };
}
