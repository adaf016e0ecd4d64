// Two systems' link aggregation as a model of the explorer: messages, frames, timers and cable cuts from a given state
// on, in all orders. A state is all that decides what comes next, with moments counted from now.

import type { Actor } from "../lag/actor.ts";
import { OFF, type PortState, type Side } from "../lag/port-state.ts";
import { type Explored, explore, Fingerprint, type Model } from "./explorer.ts";
import type { Flying, LagRig, LagSystem, Sent } from "./lag-rig.ts";

/** What the explorer may do beside delivering. */
export interface ExploreOptions {
  /** Steps from the start. */
  readonly depth: number;
  /** States after which it stops, so that a test ends; `complete` tells whether it came to that. */
  readonly limit: number;
  /** How often time may go on to what is due next. */
  readonly ticks: number;
  /** How often a cable may be cut or mended, and a frame lost. */
  readonly cuts: number;
  readonly losses: number;
}

/** A state put away: numbers, and the queues, whose contents never change. */
interface Saved {
  readonly numbers: number[];
  readonly buses: Sent[][][];
  readonly wire: Flying[][][];
  readonly ticks: number;
  readonly cuts: number;
  readonly losses: number;
}

const TIMERS = [
  "currentWhile",
  "periodicTimer",
  "waitWhile",
  "actorChurnTimer",
  "partnerChurnTimer",
  "linkSince",
  "second",
] as const;
const STATES = [
  "receive",
  "periodic",
  "mux",
  "selected",
  "actorChurn",
  "partnerChurn",
  "inSecond",
] as const;
const FLAGS = ["enabled", "link", "ntt", "ready", "partnerSaysSync"] as const;
const SIDE = ["systemPriority", "system", "key", "portPriority", "port", "state"] as const;
const SENT = 3;

/** Reads and writes the rig's numbers in one fixed order; `each` gets a number, and what to store in its place. */
type Visit = (value: number, isTime: boolean) => number;

function visitSide(side: Side, visit: Visit): void {
  for (const key of SIDE) side[key] = visit(side[key], false);
}

function visitPort(port: PortState, visit: Visit): void {
  for (const key of STATES) port[key] = visit(port[key], false);
  for (const key of FLAGS) port[key] = visit(port[key] ? 1 : 0, false) === 1;
  for (const key of TIMERS) port[key] = visit(port[key], true);
  port.actor.state = visit(port.actor.state, false);
  visitSide(port.partner, visit);
  for (let n = 0; n < SENT; n++) {
    const moment = visit(port.sent[n] ?? OFF, true);
    if (moment === OFF) port.sent.length = Math.min(port.sent.length, n);
    else port.sent[n] = moment;
  }
}

function visitActor(actor: Actor, visit: Visit): void {
  for (const port of actor.ports) visitPort(port, visit);
  const { systemPriority, system, key, port } = actor.lag;
  actor.lag = {
    systemPriority: visit(systemPriority, false),
    system: visit(system, false),
    key: visit(key, false),
    port: visit(port, false),
  };
  for (const [index, choice] of actor.choice.entries()) {
    actor.choice[index] = visit(choice, false) as typeof choice;
  }
  actor.due = visit(actor.due, true);
}

function visitList(list: number[], visit: Visit, isTime = false): void {
  for (let n = 0; n < list.length; n++) list[n] = visit(list[n] as number, isTime);
}

function visitFlags(list: boolean[], visit: Visit): void {
  for (let n = 0; n < list.length; n++) list[n] = visit(list[n] === true ? 1 : 0, false) === 1;
}

function visitSystem(system: LagSystem, visit: Visit): void {
  for (const { lag, collecting, distributing } of system.cores) {
    if (lag === null) continue;
    for (const actor of lag.actors) visitActor(actor, visit);
    const { sequences, wanted, acked, pending, told, resendAt } = lag.sync;
    for (const list of [sequences, wanted, acked, pending, told]) visitList(list, visit);
    visitList(resendAt, visit, true);
    visitFlags(collecting, visit);
    visitFlags(distributing, visit);
  }
  visitList(system.withdrawn, visit);
  visitList(system.generation, visit);
  for (const list of [...system.claim, ...system.attached]) visitList(list, visit);
}

class LagModel implements Model {
  readonly #rig: LagRig;
  readonly #start: Saved;
  #ticks: number;
  #cuts: number;
  #losses: number;

