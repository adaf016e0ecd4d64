// Decides about cores from what shared memory shows (CORE-8, CORE-9): which one is dead, when it starts again, who
// plays the roles and has the buckets meanwhile. Pure: time is an argument, threads are behind an interface, so the
// very same logic runs in the runtime and on the simulator's virtual clock. Call `turn` every few milliseconds.
//
//   starting --thread runs--> joining --has every table--> online <--------------------- set online
//      ^                         |                          |  \--set offline--> leaving --> ending
//      |                         v  silent, failed, too late v                                 |
//   waiting <--rings are clear-- ending <--------------------+                                 v
//      (back-off)                  \------- too many restarts, or by command -------------> offline

import { EventCode } from "../engine/event.ts";
import type { Arena } from "../lib/arena.ts";
import type { CoreId, Millis } from "../lib/units.ts";
import { moveFrom, moveTo } from "./bucket-plan.ts";
import type { ApplianceConfig } from "./config.ts";
import type { Layout } from "./layout.ts";
import { Membership } from "./membership.ts";
import { Roles } from "./roles.ts";
import { Phase, REASONS, type Reason, STATES, type State, type Supervised } from "./supervised.ts";
import { SUPERVISION_DEFAULTS, type SupervisionConfig } from "./supervision-config.ts";

/** The threads, as decisions reach them. */
export interface Threads {
  /** Start core again; call `started` when its loop runs, or `ended`. */
  start(core: CoreId): void;
  /**
   * End the thread whatever it does; call `ended` when it is gone, or when there is none. Called again while nobody
   * says that it is gone.
   */
  end(core: CoreId): void;
  /** Look at shared memory soon, if it sleeps. */
  wake(core: CoreId): void;
  /** Other cores serve now, or stand in: where the kernel does not see that by itself it is to be told. */
  resteer?(): void;
  /**
   * True when the thread would run but has got no CPU since the last look: the machine is slow, not the core. Absent:
   * never.
   */
  isStarved?(core: CoreId): boolean;
  /** For people: an event code of engine/event.ts and its numbers. */
  tell(code: number, numbers: readonly number[]): void;
}

/** A supervisor that was itself held up must not blame the cores: a gap between two turns counts as this at most. */
const LONGEST_GAP: Millis = 50;
/** A silent core is asked about from here on: two and a half of the longest sleeps. */
const SUSPECT: Millis = 50;
/**
 * So many failure timeouts long is a core without a CPU waited for; then others, on other CPUs, take over. Our
 * choice.
 */
const STARVED = 10;
/** A move of a bucket that some core does not finish is over then: longer than any wait of steering/move.ts. */
const MOVE_LIMIT: Millis = 150;
/**
 * A leaving core may still be given frames that were on their way: ten settle times of steering/move.ts. Our choice.
 */
const LINGER: Millis = 20;
/** A leaving core waits so long for addresses that it asked for: all retries of ARP and ND. */
const LEAVE_LIMIT: Millis = 5000;
/**
 * A thread that was told to end may take so long, if it shows that it lives: what the runtime gives all threads when
 * the appliance stops. One that is silent has the failure timeout, as any other.
 */
const END_LIMIT: Millis = 5000;

export class Supervision {
  readonly membership: Membership;
  readonly #threads: Threads;
  readonly #cores: Supervised[];
  readonly #roles: Roles;
  #config: ApplianceConfig;
  #limits: SupervisionConfig;
  #last: Millis;
  #movedAt: Millis = -Infinity;

