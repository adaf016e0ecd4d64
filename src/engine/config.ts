// The compiled configuration that every engine shares: names turned into numbers. The control core makes it from
// the checked file (control/compile.ts); it is plain data and crosses threads by structured clone. What only one
// protocol needs stands in that protocol's config.ts.

import type { ChannelId, Ipv4, Mac, PortId, Vlan } from "../lib/units.ts";
import type { Interface6Config } from "./ipv6.ts";
import type { HashName } from "./spread.ts";

/** One port, index = PortId. */
export interface PortConfig {
  readonly name: string;
  readonly mac: Mac;
  /** Largest payload in bytes, without Ethernet header and tag. */
  readonly mtu: number;
}

/** One channel, index = ChannelId. */
export interface ChannelConfig {
  readonly name: string;
  /** The members; a channel of one port has that port alone and its name. */
  readonly ports: readonly PortId[];
  /** Set for an aggregated channel: what its frames are spread by (engine/spread.ts). */
  readonly hash?: HashName;
}

/** An address of an interface with its prefix length. */
export interface AddressConfig {
  readonly address: Ipv4;
  readonly prefix: number;
}

/** One interface of the appliance itself, index = interface number. */
export interface InterfaceConfig {
  readonly name: string;
  readonly mac: Mac;
  /** The bridge it sits on, or -1 when it sits on a channel. */
  readonly bridge: number;
  /** The channel it sits on, or -1 when it sits on a bridge. */
  readonly channel: ChannelId;
  /** The VLAN on that bridge or channel; 0 = untagged on a channel. */
  readonly vlan: Vlan;
  readonly addresses: readonly AddressConfig[];
  readonly proxyArp: boolean;
  readonly mtu: number;
  /** Absent: the interface speaks no IPv6. */
  readonly ipv6?: Interface6Config | undefined;
}

/** What all engines of a core see. */
export interface CommonConfig {
  readonly ports: readonly PortConfig[];
  readonly channels: readonly ChannelConfig[];
  readonly interfaces: readonly InterfaceConfig[];
}
