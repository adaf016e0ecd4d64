// Copies within the arena, beside copyWithin on the same shared memory: CPU time of one copy by length.
//   npm run bench -- copy
//   node bench/copy.ts [--runs 5]

import { Arena } from "../src/lib/arena.ts";
import { option, report } from "./measure.ts";

const LENGTHS = [60, 128, 512, 1514, 9000, 60_000];
/** Bytes that one run moves at most. */
const BYTES = 1e9;
const COPIES = 3_000_000;
const SOURCES = 64;
const STRIDE = 2048;
const TARGETS = 1 << 20;

const arena = Arena.create(1 << 22);
const { copy, u8 } = arena;

function nanosOf(count: number, one: (n: number) => void): number {
  const before = process.cpuUsage();
  for (let n = 0; n < count; n++) one(n);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / count;
}

const runs = option("runs", 5);
for (const length of LENGTHS) {
  const count = Math.min(COPIES, Math.floor(BYTES / length));
  const ours: number[] = [];
  const builtIn: number[] = [];
  const from = (n: number): number => 4 + (n & (SOURCES - 1)) * STRIDE;
  const to = (n: number): number => TARGETS + (n & 15) * 65_536;
  for (let run = 0; run < runs; run++) {
    ours.push(nanosOf(count, (n) => copy(from(n), to(n), from(n) + length)));
    builtIn.push(nanosOf(count, (n) => u8.copyWithin(to(n), from(n), from(n) + length)));
  }
  report(`copy: ${length} bytes`, ours, "ns");
  report(`copy: ${length} bytes by copyWithin`, builtIn, "ns");
}
