// A running appliance, seen from the control core: starts the cores' threads over one arena, holds what they share,
// carries commands and answers, collects events. It never touches a frame.

import { availableParallelism } from "node:os";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type {
  Appliance,
  CoreAnswer,
  CoreCommand,
  CoreStatus,
  PortState,
  RawEvent,
  StartPlan,
} from "../control/appliance-port.ts";
import { type ApplianceConfig, electMaster } from "../core/config.ts";
import {
  bucketsOf,
  Control,
  CoreState,
  countersOf,
  initControl,
  type Layout,
  loadsOf,
  Presence,
  planLayout,
  presenceWord,
} from "../core/layout.ts";
import { EventCode } from "../engine/event.ts";
import { ROLE_COUNT } from "../engine/role.ts";
import { Arena, Planner } from "../lib/arena.ts";
import type { CoreId, Millis, Offset, PortId } from "../lib/units.ts";
import { planPort } from "../ports/factory.ts";
import { close as closeDescriptor } from "../ports/linux/ffi.ts";
import { allowedCpus, makeEventFd, signal } from "../ports/linux/parking.ts";
import { type StatePage, shareStatePage } from "../ports/steering.ts";
import { type SteeringConfig, steersAlike } from "../steering/config.ts";
import { MAX_BUCKETS, moveWordsOf } from "../steering/indirection.ts";
import { MoveControl } from "../steering/move.ts";
import { Clock, monotonic } from "./clock.ts";
import { ApplianceError, revive } from "./errors.ts";
import { History } from "./history.ts";
import { releaseMemory } from "./memory.ts";
import type { PortOpening, Reply, Request, WorkerStart } from "./protocol.ts";
import { Questions } from "./questions.ts";
import { bucketFrames, Rebalancer } from "./rebalance.ts";
import { type PortChanges, portChanges, refuseFixed } from "./reload.ts";
import { workerUrl } from "./worker-url.ts";

/** How often events are collected; a person does not notice it. Our choice. */
const EVENT_INTERVAL: Millis = 50;
/** A core whose heartbeat is older is shown as stalled: thirty longest sleeps. */
const STALLED_AFTER: Millis = 300;
const START_TIMEOUT: Millis = 30_000;
const STOP_TIMEOUT: Millis = 5000;
/**
 * Heap of a core's thread in megabytes. Tables and frames lie outside it and rounds allocate nothing, so the young
 * generation may be small; the old one holds code, configuration and what a question about a table is answered with.
 */
const CORE_LIMITS = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 256 } as const;
/** Address space kept for ports that a reload adds; untouched memory costs nothing. */
const SPARE_BYTES = 512 * 1024 * 1024;
const ARENA_LIMIT = 0x7f000000;

