// Plays ALL orders of two systems' messages, frames, timers and cable cuts from a given state on, breadth first, up
// to a number of steps; the rig checks its promises after each. States that were met before are not gone through
// again, and a state is all that decides what comes next, with moments counted from now.

import type { Actor } from "../lag/actor.ts";
import { OFF, type PortState, type Side } from "../lag/port-state.ts";
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

export interface Explored {
  readonly states: number;
  readonly steps: number;
  readonly depth: number;
  /** True when every order up to the depth was played. */
  readonly complete: boolean;
}

/** A state put away: numbers, and the queues, whose contents never change. */
interface Saved {
  readonly numbers: number[];
  readonly buses: Sent[][][];
  readonly wire: Flying[][][];
  readonly ticks: number;
  readonly cuts: number;
  readonly losses: number;
  /** What was done to come here, for a failure's message. */
  readonly trail: readonly string[];
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

type Costs = readonly [ticks: number, cuts: number, losses: number];
const FREE: Costs = [0, 0, 0];

export class LagExplorer {
  readonly #rig: LagRig;
  readonly #options: ExploreOptions;
  readonly #seen: Set<number> = new Set();
  #steps = 0;

  constructor(rig: LagRig, options: ExploreOptions) {
    this.#rig = rig;
    this.#options = options;
  }

  /** Explores from the rig's present state, which is there again at the end. Throws when a promise is broken. */
  explore(): Explored {
    const { depth: bound, limit, ticks, cuts, losses } = this.#options;
    const start = this.#save(ticks, cuts, losses, []);
    this.#seen.add(this.#key(start));
    let level: Saved[] = [start];
    let depth = 0;
    let complete = true;
    for (; depth < bound && level.length > 0 && complete; depth++) {
      const next: Saved[] = [];
      for (const state of level) {
        this.#expand(state, next);
        if (this.#seen.size < limit) continue;
        complete = false;
        break;
      }
      level = next;
    }
    this.#load(start);
    return { states: this.#seen.size, steps: this.#steps, depth, complete };
  }

  #save(ticks: number, cuts: number, losses: number, trail: readonly string[]): Saved {
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
      ticks,
      cuts,
      losses,
      trail,
    };
  }

  #load(state: Saved): void {
    let at = 1;
    this.#rig.now = state.numbers[0] as number;
    for (const [index, system] of this.#rig.systems.entries()) {
      visitSystem(system, () => state.numbers[at++] as number);
      system.bus = (state.buses[index] ?? []).map((queue) => [...queue]);
      system.drops.length = 0;
    }
    this.#rig.wire = state.wire.map((cables) => cables.map((queue) => [...queue]));
  }

  /** Two numbers of 26 bits in one: what a set of millions can hold, and two states meet once in 2^52. */
  #key(state: Saved): number {
    let high = 0x811c9dc5;
    let low = 0x1234567;
    const add = (value: number): void => {
      const word = (value | 0) ^ Math.imul(Math.floor(value / 2 ** 32), 0x85ebca6b);
      high = Math.imul(high ^ word, 0x01000193);
      high ^= high >>> 15;
      low = Math.imul(low + word, 0x9e3779b1);
      low ^= low >>> 13;
    };
    for (const system of this.#rig.systems) {
      visitSystem(system, (value, isTime) => {
        add(isTime && value !== OFF ? value - this.#rig.now + 1_000_003 : value);
        return value;
      });
    }
    const addText = (text: string): void => {
      add(text.length);
      for (let n = 0; n < text.length; n++) add(text.charCodeAt(n));
    };
    for (const pairs of state.buses) {
      for (const queue of pairs) {
        add(queue.length + 77);
        for (const sent of queue) {
          addText(sent.text);
          add(sent.claim * 64 + sent.generation);
        }
      }
    }
    for (const cables of state.wire) {
      for (const queue of cables) {
        add(queue.length + 99);
        for (const flying of queue) {
          addText(flying.text);
          add(flying.withdrawn);
        }
      }
    }
    add(state.ticks * 10_000 + state.cuts * 100 + state.losses);
    return (high >>> 6) * 2 ** 26 + (low >>> 6);
  }

  /** Does `action` from a state, checks, and keeps what is new. */
  #try(from: Saved, next: Saved[], name: string, costs: Costs, action: () => void): void {
    this.#load(from);
    const trail = [...from.trail, name];
    try {
      action();
      this.#rig.check();
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      throw new Error(`${what}; after ${trail.join(", ")}`, { cause: error });
    }
    this.#steps++;
    const [ticks, cuts, losses] = costs;
    const state = this.#save(from.ticks - ticks, from.cuts - cuts, from.losses - losses, trail);
    const key = this.#key(state);
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    next.push(state);
  }

  #expand(from: Saved, next: Saved[]): void {
    const rig = this.#rig;
    for (const [side, pairs] of from.buses.entries()) {
      for (const [pair, queue] of pairs.entries()) {
        if (queue.length === 0) continue;
        this.#try(from, next, `bus ${side}.${pair}`, FREE, () => rig.systems[side]?.deliver(pair));
      }
    }
    for (const [side, cables] of from.wire.entries()) {
      for (const [port, queue] of cables.entries()) {
        if (queue.length === 0) continue;
        this.#try(from, next, `wire ${side}.${port}`, FREE, () => rig.fly(side, port));
        if (from.losses === 0) continue;
        this.#try(from, next, `lost ${side}.${port}`, [0, 0, 1], () =>
          rig.wire[side]?.[port]?.shift(),
        );
      }
    }
    if (from.ticks > 0) {
      this.#try(from, next, "time", [1, 0, 0], () => {
        rig.now = Math.max(rig.now, rig.nextDue() ?? rig.now);
        for (const { lags, master } of rig.systems) lags[master]?.expire(rig.now);
      });
    }
    if (from.cuts === 0) return;
    for (let port = 0; port < rig.ports; port++) {
      this.#try(from, next, `cable ${port}`, [0, 1, 0], () =>
        rig.cable(port, !rig.first.port(port).link),
      );
    }
  }
}
