// One line for people about a frame, as tcpdump would say it, from whatever bytes there are: for `explain`, `trace`,
// captures and test failures; never on the packet path. Never throws: what is cut off is called so.

import type { Offset } from "../lib/units.ts";
import * as arp from "./arp.ts";
import * as ethernet from "./ethernet.ts";
import { EtherType } from "./ethernet.ts";
import * as icmp from "./icmp.ts";
import * as icmpv6 from "./icmpv6.ts";
import * as ipv4 from "./ipv4.ts";
import * as ipv6 from "./ipv6.ts";
import * as llc from "./llc.ts";
import * as slow from "./slow.ts";
import * as tcp from "./tcp.ts";
import { formatHex, formatIpv4, formatIpv6, formatMac } from "./text.ts";
import * as udp from "./udp.ts";
import * as vlan from "./vlan.ts";

/** Bytes of an unknown payload that are shown. Our choice: what fits beside the addresses on a line. */
const SHOWN = 16;

/** "02:..:0a > ff:..:ff vlan 100 ARP request who has 192.0.2.2 tell 192.0.2.1, 46 bytes". */
export function describe(view: DataView, start: Offset, end: Offset): string {
  const size = `${end - start} bytes`;
  if (!ethernet.isValid(view, start, end)) return `runt ${formatHex(view, start, end)}, ${size}`;
  const parts = [
    `${formatMac(ethernet.source(view, start))} > ${formatMac(ethernet.destination(view, start))}`,
  ];
  let at = start + ethernet.LENGTH;
  for (let tags = 0; tags < vlan.MAX_TAGS && vlan.isTpid(view.getUint16(at - 2)); tags++) {
    if (at + vlan.LENGTH > end) return `${parts.join(" ")} tag cut short, ${size}`;
    parts.push(describeTag(view.getUint16(at - 2), view.getUint16(at)));
    at += vlan.LENGTH;
  }
  parts.push(describePayload(view, at, end, view.getUint16(at - 2)));
  return `${parts.join(" ")}, ${size}`;
}

function describeTag(type: number, control: number): string {
  const name = type === EtherType.Vlan ? "vlan" : "s-vlan";
  const priority = vlan.pcp(control) === 0 ? "" : ` pcp ${vlan.pcp(control)}`;
  const drop = vlan.dei(control) === 0 ? "" : " dei";
  return `${name} ${vlan.vid(control)}${priority}${drop}`;
}

function describePayload(view: DataView, at: Offset, end: Offset, type: number): string {
  if (type < ethernet.TYPE_MIN) return describeLlc(view, at, end, type);
  switch (type) {
    case EtherType.Arp:
    case EtherType.Rarp:
      return describeArp(view, at, end, type === EtherType.Rarp ? "RARP" : "ARP");
    case EtherType.Ipv4:
      return describeIpv4(view, at, end);
    case EtherType.Ipv6:
      return describeIpv6(view, at, end);
    case EtherType.Slow:
      return describeSlow(view, at, end);
    case EtherType.Lldp:
      return "LLDP";
    case EtherType.FlowControl:
      return "MAC control";
    case EtherType.Eapol:
      return "802.1X";
    default:
      return `type 0x${type.toString(16).padStart(4, "0")} ${beginning(view, at, end)}`;
  }
}

function beginning(view: DataView, at: Offset, end: Offset): string {
  return formatHex(view, at, Math.min(end, at + SHOWN)) + (end - at > SHOWN ? "..." : "");
}

const BPDU_NAMES: { readonly [type: number]: string } = {
  [llc.BpduType.Config]: "configuration",
  [llc.BpduType.Rapid]: "rapid",
  [llc.BpduType.TopologyChange]: "topology change",
};

function describeLlc(view: DataView, at: Offset, end: Offset, length: number): string {
  if (!llc.isValid(view, at, end)) return `LLC cut short, length ${length}`;
  if (llc.isBpdu(view, at, end)) {
    const type = llc.bpduType(view, at);
    return `BPDU ${BPDU_NAMES[type] ?? `type ${type}`} version ${llc.bpduVersion(view, at)}`;
  }
  return `LLC ${formatHex(view, at, at + llc.LENGTH)} length ${length}`;
}

const SLOW_NAMES: { readonly [subtype: number]: string } = {
  [slow.Subtype.Lacp]: "LACP",
  [slow.Subtype.Marker]: "marker",
  [slow.Subtype.Oam]: "OAM",
  [slow.Subtype.Ossp]: "OSSP",
};

