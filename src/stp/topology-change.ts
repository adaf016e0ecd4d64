// Topology Change (IEEE 802.1D-2004 17.31): tells the tree that stations may be elsewhere, and forgets where they were.
// Stations are forgotten at once also towards 802.1D-1998 neighbours, where the standard only ages them faster
// (17.19.7): it floods a little more and is never wrong.

import { newTcWhile, setTcPropTree } from "./conditions.ts";
import { type BridgeVariables, type Port, Role, ZERO } from "./port.ts";

export const Tcm = {
  Inactive: 0,
  Learning: 1,
  Detected: 2,
  NotifiedTcn: 3,
  NotifiedTc: 4,
  Propagating: 5,
  Acknowledged: 6,
  Active: 7,
} as const;
export const TCM_NAMES = [
  "inactive",
  "learning",
  "detected",
  "notified-tcn",
  "notified-tc",
  "propagating",
  "acknowledged",
  "active",
] as const;

export function next(_bridge: BridgeVariables, port: Port): number {
  const isInTree = port.role === Role.Root || port.role === Role.Designated;
  switch (port.tcm) {
    case Tcm.Inactive:
      return port.learn && !port.fdbFlush ? Tcm.Learning : -1;
    case Tcm.Learning:
      if (isInTree && port.forward && !port.operEdge) return Tcm.Detected;
      if (port.rcvdTc || port.rcvdTcn || port.rcvdTcAck || port.tcProp) return Tcm.Learning;
      return !isInTree && !(port.learn || port.learning) ? Tcm.Inactive : -1;
    case Tcm.Active:
      if (!isInTree || port.operEdge) return Tcm.Learning;
      if (port.rcvdTcn) return Tcm.NotifiedTcn;
      if (port.rcvdTc) return Tcm.NotifiedTc;
      if (port.tcProp) return Tcm.Propagating;
      return port.rcvdTcAck ? Tcm.Acknowledged : -1;
    case Tcm.NotifiedTcn:
      return Tcm.NotifiedTc;
    default:
      return Tcm.Active;
  }
}

export function enter(bridge: BridgeVariables, port: Port, state: number): void {
  port.tcm = state;
  switch (state) {
    case Tcm.Inactive:
      flush(bridge, port);
      port.tcWhile = ZERO;
      port.tcAck = false;
      return;
    case Tcm.Learning:
      port.rcvdTc = false;
      port.rcvdTcn = false;
      port.rcvdTcAck = false;
      port.tcProp = false;
      return;
    case Tcm.Detected:
      newTcWhile(bridge, port);
      setTcPropTree(bridge, port);
      port.newInfo = true;
      bridge.hooks.topologyChanged(port, true);
      return;
    case Tcm.NotifiedTcn:
      newTcWhile(bridge, port);
      return;
    case Tcm.NotifiedTc:
      port.rcvdTcn = false;
      port.rcvdTc = false;
      if (port.role === Role.Designated) port.tcAck = true;
      setTcPropTree(bridge, port);
      bridge.hooks.topologyChanged(port, false);
      return;
    case Tcm.Propagating:
      newTcWhile(bridge, port);
      flush(bridge, port);
      port.tcProp = false;
      return;
    case Tcm.Acknowledged:
      port.tcWhile = ZERO;
      port.rcvdTcAck = false;
      return;
    default:
      return; // ACTIVE
  }
}

/** fdbFlush (17.19.7): stays until every core has forgotten. */
function flush(bridge: BridgeVariables, port: Port): void {
  port.fdbFlush = true;
  bridge.hooks.flush(port);
  complete(bridge, port);
}

/** True when a flush has just been done everywhere. */
export function complete(bridge: BridgeVariables, port: Port): boolean {
  if (!port.fdbFlush || !bridge.hooks.isSettled(port)) return false;
  port.fdbFlush = false;
  return true;
}
