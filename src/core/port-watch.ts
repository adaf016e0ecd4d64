// A core's look at its ports, now and then: links that came or went, their speeds, and frames that the kernel lost.
// Members of aggregated channels and ports of a spanning tree are looked at more often, on the link master alone, which
// tells the others: a cut costs frames until then.

import { DROP_AT, PORT_AT, PORT_COUNTERS, PortCounter } from "../engine/counter.ts";
import { Drop } from "../engine/drop.ts";
import { EventCode } from "../engine/event.ts";
import type { Out } from "../engine/out.ts";
import { Role } from "../engine/role.ts";
import type { Millis, PortId } from "../lib/units.ts";
import type { Batch, Port } from "../ports/port.ts";
import type { Dispatch } from "./dispatch.ts";

/** Between two looks at a port's link and losses; CLI users see a pulled cable at once. Our choice. */
const PORT_CHECK: Millis = 100;
/** The same for members and ports of a spanning tree. Our choice: below the gap that a fast switch in software has. */
const MEMBER_CHECK: Millis = 5;
/** Between two questions for a port's speed. Our choice: a speed changes with the link, as good as always. */
const SPEED_CHECK: Millis = 2000;

/** What lay in the queues when the core before this one died is older than what others have treated since: how many. */
export function discard(ports: readonly Port[], batch: Batch): number {
  let count = 0;
  for (const port of ports) {
    do {
      batch.count = 0;
      port.receive(batch);
      count += batch.count;
      port.release();
    } while (batch.count > 0);
  }
  return count;
}

export class PortWatch {
  readonly #out: Out;
  readonly #ports: readonly Port[];
  readonly #dispatch: Dispatch;
  readonly #counters: Float64Array;
  readonly #up: boolean[] = [];
  #nextPorts: Millis;
  #nextMembers: Millis;
  #nextSpeeds: Millis;

  constructor(
    out: Out,
    ports: readonly Port[],
    dispatch: Dispatch,
    counters: Float64Array,
    now: Millis,
  ) {
    this.#out = out;
    this.#ports = ports;
    this.#dispatch = dispatch;
    this.#counters = counters;
    this.#nextPorts = now;
    this.#nextMembers = now;
    this.#nextSpeeds = now;
  }

  /** Looks when it is time to. */
  turn(now: Millis): void {
    if (now >= this.#nextPorts) this.#checkPorts(now);
    else if (now >= this.#nextMembers) this.#checkMembers(now);
  }

  #checkPorts(now: Millis): void {
    this.#nextPorts = now + PORT_CHECK;
    for (let port = 0; port < this.#ports.length; port++) {
      const lost = (this.#ports[port] as Port).lost();
      if (lost > 0) {
        this.#count(DROP_AT + Drop["kernel-ring"], lost);
        this.#count(PORT_AT + port * PORT_COUNTERS + PortCounter.Drops, lost);
      }
      this.#checkLink(port, now);
    }
    if (now < this.#nextSpeeds) return;
    this.#nextSpeeds = now + SPEED_CHECK;
    for (let port = 0; port < this.#ports.length; port++) this.#checkSpeed(port, now);
  }

  #checkSpeed(port: PortId, now: Millis): void {
    this.#dispatch.speedChanged(port, (this.#ports[port] as Port).speed?.() ?? 0, now);
  }

  #count(counter: number, more: number): void {
    this.#counters[counter] = (this.#counters[counter] as number) + more;
  }

  #checkMembers(now: Millis): void {
    this.#nextMembers = now + MEMBER_CHECK;
    if (this.#out.master(Role.Link) !== this.#out.core) return;
    for (let port = 0; port < this.#ports.length; port++) {
      if (this.#dispatch.isWatched(port)) this.#checkLink(port, now);
    }
  }

  #checkLink(port: PortId, now: Millis): void {
    const { up } = (this.#ports[port] as Port).status(now);
    if (up === (this.#up[port] ?? true)) return;
    this.#up[port] = up;
    if (up) this.#checkSpeed(port, now);
    this.#dispatch.linkChanged(port, up, now);
    if (this.#out.master(Role.Link) === this.#out.core) {
      this.#out.event(EventCode[up ? "port-up" : "port-down"], port, 0, 0, 0);
    }
  }
}
