// `show vlans`: which channels carry which VLAN, tagged or not. Neighbouring VLANs that are carried alike make one row,
// because a trunk of all VLANs would otherwise be 4094 of them.

import type { BridgeConfig } from "../bridge/config.ts";
import type { ApplianceConfig } from "../core/config.ts";

/** VLANs `vlan` to `last-vlan` of a bridge. */
export interface VlanRow extends Record<string, unknown> {
  readonly bridge: string;
  readonly vlan: number;
  "last-vlan": number;
  readonly untagged: readonly string[];
  readonly tagged: readonly string[];
  /** The appliance's own interfaces there. */
  readonly interface: string | null;
}

/** The rows of all bridges. */
export function vlanRows(config: ApplianceConfig): VlanRow[] {
  return config.bridging.bridges.flatMap((bridge, index) =>
    bridge.name === "" ? [] : bridgeRows(config, bridge, index),
  );
}

function bridgeRows(config: ApplianceConfig, bridge: BridgeConfig, index: number): VlanRow[] {
  const rows: VlanRow[] = [];
  let last: { row: VlanRow; key: string } | undefined;
  for (let vlan = 1; vlan <= 4094; vlan++) {
    const untagged: string[] = [];
    const tagged: string[] = [];
    for (const channel of bridge.channels) {
      const name = config.common.channels[channel.channel]?.name ?? "";
      if (channel.mode === "access") {
        if (channel.accessVlan === vlan) untagged.push(name);
      } else if (channel.nativeVlan === vlan) untagged.push(name);
      else if (channel.trunkVlans.some(([from, to]) => vlan >= from && vlan <= to))
        tagged.push(name);
    }
    const own = config.common.interfaces.find(
      (iface) => iface.bridge === index && iface.vlan === vlan,
    );
    const key = JSON.stringify([untagged, tagged, own?.name]);
    if (untagged.length === 0 && tagged.length === 0 && own === undefined) last = undefined;
    else if (last?.key === key && last.row["last-vlan"] === vlan - 1) last.row["last-vlan"] = vlan;
    else {
      const row = {
        bridge: bridge.name,
        vlan,
        "last-vlan": vlan,
        untagged,
        tagged,
        interface: own?.name ?? null,
      };
      rows.push(row);
      last = { row, key };
    }
  }
  return rows;
}
