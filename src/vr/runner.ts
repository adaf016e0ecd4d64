// Runs the machines on the link master: what holds them, what is due, what was heard; and does what their rules ask
// for. On the other cores it only keeps the list.

import { Drop } from "../engine/drop.ts";
import { EventCode } from "../engine/event.ts";
import type { Out } from "../engine/out.ts";
import type { VirtualSink } from "../engine/virtual.ts";
import type { Mac, Millis } from "../lib/units.ts";
import type { Signer } from "../wire/carp.ts";
import type { Advert } from "./advert.ts";
import { CARP } from "./carp.ts";
import { RIVAL_PERIOD, STALL_MIN, STALL_SHARE, TRACK_PERIOD, type VrProtocol } from "./config.ts";
import { Groups } from "./groups.ts";
import { HSRP } from "./hsrp.ts";
import { type Machine, OFF } from "./machine.ts";
import { Reason, Rival } from "./reason.ts";
import { Replays } from "./replays.ts";
import { type Effects, type Rules, Send, type Who } from "./rules.ts";
import { effective, GIVE_UP } from "./tracking.ts";
import { Transmitter } from "./transmit.ts";
import { VRRP } from "./vrrp.ts";

const RULES: { readonly [P in VrProtocol]: Rules } = { vrrp: VRRP, hsrp: HSRP, carp: CARP };
/** A rival is answered by a burst, and different ones are told of, at most this often. Our choice. */
const RIVAL_PAUSE: Millis = 1000;

const rulesOf = ({ config }: Machine): Rules => RULES[config.protocol];

export class Runner implements Effects {
  machines: readonly Machine[] = [];
  /** Machines of which all cores are to be told. */
  readonly pending: Set<Machine> = new Set();
  readonly #out: Out;
  readonly #sink: VirtualSink;
  readonly #transmitter: Transmitter;
  #groups: Groups = new Groups([]);
  readonly #replays = new WeakMap<Machine, Replays>();
  /** Machines that went Active or left it, whose groups are to follow. */
  readonly #moved: Machine[] = [];
  #evaluateAt: Millis = OFF;
  #lastTick: Millis = OFF;
  #now: Millis = 0;

  constructor(out: Out, sink: VirtualSink, signerOf: (machine: Machine) => Signer) {
    this.#out = out;
    this.#sink = sink;
    this.#transmitter = new Transmitter(out, sink, signerOf);
  }

  /** Takes over a list; those that stay keep all they know. */
  setMachines(machines: readonly Machine[]): void {
    this.machines = machines;
    this.#groups = new Groups(machines);
    for (const machine of this.pending)
      if (!machines.includes(machine)) this.pending.delete(machine);
  }

  // --- Effects ------------------------------------------------------------------------------------------------------

