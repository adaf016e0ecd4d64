// A driver as a core sees it in the simulator: the memory link, with an eye on what is sent and given back. Frames that
// were given back are overwritten, so that nobody reads them later without being noticed.

import { OFFLOAD } from "../engine/frame.ts";
import type { Millis, Offset } from "../lib/units.ts";
import { Batch, BURST, type Port, type PortStatus } from "../ports/port.ts";

/** What freed memory is filled with: no address, no type, no length that anybody sends. */
export const POISON = 0xdb;

/** Told of frames on their way out. */
export interface Outlet {
  /** A frame leaves through a port; its bytes lie at start..end. */
  leaving(port: number, start: Offset, end: Offset): void;
  /** The driver is called; a core may die of it. */
  called(): void;
}

export class WatchedPort implements Port {
  readonly descriptors: readonly number[] = [];
  readonly #inner: Port;
  readonly #port: number;
  readonly #u8: Uint8Array;
  readonly #outlet: Outlet;
  readonly #lent: Batch = new Batch(BURST * 4);

  constructor(inner: Port, port: number, u8: Uint8Array, outlet: Outlet) {
    this.#inner = inner;
    this.#port = port;
    this.#u8 = u8;
    this.#outlet = outlet;
  }

  receive(batch: Batch): void {
    this.#outlet.called();
    this.#inner.receive(batch);
    const lent = this.#lent;
    for (let n = 0; n < batch.count && lent.count < lent.start.length; n++) {
      lent.start[lent.count] = batch.start[n] as number;
      lent.end[lent.count] = batch.end[n] as number;
      lent.count++;
    }
  }

  release(): void {
    this.#outlet.called();
    const lent = this.#lent;
    for (let n = 0; n < lent.count; n++) {
      this.#u8.fill(POISON, (lent.start[n] as number) - OFFLOAD, lent.end[n]);
    }
    lent.count = 0;
    this.#inner.release();
  }

  send(batch: Batch): number {
    this.#outlet.called();
    for (let n = 0; n < batch.count; n++) {
      this.#outlet.leaving(this.#port, batch.start[n] as number, batch.end[n] as number);
    }
    return this.#inner.send(batch);
  }

  pending(): boolean {
    return this.#inner.pending();
  }

  lost(): number {
    return this.#inner.lost();
  }

  status(now: Millis): PortStatus {
    return this.#inner.status(now);
  }

  close(): void {
    this.#inner.close();
  }
}
