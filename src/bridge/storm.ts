// Storm control (BR-9): broadcasts, frames to groups and frames to unknown stations, in frames a second for each
// channel. One token bucket stands for all cores: each keeps its own copy, spends from it, counts what it let pass
// where all may read (engine/tally.ts), and takes off what the others let pass. So the rate holds exactly over any
// long time, whichever cores the frames reach and without a message; within one look at the others' counts (a round)
// each core may spend the same tokens, so at most (cores - 1) bursts pass early, and are paid back.

import { EventCode } from "../engine/event.ts";
import type { Out } from "../engine/out.ts";
import { TALLIES } from "../engine/tally.ts";
import type { ChannelId, Millis } from "../lib/units.ts";
import type { BridgingConfig, StormConfig } from "./config.ts";

/** Classes of frames, in the order of the columns. */
export const Storm = { Broadcast: 0, Multicast: 1, Unicast: 2 } as const;
export const STORM_NAMES = ["broadcast", "multicast", "unknown-unicast"] as const;
export const CLASSES = 3;

/** A class without drops for so long is calm again: our choice. */
const CALM: Millis = 1000;

export class StormControl {
  readonly #out: Out;
  /** Frames a second of channel * CLASSES + class; -1 = no limit. */
  readonly #rate: Float64Array;
  readonly #burst: Float64Array;
  readonly #tokens: Float64Array;
  /** When the bucket was last filled, and what the others had let pass by then. */
  readonly #filled: Float64Array;
  readonly #others: Float64Array;
  /** Since when and how many frames a class drops; 0 = it is calm. */
  readonly #dropped: Float64Array;
  readonly #lastDrop: Float64Array;
  #storming = 0;

  constructor(out: Out, config: BridgingConfig, channels: number) {
    const size = channels * CLASSES;
    this.#out = out;
    this.#rate = new Float64Array(size).fill(-1);
    this.#burst = new Float64Array(size);
    this.#tokens = new Float64Array(size);
    this.#filled = new Float64Array(size).fill(-1);
    this.#others = new Float64Array(size);
    this.#dropped = new Float64Array(size);
    this.#lastDrop = new Float64Array(size);
    for (const bridge of config.bridges) {
      for (const { channel, storm } of bridge.channels) if (storm) this.#limit(channel, storm);
    }
  }

  #limit(channel: ChannelId, storm: StormConfig): void {
    for (const [kind, limit] of [storm.broadcast, storm.multicast, storm.unicast].entries()) {
      if (limit === undefined) continue;
      this.#rate[channel * CLASSES + kind] = limit.rate;
      this.#burst[channel * CLASSES + kind] = limit.burst;
    }
  }

  /** True while the frame may pass. */
  admits(channel: ChannelId, kind: number, now: Millis): boolean {
    const index = channel * CLASSES + kind;
    const rate = this.#rate[index] as number;
    if (rate < 0) return true;
    if (now !== this.#filled[index]) this.#fill(index, rate, now);
    const tokens = this.#tokens[index] as number;
    if (tokens < 1) {
      if (this.#dropped[index] === 0) {
        this.#storming++;
        this.#out.event(EventCode.storm, channel, kind, 1, 0);
      }
      this.#dropped[index] = (this.#dropped[index] as number) + 1;
      this.#lastDrop[index] = now;
      return false;
    }
    this.#tokens[index] = tokens - 1;
    if (index < TALLIES) this.#out.tallies?.add(index);
    return true;
  }

  #fill(index: number, rate: number, now: Millis): void {
    const burst = this.#burst[index] as number;
    const passed = index < TALLIES ? (this.#out.tallies?.others(index) ?? 0) : 0;
    const before = this.#filled[index] as number;
    if (before < 0) this.#tokens[index] = burst;
    else {
      // A core that started anew counts from zero.
      const others = Math.max(0, passed - (this.#others[index] as number));
      const tokens = (this.#tokens[index] as number) + ((now - before) * rate) / 1000 - others;
      this.#tokens[index] = Math.min(burst, tokens);
    }
    this.#others[index] = passed;
    this.#filled[index] = now;
  }

  /** Tells when a storm is over. */
  tick(now: Millis): void {
    if (this.#storming === 0) return;
    for (let index = 0; index < this.#dropped.length; index++) {
      const dropped = this.#dropped[index] as number;
      if (dropped === 0 || now - (this.#lastDrop[index] as number) < CALM) continue;
      this.#dropped[index] = 0;
      this.#storming--;
      const channel = Math.floor(index / CLASSES);
      this.#out.event(EventCode.storm, channel, index % CLASSES, 0, dropped);
    }
  }
}
