// Frames that wait for the MAC of their next hop, oldest first, one list per slot of a neighbour table and all in one
// bounded pool. Who finds neighbours decides when; this knows what becomes of the frames.

import { Backlog } from "../lib/backlog.ts";
import type { Mac, Millis, Offset } from "../lib/units.ts";
import type { Out, Waiting } from "./out.ts";

/** Says who gives way when the pool is full. */
export interface Victims {
  /** The slot of the oldest pending address of the interface that has most of them; -1 = nothing is pending. */
  oldestPending(): number;
}

export class WaitingFrames {
  readonly #out: Out;
  readonly #waiting: Waiting;
  readonly #victims: Victims;
  readonly #backlog: Backlog;
  readonly #full: number;
  readonly #failed: number;

  /** At most `frames` wait; what gives way is counted by the reason `full`, what is given up by `failed`. */
  constructor(
    out: Out,
    waiting: Waiting,
    victims: Victims,
    slots: number,
    frames: number,
    full: number,
    failed: number,
  ) {
    this.#out = out;
    this.#waiting = waiting;
    this.#victims = victims;
    this.#backlog = new Backlog(slots, frames);
    this.#full = full;
    this.#failed = failed;
  }

  /** Frames of all slots. */
  get size(): number {
    return this.#backlog.size;
  }

  has(slot: number): boolean {
    return this.#backlog.count(slot) > 0;
  }

  /** Where the oldest frame of a slot lies, or -1. */
  oldest(slot: number): Offset {
    const handle = this.#backlog.peek(slot);
    return handle < 0 ? -1 : this.#out.heldStart(handle);
  }

  /** Keeps a copy of a frame, of at most `most` for its slot; the oldest give way. */
  add(slot: number, most: number, start: Offset, end: Offset): void {
    if (this.#backlog.count(slot) >= most) this.#dropOldest(slot);
    if (this.#backlog.isFull) {
      // The oldest frame of the busiest interface's oldest address has waited longest for the least.
      const victim = this.has(slot) ? slot : this.#victims.oldestPending();
      if (victim >= 0) this.#dropOldest(victim);
    }
    if (this.#backlog.isFull) {
      this.#out.drop(this.#full);
      return;
    }
    const handle = this.#out.hold(start, end);
    if (handle >= 0) this.#backlog.push(slot, handle);
  }

  #dropOldest(slot: number): void {
    const handle = this.#backlog.shift(slot);
    if (handle < 0) return;
    this.#out.drop(this.#full);
    this.#out.release(handle);
  }

  /** Another address takes the place of this one: nobody is told. */
  dropAll(slot: number): void {
    while (this.has(slot)) this.#dropOldest(slot);
  }

  /** Sends what waited, in order; how many frames it were. */
  resolve(slot: number, iface: number, mac: Mac, now: Millis): number {
    const out = this.#out;
    const frames = this.#backlog.count(slot);
    for (let n = frames; n > 0; n--) {
      const handle = this.#backlog.shift(slot);
      this.#waiting.resolved(iface, mac, out.heldStart(handle), out.heldEnd(handle), now);
      out.release(handle);
    }
    return frames;
  }

  /** Has what waited answered; frames that the answers add stay. */
  fail(slot: number, iface: number, now: Millis): void {
    const out = this.#out;
    for (let n = this.#backlog.count(slot); n > 0; n--) {
      const handle = this.#backlog.shift(slot);
      out.drop(this.#failed);
      this.#waiting.failed(iface, out.heldStart(handle), out.heldEnd(handle), now);
      out.release(handle);
    }
  }
}
