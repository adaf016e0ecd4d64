// Spanning tree with bridges that speak 802.1D-1998 (BR-7): the kernel's, and Open vSwitch with stp_enable. Timers are
// the shortest that the standard permits, so that a change takes eight to fourteen seconds; all networks run at a time.

import { test } from "node:test";
import { withRig } from "./rig.ts";
import { type BridgeSpec, Mesh } from "./stp-rig.ts";

type Specs = Readonly<Record<string, BridgeSpec>>;

/** Max age and twice the forward delay are 14 s. */
const LIMIT = 60_000;

const NETWORKS: readonly (readonly [
  string,
  Readonly<Record<string, BridgeSpec>>,
  readonly string[],
])[] = [
  [
    "kernel, Linkloom, kernel",
    {
      b1: { kind: "kernel", priority: 4096, host: true },
      b2: { kind: "linkloom", priority: 8192, host: true },
      b3: { kind: "kernel", priority: 12_288, host: true },
    },
    ["b1-b2", "b2-b3", "b3-b1"],
  ],
  [
    "Linkloom as root, kernel, Open vSwitch",
    {
      b1: { kind: "linkloom", priority: 4096, host: true, cores: 1 },
      b2: { kind: "kernel", priority: 8192, host: true },
      b3: { kind: "ovs-stp", priority: 12_288, host: true },
    },
    ["b1-b2", "b2-b3", "b3-b1"],
  ],
  [
    "Linkloom with protocol: stp, rapid Linkloom, kernel",
    {
      b1: { kind: "linkloom", priority: 8192, host: true, protocol: "stp" },
      b2: { kind: "kernel", priority: 4096, host: true },
      b3: { kind: "linkloom", priority: 12_288, host: true },
    },
    ["b1-b2", "b2-b3", "b3-b1"],
  ],
  [
    "a mesh of kernel, Linkloom, Open vSwitch, kernel",
    {
      b1: { kind: "kernel", priority: 4096, host: true },
      b2: { kind: "linkloom", priority: 8192, host: true },
      b3: { kind: "ovs-stp", priority: 12_288, host: true },
      b4: { kind: "kernel", priority: 16_384, host: true },
    },
    ["b1-b2", "b2-b3", "b3-b1", "b1-b4", "b2-b4", "b3-b4"],
  ],
];

test("BR-7 rings and a mesh with the kernel's bridges and Open vSwitch's STP heal after every cut and repair", async (context) => {
  const tell = (text: string): void => context.diagnostic(text);
  // One network starts after the other, and then all are played at once: most of it is waiting for timers.
  let starting: Promise<unknown> = Promise.resolve();
  const play = (what: string, specs: Specs, cables: readonly string[]): Promise<void> =>
    withRig(async (rig) => {
      const making = starting.then(() => Mesh.make(rig, specs, cables));
      starting = making.catch(() => {});
      const mesh = await making;
      const took = await mesh.converge(`the first tree of ${what}`, LIMIT);
      tell(`${what}: the first tree ${Math.round(took)} ms after the start`);
      await mesh.data(LIMIT);
      await mesh.cutAll((text) => tell(`${what}: ${text}`), LIMIT);
    });
  await Promise.all(NETWORKS.map((network) => play(...network)));
});
