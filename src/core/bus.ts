// The bus as one core sees it: a ring to and from every other core (CORE-2), with one publish per burst, a pending
// bitmap so that an idle core looks at two words and not at N-1 rings, and a bounded backlog behind each full ring.
//
// A full ring loses nothing (CORE-3): records wait in order in the backlog. When the backlog is full too, the peer is
// marked dirty for the record's table, further records of that table are not sent, and the table is sent again, whole,
// when there is room. Requests and frames beyond the bound are dropped and counted: their askers ask again.

import { CORE_AT, CoreCounter, PEER_AT, PEER_COUNTERS } from "../engine/counter.ts";
import { MESSAGE_TYPES, Message, RECORD } from "../engine/message.ts";
import type { Arena } from "../lib/arena.ts";
import { RingReceiver, RingSender } from "../lib/ring.ts";
import type { CoreId, Offset } from "../lib/units.ts";
import { Control, type Layout, Presence, presenceWord } from "./layout.ts";

/** Records that wait behind a full ring per peer, our choice: four rings' worth at 8 cores, 256 KiB. */
export const BACKLOG = 4096;
/** Position of the high-water mark and of the resyncs among a peer's counters, behind sent and received. */
export const PEER_HIGH_WATER: number = 2 * MESSAGE_TYPES;
export const PEER_RESYNCS: number = 2 * MESSAGE_TYPES + 1;
export const PEER_BACKLOGGED: number = 2 * MESSAGE_TYPES + 2;

/** Told when a buffer that was sent along with a record may be used again. */
export interface BufferOwner {
  give(buffer: number): void;
}

/** What a core does with the state of one peer. */
class Peer {
  readonly sender: RingSender;
  readonly receiver: RingReceiver;
  /** The receiver's presence block, in words. */
  readonly presence: number;
  /** Counters of this peer: index of the first. */
  readonly counters: number;
  /** Buffer that belongs to a ring position, or -1. */
  readonly buffers: Int32Array;
  backlog: Uint8Array | null = null;
  backlogBuffers: Int32Array | null = null;
  backlogHead = 0;
  backlogTail = 0;
  /** Bit per table: it must be sent again. */
  dirty = 0;
  /** A refusal was lost, which no table names. */
  missesRefusals = false;
  /** Of these, the ones that are sent because the peer starts. */
  first = 0;
  /** Released count up to which buffers were given back. */
  reclaimed: number;
  outstanding = 0;

  constructor(sender: RingSender, receiver: RingReceiver, presence: number, counters: number) {
    this.sender = sender;
    this.receiver = receiver;
    this.presence = presence;
    this.counters = counters;
    this.buffers = new Int32Array(sender.capacity).fill(-1);
    this.reclaimed = sender.released();
  }
}

export class Bus {
  readonly core: CoreId;
  readonly cores: number;
  readonly #arena: Arena;
  readonly #layout: Layout;
  readonly #peers: (Peer | null)[] = [];
  readonly #counters: Float64Array;
  readonly #owner: BufferOwner;
  readonly #presence: number;
  readonly #control: number;
  /** Records that wait behind a full ring at most. */
  readonly #bound: number;
  /** Peers that may have records left from an earlier look. */
  #pendingLow = 0;
  #pendingHigh = 0;
  #next = 0;
  /** Called with a core that sleeps and has records now. */
  #wake: (core: CoreId) => void = () => {};
  #backlogged = 0;

  constructor(
    arena: Arena,
    layout: Layout,
    core: CoreId,
    counters: Float64Array,
    owner: BufferOwner,
  ) {
    this.core = core;
    this.cores = layout.cores;
    this.#arena = arena;
    this.#layout = layout;
    this.#counters = counters;
    this.#owner = owner;
    this.#presence = presenceWord(layout, core);
    this.#control = layout.control >> 2;
    this.#bound = layout.backlog ?? BACKLOG;
    for (let peer = 0; peer < layout.cores; peer++) {
      if (peer === core) this.#peers.push(null);
      else this.#peers.push(this.#connect(peer));
    }
  }

