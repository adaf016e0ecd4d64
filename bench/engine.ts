// The whole engine on its own: cores in threads, 64-byte frames in memory, learning, VLANs and statistics on. A port
// offers frames whose headers are written anew each time from 16,384 prepared ones, and every frame sent is copied into
// the slot ring of its port, as a memory port does. The copy counts; the time that the generator alone takes for the
// same headers, measured right after, is taken off, and the rate with it is printed too. Two ports are access ports,
// two are trunks. By default frames stay in their form (untagged between access ports, tagged between trunks); with
// --retag every second frame gains or loses a tag.
//   npm run bench -- engine
//   node bench/engine.ts [--runs 5] [--frames 20000000] [--retag 1]

import { PerformanceObserver } from "node:perf_hooks";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Core } from "../src/core/core.ts";
import { initControl, type Layout, planLayout } from "../src/core/layout.ts";
import { CORE_AT, CoreCounter, DROP_AT } from "../src/engine/counter.ts";
import { DROP_NAMES } from "../src/engine/drop.ts";
import { BUFFER, HEADROOM, OFFLOAD } from "../src/engine/frame.ts";
import { Arena, Planner } from "../src/lib/arena.ts";
import type { Copy } from "../src/lib/copy.ts";
import { Prng } from "../src/lib/prng.ts";
import { pin } from "../src/ports/linux/parking.ts";
import { Batch, BURST } from "../src/ports/port.ts";
import { bridgeOnly } from "../src/sim/configs.ts";
import { median, option, report } from "./measure.ts";
import { SinkPort } from "./ports.ts";

const PORTS = 4;
/** Headers that a port offers in turn: enough to meet most stations. */
const OFFERED = 16_384;
/** Buffers that they are written into, as many as a small ring of a NIC has. */
const RING = 512;
const STRIDE = 128;
const SLOTS = 256;
const LENGTH = 64;

interface Start {
  readonly memory: unknown;
  readonly layout: Layout;
  readonly core: number;
  readonly cores: number;
  readonly stations: number;
  readonly frames: number;
  readonly at: number;
  readonly barrier: number;
  readonly retag: boolean;
}

const bytesPerCore = PORTS * (RING * STRIDE + OFFERED * 32 + SLOTS * BUFFER) + 4096;

/** Offers the same frames again and again; copies what is sent and forgets it. */
class BenchPort extends SinkPort {
  readonly #i32: Int32Array;
  readonly #copy: Copy;
  readonly #frames: number;
  readonly #templates: number;
  readonly #slots: number;
  #next = 0;
  #slot = 0;
  sent = 0;

  constructor(arena: Arena, at: number) {
    super();
    this.#i32 = arena.i32;
    this.#copy = arena.copy;
    this.#frames = at;
    this.#templates = at + RING * STRIDE;
    this.#slots = this.#templates + OFFERED * 32;
  }

  /** Writes frame `index`: a template of 18 header bytes that `receive` puts back each time. */
  prepare(view: DataView, index: number, header: readonly number[]): void {
    const at = this.#templates + index * 32;
    for (const [n, byte] of header.entries()) view.setUint8(at + n, byte);
  }

  override receive(batch: Batch): void {
    const i32 = this.#i32;
    const frames = this.#frames + HEADROOM;
    const templates = this.#templates >> 2;
    const { start, end } = batch;
    const first = this.#next;
    for (let n = 0; n < BURST; n++) {
      const at = frames + ((first + n) & (RING - 1)) * STRIDE;
      const from = templates + (first + n) * 8;
      const to = at >> 2;
      i32[to] = i32[from] as number;
      i32[to + 1] = i32[from + 1] as number;
      i32[to + 2] = i32[from + 2] as number;
      i32[to + 3] = i32[from + 3] as number;
      i32[to + 4] = i32[from + 4] as number;
      start[n] = at;
      end[n] = at + LENGTH;
    }
    if (retag) this.#clearHeaders(first);
    this.#next = (first + BURST) & (OFFERED - 1);
    batch.count = BURST;
  }

