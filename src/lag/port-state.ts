// The variables of one aggregated port (IEEE 802.3-2005 43.4.7, 43.4.8) and its timers: plain data, so that a whole
// system can be copied, compared and told to another core. The machines change it; see actor.ts.

import type { Mac, Millis, PortId } from "../lib/units.ts";

/** A timer that does not run. */
export const OFF = -1;

/** The parameters of one side of a link. */
export interface Side {
  systemPriority: number;
  system: Mac;
  key: number;
  portPriority: number;
  port: number;
  state: number;
}

/** What the selection logic says of a port (43.4.8). */
export const Selected = { Unselected: 0, Standby: 1, Selected: 2 } as const;
export type Selected = (typeof Selected)[keyof typeof Selected];
export const SELECTED_NAMES = ["unselected", "standby", "selected"] as const;

/** Counters of the 802.3ad MIB (30.7.3) and of what was refused; master only. */
export interface PortCounts {
  lacpReceived: number;
  lacpSent: number;
  markerReceived: number;
  markerResponsesReceived: number;
  markerResponsesSent: number;
  unknownReceived: number;
  illegalReceived: number;
  /** Own PDUs that came back. */
  ownReceived: number;
  /** Times that the partner's information ran out. */
  expiries: number;
  actorChurns: number;
  partnerChurns: number;
  /** Changes of the partner's system or key. */
  partnerChanges: number;
}

export interface PortState {
  readonly port: PortId;
  readonly mac: Mac;
  /** port_enabled: the link is up, its delays included. */
  enabled: boolean;
  /** The link as the driver tells it, and when it became so. */
  link: boolean;
  linkSince: Millis;
  /** LACP_Enabled. */
  readonly lacp: boolean;
  /** How long a port waits for others that could attach with it. */
  readonly wait: Millis;
  receive: number;
  periodic: number;
  mux: number;
  selected: number;
  actorChurn: number;
  partnerChurn: number;
  currentWhile: Millis;
  periodicTimer: Millis;
  waitWhile: Millis;
  actorChurnTimer: Millis;
  partnerChurnTimer: Millis;
  /** Need To Transmit. */
  ntt: boolean;
  /** Ready_N: its wait is over. */
  ready: boolean;
  /** Moments of the last LACPDUs, newest first. */
  readonly sent: Millis[];
  /** State bits are made when they are needed, except Defaulted and Expired, which live here. */
  readonly actor: Side;
  readonly partner: Side;
  /** What is assumed of a partner that says nothing. */
  readonly admin: Side;
  /** The last LACPDU said that its sender is in sync, whether it meant this port or not. */
  partnerSaysSync: boolean;
  /** Last LACPDU that was taken, OFF = never; last change of the Mux. */
  heard: Millis;
  /** Slow-protocol frames in the running second. */
  second: number;
  inSecond: number;
  /** When an own LACPDU last came back here. */
  looped: Millis;
  since: Millis;
  readonly counts: PortCounts;
}

export const has = (side: Side, bit: number): boolean => (side.state & bit) !== 0;

/** Sets or clears bits of a side's state. */
export function put(side: Side, bit: number, on: boolean): void {
  side.state = on ? side.state | bit : side.state & ~bit;
}

/** Copies a side's parameters. */
export function copySide(from: Side, to: Side): void {
  to.systemPriority = from.systemPriority;
  to.system = from.system;
  to.key = from.key;
  to.portPriority = from.portPriority;
  to.port = from.port;
  to.state = from.state;
}

/** True when system, key and port are the same: what a port's place in an aggregate depends on, beside Aggregation. */
export function isSamePort(a: Side, b: Side): boolean {
  return (
    a.port === b.port &&
    a.portPriority === b.portPriority &&
    a.system === b.system &&
    a.systemPriority === b.systemPriority &&
    a.key === b.key
  );
}
