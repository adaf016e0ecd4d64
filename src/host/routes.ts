// The routes of one core: connected, local and broadcast ones from the interfaces' addresses, static ones from the
// configuration; a lookup gives a HOP, one row of columns that says what becomes of the packet. Replacing the
// configuration changes only the prefixes that differ.

import type { AddressConfig, CommonConfig } from "../engine/config.ts";
import type { Ipv4 } from "../lib/units.ts";
import type { HostConfig, RouteConfig } from "./config.ts";
import { Lpm } from "./lpm.ts";
import { mask } from "./prefixes.ts";

/**
 * What a route does. Local to Network are addresses that no other station can have, Link and Gateway lead on, the
 * rest refuses.
 */
export const Hop = {
  None: 0,
  /** An own address. */
  Local: 1,
  /** The broadcast address of a connected prefix. */
  Broadcast: 2,
  /** { prefix, 0 } of a connected prefix: nobody's (RFC 1812 4.2.3.1). */
  Network: 3,
  /** The destination itself is a neighbour. */
  Link: 4,
  /** A gateway is the neighbour. */
  Gateway: 5,
  /** Dropped without a word. */
  Blackhole: 6,
  /** Answered by ICMP host unreachable. */
  Unreachable: 7,
  /** Answered by ICMP communication administratively prohibited. */
  Prohibit: 8,
  /** A virtual address that is ours now and takes no packets (RFC 9568 6.4.3, Accept_Mode). */
  Refused: 9,
} as const;
export type Hop = (typeof Hop)[keyof typeof Hop];

const KINDS: Readonly<Record<number, string>> = {
  [Hop.Blackhole]: "blackhole",
  [Hop.Unreachable]: "unreachable",
  [Hop.Prohibit]: "prohibit",
};

/** One row of `show routes`: numbers where addresses and interfaces are meant. */
export interface RouteRow extends Record<string, unknown> {
  readonly address: Ipv4;
  readonly prefix: number;
  /** Next hop; 0 = on the link, or none. */
  readonly via: Ipv4;
  /** Interface number; -1 = none. */
  readonly interface: number;
  readonly origin: "local" | "connected" | "static";
  /** unicast, blackhole, unreachable or prohibit. */
  readonly kind: string;
}

interface Wanted {
  readonly address: Ipv4;
  readonly length: number;
  readonly hop: number;
}

const key = (address: Ipv4, length: number): number => address * 64 + length;

export class Routes {
  readonly #lpm: Lpm = new Lpm();
  #kind: Uint8Array = new Uint8Array(64);
  #iface: Int32Array = new Int32Array(64).fill(-1);
  #gateway: Uint32Array = new Uint32Array(64);
  #source: Uint32Array = new Uint32Array(64);
  /** Hops by their content, so that many routes share a row. */
  #hops = new Map<string, number>();
  readonly #unused: number[] = [];
  #next = 1;
  /** Interface addresses, in the order of the configuration. */
  #interfaces: CommonConfig["interfaces"] = [];
  /** Static routes whose next hop no interface reaches. */
  #unresolved = 0;
  /** Virtual addresses that are ours now, and the hop that each took the place of. */
  readonly #virtual = new Map<Ipv4, { readonly hop: number; readonly hidden: number }>();

  /** The hop of the longest route to the address; 0 (Hop.None) = there is none. */
  lookup(address: Ipv4): number {
    return this.#lpm.lookup(address);
  }

  /** What the hop does. */
  kind(hop: number): number {
    return this.#kind[hop] as number;
  }

  iface(hop: number): number {
    return this.#iface[hop] as number;
  }

  /** The neighbour that a packet to `destination` goes to. */
  neighbour(hop: number, destination: Ipv4): Ipv4 {
    const gateway = this.#gateway[hop] as number;
    return gateway !== 0 ? gateway : destination;
  }

  /** Own address for packets that start here and leave by this hop; 0 = there is none. */
  source(hop: number): Ipv4 {
    return this.#source[hop] as number;
  }

  /** True for an address that no other station can have: as a source it is forged. */
  isOurs(hop: number): boolean {
    const kind = this.#kind[hop] as number;
    return kind >= Hop.Local && kind <= Hop.Network;
  }

  isLocal(address: Ipv4): boolean {
    return this.#kind[this.#lpm.lookup(address)] === Hop.Local;
  }

  /** Prefixes in the table, own addresses and broadcasts included. */
  get size(): number {
    return this.#lpm.prefixes.size;
  }

  /** Static routes left out because no interface has their next hop in its prefix. */
  get unresolved(): number {
    return this.#unresolved;
  }

