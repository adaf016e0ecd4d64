// The background check of coherence on the virtual clock, as the runtime has it: what a dead core told last may not
// have reached everyone, and then tables are sent again.

import { Coherence, comparableTables } from "../core/coherence.ts";
import { TABLE_COUNT } from "../engine/message.ts";
import type { Millis } from "../lib/units.ts";
import type { Cluster } from "./cluster.ts";

export class Repair {
  readonly #cluster: Cluster;
  readonly #coherence: Coherence = new Coherence(() => {});

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Tables that were sent again. */
  get repairs(): number {
    return this.#coherence.repairs.reduce((sum, count) => sum + count, 0);
  }

  /** Looks when it is time to. */
  tick(now: Millis): void {
    if (now < this.#coherence.due) return;
    const { cores, config, supervision } = this.#cluster;
    const serving = cores.filter(({ core }) => supervision.serves(core));
    const digests = serving.map(({ dispatch }) =>
      Array.from({ length: TABLE_COUNT }, (_, table) => ({
        table,
        digest: dispatch.replicated(table)?.summary().digest ?? 0,
      })),
    );
    const resend = this.#coherence.look(digests, comparableTables(config), now);
    if (resend !== 0) for (const { joining } of serving) joining.resendAll(resend);
  }
}