  /** The offload headers moved along with tags that were added or removed. */
  #clearHeaders(first: number): void {
    for (let n = 0; n < BURST; n++) {
      const at = this.#frames + HEADROOM + ((first + n) & (RING - 1)) * STRIDE;
      this.#i32.fill(0, (at - 12) >> 2, at >> 2);
    }
  }

  override send(batch: Batch): number {
    const { start, end, count } = batch;
    let slot = this.#slot;
    for (let n = 0; n < count; n++) {
      this.#copy((start[n] as number) - OFFLOAD, this.#slots + slot * BUFFER, end[n] as number);
      slot = (slot + 1) & (SLOTS - 1);
    }
    this.#slot = slot;
    this.sent += count;
    return count;
  }

  override pending(): boolean {
    return true;
  }
}

const retag = isMainThread ? option("retag", 0) === 1 : (workerData as Start).retag;
const vlanOf = (station: number): number => (station % 2 === 0 ? 10 : 20);
/**
 * In their form: stations of VLAN 10 sit on the access ports 0 and 1, those of VLAN 20 on the trunks 2 and 3. Retagged:
 * those of VLAN 10 on an access port and a trunk, those of VLAN 20 likewise.
 */
const portOf = (station: number): number => {
  const side = (station >> 1) & 1;
  if (!retag) return (station & 1) * 2 + side;
  return side * 2 + (station & 1);
};

function headerOf(destination: number, source: number, port: number, vlan: number): number[] {
  const mac = (station: number): number[] => [
    2,
    0x11,
    0x22,
    (station >> 16) & 255,
    (station >> 8) & 255,
    station & 255,
  ];
  const tag = port >= 2 ? [0x81, 0, 0, vlan] : [];
  return [...mac(destination), ...mac(source), ...tag, 0x88, 0xb5];
}

/** Fills a port's ring with frames from its stations to stations of the same VLAN on other ports. */
function fill(
  port: BenchPort,
  number: number,
  view: DataView,
  stations: number,
  random: Prng,
): void {
  for (let index = 0; index < OFFERED; ) {
    const source = random.below(stations);
    if (portOf(source) !== number) continue;
    const destination = random.below(stations);
    if (vlanOf(destination) !== vlanOf(source) || portOf(destination) === number) continue;
    port.prepare(view, index++, headerOf(destination, source, number, vlanOf(source)));
  }
}

/** Lets every station speak once, so that the table holds them all. */
function introduce(
  core: Core,
  ports: readonly BenchPort[],
  view: DataView,
  stations: number,
): void {
  const next = new Array<number>(PORTS).fill(0);
  const rounds = Math.ceil(stations / OFFERED) + 1;
  let station = 0;
  for (let round = 0; round < rounds * 4; round++) {
    for (let n = 0; n < OFFERED; n++) {
      const speaker = station++ % stations;
      const port = portOf(speaker);
      const header = headerOf(speaker ^ 2, speaker, port, vlanOf(speaker));
      const place = ((next[port] ?? 0) + 1) % OFFERED;
      next[port] = place;
      ports[port]?.prepare(view, place, header);
    }
    for (let n = 0; n < OFFERED / BURST; n++) core.round(round);
  }
}

async function work(start: Start): Promise<void> {
  pin(start.core);
  const arena = Arena.attach(start.memory);
  const config = bridgeOnly({ cores: start.cores, stations: start.stations, retag: start.retag });
  const ports = Array.from(
    { length: PORTS },
    (_, port) => new BenchPort(arena, start.at + port * (bytesPerCore / PORTS)),
  );
  const { layout } = start;
  const steered = ports.map(() => true);
  const core = new Core({ arena, layout, core: start.core, config, ports, steered, now: 0 });
  const random = new Prng(start.core + 1);
  introduce(core, ports, arena.view, start.stations);
  for (const [number, port] of ports.entries())
    fill(port, number, arena.view, start.stations, random);

  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  const perRound = PORTS * BURST;
  const turn = (frames: number): number => {
    const began = performance.now();
    for (let n = 0; n < frames; n += perRound) core.round(10_000);
    return performance.now() - began;
  };
  turn(3_000_000);
  // All cores begin at once: the barrier counts who is ready.
  Atomics.add(arena.i32, start.barrier >> 2, 1);
  while (Atomics.load(arena.i32, start.barrier >> 2) % start.cores !== 0);
  await new Promise((resolve) => setImmediate(resolve));
  observer.observe({ entryTypes: ["gc"] });
  const messages = core.counters[CORE_AT + CoreCounter.MessagesSent] as number;
  const flooded = core.counters[CORE_AT + CoreCounter.Flooded] as number;
  const before = ports.reduce((sum, port) => sum + port.sent, 0);
  const heap = process.memoryUsage().heapUsed;
  const cpu = process.threadCpuUsage();
  const millis = turn(start.frames);
  const used = process.threadCpuUsage(cpu);
  // The generator's own part: writing the same headers into the same buffers, and nothing else.
  const batch = new Batch(BURST);
  const alone = process.threadCpuUsage();
  const beganAlone = performance.now();
  for (let n = 0; n < start.frames; n += perRound) for (const port of ports) port.receive(batch);
  const generator = performance.now() - beganAlone;
  const usedAlone = process.threadCpuUsage(alone);
  const grown = process.memoryUsage().heapUsed - heap;
  await new Promise((resolve) => setTimeout(resolve, 50));
  observer.disconnect();
  const drops = DROP_NAMES.flatMap((name, reason) => {
    const count = core.counters[DROP_AT + reason] as number;
    return count > 0 ? [`${name} ${count}`] : [];
  });
  parentPort?.postMessage({
    rate: start.frames / (millis - generator) / 1000,
    gross: start.frames / millis / 1000,
    nanos: ((used.user + used.system - usedAlone.user - usedAlone.system) * 1000) / start.frames,
    sent: (ports.reduce((sum, port) => sum + port.sent, 0) - before) / start.frames,
    messages: (core.counters[CORE_AT + CoreCounter.MessagesSent] as number) - messages,
    flooded: (core.counters[CORE_AT + CoreCounter.Flooded] as number) - flooded,
    collections,
    grown,
    drops,
  });
}

