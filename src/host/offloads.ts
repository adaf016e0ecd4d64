// What a router must know of frames with work left to the sender (engine/frame.ts): whether the offload header can be
// true, how long the packets are that a super-frame will be cut into, and how a checksum is finished here.

import type { Offset } from "../lib/units.ts";
import * as checksum from "../wire/checksum.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as ipv4 from "../wire/ipv4.ts";
import * as offload from "../wire/offload.ts";
import * as tcp from "../wire/tcp.ts";
import * as udp from "../wire/udp.ts";

const ETHERNET = ethernet.LENGTH;

/** True when the offload header fits the valid IPv4 packet in start..end. */
export function isConsistent(view: DataView, start: Offset, end: Offset): boolean {
  const ip = start + ETHERNET;
  if (offload.needsChecksum(view, start)) {
    const from = offload.csumStart(view, start);
    const field = from + offload.csumOffset(view, start);
    if (start + from < ipv4.payload(view, ip) || start + field + 2 > end) return false;
  }
  if (!offload.isSuper(view, start)) return true;
  if (offload.gsoSize(view, start) === 0 || ipv4.isLaterFragment(view, ip)) return false;
  const transport = ipv4.payload(view, ip);
  const protocol = ipv4.protocol(view, ip);
  switch (offload.gsoType(view, start)) {
    case offload.Gso.Tcp4:
      return protocol === ipv4.Protocol.Tcp && tcp.isValid(view, transport, end);
    case offload.Gso.Udp:
    case offload.Gso.UdpL4:
      return protocol === ipv4.Protocol.Udp && end - transport >= udp.LENGTH;
    default:
      return false;
  }
}

/** Length of the longest IPv4 packet that the consistent frame becomes on the wire. */
export function packetLength(view: DataView, start: Offset, end: Offset): number {
  const ip = start + ETHERNET;
  const whole = end - ip;
  if (!offload.isSuper(view, start)) return whole;
  const header = ipv4.headerLength(view, ip);
  let transport = 0; // The old UFO cuts as IPv4 does: the transport header is payload of the first piece.
  switch (offload.gsoType(view, start)) {
    case offload.Gso.Tcp4:
      transport = tcp.headerLength(view, ip + header);
      break;
    case offload.Gso.UdpL4:
      transport = udp.LENGTH;
      break;
  }
  return Math.min(whole, header + transport + offload.gsoSize(view, start));
}

/** True when the frame is one packet, however it was to be cut: it may be fragmented at will. */
export function isOnePacket(view: DataView, start: Offset): boolean {
  return !offload.isSuper(view, start) || offload.gsoType(view, start) === offload.Gso.Udp;
}

/** Finishes the checksum of a consistent frame, which is then an ordinary, whole one. */
export function settle(view: DataView, start: Offset, end: Offset): void {
  if (offload.needsChecksum(view, start)) {
    const from = start + offload.csumStart(view, start);
    const field = from + offload.csumOffset(view, start);
    // The field holds the pseudo-header's sum and is part of what is summed (Virtual I/O Device 1.2, 5.1.6.2).
    const sum = checksum.compute(view, from, end);
    const isUdp = ipv4.protocol(view, start + ETHERNET) === ipv4.Protocol.Udp;
    view.setUint16(field, sum === 0 && isUdp ? 0xffff : sum);
  }
  offload.clear(view, start);
}
