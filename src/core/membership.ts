// Who takes part, as shared memory says it (CORE-8, CORE-9): the words of the control section that the control core
// alone writes. Every change ends with a new epoch; a core acts on it within a tick and says so in its presence
// block, so that what a dead core left in the rings is touched by nobody before its memory is used again.

import type { Arena } from "../lib/arena.ts";
import { resetRing, ringIsEmpty } from "../lib/ring.ts";
import type { CoreId, Offset } from "../lib/units.ts";
import { MAX_BUCKETS, MoveWord, moveWordsOf } from "../steering/indirection.ts";
import { MoveControl } from "../steering/move.ts";
import {
  bucketsOf,
  Control,
  CoreState,
  coversOf,
  type Layout,
  loadsOf,
  Presence,
  presenceWord,
} from "./layout.ts";

/** A load that takes no part in elections (steering/schemes.ts). */
const NO_PART = -1;

export class Membership {
  readonly cores: number;
  readonly #layout: Layout;
  readonly #i32: Int32Array;
  readonly #word: number;
  readonly #table: Uint8Array;
  readonly #covers: Uint8Array;
  readonly #loads: Float64Array;
  readonly #words: Int32Array;
  readonly #moves: MoveControl;
  readonly #arena: Arena;

  constructor(arena: Arena, layout: Layout) {
    this.cores = layout.cores;
    this.#arena = arena;
    this.#layout = layout;
    this.#i32 = arena.i32;
    this.#word = layout.control >> 2;
    this.#table = bucketsOf(arena, layout);
    this.#covers = coversOf(arena, layout);
    this.#loads = loadsOf(arena, layout);
    this.#words = moveWordsOf(this.#table) as Int32Array;
    this.#moves = new MoveControl(this.#table, this.#words);
  }

  #presence(core: CoreId, field: number): number {
    return Atomics.load(this.#i32, presenceWord(this.#layout, core) + field);
  }

  heartbeat(core: CoreId): number {
    return this.#presence(core, Presence.Heartbeat);
  }

  /** True when the core has every table. */
  isSynced(core: CoreId): boolean {
    return this.#presence(core, Presence.State) === CoreState.Online;
  }

  /** Frames that wait on the core for an address. */
  waiting(core: CoreId): number {
    return this.#presence(core, Presence.Waiting);
  }

  load(core: CoreId): number {
    return this.#loads[core] as number;
  }

  // --- who lives -----------------------------------------------------------------------------------------------------

  isAlive(core: CoreId): boolean {
    const word = this.#i32[this.#word + (core < 32 ? Control.AliveLow : Control.AliveHigh)];
    return (((word as number) >>> (core & 31)) & 1) === 1;
  }

