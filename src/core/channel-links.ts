// Which channels can send now and how fast they are, for protocols that see channels and no ports: an aggregate is as
// fast as its active members together. Told once for each change.

import type { Channels } from "../engine/channels.ts";
import type { CommonConfig } from "../engine/config.ts";
import type { ChannelId, PortId } from "../lib/units.ts";

/** Hears of a change; the speed is in Mbit/s, 0 = unknown. */
type Tell = (channel: ChannelId, up: boolean, speed: number) => void;

export class ChannelLinks {
  readonly #channels: Channels;
  readonly #tell: Tell;
  /** Mbit/s of each port, 0 = unknown. */
  #speed: Float64Array;
  /** What was told: -1 = down, NaN = nothing, else the speed. */
  #told: Float64Array;

  constructor(common: CommonConfig, channels: Channels, tell: Tell) {
    this.#channels = channels;
    this.#tell = tell;
    this.#speed = new Float64Array(common.ports.length);
    this.#told = new Float64Array(common.channels.length).fill(-1);
  }

  /** Everything is told anew: who listens may have begun anew, too. */
  configure(common: CommonConfig): void {
    const speed = new Float64Array(common.ports.length);
    speed.set(this.#speed.subarray(0, speed.length));
    this.#speed = speed;
    this.#told = new Float64Array(common.channels.length).fill(Number.NaN);
  }

  speedChanged(port: PortId, speed: number): void {
    if (this.#speed[port] === speed) return;
    this.#speed[port] = speed;
    this.tell(this.#channels.ownerOf(port));
  }

  tellAll(): void {
    for (let channel = 0; channel < this.#told.length; channel++) this.tell(channel);
  }

  /** Tells of a channel when it is another than told last. */
  tell(channel: ChannelId): void {
    if (channel < 0 || channel >= this.#told.length) return;
    let speed = 0;
    for (const port of this.#channels.active(channel)) speed += this.#speed[port] ?? 0;
    const now = this.#channels.isUp(channel) ? speed : -1;
    if (now === this.#told[channel]) return;
    this.#told[channel] = now;
    this.#tell(channel, now >= 0, Math.max(0, now));
  }
}
