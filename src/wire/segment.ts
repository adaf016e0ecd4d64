// Cuts a super-frame of a local kernel (TCP or UDP segmentation offload, offload.ts) into ordinary frames, for ports
// that cannot pass it on whole. The layout is found from the packet itself; an offload header that contradicts it
// makes the frame a bad one. Tags stay. Identification counts up, checksums are computed anew, as Linux does it.

import type { Copy } from "../lib/copy.ts";
import type { Offset } from "../lib/units.ts";
import * as checksum from "./checksum.ts";
import { EtherType } from "./ethernet.ts";
import * as ipv4 from "./ipv4.ts";
import * as ipv6 from "./ipv6.ts";
import * as offload from "./offload.ts";
import * as tcp from "./tcp.ts";
import * as udp from "./udp.ts";
import * as vlan from "./vlan.ts";

/**
 * Most frames that one super-frame may become: 64 KiB in pieces of 48 bytes, the least that Linux lets a TCP peer ask
 * for (TCP_MIN_SND_MSS), is 1366.
 */
export const MAX_SEGMENTS = 2048;

const ONLY_LAST: number = tcp.Flag.Fin | tcp.Flag.Psh;
const ONLY_FIRST: number = tcp.Flag.Cwr;

/** Offset of the transport header, or -1 when the packet is not what the GSO type says. */
function transport(view: DataView, ip: Offset, end: Offset, gso: number): Offset {
  const protocol = gso === offload.Gso.UdpL4 ? ipv4.Protocol.Udp : ipv4.Protocol.Tcp;
  const etherType = view.getUint16(ip - 2);
  if (etherType === EtherType.Ipv4 && gso !== offload.Gso.Tcp6) {
    if (end - ip < ipv4.LENGTH || view.getUint8(ip) >> 4 !== 4) return -1;
    const header = ipv4.headerLength(view, ip);
    if (header < ipv4.LENGTH || ipv4.isFragment(view, ip)) return -1;
    // The kernel's total length is the super-packet's; 0 where that does not fit 16 bits.
    const total = ipv4.totalLength(view, ip);
    if (total !== 0 && total !== end - ip) return -1;
    return ipv4.protocol(view, ip) === protocol ? ip + header : -1;
  }
  if (etherType === EtherType.Ipv6 && gso !== offload.Gso.Tcp4) {
    if (!ipv6.isValid(view, ip, end) || ipv6.packetEnd(view, ip) !== end) return -1;
    const found = ipv6.upper(view, ip);
    return found >= 0 && ipv6.upperProtocol(found) === protocol ? ip + ipv6.upperOffset(found) : -1;
  }
  return -1;
}

/** Bytes of the transport header, or -1 when it is not whole. */
function transportLength(view: DataView, at: Offset, end: Offset, gso: number): number {
  if (gso === offload.Gso.UdpL4) return end - at >= udp.LENGTH ? udp.LENGTH : -1;
  return tcp.isValid(view, at, end) ? tcp.headerLength(view, at) : -1;
}

/** Into how many frames the super-frame falls; 0 when its offload header contradicts it. */
export function segmentCount(view: DataView, start: Offset, end: Offset): number {
  const gso = offload.gsoType(view, start);
  const size = offload.gsoSize(view, start);
  if (size === 0) return 0;
  if (gso !== offload.Gso.Tcp4 && gso !== offload.Gso.Tcp6 && gso !== offload.Gso.UdpL4) return 0;
  const ip = vlan.payload(view, start, end);
  const at = ip < 0 ? -1 : transport(view, ip, end, gso);
  const header = at < 0 ? -1 : transportLength(view, at, end, gso);
  if (header < 0) return 0;
  if (offload.needsChecksum(view, start) && start + offload.csumStart(view, start) !== at) return 0;
  const count = Math.ceil((end - at - header) / size);
  return count > MAX_SEGMENTS ? 0 : Math.max(count, 1);
}

/** Bytes of the longest frame that `writeSegment` makes of a super-frame that `segmentCount` has accepted. */
export function segmentRoom(view: DataView, start: Offset, end: Offset): number {
  const gso = offload.gsoType(view, start);
  const at = transport(view, vlan.payload(view, start, end), end, gso);
  const whole = at + transportLength(view, at, end, gso) - start + offload.gsoSize(view, start);
  return Math.min(whole, end - start);
}

/**
 * Writes frame `index` of a super-frame that `segmentCount` has accepted to `to`, with an empty offload header before
 * it. The target must not overlap the super-frame. Returns the frame's end.
 */
export function writeSegment(
  view: DataView,
  copy: Copy,
  start: Offset,
  end: Offset,
  index: number,
  to: Offset,
): Offset {
  const gso = offload.gsoType(view, start);
  const size = offload.gsoSize(view, start);
  const ip = vlan.payload(view, start, end);
  const at = transport(view, ip, end, gso);
  const header = transportLength(view, at, end, gso);
  const data = at + header;
  const from = data + index * size;
  const stop = Math.min(from + size, end);
  const delta = to - start;

  copy(start, to, data);
  offload.clear(view, to);
  const segmentEnd = data + delta + (stop - from);
  const isIpv4 = view.getUint16(ip - 2) === EtherType.Ipv4;
  if (isIpv4) {
    ipv4.setTotalLength(view, ip + delta, segmentEnd - ip - delta);
    ipv4.setId(view, ip + delta, ipv4.id(view, ip) + index);
    ipv4.setChecksum(view, ip + delta);
  } else {
    view.setUint16(ip + delta + 4, segmentEnd - ip - delta - ipv6.LENGTH);
  }
  const hasChecksum =
    gso === offload.Gso.UdpL4
      ? cutUdp(view, at + delta, segmentEnd, offload.needsChecksum(view, start))
      : cutTcp(view, at + delta, index, size, stop === end);
  const length = segmentEnd - at - delta;
  const field = at + delta + (gso === offload.Gso.UdpL4 ? 6 : tcp.CHECKSUM);
  const protocol = gso === offload.Gso.UdpL4 ? ipv4.Protocol.Udp : ipv4.Protocol.Tcp;
  let sum = isIpv4
    ? checksum.pseudo4(view, ip, protocol, length)
    : checksum.pseudo6(view, ip, protocol, length);
  if (hasChecksum) view.setUint16(field, 0);
  sum = checksum.add(view, at + delta, data + delta, sum);
  sum = checksum.copyAdd(view, from, data + delta, stop - from, sum);
  if (hasChecksum) view.setUint16(field, checksum.finish(sum) || 0xffff);
  return segmentEnd;
}

/** Sets what differs between the segments of a TCP super-frame; true: there is a checksum to write. */
function cutTcp(view: DataView, at: Offset, index: number, size: number, isLast: boolean): boolean {
  view.setUint32(at + 4, tcp.sequence(view, at) + index * size);
  let flags = tcp.flags(view, at);
  if (!isLast) flags &= ~ONLY_LAST;
  if (index > 0) flags &= ~ONLY_FIRST;
  view.setUint8(at + tcp.FLAGS, flags);
  return true;
}

/** The same for UDP; false when the sender wanted no checksum (RFC 768). */
function cutUdp(view: DataView, at: Offset, end: Offset, isOpen: boolean): boolean {
  view.setUint16(at + 4, end - at);
  return isOpen || view.getUint16(at + 6) !== 0;
}
