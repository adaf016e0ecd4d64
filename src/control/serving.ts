// What the control core gives to whoever serves it: api/ makes HTTP of it. control/ itself knows no server.

import type { Appliance } from "./appliance-port.ts";
import type { Configurations } from "./configurations.ts";
import type { Shown } from "./show.ts";

export interface Serving extends Shown {
  readonly appliance: Appliance;
  /** Plans, changes and history; absent where an appliance was made without a file. */
  readonly configurations?: Configurations | undefined;
  /** False: no metrics. */
  readonly metrics?: boolean | undefined;
  /** Also under the names of other exporters. */
  readonly compatMetrics?: boolean | undefined;
}
