// Several neighbour discovery engines on recorders, joined by first-in first-out queues per pair of cores, with virtual
// time. Every core has its own copy of the bucket map, so that each sees a bucket move at a moment of its own.

import type { CommonConfig, InterfaceConfig } from "../engine/config.ts";
import type { Interface6Config, Learned6 } from "../engine/ipv6.ts";
import { Message } from "../engine/message.ts";
import { Role } from "../engine/role.ts";
import type { Mac, Millis, Offset } from "../lib/units.ts";
import { ND_DEFAULTS, type NdConfig } from "../nd/config.ts";
import { Nd, NOTHING_LEARNED } from "../nd/nd.ts";
import { linkLocalOf } from "../nd/own-address.ts";
import { Type } from "../wire/icmpv6.ts";
import * as wire from "../wire/nd.ts";
import { formatIpv6, parseIpv6, parseMac } from "../wire/text.ts";
import { Recorder, type SentMessage } from "./recorder.ts";

export type Words = readonly [number, number, number, number];
export const ip6 = (text: string): Words => parseIpv6(text) as Words;
export const mac = (text: string): Mac => parseMac(text) as Mac;

export const OWN_MAC: Mac = mac("02:00:00:00:ff:01");
export const OWN: Words = ip6("2001:db8::1");
export const OWN_LOCAL: Words = [...linkLocalOf(OWN_MAC)] as unknown as Words;
export const ALL_NODES: Words = ip6("ff02::1");
export const ANY: Words = [0, 0, 0, 0];

/** A station of the rig's network by number: its MAC and global address. */
export const stationMac = (n: number): Mac => 0x0200_0001_0000 + n;
export const station = (n: number): Words => [0x20010db8, 0, 0x0200_01ff, 0x10000 + n];

export const ROUTER6: Interface6Config = {
  addresses: [{ address: OWN, prefix: 64 }],
  acceptAdvertisements: false,
  autoconfigure: false,
  acceptRedirects: false,
  advertise: null,
};
export const HOST6: Interface6Config = {
  ...ROUTER6,
  acceptAdvertisements: true,
  autoconfigure: true,
  acceptRedirects: true,
};

export const iface6 = (ipv6: Interface6Config | undefined): InterfaceConfig => ({
  name: "vlan10",
  mac: OWN_MAC,
  bridge: 0,
  channel: -1,
  vlan: 10,
  addresses: [],
  proxyArp: false,
  mtu: 1500,
  ipv6,
});

/** A frame that left, in words. */
export interface Said {
  readonly core: number;
  readonly iface: number;
  readonly at: Millis;
  readonly type: number;
  readonly toMac: Mac;
  readonly from: string;
  readonly to: string;
  /** Target of NS, NA and redirects; "" of others. */
  readonly target: string;
  readonly flags: number;
  readonly hex: string;
}

/** A frame that waited and came back; mac -1 = its address failed. */
export interface Returned {
  readonly core: number;
  readonly mac: Mac;
  readonly hex: string;
}

export interface NdRigOptions {
  readonly interfaces?: readonly InterfaceConfig[];
  readonly learned?: (core: number) => Partial<Learned6>;
  /** Duplicate detection runs first when true; else addresses are there at once. */
  readonly detect?: boolean;
}

const SCRATCH = 2048;

export class NdRig {
  readonly recorders: Recorder[] = [];
  readonly nds: Nd[] = [];
  readonly maps: Uint8Array[] = [];
  readonly said: Said[] = [];
  readonly returned: Returned[] = [];
  readonly delivered: SentMessage[] = [];
  readonly queues: Map<string, { message: SentMessage; at: Millis }[]> = new Map();
  readonly config: NdConfig;
  common: CommonConfig;
  now: Millis = 0;

  constructor(cores: number, config: Partial<NdConfig> = {}, options: NdRigOptions = {}) {
    const dadTransmits = options.detect === true ? 1 : 0;
    this.config = { ...ND_DEFAULTS, dadTransmits, ...config };
    this.common = {
      ports: [{ name: "p0", mac: 1, mtu: 1500 }],
      channels: [{ name: "p0", ports: [0] }],
      interfaces: options.interfaces ?? [iface6(ROUTER6)],
    };
    for (let core = 0; core < cores; core++) this.#start(core, cores, options);
    this.settle();
    this.clear();
  }

