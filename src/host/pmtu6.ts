// Path MTUs that routers told this core (RFC 8201), for what starts here: a few destinations, the
// oldest makes room, and each is forgotten after a while, so that a better path is noticed.

import type { Millis } from "../lib/units.ts";

/** No link may have less (RFC 8200 5). */
export const MIN_MTU = 1280;

export class PathMtus6 {
  #address: Uint32Array = new Uint32Array(0);
  #mtu: Uint16Array = new Uint16Array(0);
  #until: Float64Array = new Float64Array(0);
  #lifetime: Millis = 0;
  /** Rows that were ever used: a core that heard nothing looks at none. */
  #used = 0;
  #next = 0;

  configure(rows: number, lifetime: Millis): void {
    this.#lifetime = lifetime;
    if (rows === this.#mtu.length) return;
    this.#address = new Uint32Array(rows * 4);
    this.#mtu = new Uint16Array(rows);
    this.#until = new Float64Array(rows);
    this.#used = 0;
    this.#next = 0;
  }

  /** What fits on the way to the address when the first link takes `mtu`. */
  lookup(a: number, b: number, c: number, d: number, mtu: number, now: Millis): number {
    const row = this.#used === 0 ? -1 : this.#find(a, b, c, d);
    if (row < 0 || now >= (this.#until[row] as number)) return mtu;
    return Math.min(mtu, this.#mtu[row] as number);
  }

  /**
   * A router says that `told` is the most that fits; `mtu` is the first link's. Less than the
   * minimum, or no less than before, is not believed (RFC 8201 4).
   */
  note(a: number, b: number, c: number, d: number, told: number, mtu: number, now: Millis): void {
    if (told < MIN_MTU || told >= this.lookup(a, b, c, d, mtu, now) || this.#mtu.length === 0)
      return;
    let row = this.#find(a, b, c, d);
    if (row < 0) {
      row = this.#next;
      this.#next = (this.#next + 1) % this.#mtu.length;
      this.#used = Math.max(this.#used, row + 1);
      this.#address[row * 4] = a;
      this.#address[row * 4 + 1] = b;
      this.#address[row * 4 + 2] = c;
      this.#address[row * 4 + 3] = d;
    }
    this.#mtu[row] = told;
    this.#until[row] = now + this.#lifetime;
  }

  #find(a: number, b: number, c: number, d: number): number {
    const address = this.#address;
    for (let row = 0; row < this.#used; row++) {
      const at = row * 4;
      if (
        address[at + 3] === d &&
        address[at + 2] === c &&
        address[at + 1] === b &&
        address[at] === a
      ) {
        return row;
      }
    }
    return -1;
  }
}