  /** Lets a core take part in broadcasts, or no more. */
  setAlive(core: CoreId, alive: boolean): void {
    const at = this.#word + (core < 32 ? Control.AliveLow : Control.AliveHigh);
    if (alive) Atomics.or(this.#i32, at, 1 << (core & 31));
    else Atomics.and(this.#i32, at, ~(1 << (core & 31)));
    this.#loads[core] = alive ? 0 : NO_PART;
    Atomics.add(this.#i32, this.#word + Control.Epoch, 1);
  }

  generation(core: CoreId): number {
    return Atomics.load(this.#i32, this.#word + Control.Generation + core);
  }

  /** True when every core that lives has acted on the last change. */
  get isKnown(): boolean {
    const epoch = Atomics.load(this.#i32, this.#word + Control.Epoch);
    for (let core = 0; core < this.cores; core++) {
      if (this.isAlive(core) && this.#presence(core, Presence.Epoch) !== epoch) return false;
    }
    return true;
  }

  /**
   * What a core that has ended left in the rings: what was for it is given back to the senders, what it had sent is
   * pointed out to the receivers. False while a receiver still reads, for its frames lie in the pool of the core that
   * ended.
   */
  clearRings(core: CoreId): boolean {
    const { cores, rings } = this.#layout;
    let clear = true;
    for (let peer = 0; peer < cores; peer++) {
      if (peer === core) continue;
      resetRing(this.#arena, rings[peer * cores + core] as Offset);
      const from = rings[core * cores + peer] as Offset;
      if (ringIsEmpty(this.#arena, from)) continue;
      if (!this.isAlive(peer)) {
        resetRing(this.#arena, from);
        continue;
      }
      const word = core < 32 ? Presence.PendingLow : Presence.PendingHigh;
      Atomics.or(this.#i32, presenceWord(this.#layout, peer) + word, 1 << (core & 31));
      clear = false;
    }
    return clear;
  }

  /** Makes the presence block of a core ready for its next life. */
  renew(core: CoreId, now: number): void {
    const at = presenceWord(this.#layout, core);
    for (const field of [Presence.PendingLow, Presence.PendingHigh, Presence.Sleeping] as const) {
      Atomics.store(this.#i32, at + field, 0);
    }
    Atomics.store(this.#i32, at + Presence.Command, 0);
    Atomics.store(this.#i32, at + Presence.Leave, 0);
    Atomics.store(this.#i32, at + Presence.Waiting, 0);
    Atomics.store(this.#i32, at + Presence.Heartbeat, now | 0);
    Atomics.store(this.#i32, at + Presence.State, CoreState.Starting);
    Atomics.add(this.#i32, this.#word + Control.Generation + core, 1);
  }

  /** Tells a core to end in good order. */
  leave(core: CoreId): void {
    Atomics.store(this.#i32, presenceWord(this.#layout, core) + Presence.Leave, 1);
  }

  // --- roles and stand-ins -------------------------------------------------------------------------------------------

  master(role: number): CoreId {
    return this.#i32[this.#word + Control.RoleAt + role] as number;
  }

  setMaster(role: number, core: CoreId): void {
    Atomics.store(this.#i32, this.#word + Control.RoleAt + role, core);
  }

  /** Rules and schemes that name a core mean the one that stands in for it. */
  setCovers(serves: (core: CoreId) => boolean): void {
    const live = Array.from({ length: this.cores }, (_, core) => core).filter(serves);
    if (live.length === 0) return;
    for (let core = 0; core < this.cores; core++) {
      const cover = serves(core) ? core : (live[core % live.length] as CoreId);
      if (this.#covers[core] !== cover) Atomics.store(this.#covers, core, cover);
    }
  }

  // --- buckets -------------------------------------------------------------------------------------------------------

  /** The core of each of the first `count` buckets, live. */
  buckets(count: number): Uint8Array {
    return this.#table.subarray(0, count);
  }

  /** True when every core that lives has done with the last move. */
  get isMoved(): boolean {
    const epoch = this.#words[MoveWord.Announced];
    for (let core = 0; core < this.cores; core++) {
      if (this.isAlive(core) && this.#presence(core, Presence.Moved) !== epoch) return false;
    }
    return true;
  }

  /** Moves one bucket in order. */
  move(bucket: number, to: CoreId): void {
    this.#moves.move(bucket, to);
  }

  /** Gives the buckets of cores that do not keep theirs to those that take some, at once; how many those were. */
  rescue(
    count: number,
    keeps: (core: CoreId) => boolean,
    takes: (core: CoreId) => boolean,
  ): number {
    const table = new Uint8Array(MAX_BUCKETS);
    table.set(this.#table);
    const owned = new Map<CoreId, number>();
    for (let core = 0; core < this.cores; core++) if (takes(core)) owned.set(core, 0);
    if (owned.size === 0) return 0;
    for (let bucket = 0; bucket < count; bucket++) {
      const core = table[bucket] as CoreId;
      const have = owned.get(core);
      if (have !== undefined) owned.set(core, have + 1);
    }
    let rescued = 0;
    for (let bucket = 0; bucket < count; bucket++) {
      if (keeps(table[bucket] as CoreId)) continue;
      const [to] = [...owned].reduce((best, one) => (one[1] < best[1] ? one : best));
      owned.set(to, (owned.get(to) as number) + 1);
      table[bucket] = to;
      rescued++;
    }
    if (rescued > 0) this.#moves.rewrite(table.subarray(0, this.#table.length));
    return rescued;
  }
}
