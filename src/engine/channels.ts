// Channels as everybody else sees them: which port a frame for a channel leaves through, and which channel a received
// frame belongs to. A channel of one port is that port. An aggregated channel spreads frames over the members that
// distribute (spread.ts), and takes frames from members that collect; what members may do, link aggregation tells
// (LAG-3).

import type { ChannelId, Offset, PortId } from "../lib/units.ts";
import type { ChannelConfig } from "./config.ts";
import type { ChannelSink } from "./inside.ts";
import type { Out } from "./out.ts";
import { deal, HASH_NAMES, SLOTS, slotOf } from "./spread.ts";

/** The port is in no channel. */
const NONE = -1;
/** From here down: the port's frames are not taken now; the channel is BLOCKED minus the value. */
const BLOCKED = -2;

/** An aggregated channel's members and hash. */
interface Aggregate {
  readonly channel: ChannelId;
  readonly members: readonly PortId[];
  /** Index of HASH_NAMES. */
  readonly policy: number;
}

export class Channels implements ChannelSink {
  readonly #out: Out;
  /** The port of each channel; NONE = none; from BLOCKED down: BLOCKED minus the number of the aggregate. */
  #port: Int32Array = new Int32Array(0);
  /** 1 = frames may leave. */
  #up: Uint8Array = new Uint8Array(0);
  /** The channel of each port; NONE, or blocked. */
  #channel: Int32Array = new Int32Array(0);
  /** 1 = the port's link is up. */
  #link: Uint8Array = new Uint8Array(0);
  #aggregates: readonly Aggregate[] = [];
  /** The member of each slot, SLOTS of each aggregate. */
  #spread: Int16Array = new Int16Array(0);
  /** Of members: 1 = may send now. */
  #distributing: Uint8Array = new Uint8Array(0);
  /** The former channel of a port that left an aggregate in this run and is still held shut, plus 1; 0 = none. */
  #freed: Int32Array = new Int32Array(0);

  constructor(out: Out, channels: readonly ChannelConfig[], ports: number) {
    this.#out = out;
    this.configure(channels, ports);
  }

