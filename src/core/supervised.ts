// What is known of one core that is watched (supervision.ts).

import type { Millis } from "../lib/units.ts";

export const Phase = {
  Starting: 0,
  Joining: 1,
  Online: 2,
  Leaving: 3,
  Ending: 4,
  Waiting: 5,
  Offline: 6,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** Why a core's state changed; a number of the event "core-state". */
export const REASONS = [
  "none",
  "silent",
  "failed",
  "ended",
  "late",
  "command",
  "given-up",
] as const;
export type Reason = (typeof REASONS)[number];

/** What people see (the states of `show cores`). */
export const STATES = ["starting", "online", "stalled", "offline"] as const;
export type State = (typeof STATES)[number];

/** One core, as the supervisor sees it. */
export interface Supervised {
  phase: Phase;
  /** When the phase began. */
  since: Millis;
  heartbeat: number;
  silent: Millis;
  /** Of the time since its last sign, what it spent waiting for a CPU. */
  starved: Millis;
  /** Its thread exists. */
  running: boolean;
  stalled: boolean;
  /** Its work is put off on purpose: silence is no sign. */
  excused: number;
  restarts: number;
  /** Restarts that count against the bound. */
  recent: Millis[];
  /** Waiting: when it starts. */
  due: Millis;
  /** Not to be started again by itself. */
  parked: boolean;
  why: Reason;
  /** It has fewer buckets than its share and gets them one at a time. */
  filling: boolean;
  /** Leaving: the kernel no longer gives it frames. */
  unsteered: boolean;
}
