// `linkloom lab`: a whole small network in one process, with no privilege. The appliance runs on its worker threads as
// it would on a machine; the stations around it are simulated in this thread, over memory ports.

import { setTimeout as delay } from "node:timers/promises";
import { Role } from "../engine/role.ts";
import type { Millis } from "../lib/units.ts";
import type { RunningAppliance } from "../runtime/appliance.ts";
import { World } from "../sim/world.ts";
import { BUNDLE_BEHAVIOUR, BUNDLE_PORTS, Bundle, bundleConfig, populateBundle } from "./bundle.ts";
import {
  FIRST_LIGHT_BEHAVIOUR,
  FIRST_LIGHT_PORTS,
  FIRST_LIGHT_STRANGERS,
  firstLightConfig,
  populateFirstLight,
} from "./first-light.ts";
import { runGateway } from "./gateway.ts";
import { Neighbourhood, type Outside } from "./neighbourhood.ts";
import { populateRing, RING_BEHAVIOUR, RING_SEGMENTS, Ring, ringConfig } from "./ring.ts";
import { type Sample, takeSample } from "./sample.ts";
import { present } from "./stage.ts";
import { COLOUR, line, PLAIN, screen, summary } from "./view.ts";

/** The labs that exist, with what they show. */
export const LABS: readonly { readonly name: string; readonly shows: string }[] = [
  {
    name: "first-light",
    shows: "64 stations in 3 VLANs around 4 cores: bridging, ARP, routing, moves and silence",
  },
  {
    name: "lacp",
    shows:
      "four cables to one switch as LA/1; the partner breaks one after the other, in seven ways",
  },
  {
    name: "ring",
    shows: "a ring of the appliance and three more bridges with RSTP; its cables are cut in turn",
  },
  {
    name: "gateway",
    shows:
      "two appliances that are one gateway by VRRP, hosts that measure their outage, cables to cut",
  },
];

/** What the command line passes. */
export interface LabOptions {
  readonly name: string;
  readonly cores: number;
  readonly seed: number;
  /** Ends by itself after so long; undefined: runs until it is told to end. */
  readonly seconds: number | undefined;
  readonly json: boolean;
  readonly output: NodeJS.WriteStream;
  readonly input: NodeJS.ReadStream;
  /** Makes a started appliance of a configuration's text. */
  readonly start: (text: string) => Promise<RunningAppliance>;
  /** Opens the control socket for `show` from another terminal; returns how to close it, or why there is none. */
  readonly serve: (
    appliance: RunningAppliance,
  ) => Promise<{ where: string; close(): Promise<void> }>;
  /** The latest events as lines. */
  readonly eventLines: (appliance: RunningAppliance, limit: number) => readonly string[];
  readonly aborted: AbortSignal;
}

/** How often the world turns: the stations' answers are this late at worst. */
const WORLD_STEP: Millis = 1;
const SCREEN_STEP: Millis = 500;
/** How long the tables may take to agree when the stations have gone quiet. */
const CALM: Millis = 2000;

/** Runs a lab to its end; the exit code: 0, or 1 when the cores' tables did not agree in the end. */
export async function runLab(options: LabOptions): Promise<number> {
  if (options.name === "gateway") return runGateway(options);
  const { config, surround } = MAKERS[options.name] ?? FIRST_LIGHT;
  const appliance = await options.start(config(options.cores));
  const neighbourhood = new Neighbourhood(appliance);
  const surroundings = surround(neighbourhood, options.seed, appliance);
  const { world, outside, calm } = surroundings;
  const served = await options.serve(appliance);
  const turning = setInterval(() => neighbourhood.turn(outside, appliance.clock.now()), WORLD_STEP);
  try {
    await watch(options, appliance, surroundings, served.where);
    calm();
    const last = await calmDown(appliance, world);
    report(options, last);
    return last.tables.every(({ equal }) => equal) ? 0 : 1;
  } finally {
    clearInterval(turning);
    await served.close();
    await appliance.stop();
  }
}

/** What surrounds the appliance, and how it comes to rest. */
interface Surroundings {
  readonly world: World;
  readonly outside: Outside;
  readonly calm: () => void;
  /** What a person may do to it: a key of the screen, or a line of words; the answer to the line. */
  readonly key?: (key: string) => void;
  readonly command?: (words: readonly string[]) => string;
  /** Said at the screen's foot. */
  readonly help?: string;
  /** Lines of how the network stands now. */
  readonly picture?: () => Promise<readonly string[]>;
}

