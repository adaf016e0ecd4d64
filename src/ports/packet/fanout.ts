// The sockets of all cores on one interface form one fanout group (packet(7), PACKET_FANOUT): the kernel gives each
// frame to ONE of them, by a program. Each core has two members, in core order:
//
//    member 2 * core       frames that fit an ordinary slot
//    member 2 * core + 1   longer ones: super-frames (GSO) and jumbo frames
//
// so the program answers 2 * core + (longer than SMALL_ROOM ? 1 : 0); program.ts makes that of one that answers a core.
// The order matters because the kernel numbers members as they join, and again, in the order of their creation, after
// the interface was down. Cores therefore take turns (turn.ts).

import type { Arena, Planner } from "../../lib/arena.ts";
import type { CoreId, Offset } from "../../lib/units.ts";
import * as c from "../linux/constants.ts";
import { SystemError } from "../linux/errno.ts";
import * as sys from "../linux/ffi.ts";
import { SMALL_ROOM } from "./ring.ts";

const MAC_HEADER = 14;
/** Bytes of a sock_filter: code, jt, jf, k. */
const INSTRUCTION = 8;
/** SKF_LL_OFF of linux/filter.h: offsets from the MAC header. */
const LINK_LAYER = 0xffe00000;
/** Words of the record. */
const GROUP = 0;
const KIND = 1;

/** The frame length, as a program in the group sees it (the MACs and type are already off), above which it is long. */
export const LONG_FROM: number = SMALL_ROOM - MAC_HEADER;

/**
 * How frames reach their core: in the kernel by our full program, by a small one, or by a spread that
 * software mends.
 */
export const STEERINGS = ["ebpf", "cbpf", "software"] as const;
export type Steering = (typeof STEERINGS)[number];

/**
 * The steering program for a port. It must answer 2 * core + (longer than LONG_FROM ? 1 : 0). `ebpf` is the
 * descriptor of a loaded socket filter; the port closes it in the end.
 */
export interface SteeringProgram {
  readonly ebpf?: number;
  /** sock_filter structures, when the kernel refuses eBPF. */
  readonly classic?: Uint8Array;
}

/** The words that the cores of one port share. */
export function planFanout(planner: Planner): Offset {
  return planner.reserve(128, 128);
}

/** One core's view of the group. */
export class Fanout {
  readonly #i32: Int32Array;
  readonly #at: number;
  readonly #core: CoreId;
  readonly #cores: number;

  constructor(arena: Arena, at: Offset, core: CoreId, cores: number) {
    this.#i32 = arena.i32;
    this.#at = at >> 2;
    this.#core = core;
    this.#cores = cores;
  }

