// The Transmit machine (IEEE 802.3-2005 43.4.16): a LACPDU when one is needed, never more than three in a
// Fast_Periodic_Time; what is held back goes when the oldest of the three is a Fast_Periodic_Time old.

import type { Millis } from "../lib/units.ts";
import { FAST_PERIODIC, TRANSMIT_LIMIT } from "./config.ts";

/** When the next LACPDU may go, given the moments of the last ones, newest first. */
export function allowedAt(sent: readonly Millis[]): Millis {
  const oldest = sent[TRANSMIT_LIMIT - 1];
  return oldest === undefined ? Number.NEGATIVE_INFINITY : oldest + FAST_PERIODIC;
}

/** Remembers one that goes now. */
export function record(sent: Millis[], now: Millis): void {
  sent.unshift(now);
  if (sent.length > TRANSMIT_LIMIT) sent.length = TRANSMIT_LIMIT;
}