  /**
   * An address of the interface to speak from, towards `peer`: one whose prefix contains the peer, else its first,
   * else (an interface without addresses) the first of any interface, which stands for the router's id
   * (RFC 1812 5.2.5). 0 = the appliance has no address.
   */
  addressFor(iface: number, peer: Ipv4): Ipv4 {
    const addresses = this.#interfaces[iface]?.addresses ?? [];
    for (const { address, prefix } of addresses) {
      if (((address ^ peer) & mask(prefix)) === 0) return address;
    }
    if (addresses[0] !== undefined) return addresses[0].address;
    for (const other of this.#interfaces) {
      if (other.addresses[0] !== undefined) return other.addresses[0].address;
    }
    return 0;
  }

  /** True when the peer is in a connected prefix of the interface. */
  isOnLink(iface: number, peer: Ipv4): boolean {
    for (const { address, prefix } of this.#interfaces[iface]?.addresses ?? []) {
      if (((address ^ peer) & mask(prefix)) === 0) return true;
    }
    return false;
  }

  /** Takes the routes of a configuration: what differs is changed, the rest stays as it is. */
  configure(config: HostConfig, common: CommonConfig): void {
    this.#interfaces = common.interfaces;
    this.#unresolved = 0;
    const before = this.#hops;
    this.#hops = new Map();
    const wanted = new Map<number, Wanted>();
    for (const [iface, { addresses }] of common.interfaces.entries()) {
      for (const address of addresses) this.#wantAddress(wanted, before, iface, address);
    }
    for (const route of config.routes) this.#wantStatic(wanted, before, route);
    for (const [address, { hop }] of this.#virtual) {
      const at = key(address, 32);
      const hidden = wanted.get(at)?.hop ?? 0;
      if (this.kind(hidden) !== Hop.Local) wanted.set(at, { address, length: 32, hop });
      this.#virtual.set(address, { hop, hidden });
      for (const [content, other] of before) if (other === hop) this.#hops.set(content, hop);
    }
    this.#apply(wanted);
    for (const [content, hop] of before) if (!this.#hops.has(content)) this.#unused.push(hop);
  }

  /** The virtual addresses that are ours from now on (VR-4), all of them; what an interface has stays its own. */
  setVirtual(
    addresses: readonly {
      readonly iface: number;
      readonly address: Ipv4;
      readonly accept: boolean;
    }[],
  ): void {
    const wanted = new Map<Ipv4, number>();
    for (const { iface, address, accept } of addresses) {
      const kind = accept ? Hop.Local : Hop.Refused;
      wanted.set(address, this.#hop(this.#hops, kind, iface, 0, accept ? address : 0));
    }
    for (const [address, { hop, hidden }] of this.#virtual) {
      if (wanted.get(address) === hop) continue;
      this.#virtual.delete(address);
      if (this.#lpm.prefixes.get(address, 32) !== hop) continue;
      if (hidden === 0) this.#lpm.remove(address, 32);
      else this.#lpm.insert(address, 32, hidden);
    }
    for (const [address, hop] of wanted) {
      if (this.#virtual.has(address)) continue;
      const hidden = this.#lpm.prefixes.get(address, 32);
      this.#virtual.set(address, { hop, hidden });
      if (this.#kind[hidden] !== Hop.Local) this.#lpm.insert(address, 32, hop);
    }
  }

  /** The interface of the route to exactly this prefix; -1 = there is none that leads on. */
  through(address: Ipv4, length: number): number {
    const hop = this.#lpm.prefixes.get(address, length);
    const kind = this.kind(hop);
    return kind === Hop.Link || kind === Hop.Gateway ? this.iface(hop) : -1;
  }

  /** Up to `limit` rows from `cursor` (0 first); `next` is -1 at the end. Broadcast addresses are left out. */
  rows(cursor: number, limit: number): { rows: RouteRow[]; next: number } {
    const prefixes = this.#lpm.prefixes;
    const rows: RouteRow[] = [];
    let row = cursor;
    for (; row < prefixes.capacity && rows.length < limit; row++) {
      if (!prefixes.isUsed(row)) continue;
      const hop = prefixes.value(row);
      const kind = this.kind(hop);
      if (kind === Hop.Broadcast || kind === Hop.Network) continue;
      rows.push({
        address: prefixes.address(row),
        prefix: prefixes.length(row),
        via: this.#gateway[hop] as number,
        interface: this.iface(hop),
        origin: this.#originOf(row, kind),
        kind: KINDS[kind] ?? "unicast",
      });
    }
    return { rows, next: row < prefixes.capacity ? row : -1 };
  }

  /** A route on the link that no interface's address explains is a static one. */
  #originOf(row: number, kind: number): RouteRow["origin"] {
    if (kind === Hop.Local || kind === Hop.Refused) return "local";
    if (kind !== Hop.Link) return "static";
    const prefixes = this.#lpm.prefixes;
    const hop = prefixes.value(row);
    for (const { address, prefix } of this.#interfaces[this.iface(hop)]?.addresses ?? []) {
      const network = (address & mask(prefix)) >>> 0;
      if (network === prefixes.address(row) && prefix === prefixes.length(row)) return "connected";
    }
    return "static";
  }

  #apply(wanted: Map<number, Wanted>): void {
    const prefixes = this.#lpm.prefixes;
    const gone: { address: Ipv4; length: number }[] = [];
    for (let row = 0; row < prefixes.capacity; row++) {
      if (!prefixes.isUsed(row)) continue;
      const address = prefixes.address(row);
      const length = prefixes.length(row);
      if (!wanted.has(key(address, length))) gone.push({ address, length });
    }
    for (const { address, length } of gone) this.#lpm.remove(address, length);
    for (const { address, length, hop } of wanted.values()) {
      if (prefixes.get(address, length) !== hop) this.#lpm.insert(address, length, hop);
    }
  }

  #wantAddress(
    wanted: Map<number, Wanted>,
    before: Map<string, number>,
    iface: number,
    { address, prefix }: AddressConfig,
  ): void {
    const network = (address & mask(prefix)) >>> 0;
    const local = this.#hop(before, Hop.Local, iface, 0, address);
    // An own address wins over everything else that says the same prefix, such as another's broadcast.
    wanted.set(key(address, 32), { address, length: 32, hop: local });
    if (prefix === 32) return;
    const link = this.#hop(before, Hop.Link, iface, 0, address);
    want(wanted, network, prefix, link);
    // RFC 3021: a /31 has two hosts and no broadcast address.
    if (prefix === 31) return;
    const broadcast = this.#hop(before, Hop.Broadcast, iface, 0, address);
    want(wanted, (network | ~mask(prefix)) >>> 0, 32, broadcast);
    want(wanted, network, 32, this.#hop(before, Hop.Network, iface, 0, 0));
  }

  #wantStatic(wanted: Map<number, Wanted>, before: Map<string, number>, route: RouteConfig): void {
    const network = (route.to & mask(route.prefix)) >>> 0;
    const kind = route.kind ?? "unicast";
    if (kind !== "unicast") {
      const refusal =
        kind === "blackhole" ? Hop.Blackhole : kind === "prohibit" ? Hop.Prohibit : Hop.Unreachable;
      want(wanted, network, route.prefix, this.#hop(before, refusal, -1, 0, 0));
      return;
    }
    const iface = route.interface >= 0 ? route.interface : this.#interfaceTowards(route.via);
    if (iface < 0 || iface >= this.#interfaces.length) {
      this.#unresolved++;
      return;
    }
    const reached = route.via === 0 ? network : route.via;
    const source = this.addressFor(iface, reached);
    const what = route.via === 0 ? Hop.Link : Hop.Gateway;
    want(wanted, network, route.prefix, this.#hop(before, what, iface, route.via, source));
  }

  /** The interface with the longest connected prefix that contains the address, or -1. */
  #interfaceTowards(via: Ipv4): number {
    let best = -1;
    let longest = -1;
    for (const [iface, { addresses }] of this.#interfaces.entries()) {
      for (const { address, prefix } of addresses) {
        if (prefix <= longest || address === via || ((address ^ via) & mask(prefix)) !== 0)
          continue;
        best = iface;
        longest = prefix;
      }
    }
    return best;
  }

  /** The number of a hop with this content; the same as before the change when it existed. */
  #hop(
    before: Map<string, number>,
    kind: number,
    iface: number,
    gateway: Ipv4,
    source: Ipv4,
  ): number {
    const content = `${kind} ${iface} ${gateway} ${source}`;
    const known = this.#hops.get(content) ?? before.get(content);
    const hop = known ?? this.#unused.pop() ?? this.#next++;
    if (known === undefined) {
      if (hop >= this.#kind.length) this.#grow();
      this.#kind[hop] = kind;
      this.#iface[hop] = iface;
      this.#gateway[hop] = gateway;
      this.#source[hop] = source;
    }
    this.#hops.set(content, hop);
    return hop;
  }

  #grow(): void {
    const size = this.#kind.length * 2;
    const kind = new Uint8Array(size);
    kind.set(this.#kind);
    this.#kind = kind;
    const iface = new Int32Array(size);
    iface.set(this.#iface);
    this.#iface = iface;
    const gateway = new Uint32Array(size);
    gateway.set(this.#gateway);
    this.#gateway = gateway;
    const source = new Uint32Array(size);
    source.set(this.#source);
    this.#source = source;
  }
}

/** Adds a route unless an earlier, and so more trusted, one has the same prefix. */
function want(wanted: Map<number, Wanted>, address: Ipv4, length: number, hop: number): void {
  const at = key(address, length);
  if (!wanted.has(at)) wanted.set(at, { address, length, hop });
}
