// The bus on its own: two threads, one ring each way. Records per second in bursts of 32, and the round trip while both
// poll.
//   npm run bench -- bus
//   node bench/bus.ts [--runs 7] [--records 20000000]

import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Arena, Planner } from "../src/lib/arena.ts";
import { planRing, RingReceiver, RingSender } from "../src/lib/ring.ts";
import { pin } from "../src/ports/linux/parking.ts";
import { median, option, report } from "./measure.ts";

const CAPACITY = 1024;
const BURST = 32;
const TRIPS = 200_000;

interface Start {
  readonly memory: unknown;
  readonly there: number;
  readonly back: number;
  readonly records: number;
}

/** The other thread: counts and checks records, then echoes each one of the round trips. */
function echo({ memory, there, back, records }: Start): void {
  pin(1);
  const arena = Arena.attach(memory);
  const receiver = new RingReceiver(arena, there, CAPACITY);
  const sender = new RingSender(arena, back, CAPACITY);
  const { view } = arena;
  let expected = 0;
  while (expected < records) {
    for (let left = receiver.available(); left > 0; left--) {
      const at = receiver.next();
      if (view.getUint32(at) !== expected) throw new Error("a record out of order");
      expected++;
    }
    receiver.release();
  }
  for (let trip = 0; trip < TRIPS; trip++) {
    while (receiver.available() === 0);
    const value = view.getUint32(receiver.next());
    receiver.release();
    view.setUint32(sender.claim(), value);
    sender.publish();
  }
  parentPort?.close();
}

async function run(records: number): Promise<{ rate: number; trip: number; slow: number }> {
  const planner = new Planner();
  const there = planRing(planner, CAPACITY);
  const back = planRing(planner, CAPACITY);
  const arena = Arena.create(planner.size);
  const start: Start = { memory: arena.memory, there, back, records };
  const worker = new Worker(new URL(import.meta.url), { workerData: start });
  const ended = new Promise((resolve, reject) => {
    worker.on("exit", resolve);
    worker.on("error", reject);
  });
  await new Promise((resolve) => worker.on("online", resolve));
  pin(0);
  const { view } = arena;
  const sender = new RingSender(arena, there, CAPACITY);
  const receiver = new RingReceiver(arena, back, CAPACITY);
  const began = performance.now();
  for (let sent = 0; sent < records; ) {
    let burst = 0;
    while (burst < BURST && sent < records) {
      const at = sender.claim();
      if (at < 0) break;
      view.setUint32(at, sent);
      view.setUint32(at + 4, burst);
      view.setFloat64(at + 8, sent);
      sent++;
      burst++;
    }
    sender.publish();
  }
  while (sender.released() !== (records | 0));
  const rate = records / (performance.now() - began) / 1000;
  const trips = new Float64Array(TRIPS);
  for (let trip = 0; trip < TRIPS; trip++) {
    const before = performance.now();
    view.setUint32(sender.claim(), trip);
    sender.publish();
    while (receiver.available() === 0);
    receiver.next();
    receiver.release();
    trips[trip] = performance.now() - before;
  }
  await ended;
  trips.sort();
  return {
    rate,
    trip: (trips[TRIPS / 2] as number) * 1000,
    slow: (trips[Math.floor(TRIPS * 0.99)] as number) * 1000,
  };
}

if (isMainThread) {
  const results: { rate: number; trip: number; slow: number }[] = [];
  for (let n = option("runs", 7); n > 0; n--)
    results.push(await run(option("records", 20_000_000)));
  report(
    "bus: records in bursts of 32",
    results.map(({ rate }) => rate),
    "million/s",
    ">= 30",
  );
  report(
    "bus: round trip, both poll, median",
    results.map(({ trip }) => trip),
    "us",
    "< 1",
  );
  report(
    "bus: round trip, both poll, 99th percentile",
    results.map(({ slow }) => slow),
    "us",
  );
  process.exitCode = median(results.map(({ rate }) => rate)) > 0 ? 0 : 1;
} else echo(workerData as Start);
