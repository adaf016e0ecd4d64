// What in a frame to a group is not data: IGMP, MLD, and what else shows a router (RFC 4541 2.1.1: PIM hellos; RFC
// 4286: multicast router discovery). Only looks, cheaply, and on every core; what the bytes say in detail reads.ts
// finds on the link master.

import type { Offset } from "../lib/units.ts";
import * as icmpv6 from "../wire/icmpv6.ts";
import * as ipv4 from "../wire/ipv4.ts";
import * as ipv6 from "../wire/ipv6.ts";
import * as mld from "../wire/mld.ts";

/** IANA "protocol-numbers": PIM. */
export const PIM = 103;
/** 224.0.0.13 and the last word of ff02::d (RFC 7761 4.3.1). */
const PIM_ROUTERS = 0xe000000d;
const PIM_ROUTERS6 = 0x0d;

/** True for a packet with a whole IPv4 header that is IGMP, or PIM to all its routers. */
export function isControl4(view: DataView, at: Offset): boolean {
  const protocol = view.getUint8(at + 9);
  if (protocol === ipv4.Protocol.Igmp) return true;
  return protocol === PIM && ipv4.destination(view, at) === PIM_ROUTERS;
}

/** The same for a packet with a whole IPv6 header: MLD has a hop-by-hop header. */
export function isControl6(view: DataView, at: Offset, end: Offset): boolean {
  const next = ipv6.nextHeader(view, at);
  if (next === PIM) {
    return ipv6.destination(view, at, 0) === 0xff020000 && isPimGroup(view, at);
  }
  if (next !== ipv6.Next.HopByHop || !ipv6.isValid(view, at, end)) return false;
  const found = ipv6.upper(view, at);
  if (found < 0 || ipv6.upperProtocol(found) !== ipv4.Protocol.Icmpv6) return false;
  const message = at + ipv6.upperOffset(found);
  if (message >= ipv6.packetEnd(view, at)) return false;
  const type = view.getUint8(message);
  return mld.isMld(type) || type === icmpv6.Type.MulticastRouterAdvertisement;
}

const isPimGroup = (view: DataView, at: Offset): boolean =>
  ipv6.destination(view, at, 1) === 0 &&
  ipv6.destination(view, at, 2) === 0 &&
  ipv6.destination(view, at, 3) === PIM_ROUTERS6;
