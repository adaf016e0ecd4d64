// Loop dampening (BR-10): a channel to which stations move all the time is muted for a while. Each core counts the
// moves that it sees or hears of, in seconds of the common clock, and mutes by itself: no message.

import { EventCode } from "../engine/event.ts";
import type { Out } from "../engine/out.ts";
import type { ChannelId, Millis } from "../lib/units.ts";
import { type BridgingConfig, MOVE_LIMIT, MUTE_TIME } from "./config.ts";
import { Lane, type Membership } from "./membership.ts";

const WINDOW: Millis = 1000;

export class Muting {
  readonly #out: Out;
  readonly #membership: Membership;
  readonly #limit: Int32Array;
  readonly #time: Float64Array;
  readonly #moves: Int32Array;
  /** When each channel opens again; 0 = it is open, or no bridge's. */
  readonly #until: Float64Array;
  #window = -1;
  #muted = 0;

  constructor(out: Out, config: BridgingConfig, membership: Membership) {
    this.#out = out;
    this.#membership = membership;
    this.#moves = new Int32Array(membership.bridgeOf.length);
    this.#until = new Float64Array(membership.bridgeOf.length);
    this.#limit = Int32Array.from(config.bridges, (bridge) => bridge.moveLimit ?? MOVE_LIMIT);
    this.#time = Float64Array.from(config.bridges, (bridge) => bridge.muteTime ?? MUTE_TIME);
  }

  /** A station moved to `channel`; true when that mutes it. */
  moved(bridge: number, channel: ChannelId, now: Millis): boolean {
    const limit = this.#limit[bridge] as number;
    if (limit === 0 || this.#until[channel] !== 0) return false;
    const window = Math.floor(now / WINDOW);
    if (window !== this.#window) {
      this.#window = window;
      this.#moves.fill(0);
    }
    const moves = (this.#moves[channel] as number) + 1;
    this.#moves[channel] = moves;
    if (moves <= limit) return false;
    this.#mute(channel, now + (this.#time[bridge] as number));
    this.#out.event(EventCode["channel-muted"], bridge, channel, moves, 0);
    // The stations now move back; the channels that they belong to shall not pay for that.
    this.#moves.fill(0);
    return true;
  }

  #mute(channel: ChannelId, until: Millis): void {
    this.#membership.setReason(channel, Lane.Muted, true);
    this.#until[channel] = until;
    this.#muted++;
  }

  /** Opens channels whose time is over. */
  tick(now: Millis): void {
    if (this.#muted === 0) return;
    const { bridgeOf } = this.#membership;
    for (let channel = 0; channel < bridgeOf.length; channel++) {
      const until = this.#until[channel] as number;
      if (until === 0 || now < until) continue;
      this.#until[channel] = 0;
      this.#muted--;
      this.#membership.setReason(channel, Lane.Muted, false);
      this.#out.event(EventCode["channel-unmuted"], bridgeOf[channel] as number, channel, 0, 0);
    }
  }

  /** Keeps what is muted over a reconfiguration; `oldOf` gives the old number of each channel, -1 = new. */
  inherit(old: Muting, oldOf: Int32Array): void {
    const { bridgeOf } = this.#membership;
    for (let channel = 0; channel < bridgeOf.length; channel++) {
      const until = old.#until[oldOf[channel] as number] ?? 0;
      if (until > 0 && (bridgeOf[channel] as number) >= 0) this.#mute(channel, until);
    }
  }
}
