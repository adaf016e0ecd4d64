// What one core sees, for a person: frames as they come and go with their class and the reason why one was given up,
// and messages of other cores. Exists only while somebody looks; without one, the core looks at one field per burst. It
// sits in the core and not around a port, because only there is known what became of a frame.
//
// It writes into a ring of bytes in the arena, which the control core reads:
//    +0    tail: bytes written so far          +64  records lost, because the ring was full
//    +128  head: bytes read so far             +256 the ring, a power of two
//    record: +0 length, a multiple of 8   +4 kind   +5 class   +6 reason + 1   +8 time   +16 port or type
//            +20 length on the wire   +24 bytes kept   +32 the bytes
// A record never wraps: kind 0 fills the rest of the ring.

import { BridgeCounter } from "../bridge/counters.ts";
import { CORE_AT, CoreCounter, DROP_AT } from "../engine/counter.ts";
import { DROP_COUNT } from "../engine/drop.ts";
import { RECORD } from "../engine/message.ts";
import type { Millis, Offset, PortId } from "../lib/units.ts";
import { Batch } from "../ports/port.ts";

export const Seen = { Pad: 0, Received: 1, Sent: 2, Message: 3 } as const;

/** What a frame was, as the bridge classes it (BR-2). */
export const CLASS_NAMES = [
  "sent",
  "drop", // Given up, and nothing came of it.
  "handover", // Another core's.
  "bpdu",
  "lag",
  "bcast",
  "mcast",
  "local", // For the appliance.
  "channel", // To the channel of its destination.
  "unknown", // To all channels of its VLAN.
  "taken", // By a protocol, or by an interface of a routed port.
] as const;
type ClassName = (typeof CLASS_NAMES)[number];
const Class = Object.fromEntries(CLASS_NAMES.map((name, index) => [name, index])) as {
  readonly [N in ClassName]: number;
};

export const OBSERVER_TAIL = 0;
export const OBSERVER_LOST = 64;
export const OBSERVER_HEAD = 128;
export const OBSERVER_RING = 256;
export const SEEN_HEADER = 32;

/** 01-80-C2-00-00: how addresses that end at a bridge begin (IEEE 802.1D-2004 7.12.6). */
const RESERVED = 0x0180c200;

/** What the observer needs of its core. */
export interface Observed {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly counters: Float64Array;
  readonly dispatch: {
    readonly bridging: { readonly counters: Float64Array };
    receive(port: PortId, start: Offset, end: Offset, now: Millis): void;
  };
  treat(port: PortId, batch: Batch, now: Millis): void;
}

export interface ObserverOptions {
  /** Where the ring lies, and its bytes. */
  readonly at: Offset;
  readonly size: number;
  readonly frames: boolean;
  readonly messages: boolean;
  /** Bytes kept of a frame. */
  readonly snap: number;
}

export class Observer {
  readonly #core: Observed;
  readonly #options: ObserverOptions;
  readonly #i32: Int32Array;
  readonly #one: Batch = new Batch(1);
  readonly #drops: Float64Array = new Float64Array(DROP_COUNT);
  readonly #bridge: Float64Array;
  #handovers = 0;
  #working = false;
  /** Destination of the frame in work. */
  #head = 0;
  #rest = 0;
  #tail: number;

  constructor(core: Observed, options: ObserverOptions) {
    this.#core = core;
    this.#options = options;
    this.#i32 = new Int32Array(core.view.buffer);
    this.#bridge = new Float64Array(core.dispatch.bridging.counters.length);
    this.#tail = Atomics.load(this.#i32, (options.at + OBSERVER_TAIL) >> 2);
  }

  /** Treats a burst frame by frame, and notes what became of each. */
  burst(port: PortId, batch: Batch, now: Millis): void {
    const one = this.#one;
    for (let n = 0; n < batch.count; n++) {
      const start = batch.start[n] as number;
      const end = batch.end[n] as number;
      one.start[0] = start;
      one.end[0] = end;
      one.count = 1;
      const at = this.#begin(port, start, end, now);
      this.#core.treat(port, one, now);
      this.#end(at);
    }
  }

  /** Treats a frame that another core handed over, and notes what became of it. */
  handedOver(port: PortId, start: Offset, end: Offset, now: Millis): void {
    const at = this.#begin(port, start, end, now);
    this.#core.dispatch.receive(port, start, end, now);
    this.#end(at);
  }

  /** Copies a frame before it is treated, because that changes its bytes; -1 when it is not shown. */
  #begin(port: PortId, start: Offset, end: Offset, now: Millis): Offset {
    if (!this.#options.frames) return -1;
    const at = this.#put(Seen.Received, port, start, end, now);
    if (at < 0) return -1;
    const { view } = this.#core;
    this.#head = view.getUint32(start);
    this.#rest = view.getUint16(start + 4);
    this.#remember();
    this.#working = true;
    return at;
  }

