// Which member of an aggregated channel a frame leaves through (LAG-4): a hash of the frame names a slot, and each
// slot has a member. Both depend on the frame and on who is there, never on history, so every core decides alike
// without a message. When a member goes, only its slots move; when it comes back, only they return.

import type { Offset, PortId } from "../lib/units.ts";
import { EtherType } from "../wire/ethernet.ts";

/** Slots of a channel: sixteen members share them as evenly as 1 in 16. Our choice. */
export const SLOTS = 256;

export const HASH_NAMES = ["l2", "l2+l3", "l3+l4"] as const;
export type HashName = (typeof HASH_NAMES)[number];
const L2 = 0;
const L2_L3 = 1;

const TCP = 6;
const UDP = 17;
const SCTP = 132;
/** More fragments, or an offset: bits of the IPv4 header's second word (RFC 791 3.1). */
const FRAGMENT = 0x3fff;

const mix = (hash: number, value: number): number => {
  const mixed = Math.imul(hash ^ value, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
};

const hasPorts = (protocol: number): boolean =>
  protocol === TCP || protocol === UDP || protocol === SCTP;

/** The slot of a frame under a policy (index of HASH_NAMES). What has no IP header goes by its addresses and type. */
export function slotOf(view: DataView, start: Offset, end: Offset, policy: number): number {
  let at = start + 12;
  let type = view.getUint16(at);
  while ((type === EtherType.Vlan || type === EtherType.ServiceVlan) && end - at >= 6) {
    at += 4;
    type = view.getUint16(at);
  }
  at += 2;
  let hash = 0;
  if (policy === L2) return finish(macs(view, start, type));
  if (type === EtherType.Ipv4 && end - at >= 20) {
    if (policy === L2_L3) hash = macs(view, start, type);
    hash = mix(mix(hash, view.getInt32(at + 12)), view.getInt32(at + 16));
    if (policy !== L2_L3) hash = ports4(view, at, end, hash);
  } else if (type === EtherType.Ipv6 && end - at >= 40) {
    if (policy === L2_L3) hash = macs(view, start, type);
    for (let word = at + 8; word < at + 40; word += 4) hash = mix(hash, view.getInt32(word));
    if (policy !== L2_L3 && hasPorts(view.getUint8(at + 6)) && end - at >= 44) {
      hash = mix(hash, view.getInt32(at + 40));
    }
  } else hash = macs(view, start, type);
  return finish(hash);
}

const finish = (hash: number): number => (hash ^ (hash >>> 8) ^ (hash >>> 20)) & (SLOTS - 1);

function macs(view: DataView, start: Offset, type: number): number {
  const high = mix(view.getInt32(start), view.getInt32(start + 4));
  return mix(mix(high, view.getInt32(start + 8)), type);
}

/** The ports of an IPv4 packet that is no fragment: later fragments have none, and must follow the first. */
function ports4(view: DataView, at: Offset, end: Offset, hash: number): number {
  if (!hasPorts(view.getUint8(at + 9)) || (view.getUint16(at + 6) & FRAGMENT) !== 0) return hash;
  const ports = at + (view.getUint8(at) & 15) * 4;
  return end - ports >= 4 ? mix(hash, view.getInt32(ports)) : hash;
}

/**
 * Deals the slots of a channel: each has a home among ALL members; where that one is away, those present share its
 * slots. `present` are members in the order of `members`; at least one.
 */
export function deal(
  members: readonly PortId[],
  present: readonly PortId[],
  table: Int16Array,
  from: number,
): void {
  for (let slot = 0; slot < SLOTS; slot++) {
    const home = members[slot % members.length] as number;
    const round = Math.floor(slot / members.length);
    const port = present.includes(home) ? home : (present[round % present.length] as number);
    table[from + slot] = port;
  }
}
