// How a frame leaves a bridge (BR-2, BR-6): through one channel, to all of its VLAN, or inside, with the tag that each
// wants. Bytes change in place where nobody else needs the frame; a flood needs at most two forms, the second a copy.

import { Drop } from "../engine/drop.ts";
import { OFFLOAD } from "../engine/frame.ts";
import type { ChannelSink, Inside } from "../engine/inside.ts";
import type { Out } from "../engine/out.ts";
import type { ChannelId, Millis, Offset, Vlan } from "../lib/units.ts";
import { EtherType } from "../wire/ethernet.ts";
import * as tag from "../wire/vlan.ts";
import { BridgeCounter } from "./counters.ts";
import { Lane, type Membership, NO_EXIT } from "./membership.ts";
import type { Protection } from "./protection.ts";

/** In place of a frame's tag control: it has no tag. */
export const UNTAGGED = -1;
/** In place of a frame's channel: it comes from inside. */
export const INSIDE = -1;

const rowOf = ({ bridgeOf }: Membership): Int32Array =>
  new Int32Array(Math.max(1, (bridgeOf.length + 31) >>> 5));

export class Egress {
  readonly #out: Out;
  readonly #view: DataView;
  readonly #sink: ChannelSink;
  readonly #inside: Inside;
  readonly #counters: Float64Array;
  /** True: the next flood reaches only channels whose bit in `allowed` is set. The caller sets both, right before. */
  limited = false;
  allowed: Int32Array;
  #membership: Membership;
  #lane: Int32Array;

  constructor(
    out: Out,
    sink: ChannelSink,
    inside: Inside,
    counters: Float64Array,
    membership: Membership,
  ) {
    this.#out = out;
    this.#view = out.view;
    this.#sink = sink;
    this.#inside = inside;
    this.#counters = counters;
    this.#membership = membership;
    this.#lane = membership.lane;
    this.allowed = rowOf(membership);
  }

  configure(membership: Membership): void {
    this.#membership = membership;
    this.#lane = membership.lane;
    this.allowed = rowOf(membership);
  }

