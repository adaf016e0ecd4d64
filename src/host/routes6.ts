// The IPv6 routes of one core: prefixes on link and default routers as neighbour discovery tells
// them, static ones from the configuration, and redirected destinations. A lookup gives a HOP, one
// row of columns that says what becomes of the packet. Each change touches only the prefixes that
// it is about. Own addresses are in addresses6.ts.

import type { InterfaceConfig } from "../engine/config.ts";
import type { Ipv6Words } from "../engine/ipv6.ts";
import { networkOf } from "./addresses6.ts";
import type { RouteKind } from "./config.ts";
import type { Host6Config, Route6Config } from "./config6.ts";
import { isLinkLocal } from "./header6.ts";
import { Hop6, Hops6 } from "./hops6.ts";
import { Lpm6 } from "./lpm6.ts";
import { Redirected6 } from "./redirected6.ts";
import { type Reach, Routers6 } from "./routers6.ts";

/** One row of `show routes`: words where addresses are meant. */
export interface Route6Row extends Record<string, unknown> {
  readonly address: Ipv6Words;
  readonly prefix: number;
  /** Next hop; null = on the link, or none. */
  readonly via: Ipv6Words | null;
  /** Interface number; -1 = none. */
  readonly interface: number;
  readonly origin: "local" | "connected" | "static" | "router" | "redirect";
  readonly kind: RouteKind;
}

/** A static route with the interface that its next hop lies on; -1 = none does. */
interface Static {
  readonly config: Route6Config;
  readonly network: Ipv6Words;
  iface: number;
}

/** A prefix on link: how often it was told for each interface, in the order of telling. */
interface Connected {
  readonly network: Ipv6Words;
  readonly length: number;
  readonly told: Map<number, { address: number; learned: boolean }>;
}

const KINDS: Readonly<Record<number, RouteKind>> = {
  [Hop6.Blackhole]: "blackhole",
  [Hop6.Unreachable]: "unreachable",
  [Hop6.Prohibit]: "prohibit",
};
const REFUSALS: Readonly<Record<RouteKind, number>> = {
  unicast: Hop6.None,
  blackhole: Hop6.Blackhole,
  unreachable: Hop6.Unreachable,
  prohibit: Hop6.Prohibit,
};

const keyOf = (words: Ipv6Words, length: number): string => `${words.join(" ")}/${length}`;
const DEFAULT: Ipv6Words = [0, 0, 0, 0];

export class Routes6 {
  readonly hops: Hops6 = new Hops6();
  readonly #lpm: Lpm6 = new Lpm6();
  readonly #connected = new Map<string, Connected>();
  readonly #static = new Map<string, Static>();
  /** Static routes by their gateway, where no interface was named. */
  readonly #byVia = new Map<string, Static[]>();
  readonly #routers: Routers6 = new Routers6();
  readonly #redirected: Redirected6 = new Redirected6();
  #interfaces = 0;
  #unresolved = 0;

  /** The hop of the longest route to the address; 0 (Hop6.None) = there is none. */
  lookup(a: number, b: number, c: number, d: number): number {
    return this.#lpm.lookup(a, b, c, d);
  }

  /** Prefixes in the table. */
  get size(): number {
    return this.#lpm.size;
  }

  /** Static routes left out because no interface has their next hop in its prefix. */
  get unresolved(): number {
    return this.#unresolved;
  }

  /** Who knows which routers can be reached. */
  attach(reach: Reach): void {
    this.#routers.attach(reach);
  }

  /** True when the address lies in a prefix on link of the interface. */
  isOnLink(iface: number, a: number, b: number, c: number, d: number): boolean {
    const hop = this.#lpm.lookup(a, b, c, d);
    return this.hops.kind(hop) === Hop6.Link && this.hops.iface(hop) === iface;
  }

