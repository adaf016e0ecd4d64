// What the benches of the IPv4 and the IPv6 side share: addresses drawn alike in every run, a router with two
// interfaces that knows every neighbour, and frames that it forwards in place.

import { PerformanceObserver } from "node:perf_hooks";
import type { CommonConfig, InterfaceConfig } from "../src/engine/config.ts";
import { HEADROOM } from "../src/engine/frame.ts";
import type { Links, Out } from "../src/engine/out.ts";
import { Arena } from "../src/lib/arena.ts";
import type { Offset } from "../src/lib/units.ts";
import * as ethernet from "../src/wire/ethernet.ts";
import { report } from "./measure.ts";

/** Frames that are forwarded in turn, each in a slot of its own. */
export const FRAMES = 1024;
const STRIDE = 2048;
/** Addresses that are looked up in turn: few of them show warm caches, many the cost of memory. */
const DESTINATIONS = [1024, 65_536] as const;
const OWN_MAC = 0x020000000101;

let seed = 7;
export function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed;
}

/** Nanoseconds. */
export function time(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start);
}

/** Two interfaces, each on a channel of its own. */
export function routerConfig(extra: (index: number) => Partial<InterfaceConfig>): CommonConfig {
  const interfaces = [0, 1].map((n) => ({
    name: `i${n}`,
    mac: OWN_MAC + n,
    bridge: -1,
    channel: n,
    vlan: 0,
    addresses: [],
    proxyArp: false,
    mtu: 1500,
    ...extra(n),
  }));
  return { ports: [], channels: [], interfaces };
}

/** Counts what leaves, and knows every neighbour. */
export class Sink implements Links {
  sent = 0;

  output(): void {
    this.sent++;
  }

  resolve(): number {
    return 0x02000000000b;
  }
}

/** The core that the router is on, and the frames. */
export class Track {
  readonly arena: Arena = Arena.create(FRAMES * STRIDE + 65536);
  readonly out: Out = {
    core: 0,
    cores: 1,
    view: this.arena.view,
    bytes: this.arena.u8,
    drop(reason: number): void {
      throw new Error(`drop ${reason}`);
    },
  } as unknown as Out;
  readonly #starts = Int32Array.from({ length: FRAMES }, (_, n) => 4096 + n * STRIDE + HEADROOM);

  /** Nanoseconds a frame, for so many; `write` puts the n-th IP header back. */
  runs(
    host: { deliver(iface: number, channel: number, start: Offset, end: Offset, now: 0): void },
    sink: Sink,
    type: number,
    write: (at: Offset, index: number) => void,
  ): (frames: number) => number {
    const { view } = this.arena;
    const starts = this.#starts;
    const refill = (): void => {
      for (const [index, start] of starts.entries()) {
        ethernet.setType(view, start, type);
        ethernet.setDestination(view, start, OWN_MAC);
        write(start + ethernet.LENGTH, index);
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
}

/** Measures how long a table takes to build; returns the last one. */
export function reportBuilds<T>(runs: number, count: number, build: () => T): T {
  const times: number[] = [];
  let table = build();
  for (let run = 0; run < runs; run++) {
    times.push(time(() => (table = build())) / 1e6);
  }
  report(`build ${count} routes`, times, "ms", "< 1000");
  return table;
}

/**
 * Measures lookups. `targets` draws so many addresses; `sum` looks all of them up and adds up what it finds, so that
 * nothing is left out.
 */
export function reportLookups(
  runs: number,
  lookups: number,
  goal: string,
  targets: (count: number) => Uint32Array,
  sum: (targets: Uint32Array) => number,
): void {
  for (const count of DESTINATIONS) {
    const drawn = targets(count);
    const measure = (rounds: number): number => {
      let found = 0;
      const nanos = time(() => {
        for (let round = 0; round < rounds; round++) found += sum(drawn);
      });
      if (found === 0) throw new Error("nothing was found");
      return nanos / (rounds * count);
    };
    measure(10);
    const figures = Array.from({ length: runs }, () => measure(lookups / count));
    const name = `lookup, ${count.toLocaleString("en")} destinations`;
    report(name, figures, "ns", count === DESTINATIONS[0] ? goal : "");
  }
}

/** Measures forwarding by runs of so many frames, once warm; returns the garbage collections meanwhile. */
export async function reportForwarding(
  what: string,
  runs: number,
  frames: number,
  run: (frames: number) => number,
): Promise<number> {
  let collections = 0;
  const observer = new PerformanceObserver((found) => {
    collections += found.getEntries().length;
  });
  run(frames / 2);
  observer.observe({ entryTypes: ["gc"] });
  const figures = Array.from({ length: runs }, () => run(frames));
  report(`forward a 64-byte frame, ${what}`, figures, "ns");
  // Collections are told by a task of their own.
  await new Promise((resolve) => setTimeout(resolve, 50));
  observer.disconnect();
  return collections;
}
