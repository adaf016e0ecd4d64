// Extension headers of packets on their way (RFC 8200 4): options by the two high bits of a type
// that nobody here knows, within the bounds that RFC 8504 5.3 allows.

import type { Offset } from "../lib/units.ts";

/**
 * Types that are known here. A router alert is for a router that wants such packets (RFC 2711 2.1):
 * we pass it on.
 */
const PAD1 = 0;
const PADN = 1;
const ROUTER_ALERT = 5;
/** RFC 8504 5.3 allows such a limit; Linux max_hbh_opts_number and max_dst_opts_number = 8. */
const MAX_OPTIONS = 8;
/** RFC 8504 5.3: padding never needs more. */
const MAX_PADDING = 7;

/**
 * What the options ask for. A problem is told even about a packet to a group, a unicast problem is
 * not.
 */
export const Verdict = { Pass: 0, Discard: 1, Problem: 2, UnicastProblem: 3 } as const;

/**
 * Bytes of an extension header by its own length field: all but the fragment and the authentication
 * header.
 */
export const lengthAt = (view: DataView, at: Offset): number => (view.getUint8(at + 1) + 1) * 8;

/**
 * Looks at the options in the hop-by-hop or destination options header at..end. The verdict lies in
 * the low two bits, above it where in the packet (from `ip`) the option stands that asks for it.
 */
export function options(view: DataView, ip: Offset, at: Offset, end: Offset): number {
  let option = at + 2;
  let found = 0;
  let padding = 0;
  while (option < end) {
    const type = view.getUint8(option);
    if (type === PAD1) {
      option++;
      if (++padding > MAX_PADDING) return Verdict.Discard;
      continue;
    }
    if (option + 2 > end) return Verdict.Discard;
    const length = 2 + view.getUint8(option + 1);
    if (option + length > end) return Verdict.Discard;
    if (type === PADN) {
      padding += length;
      if (padding > MAX_PADDING) return Verdict.Discard;
    } else {
      padding = 0;
      if (++found > MAX_OPTIONS) return Verdict.Discard;
      if (type !== ROUTER_ALERT && type >> 6 !== Verdict.Pass) {
        return ((option - ip) << 2) | (type >> 6);
      }
    }
    option += length;
  }
  return Verdict.Pass;
}
