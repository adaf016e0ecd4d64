// UDP header (RFC 768); `at` is its first byte.
//
//   0                 2                 4                 6                 8
//   +-----------------+-----------------+-----------------+-----------------+---------
//   | source port     | destination port| length          | checksum        | data
//   +-----------------+-----------------+-----------------+-----------------+---------

import type { Offset } from "../lib/units.ts";
import * as checksum from "./checksum.ts";
import { Protocol } from "./ipv4.ts";

/** Bytes of the header. */
export const LENGTH = 8;

/** True when a whole header is there and its length fits in at..end. */
export function isValid(view: DataView, at: Offset, end: Offset): boolean {
  if (end - at < LENGTH) return false;
  const announced = view.getUint16(at + 4);
  return announced >= LENGTH && announced <= end - at;
}

export const sourcePort = (view: DataView, at: Offset): number => view.getUint16(at);
export const destinationPort = (view: DataView, at: Offset): number => view.getUint16(at + 2);
/** Bytes of header and data. */
export const length = (view: DataView, at: Offset): number => view.getUint16(at + 4);

/** True when the checksum is right or, as IPv4 allows, absent; `ip` is the IPv4 header. */
export function verify4(view: DataView, ip: Offset, at: Offset): boolean {
  if (view.getUint16(at + 6) === 0) return true;
  const bytes = length(view, at);
  return (
    checksum.add(view, at, at + bytes, checksum.pseudo4(view, ip, Protocol.Udp, bytes)) === 0xffff
  );
}

/** Writes the header before data that stands at at + 8 .. end, over the IPv4 header at `ip`. Returns `end`. */
export function write4(
  view: DataView,
  ip: Offset,
  at: Offset,
  end: Offset,
  fromPort: number,
  toPort: number,
): Offset {
  view.setUint16(at, fromPort);
  view.setUint16(at + 2, toPort);
  view.setUint16(at + 4, end - at);
  view.setUint16(at + 6, 0);
  const sum = checksum.add(view, at, end, checksum.pseudo4(view, ip, Protocol.Udp, end - at));
  view.setUint16(at + 6, checksum.finish(sum) || 0xffff); // Zero would say "no checksum" (RFC 768).
  return end;
}
