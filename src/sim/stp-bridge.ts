// A bridge with spanning tree for rings and meshes: its configuration, and what it says of itself. Every value that
// does not matter is the product's default.

import type { ApplianceConfig } from "../core/config.ts";
import { Table } from "../engine/message.ts";
import { Role } from "../engine/role.ts";
import type { Mac, Millis, PortId } from "../lib/units.ts";
import {
  STP_CHANNEL_DEFAULTS,
  STP_DEFAULTS,
  type StpBridgeConfig,
  type StpChannelConfig,
} from "../stp/config.ts";
import type { Cluster } from "./cluster.ts";
import { access, plainConfig } from "./configs.ts";

export interface StpBridgeOptions {
  readonly cores: number;
  readonly ports: number;
  /** The bridge's address; its ports have those that follow. */
  readonly mac: Mac;
  readonly stp?: Partial<StpBridgeConfig>;
  /** By port; the others have the defaults. */
  readonly channels?: Readonly<Record<PortId, Partial<StpChannelConfig>>>;
}

/** Ports in one VLAN, 10, each a channel. */
export function stpBridge(options: StpBridgeOptions): ApplianceConfig {
  const { mac, channels: special = {} } = options;
  const members = Array.from({ length: options.ports }, () => access(10));
  const config = plainConfig({ cores: options.cores, members, bridge: { tableSize: 256 } });
  const ports = config.common.ports.map((port, n) => ({ ...port, mac: mac + 1 + n }));
  const channels = members.map((_, channel) => ({
    ...STP_CHANNEL_DEFAULTS,
    channel,
    number: channel + 1,
    ...special[channel],
  }));
  return {
    ...config,
    globalCache: 2 * 1024 * 1024,
    common: { ...config.common, ports },
    stp: { bridges: [{ ...STP_DEFAULTS, bridge: 0, address: mac, ...options.stp, channels }] },
  };
}

/** The link master's rows of `show stp`, in numbers. */
export function stpRowsOf(cluster: Cluster, now: Millis): readonly Record<string, unknown>[] {
  const master = cluster.cores[0]?.master(Role.Link) ?? 0;
  const stp = cluster.cores[master]?.dispatch.replicated(Table.Stp);
  return stp?.rows(0, 512, now).rows ?? [];
}
