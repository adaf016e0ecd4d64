// Bridge learning on several cores (BR-3, BR-4, BR-5) as a model of the explorer: two cores may learn one station on
// two channels at once, a link may go down, a ring may overflow, and time may pass, while messages wait in any order of
// their pairs. When all has arrived, every core has the same table.

import { Bridging } from "../../bridge/bridging.ts";
import { PAIRS } from "../../bridge/table.ts";
import { Channels } from "../../engine/channels.ts";
import type { Inside } from "../../engine/inside.ts";
import type { Millis } from "../../lib/units.ts";
import { bridgeFrame, rigConfig } from "../bridge-rig.ts";
import { access } from "../configs.ts";
import { Fingerprint, type Model } from "../explorer.ts";
import { LightCore, Pairs } from "./light-core.ts";

const STATION = 0x0200_0000_0001;
const FAR = 0x0200_0000_00ff;
/** A step of time: more than half an ageing period, so that two of them age an unused entry out. */
const STEP: Millis = 60;
const AGEING: Millis = 100;

/** Where the slots begin among the positions of a re-sync: behind the flushes of all, by channel, VLAN and pairs. */
const SLOTS_AT: number = 1 + 2 + 4096 + PAIRS;

/** How often things may happen. */
export interface BridgeBounds {
  readonly cores: number;
  readonly frames: number;
  readonly downs: number;
  readonly overflows: number;
  readonly times: number;
}

const INSIDE: Inside = { arp: () => false, deliver: () => {} };

export class BridgeModel implements Model {
  readonly #bounds: BridgeBounds;
  readonly #config: ReturnType<typeof rigConfig>;
  #pairs: Pairs = new Pairs(1);
  #cores: LightCore[] = [];
  #bridges: Bridging[] = [];
  #now: Millis = 0;
  #left: { frames: number; downs: number; overflows: number; times: number };
  /** For tests: changes an engine that was just made. */
  readonly #plant: (bridge: Bridging, core: number) => void;

  constructor(bounds: BridgeBounds, plant: (bridge: Bridging, core: number) => void = () => {}) {
    this.#bounds = bounds;
    this.#left = { ...bounds };
    this.#plant = plant;
    this.#config = rigConfig({
      members: [access(1), access(1)],
      bridge: { tableSize: 16, ageingTime: AGEING, moveLimit: 0 },
    });
  }

  begin(): void {
    const { cores } = this.#bounds;
    const { bridging, common } = this.#config;
    this.#left = { ...this.#bounds };
    this.#now = 1;
    this.#pairs = new Pairs(cores);
    this.#cores = Array.from({ length: cores }, (_, core) => new LightCore(this.#pairs, core));
    this.#bridges = this.#cores.map((out, core) => {
      const channels = new Channels(out, common.channels, common.ports.length);
      const bridge = new Bridging(bridging, common, out, channels, INSIDE);
      this.#plant(bridge, core);
      return bridge;
    });
  }

  actions(): string[] {
    const { cores } = this.#bounds;
    const left = this.#left;
    const names = this.#pairs.busy.map((pair) => `deliver ${pair}`);
    for (let core = 0; core < cores; core++) {
      // The cores are alike until something happened: the first two stand for all.
      if (left.frames > 0 && core < 2) names.push(`learn ${core}>0`, `learn ${core}>1`);
      if (left.downs > 0 && core === 0) names.push("down 0>0");
      if (left.overflows > 0) names.push(`overflow ${core}>${(core + 1) % cores}`);
    }
    if (left.times > 0) names.push("time");
    return names;
  }

  act(action: string): void {
    const [what = "", pair = "0>0"] = action.split(" ");
    const [first = 0, second = 0] = pair.split(">").map(Number);
    const left = this.#left;
    const now = this.#now;
    const bridge = this.#bridges[first] as Bridging;
    const core = this.#cores[first] as LightCore;
    if (what === "deliver") {
      (this.#cores[second] as LightCore).deliver(first, this.#bridges[second] as Bridging, now);
    } else if (what === "learn") {
      left.frames--;
      const start = core.scratch();
      const bytes = Uint8Array.from(bridgeFrame(FAR, STATION).match(/../g) ?? [], (byte) =>
        Number.parseInt(byte, 16),
      );
      core.bytes.set(bytes, start);
      bridge.receive(second, start, start + bytes.length, now);
    } else if (what === "down") {
      left.downs--;
      bridge.linkDown(second, now);
    } else if (what === "overflow") {
      left.overflows--;
      core.overflow(second, bridge, now);
    } else {
      left.times--;
      this.#pass(STEP);
    }
  }

  #pass(duration: Millis): void {
    this.#now += duration;
    for (const bridge of this.#bridges) bridge.tick(this.#now);
  }

  check(): void {
    for (const core of this.#cores) core.frames.length = 0;
    if (!this.#pairs.isQuiet) return;
    const digests = this.#bridges.map((bridge) => bridge.summary().digest);
    if (digests.some((digest) => digest !== digests[0])) {
      throw new Error(`the tables differ when all has arrived: ${digests.join(", ")}`);
    }
  }

  key(): number {
    const print = new Fingerprint();
    for (const bridge of this.#bridges) {
      for (const row of bridge.rows(0, 100, this.#now).rows) {
        for (const name of ["mac", "channel", "version", "age-ms"] as const)
          print.add((row[name] as number) * 128);
        print.add(Number(row["in-use"]));
      }
      const { digest, version } = bridge.summary();
      print.add(digest);
      print.add(version);
    }
    // Tombstones, as each core would send them to each; the one flush follows from what was done and delivered.
    for (const [from, core] of this.#cores.entries()) {
      for (let to = 0; to < this.#cores.length; to++) {
        if (to !== from) this.#printResync(print, core, from, to);
      }
    }
    this.#pairs.print(print);
    const { frames, downs, overflows, times } = this.#left;
    print.add(frames * 1000 + downs * 100 + overflows * 10 + times);
    return print.key;
  }

  #printResync(print: Fingerprint, core: LightCore, from: number, to: number): void {
    const queue = this.#pairs.queue(`${from}>${to}`);
    const before = queue.length;
    for (let cursor = SLOTS_AT; cursor >= 0; ) {
      cursor = (this.#bridges[from] as Bridging).resync(to, cursor, 1000);
    }
    for (const { bytes } of queue.splice(before)) {
      for (let at = 0; at < 40; at++) print.add(bytes[at] as number);
    }
    print.add(core.core);
  }

  /** Everything arrives, and all are equal. */
  peace(): void {
    for (let n = 0; !this.#pairs.isQuiet; n++) {
      if (n > 1000) throw new Error("messages without end");
      for (const pair of this.#pairs.busy) this.act(`deliver ${pair}`);
    }
    this.check();
  }
}