  #count(counter: number): void {
    this.#counters[counter] = (this.#counters[counter] as number) + 1;
  }

  /** Sends a frame that nobody else needs, its tag made what the channel wants. */
  send(target: ChannelId, start: Offset, end: Offset, tci: number, vlan: Vlan, type: number): void {
    const view = this.#view;
    const lane = this.#lane[target] as number;
    if ((lane & NO_EXIT) !== 0) {
      this.#out.drop(Drop[(lane & Lane.Blocked) !== 0 ? "stp-discarding" : "shut"]);
      return;
    }
    let from = start;
    if ((lane & Lane.Vlan) === vlan) {
      if (tci >= 0) {
        if (type === EtherType.Vlan) {
          this.#out.drop(Drop["vlan-double-tag"]);
          return;
        }
        from = tag.remove(view, start);
      }
    } else if (tci < 0) from = tag.insert(view, start, vlan, EtherType.Vlan);
    else if ((tci & 0xfff) !== vlan) tag.setTci(view, start, (tci & 0xf000) | vlan);
    if (this.#sink.send(target, from, end)) this.#count(BridgeCounter.Forwarded);
    else this.#out.drop(Drop["channel-down"]);
  }

  /** Gives a frame to an interface; nobody else needs it. */
  deliver(
    iface: number,
    channel: ChannelId,
    start: Offset,
    end: Offset,
    tci: number,
    type: number,
    now: Millis,
  ): void {
    if (tci >= 0 && type === EtherType.Vlan) {
      this.#out.drop(Drop["vlan-double-tag"]);
      return;
    }
    this.#count(BridgeCounter.Local);
    this.#inside.deliver(iface, channel, tci < 0 ? start : tag.remove(this.#view, start), end, now);
  }

  /** Gives a copy to every interface on the VLAN, from `first` on; returns how many. */
  copyInside(
    first: number,
    channel: ChannelId,
    start: Offset,
    end: Offset,
    tci: number,
    type: number,
    now: Millis,
  ): number {
    if (tci >= 0 && type === EtherType.Vlan) return 0;
    let copies = 0;
    for (let iface = first; iface >= 0; iface = this.#membership.nextInterface[iface] as number) {
      const copy = this.#copy(start, end);
      if (copy < 0) break;
      const last = copy + end - start;
      this.deliver(iface, channel, copy, last, tci, type, now);
      copies++;
    }
    return copies;
  }

  /** The frame once more, with its offload header and room for a tag before it; -1 when no buffer is left (counted). */
  #copy(start: Offset, end: Offset): Offset {
    const copy = this.#out.scratch(end - start);
    if (copy >= 0) this.#out.copy(start - OFFLOAD, copy - OFFLOAD, end);
    return copy;
  }

  /**
   * To all channels of the VLAN but `source`: at most two forms of the frame, tagged and untagged. `isDelivered`: it
   * went inside already, so that nothing is lost when nobody else wants it.
   */
  flood(
    bridge: number,
    source: ChannelId | typeof INSIDE,
    start: Offset,
    end: Offset,
    tci: number,
    vlan: Vlan,
    type: number,
    isDelivered = false,
  ): void {
    if (!this.#relay(bridge, source, start, end, tci, vlan, type) && !isDelivered) {
      this.#out.drop(Drop[this.limited ? "group-unwanted" : "no-destination-channel"]);
    }
    this.limited = false;
  }

  /** The next flood reaches only whom the channel may reach. */
  limit(protection: Protection, channel: ChannelId): void {
    if (!this.limited) this.allowed.fill(-1);
    protection.restrict(channel, this.allowed);
    this.limited = true;
  }

  #isAllowed(channel: ChannelId): boolean {
    return (((this.allowed[channel >>> 5] as number) >>> (channel & 31)) & 1) === 1;
  }

  /** Sends the frame to who wants it; false when nobody does. A frame that may not leave is dropped here. */
  #relay(
    bridge: number,
    source: ChannelId | typeof INSIDE,
    start: Offset,
    end: Offset,
    tci: number,
    vlan: Vlan,
    type: number,
  ): boolean {
    const members = this.#membership.open[bridge] as Int16Array;
    let plain = 0;
    let tagged = 0;
    for (let n = 0; n < members.length; n++) {
      const target = members[n] as number;
      if (target === source || !this.#membership.carries(target, vlan)) continue;
      if (!this.#sink.isUp(target) || (this.limited && !this.#isAllowed(target))) continue;
      if (this.#membership.untagged(target) === vlan) plain++;
      else tagged++;
    }
    if (plain > 0 && tci >= 0 && type === EtherType.Vlan) {
      // An inner tag must not become the only one: the frame would change VLAN behind the appliance.
      plain = 0;
      this.#out.drop(Drop["vlan-double-tag"]);
      if (tagged === 0) return true;
    }
    if (plain + tagged === 0) return false;
    this.#count(BridgeCounter.Flooded);
    const view = this.#view;
    let other = start;
    if (plain > 0 && tagged > 0) other = this.#copy(start, end);
    const otherEnd = other + end - start;
    if (tci < 0) {
      if (plain > 0) this.#sendAll(members, source, vlan, true, start, end);
      if (tagged > 0 && other >= 0) {
        const from = tag.insert(view, other, vlan, EtherType.Vlan);
        this.#sendAll(members, source, vlan, false, from, otherEnd);
      }
      return true;
    }
    if ((tci & 0xfff) !== vlan) tag.setTci(view, start, (tci & 0xf000) | vlan);
    if (tagged > 0) this.#sendAll(members, source, vlan, false, start, end);
    if (plain > 0 && other >= 0) {
      this.#sendAll(members, source, vlan, true, tag.remove(view, other), otherEnd);
    }
    return true;
  }

  /** One form of a flooded frame to the channels that want it. */
  #sendAll(
    members: Int16Array,
    source: ChannelId | typeof INSIDE,
    vlan: Vlan,
    plain: boolean,
    start: Offset,
    end: Offset,
  ): void {
    for (let n = 0; n < members.length; n++) {
      const target = members[n] as number;
      if (target === source || !this.#membership.carries(target, vlan)) continue;
      if (this.limited && !this.#isAllowed(target)) continue;
      if ((this.#membership.untagged(target) === vlan) === plain)
        this.#sink.send(target, start, end);
    }
  }
}