  transmit(machine: Machine, what: Send, now: Millis): void {
    // A last word into a cut cable helps nobody, and would be counted as a fault.
    if (!this.#sink.isInterfaceUp(machine.config.iface)) return;
    if (!this.#transmitter.send(machine, what, now)) return;
    machine.sent++;
    if (what === Send.Release) machine.releasesSent++;
  }

  enter(machine: Machine, state: number, reason: number, mac: Mac, now: Millis): void {
    const from = machine.state;
    const wasActive = machine.isActive;
    machine.enter(state, reason, mac, now);
    this.pending.add(machine);
    this.#out.event(EventCode["vr-state"], machine.number, from, state, reason);
    const { isActive } = machine;
    if (isActive === wasActive) return;
    this.#sink.setVirtual(machine.virtual, isActive, now);
    const { delay, refresh } = machine.config.announce;
    machine.bursts = isActive ? (delay > 0 ? 2 : 1) : 0;
    machine.burstAt = isActive ? now : OFF;
    machine.refreshAt = isActive && refresh > 0 ? now + refresh : OFF;
    if (reason !== Reason.group) this.#moved.push(machine);
  }

  changed(machine: Machine): void {
    this.pending.add(machine);
  }

  rival(machine: Machine, kind: number, { mac, channel, source }: Who, now: Millis): void {
    machine.rivals++;
    const since = machine.rivalAt === OFF ? Number.POSITIVE_INFINITY : now - machine.rivalAt;
    const isKnown = machine.rivalMac === mac && machine.rivalKind === kind;
    if (since < (isKnown ? RIVAL_PERIOD : 0)) return;
    // Whoever changes its address with every frame is told of once in a while, too.
    if (!isKnown && kind === machine.rivalKind && since < RIVAL_PAUSE) return;
    machine.rivalAt = now;
    machine.rivalMac = mac;
    machine.rivalKind = kind;
    const about = source[3] * 0x10_0000 + kind * 0x1_0000 + machine.number;
    const ports = (channel + 1) * 0x1_0000 + machine.iface.channel + 1;
    this.#out.event(EventCode["vr-rival"], about, mac, machine.iface.mac, ports);
  }

  mayTakeOver(machine: Machine): boolean {
    return this.#groups
      .members(machine)
      .every((one) => one === machine || !rulesOf(one).hasSuperior(one, this.#now));
  }

  // --- what happens -------------------------------------------------------------------------------------------------

  /** An advertisement for a machine. */
  heard(machine: Machine, advert: Advert, now: Millis): void {
    this.#now = now;
    if (machine.isDown) {
      this.#out.drop(Drop["vr-inactive"]);
      return;
    }
    if (machine.config.protocol === "carp" && this.#isReplay(machine, advert)) {
      this.#out.drop(Drop["vr-replay"]);
      return;
    }
    machine.received++;
    const wasActive = machine.isActive;
    const silent = machine.peerHeard === OFF || now - machine.peerHeard > machine.hold;
    machine.peerHeard = now;
    const rivals = machine.rivals;
    rulesOf(machine).heard(machine, advert, this, now);
    const isActive = wasActive && machine.isActive;
    // Somebody else thought it was Active, or (HSRP) came back after it was cut off: the net may point elsewhere.
    const isBack = machine.isHsrp && silent;
    if (isActive && (machine.rivals > rivals || isBack)) this.#announceAgain(machine, now);
    this.#follow(now);
  }

  #isReplay(machine: Machine, advert: Advert): boolean {
    let replays = this.#replays.get(machine);
    if (replays === undefined) {
      replays = new Replays();
      this.#replays.set(machine, replays);
    }
    return replays.isReplay(advert.source, advert.high, advert.low);
  }

  /** Bursts as on becoming Active, but not more often than a rival deserves. */
  #announceAgain(machine: Machine, now: Millis): void {
    if (machine.againAt !== OFF && now - machine.againAt < RIVAL_PAUSE) return;
    machine.againAt = now;
    machine.bursts = machine.config.announce.delay > 0 ? 2 : 1;
    machine.burstAt = now;
    this.#announce(machine, now);
  }

  /** Somebody answered for an address of ours from another MAC (VR-6). */
  answered(machine: Machine, who: Who, now: Millis): void {
    if (!machine.isActive) return;
    this.rival(machine, Rival.Answered, who, now);
    this.#announceAgain(machine, now);
  }

  /** Lets groups follow those that moved, and sends what is to be announced at once. */
  #follow(now: Millis): void {
    for (;;) {
      const machine = this.#moved.shift();
      if (machine === undefined) break;
      const members = this.#groups.members(machine);
      // Two groups that lost to each other would take over from each other for ever: the one whose first router lost
      // waits.
      if (!machine.isActive && machine === members[0] && members.length > 1) {
        for (const one of members) one.patientUntil = now + 4 * one.interval;
      }
      for (const other of members) {
        if (other === machine || other.isDown || other.isActive === machine.isActive) continue;
        if (machine.isActive) rulesOf(other).takeOver(other, Reason.group, this, now);
        else if (!machine.isDown) rulesOf(other).giveUp(other, Reason.group, this, now);
      }
    }
    for (const machine of this.machines) this.#announce(machine, now);
  }

  #announce(machine: Machine, now: Millis): void {
    const { repeat, delay, refresh } = machine.config.announce;
    if (machine.burstAt !== OFF && now >= machine.burstAt) {
      machine.bursts--;
      machine.burstAt = machine.bursts > 0 ? now + delay : OFF;
      if (machine.isActive) this.#sayAnnouncement(machine, Math.max(1, repeat), now);
    } else if (machine.refreshAt !== OFF && now >= machine.refreshAt) {
      machine.refreshAt = now + refresh;
      if (machine.isActive) this.#sayAnnouncement(machine, 1, now);
    }
  }

