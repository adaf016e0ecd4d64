// Port Role Selection (IEEE 802.1D-2004 17.28): the spanning tree computation of a bridge.

import { type BridgeVariables, Guard, Info, type Port, Role } from "./port.ts";
import {
  aged,
  compare,
  copyTimes,
  copyVector,
  makeVector,
  sameTimes,
  type Vector,
} from "./vector.ts";

export const Prs = { InitBridge: 0, RoleSelection: 1 } as const;

export function next(bridge: BridgeVariables): number {
  if (bridge.prs === Prs.InitBridge) return Prs.RoleSelection;
  for (const port of bridge.ports) if (port.reselect) return Prs.RoleSelection;
  return -1;
}

export function enter(bridge: BridgeVariables, state: number): void {
  bridge.prs = state;
  if (state === Prs.InitBridge) {
    for (const port of bridge.ports) port.selectedRole = Role.Disabled; // updtRoleDisabledTree
    return;
  }
  for (const port of bridge.ports) port.reselect = false; // 17.21.2 clearReselectTree
  updtRolesTree(bridge);
  for (const port of bridge.ports) port.selected = true; // 17.21.16 setSelectedTree
}

/** The root path priority vector of a port (17.6), here so that nothing is allocated. */
const candidate: Vector = makeVector();

/** 17.21.25 updtRolesTree. */
export function updtRolesTree(bridge: BridgeVariables): void {
  const { rootPriority, rootTimes, bridgePriority, bridgeTimes } = bridge;
  copyVector(bridgePriority, rootPriority);
  copyTimes(bridgeTimes, rootTimes);
  let root: Port | null = null;
  for (const port of bridge.ports) {
    if (port.infoIs !== Info.Received || port.config.rootGuard) continue;
    if (port.portPriority.bridgeAddress === bridgePriority.bridgeAddress) continue;
    copyVector(port.portPriority, candidate);
    candidate.cost += port.portPathCost;
    const order = compare(candidate, rootPriority);
    // Of equal ones the lower number of our own port decides.
    if (order > 0 || (order === 0 && root !== null && root.portId < port.portId)) continue;
    copyVector(candidate, rootPriority);
    copyTimes(port.portTimes, rootTimes);
    rootTimes.messageAge = aged(port.portTimes.messageAge);
    root = port;
  }
  bridge.rootPort = root;
  for (const port of bridge.ports) {
    const { designatedPriority, designatedTimes } = port;
    copyVector(rootPriority, designatedPriority);
    designatedPriority.bridgePriority = bridgePriority.bridgePriority;
    designatedPriority.bridgeAddress = bridgePriority.bridgeAddress;
    designatedPriority.portId = port.portId;
    copyTimes(rootTimes, designatedTimes);
    designatedTimes.helloTime = bridgeTimes.helloTime;
  }
  for (const port of bridge.ports) select(bridge, port, root);
}

function select(bridge: BridgeVariables, port: Port, root: Port | null): void {
  let role: Role = Role.Designated;
  const { designatedPriority, portPriority } = port;
  switch (port.infoIs) {
    case Info.Disabled:
      port.selectedRole = Role.Disabled;
      return;
    case Info.Aged:
      port.updtInfo = true;
      break;
    case Info.Mine:
      if (
        compare(portPriority, designatedPriority) !== 0 ||
        !sameTimes(port.portTimes, port.designatedTimes)
      ) {
        port.updtInfo = true;
      }
      break;
    case Info.Received:
      role = roleOfReceived(bridge, port, root);
      port.updtInfo = role === Role.Designated;
      break;
  }
  const isBarred = role === Role.Alternate && port.config.rootGuard;
  if (isBarred !== port.rootInconsistent) {
    port.rootInconsistent = isBarred;
    bridge.hooks.guardChanged(port, Guard.Root, isBarred);
  }
  // Loop guard: who was heard and fell silent may still send what we forward.
  if (role === Role.Designated && port.loopInconsistent) role = Role.Alternate;
  port.selectedRole = role;
}

function roleOfReceived(bridge: BridgeVariables, port: Port, root: Port | null): Role {
  if (port === root) return Role.Root;
  const { designatedPriority, portPriority } = port;
  if (compare(designatedPriority, portPriority) < 0) return Role.Designated;
  return portPriority.bridgeAddress === bridge.bridgePriority.bridgeAddress
    ? Role.Backup
    : Role.Alternate;
}
