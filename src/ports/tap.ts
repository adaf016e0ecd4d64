// TAP: an interface of this kernel whose far end is ours (Documentation/networking/tuntap), one queue per core, read
// and written a frame at a time, with the virtio header: the kernel may leave checksums open and hand over
// super-frames. The interface exists as long as the port does. The kernel's end has OUR MAC with its lowest bit
// flipped, so that it is another station, and the same one at every start.

import { BIG_BUFFER, HEADROOM, OFFLOAD } from "../engine/frame.ts";
import type { Arena, Planner } from "../lib/arena.ts";
import type { CoreId, Mac, Millis, Offset } from "../lib/units.ts";
import * as offload from "../wire/offload.ts";
import { Held, planHeld } from "./held.ts";
import * as c from "./linux/constants.ts";
import { SystemError } from "./linux/errno.ts";
import * as sys from "./linux/ffi.ts";
import { Interface } from "./linux/interface.ts";
import { makeEventFd } from "./linux/parking.ts";
import { type Batch, BURST, type Port, type PortStatus } from "./port.ts";
import { planTurn, Turn } from "./turn.ts";

/** Buffers of a queue: one burst; each could hold a super-frame, and costs memory only as far as it was written. */
const BUFFERS = BURST;
const ROOM: number = BIG_BUFFER - HEADROOM;
/** Frames that the kernel keeps for a queue: as many as a ring of AF_PACKET (the default is 1000). */
export const QUEUE_FRAMES = 2048;
const TURN_LIMIT_MS = 5000;
/** The note of the first core that its program is in the kernel. */
const STEERED = 1;
const FLAGS: number = c.IFF_TAP | c.IFF_NO_PI | c.IFF_MULTI_QUEUE | c.IFF_VNET_HDR;
const OFFLOADS: number = c.TUN_F_CSUM | c.TUN_F_TSO4 | c.TUN_F_TSO6 | c.TUN_F_TSO_ECN;

/** Configuration of a TAP port. */
export interface TapConfig {
  readonly driver: "tap";
  readonly name?: string;
  readonly interface: string;
  /** The appliance's side; 0 or absent: derived from the kernel's choice for its side. */
  readonly mac?: Mac;
  readonly mtu?: number;
}

/** Where one TAP's buffers lie. Index of the list = core. */
export interface TapPlan {
  readonly turn: Offset;
  readonly buffers: readonly Offset[];
  readonly held: Offset;
}

/** What a core holds, besides its queue (held.ts). */
const ASK_FD = 1;
const PROGRAM_FD = 2;
const INDEX = 0;
/** The MAC's upper and lower half. */
const MAC_HIGH = 1;
const MAC_LOW = 2;
const HALF = 0x100_0000;

export function planTap(planner: Planner, cores: number): TapPlan {
  const turn = planTurn(planner);
  const buffers: Offset[] = [];
  for (let core = 0; core < cores; core++) {
    buffers.push(planner.reserve(BUFFERS * BIG_BUFFER, 4096));
  }
  return { turn, buffers, held: planHeld(planner, cores) };
}

/** The other end's MAC. */
function flipped(mac: Mac): Mac {
  return mac % 2 === 0 ? mac + 1 : mac - 1;
}

function setSteering(fd: number, program: number): boolean {
  sys.scratch.view.setInt32(0, program, true);
  return sys.ioctl(fd, c.TUNSETSTEERINGEBPF, sys.scratch.at) === 0;
}

/**
 * Without a steering program the kernel chooses among the attached queues: a core that reads its queue has it attached.
 * `fd` is that queue. Nothing happens when it is as it shall be already, or when a program steers.
 */
export function setTapQueue(arena: Arena, plan: TapPlan, fd: number, isAttached: boolean): void {
  if (new Turn(arena, plan.turn, 0).note === STEERED) return;
  sys.scratch.u8.fill(0, 0, 40);
  const flag = isAttached ? c.IFF_ATTACH_QUEUE : c.IFF_DETACH_QUEUE;
  sys.scratch.view.setUint16(c.IFNAMSIZ, flag, true);
  sys.ioctl(fd, c.TUNSETQUEUE, sys.scratch.at);
}