interface Result {
  /** Million frames a second, net of the time that writing their headers takes, and with it. */
  readonly rate: number;
  readonly gross: number;
  /** CPU time per frame, net. */
  readonly nanos: number;
  readonly sent: number;
  readonly messages: number;
  readonly flooded: number;
  readonly collections: number;
  readonly grown: number;
  readonly drops: readonly string[];
}

async function run(cores: number, stations: number, frames: number): Promise<Result[]> {
  const planner = new Planner();
  const layout = planLayout(planner, cores, 16 * 1024 * 1024);
  const at = Array.from({ length: cores }, () => planner.reserve(bytesPerCore, 4096));
  const barrier = planner.reserve(128);
  const arena = Arena.create(planner.size);
  initControl(arena, layout, [0, 0], 128);
  return Promise.all(
    at.map(
      (place, core) =>
        new Promise<Result>((resolve, reject) => {
          const start: Start = {
            memory: arena.memory,
            layout,
            core,
            cores,
            stations,
            frames,
            at: place,
            retag,
            barrier,
          };
          const worker = new Worker(new URL(import.meta.url), { workerData: start });
          worker.once("message", resolve);
          worker.once("error", reject);
        }),
    ),
  );
}

async function main(): Promise<void> {
  const runs = option("runs", 5);
  const frames = option("frames", 20_000_000);
  const sizes = [option("stations", 4096), 65_536];
  for (const stations of sizes) {
    const nanos: number[] = [];
    const gross: number[] = [];
    const single: number[] = [];
    const ratio: number[] = [];
    let worst: Result[] = [];
    for (let n = 0; n < runs; n++) {
      const one = await run(1, stations, frames);
      const two = await run(2, stations, frames);
      single.push(one[0]?.rate ?? 0);
      nanos.push(one[0]?.nanos ?? 0);
      gross.push(one[0]?.gross ?? 0);
      ratio.push(two.reduce((sum, result) => sum + result.rate, 0) / (one[0]?.rate ?? 1));
      worst = [...one, ...two];
    }
    const goal = stations <= 4096 ? ">= 15" : ">= 8";
    report(`engine: one core, ${stations} stations`, single, "million frames/s", goal);
    report(`engine: the same with the generator's time`, gross, "million frames/s");
    report(`engine: CPU time per frame, ${stations} stations`, nanos, "ns");
    report(`engine: two cores over one, ${stations} stations`, ratio, "times", ">= 1.8");
    for (const result of worst) {
      process.stdout.write(
        `  last run: ${result.sent.toFixed(3)} frames sent per frame, ${result.messages} messages, ` +
          `${result.collections} collections, heap grew ${result.grown} bytes, ` +
          `drops: ${result.drops.join(", ") || "none"}\n`,
      );
    }
    if (median(single) === 0) process.exitCode = 1;
  }
}

if (isMainThread) await main();
else await work(workerData as Start);
