// The record in which a core tells the control core of an event: written by Core.event, read here for the runtime's
// history and for the simulator alike.

import type { Arena } from "../lib/arena.ts";
import { RingReceiver, RingSender } from "../lib/ring.ts";
import type { CoreId, Millis, Offset } from "../lib/units.ts";
import type { Layout } from "./layout.ts";

/** Offsets in a record: 16 bits of code at 0, then the time and four numbers, all 64-bit floats. */
export const EVENT_TIME = 8;
export const EVENT_NUMBERS = 16;

/** An event as a core told it; see engine/event.ts for the numbers. */
export interface ToldEvent {
  /** The appliance's time. */
  readonly time: Millis;
  readonly core: CoreId;
  readonly code: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

/** One core's way to tell. */
export class Teller {
  readonly #view: DataView;
  readonly #ring: RingSender;
  /** Events that found no room. */
  #lost = 0;

  constructor(arena: Arena, layout: Layout, core: CoreId) {
    this.#view = arena.view;
    this.#ring = new RingSender(arena, layout.events[core] as Offset, layout.eventCapacity);
  }

  /** False when there was no room. */
  tell(now: Millis, code: number, a: number, b: number, c: number, d: number): boolean {
    const at = this.#ring.claim();
    if (at < 0) {
      this.#lost++;
      return false;
    }
    const view = this.#view;
    view.setUint16(at, code);
    view.setUint32(at + 4, this.#lost);
    view.setFloat64(at + EVENT_TIME, now);
    view.setFloat64(at + EVENT_NUMBERS, a);
    view.setFloat64(at + EVENT_NUMBERS + 8, b);
    view.setFloat64(at + EVENT_NUMBERS + 16, c);
    view.setFloat64(at + EVENT_NUMBERS + 24, d);
    return true;
  }

  publish(): void {
    this.#ring.publish();
  }
}

/** Reads what all cores tell. */
export class Told {
  readonly #view: DataView;
  readonly #rings: readonly RingReceiver[];

  constructor(arena: Arena, layout: Layout) {
    this.#view = arena.view;
    this.#rings = layout.events.map((at) => new RingReceiver(arena, at, layout.eventCapacity));
  }

  /** Takes what was told since the last call, core by core. */
  take(): ToldEvent[] {
    const events: ToldEvent[] = [];
    for (const [core, ring] of this.#rings.entries()) {
      while (ring.available() > 0) events.push(this.#read(core, ring.next()));
      ring.release();
    }
    return events;
  }

  #read(core: CoreId, at: Offset): ToldEvent {
    const view = this.#view;
    const number = (index: number): number => view.getFloat64(at + EVENT_NUMBERS + index * 8);
    const [a, b, c, d] = [number(0), number(1), number(2), number(3)];
    return { time: view.getFloat64(at + EVENT_TIME), core, code: view.getUint16(at), a, b, c, d };
  }
}
