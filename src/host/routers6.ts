// Default routers that neighbour discovery learned, and which of them is used (RFC 4861 6.3.6, RFC
// 4191 3.2): one that is known to be reachable before others, then by preference; when none is,
// each in turn.

import type { Ipv6Words } from "../engine/ipv6.ts";

/** True while the neighbour is known and not doubted. */
export type Reach = (iface: number, words: Ipv6Words) => boolean;

export interface Router6 {
  readonly iface: number;
  readonly words: Ipv6Words;
  /** -1, 0 or 1 (RFC 4191 2.1). */
  readonly preference: number;
}

const isSame = (router: Router6, iface: number, words: Ipv6Words): boolean =>
  router.iface === iface && router.words.every((word, index) => word === words[index]);

export class Routers6 {
  /** In the order in which they are tried. */
  #routers: Router6[] = [];
  #reach: Reach = () => true;

  attach(reach: Reach): void {
    this.#reach = reach;
  }

  up(iface: number, words: Ipv6Words, preference: number): void {
    const index = this.#routers.findIndex((router) => isSame(router, iface, words));
    if (index < 0) this.#routers.push({ iface, words, preference });
    else this.#routers[index] = { iface, words, preference };
  }

  down(iface: number, words: Ipv6Words): void {
    this.#routers = this.#routers.filter((router) => !isSame(router, iface, words));
  }

  /** True when some went. */
  forget(iface: number): boolean {
    const before = this.#routers.length;
    this.#routers = this.#routers.filter((router) => router.iface !== iface);
    return this.#routers.length < before;
  }

  /** The router was lost: the others come before it from now on. False when it is none of them. */
  rotate(iface: number, words: Ipv6Words): boolean {
    const lost = this.#routers.find((router) => isSame(router, iface, words));
    if (lost === undefined) return false;
    this.#routers = [...this.#routers.filter((router) => router !== lost), lost];
    return true;
  }

  /** The router to use now; null = there is none. */
  choose(): Router6 | null {
    let best: Router6 | null = null;
    let highest = Number.NEGATIVE_INFINITY;
    for (const router of this.#routers) {
      // Unknown ones count the same whatever their preference, so that they really take turns.
      const score = this.#reach(router.iface, router.words) ? 10 + router.preference : 0;
      if (score <= highest) continue;
      best = router;
      highest = score;
    }
    return best;
  }
}
