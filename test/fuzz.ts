// Ten million hostile frames against a whole core: nothing throws, memory stays flat, every buffer comes back. Then
// ten million BPDUs against the spanning tree engine: its machines come to rest, and its ports recover. Then as many
// of IGMP and MLD against snooping.
//   npm run fuzz            node test/fuzz.ts [FRAMES] [SEED] [BPDUS] [REPORTS]

import { fuzz } from "./sim/hostile.ts";
import { fuzzBpdus } from "./sim/hostile-stp.ts";

const frames = Number(process.argv[2] ?? 10_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
process.stdout.write(`fuzzing ${frames} frames, seed ${seed}\n`);
const began = performance.now();
const result = fuzz(seed, frames);
const seconds = (performance.now() - began) / 1000;
process.stdout.write(
  `${result.frames} frames in ${seconds.toFixed(1)} s, ${result.sent} sent, heap grew ${(result.heapGrown / 1e6).toFixed(2)} MB\n`,
);
for (const [reason, count] of Object.entries(result.drops))
  process.stdout.write(`  ${reason.padEnd(28)}${count}\n`);
if (result.heapGrown > 4e6) {
  process.stderr.write("the heap grew: something is kept per frame\n");
  process.exitCode = 1;
}

const bpdus = Number(process.argv[4] ?? 10_000_000);
process.stdout.write(`fuzzing ${bpdus} BPDUs, seed ${seed}\n`);
const then = performance.now();
const trees = fuzzBpdus(seed, bpdus);
process.stdout.write(
  `${trees.frames} BPDUs in ${((performance.now() - then) / 1000).toFixed(1)} s, ${trees.transitions} transitions, ${trees.sent} sent, heap grew ${(trees.heapGrown / 1e6).toFixed(2)} MB\n`,
);
for (const [reason, count] of Object.entries(trees.drops))
  process.stdout.write(`  ${reason.padEnd(28)}${count}\n`);
if (trees.heapGrown > 4e6) {
  process.stderr.write("the heap grew: something is kept per BPDU\n");
  process.exitCode = 1;
}

const reports = Number(process.argv[5] ?? 10_000_000);
process.stdout.write(`fuzzing ${reports} frames of IGMP and MLD, seed ${seed}\n`);
const third = performance.now();
const groups = fuzz(seed, reports, "multicast");
process.stdout.write(
  `${groups.frames} frames in ${((performance.now() - third) / 1000).toFixed(1)} s, ${groups.sent} sent, heap grew ${(groups.heapGrown / 1e6).toFixed(2)} MB\n`,
);
for (const [reason, count] of Object.entries(groups.drops))
  process.stdout.write(`  ${reason.padEnd(28)}${count}\n`);
if (groups.heapGrown > 4e6) {
  process.stderr.write("the heap grew: something is kept per report\n");
  process.exitCode = 1;
}
