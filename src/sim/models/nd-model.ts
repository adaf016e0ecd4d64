// A neighbour's machine that goes with its bucket (ND-2) as a model of the explorer: a core misses an address, its
// bucket moves and every core sees that at a moment of its own, messages wait, answers land on any core, time passes.
// The right to run the machine is never on two cores, nor on one and under way; in the end one core runs it, or none
// knows.

import type { CommonConfig } from "../../engine/config.ts";
import type { Ipv6Words } from "../../engine/ipv6.ts";
import { Message } from "../../engine/message.ts";
import type { Millis } from "../../lib/units.ts";
import { ND_DEFAULTS, type OwnerVariant } from "../../nd/config.ts";
import { Nd, NOTHING_LEARNED } from "../../nd/nd.ts";
import * as wire from "../../wire/nd.ts";
import { Fingerprint, type Model } from "../explorer.ts";
import { LightCore, Pairs } from "./light-core.ts";

const MAC = 0x0200_0000_ff01;
const HOST_MAC = 0x0200_0001_0001;
const OWN: Ipv6Words = [0x2001_0db8, 0, 0, 1];
const HOST: Ipv6Words = [0x2001_0db8, 0, 0x0200_01ff, 0x10001];
const BUCKET = 1;
/** Solicited and overriding. */
const ANSWER = 0x60;

const COMMON: CommonConfig = {
  ports: [{ name: "p0", mac: 1, mtu: 1500 }],
  channels: [{ name: "p0", ports: [0] }],
  interfaces: [
    {
      name: "vlan10",
      mac: MAC,
      bridge: 0,
      channel: -1,
      vlan: 10,
      addresses: [],
      proxyArp: false,
      mtu: 1500,
      ipv6: {
        addresses: [{ address: OWN, prefix: 64 }],
        acceptAdvertisements: false,
        autoconfigure: false,
        acceptRedirects: false,
        advertise: null,
      },
    },
  ],
};

/** How often things may happen. */
export interface NdBounds {
  readonly cores: number;
  readonly owner: OwnerVariant;
  readonly misses: number;
  readonly moves: number;
  readonly answers: number;
  readonly times: number;
}

export class NdModel implements Model {
  readonly #bounds: NdBounds;
  readonly #plant: (nd: Nd, core: number) => void;
  #pairs: Pairs = new Pairs(1);
  #cores: LightCore[] = [];
  #nds: Nd[] = [];
  #maps: Uint8Array[] = [];
  /** Where the bucket is to be. */
  #home = BUCKET;
  #now: Millis = 0;
  #left: { misses: number; moves: number; answers: number; times: number };

  constructor(bounds: NdBounds, plant: (nd: Nd, core: number) => void = () => {}) {
    this.#bounds = bounds;
    this.#left = { ...bounds };
    this.#plant = plant;
  }

