// Spanning tree with bridges that speak 802.1D-1998 (BR-7): the kernel's, and Open vSwitch with stp_enable. Timers are
// the shortest that the standard permits, so that a change takes eight to fourteen seconds; two networks run at a time.

import { test } from "node:test";
import { withRig } from "./rig.ts";
import { type BridgeSpec, Mesh } from "./stp-rig.ts";

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
];

test("BR-7 rings with the kernel's bridges and Open vSwitch's STP heal after every cut and repair", async (context) => {
  await Promise.all(
    NETWORKS.map(([what, specs, cables]) =>
      withRig(async (rig) => {
        const mesh = await Mesh.make(rig, specs, cables);
        const took = await mesh.converge(`the first tree of ${what}`, LIMIT);
        context.diagnostic(`${what}: the first tree ${Math.round(took)} ms after the start`);
        await mesh.data(LIMIT);
        await mesh.cutAll((text) => context.diagnostic(`${what}: ${text}`), LIMIT);
      }),
    ),
  );
});
