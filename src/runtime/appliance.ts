// A running appliance, seen from the control core: starts the cores' threads over one arena, holds what they share,
// carries commands and answers, collects events. It never touches a frame.

import type { Server } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type {
  Appliance,
  CoreAnswer,
  CoreCommand,
  CoreStatus,
  PortState,
  RawEvent,
  StartPlan,
} from "../control/appliance-port.ts";
import type { Coherence } from "../core/coherence.ts";
import { type ApplianceConfig, electMaster } from "../core/config.ts";
import {
  bucketsOf,
  Control,
  countersOf,
  initControl,
  type Layout,
  loadsOf,
  planLayout,
} from "../core/layout.ts";
import { Phase } from "../core/supervised.ts";
import { Supervision } from "../core/supervision.ts";
import { EventCode } from "../engine/event.ts";
import { ROLE_COUNT } from "../engine/role.ts";
import { Arena, Planner } from "../lib/arena.ts";
import type { CoreId, Millis, Offset } from "../lib/units.ts";
import { closeHeld, planPort } from "../ports/factory.ts";
import { close as closeDescriptor } from "../ports/linux/ffi.ts";
import { resteer } from "../ports/resteer.ts";
import { type StatePage, shareStatePage } from "../ports/steering.ts";
import { MAX_BUCKETS, moveWordsOf } from "../steering/indirection.ts";
import { MoveControl } from "../steering/move.ts";
import { Clock, monotonic } from "./clock.ts";
import { ApplianceError } from "./errors.ts";
import { faultsPath, listenForFaults } from "./faults.ts";
import { History } from "./history.ts";
import { releaseMemory } from "./memory.ts";
import type { PortOpening } from "./protocol.ts";
import { Questions } from "./questions.ts";
import { bucketFrames, Rebalancer } from "./rebalance.ts";
import { Reloading } from "./reloading.ts";
import { Repair } from "./repair.ts";
import { coreStatuses } from "./statuses.ts";
import { type Listener, Threads } from "./threads.ts";
import { Watching } from "./watching.ts";

/** How often events are collected; a person does not notice it. Our choice. */
const EVENT_INTERVAL: Millis = 50;
/** How often heartbeats are looked at: a dead core is found so much later at worst. Our choice. */
const WATCH_INTERVAL: Millis = 10;
/** A reload waits so long for cores that are about to start or to end. Our choice: longer than a start takes. */
const SETTLE_LIMIT: Millis = 10_000;
const START_TIMEOUT: Millis = 30_000;
const STOP_TIMEOUT: Millis = 5000;
/** Address space kept for ports that a reload adds; untouched memory costs nothing. */
const SPARE_BYTES = 512 * 1024 * 1024;
const ARENA_LIMIT = 0x7f000000;

export class RunningAppliance implements Appliance {
  readonly arena: Arena;
  readonly layout: Layout;
  readonly clock: Clock;
  readonly ended: Promise<void>;
  /** Where each port's rings lie; for a memory port the world's end is made from it. */
  readonly openings: (PortOpening | null)[];
  startedAt = 0;
  #config: ApplianceConfig;
  readonly #origin: bigint = monotonic();
  readonly #planner: Planner;
  /** The control section, which is the kernel's steering table too where the kernel lets us. */
  readonly #page: StatePage;
  readonly #threads: Threads;
  readonly #supervision: Supervision;
  /** Cores whose start is awaited, with who waits. */
  readonly #starts = new Map<CoreId, (error: Error | null) => void>();
  readonly #reloading: Reloading;
  /** A reload runs: cores that are to start wait for its end. */
  #held: Set<CoreId> | null = null;
  #faults: Server | undefined;
  readonly #questions: Questions;
  readonly #history: History;
  #watching: Watching | undefined;
  readonly #portStates: PortState[] = [];
  #watchTimer: NodeJS.Timeout | undefined;
  #eventTimer: NodeJS.Timeout | undefined;
  #lastFailure: Error | undefined;
  #coherence: Coherence | undefined;
  #stopping: Promise<void> | undefined;
  #finish: () => void = () => {};
  #fail: (error: Error) => void = () => {};

