// How cores are watched (CORE-8, CORE-9).

import type { Millis } from "../lib/units.ts";

export interface SupervisionConfig {
  /** A core that shows no sign for so long is dead; it is shown as stalled from half of it on. */
  readonly failureTimeout: Millis;
  /** A core that was started must have every table by then. */
  readonly startTimeout: Millis;
  /** Wait before the second restart; doubled for each one after it. The first comes at once. */
  readonly restartDelay: Millis;
  /** Restarts within `restartWindow`; then the core stays offline until an operator sets it online. */
  readonly maxRestarts: number;
  readonly restartWindow: Millis;
  /** A role leaves a core whose load (0..1) stays at or above this; 1 = never. */
  readonly overloadThreshold: number;
  readonly overloadTime: Millis;
}

export const SUPERVISION_DEFAULTS: SupervisionConfig = {
  failureTimeout: 300, // The specification's default; fifteen longest sleeps of an idle core.
  startTimeout: 30_000, // Our choice: what the start of the appliance waits for a core, on a machine under load.
  restartDelay: 1000, // Our choice, as keepalived and systemd's users do: a fault that comes back must not fill the CPU.
  maxRestarts: 5, // systemd's StartLimitBurst.
  restartWindow: 600_000, // Our choice: five faults in ten minutes are one that stays.
  overloadThreshold: 0.95, // Our choice: a core that is busy all the time answers late.
  overloadTime: 10_000, // As long as the specification's interval between two rebalancings.
};
