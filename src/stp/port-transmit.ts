// Port Transmit (IEEE 802.1D-2004 17.26): at most TxHoldCount BPDUs in a second, and one every Hello Time from a
// designated port. A port without a link stays in TRANSMIT_INIT, as IEEE 802.1Q-2018 figure 13-17 has it.

import * as bpdu from "../wire/bpdu.ts";
import { helloTime, runs, waitAnew } from "./conditions.ts";
import { type BridgeVariables, type Port, Role } from "./port.ts";

export const Ptx = {
  TransmitInit: 0,
  TransmitPeriodic: 1,
  TransmitConfig: 2,
  TransmitTcn: 3,
  TransmitRstp: 4,
  Idle: 5,
} as const;
export const PTX_NAMES = [
  "transmit-init",
  "transmit-periodic",
  "transmit-config",
  "transmit-tcn",
  "transmit-rstp",
  "idle",
] as const;

export function next(bridge: BridgeVariables, port: Port): number {
  if (!port.portEnabled) return port.ptx === Ptx.TransmitInit ? -1 : Ptx.TransmitInit;
  if (port.ptx !== Ptx.Idle) return Ptx.Idle;
  if (!port.selected || port.updtInfo) return -1;
  if (!runs(bridge, port.helloWhen)) return Ptx.TransmitPeriodic;
  if (!port.newInfo || port.txCount >= bridge.config.txHoldCount || isClosing(bridge)) return -1;
  if (port.sendRSTP) return Ptx.TransmitRstp;
  if (port.role === Role.Root) return Ptx.TransmitTcn;
  return port.role === Role.Designated ? Ptx.TransmitConfig : -1;
}

/**
 * True while some port is to be shut and some core has not said that it is. What a bridge says of its tree is true when
 * none of its cores forwards by the tree before: a neighbour may open a port by it.
 */
function isClosing(bridge: BridgeVariables): boolean {
  for (const port of bridge.ports) if (port.isClosing) return true;
  return false;
}

export function enter(bridge: BridgeVariables, port: Port, state: number): void {
  port.ptx = state;
  switch (state) {
    case Ptx.TransmitInit:
      port.newInfo = true;
      port.txCount = 0;
      return;
    case Ptx.TransmitPeriodic:
      port.newInfo =
        port.newInfo ||
        port.role === Role.Designated ||
        (port.role === Role.Root && runs(bridge, port.tcWhile));
      return;
    case Ptx.Idle:
      port.helloWhen = bridge.now + helloTime(port);
      return;
    default:
      transmit(bridge, port, state);
  }
}

function transmit(bridge: BridgeVariables, port: Port, state: number): void {
  port.newInfo = false;
  if (port.untold && state !== Ptx.TransmitTcn) {
    port.untold = false;
    waitAnew(bridge, port);
  }
  if (port.txCount === 0) port.txWhile = bridge.now + 1000;
  port.txCount++;
  if (state === Ptx.TransmitRstp) bridge.hooks.transmit(port, bpdu.Kind.Rst);
  else bridge.hooks.transmit(port, state === Ptx.TransmitTcn ? bpdu.Kind.Tcn : bpdu.Kind.Config);
  if (state !== Ptx.TransmitTcn) port.tcAck = false;
}

/** 17.22 Port Timers: txCount goes down by one every second. */
export function tick(bridge: BridgeVariables, port: Port): void {
  while (port.txCount > 0 && !runs(bridge, port.txWhile)) {
    port.txCount--;
    port.txWhile += 1000;
  }
}
