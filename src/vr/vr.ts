// Virtual routers of one core (VR-1 to VR-6). The link master alone runs the machines, sends and announces, so the
// network sees one router; every core follows its states and takes frames to the virtual MACs by them. Any core may
// hear an advertisement: it notes the virtual MAC (learning.ts) and, when it is for a machine, hands what it says to
// the master.

import { Asking } from "../engine/asking.ts";
import type { CommonConfig } from "../engine/config.ts";
import { EventCode } from "../engine/event.ts";
import type { Ipv6Words } from "../engine/ipv6.ts";
import { Message, Table } from "../engine/message.ts";
import type { Engine, Out, Replicated } from "../engine/out.ts";
import { Role } from "../engine/role.ts";
import type { VirtualSink } from "../engine/virtual.ts";
import type { ChannelId, CoreId, Ipv4, Mac, Millis, Offset, PortId } from "../lib/units.ts";
import { Signer } from "../wire/carp.ts";
import { RIVAL_PERIOD, type VrConfig, type VrProtocol, type VrRouterConfig } from "./config.ts";
import { epochOfConfig, identityOf, isSameParameters } from "./inherit.ts";
import { Learning } from "./learning.ts";
import { Leaving, sleepLimit } from "./leaving.ts";
import { Machine, OFF } from "./machine.ts";
import * as message from "./message.ts";
import { Reason, Rival } from "./reason.ts";
import { Got, Receiver, type Receiving } from "./receive.ts";
import type { Who } from "./rules.ts";
import { Runner } from "./runner.ts";
import { explain, rowOf, timersOf, vmacRowOf } from "./view.ts";
import { addToDigest } from "./vmac.ts";

/** The families that a router has a machine for. */
const familiesOf = ({ addresses, addresses6 }: VrRouterConfig): (4 | 6)[] => [
  ...(addresses.length > 0 ? ([4] as const) : []),
  ...(addresses6.length > 0 ? ([6] as const) : []),
];

/** Somebody of whom an answer was heard, and no advertisement. */
const whoOf = (mac: Mac, channel: ChannelId): Who => ({ mac, channel, source: [0, 0, 0, 0] });

const keyOf = (iface: number, protocol: VrProtocol, vrid: number, family: number): string =>
  `${iface} ${protocol} ${vrid} ${family}`;

export class Vr implements Engine, Replicated, Receiving {
  readonly table: number = Table.Vr;
  readonly out: Out;
  readonly runner: Runner;
  readonly learning: Learning;
  readonly #leaving: Leaving = new Leaving();
  /** Advertisements that landed here and were handed to the link master, one message each. */
  handedOver = 0;
  readonly #sink: VirtualSink;
  readonly #receiver: Receiver;
  #config: VrConfig;
  #common: CommonConfig;
  #epoch: number;
  #isMaster: boolean;
  /** Machines by what an advertisement names them by. */
  #byKey: Map<string, Machine> = new Map();
  readonly #signers = new WeakMap<VrRouterConfig, Signer>();
  /** Of the last message about each machine, sent or followed. */
  #sequences: number[] = [];
  readonly #asking: Asking;
  /** By interface and VRID: when a stranger was last told of. */
  readonly #strangers: Map<number, Millis> = new Map();

