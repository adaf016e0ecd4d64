// The multicast groups that own addresses need (RFC 4862 5.4.2, RFC 4861 7.2.1), told to listeners' routers and
// snooping bridges by MLD, version 2 (RFC 3810) or, where an old querier is about, version 1 (RFC 2710). The master
// speaks.

import type { InterfaceConfig } from "../engine/config.ts";
import type { Prng } from "../lib/prng.ts";
import type { Millis } from "../lib/units.ts";
import * as mld from "../wire/mld.ts";
import type * as nd from "../wire/nd.ts";
import type { Own } from "./own.ts";
import { Phase } from "./own-address.ts";
import { ALL_ROUTERS, type Speaker, UNSPECIFIED } from "./speaker.ts";

/** Robustness Variable (RFC 3810 9.1): a change is told so often. */
const ROBUSTNESS = 2;
/** Unsolicited Report Interval (RFC 3810 9.11). */
const REPORT_INTERVAL: Millis = 1000;
/** Older Version Querier Present Timeout (RFC 3810 9.12): robustness * query interval + response interval. */
const OLD_QUERIER: Millis = 260_000;

interface Membership {
  groups: nd.Words[];
  /** Groups that were told, by what is left to tell of the last change. */
  joined: nd.Words[];
  left: nd.Words[];
  repeats: number;
  due: Millis;
  /** An answer to a query: when, and of which group (null: all). */
  answer: Millis;
  asked: nd.Words | null;
  /** Until then an old querier is about. */
  oldUntil: Millis;
}

const has = (groups: readonly nd.Words[], group: nd.Words): boolean =>
  groups.some((other) => other[3] === group[3] && other[2] === group[2]);

export class Groups {
  readonly #own: Own;
  readonly #speaker: Speaker;
  readonly #random: Prng;
  readonly #memberships: Membership[] = [];
  #seen = -1;
  #isRouter = false;

  constructor(own: Own, speaker: Speaker, random: Prng) {
    this.#own = own;
    this.#speaker = speaker;
    this.#random = random;
  }

  configure(interfaces: readonly InterfaceConfig[], isRouter: boolean): void {
    this.#isRouter = isRouter;
    while (this.#memberships.length < interfaces.length) {
      this.#memberships.push({
        groups: [],
        joined: [],
        left: [],
        repeats: 0,
        due: Infinity,
        answer: Infinity,
        asked: null,
        oldUntil: 0,
      });
    }
    this.#memberships.length = interfaces.length;
    this.#seen = -1;
  }

  /** Groups joined on an interface, for people and tests. */
  groups(iface: number): readonly nd.Words[] {
    return this.#memberships[iface]?.groups ?? [];
  }

  #wanted(iface: number): nd.Words[] {
    const wanted: nd.Words[] = [];
    for (const own of this.#own.addresses) {
      if (own.iface !== iface || own.phase >= Phase.Gone) continue;
      const group = Uint32Array.from(this.#speaker.solicitedNode(own.words[3] as number));
      if (!has(wanted, group)) wanted.push(group);
    }
    if (wanted.length > 0 && this.#isRouter) wanted.push(ALL_ROUTERS);
    return wanted;
  }

  #look(now: Millis): void {
    this.#seen = this.#own.changes;
    for (const [iface, member] of this.#memberships.entries()) {
      const wanted = this.#wanted(iface);
      const joined = wanted.filter((group) => !has(member.groups, group));
      const left = member.groups.filter((group) => !has(wanted, group));
      member.groups = wanted;
      if (joined.length + left.length === 0) continue;
      member.joined = [...member.joined.filter((group) => has(wanted, group)), ...joined];
      member.left = [...member.left.filter((group) => !has(wanted, group)), ...left];
      member.repeats = ROBUSTNESS;
      // At once: a snooping bridge must let the answers to duplicate detection through (RFC 4862 5.4.2).
      member.due = now;
    }
  }

  tick(now: Millis): void {
    const { isMaster } = this.#own;
    if (this.#seen !== this.#own.changes) this.#look(now);
    for (let iface = 0; iface < this.#memberships.length; iface++) {
      const member = this.#memberships[iface] as Membership;
      if (now >= member.due) {
        member.due = Infinity;
        if (isMaster) this.#report(iface, member, now);
      }
      if (now < member.answer) continue;
      member.answer = Infinity;
      const { asked } = member;
      const groups =
        asked === null ? member.groups : member.groups.filter((group) => has([asked], group));
      if (isMaster) this.#tell(iface, member, groups, mld.Record.IsExclude, now);
    }
  }

  #report(iface: number, member: Membership, now: Millis): void {
    this.#tell(iface, member, member.joined, mld.Record.ToExclude, now);
    this.#tell(iface, member, member.left, mld.Record.ToInclude, now);
    member.repeats--;
    if (member.repeats > 0) member.due = now + this.#random.fraction() * REPORT_INTERVAL;
    else {
      member.joined = [];
      member.left = [];
    }
  }

  #tell(
    iface: number,
    member: Membership,
    groups: readonly nd.Words[],
    kind: number,
    now: Millis,
  ): void {
    if (groups.length === 0) return;
    const source = this.#own.linkLocal(iface) ?? UNSPECIFIED;
    if (now >= member.oldUntil) {
      this.#speaker.report(iface, source, kind, groups);
      return;
    }
    const isDone = kind === mld.Record.ToInclude;
    for (const group of groups) this.#speaker.reportOld(iface, source, group, isDone);
  }

  /** A querier asks, for one group or for all (null); it waits up to `delay` for the answer. */
  asked(iface: number, group: nd.Words | null, delay: Millis, version: number, now: Millis): void {
    const member = this.#memberships[iface];
    if (member === undefined) return;
    if (version === 1) member.oldUntil = now + OLD_QUERIER;
    const at = now + this.#random.fraction() * delay;
    const isPending = member.answer < Infinity;
    member.asked = isPending && member.asked !== group ? null : group;
    member.answer = Math.min(member.answer, at);
  }
}
