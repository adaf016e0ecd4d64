// AF_PACKET (packet(7)): per core two receive rings that the kernel fills in the arena and two sockets to send by, with
// the virtio header where it is needed, so that unfinished checksums and super-frames pass uncut between local kernels.
//
// Ordinary frames and long ones come by two rings (ring.ts, fanout.ts); they are merged by the kernel's stamps so that
// a flow keeps its order. Why that holds: the kernel finishes the frames of one flow one after the other, and we look
// at the small ring BEFORE the big one. Let s be the next small frame, b the next big one.
//  - s seen, b not: an older b' would have been visible when we looked at the big ring after s. Take s.
//  - both seen: the stamps tell.
//  - b seen, s not: s may have come between the two looks, so look at the small ring again, after b. An older frame of
//    b's flow is complete by then. It may still hide behind a slot that another CPU is filling: look a few slots ahead,
//    and leave b for the next round when there is one.
// The stamps are the system's time: a step backwards between two frames can reorder those two, as any network may.

import type { Arena, Planner } from "../../lib/arena.ts";
import type { CoreId, Millis, Offset } from "../../lib/units.ts";
import * as offload from "../../wire/offload.ts";
import * as vlan from "../../wire/vlan.ts";
import { planHeld } from "../held.ts";
import * as c from "../linux/constants.ts";
import { Errno, SystemError } from "../linux/errno.ts";
import * as sys from "../linux/ffi.ts";
import { Interface } from "../linux/interface.ts";
import { makeEventFd } from "../linux/parking.ts";
import { Quiet } from "../linux/quiet.ts";
import type { Batch, Port, PortStatus } from "../port.ts";
import { planTurn, Turn } from "../turn.ts";
import { Estate } from "./estate.ts";
import { Fanout, planFanout, REFUSE, type SteeringProgram, setProgram } from "./fanout.ts";
import { BIG_RING, PacketRing, planRing, SMALL_RING } from "./ring.ts";
import { PacketSender, planSender } from "./sender.ts";

/** SO_SNDBUF: room for a burst of 60 super-frames (the default of 208 KiB holds three). */
const SEND_BUFFER = 4 << 20;
/** How long a core waits at start for the cores before it to join. Our choice: they only make sockets. */
const TURN_LIMIT_MS = 5000;
/** Slots looked at behind one that is being filled: as many as CPUs that may be filling one at a time. Our choice. */
const AHEAD = 8;
const LINK_LOCAL = "fe80";

/** Configuration of an AF_PACKET port. */
export interface PacketConfig {
  readonly driver: "packet";
  /** The port's name, for messages. */
  readonly name?: string;
  readonly interface: string;
  /** Take the interface although the kernel has addresses there and answers too. */
  readonly force?: boolean;
}

/** Where one port's rings lie: plain data. Index of the lists = core. */
export interface PacketPlan {
  readonly fanout: Offset;
  readonly turn: Offset;
  readonly small: readonly Offset[];
  readonly big: readonly Offset[];
  readonly sender: readonly Offset[];
  readonly held: Offset;
}

/** Reserves the rings of all cores. */
export function planPacket(planner: Planner, cores: number): PacketPlan {
  const fanout = planFanout(planner);
  const turn = planTurn(planner);
  const small: Offset[] = [];
  const big: Offset[] = [];
  const sender: Offset[] = [];
  for (let core = 0; core < cores; core++) {
    small.push(planRing(planner, SMALL_RING));
    big.push(planRing(planner, BIG_RING));
    sender.push(planSender(planner));
  }
  return { fanout, turn, small, big, sender, held: planHeld(planner, cores) };
}

type N = number;

