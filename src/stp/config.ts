// Spanning tree as its engine sees it: numbers for names, durations in milliseconds. Plain data, made by the control
// core from the checked file. Parameters are those of IEEE 802.1D-2004 17.13, defaults those of tables 17-1 to 17-3.

import type { ChannelId, Mac, Millis } from "../lib/units.ts";

/** 17.13.9, table 17-1: fixed. */
export const MIGRATE_TIME: Millis = 3000;
/** A core that has not acknowledged a state is told again this often: our choice, many times the bus's delay. */
export const RESEND: Millis = 250;
/** A loop that slept longer has stalled: no timer runs out before a fresh interval. Our choice, as for aggregates. */
export const STALL: Millis = 500;
/**
 * BPDUs of one port that are looked at in a second. A neighbour sends at most TxHoldCount + 1 (17.13.12), ten of them
 * on a shared segment send 70 at worst; our choice takes that and bounds what a flood costs.
 */
export const RECEIVE_LIMIT = 100;

/**
 * Two senders within so long share a segment; one alone for as long has a link to itself again. Max Age, table 17-1.
 */
export const SHARED_TIME: Millis = 20_000;

/** Force Protocol Version (17.13.4): `stp` = 0, `rstp` = 2. `off`: no spanning tree, every channel forwards. */
export type Protocol = "rstp" | "stp" | "off";
/** `on`: an edge port from the start (AdminEdge); `auto`: once nobody sent a BPDU for a while (AutoEdge). */
export type Edge = "auto" | "on" | "off";
/**
 * `auto`: a point-to-point link, as every full-duplex link and every aggregate is (6.4.3), unless two bridges are heard
 * there.
 */
export type PointToPoint = "auto" | "on" | "off";

/** One port of a spanning tree: a channel, aggregated or not. */
export interface StpChannelConfig {
  readonly channel: ChannelId;
  /** The number in the port identifier, 1..4095, another for each channel of the bridge (9.2.7). */
  readonly number: number;
  /** 0..240 in steps of 16. */
  readonly priority: number;
  /** 1..200,000,000; 0 = by the speed of what is up of the channel (table 17-3). */
  readonly cost: number;
  readonly edge: Edge;
  readonly pointToPoint: PointToPoint;
  /** A BPDU shuts the channel. */
  readonly bpduGuard: boolean;
  /** BPDUs are neither sent nor heeded. */
  readonly bpduFilter: boolean;
  /** The channel is never the way to the root (restrictedRole of IEEE 802.1Q-2018 13.27.64). */
  readonly rootGuard: boolean;
  /** A channel whose neighbour fell silent does not open (our name for what vendors call so). */
  readonly loopGuard: boolean;
  /** Topology changes heard here go no further (restrictedTcn of IEEE 802.1Q-2018 13.27.65). */
  readonly tcnGuard: boolean;
  /** How long BPDU guard keeps a channel shut; 0 = until its link goes down or an operator clears it. */
  readonly guardRecovery: Millis;
}

/** One bridge's spanning tree. */
export interface StpBridgeConfig {
  readonly bridge: number;
  readonly protocol: Protocol;
  /** The address in the bridge identifier, and the source of its BPDUs where a channel has no port. */
  readonly address: Mac;
  /** 0..61440 in steps of 4096. */
  readonly priority: number;
  readonly helloTime: Millis;
  readonly forwardDelay: Millis;
  readonly maxAge: Millis;
  /** BPDUs of a port that may be sent in a second (17.13.12). */
  readonly txHoldCount: number;
  readonly channels: readonly StpChannelConfig[];
}

export interface StpConfig {
  readonly bridges: readonly StpBridgeConfig[];
}

export const NO_STP: StpConfig = { bridges: [] };

export const STP_DEFAULTS: Omit<StpBridgeConfig, "bridge" | "address" | "channels"> = {
  protocol: "rstp", // 17.13.4
  priority: 32_768, // table 17-2
  helloTime: 2000, // table 17-1; 1 to 2 s, and 1 to 10 s with 802.1D-1998
  forwardDelay: 15_000, // table 17-1; 4 to 30 s
  maxAge: 20_000, // table 17-1; 6 to 40 s
  txHoldCount: 6, // table 17-1; 1 to 10
};

export const STP_CHANNEL_DEFAULTS: Omit<StpChannelConfig, "channel" | "number"> = {
  priority: 128, // table 17-2
  cost: 0, // 17.13.11: by table 17-3
  edge: "auto", // 17.13.3: AutoEdge is recommended to be on
  pointToPoint: "auto", // 6.4.3: adminPointToPointMAC auto
  bpduGuard: false,
  bpduFilter: false,
  rootGuard: false,
  loopGuard: false,
  tcnGuard: false,
  guardRecovery: 0, // our choice, as switches come: what shut a channel is looked at by a person
};

/**
 * PortPathCost of a speed in Mbit/s (17.13.11, table 17-3): 20 Tbit/s divided by it, 1 to 200,000,000. Of an aggregate:
 * of the sum of its members'. 0 = unknown: as 1 Gbit/s, our choice.
 */
export function costOf(speed: number): number {
  if (!(speed > 0)) return 20_000;
  return Math.min(200_000_000, Math.max(1, Math.round(20_000_000 / speed)));
}

/** True when the times go together: 2 x (forward delay - 1 s) >= max age >= 2 x (hello time + 1 s) (17.14). */
export function timesFit(helloTime: Millis, forwardDelay: Millis, maxAge: Millis): boolean {
  return 2 * (forwardDelay - 1000) >= maxAge && maxAge >= 2 * (helloTime + 1000);
}
