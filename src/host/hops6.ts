// What a route to an IPv6 destination does, as rows of columns: many routes share a row, which
// lives as long as one of them holds it.

import type { Ipv6Words } from "../engine/ipv6.ts";

/** What a hop does. Link and Gateway lead on, the rest refuses. */
export const Hop6 = {
  None: 0,
  /** The destination itself is a neighbour. */
  Link: 1,
  /** A gateway is the neighbour. */
  Gateway: 2,
  /** Dropped without a word. */
  Blackhole: 3,
  /** Answered by ICMPv6 "reject route to destination" (RFC 4443 3.1, code 6). */
  Unreachable: 4,
  /** Answered by ICMPv6 "communication administratively prohibited" (code 1). */
  Prohibit: 5,
} as const;
export type Hop6 = (typeof Hop6)[keyof typeof Hop6];

/** Our choice: rows before the first growth. */
const FIRST = 64;

export class Hops6 {
  #kind: Uint8Array = new Uint8Array(FIRST);
  #iface: Int32Array = new Int32Array(FIRST).fill(-1);
  /** Four words each. */
  #gateway: Int32Array = new Int32Array(FIRST * 4);
  #users: Int32Array = new Int32Array(FIRST);
  readonly #byContent = new Map<string, number>();
  readonly #contents: (string | undefined)[] = [];
  readonly #unused: number[] = [];
  #next = 1;

  kind(hop: number): number {
    return this.#kind[hop] as number;
  }

  iface(hop: number): number {
    return this.#iface[hop] as number;
  }

  /** Word 0..3 of the gateway's address, signed. */
  word(hop: number, index: number): number {
    return this.#gateway[hop * 4 + index] as number;
  }

  gateway(hop: number): Ipv6Words {
    const word = (index: number): number => this.word(hop, index) >>> 0;
    return [word(0), word(1), word(2), word(3)];
  }

  /** Hops in use. */
  get size(): number {
    return this.#byContent.size;
  }

  /** The row of this content, with one more user. */
  hold(kind: number, iface: number, gateway: Ipv6Words | null): number {
    const content = `${kind} ${iface} ${gateway?.join(" ") ?? ""}`;
    const known = this.#byContent.get(content);
    const hop = known ?? this.#unused.pop() ?? this.#next++;
    if (known === undefined) {
      if (hop >= this.#kind.length) this.#grow();
      this.#kind[hop] = kind;
      this.#iface[hop] = iface;
      for (let word = 0; word < 4; word++) this.#gateway[hop * 4 + word] = gateway?.[word] ?? 0;
      this.#byContent.set(content, hop);
      this.#contents[hop] = content;
    }
    this.#users[hop] = (this.#users[hop] as number) + 1;
    return hop;
  }

  /** One user less; 0 is nobody's. */
  release(hop: number): void {
    if (hop === 0) return;
    const users = (this.#users[hop] as number) - 1;
    this.#users[hop] = users;
    if (users > 0) return;
    this.#byContent.delete(this.#contents[hop] ?? "");
    this.#contents[hop] = undefined;
    this.#kind[hop] = Hop6.None;
    this.#unused.push(hop);
  }

  #grow(): void {
    const size = this.#kind.length * 2;
    const kind = new Uint8Array(size);
    kind.set(this.#kind);
    this.#kind = kind;
    const iface = new Int32Array(size).fill(-1);
    iface.set(this.#iface);
    this.#iface = iface;
    const gateway = new Int32Array(size * 4);
    gateway.set(this.#gateway);
    this.#gateway = gateway;
    const users = new Int32Array(size);
    users.set(this.#users);
    this.#users = users;
  }
}
