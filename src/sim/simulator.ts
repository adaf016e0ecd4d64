// The simulator: the very cores, buses and distributors of the product, several appliances of them, with hosts and
// partners, on one virtual clock and by one seed. It decides which core runs next and when, lets wires, cores and
// people fail by a script, looks at every promise after every step, mends everything from time to time, and demands
// that all converges: equal tables that are true to the network, every host reached, every buffer back.

import type { Core } from "../core/core.ts";
import { CORE_AT, CoreCounter } from "../engine/counter.ts";
import { Prng } from "../lib/prng.ts";
import type { CoreId, Millis, PortId } from "../lib/units.ts";
import { Batch, BURST } from "../ports/port.ts";
import { Digest } from "./digest.ts";
import { Death, Fabric, type Host, type Node } from "./fabric.ts";
import { Fate } from "./fate.ts";
import { AggregationInvariant } from "./invariants/aggregation.ts";
import { BridgingInvariant } from "./invariants/bridging.ts";
import { CoherenceInvariant } from "./invariants/coherence.ts";
import { GroupsInvariant } from "./invariants/groups.ts";
import type { Invariant, Stage } from "./invariants/invariant.ts";
import { MemoryInvariant } from "./invariants/memory.ts";
import { NeighboursInvariant } from "./invariants/neighbours.ts";
import { ResolvingInvariant } from "./invariants/resolving.ts";
import { ServingInvariant } from "./invariants/serving.ts";
import { TreeInvariant } from "./invariants/tree.ts";
import { VirtualRoutersInvariant } from "./invariants/virtual-routers.ts";
import { Repair } from "./repair.ts";
import { scenarioOf } from "./scenario.ts";
import type { Episode, Script } from "./script.ts";
import { Seen } from "./seen.ts";
import { Violation } from "./violation.ts";

export const CONVERGENCE = "what was mended converges";
export const REACH = "every host reaches every host of its VLAN";
export const CRASH = "nothing throws";

/** What a run came to. */
export interface Outcome {
  readonly steps: number;
  readonly episodes: number;
  readonly time: Millis;
  readonly frames: number;
  readonly messages: number;
  /** Tables that the background check sent again after deaths. */
  readonly repairs: number;
  /** Equal for equal runs. */
  readonly digest: string;
  readonly failure: Failure | null;
}

export interface Failure {
  readonly invariant: string;
  readonly what: string;
  readonly step: number;
  /** Number of the episode, and the step in it; -1 = when all was mended. */
  readonly episode: number;
  readonly at: number;
}

/** Between two looks of hosts and wires. */
const WORLD_TICK: Millis = 4;
const LOOK: Millis = 250;
/** The background check has so much more to repair what a dead core left half told: two of its repairs. */
const REPAIR: Millis = 10_000;
/** Rounds of a core when all is quiet: as an idle core's. */
const CALM_ROUND: Millis = 4;
/** A ping has this long; as many rounds of pings may fail to reach before it counts. */
const PING: Millis = 400;
const PING_ROUNDS = 8;
/** How many steps of 2 ms/n pass without regard for the number of cores. */
const TIME_UNIT = 1 / 16;

