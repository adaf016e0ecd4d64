// One receive ring that the kernel fills (TPACKET_V2, packet(7) and Documentation/networking/packet_mmap), mapped
// inside the arena. A slot belongs to the kernel or to us by its status word, which stands at the slot's start:
//
//    0       4    8        12   14   16   20    24        26
//    +-------+----+--------+----+----+----+-----+---------+-----------+ . . . +--------------+-----------
//    | status| len| snaplen| mac| net| sec| nsec| vlan tci| vlan tpid | . . . | virtio header| frame
//    +-------+----+--------+----+----+----+-----+---------+-----------+ . . . +--------------+-----------
//
// The kernel leaves more than 60 bytes between these fields and the frame, which serve as headroom. Slots are taken in
// order and given back in order; the status is read by Atomics and written behind one, which orders it against the
// rest.

import type { Arena, Planner } from "../../lib/arena.ts";
import { PAGE } from "../../lib/arena.ts";
import type { Offset } from "../../lib/units.ts";
import * as c from "../linux/constants.ts";
import { SystemError } from "../linux/errno.ts";
import * as sys from "../linux/ffi.ts";

const LENGTH = 4;
const SNAP_LENGTH = 8;
const MAC = 12;
const SECONDS = 16;
const NANOSECONDS = 20;
const VLAN_TCI = 24;
const VLAN_TPID = 26;
/** sll_pkttype of the sockaddr_ll that follows the 32 bytes of the header. */
const PACKET_TYPE = 32 + 10;
const EMPTY = 0;
const NANOS = 1e9;

/** Slots of one size; `block` is the unit that the kernel allocates, a multiple of the page and of the slot. */
export interface RingShape {
  readonly slot: number;
  readonly slots: number;
  readonly block: number;
}

/**
 * Ordinary frames: 2 KiB slots in blocks of 64 KiB; 1024 of them hold 0.7 ms at 1.4 Mpps, ten times what a sleeping
 * core needs to wake. Twice as many cost 2 MB more per core and port and took no more frames in bench/wire. Our
 * choice.
 */
export const SMALL_RING: RingShape = { slot: 2048, slots: 1024, block: 65536 };
/**
 * Super-frames and jumbo frames: 64 KiB and headers. Fifteen slots make 255 pages, for which the kernel takes 256; 60
 * slots hold what two cores with a TCP window of 4 MiB have in flight.
 */
export const BIG_RING: RingShape = { slot: 69632, slots: 60, block: 15 * 69632 };
/**
 * Longest frame that goes to the small ring. The kernel needs 76 bytes of a slot before the frame (TPACKET2_HDRLEN,
 * alignment, virtio header); the rest is kept free for tags. Our choice of a round number.
 */
export const SMALL_ROOM = 1920;

/** Bytes of a ring. */
export function ringBytes(shape: RingShape): number {
  return shape.slot * shape.slots;
}

/** Reserves the ring's place in the arena. */
export function planRing(planner: Planner, shape: RingShape): Offset {
  return planner.reserve(ringBytes(shape), PAGE);
}

/** The reader of one ring. Without a socket the memory is zero and there is nothing to take. */
export class PacketRing {
  /** Frames that cannot be used: cut off by the kernel because they did not fit. */
  truncated = 0;
  readonly #base: sys.Address;
  readonly #at: Offset;
  readonly #shape: RingShape;
  readonly #i32: Int32Array;
  readonly #view: DataView;
  readonly #slots: number;
  /** Slots taken and slots given back, both counted on for ever modulo the ring. */
  #cursor = 0;
  #released = 0;
  /** Taken and not yet given back. */
  #held = 0;

  constructor(arena: Arena, at: Offset, shape: RingShape) {
    this.#base = sys.addressOf(arena);
    this.#at = at;
    this.#shape = shape;
    this.#i32 = arena.i32;
    this.#view = arena.view;
    this.#slots = shape.slots;
  }

