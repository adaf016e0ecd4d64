// Rows for `show stp`, in numbers: every core tells the state that it enforces, the link master all the rest.

import { PORT_STATE_NAMES } from "../engine/port-state.ts";
import type { ChannelId, Millis } from "../lib/units.ts";
import type { StpBridgeConfig } from "./config.ts";
import { GUARD_NAMES, Guard, NEVER, type Port, ROLE_NAMES, toMillis, ZERO } from "./port.ts";
import { reasonOf } from "./reason.ts";
import { TIMERS, type Tree } from "./tree.ts";

/** Of a bridge, beside its tree. */
export interface BridgeFacts {
  topologyChanges: number;
  /** ZERO = never. */
  topologyChangeAt: Millis;
  topologyChangeChannel: ChannelId | -1;
}

export function bridgeRow(
  config: StpBridgeConfig,
  tree: Tree | null,
  facts: BridgeFacts,
  isMaster: boolean,
  now: Millis,
): Record<string, unknown> {
  const own = {
    bridge: config.bridge,
    channel: -1,
    master: isMaster,
    protocol: config.protocol,
    priority: config.priority,
    address: config.address,
  };
  if (!isMaster || tree === null) return own;
  const { rootPriority, rootTimes, rootPort } = tree.bridge;
  const { topologyChanges, topologyChangeAt, topologyChangeChannel } = facts;
  return {
    ...own,
    rootPriority: rootPriority.rootPriority,
    rootAddress: rootPriority.rootAddress,
    rootCost: rootPriority.cost,
    rootChannel: rootPort === null ? -1 : rootPort.config.channel,
    helloMs: toMillis(rootTimes.helloTime),
    forwardDelayMs: toMillis(rootTimes.forwardDelay),
    maxAgeMs: toMillis(rootTimes.maxAge),
    topologyChanges,
    topologyChangeMs: topologyChangeAt === ZERO ? null : now - topologyChangeAt,
    topologyChangeChannel,
  };
}

/** What a port is shut by, or 0. */
function guardOf(port: Port, now: Millis): number {
  if (port.shutUntil !== ZERO) return Guard.Bpdu;
  if (port.loopInconsistent) return Guard.Loop;
  if (port.rootInconsistent) return Guard.Root;
  return port.ownAt !== ZERO && now - port.ownAt < 10_000 ? Guard.Own : Guard.None;
}

export function portRow(
  tree: Tree,
  port: Port,
  isMaster: boolean,
  isSettled: boolean,
  now: Millis,
): Record<string, unknown> {
  const { bridge } = tree;
  const own = {
    bridge: bridge.config.bridge,
    channel: port.config.channel,
    state: PORT_STATE_NAMES[port.state],
    role: ROLE_NAMES[port.role],
    master: isMaster,
  };
  if (!isMaster) return own;
  const { portPriority: vector, counts } = port;
  return {
    ...own,
    cost: port.portPathCost,
    priority: port.config.priority,
    number: port.config.number,
    designatedPriority: vector.bridgePriority,
    designatedAddress: vector.bridgeAddress,
    designatedPort: vector.portId,
    designatedCost: vector.cost,
    rootPriority: vector.rootPriority,
    rootAddress: vector.rootAddress,
    edge: port.operEdge,
    pointToPoint: port.operPointToPoint,
    protocol: port.sendRSTP ? "rstp" : "stp",
    sinceMs: now - port.since,
    reason: reasonOf(bridge, port, isSettled, now),
    settled: isSettled,
    guard: GUARD_NAMES[guardOf(port, now) as 0],
    ...counts,
  };
}

/** Timers that run on the master: rows {timer, subject, due-ms, period-ms}. */
export function timerRows(tree: Tree, now: Millis): Record<string, unknown>[] {
  return tree.ports.flatMap((port) =>
    TIMERS.filter((timer) => port[timer] > now && port[timer] < NEVER).map((timer) => ({
      timer: `stp-${timer}`,
      subject: `channel ${port.config.channel}`,
      "due-ms": port[timer] - now,
      "period-ms": timer === "helloWhen" ? toMillis(port.designatedTimes.helloTime) : 0,
    })),
  );
}
