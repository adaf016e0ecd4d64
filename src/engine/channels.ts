// Channels as senders see them: which port a frame for a channel leaves through. A channel of one port is that port;
// aggregation adds the choice of a member (LAG-4) here, without the senders knowing.

import type { ChannelId, Offset, PortId } from "../lib/units.ts";
import type { ChannelConfig } from "./config.ts";
import type { ChannelSink } from "./inside.ts";
import type { Out } from "./out.ts";

export class Channels implements ChannelSink {
  readonly #out: Out;
  /** The port of each channel; -1 = none. */
  readonly #port: Int32Array;
  /** 1 = frames may leave. */
  readonly #up: Uint8Array;
  /** The channel of each port; -1 = none. */
  readonly #channel: Int32Array;

  constructor(out: Out, channels: readonly ChannelConfig[], ports: number) {
    this.#out = out;
    this.#port = new Int32Array(channels.length).fill(-1);
    this.#up = new Uint8Array(channels.length).fill(1);
    this.#channel = new Int32Array(ports).fill(-1);
    for (const [index, channel] of channels.entries()) {
      this.#port[index] = channel.ports[0] ?? -1;
      for (const port of channel.ports) this.#channel[port] = index;
    }
  }

  /** The channel that a port belongs to, or -1. */
  channelOf(port: PortId): ChannelId {
    return this.#channel[port] ?? -1;
  }

  send(channel: ChannelId, start: Offset, end: Offset): boolean {
    if (this.#up[channel] !== 1) return false;
    this.#out.transmit(this.#port[channel] ?? -1, start, end);
    return true;
  }

  isUp(channel: ChannelId): boolean {
    return this.#up[channel] === 1;
  }

  /** The port's link came up or went down. */
  linkChanged(port: PortId, up: boolean): void {
    const channel = this.#channel[port] ?? -1;
    if (channel >= 0) this.#up[channel] = up ? 1 : 0;
  }
}