  #end(at: Offset): void {
    if (at < 0) return;
    this.#working = false;
    const { view } = this.#core;
    view.setUint8(at + 5, this.#classOf());
    view.setUint16(at + 6, this.#reason() + 1);
    this.#publish();
  }

  /** Frames that leave. */
  sent(port: PortId, batch: Batch, count: number, now: Millis): void {
    if (!this.#options.frames) return;
    for (let n = 0; n < count; n++) {
      const at = this.#put(Seen.Sent, port, batch.start[n] as number, batch.end[n] as number, now);
      // A frame in work is shown when it is known what became of it; frames sent meanwhile come behind it.
      if (at >= 0 && !this.#working) this.#publish();
    }
  }

  /** A message of another core. */
  message(type: number, at: Offset, now: Millis): void {
    if (!this.#options.messages) return;
    if (this.#put(Seen.Message, type, at, at + RECORD, now) >= 0) this.#publish();
  }

  /** Writes a record without its end; -1 when there is no room. */
  #put(kind: number, number: number, start: Offset, end: Offset, now: Millis): Offset {
    const { at: ring, size, snap } = this.#options;
    const kept = Math.min(end - start, kind === Seen.Message ? RECORD : snap);
    const room = (SEEN_HEADER + kept + 7) & ~7;
    const head = Atomics.load(this.#i32, (ring + OBSERVER_HEAD) >> 2);
    const place = (this.#tail >>> 0) & (size - 1);
    const pad = place + room > size ? size - place : 0;
    if (((this.#tail - head) | 0) + pad + room > size) {
      const lost = (ring + OBSERVER_LOST) >> 2;
      this.#i32[lost] = (this.#i32[lost] as number) + 1;
      return -1;
    }
    const { view, bytes } = this.#core;
    if (pad > 0) {
      view.setUint32(ring + OBSERVER_RING + place, pad);
      view.setUint8(ring + OBSERVER_RING + place + 4, Seen.Pad);
      this.#tail = (this.#tail + pad) | 0;
    }
    const to = ring + OBSERVER_RING + ((this.#tail >>> 0) & (size - 1));
    view.setUint32(to, room);
    view.setUint8(to + 4, kind);
    view.setUint8(to + 5, 0);
    view.setUint16(to + 6, 0);
    view.setFloat64(to + 8, now);
    view.setUint32(to + 16, number);
    view.setUint32(to + 20, end - start);
    view.setUint32(to + 24, kept);
    bytes.copyWithin(to + SEEN_HEADER, start, start + kept);
    this.#tail = (this.#tail + room) | 0;
    return to;
  }

  #publish(): void {
    Atomics.store(this.#i32, (this.#options.at + OBSERVER_TAIL) >> 2, this.#tail);
  }

  #remember(): void {
    const { counters, dispatch } = this.#core;
    for (let n = 0; n < DROP_COUNT; n++) this.#drops[n] = counters[DROP_AT + n] as number;
    this.#bridge.set(dispatch.bridging.counters);
    this.#handovers = counters[CORE_AT + CoreCounter.Handovers] as number;
  }

  /** The first reason that was counted meanwhile, or -1. */
  #reason(): number {
    const { counters } = this.#core;
    for (let n = 0; n < DROP_COUNT; n++) {
      if (counters[DROP_AT + n] !== this.#drops[n]) return n;
    }
    return -1;
  }

  #rose(counter: number): boolean {
    return this.#core.dispatch.bridging.counters[counter] !== this.#bridge[counter];
  }

  #classOf(): number {
    const { counters } = this.#core;
    const head = this.#head;
    const rest = this.#rest;
    const group = (head & 0x01000000) !== 0;
    const handedOver = counters[CORE_AT + CoreCounter.Handovers] !== this.#handovers;
    const forwarded = this.#rose(BridgeCounter.Forwarded);
    const flooded = this.#rose(BridgeCounter.Flooded);
    const local = this.#rose(BridgeCounter.Local);
    const dropped = this.#reason() >= 0;
    if (handedOver) return Class.handover;
    if (dropped && !forwarded && !flooded && !local) return Class.drop;
    if (head === RESERVED && rest === 0) return Class.bpdu;
    if (head === RESERVED && rest === 2) return Class.lag;
    if (head === 0xffffffff && rest === 0xffff) return Class.bcast;
    if (group) return Class.mcast;
    // What is for us may be sent on by us.
    if (local) return Class.local;
    if (forwarded) return Class.channel;
    return flooded ? Class.unknown : Class.taken;
  }
}
