// A port that is not there: the place of a number whose port was removed by a reload, so that other ports keep theirs.

import type { Batch, Port, PortStatus } from "./port.ts";

export class NoPort implements Port {
  readonly descriptors: readonly number[] = [];

  receive(batch: Batch): void {
    batch.count = 0;
  }

  release(): void {}

  send(_batch: Batch): number {
    return 0;
  }

  pending(): boolean {
    return false;
  }

  lost(): number {
    return 0;
  }

  status(): PortStatus {
    return { driver: "none", interface: "", up: false, mac: 0, mtu: 1500 };
  }

  close(): void {}
}
