// What an interface advertises as an IPv6 router (RFC 4861 6.2.1), as the file has it.

import type { AdvertiseConfig, Ipv6Words } from "../engine/ipv6.ts";
import type { InterfaceSection } from "./configuration.ts";
import { network6Of } from "./network.ts";

/** AdvDefaultLifetime, and the bound of RFC 4861 6.2.1. */
const LIFETIMES = 3;
const MAX_LIFETIME_SECONDS = 9000;
/** MinRtrAdvInterval: a third of the other one, but not below 3 s (RFC 4861 6.2.1). */
const MIN_SHARE = 0.33;
const MIN_INTERVAL = 3000;

/** What `interfaces.NAME.router-advertisements` says. */
export interface AdvertisementsSection {
  interval: number;
  lifetime?: number | undefined;
  managed: boolean;
  other: boolean;
  preference: "low" | "medium" | "high";
  mtu?: number | undefined;
  "hop-limit": number;
  "reachable-time": number;
  "retrans-timer": number;
  "valid-lifetime": number;
  "preferred-lifetime": number;
  autonomous: boolean;
  dns: readonly { readonly ipv4?: number | undefined; readonly ipv6?: Ipv6Words | undefined }[];
}

/** What an interface advertises: its own prefixes, as the section says; null when it says nothing. */
export function advertiseConfig(section: InterfaceSection | undefined): AdvertiseConfig | null {
  const wanted = section?.["router-advertisements"];
  if (section === undefined || wanted === undefined) return null;
  const maxInterval = wanted.interval;
  const seconds = (millis: number): number => Math.ceil(millis / 1000);
  const byDefault = Math.min(MAX_LIFETIME_SECONDS, seconds(LIFETIMES * maxInterval));
  const networks = section.addresses.flatMap(({ ipv6, length }) =>
    ipv6 === undefined || ipv6[0] >>> 22 === 0x3fa
      ? []
      : [{ prefix: network6Of(ipv6, length), length }],
  );
  return {
    maxInterval,
    // RFC 4861 6.2.1: below 9 s both are the same.
    minInterval: maxInterval < 9000 ? maxInterval : Math.max(MIN_INTERVAL, maxInterval * MIN_SHARE),
    managed: wanted.managed,
    other: wanted.other,
    mtu: wanted.mtu ?? 0,
    reachableTime: wanted["reachable-time"],
    retransTimer: wanted["retrans-timer"],
    hopLimit: wanted["hop-limit"],
    lifetimeSeconds: wanted.lifetime === undefined ? byDefault : seconds(wanted.lifetime),
    preference: wanted.preference,
    prefixes: networks.map(({ prefix, length }) => ({
      prefix,
      length,
      onLink: true,
      autonomous: wanted.autonomous && length === 64,
      validSeconds: seconds(wanted["valid-lifetime"]),
      preferredSeconds: Math.min(
        seconds(wanted["preferred-lifetime"]),
        seconds(wanted["valid-lifetime"]),
      ),
    })),
    dns: wanted.dns.flatMap(({ ipv6 }) => (ipv6 === undefined ? [] : [ipv6])),
    dnsSeconds: byDefault,
  };
}
