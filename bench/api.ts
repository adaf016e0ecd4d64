// What reading the tables costs the cores: one core forwards 64-byte frames between two ports as fast as it can, with
// 65,536 stations in its table, while a client reads every table over the API again and again, and once a second. The
// core runs on a CPU of its own, as it would on a machine with more; the server and the client share another.
// A machine that others use too is now fast, now slow, so that two long measurements say nothing about a few per cent.
// Here short windows with and without a reader alternate, which comes first changes, and the median of the pairs'
// ratios counts.
//   npm run bench -- api
//   node bench/api.ts [--pairs 40] [--window 300]

import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  isMainThread,
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
  workerData,
} from "node:worker_threads";
import { serve } from "../src/api/server.ts";
import type { Appliance, CoreCommand } from "../src/control/appliance-port.ts";
import { FakeAppliance } from "../src/control/fake-appliance.ts";
import { Core } from "../src/core/core.ts";
import { initControl, type Layout, planLayout } from "../src/core/layout.ts";
import { CORE_AT } from "../src/engine/counter.ts";
import { Arena, Planner } from "../src/lib/arena.ts";
import { pin } from "../src/ports/linux/parking.ts";
import { type Batch, BURST } from "../src/ports/port.ts";
import { Commands } from "../src/runtime/commands.ts";
import { bridgeOnly } from "../src/sim/configs.ts";
import { median, option, report } from "./measure.ts";
import { SinkPort } from "./ports.ts";

const STATIONS = 65_536;
const STRIDE = 128;
const LENGTH = 64;
/** Headers that are offered in turn. */
const OFFERED = 8192;
/** Where the rate is, beside the words that the cores share: frames so far, and a flag to stop. */
const FRAMES = 0;
const STOP = 1;
const WAITING = 2;
/** CPU time of the core's thread, in microseconds. */
const CPU = 3;
/** What of it went into answers. */
const ANSWERS = 4;

interface Start {
  readonly memory: unknown;
  readonly layout: Layout;
  readonly at: number;
  readonly words: Int32Array;
  readonly mailbox: MessagePort;
}

/** Offers frames of its stations to those of the other port; what is sent is forgotten. */
class LoopPort extends SinkPort {
  readonly #view: DataView;
  readonly #at: number;
  readonly #side: number;
  #next = 0;
  #station = 0;
  introducing = true;

  constructor(arena: Arena, at: number, side: number) {
    super();
    this.#view = arena.view;
    this.#at = at;
    this.#side = side;
  }

  override receive(batch: Batch): void {
    for (let n = 0; n < BURST; n++) {
      const at = this.#at + ((this.#next + n) & 511) * STRIDE + 64;
      const turn = this.#station;
      // Stations of one side are even, those of the other odd.
      const own = ((turn * 2) % STATIONS) + this.#side;
      const other = (((turn * 2 + 7919 * 2) % STATIONS) + 1 - this.#side) % STATIONS;
      this.#view.setUint16(at, 0x0211);
      this.#view.setUint32(at + 2, other);
      this.#view.setUint16(at + 6, 0x0211);
      this.#view.setUint32(at + 8, own);
      this.#view.setUint16(at + 12, 0x88b5);
      this.#station = (turn + 1) % (this.introducing ? STATIONS / 2 : OFFERED);
      batch.start[n] = at;
      batch.end[n] = at + LENGTH;
    }
    this.#next = (this.#next + BURST) & 511;
    batch.count = BURST;
  }

  override pending(): boolean {
    return true;
  }
}

function work({ memory, layout, at, words, mailbox }: Start): void {
  pin(1);
  const arena = Arena.attach(memory);
  const config = bridgeOnly({ cores: 1, stations: STATIONS, retag: false });
  const ports = [0, 1].map((side) => new LoopPort(arena, at + side * 512 * STRIDE, side));
  const quiet = config.common.ports.slice(2).map(() => new SinkPort());
  const all = [...ports, ...quiet];
  const core = new Core({
    arena,
    layout,
    core: 0,
    config,
    ports: all,
    steered: all.map(() => true),
    now: 0,
  });
  const commands = new Commands(core, () => {});
  for (let n = 0; n < STATIONS / BURST; n++) core.round(n);
  for (const port of ports) port.introducing = false;
  for (let n = 0; n < 20_000; n++) core.round(5000);
  mailbox.postMessage({ ready: true });
  const began = performance.now();
  let rounds = 0;
  while (Atomics.load(words, STOP) === 0) {
    core.round(5000 + performance.now() - began);
    if (++rounds % 256 === 0) {
      const { user, system } = process.threadCpuUsage();
      Atomics.store(words, CPU, (user + system) | 0);
      Atomics.store(words, FRAMES, (core.counters[CORE_AT] as number) | 0);
    }
    if (Atomics.load(words, WAITING) === 0) continue;
    Atomics.store(words, WAITING, 0);
    const cpu = process.threadCpuUsage();
    for (;;) {
      const asked = receiveMessageOnPort(mailbox) as
        | { message: { id: number; command: CoreCommand } }
        | undefined;
      if (asked === undefined) break;
      const { id, command } = asked.message;
      const answer = commands.run(command, 5000 + performance.now() - began);
      mailbox.postMessage({ id, answer });
    }
    const used = process.threadCpuUsage(cpu);
    Atomics.add(words, ANSWERS, used.user + used.system);
  }
  mailbox.close();
}

/** Reads one object whole; its bytes. */
function read(socketPath: string, object: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: `/api/v1/${object}` }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on("end", () => resolve(bytes));
      response.on("error", reject);
    });
    asked.on("error", reject).end();
  });
}

