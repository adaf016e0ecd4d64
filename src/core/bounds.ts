// Tells people when a bound is met: a table, queue, pool or ring that gave something up. The counters count each case;
// here they are looked at once a second, and an event is told when one begins to grow and when it has been still again.

import { DROP_AT } from "../engine/counter.ts";
import { Drop } from "../engine/drop.ts";
import { EventCode } from "../engine/event.ts";
import type { Out } from "../engine/out.ts";
import type { CoreId, Millis } from "../lib/units.ts";
import type { Bus } from "./bus.ts";

/** Reasons that mean "full", whatever was full. */
const FULL: readonly number[] = [
  Drop["transmit-queue-full"],
  Drop["pool-empty"],
  Drop["handover-full"],
  Drop["parking-full"],
  Drop["kernel-ring"],
  Drop["arp-queue-full"],
  Drop["arp-table-full"],
  Drop["arp-rate"],
  Drop["nd-queue-full"],
  Drop["nd-table-full"],
  Drop["nd-pending-full"],
  Drop["nd-rate"],
  Drop["icmp-rate"],
];

/** Between two looks. */
const PERIOD: Millis = 1000;
/**
 * So long must a counter be still before its next growth is news again. Our choice: no flood of events, none
 * missed.
 */
const QUIET: Millis = 10_000;

export class Bounds {
  readonly #out: Out;
  readonly #counters: Float64Array;
  readonly #bus: Bus;
  /** The peer whose ring was full at the last look; -1 = none. */
  #fullPeer: CoreId = -1;
  readonly #seen: Float64Array = new Float64Array(FULL.length);
  /** When a counter last grew; -1 = it is quiet. */
  readonly #grew: Float64Array = new Float64Array(FULL.length).fill(-1);
  /** The counter when its growth was told. */
  readonly #since: Float64Array = new Float64Array(FULL.length);
  #due: Millis = 0;

  constructor(out: Out, counters: Float64Array, bus: Bus) {
    this.#out = out;
    this.#counters = counters;
    this.#bus = bus;
  }

  /** Looks: at the bus always, at the rest once a second. */
  tick(now: Millis): void {
    const full = this.#bus.fullPeer;
    if (full >= 0 && full !== this.#fullPeer) {
      this.#out.event(EventCode["bus-full"], full, 0, 0, 0);
    }
    this.#fullPeer = full;
    if (now < this.#due) return;
    this.#due = now + PERIOD;
    for (let n = 0; n < FULL.length; n++) this.#look(n, now);
  }

  #look(n: number, now: Millis): void {
    const reason = FULL[n] as number;
    const count = this.#counters[DROP_AT + reason] as number;
    const before = this.#seen[n] as number;
    this.#seen[n] = count;
    if (count > before) {
      if (this.#grew[n] === -1) {
        this.#since[n] = before;
        this.#out.event(EventCode["bound-met"], reason, count - before, 0, 0);
      }
      this.#grew[n] = now;
    } else if (this.#grew[n] !== -1 && now - (this.#grew[n] as number) >= QUIET) {
      this.#grew[n] = -1;
      this.#out.event(EventCode["bound-cleared"], reason, count - (this.#since[n] as number), 0, 0);
    }
  }
}