/** The finalizer of MurmurHash3: the draw of one step, which no other step's depends on. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export class Simulator implements Stage {
  readonly fabric: Fabric;
  readonly disturbed: Stage["disturbed"] = { core: -1e9, role: -1e9, bucket: -1e9, wire: -1e9 };
  steps = 0;
  readonly #script: Script;
  readonly #fate: Fate;
  readonly #invariants: readonly Invariant[];
  readonly #framed: readonly Invariant[];
  readonly #stepped: readonly Invariant[];
  readonly #digest: Digest = new Digest();
  readonly #seen: Seen = new Seen();
  readonly #batch: Batch = new Batch(BURST);
  #worldTick: Millis = 0;
  #eventTick: Millis = 0;
  #frames = 0;
  #episode = 0;
  #at = -1;
  #episodes = 0;
  #repairs = 0;

  constructor(script: Script) {
    this.#script = script;
    this.fabric = new Fabric(scenarioOf(script.seed, script.wishes), (...frame) =>
      this.#observe(...frame),
    );
    this.#fate = new Fate(this);
    const { appliances, groups } = this.fabric.scenario;
    // Those of one shape alone cost the others nothing.
    this.#invariants = [
      ...(appliances[0]?.stp === undefined ? [] : [new TreeInvariant(this)]),
      new ServingInvariant(this),
      new BridgingInvariant(this),
      new ResolvingInvariant(this),
      new NeighboursInvariant(this),
      new AggregationInvariant(this),
      new MemoryInvariant(this),
      new CoherenceInvariant(this),
      ...(appliances[0]?.vr === undefined ? [] : [new VirtualRoutersInvariant(this)]),
      ...(groups === null ? [] : [new GroupsInvariant(this, groups)]),
    ];
    this.#framed = this.#invariants.filter(({ frame }) => frame !== undefined);
    this.#stepped = this.#invariants.filter(({ stepped }) => stepped !== undefined);
  }

  /** Plays the script's episodes until there are no more, `steps` are done, or a promise is broken. */
  run(steps: number = Number.POSITIVE_INFINITY): Outcome {
    let failure: Failure | null = null;
    try {
      for (const episode of this.#script.episodes) {
        this.#play(episode);
        this.#episodes++;
        if (this.steps >= steps) break;
      }
    } catch (error) {
      failure = this.#failureOf(error);
    }
    return {
      steps: this.steps,
      episodes: this.#episodes,
      time: this.fabric.now,
      frames: this.#frames,
      messages: this.#messages(),
      repairs: this.#repairs,
      digest: this.#digest.text,
      failure,
    };
  }

  #failureOf(error: unknown): Failure {
    const where = { step: this.steps, episode: this.#episode, at: this.#at };
    if (error instanceof Violation) {
      return { invariant: error.invariant, what: error.message, ...where };
    }
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { invariant: CRASH, what: `${CRASH}: ${what}`, ...where };
  }

  #messages(): number {
    let total = 0;
    for (const cluster of this.fabric.clusters) total += cluster.messageCount();
    return total;
  }

  // --- one episode ---------------------------------------------------------------------------------------------------

  #play({ number, steps, operations }: Episode): void {
    this.#episode = number;
    const key = mix(this.#script.seed ^ mix(number + 1));
    const { nodes } = this.fabric;
    // Fast and slow cores: one that seldom runs is behind the others.
    const paces = new Prng(key);
    const pace = 1 + paces.below(8);
    let next = 0;
    for (let at = 0; at < steps; at++) {
      this.#at = at;
      for (; next < operations.length && (operations[next]?.at ?? 0) <= at; next++) {
        const operation = operations[next];
        if (operation !== undefined) this.#fate.apply(operation);
      }
      const draw = mix(key + Math.imul(at, 0x9e3779b1));
      const isLeap = (draw & 0xff) === 0;
      const units = isLeap ? (draw >>> 8) & 0xff : (((draw >>> 8) & 0xf) * pace) >> 2;
      this.fabric.now += (units * TIME_UNIT * 2) / (isLeap ? 1 : nodes.length);
      this.#step(nodes[(draw >>> 16) % nodes.length] as Node);
    }
    this.#at = -1;
    this.#calm();
  }

  #step(node: Node): void {
    const { fabric } = this;
    const { now } = fabric;
    this.steps++;
    if (now >= this.#worldTick) this.#tickWorld();
    const core = this.#fate.runnable(node);
    if (core !== null) {
      this.#round(node, core, now);
      this.#digest.add(node.index * 0x1000193 + now * 16);
      this.#digest.add(core.counters[CORE_AT + CoreCounter.MessagesSent] as number);
      this.#fate.ran(node);
      if (node.sent !== 0) this.#collect(node);
    }
    const stepped = this.#stepped;
    for (let n = 0; n < stepped.length; n++) (stepped[n] as Required<Invariant>).stepped(node);
  }

  #round(node: Node, core: Core, now: Millis): void {
    try {
      core.round(now);
    } catch (error) {
      if (!(error instanceof Death)) throw error;
      this.#fate.died(node);
    }
  }

  #tickWorld(): void {
    const { fabric } = this;
    this.#fate.watch();
    this.#worldTick = fabric.now + WORLD_TICK;
    this.#fate.tick();
    fabric.tick();
    if (fabric.now < this.#eventTick) return;
    this.#eventTick = fabric.now + 100;
    for (const cluster of fabric.clusters) this.#digest.add(cluster.takeEvents().length);
  }

  /** Takes what a core has sent, and carries it on. */
  #collect(node: Node): void {
    const { appliance, core } = node;
    const cluster = this.fabric.clusters[appliance];
    const sent = node.sent;
    node.sent = 0;
    if (cluster === undefined) return;
    const { view } = cluster.arena;
    for (let port = 0; sent >>> port !== 0; port++) {
      if (((sent >>> port) & 1) === 0) continue;
      const end = cluster.ends[port]?.[core];
      if (end === undefined) continue;
      const batch = this.#batch;
      do {
        end.receive(batch);
        const { count } = batch;
        for (let n = 0; n < count; n++) {
          this.fabric.left(
            appliance,
            port,
            core,
            view,
            batch.start[n] as number,
            batch.end[n] as number,
          );
        }
        end.release();
      } while (batch.count > 0);
    }
  }

  #observe(
    appliance: number,
    port: PortId,
    core: CoreId,
    view: DataView,
    start: number,
    end: number,
  ): void {
    this.#frames++;
    this.#digest.add(port * 64 + core);
    this.#digest.bytes(view, start, end);
    this.#seen.read(appliance, port, core, view, start, end);
    const framed = this.#framed;
    for (let n = 0; n < framed.length; n++) (framed[n] as Required<Invariant>).frame(this.#seen);
  }

  // --- all is mended -------------------------------------------------------------------------------------------------

  #calm(): void {
    const wasDeath = this.#fate.mend();
    const until = this.fabric.now + this.fabric.scenario.converge + (wasDeath ? REPAIR : 0);
    // Without a death, messages alone must do.
    const repairs = wasDeath ? this.fabric.clusters.map((cluster) => new Repair(cluster)) : [];
    this.#turn(1000);
    let announced = 0;
    let pause = 2000;
    for (;;) {
      // Who was plugged in elsewhere may not have been heard.
      if (this.fabric.now >= announced) {
        for (const { station } of this.fabric.hosts) station.announce();
        this.fabric.drain();
        // Less often then: while something changes, the background check waits.
        announced = this.fabric.now + pause;
        pause = 5000;
      }
      this.#turn(LOOK);
      for (const repair of repairs) repair.tick(this.fabric.now);
      const what = this.#unsettled();
      if (what === "") break;
      if (this.fabric.now > until) throw new Violation(CONVERGENCE, what);
    }
    for (const repair of repairs) this.#repairs += repair.repairs;
    this.#reach();
    const after = this.fabric.now + this.fabric.scenario.converge;
    for (let what = this.#unsettled(); what !== ""; what = this.#unsettled()) {
      if (this.fabric.now > after) throw new Violation(CONVERGENCE, `after the pings, ${what}`);
      this.#turn(LOOK);
    }
    for (const invariant of this.#invariants) invariant.settled?.();
  }

  #unsettled(): string {
    if (!this.fabric.isStill) return "frames are under way";
    for (const invariant of this.#invariants) {
      const what = invariant.unsettled?.() ?? "";
      if (what !== "") return what;
    }
    return "";
  }

  /** Lets time pass with every core in turn. */
  #turn(duration: Millis): void {
    const { fabric } = this;
    for (const until = fabric.now + duration; fabric.now < until; ) {
      fabric.now += CALM_ROUND;
      for (const node of fabric.nodes) this.#step(node);
      for (const node of fabric.nodes) this.#step(node);
    }
  }

  /** Everybody pings everybody of the VLAN, and the router, over both versions of IP. */
  #reach(): void {
    const { hosts } = this.fabric;
    for (const from of hosts) {
      const others = hosts.filter((to) => to !== from && to.plan.vlan === from.plan.vlan);
      for (let round = 0; !this.#pings(from, others); round++) {
        if (round < PING_ROUNDS) continue;
        throw new Violation(REACH, `${from.plan.name} does not`);
      }
    }
  }

  #pings(from: Host, others: readonly Host[]): boolean {
    const { station, plan } = from;
    const before = station.pingsAnswered + station.ipv6.pingsAnswered;
    const { now } = this.fabric;
    for (const { plan: to } of others) {
      station.ping(to.address, now);
      station.ping6(to.ipv6, now);
    }
    station.ping(plan.gateway, now);
    station.ping6(plan.gateway6, now);
    this.fabric.drain();
    const wanted = 2 * others.length + 2;
    const isDone = (): boolean =>
      station.pingsAnswered + station.ipv6.pingsAnswered - before >= wanted;
    for (const until = now + PING; !isDone() && this.fabric.now < until; ) this.#turn(CALM_ROUND);
    return isDone();
  }
}
