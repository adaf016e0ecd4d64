// A frame on a channel that learns and does not forward yet (IEEE 802.1D-2004 7.8, 17.10): its source counts, the rest
// does not.

import { MIN_FRAME } from "../engine/frame.ts";
import type { ChannelId, Millis, Offset } from "../lib/units.ts";
import { EtherType } from "../wire/ethernet.ts";
import * as tag from "../wire/vlan.ts";
import type { Learning } from "./learning.ts";
import { Lane, type Membership } from "./membership.ts";
import { makeKey } from "./table.ts";

/** Learns the source of a frame of at least MIN_FRAME bytes, by the ingress filter's rules; no drop is counted here. */
export function learnOnly(
  membership: Membership,
  bridges: readonly Learning[],
  channel: ChannelId,
  view: DataView,
  start: Offset,
  end: Offset,
  now: Millis,
): void {
  const lane = membership.lane[channel] as number;
  let vlan = lane & Lane.Vlan;
  if (view.getUint16(start + 12) === EtherType.Vlan) {
    if (end - start < MIN_FRAME + tag.LENGTH) return;
    const id = view.getUint16(start + 14) & 0xfff;
    const isMember = id !== tag.VID_RESERVED && membership.carries(channel, id);
    if (id !== 0 && id !== vlan) vlan = isMember && (lane & Lane.Access) === 0 ? id : 0;
  }
  const high = view.getUint16(start + 6);
  const low = view.getInt32(start + 8);
  if (vlan === 0 || (high & 0x100) !== 0 || (high | low) === 0) return;
  const bridge = (lane >> Lane.BridgeShift) & Lane.Bridge;
  const iface = membership.firstInterface[(bridge << 12) | vlan] as number;
  if (iface >= 0 && membership.findInterface(iface, high, low) >= 0) return; // Our own, come back.
  const stations = bridges[bridge] as Learning;
  const from = stations.table.find(low, makeKey(high, vlan));
  if (from < 0) stations.learn(low, makeKey(high, vlan), channel, now);
  else stations.seen(from, channel, now);
}
