// The ARP table of one core (ARP-1, ARP-8): columns over slots, found by (interface, address). Every slot in
// use lies in one list that keeps its order: dynamic entries by use, pending ones of an interface by age,
// failed and gone ones by age. The digest is kept as entries come and go. This file alone indexes the columns.

import { NeighbourColumns } from "../engine/neighbour-columns.ts";
import { assert } from "../lib/assert.ts";
import { HashIndex } from "../lib/hash-index.ts";
import type { Ipv4, Mac, Millis } from "../lib/units.ts";
import { isUsable, State } from "./machine.ts";

/** Interfaces with a pending list of their own; further ones share. */
const MAX_INTERFACES = 1024;

const DYNAMIC = 0;
const STATIC = 1;
const FAILED = 2;
const GONE = 3;
const PENDING = 4;
const LISTS: number = PENDING + MAX_INTERFACES;

/** Flags of an entry. */
const IS_STATIC = 1;
const IS_USED = 2;

/** Mixes what must be equal on all cores into 32 bits. */
function digestOf(iface: number, address: Ipv4, mac: Mac, isStatic: boolean): number {
  let hash = Math.imul(iface + 1, 0x9e3779b1) ^ (isStatic ? 0x2545f491 : 0);
  for (const word of [address, mac >>> 0, Math.floor(mac / 0x1_0000_0000)]) {
    hash = Math.imul(hash ^ word, 0x85ebca6b);
    hash ^= hash >>> 15;
    hash = Math.imul(hash, 0xc2b2ae35);
    hash ^= hash >>> 13;
  }
  return hash | 0;
}

export class Table extends NeighbourColumns<State> {
  readonly #index: HashIndex;
  readonly #address: Uint32Array;
  /** `touched` as it was when the entry got its place in the dynamic list. */
  readonly #placed: Float64Array;
  #digest = 0;

  constructor(capacity: number) {
    super(capacity, LISTS, State.None, State.Probing);
    this.#index = new HashIndex(capacity);
    this.#address = new Uint32Array(capacity);
    this.#placed = new Float64Array(capacity);
  }

  // --- slots -----------------------------------------------------------------------------------

  /** The slot of an address, or -1. */
  find(iface: number, address: Ipv4): number {
    return this.#index.find(iface, address);
  }

  /** A slot for an address that has none, in state None; -1 when all are taken. `enter` must follow. */
  create(iface: number, address: Ipv4): number {
    const slot = this.take(iface);
    if (slot < 0) return -1;
    this.#address[slot] = address;
    this.#index.set(iface, address, slot);
    return slot;
  }

  /** Puts a slot into a state, at the end of that state's list; None frees the slot. */
  enter(slot: number, state: State): void {
    if (isUsable(this.states[slot] as State)) this.#digest ^= this.#digestOf(slot);
    this.states[slot] = state;
    if (state === State.None) {
      this.#index.delete(this.ifaces[slot]!, this.#address[slot]!);
      this.lists.release(slot);
      return;
    }
    if (isUsable(state)) this.#digest ^= this.#digestOf(slot);
    this.lists.put(slot, this.#listFor(slot, state));
  }

  #listFor(slot: number, state: State): number {
    switch (state) {
      case State.Reachable:
      case State.Probing:
        return (this.flags[slot]! & IS_STATIC) === 0 ? DYNAMIC : STATIC;
      case State.Pending:
        return PENDING + (this.ifaces[slot]! % MAX_INTERFACES);
      case State.Failed:
        return FAILED;
      case State.Gone:
      case State.None:
        return GONE;
    }
  }

