// Random networks of bridges for the spanning tree rig: links between two bridges, segments that several share, links
// in parallel, old bridges among new ones, and what fails and is mended.

import { Prng } from "../lib/prng.ts";
import type { StpBridgeConfig, StpChannelConfig } from "../stp/config.ts";
import type { StpWorld } from "./stp-rig.ts";

export interface RandomOptions {
  readonly seed: number;
  /** Bridges at most, at least 2. */
  readonly bridges: number;
  /** Cores of a bridge at most. */
  readonly cores: number;
  /** Links beyond those of a tree, at most. */
  readonly extra: number;
  /** Share of segments with three bridges or more; they are not point-to-point. */
  readonly shared: number;
  /** Share of bridges that speak 802.1D-1998. */
  readonly old: number;
}

/** What was made: the segments' names. */
export interface RandomNetwork {
  readonly segments: readonly string[];
  readonly text: string;
}

interface Draft {
  readonly ports: Partial<StpChannelConfig>[];
  readonly segments: string[];
}

/** Puts a random network, all of whose bridges hang together, into a world. */
export function randomNetwork(world: StpWorld, options: RandomOptions): RandomNetwork {
  const random = new Prng(options.seed);
  const count = 2 + random.below(options.bridges - 1);
  const drafts: Draft[] = Array.from({ length: count }, () => ({ ports: [], segments: [] }));
  const segments: string[] = [];
  const attach = (bridge: number, segment: string, isShared: boolean): void => {
    const { ports, segments: own } = drafts[bridge] as Draft;
    own.push(segment);
    ports.push({
      pointToPoint: isShared ? "off" : "auto",
      cost: random.chance(0.3) ? 1 + random.below(100_000) : 0,
      priority: 16 * random.below(16),
    });
  };
  const link = (a: number, b: number): void => {
    const name = `s${segments.length}`;
    segments.push(name);
    const isShared = random.chance(options.shared);
    attach(a, name, isShared);
    attach(b, name, isShared);
    while (isShared && random.chance(0.5)) attach(random.below(count), name, true);
  };
  for (let bridge = 1; bridge < count; bridge++) link(bridge, random.below(bridge));
  for (let more = random.below(options.extra + 1); more > 0; more--) {
    link(random.below(count), random.below(count));
  }
  const lines: string[] = [];
  for (const [index, { ports, segments: own }] of drafts.entries()) {
    const name = `b${index}`;
    const bridge: Partial<StpBridgeConfig> = {
      protocol: random.chance(options.old) ? "stp" : "rstp",
      priority: random.chance(0.3) ? 4096 * random.below(16) : 32_768,
    };
    const cores = 1 + random.below(options.cores);
    const address = 0x0200_0000_0000 + 0x10000 * random.below(0xffff) + 256 * index;
    world.add({ name, address, cores, bridge, ports });
    for (const [port, segment] of own.entries()) world.plug(name, port, segment);
    lines.push(`${name} ${bridge.protocol} ${bridge.priority} x${cores} = ${own.join(" ")}`);
  }
  return { segments, text: lines.join("\n") };
}
