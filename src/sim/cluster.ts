// A whole appliance without threads: the very cores, buses and distributors of the product over memory links, turned
// round by round on one virtual clock. Tests, the replay and the simulator drive it; one seed gives one run.

import { type ApplianceConfig, electMaster } from "../core/config.ts";
import { Core } from "../core/core.ts";
import {
  bucketsOf,
  coversOf,
  initControl,
  type Layout,
  Presence,
  planLayout,
  presenceWord,
} from "../core/layout.ts";
import { Supervision } from "../core/supervision.ts";
import { Told, type ToldEvent } from "../core/told.ts";
import { CORE_AT, CoreCounter } from "../engine/counter.ts";
import { HEADROOM } from "../engine/frame.ts";
import { ROLE_COUNT } from "../engine/role.ts";
import { dropTotals, messageTotals } from "../engine/totals.ts";
import { Arena, Planner } from "../lib/arena.ts";
import { Prng } from "../lib/prng.ts";
import type { CoreId, Millis, Offset, PortId } from "../lib/units.ts";
import { type MemoryLinkPlan, MemoryPort, planMemoryLink } from "../ports/memory.ts";
import { Batch, BURST } from "../ports/port.ts";
import { Distributor } from "../steering/distributor.ts";

/** Between two looks of the supervisor. */
const WATCH: Millis = 10;

/** Gets every frame that leaves the appliance; the bytes are valid during the call. */
export type FromAppliance = (
  port: PortId,
  core: CoreId,
  view: DataView,
  start: Offset,
  end: Offset,
) => void;

export interface ClusterOptions {
  readonly seed?: number;
  /** Frames that a link's queue holds, a power of two. */
  readonly slots?: number;
  /** Time between two rounds of all cores. */
  readonly step?: Millis;
  readonly onFrame?: FromAppliance;
  /** Records of a ring of the bus, and of the backlog behind it: small ones overflow soon. */
  readonly ringCapacity?: number;
  readonly backlog?: number;
  /** Bytes of the arena that a test wants for itself. */
  readonly spareBytes?: number;
}

export class Cluster {
  readonly config: ApplianceConfig;
  readonly arena: Arena;
  readonly layout: Layout;
  readonly cores: Core[] = [];
  /** Where `spareBytes` of the arena lie that nobody else uses. */
  readonly spare: Offset;
  /** The world's ends of the links, by port and core. */
  readonly ends: MemoryPort[][] = [];
  now: Millis = 0;
  /** Replaced at will: who gets the frames that leave. */
  onFrame: FromAppliance;
  /** Watches the cores, as the control core does. */
  readonly supervision: Supervision;
  /** What the control core told: times, codes and numbers (engine/event.ts). */
  readonly decisions: { time: Millis; code: number; numbers: readonly number[] }[] = [];
  readonly #links: MemoryLinkPlan[];
  /** Index = core: it has a thread. A stalled one has, but does nothing until `#stalledUntil`. */
  readonly #runs: boolean[];
  readonly #stalledUntil: Millis[];
  /** Threads to start, or whose end is to be told, at the next look. */
  readonly #starting = new Set<CoreId>();
  readonly #ending = new Set<CoreId>();
  #nextWatch: Millis = 0;
  readonly #told: Told;
  readonly #random: Prng;
  readonly #step: Millis;
  readonly #batch: Batch = new Batch(BURST);
  readonly #single: Batch = new Batch(1);
  /** Where frames from outside are written before a link takes them. */
  readonly #staging: Offset;
  readonly #nic: Distributor;

