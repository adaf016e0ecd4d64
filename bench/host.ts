// The IPv4 side on its own: nanoseconds for a longest-prefix lookup among 100,000 routes, for building that table, and
// for one 64-byte frame forwarded (validated, routed, resolved, rewritten). Addresses are drawn from a set that is
// walked again and again: few of them show the warm caches of real traffic, many the cost of memory.
//   node bench/host.ts [--runs 5] [--routes 100000]

import { PerformanceObserver } from "node:perf_hooks";
import type { CommonConfig } from "../src/engine/config.ts";
import { HEADROOM } from "../src/engine/frame.ts";
import type { Links, Out, Resolver } from "../src/engine/out.ts";
import { HOST_DEFAULTS, type RouteConfig } from "../src/host/config.ts";
import { Host } from "../src/host/host.ts";
import { Lpm } from "../src/host/lpm.ts";
import { Arena } from "../src/lib/arena.ts";
import * as ethernet from "../src/wire/ethernet.ts";
import * as ipv4 from "../src/wire/ipv4.ts";
import { option, report } from "./measure.ts";

const RUNS = option("runs", 5);
const ROUTES = option("routes", 100_000);
const FRAMES = 1024;
const STRIDE = 2048;

let seed = 7;
function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed;
}

/** Prefix lengths as in the Internet's table: most are /24, the rest /16../23, a few are hosts. */
function routes(count: number): RouteConfig[] {
  const list: RouteConfig[] = [];
  while (list.length < count) {
    const kind = random() >>> 24;
    const prefix = kind < 150 ? 24 : kind < 250 ? 16 + (random() >>> 29) : 32;
    // 11.0.0.0 to 126.255.255.255: nobody's interface and no martian.
    const to = (((11 + ((random() >>> 16) % 116)) << 24) | (random() >>> 8)) >>> 0;
    list.push({ to, prefix, via: 0xc6336402 + ((random() >>> 16) % 200), interface: -1 });
  }
  return list;
}

function time(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start);
}

function measureLookup(lpm: Lpm, targets: Uint32Array, rounds: number): number {
  let sum = 0;
  const nanos = time(() => {
    for (let round = 0; round < rounds; round++) {
      for (let n = 0; n < targets.length; n++) sum += lpm.lookup(targets[n] as number);
    }
  });
  if (sum === 0) throw new Error("nothing was found");
  return nanos / (rounds * targets.length);
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
    addresses: [{ address: n === 0 ? 0xc0000201 : 0xc6336401, prefix: 24 }],
    proxyArp: false,
    mtu: 1500,
  })),
};

/** Counts what leaves, and knows every neighbour. */
class Sink implements Links, Resolver {
  sent = 0;

  output(): void {
    this.sent++;
  }

  resolve(): number {
    return 0x02000000000b;
  }
}

/** A host with the routes, and a run of it over frames to `destinations` of them. */
function forwarding(list: RouteConfig[], destinations: number): (frames: number) => number {
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
  const host = new Host({ ...HOST_DEFAULTS, routes: list }, config, out, sink);
  host.attach(sink);
  const starts = Int32Array.from({ length: FRAMES }, (_, n) => 4096 + n * STRIDE + HEADROOM);
  const targets = starts.map(() => list[random() % Math.min(destinations, list.length)]?.to ?? 0);
  const refill = (): void => {
    for (let n = 0; n < FRAMES; n++) {
      const ip = (starts[n] as number) + ethernet.LENGTH;
      ethernet.setType(arena.view, ip - ethernet.LENGTH, ethernet.EtherType.Ipv4);
      ethernet.setDestination(arena.view, ip - ethernet.LENGTH, 0x020000000101);
      const to = (targets[n] as number) >>> 0;
      ipv4.write(arena.view, ip, 0xc000020a, to, ipv4.Protocol.Udp, 30, 64, 1);
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
let lpm = new Lpm();
for (let run = 0; run < RUNS; run++) {
  lpm = new Lpm();
  build.push(
    time(() => {
      for (const route of list) lpm.insert(route.to, route.prefix, 1 + (route.via & 255));
    }) / 1e6,
  );
}
report(`build ${ROUTES} routes`, build, "ms", "< 1000");
process.stdout.write(
  `table ${(lpm.bytes / 2 ** 20).toFixed(1)} MiB, ${lpm.prefixes.size} routes\n`,
);
for (const [name, count] of [
  ["1,024 destinations", 1024],
  ["65,536 destinations", 65_536],
] as const) {
  const targets = Uint32Array.from({ length: count }, () => list[random() % list.length]?.to ?? 0);
  measureLookup(lpm, targets, 10);
  const figures = Array.from({ length: RUNS }, () => measureLookup(lpm, targets, 2 ** 22 / count));
  report(`lookup, ${name}`, figures, "ns", count === 1024 ? "<= 10" : "");
}

let collections = 0;
const observer = new PerformanceObserver((found) => {
  collections += found.getEntries().length;
});
const run = forwarding(list, FRAMES);
run(1_000_000);
observer.observe({ entryTypes: ["gc"] });
const figures = Array.from({ length: RUNS }, () => run(2_000_000));
report(`forward a 64-byte frame, ${FRAMES} destinations`, figures, "ns");
// Collections are told by a task of their own.
await new Promise((resolve) => setTimeout(resolve, 50));
observer.disconnect();
process.stdout.write(`garbage collections in ${RUNS * 2} million frames: ${collections}\n`);
