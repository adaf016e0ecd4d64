// The machine of HSRP as RFC 2281 5.7 prints it: events a to l against six states, each cell the actions and the next
// state. Version 2 (Cisco) runs the same machine. Ties go to the higher address. MD5 authentication is not spoken.

import type { Millis } from "../lib/units.ts";
import * as wire from "../wire/hsrp.ts";
import { type Advert, compareWords, copyWords } from "./advert.ts";
import { type Machine, OFF, HsrpState as S } from "./machine.ts";
import { Reason, Rival } from "./reason.ts";
import { type Effects, next, type Rules, Send } from "./rules.ts";

export type HsrpEvent = "a" | "b" | "c" | "d" | "e" | "f" | "g" | "h" | "i" | "j" | "k" | "l";

/**
 * RFC 2281 5.7. By event, a cell for each state: Initial, Learn, Listen, Speak, Standby, Active. A cell is its
 * actions, a slash, and the number of the next state when there is one (1 to 6); "" = nothing happens. In `h`, what
 * stands behind the bar is done by a router that preempts. Actions: A start active timer, B start standby timer, C
 * stop active timer, D stop standby timer, E learn, F hello, G coup, H resign, I gratuitous ARP.
 */
export const HSRP_TABLE: Readonly<Record<HsrpEvent, readonly string[]>> = {
  a: ["AB/3", "", "", "", "", ""],
  b: ["", "CD/1", "CD/1", "CD/1", "CD/1", "CDH/1"],
  c: ["", "", "AB/4", "", "CDFI/6", ""],
  d: ["", "", "B/4", "D/5", "", ""],
  e: ["", "", "", "F", "F", "F"],
  f: ["", "", "", "B/3", "B/3", ""],
  g: ["", "EAB/3", "EA", "EA", "EA", "AB/4"],
  h: ["", "EAB/3", "A|BGFI/6", "A|BGFI/6", "A|BGFI/6", "G"],
  i: ["", "", "AB/4", "A", "CFI/6", ""],
  j: ["", "", "", "", "", "ABH/4"],
  k: ["", "", "B", "B/3", "B/3", "B"],
  l: ["", "", "B/4", "D/5", "", "B"],
};

/** One cell, taken apart. */
export interface Cell {
  readonly actions: string;
  /** A state of machine.ts, or OFF. */
  readonly to: number;
}

function parse(text: string): Cell {
  const [actions = "", to] = text.split("/");
  return { actions, to: to === undefined ? OFF : Number(to) - 1 };
}

const CELLS = Object.fromEntries(
  Object.entries(HSRP_TABLE).map(([event, cells]) => [
    event,
    cells.map((cell) => cell.split("|").map(parse)),
  ]),
) as unknown as Record<HsrpEvent, readonly (readonly Cell[])[]>;

/** What a state does on an event; `preempts` chooses the second half of a cell that has two. */
export function cellOf(event: HsrpEvent, state: number, preempts: boolean): Cell {
  const choices = CELLS[event][state] as readonly Cell[];
  return (preempts ? choices.at(-1) : choices[0]) as Cell;
}

const WHY: Readonly<Partial<Record<HsrpEvent, number>>> = {
  a: Reason.started,
  c: Reason["no-advertisement"],
  d: Reason["standby-timer"],
  f: Reason["higher-priority"],
  g: Reason["higher-priority"],
  h: Reason.preempted,
  i: Reason.released,
  j: Reason.coup,
  k: Reason["higher-priority"],
  l: Reason["standby-timer"],
};

function run(
  machine: Machine,
  event: HsrpEvent,
  preempts: boolean,
  advert: Advert | null,
  effects: Effects,
  now: Millis,
  reason: number = WHY[event] ?? Reason.none,
): void {
  const { actions, to } = cellOf(event, machine.state, preempts);
  const wasActive = machine.state === S.Active;
  // A resignation is said by whoever still is Active.
  if (actions.includes("H")) effects.transmit(machine, Send.Release, now);
  if (to !== OFF && to !== machine.state) {
    if (wasActive) machine.quiet();
    const why = to === S.Speak && event === "c" ? Reason.speaking : reason;
    effects.enter(machine, to, why, advert?.mac ?? machine.activeMac, now);
    if (to >= S.Speak && machine.advertAt === OFF) machine.advertAt = now + machine.config.hello;
    if (to < S.Speak) machine.advertAt = OFF;
  }
  // I (gratuitous ARP) is the engine's when the state is entered.
  if (actions.includes("E") && advert !== null) {
    machine.interval = advert.interval;
    machine.hold = advert.hold;
  }
  if (actions.includes("A")) machine.downAt = now + machine.hold;
  if (actions.includes("B")) machine.standbyAt = now + machine.hold;
  if (actions.includes("C")) machine.downAt = OFF;
  if (actions.includes("D")) machine.standbyAt = OFF;
  if (actions.includes("G")) effects.transmit(machine, Send.Coup, now);
  if (actions.includes("F")) effects.transmit(machine, Send.Normal, now);
  if (machine.state === S.Active) {
    machine.downAt = OFF;
    if (!wasActive) {
      machine.unfollow();
      machine.interval = machine.config.hello;
      machine.hold = machine.config.hold;
    }
  }
}

/** Whether the sender of a message goes before us: by priority, of equals by address (RFC 2281 5.3). */
const isHigher = (machine: Machine, advert: Advert): boolean =>
  advert.priority !== machine.priority
    ? advert.priority > machine.priority
    : compareWords(advert.source, machine.primary) > 0;

