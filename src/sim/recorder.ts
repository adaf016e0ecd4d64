// An Out that remembers: frames in hex, messages, drops and events, for tests of one engine on its own and of several
// engines joined by hand (`accept`). Frames live in an arena of its own.

import { DROP_NAMES } from "../engine/drop.ts";
import { EVENT_NAMES } from "../engine/event.ts";
import { BUFFER, HEADROOM, OFFLOAD } from "../engine/frame.ts";
import { MESSAGE_NAMES, RECORD } from "../engine/message.ts";
import type { Engine, Out } from "../engine/out.ts";
import type { Role } from "../engine/role.ts";
import { Arena } from "../lib/arena.ts";
import type { Copy } from "../lib/copy.ts";
import type { CoreId, Millis, Offset, PortId } from "../lib/units.ts";

/** A message as sent: its record's bytes. */
export interface SentMessage {
  readonly from: CoreId;
  readonly to: CoreId;
  readonly type: number;
  readonly name: string;
  readonly bytes: Uint8Array;
}

const DRAFT = 4096;
const DELIVERY = DRAFT + RECORD;
const BUFFERS = 8192;
const BUFFER_COUNT = 1024;

export class Recorder implements Out {
  readonly core: CoreId;
  readonly cores: number;
  readonly arena: Arena = Arena.create(BUFFERS + BUFFER_COUNT * BUFFER);
  readonly view: DataView = this.arena.view;
  readonly bytes: Uint8Array = this.arena.u8;
  readonly copy: Copy = this.arena.copy;
  /** Roles; change it to move one. */
  readonly masters: CoreId[] = [0, 0];
  /** Frames sent: the port and the bytes in hex, copied at the call. */
  readonly frames: { port: PortId; hex: string }[] = [];
  readonly messages: SentMessage[] = [];
  readonly handovers: { to: CoreId; port: PortId; hex: string }[] = [];
  readonly drops: string[] = [];
  readonly events: { name: string; a: number; b: number; c: number; d: number }[] = [];
  /** Set to make every buffer request fail. */
  poolEmpty = false;
  #buffer = 0;
  readonly #held = new Map<number, { start: Offset; end: Offset }>();

  constructor(core: CoreId = 0, cores = 1) {
    this.core = core;
    this.cores = cores;
  }

  /** Puts a frame (hex, blanks allowed) into a buffer; returns its offsets. */
  frame(hex: string): { start: Offset; end: Offset } {
    const data = Buffer.from(hex.replaceAll(/[^0-9a-f]/gi, ""), "hex");
    const start = this.scratch(data.length);
    this.bytes.set(data, start);
    return { start, end: start + data.length };
  }

  hex(start: Offset, end: Offset): string {
    return Buffer.from(this.bytes.slice(start, end)).toString("hex");
  }

  transmit(port: PortId, start: Offset, end: Offset): void {
    this.frames.push({ port, hex: this.hex(start, end) });
  }

  scratch(room: number): Offset {
    if (this.poolEmpty || room > BUFFER - HEADROOM) {
      this.drops.push("pool-empty");
      return -1;
    }
    let start = -1;
    for (let tries = 0; tries < BUFFER_COUNT; tries++) {
      start = BUFFERS + (this.#buffer++ % BUFFER_COUNT) * BUFFER + HEADROOM;
      if (!this.#held.has(start)) break; // What somebody holds is not given out again.
    }
    this.bytes.fill(0, start - OFFLOAD, start);
    return start;
  }

  hold(start: Offset, end: Offset): number {
    const copy = this.scratch(end - start);
    if (copy < 0) return -1;
    this.copy(start - OFFLOAD, copy - OFFLOAD, end);
    this.#held.set(copy, { start: copy, end: copy + end - start });
    return copy;
  }

  heldStart(handle: number): Offset {
    return this.#held.get(handle)?.start ?? -1;
  }

  heldEnd(handle: number): Offset {
    return this.#held.get(handle)?.end ?? -1;
  }

  release(handle: number): void {
    if (!this.#held.delete(handle)) throw new Error("a buffer was released twice");
  }

  /** Buffers held and not yet released: 0 when nothing waits. */
  get held(): number {
    return this.#held.size;
  }

  master(role: Role): CoreId {
    return this.masters[role] ?? 0;
  }

  draft(type: number): Offset {
    this.bytes.fill(0, DRAFT, DRAFT + RECORD);
    this.view.setUint8(DRAFT, type);
    this.view.setUint8(DRAFT + 1, this.core);
    return DRAFT;
  }

  send(to: CoreId): void {
    if (to === this.core) throw new Error("a core sent a message to itself");
    const type = this.view.getUint8(DRAFT);
    const name = MESSAGE_NAMES[type] ?? "?";
    this.messages.push({
      from: this.core,
      to,
      type,
      name,
      bytes: this.bytes.slice(DRAFT, DRAFT + RECORD),
    });
  }

  broadcast(): void {
    for (let to = 0; to < this.cores; to++) if (to !== this.core) this.send(to);
  }

  handover(to: CoreId, port: PortId, start: Offset, end: Offset): void {
    this.handovers.push({ to, port, hex: this.hex(start, end) });
  }

  drop(reason: number): void {
    this.drops.push(DROP_NAMES[reason] ?? `unknown ${reason}`);
  }

  event(code: number, a: number, b: number, c: number, d: number): void {
    this.events.push({ name: EVENT_NAMES[code] ?? `unknown ${code}`, a, b, c, d });
  }

  /** Gives a message of another recorder to an engine on this one. */
  accept(message: SentMessage, engine: Engine, now: Millis): void {
    this.bytes.set(message.bytes, DELIVERY);
    engine.message(message.type, message.from, DELIVERY, now);
  }

  /** Forgets what was recorded; keeps held buffers. */
  clear(): void {
    for (const list of [this.frames, this.messages, this.handovers, this.drops, this.events])
      list.length = 0;
  }
}
