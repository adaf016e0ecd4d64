// Frames to groups (BR-2, BR-8): own probes end here; what snooping and isolation leave of the VLAN's channels gets the
// rest, and the appliance's own interfaces always do.

import { Drop } from "../engine/drop.ts";
import { type GroupForwarding, Route } from "../engine/groups.ts";
import type { Out } from "../engine/out.ts";
import { Role } from "../engine/role.ts";
import type { ChannelId, Millis, Offset, PortId, Vlan } from "../lib/units.ts";
import { type Egress, INSIDE, UNTAGGED } from "./egress.ts";
import { PROBE_TYPE } from "./loop.ts";
import type { Membership } from "./membership.ts";
import { NO_CHANNEL } from "./message.ts";
import type { Protection } from "./protection.ts";
import { CHANNEL_MASK } from "./table.ts";

export class Multicast {
  /** Absent: all multicast floods. */
  groups: GroupForwarding | null = null;
  /** The port of the frame in work. */
  port: PortId = 0;
  readonly #out: Out;
  readonly #egress: Egress;
  #membership: Membership;
  #protection: Protection;

  constructor(out: Out, egress: Egress, membership: Membership, protection: Protection) {
    this.#out = out;
    this.#egress = egress;
    this.#membership = membership;
    this.#protection = protection;
  }

  configure(membership: Membership, protection: Protection): void {
    this.#membership = membership;
    this.#protection = protection;
  }

  /**
   * A frame to a group, broadcast included, that arrived on a channel through `port`. `first` is the first interface on
   * the VLAN, or -1.
   */
  spread(
    first: number,
    channel: ChannelId,
    start: Offset,
    end: Offset,
    tci: number,
    vlan: Vlan,
    type: number,
    now: Millis,
  ): void {
    const out = this.#out;
    const egress = this.#egress;
    const protection = this.#protection;
    const at = start + (tci < 0 ? 14 : 18);
    if (type === PROBE_TYPE && protection.probed(channel, start, at, end, vlan, now)) {
      out.drop(Drop["loop-probe"]);
      return;
    }
    // The core that handed a frame over has given it to the own interfaces. They come first: they may answer.
    const isInside = first >= 0 && out.isTreated !== true;
    const copies = isInside ? egress.copyInside(first, channel, start, end, tci, type, now) : 0;
    const bridge = this.#membership.bridgeOf[channel] as number;
    if (this.groups !== null && out.view.getInt16(start) !== -1) {
      const route = this.groups.route(bridge, channel, vlan, at, end, type, now);
      if (route === Route.Drop) return;
      if (route === Route.Master) {
        out.handover(out.master(Role.Link), this.port, start, end);
        return;
      }
      egress.limited = route === Route.Some;
      if (egress.limited) egress.allowed.set(this.groups.allowed);
    }
    if (protection.isIsolated(channel)) egress.limit(protection, channel);
    egress.flood(bridge, channel, start, end, tci, vlan, type, copies > 0);
  }

  /** A frame to one station (-1: an unknown one) from a guarded channel: true when it may not go on (BR-9). */
  isKept(meta: number, channel: ChannelId, now: Millis): boolean {
    const protection = this.#protection;
    if (meta < 0) {
      if (!protection.admitsUnknown(channel, now)) return true;
      if (protection.isIsolated(channel)) this.#egress.limit(protection, channel);
      return false;
    }
    const target = meta & CHANNEL_MASK;
    if (target === NO_CHANNEL || protection.mayReach(channel, target)) return false;
    this.#out.drop(Drop.isolated);
    return true;
  }

  /** An untagged frame from inside to a group. */
  output(bridge: number, start: Offset, end: Offset, vlan: Vlan, type: number, now: Millis): void {
    const egress = this.#egress;
    if (this.groups !== null && this.#out.view.getInt16(start) !== -1) {
      const route = this.groups.route(bridge, INSIDE, vlan, start + 14, end, type, now);
      if (route === Route.Drop) return;
      egress.limited = route === Route.Some;
      if (egress.limited) egress.allowed.set(this.groups.allowed);
    }
    egress.flood(bridge, INSIDE, start, end, UNTAGGED, vlan, type);
  }
}
