// Routers and prefixes as a host learns them (RFC 4861 6.3) on the master, which tells all cores what changed; and
// redirects, which every core hears (8.3). What is refreshed costs no message.

import type { InterfaceConfig } from "../engine/config.ts";
import { EventCode } from "../engine/event.ts";
import type { Learned6 } from "../engine/ipv6.ts";
import { Message } from "../engine/message.ts";
import { Role } from "../engine/role.ts";
import type { CoreId, Millis, Offset } from "../lib/units.ts";
import * as nd from "../wire/nd.ts";
import type { Context } from "./context.ts";
import { tellEvent } from "./ledger.ts";
import * as message from "./message.ts";

/** RFC 4861 10. */
const MAX_RTR_SOLICITATION_DELAY: Millis = 1000;
const RTR_SOLICITATION_INTERVAL: Millis = 4000;
const MAX_RTR_SOLICITATIONS = 3;
const FOREVER = 0xffffffff;
/** Routers and prefixes kept per interface: RFC 4861 6.3.4 asks for at least two routers. Our choice. */
const MAX_ROUTERS = 16;
const MAX_PREFIXES = 32;
/** The smallest MTU of an IPv6 link (RFC 8200 5). */
const MIN_MTU = 1280;

/** What nd-router says: the first two to the master, the others from it; Redirect from any core to all. */
export const RouterKind = {
  Advertised: 0,
  Prefix: 1,
  RouterUp: 2,
  RouterDown: 3,
  PrefixUp: 4,
  PrefixDown: 5,
  Link: 6,
  Redirect: 7,
} as const;

/** Offsets of a redirect's other addresses: its destination is the record's address. */
const REDIRECT_TARGET = 28;
const REDIRECT_FROM = 44;

interface Learned {
  readonly words: Uint32Array;
  /** Prefix length; 128 for a router. */
  readonly length: number;
  preference: number;
  until: Millis;
}

interface Link {
  solicitations: number;
  due: Millis;
  routers: Learned[];
  prefixes: Learned[];
  mtu: number;
  hopLimit: number;
  reachable: Millis;
  retrans: Millis;
}

const fresh = (): Link => ({
  solicitations: 0,
  due: Infinity,
  routers: [],
  prefixes: [],
  mtu: 0,
  hopLimit: 0,
  reachable: 0,
  retrans: 0,
});

export class Discovery {
  readonly #context: Context;
  readonly #learned: Learned6;
  #links: Link[] = [];
  #next: Millis = 0;

  constructor(context: Context) {
    this.#context = context;
    this.#learned = context.learned;
  }

