// Port Information (IEEE 802.1D-2004 17.27): what was heard on a port, how good it is and how long it holds.

import * as bpdu from "../wire/bpdu.ts";
import { betterOrSameInfo, rstpVersion, runs, threeHellos, waitAnew } from "./conditions.ts";
import { type BridgeVariables, Guard, Info, type Port, RcvdInfo, Role, ZERO } from "./port.ts";
import { aged, compare, copyTimes, copyVector, isSuperior, sameTimes } from "./vector.ts";

export const Pim = {
  Disabled: 0,
  Aged: 1,
  Update: 2,
  SuperiorDesignated: 3,
  RepeatedDesignated: 4,
  InferiorDesignated: 5,
  NotDesignated: 6,
  Other: 7,
  Current: 8,
  Receive: 9,
} as const;
export const PIM_NAMES = [
  "disabled",
  "aged",
  "update",
  "superior-designated",
  "repeated-designated",
  "inferior-designated",
  "not-designated",
  "other",
  "current",
  "receive",
] as const;

/** The state that each result of rcvInfo leads to. */
const BY_INFO: readonly number[] = [
  Pim.SuperiorDesignated,
  Pim.RepeatedDesignated,
  Pim.InferiorDesignated,
  Pim.NotDesignated,
  Pim.Other,
];

export function next(bridge: BridgeVariables, port: Port): number {
  if (!port.portEnabled && port.infoIs !== Info.Disabled) return Pim.Disabled;
  switch (port.pim) {
    case Pim.Disabled:
      if (port.portEnabled) return Pim.Aged;
      return port.rcvdMsg ? Pim.Disabled : -1;
    case Pim.Aged:
      return port.selected && port.updtInfo ? Pim.Update : -1;
    case Pim.Current:
      if (port.selected && port.updtInfo) return Pim.Update;
      if (port.updtInfo) return -1;
      if (port.rcvdMsg) return Pim.Receive;
      return port.infoIs === Info.Received && !runs(bridge, port.rcvdInfoWhile) ? Pim.Aged : -1;
    case Pim.Receive:
      return BY_INFO[port.rcvdInfo] as number;
    default:
      return Pim.Current;
  }
}

export function enter(bridge: BridgeVariables, port: Port, state: number): void {
  port.pim = state;
  switch (state) {
    case Pim.Disabled:
      port.rcvdMsg = false;
      port.proposing = false;
      port.proposed = false;
      port.agree = false;
      port.agreed = false;
      port.rcvdInfoWhile = ZERO;
      port.infoIs = Info.Disabled;
      reselect(port);
      return;
    case Pim.Aged:
      enterAged(bridge, port);
      return;
    case Pim.Update:
      enterUpdate(bridge, port);
      return;
    case Pim.Receive:
      port.rcvdInfo = rcvInfo(port);
      return;
    case Pim.Current:
      return;
    default:
      record(bridge, port, state);
      port.rcvdMsg = false;
  }
}

function reselect(port: Port): void {
  port.reselect = true;
  port.selected = false;
}

function enterAged(bridge: BridgeVariables, port: Port): void {
  const wasHeard = port.infoIs === Info.Received;
  port.infoIs = Info.Aged;
  reselect(port);
  if (!wasHeard) return;
  waitAnew(bridge, port);
  if (!port.config.loopGuard || port.loopInconsistent) return;
  port.loopInconsistent = true;
  bridge.hooks.guardChanged(port, Guard.Loop, true);
}

function enterUpdate(bridge: BridgeVariables, port: Port): void {
  port.proposing = false;
  port.proposed = false;
  port.agreed = port.agreed && betterOrSameInfo(port, Info.Mine);
  port.synced = port.synced && port.agreed;
  copyVector(port.designatedPriority, port.portPriority);
  copyTimes(port.designatedTimes, port.portTimes);
  port.updtInfo = false;
  port.infoIs = Info.Mine;
  port.newInfo = true;
  port.untold = true;
  waitAnew(bridge, port);
}