  #digestOf(slot: number): number {
    return digestOf(
      this.ifaces[slot]!,
      this.#address[slot]!,
      this.macs[slot]!,
      this.isStatic(slot),
    );
  }

  // --- columns ---------------------------------------------------------------------------------

  address(slot: number): Ipv4 {
    return this.#address[slot]!;
  }

  isStatic(slot: number): boolean {
    return (this.flags[slot]! & IS_STATIC) !== 0;
  }

  /** Writes an entry's content; `enter` must follow. */
  assign(slot: number, mac: Mac, isStatic: boolean, version: number, now: Millis): void {
    if (isUsable(this.states[slot] as State)) this.#digest ^= this.#digestOf(slot);
    this.macs[slot] = mac;
    this.flags[slot] = IS_USED | (isStatic ? IS_STATIC : 0);
    if (isUsable(this.states[slot] as State)) this.#digest ^= this.#digestOf(slot);
    this.setVersion(slot, version);
    this.updates[slot] = now;
    this.touches[slot] = now;
    this.#placed[slot] = now;
  }

  /** The MAC was confirmed: an update, which sets the used flag and starts to look for uses anew. */
  confirm(slot: number, now: Millis): void {
    this.updates[slot] = now;
    this.setQuiet(slot, now);
    this.flags[slot]! |= IS_USED;
  }

  /** The entry was used; uses before `quiet` need not be noted. */
  use(slot: number, now: Millis, quiet: Millis): void {
    this.touches[slot] = now;
    this.setQuiet(slot, quiet);
    this.flags[slot]! |= IS_USED;
  }

  /** Used since the MAC was last confirmed. */
  isUsedSinceUpdate(slot: number): boolean {
    return this.touches[slot]! > this.updates[slot]!;
  }

  isFlagged(slot: number): boolean {
    return (this.flags[slot]! & IS_USED) !== 0;
  }

  /** Clears the used flag; the next use sets it. */
  clearFlag(slot: number, now: Millis): void {
    this.flags[slot]! &= ~IS_USED;
    this.setQuiet(slot, now);
  }

  // --- bounds ----------------------------------------------------------------------------------

  /** Known addresses: dynamic and static entries. */
  get entries(): number {
    return this.lists.count(DYNAMIC) + this.lists.count(STATIC);
  }

  get statics(): number {
    return this.lists.count(STATIC);
  }

  get pending(): number {
    return this.lists.size - this.entries - this.failed - this.lists.count(GONE);
  }

  get failed(): number {
    return this.lists.count(FAILED);
  }

  get digest(): number {
    return this.#digest >>> 0;
  }

  /**
   * What may be forgotten when slots run out: the oldest deletion, else the oldest failure; -1 when there is
   * none.
   */
  forgettable(): number {
    const gone = this.lists.first(GONE);
    return gone >= 0 ? gone : this.lists.first(FAILED);
  }

  /**
   * The dynamic entry to give up at the limit (ARP-8), or -1: second chance in order of age. One that was used
   * since it got its place goes to the end; so an unused one always goes before a used one, at a constant cost
   * on average.
   */
  leastUsed(): number {
    for (;;) {
      const slot = this.lists.first(DYNAMIC);
      if (slot < 0 || this.touches[slot]! <= this.#placed[slot]!) return slot;
      this.#placed[slot] = this.touches[slot]!;
      this.lists.put(slot, DYNAMIC);
    }
  }

  /** The oldest pending address of the interface that has most of them; -1 when nothing is pending. */
  oldestPending(): number {
    const busiest = this.lists.longest(PENDING, LISTS);
    return busiest < 0 ? -1 : this.lists.first(busiest);
  }

  /** The static entry of a MAC on an interface, or -1: for RARP. */
  staticOf(iface: number, mac: Mac): number {
    const lists = this.lists;
    for (let slot = lists.first(STATIC); slot >= 0; slot = lists.after(slot)) {
      if (this.macs[slot] === mac && this.ifaces[slot] === iface) return slot;
    }
    return -1;
  }

  /** For tests: every count, list and the digest agree with the columns. */
  check(): void {
    let digest = 0;
    let used = 0;
    for (let slot = 0; slot < this.capacity; slot++) {
      if (this.states[slot] === State.None) continue;
      used++;
      assert(this.find(this.ifaces[slot]!, this.#address[slot]!) === slot, "a slot is not found");
      assert(
        this.lists.listOf(slot) === this.#listFor(slot, this.states[slot] as State),
        "wrong list",
      );
      if (this.isUsable(slot)) digest ^= this.#digestOf(slot);
    }
    assert(digest === this.#digest, "the digest is wrong");
    assert(used === this.#index.size, "the index holds what the table does not");
    this.lists.check();
    assert(used === this.lists.size, "a slot is in no list");
  }
}
