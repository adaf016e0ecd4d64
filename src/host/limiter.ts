// How many ICMP errors leave (RFC 1812 4.3.2.8): a token bucket for each destination, so that one noisy station uses
// up nobody else's, and one for all. The destinations' buckets lie in a direct-mapped table: two that share
// a row push each other out with a full bucket, which the bucket for all bounds.

import type { Ipv4, Millis } from "../lib/units.ts";
import type { HostConfig } from "./config.ts";

/** What the configurations of both families say. */
export type Limits = Pick<
  HostConfig,
  "icmpIntervalMillis" | "icmpBurst" | "icmpPerSecond" | "icmpTotalBurst"
>;

/** Our choice: destinations that are told of errors at one time; 20 KiB. A power of two. */
const PEERS = 1024;

export class Limiter {
  readonly #peer: Uint32Array = new Uint32Array(PEERS);
  readonly #tokens: Float64Array = new Float64Array(PEERS);
  readonly #since: Float64Array = new Float64Array(PEERS).fill(Number.NEGATIVE_INFINITY);
  #interval = 1000;
  #burst = 6;
  #perMilli = 1;
  #totalBurst = 50;
  #total = 50;
  #totalSince: Millis = 0;

  configure(config: Limits, cores: number): void {
    this.#interval = config.icmpIntervalMillis;
    this.#burst = config.icmpBurst;
    this.#perMilli = config.icmpPerSecond / 1000 / cores;
    // At least one, else a core of many would never answer.
    this.#totalBurst = Math.max(1, config.icmpTotalBurst / cores);
  }

  /** True when an error may go to the peer now; it then counts as sent. An interval of 0 is no limit. */
  allow(peer: Ipv4, now: Millis): boolean {
    if (this.#interval === 0) return this.allowAny(now);
    const row = (Math.imul(peer, 0x9e3779b1) >>> 16) & (PEERS - 1);
    if (this.#peer[row] !== peer) {
      this.#peer[row] = peer;
      this.#since[row] = Number.NEGATIVE_INFINITY;
    }
    const earned = (now - (this.#since[row] as number)) / this.#interval;
    const tokens = Math.min(this.#burst, (this.#tokens[row] as number) + earned);
    if (tokens < 1 || !this.allowAny(now)) return false;
    this.#tokens[row] = tokens - 1;
    this.#since[row] = now;
    return true;
  }

  /** True when a message to anybody may leave now; it then counts as sent. */
  allowAny(now: Millis): boolean {
    const earned = (now - this.#totalSince) * this.#perMilli;
    const tokens = Math.min(this.#totalBurst, this.#total + earned);
    if (tokens < 1) return false;
    this.#total = tokens - 1;
    this.#totalSince = now;
    return true;
  }
}
