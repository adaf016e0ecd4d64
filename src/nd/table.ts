// The neighbour table of one core in columns, found by interface and the four words of an address (open addressing,
// linear probing, backward-shift deletion). Slots hang in lists by what bounds them: the known ones, static ones, what
// is being resolved (per interface), and what is gone but remembered. Nothing is allocated after construction.

import { NeighbourColumns } from "../engine/neighbour-columns.ts";
import { assert } from "../lib/assert.ts";
import type { CoreId, Mac, Millis } from "../lib/units.ts";
import { isUsable, State } from "./machine.ts";

/** Interfaces that keep a list of pending addresses of their own; further ones share. */
const MAX_INTERFACES = 64;
const KNOWN = 0;
const STATIC = 1;
const GONE = 2;
const PENDING = 3;
const LISTS: number = PENDING + MAX_INTERFACES;

/** Flags of a slot. */
const IS_STATIC = 1;
const IS_ROUTER = 2;
/** The machine runs here. */
const IS_RUN = 4;
/** It was known once: its solicitation passes the bound on new addresses (RFC 6583 6.2). */
const WAS_KNOWN = 8;
/** The other cores were told that it is in doubt. */
const DOUBT_TOLD = 16;

function mix(hash: number, word: number): number {
  let mixed = Math.imul(hash ^ word, 0x85ebca6b);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 13);
}

export class Table extends NeighbourColumns<State> {
  /** Slot + 1 per cell; 0 = empty. */
  readonly #cells: Int32Array;
  readonly #mask: number;
  readonly #seed: number;
  readonly #a: Int32Array;
  readonly #b: Int32Array;
  readonly #c: Int32Array;
  readonly #d: Int32Array;
  /** The core that is known to run the machine; -1 unknown. */
  readonly #holder: Int8Array;
  /** Steering bucket of the address. */
  readonly bucket: Uint8Array;
  /** How often a machine began to run here. */
  begun = 0;
  #digest = 0;

  constructor(capacity: number, seed = 0) {
    super(capacity, LISTS, State.None, State.Probe);
    let cells = 16;
    while (cells < capacity * 2) cells *= 2;
    this.#cells = new Int32Array(cells);
    this.#mask = cells - 1;
    this.#seed = seed | 0;
    this.#a = new Int32Array(capacity);
    this.#b = new Int32Array(capacity);
    this.#c = new Int32Array(capacity);
    this.#d = new Int32Array(capacity);
    this.#holder = new Int8Array(capacity).fill(-1);
    this.bucket = new Uint8Array(capacity);
  }

  // --- slots ---------------------------------------------------------------------------------------------------------

  #home(iface: number, a: number, b: number, c: number, d: number): number {
    let hash = Math.imul((d | 0) ^ this.#seed, 0x9e3779b1) ^ (c | 0);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) ^ (b | 0);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) ^ (a | 0) ^ Math.imul(iface, 0x27d4eb2f);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    return (hash ^ (hash >>> 15)) & this.#mask;
  }

  /** The slot of an address, or -1. Words may be signed or not. */
  find(iface: number, a: number, b: number, c: number, d: number): number {
    const cells = this.#cells;
    let cell = this.#home(iface, a, b, c, d);
    for (;;) {
      const slot = cells[cell]! - 1;
      if (slot < 0) return -1;
      if (
        this.#d[slot] === (d | 0) &&
        this.#c[slot] === (c | 0) &&
        this.#b[slot] === (b | 0) &&
        this.#a[slot] === (a | 0) &&
        this.ifaces[slot] === iface
      ) {
        return slot;
      }
      cell = (cell + 1) & this.#mask;
    }
  }