function describeSlow(view: DataView, at: Offset, end: Offset): string {
  if (!slow.isValid(view, at, end)) return "slow protocol cut short";
  const subtype = slow.subtype(view, at);
  return `${SLOW_NAMES[subtype] ?? `slow protocol ${subtype}`} version ${slow.version(view, at)}`;
}

function describeArp(view: DataView, at: Offset, end: Offset, name: string): string {
  if (!arp.isParsable(view, at, end)) return `${name} cut short`;
  const operation = arp.operation(view, at);
  if (!arp.isValid(view, at, end)) {
    const hardware = `hardware ${arp.hardwareType(view, at)}/${arp.hardwareLength(view, at)}`;
    const protocol = `protocol 0x${arp.protocolType(view, at).toString(16).padStart(4, "0")}`;
    return `${name} operation ${operation} ${hardware} ${protocol}/${arp.protocolLength(view, at)}`;
  }
  const sender = formatIpv4(arp.senderIp(view, at));
  const senderMac = formatMac(arp.senderMac(view, at));
  const target = formatIpv4(arp.targetIp(view, at));
  const targetMac = formatMac(arp.targetMac(view, at));
  switch (operation) {
    case arp.Operation.Request:
      if (arp.isProbe(view, at)) return `${name} probe who has ${target} asks ${senderMac}`;
      if (arp.isGratuitous(view, at)) return `${name} announcement ${sender} is at ${senderMac}`;
      return `${name} request who has ${target} tell ${sender} at ${senderMac}`;
    case arp.Operation.Reply:
      return `${name} reply ${sender} is at ${senderMac}`;
    case arp.Operation.RarpRequest:
      return `${name} request who is ${targetMac} tell ${senderMac}`;
    case arp.Operation.RarpReply:
      return `${name} reply ${targetMac} is ${target}`;
    case arp.Operation.InarpRequest:
      return `In${name} request which address has ${targetMac} tell ${sender}`;
    case arp.Operation.InarpReply:
      return `In${name} reply ${senderMac} is ${sender}`;
    default:
      return `${name} operation ${operation} ${sender} at ${senderMac} to ${target}`;
  }
}

const FAULT_NAMES: { readonly [fault: number]: string } = {
  [ipv4.Fault.Short]: "cut short",
  [ipv4.Fault.Version]: "of a wrong version",
  [ipv4.Fault.HeaderLength]: "with a wrong header length",
  [ipv4.Fault.TotalLength]: "with a wrong total length",
};

function describeIpv4(view: DataView, at: Offset, end: Offset): string {
  if (!ipv4.isReadable(view, at, end))
    return `IPv4 ${FAULT_NAMES[ipv4.fault(view, at, end)] ?? ""}`;
  const hosts = `${formatIpv4(ipv4.source(view, at))} > ${formatIpv4(ipv4.destination(view, at))}`;
  const fault = ipv4.isValid(view, at, end) ? "" : " (wrong header checksum)";
  const head = `IPv4 ${hosts} ttl ${ipv4.ttl(view, at)}${fault}`;
  const protocol = ipv4.protocol(view, at);
  if (ipv4.isLaterFragment(view, at)) {
    const offset = (ipv4.fragment(view, at) & 0x1fff) * 8;
    return `${head} protocol ${protocol} fragment ${ipv4.id(view, at)} at ${offset}`;
  }
  return `${head} ${describeUpper(view, ipv4.payload(view, at), ipv4.packetEnd(view, at), protocol)}`;
}

function describeIpv6(view: DataView, at: Offset, end: Offset): string {
  if (!ipv6.isValid(view, at, end)) return "IPv6 cut short or of a wrong version";
  const source = formatIpv6(...words(view, at + 8));
  const destination = formatIpv6(...words(view, at + 24));
  const head = `IPv6 ${source} > ${destination} hops ${ipv6.hopLimit(view, at)}`;
  const found = ipv6.upper(view, at);
  if (found < 0) return `${head} extension headers broken`;
  const protocol = ipv6.upperProtocol(found);
  if (protocol === ipv6.Next.Fragment) return `${head} fragment`;
  if (protocol === ipv6.Next.NoNext) return `${head} nothing`;
  return `${head} ${describeUpper(view, at + ipv6.upperOffset(found), ipv6.packetEnd(view, at), protocol)}`;
}

function words(view: DataView, at: Offset): [number, number, number, number] {
  return [
    view.getUint32(at),
    view.getUint32(at + 4),
    view.getUint32(at + 8),
    view.getUint32(at + 12),
  ];
}