function preempts(machine: Machine, now: Millis): boolean {
  if (!machine.config.preempt) return false;
  if (machine.preemptAt === OFF) machine.preemptAt = now + machine.config.preemptDelay;
  return now >= machine.preemptAt;
}

/** A hello of the router that is Active, when it is not us. */
function heardActive(machine: Machine, advert: Advert, effects: Effects, now: Millis): void {
  const wasActive = machine.state === S.Active;
  const higher = isHigher(machine, advert);
  const isNews =
    compareWords(machine.active, advert.source) !== 0 || machine.activePriority !== advert.priority;
  if (wasActive) {
    const kind = higher ? Rival.Yielded : Rival.TwoActive;
    effects.rival(machine, kind, advert, now);
  }
  if (wasActive && !higher) {
    run(machine, "h", false, advert, effects, now);
    return;
  }
  // A router that was Standby, and is Active now, is not Standby any more.
  if (compareWords(machine.standby, advert.source) === 0) copyWords([0, 0, 0, 0], machine.standby);
  machine.follow(advert, now);
  if (higher) {
    machine.preemptAt = OFF;
    run(machine, "g", false, advert, effects, now);
  } else {
    const takes = preempts(machine, now) && effects.mayTakeOver(machine);
    run(machine, "h", takes, advert, effects, now);
  }
  if (isNews) effects.changed(machine);
}

function heardHello(machine: Machine, advert: Advert, effects: Effects, now: Millis): void {
  const higher = isHigher(machine, advert);
  if (advert.state === wire.State.Active) heardActive(machine, advert, effects, now);
  else if (advert.state === wire.State.Standby) {
    copyWords(advert.source, machine.standby);
    run(machine, higher ? "k" : "l", false, advert, effects, now);
  } else if (advert.state === wire.State.Speak && higher) {
    run(machine, "f", false, advert, effects, now);
  }
}

export const HSRP: Rules = {
  start(machine, effects, now) {
    machine.unfollow();
    machine.interval = machine.config.hello;
    machine.hold = machine.config.hold;
    run(machine, "a", false, null, effects, now);
  },

  stop(machine, reason, effects, now) {
    if (machine.state === S.Initial) return;
    run(machine, "b", false, null, effects, now, reason);
    machine.quiet();
    machine.unfollow();
  },

  heard(machine, advert, effects, now) {
    if (machine.state === S.Initial) return;
    if (advert.op === wire.Op.Hello) heardHello(machine, advert, effects, now);
    else if (advert.op === wire.Op.Coup) {
      if (machine.state === S.Active && isHigher(machine, advert)) {
        effects.rival(machine, Rival.Yielded, advert, now);
        machine.follow(advert, now);
        run(machine, "j", false, advert, effects, now);
      }
    } else if (advert.op === wire.Op.Resign && machine.state !== S.Active) {
      // Only the Active router can resign.
      if (compareWords(machine.active, advert.source) !== 0) return;
      machine.releasesReceived++;
      machine.unfollow();
      effects.changed(machine);
      if (machine.state !== S.Standby || effects.mayTakeOver(machine)) {
        run(machine, "i", false, advert, effects, now);
      }
    }
  },

  expire(machine, effects, now) {
    // The standby timer first: a router that speaks becomes Standby by it, and Active in the same moment.
    if (machine.standbyAt !== OFF && now >= machine.standbyAt) {
      const before = machine.standbyAt;
      copyWords([0, 0, 0, 0], machine.standby);
      run(machine, "d", false, null, effects, now);
      if (machine.standbyAt === before) machine.standbyAt = OFF;
    }
    if (machine.downAt !== OFF && now >= machine.downAt) {
      const isSpeaking = machine.state === S.Speak;
      if (machine.state === S.Standby && !effects.mayTakeOver(machine)) {
        machine.downAt = now + machine.hold;
      } else if (!isSpeaking) run(machine, "c", false, null, effects, now);
    }
    if (machine.advertAt !== OFF && now >= machine.advertAt) {
      run(machine, "e", false, null, effects, now);
      // Timers of hold time, not hello, are what a learned hello time shortens: ours is the Active router's.
      const period = machine.state === S.Active ? machine.config.hello : machine.interval;
      machine.advertAt = next(machine.advertAt, period, now);
    }
  },

  takeOver(machine, reason, effects, now) {
    if (machine.state === S.Initial || machine.state === S.Active) return;
    run(machine, "h", true, null, effects, now, reason);
  },

  giveUp(machine, reason, effects, now) {
    if (machine.state === S.Active) run(machine, "j", false, null, effects, now, reason);
  },

  forgive(machine, now) {
    if (machine.downAt !== OFF) machine.downAt = Math.max(machine.downAt, now + machine.interval);
    if (machine.standbyAt === OFF) return;
    machine.standbyAt = Math.max(machine.standbyAt, now + machine.interval);
  },

  inherit(machine, now) {
    const { state } = machine;
    if (state === S.Initial) return;
    if (state !== S.Active) machine.downAt = now + machine.hold;
    if (state !== S.Standby) machine.standbyAt = now + machine.hold;
    if (state >= S.Speak) machine.advertAt = now;
  },

  adjusted(machine, effects, now) {
    if (machine.state >= S.Speak) effects.transmit(machine, Send.Normal, now);
  },

  hasSuperior(machine, now) {
    return (
      machine.state !== S.Active &&
      machine.activeHeard !== OFF &&
      machine.activePriority >= machine.priority &&
      now - machine.activeHeard < machine.hold
    );
  },
};
