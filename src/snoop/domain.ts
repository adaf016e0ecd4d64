// Who asks on one VLAN and in one family, as the link master sees it: the querier election of RFC 2236 7 (IGMPv2), RFC
// 3376 6.6.2, RFC 2710 6 and RFC 3810 7.6.2, which are one machine, plus the state of a switch without a querier of its
// own (RFC 4541 2.1.1). Pure but for its fields; no clock, no frame.

import type { Millis } from "../lib/units.ts";
import type { SnoopBridgeConfig } from "./config.ts";

/** None: nobody asks, multicast floods. Other: somebody else does. Own: this system does. */
export const Asker = { None: 0, Other: 1, Own: 2 } as const;
export type Asker = (typeof Asker)[keyof typeof Asker];

/** Address as four words; an IPv4 address is the last one. */
export type Address = readonly [number, number, number, number];
export const NOBODY: Address = [0, 0, 0, 0];

/** Negative when `a` is lower, as addresses are compared in the election. */
export function compare(a: Address, b: Address): number {
  for (let word = 0; word < 4; word++) {
    const difference = ((a[word] as number) >>> 0) - ((b[word] as number) >>> 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
export const isNobody = (address: Address): boolean =>
  ((address[0] | address[1] | address[2] | address[3]) as number) === 0;

/** What a query told. */
export interface HeardQuery {
  readonly from: Address;
  readonly isGeneral: boolean;
  readonly responseDelay: Millis;
  /** Of versions that say it; 0 = unsaid. */
  readonly robustness: number;
  readonly interval: Millis;
}

export class Domain {
  readonly scope: number;
  state: Asker = Asker.None;
  /** The querier's address; of the own one, this system's. */
  querier: Address = NOBODY;
  /** When another querier is given up (Other Querier Present). */
  otherUntil: Millis = Infinity;
  /** When multicast begins to be limited: hosts had their time to answer the first query. */
  activeAt: Millis = Infinity;
  /** The own querier's next query of all groups, and how many of the quick ones at the start are left. */
  queryAt: Millis = Infinity;
  startup = 0;
  /** The robustness and query interval that hold: the querier's, where it says so. */
  robustness: number;
  interval: Millis;
  /** Router ports that are there by the configuration. */
  readonly config: SnoopBridgeConfig;
  /** True when the own querier may ask here. */
  readonly mayAsk: boolean;
  /** The own querier's address; 0.0.0.0 gives way to everybody. */
  readonly own: Address;

  constructor(scope: number, config: SnoopBridgeConfig, mayAsk: boolean, own: Address) {
    this.scope = scope;
    this.config = config;
    this.mayAsk = mayAsk;
    this.own = own;
    this.robustness = config.robustness;
    this.interval = config.queryInterval;
  }

  /** Group Membership Interval (RFC 3376 8.4, RFC 3810 9.4). */
  get membershipInterval(): Millis {
    return this.robustness * this.interval + this.config.queryResponse;
  }

  /** Other Querier Present Interval (8.5, 9.5). */
  get otherQuerierInterval(): Millis {
    return this.robustness * this.interval + this.config.queryResponse / 2;
  }

  /** Last Member Query Time (8.8, 8.9): how long a leave is in doubt. */
  get lastMemberTime(): Millis {
    return this.config.lastMemberInterval * this.config.robustness;
  }

  get isActive(): boolean {
    return this.state !== Asker.None && this.activeAt === 0;
  }

  /** Another's query. True when it came from the querier that holds now. A source of 0.0.0.0 elects nobody. */
  heard(query: HeardQuery, now: Millis): boolean {
    const { from } = query;
    if (isNobody(from)) return false;
    if (this.state === Asker.Own && !isNobody(this.own) && compare(from, this.own) >= 0) {
      return false;
    }
    if (this.state === Asker.Other && compare(from, this.querier) > 0) return false;
    const was = this.state;
    this.state = Asker.Other;
    this.querier = from;
    this.queryAt = Infinity;
    // RFC 3376 4.1.6, 4.1.7: who is not the querier takes over its variables, where they are not zero.
    this.robustness = query.robustness > 0 ? query.robustness : this.config.robustness;
    this.interval = query.interval > 0 ? query.interval : this.config.queryInterval;
    this.otherUntil = now + this.otherQuerierInterval;
    if (was === Asker.None) this.activeAt = Infinity;
    if (query.isGeneral && this.activeAt === Infinity) this.activeAt = now + query.responseDelay;
    return true;
  }

  /** The own querier begins, where it may (RFC 3376 8.6, 8.7: quick queries at the start). */
  begin(now: Millis): void {
    if (!this.mayAsk || this.state !== Asker.None) return;
    this.state = Asker.Own;
    this.querier = this.own;
    this.robustness = this.config.robustness;
    this.interval = this.config.queryInterval;
    this.otherUntil = Infinity;
    this.startup = this.config.robustness;
    this.queryAt = now;
    if (this.activeAt === Infinity) this.activeAt = now + this.config.queryResponse;
  }

  /** What is due; true when a query of all groups is to be sent now. */
  expire(now: Millis): boolean {
    if (now >= this.otherUntil) {
      this.state = Asker.None;
      this.querier = NOBODY;
      this.otherUntil = Infinity;
      // With an own querier, nothing is forgotten: it asks at once.
      if (!this.mayAsk) this.activeAt = Infinity;
      this.robustness = this.config.robustness;
      this.interval = this.config.queryInterval;
      this.begin(now);
    }
    if (this.activeAt !== 0 && now >= this.activeAt) this.activeAt = 0;
    if (now < this.queryAt) return false;
    if (this.startup > 0) this.startup--;
    this.queryAt = now + (this.startup > 0 ? this.interval / 4 : this.interval);
    return true;
  }

  /** When `expire` has something to do next. */
  get due(): Millis {
    const active = this.activeAt === 0 ? Infinity : this.activeAt;
    return Math.min(this.otherUntil, this.queryAt, active);
  }
}
