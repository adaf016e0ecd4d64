// The ARP table of one core (ARP-1, ARP-8): columns over slots, found by (interface, address). Every slot in
// use lies in one list that keeps its order: dynamic entries by use, pending ones of an interface by age,
// failed and gone ones by age. The digest is kept as entries come and go. This file alone indexes the columns.

import { assert } from "../lib/assert.ts";
import { CoreSets } from "../lib/core-sets.ts";
import { HashIndex } from "../lib/hash-index.ts";
import { SlotLists } from "../lib/slot-lists.ts";
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

export class Table {
  /** Slots: entries, and room for what is pending, has failed or is gone. */
  readonly capacity: number;
  readonly #index: HashIndex;
  readonly #state: Uint8Array;
  readonly #flags: Uint8Array;
  readonly #tries: Uint8Array;
  readonly #iface: Uint16Array;
  readonly #address: Uint32Array;
  readonly #mac: Float64Array;
  readonly #version: Float64Array;
  /** When the MAC was last confirmed. */
  readonly #updated: Float64Array;
  /** When the entry was last known to be used; for a failed one, when a sender was last told. */
  readonly #touched: Float64Array;
  /** `touched` as it was when the entry got its place in the dynamic list. */
  readonly #placed: Float64Array;
  /** Until then a use need not be noted. */
  readonly #quiet: Float64Array;
  /** When a broadcast request last left for the address. */
  readonly #asked: Float64Array;
  /** Cores that asked for a pending address. */
  readonly askers: CoreSets;
  /** The newest re-sync that had begun when the master last named the entry. */
  readonly #seen: Uint32Array;
  readonly #lists: SlotLists;
  #digest = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#index = new HashIndex(capacity);
    this.#state = new Uint8Array(capacity).fill(State.None);
    this.#flags = new Uint8Array(capacity);
    this.#tries = new Uint8Array(capacity);
    this.#iface = new Uint16Array(capacity);
    this.#address = new Uint32Array(capacity);
    this.#mac = new Float64Array(capacity);
    this.#version = new Float64Array(capacity);
    this.#updated = new Float64Array(capacity);
    this.#touched = new Float64Array(capacity);
    this.#placed = new Float64Array(capacity);
    this.#quiet = new Float64Array(capacity);
    this.#asked = new Float64Array(capacity);
    this.askers = new CoreSets(capacity);
    this.#seen = new Uint32Array(capacity);
    this.#lists = new SlotLists(capacity, LISTS);
  }

  // --- slots -----------------------------------------------------------------------------------

  /** The slot of an address, or -1. */
  find(iface: number, address: Ipv4): number {
    return this.#index.find(iface, address);
  }

  /** A slot for an address that has none, in state None; -1 when all are taken. `enter` must follow. */
  create(iface: number, address: Ipv4): number {
    const slot = this.#lists.take();
    if (slot < 0) return -1;
    this.#iface[slot] = iface;
    this.#address[slot] = address;
    this.#flags[slot] = 0;
    this.#tries[slot] = 0;
    this.#mac[slot] = 0;
    this.#version[slot] = -1;
    this.#asked[slot] = Number.NEGATIVE_INFINITY;
    this.askers.clear(slot);
    this.#index.set(iface, address, slot);
    return slot;
  }

  /** Puts a slot into a state, at the end of that state's list; None frees the slot. */
  enter(slot: number, state: State): void {
    if (isUsable(this.#state[slot] as State)) this.#digest ^= this.#digestOf(slot);
    this.#state[slot] = state;
    if (state === State.None) {
      this.#index.delete(this.#iface[slot]!, this.#address[slot]!);
      this.#lists.release(slot);
      return;
    }
    if (isUsable(state)) this.#digest ^= this.#digestOf(slot);
    this.#lists.put(slot, this.#listFor(slot, state));
  }

  #listFor(slot: number, state: State): number {
    switch (state) {
      case State.Reachable:
      case State.Probing:
        return (this.#flags[slot]! & IS_STATIC) === 0 ? DYNAMIC : STATIC;
      case State.Pending:
        return PENDING + (this.#iface[slot]! % MAX_INTERFACES);
      case State.Failed:
        return FAILED;
      case State.Gone:
      case State.None:
        return GONE;
    }
  }

  #digestOf(slot: number): number {
    return digestOf(
      this.#iface[slot]!,
      this.#address[slot]!,
      this.#mac[slot]!,
      this.isStatic(slot),
    );
  }

  // --- columns ---------------------------------------------------------------------------------

  state(slot: number): State {
    return this.#state[slot] as State;
  }

  /** Frames may be sent to the slot's MAC. The slot may be -1. */
  isUsable(slot: number): boolean {
    return slot >= 0 && this.#state[slot]! <= State.Probing;
  }

  iface(slot: number): number {
    return this.#iface[slot]!;
  }

  address(slot: number): Ipv4 {
    return this.#address[slot]!;
  }

  mac(slot: number): Mac {
    return this.#mac[slot]!;
  }

  isStatic(slot: number): boolean {
    return (this.#flags[slot]! & IS_STATIC) !== 0;
  }

  version(slot: number): number {
    return this.#version[slot]!;
  }

  setVersion(slot: number, version: number): void {
    this.#version[slot] = version;
  }

  /** Writes an entry's content; `enter` must follow. */
  assign(slot: number, mac: Mac, isStatic: boolean, version: number, now: Millis): void {
    if (isUsable(this.#state[slot] as State)) this.#digest ^= this.#digestOf(slot);
    this.#mac[slot] = mac;
    this.#flags[slot] = IS_USED | (isStatic ? IS_STATIC : 0);
    if (isUsable(this.#state[slot] as State)) this.#digest ^= this.#digestOf(slot);
    this.#version[slot] = version;
    this.#updated[slot] = now;
    this.#touched[slot] = now;
    this.#placed[slot] = now;
  }

  updated(slot: number): Millis {
    return this.#updated[slot]!;
  }

  /** The MAC was confirmed: an update, which sets the used flag and starts to look for uses anew. */
  confirm(slot: number, now: Millis): void {
    this.#updated[slot] = now;
    this.#quiet[slot] = now;
    this.#flags[slot]! |= IS_USED;
  }

  /** The entry was used; uses before `quiet` need not be noted. */
  use(slot: number, now: Millis, quiet: Millis): void {
    this.#touched[slot] = now;
    this.#quiet[slot] = quiet;
    this.#flags[slot]! |= IS_USED;
  }

  /** Whether a use now is worth noting. */
  isNotable(slot: number, now: Millis): boolean {
    return now >= this.#quiet[slot]!;
  }

  setQuiet(slot: number, until: Millis): void {
    this.#quiet[slot] = until;
  }

  /** Used since the MAC was last confirmed. */
  isUsedSinceUpdate(slot: number): boolean {
    return this.#touched[slot]! > this.#updated[slot]!;
  }

  isFlagged(slot: number): boolean {
    return (this.#flags[slot]! & IS_USED) !== 0;
  }

  /** Clears the used flag; the next use sets it. */
  clearFlag(slot: number, now: Millis): void {
    this.#flags[slot]! &= ~IS_USED;
    this.#quiet[slot] = now;
  }

  touched(slot: number): Millis {
    return this.#touched[slot]!;
  }

  setTouched(slot: number, now: Millis): void {
    this.#touched[slot] = now;
  }

  tries(slot: number): number {
    return this.#tries[slot]!;
  }

  setTries(slot: number, tries: number): void {
    this.#tries[slot] = tries;
  }

  asked(slot: number): Millis {
    return this.#asked[slot]!;
  }

  setAsked(slot: number, now: Millis): void {
    this.#asked[slot] = now;
  }

  seen(slot: number): number {
    return this.#seen[slot]!;
  }

  setSeen(slot: number, resync: number): void {
    this.#seen[slot] = resync;
  }

  // --- bounds ----------------------------------------------------------------------------------

  /** Known addresses: dynamic and static entries. */
  get entries(): number {
    return this.#lists.count(DYNAMIC) + this.#lists.count(STATIC);
  }

  get statics(): number {
    return this.#lists.count(STATIC);
  }

  get pending(): number {
    return this.#lists.size - this.entries - this.failed - this.#lists.count(GONE);
  }

  get failed(): number {
    return this.#lists.count(FAILED);
  }

  get digest(): number {
    return this.#digest >>> 0;
  }

  get isFull(): boolean {
    return this.#lists.isFull;
  }

  /**
   * What may be forgotten when slots run out: the oldest deletion, else the oldest failure; -1 when there is
   * none.
   */
  forgettable(): number {
    const gone = this.#lists.first(GONE);
    return gone >= 0 ? gone : this.#lists.first(FAILED);
  }

  /**
   * The dynamic entry to give up at the limit (ARP-8), or -1: second chance in order of age. One that was used
   * since it got its place goes to the end; so an unused one always goes before a used one, at a constant cost
   * on average.
   */
  leastUsed(): number {
    for (;;) {
      const slot = this.#lists.first(DYNAMIC);
      if (slot < 0 || this.#touched[slot]! <= this.#placed[slot]!) return slot;
      this.#placed[slot] = this.#touched[slot]!;
      this.#lists.put(slot, DYNAMIC);
    }
  }

  /** The oldest pending address of the interface that has most of them; -1 when nothing is pending. */
  oldestPending(): number {
    const busiest = this.#lists.longest(PENDING, LISTS);
    return busiest < 0 ? -1 : this.#lists.first(busiest);
  }

  /** The static entry of a MAC on an interface, or -1: for RARP. */
  staticOf(iface: number, mac: Mac): number {
    const lists = this.#lists;
    for (let slot = lists.first(STATIC); slot >= 0; slot = lists.after(slot)) {
      if (this.#mac[slot] === mac && this.#iface[slot] === iface) return slot;
    }
    return -1;
  }

  /** For tests: every count, list and the digest agree with the columns. */
  check(): void {
    let digest = 0;
    let used = 0;
    for (let slot = 0; slot < this.capacity; slot++) {
      if (this.#state[slot] === State.None) continue;
      used++;
      assert(this.find(this.#iface[slot]!, this.#address[slot]!) === slot, "a slot is not found");
      assert(
        this.#lists.listOf(slot) === this.#listFor(slot, this.#state[slot] as State),
        "wrong list",
      );
      if (this.isUsable(slot)) digest ^= this.#digestOf(slot);
    }
    assert(digest === this.#digest, "the digest is wrong");
    assert(used === this.#index.size, "the index holds what the table does not");
    this.#lists.check();
    assert(used === this.#lists.size, "a slot is in no list");
  }
}
