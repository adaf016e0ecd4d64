// Loop detection (BR-9): the link master sends a small probe out of every channel; one that comes back, on whatever
// channel and core, shows a loop, and the channel with the higher number of the two is shut, so that crossing probes
// shut the same one. Whoever can send frames here can pretend a loop; spanning tree has the same weakness.
//
//   0                 6                 12       14       18    19 20        26       28        30     32      36
//   +-----------------+-----------------+--------+--------+-----+--+---------+--------+---------+------+-------+------+
//   | 03:4c:4c:00:00:01 | port's MAC    | 0x88b5 | "LLLD" | 1   |  | system  | bridge | channel | VLAN | nonce | pad  |
//   +-----------------+-----------------+--------+--------+-----+--+---------+--------+---------+------+-------+------+
//
// The type is IEEE's first for local experiments; the group is local too, so that switches without spanning tree
// flood it and hosts ignore it.

import type { CommonConfig } from "../engine/config.ts";
import { EventCode } from "../engine/event.ts";
import type { GroupPorts } from "../engine/groups.ts";
import type { Out } from "../engine/out.ts";
import { Role } from "../engine/role.ts";
import type { ChannelId, Mac, Millis, Offset, Vlan } from "../lib/units.ts";
import { mac, setMac } from "../wire/bytes.ts";
import * as ethernet from "../wire/ethernet.ts";
import type { BridgingConfig } from "./config.ts";
import type { Membership } from "./membership.ts";
import { type Shut, Why } from "./shut.ts";

/** IEEE Std 802 9.2.4: local experimental EtherType 1. */
export const PROBE_TYPE = 0x88b5;
const GROUP: Mac = 0x034c_4c00_0001;
const MAGIC = 0x4c4c4c44;
const VERSION = 1;
const SYSTEM = 20;
const BRIDGE = 26;
const CHANNEL = 28;
const VLAN = 30;
const NONCE = 32;
/** Behind an Ethernet header, without the padding. */
const LENGTH = 36;

/** A channel that is probed. */
interface Probed {
  readonly bridge: number;
  readonly channel: ChannelId;
  readonly vlan: Vlan;
  readonly mac: Mac;
}

export class LoopDetection {
  readonly #out: Out;
  readonly #shut: Shut;
  readonly #membership: Membership;
  readonly #config: BridgingConfig;
  /** Of each bridge. */
  readonly #probed: readonly (readonly Probed[])[];
  readonly #due: Float64Array;
  readonly #system: Mac;
  readonly #nonce: number;
  readonly #isActive: boolean;

  constructor(
    out: Out,
    config: BridgingConfig,
    common: CommonConfig,
    membership: Membership,
    shut: Shut,
  ) {
    this.#out = out;
    this.#shut = shut;
    this.#membership = membership;
    this.#config = config;
    this.#system = Math.min(...common.ports.map((port) => port.mac).filter((one) => one !== 0));
    this.#nonce = config.bridges.reduce((sum, { seed = 0 }) => (sum * 31 + seed) >>> 0, 0);
    this.#probed = config.bridges.map(({ channels, loopDetection }, bridge) =>
      channels.flatMap(({ channel, loopDetection: wanted = true, ...member }) => {
        const port = common.channels[channel]?.ports[0];
        const vlan = membership.untagged(channel) || (member.trunkVlans[0]?.[0] ?? 0);
        const from = common.ports[port ?? -1]?.mac ?? 0;
        if (loopDetection === undefined || !wanted || vlan === 0 || from === 0) return [];
        return [{ bridge, channel, vlan, mac: from }];
      }),
    );
    this.#due = new Float64Array(config.bridges.length);
    this.#isActive = this.#probed.some((list) => list.length > 0);
  }

  /** Sends the probes that are due. */
  tick(now: Millis, ports: GroupPorts): void {
    if (!this.#isActive || this.#out.master(Role.Link) !== this.#out.core) return;
    for (let bridge = 0; bridge < this.#probed.length; bridge++) {
      if (now < (this.#due[bridge] as number)) continue;
      this.#due[bridge] = now + (this.#config.bridges[bridge]?.loopDetection?.interval ?? 0);
      for (const probed of this.#probed[bridge] ?? []) {
        if (!this.#shut.isShut(probed.channel)) this.#probe(probed, ports);
      }
    }
  }

  #probe({ bridge, channel, vlan, mac: from }: Probed, ports: GroupPorts): void {
    const { view, bytes } = this.#out;
    const start = this.#out.scratch(ethernet.MIN_PADDED);
    if (start < 0) return;
    bytes.fill(0, start, start + ethernet.MIN_PADDED);
    ethernet.writeHeader(view, start, GROUP, from, PROBE_TYPE);
    view.setUint32(start + 14, MAGIC);
    view.setUint8(start + 18, VERSION);
    setMac(view, start + SYSTEM, this.#system);
    view.setUint16(start + BRIDGE, bridge);
    view.setUint16(start + CHANNEL, channel);
    view.setUint16(start + VLAN, vlan);
    view.setUint32(start + NONCE, this.#nonce);
    ports.sendInto(bridge, vlan, channel, start, start + ethernet.MIN_PADDED);
  }

  /** True for one of our own probes: of the probes' type, its payload at `at`. */
  isOwn(start: Offset, at: Offset, end: Offset): boolean {
    const { view } = this.#out;
    if (!this.#isActive || mac(view, start) !== GROUP || end - at < LENGTH - 14) return false;
    if (view.getUint32(at) !== MAGIC || view.getUint8(at + 4) !== VERSION) return false;
    const head = at - 14;
    return (
      mac(view, head + SYSTEM) === this.#system && view.getUint32(head + NONCE) === this.#nonce
    );
  }

  /** A frame of the probes' type; true when it was our own. */
  receive(
    channel: ChannelId,
    start: Offset,
    at: Offset,
    end: Offset,
    vlan: Vlan,
    now: Millis,
  ): boolean {
    if (!this.isOwn(start, at, end)) return false;
    const { view } = this.#out;
    const head = at - 14;
    const sent = view.getUint16(head + CHANNEL);
    const bridge = this.#membership.bridgeOf[channel] as number;
    // Two bridges that somebody joined with a cable are one network, and no loop.
    if (view.getUint16(head + BRIDGE) !== bridge || this.#membership.bridgeOf[sent] !== bridge) {
      return true;
    }
    const { loopDetection } = this.#config.bridges[bridge] ?? {};
    const victim = Math.max(channel, sent);
    if (loopDetection === undefined || this.#shut.isShut(victim)) return true;
    this.#out.event(EventCode["loop-detected"], bridge, channel, sent, vlan);
    if (loopDetection.action === "shutdown") {
      this.#shut.shut(victim, Why.Loop, loopDetection.recovery, now);
    }
    return true;
  }
}