  constructor(config: ApplianceConfig, options: ClusterOptions = {}) {
    const { count } = config.cores;
    const planner = new Planner();
    const { ringCapacity, backlog } = options;
    const plan = planLayout(planner, count, config.globalCache, ringCapacity);
    const layout = backlog === undefined ? plan : { ...plan, backlog };
    const links: MemoryLinkPlan[] = config.common.ports.map(() =>
      planMemoryLink(planner, options.slots ?? 256, count),
    );
    this.#staging = planner.reserve(4096) + HEADROOM;
    this.spare = planner.reserve(options.spareBytes ?? 0);
    this.config = config;
    this.layout = layout;
    this.arena = Arena.create(planner.size);
    this.onFrame = options.onFrame ?? (() => {});
    this.#random = new Prng(options.seed ?? 1);
    this.#step = options.step ?? 1;
    const masters = Array.from({ length: ROLE_COUNT }, (_, role) =>
      electMaster(config, role, () => true),
    );
    initControl(this.arena, layout, masters, config.steering.buckets);
    this.#links = links;
    for (let core = 0; core < count; core++) this.cores.push(this.#makeCore(core, false));
    this.#runs = this.cores.map(() => true);
    this.#stalledUntil = this.cores.map(() => 0);
    this.supervision = this.#supervise();
    this.#told = new Told(this.arena, layout);
    for (const link of links) {
      this.ends.push(
        this.cores.map((core) => new MemoryPort(this.arena, link, core.core, { side: "world" })),
      );
    }
    this.#nic = new Distributor(
      config.steering,
      0,
      {
        buckets: bucketsOf(this.arena, layout),
        loads: new Float64Array(count),
        covers: coversOf(this.arena, layout),
      },
      this.cores[0] as Core,
      new Float64Array(128),
    );
  }

  /**
   * Gives a frame to a port: to `core`'s queue, or to the queue that a NIC with the appliance's own hash would choose.
   * False when the queue is full.
   */
  inject(port: PortId, frame: Uint8Array, core = -1): boolean {
    const start = this.#staging;
    this.arena.u8.fill(0, start - HEADROOM, start);
    this.arena.u8.set(frame, start);
    const end = start + frame.length;
    const queue = core >= 0 ? core : this.steer(port, this.arena.view, start, end);
    this.#single.start[0] = start;
    this.#single.end[0] = end;
    this.#single.count = 1;
    return (this.ends[port]?.[queue]?.send(this.#single) ?? 0) === 1;
  }

  /** The queue that a NIC which steers as the appliance does would choose. */
  steer(port: PortId, view: DataView, start: Offset, end: Offset): CoreId {
    this.#nic.move.map.set(bucketsOf(this.arena, this.layout));
    return this.#nic.pick(port, view, start, end, this.now);
  }

  // --- cores that die, stall, leave and come back --------------------------------------------------------------------

  #makeCore(core: CoreId, joins: boolean): Core {
    const { arena, layout, config, now } = this;
    const ports = this.#links.map(
      (link, port) =>
        new MemoryPort(arena, link, core, {
          side: "core",
          mac: config.common.ports[port]?.mac ?? 0,
        }),
    );
    return new Core({ arena, layout, core, config, ports, now, joins });
  }

