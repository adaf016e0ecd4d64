// The machine of CARP, as OpenBSD's netinet/ip_carp.c (carp_proto_input_c, carp_setrun): the more frequent sender is
// Active ("master"), and a smaller demotion goes before that. Two of one frequency are parted as ucarp parts them: the
// lower address wins (OpenBSD lets whoever hears the other first give way, which two equal clocks never settle).

import type { Millis } from "../lib/units.ts";
import { type Advert, compareWords } from "./advert.ts";
import { type Machine, OFF, State } from "./machine.ts";
import { Reason, Rival } from "./reason.ts";
import { type Effects, next, type Rules, Send } from "./rules.ts";

/** advbase and advskew of 255 (OpenBSD bow_out): nobody who hears it waits for another one. */
export const BOW_OUT: Millis = 255_000 + (255 * 1000) / 256;

/** How long a Backup waits: OpenBSD carp_setrun. */
export const downInterval = (machine: Machine): Millis =>
  3000 * machine.config.advbase + (machine.skew * 1000) / 256;

const neverAdvertises = ({ config }: Machine): boolean =>
  config.advbase === 255 && config.advskew === 255;

function toActive(machine: Machine, reason: number, effects: Effects, now: Millis): void {
  if (neverAdvertises(machine)) {
    machine.downAt = now + downInterval(machine);
    return;
  }
  machine.downAt = OFF;
  const mac = machine.activeMac;
  machine.unfollow();
  machine.interval = machine.ownInterval;
  effects.enter(machine, State.Active, reason, mac, now);
  effects.transmit(machine, Send.Normal, now);
  machine.advertAt = now + machine.ownInterval;
}

function toBackup(machine: Machine, reason: number, effects: Effects, now: Millis): void {
  machine.quiet();
  machine.downAt = now + downInterval(machine);
  effects.enter(machine, State.Backup, reason, machine.activeMac, now);
}

/** Whether the sender of an advertisement goes before us, and why; Reason.none = it does not. */
function givesWay(machine: Machine, advert: Advert): number {
  if (advert.priority < machine.priority) return Reason.demoted;
  if (advert.priority > machine.priority) return Reason.none;
  const own = machine.ownInterval;
  if (advert.interval < own) return Reason["higher-priority"];
  const isLower = compareWords(advert.source, machine.primary) < 0;
  return advert.interval === own && isLower ? Reason["higher-address"] : Reason.none;
}

/** What a Backup takes the Active router for: Reason.none = a good one. */
function takesFor(machine: Machine, advert: Advert, now: Millis): number {
  const own = machine.ownInterval;
  const { config, priority } = machine;
  if (config.preempt && own < advert.interval && advert.priority >= priority) {
    if (machine.preemptAt === OFF) machine.preemptAt = now + config.preemptDelay;
    if (now >= machine.preemptAt) return Reason.preempted;
  } else machine.preemptAt = OFF;
  if (advert.priority > priority) return Reason.demoted;
  if (config.advbase > 0 && config.advbase * 3000 < advert.interval) {
    return Reason[advert.interval >= BOW_OUT ? "released" : "too-slow"];
  }
  return Reason.none;
}

function heardInBackup(machine: Machine, advert: Advert, effects: Effects, now: Millis): void {
  const reason = takesFor(machine, advert, now);
  if (reason !== Reason.none && effects.mayTakeOver(machine)) {
    machine.follow(advert, now);
    toActive(machine, reason, effects, now);
    return;
  }
  const isNews =
    compareWords(machine.active, advert.source) !== 0 || machine.activePriority !== advert.priority;
  machine.follow(advert, now);
  machine.interval = advert.interval;
  machine.downAt = now + downInterval(machine);
  if (isNews) effects.changed(machine);
}

export const CARP: Rules = {
  start(machine, effects, now) {
    machine.unfollow();
    machine.interval = machine.ownInterval;
    if (machine.config.preemptDelay > 0) machine.preemptAt = now + machine.config.preemptDelay;
    toBackup(machine, Reason.started, effects, now);
  },

  stop(machine, reason, effects, now) {
    if (machine.state === State.Active) effects.transmit(machine, Send.Release, now);
    machine.quiet();
    machine.unfollow();
    if (machine.state !== State.Initialize) {
      effects.enter(machine, State.Initialize, reason, 0, now);
    }
  },

  heard(machine, advert, effects, now) {
    // Whoever is Active next goes on counting where the last one was (OpenBSD sc_counter).
    machine.high = advert.high;
    machine.low = advert.low;
    if (machine.state === State.Backup) {
      heardInBackup(machine, advert, effects, now);
      return;
    }
    if (machine.state !== State.Active) return;
    const reason = givesWay(machine, advert);
    if (reason === Reason.none) {
      effects.rival(machine, Rival.TwoActive, advert, now);
      return;
    }
    // The last word of ucarp: a winner that did not know of us announces its addresses again.
    if (now - machine.since > machine.ownInterval) effects.transmit(machine, Send.Parting, now);
    machine.follow(advert, now);
    machine.interval = advert.interval;
    effects.rival(machine, Rival.Yielded, advert, now);
    toBackup(machine, reason, effects, now);
  },

  expire(machine, effects, now) {
    if (machine.state === State.Backup && machine.downAt !== OFF && now >= machine.downAt) {
      if (effects.mayTakeOver(machine)) {
        toActive(machine, Reason["no-advertisement"], effects, now);
      } else machine.downAt = now + downInterval(machine);
    } else if (machine.state === State.Active && now >= machine.advertAt) {
      effects.transmit(machine, Send.Normal, now);
      machine.advertAt = next(machine.advertAt, machine.ownInterval, now);
    }
  },

  takeOver(machine, reason, effects, now) {
    if (machine.state === State.Backup) toActive(machine, reason, effects, now);
  },

  giveUp(machine, reason, effects, now) {
    if (machine.state !== State.Active) return;
    effects.transmit(machine, Send.Release, now);
    toBackup(machine, reason, effects, now);
  },

  forgive(machine, now) {
    if (machine.downAt === OFF) return;
    machine.downAt = Math.max(machine.downAt, now + machine.config.advbase * 1000);
  },

  inherit(machine, now) {
    // Beyond whatever the core before us sent since it last told its counter.
    machine.low = 0;
    machine.high = (machine.high + 1) >>> 0;
    if (machine.state === State.Active) machine.advertAt = now;
    else if (machine.state === State.Backup) machine.downAt = now + downInterval(machine);
  },

  adjusted(machine, effects, now) {
    if (machine.state === State.Active) {
      effects.transmit(machine, Send.Normal, now);
      machine.advertAt = now + machine.ownInterval;
    } else if (machine.state === State.Backup) {
      machine.downAt = Math.min(machine.downAt, now + downInterval(machine));
    }
  },

  hasSuperior(machine, now) {
    return (
      machine.state === State.Backup &&
      machine.activeHeard !== OFF &&
      machine.activePriority <= machine.priority &&
      machine.interval <= machine.ownInterval &&
      now - machine.activeHeard < downInterval(machine)
    );
  },
};
