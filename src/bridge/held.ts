// Cores whose refusals to this one were lost (CORE-3): a station that gave way to another leaves no entry that a
// re-sync could name, so such a core is told what this one holds, and refuses anew what it had refused.

import type { Out } from "../engine/out.ts";
import type { CoreId } from "../lib/units.ts";
import type { Learning } from "./learning.ts";

/** Entries that are named in a tick: our choice, far less than a ring holds. */
const SLICE = 32;
/** Records that must be free in the ring before: what is lost here would be lost for good. */
const FREE = SLICE * 2;
/** Slots looked at in a tick: our choice, some microseconds. */
const LOOK = 1024;
const DONE = -1;

export class Held {
  readonly #out: Out;
  /** Per core the next bridge and slot; DONE = it has heard all. */
  readonly #bridge: Int32Array;
  readonly #slot: Int32Array;
  /** Cores that have not. */
  #cores = 0;

  constructor(out: Out) {
    this.#out = out;
    this.#bridge = new Int32Array(out.cores).fill(DONE);
    this.#slot = new Int32Array(out.cores);
  }

  /** Tells a core everything, from the beginning. */
  tell(to: CoreId): void {
    if (this.#bridge[to] === DONE) this.#cores++;
    this.#bridge[to] = 0;
    this.#slot[to] = 0;
  }

  /** A core is gone. */
  forget(core: CoreId): void {
    if (this.#bridge[core] === DONE) return;
    this.#bridge[core] = DONE;
    this.#cores--;
  }

  tick(bridges: readonly Learning[]): void {
    if (this.#cores === 0) return;
    for (let to = 0; to < this.#bridge.length; to++) {
      if (this.#bridge[to] === DONE || (this.#out.room?.(to) ?? FREE) < FREE) continue;
      this.#slice(bridges, to);
    }
  }

  #slice(bridges: readonly Learning[], to: CoreId): void {
    let sent = 0;
    for (let looked = 0; looked < LOOK && sent < SLICE; looked++) {
      const stations = bridges[this.#bridge[to] as number];
      if (stations === undefined) {
        this.forget(to);
        return;
      }
      const slot = this.#slot[to] as number;
      if (slot < stations.table.size) {
        if (stations.resync.sendHeld(slot, to)) sent++;
        this.#slot[to] = slot + 1;
      } else {
        this.#bridge[to] = (this.#bridge[to] as number) + 1;
        this.#slot[to] = 0;
      }
    }
  }
}
