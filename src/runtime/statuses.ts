// What people see of the cores.

import type { CoreStatus } from "../control/appliance-port.ts";
import type { Supervision } from "../core/supervision.ts";
import type { Millis } from "../lib/units.ts";

/** One status per core; a load below 0 is that of a core that takes no part. */
export function coreStatuses(
  supervision: Supervision,
  loads: Float64Array,
  now: Millis,
): CoreStatus[] {
  return Array.from(loads, (load, core) => {
    const beat = supervision.membership.heartbeat(core);
    return {
      core,
      state: supervision.state(core),
      load: Math.max(0, load),
      heartbeatAgeMs: Math.max(0, ((now | 0) - beat) | 0),
      restarts: supervision.restarts(core),
      reason: supervision.reason(core),
    };
  });
}