  /** Gives the socket its ring and maps it. The socket must not be bound yet. */
  attach(fd: number, action: string, port: string): void {
    const request = sys.scratch.view;
    request.setUint32(0, this.#shape.block, true);
    request.setUint32(4, ringBytes(this.#shape) / this.#shape.block, true);
    request.setUint32(8, this.#shape.slot, true);
    request.setUint32(12, this.#shape.slots, true);
    if (sys.setsockopt(fd, c.SOL_PACKET, c.PACKET_RX_RING, sys.scratch.at, 16) !== 0) {
      throw new SystemError(action, "setsockopt(PACKET_RX_RING)", sys.errno(), port);
    }
    const flags = c.MAP_SHARED | c.MAP_FIXED;
    if (this.#map(flags, fd) === -1) {
      throw new SystemError(action, "mmap(PACKET_RX_RING)", sys.errno(), port);
    }
    this.#cursor = 0;
    this.#released = 0;
    this.#held = 0;
  }

  /**
   * Goes on with the ring of a thread that is gone: `placed` frames came in all, so that the kernel fills slot `placed`
   * next. What lies in the ring is given back unread.
   */
  adopt(placed: number): void {
    for (let slot = 0; slot < this.#slots; slot++) {
      const status = (this.#at + slot * this.#shape.slot) >> 2;
      if (Atomics.load(this.#i32, status) !== EMPTY) Atomics.store(this.#i32, status, EMPTY);
    }
    this.#cursor = placed % this.#slots;
    this.#released = this.#cursor;
    this.#held = 0;
  }

  /** Slots of the ring. */
  get slots(): number {
    return this.#slots;
  }

  /** Puts ordinary zeroed memory where the ring was, so that a late look finds nothing instead of a hole. */
  detach(): void {
    this.#map(c.MAP_PRIVATE | c.MAP_ANONYMOUS | c.MAP_FIXED | c.MAP_NORESERVE, -1);
    this.#held = 0;
    this.#cursor = 0;
    this.#released = 0;
  }

  #map(flags: number, fd: number): sys.Address {
    const prot = c.PROT_READ | c.PROT_WRITE;
    return sys.mmap(this.#base + this.#at, ringBytes(this.#shape), prot, flags, fd, 0);
  }

  /** The slot of the oldest frame not yet taken, or -1. */
  peek(): Offset {
    return this.peekAhead(0);
  }

  /** The slot that `take` would take, whatever its state: for one that was seen complete already. */
  get next(): Offset {
    return this.#at + this.#cursor * this.#shape.slot;
  }

  /** The slot that lies `ahead` behind the next one, when its frame is complete, or -1. */
  peekAhead(ahead: number): Offset {
    if (this.#held + ahead >= this.#slots) return -1;
    let index = this.#cursor + ahead;
    if (index >= this.#slots) index -= this.#slots;
    const slot = this.#at + index * this.#shape.slot;
    return (Atomics.load(this.#i32, slot >> 2) & c.TP_STATUS_USER) === 0 ? -1 : slot;
  }

  /** Takes the slot that `peek` showed. */
  take(): void {
    this.#cursor = this.#cursor + 1 === this.#slots ? 0 : this.#cursor + 1;
    this.#held++;
  }

  /** Slots taken and not yet given back. */
  get held(): number {
    return this.#held;
  }

  /** Gives everything taken back to the kernel. */
  release(): void {
    let left = this.#held;
    if (left === 0) return;
    const stride = this.#shape.slot >> 2;
    const first = this.#at >> 2;
    let index = this.#released;
    // One barrier orders all reads of the frames before the stores, which need no order among themselves. An atomic
    // store each would wait for every line to come back from the CPU that fills the ring.
    Atomics.add(this.#i32, first + index * stride, 0);
    for (; left > 0; left--) {
      this.#i32[first + index * stride] = EMPTY;
      index = index + 1 === this.#slots ? 0 : index + 1;
    }
    this.#released = index;
    this.#held = 0;
  }

  /** Nanoseconds of the kernel's stamp on a slot's frame, relative to `second`: to tell which of two is older. */
  age(slot: Offset, second: number): number {
    const seconds = (this.#view.getUint32(slot + SECONDS, true) - second) | 0;
    return seconds * NANOS + this.#view.getUint32(slot + NANOSECONDS, true);
  }

  /** The second of the kernel's stamp on a slot's frame. */
  second(slot: Offset): number {
    return this.#view.getUint32(slot + SECONDS, true);
  }

  /** Offset of the frame in a slot, as the kernel put it; -1 when it is cut off or our own. */
  start(slot: Offset): Offset {
    if (this.#view.getUint8(slot + PACKET_TYPE) === c.PACKET_OUTGOING) return -1;
    const length = this.#view.getUint32(slot + LENGTH, true);
    if (length !== this.#view.getUint32(slot + SNAP_LENGTH, true)) {
      this.truncated++;
      return -1;
    }
    return slot + this.#view.getUint16(slot + MAC, true);
  }

  /** Length of the frame in a slot, without the tag that the kernel took out. */
  length(slot: Offset): number {
    return this.#view.getUint32(slot + SNAP_LENGTH, true);
  }

  /** True when the kernel took a tag out of the slot's frame. */
  hasTag(slot: Offset): boolean {
    return ((this.#i32[slot >> 2] as number) & c.TP_STATUS_VLAN_VALID) !== 0;
  }

  /** The tag that the kernel took out. */
  tagControl(slot: Offset): number {
    return this.#view.getUint16(slot + VLAN_TCI, true);
  }

  /** Its type; 0x8100 from kernels before 3.14, which do not tell. */
  tagType(slot: Offset): number {
    const told = ((this.#i32[slot >> 2] as number) & c.TP_STATUS_VLAN_TPID_VALID) !== 0;
    return told ? this.#view.getUint16(slot + VLAN_TPID, true) : 0x8100;
  }
}
