// A core whose load stays high is relieved of its roles (CORE-8); it may have them again when its load has stayed low
// as long. Between the two thresholds nothing changes, so that no role swings to and fro.

import type { CoreId, Millis } from "../lib/units.ts";
import type { SupervisionConfig } from "./supervision-config.ts";

/** Of the threshold: below this a relieved core is idle again. Our choice: the role itself is a part of the load. */
const RELIEF = 0.6;

export class Overload {
  readonly #over: Uint8Array;
  /** How long the load has spoken against the present state. */
  readonly #for: Float64Array;

  constructor(cores: number) {
    this.#over = new Uint8Array(cores);
    this.#for = new Float64Array(cores);
  }

  isOver(core: CoreId): boolean {
    return this.#over[core] === 1;
  }

  /** A look at a load after `passed`; true when the core is relieved now, or no longer. */
  look(core: CoreId, load: number, passed: Millis, limits: SupervisionConfig): boolean {
    const { overloadThreshold, overloadTime } = limits;
    const isOver = this.#over[core] === 1;
    const speaksAgainst = isOver
      ? load < overloadThreshold * RELIEF
      : overloadThreshold < 1 && load >= overloadThreshold;
    if (!speaksAgainst) {
      this.#for[core] = 0;
      return false;
    }
    this.#for[core] = (this.#for[core] as number) + passed;
    if ((this.#for[core] as number) < overloadTime) return false;
    this.#for[core] = 0;
    this.#over[core] = isOver ? 0 : 1;
    return true;
  }
}
