// Bridge Detection (IEEE 802.1D-2004 17.25): a port without a bridge behind it is an edge port and forwards at once.

import { runs } from "./conditions.ts";
import type { BridgeVariables, Port } from "./port.ts";

export const Bdm = { NotEdge: 0, Edge: 1 } as const;
export const BDM_NAMES = ["not-edge", "edge"] as const;

export function next(bridge: BridgeVariables, port: Port): number {
  if (port.bdm === Bdm.Edge) {
    return (!port.portEnabled && !port.adminEdge) || !port.operEdge ? Bdm.NotEdge : -1;
  }
  if (!port.portEnabled && port.adminEdge) return Bdm.Edge;
  // Beyond the standard: where a bridge was heard since the link came up there is one, even if its BPDUs are lost.
  if (runs(bridge, port.edgeDelayWhile) || port.hasNeighbour) return -1;
  return port.autoEdge && port.sendRSTP && port.proposing ? Bdm.Edge : -1;
}

export function enter(_bridge: BridgeVariables, port: Port, state: number): void {
  port.bdm = state;
  port.operEdge = state === Bdm.Edge;
}
