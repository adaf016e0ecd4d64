// The machine of VRRP: RFC 9568 6.4 for version 3, which is RFC 5798 6.4 with three additions, marked below, and
// RFC 3768 6.4 for version 2, whose timers run on the own interval. "Active" is "Master" in the older texts.

import type { Millis } from "../lib/units.ts";
import { OWNER, RELEASE } from "../wire/vrrp.ts";
import { type Advert, compareWords } from "./advert.ts";
import { type Machine, OFF, State } from "./machine.ts";
import { Reason, Rival } from "./reason.ts";
import { type Effects, next, type Rules, Send } from "./rules.ts";

/**
 * Our choice: lower advertisements, which RFC 9568 6.4.3 answers at once, are answered at most this often: a flood of
 * them makes no flood of ours.
 */
const ANSWER_PAUSE: Millis = 10;

/** Skew_Time: the lower the priority, the longer (RFC 9568 6.1, RFC 3768 6.1). */
export function skewTime(machine: Machine): Millis {
  const share = (256 - machine.priority) / 256;
  return machine.config.version === 2 ? share * 1000 : share * machine.interval;
}

/** Active_Down_Interval. */
export const downInterval = (machine: Machine): Millis => 3 * machine.interval + skewTime(machine);

function toActive(machine: Machine, reason: number, effects: Effects, now: Millis): void {
  machine.downAt = OFF;
  const mac = machine.activeMac;
  machine.unfollow();
  machine.interval = machine.config.interval;
  effects.enter(machine, State.Active, reason, mac, now);
  effects.transmit(machine, Send.Normal, now);
  machine.advertAt = now + machine.config.interval;
}

function toBackup(machine: Machine, reason: number, effects: Effects, now: Millis): void {
  machine.quiet();
  machine.downAt = now + downInterval(machine);
  effects.enter(machine, State.Backup, reason, machine.activeMac, now);
}

/** Takes the Active router's interval (RFC 9568 6.4.2 (450)); version 2 knows one interval only. */
function learn(machine: Machine, advert: Advert, effects: Effects, now: Millis): void {
  const isNews =
    compareWords(machine.active, advert.source) !== 0 ||
    machine.activePriority !== advert.priority ||
    machine.interval !== advert.interval;
  machine.follow(advert, now);
  if (machine.config.version === 3) machine.interval = advert.interval;
  if (isNews) effects.changed(machine);
}

/** Whether a lower Active router is waited out now: Preempt_Mode, its delay, and the owner always (RFC 9568 6.1). */
function preempts(machine: Machine, now: Millis): boolean {
  if (machine.priority === OWNER) return true;
  if (!machine.config.preempt) return false;
  if (machine.preemptAt === OFF) machine.preemptAt = now + machine.config.preemptDelay;
  return now >= machine.preemptAt;
}

function heardInBackup(machine: Machine, advert: Advert, effects: Effects, now: Millis): void {
  if (advert.priority === RELEASE) {
    machine.releasesReceived++;
    machine.isReleased = true;
    const isPatient = now < machine.patientUntil;
    machine.downAt = now + (isPatient ? downInterval(machine) : skewTime(machine));
    return;
  }
  const isLower = advert.priority < machine.priority;
  if (isLower && preempts(machine, now)) {
    // Discarded: the timer runs on, and we take over when it fires.
    machine.isPreempting = true;
    machine.isReleased = false;
    return;
  }
  if (!isLower) machine.preemptAt = OFF;
  machine.isPreempting = false;
  learn(machine, advert, effects, now);
  // RFC 9568 adds: Skew_Time is computed anew as well.
  machine.downAt = now + downInterval(machine);
  if (advert.priority === machine.priority) tellEqual(machine, advert, effects, now);
}

function tellEqual(machine: Machine, advert: Advert, effects: Effects, now: Millis): void {
  if (machine.equalMac === advert.mac) return;
  machine.equalMac = advert.mac;
  effects.rival(machine, Rival.EqualPriority, advert, now);
}

function heardInActive(machine: Machine, advert: Advert, effects: Effects, now: Millis): void {
  if (advert.priority === RELEASE) {
    machine.releasesReceived++;
    effects.transmit(machine, Send.Normal, now);
    machine.advertAt = now + machine.config.interval;
    return;
  }
  const isEqual = advert.priority === machine.priority;
  const isGreater = compareWords(advert.source, machine.primary) > 0;
  if (advert.priority > machine.priority || (isEqual && isGreater)) {
    // Our last word, as ucarp's: if the net was split, the winner hears of it and announces the addresses again.
    if (now - machine.since > machine.ownInterval) effects.transmit(machine, Send.Parting, now);
    learn(machine, advert, effects, now);
    effects.rival(machine, Rival.Yielded, advert, now);
    toBackup(machine, Reason[isEqual ? "higher-address" : "higher-priority"], effects, now);
    return;
  }
  effects.rival(machine, Rival.TwoActive, advert, now);
  if (isEqual) tellEqual(machine, advert, effects, now);
  // RFC 9568 adds: say at once who is Active, to the sender and to bridges that learn.
  if (machine.answeredAt !== OFF && now - machine.answeredAt < ANSWER_PAUSE) return;
  machine.answeredAt = now;
  effects.transmit(machine, Send.Normal, now);
  machine.advertAt = now + machine.config.interval;
}

export const VRRP: Rules = {
  start(machine, effects, now) {
    machine.unfollow();
    machine.interval = machine.config.interval;
    if (machine.priority === OWNER) {
      toActive(machine, Reason.owner, effects, now);
      return;
    }
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
    if (advert.form !== 0 && machine.form !== advert.form) machine.form = advert.form;
    if (machine.state === State.Backup) heardInBackup(machine, advert, effects, now);
    else if (machine.state === State.Active) heardInActive(machine, advert, effects, now);
  },

  expire(machine, effects, now) {
    if (machine.state === State.Backup && machine.downAt !== OFF && now >= machine.downAt) {
      if (!effects.mayTakeOver(machine)) {
        machine.downAt = now + downInterval(machine);
        return;
      }
      let why: number = Reason["no-advertisement"];
      if (machine.isReleased) why = Reason.released;
      else if (machine.isPreempting) why = Reason.preempted;
      toActive(machine, why, effects, now);
    } else if (machine.state === State.Active && now >= machine.advertAt) {
      effects.transmit(machine, Send.Normal, now);
      machine.advertAt = next(machine.advertAt, machine.config.interval, now);
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
    if (machine.downAt !== OFF) machine.downAt = Math.max(machine.downAt, now + machine.interval);
  },

  inherit(machine, now) {
    if (machine.state === State.Active) machine.advertAt = now;
    else if (machine.state === State.Backup) machine.downAt = now + downInterval(machine);
  },

  adjusted(machine, effects, now) {
    if (machine.state === State.Active) {
      // At once, so that a higher Backup need not wait for our next one.
      effects.transmit(machine, Send.Normal, now);
      machine.advertAt = now + machine.config.interval;
    } else if (machine.state === State.Backup && machine.priority === OWNER) {
      toActive(machine, Reason.owner, effects, now);
    } else if (machine.state === State.Backup) {
      if (machine.config.version === 2) machine.interval = machine.config.interval;
      machine.downAt = Math.min(machine.downAt, now + downInterval(machine));
    }
  },

  hasSuperior(machine, now) {
    return (
      machine.state === State.Backup &&
      machine.activeHeard !== OFF &&
      !machine.isReleased &&
      machine.activePriority >= machine.priority &&
      now - machine.activeHeard < downInterval(machine)
    );
  },
};
