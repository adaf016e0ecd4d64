// What a channel of a bridge may do by spanning tree (IEEE 802.1D-2004 7.4, 17.30), and the door through which it is
// enforced. stp/ decides and calls; core/dispatch.ts implements the sink over the bridge, on every core.

import type { ChannelId, Millis } from "../lib/units.ts";

/** In every state a channel takes and sends BPDUs, LACPDUs and the appliance's other frames of the link itself. */
export const PortState = {
  /** Frames are neither relayed nor learned from. */
  Discarding: 0,
  /** Sources are learned, frames are not relayed. */
  Learning: 1,
  /** All as without spanning tree. */
  Forwarding: 2,
} as const;
export type PortState = (typeof PortState)[keyof typeof PortState];
export const PORT_STATE_NAMES = ["discarding", "learning", "forwarding"] as const;

/** Enforces spanning tree on ONE core; called on every core, the master's as well. */
export interface PortStateSink {
  /**
   * From this call on the channel is in the state, for every frame that this core handles after it. Called for every
   * channel of every bridge that the spanning tree's configuration names, once at the start and once after each
   * `configure`, whether the state changed or not (Forwarding where the protocol is off), and then at each change.
   */
  setPortState(bridge: number, channel: ChannelId, state: PortState, now: Millis): void;
  /**
   * Forgets the stations learned on the channel, on this core (17.19.7 fdbFlush); static ones stay. O(1), by
   * generation. Every core gets the call, so the sink tells no other core.
   */
  flushChannel(bridge: number, channel: ChannelId, now: Millis): void;
}
