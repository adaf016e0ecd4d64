// Groups that end at a bridge, 01-80-C2-00-00-0X (IEEE 802.1D-2004 7.12.6), whatever the channel's state.

import { Drop } from "../engine/drop.ts";
import type { Inside } from "../engine/inside.ts";
import type { Out } from "../engine/out.ts";
import type { ChannelId, Millis, Offset, PortId } from "../lib/units.ts";
import { EtherType } from "../wire/ethernet.ts";

const BPDU = 0;
const SLOW = 2;

/** Spanning tree takes its own here (class DROP), link aggregation its own (class LAG), the rest ends (class DROP). */
export function takeReserved(
  inside: Inside,
  out: Out,
  group: number,
  port: PortId,
  channel: ChannelId,
  start: Offset,
  end: Offset,
  now: Millis,
): void {
  if (group === BPDU) {
    if (inside.bpdu === undefined) out.drop(Drop["bpdu-no-stp"]);
    else inside.bpdu(port, channel, start, end, now);
  } else if (group === SLOW && out.view.getUint16(start + 12) === EtherType.Slow) {
    if (inside.slow === undefined) out.drop(Drop["lacp-no-channel"]);
    else inside.slow(port, start, end, now);
  } else out.drop(Drop["reserved-group"]);
}
