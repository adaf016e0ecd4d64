// Where frames for the appliance itself go, and how channels are reached. The protocols never import each other:
// they meet through these interfaces, which core/appliance.ts connects.

import type { ChannelId, Millis, Offset, PortId } from "../lib/units.ts";

/** The appliance's own side of its interfaces. core/appliance.ts implements it over arp/ and host/. */
export interface Inside {
  /**
   * An ARP or RARP frame on the VLAN of interface `iface`, on the core that plays the ARP master (other cores have
   * handed it over already). `at` is the offset of the ARP header; the frame may still carry its tag.
   * True when the frame is consumed; false when it is to be bridged onward (ARP-5).
   */
  arp(
    iface: number,
    channel: ChannelId,
    start: Offset,
    at: Offset,
    end: Offset,
    now: Millis,
  ): boolean;
  /**
   * A frame to the interface's MAC, to broadcast or to a multicast group, untagged, in a buffer of its own: it may be
   * changed in place and sent on. IP starts at start + 14.
   */
  deliver(iface: number, channel: ChannelId, start: Offset, end: Offset, now: Millis): void;
  /** A slow-protocol frame (IEEE 802.3 annex 43B) that arrived on a port; without it, such frames are dropped. */
  slow?(port: PortId, start: Offset, end: Offset, now: Millis): void;
  /** A frame to 01-80-C2-00-00-00 on a channel, whatever its state; without it, such frames are dropped. */
  bpdu?(port: PortId, channel: ChannelId, start: Offset, end: Offset, now: Millis): void;
  /** A frame to 01-00-0C-CC-CC-CD (PVST+) on a channel; true when it was taken, false: it goes on as any group's. */
  pvst?(port: PortId, channel: ChannelId, start: Offset, end: Offset, now: Millis): boolean;
}

/** Sends on a channel: through its one port, or through the member that the frame's hash names. */
export interface ChannelSink {
  /** False when no member can send; the caller counts. */
  send(channel: ChannelId, start: Offset, end: Offset): boolean;
  /** True when frames may leave through the channel now (link up, not blocked). */
  isUp(channel: ChannelId): boolean;
}