interface CoreThread {
  readonly worker: Worker;
  readonly mailbox: MessagePort;
  readonly wakeup: number;
  online: boolean;
  ended: boolean;
}

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
  readonly #threads: CoreThread[] = [];
  readonly #questions: Questions;
  readonly #history: History;
  readonly #portStates: PortState[] = [];
  #eventTimer: NodeJS.Timeout | undefined;
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
      (core, request) => this.#post(core, request),
      () => this.clock.now(),
    );
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

  /** What the control core does by itself while the cores run: collects events, keeps loads alike. */
  #startTimer(): void {
    const rebalancer = new Rebalancer({
      buckets: this.buckets(),
      frames: () => this.bucketFrames(),
      loads: () => loadsOf(this.arena, this.layout).slice(),
      moved: ({ bucket, from, to }) => {
        for (const core of this.#threads.keys()) this.wake(core);
        this.#history.add(this.clock.now(), -1, EventCode["bucket-moved"], [bucket, from, to]);
      },
    });
    this.#eventTimer = setInterval(() => {
      this.#collectEvents();
      rebalancer.turn(this.#config, this.clock.now());
    }, EVENT_INTERVAL);
  }

  /**
   * Cores start one after the other: the members of a packet fanout group count in the order in which they join, and
   * that order must be the order of the cores.
   */
  async #startThreads(): Promise<void> {
    const { count } = this.#config.cores;
    const wakeups = Array.from({ length: count }, () => makeEventFd());
    const cpus = allowedCpus();
    const pinned = count <= cpus.length && count <= availableParallelism();
    for (let core = 0; core < count; core++) {
      const { port1, port2 } = new MessageChannel();
      const start: WorkerStart = {
        memory: this.arena.memory,
        layout: this.layout,
        core,
        config: this.#config,
        ports: this.openings,
        wakeups,
        origin: this.#origin,
        cpu: pinned ? (cpus[core] as number) : -1,
        mailbox: port2,
        page: this.#page,
      };
      const worker = new Worker(workerUrl(import.meta.url, "./core-worker"), {
        workerData: start,
        transferList: [port2],
        name: `core-${core}`,
        resourceLimits: CORE_LIMITS,
      });
      const thread: CoreThread = {
        worker,
        mailbox: port1,
        wakeup: wakeups[core] as number,
        online: false,
        ended: false,
      };
      this.#threads.push(thread);
      await this.#untilOnline(thread, core);
    }
  }

  #untilOnline(thread: CoreThread, core: CoreId): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new ApplianceError("core-silent", `Core ${core} did not start in time`)),
        START_TIMEOUT,
      );
      thread.mailbox.on("message", (reply: Reply) => {
        if (reply.kind === "online") {
          clearTimeout(timer);
          thread.online = true;
          for (const [port, state] of reply.ports.entries()) this.#portStates[port] = state;
          resolve();
        } else if (reply.kind === "failed") {
          clearTimeout(timer);
          const error = revive(reply.error);
          reject(error);
          this.#coreFailed(core, error);
        } else this.#questions.answered(reply);
      });
      thread.worker.on("error", (error) => {
        clearTimeout(timer);
        reject(error);
        this.#coreFailed(core, error);
      });
      thread.worker.on("exit", () => {
        thread.ended = true;
        thread.online = false;
        if (this.#stopping === undefined) {
          this.#coreFailed(core, new Error("its thread ended"));
        }
      });
    });
  }

  #coreFailed(core: CoreId, error: Error): void {
    const thread = this.#threads[core];
    if (thread !== undefined) thread.online = false;
    const ended = new ApplianceError("core-failed", `Core ${core} failed`, undefined, error);
    this.#questions.forget(core, ended);
    if (this.#stopping !== undefined || this.startedAt === 0) return;
    const failure = new ApplianceError(
      "core-failed",
      `Core ${core} failed: ${error.message}`,
      "the appliance stops, because a dead core's duties are not moved in this version",
      error,
    );
    void this.stop().then(
      () => this.#fail(failure),
      () => this.#fail(failure),
    );
  }

  // --- requests --------------------------------------------------------------------------------------------------------

  #post(core: CoreId, request: Request): boolean {
    const thread = this.#threads[core];
    if (thread === undefined || !thread.online) return false;
    thread.mailbox.postMessage(request);
    Atomics.store(this.arena.i32, presenceWord(this.layout, core) + Presence.Command, 1);
    this.wake(core);
    return true;
  }

  /** Wakes a core if it sleeps; whoever gives frames to a memory port from outside calls it. */
  wake(core: CoreId): void {
    const flag = presenceWord(this.layout, core) + Presence.Sleeping;
    if (Atomics.compareExchange(this.arena.i32, flag, 1, 0) === 1) {
      signal(this.#threads[core]?.wakeup ?? -1);
    }
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

  // --- what is shared, read without stopping anyone --------------------------------------------------------------

  get config(): ApplianceConfig {
    return this.#config;
  }

  counters(core: CoreId): Float64Array {
    return countersOf(this.arena, this.layout, core);
  }

  cores(): readonly CoreStatus[] {
    const now = this.clock.now();
    const loads = loadsOf(this.arena, this.layout);
    return this.#threads.map((thread, core) => {
      const word = presenceWord(this.layout, core);
      const beat = this.arena.i32[word + Presence.Heartbeat] as number;
      const age = Math.max(0, ((now | 0) - beat) | 0);
      const state = this.arena.i32[word + Presence.State] as number;
      const online = thread.online && state === CoreState.Online;
      const stalled = online && age > STALLED_AFTER;
      return {
        core,
        state: !online ? "offline" : stalled ? "stalled" : "online",
        load: loads[core] as number,
        heartbeatAgeMs: age,
        restarts: 0,
      };
    });
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
    const counters = this.#threads.map((_, core) => this.counters(core));
    return bucketFrames(counters, this.arena, this.layout.control);
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
    const core = Math.max(
      0,
      this.#threads.findIndex(({ online }) => online),
    );
    const states = (await this.#questions.ask(core, { kind: "ports" })) as PortState[];
    for (const [port, state] of states.entries()) this.#portStates[port] = state;
  }

  // --- change and end ----------------------------------------------------------------------------------------------

  /** Takes over a new configuration with its drivers; ports keep their numbers (control/compile.ts sees to it). */
  async reconfigure(options: StartPlan): Promise<void> {
    const { config, drivers } = options;
    const before = this.#config;
    refuseFixed(before, config);
    const room = this.arena.buffer.byteLength;
    const changes = portChanges(this.openings, drivers, this.#planner, config.cores.count, room);
    const steered = await this.#steer(changes, config.steering);
    const undo = Object.fromEntries(
      Object.keys(changes).map((port) => [port, this.openings[Number(port)] ?? null]),
    );
    for (let core = 0; core < config.cores.count; core++) {
      try {
        await this.#questions.ask(core, { kind: "configure", config, ports: changes, steered });
      } catch (error) {
        await this.#undo(core, before, undo, steered);
        throw error;
      }
    }
    for (const [port, opening] of Object.entries(changes)) this.openings[Number(port)] = opening;
    this.#config = config;
    if (config.steering.buckets !== before.steering.buckets) this.#dealBuckets();
    await this.#refreshPorts();
    const word = this.layout.control >> 2;
    for (let role = 0; role < ROLE_COUNT; role++) {
      this.arena.i32[word + Control.RoleAt + role] = electMaster(config, role, () => true);
    }
  }

  /**
   * Exchanges the kernel programs of ports that are steered in another way now, and gives the ports where that was done
   * under traffic. The others are closed on all cores before any opens them anew: they join `changes`.
   */
  async #steer(changes: PortChanges, after: SteeringConfig): Promise<PortId[]> {
    const { cores, steering } = this.#config;
    const others: PortId[] = [];
    for (const [port, opening] of this.openings.entries()) {
      const isSteered = opening?.driver.driver === "packet" || opening?.driver.driver === "tap";
      if (cores.count === 1 || !isSteered || steersAlike(steering, after, port)) continue;
      if (!(port in changes)) others.push(port);
    }
    if (others.length === 0) return [];
    const request = { kind: "steer", steering: after, ports: others } as const;
    const taken = (await this.#questions.ask(0, request)) as PortId[];
    const ports: Record<number, null> = {};
    for (const port of others) {
      if (taken.includes(port)) continue;
      ports[port] = null;
      changes[port] = this.openings[port] ?? null;
    }
    if (Object.keys(ports).length === 0) return taken;
    for (const core of this.#threads.keys()) {
      const config = this.#config;
      await this.#questions.ask(core, { kind: "configure", config, ports, steered: [] });
    }
    return taken;
  }

  /** A core could not take over a configuration: it and those before it go back to the one that ran. */
  async #undo(
    last: CoreId,
    config: ApplianceConfig,
    ports: PortChanges,
    steered: readonly PortId[],
  ): Promise<void> {
    const { steering } = config;
    if (steered.length > 0)
      await this.#questions.ask(0, { kind: "steer", steering, ports: steered });
    for (let core = 0; core <= last; core++) {
      await this.#questions.ask(core, { kind: "configure", config, ports, steered });
    }
  }

  /** Another number of buckets: dealt anew, all at once. */
  #dealBuckets(): void {
    const table = new Uint8Array(MAX_BUCKETS);
    for (const bucket of this.buckets().keys()) table[bucket] = bucket % this.#config.cores.count;
    const all = bucketsOf(this.arena, this.layout);
    const words = moveWordsOf(all);
    if (words !== null) new MoveControl(all, words).rewrite(table);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopThreads();
    return this.#stopping;
  }

  async #stopThreads(): Promise<void> {
    if (this.#eventTimer !== undefined) clearInterval(this.#eventTimer);
    Atomics.store(this.arena.i32, (this.layout.control >> 2) + Control.Stop, 1);
    for (const [core, thread] of this.#threads.entries()) {
      this.wake(core);
      if (!thread.ended) await endOf(thread.worker);
      thread.mailbox.close();
    }
    for (const thread of this.#threads) closeDescriptor(thread.wakeup);
    if (this.#page.map >= 0) closeDescriptor(this.#page.map);
    this.#questions.forget(-1, new ApplianceError("core-not-online", "The appliance stops"));
    this.#finish();
  }
}

/** Waits for a thread's own end, and ends it when it does not come. */
function endOf(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => void worker.terminate(), STOP_TIMEOUT);
    worker.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Starts an appliance: resolves when every core forwards. */
export function startAppliance(options: StartPlan): Promise<RunningAppliance> {
  return RunningAppliance.start(options);
}
