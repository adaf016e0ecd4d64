// What the rules of the three protocols have in common: the questions that the engine asks them, and what they may do.

import type { Mac, Millis } from "../lib/units.ts";
import type { Advert } from "./advert.ts";
import type { Machine } from "./machine.ts";

/** What is sent. `Parting`: an ordinary one, from the interface's own MAC, as the last word of one that gives way. */
export const Send = { Normal: 0, Release: 1, Parting: 2, Coup: 3 } as const;
export type Send = (typeof Send)[keyof typeof Send];

/** Whoever was heard. */
export type Who = Pick<Advert, "mac" | "channel" | "source">;

/** What rules do to the world. */
export interface Effects {
  transmit(machine: Machine, what: Send, now: Millis): void;
  /** Another state: told to all cores, to people, and (Active) announced. */
  enter(machine: Machine, state: number, reason: number, mac: Mac, now: Millis): void;
  /** Something that every core must know changed beside the state. */
  changed(machine: Machine): void;
  /** Somebody else holds what is ours (VR-6). */
  rival(machine: Machine, kind: number, who: Who, now: Millis): void;
  /** False when the group says that another of its routers must stay Backup. */
  mayTakeOver(machine: Machine): boolean;
}

/** A protocol. */
export interface Rules {
  /** Leaves Initialize: the interface is up, and nothing holds the machine back. */
  start(machine: Machine, effects: Effects, now: Millis): void;
  /** Back to Initialize; an Active one says so to its neighbours. */
  stop(machine: Machine, reason: number, effects: Effects, now: Millis): void;
  heard(machine: Machine, advert: Advert, effects: Effects, now: Millis): void;
  /** Runs what is due. */
  expire(machine: Machine, effects: Effects, now: Millis): void;
  /** Becomes Active, or Backup, because its group does. */
  takeOver(machine: Machine, reason: number, effects: Effects, now: Millis): void;
  giveUp(machine: Machine, reason: number, effects: Effects, now: Millis): void;
  /** The loop slept: nobody is declared gone before one fresh interval. */
  forgive(machine: Machine, now: Millis): void;
  /** This core is the link master now and goes on where the other stopped. */
  inherit(machine: Machine, now: Millis): void;
  /** The effective priority, or a timer's length, is another. */
  adjusted(machine: Machine, effects: Effects, now: Millis): void;
  /** True while another router, which must win, was heard in time. */
  hasSuperior(machine: Machine, now: Millis): boolean;
}

/** The next moment of a timer of a period, which keeps its beat unless it is late by a whole period. */
export const next = (due: Millis, period: Millis, now: Millis): Millis =>
  due > 0 && now - due < period ? due + period : now + period;
