// Aggregated channels as their engine sees them: numbers for names, durations in milliseconds. Plain data, made by the
// control core from the checked file. The constants of IEEE 802.3-2005 43.4.4 stand here too.

import type { ChannelId, Mac, Millis, PortId } from "../lib/units.ts";

/** Fast_Periodic_Time, Slow_Periodic_Time: how often LACPDUs are sent (43.4.4). */
export const FAST_PERIODIC: Millis = 1000;
export const SLOW_PERIODIC: Millis = 30_000;
/** Short_Timeout_Time, Long_Timeout_Time: how long received information is good (43.4.4). */
export const SHORT_TIMEOUT: Millis = 3000;
export const LONG_TIMEOUT: Millis = 90_000;
/** Churn_Detection_Time (43.4.4). */
export const CHURN_DETECTION: Millis = 60_000;
/** Aggregate_Wait_Time: ports that come together attach together (43.4.4). */
export const AGGREGATE_WAIT: Millis = 2000;
/** LACPDUs in a Fast_Periodic_Time at most (43.4.16). */
export const TRANSMIT_LIMIT = 3;
/**
 * Slow protocol frames of one port that are looked at in a second: annex 43B allows a sender ten of each subtype; twice
 * that, our choice, takes a sender's jitter and two subtypes, and bounds what a flood costs.
 */
export const RECEIVE_LIMIT = 20;
/** A core that has not acknowledged a state is told again this often: our choice, many times the bus's delay. */
export const RESEND: Millis = 250;
/** A loop that slept longer has stalled: nobody is declared gone before PDUs had this time to come. Our choice. */
export const STALL: Millis = 500;

export type Mode = "lacp" | "static" | "active-backup";
/** What passes while no partner answers: nothing, all members, or the first one. */
export type Fallback = "none" | "static" | "individual";
/** Whether collecting and distributing are switched apart or together (43.4.15). */
export type MuxControl = "independent" | "coupled";

export interface MemberConfig {
  readonly port: PortId;
  /** The port's number in LACPDUs, not zero. */
  readonly number: number;
  /** Lower is chosen first. */
  readonly priority: number;
  /** Source of its LACPDUs. */
  readonly mac: Mac;
}

/** One channel `LA/n`. */
export interface LagChannelConfig {
  readonly channel: ChannelId;
  readonly mode: Mode;
  readonly members: readonly MemberConfig[];
  readonly minLinks: number;
  readonly maxLinks: number;
  readonly system: Mac;
  readonly systemPriority: number;
  readonly key: number;
  readonly activity: "active" | "passive";
  /** What we ask of the partner: `fast` = a PDU a second, and gone after three. */
  readonly rate: "slow" | "fast";
  readonly fallback: Fallback;
  readonly mux: MuxControl;
  /** A link counts as up, or down, when it has been so for as long. */
  readonly upDelay: Millis;
  readonly downDelay: Millis;
}

export interface LagConfig {
  /** The system of channels that name none, so that a reload keeps it. */
  readonly autoSystem?: Mac;
  readonly channels: readonly LagChannelConfig[];
}

export const LAG_DEFAULTS: Omit<LagChannelConfig, "channel" | "members" | "system"> = {
  mode: "lacp",
  minLinks: 1,
  maxLinks: 16,
  systemPriority: 0x8000, // the default of 802.3-2005 43.6.1 managed objects and of vendors
  key: 1,
  activity: "active",
  rate: "slow", // 43.4.4: long timeout
  fallback: "none",
  mux: "independent", // what the appliance after which Linkloom is built reports
  upDelay: 0,
  downDelay: 0,
};
/** The default of 802.3-2005's managed objects and of vendors. */
export const PORT_PRIORITY = 0x8000;