function describeUpper(view: DataView, at: Offset, end: Offset, protocol: number): string {
  switch (protocol) {
    case ipv4.Protocol.Icmp:
      return icmp.isValid(view, at, end) ? describeIcmp(view, at) : "ICMP cut short";
    case ipv4.Protocol.Icmpv6:
      return icmpv6.isValid(view, at, end) ? describeIcmpv6(view, at, end) : "ICMPv6 cut short";
    case ipv4.Protocol.Tcp: {
      if (!tcp.isValid(view, at, end)) return "TCP cut short";
      const flags = [...tcp.FLAG_LETTERS].filter(
        (_, bit) => ((tcp.flags(view, at) >> bit) & 1) === 1,
      );
      const bytes = end - at - tcp.headerLength(view, at);
      const place = `seq ${tcp.sequence(view, at)} ack ${tcp.acknowledgment(view, at)}`;
      return `TCP ${ports(view, at)} [${flags.join("")}] ${place} data ${bytes}`;
    }
    case ipv4.Protocol.Udp:
      if (!udp.isValid(view, at, end)) return "UDP cut short";
      return `UDP ${ports(view, at)} data ${udp.length(view, at) - udp.LENGTH}`;
    case ipv4.Protocol.Vrrp:
      if (end - at < 4) return "VRRP cut short";
      return `VRRP version ${view.getUint8(at) >> 4} vrid ${view.getUint8(at + 1)} priority ${view.getUint8(at + 2)}`;
    case ipv4.Protocol.Igmp:
      return end - at < 8 ? "IGMP cut short" : `IGMP type 0x${view.getUint8(at).toString(16)}`;
    default:
      return `protocol ${protocol} data ${end - at}`;
  }
}

function ports(view: DataView, at: Offset): string {
  return `${tcp.sourcePort(view, at)} > ${tcp.destinationPort(view, at)}`;
}

function describeIcmp(view: DataView, at: Offset): string {
  const type = icmp.type(view, at);
  const code = icmp.code(view, at);
  switch (type) {
    case icmp.Type.Echo:
    case icmp.Type.EchoReply: {
      const name = type === icmp.Type.Echo ? "request" : "reply";
      return `ICMP echo ${name} id ${icmp.id(view, at)} seq ${icmp.sequence(view, at)}`;
    }
    case icmp.Type.Unreachable:
      if (code === icmp.Unreachable.FragmentationNeeded) {
        return `ICMP fragmentation needed mtu ${icmp.nextHopMtu(view, at)}`;
      }
      return `ICMP unreachable code ${code}`;
    case icmp.Type.TimeExceeded:
      return `ICMP time exceeded code ${code}`;
    case icmp.Type.Redirect:
      return `ICMP redirect to ${formatIpv4(icmp.gateway(view, at))}`;
    default:
      return `ICMP type ${type} code ${code}`;
  }
}

const ICMPV6_NAMES: { readonly [type: number]: string } = {
  [icmpv6.Type.Unreachable]: "unreachable",
  [icmpv6.Type.PacketTooBig]: "packet too big",
  [icmpv6.Type.TimeExceeded]: "time exceeded",
  [icmpv6.Type.ParameterProblem]: "parameter problem",
  [icmpv6.Type.Echo]: "echo request",
  [icmpv6.Type.EchoReply]: "echo reply",
  [icmpv6.Type.ListenerQuery]: "listener query",
  [icmpv6.Type.ListenerReport]: "listener report",
  [icmpv6.Type.ListenerDone]: "listener done",
  [icmpv6.Type.RouterSolicitation]: "router solicitation",
  [icmpv6.Type.RouterAdvertisement]: "router advertisement",
  [icmpv6.Type.NeighborSolicitation]: "neighbor solicitation",
  [icmpv6.Type.NeighborAdvertisement]: "neighbor advertisement",
  [icmpv6.Type.Redirect]: "redirect",
  [icmpv6.Type.ListenerReport2]: "listener report v2",
};

function describeIcmpv6(view: DataView, at: Offset, end: Offset): string {
  const type = icmpv6.type(view, at);
  const name = ICMPV6_NAMES[type] ?? `type ${type} code ${icmpv6.code(view, at)}`;
  const target = icmpv6.hasTarget(view, at, end)
    ? ` for ${formatIpv6(...words(view, at + 8))}`
    : "";
  return `ICMPv6 ${name}${target}`;
}
