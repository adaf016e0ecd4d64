// What a reload leaves undisturbed: a router that is the same by name, protocol and place goes on with all that it
// knows, and one whose parameters did not change is not even asked.

import type { CommonConfig } from "../engine/config.ts";
import type { VrConfig, VrRouterConfig } from "./config.ts";

/** What makes a machine another one when it changes. */
export function identityOf(config: VrRouterConfig, family: 4 | 6, common: CommonConfig): string {
  const { name, protocol, version, vrid, virtualMac } = config;
  const iface = common.interfaces[config.iface];
  const bridge = iface === undefined || iface.bridge < 0 ? "" : String(iface.bridge);
  const channel = common.channels[iface?.channel ?? -1]?.name ?? "";
  const place = [iface?.name, iface?.mac, iface?.vlan, bridge, channel];
  return JSON.stringify([name, protocol, version, vrid, virtualMac, family, place]);
}

/** True when nothing that the machine acts by changed; the interface's number is none of that. */
export const isSameParameters = (a: VrRouterConfig, b: VrRouterConfig): boolean =>
  JSON.stringify({ ...a, iface: 0 }) === JSON.stringify({ ...b, iface: 0 });

/** A number for a configuration (FNV-1a): messages of another one name other machines. */
export function epochOfConfig(config: VrConfig, common: CommonConfig): number {
  let hash = 0x811c9dc5;
  const names = common.interfaces.map(({ name }) => name);
  for (const character of JSON.stringify([config, names])) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return hash | 0;
}
