// Makes a failing script short: first whole episodes go, then operations, by delta debugging (Zeller and Hildebrandt,
// "Simplifying and isolating failure-inducing input", 2002), then steps behind the last one that matters. A shorter
// script counts when it breaks the same promise.

import { type Episode, formatScript, type Operation, type Script } from "./script.ts";
import { type Failure, type Outcome, Simulator } from "./simulator.ts";

/** The shortest script found, and what it breaks. */
export interface Shrunk {
  readonly script: Script & { readonly episodes: readonly Episode[] };
  readonly failure: Failure;
  readonly runs: number;
  readonly text: string;
}

/** Runs after which the shortest so far is taken. Our choice: some tens of seconds. */
const MAX_RUNS = 600;

/** Plays a script; tests put planted bugs into it. */
export type Play = (script: Script) => Outcome;

const play: Play = (script) => new Simulator(script).run();

/** Items without those from..to. */
function without<T>(items: readonly T[], from: number, to: number): T[] {
  return [...items.slice(0, from), ...items.slice(to)];
}

/** Takes items away as long as `fails` says that the rest still fails: halves, then quarters, and so on. */
export function minimize<T>(items: readonly T[], fails: (rest: T[]) => boolean): T[] {
  let rest = [...items];
  for (let size = Math.ceil(rest.length / 2); size >= 1 && rest.length > 0; ) {
    let isSmaller = false;
    for (let at = rest.length; at > 0; at -= size) {
      const candidate = without(rest, Math.max(0, at - size), at);
      if (candidate.length < rest.length && fails(candidate)) {
        rest = candidate;
        isSmaller = true;
      }
    }
    if (size === 1 && !isSmaller) break;
    size = size === 1 ? 1 : Math.ceil(size / 2);
  }
  return rest;
}

class Shrinker {
  readonly #script: Script;
  readonly #play: Play;
  readonly #limit: number;
  failure: Failure;
  runs = 0;

  constructor(script: Script, failure: Failure, how: Play, limit: number) {
    this.#script = script;
    this.failure = failure;
    this.#play = how;
    this.#limit = limit;
  }

  fails(episodes: readonly Episode[]): boolean {
    if (this.runs >= this.#limit) return false;
    this.runs++;
    const { failure } = this.#play({ ...this.#script, episodes });
    if (failure === null || failure.invariant !== this.failure.invariant) return false;
    this.failure = failure;
    return true;
  }

  /** What is behind the failure does not matter. */
  cut(episodes: readonly Episode[]): Episode[] {
    const { episode, at } = this.failure;
    const last = episodes.findIndex(({ number }) => number === episode);
    const kept = episodes.slice(0, last + 1);
    const end = kept.at(-1);
    if (at < 0 || end === undefined) return kept;
    const operations = end.operations.filter((operation) => operation.at <= at);
    return [...kept.slice(0, -1), { ...end, steps: Math.min(end.steps, at + 1), operations }];
  }

  shrink(from: readonly Episode[]): Episode[] {
    let episodes = this.cut(from);
    episodes = this.cut(minimize(episodes, (rest) => rest.length > 0 && this.fails(rest)));
    for (const { number } of [...episodes]) {
      const replace = (operations: readonly Operation[]): Episode[] =>
        episodes.map((one) => (one.number === number ? { ...one, operations } : one));
      const mine = episodes.find((one) => one.number === number)?.operations ?? [];
      const kept = minimize(mine, (rest) => this.fails(replace(rest)));
      episodes = this.cut(replace(kept));
    }
    return this.#shorten(episodes);
  }

  /** Fewer steps in each episode. */
  #shorten(from: readonly Episode[]): Episode[] {
    let episodes = [...from];
    for (const [index, episode] of from.entries()) {
      const least = (episode.operations.at(-1)?.at ?? 0) + 1;
      for (const steps of [least, least + 64, least + 512, least + 2048]) {
        if (steps >= episode.steps) break;
        const shorter = episodes.map((one, n) => (n === index ? { ...one, steps } : one));
        if (!this.fails(shorter)) continue;
        episodes = shorter;
        break;
      }
    }
    return episodes;
  }
}

/** Makes the script of a failed run as short as it can. */
export function shrink(
  script: Script,
  failure: Failure,
  how: Play = play,
  limit: number = MAX_RUNS,
): Shrunk {
  const episodes: Episode[] = [];
  for (const episode of script.episodes) {
    episodes.push(episode);
    if (episode.number === failure.episode) break;
  }
  const shrinker = new Shrinker(script, failure, how, limit);
  const shortest = shrinker.shrink(episodes);
  const result = { ...script, episodes: shortest };
  return {
    script: result,
    failure: shrinker.failure,
    runs: shrinker.runs,
    text: formatScript(script, shortest),
  };
}