  constructor(config: VrConfig, common: CommonConfig, out: Out, sink: VirtualSink) {
    this.out = out;
    this.#sink = sink;
    this.#config = config;
    this.#common = common;
    this.#epoch = epochOfConfig(config, common);
    this.#isMaster = out.master(Role.Link) === out.core;
    this.#asking = new Asking(out, this.table, Role.Link);
    this.#receiver = new Receiver(this, common.channels.length);
    this.learning = new Learning(config, out, this.#epoch, common.channels.length);
    this.runner = new Runner(out, sink, (machine) => this.signerOf(machine));
    this.#build([], null, 0);
  }

  /** Makes the machines; those of `before` that are the same go on. */
  #build(before: readonly Machine[], old: CommonConfig | null, now: Millis): void {
    const common = this.#common;
    const known = new Map<string, Machine>();
    if (old !== null) {
      for (const one of before) known.set(identityOf(one.config, one.family, old), one);
    }
    const sequences: number[] = [];
    const machines: Machine[] = [];
    for (const [place, config] of this.#config.routers.entries()) {
      for (const family of familiesOf(config)) {
        const kept = known.get(identityOf(config, family, common));
        const machine = kept ?? new Machine(config, family, common, now);
        if (kept === undefined) machine.high = this.#config.boot >>> 0;
        else this.#renew(kept, config, common, now);
        sequences.push(kept === undefined ? 0 : (this.#sequences[kept.index] ?? 0));
        machine.number = place * 2 + (family === 6 ? 1 : 0);
        machines.push(machine);
      }
    }
    this.#sequences = sequences;
    this.#byKey = new Map();
    for (const [index, machine] of machines.entries()) {
      machine.index = index;
      const { iface, protocol, vrid } = machine.config;
      this.#byKey.set(keyOf(iface, protocol, vrid, machine.family), machine);
    }
    this.runner.setMachines(machines);
  }

  /** New parameters for a machine that goes on. Telling the rest of the core again what it knows changes nothing. */
  #renew(machine: Machine, config: VrRouterConfig, common: CommonConfig, now: Millis): void {
    const isSame = isSameParameters(machine.config, config);
    const addresses = JSON.stringify([machine.virtual.addresses, machine.virtual.addresses6]);
    machine.configure(config, common);
    if (!isSame) machine.isStale = true;
    if (!machine.isActive) return;
    this.#sink.setVirtual(machine.virtual, true, now);
    const { virtual } = machine;
    if (JSON.stringify([virtual.addresses, virtual.addresses6]) === addresses) return;
    machine.burstAt = now;
    machine.bursts = 1;
  }

  // --- Receiving ----------------------------------------------------------------------------------------------------

  machineOf(iface: number, protocol: VrProtocol, vrid: number, family: 4 | 6): Machine | null {
    return this.#byKey.get(keyOf(iface, protocol, vrid, family)) ?? null;
  }

  signerOf({ config }: Machine): Signer {
    let signer = this.#signers.get(config);
    if (signer === undefined) {
      const password = Uint8Array.from(config.password ?? []);
      signer = new Signer(password, config.vrid, config.addresses, config.addresses6);
      this.#signers.set(config, signer);
    }
    return signer;
  }

  stranger({ config }: Machine, mac: Mac, channel: ChannelId, now: Millis): void {
    const { iface, vrid } = config;
    const about = iface * 0x1_0000 + vrid;
    const told = this.#strangers.get(about);
    if (told !== undefined && now - told < RIVAL_PERIOD) return;
    this.#strangers.set(about, now);
    const [a = 0, b = 0, c = 0] = this.freeVrids(iface, 3);
    const free = (a * 256 + b) * 256 + c;
    this.out.event(EventCode["vr-stranger"], about, mac, channel, free);
  }

  /** VRIDs that nobody speaks on an interface, as far as heard. */
  freeVrids(iface: number, limit: number): number[] {
    const own = this.#config.routers.filter((one) => one.iface === iface);
    return this.learning.freeVrids(iface, new Set(own.map(({ vrid }) => vrid)), limit);
  }

  // --- frames -------------------------------------------------------------------------------------------------------

  /**
   * A frame without tag that an interface got, on any core. True when it was one of these protocols' and is consumed;
   * false when the host is to treat it.
   */
  receive(iface: number, channel: ChannelId, start: Offset, end: Offset, now: Millis): boolean {
    const receiver = this.#receiver;
    const got = receiver.receive(iface, channel, start, end, now);
    if (got === Got.Other) return false;
    if (receiver.hasSaid) this.learning.heard(receiver.said, channel, now);
    if (got === Got.Dropped) return true;
    const { machine, advert } = receiver;
    if (machine === null) return true;
    this.#checkRole(now);
    if (this.#isMaster) {
      if (this.#leaving.isOn) this.#leaving.heard(machine, advert);
      else this.runner.heard(machine, advert, now);
      this.#flush();
      return true;
    }
    this.handedOver++;
    const at = this.out.draft(Message["vr-heard"]);
    message.writeHeard(this.out.view, at, advert, this.#epoch);
    this.out.send(this.out.master(Role.Link));
    return true;
  }

  /**
   * ARP or neighbour discovery saw somebody say that an IPv4 address is at a MAC. Nothing happens unless the address
   * is a virtual one of ours that we hold, and the MAC not ours.
   */
  heardAddress4(iface: number, address: Ipv4, mac: Mac, channel: ChannelId, now: Millis): void {
    this.#heardAddress(4, iface, [0, 0, 0, address], whoOf(mac, channel), now);
  }

  /** The same for IPv6. */
  heardAddress6(
    iface: number,
    address: Ipv6Words,
    mac: Mac,
    channel: ChannelId,
    now: Millis,
  ): void {
    this.#heardAddress(6, iface, address, whoOf(mac, channel), now);
  }

  #heardAddress(family: 4 | 6, iface: number, address: Ipv6Words, who: Who, now: Millis): void {
    for (const machine of this.runner.machines) {
      if (machine.config.iface !== iface || machine.family !== family) continue;
      if (!machine.isAnsweredBy(address, who.mac)) continue;
      if (this.#isMaster) this.runner.answered(machine, who, now);
      else this.runner.rival(machine, Rival.Answered, who, now);
    }
  }

  // --- messages -----------------------------------------------------------------------------------------------------

  message(type: number, from: CoreId, at: Offset, now: Millis): void {
    const { view } = this.out;
    if (message.epochOf(view, at) !== this.#epoch) {
      if (!this.#isMaster) this.#asking.later(now);
      return;
    }
    if (type === Message["vmac-entry"]) this.learning.entry(at, now);
    else if (type === Message["vmac-delete"]) this.learning.deleted(from, at, now);
    else {
      this.#checkRole(now);
      const machine = this.runner.machines[message.machineOf(view, at)];
      if (machine === undefined) return;
      if (type === Message["vr-heard"]) this.#heard(machine, at, now);
      else if (!this.#isMaster && from === this.out.master(Role.Link)) {
        this.#follow(machine, at, now);
      }
    }
  }

  /** What another core heard. */
  #heard(machine: Machine, at: Offset, now: Millis): void {
    if (!this.#isMaster) return;
    const { advert } = this.#receiver;
    message.readHeard(this.out.view, at, advert);
    if (this.#leaving.isOn) this.#leaving.heard(machine, advert);
    else this.runner.heard(machine, advert, now);
    this.#flush();
  }

  /** What the master says of a machine. */
  #follow(machine: Machine, at: Offset, now: Millis): void {
    const { state, isActive } = machine;
    message.readState(this.out.view, at, machine);
    this.#sequences[machine.index] = message.sequenceOf(this.out.view, at);
    if (machine.state !== state) {
      const { since, reason, activeMac } = machine;
      const to = machine.state;
      machine.state = state;
      machine.enter(to, reason, activeMac, since);
    }
    if (machine.isActive !== isActive) {
      this.#sink.setVirtual(machine.virtual, machine.isActive, now);
    }
  }

  /** Tells every other core what changed: one message for each machine and core. */
  #flush(): void {
    const { pending } = this.runner;
    if (pending.size === 0) return;
    for (const machine of pending) {
      const sequence = (this.#sequences[machine.index] ?? 0) + 1;
      this.#sequences[machine.index] = sequence;
      if (this.out.cores === 1) continue;
      this.#draft(machine);
      this.out.broadcast();
    }
    pending.clear();
  }

  #draft(machine: Machine): void {
    const at = this.out.draft(Message["vr-state"]);
    const sequence = this.#sequences[machine.index] ?? 0;
    message.writeState(this.out.view, at, machine, sequence, this.#epoch);
  }

  // --- timers, roles, links -----------------------------------------------------------------------------------------

  tick(now: Millis): void {
    this.#checkRole(now);
    this.learning.tick(now);
    if (this.#isMaster) {
      if (!this.#leaving.isOn) this.runner.tick(now);
      this.#flush();
    } else this.#asking.tick(now);
  }

  roleChanged(now: Millis): void {
    this.#checkRole(now);
  }

  #checkRole(now: Millis): void {
    const isMaster = this.out.master(Role.Link) === this.out.core;
    if (isMaster === this.#isMaster) return;
    this.#isMaster = isMaster;
    if (!isMaster) {
      this.runner.resign();
      return;
    }
    this.#asking.cease();
    this.runner.takeOver(now);
    this.#flush();
  }

  /** A port's link came or went: routers that hang on it need not wait for the next look. */
  linkChanged(_port: PortId, _up: boolean, now: Millis): void {
    if (!this.#isMaster || this.runner.machines.length === 0) return;
    this.runner.evaluate(now);
    this.#flush();
  }

  /** The appliance is about to stop: see leaving.ts. How many routers have no successor yet; ask again and again. */
  leave(now: Millis): number {
    return this.#isMaster ? this.#leaving.begin(this.runner.machines, this.runner, now) : 0;
  }

  /** The appliance stops in good order: neighbours hear that the routers are free. */
  stop(now: Millis): void {
    if (!this.#isMaster || this.#leaving.isOn) return;
    for (const machine of this.runner.machines) this.runner.stop(machine, Reason.stopped, now);
    this.#flush();
  }

  // --- configuration and operators ----------------------------------------------------------------------------------

  /**
   * Before any engine takes over a configuration: routers that it lacks, or that become others by it, are released
   * while their interfaces are still there.
   */
  retire(config: VrConfig, common: CommonConfig, now: Millis): void {
    const stays = new Set<string>();
    for (const router of config.routers) {
      for (const family of familiesOf(router)) stays.add(identityOf(router, family, common));
    }
    for (const machine of this.runner.machines) {
      const isKept = stays.has(identityOf(machine.config, machine.family, this.#common));
      if (isKept) {
        // The interface may get another number: it is told anew by `configure`.
        const moves = common.interfaces[machine.config.iface]?.name !== machine.iface.name;
        if (moves && machine.isActive) this.#sink.setVirtual(machine.virtual, false, now);
        continue;
      }
      if (this.#isMaster) this.runner.stop(machine, Reason.stopped, now);
      else if (machine.isActive) this.#sink.setVirtual(machine.virtual, false, now);
    }
  }

  /** Takes over a configuration, after `retire`. Routers that stay as they were go on undisturbed. */
  configure(config: VrConfig, common: CommonConfig, now: Millis): void {
    const before = this.runner.machines;
    const old = this.#common;
    const names = (of: CommonConfig): string => of.interfaces.map(({ name }) => name).join(" ");
    const keepsRows = names(old) === names(common);
    this.#config = config;
    this.#common = common;
    this.#epoch = epochOfConfig(config, common);
    const channels = common.channels.length;
    this.#receiver.configure(channels);
    this.learning.configure(config, this.#epoch, channels, keepsRows, now);
    this.#strangers.clear();
    this.#build(before, old, now);
    if (!this.#isMaster) {
      if (this.runner.machines.length > 0) this.#asking.soon(now);
      return;
    }
    if (this.runner.machines.length === 0) return;
    this.runner.evaluate(now);
    this.#flush();
  }

  /** An operator's priority of a router until its own is configured anew; -1 = the configured one. On every core. */
  setPriority(name: string, priority: number, now: Millis): boolean {
    const found = this.runner.machines.filter(({ config }) => config.name === name);
    for (const machine of found) machine.override = priority <= 0 ? OFF : priority;
    if (found.length > 0 && this.#isMaster) {
      // Told to the others in any case, so that a core that joins, or missed the order, has it when the role moves.
      for (const machine of found) this.runner.pending.add(machine);
      this.runner.evaluate(now);
      this.#flush();
    }
    return found.length > 0;
  }

  /** Announces the addresses of a router, or of all (""), that is Active, once. Returns the routers. */
  announce(name: string, now: Millis): number {
    if (!this.#isMaster) return 0;
    const found = this.runner.machines.filter(
      (one) => one.isActive && (name === "" || one.config.name === name),
    );
    for (const machine of found) this.runner.announceNow(machine, now);
    return found.length;
  }

  /** Forgets learned virtual MACs on every core: of an interface or all (-1), of a VRID or all (-1). */
  flushVmacs(iface: number, vrid: number, now: Millis): number {
    return this.learning.flush(iface < 0 ? message.ANY : iface, vrid < 0 ? message.ANY : vrid, now);
  }

  // --- Replicated ---------------------------------------------------------------------------------------------------

  resync(to: CoreId, cursor: number, limit: number, now: Millis): number {
    const { machines } = this.runner;
    const first = this.#isMaster ? machines.length : 0;
    const all = first + this.learning.table.capacity;
    const last = Math.min(all, cursor + limit);
    for (let position = cursor; position < last; position++) {
      if (position >= first) this.learning.send(position - first, to, now);
      else {
        this.#draft(machines[position] as Machine);
        this.out.send(to);
      }
    }
    return last < all ? last : -1;
  }

  resyncBegin(from: CoreId): void {
    this.#asking.cease();
    this.learning.resyncBegin(from);
  }

  resyncEnd(from: CoreId): void {
    this.learning.resyncEnd(from);
  }

  /** Over what must be equal on every core: each machine's state and priority, and the virtual MACs. */
  summary(): { entries: number; digest: number; version: number } {
    const { machines } = this.runner;
    const { table } = this.learning;
    let digest = table.digestOfAll();
    let version = 0;
    for (const { index, state, priority, held, activePriority, override } of machines) {
      let one = addToDigest(index + 1, state * 65_536 + priority * 256 + held);
      one = addToDigest(one, activePriority * 256 + override);
      digest ^= one;
      version += this.#sequences[index] ?? 0;
    }
    return { entries: machines.length + table.size, digest, version };
  }

  /** Rows of `show vr`. */
  rows(
    cursor: number,
    limit: number,
    now: Millis,
  ): { rows: Record<string, unknown>[]; next: number } {
    const { machines } = this.runner;
    const last = Math.min(machines.length, cursor + limit);
    const rows = machines.slice(cursor, last).map((one) => rowOf(one, this.#isMaster, now));
    return { rows, next: last < machines.length ? last : -1 };
  }

  /** Rows of `show vmac`. */
  vmacRows(
    cursor: number,
    limit: number,
    now: Millis,
  ): { rows: Record<string, unknown>[]; next: number } {
    const { table } = this.learning;
    const rows: Record<string, unknown>[] = [];
    let slot = cursor;
    for (; slot < table.capacity && rows.length < limit; slot++) {
      if (table.used[slot] !== 1) continue;
      rows.push(vmacRowOf(table, slot, (iface) => this.#common.interfaces[iface]?.name ?? "", now));
    }
    return { rows, next: slot < table.capacity ? slot : -1 };
  }

  /** Why a router is as it is: one object for each family; [] when there is none of the name. */
  explain(name: string, now: Millis): Record<string, unknown>[] {
    return this.runner.machines
      .filter(({ config }) => config.name === name)
      .map((one) => explain(one, this.#sink, this.#isMaster, now));
  }

  /** How long this core may sleep. */
  sleepLimit(now: Millis): Millis {
    const isAwaited = this.#isMaster && !this.#leaving.isOn;
    return isAwaited ? sleepLimit(this.runner.machines, now) : Number.POSITIVE_INFINITY;
  }

  /** What is due on the master: rows {timer, subject, due-ms, period-ms}. */
  timers(now: Millis): Record<string, unknown>[] {
    if (!this.#isMaster) return [];
    return this.runner.machines.flatMap((machine) => timersOf(machine, now));
  }
}