  /**
   * Takes over a new list of channels; ports keep their link state. Members of aggregates start shut; a port that
   * leaves an aggregate and would stand alone is shut until `release`, so that two such links cannot make a loop.
   */
  configure(channels: readonly ChannelConfig[], ports: number): void {
    const link = new Uint8Array(ports).fill(1);
    link.set(this.#link.subarray(0, ports));
    this.#link = link;
    const freed = this.#leavers(channels, ports);
    this.#freed = freed;
    this.#port = new Int32Array(channels.length).fill(NONE);
    this.#up = new Uint8Array(channels.length);
    this.#channel = new Int32Array(ports).fill(NONE);
    this.#distributing = new Uint8Array(ports);
    const aggregates: Aggregate[] = [];
    for (const [index, channel] of channels.entries()) {
      if (channel.hash !== undefined) {
        this.#port[index] = BLOCKED - aggregates.length;
        const policy = HASH_NAMES.indexOf(channel.hash);
        aggregates.push({ channel: index, members: channel.ports, policy });
        for (const port of channel.ports) this.#channel[port] = BLOCKED - index;
        continue;
      }
      const [port] = channel.ports;
      if (port === undefined) continue;
      this.#port[index] = port;
      const isShut = freed[port] !== 0;
      this.#channel[port] = isShut ? BLOCKED - index : index;
      this.#up[index] = link[port] === 1 && !isShut ? 1 : 0;
    }
    this.#aggregates = aggregates;
    this.#spread = new Int16Array(aggregates.length * SLOTS).fill(NONE);
  }

  /** Ports that are members now and will stand alone; those that left before and are still shut stay so. */
  #leavers(channels: readonly ChannelConfig[], ports: number): Int32Array {
    const freed = new Int32Array(ports);
    freed.set(this.#freed.subarray(0, ports));
    for (const { channel, members } of this.#aggregates) {
      for (const port of members) if (port < ports) freed[port] = channel + 1;
    }
    for (const channel of channels) {
      if (channel.hash !== undefined) for (const port of channel.ports) freed[port] = 0;
    }
    return freed;
  }

  /** The channel whose frames a port brings now, or a negative number: see `isBlocked`. */
  channelOf(port: PortId): ChannelId {
    return this.#channel[port] ?? NONE;
  }

  /** True when a port has a channel, but its frames are not taken. */
  isBlocked(port: PortId): boolean {
    return (this.#channel[port] ?? NONE) <= BLOCKED;
  }

  /** The channel of a port, whether its frames are taken or not; -1 = none. */
  ownerOf(port: PortId): ChannelId {
    const channel = this.#channel[port] ?? NONE;
    return channel <= BLOCKED ? BLOCKED - channel : channel;
  }

  send(channel: ChannelId, start: Offset, end: Offset): boolean {
    if (this.#up[channel] !== 1) return false;
    let port = this.#port[channel] ?? NONE;
    if (port < 0) port = this.#member(BLOCKED - port, start, end);
    this.#out.transmit(port, start, end);
    return true;
  }

  #member(aggregate: number, start: Offset, end: Offset): PortId {
    const { policy } = this.#aggregates[aggregate] as Aggregate;
    const slot = slotOf(this.#out.view, start, end, policy);
    return this.#spread[aggregate * SLOTS + slot] as number;
  }

  isUp(channel: ChannelId): boolean {
    return this.#up[channel] === 1;
  }

  isPortUp(port: PortId): boolean {
    return this.#link[port] === 1;
  }

  /** What a member of an aggregate may do from now on. */
  setMember(port: PortId, collecting: boolean, distributing: boolean): void {
    const channel = this.ownerOf(port);
    if (channel < 0 || (this.#port[channel] ?? 0) > BLOCKED) return;
    this.#channel[port] = collecting ? channel : BLOCKED - channel;
    this.#distributing[port] = distributing ? 1 : 0;
    this.#deal(channel);
  }

  /** The members that frames may leave through now. */
  active(channel: ChannelId): PortId[] {
    const port = this.#port[channel] ?? NONE;
    if (port > BLOCKED) return this.#up[channel] === 1 ? [port] : [];
    const { members } = this.#aggregates[BLOCKED - port] as Aggregate;
    return members.filter((one) => this.#distributing[one] === 1 && this.#link[one] === 1);
  }

  #deal(channel: ChannelId): void {
    const aggregate = BLOCKED - (this.#port[channel] as number);
    const present = this.active(channel);
    this.#up[channel] = present.length > 0 ? 1 : 0;
    if (present.length === 0) return;
    const { members } = this.#aggregates[aggregate] as Aggregate;
    deal(members, present, this.#spread, aggregate * SLOTS);
  }

  /** The port's link came up or went down. A freed port that went down was taken in hand: it is released. */
  linkChanged(port: PortId, up: boolean): void {
    this.#link[port] = up ? 1 : 0;
    const channel = this.ownerOf(port);
    if (channel < 0) return;
    if ((this.#port[channel] ?? NONE) <= BLOCKED) {
      this.#deal(channel);
      return;
    }
    if (!up && this.#freed[port] !== 0) this.release(port);
    this.#up[channel] = up && this.#freed[port] === 0 ? 1 : 0;
  }

  /** The former channel of a port that left an aggregate and is held shut, or -1. */
  freedFrom(port: PortId): ChannelId {
    return (this.#freed[port] ?? 0) - 1;
  }

  /** Lets a freed port take frames. */
  release(port: PortId): void {
    if ((this.#freed[port] ?? 0) === 0) return;
    this.#freed[port] = 0;
    const channel = this.ownerOf(port);
    if (channel < 0) return;
    this.#channel[port] = channel;
    this.#up[channel] = this.#link[port] as number;
  }
}
