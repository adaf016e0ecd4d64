// Port Role Transitions (IEEE 802.1D-2004 17.29): from a selected role to forwarding or not, without a loop meanwhile.
// All transitions but the unconditional ones wait for `selected` and not `updtInfo`.

import type { Millis } from "../lib/units.ts";
import {
  allSynced,
  edgeDelay,
  forwardDelay,
  fwdDelay,
  helloTime,
  maxAge,
  reRooted,
  rstpVersion,
  runs,
  setReRootTree,
  setSyncTree,
} from "./conditions.ts";
import { type BridgeVariables, type Port, Role, ZERO } from "./port.ts";

export const Prt = {
  InitPort: 0,
  DisablePort: 1,
  DisabledPort: 2,
  RootPort: 3,
  Reroot: 4,
  RootAgreed: 5,
  RootProposed: 6,
  RootForward: 7,
  RootLearn: 8,
  Rerooted: 9,
  DesignatedPort: 10,
  DesignatedRetired: 11,
  DesignatedSynced: 12,
  DesignatedPropose: 13,
  DesignatedForward: 14,
  DesignatedLearn: 15,
  DesignatedDiscard: 16,
  BlockPort: 17,
  AlternatePort: 18,
  AlternateProposed: 19,
  AlternateAgreed: 20,
  BackupPort: 21,
} as const;
export const PRT_NAMES = [
  "init-port",
  "disable-port",
  "disabled-port",
  "root-port",
  "reroot",
  "root-agreed",
  "root-proposed",
  "root-forward",
  "root-learn",
  "rerooted",
  "designated-port",
  "designated-retired",
  "designated-synced",
  "designated-propose",
  "designated-forward",
  "designated-learn",
  "designated-discard",
  "block-port",
  "alternate-port",
  "alternate-proposed",
  "alternate-agreed",
  "backup-port",
] as const;

/** Where a selected role begins (figures 17-19 to 17-22). */
const BEGINS: Readonly<Record<Role, number>> = {
  [Role.Disabled]: Prt.DisablePort,
  [Role.Root]: Prt.RootPort,
  [Role.Designated]: Prt.DesignatedPort,
  [Role.Alternate]: Prt.BlockPort,
  [Role.Backup]: Prt.BlockPort,
};

export function next(bridge: BridgeVariables, port: Port): number {
  const { prt } = port;
  if (prt === Prt.InitPort) return Prt.DisablePort;
  if (prt > Prt.RootPort && prt < Prt.DesignatedPort) return Prt.RootPort;
  if (prt > Prt.DesignatedPort && prt < Prt.BlockPort) return Prt.DesignatedPort;
  if (prt > Prt.AlternatePort) return Prt.AlternatePort;
  if (!port.selected || port.updtInfo) return -1;
  if (port.role !== port.selectedRole) return BEGINS[port.selectedRole];
  switch (prt) {
    case Prt.DisablePort:
      return port.learning || port.forwarding ? -1 : Prt.DisabledPort;
    case Prt.DisabledPort:
      return port.sync || port.reRoot || !port.synced ? Prt.DisabledPort : -1;
    case Prt.RootPort:
      return nextRoot(bridge, port);
    case Prt.DesignatedPort:
      return nextDesignated(bridge, port);
    case Prt.BlockPort:
      return port.learning || port.forwarding ? -1 : Prt.AlternatePort;
    default:
      return nextAlternate(bridge, port);
  }
}

/** 17.29.2. */
function nextRoot(bridge: BridgeVariables, port: Port): number {
  if (port.proposed && !port.agree) return Prt.RootProposed;
  if ((allSynced(bridge) && !port.agree) || (port.proposed && port.agree)) return Prt.RootAgreed;
  if (!port.forward && !port.reRoot) return Prt.Reroot;
  if (port.reRoot && port.forward) return Prt.Rerooted;
  const isRapid = rstpVersion(bridge) && !runs(bridge, port.rbWhile) && reRooted(bridge, port);
  if (runs(bridge, port.fdWhile) && !isRapid) return -1;
  if (!port.learn) return Prt.RootLearn;
  return port.forward ? -1 : Prt.RootForward;
}

/**
 * 17.29.3. Beyond the standard, a port that was the root port a moment ago and still forwards has to be agreed to as a
 * designated one, so it proposes; and none but an edge port opens before that, or before it is shut. Else a bridge that
 * becomes the root closes a ring: its former way up, which the neighbour there keeps open as a way down, is part of
 * what another neighbour's agreement rests on.
 */
function nextDesignated(bridge: BridgeVariables, port: Port): number {
  const { learn, forward, agreed, operEdge, sync, synced, reRoot } = port;
  const wasRoot = runs(bridge, port.rrWhile);
  const isRetiring = reRoot && wasRoot;
  if (reRoot && !isRetiring) return Prt.DesignatedRetired;
  if ((!forward || wasRoot) && !agreed && !port.proposing && !operEdge) {
    return Prt.DesignatedPropose;
  }
  const isShut = !port.learning && !port.forwarding;
  if (synced ? sync : isShut || agreed || operEdge) return Prt.DesignatedSynced;
  if (((sync && !synced) || isRetiring || port.disputed) && !operEdge && (learn || forward)) {
    return Prt.DesignatedDiscard;
  }
  if ((runs(bridge, port.fdWhile) && !agreed && !operEdge) || isRetiring || sync) return -1;
  if (forward || (!operEdge && hasFormerRoot(bridge, port))) return -1;
  return learn ? Prt.DesignatedForward : Prt.DesignatedLearn;
}

