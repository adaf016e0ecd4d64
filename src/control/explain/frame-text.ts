// What stands in a frame's headers, for the sentences of `explain frame`.

import { describe } from "../../wire/describe.ts";
import * as ethernet from "../../wire/ethernet.ts";
import { EtherType } from "../../wire/ethernet.ts";
import { formatIpv4, formatIpv6 } from "../../wire/text.ts";
import * as vlan from "../../wire/vlan.ts";

export interface Headers {
  readonly destination: number;
  readonly source: number;
  /** Of the outer tag; null = untagged. */
  readonly vlan: number | null;
  /** Behind the outer tag. */
  readonly type: number;
  /** Where what follows the type begins. */
  readonly at: number;
  /** Of IP; "" where there is none. */
  readonly from: string;
  readonly to: string;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** One line about a frame, as `trace` prints it. */
export const textOf = (bytes: Uint8Array): string => describe(viewOf(bytes), 0, bytes.length);

/** The headers of a frame of at least 14 bytes. */
export function headersOf(bytes: Uint8Array): Headers {
  const view = viewOf(bytes);
  const tagged = vlan.isTagged(view, 0, bytes.length);
  const at = tagged ? 18 : 14;
  const type = view.getUint16(at - 2);
  return {
    destination: ethernet.destination(view, 0),
    source: ethernet.source(view, 0),
    vlan: tagged ? vlan.vid(vlan.tci(view, 0)) : null,
    type,
    at,
    ...addressesOf(view, type, at),
  };
}

function addressesOf(view: DataView, type: number, at: number): { from: string; to: string } {
  if (type === EtherType.Ipv4 && view.byteLength >= at + 20) {
    return { from: formatIpv4(view.getUint32(at + 12)), to: formatIpv4(view.getUint32(at + 16)) };
  }
  if (type !== EtherType.Ipv6 || view.byteLength < at + 40) return { from: "", to: "" };
  const words = (from: number): [number, number, number, number] => [
    view.getUint32(from),
    view.getUint32(from + 4),
    view.getUint32(from + 8),
    view.getUint32(from + 12),
  ];
  return { from: formatIpv6(...words(at + 8)), to: formatIpv6(...words(at + 24)) };
}

/** The VLAN of a frame's outer tag; null = untagged. */
export const tagOf = (bytes: Uint8Array): number | null => headersOf(bytes).vlan;

/** Whether a frame that left is the one that came, that one routed, or the appliance's own word. */
export function relationOf(
  before: Headers,
  came: Uint8Array,
  left: Uint8Array,
): "forwarded" | "routed" | "own" {
  const after = headersOf(left);
  const same = after.destination === before.destination && after.source === before.source;
  if (same && isBeginning(came.subarray(before.at - 2), left.subarray(after.at - 2))) {
    return "forwarded";
  }
  const isRouted = before.to !== "" && before.from === after.from && before.to === after.to;
  return isRouted && after.type === before.type && !same ? "routed" : "own";
}

/** True when one begins with the other: a driver may pad. */
function isBeginning(one: Uint8Array, other: Uint8Array): boolean {
  const length = Math.min(one.length, other.length);
  for (let n = 0; n < length; n++) if (one[n] !== other[n]) return false;
  return true;
}
