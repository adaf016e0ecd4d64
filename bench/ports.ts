// The port that the benches' ports begin with: its link is up, it offers nothing, and forgets what it is given.

import { NoPort } from "../src/ports/none.ts";
import type { Batch, PortStatus } from "../src/ports/port.ts";

export class SinkPort extends NoPort {
  override send(batch: Batch): number {
    return batch.count;
  }

  override status(): PortStatus {
    return { driver: "bench", interface: "", up: true, mac: 1, mtu: 1500 };
  }
}
