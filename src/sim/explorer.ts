// Plays ALL orders of what may happen to a small product of machines, breadth first, up to a number of steps: messages
// and frames arrive in any order that their queues allow, timers run, faults come as often as their bounds say. The
// model checks its promises after each step. A state that was met before is not gone through again.
//
// A model either can take its whole state and put it back (`save`, `load`), or it is made anew and led there again by
// what was done (`begin`): engines with private state need no door for the explorer then.

/** What is explored. Everything must follow from what was done: no clock, no chance. */
export interface Model {
  /** Puts everything to the beginning. */
  begin(): void;
  /** What may be done now, by name, in one order. */
  actions(): string[];
  /** Does one of them. */
  act(action: string): void;
  /** Throws when a promise is broken. */
  check(): void;
  /** A number of at most 53 bits that two states share only when they go on alike. */
  key(): number;
  /** Lets all end well from here, and throws when it does not. May leave the model anywhere. */
  peace?(): void;
  /** The state, to be put back by `load`; without it, states are reached again by their actions. */
  save?(): unknown;
  load?(state: unknown): void;
}

export interface ExploreBounds {
  /** Steps from the beginning. */
  readonly depth: number;
  /** States after which it stops, so that a test ends; `complete` tells whether it came to that. */
  readonly limit: number;
}

export interface Explored {
  readonly states: number;
  readonly steps: number;
  readonly depth: number;
  /** True when every order up to the depth was played. */
  readonly complete: boolean;
}

/** A promise was broken: how one comes there. */
export class Counterexample extends Error {
  readonly trail: readonly string[];

  constructor(what: string, options: { cause: unknown }, trail: readonly string[]) {
    super(`${what}; after ${trail.join(", ")}`, options);
    this.trail = trail;
  }
}

/** Makes a key of numbers and texts: two times 26 bits, so that two states among millions meet once in 2^52. */
export class Fingerprint {
  #high: number = 0x811c9dc5 | 0;
  #low = 0x1234567;

  add(value: number): void {
    const word = (value | 0) ^ Math.imul(Math.floor(value / 2 ** 32), 0x85ebca6b);
    this.#high = Math.imul(this.#high ^ word, 0x01000193);
    this.#high ^= this.#high >>> 15;
    this.#low = Math.imul(this.#low + word, 0x9e3779b1);
    this.#low ^= this.#low >>> 13;
  }

  addText(text: string): void {
    this.add(text.length);
    for (let n = 0; n < text.length; n++) this.add(text.charCodeAt(n));
  }

  get key(): number {
    return (this.#high >>> 6) * 2 ** 26 + (this.#low >>> 6);
  }
}

/** A state that waits to be gone on from. */
interface Open {
  readonly state: unknown;
  readonly trail: readonly string[];
}

class Search {
  readonly #model: Model;
  readonly #bounds: ExploreBounds;
  readonly #seen: Set<number> = new Set();
  steps = 0;

  constructor(model: Model, bounds: ExploreBounds) {
    this.#model = model;
    this.#bounds = bounds;
  }

  run(): Explored {
    const model = this.#model;
    model.begin();
    const start = this.#open([]);
    this.#seen.add(model.key());
    let level: Open[] = [start];
    let depth = 0;
    let complete = true;
    for (; depth < this.#bounds.depth && level.length > 0 && complete; depth++) {
      const next: Open[] = [];
      for (const from of level) {
        this.#expand(from, next);
        if (this.#seen.size < this.#bounds.limit) continue;
        complete = false;
        break;
      }
      level = next;
    }
    this.#reach(start);
    return { states: this.#seen.size, steps: this.steps, depth, complete };
  }

  #open(trail: readonly string[]): Open {
    return { state: this.#model.save?.(), trail };
  }

  #reach({ state, trail }: Open): void {
    const model = this.#model;
    if (model.load !== undefined) {
      model.load(state);
      return;
    }
    model.begin();
    for (const action of trail) model.act(action);
  }

  #expand(from: Open, next: Open[]): void {
    this.#reach(from);
    for (const action of this.#model.actions()) {
      const trail = [...from.trail, action];
      this.#reach(from);
      try {
        this.#try(action, trail, next);
      } catch (error) {
        const what = error instanceof Error ? error.message : String(error);
        throw new Counterexample(what, { cause: error }, trail);
      }
    }
  }

  #try(action: string, trail: readonly string[], next: Open[]): void {
    const model = this.#model;
    model.act(action);
    model.check();
    this.steps++;
    const key = model.key();
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    next.push(this.#open(trail));
    model.peace?.();
  }
}

/** Explores a model from its beginning, which is there again at the end. Throws a Counterexample. */
export function explore(model: Model, bounds: ExploreBounds): Explored {
  return new Search(model, bounds).run();
}
