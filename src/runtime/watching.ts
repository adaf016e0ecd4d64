// Shows people what the cores see (core/observer.ts): one ring per core, made when somebody looks for the first time,
// read every few milliseconds while somebody looks, and given to everybody who does.

import type {
  Appliance,
  CoreCommand,
  ObserveRequest,
  SeenRecord,
} from "../control/appliance-port.ts";
import {
  OBSERVER_HEAD,
  OBSERVER_LOST,
  OBSERVER_RING,
  OBSERVER_TAIL,
  SEEN_HEADER,
  Seen,
} from "../core/observer.ts";
import type { Arena } from "../lib/arena.ts";
import type { CoreId, Offset } from "../lib/units.ts";

/** Bytes of each core's ring: some 20 ms of a busy core. Our choice. */
const RING_BYTES = 4 * 1024 * 1024;
/** How often the rings are read. */
const INTERVAL = 20;

const KINDS: Readonly<Record<number, SeenRecord["kind"]>> = {
  [Seen.Received]: "received",
  [Seen.Sent]: "sent",
  [Seen.Message]: "message",
};

interface Looker {
  readonly request: ObserveRequest;
  readonly each: (record: SeenRecord) => void;
  readonly lost: (count: number) => void;
}

export interface WatchingOptions {
  readonly arena: Arena;
  readonly cores: number;
  /** Milliseconds since 1970 of the appliance's time zero. */
  readonly epoch: () => number;
  readonly reserve: (bytes: number) => Offset;
  readonly command: (core: CoreId, command: CoreCommand) => Promise<unknown>;
}

export class Watching {
  readonly #options: WatchingOptions;
  readonly #lookers = new Set<Looker>();
  #rings: readonly Offset[] = [];
  #lostSeen: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WatchingOptions) {
    this.#options = options;
  }

  observe(...[request, each, lost]: Parameters<Appliance["observe"]>): () => void {
    const { cores, reserve } = this.#options;
    if (this.#rings.length === 0) {
      this.#rings = Array.from({ length: cores }, () => reserve(OBSERVER_RING + RING_BYTES));
      this.#lostSeen = this.#rings.map(() => 0);
    }
    if (this.#lookers.size === 0) this.#forget();
    const looker = { request, each, lost };
    this.#lookers.add(looker);
    this.#tell();
    this.#timer ??= setInterval(() => this.#read(), INTERVAL);
    return () => {
      if (!this.#lookers.delete(looker)) return;
      this.#tell();
      if (this.#lookers.size === 0) this.stop();
    };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#lookers.clear();
  }

  /** What was left when the last one looked away is old. */
  #forget(): void {
    const { i32 } = this.#options.arena;
    for (const ring of this.#rings) {
      const tail = Atomics.load(i32, (ring + OBSERVER_TAIL) >> 2);
      Atomics.store(i32, (ring + OBSERVER_HEAD) >> 2, tail);
    }
  }

  /** Tells every core what all who look want together. A core that is not there now has nothing to show. */
  #tell(): void {
    for (const [core, ring] of this.#rings.entries()) {
      const wanted = [...this.#lookers]
        .map(({ request }) => request)
        .filter((request) => request.core < 0 || request.core === core);
      const command = {
        kind: "observe",
        at: wanted.length === 0 ? -1 : ring,
        size: RING_BYTES,
        frames: wanted.some(({ frames }) => frames),
        messages: wanted.some(({ messages }) => messages),
        snap: Math.max(0, ...wanted.map(({ snap }) => snap)),
      } as const;
      this.#options.command(core, command).catch(() => {}); // See above.
    }
  }

  #read(): void {
    for (const [core, ring] of this.#rings.entries()) {
      this.#readRing(core, ring);
      const all = this.#options.arena.i32[(ring + OBSERVER_LOST) >> 2] as number;
      const fresh = (all - (this.#lostSeen[core] as number)) | 0;
      this.#lostSeen[core] = all;
      if (fresh > 0) for (const { lost } of this.#lookers) lost(fresh);
    }
  }

  #readRing(core: CoreId, ring: Offset): void {
    const { arena, epoch } = this.#options;
    const { i32, u8, view } = arena;
    const zero = epoch();
    const tail = Atomics.load(i32, (ring + OBSERVER_TAIL) >> 2);
    let head = i32[(ring + OBSERVER_HEAD) >> 2] as number;
    while (head !== tail) {
      const at = ring + OBSERVER_RING + ((head >>> 0) & (RING_BYTES - 1));
      const kind = KINDS[view.getUint8(at + 4)];
      const kept = view.getUint32(at + 24);
      head = (head + view.getUint32(at)) | 0;
      if (kind === undefined) continue;
      const record: SeenRecord = {
        kind,
        core,
        time: zero + view.getFloat64(at + 8),
        number: view.getUint32(at + 16),
        class: view.getUint8(at + 5),
        reason: view.getUint16(at + 6) - 1,
        length: view.getUint32(at + 20),
        bytes: u8.subarray(at + SEEN_HEADER, at + SEEN_HEADER + kept),
      };
      for (const { request, each } of [...this.#lookers]) {
        const wanted = kind === "message" ? request.messages : request.frames;
        if (wanted && (request.core < 0 || request.core === core)) each(record);
      }
    }
    Atomics.store(i32, (ring + OBSERVER_HEAD) >> 2, head);
  }
}
