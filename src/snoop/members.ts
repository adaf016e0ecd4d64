// Until when each channel is a member of each group, or has a router: the link master's timers, one number for a row of
// the group table and a channel. What is over is found by one walk over the live rows, at most every SWEEP.

import type { ChannelId, Millis } from "../lib/units.ts";
import { type GroupTable, Kind, Slot } from "./table.ts";

/** Timers are this exact: our choice; the shortest of the standard is a second. */
export const SWEEP: Millis = 50;

export class Members {
  readonly #table: GroupTable;
  readonly #channels: number;
  readonly #until: Float64Array;
  /** Until when a host of version 1 is taken to be in the group, which cannot leave (RFC 2236 4). */
  readonly #oldUntil: Float64Array;
  /** Groups of each channel. */
  readonly joined: Int32Array;
  #due: Millis = Infinity;

  constructor(table: GroupTable, channels: number) {
    this.#table = table;
    this.#channels = channels;
    this.#until = new Float64Array(table.capacity * channels);
    this.#oldUntil = new Float64Array(table.capacity);
    this.joined = new Int32Array(channels);
  }

  get due(): Millis {
    return this.#due;
  }

  until(slot: number, channel: ChannelId): Millis {
    return this.#until[slot * this.#channels + channel] as number;
  }

  setUntil(slot: number, channel: ChannelId, until: Millis): void {
    this.#until[slot * this.#channels + channel] = until;
    if (until < this.#due) this.#due = until;
  }

  /** The last of a row's channels to go. */
  last(slot: number): Millis {
    let last = 0;
    for (let channel = 0; channel < this.#channels; channel++) {
      if (this.#table.has(slot, channel)) last = Math.max(last, this.until(slot, channel));
    }
    return last;
  }

  oldUntil(slot: number): Millis {
    return this.#oldUntil[slot] as number;
  }

  setOldUntil(slot: number, until: Millis): void {
    this.#oldUntil[slot] = until;
  }

  /** A row begins: nothing is known of it. */
  begin(slot: number): void {
    this.#until.fill(0, slot * this.#channels, (slot + 1) * this.#channels);
    this.#oldUntil[slot] = 0;
  }

  /** Calls `over` for each channel of each row whose time is over. */
  expire(now: Millis, over: (slot: number, channel: ChannelId) => void): void {
    if (now < this.#due) return;
    const table = this.#table;
    let due = Infinity;
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.state(slot) !== Slot.Live) continue;
      for (let channel = 0; channel < this.#channels; channel++) {
        if (!table.has(slot, channel)) continue;
        const until = this.until(slot, channel);
        if (now >= until) over(slot, channel);
        else if (until < due) due = until;
      }
    }
    this.#due = Math.max(due, now + SWEEP);
  }

  /** Counts the groups of each channel anew. */
  recount(): void {
    const table = this.#table;
    this.joined.fill(0);
    for (let slot = 0; slot < table.capacity; slot++) {
      if (table.state(slot) !== Slot.Live || table.kind(slot) !== Kind.Group) continue;
      for (let channel = 0; channel < this.#channels; channel++) {
        if (table.has(slot, channel)) this.joined[channel] = (this.joined[channel] as number) + 1;
      }
    }
  }
}