  /**
   * Takes the static routes of a configuration: what differs is changed, the rest stays as it is.
   */
  configure(config: Host6Config, interfaces: readonly InterfaceConfig[]): void {
    const known = this.#interfaces;
    this.#interfaces = interfaces.length;
    const before = new Map(this.#static);
    this.#static.clear();
    this.#byVia.clear();
    for (const route of config.routes) this.#addStatic(route);
    for (const [key, { network, config: old }] of before) {
      if (!this.#static.has(key)) this.#refresh(network, old.prefix);
    }
    for (const [key, made] of this.#static) {
      const old = before.get(key);
      if (old === undefined || !this.#isSame(old, made, known)) {
        this.#refresh(made.network, made.config.prefix);
      }
    }
    this.#countUnresolved();
    for (const gone of this.#redirected.resize(config.redirectedHosts)) this.#refresh(gone, 128);
  }

  /** True when both lead to the same place, with `known` interfaces before. */
  #isSame(old: Static, made: Static, known: number): boolean {
    return (
      old.iface === made.iface &&
      old.iface < known === made.iface < this.#interfaces &&
      (old.config.kind ?? "unicast") === (made.config.kind ?? "unicast") &&
      old.config.via?.join(" ") === made.config.via?.join(" ")
    );
  }

  #addStatic(route: Route6Config): void {
    const network = networkOf(route.to, route.prefix);
    const key = keyOf(network, route.prefix);
    if (this.#static.has(key)) return; // The first one in the file is meant, as for IPv4.
    const made: Static = { config: route, network, iface: route.interface };
    this.#static.set(key, made);
    if (route.via === null || route.interface >= 0) return;
    const via = route.via.join(" ");
    const group = this.#byVia.get(via) ?? [];
    made.iface = group[0]?.iface ?? this.#interfaceTowards(route.via);
    group.push(made);
    if (group.length === 1) this.#byVia.set(via, group);
  }

  // --- what neighbour discovery tells ------------------------------------------------------------

  /** A prefix on link, by an own address in it (`learned` false) or by a router's word. */
  connect(iface: number, words: Ipv6Words, length: number, learned: boolean): void {
    const network = networkOf(words, length);
    const key = keyOf(network, length);
    const entry = this.#connected.get(key) ?? { network, length, told: new Map() };
    const told = entry.told.get(iface) ?? { address: 0, learned: false };
    if (learned) told.learned = true;
    else told.address++;
    const known = entry.told.has(iface);
    entry.told.set(iface, told);
    this.#connected.set(key, entry);
    if (!known) this.#connectedChanged(network, length);
  }

  disconnect(iface: number, words: Ipv6Words, length: number, learned: boolean): void {
    const network = networkOf(words, length);
    const key = keyOf(network, length);
    const entry = this.#connected.get(key);
    const told = entry?.told.get(iface);
    if (entry === undefined || told === undefined) return;
    if (learned) told.learned = false;
    else told.address--;
    if (told.learned || told.address > 0) return;
    entry.told.delete(iface);
    if (entry.told.size === 0) this.#connected.delete(key);
    this.#connectedChanged(network, length);
  }

  routerUp(iface: number, words: Ipv6Words, preference: number): void {
    this.#routers.up(iface, words, preference);
    this.#refresh(DEFAULT, 0);
  }

  routerDown(iface: number, words: Ipv6Words): void {
    this.#routers.down(iface, words);
    for (const gone of this.#redirected.forget(iface, words)) this.#refresh(gone, 128);
    this.#refresh(DEFAULT, 0);
  }

  /**
   * The neighbour is no router any more, or is gone: who went through it goes another way (RFC 4861
   * 7.3.3).
   */
  neighbourLost(iface: number, words: Ipv6Words): void {
    for (const gone of this.#redirected.forget(iface, words)) this.#refresh(gone, 128);
    if (this.#routers.rotate(iface, words)) this.#refresh(DEFAULT, 0);
  }

  /** From now on packets to one destination go to `target` (the same address: it is on link). */
  redirect(iface: number, destination: Ipv6Words, target: Ipv6Words): void {
    const pushed = this.#redirected.set(iface, destination, target);
    if (pushed !== null) this.#refresh(pushed, 128);
    this.#refresh(destination, 128);
  }

  /** Forgets all that was told for an interface. */
  forget(iface: number): void {
    for (const entry of [...this.#connected.values()]) {
      if (!entry.told.delete(iface)) continue;
      if (entry.told.size === 0) this.#connected.delete(keyOf(entry.network, entry.length));
      this.#connectedChanged(entry.network, entry.length);
    }
    for (const gone of this.#redirected.forget(iface, null)) this.#refresh(gone, 128);
    if (this.#routers.forget(iface)) this.#refresh(DEFAULT, 0);
  }

  // --- lists -------------------------------------------------------------------------------------

  /** Up to `limit` rows from `cursor` (0 first); `next` is -1 at the end. */
  rows(cursor: number, limit: number): { rows: Route6Row[]; next: number } {
    const rows: Route6Row[] = [];
    const lpm = this.#lpm;
    let row = cursor;
    for (; row < lpm.capacity && rows.length < limit; row++) {
      if (!lpm.isUsed(row)) continue;
      const hop = lpm.value(row);
      const address: Ipv6Words = [
        lpm.word(row, 0),
        lpm.word(row, 1),
        lpm.word(row, 2),
        lpm.word(row, 3),
      ];
      rows.push({
        address,
        prefix: lpm.length(row),
        via: this.hops.kind(hop) === Hop6.Gateway ? this.hops.gateway(hop) : null,
        interface: this.hops.iface(hop),
        origin: this.#originOf(address, lpm.length(row)),
        kind: KINDS[this.hops.kind(hop)] ?? "unicast",
      });
    }
    return { rows, next: row < lpm.capacity ? row : -1 };
  }

  #originOf(address: Ipv6Words, length: number): Route6Row["origin"] {
    const key = keyOf(address, length);
    if (this.#connected.has(key)) return "connected";
    if (length === 128 && this.#redirected.get(address) !== null) return "redirect";
    return (this.#static.get(key)?.iface ?? -1) >= 0 || this.#isRefusal(key) ? "static" : "router";
  }

  #isRefusal(key: string): boolean {
    return (this.#static.get(key)?.config.kind ?? "unicast") !== "unicast";
  }

  // --- which route wins --------------------------------------------------------------------------

  #connectedChanged(network: Ipv6Words, length: number): void {
    this.#refresh(network, length);
    for (const group of this.#byVia.values()) {
      const via = group[0]?.config.via;
      if (via === null || via === undefined) continue;
      const iface = this.#interfaceTowards(via);
      if (iface === group[0]?.iface) continue;
      for (const route of group) {
        route.iface = iface;
        this.#refresh(route.network, route.config.prefix);
      }
    }
    this.#countUnresolved();
  }

  #countUnresolved(): void {
    this.#unresolved = 0;
    for (const [key, { iface }] of this.#static) {
      if (!this.#isRefusal(key) && (iface < 0 || iface >= this.#interfaces)) this.#unresolved++;
    }
  }

  /** The interface with the longest prefix on link that contains the address, or -1. */
  #interfaceTowards(via: Ipv6Words): number {
    if (isLinkLocal(via[0])) return -1;
    let best = -1;
    let longest = -1;
    for (const { network, length, told } of this.#connected.values()) {
      const near = networkOf(via, length);
      if (length <= longest || near.some((word, index) => word !== network[index])) continue;
      longest = length;
      best = [...told.keys()][0] ?? -1;
    }
    return best;
  }

  /** The interface of the route to exactly this prefix; -1 = there is none that leads on. */
  through([a, b, c, d]: Ipv6Words, length: number): number {
    const hop = this.#lpm.get(a, b, c, d, length);
    const kind = this.hops.kind(hop);
    return kind === Hop6.Link || kind === Hop6.Gateway ? this.hops.iface(hop) : -1;
  }

  /**
   * Puts the most trusted route of a prefix into the table: on link, redirected, static, a
   * router's; else none.
   */
  #refresh(network: Ipv6Words, length: number): void {
    const [a, b, c, d] = network;
    const before = this.#lpm.get(a, b, c, d, length);
    const hop = this.#winner(network, length);
    if (hop === before) {
      this.hops.release(hop);
      return;
    }
    if (hop !== 0) this.#lpm.insert(a, b, c, d, length, hop);
    else this.#lpm.remove(a, b, c, d, length);
    this.hops.release(before);
  }

  /** A hop that is held for the caller. */
  #winner(network: Ipv6Words, length: number): number {
    const key = keyOf(network, length);
    const connected = this.#connected.get(key);
    if (connected !== undefined) {
      return this.hops.hold(Hop6.Link, [...connected.told.keys()][0] ?? -1, null);
    }
    if (length === 128) {
      const redirected = this.#redirected.get(network);
      if (redirected !== null) {
        return redirected.target === null
          ? this.hops.hold(Hop6.Link, redirected.iface, null)
          : this.hops.hold(Hop6.Gateway, redirected.iface, redirected.target);
      }
    }
    const route = this.#static.get(key);
    if (route !== undefined) {
      const kind = route.config.kind ?? "unicast";
      if (kind !== "unicast") return this.hops.hold(REFUSALS[kind], -1, null);
      if (route.iface >= 0 && route.iface < this.#interfaces) {
        const { via } = route.config;
        return this.hops.hold(via === null ? Hop6.Link : Hop6.Gateway, route.iface, via);
      }
    }
    const router = length === 0 ? this.#routers.choose() : null;
    return router === null ? 0 : this.hops.hold(Hop6.Gateway, router.iface, router.words);
  }
}
