// A port's variables as at BEGIN (IEEE 802.3-2005 43.4.8), from its configuration.

import { State } from "../wire/lacp.ts";
import { Churn } from "./churn.ts";
import { AGGREGATE_WAIT, type LagChannelConfig, type MemberConfig } from "./config.ts";
import { Mux } from "./mux.ts";
import { Periodic } from "./periodic.ts";
import { OFF, type PortState, Selected, type Side } from "./port-state.ts";
import { Receive } from "./receive.ts";

const NOBODY: Side = { systemPriority: 0, system: 0, key: 0, portPriority: 0, port: 0, state: 0 };

/**
 * The assumed partner (Partner_Admin): nobody. Where frames may pass without LACP, it is in sync and collects, so
 * that the same Mux serves.
 */
function adminPartner(config: LagChannelConfig): Side {
  const open = config.mode !== "lacp" || config.fallback !== "none";
  const state = open
    ? State.Aggregation | State.Synchronization | State.Collecting | State.Distributing
    : 0;
  return { ...NOBODY, state: state | State.Timeout };
}

/** A port as at BEGIN. */
export function makePortState(config: LagChannelConfig, member: MemberConfig): PortState {
  const admin = adminPartner(config);
  const activity = config.activity === "active" ? State.Activity : 0;
  const timeout = config.rate === "fast" ? State.Timeout : 0;
  return {
    port: member.port,
    mac: member.mac,
    enabled: false,
    link: false,
    linkSince: 0,
    lacp: config.mode === "lacp",
    wait: config.mode === "lacp" ? AGGREGATE_WAIT : 0,
    receive: Receive.Initialize,
    periodic: Periodic.None,
    mux: Mux.Detached,
    selected: Selected.Unselected,
    actorChurn: Churn.Monitor,
    partnerChurn: Churn.Monitor,
    currentWhile: OFF,
    periodicTimer: OFF,
    waitWhile: OFF,
    actorChurnTimer: OFF,
    partnerChurnTimer: OFF,
    ntt: false,
    ready: false,
    sent: [],
    actor: {
      systemPriority: config.systemPriority,
      system: config.system,
      key: config.key,
      portPriority: member.priority,
      port: member.number,
      state: activity | timeout | State.Aggregation | State.Defaulted,
    },
    partner: { ...admin },
    admin,
    partnerSaysSync: false,
    heard: OFF,
    second: OFF,
    inSecond: 0,
    looped: OFF,
    since: 0,
    counts: {
      lacpReceived: 0,
      lacpSent: 0,
      markerReceived: 0,
      markerResponsesReceived: 0,
      markerResponsesSent: 0,
      unknownReceived: 0,
      illegalReceived: 0,
      ownReceived: 0,
      expiries: 0,
      actorChurns: 0,
      partnerChurns: 0,
      partnerChanges: 0,
    },
  };
}
