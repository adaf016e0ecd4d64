// State machine conditions and parameters (IEEE 802.1D-2004 17.20), and procedures that more than one machine calls
// (17.21). Each names its clause.

import type { Millis } from "../lib/units.ts";
import { MIGRATE_TIME } from "./config.ts";
import { type BridgeVariables, Info, type Port, Role, toMillis } from "./port.ts";
import { compare } from "./vector.ts";

/** True while a timer has not run out. */
export const runs = (bridge: BridgeVariables, timer: Millis): boolean => timer > bridge.now;

/**
 * 17.20.3 allSynced. A port that some core has not shut yet is not synced, whatever it was before, nor is one whose
 * information is still to follow the selection: `synced` is of the information before.
 */
export function allSynced(bridge: BridgeVariables): boolean {
  for (const port of bridge.ports) {
    if (!port.selected || port.updtInfo || port.isClosing) return false;
    if (port.role !== port.selectedRole) return false;
    if (!port.synced && port.role !== Role.Root) return false;
  }
  return true;
}

/** 17.20.4 EdgeDelay. */
export const edgeDelay = (port: Port): Millis =>
  port.operPointToPoint ? MIGRATE_TIME : maxAge(port);
/**
 * 17.20.5 forwardDelay. Beyond the standard, Hello Time counts only where nobody was heard since the link came up. A
 * neighbour that is there agrees or objects at once; where it does neither, BPDUs are lost, or it still acts on what
 * was said before, and two hellos are too few to open a port on.
 */
export const forwardDelay = (port: Port): Millis =>
  port.sendRSTP && port.operPointToPoint && !port.hasNeighbour ? helloTime(port) : fwdDelay(port);

/**
 * Beyond the standard: a port that waits to open waits anew when what it says of itself changes, and when that leaves
 * at last: the neighbour has acted on what was said before until then.
 */
export function waitAnew(bridge: BridgeVariables, port: Port): void {
  if (port.forward || port.operEdge) return;
  port.fdWhile = Math.max(port.fdWhile, bridge.now + forwardDelay(port));
}

/**
 * The root's times are passed on as they are. What they do here stays within what bridges can be set to (table 17-1,
 * and 2 s of forward delay as the Linux bridge allows), so that a broken root neither opens ports at once nor shuts
 * them for minutes.
 */
const within = (units: number, least: Millis, most: Millis): Millis =>
  Math.min(most, Math.max(least, toMillis(units)));

/** 17.20.6 FwdDelay. */
export const fwdDelay = (port: Port): Millis =>
  within(port.designatedTimes.forwardDelay, 2000, 30_000);
/** 17.20.7 HelloTime. */
export const helloTime = (port: Port): Millis => toMillis(port.designatedTimes.helloTime);
/** 17.20.8 MaxAge. */
export const maxAge = (port: Port): Millis => within(port.designatedTimes.maxAge, 6000, 40_000);

/** Three hellos of the neighbour (17.21.23). */
export const threeHellos = (port: Port): Millis =>
  3 * within(port.portTimes.helloTime, 1000, 10_000);

/** 17.20.10 reRooted. */
export function reRooted(bridge: BridgeVariables, except: Port): boolean {
  for (const port of bridge.ports) {
    if (port !== except && runs(bridge, port.rrWhile)) return false;
  }
  return true;
}

/** 17.20.11 rstpVersion. */
export const rstpVersion = (bridge: BridgeVariables): boolean => bridge.config.protocol === "rstp";

/** 17.21.1 betterorsameInfo. */
export function betterOrSameInfo(port: Port, newInfoIs: Info): boolean {
  if (port.infoIs !== newInfoIs) return false;
  const vector = newInfoIs === Info.Received ? port.msgPriority : port.designatedPriority;
  return compare(vector, port.portPriority) <= 0;
}

/** 17.21.7 newTcWhile. */
export function newTcWhile(bridge: BridgeVariables, port: Port): void {
  if (runs(bridge, port.tcWhile)) return;
  if (port.sendRSTP) {
    port.tcWhile = bridge.now + helloTime(port) + 1000;
    port.newInfo = true;
  } else {
    const { maxAge: age, forwardDelay: delay } = bridge.rootTimes;
    port.tcWhile = bridge.now + within(age + delay, 0, 70_000);
  }
}

/** 17.21.14 setSyncTree. */
export function setSyncTree(bridge: BridgeVariables): void {
  for (const port of bridge.ports) port.sync = true;
}

/** 17.21.15 setReRootTree. */
export function setReRootTree(bridge: BridgeVariables): void {
  for (const port of bridge.ports) port.reRoot = true;
}

/** 17.21.18 setTcPropTree; a port that must not pass changes on does nothing (IEEE 802.1Q-2018 13.29.25). */
export function setTcPropTree(bridge: BridgeVariables, from: Port): void {
  if (from.config.tcnGuard) return;
  for (const port of bridge.ports) if (port !== from) port.tcProp = true;
}