  #start(core: number, cores: number, options: NdRigOptions): void {
    const recorder = new Recorder(core, cores);
    const map = Uint8Array.from({ length: 128 }, (_, bucket) => bucket % cores);
    const back = (_iface: number, address: Mac, start: Offset, end: Offset): void => {
      this.returned.push({ core, mac: address, hex: recorder.hex(start, end) });
    };
    const waiting = {
      resolved: back,
      failed: (iface: number, start: Offset, end: Offset): void => back(iface, -1, start, end),
    };
    const links = {
      output: (iface: number, start: Offset, end: Offset): void =>
        this.#say(core, iface, start, end),
    };
    this.recorders[core] = recorder;
    this.maps[core] = map;
    this.nds[core] = new Nd(
      this.config,
      this.common,
      recorder,
      links,
      waiting,
      { ...NOTHING_LEARNED, ...options.learned?.(core) },
      { map, bucketOf: (_a, _b, _c, d) => d & 127 },
    );
  }

  #say(core: number, iface: number, start: Offset, end: Offset): void {
    const { view } = this.recorder(core);
    const ip = start + 14;
    const at = view.getUint8(ip + 6) === 0 ? ip + 48 : ip + 40;
    const words = (from: Offset): string =>
      formatIpv6(
        view.getUint32(from),
        view.getUint32(from + 4),
        view.getUint32(from + 8),
        view.getUint32(from + 12),
      );
    const type = view.getUint8(at);
    this.said.push({
      core,
      iface,
      at: this.now,
      type,
      toMac: view.getUint16(start) * 2 ** 32 + view.getUint32(start + 2),
      from: words(ip + 8),
      to: words(ip + 24),
      target: type >= Type.NeighborSolicitation && type <= Type.Redirect ? words(at + 8) : "",
      flags: view.getUint8(at + 4),
      hex: this.recorder(core).hex(start, end),
    });
  }

  recorder(core: number): Recorder {
    return this.recorders[core] as Recorder;
  }

  nd(core: number): Nd {
    return this.nds[core] as Nd;
  }

  get master(): number {
    return this.recorder(0).master(Role.Arp);
  }

  bucketOf(address: Words): number {
    return address[3] & 127;
  }

  ownerOf(address: Words): number {
    return this.maps[0]?.[this.bucketOf(address)] ?? 0;
  }

  /** Asks for an address on a core, with a frame whose payload is `mark`; the MAC, or -1. */
  resolve(core: number, address: Words, mark = "00", iface = 0): Mac {
    const recorder = this.recorder(core);
    const { start, end } = recorder.frame(`${"00".repeat(14)}6000${"00".repeat(38)}${mark}`);
    wire.writeWords(recorder.view, start + 14 + 24, address);
    return this.nd(core).resolve(iface, start + 14 + 24, start, end, this.now);
  }

  confirm(core: number, address: Words, iface = 0): void {
    const recorder = this.recorder(core);
    const start = recorder.scratch(16);
    wire.writeWords(recorder.view, start, address);
    this.nd(core).confirm(iface, start, this.now);
  }

  /** A frame that `write` makes arrives at a core; true when neighbour discovery took it. */
  receive(core: number, write: (view: DataView, start: Offset) => Offset, iface = 0): boolean {
    const recorder = this.recorder(core);
    const start = recorder.scratch(SCRATCH - 64);
    const end = write(recorder.view, start);
    return this.nd(core).receive(iface, 0, start, end, this.now);
  }

  /** An advertisement; by default the solicited answer with its MAC, to the core that owns the target. */
  advertise(
    target: Words,
    from: Mac,
    more: { core?: number; flags?: number; link?: Mac; to?: Words } = {},
  ): boolean {
    const { core = this.ownerOf(target), flags = 0x60, link = from, to = OWN } = more;
    return this.receive(core, (view, start) =>
      wire.writeAdvertisement(view, start, OWN_MAC, from, target, to, target, link, flags),
    );
  }

  /** A solicitation from a station. */
  solicit(
    core: number,
    source: Words,
    from: Mac,
    target: Words,
    more: { link?: Mac; to?: Words; nonce?: number } = {},
  ): boolean {
    const { link = from, nonce = -1 } = more;
    const group: Words = [0xff020000, 0, 1, (0xff000000 | (target[3] & 0xffffff)) >>> 0];
    const to = more.to ?? group;
    return this.receive(core, (view, start) =>
      wire.writeSolicitation(view, start, OWN_MAC, from, source, to, target, link, nonce),
    );
  }

  // --- messages and time ---------------------------------------------------------------------------------------------

  collect(): void {
    for (const recorder of this.recorders) {
      for (const message of recorder.messages.splice(0)) {
        const pair = `${message.from}>${message.to}`;
        const queue = this.queues.get(pair) ?? [];
        queue.push({ message, at: this.now });
        this.queues.set(pair, queue);
      }
    }
  }

  get pairs(): string[] {
    this.collect();
    return [...this.queues].filter(([, queue]) => queue.length > 0).map(([pair]) => pair);
  }

  deliver(pair: string): void {
    const entry = this.queues.get(pair)?.shift();
    if (entry === undefined) return;
    const { message } = entry;
    this.delivered.push(message);
    this.recorder(message.to).accept(message, this.nd(message.to), this.now);
    this.collect();
  }

  /** Delivers everything; the names of the messages, in order. */
  settle(): string[] {
    const from = this.delivered.length;
    for (let pairs = this.pairs; pairs.length > 0; pairs = this.pairs) {
      for (const pair of pairs) this.deliver(pair);
      if (this.delivered.length - from > 100_000) throw new Error("messages without end");
    }
    return this.delivered.slice(from).map(({ name }) => name);
  }

  tick(): void {
    for (const nd of this.nds) nd.tick(this.now);
    this.collect();
  }

  /** Lets time pass in steps, with all messages delivered after each; returns their names. */
  run(duration: Millis, step: Millis = 10): string[] {
    const names: string[] = [];
    const until = this.now + duration;
    while (this.now < until) {
      this.now = Math.min(until, this.now + step);
      this.tick();
      names.push(...this.settle());
    }
    return names;
  }

  clear(): void {
    this.said.length = 0;
    this.returned.length = 0;
    for (const recorder of this.recorders) recorder.drops.length = 0;
  }

  /** Messages under way that carry the machine of an address. */
  tokens(address: Words): number {
    let count = 0;
    for (const queue of this.queues.values()) {
      for (const { message } of queue) {
        if (message.type !== Message["nd-move"] || message.bytes[27] !== 0) continue;
        const view = new DataView(message.bytes.buffer, message.bytes.byteOffset);
        if (address.every((word, index) => view.getUint32(8 + index * 4) === word)) count++;
      }
    }
    return count;
  }

  /** Cores that run the machine of an address. */
  runners(address: Words, iface = 0): number[] {
    return this.nds.flatMap((nd, core) => (nd.runs(iface, ...address) ? [core] : []));
  }

  rows(core: number): Record<string, unknown>[] {
    const rows: Record<string, unknown>[] = [];
    for (let cursor = 0; cursor >= 0; ) {
      const answer = this.nd(core).rows(cursor, 50, this.now);
      rows.push(...answer.rows);
      cursor = answer.next;
    }
    return rows;
  }

  row(core: number, address: Words): Record<string, unknown> | undefined {
    return this.rows(core).find((row) => row["address"] === formatIpv6(...address));
  }

  state(core: number, address: Words): unknown {
    return this.row(core, address)?.["state"];
  }

  isCoherent(): boolean {
    const digests = this.nds.map((nd) => nd.summary().digest);
    return digests.every((digest) => digest === digests[0]);
  }

  /** Solicitations that left for an address. */
  solicitations(address: Words): Said[] {
    const target = formatIpv6(...address);
    return this.said.filter(
      (said) => said.type === Type.NeighborSolicitation && said.target === target,
    );
  }

  /** Moves a bucket on one core's map, or on all of them at once. */
  move(bucket: number, to: number, core = -1): void {
    for (const [index, map] of this.maps.entries())
      if (core < 0 || core === index) map[bucket] = to;
  }

  drops(core: number): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const name of this.recorder(core).drops) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  }
}
