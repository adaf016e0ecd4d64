// The loop of a core's thread (CORE-11): rounds while there is work, a short spin when there is none, then sleep until
// a frame, a message, a command or a timer. The loop never returns to Node's event loop while the core runs.

import type { Core } from "../core/core.ts";
import { Control, type Layout, loadsOf, Presence, presenceWord } from "../core/layout.ts";
import { CORE_AT, CoreCounter } from "../engine/counter.ts";
import type { Arena } from "../lib/arena.ts";
import type { Millis } from "../lib/units.ts";
import { drain, PollSet } from "../ports/linux/parking.ts";
import type { Clock } from "./clock.ts";

/**
 * Rounds without work before the core sleeps. A sleeper costs its waker about 15 µs and answers after 35 µs, so a
 * short spin pays; longer would be time stolen from other threads.
 */
const SPIN_ROUNDS = 200;
/**
 * Longest sleep: an idle core's timers run this late at worst, and its heartbeat is this old. 50 wake-ups a second cost
 * a fraction of a per cent of a CPU. Our choice.
 */
const LONGEST_SLEEP: Millis = 20;
/** Descriptors that a core can wait for: its wake-up and four for each of 256 ports. */
const MAX_DESCRIPTORS = 1025;
/** Over which the load is measured. */
const LOAD_WINDOW: Millis = 100;

export interface LoopOptions {
  readonly arena: Arena;
  readonly layout: Layout;
  readonly core: Core;
  readonly clock: Clock;
  readonly wakeup: number;
  readonly sleeps: boolean;
  /** Fetches and answers commands. */
  readonly commands: (now: Millis) => void;
  /** Descriptors of all ports, asked anew before each sleep when they may have changed. */
  readonly descriptors: () => readonly number[];
}

/** Runs until the control core says stop: true when the whole appliance stops, false when this core leaves it. */
export function runLoop(options: LoopOptions): boolean {
  const { arena, layout, core, clock } = options;
  const { i32 } = arena;
  const presence = presenceWord(layout, core.core);
  const stop = (layout.control >> 2) + Control.Stop;
  const leave = presence + Presence.Leave;
  const loads = loadsOf(arena, layout);
  const sleeper = new Sleeper(options, presence);
  let idle = 0;
  let busySince: Millis = 0;
  let busy: Millis = 0;
  let now = clock.now();
  let windowStart = now;
  while (i32[stop] === 0 && i32[leave] === 0) {
    const worked = core.round(now);
    if (i32[presence + Presence.Command] !== 0) {
      Atomics.store(i32, presence + Presence.Command, 0);
      options.commands(now);
    }
    const after = clock.now();
    if (worked) {
      busySince = after - now;
      busy += busySince;
      idle = 0;
    } else idle++;
    now = after;
    if (now - windowStart >= LOAD_WINDOW) {
      const share = Math.min(1, busy / (now - windowStart));
      const before = loads[core.core] as number;
      // A moving average over about a second, so that people can read it.
      loads[core.core] = before + (share - before) * Math.min(1, (now - windowStart) / 1000);
      const at = CORE_AT + CoreCounter.BusyMicros;
      core.counters[at] = (core.counters[at] as number) + busy * 1000;
      busy = 0;
      windowStart = now;
    }
    if (options.sleeps && idle > SPIN_ROUNDS) {
      if (sleeper.sleep(core)) idle = 0;
      now = clock.now();
    }
  }
  if (i32[stop] === 0) {
    core.depart();
    return false;
  }
  core.leave();
  return true;
}

/** Sleeps without missing a wake-up. */
class Sleeper {
  readonly #options: LoopOptions;
  readonly #poll: PollSet = new PollSet(MAX_DESCRIPTORS);
  readonly #i32: Int32Array;
  readonly #presence: number;
  #watched: readonly number[] = [];

  constructor(options: LoopOptions, presence: number) {
    this.#options = options;
    this.#i32 = options.arena.i32;
    this.#presence = presence;
  }

  /** True when something woke the core before the time was over. */
  sleep(core: Core): boolean {
    const descriptors = this.#options.descriptors();
    if (descriptors !== this.#watched) {
      this.#watched = descriptors;
      this.#poll.watch([this.#options.wakeup, ...descriptors]);
    }
    // The flag goes up first and everything is looked at after: who publishes before the flag is seen here, who
    // publishes after sees the flag.
    const flag = this.#presence + Presence.Sleeping;
    Atomics.store(this.#i32, flag, 1);
    if (!core.isIdle || this.#i32[this.#presence + Presence.Command] !== 0) {
      Atomics.store(this.#i32, flag, 0);
      return true;
    }
    const { counters } = core;
    counters[CORE_AT + CoreCounter.Sleeps] = (counters[CORE_AT + CoreCounter.Sleeps] as number) + 1;
    // Timers whose lateness others would feel.
    const limit = Math.ceil(core.dispatch.vr.sleepLimit(this.#options.clock.now()));
    const ready = this.#poll.wait(Math.max(0, Math.min(LONGEST_SLEEP, limit)));
    Atomics.store(this.#i32, flag, 0);
    if (ready === 0) return false;
    if (this.#poll.isReady(0)) drain(this.#options.wakeup);
    counters[CORE_AT + CoreCounter.Wakes] = (counters[CORE_AT + CoreCounter.Wakes] as number) + 1;
    return true;
  }
}
