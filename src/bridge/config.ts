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
  /** Any number, best random: keeps strangers from choosing addresses that all hash to one place. */
  readonly seed?: number;
}

/** All bridges. */
export interface BridgingConfig {
  readonly bridges: readonly BridgeConfig[];
}
