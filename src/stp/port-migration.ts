// Port Protocol Migration (IEEE 802.1D-2004 17.24): RSTP or 802.1D-1998 towards the neighbours, whichever they speak.

import { rstpVersion, runs } from "./conditions.ts";
import { MIGRATE_TIME } from "./config.ts";
import type { BridgeVariables, Port } from "./port.ts";

export const Ppm = { CheckingRstp: 0, SelectingStp: 1, Sensing: 2 } as const;
export const PPM_NAMES = ["checking-rstp", "selecting-stp", "sensing"] as const;

export function next(bridge: BridgeVariables, port: Port): number {
  const isDelayed = runs(bridge, port.mdelayWhile);
  switch (port.ppm) {
    case Ppm.CheckingRstp:
      // mdelayWhile <> MigrateTime and not portEnabled: `hold` winds it up.
      return isDelayed ? -1 : Ppm.Sensing;
    case Ppm.SelectingStp:
      return !isDelayed || !port.portEnabled || port.mcheck ? Ppm.Sensing : -1;
    default:
      if (!port.portEnabled || port.mcheck) return Ppm.CheckingRstp;
      if (rstpVersion(bridge) && !port.sendRSTP && port.rcvdRSTP) return Ppm.CheckingRstp;
      return port.sendRSTP && port.rcvdSTP ? Ppm.SelectingStp : -1;
  }
}

export function enter(bridge: BridgeVariables, port: Port, state: number): void {
  port.ppm = state;
  const { sendRSTP } = port;
  if (state === Ppm.CheckingRstp) {
    port.mcheck = false;
    port.sendRSTP = rstpVersion(bridge);
    port.mdelayWhile = bridge.now + MIGRATE_TIME;
  } else if (state === Ppm.SelectingStp) {
    port.sendRSTP = false;
    port.mdelayWhile = bridge.now + MIGRATE_TIME;
  } else {
    port.rcvdRSTP = false;
    port.rcvdSTP = false;
  }
  if (port.sendRSTP !== sendRSTP) bridge.hooks.protocolChanged(port);
}

export function hold(bridge: BridgeVariables, port: Port): void {
  if (!port.portEnabled && port.ppm === Ppm.CheckingRstp) {
    port.mdelayWhile = bridge.now + MIGRATE_TIME;
  }
}
