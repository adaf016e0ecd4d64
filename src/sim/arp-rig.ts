// Several ARP engines on recorders, joined by first-in first-out queues per pair of cores, with virtual time:
// for tests of the ARP table across cores. Messages are delivered all at once (`settle`) or one by one in any
// order of pairs.

import { Arp, type Proxied } from "../arp/arp.ts";
import { ARP_DEFAULTS, type ArpConfig } from "../arp/config.ts";
import type { CommonConfig, InterfaceConfig } from "../engine/config.ts";
import { Role } from "../engine/role.ts";
import type { Ipv4, Mac, Millis } from "../lib/units.ts";
import * as wire from "../wire/arp.ts";
import { parseIpv4, parseMac } from "../wire/text.ts";
import { Recorder, type SentMessage } from "./recorder.ts";

/** An address from its text. */
export const ip = (text: string): Ipv4 => parseIpv4(text) as Ipv4;
export const mac = (text: string): Mac => parseMac(text) as Mac;

/** MAC of the rig's interfaces. */
export const OWN_MAC: Mac = mac("02:00:00:00:ff:01");
/** The first interface's address. */
export const OWN_IP: Ipv4 = ip("192.0.2.1");

/** An interface on bridge 0, VLAN 10, and one on channel 1. */
export const INTERFACES: readonly InterfaceConfig[] = [
  {
    name: "vlan10",
    mac: OWN_MAC,
    bridge: 0,
    channel: -1,
    vlan: 10,
    addresses: [{ address: OWN_IP, prefix: 24 }],
    proxyArp: false,
    mtu: 1500,
  },
  {
    name: "wan",
    mac: mac("02:00:00:00:ff:02"),
    bridge: -1,
    channel: 1,
    vlan: 5,
    addresses: [{ address: ip("198.51.100.1"), prefix: 24 }],
    proxyArp: true,
    mtu: 1500,
  },
];

/** An ARP packet that left, in words. */
export interface Heard {
  readonly core: number;
  readonly iface: number;
  readonly to: Mac;
  readonly op: number;
  readonly sha: Mac;
  readonly spa: Ipv4;
  readonly tha: Mac;
  readonly tpa: Ipv4;
}

/** A frame that waited and came back. */
export interface Returned {
  readonly core: number;
  readonly iface: number;
  /** -1 = its address failed. */
  readonly mac: Mac;
  readonly hex: string;
}

export class ArpRig {
  readonly recorders: Recorder[] = [];
  readonly arps: Arp[] = [];
  readonly wire: Heard[] = [];
  readonly returned: Returned[] = [];
  /** Messages that were delivered, by name. */
  readonly delivered: SentMessage[] = [];
  readonly queues: Map<string, SentMessage[]> = new Map();
  common: CommonConfig;
  config: ArpConfig;
  now: Millis = 0;

  constructor(
    cores: number,
    config: Partial<ArpConfig> = {},
    options: { interfaces?: readonly InterfaceConfig[]; proxied?: Proxied } = {},
  ) {
    this.config = { ...ARP_DEFAULTS, acd: "off", ...config };
    this.common = {
      ports: [
        { name: "p0", mac: 1, mtu: 1500 },
        { name: "p1", mac: 2, mtu: 1500 },
      ],
      channels: [
        { name: "p0", ports: [0] },
        { name: "p1", ports: [1] },
      ],
      interfaces: options.interfaces ?? INTERFACES,
    };
    for (let core = 0; core < cores; core++) this.#start(core, cores, options.proxied);
  }