function record(bridge: BridgeVariables, port: Port, state: number): void {
  switch (state) {
    case Pim.SuperiorDesignated:
      port.agreed = false;
      port.proposing = false;
      recordProposal(port);
      setTcFlags(port);
      port.agree = port.agree && betterOrSameInfo(port, Info.Received);
      copyVector(port.msgPriority, port.portPriority); // 17.21.12 recordPriority
      copyTimes(port.msgTimes, port.portTimes); // 17.21.13 recordTimes; a short hello time was mended at reading
      updtRcvdInfoWhile(bridge, port);
      port.infoIs = Info.Received;
      reselect(port);
      return;
    case Pim.RepeatedDesignated:
      recordProposal(port);
      setTcFlags(port);
      updtRcvdInfoWhile(bridge, port);
      return;
    case Pim.InferiorDesignated:
      recordDispute(port);
      // Beyond this edition, as IEEE 802.1D-1998 8.7.1 replies: who claims a worse tree has not heard of ours.
      if (port.role === Role.Designated) port.newInfo = true;
      return;
    case Pim.NotDesignated:
      recordAgreement(bridge, port);
      setTcFlags(port);
      return;
    default:
      return; // OTHER
  }
}

/** The role that a BPDU conveys: a Configuration BPDU that of a designated port (17.21.8). */
const roleBits = (port: Port): number =>
  port.msgKind === bpdu.Kind.Config ? bpdu.RoleBits.Designated : port.msgFlags & bpdu.Flag.Role;

/** 17.21.8 rcvInfo. */
export function rcvInfo(port: Port): RcvdInfo {
  if (port.msgKind === bpdu.Kind.Tcn) {
    port.rcvdTcn = true;
    return RcvdInfo.Other;
  }
  const { msgPriority, portPriority } = port;
  const order = compare(msgPriority, portPriority);
  if (roleBits(port) !== bpdu.RoleBits.Designated) {
    return order >= 0 ? RcvdInfo.InferiorRootAlternate : RcvdInfo.Other;
  }
  if (isSuperior(msgPriority, portPriority)) return RcvdInfo.SuperiorDesignated;
  if (order !== 0) return RcvdInfo.InferiorDesignated;
  return sameTimes(port.msgTimes, port.portTimes)
    ? RcvdInfo.RepeatedDesignated
    : RcvdInfo.SuperiorDesignated;
}

/**
 * 17.21.9 recordAgreement. Beyond the standard: the agreement must name the root that we propose, and our proposal must
 * have left. Else it is to something that we said before: while old information about a lost root goes round, and
 * TxHoldCount keeps the news back, that opens loops.
 */
function recordAgreement(bridge: BridgeVariables, port: Port): void {
  const { msgPriority, designatedPriority } = port;
  const isOurs =
    !port.untold &&
    msgPriority.rootPriority === designatedPriority.rootPriority &&
    msgPriority.rootAddress === designatedPriority.rootAddress;
  const agrees = (port.msgFlags & bpdu.Flag.Agreement) !== 0 && port.msgKind === bpdu.Kind.Rst;
  if (rstpVersion(bridge) && port.operPointToPoint && agrees && isOurs) {
    port.agreed = true;
    port.proposing = false;
  } else {
    port.agreed = false;
  }
}

/** 17.21.10 recordDispute, in the form of IEEE 802.1Q-2018 13.29.13: an inferior designated port that learns. */
function recordDispute(port: Port): void {
  if (port.msgKind !== bpdu.Kind.Rst || (port.msgFlags & bpdu.Flag.Learning) === 0) return;
  port.disputed = true;
  port.agreed = false;
}

/** 17.21.11 recordProposal. */
function recordProposal(port: Port): void {
  if (port.msgKind === bpdu.Kind.Rst && (port.msgFlags & bpdu.Flag.Proposal) !== 0) {
    port.proposed = true;
  }
}

/** 17.21.17 setTcFlags. */
function setTcFlags(port: Port): void {
  if ((port.msgFlags & bpdu.Flag.TopologyChange) !== 0) port.rcvdTc = true;
  if ((port.msgFlags & bpdu.Flag.TopologyChangeAck) !== 0) port.rcvdTcAck = true;
}

/** 17.21.23 updtRcvdInfoWhile: three hellos, unless the information came too far. */
export function updtRcvdInfoWhile(bridge: BridgeVariables, port: Port): void {
  const { messageAge, maxAge } = port.portTimes;
  port.rcvdInfoWhile = aged(messageAge) <= maxAge ? bridge.now + threeHellos(port) : ZERO;
}
