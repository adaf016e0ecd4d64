// Why a member carries frames or does not: the first condition on the way to DISTRIBUTING that does not hold. A
// number, told to the control core, which has the words for it.

import type { Millis } from "../lib/units.ts";
import { State } from "../wire/lacp.ts";
import type { Actor } from "./actor.ts";
import { Mux } from "./mux.ts";
import { has, OFF, type PortState, Selected } from "./port-state.ts";
import { Receive } from "./receive.ts";
import { Choice } from "./selection.ts";

/** In the order of the numbers; append only. */
export const REASON_NAMES = [
  "bundled",
  "link-down",
  "never-heard",
  "gone-silent",
  "both-passive",
  "looped",
  "other-system",
  "other-key",
  "individual",
  "standby",
  "waiting",
  "partner-out-of-sync",
  "partner-mistaken",
  "below-min-links",
  "cores-following",
  "partner-not-collecting",
  "fallback",
  "starting",
] as const;
export type ReasonName = (typeof REASON_NAMES)[number];

/** How long after an own PDU came back a port counts as looped: the sender's slow period and a little. Our choice. */
const LOOP_MEMORY: Millis = 35_000;

/** The reason of one port of a channel, as its master knows it. */
export function reasonOf(actor: Actor, index: number, isSettled: boolean, now: Millis): ReasonName {
  const port = actor.ports[index] as PortState;
  if (!port.enabled) return "link-down";
  const isLooped = port.looped !== OFF && now - port.looped < LOOP_MEMORY;
  if (port.selected === Selected.Unselected) {
    return isLooped ? "looped" : unselected(actor, index, port);
  }
  if (port.selected === Selected.Standby) return "standby";
  if (port.mux === Mux.Distributing) {
    return port.lacp && has(port.actor, State.Defaulted) ? "fallback" : "bundled";
  }
  if (port.mux <= Mux.Waiting) return isSettled ? "waiting" : "cores-following";
  if (!has(port.partner, State.Synchronization)) {
    if (port.receive === Receive.Expired) return "gone-silent";
    return port.partnerSaysSync ? "partner-mistaken" : "partner-out-of-sync";
  }
  if (!actor.isEnough) return "below-min-links";
  if (!isSettled) return "cores-following";
  return "partner-not-collecting";
}

function unselected(actor: Actor, index: number, port: PortState): ReasonName {
  switch (actor.choice[index]) {
    case Choice.OtherLag:
      return port.partner.system === actor.lag.system ? "other-key" : "other-system";
    case Choice.Individual:
      return "individual";
    case Choice.Silent:
      if (!has(port.actor, State.Activity)) return "both-passive";
      if (port.heard !== OFF) return "gone-silent";
      return port.receive === Receive.Defaulted ? "never-heard" : "starting";
    default:
      return "starting";
  }
}
