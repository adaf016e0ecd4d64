// Peers whose messages could not be used, because they ran another configuration: they are asked for their table, until
// both agree.

import { Message, Table } from "../engine/message.ts";
import type { Out } from "../engine/out.ts";
import type { CoreId, Millis } from "../lib/units.ts";

/** A peer is asked this often: our choice. */
const ASK_AGAIN: Millis = 1000;

export class Misses {
  readonly #out: Out;
  #missed: CoreId[] = [];
  #askAt: Millis = 0;

  constructor(out: Out) {
    this.#out = out;
  }

  note(from: CoreId, now: Millis): void {
    if (this.#missed.includes(from)) return;
    if (this.#missed.length === 0) this.#askAt = now + ASK_AGAIN;
    this.#missed.push(from);
  }

  tick(now: Millis): void {
    if (this.#missed.length === 0 || now < this.#askAt) return;
    for (const peer of this.#missed) {
      const at = this.#out.draft(Message["resync-ask"]);
      this.#out.view.setUint16(at + 2, Table.Bridge);
      this.#out.send(peer);
    }
    this.#missed = [];
  }
}
