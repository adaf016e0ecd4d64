// A core's view of who else lives (CORE-9): acts on what the control core wrote (membership.ts), and, on a core that
// was started again, knows when it has every table: when each peer that lives has sent each of them to the end.

import { TABLE_COUNT } from "../engine/message.ts";
import { ROLE_COUNT, type Role } from "../engine/role.ts";
import type { CoreId, Millis } from "../lib/units.ts";
import type { Distributor } from "../steering/distributor.ts";
import type { Mover } from "../steering/mover.ts";
import type { Bus } from "./bus.ts";
import type { Dispatch } from "./dispatch.ts";
import { Control, CoreState, type Layout, Presence, presenceWord } from "./layout.ts";
import type { Resync } from "./resync.ts";

/** The parts of a core that a peer's coming and going concerns. */
export interface Parts {
  readonly bus: Bus;
  readonly resync: Resync;
  readonly mover: Mover;
  readonly distributor: Distributor;
  readonly dispatch: Dispatch;
}

export class Joining {
  readonly #core: CoreId;
  readonly #cores: number;
  readonly #i32: Int32Array;
  readonly #layout: Layout;
  readonly #control: number;
  readonly #presence: number;
  readonly #parts: Parts;
  readonly #alive: Uint8Array;
  readonly #generation: Int32Array;
  #epoch: number;
  readonly #masters: number[];
  /** Per peer the tables that it has not sent to the end yet, by bits; null = this core has everything. */
  #missing: Int32Array | null = null;

  constructor(i32: Int32Array, layout: Layout, core: CoreId, parts: Parts) {
    this.#core = core;
    this.#cores = layout.cores;
    this.#i32 = i32;
    this.#layout = layout;
    this.#control = layout.control >> 2;
    this.#presence = presenceWord(layout, core);
    this.#parts = parts;
    this.#alive = new Uint8Array(layout.cores);
    this.#generation = new Int32Array(layout.cores);
    this.#epoch = Atomics.load(i32, this.#control + Control.Epoch);
    this.#masters = Array.from({ length: ROLE_COUNT }, (_, role) => this.#master(role));
    for (let peer = 0; peer < layout.cores; peer++) this.#read(peer);
    this.#put(Presence.State, CoreState.Online);
    this.#put(Presence.Epoch, this.#epoch);
  }

  #put(field: number, value: number): void {
    Atomics.store(this.#i32, this.#presence + field, value);
  }

  /**
   * This core was started again and must be sent these tables (bits) before it serves. A peer that is in the midst of
   * that waits for this one's, too, and has lived since before this core: it is seen neither to come nor to go.
   */
  want(tables: number): void {
    this.#missing = new Int32Array(this.#cores).fill(tables);
    this.#put(Presence.State, CoreState.Starting);
    for (let peer = 0; peer < this.#cores; peer++) {
      if (peer !== this.#core && this.#alive[peer] === 1 && this.#isStarting(peer)) {
        this.#joined(peer);
      }
    }
  }

  #isStarting(peer: CoreId): boolean {
    const at = presenceWord(this.#layout, peer) + Presence.State;
    return Atomics.load(this.#i32, at) === CoreState.Starting;
  }

  #read(peer: CoreId): void {
    const word = this.#i32[this.#control + (peer < 32 ? Control.AliveLow : Control.AliveHigh)];
    this.#alive[peer] = ((word as number) >>> (peer & 31)) & 1;
    this.#generation[peer] = this.#i32[this.#control + Control.Generation + peer] as number;
  }

  get hasEverything(): boolean {
    return this.#missing === null;
  }

  #master(role: number): CoreId {
    return this.#i32[this.#control + Control.RoleAt + role] as number;
  }

  /** Tells the engines when a role has moved. */
  lookAtRoles(now: Millis): void {
    for (let role = 0; role < this.#masters.length; role++) {
      const master = this.#master(role);
      if (master === this.#masters[role]) continue;
      this.#masters[role] = master;
      this.#parts.dispatch.roleChanged(role as Role, now);
    }
  }

  /** Looks whether anyone came or went. One load when not. */
  look(now: Millis): void {
    const epoch = Atomics.load(this.#i32, this.#control + Control.Epoch);
    if (epoch === this.#epoch) return;
    for (let peer = 0; peer < this.#cores; peer++) {
      if (peer !== this.#core) this.#compare(peer, now);
    }
    this.#read(this.#core);
    this.#epoch = epoch;
    this.#put(Presence.Epoch, epoch);
  }

  #compare(peer: CoreId, now: Millis): void {
    const before = this.#alive[peer] === 1;
    const generation = this.#generation[peer];
    this.#read(peer);
    const alive = this.#alive[peer] === 1;
    const isAnother = generation !== this.#generation[peer];
    if (before && (!alive || isAnother)) this.#left(peer, now);
    if (alive && (!before || isAnother)) this.#joined(peer);
  }

  /** A peer died or was taken out. What it told last may not have reached everyone: see coherence.ts. */
  #left(peer: CoreId, now: Millis): void {
    const { bus, resync, mover, distributor, dispatch } = this.#parts;
    mover.observe(now);
    bus.forget(peer);
    resync.forget(peer);
    distributor.coreLeft(peer);
    dispatch.coreLeft(peer, now);
  }

  /** A peer starts with empty tables: it is sent all of them. */
  #joined(peer: CoreId): void {
    const { bus, resync } = this.#parts;
    resync.forget(peer);
    for (let table = 0; table < TABLE_COUNT; table++) {
      if ((resync.tables & (1 << table)) !== 0) bus.markDirty(peer, table, true);
    }
  }

  /** Tables (by bits) are sent to every peer again, whole. */
  resendAll(tables: number): void {
    const { bus } = this.#parts;
    for (let peer = 0; peer < this.#cores; peer++) {
      if (peer === this.#core || !bus.isAlive(peer)) continue;
      for (let table = 0; table < TABLE_COUNT; table++) {
        if ((tables & (1 << table)) !== 0) bus.markDirty(peer, table);
      }
    }
  }

  /** A peer has sent a table to its end. */
  ended(from: CoreId, table: number): void {
    if (this.#missing === null) return;
    this.#missing[from] = (this.#missing[from] as number) & ~(1 << table);
  }

  /** Once a tick: tells the control core how far this core is. */
  tick(): void {
    const { move } = this.#parts.distributor;
    if (!move.active && move.isSeen) this.#put(Presence.Moved, move.epoch);
    const { resolver, nd } = this.#parts.dispatch;
    this.#put(Presence.Waiting, resolver.waitingFrames + nd.waitingFrames);
    this.#check();
  }

  /** With nothing missing from any peer that lives, a core that was started again may serve. */
  #check(): void {
    if (this.#missing === null || this.#alive[this.#core] === 0) return;
    for (let peer = 0; peer < this.#cores; peer++) {
      if (peer !== this.#core && this.#alive[peer] === 1 && this.#missing[peer] !== 0) return;
    }
    this.#missing = null;
    this.#put(Presence.State, CoreState.Online);
  }
}
