// A memory link: a cable inside the arena, with one ring of frame slots per direction and queue. The core's end and the
// world's end (the lab, a test, another thread) are the same class. Frames are received in place and copied on send;
// cursors are published once per batch. The header of engine/frame.ts travels along, so checksums may stay unfinished;
// a super-frame is cut into the slots by software.
//
//   link:  +0 up flag of the core's end   +64 up flag of the world's end   +128 rings: for each queue, to the core,
//                                                                         then to the world
//   ring:  +0 tail (producer)  +128 lost (producer)  +256 head (consumer)  +384 slots
//   slot:  start, end (i32 each), at most 35 bytes of headroom, the frame
//
// Cursors count slots and wrap at 2^32; the number of slots is a power of two.

import { BUFFER, FRAME_ROOM, HEADROOM } from "../engine/frame.ts";
import type { Arena, Planner } from "../lib/arena.ts";
import { assert } from "../lib/assert.ts";
import type { Copy } from "../lib/copy.ts";
import type { Mac, Millis, Offset } from "../lib/units.ts";
import * as offload from "../wire/offload.ts";
import { segmentCount, segmentRoom, writeSegment } from "../wire/segment.ts";
import type { Batch, Port, PortStatus } from "./port.ts";

const UP_CORE = 0;
const UP_WORLD = 64;
const LINK = 128;
const TAIL = 0;
const LOST = 128;
const HEAD = 256;
const RING = 384;
/**
 * Bytes from slot to slot. One cache line more than a buffer: with a power of two all frames of a burst would lie in
 * the same two sets of the first-level cache (64 sets of 64 bytes).
 */
const STRIDE: number = BUFFER + 64;
/** Largest frame: what a buffer holds; the extra line takes up the alignment. */
export const MEMORY_ROOM: number = FRAME_ROOM;

/** A memory link as the planner laid it out: plain data that crosses threads. */
export interface MemoryLinkPlan {
  readonly offset: Offset;
  readonly slots: number;
  readonly queues: number;
}

/** Reserves a link of `slots` frames (a power of two) per direction and queue; both ends start with their link up. */
export function planMemoryLink(planner: Planner, slots: number, queues = 1): MemoryLinkPlan {
  assert(slots > 0 && (slots & (slots - 1)) === 0, "a memory link's slots are a power of two");
  const offset = planner.reserve(LINK + 2 * queues * (RING + slots * STRIDE), 4096);
  return { offset, slots, queues };
}

/** Which end of the link; "core" is the appliance's. */
export type MemorySide = "core" | "world";

export interface MemoryOptions {
  readonly side: MemorySide;
  /** What this end's status says. */
  readonly mac?: Mac;
  readonly mtu?: number;
  /** Called after a batch was published, to wake a sleeping far end. */
  readonly wake?: () => void;
}

const nobody = (): void => undefined;

/** One end of one queue. The world's end has the same methods as the core's. */
export class MemoryPort implements Port {
  readonly descriptors: readonly number[] = [];
  readonly #i32: Int32Array;
  readonly #copy: Copy;
  readonly #view: DataView;
  readonly #mask: number;
  readonly #slots: number;
  /** Where this end receives: index of the ring's first word, offset of its first slot. */
  readonly #in: number;
  readonly #inSlots: Offset;
  readonly #out: number;
  readonly #outSlots: Offset;
  readonly #ownUp: number;
  readonly #farUp: number;
  readonly #mac: Mac;
  readonly #mtu: number;
  readonly #wake: () => void;
  #head: number;
  #released: number;
  #seenTail: number;
  #tail: number;
  #published: number;
  #seenHead: number;
  #lostSeen: number;

  constructor(arena: Arena, plan: MemoryLinkPlan, queue: number, options: MemoryOptions) {
    assert(queue >= 0 && queue < plan.queues, "a queue of the link");
    const ring = RING + plan.slots * STRIDE;
    const toCore = plan.offset + LINK + 2 * queue * ring;
    const toWorld = toCore + ring;
    const isCore = options.side === "core";
    const receives = isCore ? toCore : toWorld;
    const sends = isCore ? toWorld : toCore;
    this.#i32 = arena.i32;
    this.#copy = arena.copy;
    this.#view = arena.view;
    this.#slots = plan.slots;
    this.#mask = plan.slots - 1;
    this.#in = receives >> 2;
    this.#inSlots = receives + RING;
    this.#out = sends >> 2;
    this.#outSlots = sends + RING;
    this.#ownUp = (plan.offset + (isCore ? UP_CORE : UP_WORLD)) >> 2;
    this.#farUp = (plan.offset + (isCore ? UP_WORLD : UP_CORE)) >> 2;
    this.#mac = options.mac ?? 0;
    this.#mtu = options.mtu ?? 1500;
    this.#wake = options.wake ?? nobody;
    this.#head = Atomics.load(this.#i32, this.#in + (HEAD >> 2));
    this.#released = this.#head;
    this.#seenTail = this.#head;
    this.#tail = Atomics.load(this.#i32, this.#out + (TAIL >> 2));
    this.#published = this.#tail;
    this.#seenHead = Atomics.load(this.#i32, this.#out + (HEAD >> 2));
    this.#lostSeen = Atomics.load(this.#i32, this.#in + (LOST >> 2));
  }

