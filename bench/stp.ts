// How long frames stop when a cable of a ring of three bridges with RSTP is cut, and when it comes back, at the default
// timers: Open vSwitch alone, Linkloom among two of them, and Linkloom alone, in one run. Hosts behind both ends of the
// cable ping each other every 10 ms. Needs root.
//
//   node bench/stp.ts [TRIALS] [ovs|mixed|linkloom]

import { setTimeout as delay } from "node:timers/promises";
import { withRig } from "../test/interop/rig.ts";
import { type BridgeSpec, DEFAULT_TIMERS, type Kind, Mesh } from "../test/interop/stp-rig.ts";
import { median } from "./measure.ts";

const TRIALS = Number(process.argv[2] ?? 5);
const ONLY = process.argv[3];
const LIMIT = 60_000;
/** A port sends six BPDUs at once, then one in a second (IEEE 802.1D-2004 17.13.12): each trial starts with all six. */
const CALM = 6000;
/** Longer than the gap is meant to be; a ping's answer shows its end. */
const WATCH = 2500;

const NETWORKS: Readonly<Record<string, readonly [Kind, Kind, Kind]>> = {
  ovs: ["ovs-rstp", "ovs-rstp", "ovs-rstp"],
  mixed: ["ovs-rstp", "linkloom", "ovs-rstp"],
  linkloom: ["linkloom", "linkloom", "linkloom"],
};

const bridge = (kind: Kind, index: number): BridgeSpec => ({
  kind,
  priority: 4096 * (index + 1),
  host: true,
});

/** The longest silence between two answers around `event`, in milliseconds. */
async function gap(mesh: Mesh, cable: number, event: () => Promise<void>): Promise<number> {
  const { a, b } = mesh.cables[cable] ?? { a: "", b: "" };
  const ping = mesh.rig.startPing(`h${a}`, mesh.address(b));
  await delay(500);
  await event();
  await delay(WATCH);
  return (await ping.stop()).gapMs;
}

async function measure(name: string, kinds: readonly [Kind, Kind, Kind]): Promise<void> {
  await withRig(async (rig) => {
    const specs = Object.fromEntries(kinds.map((kind, n) => [`b${n + 1}`, bridge(kind, n)]));
    // b2-b3 carries nothing: its cut stops nobody, and is not measured.
    const cables = ["b1-b2", "b3-b1", "b2-b3"];
    const mesh = await Mesh.make(rig, specs, cables, DEFAULT_TIMERS);
    await mesh.converge("the first tree", LIMIT);
    await mesh.data(LIMIT);
    const found: Record<string, number[]> = {};
    for (let trial = 0; trial < TRIALS; trial++) {
      for (const cable of [0, 1]) {
        for (const what of ["cut", "mend"] as const) {
          await delay(CALM);
          const millis = await gap(mesh, cable, () => mesh[what](cable));
          await mesh.converge(`the tree after ${what} ${cables[cable]}`, LIMIT);
          const list = found[`${what} ${cables[cable]}`] ?? [];
          found[`${what} ${cables[cable]}`] = [...list, millis];
        }
      }
    }
    for (const [what, list] of Object.entries(found)) {
      const row = {
        bridges: name,
        what,
        "median-ms": Math.round(median(list)),
        "worst-ms": Math.round(Math.max(...list)),
        trials: list.length,
      };
      process.stdout.write(`${JSON.stringify(row)}\n`);
    }
  });
}

for (const [name, kinds] of Object.entries(NETWORKS)) {
  if (ONLY === undefined || ONLY === name) await measure(name, kinds);
}
