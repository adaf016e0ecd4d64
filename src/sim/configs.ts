// Compiled configurations that tests, benches and the simulator start from, without a file: small, and every value
// that does not matter is the product's default.

import { ARP_DEFAULTS } from "../arp/config.ts";
import type { BridgeChannelConfig, BridgeConfig } from "../bridge/config.ts";
import type { ApplianceConfig } from "../core/config.ts";
import type { InterfaceConfig } from "../engine/config.ts";
import { HOST_DEFAULTS } from "../host/config.ts";
import { HOST6_DEFAULTS } from "../host/config6.ts";
import { defaultSteering } from "../steering/config.ts";

/** What `plainConfig` varies. */
export interface PlainOptions {
  readonly cores: number;
  /** Members of the one bridge, in port order. */
  readonly members: readonly Omit<BridgeChannelConfig, "channel">[];
  readonly interfaces?: readonly InterfaceConfig[];
  readonly bridge?: Partial<BridgeConfig>;
  /** Ports beyond the bridge's members, for interfaces of their own. */
  readonly routedPorts?: number;
  readonly arp?: Partial<ApplianceConfig["arp"]>;
  readonly host?: Partial<ApplianceConfig["host"]>;
  readonly host6?: Partial<ApplianceConfig["host6"]>;
  readonly roles?: readonly number[];
}

export const access = (vlan: number): Omit<BridgeChannelConfig, "channel"> => ({
  mode: "access",
  accessVlan: vlan,
  nativeVlan: 0,
  trunkVlans: [],
});

export const trunk = (
  native: number,
  ...vlans: number[]
): Omit<BridgeChannelConfig, "channel"> => ({
  mode: "trunk",
  accessVlan: 1,
  nativeVlan: native,
  trunkVlans: vlans.map((vlan) => [vlan, vlan] as const),
});

/** One bridge over the first ports, interfaces as given. */
export function plainConfig(options: PlainOptions): ApplianceConfig {
  const count = options.members.length + (options.routedPorts ?? 0);
  const numbers = Array.from({ length: count }, (_, port) => port);
  const ports = numbers.map((port) => ({
    name: `p${port}`,
    mac: 0x02ff_0000_0000 + port,
    mtu: 1500,
  }));
  return {
    cores: { count: options.cores, tick: 1, idle: "poll", priorities: [] },
    globalCache: 16 * 1024 * 1024,
    roles: options.roles ?? [-1, -1],
    common: {
      ports,
      channels: numbers.map((port) => ({ name: `p${port}`, ports: [port] })),
      interfaces: options.interfaces ?? [],
    },
    bridging: {
      bridges: [
        {
          name: "br0",
          tableSize: 8192,
          probeLimit: 8,
          ageingTime: 300_000,
          ageing: "each-tells",
          learning: "broadcast",
          channels: options.members.map((member, channel) => ({ ...member, channel })),
          statics: [],
          ...options.bridge,
        },
      ],
    },
    arp: { ...ARP_DEFAULTS, ...options.arp },
    host: { ...HOST_DEFAULTS, ...options.host },
    host6: { ...HOST6_DEFAULTS, ...options.host6 },
    steering: defaultSteering(options.cores),
  };
}

/**
 * Four ports, two access and two trunks, and a table sized for the stations: half full, as IEEE bridges are
 * planned.
 */
export function bridgeOnly(options: {
  cores: number;
  stations: number;
  retag?: boolean;
}): ApplianceConfig {
  const tableSize = 2 ** Math.ceil(Math.log2(options.stations * 2));
  return plainConfig({
    cores: options.cores,
    members: [
      access(10),
      access(options.retag === true ? 20 : 10),
      trunk(1, 10, 20),
      trunk(1, 10, 20),
    ],
    bridge: { tableSize },
  });
}