  /** A slot for an address that has none, in state None; -1 when all are taken. `enter` must follow. */
  create(iface: number, a: number, b: number, c: number, d: number): number {
    const slot = this.take(iface);
    if (slot < 0) return -1;
    this.#a[slot] = a;
    this.#b[slot] = b;
    this.#c[slot] = c;
    this.#d[slot] = d;
    this.#holder[slot] = -1;
    let cell = this.#home(iface, a, b, c, d);
    while (this.#cells[cell] !== 0) cell = (cell + 1) & this.#mask;
    this.#cells[cell] = slot + 1;
    return slot;
  }

  #homeOf(slot: number): number {
    return this.#home(
      this.ifaces[slot]!,
      this.#a[slot]!,
      this.#b[slot]!,
      this.#c[slot]!,
      this.#d[slot]!,
    );
  }

  #erase(slot: number): void {
    const cells = this.#cells;
    const mask = this.#mask;
    let hole = this.#homeOf(slot);
    while (cells[hole] !== slot + 1) {
      assert(cells[hole] !== 0, "a neighbour's slot is not in the index");
      hole = (hole + 1) & mask;
    }
    for (let cell = (hole + 1) & mask; cells[cell] !== 0; cell = (cell + 1) & mask) {
      const home = this.#homeOf(cells[cell]! - 1);
      if (((cell - home) & mask) < ((cell - hole) & mask)) continue;
      cells[hole] = cells[cell]!;
      hole = cell;
    }
    cells[hole] = 0;
  }

  /** Puts a slot into a state, at the end of that state's list; None frees the slot. */
  enter(slot: number, state: State): void {
    if (isUsable(this.states[slot]!)) this.#digest ^= this.#digestOf(slot);
    this.states[slot] = state;
    if (state === State.None) {
      this.#erase(slot);
      this.lists.release(slot);
      return;
    }
    if (isUsable(state)) {
      this.#digest ^= this.#digestOf(slot);
      this.flags[slot]! |= WAS_KNOWN;
    }
    this.lists.put(slot, this.#listFor(slot, state));
  }

  /** A change among the usable states: the entry keeps its place in its list. */
  become(slot: number, state: State): void {
    if (isUsable(this.states[slot]!) && isUsable(state)) this.states[slot] = state;
    else this.enter(slot, state);
  }

  #listFor(slot: number, state: State): number {
    if (isUsable(state)) return (this.flags[slot]! & IS_STATIC) === 0 ? KNOWN : STATIC;
    if (state === State.Gone) return GONE;
    return PENDING + (this.ifaces[slot]! % MAX_INTERFACES);
  }

  /** Over what must be equal on all cores: address, MAC, router flag, static. */
  #digestOf(slot: number): number {
    let hash = mix(this.ifaces[slot]! + 1, this.#a[slot]!);
    hash = mix(mix(mix(hash, this.#b[slot]!), this.#c[slot]!), this.#d[slot]!);
    const mac = this.macs[slot]!;
    hash = mix(mix(hash, mac | 0), Math.floor(mac / 0x1_0000_0000));
    return mix(hash, this.flags[slot]! & (IS_STATIC | IS_ROUTER)) | 0;
  }

  // --- columns -------------------------------------------------------------------------------------------------------

  /** Word 0..3 of the address, unsigned. */
  word(slot: number, index: number): number {
    const column = index < 2 ? (index === 0 ? this.#a : this.#b) : index === 2 ? this.#c : this.#d;
    return column[slot]! >>> 0;
  }

  isStatic(slot: number): boolean {
    return (this.flags[slot]! & IS_STATIC) !== 0;
  }

  isRouter(slot: number): boolean {
    return (this.flags[slot]! & IS_ROUTER) !== 0;
  }

  wasKnown(slot: number): boolean {
    return (this.flags[slot]! & WAS_KNOWN) !== 0;
  }

  /** Whether this core runs the machine. */
  isRun(slot: number): boolean {
    return (this.flags[slot]! & IS_RUN) !== 0;
  }

  setRun(slot: number, run: boolean): void {
    if (run) {
      this.flags[slot]! |= IS_RUN;
      this.begun++;
    } else this.flags[slot]! &= ~IS_RUN;
  }

  isDoubtTold(slot: number): boolean {
    return (this.flags[slot]! & DOUBT_TOLD) !== 0;
  }

  setDoubtTold(slot: number, told: boolean): void {
    if (told) this.flags[slot]! |= DOUBT_TOLD;
    else this.flags[slot]! &= ~DOUBT_TOLD;
  }

  holder(slot: number): CoreId {
    return this.#holder[slot]!;
  }

  setHolder(slot: number, core: CoreId): void {
    this.#holder[slot] = core;
  }

  /** Writes what the digest is over; `enter` must follow where the slot was not usable. */
  assign(slot: number, mac: Mac, isRouter: boolean, isStatic: boolean, now: Millis): void {
    if (isUsable(this.states[slot]!)) this.#digest ^= this.#digestOf(slot);
    const wasStatic = this.isStatic(slot);
    this.macs[slot] = mac;
    const kept = this.flags[slot]! & ~(IS_STATIC | IS_ROUTER);
    this.flags[slot] = kept | (isStatic ? IS_STATIC : 0) | (isRouter ? IS_ROUTER : 0);
    this.updates[slot] = now;
    this.touches[slot] = now;
    if (!isUsable(this.states[slot]!)) return;
    this.#digest ^= this.#digestOf(slot);
    if (wasStatic === isStatic) return;
    this.lists.put(slot, this.#listFor(slot, this.states[slot] as State));
  }

  /** The MAC was confirmed. */
  setUpdated(slot: number, now: Millis): void {
    this.updates[slot] = now;
  }

  // --- bounds --------------------------------------------------------------------------------------------------------

  /** Known neighbours, static ones included. */
  get entries(): number {
    return this.lists.count(KNOWN) + this.lists.count(STATIC);
  }

  /** Addresses that are being resolved, or waited for. */
  get pending(): number {
    return this.lists.size - this.entries - this.lists.count(GONE);
  }

  get digest(): number {
    return this.#digest >>> 0;
  }

  /** The oldest memory of a gone entry, or -1. */
  forgettable(): number {
    return this.lists.first(GONE);
  }

  /** The known neighbour that has been longest in its place, or -1. */
  oldestKnown(): number {
    return this.lists.first(KNOWN);
  }

  /** Puts a known neighbour behind all others that may be given up. */
  demote(slot: number): void {
    this.lists.put(slot, this.lists.listOf(slot));
  }

  /** The oldest pending address of the interface that has most of them, or -1. */
  oldestPending(): number {
    const busiest = this.lists.longest(PENDING, LISTS);
    return busiest < 0 ? -1 : this.lists.first(busiest);
  }

  /** For tests: lists, counts, index and digest agree with the columns. */
  check(): void {
    let digest = 0;
    let used = 0;
    for (let slot = 0; slot < this.capacity; slot++) {
      if (this.states[slot] === State.None) continue;
      used++;
      const found = this.find(
        this.ifaces[slot]!,
        this.#a[slot]!,
        this.#b[slot]!,
        this.#c[slot]!,
        this.#d[slot]!,
      );
      assert(found === slot, "a neighbour is not found");
      assert(
        this.lists.listOf(slot) === this.#listFor(slot, this.states[slot] as State),
        "wrong list",
      );
      if (this.isUsable(slot)) digest ^= this.#digestOf(slot);
    }
    assert(digest === this.#digest, "the digest is wrong");
    this.lists.check();
    assert(used === this.lists.size, "a slot is in no list");
    let indexed = 0;
    for (const cell of this.#cells) if (cell !== 0) indexed++;
    assert(indexed === used, "the index holds what the table does not");
  }
}
