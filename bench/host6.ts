// The IPv6 side on its own: nanoseconds for a longest-prefix lookup among 50,000 routes, for
// building that table, and for one 64-byte frame forwarded (validated, routed, resolved,
// rewritten), with those routes and with a handful. Addresses are drawn from a set that is walked
// again and again, as in bench/host.ts.
//   node bench/host6.ts [--runs 5] [--routes 50000]

import { PerformanceObserver } from "node:perf_hooks";
import type { CommonConfig } from "../src/engine/config.ts";
import { HEADROOM } from "../src/engine/frame.ts";
import type { Ipv6Words, Neighbours6 } from "../src/engine/ipv6.ts";
import type { Links, Out } from "../src/engine/out.ts";
import { HOST6_DEFAULTS, type Route6Config } from "../src/host/config6.ts";
import { Host6 } from "../src/host/host6.ts";
import { Lpm6 } from "../src/host/lpm6.ts";
import { Arena } from "../src/lib/arena.ts";
import * as ethernet from "../src/wire/ethernet.ts";
import * as ipv6 from "../src/wire/ipv6.ts";
import { option, report } from "./measure.ts";

const RUNS = option("runs", 5);
const ROUTES = option("routes", 50_000);
const FRAMES = 1024;
const STRIDE = 2048;

let seed = 7;
function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed;
}

/**
 * Prefix lengths about as in the Internet's table: nearly half are /48, then /32, /44, /40, /36,
 * /29.
 */
function routes(count: number): Route6Config[] {
  const lengths = [48, 48, 48, 48, 32, 32, 44, 40, 36, 29];
  const list: Route6Config[] = [];
  while (list.length < count) {
    const prefix = lengths[(random() >>> 8) % lengths.length] as number;
    // A few hundred blocks of /20 hold what the registries gave away.
    const first = (0x2a000000 | ((random() >>> 20) << 8) | (random() >>> 24)) >>> 0;
    const to: Ipv6Words = [first, random(), 0, 0];
    const via: Ipv6Words = [0x20010db8, 0x00020000, 0, 2 + ((random() >>> 16) % 200)];
    list.push({ to, prefix, via, interface: -1 });
  }
  return list;
}

function time(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start);
}

function measureLookup(lpm: Lpm6, targets: Uint32Array, rounds: number): number {
  let sum = 0;
  const count = targets.length / 4;
  const nanos = time(() => {
    for (let round = 0; round < rounds; round++) {
      for (let at = 0; at < targets.length; at += 4) {
        sum += lpm.lookup(
          targets[at] as number,
          targets[at + 1] as number,
          targets[at + 2] as number,
          targets[at + 3] as number,
        );
      }
    }
  });
  if (sum === 0) throw new Error("nothing was found");
  return nanos / (rounds * count);
}

const config: CommonConfig = {
  ports: [],
  channels: [],
  interfaces: [0, 1].map((n) => ({
    name: `i${n}`,
    mac: 0x020000000101 + n,
    bridge: -1,
    channel: n,
    vlan: 0,
    addresses: [],
    proxyArp: false,
    mtu: 1500,
    ipv6: {
      addresses: [],
      acceptAdvertisements: false,
      autoconfigure: false,
      acceptRedirects: false,
      advertise: null,
    },
  })),
};

/** Counts what leaves, and knows every neighbour. */
class Sink implements Links, Neighbours6 {
  sent = 0;

  output(): void {
    this.sent++;
  }

  resolve(): number {
    return 0x02000000000b;
  }

  confirm(): void {}

  isReachable(): boolean {
    return true;
  }

  redirect(): void {}
}

/** A router with the routes, and a run of it over frames to `destinations` of them. */
function forwarding(list: Route6Config[], destinations: number): (frames: number) => number {
  const arena = Arena.create(FRAMES * STRIDE + 65536);
  const out = {
    core: 0,
    cores: 1,
    view: arena.view,
    bytes: arena.u8,
    drop(reason: number): void {
      throw new Error(`drop ${reason}`);
    },
  } as unknown as Out;
  const sink = new Sink();
  const host = new Host6({ ...HOST6_DEFAULTS, routes: list }, config, out, sink);
  host.attach(sink);
  host.addressUp(0, 0x20010db8, 0x00010000, 0, 1, 64, true);
  host.addressUp(1, 0x20010db8, 0x00020000, 0, 1, 64, true);
  const starts = Int32Array.from({ length: FRAMES }, (_, n) => 4096 + n * STRIDE + HEADROOM);
  const targets = Array.from(starts, (): Ipv6Words => {
    const { to } = list[random() % Math.min(destinations, list.length)] as Route6Config;
    return [to[0], to[1], random(), random()];
  });
  const from: Ipv6Words = [0x20010db8, 0x00010000, 0, 10];
  const refill = (): void => {
    for (let n = 0; n < FRAMES; n++) {
      const ip = (starts[n] as number) + ethernet.LENGTH;
      ethernet.setType(arena.view, ip - ethernet.LENGTH, ethernet.EtherType.Ipv6);
      ethernet.setDestination(arena.view, ip - ethernet.LENGTH, 0x020000000101);
      ipv6.write(arena.view, ip, from, targets[n] as Ipv6Words, 17, 10, 64);
    }
  };
  return (frames) => {
    const nanos = time(() => {
      // A frame is forwarded in place until its hops are used up: writing it anew costs a sixtieth.
      for (let n = 0; n < frames; n++) {
        if (n % (FRAMES * 60) === 0) refill();
        const start = starts[n % FRAMES] as number;
        host.deliver(0, 0, start, start + 64, 0);
      }
    });
    if (sink.sent === 0) throw new Error("nothing was forwarded");
    return nanos / frames;
  };
}

const list = routes(ROUTES);
const build: number[] = [];
let lpm = new Lpm6();
for (let run = 0; run < RUNS; run++) {
  lpm = new Lpm6();
  build.push(
    time(() => {
      for (const { to, prefix } of list) lpm.insert(...to, prefix, 1);
    }) / 1e6,
  );
}
report(`build ${ROUTES} routes`, build, "ms", "< 1000");
process.stdout.write(`table ${(lpm.bytes / 2 ** 20).toFixed(1)} MiB, ${lpm.size} routes\n`);
for (const [name, count] of [
  ["1,024 destinations", 1024],
  ["65,536 destinations", 65_536],
] as const) {
  const targets = Uint32Array.from({ length: count * 4 });
  for (let n = 0; n < count; n++)
    targets.set((list[random() % list.length] as Route6Config).to, n * 4);
  measureLookup(lpm, targets, 10);
  const figures = Array.from({ length: RUNS }, () => measureLookup(lpm, targets, 2 ** 20 / count));
  report(`lookup, ${name}`, figures, "ns");
}

let collections = 0;
const observer = new PerformanceObserver((found) => {
  collections += found.getEntries().length;
});
const whole: number[] = [];
whole.push(time(() => void forwarding(list, FRAMES)) / 1e6);
report(`start with ${ROUTES} routes`, whole, "ms");
for (const count of [8, ROUTES]) {
  const run = forwarding(list.slice(0, count), FRAMES);
  run(500_000);
  observer.observe({ entryTypes: ["gc"] });
  const figures = Array.from({ length: RUNS }, () => run(1_000_000));
  report(`forward a 64-byte frame, ${count} routes`, figures, "ns");
  // Collections are told by a task of their own.
  await new Promise((resolve) => setTimeout(resolve, 50));
  observer.disconnect();
}
process.stdout.write(`garbage collections in ${RUNS * 2} million frames: ${collections}\n`);
