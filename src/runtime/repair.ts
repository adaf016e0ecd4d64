// Asks the cores for their digests when a look is due, and has differing tables sent again (core/coherence.ts).

import type { SummaryAnswer } from "../control/appliance-port.ts";
import { Coherence, comparableTables } from "../core/coherence.ts";
import type { ApplianceConfig } from "../core/config.ts";
import type { CoreId, Millis } from "../lib/units.ts";

export interface RepairOptions {
  /** The cores that answer now. */
  readonly cores: () => readonly CoreId[];
  readonly summary: (core: CoreId) => Promise<SummaryAnswer>;
  /** Has a core send tables (bits) again, whole. */
  readonly resend: (core: CoreId, tables: number) => Promise<unknown>;
  readonly tell: (code: number, numbers: readonly number[]) => void;
}

export class Repair {
  readonly coherence: Coherence;
  readonly #options: RepairOptions;
  #isLooking = false;

  constructor(options: RepairOptions) {
    this.#options = options;
    this.coherence = new Coherence(options.tell);
  }

  turn(config: ApplianceConfig, now: Millis): void {
    if (now < this.coherence.due || this.#isLooking || config.cores.count === 1) return;
    this.#isLooking = true;
    void this.#look(config, now)
      .catch(() => {}) // A core ended meanwhile: the next look is without it.
      .finally(() => {
        this.#isLooking = false;
      });
  }

  async #look(config: ApplianceConfig, now: Millis): Promise<void> {
    const cores = this.#options.cores();
    const answers = await Promise.all(cores.map((core) => this.#options.summary(core)));
    const digests = answers.map(({ tables }) => tables);
    const resend = this.coherence.look(digests, comparableTables(config), now);
    if (resend === 0) return;
    await Promise.all(cores.map((core) => this.#options.resend(core, resend)));
  }
}
