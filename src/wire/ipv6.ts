// IPv6 header (RFC 8200 3); `at` is its first byte. An address is four 32-bit words, read and compared in place.
//
//   0                                   4                 6        7        8               24              40
//   +-----------------------------------+-----------------+--------+--------+---------------+---------------+
//   | version | class | flow label      | payload length  | next   | hops   | source        | destination   |
//   +-----------------------------------+-----------------+--------+--------+---------------+---------------+

import type { Offset } from "../lib/units.ts";

/** Bytes of the fixed header. */
export const LENGTH = 40;
/** Extension headers passed at most on the way to the ports. Our choice: real packets carry one or two. */
export const MAX_EXTENSIONS = 8;

/** Extension headers (IANA "ipv6-parameters") and the end of the chain. */
export const Next = {
  HopByHop: 0,
  Routing: 43,
  Fragment: 44,
  Authentication: 51,
  NoNext: 59,
  Destination: 60,
  Mobility: 135,
} as const;

const FRAGMENT_LENGTH = 8;
const SOURCE = 8;
const DESTINATION = 24;

/** True when a whole header and all the bytes it announces are there. */
export function isValid(view: DataView, at: Offset, end: Offset): boolean {
  return (
    end - at >= LENGTH &&
    view.getUint8(at) >> 4 === 6 &&
    payloadLength(view, at) <= end - at - LENGTH
  );
}

export const trafficClass = (view: DataView, at: Offset): number =>
  (view.getUint16(at) >> 4) & 0xff;
export const flowLabel = (view: DataView, at: Offset): number => view.getUint32(at) & 0xfffff;
export const payloadLength = (view: DataView, at: Offset): number => view.getUint16(at + 4);
export const nextHeader = (view: DataView, at: Offset): number => view.getUint8(at + 6);
export const hopLimit = (view: DataView, at: Offset): number => view.getUint8(at + 7);
/** Word 0..3 of an address. */
export const source = (view: DataView, at: Offset, word: number): number =>
  view.getUint32(at + SOURCE + word * 4);
export const destination = (view: DataView, at: Offset, word: number): number =>
  view.getUint32(at + DESTINATION + word * 4);
/** Where the packet ends. */
export const packetEnd = (view: DataView, at: Offset): Offset =>
  at + LENGTH + payloadLength(view, at);
/** ff00::/8. */
export const isMulticastDestination = (view: DataView, at: Offset): boolean =>
  view.getUint8(at + DESTINATION) === 0xff;

/**
 * Walks the extension headers of a valid packet to the first header that is none. Returns both results as one small
 * number, to be taken apart with `upperProtocol` and `upperOffset`; -1 when the chain is broken or longer than
 * MAX_EXTENSIONS. A packet that is really fragmented ends at its Fragment header, so that all pieces look alike.
 */
export function upper(view: DataView, at: Offset): number {
  const end = packetEnd(view, at);
  let kind = nextHeader(view, at);
  let next = at + LENGTH;
  for (let passed = 0; passed <= MAX_EXTENSIONS; passed++) {
    let length: number;
    switch (kind) {
      case Next.HopByHop:
      case Next.Routing:
      case Next.Destination:
      case Next.Mobility:
        if (next + 8 > end) return -1;
        length = (view.getUint8(next + 1) + 1) * 8;
        break;
      case Next.Authentication:
        if (next + 8 > end) return -1;
        length = (view.getUint8(next + 1) + 2) * 4;
        break;
      case Next.Fragment:
        if (next + FRAGMENT_LENGTH > end) return -1;
        if ((view.getUint16(next + 2) & 0xfff9) !== 0) return pack(next - at, kind);
        length = FRAGMENT_LENGTH;
        break;
      default:
        return pack(next - at, kind);
    }
    kind = view.getUint8(next);
    next += length;
    if (next > end) return -1;
  }
  return -1;
}

const pack = (offset: number, kind: number): number => (offset << 8) | kind;
/** The protocol that `upper` found. */
export const upperProtocol = (found: number): number => found & 0xff;
/** Bytes from the IPv6 header to what `upper` found. */
export const upperOffset = (found: number): number => found >> 8;

/** Writes the fixed header with addresses of four words each; returns the offset of the payload. */
export function write(
  view: DataView,
  at: Offset,
  from: readonly [number, number, number, number],
  to: readonly [number, number, number, number],
  next: number,
  bytes: number,
  hops: number,
): Offset {
  view.setUint32(at, 0x60000000);
  view.setUint16(at + 4, bytes);
  view.setUint8(at + 6, next);
  view.setUint8(at + 7, hops);
  for (let word = 0; word < 4; word++) {
    view.setUint32(at + SOURCE + word * 4, from[word] ?? 0);
    view.setUint32(at + DESTINATION + word * 4, to[word] ?? 0);
  }
  return at + LENGTH;
}
