// Loop dampening (BR-10): a channel to which stations move all the time is muted for a while. Each core counts the moves
// that it sees or hears of, in seconds of the common clock, and mutes by itself: no message.

import { EventCode } from "../engine/event.ts";
import type { Out } from "../engine/out.ts";
import type { ChannelId, Millis } from "../lib/units.ts";
import { type BridgingConfig, MOVE_LIMIT, MUTE_TIME } from "./config.ts";

const WINDOW: Millis = 1000;

/** What a channel lets in. */
export const Gate = { Unattached: 0, Open: 1, Muted: 2 } as const;

export class Muting {
  readonly #out: Out;
  /** Gate of each channel, shared with the packet path. */
  readonly gate: Uint8Array;
  readonly #bridgeOf: Int16Array;
  readonly #limit: Int32Array;
  readonly #time: Float64Array;
  readonly #moves: Int32Array;
  readonly #until: Float64Array;
  #window = -1;
  #muted = 0;

  constructor(out: Out, config: BridgingConfig, channels: number) {
    this.#out = out;
    this.gate = new Uint8Array(channels);
    this.#bridgeOf = new Int16Array(channels).fill(-1);
    this.#moves = new Int32Array(channels);
    this.#until = new Float64Array(channels);
    this.#limit = Int32Array.from(config.bridges, (bridge) => bridge.moveLimit ?? MOVE_LIMIT);
    this.#time = Float64Array.from(config.bridges, (bridge) => bridge.muteTime ?? MUTE_TIME);
    for (const [index, bridge] of config.bridges.entries()) {
      for (const { channel } of bridge.channels) {
        this.gate[channel] = Gate.Open;
        this.#bridgeOf[channel] = index;
      }
    }
  }

  /** A station moved to `channel`; true when that mutes it. */
  moved(bridge: number, channel: ChannelId, now: Millis): boolean {
    const limit = this.#limit[bridge] as number;
    if (limit === 0 || this.gate[channel] !== Gate.Open) return false;
    const window = Math.floor(now / WINDOW);
    if (window !== this.#window) {
      this.#window = window;
      this.#moves.fill(0);
    }
    const moves = (this.#moves[channel] as number) + 1;
    this.#moves[channel] = moves;
    if (moves <= limit) return false;
    this.#mute(bridge, channel, now + (this.#time[bridge] as number));
    this.#out.event(EventCode["channel-muted"], bridge, channel, moves, 0);
    // The stations now move back; the channels that they belong to shall not pay for that.
    this.#moves.fill(0);
    return true;
  }

  #mute(bridge: number, channel: ChannelId, until: Millis): void {
    this.gate[channel] = Gate.Muted;
    this.#bridgeOf[channel] = bridge;
    this.#until[channel] = until;
    this.#muted++;
  }

  /** Opens channels whose time is over. */
  tick(now: Millis): void {
    if (this.#muted === 0) return;
    for (let channel = 0; channel < this.gate.length; channel++) {
      if (this.gate[channel] !== Gate.Muted || now < (this.#until[channel] as number)) continue;
      this.gate[channel] = Gate.Open;
      this.#muted--;
      this.#out.event(
        EventCode["channel-unmuted"],
        this.#bridgeOf[channel] as number,
        channel,
        0,
        0,
      );
    }
  }

  /** Keeps what is muted over a reconfiguration; `from` maps this one's channels to the old one's, -1 = new. */
  inherit(old: Muting, from: Int32Array): void {
    for (let channel = 0; channel < this.gate.length; channel++) {
      const before = from[channel] as number;
      if (before < 0 || old.gate[before] !== Gate.Muted || this.gate[channel] !== Gate.Open)
        continue;
      this.#mute(this.#bridgeOf[channel] as number, channel, old.#until[before] as number);
    }
  }
}
