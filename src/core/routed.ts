// Which interface the frames of a channel belong to that carries interfaces and no bridge.

import type { InterfaceConfig } from "../engine/config.ts";

/** Interface by VLAN for each channel that has interfaces of its own. */
export function routedInterfaces(
  interfaces: readonly InterfaceConfig[],
  channels: number,
): (Int16Array | null)[] {
  const routed: (Int16Array | null)[] = Array.from({ length: channels }, () => null);
  for (const [index, iface] of interfaces.entries()) {
    if (iface.channel < 0) continue;
    const byVlan = routed[iface.channel] ?? new Int16Array(4096).fill(-1);
    byVlan[iface.vlan] = index;
    routed[iface.channel] = byVlan;
  }
  return routed;
}
