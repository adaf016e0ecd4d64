// Why a port is in its state: the guard of the machine that does not hold, as a word. control/ makes sentences of them.

import type { Millis } from "../lib/units.ts";
import { runs } from "./conditions.ts";
import { type BridgeVariables, Info, type Port, Role, ZERO } from "./port.ts";

/** Reasons; the order is not told to anybody. */
export type Reason =
  | "link-down"
  | "bpdu-guard"
  | "root-guard"
  | "loop-guard"
  | "own-bpdu"
  | "edge"
  | "root-port"
  | "agreed"
  | "waited"
  | "better-bridge"
  | "own-segment"
  | "disputed"
  | "waits-for-cores"
  | "waits-for-agreement"
  | "waits-for-timer"
  | "waits-for-old-root"
  | "settling";

export function reasonOf(
  bridge: BridgeVariables,
  port: Port,
  isSettled: boolean,
  now: Millis,
): Reason {
  if (port.shutUntil !== ZERO) return "bpdu-guard";
  if (!port.link) return "link-down";
  if (port.loopInconsistent) return "loop-guard";
  if (port.rootInconsistent) return "root-guard";
  if (port.ownAt !== ZERO && now - port.ownAt < 10_000 && !port.forward) return "own-bpdu";
  if (!isSettled) return "waits-for-cores";
  switch (port.role) {
    case Role.Alternate:
      return "better-bridge";
    case Role.Backup:
      return "own-segment";
    case Role.Disabled:
      return "settling";
    default:
      return port.forward ? openReason(port) : waitReason(bridge, port);
  }
}

function openReason(port: Port): Reason {
  if (port.operEdge) return "edge";
  if (port.role === Role.Root) return "root-port";
  return port.sendRSTP && port.agreed ? "agreed" : "waited";
}

function waitReason(bridge: BridgeVariables, port: Port): Reason {
  if (port.disputed) return "disputed";
  if (port.role === Role.Root) {
    return port.infoIs === Info.Received && runs(bridge, port.rbWhile)
      ? "waits-for-timer"
      : "waits-for-old-root";
  }
  return port.proposing && port.sendRSTP ? "waits-for-agreement" : "waits-for-timer";
}
