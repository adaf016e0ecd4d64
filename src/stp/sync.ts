// Who has followed what (BR-7): for each port the sequence of the master's last message, the one that every core must
// have acknowledged before the port may go on, and how far each core has come.

import type { ChannelId, CoreId, Millis } from "../lib/units.ts";

const OFF = -1;

export class Sync {
  readonly #cores: number;
  readonly #core: CoreId;
  /** Of the last message about a channel, sent or followed. */
  readonly #sequences: number[];
  /** The sequence that must be acknowledged; 0 = none. */
  readonly #wanted: number[];
  /** Index = core * channels + channel. */
  readonly #acked: number[];
  readonly #resendAt: Millis[];

  constructor(cores: number, channels: number, core: CoreId) {
    this.#cores = cores;
    this.#core = core;
    const zeros = (length: number): number[] => new Array<number>(length).fill(0);
    this.#sequences = zeros(channels);
    this.#wanted = zeros(channels);
    this.#acked = zeros(channels * cores);
    this.#resendAt = new Array<number>(channels).fill(OFF);
  }

  /** The same for another number of channels, after a reload: nobody has acknowledged anything of it. */
  resized(channels: number): Sync {
    const sync = new Sync(this.#cores, channels, this.#core);
    for (let channel = 0; channel < channels; channel++) {
      sync.#sequences[channel] = this.sequence(channel);
    }
    return sync;
  }

  sequence(channel: ChannelId): number {
    return this.#sequences[channel] ?? 0;
  }

  /** What the next message about a channel says must be followed by every core. */
  want(channel: ChannelId): void {
    if (this.#cores > 1) this.#wanted[channel] = this.sequence(channel) + 1;
  }

  /** True when cores are to acknowledge what is sent now. */
  isWanted(channel: ChannelId): boolean {
    return (this.#wanted[channel] ?? 0) > 0;
  }

  /** A new sequence for what is told now; who has not followed is told again at `resendAt`. */
  advance(channel: ChannelId, resendAt: Millis): void {
    this.#sequences[channel] = this.sequence(channel) + 1;
    this.#resendAt[channel] = resendAt;
  }

  isOverdue(channel: ChannelId, now: Millis): boolean {
    const at = this.#resendAt[channel] ?? OFF;
    return this.isWanted(channel) && at !== OFF && now >= at;
  }

  postpone(channel: ChannelId, resendAt: Millis): void {
    this.#resendAt[channel] = resendAt;
  }

  hasAcknowledged(channel: ChannelId, core: CoreId): boolean {
    const acked = this.#acked[core * this.#sequences.length + channel] ?? 0;
    return acked >= (this.#wanted[channel] ?? 0);
  }

  acknowledged(channel: ChannelId, core: CoreId, sequence: number): void {
    const at = core * this.#sequences.length + channel;
    if (sequence > (this.#acked[at] ?? 0) && sequence <= this.sequence(channel)) {
      this.#acked[at] = sequence;
    }
  }

  /** True when every core that lives has followed; then the port waits for nothing any more. */
  isSettled(channel: ChannelId, isAlive: (core: CoreId) => boolean): boolean {
    const isSettled = this.hasSettled(channel, isAlive);
    if (isSettled) this.#wanted[channel] = 0;
    return isSettled;
  }

  /** The same for who only looks: the machines are still to hear of it. */
  hasSettled(channel: ChannelId, isAlive: (core: CoreId) => boolean): boolean {
    if (!this.isWanted(channel)) return true;
    for (let core = 0; core < this.#cores; core++) {
      if (core === this.#core || !isAlive(core) || this.hasAcknowledged(channel, core)) continue;
      return false;
    }
    return true;
  }

  /** This core follows the master's message. */
  follow(channel: ChannelId, sequence: number): void {
    this.#sequences[channel] = sequence;
  }

  /** Another core is the master now, or this one: acknowledgements of before mean nothing. */
  newMaster(): void {
    this.#acked.fill(0);
    this.#wanted.fill(0);
  }
}