  receive(batch: Batch): void {
    let count = 0;
    const room = batch.start.length;
    if (((this.#seenTail - this.#head) | 0) < room) {
      this.#seenTail = Atomics.load(this.#i32, this.#in + (TAIL >> 2));
    }
    let ready = (this.#seenTail - this.#head) | 0;
    let head = this.#head;
    while (count < room && ready > 0) {
      const word = (this.#inSlots + (head & this.#mask) * STRIDE) >> 2;
      batch.start[count] = this.#i32[word] as number;
      batch.end[count] = this.#i32[word + 1] as number;
      head = (head + 1) | 0;
      count++;
      ready--;
    }
    this.#head = head;
    batch.count = count;
  }

  release(): void {
    if (this.#released === this.#head) return;
    this.#released = this.#head;
    Atomics.store(this.#i32, this.#in + (HEAD >> 2), this.#head);
  }

  send(batch: Batch): number {
    if (Atomics.load(this.#i32, this.#farUp) === DOWN) return 0;
    const count = batch.count;
    let taken = 0;
    for (let index = 0; index < count; index++) {
      taken += this.#put(batch.start[index] as number, batch.end[index] as number);
    }
    if (taken < count) Atomics.add(this.#i32, this.#out + (LOST >> 2), count - taken);
    if (this.#tail !== this.#published) {
      this.#published = this.#tail;
      Atomics.store(this.#i32, this.#out + (TAIL >> 2), this.#tail);
      this.#wake();
    }
    return taken;
  }

  pending(): boolean {
    return Atomics.load(this.#i32, this.#in + (TAIL >> 2)) !== this.#head;
  }

  lost(): number {
    const lost = Atomics.load(this.#i32, this.#in + (LOST >> 2));
    const fresh = (lost - this.#lostSeen) | 0;
    this.#lostSeen = lost;
    return fresh;
  }

  /** Frames that the far end's ring takes now: for a world that does not want to lose any. */
  get room(): number {
    this.#seenHead = Atomics.load(this.#i32, this.#out + (HEAD >> 2));
    return this.#slots - ((this.#tail - this.#seenHead) | 0);
  }

  /** Plugs or pulls this end of the cable; the far end sees its link go up or down. */
  setUp(up: boolean): void {
    Atomics.store(this.#i32, this.#ownUp, up ? UP : DOWN);
  }

  status(_now: Millis): PortStatus {
    const up = Atomics.load(this.#i32, this.#farUp) !== DOWN;
    return { driver: "memory", interface: "", up, mac: this.#mac, mtu: this.#mtu };
  }

  /** As a virtual cable of the kernel says of itself (veth). */
  speed(): number {
    return 10_000;
  }

  close(): void {
    this.release();
  }

  /** Offset of the next slot to fill, or -1 when the ring is full. */
  #claim(): Offset {
    if (((this.#tail - this.#seenHead) | 0) >= this.#slots) {
      this.#seenHead = Atomics.load(this.#i32, this.#out + (HEAD >> 2));
      if (((this.#tail - this.#seenHead) | 0) >= this.#slots) return -1;
    }
    return this.#outSlots + (this.#tail & this.#mask) * STRIDE;
  }

  /** Copies one frame out; 1 when it was taken. */
  #put(start: Offset, end: Offset): number {
    const length = end - start;
    if (length > MEMORY_ROOM) return this.#cut(start, end);
    const slot = this.#claim();
    if (slot < 0) return 0;
    const to = slot + HEADROOM;
    this.#copy(start - offload.OFFLOAD, to - offload.OFFLOAD, end);
    this.#i32[slot >> 2] = to;
    this.#i32[(slot >> 2) + 1] = to + length;
    this.#tail = (this.#tail + 1) | 0;
    return 1;
  }

  /** Cuts a super-frame into slots; 0 when it is none, or when not all of it fits. */
  #cut(start: Offset, end: Offset): number {
    if (!offload.isSuper(this.#view, start)) return 0;
    const count = segmentCount(this.#view, start, end);
    if (count === 0 || segmentRoom(this.#view, start, end) > MEMORY_ROOM) return 0;
    if (count > this.room) return 0;
    for (let index = 0; index < count; index++) {
      const slot = this.#outSlots + (this.#tail & this.#mask) * STRIDE;
      const to = slot + HEADROOM;
      const last = writeSegment(this.#view, this.#copy, start, end, index, to);
      this.#i32[slot >> 2] = to;
      this.#i32[(slot >> 2) + 1] = last;
      this.#tail = (this.#tail + 1) | 0;
    }
    return 1;
  }
}

/** Values of an up flag: zeroed memory is a link that is up. */
const UP = 0;
const DOWN = 1;