/** How a lab's appliance is configured, and what is around it. */
interface Maker {
  readonly config: (cores: number) => string;
  readonly surround: (
    neighbourhood: Neighbourhood,
    seed: number,
    appliance: RunningAppliance,
  ) => Surroundings;
}

function makeFirstLight(neighbourhood: Neighbourhood, seed: number): Surroundings {
  const world = new World(
    FIRST_LIGHT_PORTS,
    seed,
    FIRST_LIGHT_BEHAVIOUR,
    neighbourhood.send,
    FIRST_LIGHT_STRANGERS,
  );
  populateFirstLight(world);
  return { world, outside: world, calm: () => {} };
}

function makeBundle(neighbourhood: Neighbourhood, seed: number): Surroundings {
  const { send, setLink } = neighbourhood;
  const bundle = new Bundle(seed, { toAppliance: send, setLink });
  const world = new World(BUNDLE_PORTS, seed, BUNDLE_BEHAVIOUR, bundle.send);
  bundle.world = world;
  populateBundle(world);
  return {
    world,
    outside: bundle,
    calm: () => bundle.calm(),
    key: (key) => bundle.key(key),
    command: (words) => bundle.command(words),
    help: "b breaks the next cable, m mends, ",
  };
}

function makeRing(
  neighbourhood: Neighbourhood,
  seed: number,
  appliance: RunningAppliance,
): Surroundings {
  const { send, setLink } = neighbourhood;
  const ring = new Ring(seed, { toAppliance: send, setLink });
  const world = new World(RING_SEGMENTS, seed, RING_BEHAVIOUR, ring.send);
  ring.world = world;
  populateRing(world);
  return {
    world,
    outside: ring,
    calm: () => ring.calm(),
    key: (key) => ring.key(key),
    command: (words) => ring.command(words),
    help: "c cuts the next cable, m mends, ",
    picture: async () => {
      const core = appliance.masters()[Role.Link] ?? 0;
      const rows = { kind: "rows", table: "stp", cursor: 0, limit: 64 } as const;
      // The master may leave while it is asked; the next look asks the one that follows.
      const answer = await appliance.command(core, rows).catch(() => null);
      return ring.picture(answer?.rows ?? []);
    },
  };
}

const FIRST_LIGHT: Maker = { config: firstLightConfig, surround: makeFirstLight };
const MAKERS: Readonly<Record<string, Maker>> = {
  lacp: { config: bundleConfig, surround: makeBundle },
  ring: { config: ringConfig, surround: makeRing },
};

/** Shows the lab until its time is over or somebody ends it. */
async function watch(
  options: LabOptions,
  appliance: RunningAppliance,
  { world, key, command, help, picture }: Surroundings,
  where: string,
): Promise<void> {
  let before = await takeSample(appliance, world);
  await present(options, {
    clock: appliance.clock,
    where,
    step: SCREEN_STEP,
    key,
    command,
    look: async () => {
      const last = before;
      const sample = await takeSample(appliance, world);
      const drawn = options.json ? [] : ((await picture?.()) ?? []);
      before = sample;
      return {
        json: () => sample,
        lines: () => [line(sample, last), ...drawn],
        screen: (rows) => {
          const title = `${options.name}   ${where}`;
          const style = process.env.NO_COLOR === undefined ? COLOUR : PLAIN;
          const events = options.eventLines(appliance, rows);
          return screen(title, sample, last, events, rows, style, `${help ?? ""}q quits`, drawn);
        },
      };
    },
  });
}

/** Lets the stations go quiet and waits until the cores' tables agree, as they must (or until it takes too long). */
async function calmDown(appliance: RunningAppliance, world: World): Promise<Sample> {
  world.calm();
  const until = appliance.clock.now() + CALM;
  for (;;) {
    await delay(100);
    const sample = await takeSample(appliance, world);
    const agree = sample.tables.every(({ equal }) => equal);
    if (agree || appliance.clock.now() > until) return sample;
  }
}

function report(options: LabOptions, last: Sample): void {
  const { output } = options;
  if (options.json) output.write(`${JSON.stringify({ summary: last })}\n`);
  else {
    const colour = output.isTTY && process.env.NO_COLOR === undefined;
    output.write(`${summary(last, colour ? COLOUR : PLAIN).join("\n")}\n`);
  }
}