  #start(core: number, cores: number, proxied?: Proxied): void {
    const recorder = new Recorder(core, cores);
    const { view } = recorder;
    const links = {
      output: (iface: number, start: number, end: number): void => {
        const at = start + 14;
        if (!wire.isValid(view, at, end)) throw new Error("no ARP left");
        this.wire.push({
          core,
          iface,
          to: view.getUint16(start) * 2 ** 32 + view.getUint32(start + 2),
          op: wire.operation(view, at),
          sha: wire.senderMac(view, at),
          spa: wire.senderIp(view, at),
          tha: wire.targetMac(view, at),
          tpa: wire.targetIp(view, at),
        });
      },
    };
    const back = (iface: number, address: Mac, start: number, end: number): void => {
      this.returned.push({ core, iface, mac: address, hex: recorder.hex(start, end) });
    };
    const waiting = {
      resolved: back,
      failed: (iface: number, start: number, end: number): void => back(iface, -1, start, end),
    };
    const stations = { locate: (_: number, address: Mac): number => (address % 2 === 0 ? 0 : 1) };
    this.recorders[core] = recorder;
    this.arps[core] = new Arp(
      this.config,
      this.common,
      recorder,
      links,
      waiting,
      stations,
      proxied,
    );
  }

  recorder(core: number): Recorder {
    return this.recorders[core] as Recorder;
  }

  arp(core: number): Arp {
    return this.arps[core] as Arp;
  }

  get master(): number {
    return this.recorder(0).master(Role.Arp);
  }

  /** Asks for an address on a core, with a frame whose payload is `mark`; the MAC, or -1. */
  resolve(core: number, address: Ipv4, mark = "00", iface = 0): Mac {
    const { start, end } = this.recorder(core).frame(`ffffffffffff 0200000000aa 0800 ${mark}`);
    return this.arp(core).resolve(iface, address, start, end, this.now);
  }

  /** An ARP packet from the network arrives at a core, the master if none is named. */
  receive(
    op: number,
    sha: Mac,
    spa: Ipv4,
    tpa: Ipv4,
    more: { tha?: Mac; iface?: number; channel?: number; to?: Mac; from?: Mac; core?: number } = {},
  ): boolean {
    const { tha = 0, iface = 0, channel = 0, to = 0xffffffffffff, from = sha } = more;
    const core = more.core ?? this.master;
    const { view } = this.recorder(core);
    const start = this.recorder(core).scratch(wire.FRAME);
    const end = wire.writeReply(view, start, from, 0, to, 0);
    wire.write(view, start + 14, op, sha, spa, tha, tpa);
    return this.arp(core).receive(iface, channel, start, start + 14, end, this.now);
  }

  /** A reply to the interface that asked. */
  reply(address: Ipv4, from: Mac, core?: number): boolean {
    const place = core === undefined ? {} : { core };
    return this.receive(2, from, address, OWN_IP, { tha: OWN_MAC, to: OWN_MAC, ...place });
  }

  /** Takes what engines sent into the queues of their pairs. */
  collect(): void {
    for (const recorder of this.recorders) {
      for (const message of recorder.messages.splice(0)) {
        const pair = `${message.from}>${message.to}`;
        const queue = this.queues.get(pair) ?? [];
        queue.push(message);
        this.queues.set(pair, queue);
      }
    }
  }

  /** Pairs that have a message under way. */
  get pairs(): string[] {
    this.collect();
    return [...this.queues].filter(([, queue]) => queue.length > 0).map(([pair]) => pair);
  }

  /** Delivers the oldest message of a pair. */
  deliver(pair: string): void {
    const message = this.queues.get(pair)?.shift();
    if (message === undefined) return;
    this.delivered.push(message);
    this.recorder(message.to).accept(message, this.arp(message.to), this.now);
  }

  /** Delivers everything; returns the names of the messages, in order. */
  settle(): string[] {
    const from = this.delivered.length;
    for (let pairs = this.pairs; pairs.length > 0; pairs = this.pairs) {
      for (const pair of pairs) this.deliver(pair);
    }
    return this.delivered.slice(from).map(({ name }) => name);
  }

  /** Lets time pass in steps, with all messages delivered after each; returns their names. */
  run(until: Millis, step: Millis = 10): string[] {
    const names: string[] = [];
    while (this.now < until) {
      this.now = Math.min(until, this.now + step);
      for (const arp of this.arps) arp.tick(this.now);
      names.push(...this.settle());
    }
    return names;
  }

  /** Moves the role on one core, or on all of them at once. */
  moveRole(to: number, core = -1): void {
    for (const [index, recorder] of this.recorders.entries()) {
      if (core >= 0 && core !== index) continue;
      recorder.masters[Role.Arp] = to;
      this.arp(index).roleChanged(this.now);
    }
  }

  /** All rows of a core, own addresses left out, by address. */
  rows(core: number): Record<string, unknown>[] {
    const rows: Record<string, unknown>[] = [];
    for (let cursor = 0; cursor >= 0; ) {
      const answer = this.arp(core).rows(cursor, 50, this.now);
      rows.push(...answer.rows.filter(({ origin }) => origin !== "local"));
      cursor = answer.next;
    }
    return rows;
  }

  /** The row of an address on a core. */
  row(core: number, address: Ipv4): Record<string, unknown> | undefined {
    return this.rows(core).find((row) => row["address"] === address);
  }

  /** Starts a core afresh, with an empty table, as after a crash. */
  restart(core: number): void {
    this.#start(core, this.recorders.length);
    this.recorder(core).masters[Role.Arp] = this.recorder(
      (core + 1) % this.recorders.length,
    ).master(Role.Arp);
    for (const [pair, queue] of this.queues) {
      if (pair.startsWith(`${core}>`) || pair.endsWith(`>${core}`)) queue.length = 0;
    }
  }

  /** Re-sends the table of one core to another, as the core does it, in slices; messages stay under way. */
  resync(from: number, to: number, slice = 64): void {
    this.settle();
    this.arp(to).resyncBegin(from, this.now);
    for (let cursor = 0; cursor >= 0; ) {
      cursor = this.arp(from).resync(to, cursor, slice, this.now);
      this.settle();
    }
    this.arp(to).resyncEnd(from, this.now);
  }
}
