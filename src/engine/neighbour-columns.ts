// What a table of neighbours keeps for each slot, whatever finds them: columns, and the lists that every slot in use
// lies in. The tables of arp/ and nd/ add how an address is found, what states mean, and what the digest is over.

import { CoreSets } from "../lib/core-sets.ts";
import { SlotLists } from "../lib/slot-lists.ts";
import type { Mac, Millis } from "../lib/units.ts";

export class NeighbourColumns<State extends number> {
  /** Slots: entries, and room for what is pending, has failed or is gone. */
  readonly capacity: number;
  /** Cores that asked for a pending address. */
  readonly askers: CoreSets;
  protected readonly lists: SlotLists;
  protected readonly states: Uint8Array;
  protected readonly flags: Uint8Array;
  protected readonly ifaces: Uint16Array;
  protected readonly macs: Float64Array;
  protected readonly updates: Float64Array;
  protected readonly touches: Float64Array;
  readonly #tries: Uint8Array;
  readonly #versions: Float64Array;
  readonly #quiet: Float64Array;
  readonly #asked: Float64Array;
  readonly #seen: Uint32Array;
  /** The last state in which frames may be sent to the MAC; those below it are as well. */
  readonly #lastUsable: State;

  /** All slots begin free, in the state `none`. */
  constructor(capacity: number, lists: number, none: State, lastUsable: State) {
    this.capacity = capacity;
    this.#lastUsable = lastUsable;
    this.askers = new CoreSets(capacity);
    this.lists = new SlotLists(capacity, lists);
    this.states = new Uint8Array(capacity).fill(none);
    this.flags = new Uint8Array(capacity);
    this.ifaces = new Uint16Array(capacity);
    this.macs = new Float64Array(capacity);
    this.updates = new Float64Array(capacity);
    this.touches = new Float64Array(capacity);
    this.#tries = new Uint8Array(capacity);
    this.#versions = new Float64Array(capacity);
    this.#quiet = new Float64Array(capacity);
    this.#asked = new Float64Array(capacity);
    this.#seen = new Uint32Array(capacity);
  }

  get isFull(): boolean {
    return this.lists.isFull;
  }

  /** A free slot with empty columns, in no list yet; -1 when all are taken. */
  protected take(iface: number): number {
    const slot = this.lists.take();
    if (slot < 0) return -1;
    this.ifaces[slot] = iface;
    this.flags[slot] = 0;
    this.macs[slot] = 0;
    this.#tries[slot] = 0;
    this.#versions[slot] = -1;
    this.#quiet[slot] = 0;
    this.#asked[slot] = Number.NEGATIVE_INFINITY;
    this.askers.clear(slot);
    return slot;
  }

  state(slot: number): State {
    return this.states[slot] as State;
  }

  /** Frames may be sent to the slot's MAC. The slot may be -1. */
  isUsable(slot: number): boolean {
    return slot >= 0 && this.states[slot]! <= this.#lastUsable;
  }

  iface(slot: number): number {
    return this.ifaces[slot]!;
  }

  mac(slot: number): Mac {
    return this.macs[slot]!;
  }

  /** lib/version.ts. */
  version(slot: number): number {
    return this.#versions[slot]!;
  }

  setVersion(slot: number, version: number): void {
    this.#versions[slot] = version;
  }

  /** When the MAC was last confirmed or changed. */
  updated(slot: number): Millis {
    return this.updates[slot]!;
  }

  /** When the entry was last noted to be used, or was made. */
  touched(slot: number): Millis {
    return this.touches[slot]!;
  }

  setTouched(slot: number, now: Millis): void {
    this.touches[slot] = now;
  }

  /** Whether a use now is worth noting. */
  isNotable(slot: number, now: Millis): boolean {
    return now >= this.#quiet[slot]!;
  }

  /** Uses before need not be noted. */
  setQuiet(slot: number, until: Millis): void {
    this.#quiet[slot] = until;
  }

  tries(slot: number): number {
    return this.#tries[slot]!;
  }

  setTries(slot: number, tries: number): void {
    this.#tries[slot] = tries;
  }

  /** When the network was last asked for the address. */
  asked(slot: number): Millis {
    return this.#asked[slot]!;
  }

  setAsked(slot: number, now: Millis): void {
    this.#asked[slot] = now;
  }

  /** The newest re-sync that had begun when the entry was last named. */
  seen(slot: number): number {
    return this.#seen[slot]!;
  }

  setSeen(slot: number, resync: number): void {
    this.#seen[slot] = resync;
  }
}
