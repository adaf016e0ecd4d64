// What one core's thread leaves behind of an AF_PACKET port (held.ts): its sockets, its program, and where the kernel
// is in its rings. A ring's reader keeps its place to itself; but the kernel counts what it has placed, and tells
// once what came since the last question. Added up here, in the arena, that is the slot that the kernel fills next.

import type { Arena } from "../../lib/arena.ts";
import type { CoreId, Offset } from "../../lib/units.ts";
import { Held } from "../held.ts";
import * as c from "../linux/constants.ts";
import * as sys from "../linux/ffi.ts";
import type { Quiet } from "../linux/quiet.ts";
import type { SteeringProgram } from "./fanout.ts";
import type { PacketRing } from "./ring.ts";

/** Descriptors, behind the four sockets. */
const ASK_FD = 4;
const PROGRAM_FD = 5;
/** Index of the interface that the sockets are bound to. */
const INDEX = 0;
/** Frames that the kernel placed in each ring so far, modulo its slots; index = ring. */
const PLACED = [1, 2] as const;
/** tpacket_stats of each ring, until it is added up: two words each. */
const FRESH = [3, 5] as const;
/** What the kernel's settings were before: two words (quiet.ts). */
const QUIET = 7;

export class Estate {
  readonly #held: Held;
  readonly #address: sys.Address;

  constructor(arena: Arena, at: Offset, core: CoreId) {
    this.#held = new Held(arena, at, core);
    this.#address = sys.addressOf(arena) + this.#held.offset;
  }

  /** True when a thread before left open sockets. */
  get isLeft(): boolean {
    return this.#held.isSet;
  }

  /** Socket n of the four. */
  socket(n: number): number {
    return this.#held.descriptor(n);
  }

  get index(): number {
    return this.#held.word(INDEX);
  }

  set index(index: number) {
    this.#held.setWord(INDEX, index);
  }

  /** The program in the kernel, for the first core. */
  get program(): SteeringProgram {
    const program = this.#held.descriptor(PROGRAM_FD);
    return program >= 0 ? { ebpf: program } : {};
  }

  /** Writes down what there is to take over; the sockets' numbers never change. */
  write(
    sockets: readonly number[],
    asks: number,
    program: SteeringProgram,
    quiet: Quiet | null,
  ): void {
    for (const [n, fd] of sockets.entries()) this.#held.setDescriptor(n, fd);
    this.#held.setDescriptor(ASK_FD, asks);
    this.#held.setDescriptor(PROGRAM_FD, program.ebpf ?? -1);
    const [ignore = 0, forwarding = 0] = quiet?.held ?? [];
    this.#held.setWord(QUIET, ignore);
    this.#held.setWord(QUIET + 1, forwarding);
  }

  /** Takes over from the thread before: its questions' descriptor is closed, its settings are known. */
  enter(quiet: Quiet | null): void {
    const asked = this.#held.descriptor(ASK_FD);
    if (asked >= 0) sys.close(asked);
    quiet?.adopt(this.#held.word(QUIET), this.#held.word(QUIET + 1));
  }

  /** New sockets, new rings: the kernel begins with slot 0. */
  begin(): void {
    for (const word of [...PLACED, ...FRESH]) this.#held.setWord(word, 0);
  }

  clear(): void {
    this.#held.clear();
  }

  /**
   * What ring n's socket had to drop since the last question; what it placed is added up. The kernel writes its answer
   * (tpacket_stats: packets with drops, drops), which it gives once, right into the arena.
   */
  count(n: 0 | 1, fd: number, ring: PacketRing): number {
    sys.scratch.view.setUint32(64, 8, true);
    const at = this.#address + FRESH[n] * 4;
    const length = sys.scratch.at + 64;
    if (sys.getsockopt(fd, c.SOL_PACKET, c.PACKET_STATISTICS, at, length) !== 0) return 0;
    return this.#addUp(n, ring);
  }

  #addUp(n: 0 | 1, ring: PacketRing): number {
    const held = this.#held;
    const drops = held.word(FRESH[n] + 1) >>> 0;
    const packets = (held.word(FRESH[n]) >>> 0) - drops;
    held.setWord(PLACED[n], (held.word(PLACED[n]) + packets) % ring.slots);
    held.setWord(FRESH[n], 0);
    held.setWord(FRESH[n] + 1, 0);
    return drops;
  }

  /** Goes on with ring n of the thread before. Nobody else reads it. */
  adopt(n: 0 | 1, fd: number, ring: PacketRing): void {
    this.#addUp(n, ring); // The thread may have ended between the kernel's answer and its sum.
    this.count(n, fd, ring);
    ring.adopt(this.#held.word(PLACED[n]));
  }
}
