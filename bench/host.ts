// The IPv4 side on its own: nanoseconds for a longest-prefix lookup among 100,000 routes, for building that table, and
// for one 64-byte frame forwarded (validated, routed, resolved, rewritten). Addresses are drawn from a set that is
// walked again and again: few of them show the warm caches of real traffic, many the cost of memory.
//   node bench/host.ts [--runs 5] [--routes 100000]

import { HOST_DEFAULTS, type RouteConfig } from "../src/host/config.ts";
import { Host } from "../src/host/host.ts";
import { Lpm } from "../src/host/lpm.ts";
import * as ethernet from "../src/wire/ethernet.ts";
import * as ipv4 from "../src/wire/ipv4.ts";
import {
  FRAMES,
  random,
  reportBuilds,
  reportForwarding,
  reportLookups,
  routerConfig,
  Sink,
  Track,
} from "./forwarding.ts";
import { option } from "./measure.ts";

const RUNS = option("runs", 5);
const ROUTES = option("routes", 100_000);

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

/** A host with the routes, and a run of it over frames to `destinations` of them. */
function forwarding(list: RouteConfig[], destinations: number): (frames: number) => number {
  const track = new Track();
  const sink = new Sink();
  const config = routerConfig((n) => ({
    addresses: [{ address: n === 0 ? 0xc0000201 : 0xc6336401, prefix: 24 }],
  }));
  const host = new Host({ ...HOST_DEFAULTS, routes: list }, config, track.out, sink);
  host.attach(sink);
  const targets = Uint32Array.from(
    { length: FRAMES },
    () => list[random() % Math.min(destinations, list.length)]?.to ?? 0,
  );
  return track.runs(host, sink, ethernet.EtherType.Ipv4, (at, index) => {
    const to = targets[index] as number;
    ipv4.write(track.arena.view, at, 0xc000020a, to, ipv4.Protocol.Udp, 30, 64, 1);
  });
}

const list = routes(ROUTES);
const lpm = reportBuilds(RUNS, ROUTES, () => {
  const table = new Lpm();
  for (const { to, prefix, via } of list) table.insert(to, prefix, 1 + (via & 255));
  return table;
});
process.stdout.write(
  `table ${(lpm.bytes / 2 ** 20).toFixed(1)} MiB, ${lpm.prefixes.size} routes\n`,
);
reportLookups(
  RUNS,
  2 ** 22,
  "<= 10",
  (count) => Uint32Array.from({ length: count }, () => list[random() % list.length]?.to ?? 0),
  (targets) => {
    let sum = 0;
    for (let n = 0; n < targets.length; n++) sum += lpm.lookup(targets[n] as number);
    return sum;
  },
);
const collections = await reportForwarding(
  `${FRAMES} destinations`,
  RUNS,
  2_000_000,
  forwarding(list, FRAMES),
);
process.stdout.write(`garbage collections in ${RUNS * 2} million frames: ${collections}\n`);