  constructor(
    config: ApplianceConfig,
    arena: Arena,
    layout: Layout,
    threads: Threads,
    now: Millis,
  ) {
    this.membership = new Membership(arena, layout);
    this.#threads = threads;
    this.#config = config;
    this.#limits = config.cores.supervision ?? SUPERVISION_DEFAULTS;
    this.#last = now;
    this.#roles = new Roles(this.membership, threads, (core) => this.serves(core));
    this.#cores = Array.from({ length: layout.cores }, (_, core) => ({
      phase: Phase.Online,
      since: now,
      heartbeat: this.membership.heartbeat(core),
      silent: 0,
      starved: 0,
      running: true,
      stalled: false,
      excused: 0,
      restarts: 0,
      recent: [],
      due: 0,
      parked: false,
      why: "none",
      filling: false,
      unsteered: false,
    }));
  }

  configure(config: ApplianceConfig): void {
    this.#config = config;
    this.#limits = config.cores.supervision ?? SUPERVISION_DEFAULTS;
    this.#electAll();
  }

  // --- what people ask -----------------------------------------------------------------------------------------------

  phase(core: CoreId): Phase {
    return this.#of(core).phase;
  }

  state(core: CoreId): State {
    const { phase, stalled } = this.#of(core);
    if (phase === Phase.Starting || phase === Phase.Joining) return "starting";
    if (phase === Phase.Online || phase === Phase.Leaving) return stalled ? "stalled" : "online";
    return "offline";
  }

  /** Why a core does not serve. */
  reason(core: CoreId): Reason {
    return this.#of(core).why;
  }

  restarts(core: CoreId): number {
    return this.#of(core).restarts;
  }

  /** True when every core is as it shall be, no bucket moves and none is to. */
  get isQuiet(): boolean {
    if (!this.membership.isMoved) return false;
    return this.#cores.every(
      ({ phase, filling }) => (phase === Phase.Online || phase === Phase.Offline) && !filling,
    );
  }

  #of(core: CoreId): Supervised {
    return this.#cores[core] as Supervised;
  }

  /** True for a core that has every table and may have buckets and roles. */
  serves(core: CoreId): boolean {
    return this.#of(core).phase === Phase.Online;
  }

  // --- commands ------------------------------------------------------------------------------------------------------

  /** Takes a core out of service with no loss; "" or why not. */
  setOffline(core: CoreId, now: Millis): string {
    const one = this.#of(core);
    if (one.phase === Phase.Offline || one.phase === Phase.Leaving) return "";
    if (one.phase !== Phase.Online) {
      if (!this.#cores.some((_, other) => other !== core && this.#isMeant(other))) {
        return "it is the last core that is to serve";
      }
      one.parked = true;
      return "";
    }
    if (!this.#cores.some(({ phase }, other) => other !== core && phase === Phase.Online)) {
      return "it is the last core that serves";
    }
    one.parked = true;
    one.filling = false;
    this.#enter(core, Phase.Leaving, "command", now);
    this.#electAll();
    this.membership.setCovers((other) => this.serves(other));
    this.#wakeAll();
    return "";
  }

  /** True for a core that serves, or will. */
  #isMeant(core: CoreId): boolean {
    const { phase, parked } = this.#of(core);
    return !parked && phase !== Phase.Offline;
  }

  /** Takes a core into service again. */
  setOnline(core: CoreId, now: Millis): void {
    const one = this.#of(core);
    one.parked = false;
    one.recent = [];
    if (one.phase === Phase.Leaving) {
      this.#enter(core, Phase.Online, "command", now);
      this.#serve(core);
    } else if (one.phase === Phase.Waiting) {
      one.due = now;
    } else if (one.phase === Phase.Offline) {
      one.due = now;
      this.#enter(core, Phase.Waiting, "command", now);
    }
  }

  /** A role to a core from now on, or (-1) as the configuration says; "" or why not. */
  setMaster(role: number, core: CoreId): string {
    if (core >= 0 && !this.serves(core)) return "it is not online";
    this.#roles.order(role, core);
    this.#electAll();
    return "";
  }

  /** While excused, silence of a core is no sign: it is busy by order. Calls nest. */
  excuse(core: CoreId, isExcused: boolean): void {
    const one = this.#of(core);
    one.excused += isExcused ? 1 : -1;
    one.silent = 0;
  }

  // --- what threads report

  /** The thread of a core that was started is in its loop. */
  started(core: CoreId, now: Millis): void {
    const one = this.#of(core);
    if (one.phase !== Phase.Starting) return;
    one.silent = 0;
    one.heartbeat = this.membership.heartbeat(core);
    this.membership.setAlive(core, true);
    this.#enter(core, Phase.Joining, "none", now);
    this.#wakeAll();
  }

  /** A core says that it cannot go on. */
  failed(core: CoreId, now: Millis): void {
    this.#die(core, "failed", now);
  }

  /** The thread of a core is gone: by order, or by itself. */
  ended(core: CoreId, now: Millis): void {
    const one = this.#of(core);
    one.running = false;
    if (one.phase !== Phase.Ending) this.#die(core, "ended", now);
  }

  // --- time

  turn(now: Millis): void {
    const passed = Math.min(LONGEST_GAP, now - this.#last);
    this.#last = now;
    for (let core = 0; core < this.#cores.length; core++) this.#watch(core, passed, now);
    for (let core = 0; core < this.#cores.length; core++) this.#step(core, now);
    if (this.#roles.checkLoads(passed, this.#limits)) this.#electAll();
    this.#moveOne(now);
  }

  #watch(core: CoreId, passed: Millis, now: Millis): void {
    const one = this.#of(core);
    if (!one.running || one.phase === Phase.Starting) return;
    const beat = this.membership.heartbeat(core);
    if (beat !== one.heartbeat || one.excused > 0) {
      one.heartbeat = beat;
      one.starved = 0;
      // It may have fallen silent right after; then it has been so since.
      one.silent = one.excused > 0 ? 0 : Math.max(0, Math.min(passed, ((now | 0) - beat) | 0));
      if (one.stalled) this.#setStalled(core, false);
      return;
    }
    const { failureTimeout } = this.#limits;
    const isSuspect = one.silent + one.starved >= SUSPECT && one.starved < failureTimeout * STARVED;
    if (isSuspect && this.#threads.isStarved?.(core) === true) one.starved += passed;
    else one.silent += passed;
    if (one.phase === Phase.Ending) return; // It is dead, and `step` looks whether it goes.
    if (one.silent >= failureTimeout) this.#die(core, "silent", now);
    else if (!one.stalled && one.silent + one.starved >= failureTimeout / 2) {
      this.#setStalled(core, true);
    }
  }

  #setStalled(core: CoreId, stalled: boolean): void {
    const one = this.#of(core);
    const before = this.state(core);
    one.stalled = stalled;
    this.#tellState(core, before, "silent");
  }

  #step(core: CoreId, now: Millis): void {
    const one = this.#of(core);
    switch (one.phase) {
      case Phase.Starting:
        if (now - one.since >= this.#limits.startTimeout) this.#die(core, "late", now);
        return;
      case Phase.Joining:
        if (this.membership.isSynced(core)) {
          this.#enter(core, Phase.Online, "none", now);
          this.#serve(core);
          if (one.parked) this.#leaveAgain(core, now);
        } else if (now - one.since >= this.#limits.startTimeout) this.#die(core, "late", now);
        return;
      case Phase.Leaving:
        this.#leave(core, now);
        return;
      case Phase.Ending:
        if (one.running) this.#force(core, now);
        else if (this.membership.isKnown) this.#bury(core, now);
        return;
      case Phase.Waiting:
        if (one.parked) this.#enter(core, Phase.Offline, "command", now);
        else if (now >= one.due) this.#restart(core, now);
        return;
      case Phase.Online:
      case Phase.Offline:
        return;
    }
  }

  /** The core has every table: it gets its roles at once, its buckets one at a time and in order. */
  #serve(core: CoreId): void {
    this.membership.setCovers((other) => this.serves(other));
    this.#electAll();
    // Nobody else served: what the core does not have would be lost to all.
    this.#rescue(core);
    this.#of(core).filling = true;
    this.#of(core).unsteered = false;
    this.#threads.resteer?.();
    this.#wakeAll();
  }

  /** It was to be out of service before it was in it; but the last one stays. */
  #leaveAgain(core: CoreId, now: Millis): void {
    this.#of(core).parked = false;
    this.setOffline(core, now);
  }

  /** A thread that was to end and hangs is ended by force; again, if that was not heard or came too early. */
  #force(core: CoreId, now: Millis): void {
    const one = this.#of(core);
    if (one.silent < this.#limits.failureTimeout && now - one.since < END_LIMIT) return;
    if (now < one.due) return;
    one.due = now + END_LIMIT;
    this.#threads.end(core);
  }

  #leave(core: CoreId, now: Millis): void {
    const { buckets } = this.#config.steering;
    const one = this.#of(core);
    if (this.membership.buckets(buckets).includes(core) || !this.membership.isMoved) {
      one.due = now + LINGER;
      return;
    }
    if (now < one.due) return;
    if (!one.unsteered) {
      one.unsteered = true;
      one.due = now + LINGER;
      this.#threads.resteer?.();
      return;
    }
    if (this.membership.waiting(core) > 0 && now - one.since < LEAVE_LIMIT) return;
    this.membership.leave(core);
    this.membership.setAlive(core, false);
    one.why = "command";
    one.due = now;
    one.stalled = false;
    this.#enter(core, Phase.Ending, "command", now);
    this.#wakeAll();
    this.#threads.wake(core);
  }

  /** Nobody touches the dead core's memory any more: it may start again when its time has come. */
  #bury(core: CoreId, now: Millis): void {
    if (!this.membership.clearRings(core)) {
      this.#wakeAll();
      return;
    }
    const one = this.#of(core);
    if (one.parked) {
      this.#enter(core, Phase.Offline, one.why, now);
      return;
    }
    const { restartDelay, maxRestarts, restartWindow } = this.#limits;
    one.recent = one.recent.filter((at) => now - at < restartWindow);
    if (one.recent.length >= maxRestarts) {
      one.parked = true;
      this.#enter(core, Phase.Offline, "given-up", now);
      this.#threads.tell(EventCode["core-given-up"], [core, one.recent.length]);
      return;
    }
    // The first restart comes at once; each further one waits twice as long.
    const wait = one.recent.length === 0 ? 0 : restartDelay * 2 ** (one.recent.length - 1);
    one.due = one.since + Math.min(wait, restartWindow);
    one.recent.push(now);
    this.#enter(core, Phase.Waiting, one.why, now);
  }

  #restart(core: CoreId, now: Millis): void {
    const one = this.#of(core);
    if (one.why !== "command") one.restarts++;
    one.running = true;
    one.silent = 0;
    one.starved = 0;
    this.membership.renew(core, now);
    one.heartbeat = this.membership.heartbeat(core);
    this.#enter(core, Phase.Starting, "none", now);
    this.#threads.start(core);
  }

  /** A core is dead: others have its roles and buckets at once. */
  #die(core: CoreId, why: Reason, now: Millis): void {
    const one = this.#of(core);
    if (one.phase === Phase.Ending || one.phase === Phase.Waiting || one.phase === Phase.Offline) {
      return;
    }
    const buckets = this.membership.buckets(this.#config.steering.buckets);
    const had = buckets.filter((owner) => owner === core).length;
    one.filling = false;
    one.why = why;
    one.due = now + END_LIMIT;
    this.#enter(core, Phase.Ending, why, now);
    one.stalled = false;
    this.membership.setCovers((other) => this.serves(other));
    this.#electAll();
    if (had > 0) this.#rescue(core);
    this.#threads.resteer?.();
    // Last: who learns of the death finds the roles and buckets where they are now.
    this.membership.setAlive(core, false);
    this.#wakeAll();
    if (one.running) this.#threads.end(core);
  }

  #rescue(from: CoreId): void {
    const { buckets } = this.#config.steering;
    // A leaving core gets none, unless there is no other.
    const isAny = this.#cores.some((_, other) => this.serves(other));
    const keeps = (other: CoreId): boolean => this.#hasBuckets(other);
    const takes = (other: CoreId): boolean => (isAny ? this.serves(other) : keeps(other));
    const count = this.membership.rescue(buckets, keeps, takes);
    if (count === 0) return;
    // The next move waits until all have seen this: who gives a bucket away must be the one that the taker thinks of.
    this.#movedAt = this.#last;
    this.#threads.tell(EventCode["buckets-rescued"], [from, count]);
  }

  /** True for a core that reads its queues. */
  reads(core: CoreId): boolean {
    return this.#hasBuckets(core) && !this.#of(core).unsteered;
  }

  /** A leaving core keeps what it has until it is moved in order. */
  #hasBuckets(core: CoreId): boolean {
    const { phase } = this.#of(core);
    return phase === Phase.Online || phase === Phase.Leaving;
  }

  #wakeAll(): void {
    for (const [core, { running }] of this.#cores.entries()) if (running) this.#threads.wake(core);
  }

  #enter(core: CoreId, phase: Phase, why: Reason, now: Millis): void {
    const one = this.#of(core);
    const before = this.state(core);
    one.phase = phase;
    one.since = now;
    if (phase === Phase.Online || why !== "none") one.why = why;
    this.#tellState(core, before, why);
  }

  #tellState(core: CoreId, before: State, why: Reason): void {
    const after = this.state(core);
    if (before === after) return;
    const numbers = [core, STATES.indexOf(before), STATES.indexOf(after), REASONS.indexOf(why)];
    this.#threads.tell(EventCode["core-state"], numbers);
  }

  #electAll(): void {
    this.#roles.electAll(this.#config);
  }

  // --- buckets

  /** Moves the next bucket of a core that leaves, or to one that came. */
  #moveOne(now: Millis): void {
    if (!this.#cores.some(({ phase, filling }) => phase === Phase.Leaving || filling)) return;
    if (!this.membership.isMoved && now - this.#movedAt < MOVE_LIMIT) {
      this.#wakeAll();
      return;
    }
    const table = this.membership.buckets(this.#config.steering.buckets);
    const serving = this.#cores.map((_, core) => this.serves(core));
    for (const [core, one] of this.#cores.entries()) {
      if (one.phase !== Phase.Leaving && !one.filling) continue;
      const move = one.filling ? moveTo(core, table, serving) : moveFrom(core, table, serving);
      if (move === null) {
        one.filling = false;
        continue;
      }
      this.#movedAt = now;
      this.membership.move(move.bucket, move.to);
      this.#wakeAll();
      return;
    }
  }
}
