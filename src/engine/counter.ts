// Layout of one core's part of the statistics segment: 64-bit floats (exact up to 2^53), written by that core
// alone, in place, and read by anyone at any time (CORE-10). One page-aligned block per core, so that no two cores
// write to one cache line.

import { MAX_CORES } from "../lib/units.ts";
import { DROP_COUNT } from "./drop.ts";
import { MESSAGE_TYPES } from "./message.ts";
import { TALLIES } from "./tally.ts";

/** Per core. */
export const CoreCounter = {
  FramesReceived: 0,
  FramesSent: 1,
  MessagesSent: 2,
  MessagesReceived: 3,
  Handovers: 4,
  BusyMicros: 5,
  Rounds: 6,
  Sleeps: 7,
  Wakes: 8,
  ArpRequestsSent: 9,
  ArpRepliesSent: 10,
  StationsLearned: 11,
  StationsMoved: 12,
  Flooded: 13,
  Forwarded: 14,
  LocalDelivered: 15,
  LatenessMaxMillis: 16,
  ArpReceived: 17,
  Events: 18,
  Copies: 19,
  /** Neighbour advertisements that landed on another core than their owner's. */
  NdHandedOver: 20,
  /** IPv6 addresses in resolution, at the moment. */
  NdPending: 21,
} as const;
export const CORE_COUNTERS = 32;

/** Per core and port. */
export const PortCounter = {
  FramesReceived: 0,
  BytesReceived: 1,
  FramesSent: 2,
  BytesSent: 3,
  Drops: 4,
} as const;
export const PORT_COUNTERS = 8;

/** Per core and peer, per message type: sent and received; then high water and resyncs. */
export const PEER_COUNTERS: number = 2 * MESSAGE_TYPES + 4;

/** Room for port numbers; a configuration with more ports is refused. */
export const MAX_PORTS = 256;
const DROPS_ROOM = 160;

/** Offsets inside a core's block, in counters (8 bytes each). */
export const CORE_AT = 0;
export const DROP_AT: number = CORE_AT + CORE_COUNTERS;
export const PORT_AT: number = DROP_AT + DROPS_ROOM;
export const PEER_AT: number = PORT_AT + MAX_PORTS * PORT_COUNTERS;
/** Frames per steering bucket (0..127). */
export const BUCKET_AT: number = PEER_AT + MAX_CORES * PEER_COUNTERS;
/** What all cores add up (tally.ts). */
export const TALLY_AT: number = BUCKET_AT + 128;
export const BLOCK_COUNTERS: number = Math.ceil((TALLY_AT + TALLIES) / 512) * 512;

if (DROP_COUNT > DROPS_ROOM) throw new Error("too many drop reasons for the statistics segment");
