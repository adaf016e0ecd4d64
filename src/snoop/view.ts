// Rows of `show groups`, in numbers: each core's copy, and what the link master alone knows.

import type { Millis } from "../lib/units.ts";
import { Asker } from "./domain.ts";
import type { Master } from "./master.ts";
import { bridgeOf, Family, familyOf, type GroupTable, Kind, RouterFlag, vlanOf } from "./table.ts";

const ASKER_NAMES = { [Asker.None]: "none", [Asker.Other]: "other", [Asker.Own]: "own" } as const;

/** Channels of a row. */
function channelsOf(groups: GroupTable, slot: number): number[] {
  const channels: number[] = [];
  if (slot < 0) return channels;
  for (let channel = 0; channel < groups.words * 32; channel++) {
    if (groups.has(slot, channel)) channels.push(channel);
  }
  return channels;
}

/** Four unsigned words, as `show` prints an IPv6 address; one number for IPv4. */
function addressOf(groups: GroupTable, slot: number): number | number[] {
  const isIpv6 = familyOf(groups.scope(slot)) === Family.Ipv6;
  const words = [0, 1, 2, 3].map((word) => groups.word(slot, word) >>> 0);
  return isIpv6 ? words : (words[3] as number);
}

export function rowOf(
  groups: GroupTable,
  slot: number,
  master: Master | null,
  now: Millis,
): Record<string, unknown> {
  const scope = groups.scope(slot);
  const isGroup = groups.kind(slot) === Kind.Group;
  const routers = groups.routers(scope);
  const flags = routers < 0 ? 0 : groups.flags(routers);
  const isOwn = (flags & RouterFlag.Own) !== 0;
  const isNobody = [0, 1, 2, 3].every((word) => routers < 0 || groups.word(routers, word) === 0);
  const last = master === null || !isGroup ? 0 : master.members.last(slot);
  const domain = master?.domains.get(scope);
  return {
    bridge: bridgeOf(scope),
    vlan: vlanOf(scope),
    family: familyOf(scope) === Family.Ipv6 ? "ipv6" : "ipv4",
    group: isGroup ? addressOf(groups, slot) : null,
    channels: isGroup ? channelsOf(groups, slot) : [],
    routers: channelsOf(groups, routers),
    querier: routers < 0 || (isNobody && !isOwn) ? null : addressOf(groups, routers),
    querierState: isOwn ? "own" : isNobody ? ASKER_NAMES[domain?.state ?? 0] : "other",
    limited: (flags & RouterFlag.Active) !== 0,
    expiresMs: last > 0 && last < Infinity ? Math.max(0, last - now) : null,
    version: groups.version(slot),
  };
}
