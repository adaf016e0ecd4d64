// A frame that left an appliance, read once for all invariants.

import type { CoreId, Mac, Offset, PortId, Vlan } from "../lib/units.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as tag from "../wire/vlan.ts";

const LINK_LOCAL: Mac = 0x0180_c200_0000;

export class Seen {
  appliance = 0;
  port: PortId = 0;
  core: CoreId = 0;
  view: DataView = new DataView(new ArrayBuffer(0));
  start: Offset = 0;
  end: Offset = 0;
  to: Mac = 0;
  from: Mac = 0;
  /** 0 = untagged. */
  vlan: Vlan = 0;
  type = 0;
  /** Offset of the payload. */
  at: Offset = 0;

  /** Frames that no bridge passes on (IEEE 802.1D-2004 table 7-10): BPDUs and those of slow protocols. */
  get isLinkLocal(): boolean {
    return this.to >= LINK_LOCAL && this.to < LINK_LOCAL + 16;
  }

  read(
    appliance: number,
    port: PortId,
    core: CoreId,
    view: DataView,
    start: Offset,
    end: Offset,
  ): void {
    this.appliance = appliance;
    this.port = port;
    this.core = core;
    this.view = view;
    this.start = start;
    this.end = end;
    this.to = ethernet.destination(view, start);
    this.from = ethernet.source(view, start);
    const tagged = tag.isTagged(view, start, end);
    this.vlan = tagged ? tag.vid(tag.tci(view, start)) : 0;
    this.at = start + (tagged ? 18 : 14);
    this.type = view.getUint16(this.at - 2);
  }
}
