// What an invariant is: a promise that is looked at after every step of the simulator, and when all is quiet. One file
// per protocol; simulator.ts has the list.

import type { Millis } from "../../lib/units.ts";
import type { Fabric, Node } from "../fabric.ts";
import type { Seen } from "../seen.ts";

/** What invariants may look at. */
export interface Stage {
  readonly fabric: Fabric;
  /** Counts the steps. */
  readonly steps: number;
  /** When something last happened that a promise has to make allowance for. */
  readonly disturbed: {
    /** A core was kept from running or died; a bucket move may have been forced by that. */
    core: Millis;
    /** A role moved. */
    role: Millis;
    /** A bucket moved. */
    bucket: Millis;
    /** A wire lost, doubled or delayed frames, or was pulled. */
    wire: Millis;
  };
}

export interface Invariant {
  /** A frame left an appliance. */
  frame?(seen: Seen): void;
  /** A core has had its turn. */
  stepped?(node: Node): void;
  /** All is mended, and the time to converge has gone by. */
  settled?(): void;
  /** Says what is not as it should be when all is quiet; "" = all is well. Asked again and again until the bound. */
  unsettled?(): string;
}
