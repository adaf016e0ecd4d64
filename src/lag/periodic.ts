// The Periodic Transmission machine (IEEE 802.3-2005 43.4.13, figure 43-11): how often LACPDUs go out when nothing
// changes.

import type { Millis } from "../lib/units.ts";
import { FAST_PERIODIC, SLOW_PERIODIC } from "./config.ts";
import { OFF, type PortState } from "./port-state.ts";

export const Periodic = { None: 0, Fast: 1, Slow: 2, Transmit: 3 } as const;
export type Periodic = (typeof Periodic)[keyof typeof Periodic];
export const PERIODIC_NAMES = ["none", "fast", "slow", "transmit"] as const;

export interface PeriodicInput {
  /** LACP_Enabled and port_enabled, and one side is active at least. */
  readonly active: boolean;
  /** The partner wants PDUs every second: its Timeout bit. */
  readonly short: boolean;
  readonly expired: boolean;
}

/** The state to enter; -1 when nothing happens. */
export function next(state: number, input: PeriodicInput): Periodic | -1 {
  if (!input.active) return state === Periodic.None ? -1 : Periodic.None;
  switch (state) {
    case Periodic.None:
      return Periodic.Fast;
    case Periodic.Fast:
      if (input.expired) return Periodic.Transmit;
      return input.short ? -1 : Periodic.Slow;
    case Periodic.Slow:
      return input.short || input.expired ? Periodic.Transmit : -1;
    default:
      return input.short ? Periodic.Fast : Periodic.Slow;
  }
}

export function enter(port: PortState, state: number, now: Millis): void {
  port.periodic = state;
  if (state === Periodic.Transmit) {
    port.ntt = true;
    port.periodicTimer = OFF;
  } else if (state === Periodic.Fast) port.periodicTimer = now + FAST_PERIODIC;
  else if (state === Periodic.Slow) port.periodicTimer = now + SLOW_PERIODIC;
  else port.periodicTimer = OFF;
}
