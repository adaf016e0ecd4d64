// Reads IGMP and MLD into what they mean for a switch: joins, leaves, queries and signs of routers. Both families end
// in the same few calls. Source lists are read as far as they say whether anybody listens at all: multicast is
// forwarded by group, not by source (RFC 4541 2.1.2 leaves that to the switch).

import { Drop } from "../engine/drop.ts";
import { Route } from "../engine/groups.ts";
import type { Millis, Offset } from "../lib/units.ts";
import * as icmpv6 from "../wire/icmpv6.ts";
import * as igmp from "../wire/igmp.ts";
import * as ipv4 from "../wire/ipv4.ts";
import * as ipv6 from "../wire/ipv6.ts";
import * as mld from "../wire/mld.ts";
import * as nd from "../wire/nd.ts";
import { PIM } from "./control.ts";
import type { Address, HeardQuery } from "./domain.ts";

/** What a message means; the master implements it for the message in work. */
export interface Listener {
  /** Somebody wants a group. `version` 1 = IGMPv1, which cannot leave. */
  join(group: Address, version: number): void;
  /** Somebody no longer wants it. */
  leave(group: Address): void;
  query(group: Address, query: HeardQuery & { readonly lowers: boolean }): void;
  /** A router is behind the channel for so long. */
  router(time: Millis): void;
  drop(reason: number): void;
}

/** How long a PIM hello is believed when it says nothing else: 3.5 * 30 s (RFC 7761 4.11). */
const PIM_HOLD: Millis = 105_000;
/** How long an advertisement of RFC 4286 is believed: three times its longest interval, 180 s. */
const DISCOVERY_HOLD: Millis = 540_000;
const PIM_HELLO = 0x20;

const group4 = (address: number): Address => [0, 0, 0, address | 0];
export const wordsAt = (view: DataView, at: Offset): Address => [
  view.getInt32(at),
  view.getInt32(at + 4),
  view.getInt32(at + 8),
  view.getInt32(at + 12),
];

/** True for a group that everybody gets: 224.0.0.0/24 (RFC 4541 2.1.2) or scopes 0 to 2 of IPv6 (RFC 4291 2.7). */
export const isLinkScope4 = (address: number): boolean => address >>> 8 === 0xe00000;
export const isLinkScope6 = (word: number): boolean => ((word >>> 16) & 15) <= 2;

/** What a record of version 3 or MLDv2 means by group: RFC 3376 6.4 and RFC 3810 7.4, sources left aside. */
function record(kind: number, sources: number, group: Address, listener: Listener): void {
  const { Record } = igmp;
  switch (kind) {
    case Record.IsExclude:
    case Record.ToExclude:
      listener.join(group, 3);
      return;
    case Record.IsInclude:
    case Record.Allow:
      if (sources > 0) listener.join(group, 3);
      return;
    case Record.ToInclude:
      if (sources > 0) listener.join(group, 3);
      else listener.leave(group);
      return;
    default:
      // BLOCK: somebody gives up sources; whether one is left the querier asks. Unknown types are skipped (4.2.12).
      return;
  }
}

/** A packet for which `isControl4` holds. Where it goes: queries and what is unknown to all, reports to routers. */
export function read4(view: DataView, at: Offset, frameEnd: Offset, listener: Listener): Route {
  if (!ipv4.isValid(view, at, frameEnd)) return refuse(listener, Drop["snoop-invalid"]);
  if (ipv4.isFragment(view, at)) return Route.Flood;
  const end = ipv4.packetEnd(view, at);
  const message = ipv4.payload(view, at);
  if (ipv4.protocol(view, at) === PIM) return readPim(view, message, end, listener);
  if (end - message < igmp.LENGTH) return refuse(listener, Drop["igmp-short"]);
  if (!igmp.isValid(view, message, end)) return refuse(listener, Drop["igmp-checksum"]);
  const group = igmp.group(view, message);
  switch (igmp.type(view, message)) {
    case igmp.Type.Query:
      return readQuery4(view, at, message, end, listener);
    case igmp.Type.Report1:
    case igmp.Type.Report2: {
      if (!ipv4.isMulticast(group)) return refuse(listener, Drop["snoop-invalid"]);
      const version = igmp.type(view, message) === igmp.Type.Report1 ? 1 : 2;
      if (!isLinkScope4(group)) listener.join(group4(group), version);
      return Route.Some;
    }
    case igmp.Type.Leave:
      if (!ipv4.isMulticast(group)) return refuse(listener, Drop["snoop-invalid"]);
      if (!isLinkScope4(group)) listener.leave(group4(group));
      return Route.Some;
    case igmp.Type.Report3:
      return readReport4(view, message, end, listener);
    case igmp.Type.RouterAdvertisement:
      listener.router(DISCOVERY_HOLD);
      return Route.Flood;
    default:
      return Route.Flood;
  }
}

function refuse(listener: Listener, reason: number): Route {
  listener.drop(reason);
  return Route.Drop;
}

function readPim(view: DataView, at: Offset, end: Offset, listener: Listener): Route {
  if (end - at >= 4 && view.getUint8(at) === PIM_HELLO) listener.router(PIM_HOLD);
  return Route.Flood;
}