  begin(): void {
    const { cores, owner } = this.#bounds;
    this.#left = { ...this.#bounds };
    this.#now = 0;
    this.#home = BUCKET % cores;
    this.#pairs = new Pairs(cores);
    this.#cores = Array.from({ length: cores }, (_, core) => new LightCore(this.#pairs, core));
    const config = { ...ND_DEFAULTS, owner, dadTransmits: 0, maxEntries: 4, maxPending: 4 };
    this.#maps = this.#cores.map(() => Uint8Array.from({ length: 128 }, (_, n) => n % cores));
    this.#nds = this.#cores.map((out, core) => {
      const nd = new Nd(
        { ...config, waitingFrames: 8 },
        COMMON,
        out,
        { output: () => {} },
        { resolved: () => {}, failed: () => {} },
        NOTHING_LEARNED,
        { map: this.#maps[core] as Uint8Array, bucketOf: (_a, _b, _c, d) => d & 127 },
      );
      this.#plant(nd, core);
      return nd;
    });
    this.#settle();
  }

  actions(): string[] {
    const { cores } = this.#bounds;
    const left = this.#left;
    const names = this.#pairs.busy.map((pair) => `deliver ${pair}`);
    const isSeen = this.#maps.every((map) => map[BUCKET] === this.#home);
    for (let core = 0; core < cores; core++) {
      if (left.misses > 0) names.push(`miss ${core}>0`);
      if (left.answers > 0) names.push(`answer ${core}>0`);
      // Steering moves a bucket on when every core has seen the last move.
      if (left.moves > 0 && isSeen && core !== this.#home) names.push(`move ${core}>0`);
      if (this.#maps[core]?.[BUCKET] !== this.#home) names.push(`see ${core}>0`);
    }
    // Moves and messages that take longer than the deadlines are a dead core's, not this model's.
    if (left.times > 0 && isSeen && this.#pairs.isQuiet) names.push("time");
    return names;
  }

  act(action: string): void {
    const [what = "", pair = "0>0"] = action.split(" ");
    const [first = 0, second = 0] = pair.split(">").map(Number);
    const left = this.#left;
    const now = this.#now;
    const nd = this.#nds[first] as Nd;
    if (what === "deliver") {
      (this.#cores[second] as LightCore).deliver(first, this.#nds[second] as Nd, now);
    } else if (what === "miss") {
      left.misses--;
      this.#miss(first);
    } else if (what === "answer") {
      left.answers--;
      this.#answer(first);
    } else if (what === "move") {
      left.moves--;
      this.#home = first;
    } else if (what === "see") {
      (this.#maps[first] as Uint8Array)[BUCKET] = this.#home;
      nd.tick(now);
    } else {
      left.times--;
      this.#pass(1000);
    }
  }

  #miss(core: number): void {
    const out = this.#cores[core] as LightCore;
    const start = out.scratch();
    out.bytes.fill(0, start, start + 60);
    wire.writeWords(out.view, start + 38, HOST);
    (this.#nds[core] as Nd).resolve(0, start + 38, start, start + 60, this.#now);
  }

  #answer(core: number): void {
    const out = this.#cores[core] as LightCore;
    const start = out.scratch();
    const end = wire.writeAdvertisement(
      out.view,
      start,
      MAC,
      HOST_MAC,
      HOST,
      OWN,
      HOST,
      HOST_MAC,
      ANSWER,
    );
    (this.#nds[core] as Nd).receive(0, 0, start, end, this.#now);
  }

  #pass(duration: Millis): void {
    this.#now += duration;
    for (const nd of this.#nds) nd.tick(this.#now);
  }

  #settle(): void {
    for (let n = 0; !this.#pairs.isQuiet; n++) {
      if (n > 1000) throw new Error("messages without end");
      for (const pair of this.#pairs.busy) this.act(`deliver ${pair}`);
    }
  }

  /** Cores that run the machine, and messages that carry it. */
  get #places(): number {
    const [a, b, c, d] = HOST;
    let count = 0;
    for (const nd of this.#nds) if (nd.runs(0, a, b, c, d)) count++;
    for (const queue of this.#pairs.queues) {
      for (const { bytes } of queue) {
        if (bytes[0] === Message["nd-move"] && bytes[27] === 0) count++;
      }
    }
    return count;
  }

  check(): void {
    const places = this.#places;
    if (places > 1) throw new Error(`the machine is in ${places} places`);
  }

  key(): number {
    const print = new Fingerprint();
    for (const [core, nd] of this.#nds.entries()) {
      for (const row of nd.rows(0, 100, this.#now).rows) print.addText(JSON.stringify(row));
      for (const row of nd.timers(this.#now)) print.addText(JSON.stringify(row));
      const { digest, version } = nd.summary();
      print.add(digest);
      print.add(version);
      print.add(nd.waitingFrames * 256 + (this.#maps[core]?.[BUCKET] as number));
      print.add(Number(nd.runs(0, HOST[0], HOST[1], HOST[2], HOST[3])));
    }
    this.#pairs.print(print);
    const { misses, moves, answers, times } = this.#left;
    print.add(misses * 1000 + moves * 100 + answers * 10 + times);
    print.add(this.#home);
    return print.key;
  }

  /** Every core sees the move, everything arrives, time passes. */
  peace(): void {
    for (const map of this.#maps) map[BUCKET] = this.#home;
    this.#pass(0);
    this.#settle();
    for (let turn = 0; turn < 90; turn++) {
      this.#pass(200);
      this.#settle();
      this.check();
    }
    const isKnown = this.#nds.map((nd) => nd.summary().entries);
    if (isKnown.some((entries) => entries !== isKnown[0])) {
      throw new Error(`not all know the neighbour: ${isKnown.join(", ")}`);
    }
    const places = this.#places;
    if (places !== Math.min(1, isKnown[0] as number)) throw new Error(`${places} cores run it`);
    for (const { core, held } of this.#cores) {
      if (held > 0) throw new Error(`${held} frames wait on core ${core} for ever`);
    }
  }
}
