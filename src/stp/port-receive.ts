// Port Receive (IEEE 802.1D-2004 17.23): takes BPDUs in, one at a time.

import * as bpdu from "../wire/bpdu.ts";
import { MIGRATE_TIME } from "./config.ts";
import type { BridgeVariables, Port } from "./port.ts";

export const Prx = { Discard: 0, Receive: 1 } as const;
export const PRX_NAMES = ["discard", "receive"] as const;

/** The state to enter, or -1. */
export function next(_bridge: BridgeVariables, port: Port): number {
  // Winding edgeDelayWhile up while the port is disabled is `hold`'s.
  if (!port.portEnabled) return port.rcvdBPDU || port.prx !== Prx.Discard ? Prx.Discard : -1;
  if (!port.rcvdBPDU) return -1;
  return port.prx === Prx.Discard || !port.rcvdMsg ? Prx.Receive : -1;
}

export function enter(bridge: BridgeVariables, port: Port, state: number): void {
  port.prx = state;
  if (state === Prx.Discard) {
    port.rcvdBPDU = false;
    port.rcvdRSTP = false;
    port.rcvdSTP = false;
    port.rcvdMsg = false;
  } else {
    updtBPDUVersion(port);
    port.operEdge = false;
    port.rcvdBPDU = false;
    port.rcvdMsg = true;
  }
  port.edgeDelayWhile = bridge.now + MIGRATE_TIME;
}

/** 17.21.22 updtBPDUVersion. */
function updtBPDUVersion(port: Port): void {
  if (port.msgKind === bpdu.Kind.Rst) port.rcvdRSTP = true;
  else port.rcvdSTP = true;
}

/** The state's share of `hold`: what keeps its timer wound up. */
export function hold(bridge: BridgeVariables, port: Port): void {
  if (!port.portEnabled) port.edgeDelayWhile = bridge.now + MIGRATE_TIME;
}
