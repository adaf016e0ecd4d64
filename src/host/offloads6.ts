// What a router must know of IPv6 frames with work left to the sender (engine/frame.ts): whether
// the offload header can be true, how long the packets are that a super-frame will be cut into, and
// how a checksum is finished here.

import type { Offset } from "../lib/units.ts";
import * as checksum from "../wire/checksum.ts";
import * as ethernet from "../wire/ethernet.ts";
import { Protocol } from "../wire/ipv4.ts";
import * as ipv6 from "../wire/ipv6.ts";
import * as offload from "../wire/offload.ts";
import * as tcp from "../wire/tcp.ts";
import * as udp from "../wire/udp.ts";

const ETHERNET = ethernet.LENGTH;
const FRAGMENT_HEADER = 8;

/** True when the offload header fits the valid IPv6 packet in start..end. */
export function isConsistent(view: DataView, start: Offset, end: Offset): boolean {
  const ip = start + ETHERNET;
  const found = ipv6.upper(view, ip);
  if (found < 0) return false;
  const transport = ip + ipv6.upperOffset(found);
  if (offload.needsChecksum(view, start)) {
    const from = offload.csumStart(view, start);
    const field = from + offload.csumOffset(view, start);
    if (start + from < transport || start + field + 2 > end) return false;
  }
  if (!offload.isSuper(view, start)) return true;
  if (offload.gsoSize(view, start) === 0) return false;
  const protocol = ipv6.upperProtocol(found);
  switch (offload.gsoType(view, start)) {
    case offload.Gso.Tcp6:
      return protocol === Protocol.Tcp && tcp.isValid(view, transport, end);
    case offload.Gso.Udp:
    case offload.Gso.UdpL4:
      return protocol === Protocol.Udp && end - transport >= udp.LENGTH;
    default:
      return false;
  }
}

/** Length of the longest IPv6 packet that the consistent frame becomes on the wire. */
export function packetLength(view: DataView, start: Offset, end: Offset): number {
  const ip = start + ETHERNET;
  const whole = end - ip;
  if (!offload.isSuper(view, start)) return whole;
  const headers = ipv6.upperOffset(ipv6.upper(view, ip));
  // The old UFO cuts into fragments: each gets a fragment header, and the transport header is
  // payload of the first.
  let more = FRAGMENT_HEADER;
  switch (offload.gsoType(view, start)) {
    case offload.Gso.Tcp6:
      more = tcp.headerLength(view, ip + headers);
      break;
    case offload.Gso.UdpL4:
      more = udp.LENGTH;
      break;
  }
  return Math.min(whole, headers + more + offload.gsoSize(view, start));
}

/** Finishes the checksum of a consistent frame, which is then an ordinary, whole one. */
export function settle(view: DataView, start: Offset, end: Offset): void {
  if (offload.needsChecksum(view, start)) {
    const from = start + offload.csumStart(view, start);
    const field = from + offload.csumOffset(view, start);
    // The field holds the pseudo-header's sum and is part of what is summed (Virtual I/O Device
    // 1.2, 5.1.6.2). A UDP sum of 0 is not allowed (RFC 8200 8.1), and to the others both zeros are
    // one.
    view.setUint16(field, checksum.compute(view, from, end) || 0xffff);
  }
  offload.clear(view, start);
}