/** True when another port was the root port a moment ago and has neither been shut nor agreed to since. */
function hasFormerRoot(bridge: BridgeVariables, except: Port): boolean {
  for (const port of bridge.ports) {
    if (port === except || !runs(bridge, port.rrWhile)) continue;
    if (port.role !== Role.Root || port.selectedRole !== Role.Root) return true;
  }
  return false;
}

/** 17.29.4. */
function nextAlternate(bridge: BridgeVariables, port: Port): number {
  if (port.proposed && !port.agree) return Prt.AlternateProposed;
  if ((allSynced(bridge) && !port.agree) || (port.proposed && port.agree)) {
    return Prt.AlternateAgreed;
  }
  return port.sync || port.reRoot || !port.synced ? Prt.AlternatePort : -1;
}

export function enter(bridge: BridgeVariables, port: Port, state: number): void {
  port.prt = state;
  if (state < Prt.RootPort) enterDisabled(bridge, port, state);
  else if (state < Prt.DesignatedPort) enterRoot(bridge, port, state);
  else if (state < Prt.BlockPort) enterDesignated(bridge, port, state);
  else enterAlternate(bridge, port, state);
}

function become(bridge: BridgeVariables, port: Port, role: Role): void {
  if (port.role === role) return;
  const from = port.role;
  port.role = role;
  bridge.hooks.roleChanged(port, from);
}

/** 17.29.1. */
function enterDisabled(bridge: BridgeVariables, port: Port, state: number): void {
  if (state === Prt.InitPort) {
    port.role = Role.Disabled;
    port.learn = false;
    port.forward = false;
    port.synced = false;
    port.sync = true;
    port.reRoot = true;
    port.rrWhile = bridge.now + bridge.config.forwardDelay;
    port.fdWhile = bridge.now + bridge.config.maxAge;
    port.rbWhile = ZERO;
  } else if (state === Prt.DisablePort) {
    become(bridge, port, port.selectedRole);
    port.learn = false;
    port.forward = false;
  } else {
    port.synced = true;
    port.rrWhile = ZERO;
    port.sync = false;
    port.reRoot = false;
    hold(bridge, port);
  }
}

function enterRoot(bridge: BridgeVariables, port: Port, state: number): void {
  switch (state) {
    case Prt.RootPort:
      become(bridge, port, Role.Root);
      hold(bridge, port);
      return;
    case Prt.RootProposed:
      setSyncTree(bridge);
      port.proposed = false;
      return;
    case Prt.RootAgreed:
      port.proposed = false;
      port.sync = false;
      port.agree = true;
      port.newInfo = true;
      return;
    case Prt.Reroot:
      setReRootTree(bridge);
      return;
    case Prt.RootLearn:
      port.fdWhile = bridge.now + forwardDelay(port);
      port.learn = true;
      return;
    case Prt.RootForward:
      port.fdWhile = ZERO;
      port.forward = true;
      return;
    default:
      port.reRoot = false; // REROOTED
  }
}

function enterDesignated(bridge: BridgeVariables, port: Port, state: number): void {
  switch (state) {
    case Prt.DesignatedPort:
      become(bridge, port, Role.Designated);
      return;
    case Prt.DesignatedRetired:
      port.reRoot = false;
      return;
    case Prt.DesignatedSynced:
      port.rrWhile = ZERO;
      port.synced = true;
      port.sync = false;
      return;
    case Prt.DesignatedPropose:
      port.proposing = true;
      port.edgeDelayWhile = bridge.now + edgeDelay(port);
      port.newInfo = true;
      return;
    case Prt.DesignatedLearn:
      port.learn = true;
      port.fdWhile = bridge.now + forwardDelay(port);
      return;
    case Prt.DesignatedForward:
      port.forward = true;
      port.fdWhile = ZERO;
      port.agreed = port.sendRSTP;
      return;
    default: // DESIGNATED_DISCARD
      port.learn = false;
      port.forward = false;
      port.disputed = false;
      port.fdWhile = bridge.now + forwardDelay(port);
  }
}

function enterAlternate(bridge: BridgeVariables, port: Port, state: number): void {
  switch (state) {
    case Prt.BlockPort:
      become(bridge, port, port.selectedRole);
      port.learn = false;
      port.forward = false;
      return;
    case Prt.AlternatePort:
      port.synced = true;
      port.rrWhile = ZERO;
      port.sync = false;
      port.reRoot = false;
      hold(bridge, port);
      return;
    case Prt.AlternateProposed:
      setSyncTree(bridge);
      port.proposed = false;
      return;
    case Prt.AlternateAgreed:
      port.proposed = false;
      port.agree = true;
      port.newInfo = true;
      return;
    default:
      hold(bridge, port); // BACKUP_PORT
  }
}

/** The timers that a role keeps wound up: fdWhile <> MaxAge, rrWhile <> FwdDelay and the like lead back at once. */
export function hold(bridge: BridgeVariables, port: Port): void {
  const until = (time: Millis): Millis => bridge.now + time;
  if (port.prt === Prt.DisabledPort) port.fdWhile = until(maxAge(port));
  else if (port.prt === Prt.RootPort) port.rrWhile = until(fwdDelay(port));
  else if (port.prt === Prt.AlternatePort || port.prt === Prt.BackupPort) {
    port.fdWhile = until(forwardDelay(port));
    if (port.role === Role.Backup) port.rbWhile = until(2 * helloTime(port));
  }
}
