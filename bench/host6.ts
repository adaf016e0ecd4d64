// The IPv6 side on its own: nanoseconds for a longest-prefix lookup among 50,000 routes, for
// building that table, and for one 64-byte frame forwarded (validated, routed, resolved,
// rewritten), with those routes and with a handful. Addresses are drawn from a set that is walked
// again and again, as in bench/host.ts.
//   node bench/host6.ts [--runs 5] [--routes 50000]

import type { Ipv6Words, Neighbours6 } from "../src/engine/ipv6.ts";
import { HOST6_DEFAULTS, type Route6Config } from "../src/host/config6.ts";
import { Host6 } from "../src/host/host6.ts";
import { Lpm6 } from "../src/host/lpm6.ts";
import * as ethernet from "../src/wire/ethernet.ts";
import * as ipv6 from "../src/wire/ipv6.ts";
import {
  FRAMES,
  random,
  reportBuilds,
  reportForwarding,
  reportLookups,
  routerConfig,
  Sink,
  Track,
  time,
} from "./forwarding.ts";
import { option, report } from "./measure.ts";

const RUNS = option("runs", 5);
const ROUTES = option("routes", 50_000);

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

class Sink6 extends Sink implements Neighbours6 {
  confirm(): void {}

  isReachable(): boolean {
    return true;
  }

  redirect(): void {}
}

/** A router with the routes, and a run of it over frames to `destinations` of them. */
function forwarding(list: Route6Config[], destinations: number): (frames: number) => number {
  const track = new Track();
  const sink = new Sink6();
  const config = routerConfig(() => ({
    ipv6: {
      addresses: [],
      acceptAdvertisements: false,
      autoconfigure: false,
      acceptRedirects: false,
      advertise: null,
    },
  }));
  const host = new Host6({ ...HOST6_DEFAULTS, routes: list }, config, track.out, sink);
  host.attach(sink);
  host.addressUp(0, 0x20010db8, 0x00010000, 0, 1, 64, true);
  host.addressUp(1, 0x20010db8, 0x00020000, 0, 1, 64, true);
  const targets = Array.from({ length: FRAMES }, (): Ipv6Words => {
    const { to } = list[random() % Math.min(destinations, list.length)] as Route6Config;
    return [to[0], to[1], random(), random()];
  });
  const from: Ipv6Words = [0x20010db8, 0x00010000, 0, 10];
  return track.runs(host, sink, ethernet.EtherType.Ipv6, (at, index) => {
    ipv6.write(track.arena.view, at, from, targets[index] as Ipv6Words, 17, 10, 64);
  });
}

function draw(count: number): Uint32Array {
  const targets = new Uint32Array(count * 4);
  for (let n = 0; n < count; n++) {
    targets.set((list[random() % list.length] as Route6Config).to, n * 4);
  }
  return targets;
}

function sum(targets: Uint32Array): number {
  let found = 0;
  for (let at = 0; at < targets.length; at += 4) {
    found += lpm.lookup(
      targets[at] as number,
      targets[at + 1] as number,
      targets[at + 2] as number,
      targets[at + 3] as number,
    );
  }
  return found;
}

const list = routes(ROUTES);
const lpm = reportBuilds(RUNS, ROUTES, () => {
  const table = new Lpm6();
  for (const { to, prefix } of list) table.insert(...to, prefix, 1);
  return table;
});
process.stdout.write(`table ${(lpm.bytes / 2 ** 20).toFixed(1)} MiB, ${lpm.size} routes\n`);
reportLookups(RUNS, 2 ** 20, "", draw, sum);
const start = time(() => void forwarding(list, FRAMES)) / 1e6;
report(`start with ${ROUTES} routes`, [start], "ms");
let collections = 0;
for (const count of [8, ROUTES]) {
  const run = forwarding(list.slice(0, count), FRAMES);
  collections += await reportForwarding(`${count} routes`, RUNS, 1_000_000, run);
}
process.stdout.write(`garbage collections in ${RUNS * 2} million frames: ${collections}\n`);