  private constructor(options: StartPlan) {
    const { config } = options;
    const planner = new Planner();
    this.layout = planLayout(planner, config.cores.count, config.globalCache);
    this.openings = options.drivers.map((driver) =>
      driver === null ? null : { driver, plan: planPort(planner, driver, config.cores.count) },
    );
    this.arena = Arena.create(Math.min(planner.size + SPARE_BYTES, ARENA_LIMIT));
    this.#planner = planner;
    this.#config = config;
    this.clock = new Clock(this.#origin);
    const masters = Array.from({ length: ROLE_COUNT }, (_, role) =>
      electMaster(config, role, () => true),
    );
    initControl(this.arena, this.layout, masters, config.steering.buckets);
    const at = this.layout.control;
    const steers = options.drivers.some(
      (driver) => driver?.driver === "packet" || driver?.driver === "tap",
    );
    this.#page = {
      at,
      map: steers && config.cores.count > 1 ? shareStatePage(this.arena, at) : -1,
    };
    this.#history = new History(this.arena, this.layout);
    this.#questions = new Questions(
      (core, request) => this.#threads.post(core, request),
      () => this.clock.now(),
    );
    const { arena, layout } = this;
    this.#threads = new Threads(
      {
        arena,
        layout,
        origin: this.#origin,
        page: this.#page,
        faults: faultsPath() !== undefined,
      },
      this.#listener(),
    );
    this.#supervision = this.#supervise();
    this.#reloading = new Reloading({
      arena,
      planner,
      openings: this.openings,
      ask: (core, question) => this.#questions.ask(core, question),
      isOnline: (core) => this.#threads.isOnline(core),
      excuse: (core, isExcused) => this.#supervision.excuse(core, isExcused),
    });
    this.ended = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    this.ended.catch(() => {}); // Whoever cares awaits it too.
  }

  /** Starts every core; resolves when all forward. On a failure everything is closed again. */
  static async start(options: StartPlan): Promise<RunningAppliance> {
    const appliance = new RunningAppliance(options);
    try {
      await appliance.#startThreads();
    } catch (error) {
      await appliance.stop();
      throw error;
    }
    appliance.startedAt = Date.now();
    appliance.#startTimer();
    releaseMemory();
    return appliance;
  }

  /** What the control core does by itself while the cores run: watches them, collects events, keeps loads alike. */
  #startTimer(): void {
    const rebalancer = new Rebalancer({
      buckets: this.buckets(),
      frames: () => this.bucketFrames(),
      loads: () => loadsOf(this.arena, this.layout).slice(),
      moved: ({ bucket, from, to }) => {
        for (let core = 0; core < this.layout.cores; core++) this.wake(core);
        this.#history.add(this.clock.now(), -1, EventCode["bucket-moved"], [bucket, from, to]);
      },
    });
    const repair = new Repair({
      cores: () => this.#online(),
      summary: (core) => this.command(core, { kind: "summary" }),
      resend: (core, tables) => this.command(core, { kind: "resend", tables }),
      tell: (code, numbers) => this.#history.add(this.clock.now(), -1, code, numbers),
    });
    this.#coherence = repair.coherence;
    this.#watchTimer = setInterval(() => this.#supervision.turn(this.clock.now()), WATCH_INTERVAL);
    this.#eventTimer = setInterval(() => {
      this.#collectEvents();
      if (!this.#supervision.isQuiet) return;
      rebalancer.turn(this.#config, this.clock.now());
      repair.turn(this.#config, this.clock.now());
    }, EVENT_INTERVAL);
    const faults = faultsPath();
    if (faults === undefined) return;
    this.#faults = listenForFaults(faults, {
      fault: (core, what, millis) =>
        void this.#threads.post(core, { id: 0, kind: "fault", what, millis }),
      terminate: (core) => this.#threads.end(core),
    });
  }

  /**
   * Cores start one after the other: the members of a packet fanout group count in the order in which they join, and
   * that order must be the order of the cores.
   */
  async #startThreads(): Promise<void> {
    for (let core = 0; core < this.layout.cores; core++) {
      await new Promise<void>((resolve, reject) => {
        const late = new ApplianceError("core-silent", `Core ${core} did not start in time`);
        const timer = setTimeout(() => reject(late), START_TIMEOUT);
        this.#starts.set(core, (error) => {
          clearTimeout(timer);
          this.#starts.delete(core);
          if (error === null) resolve();
          else reject(error);
        });
        this.#threads.start(core, this.#config, this.openings, false);
      });
    }
  }

  #listener(): Listener {
    return {
      online: (core, reply) => {
        for (const [port, state] of reply.ports.entries()) this.#portStates[port] = state;
        const start = this.#starts.get(core);
        if (start !== undefined) start(null);
        else this.#supervision.started(core, this.clock.now());
      },
      failed: (core, error) => this.#coreFailed(core, error),
      ended: (core) => this.#coreEnded(core),
      replied: (reply) => this.#questions.answered(reply),
    };
  }

  #supervise(): Supervision {
    return new Supervision(
      this.#config,
      this.arena,
      this.layout,
      {
        start: (core) => {
          if (this.#held !== null) this.#held.add(core);
          else this.#threads.start(core, this.#config, this.openings, true);
        },
        end: (core) => this.#threads.end(core),
        wake: (core) => this.wake(core),
        resteer: () => this.#resteer(),
        isStarved: (core) => this.#threads.isStarved(core),
        tell: (code, numbers) => {
          this.#history.add(this.clock.now(), -1, code, numbers);
          if (code === EventCode["core-given-up"]) this.#endWithout();
        },
      },
      this.clock.now(),
    );
  }

  #resteer(): void {
    for (const [port, opening] of this.openings.entries()) {
      if (opening === null || this.layout.cores === 1) continue;
      resteer(port, opening.plan, {
        arena: this.arena,
        page: this.#page,
        cores: this.layout.cores,
        steering: this.#config.steering,
        reads: (core) => this.#supervision.reads(core),
      });
    }
  }

  #coreFailed(core: CoreId, error: Error): void {
    this.#questions.forget(core, coreFailed(core, error));
    const start = this.#starts.get(core);
    if (start !== undefined) start(error);
    if (this.#stopping !== undefined || this.startedAt === 0) return;
    this.#lastFailure = error;
    process.stderr.write(`linkloom: core ${core} failed: ${error.message}\n`);
    this.#supervision.failed(core, this.clock.now());
  }

  #coreEnded(core: CoreId): void {
    const error = new Error("its thread ended");
    this.#questions.forget(core, coreFailed(core, error));
    this.#starts.get(core)?.(error);
    if (this.#stopping === undefined && this.startedAt !== 0) {
      this.#supervision.ended(core, this.clock.now());
    }
  }

  /** A core was given up: with no other left there is no appliance. */
  #endWithout(): void {
    const cores = Array.from({ length: this.layout.cores }, (_, core) => core);
    if (cores.some((core) => this.#supervision.phase(core) !== Phase.Offline)) return;
    const error = this.#lastFailure ?? new Error("its thread ended");
    const failure = new ApplianceError(
      "core-failed",
      `The last core failed: ${error.message}`,
      "it was started again several times, and failed each time",
      error,
    );
    void this.stop().then(
      () => this.#fail(failure),
      () => this.#fail(failure),
    );
  }

  #online(): CoreId[] {
    return Array.from({ length: this.layout.cores }, (_, core) => core).filter((core) =>
      this.#threads.isOnline(core),
    );
  }

  // --- requests --------------------------------------------------------------------------------------------------------

  /** Wakes a core if it sleeps; whoever gives frames to a memory port from outside calls it. */
  wake(core: CoreId): void {
    this.#threads.wake(core);
  }

  /** Room in the arena for whoever gives frames to memory ports from this thread. */
  reserve(bytes: number): Offset {
    return this.#planner.reserve(bytes);
  }

  async command<C extends CoreCommand>(core: CoreId, command: C): Promise<CoreAnswer<C["kind"]>> {
    const answer =
      command.kind === "ping"
        ? this.#questions.ping(core, command)
        : this.#questions.ask(core, { kind: "command", command });
    return (await answer) as CoreAnswer<C["kind"]>;
  }

  observe(...given: Parameters<Appliance["observe"]>): () => void {
    this.#watching ??= new Watching({
      arena: this.arena,
      cores: this.#config.cores.count,
      epoch: () => Date.now() - this.clock.now(),
      reserve: (bytes) => this.reserve(bytes),
      command: (core, command) => this.command(core, command),
    });
    return this.#watching.observe(...given);
  }

  // --- what is shared, read without stopping anyone --------------------------------------------------------------

  get config(): ApplianceConfig {
    return this.#config;
  }

  counters(core: CoreId): Float64Array {
    return countersOf(this.arena, this.layout, core);
  }

  cores(): readonly CoreStatus[] {
    return coreStatuses(this.#supervision, loadsOf(this.arena, this.layout), this.clock.now());
  }

  repairs(): readonly number[] {
    return this.#coherence?.repairs ?? [];
  }

  setCore(core: CoreId, online: boolean): void {
    const now = this.clock.now();
    if (online) {
      this.#supervision.setOnline(core, now);
      return;
    }
    const refused = this.#supervision.setOffline(core, now);
    if (refused === "") return;
    throw new ApplianceError("refused", `Core ${core} cannot go offline: ${refused}`, "show cores");
  }

  setMaster(role: number, core: CoreId): void {
    const refused = this.#supervision.setMaster(role, core);
    if (refused === "") return;
    throw new ApplianceError(
      "refused",
      `Core ${core} cannot play a role: ${refused}`,
      "show cores",
    );
  }

  ports(): readonly PortState[] {
    return this.#portStates;
  }

  masters(): readonly CoreId[] {
    const word = (this.layout.control >> 2) + Control.RoleAt;
    return Array.from({ length: ROLE_COUNT }, (_, role) => this.arena.i32[word + role] as number);
  }

  buckets(): Uint8Array {
    return bucketsOf(this.arena, this.layout).subarray(0, this.#config.steering.buckets);
  }

  /** Frames per bucket since the start, steered by software or by the kernel. */
  bucketFrames(): Float64Array {
    const cores = Array.from({ length: this.layout.cores }, (_, core) => this.counters(core));
    return bucketFrames(cores, this.arena, this.layout.control);
  }

  events(since: number, limit: number): readonly RawEvent[] {
    this.#collectEvents();
    return this.#history.after(since, limit);
  }

  #collectEvents(): void {
    let links = false;
    this.#history.collect((code, port) => {
      if (code !== EventCode["port-up"] && code !== EventCode["port-down"]) return;
      const state = this.#portStates[port];
      if (state !== undefined)
        this.#portStates[port] = { ...state, up: code === EventCode["port-up"] };
      links = true;
    });
    // An interface that came back may have another address and MTU.
    if (links) void this.#refreshPorts().catch(() => {}); // A core that fails says so by itself.
  }

  /** Asks a core what it sees of the ports now. */
  async #refreshPorts(): Promise<void> {
    const core = this.#online()[0] ?? 0;
    const states = (await this.#questions.ask(core, { kind: "ports" })) as PortState[];
    for (const [port, state] of states.entries()) this.#portStates[port] = state;
  }

  // --- change and end ----------------------------------------------------------------------------------------------

  /** Takes over a new configuration with its drivers; ports keep their numbers (control/compile.ts sees to it). */
  async reconfigure(options: StartPlan): Promise<void> {
    const before = this.#config;
    await this.#untilSettled();
    this.#held = new Set();
    try {
      await this.#reloading.run(before, options);
      this.#config = options.config;
      if (options.config.steering.buckets !== before.steering.buckets) this.#dealBuckets();
      this.#supervision.configure(options.config);
    } finally {
      // But not one that was too late meanwhile.
      const held = [...this.#held].filter((one) => this.#supervision.phase(one) === Phase.Starting);
      this.#held = null;
      for (const core of held) this.#threads.start(core, this.#config, this.openings, true);
    }
    await this.#refreshPorts();
  }

  /** No core is about to start or to end; but a reload does not wait for ever. */
  async #untilSettled(): Promise<void> {
    const end = this.clock.now() + SETTLE_LIMIT;
    while (!this.#supervision.isQuiet && this.clock.now() < end) await delay(WATCH_INTERVAL);
  }

  /** Another number of buckets: dealt anew, all at once. */
  #dealBuckets(): void {
    const table = new Uint8Array(MAX_BUCKETS);
    const cores = Array.from({ length: this.layout.cores }, (_, core) => core);
    const serving = cores.filter((core) => this.#supervision.serves(core));
    for (const bucket of this.buckets().keys()) {
      table[bucket] = serving[bucket % serving.length] ?? 0;
    }
    const all = bucketsOf(this.arena, this.layout);
    const words = moveWordsOf(all);
    if (words !== null) new MoveControl(all, words).rewrite(table);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopThreads();
    return this.#stopping;
  }

  async #stopThreads(): Promise<void> {
    this.#watching?.stop();
    clearInterval(this.#watchTimer);
    clearInterval(this.#eventTimer);
    this.#faults?.close();
    Atomics.store(this.arena.i32, (this.layout.control >> 2) + Control.Stop, 1);
    await this.#threads.allEnded(STOP_TIMEOUT);
    for (const opening of this.openings) {
      for (let core = 0; opening !== null && core < this.layout.cores; core++) {
        closeHeld(this.arena, opening.plan, core);
      }
    }
    if (this.#page.map >= 0) closeDescriptor(this.#page.map);
    this.#questions.forget(-1, new ApplianceError("core-not-online", "The appliance stops"));
    this.#finish();
  }
}

const coreFailed = (core: CoreId, error: Error): ApplianceError =>
  new ApplianceError("core-failed", `Core ${core} failed`, undefined, error);

/** Starts an appliance: resolves when every core forwards. */
export function startAppliance(options: StartPlan): Promise<RunningAppliance> {
  return RunningAppliance.start(options);
}
