// Channels that protection shut (BR-9): because of a loop, too many stations, or a storm. Shut is shut both ways, on
// every core, until its time is over or an operator opens it. Any core may shut a channel and tells the others; the
// later word wins (clock.ts), and each core opens by itself when the common clock says so.
//
// Fields of a bridge-shut: 0 epoch 2 | 2 channel 2 | 4 why 1 | 8 until 8 (0 = open) | 16 version 8.

import { EventCode } from "../engine/event.ts";
import { FIELDS, Message, Table } from "../engine/message.ts";
import type { Out } from "../engine/out.ts";
import type { ChannelId, CoreId, Millis, Offset } from "../lib/units.ts";
import { writerOf } from "../lib/version.ts";
import type { Clock } from "./clock.ts";
import { Lane, type Membership } from "./membership.ts";
import { ALL } from "./message.ts";

/** Why a channel was shut. */
export const Why = { None: 0, Loop: 1, MacLimit: 2, Storm: 3 } as const;
export type Why = (typeof Why)[keyof typeof Why];
export const WHY_NAMES = ["", "loop", "mac-limit", "storm"] as const;

const EPOCH: number = FIELDS;
const CHANNEL: number = FIELDS + 2;
const WHY: number = FIELDS + 4;
const UNTIL: number = FIELDS + 8;
const VERSION: number = FIELDS + 16;

export class Shut {
  readonly #out: Out;
  readonly #clock: Clock;
  readonly #membership: Membership;
  /** When each channel opens; 0 = it is open. */
  readonly #until: Float64Array;
  readonly #why: Uint8Array;
  readonly #version: Float64Array;
  #epoch = 0;
  #count = 0;

  constructor(out: Out, clock: Clock, membership: Membership) {
    const channels = membership.bridgeOf.length;
    this.#out = out;
    this.#clock = clock;
    this.#membership = membership;
    this.#until = new Float64Array(channels);
    this.#why = new Uint8Array(channels);
    this.#version = new Float64Array(channels);
  }

  isShut(channel: ChannelId): boolean {
    return (this.#until[channel] ?? 0) !== 0;
  }

  why(channel: ChannelId): Why {
    return (this.isShut(channel) ? this.#why[channel] : 0) as Why;
  }

  /** When it opens; Infinity = when somebody opens it. */
  until(channel: ChannelId): Millis {
    return this.#until[channel] ?? 0;
  }

  /** Shuts a channel for a time (0: until somebody opens it), on all cores. */
  shut(channel: ChannelId, why: Why, time: Millis, now: Millis): void {
    if (this.isShut(channel)) return;
    const until = time === 0 ? Infinity : now + time;
    this.#set(channel, why, until, this.#clock.next(now));
    this.#out.event(
      EventCode["channel-shut"],
      this.#membership.bridgeOf[channel] as number,
      channel,
      why,
      time,
    );
    this.#tell(channel, ALL);
  }

  /** An operator opens a channel (-1: all), on all cores; how many were shut. */
  open(channel: ChannelId | -1, now: Millis): number {
    let count = 0;
    for (let one = 0; one < this.#until.length; one++) {
      if ((channel >= 0 && one !== channel) || !this.isShut(one)) continue;
      count++;
      this.#opened(one);
      this.#set(one, Why.None, 0, this.#clock.next(now));
      this.#tell(one, ALL);
    }
    return count;
  }

  #opened(channel: ChannelId): void {
    const bridge = this.#membership.bridgeOf[channel] as number;
    this.#out.event(EventCode["channel-opened"], bridge, channel, this.#why[channel] as number, 0);
  }

  #set(channel: ChannelId, why: Why, until: Millis, version: number): void {
    if (this.isShut(channel) !== (until !== 0)) this.#count += until === 0 ? -1 : 1;
    this.#until[channel] = until;
    this.#why[channel] = why;
    this.#version[channel] = version;
    if ((this.#membership.bridgeOf[channel] ?? -1) >= 0) {
      this.#membership.setReason(channel, Lane.Shut, until !== 0);
    }
  }

  #tell(channel: ChannelId, to: CoreId | typeof ALL): void {
    if (this.#out.cores === 1) return;
    const { view } = this.#out;
    const at = this.#out.draft(Message["bridge-shut"]);
    view.setUint16(at + 2, Table.Bridge);
    view.setUint16(at + EPOCH, this.#epoch);
    view.setUint16(at + CHANNEL, channel);
    view.setUint8(at + WHY, this.#why[channel] as number);
    view.setFloat64(at + UNTIL, this.#until[channel] as number);
    view.setFloat64(at + VERSION, this.#version[channel] as number);
    if (to === ALL) this.#out.broadcast();
    else this.#out.send(to);
  }

  /** Another core's word; false when it is of another configuration. */
  message(at: Offset): boolean {
    const { view } = this.#out;
    const version = view.getFloat64(at + VERSION);
    this.#clock.witness(version);
    const channel = view.getUint16(at + CHANNEL);
    if (view.getUint16(at + EPOCH) !== this.#epoch || channel >= this.#until.length) return false;
    if (version > (this.#version[channel] as number)) {
      this.#set(channel, view.getUint8(at + WHY) as Why, view.getFloat64(at + UNTIL), version);
    }
    return true;
  }

  /** Sends a peer what this core decided, and what that peer did: it may have forgotten. */
  resync(to: CoreId): void {
    for (let channel = 0; channel < this.#version.length; channel++) {
      const version = this.#version[channel] as number;
      if (version === 0) continue;
      const teller = writerOf(version);
      if (teller === this.#out.core || teller === to) this.#tell(channel, to);
    }
  }

  /** Opens channels whose time is over; the core that shut one says so. */
  tick(now: Millis): void {
    if (this.#count === 0) return;
    for (let channel = 0; channel < this.#until.length; channel++) {
      const until = this.#until[channel] as number;
      if (until === 0 || now < until) continue;
      if (writerOf(this.#version[channel] as number) === this.#out.core) this.#opened(channel);
      this.#set(channel, Why.None, 0, this.#version[channel] as number);
    }
  }

  /** Keeps what is shut over a reconfiguration; `oldOf` gives the old number of each channel, -1 = new. */
  inherit(old: Shut | null, oldOf: Int32Array, epoch: number): void {
    this.#epoch = epoch;
    if (old === null) return;
    for (let channel = 0; channel < oldOf.length; channel++) {
      const before = oldOf[channel] as number;
      const version = old.#version[before] ?? 0;
      if (version === 0 || (this.#membership.bridgeOf[channel] ?? -1) < 0) continue;
      this.#set(channel, old.#why[before] as Why, old.#until[before] as number, version);
    }
  }
}
