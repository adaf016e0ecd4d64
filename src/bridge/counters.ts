// What a core's bridges count, in plain numbers that the core copies out.

/** Indexes into `Bridging.counters`. */
export const BridgeCounter = {
  /** Stations this core learned from its own traffic. */
  Learned: 0,
  /** Stations this core saw move. */
  Moved: 1,
  /** In-use flags that this core's traffic set again. */
  Refreshed: 2,
  /** Entries this core's timer flushed. */
  Aged: 3,
  /** Entries that gave way because the table was full. */
  Evicted: 4,
  /** Stations that found no room, or came too late to be believed. */
  Refused: 5,
  /** Frames that went to one channel. */
  Forwarded: 6,
  /** Frames that went to all channels of their VLAN. */
  Flooded: 7,
  /** Frames, and copies of frames, that went inside. */
  Local: 8,
  /** Channels muted. */
  Muted: 9,
  /** ARP frames handed to the ARP master. */
  HandedOver: 10,
} as const;
export const BRIDGE_COUNTERS = 16;
