// A run of the simulator as a script: what a seed stands for, and the operations on it, episode by episode. Scripts are
// drawn from seeds, shrunk, saved as text and replayed. Operands are plain numbers that are taken modulo what there is,
// so that an operation means something whatever was taken away before it.
//
//   seed 7
//   cores 4
//   shape bundle
//   episode 0 20000        # number and steps; the numbers decide which core runs when
//     120 ping 3 5 0       # at step 120

import { Prng } from "../lib/prng.ts";
import { SHAPES, type Shape, scenarioOf, type Wishes } from "./scenario.ts";

/** What may happen to a run, with its weight in a draw: traffic first, then faults. */
export const TRAFFIC = {
  ping: 10, // host a pings host b over IPv4
  ping6: 10, // the same over IPv6
  probe: 20, // host a sends a numbered frame to host b
  flood: 3, // the same to all
  stranger: 2, // host a pings an address that nobody has, through the router
  stranger6: 2,
  announce: 1, // host a says where it is
} as const;
export const FAULTS = {
  move: 6, // host a is plugged in elsewhere
  silence: 3, // host a falls silent for b ms
  sweep: 2, // host a sends b frames from other sources
  stall: 6, // core a does not run for b ms
  hold: 6, // messages from core a to core b take c ms
  resync: 4, // core a sends table c to core b again
  role: 4, // role a goes to core b
  bucket: 12, // bucket a goes to core b
  kill: 3, // core a dies: at once, or after b more doings of its round
  leave: 1, // core a is taken out of service in good order, or put back
  cut: 4, // cable a is pulled for b ms
  lose: 5, // the next b frames of cable a are lost, in direction c
  duplicate: 3, // the next b frames of cable a come twice
  delay: 4, // the next b frames of cable a come c ms late, behind others
  breakage: 3, // the simulated switch is broken at member a in way b
  clear: 2, // an operator clears table a
} as const;
/** What else happens where hosts listen to groups. */
export const GROUP_TRAFFIC = {
  listen: 12, // host a listens to group b
  unlisten: 8, // host a leaves group b
  stream: 12, // host a sends to group b, over IPv4 or IPv6
  local: 6, // host a sends to a group that everybody gets
  crowd: 1, // host a reports b groups that nobody ever asks for again
} as const;
export type OperationName = keyof typeof TRAFFIC | keyof typeof FAULTS | keyof typeof GROUP_TRAFFIC;
export const OPERATIONS: readonly OperationName[] = [
  ...(Object.keys(TRAFFIC) as OperationName[]),
  ...(Object.keys(GROUP_TRAFFIC) as OperationName[]),
  ...(Object.keys(FAULTS) as OperationName[]),
];

/** One operation at a step of its episode. */
export interface Operation {
  readonly at: number;
  readonly name: OperationName;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** Some time of faults, after which everything is mended and must converge. */
export interface Episode {
  readonly number: number;
  readonly steps: number;
  readonly operations: readonly Operation[];
}

export interface Script {
  readonly seed: number;
  readonly wishes: Wishes;
  readonly episodes: Iterable<Episode>;
}

/** Room for operands. */
const OPERAND = 2 ** 20;
const MIN_STEPS = 4000;
const MAX_STEPS = 20_000;

/** Names by weight, as a list to pick from. */
function lottery(weights: Readonly<Record<string, number>>): OperationName[] {
  return Object.entries(weights).flatMap(([name, weight]) =>
    new Array<OperationName>(weight).fill(name as OperationName),
  );
}

/**
 * Draws the episodes of a seed, one after the other without end. A seed has some of the faults and not others (swarm
 * testing): what masks a fault is not always there.
 */
export function* drawEpisodes(
  seed: number,
  without: readonly string[] = [],
  shape: Shape = "plain",
): Generator<Episode> {
  const swarm = new Prng(seed ^ 0x5eed);
  const chosen = Object.entries(FAULTS)
    .filter(() => swarm.chance(0.65))
    .filter(([name]) => !without.includes(name));
  const faults = lottery(Object.fromEntries(chosen.length === 0 ? Object.entries(FAULTS) : chosen));
  const traffic = lottery(shape === "groups" ? { ...TRAFFIC, ...GROUP_TRAFFIC } : TRAFFIC);
  const faultGap = 40 + swarm.below(600);
  const trafficGap = 6 + swarm.below(60);
  for (let number = 0; ; number++) {
    const random = new Prng(seed * 65_537 + number + 1);
    const steps = MIN_STEPS + random.below(MAX_STEPS - MIN_STEPS);
    const operations: Operation[] = [];
    let nextFault = random.below(2 * faultGap);
    let at = 0;
    for (;;) {
      at += 1 + random.below(2 * trafficGap);
      if (at >= steps) break;
      const isFault = at >= nextFault;
      if (isFault) nextFault = at + random.below(2 * faultGap);
      const name = random.pick(isFault ? faults : traffic);
      const [a, b, c] = [random.below(OPERAND), random.below(OPERAND), random.below(OPERAND)];
      operations.push({ at, name, a, b, c });
    }
    yield { number, steps, operations };
  }
}

/** A seed's script; `without` names faults that are left out. */
export function scriptOf(
  seed: number,
  wishes: Wishes = {},
  without: readonly string[] = [],
): Script {
  const { shape } = scenarioOf(seed, wishes);
  return {
    seed,
    wishes,
    episodes: { [Symbol.iterator]: () => drawEpisodes(seed, without, shape) },
  };
}

/** The script as text. */
export function formatScript(script: Script, episodes: readonly Episode[]): string {
  const { cores, shape } = scenarioOf(script.seed, script.wishes);
  const lines = [`seed ${script.seed}`, `cores ${cores}`, `shape ${shape}`];
  for (const { number, steps, operations } of episodes) {
    lines.push(`episode ${number} ${steps}`);
    for (const { at, name, a, b, c } of operations) lines.push(`  ${at} ${name} ${a} ${b} ${c}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Reads a script; throws with the line that is not one. */
export function parseScript(text: string): Script & { readonly episodes: readonly Episode[] } {
  let seed = 1;
  let wishes: { cores?: number; shape?: Shape } = {};
  const episodes: { number: number; steps: number; operations: Operation[] }[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const words = raw.replace(/#.*/, "").trim().split(/\s+/);
    const [first = "", second = "", ...rest] = words;
    const number = Number(second);
    if (first === "") continue;
    if (first === "seed") seed = number;
    else if (first === "cores") wishes = { ...wishes, cores: number };
    else if (first === "shape" && (SHAPES as readonly string[]).includes(second)) {
      wishes = { ...wishes, shape: second as Shape };
    } else if (first === "episode") {
      episodes.push({ number, steps: Number(rest[0]), operations: [] });
    } else if (OPERATIONS.includes(second as OperationName) && episodes.length > 0) {
      const [a = 0, b = 0, c = 0] = rest.map(Number);
      const name = second as OperationName;
      episodes.at(-1)?.operations.push({ at: Number(first), name, a, b, c });
    } else throw new Error(`Line ${index + 1} of the script is no operation: "${raw.trim()}"`);
  }
  return { seed, wishes, episodes };
}
