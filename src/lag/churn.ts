// The two Churn Detection machines (IEEE 802.3-2005 43.4.17, figures 43-15 and 43-16), which are one and the same but
// for the Synchronization bit that they watch: the actor's or the partner's. A churn is a port that does not get into
// sync.

import type { Millis } from "../lib/units.ts";
import { CHURN_DETECTION } from "./config.ts";
import { OFF } from "./port-state.ts";

export const Churn = { Monitor: 0, None: 1, Churn: 2 } as const;
export type Churn = (typeof Churn)[keyof typeof Churn];
export const CHURN_NAMES = ["monitoring", "none", "churned"] as const;

export interface ChurnInput {
  readonly enabled: boolean;
  readonly sync: boolean;
  readonly expired: boolean;
}

/** The state to enter, Monitor again where its timer must start afresh; -1 when nothing happens. */
export function next(state: number, input: ChurnInput): Churn | -1 {
  if (!input.enabled) return state === Churn.Monitor ? -1 : Churn.Monitor;
  switch (state) {
    case Churn.Monitor:
      if (input.sync) return Churn.None;
      return input.expired ? Churn.Churn : -1;
    case Churn.None:
      return input.sync ? -1 : Churn.Monitor;
    default:
      return input.sync ? Churn.None : -1;
  }
}

/** When the timer of a state runs out. */
export function timerOf(state: number, enabled: boolean, now: Millis): Millis {
  return state === Churn.Monitor && enabled ? now + CHURN_DETECTION : OFF;
}