  #connect(peer: CoreId): Peer {
    const { cores, rings, ringCapacity } = this.#layout;
    const out = rings[this.core * cores + peer] as Offset;
    const back = rings[peer * cores + this.core] as Offset;
    return new Peer(
      new RingSender(this.#arena, out, ringCapacity),
      new RingReceiver(this.#arena, back, ringCapacity),
      presenceWord(this.#layout, peer),
      PEER_AT + peer * PEER_COUNTERS,
    );
  }

  /** Sets how a sleeping core is woken. */
  onSleeper(wake: (core: CoreId) => void): void {
    this.#wake = wake;
  }

  /** True while a core takes part in broadcasts. */
  isAlive(core: CoreId): boolean {
    const word =
      this.#arena.i32[this.#control + (core < 32 ? Control.AliveLow : Control.AliveHigh)];
    return (((word as number) >>> (core & 31)) & 1) === 1;
  }

  /**
   * Copies the record at `record` (64 bytes) to a peer. `table` is the table it belongs to, or -1; `buffer` travels
   * along and comes back to the owner when the peer is done, -1 for none. False when the record was given up (bounds
   * met).
   */
  send(to: CoreId, record: Offset, table: number, buffer: number): boolean {
    const peer = this.#peers[to] as Peer;
    const type = this.#arena.u8[record] as number;
    if (table >= 0 && (peer.dirty & (1 << table)) !== 0) {
      // The whole table follows; but it may have had no room for a refusal.
      if (type !== Message["bridge-refuse"]) return true;
    }
    if (peer.backlogHead !== peer.backlogTail) {
      if (!this.#keep(peer, record, table, buffer)) return false;
    } else {
      const at = peer.sender.claim();
      if (at < 0) {
        if (!this.#keep(peer, record, table, buffer)) return false;
      } else {
        this.#arena.copy(record, at, record + RECORD);
        if (buffer >= 0) this.#lend(peer, buffer);
      }
    }
    this.#counters[peer.counters + type] = (this.#counters[peer.counters + type] as number) + 1;
    this.#counters[CORE_AT + CoreCounter.MessagesSent] =
      (this.#counters[CORE_AT + CoreCounter.MessagesSent] as number) + 1;
    return true;
  }

  /**
   * Notes the buffer that goes with the record claimed last. Its place in the ring may have held another record since
   * the last `publish`: what went with that one is given back first, lest the next look take the new buffer for the old
   * one. While nothing is lent nobody looks, so the count begins here.
   */
  #lend(peer: Peer, buffer: number): void {
    const { sender } = peer;
    const { last } = sender;
    if (peer.outstanding === 0) peer.reclaimed = last;
    else if (((last - peer.reclaimed) | 0) >= sender.capacity) this.#reclaim(peer);
    peer.buffers[sender.position] = buffer;
    peer.outstanding++;
  }

  /** Puts a record behind a full ring; past the bound, marks the table dirty. */
  #keep(peer: Peer, record: Offset, table: number, buffer: number): boolean {
    const bound = this.#bound;
    peer.backlog ??= new Uint8Array(bound * RECORD);
    peer.backlogBuffers ??= new Int32Array(bound);
    if (peer.backlogTail - peer.backlogHead >= bound) {
      if (table >= 0) peer.dirty |= 1 << table;
      if (this.#arena.u8[record] === Message["bridge-refuse"]) peer.missesRefusals = true;
      return table >= 0;
    }
    const slot = peer.backlogTail++ % bound;
    peer.backlog.set(this.#arena.u8.subarray(record, record + RECORD), slot * RECORD);
    peer.backlogBuffers[slot] = buffer;
    this.#backlogged++;
    this.#count(peer, PEER_BACKLOGGED);
    return true;
  }

  #count(peer: Peer, counter: number): void {
    const index = peer.counters + counter;
    this.#counters[index] = (this.#counters[index] as number) + 1;
  }

  /** Moves records from the backlogs into the rings, as far as there is room. */
  #drainBacklogs(): void {
    for (const peer of this.#peers) {
      if (peer === null || peer.backlog === null || peer.backlogBuffers === null) continue;
      while (peer.backlogHead !== peer.backlogTail) {
        const at = peer.sender.claim();
        if (at < 0) break;
        const slot = peer.backlogHead++ % this.#bound;
        this.#arena.u8.set(peer.backlog.subarray(slot * RECORD, slot * RECORD + RECORD), at);
        const buffer = peer.backlogBuffers[slot] as number;
        if (buffer >= 0) this.#lend(peer, buffer);
        this.#backlogged--;
      }
    }
  }

  /**
   * Publishes everything sent in this burst, wakes sleepers, and takes back buffers that peers are done with. True when
   * there was something to publish.
   */
  publish(): boolean {
    let published = false;
    if (this.#backlogged > 0) this.#drainBacklogs();
    for (let to = 0; to < this.cores; to++) {
      const peer = this.#peers[to];
      if (peer === null || peer === undefined) continue;
      if (peer.sender.publish()) {
        published = true;
        this.#announce(to, peer);
        const high = peer.counters + PEER_HIGH_WATER;
        if (peer.sender.used > (this.#counters[high] as number)) {
          this.#counters[high] = peer.sender.used;
        }
      }
      if (peer.outstanding > 0) this.#reclaim(peer);
    }
    return published;
  }

  #announce(to: CoreId, peer: Peer): void {
    const { i32 } = this.#arena;
    const word = this.core < 32 ? Presence.PendingLow : Presence.PendingHigh;
    Atomics.or(i32, peer.presence + word, 1 << (this.core & 31));
    const sleeping = peer.presence + Presence.Sleeping;
    if (Atomics.load(i32, sleeping) === 1 && Atomics.compareExchange(i32, sleeping, 1, 0) === 1) {
      this.#wake(to);
    }
  }

  /** Takes buffers back whose records were released: those from `reclaimed` on, each once. */
  #reclaim(peer: Peer): void {
    const { sender, buffers } = peer;
    const mask = sender.capacity - 1;
    const released = sender.released();
    for (let left = (released - peer.reclaimed) | 0; left > 0; left--) {
      const position = peer.reclaimed & mask;
      const buffer = buffers[position] as number;
      if (buffer >= 0) {
        this.#owner.give(buffer);
        buffers[position] = -1;
        peer.outstanding--;
      }
      peer.reclaimed = (peer.reclaimed + 1) | 0;
    }
  }

  /** Looks who has sent; true when `next` may find records. */
  poll(): boolean {
    const { i32 } = this.#arena;
    if (i32[this.#presence + Presence.PendingLow] !== 0) {
      this.#pendingLow |= Atomics.exchange(i32, this.#presence + Presence.PendingLow, 0);
    }
    if (this.cores > 32 && i32[this.#presence + Presence.PendingHigh] !== 0) {
      this.#pendingHigh |= Atomics.exchange(i32, this.#presence + Presence.PendingHigh, 0);
    }
    return (this.#pendingLow | this.#pendingHigh) !== 0;
  }

  /** Offset of the next record from any peer, or -1; peers take turns by burst. Valid until `release`. */
  next(): Offset {
    for (let tried = 0; tried < this.cores; tried++) {
      const from = this.#next;
      const high = from >= 32;
      const bit = 1 << (from & 31);
      if (((high ? this.#pendingHigh : this.#pendingLow) & bit) !== 0) {
        const peer = this.#peers[from] as Peer;
        if (peer.receiver.available() > 0) {
          const at = peer.receiver.next();
          const counter = peer.counters + MESSAGE_TYPES + (this.#arena.u8[at] as number);
          this.#counters[counter] = (this.#counters[counter] as number) + 1;
          this.#counters[CORE_AT + CoreCounter.MessagesReceived] =
            (this.#counters[CORE_AT + CoreCounter.MessagesReceived] as number) + 1;
          return at;
        }
        if (high) this.#pendingHigh &= ~bit;
        else this.#pendingLow &= ~bit;
      }
      this.#next = from + 1 === this.cores ? 0 : from + 1;
    }
    return -1;
  }

  /** Gives all records read so far back; frames that came with them are no longer touched. */
  release(): void {
    for (const peer of this.#peers) if (peer !== null) peer.receiver.release();
    this.#next = this.#next + 1 === this.cores ? 0 : this.#next + 1;
  }

  /** Bit per table that must be sent again to a peer; 0 when nothing is. */
  dirty(to: CoreId): number {
    return this.#peers[to]?.dirty ?? 0;
  }

  /** A table is to be sent whole. `isFirst`: to a core that starts, so that nothing was lost. */
  markDirty(to: CoreId, table: number, isFirst = false): void {
    const peer = this.#peers[to];
    if (peer === null || peer === undefined) return;
    peer.dirty |= 1 << table;
    if (isFirst) peer.first |= 1 << table;
  }

  /**
   * A re-sync of `table` begins: live messages of it are sent again from here on. True when something had been lost.
   */
  beginResync(to: CoreId, table: number): boolean {
    const peer = this.#peers[to] as Peer;
    const isFirst = (peer.first & (1 << table)) !== 0;
    peer.dirty &= ~(1 << table);
    peer.first &= ~(1 << table);
    if (!isFirst) this.#count(peer, PEER_RESYNCS);
    return !isFirst;
  }

  /** Whether refusals to a peer were lost since the last call. */
  takeMissedRefusals(to: CoreId): boolean {
    const peer = this.#peers[to] as Peer;
    const misses = peer.missesRefusals;
    peer.missesRefusals = false;
    return misses;
  }

  /**
   * A peer is gone: what waited for it behind its ring is given up, and nothing is owed to it. What lies in its ring
   * comes back when the control core has emptied that (membership.ts).
   */
  forget(to: CoreId): void {
    const peer = this.#peers[to];
    if (peer === null || peer === undefined) return;
    for (; peer.backlogHead !== peer.backlogTail; peer.backlogHead++) {
      const buffer = peer.backlogBuffers?.[peer.backlogHead % this.#bound] ?? -1;
      if (buffer >= 0) this.#owner.give(buffer);
      this.#backlogged--;
    }
    peer.dirty = 0;
    peer.first = 0;
    peer.missesRefusals = false;
  }

  /** Records that may be sent to a peer now without touching its backlog. */
  room(to: CoreId): number {
    const peer = this.#peers[to] as Peer;
    if (peer.backlogHead !== peer.backlogTail) return 0;
    peer.sender.released();
    return peer.sender.room;
  }

  /** A peer whose ring is full, with records waiting behind it; -1 = none. */
  get fullPeer(): CoreId {
    if (this.#backlogged === 0) return -1;
    return this.#peers.findIndex((peer) => peer !== null && peer.backlogHead !== peer.backlogTail);
  }

  /** Records that wait behind full rings. */
  get backlogged(): number {
    return this.#backlogged;
  }

  /** True when nothing was sent that a peer has not released. */
  get quiet(): boolean {
    for (const peer of this.#peers) {
      if (peer === null) continue;
      peer.sender.released();
      if (peer.sender.used > 0 || peer.dirty !== 0) return false;
    }
    return this.#backlogged === 0;
  }
}
