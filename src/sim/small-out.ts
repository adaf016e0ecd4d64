// What the Outs of rigs and models have in common, each for one engine on one core: a few bytes of memory, one draft, a
// place for a record that arrives, and no buffers that are kept. Who wants more of it says so.

import { RECORD } from "../engine/message.ts";
import type { Out } from "../engine/out.ts";
import type { Copy } from "../lib/copy.ts";
import type { CoreId, Offset, PortId } from "../lib/units.ts";

/** Where the draft lies, a record that arrives, and a frame under construction. */
export const DRAFT = 0;
export const DELIVERY: number = RECORD;
export const SCRATCH: number = 2 * RECORD;

export abstract class SmallOut implements Out {
  readonly core: CoreId;
  readonly cores: number;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly copy: Copy = (from, to, end) => void this.bytes.copyWithin(to, from, end);

  constructor(core: CoreId, cores: number, size = 8192) {
    this.core = core;
    this.cores = cores;
    this.view = new DataView(new ArrayBuffer(size));
    this.bytes = new Uint8Array(this.view.buffer);
  }

  abstract master(role: number): CoreId;
  /** A record for another core; the bytes are the receiver's. */
  abstract tell(to: CoreId, record: Uint8Array): void;
  abstract drop(reason: number): void;
  abstract event(code: number, a: number, b: number, c: number, d: number): void;

  transmit(_port: PortId, _start: Offset, _end: Offset): void {}

  scratch(_room: number): Offset {
    return SCRATCH;
  }

  hold(_start: Offset, _end: Offset): number {
    return -1;
  }

  heldStart(_handle: number): Offset {
    return -1;
  }

  heldEnd(_handle: number): Offset {
    return -1;
  }

  release(_handle: number): void {}

  isAlive(_core: CoreId): boolean {
    return true;
  }

  draft(type: number): Offset {
    this.bytes.fill(0, DRAFT, DRAFT + RECORD);
    this.view.setUint8(DRAFT, type);
    this.view.setUint8(DRAFT + 1, this.core);
    return DRAFT;
  }

  send(to: CoreId): void {
    if (to === this.core) throw new Error("a core sent a message to itself");
    this.tell(to, this.bytes.slice(DRAFT, DRAFT + RECORD));
  }

  broadcast(): void {
    for (let to = 0; to < this.cores; to++) if (to !== this.core && this.isAlive(to)) this.send(to);
  }

  handover(_to: CoreId, _port: PortId, _start: Offset, _end: Offset): void {
    throw new Error("no frame is handed over here");
  }
}
