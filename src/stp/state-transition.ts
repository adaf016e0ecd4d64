// Port State Transition (IEEE 802.1D-2004 17.30). "The procedure does not complete until forwarding has stopped"
// (17.21.3): it has when every core has acknowledged, and until then `learning` and `forwarding` stay. Opening asks no
// core's leave: a core that opens later than the others loses frames, and makes no loop.

import { PortState } from "../engine/port-state.ts";
import type { BridgeVariables, Port } from "./port.ts";

export const Pst = { Discarding: 0, Learning: 1, Forwarding: 2 } as const;
export const PST_NAMES = ["discarding", "learning", "forwarding"] as const;

export function next(_bridge: BridgeVariables, port: Port): number {
  switch (port.pst) {
    case Pst.Discarding:
      return port.learn && !port.learning && !port.forwarding ? Pst.Learning : -1;
    case Pst.Learning:
      if (!port.learn) return Pst.Discarding;
      return port.forward ? Pst.Forwarding : -1;
    default:
      return port.forward ? -1 : Pst.Discarding;
  }
}

export function enter(bridge: BridgeVariables, port: Port, state: number): void {
  port.pst = state;
  if (state === Pst.Discarding) {
    bridge.hooks.enforce(port, PortState.Discarding); // disableLearning, disableForwarding
    complete(bridge, port);
  } else if (state === Pst.Learning) {
    bridge.hooks.enforce(port, PortState.Learning); // enableLearning
    port.learning = true;
  } else {
    bridge.hooks.enforce(port, PortState.Forwarding); // enableForwarding
    port.forwarding = true;
  }
}

/** Completes disableLearning and disableForwarding (17.21.3, 17.21.4); true when that is news. */
export function complete(bridge: BridgeVariables, port: Port): boolean {
  if (port.pst !== Pst.Discarding || !(port.learning || port.forwarding)) return false;
  if (!bridge.hooks.isSettled(port)) return false;
  port.learning = false;
  port.forwarding = false;
  return true;
}
