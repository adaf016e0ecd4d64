// Where everything lies in the arena (CORE-10): the global cache's sections, each with ONE writer. Made once by the
// control core before any data core starts; plain numbers that cross threads.
//
//   statistics   one block of counters per core, written by that core
//   presence     one block per core: heartbeat and flags; the pending bitmap is the only word that others set
//   control      bucket table, roles, core states: written by the control core, read by all
//   loads        one number per core, written by that core
//   bus          one ring per ordered pair of cores
//   events       one ring per core towards the control core
//   pools        one frame pool per core, for frames that cross cores or wait
//   ports        what the drivers planned for themselves

import { BLOCK_COUNTERS, TALLY_AT } from "../engine/counter.ts";
import { BIG_BUFFER, BUFFER } from "../engine/frame.ts";
import { SharedTallies, TALLIES } from "../engine/tally.ts";
import { type Arena, PAGE, type Planner } from "../lib/arena.ts";
import { planRing } from "../lib/ring.ts";
import type { CoreId, Offset } from "../lib/units.ts";
import { STATE_COVERS_AT } from "../steering/indirection.ts";

/** Fields of a core's presence block, as indexes of 32-bit words from its start. */
export const Presence = {
  /** Pending bitmap: bit k set by core k when it has published records for this core. Two words. */
  PendingLow: 0,
  PendingHigh: 1,
  /** 1 while the core sleeps, or is about to; whoever clears it wakes the core. */
  Sleeping: 32,
  /** Set to 1 by the control core when a command waits in the core's mailbox. */
  Command: 33,
  /** Set to 1 by the control core: end after this round. */
  Leave: 34,
  /** Milliseconds (wrapping 32 bit) of the core's last round, written by the core. */
  Heartbeat: 64,
  /** Core state as the core sees it, see CoreState. */
  State: 65,
  /** The membership epoch (Control.Epoch) that the core has acted on. */
  Epoch: 66,
  /** The last bucket move (steering/indirection.ts) in which the core has no part any more. */
  Moved: 67,
  /** Frames that wait on the core for an address. */
  Waiting: 68,
  /** The 64 bytes in which the core drafts a message; nobody else reads them. */
  Draft: 80,
} as const;
const PRESENCE_BYTES = 384;

/** Words of the control section. */
export const Control = {
  /** Role r is played by the core in word RoleAt + r. */
  RoleAt: 0,
  /** Word AliveLow, AliveHigh: bit k set while core k takes part in broadcasts. */
  AliveLow: 8,
  AliveHigh: 9,
  /** 1 = stop cleanly. */
  Stop: 10,
  /** Counts the changes of who lives; written after them. */
  Epoch: 11,
  /** How often core k was started again: word Generation + k. */
  Generation: 128,
} as const;
/** Bytes from the control section's start to the 128 bucket bytes. */
export const BUCKETS_AT = 128;

/** `Starting` until the core has every table; a core that starts with the others has them at once. */
export const CoreState = { Starting: 0, Online: 1, Stopped: 2, Failed: 3 } as const;

/** One core's frame pool. */
export interface PoolLayout {
  readonly at: Offset;
  readonly count: number;
  readonly bigAt: Offset;
  readonly bigCount: number;
}

/** The whole plan. */
export interface Layout {
  readonly cores: number;
  readonly statistics: Offset;
  readonly presence: Offset;
  readonly control: Offset;
  /** Load of each core, 0..1: a 64-bit float that the core itself writes. */
  readonly loads: Offset;
  /** Ring from core i to core k at index i * cores + k; 0 on the diagonal. */
  readonly rings: readonly Offset[];
  readonly ringCapacity: number;
  /** Records that wait behind a full ring; the bus' own bound where it is left out. */
  readonly backlog?: number;
  /** Event ring of each core. */
  readonly events: readonly Offset[];
  readonly eventCapacity: number;
  readonly pools: readonly PoolLayout[];
}

/** Records per ring: fewer when there are many pairs, so that 64 cores stay within tens of megabytes. */
function ringCapacityFor(cores: number): number {
  if (cores <= 8) return 1024;
  return cores <= 16 ? 512 : 128;
}

/** Ordinary buffers that a pool holds at most: more would only be cold memory. Our choice. */
const MAX_BUFFERS = 8192;
/** Buffers that a pool needs at least to work: a burst of 64 and its copies. */
const MIN_BUFFERS = 256;
const BIG_BUFFERS = 16;