  constructor(rig: LagRig, { ticks, cuts, losses }: ExploreOptions) {
    this.#rig = rig;
    this.#ticks = ticks;
    this.#cuts = cuts;
    this.#losses = losses;
    this.#start = this.save();
  }

  begin(): void {
    this.load(this.#start);
  }

  check(): void {
    this.#rig.check();
  }

  save(): Saved {
    const numbers: number[] = [this.#rig.now];
    for (const system of this.#rig.systems) {
      visitSystem(system, (value) => {
        numbers.push(value);
        return value;
      });
    }
    return {
      numbers,
      buses: this.#rig.systems.map(({ bus }) => bus.map((queue) => [...queue])),
      wire: this.#rig.wire.map((cables) => cables.map((queue) => [...queue])),
      ticks: this.#ticks,
      cuts: this.#cuts,
      losses: this.#losses,
    };
  }

  load(from: unknown): void {
    const state = from as Saved;
    let at = 1;
    this.#rig.now = state.numbers[0] as number;
    for (const [index, system] of this.#rig.systems.entries()) {
      visitSystem(system, () => state.numbers[at++] as number);
      system.bus = (state.buses[index] ?? []).map((queue) => [...queue]);
      system.drops.length = 0;
    }
    this.#rig.wire = state.wire.map((cables) => cables.map((queue) => [...queue]));
    this.#ticks = state.ticks;
    this.#cuts = state.cuts;
    this.#losses = state.losses;
  }

  key(): number {
    const print = new Fingerprint();
    for (const system of this.#rig.systems) {
      visitSystem(system, (value, isTime) => {
        print.add(isTime && value !== OFF ? value - this.#rig.now + 1_000_003 : value);
        return value;
      });
    }
    for (const { bus } of this.#rig.systems) {
      for (const queue of bus) {
        print.add(queue.length + 77);
        for (const sent of queue) {
          print.addText(sent.text);
          print.add(sent.claim * 64 + sent.generation);
        }
      }
    }
    for (const cables of this.#rig.wire) {
      for (const queue of cables) {
        print.add(queue.length + 99);
        for (const flying of queue) {
          print.addText(flying.text);
          print.add(flying.withdrawn);
        }
      }
    }
    print.add(this.#ticks * 10_000 + this.#cuts * 100 + this.#losses);
    return print.key;
  }

  actions(): string[] {
    const rig = this.#rig;
    const names: string[] = [];
    for (const [side, { bus }] of rig.systems.entries()) {
      for (const [pair, queue] of bus.entries()) {
        if (queue.length > 0) names.push(`bus ${side}.${pair}`);
      }
    }
    for (const [side, cables] of rig.wire.entries()) {
      for (const [port, queue] of cables.entries()) {
        if (queue.length === 0) continue;
        names.push(`wire ${side}.${port}`);
        if (this.#losses > 0) names.push(`lost ${side}.${port}`);
      }
    }
    if (this.#ticks > 0) names.push("time");
    if (this.#cuts > 0) for (let port = 0; port < rig.ports; port++) names.push(`cable ${port}`);
    return names;
  }

  act(action: string): void {
    const rig = this.#rig;
    const [what = "", where = "0"] = action.split(" ");
    const [first = 0, second = 0] = where.split(".").map(Number);
    if (what === "bus") rig.systems[first]?.deliver(second);
    else if (what === "wire") rig.fly(first, second);
    else if (what === "lost") {
      this.#losses--;
      rig.wire[first]?.[second]?.shift();
    } else if (what === "cable") {
      this.#cuts--;
      rig.cable(first, !rig.first.port(first).link);
    } else {
      this.#ticks--;
      rig.now = Math.max(rig.now, rig.nextDue() ?? rig.now);
      for (const { lags, master } of rig.systems) lags[master]?.expire(rig.now);
    }
  }
}

export class LagExplorer {
  readonly #rig: LagRig;
  readonly #options: ExploreOptions;

  constructor(rig: LagRig, options: ExploreOptions) {
    this.#rig = rig;
    this.#options = options;
  }

  /** Explores from the rig's present state, which is there again at the end. Throws when a promise is broken. */
  explore(): Explored {
    return explore(new LagModel(this.#rig, this.#options), this.#options);
  }
}
