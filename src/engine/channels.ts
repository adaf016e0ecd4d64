// Channels as senders see them: which port a frame for a channel leaves through. A channel of one port is that port;
// aggregation adds the choice of a member (LAG-4) here, without the senders knowing.

import type { ChannelId, Offset, PortId } from "../lib/units.ts";
import type { ChannelConfig } from "./config.ts";
import type { ChannelSink } from "./inside.ts";
import type { Out } from "./out.ts";

export class Channels implements ChannelSink {
  readonly #out: Out;
  /** The port of each channel; -1 = none. */
  #port: Int32Array = new Int32Array(0);
  /** 1 = frames may leave. */
  #up: Uint8Array = new Uint8Array(0);
  /** The channel of each port; -1 = none. */
  #channel: Int32Array = new Int32Array(0);
  /** 1 = the port's link is up. */
  #link: Uint8Array = new Uint8Array(0);

  constructor(out: Out, channels: readonly ChannelConfig[], ports: number) {
    this.#out = out;
    this.configure(channels, ports);
  }

  /** Takes over a new list of channels; ports keep their link state. */
  configure(channels: readonly ChannelConfig[], ports: number): void {
    const link = new Uint8Array(ports).fill(1);
    link.set(this.#link.subarray(0, ports));
    this.#link = link;
    this.#port = new Int32Array(channels.length).fill(-1);
    this.#up = new Uint8Array(channels.length);
    this.#channel = new Int32Array(ports).fill(-1);
    for (const [index, channel] of channels.entries()) {
      this.#port[index] = channel.ports[0] ?? -1;
      for (const port of channel.ports) {
        this.#channel[port] = index;
        if (link[port] === 1) this.#up[index] = 1;
      }
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
    this.#link[port] = up ? 1 : 0;
    const channel = this.#channel[port] ?? -1;
    if (channel >= 0) this.#up[channel] = up ? 1 : 0;
  }
}
