// Versions that any core may make and all cores order alike: a hybrid logical clock. A version is
// (milliseconds * 16) * 64 + core: later wins, and in the same sixteenth of a millisecond the higher core does (BR-4).
// A core never makes a version below one that it has seen, so what follows from a message is newer than the message.

import type { CoreId, Millis } from "../lib/units.ts";
import { makeVersion, sequenceOf } from "../lib/version.ts";

/** Steps of the clock in a millisecond; with 64 cores, exact in a double for 270 years. */
const STEPS = 16;

/** When a version was made, to a sixteenth of a millisecond. */
export const timeOf = (version: number): Millis => sequenceOf(version) / STEPS;
/** Versions below this one were made before `time`. */
export const firstAt = (time: Millis): number => makeVersion(Math.ceil(time * STEPS), 0);

/** One core's source of versions, shared by its bridges. */
export class Clock {
  readonly #core: CoreId;
  /** Steps of the newest version made or seen. */
  #last = 0;

  constructor(core: CoreId) {
    this.#core = core;
  }

  /** A version newer than all that this core has made or seen. */
  next(now: Millis): number {
    const steps = Math.floor(now * STEPS);
    this.#last = steps > this.#last ? steps : this.#last + 1;
    return makeVersion(this.#last, this.#core);
  }

  /** Another core's version was seen. */
  witness(version: number): void {
    const steps = sequenceOf(version);
    if (steps > this.#last) this.#last = steps;
  }
}