  /** Adds this core's two sockets to the group, the first core makes it. Both must be bound. */
  join(small: number, big: number, program: SteeringProgram, action: string, port: string): void {
    if (this.#core === 0) {
      const kind = this.#create(small, program, action, port);
      Atomics.store(this.#i32, this.#at + KIND, STEERINGS.indexOf(kind));
    } else {
      this.#add(small, action, port);
    }
    this.#add(big, action, port);
  }

  /** Who steers. */
  get kind(): Steering {
    return STEERINGS[Atomics.load(this.#i32, this.#at + KIND)] ?? "software";
  }

  #create(fd: number, program: SteeringProgram, action: string, port: string): Steering {
    if (program.ebpf !== undefined && this.#make(fd, c.PACKET_FANOUT_EBPF)) {
      if (this.replace(fd, program.ebpf)) return "ebpf";
      throw new SystemError(action, "setsockopt(PACKET_FANOUT_DATA)", sys.errno(), port);
    }
    if (!this.#make(fd, c.PACKET_FANOUT_CBPF)) {
      throw new SystemError(action, "setsockopt(PACKET_FANOUT)", sys.errno(), port);
    }
    const { classic } = program;
    const level = c.SOL_PACKET;
    // A program with many rules can pass the kernel's limit of 4096 instructions.
    if (classic !== undefined && setProgram(fd, level, c.PACKET_FANOUT_DATA, classic))
      return "cbpf";
    if (!setProgram(fd, level, c.PACKET_FANOUT_DATA, spread(this.#cores))) {
      throw new SystemError(action, "setsockopt(PACKET_FANOUT_DATA)", sys.errno(), port);
    }
    return this.#cores > 1 ? "software" : "cbpf";
  }

  /** Makes an eBPF program the group's, from the next frame on. `fd` is one of its sockets. False = refused. */
  replace(fd: number, program: number): boolean {
    sys.scratch.view.setInt32(0, program, true);
    return sys.setsockopt(fd, c.SOL_PACKET, c.PACKET_FANOUT_DATA, sys.scratch.at, 4) === 0;
  }

  /** Makes a group of a kind with a number that nobody has. */
  #make(fd: number, kind: number): boolean {
    const flags = kind | c.PACKET_FANOUT_FLAG_IGNORE_OUTGOING;
    const value = (flags | c.PACKET_FANOUT_FLAG_UNIQUEID) << 16;
    if (!sys.setOption(fd, c.SOL_PACKET, c.PACKET_FANOUT, value)) return false;
    const group = sys.getOption(fd, c.SOL_PACKET, c.PACKET_FANOUT) & 0xffff;
    Atomics.store(this.#i32, this.#at + GROUP, group | (flags << 16));
    return true;
  }

  #add(fd: number, action: string, port: string): void {
    const group = Atomics.load(this.#i32, this.#at + GROUP);
    if (!sys.setOption(fd, c.SOL_PACKET, c.PACKET_FANOUT, group)) {
      throw new SystemError(action, "setsockopt(PACKET_FANOUT)", sys.errno(), port);
    }
  }
}

/** Attaches a classic program by a socket option. */
export function setProgram(
  fd: number,
  level: number,
  option: number,
  program: Uint8Array,
): boolean {
  const block = new sys.Block(program.length);
  block.u8.set(program);
  sys.scratch.view.setUint32(0, program.length / INSTRUCTION, true);
  sys.scratch.view.setUint32(4, 0, true);
  sys.scratch.view.setUint32(8, block.at, true);
  sys.scratch.view.setUint32(12, Math.floor(block.at / 0x1_0000_0000), true);
  return sys.setsockopt(fd, level, option, sys.scratch.at, 16) === 0;
}

/** A classic program from {code, jt, jf, k}. */
export function assemble(
  instructions: readonly (readonly [number, number, number, number])[],
): Uint8Array {
  const program = new Uint8Array(instructions.length * INSTRUCTION);
  const view = new DataView(program.buffer);
  for (const [index, [code, yes, no, k]] of instructions.entries()) {
    view.setUint16(index * INSTRUCTION, code, true);
    view.setUint8(index * INSTRUCTION + 2, yes);
    view.setUint8(index * INSTRUCTION + 3, no);
    view.setUint32(index * INSTRUCTION + 4, k, true);
  }
  return program;
}

/** Refuses every frame: for a socket that is bound and not yet in its group. */
export const REFUSE: Uint8Array = assemble([[0x06, 0, 0, 0]]); // ret #0

/**
 * The program when there is no other: the core by the low bits of both MACs, so that both directions of a pair meet,
 * and the software distributor then hands on what landed wrong. With one core only the length decides.
 */
export function spread(
  cores: number,
  among: readonly CoreId[] = Array.from({ length: cores }, (_, core) => core),
): Uint8Array {
  const [only] = among;
  if (among.length === 1 && only !== undefined) {
    return assemble([
      [0x80, 0, 0, 0], // ld len
      [0x25, 1, 0, LONG_FROM], // jgt: skip one
      [0x06, 0, 0, 2 * only], // ret
      [0x06, 0, 0, 2 * only + 1],
    ]);
  }
  const chosen = among.length === cores ? [] : among;
  return assemble([
    [0x30, 0, 0, LINK_LAYER + 5], // ldb last byte of the destination
    [0x07, 0, 0, 0], // tax
    [0x30, 0, 0, LINK_LAYER + 11], // ldb last byte of the source
    [0xac, 0, 0, 0], // xor x
    [0x94, 0, 0, among.length], // mod #cores
    // The n-th of those: from the last one on, so that no number is looked at twice.
    ...chosen.flatMap((core, n): [number, number, number, number][] => [
      [0x15, 0, 2, n], // jeq #n, else skip two
      [0x00, 0, 0, core], // ld #core
      [0x05, 0, 0, 3 * (chosen.length - n - 1)], // ja to the end of the list
    ]),
    [0x64, 0, 0, 1], // lsh #1
    [0x07, 0, 0, 0], // tax
    [0x80, 0, 0, 0], // ld len
    [0x25, 2, 0, LONG_FROM], // jgt: skip two
    [0x87, 0, 0, 0], // txa
    [0x16, 0, 0, 0], // ret a
    [0x87, 0, 0, 0], // txa
    [0x04, 0, 0, 1], // add #1
    [0x16, 0, 0, 0], // ret a
  ]);
}
