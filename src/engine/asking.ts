// A core that follows a master by its messages asks it for everything when it lacks something: after a change of the
// configuration, or when a message was of another one. The answer is a re-sync (Replicated.resync).

import type { Millis } from "../lib/units.ts";
import { Message } from "./message.ts";
import type { Out } from "./out.ts";
import type { Role } from "./role.ts";

/** Until cores that take a configuration over one after the other have all done so: our choice. */
const PATIENCE: Millis = 1000;
const NEVER: Millis = -1;

export class Asking {
  readonly #out: Out;
  readonly #table: number;
  readonly #role: Role;
  #at: Millis = NEVER;

  constructor(out: Out, table: number, role: Role) {
    this.#out = out;
    this.#table = table;
    this.#role = role;
  }

  /** Asks at the next tick. */
  soon(now: Millis): void {
    this.#at = now;
  }

  /** Asks a second later, when sender and receiver may agree; does not put off what is due before. */
  later(now: Millis): void {
    if (this.#at === NEVER) this.#at = now + PATIENCE;
  }

  /** The answer comes, or this core is the master. */
  cease(): void {
    this.#at = NEVER;
  }

  /** To be called while this core follows. */
  tick(now: Millis): void {
    if (this.#at === NEVER || now < this.#at) return;
    this.cease();
    const master = this.#out.master(this.#role);
    if (master === this.#out.core) return;
    this.#out.view.setUint16(this.#out.draft(Message["resync-ask"]) + 2, this.#table);
    this.#out.send(master);
  }
}