/**
 * Plans the global cache of `globalCache` bytes for `cores` cores; the drivers plan their own sections after. The
 * simulator makes rings smaller, so that they overflow.
 */
export function planLayout(
  planner: Planner,
  cores: number,
  globalCache: number,
  ringCapacity: number = ringCapacityFor(cores),
): Layout {
  const start = planner.size;
  const eventCapacity = 1024;
  const statistics = planner.reserve(cores * BLOCK_COUNTERS * 8, PAGE);
  const presence = planner.reserve(cores * PRESENCE_BYTES, PAGE);
  const control = planner.reserve(PAGE, PAGE);
  const loads = planner.reserve(cores * 8);
  const rings: Offset[] = [];
  for (let pair = 0; pair < cores * cores; pair++) {
    const self = Math.floor(pair / cores) === pair % cores;
    rings.push(self ? 0 : planRing(planner, ringCapacity));
  }
  const events = Array.from({ length: cores }, () => planRing(planner, eventCapacity));
  const share = Math.floor((globalCache - (planner.size - start)) / cores);
  const rest = share - BIG_BUFFERS * BIG_BUFFER - 2 * PAGE; // Two pools start on pages of their own.
  const count = Math.max(MIN_BUFFERS, Math.min(MAX_BUFFERS, Math.floor(rest / BUFFER)));
  const pools = Array.from({ length: cores }, () => ({
    at: planner.reserve(count * BUFFER, PAGE),
    count,
    bigAt: planner.reserve(BIG_BUFFERS * BIG_BUFFER, PAGE),
    bigCount: BIG_BUFFERS,
  }));
  return {
    cores,
    statistics,
    presence,
    control,
    loads,
    rings,
    ringCapacity,
    events,
    eventCapacity,
    pools,
  };
}

/** Index of the first 32-bit word of a core's presence block. */
export function presenceWord(layout: Layout, core: CoreId): number {
  return (layout.presence + core * PRESENCE_BYTES) >> 2;
}

/** A core's counters as a view of the statistics segment. */
export function countersOf(arena: Arena, layout: Layout, core: CoreId): Float64Array {
  const at = layout.statistics + core * BLOCK_COUNTERS * 8;
  return new Float64Array(arena.buffer, at, BLOCK_COUNTERS);
}

/** What all cores tally together (engine/tally.ts), as this core sees it. */
export function talliesOf(arena: Arena, layout: Layout, core: CoreId): SharedTallies {
  const rows = Array.from({ length: layout.cores }, (_, row) =>
    countersOf(arena, layout, row).subarray(TALLY_AT, TALLY_AT + TALLIES),
  );
  return new SharedTallies(rows, core);
}

/** The 128 bucket bytes that steer flows to cores (CORE-4). */
export function bucketsOf(arena: Arena, layout: Layout): Uint8Array {
  return new Uint8Array(arena.buffer, layout.control + BUCKETS_AT, 128);
}

/** The core that stands in for each core where a rule or a scheme names one: itself while it serves. */
export function coversOf(arena: Arena, layout: Layout): Uint8Array {
  return new Uint8Array(arena.buffer, layout.control + STATE_COVERS_AT, layout.cores);
}

/** Load of every core, 0..1. */
export function loadsOf(arena: Arena, layout: Layout): Float64Array {
  return new Float64Array(arena.buffer, layout.loads, layout.cores);
}

/** Writes the control section's words as they are before the cores start: all alive, roles elected, buckets dealt. */
export function initControl(
  arena: Arena,
  layout: Layout,
  masters: readonly CoreId[],
  buckets: number,
): void {
  const word = layout.control >> 2;
  for (const [role, core] of masters.entries()) arena.i32[word + Control.RoleAt + role] = core;
  coversOf(arena, layout).set(Array.from({ length: layout.cores }, (_, core) => core));
  for (let core = 0; core < layout.cores; core++) {
    const index = word + (core < 32 ? Control.AliveLow : Control.AliveHigh);
    arena.i32[index] = (arena.i32[index] as number) | (1 << (core & 31));
  }
  const table = bucketsOf(arena, layout);
  for (let bucket = 0; bucket < buckets; bucket++) table[bucket] = bucket % layout.cores;
}