  #supervise(): Supervision {
    const threads = {
      start: (core: CoreId): void => void this.#starting.add(core),
      end: (core: CoreId): void => {
        this.#runs[core] = false;
        this.#ending.add(core);
      },
      wake: (): void => {},
      tell: (code: number, numbers: readonly number[]): void => {
        this.decisions.push({ time: this.now, code, numbers });
      },
    };
    return new Supervision(this.config, this.arena, this.layout, threads, this.now);
  }

  /** True while a core has a thread that does its rounds. */
  isRunning(core: CoreId): boolean {
    return this.#runs[core] === true && this.now >= (this.#stalledUntil[core] as Millis);
  }

  /**
   * Ends a core's thread in the middle of its work. `silently`: nobody tells the supervisor, which must notice by
   * itself; else it hears at once, as of a thread that threw.
   */
  kill(core: CoreId, silently = true): void {
    if (this.#runs[core] !== true) return;
    this.#runs[core] = false;
    if (!silently) this.supervision.ended(core, this.now);
  }

  /** A core does nothing for a while, then goes on, unless it was ended meanwhile. */
  stall(core: CoreId, duration: Millis): void {
    this.#stalledUntil[core] = this.now + duration;
  }

  /** Has a core that is out of service, or was given up, start now. One that is dead starts by itself. */
  restart(core: CoreId): void {
    this.supervision.setOnline(core, this.now);
  }

  /** Takes a core out of service in good order; "" or why not. */
  offline(core: CoreId): string {
    return this.supervision.setOffline(core, this.now);
  }

  online(core: CoreId): void {
    this.supervision.setOnline(core, this.now);
  }

  /** One look of the supervisor, at most every ten milliseconds, as in the runtime. `run` calls it. */
  watch(): void {
    if (this.now < this.#nextWatch) return;
    this.#nextWatch = this.now + WATCH;
    for (const core of this.cores.keys()) this.#endLeaving(core);
    for (const core of this.#ending) {
      this.#ending.delete(core);
      this.supervision.ended(core, this.now);
    }
    for (const core of this.#starting) {
      this.#starting.delete(core);
      this.#stalledUntil[core] = 0;
      this.cores[core] = this.#makeCore(core, true);
      this.#runs[core] = true;
      this.supervision.started(core, this.now);
    }
    this.supervision.turn(this.now);
  }

  /** A core that was told to leave ends by itself. */
  #endLeaving(core: CoreId): void {
    const leaves = presenceWord(this.layout, core) + Presence.Leave;
    if (this.#runs[core] !== true || this.arena.i32[leaves] === 0) return;
    this.#runs[core] = false;
    (this.cores[core] as Core).depart();
    this.#ending.add(core);
  }

  /**
   * One round of every core, in an order drawn anew, then the frames that left go to `onFrame`. True when any
   * worked.
   */
  round(): boolean {
    let worked = false;
    const order = this.cores.map((core) => core.core);
    for (let n = order.length - 1; n > 0; n--) {
      const other = this.#random.below(n + 1);
      const swap = order[n] as number;
      order[n] = order[other] as number;
      order[other] = swap;
    }
    for (const core of order) {
      if (this.isRunning(core)) worked = (this.cores[core] as Core).round(this.now) || worked;
    }
    return this.#collect() || worked;
  }

  #collect(): boolean {
    let any = false;
    for (const [port, queues] of this.ends.entries()) {
      for (const [core, end] of queues.entries()) {
        end.receive(this.#batch);
        for (let n = 0; n < this.#batch.count; n++) {
          any = true;
          this.onFrame(
            port,
            core,
            this.arena.view,
            this.#batch.start[n] as number,
            this.#batch.end[n] as number,
          );
        }
        end.release();
      }
    }
    return any;
  }

  /** Rounds at this moment until nobody has anything to do; at most `limit`. */
  settle(limit = 10_000): void {
    for (let n = 0; n < limit; n++) if (!this.round()) return;
    throw new Error("the appliance does not come to rest");
  }

  /** Lets time pass in steps. */
  run(duration: Millis, each: (now: Millis) => void = () => {}, step: Millis = this.#step): void {
    const until = this.now + duration;
    while (this.now < until) {
      this.now = Math.min(until, this.now + step);
      each(this.now);
      this.watch();
      this.round();
      this.round();
    }
  }

  // --- what tests and reports ask ------------------------------------------------------------------------------------

  /** Takes the events that the cores have told since the last call, core by core. */
  takeEvents(): ToldEvent[] {
    return this.#told.take();
  }

  /** Messages sent so far, by name, over all cores. */
  messages(): Record<string, number> {
    return messageTotals(this.cores.map(({ counters }) => counters));
  }

  messageCount(): number {
    let total = 0;
    for (const { counters } of this.cores) {
      total += counters[CORE_AT + CoreCounter.MessagesSent] as number;
    }
    return total;
  }

  /** Drops so far, by reason, over all cores. */
  drops(): Record<string, number> {
    return dropTotals(this.cores.map(({ counters }) => counters));
  }

  /** True when every core has the same digest of a replicated table. */
  isCoherent(table: number): boolean {
    const alive = this.cores.filter(({ core }) => this.supervision.membership.isAlive(core));
    const digests = alive.map((core) => core.dispatch.replicated(table)?.summary().digest);
    return digests.every((digest) => digest === digests[0]);
  }
}
