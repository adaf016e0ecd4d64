// Several cores' bridge engines on recorders, joined by hand: for tests of the bridge alone. Messages wait in one queue
// for each ordered pair of cores until somebody delivers them, so that any order that the bus allows can be played.

import { Bridging } from "../bridge/bridging.ts";
import type { BridgeChannelConfig, BridgeConfig, BridgingConfig } from "../bridge/config.ts";
import { Channels } from "../engine/channels.ts";
import type { CommonConfig, InterfaceConfig } from "../engine/config.ts";
import type { Inside } from "../engine/inside.ts";
import type { CoreId, Mac, Millis, Offset, Vlan } from "../lib/units.ts";
import { formatMac } from "../wire/text.ts";
import { Recorder, type SentMessage } from "./recorder.ts";

/** What went inside, as hex. */
export class RecordedInside implements Inside {
  readonly arps: { iface: number; channel: number; type: string }[] = [];
  readonly delivered: { iface: number; channel: number; hex: string }[] = [];
  /** What `arp` answers. */
  consumes = false;
  readonly #recorder: Recorder;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  arp(iface: number, channel: number, _start: Offset, at: Offset): boolean {
    this.arps.push({ iface, channel, type: this.#recorder.hex(at - 2, at) });
    return this.consumes;
  }

  deliver(iface: number, channel: number, start: Offset, end: Offset): void {
    this.delivered.push({ iface, channel, hex: this.#recorder.hex(start, end) });
  }
}

export interface RigOptions {
  readonly cores?: number;
  readonly members: readonly Omit<BridgeChannelConfig, "channel">[];
  readonly interfaces?: readonly InterfaceConfig[];
  readonly bridge?: Partial<BridgeConfig>;
}

/** A frame in hex. `tags` are TCIs from the outside in, of TPID 0x8100. */
export function bridgeFrame(
  to: Mac,
  from: Mac,
  tags: readonly number[] = [],
  type = "0800",
  payload: string = "00".repeat(46),
): string {
  const tagged = tags.map((tci) => `8100${tci.toString(16).padStart(4, "0")}`).join("");
  return (formatMac(to) + formatMac(from)).replaceAll(":", "") + tagged + type + payload;
}

/** An interface on the bridge's VLAN. */
export const bridgeInterface = (mac: Mac, vlan: Vlan): InterfaceConfig => ({
  name: `vlan${vlan}`,
  mac,
  bridge: 0,
  channel: -1,
  vlan,
  addresses: [],
  proxyArp: false,
  mtu: 1500,
});

/** The two configurations that options mean. */
export function rigConfig(options: RigOptions): { bridging: BridgingConfig; common: CommonConfig } {
  const numbers = options.members.map((_, port) => port);
  return {
    common: {
      ports: numbers.map((port) => ({ name: `p${port}`, mac: 0x02ff_0000_0000 + port, mtu: 1500 })),
      channels: numbers.map((port) => ({ name: `p${port}`, ports: [port] })),
      interfaces: options.interfaces ?? [],
    },
    bridging: {
      bridges: [
        {
          name: "br0",
          tableSize: 1024,
          probeLimit: 8,
          ageingTime: 300_000,
          ageing: "each-tells",
          learning: "broadcast",
          channels: options.members.map((member, channel) => ({ ...member, channel })),
          statics: [],
          ...options.bridge,
        },
      ],
    },
  };
}

export class BridgeRig {
  readonly recorders: Recorder[];
  readonly insides: RecordedInside[];
  readonly channels: Channels[];
  readonly bridges: Bridging[];
  /** Messages on their way, by sender * cores + receiver. */
  readonly #queues: SentMessage[][];

  constructor(options: RigOptions) {
    const cores = options.cores ?? 1;
    const { bridging, common } = rigConfig(options);
    this.recorders = Array.from({ length: cores }, (_, core) => new Recorder(core, cores));
    this.insides = this.recorders.map((recorder) => new RecordedInside(recorder));
    this.channels = this.recorders.map(
      (recorder) => new Channels(recorder, common.channels, common.ports.length),
    );
    this.bridges = this.recorders.map(
      (recorder, core) =>
        new Bridging(
          bridging,
          common,
          recorder,
          this.channels[core] as Channels,
          this.insides[core] as RecordedInside,
        ),
    );
    this.#queues = Array.from({ length: cores * cores }, () => []);
  }

  /** Gives a frame to a core; what it sent is in its recorder. */
  receive(core: CoreId, channel: number, hex: string, now: Millis): void {
    const recorder = this.recorders[core] as Recorder;
    const { start, end } = recorder.frame(hex);
    (this.bridges[core] as Bridging).receive(channel, start, end, now);
  }

  /** Takes what the cores have sent into the queues; how many messages wait. */
  collect(): number {
    const cores = this.recorders.length;
    let waiting = 0;
    for (const recorder of this.recorders) {
      for (const sent of recorder.messages.splice(0)) {
        this.#queues[sent.from * cores + sent.to]?.push(sent);
      }
    }
    for (const queue of this.#queues) waiting += queue.length;
    return waiting;
  }

  /** Delivers the oldest message of the `pick`-th queue that has one; false when none has. */
  deliverOne(pick: number, now: Millis): boolean {
    this.collect();
    const busy = this.#queues.filter((queue) => queue.length > 0);
    const message = busy[pick % Math.max(1, busy.length)]?.shift();
    if (message === undefined) return false;
    const recorder = this.recorders[message.to] as Recorder;
    recorder.accept(message, this.bridges[message.to] as Bridging, now);
    return true;
  }

  /** Drops what waits from one core to another, as a full ring does. */
  lose(from: CoreId, to: CoreId): number {
    this.collect();
    return this.#queues[from * this.recorders.length + to]?.splice(0).length ?? 0;
  }

  /** Delivers everything, in the order of sending per pair; how many messages that were. */
  settle(now: Millis): number {
    let count = 0;
    while (this.deliverOne(count, now)) count++;
    return count;
  }

  /** Every core's timer, tick by tick. */
  tickTo(from: Millis, to: Millis, step: Millis): void {
    for (let now = from; now <= to; now += step) {
      for (const bridge of this.bridges) bridge.tick(now);
    }
  }

  /** All entries of a core as text: MAC, VLAN, channel, version. */
  entries(core: CoreId): string[] {
    const { rows } = (this.bridges[core] as Bridging).rows(0, 1_000_000, 0);
    return rows
      .map(
        (row) =>
          `${formatMac(row["mac"] as number)} ${row["vlan"]} ${row["channel"]} ${row["version"]}`,
      )
      .sort();
  }

  /** Frames that a core sent since the last look, as "port hex". */
  sent(core: CoreId = 0): string[] {
    const recorder = this.recorders[core] as Recorder;
    return recorder.frames.splice(0).map(({ port, hex }) => `${port} ${hex}`);
  }

  /** Drops that a core counted since the last look. */
  drops(core: CoreId = 0): string[] {
    return (this.recorders[core] as Recorder).drops.splice(0);
  }
}
