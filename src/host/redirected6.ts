// Destinations that a router redirected (RFC 4861 8.3): the part of the destination cache that no
// prefix explains. Bounded; the oldest makes room.

import type { Ipv6Words } from "../engine/ipv6.ts";

export interface Redirection {
  readonly iface: number;
  readonly destination: Ipv6Words;
  /** The better router; null = the destination is on link. */
  readonly target: Ipv6Words | null;
}

const keyOf = (words: Ipv6Words): string => words.join(" ");

export class Redirected6 {
  /** Oldest first. */
  readonly #rows = new Map<string, Redirection>();
  #capacity = 256;

  get(destination: Ipv6Words): Redirection | null {
    return this.#rows.get(keyOf(destination)) ?? null;
  }

  /** Returns the destination that made room, or null. */
  set(iface: number, destination: Ipv6Words, target: Ipv6Words): Ipv6Words | null {
    if (this.#capacity === 0) return null;
    const key = keyOf(destination);
    this.#rows.delete(key);
    const isOnLink = keyOf(target) === key;
    this.#rows.set(key, { iface, destination, target: isOnLink ? null : target });
    return this.#trim()[0] ?? null;
  }

  /**
   * Forgets what goes through a neighbour, or (null) through any of the interface; returns those
   * destinations.
   */
  forget(iface: number, neighbour: Ipv6Words | null): Ipv6Words[] {
    const key = neighbour === null ? "" : keyOf(neighbour);
    const gone: Ipv6Words[] = [];
    for (const [at, row] of this.#rows) {
      if (row.iface !== iface) continue;
      if (neighbour !== null && keyOf(row.target ?? row.destination) !== key) continue;
      this.#rows.delete(at);
      gone.push(row.destination);
    }
    return gone;
  }

  /** Changes the bound; returns the destinations that it cost. */
  resize(capacity: number): Ipv6Words[] {
    this.#capacity = capacity;
    return this.#trim();
  }

  #trim(): Ipv6Words[] {
    const gone: Ipv6Words[] = [];
    for (const [key, row] of this.#rows) {
      if (this.#rows.size <= this.#capacity) break;
      this.#rows.delete(key);
      gone.push(row.destination);
    }
    return gone;
  }
}
