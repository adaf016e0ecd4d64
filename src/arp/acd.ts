// Address conflict detection for one own address (RFC 5227), pure. An appliance does not give a configured
// address up: in use it defends for ever, at most once per interval (RFC 5227 2.4, rule c). Found in use by
// another while still probing, it stays silent and tries again later.

import type { Millis } from "../lib/units.ts";

/** RFC 5227 1.1. */
export const PROBE_WAIT: Millis = 1000;
export const PROBE_NUM = 3;
export const PROBE_MIN: Millis = 1000;
export const PROBE_MAX: Millis = 2000;
export const ANNOUNCE_WAIT: Millis = 2000;
export const ANNOUNCE_NUM = 2;
export const ANNOUNCE_INTERVAL: Millis = 2000;
export const DEFEND_INTERVAL: Millis = 10_000;
/** RATE_LIMIT_INTERVAL: one attempt per minute for an address that is refused. */
export const RETRY_INTERVAL: Millis = 60_000;

/** Phases of an own address. From Announcing on it is answered for. */
export const Phase = {
  /** Another station has it: wait, and probe again. */
  Rejected: 0,
  Probing: 1,
  Announcing: 2,
  InUse: 3,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

export const AcdInput = { Timer: 0, Conflict: 1 } as const;
export type AcdInput = (typeof AcdInput)[keyof typeof AcdInput];

/** The phase that follows; `sent` counts the probes or announcements of this phase before the input. */
export function nextPhase(phase: Phase, input: AcdInput, sent: number): Phase {
  switch (phase) {
    case Phase.Rejected:
      return input === AcdInput.Timer ? Phase.Probing : phase;
    case Phase.Probing:
      if (input === AcdInput.Conflict) return Phase.Rejected;
      return sent < PROBE_NUM ? phase : Phase.Announcing;
    case Phase.Announcing:
      return input === AcdInput.Timer && sent >= ANNOUNCE_NUM ? Phase.InUse : phase;
    case Phase.InUse:
      return phase;
  }
}

/** How long a phase waits after its `sent`-th frame; `jitter` 0..1 spreads probes as section 2.1.1 asks. */
export function wait(phase: Phase, sent: number, jitter: number): Millis {
  switch (phase) {
    case Phase.Rejected:
      return RETRY_INTERVAL;
    case Phase.Probing:
      if (sent === 0) return jitter * PROBE_WAIT;
      return sent < PROBE_NUM ? PROBE_MIN + jitter * (PROBE_MAX - PROBE_MIN) : ANNOUNCE_WAIT;
    case Phase.Announcing:
      return sent === 0 ? 0 : ANNOUNCE_INTERVAL;
    case Phase.InUse:
      return Number.POSITIVE_INFINITY;
  }
}

export function isAnswered(phase: Phase): boolean {
  return phase >= Phase.Announcing;
}
