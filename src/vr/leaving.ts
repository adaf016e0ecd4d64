// Leaving without a gap: neighbours hear at once that the routers are free, while frames to the virtual MACs are still
// taken and forwarded, and their addresses answered for, until each router's successor was heard. RFC 9568 6.4.3 lets
// the backups wait for a skew time first, up to an interval in which nobody would forward. Link master only.

import type { Millis } from "../lib/units.ts";
import { State as Hsrp } from "../wire/hsrp.ts";
import type { Advert } from "./advert.ts";
import { STALL_SHARE } from "./config.ts";
import { type Machine, OFF } from "./machine.ts";
import { type Effects, Send } from "./rules.ts";

export class Leaving {
  /** Machines whose successor was not heard yet; null = nobody leaves. */
  #waits: Set<Machine> | null = null;

  get isOn(): boolean {
    return this.#waits !== null;
  }

  /** Says that the Active machines leave, the first time; how many still have no successor. */
  begin(machines: readonly Machine[], effects: Pick<Effects, "transmit">, now: Millis): number {
    if (this.#waits === null) {
      this.#waits = new Set(machines.filter(({ isActive }) => isActive));
      for (const machine of this.#waits) effects.transmit(machine, Send.Release, now);
    }
    return this.#waits.size;
  }

  /** An advertisement while leaving: of a successor, or of another one that leaves. */
  heard(machine: Machine, advert: Advert): void {
    const isSuccessor = machine.isHsrp ? advert.state === Hsrp.Active : advert.priority > 0;
    if (isSuccessor || machine.config.protocol === "carp") this.#waits?.delete(machine);
  }
}

/**
 * How long the link master's core may sleep: to the next timer of a machine, so that none runs late because nothing
 * else happens, and never so long that it would look stalled.
 */
export function sleepLimit(machines: readonly Machine[], now: Millis): Millis {
  let limit = Number.POSITIVE_INFINITY;
  for (const machine of machines) {
    const { advertAt, downAt, standbyAt, burstAt } = machine;
    if (advertAt !== OFF) limit = Math.min(limit, advertAt - now);
    if (downAt !== OFF) limit = Math.min(limit, downAt - now);
    if (standbyAt !== OFF) limit = Math.min(limit, standbyAt - now);
    if (burstAt !== OFF) limit = Math.min(limit, burstAt - now);
    limit = Math.min(limit, (machine.interval * STALL_SHARE) / 2);
  }
  return limit;
}