  get #isMaster(): boolean {
    const { out } = this.#context;
    return out.master(Role.Arp) === out.core;
  }

  #accepts(iface: number): boolean {
    return this.#context.interfaces[iface]?.ipv6?.acceptAdvertisements === true;
  }

  configure(interfaces: readonly InterfaceConfig[], now: Millis): void {
    this.#links = interfaces.map((_, iface) => {
      const link = this.#links[iface] ?? fresh();
      if (!this.#accepts(iface)) {
        for (const router of link.routers) this.#router(iface, router, false);
        for (const prefix of link.prefixes) this.#prefix(iface, prefix, false);
        return fresh();
      }
      if (link.solicitations === 0 && link.routers.length === 0) this.#solicitSoon(link, now);
      return link;
    });
    this.#next = now;
  }

  #solicitSoon(link: Link, now: Millis): void {
    link.due = now + this.#context.random.fraction() * MAX_RTR_SOLICITATION_DELAY;
  }

  roleChanged(now: Millis): void {
    for (const link of this.#links) {
      if (link.routers.length === 0 && link.due < Infinity) this.#solicitSoon(link, now);
    }
    this.#next = now;
  }

  // --- on the master -------------------------------------------------------------------------------------------------

  tick(now: Millis): void {
    if (now < this.#next || !this.#isMaster) return;
    this.#next = Infinity;
    for (let iface = 0; iface < this.#links.length; iface++) {
      const link = this.#links[iface] as Link;
      if (now >= link.due) this.#solicit(iface, link, now);
      for (const router of link.routers.filter(({ until }) => now >= until)) {
        this.#dropRouter(iface, link, router);
      }
      for (const prefix of link.prefixes.filter(({ until }) => now >= until)) {
        this.#dropPrefix(iface, link, prefix);
      }
      this.#next = Math.min(this.#next, link.due);
      for (const { until } of link.routers) this.#next = Math.min(this.#next, until);
      for (const { until } of link.prefixes) this.#next = Math.min(this.#next, until);
    }
  }

  #solicit(iface: number, link: Link, now: Millis): void {
    if (link.solicitations >= MAX_RTR_SOLICITATIONS) {
      link.due = Infinity;
      return;
    }
    link.solicitations++;
    link.due = now + RTR_SOLICITATION_INTERVAL;
    const { speaker, own } = this.#context;
    speaker.solicitRouters(iface, own.linkLocal(iface));
  }

  #dropRouter(iface: number, link: Link, router: Learned): void {
    link.routers = link.routers.filter((other) => other !== router);
    this.#router(iface, router, false);
    this.#tell(RouterKind.RouterDown, iface, router);
    this.#event(iface, router, 0);
  }

  #dropPrefix(iface: number, link: Link, prefix: Learned): void {
    link.prefixes = link.prefixes.filter((other) => other !== prefix);
    this.#prefix(iface, prefix, false);
    this.#tell(RouterKind.PrefixDown, iface, prefix);
  }

  #event(iface: number, { words }: Learned, up: number): void {
    const [a, b, c, d] = words as unknown as [number, number, number, number];
    tellEvent(this.#context, EventCode["nd-router"], iface, a, b, c, d, up);
  }

  /** The header of a router advertisement from the address in the record at `at`. */
  #advertised(iface: number, link: Link, at: Offset, now: Millis): void {
    const { view } = this.#context.out;
    const lifetime = message.dueOf(view, at);
    const preference = message.stateOf(view, at) - 1;
    const known = findIn(link.routers, view, at + message.ADDRESS, 128);
    link.due = Infinity; // One valid advertisement is enough (RFC 4861 6.3.7).
    if (lifetime === 0) {
      if (known !== undefined) this.#dropRouter(iface, link, known);
    } else if (known !== undefined) {
      known.until = now + lifetime * 1000;
      if (known.preference !== preference) {
        known.preference = preference;
        this.#router(iface, known, true);
        this.#tell(RouterKind.RouterUp, iface, known);
      }
    } else if (link.routers.length < MAX_ROUTERS) {
      const router = learn(view, at + message.ADDRESS, 128, preference, now + lifetime * 1000);
      link.routers.push(router);
      this.#router(iface, router, true);
      this.#tell(RouterKind.RouterUp, iface, router);
      this.#event(iface, router, 1);
    }
    this.#link(iface, link, at, now);
    this.#next = now;
  }

  /** Times, hop limit and MTU, where given and changed. */
  #link(iface: number, link: Link, at: Offset, now: Millis): void {
    const { view } = this.#context.out;
    const hopLimit = message.triesOf(view, at) || link.hopLimit;
    const reachable = message.ageOf(view, at) || link.reachable;
    const retrans = message.moreOf(view, at, 0) || link.retrans;
    const offered = message.moreOf(view, at, 1);
    const own = this.#context.interfaces[iface]?.mtu ?? 0;
    const mtu = offered >= MIN_MTU && offered <= own ? offered : link.mtu;
    const isSame =
      hopLimit === link.hopLimit &&
      reachable === link.reachable &&
      retrans === link.retrans &&
      mtu === link.mtu;
    if (isSame) return;
    this.#takeLink(iface, link, mtu, hopLimit, reachable, retrans, now);
    const { out } = this.#context;
    if (out.cores === 1) return;
    const to = message.draft(out, Message["nd-router"], iface, 0, 0, 0, 0);
    message.setKind(view, to, RouterKind.Link);
    message.setTries(view, to, hopLimit);
    message.setAge(view, to, reachable);
    message.setMore(view, to, 0, retrans);
    message.setMore(view, to, 1, mtu);
    out.broadcast();
  }

  #takeLink(
    iface: number,
    link: Link,
    mtu: number,
    hopLimit: number,
    reachable: Millis,
    retrans: Millis,
    now: Millis,
  ): void {
    const isRouted = mtu !== link.mtu || hopLimit !== link.hopLimit;
    link.mtu = mtu;
    link.hopLimit = hopLimit;
    link.reachable = reachable;
    link.retrans = retrans;
    this.#context.advertised(iface, reachable, retrans, now);
    if (isRouted) this.#learned.linkChanged(iface, mtu, hopLimit);
  }

  /** A prefix option (RFC 4861 6.3.4, RFC 4862 5.5.3). */
  #offered(iface: number, link: Link, at: Offset, now: Millis): void {
    const { view } = this.#context.out;
    const length = message.triesOf(view, at);
    const flags = message.flagsOf(view, at);
    const valid = message.dueOf(view, at);
    const words = at + message.ADDRESS;
    if (length > 128 || nd.isLinkLocal(view, words) || nd.isMulticast(view, words)) return;
    if ((flags & nd.PrefixFlag.OnLink) !== 0) {
      mask(view, words, length);
      const known = findIn(link.prefixes, view, words, length);
      const until = valid === FOREVER ? Infinity : now + valid * 1000;
      if (known !== undefined) {
        if (valid === 0) this.#dropPrefix(iface, link, known);
        else known.until = until;
      } else if (valid > 0 && link.prefixes.length < MAX_PREFIXES) {
        const prefix = learn(view, words, length, 0, until);
        link.prefixes.push(prefix);
        this.#prefix(iface, prefix, true);
        this.#tell(RouterKind.PrefixUp, iface, prefix);
      }
    }
    const isAutonomous = (flags & nd.PrefixFlag.Autonomous) !== 0 && length === 64;
    if (isAutonomous && this.#context.interfaces[iface]?.ipv6?.autoconfigure === true) {
      const preferred = message.ageOf(view, at);
      const [a, b] = [message.wordOf(view, at, 0), message.wordOf(view, at, 1)];
      this.#context.own.autoconfigure(iface, a, b, valid, preferred, now);
    }
    this.#next = now;
  }

  #tell(
    kind: number,
    iface: number,
    { words, length, preference }: Learned,
    to: CoreId = message.ALL,
  ): void {
    const { out } = this.#context;
    if (out.cores === 1) return;
    const [a, b, c, d] = words as unknown as [number, number, number, number];
    const at = message.draft(out, Message["nd-router"], iface, a, b, c, d);
    message.setKind(out.view, at, kind);
    message.setTries(out.view, at, length);
    message.setState(out.view, at, preference + 1);
    message.post(out, to);
  }

  /** All that was learned, to a core that may have missed some of it. */
  tellAll(to: CoreId): void {
    for (const [iface, link] of this.#links.entries()) {
      for (const router of link.routers) this.#tell(RouterKind.RouterUp, iface, router, to);
      for (const prefix of link.prefixes) this.#tell(RouterKind.PrefixUp, iface, prefix, to);
    }
  }

  #router(iface: number, { words, preference }: Learned, isUp: boolean): void {
    const [a, b, c, d] = words as unknown as [number, number, number, number];
    if (isUp) this.#learned.routerUp(iface, a, b, c, d, preference);
    else this.#learned.routerDown(iface, a, b, c, d);
  }

  #prefix(iface: number, { words, length }: Learned, isUp: boolean): void {
    const [a, b, c, d] = words as unknown as [number, number, number, number];
    if (isUp) this.#learned.prefixUp(iface, a, b, c, d, length);
    else this.#learned.prefixDown(iface, a, b, c, d, length);
  }

  // --- on the core that hears ----------------------------------------------------------------------------------------

  /** A valid router advertisement, on any core: what it says goes to the master. */
  hear(iface: number, source: Offset, at: Offset, end: Offset, now: Millis): void {
    if (!this.#accepts(iface)) return;
    const { out } = this.#context;
    const { view } = out;
    const from = nd.options(view, at);
    const record = this.#draft(RouterKind.Advertised, iface, source);
    message.setDue(view, record, nd.raLifetime(view, at));
    message.setAge(view, record, nd.raReachable(view, at));
    message.setState(view, record, nd.raPreference(view, at) + 1);
    message.setTries(view, record, nd.raHopLimit(view, at));
    message.setMore(view, record, 0, nd.raRetrans(view, at));
    message.setMore(view, record, 1, nd.mtuOption(view, from, end));
    this.#toMaster(record, now);
    let option = nd.option(view, from, end, nd.Option.Prefix);
    for (; option >= 0; option = nd.nextOption(view, option, end)) {
      if (!nd.isPrefix(view, option)) continue;
      const offer = this.#draft(RouterKind.Prefix, iface, nd.prefixAt(option));
      message.setDue(view, offer, nd.prefixValid(view, option));
      message.setAge(view, offer, nd.prefixPreferred(view, option));
      message.setTries(view, offer, nd.prefixLength(view, option));
      message.setFlags(view, offer, nd.prefixFlags(view, option));
      this.#toMaster(offer, now);
    }
  }

  #draft(kind: number, iface: number, words: Offset): Offset {
    const { out } = this.#context;
    const { view } = out;
    const [a, b, c, d] = [0, 4, 8, 12].map((byte) => view.getInt32(words + byte)) as number[];
    const at = message.draft(
      out,
      Message["nd-router"],
      iface,
      a as number,
      b as number,
      c as number,
      d as number,
    );
    message.setKind(view, at, kind);
    return at;
  }

  #toMaster(record: Offset, now: Millis): void {
    const { out } = this.#context;
    const master = out.master(Role.Arp);
    if (master === out.core) this.message(master, record, now);
    else out.send(master);
  }

  /** A valid redirect: false when it does not come from the first hop (RFC 4861 8.1). All other cores hear of it. */
  redirected(iface: number, source: Offset, at: Offset, now: Millis): boolean {
    const { out } = this.#context;
    const target = nd.targetAt(at);
    const destination = nd.destinationAt(at);
    if (!this.#learned.redirected(iface, source, target, destination, now)) return false;
    if (out.cores === 1) return true;
    const record = this.#draft(RouterKind.Redirect, iface, destination);
    out.copy(target, record + REDIRECT_TARGET, target + 16);
    out.copy(source, record + REDIRECT_FROM, source + 16);
    out.broadcast();
    return true;
  }

  // --- messages ------------------------------------------------------------------------------------------------------

  message(_from: CoreId, at: Offset, now: Millis): void {
    const { view } = this.#context.out;
    const iface = message.ifaceOf(view, at);
    const link = this.#links[iface];
    if (link === undefined) return;
    const kind = message.kindOf(view, at);
    if (kind === RouterKind.Redirect) {
      const destination = at + message.ADDRESS;
      const [from, target] = [at + REDIRECT_FROM, at + REDIRECT_TARGET];
      this.#learned.redirected(iface, from, target, destination, now);
      return;
    }
    if (!this.#accepts(iface)) return;
    if (kind === RouterKind.Advertised) this.#advertised(iface, link, at, now);
    else if (kind === RouterKind.Prefix) this.#offered(iface, link, at, now);
    else if (kind === RouterKind.Link) {
      const [reachable, retrans] = [message.ageOf(view, at), message.moreOf(view, at, 0)];
      const hopLimit = message.triesOf(view, at);
      const mtu = message.moreOf(view, at, 1);
      this.#takeLink(iface, link, mtu, hopLimit, reachable, retrans, now);
    } else this.#toldLearned(iface, link, kind, at);
  }

  /** The master's word about a router or a prefix. Only the master runs lifetimes; a new one starts from the next. */
  #toldLearned(iface: number, link: Link, kind: number, at: Offset): void {
    const { view } = this.#context.out;
    const length = message.triesOf(view, at);
    const preference = message.stateOf(view, at) - 1;
    const isRouter = kind === RouterKind.RouterUp || kind === RouterKind.RouterDown;
    const isUp = kind === RouterKind.RouterUp || kind === RouterKind.PrefixUp;
    const list = isRouter ? link.routers : link.prefixes;
    const entry = learn(view, at + message.ADDRESS, length, preference, Infinity);
    const rest = list.filter((other) => !isSame(other, view, at + message.ADDRESS, length));
    if (isUp) rest.push(entry);
    if (isRouter) {
      link.routers = rest;
      this.#router(iface, entry, isUp);
    } else {
      link.prefixes = rest;
      this.#prefix(iface, entry, isUp);
    }
  }
}

function isSame(entry: Learned, view: DataView, at: Offset, length: number): boolean {
  if (entry.length !== length) return false;
  for (let word = 0; word < 4; word++) {
    if (entry.words[word] !== view.getUint32(at + word * 4)) return false;
  }
  return true;
}

const findIn = (
  list: readonly Learned[],
  view: DataView,
  at: Offset,
  length: number,
): Learned | undefined => list.find((entry) => isSame(entry, view, at, length));

function learn(
  view: DataView,
  at: Offset,
  length: number,
  preference: number,
  until: Millis,
): Learned {
  const words = Uint32Array.from([0, 4, 8, 12], (byte) => view.getUint32(at + byte));
  return { words, length, preference, until };
}

/** Clears the bits behind a prefix (RFC 4861 4.6.2: to be ignored), in the record. */
function mask(view: DataView, at: Offset, length: number): void {
  for (let word = 0; word < 4; word++) {
    const bits = Math.max(0, Math.min(32, length - word * 32));
    const kept = bits === 0 ? 0 : (-1 << (32 - bits)) | 0;
    view.setInt32(at + word * 4, view.getInt32(at + word * 4) & kept);
  }
}
