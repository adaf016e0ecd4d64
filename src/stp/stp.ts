// Spanning tree of one core (BR-7; IEEE 802.1D-2004 clause 17). The link master alone runs the machines (tree.ts); every
// core enforces the port states that the master tells, and says so. A port counts as no longer forwarding when every
// core has acknowledged that it stopped: so nothing is agreed with a neighbour that one of our cores contradicts.

import type { CommonConfig } from "../engine/config.ts";
import type { ChannelSink } from "../engine/inside.ts";
import { Table } from "../engine/message.ts";
import type { Engine, Out, Replicated } from "../engine/out.ts";
import type { PortStateSink } from "../engine/port-state.ts";
import type { ChannelId, CoreId, Millis, Offset, PortId } from "../lib/units.ts";
import type { StpConfig } from "./config.ts";

export class Stp implements Engine, Replicated {
  readonly table: number = Table.Stp;

  constructor(
    _config: StpConfig,
    _common: CommonConfig,
    _out: Out,
    _sink: PortStateSink,
    _channels: ChannelSink,
    _now: Millis,
  ) {}

  /** True when a spanning tree runs on the channel: its BPDUs are for `receive`. */
  isPort(_channel: ChannelId): boolean {
    return false;
  }

  /**
   * A frame to 01-80-C2-00-00-00 that arrived on a port of the channel, whatever the channel's state; any core may get
   * it, and hands it to the link master. Consumes it.
   */
  receive(_port: PortId, _channel: ChannelId, _start: Offset, _end: Offset, _now: Millis): void {}

  /**
   * A frame to 01-00-0C-CC-CC-CD (PVST+, `bpdu.PVST_GROUP`) on a channel of a bridge: counted and named on the link
   * master. True when the frame was handed there, or is to be dropped; false when it goes on as any group's does.
   */
  pvst(_port: PortId, _channel: ChannelId, _start: Offset, _end: Offset, _now: Millis): boolean {
    return false;
  }

  message(_type: number, _from: CoreId, _at: Offset, _now: Millis): void {}

  tick(_now: Millis): void {}

  roleChanged(_now: Millis): void {}

  /**
   * On every core: a channel can send from now on or can no longer, or its speed changed (the sum of the members that
   * are up, Mbit/s; 0 = unknown). Channels start down.
   */
  linkChanged(_channel: ChannelId, _up: boolean, _speed: number, _now: Millis): void {}

  /** On every core. Channels that stay as they were go on undisturbed; new ones start discarding. */
  configure(_config: StpConfig, _common: CommonConfig, _now: Millis): void {}

  /** An operator: forget what BPDU guard shut, and look for RSTP neighbours anew (mcheck, 17.19.13). On every core. */
  clear(_channel: ChannelId, _now: Millis): void {}

  timers(_now: Millis): Record<string, unknown>[] {
    return [];
  }

  resync(_to: CoreId, _cursor: number, _limit: number, _now: Millis): number {
    return -1;
  }

  resyncBegin(_from: CoreId, _now: Millis): void {}

  resyncEnd(_from: CoreId, _now: Millis): void {}

  summary(): { entries: number; digest: number; version: number } {
    return { entries: 0, digest: 0, version: 0 };
  }

  rows(
    _cursor: number,
    _limit: number,
    _now: Millis,
  ): { rows: Record<string, unknown>[]; next: number } {
    return { rows: [], next: -1 };
  }
}
