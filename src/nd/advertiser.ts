// Router advertisements as a router sends them (RFC 4861 6.2): on interfaces that are told to, by the master, at random
// intervals, sooner at the start and when solicited, and with a lifetime of zero at the end.

import type { InterfaceConfig } from "../engine/config.ts";
import type { AdvertiseConfig } from "../engine/ipv6.ts";
import type { Prng } from "../lib/prng.ts";
import type { Millis } from "../lib/units.ts";
import type { Own } from "./own.ts";
import type { Speaker } from "./speaker.ts";

/** RFC 4861 10. */
const MAX_INITIAL_INTERVAL: Millis = 16_000;
const MAX_INITIAL = 3;
const MAX_FINAL = 3;
const MIN_DELAY_BETWEEN: Millis = 3000;
const MAX_RA_DELAY: Millis = 500;

interface Sending {
  sent: number;
  last: Millis;
  due: Millis;
  /** The last configuration that was advertised, while its end is being told. */
  ending: AdvertiseConfig | null;
  finals: number;
}

export class Advertiser {
  readonly #own: Own;
  readonly #speaker: Speaker;
  readonly #random: Prng;
  #interfaces: readonly InterfaceConfig[] = [];
  #list: Sending[] = [];

  constructor(own: Own, speaker: Speaker, random: Prng) {
    this.#own = own;
    this.#speaker = speaker;
    this.#random = random;
  }

  configure(interfaces: readonly InterfaceConfig[], now: Millis): void {
    const before = this.#interfaces;
    this.#interfaces = interfaces;
    this.#list = interfaces.map(({ ipv6 }, iface) => {
      const sending = this.#list[iface] ?? {
        sent: 0,
        last: -Infinity,
        due: Infinity,
        ending: null,
        finals: 0,
      };
      const was = before[iface]?.ipv6?.advertise ?? null;
      const is = ipv6?.advertise ?? null;
      if (was !== null && is === null) this.#end(sending, was, now);
      else if (is !== null && JSON.stringify(is) !== JSON.stringify(was)) {
        sending.sent = 0;
        sending.ending = null;
        sending.due = Math.max(now, sending.last + MIN_DELAY_BETWEEN);
      }
      return sending;
    });
  }

  #end(sending: Sending, config: AdvertiseConfig, now: Millis): void {
    sending.ending = config;
    sending.finals = MAX_FINAL;
    sending.due = Math.max(now, sending.last + MIN_DELAY_BETWEEN);
  }

  /** This core became the master. */
  roleChanged(now: Millis): void {
    for (const [iface, sending] of this.#list.entries()) {
      if (this.#configOf(iface) !== null)
        sending.due = now + this.#random.fraction() * MAX_RA_DELAY;
    }
  }

  #configOf(iface: number): AdvertiseConfig | null {
    return this.#interfaces[iface]?.ipv6?.advertise ?? null;
  }

  isAdvertising(iface: number): boolean {
    return this.#configOf(iface) !== null;
  }

  /** A router solicitation: an answer to all within half a second, but three seconds after the last (6.2.6). */
  solicited(iface: number, now: Millis): void {
    const sending = this.#list[iface];
    if (sending === undefined || this.#configOf(iface) === null) return;
    const delay = this.#random.fraction() * MAX_RA_DELAY;
    const at = Math.max(now + delay, sending.last + MIN_DELAY_BETWEEN + delay);
    if (at < sending.due) sending.due = at;
  }

  tick(now: Millis): void {
    for (let iface = 0; iface < this.#list.length; iface++) {
      const sending = this.#list[iface] as Sending;
      if (now < sending.due || !this.#own.isMaster) continue;
      this.#send(iface, sending, now);
    }
  }

  #send(iface: number, sending: Sending, now: Millis): void {
    const config = this.#configOf(iface);
    const source = this.#own.linkLocal(iface);
    if (source === null) {
      sending.due = now + 100; // Until duplicate detection is through.
      return;
    }
    if (config === null) {
      sending.due = Infinity;
      if (sending.ending === null) return;
      this.#speaker.advertiseRouter(iface, source, { ...sending.ending, lifetimeSeconds: 0 });
      sending.last = now;
      if (--sending.finals > 0) sending.due = now + MIN_DELAY_BETWEEN;
      else sending.ending = null;
      return;
    }
    this.#speaker.advertiseRouter(iface, source, config);
    sending.last = now;
    sending.sent++;
    const { minInterval, maxInterval } = config;
    const interval = minInterval + this.#random.fraction() * (maxInterval - minInterval);
    const isInitial = sending.sent < MAX_INITIAL;
    sending.due = now + (isInitial ? Math.min(interval, MAX_INITIAL_INTERVAL) : interval);
  }

  /** When each interface that advertises does so next; the longest time between two is its period. */
  due(): { iface: number; due: Millis; period: Millis }[] {
    return this.#list.map(({ due }, iface) => {
      return { iface, due, period: this.#configOf(iface)?.maxInterval ?? MIN_DELAY_BETWEEN };
    });
  }

  /** The appliance stops: hosts look for another router at once (6.2.5). */
  stop(now: Millis): void {
    if (!this.#own.isMaster) return;
    for (const [iface, sending] of this.#list.entries()) {
      const config = this.#configOf(iface);
      const source = this.#own.linkLocal(iface);
      if (config === null || source === null || sending.sent === 0) continue;
      this.#speaker.advertiseRouter(iface, source, { ...config, lifetimeSeconds: 0 });
      sending.last = now;
      sending.due = Infinity;
    }
  }
}
