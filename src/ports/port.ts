// One attachment to a network, as one core sees it: its own queue of a NIC, a TAP, a file or a memory link. All
// drivers pass one contract suite (test/contract). Nothing here throws for what the network does.

import type { Millis } from "../lib/units.ts";

/** Frames of one burst and direction. Offsets into the arena; see engine/frame.ts for what lies before `start`. */
export class Batch {
  readonly start: Int32Array;
  readonly end: Int32Array;
  count = 0;
  /** Frames in front that go before data (core/urgent.ts). */
  urgent = 0;

  constructor(capacity: number) {
    this.start = new Int32Array(capacity);
    this.end = new Int32Array(capacity);
  }

  clear(): void {
    this.count = 0;
    this.urgent = 0;
  }
}

/** Frames per burst and port: what the style of run-to-completion engines takes (DPDK and VPP use 32..256). */
export const BURST = 64;

/** What a port tells of itself beside the counters that the core keeps. */
export interface PortStatus {
  readonly driver: string;
  /** The kernel's interface or file, "" when there is none. */
  readonly interface: string;
  readonly up: boolean;
  readonly mac: number;
  readonly mtu: number;
  /** Who gives the frames to the cores: "ebpf", "cbpf", or "software"; for drivers whose kernel side has queues. */
  readonly steering?: string;
  /** What an operator should know, "" when there is nothing. */
  readonly note?: string;
}

/** A driver's queue for one core. */
export interface Port {
  /** File descriptors to sleep on; empty when only the bus can wake the core. */
  readonly descriptors: readonly number[];
  /** Fills `batch` with up to its capacity of received frames; they stay valid until `release`. */
  receive(batch: Batch): void;
  /** Gives the frames of the last `receive` calls back; called after everything of the burst has been sent. */
  release(): void;
  /** Sends `batch.count` frames in order; returns how many the driver took. The rest is counted as dropped. */
  send(batch: Batch): number;
  /** True when a `receive` right now would find a frame: the last look before sleep. */
  pending(): boolean;
  /** Frames that the kernel or the link lost before `receive` since the last call (kernel-ring). */
  lost(): number;
  /** The link's state now; called every 100 ms or so, not per frame. */
  status(now: Millis): PortStatus;
  /**
   * Puts another program that steers, the descriptor of a loaded socket filter, in the place of the one in the kernel,
   * with everything open as it is. True: the driver owns the descriptor now. False: the kernel did not take it. Only
   * on the core that attached the first one.
   */
  steer?(program: number): boolean;
  /** The link's speed in Mbit/s, 0 = unknown; asked when the link comes up and now and then. Left out: unknown. */
  speed?(): number;
  /** Lets go of sockets, maps and buffers. */
  close(): void;
}
