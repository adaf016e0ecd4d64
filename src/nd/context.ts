// What the parts of one core's neighbour discovery share: settings, surroundings, randomness, and the times that a
// router may have advertised on an interface.

import type { InterfaceConfig } from "../engine/config.ts";
import type { Learned6 } from "../engine/ipv6.ts";
import type { Links, Out, Waiting } from "../engine/out.ts";
import { Prng } from "../lib/prng.ts";
import { Buckets } from "../lib/token-buckets.ts";
import type { Millis } from "../lib/units.ts";
import { MAX_RANDOM_FACTOR, MIN_RANDOM_FACTOR, type NdConfig } from "./config.ts";
import type { Own } from "./own.ts";
import type { Speaker } from "./speaker.ts";

/** "at least once every few hours" (RFC 4861 6.3.2); our choice of a few. */
const REDRAW: Millis = 2 * 3_600_000;

export class Context {
  readonly out: Out;
  readonly links: Links;
  readonly waiting: Waiting;
  readonly learned: Learned6;
  readonly speaker: Speaker;
  readonly own: Own;
  readonly random: Prng;
  /** Addresses never seen that this core may solicit, or ask for, on each interface. */
  readonly newcomers: Buckets;
  config: NdConfig;
  interfaces: readonly InterfaceConfig[];
  /** What a router advertised; 0 = nothing. */
  #baseReachable: Float64Array;
  #retrans: Float64Array;
  /** This period's random time, and when to draw again. */
  #reachable: Float64Array;
  #redraw: Float64Array;

  constructor(
    config: NdConfig,
    interfaces: readonly InterfaceConfig[],
    out: Out,
    links: Links,
    waiting: Waiting,
    learned: Learned6,
    speaker: Speaker,
    own: Own,
  ) {
    this.out = out;
    this.links = links;
    this.waiting = waiting;
    this.learned = learned;
    this.speaker = speaker;
    this.own = own;
    this.random = new Prng(config.seed * 64 + out.core);
    this.config = config;
    this.interfaces = interfaces;
    this.newcomers = new Buckets(interfaces.length, config.solicitRate);
    const column = (): Float64Array => new Float64Array(interfaces.length);
    this.#baseReachable = column();
    this.#retrans = column();
    this.#reachable = column();
    this.#redraw = column();
  }

  configure(config: NdConfig, interfaces: readonly InterfaceConfig[]): void {
    this.config = config;
    this.interfaces = interfaces;
    this.newcomers.configure(interfaces.length, config.solicitRate);
    const grown = (old: Float64Array): Float64Array => {
      const column = new Float64Array(interfaces.length);
      column.set(old.subarray(0, interfaces.length));
      return column;
    };
    this.#baseReachable = grown(this.#baseReachable);
    this.#retrans = grown(this.#retrans);
    this.#reachable = grown(this.#reachable);
    this.#redraw = new Float64Array(interfaces.length);
  }

  /** Whether IPv6 runs on the interface. */
  speaks(iface: number): boolean {
    return this.interfaces[iface]?.ipv6 !== undefined && !this.own.isDisabled(iface);
  }

  /** How long a confirmation lasts now: random around the base time, drawn anew every few hours (RFC 4861 6.3.2). */
  reachable(iface: number, now: Millis): Millis {
    const until = this.#redraw[iface];
    if (until === undefined) return this.config.reachableTime;
    if (now >= until) this.#draw(iface, now);
    return this.#reachable[iface] as Millis;
  }

  #draw(iface: number, now: Millis): void {
    const base = (this.#baseReachable[iface] as number) || this.config.reachableTime;
    const factor =
      MIN_RANDOM_FACTOR + this.random.fraction() * (MAX_RANDOM_FACTOR - MIN_RANDOM_FACTOR);
    this.#reachable[iface] = base * factor;
    this.#redraw[iface] = now + REDRAW;
  }

  /** The period in which a replica reports a use once. */
  usePeriod(iface: number): Millis {
    return this.#baseReachable[iface] || this.config.reachableTime;
  }

  retrans(iface: number): Millis {
    return this.#retrans[iface] || this.config.retransTimer;
  }

  /** A router advertised times; 0 leaves what there was (RFC 4861 6.3.4). */
  advertised(iface: number, reachable: Millis, retrans: Millis, now: Millis): void {
    if (retrans > 0) this.#retrans[iface] = retrans;
    if (reachable === 0 || reachable === this.#baseReachable[iface]) return;
    this.#baseReachable[iface] = reachable;
    this.#draw(iface, now);
  }
}
