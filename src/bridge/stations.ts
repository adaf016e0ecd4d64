// What people and tables ask of the stations of all bridges.

import type { ChannelId, Mac, Millis, Vlan } from "../lib/units.ts";
import type { Learning } from "./learning.ts";
import { NO_CHANNEL } from "./message.ts";
import { CHANNEL_MASK, highOf, lowOf, makeKey } from "./table.ts";

/** What `clear` flushes: what all given fields match. */
export interface ClearFilter {
  readonly bridge?: number | undefined;
  readonly vlan?: Vlan | undefined;
  readonly channel?: ChannelId | undefined;
  readonly mac?: Mac | undefined;
}

/** Flushes the dynamic stations that match, here and on the other cores; how many this core held. */
export function clearStations(
  bridges: readonly Learning[],
  filter: ClearFilter,
  now: Millis,
): number {
  const { bridge = -1, vlan = 0, channel = -1, mac = -1 } = filter;
  let count = 0;
  for (const stations of bridges) {
    if (bridge >= 0 && stations.index !== bridge) continue;
    count += stations.clear(mac, vlan, channel, now);
  }
  return count;
}

/** The channel of a station, or -1. */
export function locateStation(stations: Learning | undefined, mac: Mac, vlan: Vlan): ChannelId {
  if (stations === undefined) return -1;
  const slot = stations.table.find(lowOf(mac), makeKey(highOf(mac), vlan));
  const channel = slot < 0 ? NO_CHANNEL : stations.table.meta(slot) & CHANNEL_MASK;
  return channel === NO_CHANNEL ? -1 : channel;
}
