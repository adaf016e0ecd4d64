// One core of an explored product: an Out that remembers what was sent, small enough to be made thousands of times a
// second, and the queues between the cores, one for each ordered pair.

import { BUFFER, HEADROOM, OFFLOAD } from "../../engine/frame.ts";
import type { Engine, Replicated } from "../../engine/out.ts";
import type { Role } from "../../engine/role.ts";
import type { CoreId, Millis, Offset, PortId } from "../../lib/units.ts";
import type { Fingerprint } from "../explorer.ts";
import { DELIVERY, SmallOut } from "../small-out.ts";

const FRAMES = 256;
const COUNT = 8;
const SIZE: number = FRAMES + COUNT * BUFFER;

/** What is on its way: a record, or a mark of a re-sync. */
export interface Item {
  readonly bytes: Uint8Array;
  readonly mark: "" | "begin" | "end";
}

/** The queues between the cores of a product, and who lives. */
export class Pairs {
  readonly cores: number;
  readonly queues: Item[][];
  readonly masters: CoreId[] = [0, 0];

  constructor(cores: number) {
    this.cores = cores;
    this.queues = Array.from({ length: cores * cores }, () => []);
  }

  push(from: CoreId, to: CoreId, bytes: Uint8Array, mark: Item["mark"] = ""): void {
    this.queues[from * this.cores + to]?.push({ bytes, mark });
  }

  /** Names of the pairs that have something under way. */
  get busy(): string[] {
    return this.queues.flatMap((queue, pair) =>
      queue.length === 0 ? [] : [`${Math.floor(pair / this.cores)}>${pair % this.cores}`],
    );
  }

  get isQuiet(): boolean {
    return this.queues.every((queue) => queue.length === 0);
  }

  /** The queue of a pair by its name. */
  queue(pair: string): Item[] {
    const [from = 0, to = 0] = pair.split(">").map(Number);
    return this.queues[from * this.cores + to] as Item[];
  }

  print(print: Fingerprint): void {
    for (const queue of this.queues) {
      print.add(queue.length + 101);
      for (const { bytes, mark } of queue) {
        print.add(mark.length);
        for (let at = 0; at < bytes.length; at += 4) {
          print.add(
            ((bytes[at] as number) << 24) |
              ((bytes[at + 1] as number) << 16) |
              ((bytes[at + 2] as number) << 8) |
              (bytes[at + 3] as number),
          );
        }
      }
    }
  }
}

export class LightCore extends SmallOut {
  readonly pairs: Pairs;
  /** Frames that left since the last look. */
  readonly frames: { port: PortId; bytes: Uint8Array }[] = [];
  drops = 0;
  readonly #held = new Map<Offset, Offset>();
  #buffer = 0;

  constructor(pairs: Pairs, core: CoreId) {
    super(core, pairs.cores, SIZE);
    this.pairs = pairs;
  }

  /** Frames that are held and not released. */
  get held(): number {
    return this.#held.size;
  }

  override transmit(port: PortId, start: Offset, end: Offset): void {
    this.frames.push({ port, bytes: this.bytes.slice(start, end) });
  }

  override scratch(): Offset {
    for (let tries = 0; tries < COUNT; tries++) {
      const start = FRAMES + (this.#buffer++ % COUNT) * BUFFER + HEADROOM;
      if (this.#held.has(start)) continue;
      this.bytes.fill(0, start - OFFLOAD, start);
      return start;
    }
    return -1;
  }

  override hold(start: Offset, end: Offset): number {
    const copy = this.scratch();
    if (copy < 0) return -1;
    this.bytes.copyWithin(copy - OFFLOAD, start - OFFLOAD, end);
    this.#held.set(copy, copy + end - start);
    return copy;
  }

  override heldStart(handle: number): Offset {
    return handle;
  }

  override heldEnd(handle: number): Offset {
    return this.#held.get(handle) ?? -1;
  }

  override release(handle: number): void {
    if (!this.#held.delete(handle)) throw new Error("a buffer was released twice");
  }

  master(role: Role): CoreId {
    return this.pairs.masters[role] ?? 0;
  }

  tell(to: CoreId, record: Uint8Array): void {
    this.pairs.push(this.core, to, record);
  }

  drop(): void {
    this.drops++;
  }

  event(): void {}

  /** Takes the oldest item of a pair that ends here. */
  deliver(from: CoreId, engine: Engine & Replicated, now: Millis): void {
    const item = this.pairs.queue(`${from}>${this.core}`).shift();
    if (item === undefined) return;
    if (item.mark === "begin") engine.resyncBegin(from, now);
    else if (item.mark === "end") engine.resyncEnd(from, now, false);
    else {
      this.bytes.set(item.bytes, DELIVERY);
      engine.message(item.bytes[0] as number, from, DELIVERY, now);
    }
  }

  /** What a full ring comes to: all that is under way to a peer is lost, and the table is sent again, whole. */
  overflow(to: CoreId, engine: Replicated, now: Millis): void {
    this.pairs.queue(`${this.core}>${to}`).length = 0;
    this.pairs.push(this.core, to, new Uint8Array(0), "begin");
    for (let cursor = 0; cursor >= 0; ) cursor = engine.resync(to, cursor, 1000, now);
    this.pairs.push(this.core, to, new Uint8Array(0), "end");
  }
}
