// The bridges as their engine sees them: numbers for names, durations in milliseconds. Plain data, made by the control
// core from the checked file.

import type { ChannelId, Mac, Millis, Vlan } from "../lib/units.ts";

/** Who ages the table (BR-5). */
export type Ageing = "each-tells" | "each-silent" | "one";
/** Whether cores tell each other what they learn (BR-3, BR-10). */
export type Learning = "broadcast" | "independent";

/** Station moves to one channel in a second that mute it: NetScaler's maxbridgecollision, default 20 (BR-10). */
export const MOVE_LIMIT = 20;
/** How long a muted channel stays so: our choice, because a loop made by hand is found within seconds. */
export const MUTE_TIME: Millis = 10_000;

/** One channel of a bridge. */
export interface BridgeChannelConfig {
  readonly channel: ChannelId;
  readonly mode: "access" | "trunk";
  /** access: the one VLAN, untagged. 1 where the file says nothing. */
  readonly accessVlan: Vlan;
  /** trunk: the VLAN that goes untagged, 1 where the file says nothing; 0 = none, untagged frames are dropped. */
  readonly nativeVlan: Vlan;
  /** trunk: the VLANs that go tagged, as inclusive ranges. The native VLAN is carried whether it stands here or not. */
  readonly trunkVlans: readonly (readonly [first: Vlan, last: Vlan])[];
  /** BR-9, each off when left out. */
  readonly storm?: StormConfig | undefined;
  readonly macLimit?: MacLimitConfig | undefined;
  /** 0 = none; 1 = isolated: reaches only who has 0; from 2 up: communities, which also reach themselves. */
  readonly isolation?: number | undefined;
  /** False: no probes leave here, where the bridge looks for loops. */
  readonly loopDetection?: boolean | undefined;
}

/** Frames a second, and how many may come at once. */
export interface RateConfig {
  readonly rate: number;
  readonly burst: number;
}

/** Storm control of a channel: each class by itself, no limit where left out. */
export interface StormConfig {
  readonly broadcast?: RateConfig | undefined;
  readonly multicast?: RateConfig | undefined;
  /** To stations that nobody knows. */
  readonly unicast?: RateConfig | undefined;
  readonly action: "drop" | "shutdown";
  /** How long a channel stays shut; 0 = until somebody opens it. */
  readonly recovery: Millis;
}

/** How many stations a channel may have, and what becomes of frames from more. */
export interface MacLimitConfig {
  readonly limit: number;
  /** flood: they are forwarded, but not learned. */
  readonly action: "drop" | "flood" | "shutdown";
  readonly recovery: Millis;
}

/** Probes for loops. */
export interface LoopDetectionConfig {
  readonly interval: Millis;
  readonly action: "shutdown" | "report";
  readonly recovery: Millis;
}

/** A station that neither moves nor ages (BR-9). */
export interface StaticStationConfig {
  readonly mac: Mac;
  readonly vlan: Vlan;
  /** Where its frames go, or -1: they are dropped. */
  readonly channel: ChannelId | -1;
}

/** One bridge, index = bridge number. */
export interface BridgeConfig {
  readonly name: string;
  /** Slots, a power of two: 8192, at most 2^20 (BR-1). */
  readonly tableSize: number;
  /** Slots that a station may lie in: 8 (BR-1). */
  readonly probeLimit: number;
  /** 300 s, 10 s to 1,000,000 s (IEEE 802.1D-2004 table 7-5). */
  readonly ageingTime: Millis;
  readonly ageing: Ageing;
  readonly learning: Learning;
  readonly channels: readonly BridgeChannelConfig[];
  readonly statics: readonly StaticStationConfig[];
  /** Moves in a second that mute a channel, MOVE_LIMIT by default; 0 = never. */
  readonly moveLimit?: number;
  /** MUTE_TIME by default. */
  readonly muteTime?: Millis;
  /** Absent: no probes. */
  readonly loopDetection?: LoopDetectionConfig | undefined;
  /** Any number, best random: keeps strangers from choosing addresses that all hash to one place. */
  readonly seed?: number;
}

/** All bridges. */
export interface BridgingConfig {
  readonly bridges: readonly BridgeConfig[];
}
