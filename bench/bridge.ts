// Bridging alone: learning, VLANs, counters, one core, a sink that only counts. Every frame has fresh random stations,
// two channels are access ports and two are trunks, so three of four frames gain or lose a tag. "offer" is what writing
// the frames' headers costs by itself; "bridge" is the whole minus that.
//   node bench/bridge.ts [--runs 5] [--frames 10000000]

import { PerformanceObserver } from "node:perf_hooks";
import { Bridging } from "../src/bridge/bridging.ts";
import { BridgeCounter } from "../src/bridge/counters.ts";
import type { CommonConfig } from "../src/engine/config.ts";
import type { ChannelSink, Inside } from "../src/engine/inside.ts";
import type { Out } from "../src/engine/out.ts";
import { Arena } from "../src/lib/arena.ts";
import type { Copy } from "../src/lib/copy.ts";
import { option, report } from "./measure.ts";

const FRAMES = 2048;
const STRIDE = 128;
const LENGTH = 64;
const CHANNELS = 4;

/** An Out that does nothing but count. */
class Nowhere implements Out, ChannelSink, Inside {
  readonly core = 0;
  readonly cores = 1;
  readonly arena: Arena = Arena.create(1 << 20);
  readonly view: DataView = this.arena.view;
  readonly bytes: Uint8Array = this.arena.u8;
  readonly copy: Copy = this.arena.copy;
  sent = 0;
  dropped = 0;

  transmit(): void {
    this.sent++;
  }
  send(): boolean {
    this.sent++;
    return true;
  }
  isUp(): boolean {
    return true;
  }
  scratch(): number {
    return 4096;
  }
  hold(): number {
    return -1;
  }
  heldStart(): number {
    return -1;
  }
  heldEnd(): number {
    return -1;
  }
  release(): void {}
  master(): number {
    return 0;
  }
  draft(): number {
    return 8192;
  }
  broadcast(): void {}
  handover(): void {}
  drop(): void {
    this.dropped++;
  }
  event(): void {}
  arp(): boolean {
    return false;
  }
  deliver(): void {}
}

const names = Array.from({ length: CHANNELS }, (_, index) => `p${index}`);
const common: CommonConfig = {
  ports: names.map((name, index) => ({ name, mac: 0x020000000000 + index, mtu: 1500 })),
  channels: names.map((name, index) => ({ name, ports: [index] })),
  interfaces: [],
};

const FIRST = 16384;
let seed = 0x2545f491;

/** A station of a channel, at random: its number's last two bits are the channel. */
function station(stations: number, channel: number): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (((seed >>> 2) % stations) & ~3) | channel;
}

/** Writes a frame of a random station to a random one; returns its end. */
function offer(view: DataView, n: number, stations: number): number {
  const at = FIRST + (n & (FRAMES - 1)) * STRIDE;
  const channel = n & 3;
  const to = station(stations, (channel + 1 + ((n >>> 2) & 1)) & 3);
  view.setUint16(at, 0x0200);
  view.setInt32(at + 2, Math.imul(to, 0x9e3779b1));
  view.setUint16(at + 6, 0x0200);
  view.setInt32(at + 8, Math.imul(station(stations, channel), 0x9e3779b1));
  if (channel < 2) {
    view.setUint16(at + 12, 0x0800);
    return at + LENGTH;
  }
  view.setInt32(at + 12, 0x8100000a | 0);
  view.setUint16(at + 16, 0x0800);
  return at + LENGTH + 4;
}

const BURST = 64;
const ends = new Int32Array(BURST);

function offerBurst(view: DataView, n: number, stations: number): void {
  for (let k = 0; k < BURST; k++) ends[k] = offer(view, n + k, stations);
}

function receiveBurst(bridging: Bridging, n: number, now: number): void {
  for (let k = 0; k < BURST; k++) {
    const start = FIRST + ((n + k) & (FRAMES - 1)) * STRIDE;
    bridging.receive((n + k) & 3, start, ends[k] as number, now);
  }
}

/** Nanoseconds per frame; whole milliseconds, because a fraction in this loop would be an object per burst. */
function run(stations: number, frames: number, out: Nowhere, bridging: Bridging | null): number {
  const { view } = out;
  const before = process.hrtime.bigint();
  for (let n = 0; n < frames; n += BURST) {
    const now = n >>> 13;
    offerBurst(view, n, stations);
    if (bridging === null) continue;
    receiveBurst(bridging, n, now);
    if ((n & 0x1fff) === 0) bridging.tick(now);
  }
  return Number(process.hrtime.bigint() - before) / frames;
}

function make(slots: number, out: Nowhere): Bridging {
  return new Bridging(
    {
      bridges: [
        {
          name: "br0",
          tableSize: slots,
          probeLimit: 8,
          ageingTime: 300_000,
          ageing: "each-tells",
          learning: "broadcast",
          channels: names.map((_, channel) => ({
            channel,
            mode: channel < 2 ? ("access" as const) : ("trunk" as const),
            accessVlan: 10,
            nativeVlan: 1,
            trunkVlans: [[10, 20]] as const,
          })),
          statics: [],
        },
      ],
    },
    common,
    out,
    out,
    out,
  );
}

const runs = option("runs", 5);
const frames = option("frames", 10_000_000);
let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ["gc"] });

for (const [stations, slots, goal] of [
  [4096, 8192, "<= 35 ns"],
  [65_536, 131_072, "<= 90 ns"],
] as const) {
  const out = new Nowhere();
  const bridging = make(slots, out);
  run(stations, 2_000_000, out, null);
  run(stations, 2_000_000, out, bridging);
  await new Promise((resolve) => setTimeout(resolve, 20));
  collections = 0;
  const heap = process.memoryUsage().heapUsed;
  const idle: number[] = [];
  const busy: number[] = [];
  for (let round = 0; round < runs; round++) {
    idle.push(run(stations, frames, out, null));
    busy.push(run(stations, frames, out, bridging) - (idle.at(-1) as number));
  }
  const grown = process.memoryUsage().heapUsed - heap;
  await new Promise((resolve) => setTimeout(resolve, 20));
  const { counters } = bridging;
  report(`offer, ${stations} stations`, idle, "ns/frame");
  report(`bridge, ${stations} stations, ${slots} slots`, busy, "ns/frame", goal);
  const total = frames * runs + 2_000_000;
  const known = ((counters[BridgeCounter.Forwarded] as number) / total) * 100;
  process.stdout.write(
    `  ${known.toFixed(2)} % forwarded, ${counters[BridgeCounter.Learned]} learned, ` +
      `${counters[BridgeCounter.Evicted]} evicted, ${out.dropped} dropped, ` +
      `${collections} collections, heap ${grown} bytes in ${frames * runs} frames\n`,
  );
  if (collections > 0) process.exitCode = 1; // The packet path allocates nothing.
}
