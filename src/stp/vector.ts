// Spanning tree priority vectors and times (IEEE 802.1D-2004 17.5, 17.6). A bridge identifier is 64 bits, so it is two
// numbers here: priority and address. Numerically lower is better, component by component.

import type { Mac } from "../lib/units.ts";

/** { RootBridgeID : RootPathCost : DesignatedBridgeID : DesignatedPortID }; the receiving port's number is apart. */
export interface Vector {
  rootPriority: number;
  rootAddress: Mac;
  cost: number;
  bridgePriority: number;
  bridgeAddress: Mac;
  portId: number;
}

/** Message Age, Max Age, Hello Time, Forward Delay, in 1/256 s as on the wire. */
export interface Times {
  messageAge: number;
  maxAge: number;
  helloTime: number;
  forwardDelay: number;
}

/** Units of a second in `Times`. */
export const SECOND = 256;

export const makeVector = (): Vector => ({
  rootPriority: 0,
  rootAddress: 0,
  cost: 0,
  bridgePriority: 0,
  bridgeAddress: 0,
  portId: 0,
});

export const makeTimes = (): Times => ({
  messageAge: 0,
  maxAge: 0,
  helloTime: 0,
  forwardDelay: 0,
});

export function copyVector(from: Vector, to: Vector): void {
  to.rootPriority = from.rootPriority;
  to.rootAddress = from.rootAddress;
  to.cost = from.cost;
  to.bridgePriority = from.bridgePriority;
  to.bridgeAddress = from.bridgeAddress;
  to.portId = from.portId;
}

export function copyTimes(from: Times, to: Times): void {
  to.messageAge = from.messageAge;
  to.maxAge = from.maxAge;
  to.helloTime = from.helloTime;
  to.forwardDelay = from.forwardDelay;
}

/** Below 0 when `a` is better, 0 when they are the same, above 0 when `a` is worse. */
export function compare(a: Vector, b: Vector): number {
  return (
    a.rootPriority - b.rootPriority ||
    a.rootAddress - b.rootAddress ||
    a.cost - b.cost ||
    a.bridgePriority - b.bridgePriority ||
    a.bridgeAddress - b.bridgeAddress ||
    a.portId - b.portId
  );
}

/**
 * True when a message's vector replaces a port's (17.6): it is better, or it comes from the same designated port of the
 * same designated bridge, which then has changed its mind. The same vector is not superior.
 */
export function isSuperior(message: Vector, port: Vector): boolean {
  const order = compare(message, port);
  if (order === 0) return false;
  return (
    order < 0 ||
    (message.bridgeAddress === port.bridgeAddress &&
      (message.portId & 0xfff) === (port.portId & 0xfff))
  );
}

export const sameTimes = (a: Times, b: Times): boolean =>
  a.messageAge === b.messageAge &&
  a.maxAge === b.maxAge &&
  a.helloTime === b.helloTime &&
  a.forwardDelay === b.forwardDelay;

/** Message Age one hop further: incremented by a second and rounded to whole seconds (17.21.25). */
export const aged = (messageAge: number): number =>
  Math.min(0xffff, Math.round((messageAge + SECOND) / SECOND) * SECOND);
