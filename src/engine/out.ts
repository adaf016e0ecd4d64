// What an engine may do to the world. The core's runtime implements it over rings and ports, a test records it.
// Nothing here throws, blocks or allocates; when a bound is met, the written policy of that bound applies and a
// counter tells.

import type { Copy } from "../lib/copy.ts";
import type { ChannelId, CoreId, Mac, Millis, Offset, PortId, Vlan } from "../lib/units.ts";
import type { Role } from "./role.ts";
import type { Tallies } from "./tally.ts";

/** The sink of one core's engines. */
export interface Out {
  /** This core. */
  readonly core: CoreId;
  /** Number of cores of the appliance. */
  readonly cores: number;
  /** The arena: frames, records. */
  readonly view: DataView;
  readonly bytes: Uint8Array;
  /** Copies bytes within the arena, many times faster than `bytes` can. */
  readonly copy: Copy;

  /** Sends the frame on a port at the end of the burst. Its bytes must not change until then. */
  transmit(port: PortId, start: Offset, end: Offset): void;
  /** What is sent within `send` leaves before all else of the burst; without it, in its turn. */
  first?(send: () => void): void;
  /**
   * A fresh buffer of `room` bytes from the returned start (HEADROOM before it, offload header zeroed), valid until
   * the end of the burst; -1 when there is none (counted as pool-empty by the callee).
   */
  scratch(room: number): Offset;
  /** Copies a frame, offload header included, into a buffer that stays until `release`. A handle, or -1 (counted). */
  hold(start: Offset, end: Offset): number;
  heldStart(handle: number): Offset;
  heldEnd(handle: number): Offset;
  /** Gives a held buffer back at the end of the burst: its bytes may still be transmitted in this one. */
  release(handle: number): void;

  /** Which core plays a role now. */
  master(role: Role): CoreId;
  /** Whether a core takes part in broadcasts; without it, all do. */
  isAlive?(core: CoreId): boolean;
  /**
   * Starts a record of a type; fill its fields at the returned offset plus FIELDS, then `send` or `broadcast` it.
   * There is one draft at a time.
   */
  draft(type: number): Offset;
  /** Sends the draft to one other core. In order; a full ring loses nothing (CORE-3). */
  send(to: CoreId): void;
  /** Sends the draft to every other core that lives: cores - 1 messages. */
  broadcast(): void;
  /** Hands a frame to another core, which treats it as received from `port`; at most once per frame. */
  handover(to: CoreId, port: PortId, start: Offset, end: Offset): void;

  /** True while the frame in work has been through another core's engines, which handed it over. */
  readonly isTreated?: boolean;
  /** Records for which a peer's ring has room now; without it, any number. */
  room?(to: CoreId): number;
  /** Counts that all cores add up; without it, a core is alone. */
  readonly tallies?: Tallies;

  /** Counts a frame or a request given up. */
  drop(reason: number): void;
  /** Tells people; see event.ts for the meaning of the numbers. */
  event(code: number, a: number, b: number, c: number, d: number): void;
}

/** Sends frames from inside onto a channel or into a bridge's VLAN; the bridge implements it, see core/. */
export interface Links {
  /**
   * Sends an untagged frame from inside through an interface: tagged as the interface's VLAN and the channel
   * want, to the destination's channel when known, else flooded. The bytes may be changed.
   */
  output(iface: number, start: Offset, end: Offset): void;
}

/** Who waits for an address: gets the frame back when it is known, or has failed. host/ implements it. */
export interface Waiting {
  /** The frame may leave now: complete its Ethernet header with `mac` and send it. */
  resolved(iface: number, mac: Mac, start: Offset, end: Offset, now: Millis): void;
  /** The next hop did not answer: answer as a router would (ICMP host unreachable) and forget the frame. */
  failed(iface: number, start: Offset, end: Offset, now: Millis): void;
}

/** Finds the MAC of a next hop. arp/ implements it for IPv4. */
export interface Resolver {
  /**
   * The MAC of `address` on an interface when it is known now. Otherwise -1: the frame was queued, or dropped
   * and counted, and `Waiting` hears of it later. No message when the address is known (ARP-3).
   */
  resolve(iface: number, address: number, start: Offset, end: Offset, now: Millis): Mac;
}

/** Where a station is, for tables that print it. bridge/ implements it. */
export interface Stations {
  /** The channel of a station, or -1. */
  locate(bridge: number, mac: Mac, vlan: Vlan): ChannelId;
}

/** The common face of the protocol engines, for timers, messages and reconfiguration. */
export interface Engine {
  /** A message of one of this engine's types; `at` is the record's offset. Valid during the call. */
  message(type: number, from: CoreId, at: Offset, now: Millis): void;
  /** Once per tick (1 ms by default): bounded work. */
  tick(now: Millis): void;
}

/** A replicated table, for re-sync (CORE-3), `show coherence` and dumps. */
export interface Replicated {
  /** Table number of engine/message.ts. */
  readonly table: number;
  /**
   * Sends up to `limit` entries that this core is responsible for to a peer, from `cursor` on (0 first). Returns the
   * next cursor, or -1 at the end. The caller frames them by resync-begin and resync-end.
   */
  resync(to: CoreId, cursor: number, limit: number, now: Millis): number;
  /** A peer starts to send its whole view; entries that it is responsible for and does not name are gone at `end`. */
  resyncBegin(from: CoreId, now: Millis): void;
  /** `misses`: refusals of `from` to this core were lost, and no entry tells of them. */
  resyncEnd(from: CoreId, now: Millis, misses: boolean): void;
  /** Live entries, their order-free digest (32 bits, over what must be equal on all cores) and newest version. */
  summary(): { entries: number; digest: number; version: number };
  /** Up to `limit` rows as `show` prints them, from `cursor`; `next` is -1 at the end. */
  rows(
    cursor: number,
    limit: number,
    now: Millis,
  ): { rows: Record<string, unknown>[]; next: number };
}
