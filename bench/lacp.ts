// How long frames stop when a member of an aggregate is cut, Linkloom and Open vSwitch side by side: each in turn
// aggregates two cables with the same partner, an Open vSwitch, in one run; a host pings through, every 10 ms, while
// the member that carries it is cut (both ends lose their link), while it comes back, and while nothing arrives on
// it any more. Needs root.
//
//   node bench/lacp.ts [TRIALS] [cut|return|blackhole]

import { setTimeout as delay } from "node:timers/promises";
import {
  blackhole,
  H2,
  type LacpOptions,
  makeCables,
  mend,
  startBond,
  startLinkloom,
  unplug,
  untilActive,
} from "../test/interop/lacp-rig.ts";
import { type Appliance, type Rig, until, withRig } from "../test/interop/rig.ts";

const OPTIONS: LacpOptions = {
  members: 2,
  cores: 2,
  active: true,
  rate: "fast",
  theirs: "active",
  theirRate: "fast",
};
const TRIALS = Number(process.argv[2] ?? 5);
const ONLY = process.argv[3];

interface Side {
  readonly name: string;
  /** Waits until so many members carry frames, as this side sees it. */
  readonly active: (count: number) => Promise<unknown>;
}

async function linkloomSide(rig: Rig): Promise<Side> {
  const appliance: Appliance = await startLinkloom(rig, OPTIONS);
  return { name: "linkloom", active: (count) => untilActive(appliance, count, 15_000) };
}

async function ovsSide(rig: Rig): Promise<Side> {
  const control = await startBond(rig, "sw", OPTIONS, "p9");
  const active = (count: number): Promise<unknown> =>
    until(
      `${count} members`,
      async () => {
        const text = await control("bond/show");
        return (text.match(/: enabled/g) ?? []).length === count;
      },
      15_000,
    );
  return { name: "open-vswitch", active };
}

/** Silence of the echo replies around an event on each member in turn; only cuts of the one that was used show. */
async function gaps(
  rig: Rig,
  side: Side,
  event: (member: number) => Promise<void>,
  wait: number,
): Promise<number[]> {
  const found: number[] = [];
  for (let trial = 0; trial < TRIALS; trial++) {
    const gap: number[] = [];
    for (const member of [0, 1]) {
      await side.active(2);
      await delay(1500);
      const ping = rig.startPing("h1", H2);
      await delay(500);
      await event(member);
      await delay(wait);
      const { gapMs } = await ping.stop();
      gap.push(gapMs);
      await mend(rig, member);
    }
    // A ping's two directions may use different members: the worse of the two cuts counts.
    found.push(Math.max(...gap));
  }
  return found.sort((a, b) => a - b);
}

/** Silence while a member that was cut comes back and takes its flows again. */
async function returns(rig: Rig, side: Side): Promise<number[]> {
  const found: number[] = [];
  for (let trial = 0; trial < TRIALS; trial++) {
    const gap: number[] = [];
    for (const member of [0, 1]) {
      await side.active(2);
      await delay(1000);
      await unplug(rig, member);
      await delay(1500);
      const ping = rig.startPing("h1", H2);
      await delay(500);
      await mend(rig, member);
      await side.active(2);
      await delay(2500);
      gap.push((await ping.stop()).gapMs);
    }
    found.push(Math.max(...gap));
  }
  return found.sort((a, b) => a - b);
}

async function measure(make: (rig: Rig) => Promise<Side>): Promise<void> {
  await withRig(async (rig) => {
    await makeCables(rig, OPTIONS.members);
    await startBond(rig, "o", OPTIONS, "e9");
    const side = await make(rig);
    await side.active(2);
    const events: readonly (readonly [string, () => Promise<number[]>])[] = [
      ["cut", () => gaps(rig, side, (member) => unplug(rig, member), 1500)],
      ["return", () => returns(rig, side)],
      ["blackhole", () => gaps(rig, side, (member) => blackhole(rig, member, "a"), 8000)],
    ];
    for (const [what, play] of events) {
      if (ONLY !== undefined && what !== ONLY) continue;
      const list = await play();
      const median = list[Math.floor(list.length / 2)] ?? 0;
      const row = {
        side: side.name,
        what,
        median: Math.round(median),
        worst: Math.round(list.at(-1) ?? 0),
        trials: list.length,
      };
      process.stdout.write(`${JSON.stringify(row)}\n`);
    }
  });
}

await measure(ovsSide);
await measure(linkloomSide);
