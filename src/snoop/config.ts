// Multicast snooping as its engine sees it: numbers for names, durations in milliseconds. The control core makes it
// from the checked file. Defaults are those of RFC 3376 section 8 (IGMP) and RFC 3810 section 9 (MLD), which agree.

import type { ChannelId, Ipv4, Mac, Millis, Vlan } from "../lib/units.ts";

/** Robustness Variable (RFC 3376 8.1, RFC 3810 9.1). */
export const ROBUSTNESS = 2;
/** Query Interval (8.2, 9.2). */
export const QUERY_INTERVAL: Millis = 125_000;
/** Query Response Interval (8.3, 9.3). */
export const QUERY_RESPONSE: Millis = 10_000;
/** Last Member Query Interval (8.8, 9.8). */
export const LAST_MEMBER_INTERVAL: Millis = 1000;
/** Groups of a bridge: our choice; a row is some 60 bytes on each core. */
export const MAX_GROUPS = 1024;
/** Rows that name routers, over all bridges, VLANs and both families: our choice. */
export const MAX_DOMAINS = 512;
/** Reports, leaves and queries of a channel that are looked at in a second: our choice, ten times a busy trunk's. */
export const REPORT_RATE = 1000;

/** Who has routers behind a channel. */
export const RouterPort = { Auto: 0, Always: 1, Never: 2 } as const;
export type RouterPort = (typeof RouterPort)[keyof typeof RouterPort];

/** One channel of a snooping bridge. */
export interface SnoopChannelConfig {
  readonly channel: ChannelId;
  readonly routerPort: RouterPort;
  /** A leave counts at once, without asking whether anybody else still listens: one host behind the channel. */
  readonly fastLeave: boolean;
  /** Groups that the channel may join; 0 = the bridge's bound alone. */
  readonly maxGroups: number;
}

/** The own querier of a bridge. */
export interface QuerierConfig {
  /** 2 or 3 for IGMP; MLD 1 or 2. */
  readonly igmpVersion: number;
  readonly mldVersion: number;
  readonly vlans: readonly Vlan[];
  /** Source of IGMP queries on VLANs without an interface; 0: 0.0.0.0, which any other querier beats. */
  readonly address: Ipv4;
}

/** One bridge that snoops. */
export interface SnoopBridgeConfig {
  readonly bridge: number;
  readonly igmp: boolean;
  readonly mld: boolean;
  readonly querier: QuerierConfig | null;
  /** Source of queries on VLANs without an interface of the appliance. */
  readonly mac: Mac;
  readonly robustness: number;
  readonly queryInterval: Millis;
  readonly queryResponse: Millis;
  readonly lastMemberInterval: Millis;
  /** Where data to a group that nobody joined goes while a querier is known (RFC 4541 2.1.2). */
  readonly unregistered: "routers" | "flood";
  readonly maxGroups: number;
  readonly channels: readonly SnoopChannelConfig[];
}

export interface SnoopConfig {
  readonly bridges: readonly SnoopBridgeConfig[];
}

export const NO_SNOOPING: SnoopConfig = { bridges: [] };

/** A bridge that snoops both families with every default. */
export const snoopDefaults = (
  bridge: number,
  channels: readonly ChannelId[],
  options: Partial<SnoopBridgeConfig> = {},
): SnoopBridgeConfig => ({
  bridge,
  igmp: true,
  mld: true,
  querier: null,
  mac: 0,
  robustness: ROBUSTNESS,
  queryInterval: QUERY_INTERVAL,
  queryResponse: QUERY_RESPONSE,
  lastMemberInterval: LAST_MEMBER_INTERVAL,
  unregistered: "routers",
  maxGroups: MAX_GROUPS,
  channels: channels.map((channel) => ({
    channel,
    routerPort: RouterPort.Auto,
    fastLeave: false,
    maxGroups: 0,
  })),
  ...options,
});
