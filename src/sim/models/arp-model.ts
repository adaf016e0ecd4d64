// The ARP master's hand-over (ARP-2, ARP-3, ARP-4, CORE-8) as a model of the explorer: cores miss one address, the role
// moves and each core notices when it does, messages wait, requests and answers get lost, time passes. The master
// alone speaks, at most once a second, and in the end every frame has left or was given up and all tables are equal.

import { Arp } from "../../arp/arp.ts";
import { ARP_DEFAULTS } from "../../arp/config.ts";
import type { CommonConfig } from "../../engine/config.ts";
import { Role } from "../../engine/role.ts";
import type { Millis } from "../../lib/units.ts";
import * as wire from "../../wire/arp.ts";
import { Fingerprint, type Model } from "../explorer.ts";
import { LightCore, Pairs } from "./light-core.ts";

const MAC = 0x0200_0000_ff01;
const OWN = 0xc000_0201;
const HOST = 0xc000_0209;
const HOST_MAC = 0x0200_0000_0009;
const RETRY: Millis = 1000;

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
      addresses: [{ address: OWN, prefix: 24 }],
      proxyArp: false,
      mtu: 1500,
    },
  ],
};

/** How often things may happen. */
export interface ArpBounds {
  readonly cores: number;
  readonly misses: number;
  readonly moves: number;
  readonly overflows: number;
  readonly times: number;
}

export class ArpModel implements Model {
  readonly #bounds: ArpBounds;
  readonly #plant: (arp: Arp, core: number) => void;
  #pairs: Pairs = new Pairs(1);
  #cores: LightCore[] = [];
  #arps: Arp[] = [];
  #now: Millis = 0;
  #left: { misses: number; moves: number; overflows: number; times: number };
  /** Requests on the wire that nobody has answered yet; when each core last asked; frames that came back. */
  #asked = 0;
  #lastAsked: Millis[] = [];
  #back = 0;
  #gone = 0;

  constructor(bounds: ArpBounds, plant: (arp: Arp, core: number) => void = () => {}) {
    this.#bounds = bounds;
    this.#left = { ...bounds };
    this.#plant = plant;
  }

  begin(): void {
    const { cores } = this.#bounds;
    this.#left = { ...this.#bounds };
    this.#now = 1;
    this.#asked = 0;
    this.#back = 0;
    this.#gone = 0;
    this.#lastAsked = new Array<number>(cores).fill(Number.NEGATIVE_INFINITY);
    this.#pairs = new Pairs(cores);
    this.#cores = Array.from({ length: cores }, (_, core) => new LightCore(this.#pairs, core));
    this.#arps = this.#cores.map((out) => this.#make(out));
  }

  #make(out: LightCore): Arp {
    const config = { ...ARP_DEFAULTS, acd: "off", maxEntries: 4, maxPending: 4 } as const;
    const links = {
      output: (_iface: number, start: number, end: number): void => this.#said(out, start, end),
    };
    const waiting = {
      resolved: (): void => void this.#back++,
      failed: (): void => void this.#gone++,
    };
    const stations = { locate: (): number => 0 };
    const arp = new Arp({ ...config, waitingFrames: 8 }, COMMON, out, links, waiting, stations);
    this.#plant(arp, out.core);
    return arp;
  }

  #said({ core, view }: LightCore, start: number, end: number): void {
    const at = start + 14;
    if (!wire.isValid(view, at, end) || wire.operation(view, at) !== wire.Operation.Request) return;
    const master = this.#pairs.masters[Role.Arp];
    if (core !== master)
      throw new Error(`core ${core} asks the wire, core ${master} is the master`);
    const gap = this.#now - (this.#lastAsked[core] as number);
    if (gap < RETRY - 0.01) throw new Error(`core ${core} asks twice within ${gap} ms`);
    this.#lastAsked[core] = this.#now;
    this.#asked++;
  }

  actions(): string[] {
    const { cores } = this.#bounds;
    const left = this.#left;
    const names = this.#pairs.busy.map((pair) => `deliver ${pair}`);
    if (this.#asked > 0) names.push("answer");
    for (let core = 0; core < cores; core++) {
      if (left.misses > 0) names.push(`miss ${core}>0`);
      if (left.moves > 0 && core !== this.#pairs.masters[Role.Arp]) names.push(`role ${core}>0`);
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
    if (what === "deliver") {
      (this.#cores[second] as LightCore).deliver(first, this.#arps[second] as Arp, now);
    } else if (what === "miss") {
      left.misses--;
      this.#miss(first);
    } else if (what === "role") {
      left.moves--;
      this.#pairs.masters[Role.Arp] = first;
    } else if (what === "overflow") {
      left.overflows--;
      (this.#cores[first] as LightCore).overflow(second, this.#arps[first] as Arp, now);
    } else if (what === "answer") this.#answer();
    else {
      left.times--;
      this.#pass(RETRY);
    }
  }

  #miss(core: number): void {
    const out = this.#cores[core] as LightCore;
    const start = out.scratch();
    out.view.setUint16(start + 12, 0x0800);
    const arp = this.#arps[core] as Arp;
    if (arp.resolve(0, HOST, start, start + 40, this.#now) >= 0) this.#back++;
  }

  /** The host answers whoever is the master. */
  #answer(): void {
    this.#asked--;
    const master = this.#pairs.masters[Role.Arp] as number;
    const out = this.#cores[master] as LightCore;
    const start = out.scratch();
    const end = wire.writeReply(out.view, start, HOST_MAC, HOST, MAC, OWN);
    (this.#arps[master] as Arp).receive(0, 0, start, start + 14, end, this.#now);
  }

  #pass(duration: Millis): void {
    this.#now += duration;
    for (const arp of this.#arps) arp.tick(this.#now);
  }

  check(): void {
    // Who speaks is checked where it speaks.
  }

  key(): number {
    const print = new Fingerprint();
    for (const [core, arp] of this.#arps.entries()) {
      for (const row of arp.rows(0, 100, this.#now).rows) {
        if (row["address"] === HOST) print.addText(JSON.stringify(row));
      }
      for (const row of arp.timers(this.#now)) print.addText(JSON.stringify(row));
      const { digest, version } = arp.summary();
      print.add(digest);
      print.add(version);
      print.add(arp.waitingFrames);
      print.add((this.#now - (this.#lastAsked[core] as number)) * 1000);
    }
    this.#pairs.print(print);
    const { misses, moves, overflows, times } = this.#left;
    print.add(misses * 1000 + moves * 100 + overflows * 10 + times);
    print.add((this.#pairs.masters[Role.Arp] as number) * 1000 + this.#asked);
    return print.key;
  }

  /** Everything arrives, the host answers, time passes: all are equal and nobody waits. */
  peace(): void {
    for (let turn = 0; turn < 40; turn++) {
      for (let n = 0; !this.#pairs.isQuiet; n++) {
        if (n > 1000) throw new Error("messages without end");
        for (const pair of this.#pairs.busy) this.act(`deliver ${pair}`);
      }
      while (this.#asked > 0) this.#answer();
      this.#pass(250);
    }
    const digests = this.#arps.map((arp) => arp.summary().digest);
    if (digests.some((digest) => digest !== digests[0])) {
      throw new Error(`the tables differ in the end: ${digests.join(", ")}`);
    }
    for (const { core, held } of this.#cores) {
      if (held > 0) throw new Error(`${held} frames wait on core ${core} for ever`);
    }
    const sent = this.#bounds.misses - this.#left.misses;
    if (this.#back + this.#gone !== sent) {
      throw new Error(`${sent} frames waited, ${this.#back} left and ${this.#gone} were given up`);
    }
  }
}
