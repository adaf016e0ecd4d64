// npm run sim: plays seeds of the simulator, or a script; a failing seed is shrunk to a short script and saved. See
// docs/simulator.md.
//
//   npm run sim                                 some seeds, each for some steps
//   npm run sim -- --seeds 1..1000 --steps 1000000
//   npm run sim -- --seeds random --seconds 60  until the time is over; prints the first seed
//   npm run sim -- --jobs 8                     in eight processes
//   npm run sim -- --script FILE                plays a saved script

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SHAPES, type Shape, type Wishes } from "../src/sim/scenario.ts";
import { FAULTS, parseScript, type Script, scriptOf } from "../src/sim/script.ts";
import { shrink } from "../src/sim/shrink.ts";
import { type Outcome, Simulator } from "../src/sim/simulator.ts";
import { ROOT } from "./files.ts";
import { playMutations } from "./mutations.ts";
import { type Played, playInProcesses, serve } from "./sim-jobs.ts";

/** What a run without options plays: some seconds. */
const SEEDS = "1..20";
const STEPS = 100_000;
/** Where scripts of failures go. */
const FAILURES = join(ROOT, ".linkloom", "sim");

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    steps: { type: "string" },
    jobs: { type: "string", default: "1" },
    serve: { type: "boolean", default: false },
    seconds: { type: "string" },
    cores: { type: "string" },
    shape: { type: "string" },
    script: { type: "string" },
    without: { type: "string" },
    mutations: { type: "boolean", default: false },
    first: { type: "boolean", default: false },
    "no-shrink": { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const HELP = `npm run sim -- [options]
  --seed N          one seed
  --seeds A..B      seeds A to B (${SEEDS}); "random" begins at a random one
  --steps S         steps of each seed (${STEPS}); a run ends with the episode in which they are reached
  --jobs N          so many processes, each of which takes the next seed (1)
  --seconds T       stops after the seed in which T seconds are over
  --cores N         cores of each appliance, instead of what the seed says
  --shape NAME      ${SHAPES.join(", ")}, instead of what the seed says
  --without A,B     leaves faults out: ${Object.keys(FAULTS).join(", ")}
  --script FILE     plays a saved script
  --mutations       plays deliberate bugs, each of which must be caught
  --first           stops at the first failure
  --no-shrink       tells failures only
  --quiet           one line in the end, and failures
`;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function range(): readonly [number, number] {
  if (values.seed !== undefined) return [Number(values.seed), Number(values.seed)];
  const text = values.seeds ?? SEEDS;
  if (text === "random") {
    const first = Math.floor(Math.random() * 2 ** 31);
    return [first, values.seconds === undefined ? first + 19 : Number.MAX_SAFE_INTEGER];
  }
  const [from = "1", to = from] = text.split("..");
  return [Number(from), Number(to)];
}

function wishes(): Wishes {
  const shape = SHAPES.find((one) => one === values.shape);
  if (values.shape !== undefined && shape === undefined)
    throw new Error(`No shape "${values.shape}"`);
  const made: { cores?: number; shape?: Shape } = {};
  if (values.cores !== undefined) made.cores = Number(values.cores);
  if (shape !== undefined) made.shape = shape;
  return made;
}

/** Plays one script and says what it came to; true when every promise held. */
function play(script: Script, steps: number): Outcome {
  const began = performance.now();
  const simulator = new Simulator(script);
  const outcome = simulator.run(steps);
  const { shape, cores } = simulator.fabric.scenario;
  const rate = Math.round((outcome.steps / (performance.now() - began)) * 1000);
  if (!values.quiet || outcome.failure !== null) {
    say(
      `seed ${script.seed}: ${shape}, ${cores} cores, ${outcome.steps} steps, ${outcome.episodes} episodes, ` +
        `${Math.round(outcome.time / 1000)} s of time, ${outcome.frames} frames, ${outcome.messages} messages, ` +
        `${outcome.repairs} repairs, ` +
        `${rate} steps/s, digest ${outcome.digest}`,
    );
  }
  return outcome;
}

/** Shrinks a failure and saves the script. */
function report(script: Script, outcome: Outcome): void {
  const { failure } = outcome;
  if (failure === null) return;
  const moment = failure.at < 0 ? "after it was mended" : `at ${failure.at}`;
  say(`  BROKEN at step ${failure.step}, episode ${failure.episode} ${moment}: ${failure.what}`);
  if (values["no-shrink"]) return;
  const shrunk = shrink(script, failure);
  const operations = shrunk.script.episodes.reduce((sum, one) => sum + one.operations.length, 0);
  mkdirSync(FAILURES, { recursive: true });
  const path = join(FAILURES, `seed-${script.seed}.txt`);
  writeFileSync(path, `# ${shrunk.failure.what.split("\n")[0]}\n${shrunk.text}`);
  say(`  shrunk to ${operations} operations in ${shrunk.runs} runs: ${path}`);
  say(`  again: npm run sim -- --script ${path}`);
}

function playSeed(seed: number): Played {
  const script = scriptOf(seed, wishes(), values.without?.split(","));
  const outcome = play(script, Number(values.steps ?? STEPS));
  report(script, outcome);
  return { seed, steps: outcome.steps, isBroken: outcome.failure !== null };
}

/** Plays seeds one after the other, or in several processes, and says what they came to together. */
async function playSeeds(): Promise<number> {
  const [from, to] = range();
  const limit = Number(values.seconds ?? Number.POSITIVE_INFINITY) * 1000;
  const began = performance.now();
  let next = from;
  let total = 0;
  const broken: number[] = [];
  const take = (): number => {
    const isOver = performance.now() - began >= limit || (values.first && broken.length > 0);
    return next > to || isOver ? -1 : next++;
  };
  const done = ({ seed, steps, isBroken }: Played): void => {
    total += steps;
    if (isBroken) broken.push(seed);
  };
  const jobs = Number(values.jobs);
  if (jobs > 1) await playInProcesses(jobs, take, done);
  else for (let seed = take(); seed >= 0; seed = take()) done(playSeed(seed));
  const rate = Math.round((total / (performance.now() - began)) * 1000);
  broken.sort((a, b) => a - b);
  say(
    `seeds ${from}..${next - 1}, ${total} steps, ${rate} steps/s, ${broken.length} broken ${broken.join(" ")}`,
  );
  return broken.length === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  if (values.help) {
    say(HELP);
    return 0;
  }
  if (values.mutations) return playMutations() ? 0 : 1;
  if (values.script !== undefined) {
    const script = parseScript(readFileSync(values.script, "utf8"));
    const outcome = play(script, Number.POSITIVE_INFINITY);
    say(outcome.failure === null ? "every promise held" : `BROKEN: ${outcome.failure.what}`);
    return outcome.failure === null ? 0 : 1;
  }
  if (values.serve) {
    serve(playSeed);
    return 0;
  }
  return await playSeeds();
}

process.exitCode = await main();
