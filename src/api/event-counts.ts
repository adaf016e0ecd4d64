// Events counted by name since the first scrape. The history is bounded, so they are counted more often than anybody
// scrapes.

import type { Appliance } from "../control/appliance-port.ts";
import { EVENT_NAMES } from "../engine/event.ts";
import { REASON_NAMES } from "../vr/reason.ts";

/** How often the history is looked at: it holds some thousands. Our choice. */
const INTERVAL = 1000;

export class EventCounts {
  readonly byName: Map<string, number> = new Map();
  /** Changes of virtual routers' states, by reason. */
  readonly transitions: Map<string, number> = new Map();
  readonly #appliance: Appliance;
  #seen = 0;

  constructor(appliance: Appliance) {
    this.#appliance = appliance;
    const timer = setInterval(() => this.turn(), INTERVAL);
    timer.unref();
    const stop = (): void => clearInterval(timer);
    appliance.ended.then(stop, stop);
  }

  /** Counts what is new. */
  turn(): this {
    for (const event of this.#appliance.events(this.#seen, Number.MAX_SAFE_INTEGER)) {
      this.#seen = event.sequence;
      const name = EVENT_NAMES[event.code] ?? String(event.code);
      this.byName.set(name, (this.byName.get(name) ?? 0) + 1);
      if (name !== "vr-state") continue;
      const reason = REASON_NAMES[event.d] ?? String(event.d);
      this.transitions.set(reason, (this.transitions.get(reason) ?? 0) + 1);
    }
    return this;
  }
}
