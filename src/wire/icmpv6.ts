// ICMPv6 header (RFC 4443 2.1) and where Neighbor Discovery keeps its target (RFC 4861 4); `at` is the first byte.
//
//   0        1        2                 4                                   8                          24
//   +--------+--------+-----------------+-----------------------------------+--------------------------+--------
//   | type   | code   | checksum        | type's own                        | target (NS, NA, redirect)| options
//   +--------+--------+-----------------+-----------------------------------+--------------------------+--------

import type { Offset } from "../lib/units.ts";
import * as checksum from "./checksum.ts";
import { Protocol } from "./ipv4.ts";

/** Bytes of the header with the type's own word. */
export const LENGTH = 8;
/** Bytes of a solicitation or advertisement without options. */
export const NEIGHBOR_LENGTH = 24;

/** IANA "icmpv6-parameters". */
export const Type = {
  Unreachable: 1,
  PacketTooBig: 2,
  TimeExceeded: 3,
  ParameterProblem: 4,
  Echo: 128,
  EchoReply: 129,
  ListenerQuery: 130,
  ListenerReport: 131,
  ListenerDone: 132,
  RouterSolicitation: 133,
  RouterAdvertisement: 134,
  NeighborSolicitation: 135,
  NeighborAdvertisement: 136,
  Redirect: 137,
  ListenerReport2: 143,
  /** RFC 4286. */
  MulticastRouterAdvertisement: 151,
} as const;

export const isValid = (_view: DataView, at: Offset, end: Offset): boolean => end - at >= LENGTH;
export const type = (view: DataView, at: Offset): number => view.getUint8(at);
export const code = (view: DataView, at: Offset): number => view.getUint8(at + 1);

/** True when the bytes are long enough for the target of a solicitation, an advertisement or a redirect. */
export function hasTarget(view: DataView, at: Offset, end: Offset): boolean {
  const kind = type(view, at);
  return kind >= Type.NeighborSolicitation && kind <= Type.Redirect && end - at >= NEIGHBOR_LENGTH;
}
/** Word 0..3 of the target; only after `hasTarget`. */
export const target = (view: DataView, at: Offset, word: number): number =>
  view.getUint32(at + 8 + word * 4);

/** True when the checksum over at..end is right; `ip` is the IPv6 header. */
export function verify(view: DataView, ip: Offset, at: Offset, end: Offset): boolean {
  return (
    checksum.add(view, at, end, checksum.pseudo6(view, ip, Protocol.Icmpv6, end - at)) === 0xffff
  );
}
