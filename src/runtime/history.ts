// The events that the cores have told, in order, as far back as the bound allows: `show events` reads them.

import type { RawEvent } from "../control/appliance-port.ts";
import type { Layout } from "../core/layout.ts";
import { Told } from "../core/told.ts";
import type { Arena } from "../lib/arena.ts";
import type { Millis } from "../lib/units.ts";

/** Events kept. Our choice: an hour at one a second. */
const KEPT = 4096;

export class History {
  readonly #told: Told;
  readonly #events: RawEvent[] = [];
  /** Milliseconds since 1970 of the appliance's time zero. */
  readonly #epoch: number = Date.now();
  #next = 1;

  constructor(arena: Arena, layout: Layout) {
    this.#told = new Told(arena, layout);
  }

  /** Fetches what the cores have told since; `each` hears of every event with its code and first number. */
  collect(each: (code: number, a: number) => void): void {
    const fresh = this.#told.take();
    // They came in core by core; people read them as they happened.
    fresh.sort((one, other) => one.time - other.time);
    for (const event of fresh) {
      this.#events.push({
        ...event,
        sequence: this.#next++,
        time: this.#epoch + event.time,
      });
      each(event.code, event.a);
    }
    if (this.#events.length > KEPT) this.#events.splice(0, this.#events.length - KEPT);
  }

  /** Adds an event of the appliance's time `at`; core -1 is the control core. */
  add(at: Millis, core: number, code: number, numbers: readonly number[]): void {
    const [a = 0, b = 0, c = 0, d = 0] = numbers;
    const time = this.#epoch + at;
    this.#events.push({ sequence: this.#next++, time, core, code, a, b, c, d });
  }

  /** Events with a sequence above `since`, oldest first. */
  after(since: number, limit: number): readonly RawEvent[] {
    const first = this.#events.findIndex(({ sequence }) => sequence > since);
    return first < 0 ? [] : this.#events.slice(first, first + limit);
  }
}