function readQuery4(
  view: DataView,
  ip: Offset,
  at: Offset,
  end: Offset,
  listener: Listener,
): Route {
  const version = igmp.queryVersion(view, at, end);
  const group = igmp.group(view, at);
  if (version === 0 || (group !== 0 && !ipv4.isMulticast(group))) {
    return refuse(listener, Drop["snoop-invalid"]);
  }
  const is3 = version === 3;
  listener.query(group4(group), {
    from: group4(ipv4.source(view, ip)),
    isGeneral: group === 0,
    responseDelay: igmp.responseDelay(view, at, version),
    robustness: is3 ? igmp.robustness(view, at) : 0,
    interval: is3 ? igmp.interval(view, at) * 1000 : 0,
    lowers: !is3 || (!igmp.suppresses(view, at) && igmp.querySources(view, at) === 0),
  });
  return Route.Flood;
}

function readReport4(view: DataView, at: Offset, end: Offset, listener: Listener): Route {
  let one = igmp.firstRecord(at);
  for (let left = igmp.recordCount(view, at); left > 0; left--) {
    const next = igmp.nextRecord(view, one, end);
    if (next < 0) return refuse(listener, Drop["igmp-short"]);
    const group = igmp.recordGroup(view, one);
    if (ipv4.isMulticast(group) && !isLinkScope4(group)) {
      const sources = igmp.recordSources(view, one);
      record(igmp.recordType(view, one), sources, group4(group), listener);
    }
    one = next;
  }
  return Route.Some;
}

/** A packet for which `isControl6` holds. */
export function read6(view: DataView, at: Offset, frameEnd: Offset, listener: Listener): Route {
  if (!ipv6.isValid(view, at, frameEnd)) return refuse(listener, Drop["snoop-invalid"]);
  const end = ipv6.packetEnd(view, at);
  if (ipv6.nextHeader(view, at) === PIM) {
    return readPim(view, at + ipv6.LENGTH, end, listener);
  }
  const found = ipv6.upper(view, at);
  const message = at + ipv6.upperOffset(found);
  if (end - message < icmpv6.LENGTH) return refuse(listener, Drop["snoop-invalid"]);
  if (!icmpv6.verify(view, at, message, end)) return refuse(listener, Drop["nd-checksum"]);
  // RFC 2710 3, RFC 3810 5: hop limit 1 and a link-local source; RFC 3590: reports may come from ::.
  const { Type } = icmpv6;
  const type = view.getUint8(message);
  if (ipv6.hopLimit(view, at) !== 1) return refuse(listener, Drop["mld-invalid"]);
  const from = wordsAt(view, at + 8);
  const isLocal = from[0] >>> 22 === 0x3fa;
  const isNone = (from[0] | from[1] | from[2] | from[3]) === 0;
  if (!isLocal && !(isNone && type !== Type.ListenerQuery)) {
    return refuse(listener, Drop["mld-invalid"]);
  }
  if (type === Type.MulticastRouterAdvertisement) {
    listener.router(DISCOVERY_HOLD);
    return Route.Flood;
  }
  if (type === Type.ListenerReport2) return readReport6(view, message, end, listener);
  if (end - message < mld.LENGTH) return refuse(listener, Drop["mld-invalid"]);
  const group = wordsAt(view, mld.groupAt(message));
  if (type === Type.ListenerQuery) return readQuery6(view, from, message, end, listener);
  if (!nd.isMulticast(view, mld.groupAt(message))) {
    return refuse(listener, Drop["mld-invalid"]);
  }
  if (!isLinkScope6(group[0])) {
    if (type === Type.ListenerDone) listener.leave(group);
    else listener.join(group, 2);
  }
  return Route.Some;
}

function readQuery6(
  view: DataView,
  from: Address,
  at: Offset,
  end: Offset,
  listener: Listener,
): Route {
  const version = mld.queryVersion(at, end);
  const group = wordsAt(view, mld.groupAt(at));
  const isGeneral = (group[0] | group[1] | group[2] | group[3]) === 0;
  if (version === 0 || (!isGeneral && group[0] >>> 24 !== 0xff)) {
    return refuse(listener, Drop["mld-invalid"]);
  }
  const is2 = version === 2;
  listener.query(group, {
    from,
    isGeneral,
    responseDelay: mld.responseDelay(view, at, version),
    robustness: is2 ? mld.robustness(view, at) : 0,
    interval: is2 ? mld.interval(view, at) * 1000 : 0,
    lowers: !is2 || (!mld.suppresses(view, at) && mld.querySources(view, at) === 0),
  });
  return Route.Flood;
}

function readReport6(view: DataView, at: Offset, end: Offset, listener: Listener): Route {
  let one = mld.firstRecord(at);
  for (let left = mld.recordCount(view, at); left > 0; left--) {
    const next = mld.nextRecord(view, one, end);
    if (next < 0) return refuse(listener, Drop["mld-invalid"]);
    const group = wordsAt(view, mld.recordGroupAt(one));
    if (group[0] >>> 24 === 0xff && !isLinkScope6(group[0])) {
      record(mld.recordType(view, one), mld.recordSources(view, one), group, listener);
    }
    one = next;
  }
  return Route.Some;
}
