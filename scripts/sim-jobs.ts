// Plays seeds in several processes: each takes the next one when it is done with its own. What they say comes line by
// line, in the order in which seeds end.

import { type ChildProcess, fork } from "node:child_process";

/** What one seed came to. */
export interface Played {
  readonly seed: number;
  readonly steps: number;
  readonly isBroken: boolean;
}

/** A run's young objects are frames and messages: with room for them hardly any is copied. Megabytes. */
const YOUNG = 64;

/** Hands seeds out, one at a time to each of `jobs` processes, until `next` has no more (-1). */
export function playInProcesses(
  jobs: number,
  next: () => number,
  done: (played: Played) => void,
): Promise<void> {
  const execArgv = [`--min-semi-space-size=${YOUNG}`, `--max-semi-space-size=${YOUNG}`];
  const options = [...process.argv.slice(2), "--jobs", "1", "--serve"];
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child: ChildProcess = fork(process.argv[1] as string, options, { execArgv });
      let isIdle = true;
      const give = (): void => {
        const seed = next();
        isIdle = seed < 0;
        if (isIdle) child.disconnect();
        else child.send(seed);
      };
      child.on("message", (played) => {
        done(played as Played);
        give();
      });
      child.on("error", reject);
      child.on("exit", (code, signal) => {
        if (isIdle) resolve();
        else reject(new Error(`a process ended in the midst of a seed: ${signal ?? code}`));
      });
      give();
    });
  return Promise.all(Array.from({ length: jobs }, one)).then(() => undefined);
}

/** In such a process: plays what it is given until nothing more comes. */
export function serve(play: (seed: number) => Played): void {
  process.on("message", (seed) => process.send?.(play(seed as number)));
}
