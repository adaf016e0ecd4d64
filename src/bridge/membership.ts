// Which channel carries which VLAN, how, and which of the appliance's own interfaces are there (BR-6): the
// configuration as arrays that the packet path indexes. Made anew by every reconfiguration, never changed.

import type { CommonConfig } from "../engine/config.ts";
import { assert } from "../lib/assert.ts";
import { HashIndex } from "../lib/hash-index.ts";
import type { ChannelId, Mac, Vlan } from "../lib/units.ts";
import { VID_RESERVED } from "../wire/vlan.ts";
import type { BridgeChannelConfig, BridgingConfig } from "./config.ts";
import { highOf, lowOf } from "./table.ts";

const WORDS = 128;

/** What the packet path needs of a channel, in one word: its untagged VLAN (0 = none), bridge, and these bits. */
export const Lane = {
  Vlan: 0xfff,
  BridgeShift: 12,
  Bridge: 0xff,
  /** An access channel. */
  Access: 0x100000,
  /** The appliance has interfaces on the bridge. */
  Inside: 0x200000,
  /** Spanning tree: the channel discards, but learns (IEEE 802.1D-2004 17.10). Only beside Blocked. */
  Learning: 0x400000,
  /** Reasons why frames are not taken. Blocked by spanning tree: none leave either. */
  Blocked: 0x1000000,
  Muted: 0x2000000,
  /** Shut by protection, both ways (shut.ts). */
  Shut: 0x4000000,
  /** Not closed: its frames are looked at more closely (protection.ts). */
  Guarded: 0x8000000,
  /** Frames are not taken: the channel is on no bridge, or has a reason. The sign bit. */
  Closed: -0x80000000,
} as const;
/** The bits that keep frames out. */
export const NO_ENTRY: number = Lane.Blocked | Lane.Muted | Lane.Shut;
/** The bits that keep frames from leaving. */
export const NO_EXIT: number = Lane.Blocked | Lane.Shut;
/** The bits that are reasons. */
const REASONS = 0x7f000000;
/**
 * First 16 bits of a virtual MAC at most: 00-00-5E (RFC 9568 7.3), 00-00-0C and 00-05-73 (HSRP). Their last 32 bits
 * differ, so these alone find one.
 */
const VIRTUAL_HIGH = 0x0005;
/** Bridges of one appliance: what a lane has bits for. */
export const MAX_BRIDGES = 256;

export class Membership {
  /** The bridge of each channel, or -1. */
  readonly bridgeOf: Int16Array;
  /** See Lane. */
  readonly lane: Int32Array;
  /** A port of each channel, for frames that go to another core. */
  readonly port: Int16Array;
  /** The channels of each bridge. */
  readonly members: readonly Int16Array[];
  /** Those of them that frames may leave through: what spanning tree does not block. */
  readonly open: Int16Array[];
  /** First interface on a VLAN of a bridge, index = bridge << 12 | VLAN, or -1; and the next one there. */
  readonly firstInterface: Int16Array;
  readonly nextInterface: Int16Array;
  /** MAC of each interface in two parts; its bridge (-1: none) and VLAN. */
  readonly interfaceHigh: Int32Array;
  readonly interfaceLow: Int32Array;
  readonly interfaceBridge: Int16Array;
  readonly interfaceVlan: Uint16Array;
  /** A bit for each VLAN of each channel. */
  readonly #carried: Int32Array;
  /** Interfaces of the virtual MACs that are ours now, by the first interface of their VLAN and last 32 bits. */
  #virtual: HashIndex = new HashIndex(0);
  /** VIRTUAL_HIGH while there is a virtual MAC; -1: no MAC is looked up. */
  #virtualHigh = -1;

  constructor(config: BridgingConfig, common: CommonConfig) {
    assert(config.bridges.length <= MAX_BRIDGES, "an appliance has at most 256 bridges");
    const channels = common.channels.length;
    this.bridgeOf = new Int16Array(channels).fill(-1);
    this.lane = new Int32Array(channels).fill(Lane.Closed);
    this.port = Int16Array.from(common.channels, (channel) => channel.ports[0] ?? -1);
    this.#carried = new Int32Array(channels * WORDS);
    this.members = config.bridges.map((bridge) =>
      Int16Array.from(bridge.channels, (c) => c.channel),
    );
    for (const [index, bridge] of config.bridges.entries()) {
      for (const channel of bridge.channels) this.#attach(index, channel);
    }
    this.open = [...this.members];
    const { interfaces } = common;
    this.interfaceHigh = Int32Array.from(interfaces, (iface) => highOf(iface.mac));
    this.interfaceLow = Int32Array.from(interfaces, (iface) => lowOf(iface.mac));
    this.interfaceBridge = Int16Array.from(interfaces, (iface) => iface.bridge);
    this.interfaceVlan = Uint16Array.from(interfaces, (iface) => iface.vlan);
    this.firstInterface = new Int16Array(config.bridges.length << 12).fill(-1);
    this.nextInterface = new Int16Array(interfaces.length).fill(-1);
    for (let index = interfaces.length - 1; index >= 0; index--) {
      const on = this.interfaceBridge[index] as number;
      if (on < 0) continue;
      const place = (on << 12) | (this.interfaceVlan[index] as number);
      this.nextInterface[index] = this.firstInterface[place] ?? -1;
      this.firstInterface[place] = index;
      for (const channel of this.members[on] ?? []) {
        this.lane[channel] = (this.lane[channel] as number) | Lane.Inside;
      }
    }
  }

