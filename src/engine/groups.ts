// Where frames to multicast groups go, and how snooping reaches the bridge's channels (BR-8). snoop/ and bridge/ meet
// here; core/dispatch.ts connects them.

import type { ChannelId, Millis, Offset, Vlan } from "../lib/units.ts";

/** What becomes of a frame to a group. */
export const Route = {
  /** To all of the VLAN. */
  Flood: 0,
  /** To the channels whose bit is set in `allowed`. */
  Some: 1,
  /** The link master sees to it: the frame goes there, once the own interfaces have their copy. */
  Master: 2,
  /** Nowhere; what was wrong is counted. The own interfaces get no copy either. */
  Drop: 3,
} as const;
export type Route = (typeof Route)[keyof typeof Route];

/** Decides by group; snoop/ implements it. */
export interface GroupForwarding {
  /** Of the last answer `Some`: a bit for each channel, 32 to a word. Valid until the next call. */
  readonly allowed: Int32Array;
  /**
   * A frame to a group that arrived on a channel, or (-1) comes from inside. Its payload is at..end, of Ethernet type
   * `type`. On the packet path of multicast alone.
   */
  route(
    bridge: number,
    channel: ChannelId | -1,
    vlan: Vlan,
    at: Offset,
    end: Offset,
    type: number,
    now: Millis,
  ): Route;
}

/** The bridge as snooping sees it. */
export interface GroupPorts {
  /** True when a channel of the bridge is a member of the VLAN. */
  mayHold(bridge: number, channel: ChannelId, vlan: Vlan): boolean;
  /** Sends an untagged frame of the appliance into a VLAN: to one channel, or (-1) to all. */
  sendInto(bridge: number, vlan: Vlan, channel: ChannelId | -1, start: Offset, end: Offset): void;
}