/** One core's sockets on an interface. */
export class PacketPort implements Port {
  /** These numbers stay, whatever happens to the interface. */
  readonly descriptors: readonly number[];
  readonly #config: PacketConfig;
  readonly #name: string;
  readonly #action: string;
  readonly #view: DataView;
  readonly #small: PacketRing;
  readonly #big: PacketRing;
  readonly #sender: PacketSender;
  readonly #fanout: Fanout;
  readonly #turn: Turn;
  readonly #estate: Estate;
  #program: SteeringProgram;
  readonly #interface: Interface;
  /** The first core's alone: what the kernel must not do meanwhile. */
  readonly #quiet: Quiet | null;
  readonly #fds: readonly number[];
  readonly #smallFd: number;
  readonly #bigFd: number;
  /** Sends ordinary frames. */
  readonly #plainFd: number;
  /** Sends frames with their virtio header. */
  readonly #fullFd: number;
  /** Index of the interface that the sockets are bound to; 0 = none now. */
  #index = 0;
  #truncatedSeen = 0;
  #mac = 0;
  #mtu = 0;
  #note = "";
  #closed = false;

  constructor(
    config: PacketConfig,
    arena: Arena,
    plan: PacketPlan,
    core: CoreId,
    cores: number,
    program: SteeringProgram = {},
  ) {
    this.#config = config;
    this.#name = config.name ?? "";
    const named = this.#name === "" ? "a port" : `port "${this.#name}"`;
    this.#action = `Cannot open ${named} on "${config.interface}"`;
    this.#view = arena.view;
    this.#small = new PacketRing(arena, plan.small[core] as Offset, SMALL_RING);
    this.#big = new PacketRing(arena, plan.big[core] as Offset, BIG_RING);
    this.#sender = new PacketSender(arena, plan.sender[core] as Offset);
    this.#fanout = new Fanout(arena, plan.fanout, core, cores);
    this.#turn = new Turn(arena, plan.turn, core);
    this.#program = program;
    this.#interface = new Interface(config.interface);
    const isHushed = core === 0 && config.force !== true;
    this.#quiet = isHushed ? new Quiet(config.interface) : null;
    this.#estate = new Estate(arena, plan.held, core);
    const adopts = this.#estate.isLeft;
    const fds = [0, 1, 2, 3].map((n) => (adopts ? this.#estate.socket(n) : makeEventFd()));
    [this.#smallFd, this.#bigFd, this.#plainFd, this.#fullFd] = fds as [N, N, N, N];
    this.#fds = fds;
    this.descriptors = [this.#smallFd, this.#bigFd];
    if (adopts) {
      this.#adopt();
      return;
    }
    this.#bequeath();
    try {
      this.#check(core);
      // An interface that could not be brought up is taken when somebody does.
      if ((this.#interface.flags() & c.IFF_UP) !== 0) this.#plugInTurn(core);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Who gives the frames to the cores: "ebpf", "cbpf", or "software" for what the distributor must mend. */
  get steered(): string {
    return this.#fanout.kind;
  }

  receive(batch: Batch): void {
    const room = batch.start.length;
    let count = 0;
    while (count < room) {
      if (this.#small.peek() >= 0) {
        count = this.#run(batch, count);
        continue;
      }
      const big = this.#big.peek();
      if (big < 0) break;
      const small = this.#small.peek();
      if (small < 0 && this.#isHidden(big)) break;
      // A small frame that has just come and is older goes first, by the next round.
      if (small < 0 || this.#isOlder(big, small)) count = this.#take(this.#big, big, batch, count);
    }
    batch.count = count;
  }

  /** Takes small frames until there is none, the batch is full, or a big frame is older. */
  #run(batch: Batch, from: number): number {
    const room = batch.start.length;
    let count = from;
    let seen = 0;
    while (seen < room - count && this.#small.peekAhead(seen) >= 0) seen++;
    // Looked at after the small frames: one that is older than any of them is visible now.
    const big = this.#big.peek();
    while (seen > 0) {
      const slot = this.#small.next;
      if (big >= 0 && this.#isOlder(big, slot)) return this.#take(this.#big, big, batch, count);
      count = this.#take(this.#small, slot, batch, count);
      seen--;
    }
    return count;
  }

  /** Puts a slot's frame into the batch when it can be used; the new count. */
  #take(ring: PacketRing, slot: Offset, batch: Batch, count: number): number {
    ring.take();
    let start = ring.start(slot);
    if (start < 0) return count;
    const end = start + ring.length(slot);
    if (ring.hasTag(slot)) {
      start = vlan.insert(this.#view, start, ring.tagControl(slot), ring.tagType(slot));
    }
    // What is not to finish or to cut is an ordinary frame, whatever else the kernel says of it. Where it says nothing,
    // the header is zero; a store would take the line from the CPU that fills the ring.
    if (!offload.isBlank(this.#view, start) && offload.isPlain(this.#view, start)) {
      offload.clear(this.#view, start);
    }
    batch.start[count] = start;
    batch.end[count] = end;
    return count + 1;
  }

  #isOlder(big: Offset, small: Offset): boolean {
    const second = this.#small.second(small);
    return this.#big.age(big, second) < this.#small.age(small, second);
  }

  /** True when an older small frame is complete behind a slot that is still being filled. */
  #isHidden(big: Offset): boolean {
    for (let ahead = 1; ahead <= AHEAD; ahead++) {
      const slot = this.#small.peekAhead(ahead);
      if (slot >= 0) return !this.#isOlder(big, slot);
    }
    return false;
  }

  release(): void {
    this.#small.release();
    this.#big.release();
  }

  send(batch: Batch): number {
    return this.#index === 0 ? 0 : this.#sender.send(this.#plainFd, this.#fullFd, batch);
  }

  pending(): boolean {
    return this.#small.peek() >= 0 || this.#big.peek() >= 0;
  }

  lost(): number {
    const truncated = this.#small.truncated + this.#big.truncated;
    const fresh = truncated - this.#truncatedSeen;
    this.#truncatedSeen = truncated;
    if (this.#index === 0) return fresh;
    const drops = this.#estate.count(0, this.#smallFd, this.#small);
    return fresh + drops + this.#estate.count(1, this.#bigFd, this.#big);
  }

  /** Goes on with the sockets of a thread that is gone. */
  #adopt(): void {
    const estate = this.#estate;
    this.#program = estate.program;
    estate.enter(this.#quiet);
    this.#index = estate.index;
    this.#bequeath();
    if (this.#index === 0) return;
    estate.adopt(0, this.#smallFd, this.#small);
    estate.adopt(1, this.#bigFd, this.#big);
    this.#mac = this.#interface.mac();
    this.#mtu = this.#interface.mtu();
  }

  /** Writes down what there is to take over. */
  #bequeath(): void {
    this.#estate.index = this.#index;
    this.#estate.write(this.#fds, this.#interface.descriptor, this.#program, this.#quiet);
  }

  /** Also takes the interface again when it is back under its name. */
  status(_now: Millis): PortStatus {
    const index = this.#interface.index();
    // Not in the middle of a burst, whose frames lie in the rings.
    if (index !== this.#index && this.#small.held + this.#big.held === 0) {
      if (this.#index !== 0) this.#unplug();
      if (index !== 0) this.#replug(index);
    }
    // An error of the socket (ENETDOWN) would wake every poll until it is read.
    if (this.#index !== 0) {
      sys.getOption(this.#smallFd, c.SOL_SOCKET, c.SO_ERROR);
      sys.getOption(this.#bigFd, c.SOL_SOCKET, c.SO_ERROR);
      this.#mac = this.#interface.mac();
      this.#mtu = this.#interface.mtu();
    }
    const up = this.#index !== 0 && this.#interface.isRunning();
    return {
      driver: "packet",
      interface: this.#config.interface,
      up,
      mac: this.#mac,
      mtu: this.#mtu,
      steering: this.steered,
      note: this.#note,
    };
  }

  speed(): number {
    return this.#index === 0 ? 0 : this.#interface.speed();
  }

  steer(program: number): boolean {
    if (this.#fanout.kind !== "ebpf") return false;
    // Without an interface the program waits for its return.
    if (this.#index !== 0 && !this.#fanout.replace(this.#smallFd, program)) return false;
    if (this.#program.ebpf !== undefined) sys.close(this.#program.ebpf);
    this.#program = { ebpf: program };
    this.#bequeath();
    return true;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#index = 0;
    this.#estate.clear();
    for (const fd of this.#fds) sys.close(fd);
    if (this.#program.ebpf !== undefined) sys.close(this.#program.ebpf);
    this.#small.detach();
    this.#big.detach();
    this.#quiet?.release();
    this.#interface.close();
  }

  /** Refuses an interface that is missing, no Ethernet, or the kernel's own. */
  #check(core: CoreId): void {
    const { force } = this.#config;
    const name = this.#name;
    if (this.#interface.index() === 0) {
      throw new SystemError(this.#action, "ioctl(SIOCGIFINDEX)", Errno.ENODEV, name);
    }
    if (!this.#interface.isEthernet()) {
      throw new SystemError(this.#action, "it is no Ethernet interface", 0, name);
    }
    if (force !== true && this.#interface.hasIpv4()) {
      const hint = `remove them (ip addr flush dev ${this.#config.interface}) or set force: true`;
      throw new SystemError(
        this.#action,
        "the kernel has addresses there and answers too",
        0,
        name,
        hint,
      );
    }
    const addresses = this.#interface.ipv6();
    const routable = addresses.filter((address) => !address.startsWith(LINK_LOCAL));
    if (force !== true && routable.length > 0) {
      const hint = `remove them (ip -6 addr flush dev ${this.#config.interface}) or set force: true`;
      throw new SystemError(this.#action, "the kernel has IPv6 addresses there", 0, name, hint);
    }
    if (addresses.length > 0) {
      // Every interface gets a link-local address by itself, so this alone is no reason to refuse.
      this.#note = `the kernel speaks IPv6 there too: sysctl net.ipv6.conf.${this.#config.interface}.disable_ipv6=1`;
    }
    this.#hush();
    // As other software switches do when they take a port; without the right to, it stays as it is.
    if (core === 0 && (this.#interface.flags() & c.IFF_UP) === 0) this.#interface.setUp(true);
  }

  /** Keeps the kernel from speaking where the appliance does. */
  #hush(): void {
    const missing = this.#quiet?.hold() ?? [];
    if (missing.length === 0) return;
    const hint = `the kernel may answer and route here too: ${missing.join("; ")}`;
    this.#note = this.#note === "" ? hint : `${this.#note}; ${hint}`;
  }

  #plugInTurn(core: CoreId): void {
    const index = this.#interface.index();
    this.#turn.begin();
    if (!this.#turn.await(index, TURN_LIMIT_MS)) {
      const hint = "see the error of the core before";
      throw new SystemError(this.#action, `core ${core} had no turn`, 0, this.#name, hint);
    }
    this.#plug(index);
  }

  /** Makes the sockets, and gives them the numbers that everyone knows. */
  #plug(index: number): void {
    const made: number[] = [];
    try {
      const small = this.#listen(index, this.#small, made);
      const big = this.#listen(index, this.#big, made);
      const plain = this.#speak(index, made);
      const full = this.#speak(index, made);
      this.#estate.begin();
      this.#option(full, c.PACKET_VNET_HDR, 1, "PACKET_VNET_HDR");
      this.#fanout.join(small, big, this.#program, this.#action, this.#name);
      for (const fd of [small, big]) sys.setOption(fd, c.SOL_SOCKET, c.SO_DETACH_FILTER, 0);
      sys.dup3(small, this.#smallFd, c.O_CLOEXEC);
      sys.dup3(big, this.#bigFd, c.O_CLOEXEC);
      sys.dup3(plain, this.#plainFd, c.O_CLOEXEC);
      sys.dup3(full, this.#fullFd, c.O_CLOEXEC);
    } catch (error) {
      this.#small.detach();
      this.#big.detach();
      throw error;
    } finally {
      for (const fd of made) sys.close(fd);
    }
    this.#index = index;
    this.#bequeath();
    this.#mac = this.#interface.mac();
    this.#mtu = this.#interface.mtu();
    this.#turn.done(index);
  }

  /** The interface is back: joins when it is this core's turn, else at a later look. */
  #replug(index: number): void {
    if ((this.#interface.flags() & c.IFF_UP) === 0) return;
    this.#turn.begin();
    if (!this.#turn.isMine(index)) return;
    try {
      this.#plug(index);
      this.#hush(); // An interface that was made anew has the system's settings.
    } catch (error) {
      // It went away again, or the kernel has no room now: the next look tries anew.
      if (!(error instanceof SystemError)) throw error;
      this.#note = error.message;
    }
  }

  #unplug(): void {
    this.#index = 0;
    this.#estate.index = 0;
    const quiet = makeEventFd();
    for (const fd of this.#fds) sys.dup3(quiet, fd, c.O_CLOEXEC);
    sys.close(quiet);
    this.#small.detach();
    this.#big.detach();
  }

  #socket(made: number[]): number {
    const fd = sys.socket(c.AF_PACKET, c.SOCK_RAW | c.SOCK_CLOEXEC, 0);
    if (fd < 0) this.#fail("socket(AF_PACKET)");
    made.push(fd);
    return fd;
  }

  #listen(index: number, ring: PacketRing, made: number[]): number {
    const fd = this.#socket(made);
    this.#option(fd, c.PACKET_VNET_HDR, 1, "PACKET_VNET_HDR");
    this.#option(fd, c.PACKET_VERSION, c.TPACKET_V2, "PACKET_VERSION");
    ring.attach(fd, this.#action, this.#name);
    // Until it is in its group the socket would get every frame; the group flag does the same for outgoing ones.
    if (!setProgram(fd, c.SOL_SOCKET, c.SO_ATTACH_FILTER, REFUSE)) {
      this.#fail("setsockopt(SO_ATTACH_FILTER)");
    }
    this.#option(fd, c.PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING");
    this.#bind(fd, index, c.ETH_P_ALL);
    const { view } = sys.scratch;
    view.setInt32(0, index, true);
    view.setUint16(4, c.PACKET_MR_PROMISC, true);
    view.setUint16(6, 0, true);
    view.setFloat64(8, 0);
    if (sys.setsockopt(fd, c.SOL_PACKET, c.PACKET_ADD_MEMBERSHIP, sys.scratch.at, 16) !== 0) {
      this.#fail("setsockopt(PACKET_ADD_MEMBERSHIP)");
    }
    return fd;
  }

  /** A socket that only sends. */
  #speak(index: number, made: number[]): number {
    const fd = this.#socket(made);
    this.#option(fd, c.PACKET_QDISC_BYPASS, 1, "PACKET_QDISC_BYPASS");
    if (!sys.setOption(fd, c.SOL_SOCKET, c.SO_SNDBUFFORCE, SEND_BUFFER)) {
      sys.setOption(fd, c.SOL_SOCKET, c.SO_SNDBUF, SEND_BUFFER);
    }
    this.#bind(fd, index, 0);
    return fd;
  }

  #bind(fd: number, index: number, protocol: number): void {
    const { view, u8, at } = sys.scratch;
    u8.fill(0, 0, 20);
    view.setUint16(0, c.AF_PACKET, true);
    view.setUint16(2, protocol);
    view.setInt32(4, index, true);
    if (sys.bind(fd, at, 20) !== 0) this.#fail("bind");
  }

  #option(fd: number, name: number, value: number, text: string): void {
    if (!sys.setOption(fd, c.SOL_PACKET, name, value)) this.#fail(`setsockopt(${text})`);
  }

  #fail(syscall: string): never {
    throw new SystemError(this.#action, syscall, sys.errno(), this.#name);
  }
}