/** One core's queue. */
export class TapPort implements Port {
  readonly descriptors: readonly number[];
  readonly #config: TapConfig;
  readonly #name: string;
  readonly #action: string;
  readonly #view: DataView;
  readonly #base: sys.Address;
  readonly #buffers: Offset;
  readonly #turn: Turn;
  readonly #held: Held;
  readonly #core: CoreId;
  readonly #interface: Interface;
  #program: number;
  /** The queue; keeps its number when the interface has to be made anew. */
  readonly #fd: number;
  /** Buffers in use since the last release. */
  #used = 0;
  /** Length of the frame that `pending` has read already into the next buffer, with its header; 0 = none. */
  #early = 0;
  #index = 0;
  #droppedSeen = 0;
  #mac: Mac;
  #mtu: number;
  #note = "";
  #closed = false;

  constructor(
    config: TapConfig,
    arena: Arena,
    plan: TapPlan,
    core: CoreId,
    /**
     * Descriptor of an eBPF program that answers a core, or -1; only the first core's is used. Closed
     * with the port.
     */
    program = -1,
  ) {
    this.#config = config;
    this.#name = config.name ?? "";
    const named = this.#name === "" ? "a port" : `port "${this.#name}"`;
    this.#action = `Cannot open ${named} on TAP "${config.interface}"`;
    this.#view = arena.view;
    this.#base = sys.addressOf(arena);
    this.#buffers = plan.buffers[core] as Offset;
    this.#turn = new Turn(arena, plan.turn, core);
    this.#core = core;
    this.#program = program;
    this.#mac = config.mac ?? 0;
    this.#mtu = config.mtu ?? 1500;
    this.#interface = new Interface(config.interface);
    this.#held = new Held(arena, plan.held, core);
    const adopts = this.#held.isSet;
    this.#fd = adopts ? this.#held.descriptor(0) : makeEventFd();
    this.descriptors = [this.#fd];
    if (adopts) {
      this.#adopt();
      return;
    }
    this.#held.setDescriptor(0, this.#fd);
    this.#hold();
    try {
      this.#turn.begin();
      if (!this.#turn.await(-1, TURN_LIMIT_MS)) {
        const hint = "see the error of the core before";
        throw new SystemError(this.#action, `core ${core} had no turn`, 0, this.#name, hint);
      }
      this.#attach();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Who gives the frames to the cores: "ebpf", or "software". */
  get steered(): string {
    return this.#turn.note === STEERED ? "ebpf" : "software";
  }

  receive(batch: Batch): void {
    let count = 0;
    const room = batch.start.length;
    while (count < room && this.#used < BUFFERS) {
      const start = this.#buffers + this.#used * BIG_BUFFER + HEADROOM;
      const length = this.#early > 0 ? this.#early : this.#read(start);
      this.#early = 0;
      if (length <= OFFLOAD) break;
      this.#used++;
      // What is not to finish or to cut is an ordinary frame, whatever else the kernel says of it.
      if (offload.isPlain(this.#view, start)) offload.clear(this.#view, start);
      batch.start[count] = start;
      batch.end[count] = start + length - OFFLOAD;
      count++;
    }
    batch.count = count;
  }

  release(): void {
    this.#used = 0;
  }

  send(batch: Batch): number {
    if (this.#index === 0) return 0;
    let sent = 0;
    for (let index = 0; index < batch.count; index++) {
      const start = batch.start[index] as number;
      const length = (batch.end[index] as number) - start + OFFLOAD;
      if (sys.write(this.#fd, this.#base + start - OFFLOAD, length) === length) sent++;
    }
    return sent;
  }

  /** A TAP can only be asked by reading it: the frame waits in its buffer for `receive`. */
  pending(): boolean {
    if (this.#early > 0) return true;
    if (this.#used >= BUFFERS) return false;
    const length = this.#read(this.#buffers + this.#used * BIG_BUFFER + HEADROOM);
    if (length > OFFLOAD) this.#early = length;
    return this.#early > 0;
  }

  /** What the kernel dropped because a queue was full; it counts per interface, so the first core tells it. */
  lost(): number {
    if (this.#core !== 0 || this.#index === 0) return 0;
    const dropped = this.#interface.transmitDropped();
    const fresh = Math.max(0, dropped - this.#droppedSeen);
    this.#droppedSeen = dropped;
    return fresh;
  }

  /** The kernel says 10 Mbit/s of every TAP, whatever it carries; our choice is what it says of veth. */
  speed(): number {
    return 10_000;
  }

  /** Also makes the interface anew when somebody has deleted it. */
  status(_now: Millis): PortStatus {
    const index = this.#interface.index();
    if (index !== this.#index) {
      if (this.#index !== 0) this.#detach();
      // Not in the middle of a burst.
      if (this.#used === 0) this.#reattach();
    }
    const up = this.#index !== 0 && this.#interface.isRunning();
    if (this.#index !== 0) this.#mtu = this.#interface.mtu();
    return {
      driver: "tap",
      interface: this.#config.interface,
      up,
      mac: this.#mac,
      mtu: this.#mtu,
      steering: this.steered,
      note: this.#note,
    };
  }

  steer(program: number): boolean {
    if (this.#turn.note !== STEERED) return false;
    if (this.#index !== 0 && !setSteering(this.#fd, program)) return false;
    if (this.#program >= 0) sys.close(this.#program);
    this.#program = program;
    this.#hold();
    return true;
  }

  /** Goes on with the queue of a thread that is gone. */
  #adopt(): void {
    const held = this.#held;
    const asked = held.descriptor(ASK_FD);
    if (asked >= 0) sys.close(asked);
    this.#program = held.descriptor(PROGRAM_FD);
    this.#index = held.word(INDEX);
    this.#mac = held.word(MAC_HIGH) * HALF + held.word(MAC_LOW);
    this.#droppedSeen = this.#index === 0 ? 0 : this.#interface.transmitDropped();
    this.#hold();
  }

  /** Writes down what there is to take over. */
  #hold(): void {
    const held = this.#held;
    held.setDescriptor(ASK_FD, this.#interface.descriptor);
    held.setDescriptor(PROGRAM_FD, this.#program);
    held.setWord(INDEX, this.#index);
    held.setWord(MAC_HIGH, Math.floor(this.#mac / HALF));
    held.setWord(MAC_LOW, this.#mac % HALF);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#index = 0;
    this.#held.clear();
    sys.close(this.#fd);
    if (this.#program >= 0) sys.close(this.#program);
    this.#interface.close();
  }

  /** One read into the buffer whose frame begins at `start`; the length with its header, or less than one. */
  #read(start: Offset): number {
    return sys.read(this.#fd, this.#base + start - OFFLOAD, ROOM + OFFLOAD);
  }

  /** Opens a queue of the interface, which the first one creates. */
  #attach(): void {
    const fd = sys.open("/dev/net/tun", c.O_RDWR | c.O_NONBLOCK | c.O_CLOEXEC, 0);
    if (fd < 0) this.#fail("open(/dev/net/tun)");
    try {
      sys.scratch.u8.fill(0, 0, 40);
      sys.scratch.text(0, this.#config.interface, c.IFNAMSIZ);
      sys.scratch.view.setUint16(c.IFNAMSIZ, FLAGS, true);
      if (sys.ioctl(fd, c.TUNSETIFF, sys.scratch.at) !== 0) this.#fail("ioctl(TUNSETIFF)");
      if (sys.ioctl(fd, c.TUNSETOFFLOAD, OFFLOADS) !== 0) this.#fail("ioctl(TUNSETOFFLOAD)");
      if (this.#core === 0) this.#prepare(fd);
      sys.dup3(fd, this.#fd, c.O_CLOEXEC);
    } finally {
      sys.close(fd);
    }
    this.#index = this.#interface.index();
    this.#droppedSeen = this.#interface.transmitDropped();
    if (this.#mac === 0) this.#mac = flipped(this.#interface.mac());
    this.#hold();
    this.#turn.done(this.#index);
  }

  /** What is set once per interface. */
  #prepare(fd: number): void {
    if (this.#mac === 0) this.#mac = flipped(this.#interface.mac());
    else this.#interface.setMac(flipped(this.#mac));
    if (this.#config.mtu !== undefined && !this.#interface.setMtu(this.#config.mtu)) {
      this.#fail("ioctl(SIOCSIFMTU)");
    }
    if (this.#program >= 0) {
      if (!setSteering(fd, this.#program)) this.#fail("ioctl(TUNSETSTEERINGEBPF)");
      this.#turn.note = STEERED;
    }
    this.#interface.setQueueLength(QUEUE_FRAMES);
    if (!this.#interface.setUp(true)) this.#fail("ioctl(SIOCSIFFLAGS)");
  }

  #reattach(): void {
    this.#turn.begin();
    if (!this.#turn.isMine(this.#core === 0 ? -1 : this.#interface.index())) return;
    try {
      this.#attach();
      this.#note = "";
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#note = error.message;
    }
  }

  #detach(): void {
    this.#index = 0;
    this.#held.setWord(INDEX, 0);
    this.#early = 0;
    const quiet = makeEventFd();
    sys.dup3(quiet, this.#fd, c.O_CLOEXEC);
    sys.close(quiet);
  }

  #fail(syscall: string): never {
    throw new SystemError(this.#action, syscall, sys.errno(), this.#name);
  }
}