/** The core's thread, seen as an appliance. */
async function startCore(words: Int32Array): Promise<{ appliance: Appliance; close: () => void }> {
  const planner = new Planner();
  const layout = planLayout(planner, 1, 64 * 1024 * 1024);
  const at = planner.reserve(2 * 512 * STRIDE + 4096, 4096);
  const arena = Arena.create(planner.size);
  initControl(arena, layout, [0, 0], 128);
  const { port1, port2 } = new MessageChannel();
  const start: Start = { memory: arena.memory, layout, at, words, mailbox: port2 };
  const worker = new Worker(new URL(import.meta.url), { workerData: start, transferList: [port2] });
  worker.once("error", (error) => {
    throw error;
  });
  const waiting = new Map<number, (answer: unknown) => void>();
  let next = 0;
  await new Promise<void>((ready) => {
    port1.on("message", (reply: { ready?: true; id?: number; answer?: unknown }) => {
      if (reply.ready === true) ready();
      else waiting.get(reply.id ?? -1)?.(reply.answer);
    });
  });
  const appliance = new FakeAppliance("cores: {count: 1}");
  const states = appliance.cores().map((status) => ({ ...status, load: 1 }));
  appliance.cores = () => states;
  appliance.config = bridgeOnly({ cores: 1, stations: STATIONS, retag: false });
  appliance.command = ((_core: number, command: CoreCommand) =>
    new Promise<unknown>((resolve) => {
      const id = next++;
      waiting.set(id, (answer) => {
        waiting.delete(id);
        resolve(answer);
      });
      port1.postMessage({ id, command });
      Atomics.store(words, WAITING, 1);
    })) as unknown as Appliance["command"];
  return { appliance, close: () => port1.close() };
}

const TABLES = ["bridge", "arp", "nd", "coherence", "drops", "bus", "ports", "cores"];

async function main(): Promise<void> {
  const pairs = option("pairs", 40);
  const window = option("window", 300);
  pin(0);
  const words = new Int32Array(new SharedArrayBuffer(64));
  const { appliance, close } = await startCore(words);
  const folder = mkdtempSync(join(tmpdir(), "linkloom-bench-"));
  const server = await serve({ appliance, socket: join(folder, "api.sock") });

  /** Million frames in a second of the core's CPU time while `doing` goes on: what others do here is left out. */
  const rateWhile = async (doing: () => Promise<void>): Promise<[rate: number, share: number]> => {
    let going = true;
    const done = (async (): Promise<void> => {
      while (going) await doing();
    })();
    await delay(30);
    const first = Atomics.load(words, FRAMES);
    const cpu = Atomics.load(words, CPU);
    const answers = Atomics.load(words, ANSWERS);
    await delay(window);
    const frames = (Atomics.load(words, FRAMES) - first) >>> 0;
    const used = (Atomics.load(words, CPU) - cpu) >>> 0;
    const share = ((Atomics.load(words, ANSWERS) - answers) >>> 0) / used;
    going = false;
    await done;
    return [frames / used, share];
  };
  const nothing = (): Promise<void> => delay(20);
  let bytes = 0;
  const took: number[] = [];
  const everything = async (): Promise<void> => {
    const began = performance.now();
    bytes = 0;
    for (const table of TABLES) bytes += await read(server.socket, table);
    took.push((performance.now() - began) / 1000);
  };
  await everything();
  took.length = 0;
  const alone: number[] = [];
  const costs: number[] = [];
  const shares: number[] = [];
  for (let n = 0; n < pairs; n++) {
    // Reading first, then not, and the other way round: what drifts cancels.
    const readsFirst = n % 2 === 0;
    const [one, oneShare] = await rateWhile(readsFirst ? everything : nothing);
    const [two, twoShare] = await rateWhile(readsFirst ? nothing : everything);
    const [during, free] = readsFirst ? [one, two] : [two, one];
    alone.push(free);
    costs.push((1 - during / free) * 100);
    shares.push((readsFirst ? oneShare : twoShare) * 100);
  }
  report("api: one core forwards, nobody reads", alone, "million frames/s");
  const sorted = [...costs].sort((one, two) => one - two);
  const quartile = (part: number): string =>
    (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(1);
  report("api: cost of reading all tables without a pause", [median(costs)], "%", "< 5");
  process.stdout.write(
    `  median of ${pairs} pairs of ${window} ms; a quarter below ${quartile(0.25)} %, a quarter above ${quartile(0.75)} %\n`,
  );
  report("api: share of the core's time in answers meanwhile", [median(shares)], "%", "< 5");
  report("api: one reading of all tables takes", took, "s");
  process.stdout.write(`  ${(bytes / 1e6).toFixed(1)} MB of JSON a reading\n`);
  Atomics.store(words, STOP, 1);
  await server.close();
  rmSync(folder, { recursive: true });
  close();
  if (Number.isNaN(median(alone))) process.exitCode = 1;
}

if (isMainThread) await main();
else work(workerData as Start);