  #sayAnnouncement(machine: Machine, repeat: number, now: Millis): void {
    machine.announced += repeat;
    this.#sink.announce(machine.virtual, repeat, now);
  }

  /** Announces at once: an operator wants it. */
  announceNow(machine: Machine, now: Millis): void {
    if (machine.isActive) this.#sayAnnouncement(machine, 1, now);
  }

  // --- timers -------------------------------------------------------------------------------------------------------

  tick(now: Millis): void {
    this.#now = now;
    this.#checkStall(now);
    if (now >= this.#evaluateAt) this.evaluate(now);
    for (const machine of this.machines) {
      if (machine.isDown) continue;
      this.#recordLateness(machine, now);
      rulesOf(machine).expire(machine, this, now);
    }
    this.#follow(now);
    this.#lastTick = now;
  }

  /** Whoever slept heard nothing meanwhile: nobody is declared gone before one fresh interval (VR-6). */
  #checkStall(now: Millis): void {
    if (this.#lastTick === OFF) return;
    const gap = now - this.#lastTick;
    if (gap < STALL_MIN) return;
    for (const machine of this.machines) {
      if (machine.isDown || gap < STALL_SHARE * machine.interval) continue;
      rulesOf(machine).forgive(machine, now);
      // Others may have taken over while we slept: if we are Active in an interval, still, they are told.
      if (!machine.isActive || gap < 3 * machine.ownInterval) continue;
      machine.burstAt = now + machine.ownInterval;
      machine.bursts = 1;
    }
  }

  #recordLateness(machine: Machine, now: Millis): void {
    const { advertAt } = machine;
    if (advertAt === OFF || now <= advertAt) return;
    const late = now - advertAt;
    if (late > machine.lateMax) machine.lateMax = late;
    if (late < STALL_MIN || late < STALL_SHARE * machine.ownInterval) return;
    this.#out.event(EventCode["vr-late"], machine.number, late, machine.ownInterval, 0);
  }

  /** Looks at interfaces and tracked things: who may run, and with which priority. */
  evaluate(now: Millis): void {
    this.#now = now;
    this.#evaluateAt = now + TRACK_PERIOD;
    for (const machine of this.machines) this.#judge(machine);
    for (const machine of this.machines) {
      const held = this.#heldBy(machine);
      if (machine.held !== held) {
        machine.held = held;
        this.pending.add(machine);
      }
      if (held !== Reason.none && !machine.isDown) rulesOf(machine).stop(machine, held, this, now);
    }
    for (const machine of this.machines) {
      if (machine.held === Reason.none) this.#adjust(machine, now);
    }
    this.#follow(now);
  }

  #judge(machine: Machine): void {
    const isUp = this.#sink.isInterfaceUp(machine.config.iface);
    const priority = effective(machine, this.#sink);
    machine.fault = Reason.none;
    if (!isUp) machine.fault = Reason["interface-down"];
    else if (priority === GIVE_UP) machine.fault = Reason["tracked-down"];
    machine.wanted = priority === GIVE_UP ? 0 : priority;
  }

  #heldBy(machine: Machine): number {
    if (machine.fault !== Reason.none) return machine.fault;
    const others = this.#groups.members(machine);
    return others.some(({ fault }) => fault !== Reason.none) ? Reason.group : Reason.none;
  }

  #adjust(machine: Machine, now: Millis): void {
    const isNews = machine.priority !== machine.wanted;
    machine.priority = machine.wanted;
    if (isNews) {
      machine.equalMac = 0;
      this.pending.add(machine);
    }
    if (machine.isDown) rulesOf(machine).start(machine, this, now);
    else if (isNews || machine.isStale) rulesOf(machine).adjusted(machine, this, now);
    machine.isStale = false;
  }

  // --- roles --------------------------------------------------------------------------------------------------------

  /** This core is the link master from now on: goes on where the other one stopped, and all are told. */
  takeOver(now: Millis): void {
    this.#now = now;
    this.#lastTick = now;
    this.#evaluateAt = now;
    for (const machine of this.machines) {
      this.pending.add(machine);
      if (machine.isDown) continue;
      rulesOf(machine).inherit(machine, now);
      const { refresh } = machine.config.announce;
      machine.refreshAt = machine.isActive && refresh > 0 ? now + refresh : OFF;
    }
  }

  /** Another core is: nothing runs here any more. */
  resign(): void {
    for (const machine of this.machines) machine.quiet();
    this.pending.clear();
    this.#moved.length = 0;
    this.#lastTick = OFF;
  }

  /** Ends a machine in good order: its neighbours hear of it. */
  stop(machine: Machine, reason: number, now: Millis): void {
    this.#now = now;
    if (machine.isDown) return;
    rulesOf(machine).stop(machine, reason, this, now);
    this.#moved.length = 0;
  }
}
