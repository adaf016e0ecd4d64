// ICMP for IPv4 (RFC 792; what a router sends: RFC 1812 4.3). `at` is the offset of the ICMP header, except where a
// function says that it takes the IPv4 header.
//
//   0        1        2                 4                                   8
//   +--------+--------+-----------------+-----------------------------------+------------------
//   | type   | code   | checksum        | id, sequence | MTU | gateway      | data, or the quoted packet
//   +--------+--------+-----------------+-----------------------------------+------------------

import type { Ipv4, Offset } from "../lib/units.ts";
import { copy } from "./bytes.ts";
import * as checksum from "./checksum.ts";
import * as ipv4 from "./ipv4.ts";

/** Bytes of the header. */
export const LENGTH = 8;

/** IANA "icmp-parameters". */
export const Type = {
  EchoReply: 0,
  Unreachable: 3,
  SourceQuench: 4,
  Redirect: 5,
  Echo: 8,
  RouterAdvertisement: 9,
  RouterSolicitation: 10,
  TimeExceeded: 11,
  ParameterProblem: 12,
  Timestamp: 13,
  TimestampReply: 14,
} as const;
export type Type = (typeof Type)[keyof typeof Type];

/** Codes of Unreachable (RFC 792, RFC 1812 5.2.7.1). */
export const Unreachable = {
  Network: 0,
  Host: 1,
  Protocol: 2,
  Port: 3,
  FragmentationNeeded: 4,
  SourceRouteFailed: 5,
  AdministrativelyProhibited: 13,
} as const;
/** Codes of TimeExceeded. */
export const Exceeded = { Transit: 0, Reassembly: 1 } as const;
/** Codes of Redirect; a router sends the one for a host alone (RFC 1812 5.2.7.2). */
export const Redirect = { Network: 0, Host: 1 } as const;

/** Longest datagram that carries an error: "as much as possible without exceeding 576" (RFC 1812 4.3.2.3). */
export const MAX_ERROR = 576;
/** TTL of what we originate (IANA "ip-parameters", the recommended default). */
const DEFAULT_TTL = 64;
/** Precedence 6, internetwork control, for errors (RFC 1812 4.3.2.5). */
const ERROR_TOS = 0xc0;

const CODE = 1;
const CHECKSUM = 2;
const REST = 4;

/** True when a whole header is there. Say `verify` for the checksum. */
export const isValid = (_view: DataView, at: Offset, end: Offset): boolean => end - at >= LENGTH;
/** True when the checksum over at..end, the packet's own end, is right. */
export const verify = (view: DataView, at: Offset, end: Offset): boolean =>
  checksum.verify(view, at, end);

export const type = (view: DataView, at: Offset): number => view.getUint8(at);
export const code = (view: DataView, at: Offset): number => view.getUint8(at + CODE);
/** Of an echo or a timestamp. */
export const id = (view: DataView, at: Offset): number => view.getUint16(at + REST);
export const sequence = (view: DataView, at: Offset): number => view.getUint16(at + REST + 2);
/** Of "fragmentation needed" (RFC 1191 4). */
export const nextHopMtu = (view: DataView, at: Offset): number => view.getUint16(at + REST + 2);
/** Of a redirect. */
export const gateway = (view: DataView, at: Offset): Ipv4 => view.getUint32(at + REST);

/** True for messages that report an error, about which no error is ever sent (RFC 1812 4.3.2.7). */
export function isError(messageType: number): boolean {
  return (
    (messageType >= Type.Unreachable && messageType <= Type.Redirect) ||
    messageType === Type.TimeExceeded ||
    messageType === Type.ParameterProblem
  );
}

/** Turns an echo request into its reply in place, data untouched; the caller swaps the addresses. */
export function turnEcho(view: DataView, at: Offset): void {
  const word = view.getUint16(at);
  view.setUint16(at, 0);
  view.setUint16(at + CHECKSUM, checksum.update(view.getUint16(at + CHECKSUM), word, 0));
}

/** Writes an echo header before data that already stands at at + 8 .. end. Returns `end`. */
export function writeEcho(
  view: DataView,
  at: Offset,
  end: Offset,
  messageType: number,
  identifier: number,
  number: number,
): Offset {
  view.setUint16(at, messageType << 8);
  view.setUint16(at + CHECKSUM, 0);
  view.setUint16(at + REST, identifier);
  view.setUint16(at + REST + 2, number);
  view.setUint16(at + CHECKSUM, checksum.compute(view, at, end));
  return end;
}

/**
 * True when the valid IPv4 packet whose header is at `ip` may be answered by an error (RFC 1812 4.3.2.7): no error
 * itself, no later fragment, from one host, to no group. A frame that came by link-layer broadcast is for the
 * caller to refuse; so is a directed broadcast, which only the interface knows.
 */
export function isAnswerable(view: DataView, ip: Offset): boolean {
  if (ipv4.isLaterFragment(view, ip) || !ipv4.isHost(ipv4.source(view, ip))) return false;
  const to = ipv4.destination(view, ip);
  if (ipv4.isMulticast(to) || ipv4.isLimitedBroadcast(to)) return false;
  if (ipv4.protocol(view, ip) !== ipv4.Protocol.Icmp) return true;
  const at = ipv4.payload(view, ip);
  return at < ipv4.packetEnd(view, ip) && !isError(type(view, at));
}

/**
 * Writes a whole IPv4 packet at `to` with an ICMP error about the valid packet at `ip`: the quoted header and as
 * much behind it as fits. `rest` is the 32-bit field (0, an MTU, a gateway). Returns the packet's end. The ranges
 * must not overlap.
 */
export function writeError(
  view: DataView,
  to: Offset,
  ownIp: Ipv4,
  messageType: number,
  messageCode: number,
  rest: number,
  ip: Offset,
  identification: number,
): Offset {
  const room = MAX_ERROR - ipv4.LENGTH - LENGTH;
  const total = ipv4.totalLength(view, ip);
  const quoted = Math.min(total, room);
  const at = ipv4.write(
    view,
    to,
    ownIp,
    ipv4.source(view, ip),
    ipv4.Protocol.Icmp,
    LENGTH + quoted,
    DEFAULT_TTL,
    identification,
  );
  ipv4.setTos(view, to, ERROR_TOS);
  view.setUint16(at, (messageType << 8) | messageCode);
  view.setUint16(at + CHECKSUM, 0);
  view.setUint32(at + REST, rest);
  copy(view, ip, view, at + LENGTH, quoted);
  const end = at + LENGTH + quoted;
  view.setUint16(at + CHECKSUM, checksum.compute(view, at, end));
  return end;
}