  #attach(bridge: number, config: BridgeChannelConfig): void {
    const { channel } = config;
    this.bridgeOf[channel] = bridge;
    const isAccess = config.mode === "access";
    const untagged = isAccess ? config.accessVlan : config.nativeVlan;
    this.lane[channel] = untagged | (bridge << Lane.BridgeShift) | (isAccess ? Lane.Access : 0);
    if (untagged > 0) this.#carry(channel, untagged);
    if (isAccess) return;
    for (const [first, last] of config.trunkVlans) {
      for (let vlan = first; vlan <= last; vlan++) this.#carry(channel, vlan);
    }
  }

  /** Closes a channel to frames, or takes that reason back; open is what has none and is on a bridge. */
  setReason(channel: ChannelId, reason: number, on: boolean): void {
    const { lane } = this;
    const before = lane[channel] as number;
    let word = (on ? before | reason : before & ~reason) & ~Lane.Closed;
    const bridge = this.bridgeOf[channel] as number;
    if (bridge < 0 || (word & REASONS) !== 0) word |= Lane.Closed;
    lane[channel] = word;
    if (bridge < 0 || ((before ^ word) & NO_EXIT) === 0) return;
    const members = this.members[bridge] as Int16Array;
    this.open[bridge] = members.filter((one) => ((lane[one] as number) & NO_EXIT) === 0);
  }

  /** What spanning tree lets a channel do with data frames. */
  setPortState(channel: ChannelId, learns: boolean, forwards: boolean): void {
    const { lane } = this;
    const word = (lane[channel] as number) & ~Lane.Learning;
    lane[channel] = learns && !forwards ? word | Lane.Learning : word;
    this.setReason(channel, Lane.Blocked, !forwards);
  }

  /** Keeps what spanning tree decided over a reload; `oldOf` gives the old number of each channel, -1 = new. */
  inherit(old: Membership, oldOf: Int32Array): void {
    for (let channel = 0; channel < this.lane.length; channel++) {
      const word = old.lane[oldOf[channel] as number] ?? 0;
      if ((word & Lane.Blocked) !== 0 && (this.bridgeOf[channel] as number) >= 0) {
        this.setPortState(channel, (word & Lane.Learning) !== 0, false);
      }
    }
  }

  #carry(channel: ChannelId, vlan: Vlan): void {
    if (vlan < 1 || vlan >= VID_RESERVED) return;
    const at = channel * WORDS + (vlan >>> 5);
    this.#carried[at] = (this.#carried[at] as number) | (1 << (vlan & 31));
  }

  /** The VLAN of a channel's untagged frames, both ways; 0 = none. */
  untagged(channel: ChannelId): Vlan {
    return (this.lane[channel] as number) & Lane.Vlan;
  }

  /** True when the channel is a member of the VLAN (1..4095). */
  carries(channel: ChannelId, vlan: Vlan): boolean {
    return (((this.#carried[channel * WORDS + (vlan >>> 5)] as number) >>> (vlan & 31)) & 1) === 1;
  }

  /** True when a station on a VLAN of a bridge may be at a channel; -1, nowhere, always. */
  mayHold(bridge: number, channel: ChannelId | -1, vlan: Vlan): boolean {
    if (channel < 0) return true;
    return this.bridgeOf[channel] === bridge && this.carries(channel, vlan);
  }

  /** The interface with this MAC on a VLAN of a bridge, or -1. `first` is the first one there, not -1. */
  findInterface(first: number, high: number, low: number): number {
    const iface = this.findOwn(first, high, low);
    if (iface >= 0 || high > this.#virtualHigh) return iface;
    return this.#virtual.find(first, low);
  }

  /** The same without virtual MACs. */
  findOwn(first: number, high: number, low: number): number {
    for (let iface = first; iface >= 0; iface = this.nextInterface[iface] as number) {
      if (this.interfaceLow[iface] === low && this.interfaceHigh[iface] === high) return iface;
    }
    return -1;
  }

  /** True when an open channel of the interface's VLAN can carry frames. */
  isReached(iface: number, isUp: (channel: ChannelId) => boolean): boolean {
    const vlan = this.interfaceVlan[iface] ?? 0;
    for (const channel of this.open[this.interfaceBridge[iface] ?? -1] ?? []) {
      if (this.carries(channel, vlan) && isUp(channel)) return true;
    }
    return false;
  }

  /** The virtual MACs that this core takes frames for (VR-4), each on an interface that is on a bridge. */
  setVirtual(macs: readonly { readonly iface: number; readonly mac: Mac }[]): void {
    this.#virtual = new HashIndex(macs.length);
    for (const { iface, mac } of macs) {
      const bridge = this.interfaceBridge[iface] ?? -1;
      if (bridge < 0 || highOf(mac) > VIRTUAL_HIGH) continue;
      const vlan = this.interfaceVlan[iface] as number;
      this.#virtual.set(this.firstInterface[(bridge << 12) | vlan] as number, lowOf(mac), iface);
    }
    this.#virtualHigh = this.#virtual.size > 0 ? VIRTUAL_HIGH : -1;
  }
}
