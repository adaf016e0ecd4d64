// A port's row for `show lacp`, in numbers: every core tells its own Mux and selection, the master all the rest.

import type { Millis } from "../lib/units.ts";
import type { Actor } from "./actor.ts";
import { CHURN_NAMES } from "./churn.ts";
import { MUX_NAMES } from "./mux.ts";
import { PERIODIC_NAMES } from "./periodic.ts";
import { OFF, type PortState, SELECTED_NAMES } from "./port-state.ts";
import { reasonOf } from "./reason.ts";
import { RECEIVE_NAMES } from "./receive.ts";

export function rowOf(
  actor: Actor,
  index: number,
  isMaster: boolean,
  isSettled: boolean,
  now: Millis,
): Record<string, unknown> {
  const port = actor.ports[index] as PortState;
  const own = {
    channel: actor.config.channel,
    port: port.port,
    mux: MUX_NAMES[port.mux],
    selected: SELECTED_NAMES[port.selected],
    master: isMaster,
  };
  if (!isMaster) return own;
  const { counts, partner } = port;
  return {
    ...own,
    receive: RECEIVE_NAMES[port.receive],
    periodic: PERIODIC_NAMES[port.periodic],
    actorState: port.actor.state,
    partnerState: partner.state,
    actorSystem: port.actor.system,
    actorSystemPriority: port.actor.systemPriority,
    actorKey: port.actor.key,
    actorPort: port.actor.port,
    actorPortPriority: port.actor.portPriority,
    partnerSystem: partner.system,
    partnerSystemPriority: partner.systemPriority,
    partnerKey: partner.key,
    partnerPort: partner.port,
    partnerPortPriority: partner.portPriority,
    actorChurn: CHURN_NAMES[port.actorChurn],
    partnerChurn: CHURN_NAMES[port.partnerChurn],
    sinceMs: now - port.since,
    heardMs: port.heard === OFF ? null : now - port.heard,
    sentMs: port.sent[0] === undefined ? null : now - port.sent[0],
    reason: reasonOf(actor, index, isSettled, now),
    ...counts,
  };
}
