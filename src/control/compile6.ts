// What compile.ts makes of a checked configuration's IPv6: interfaces that speak it, routes and
// forwarding, neighbour discovery.

import type { Interface6Config } from "../engine/ipv6.ts";
import { HOST6_DEFAULTS, type Host6Config } from "../host/config6.ts";
import type { Mac } from "../lib/units.ts";
import { ND_DEFAULTS, type NdConfig } from "../nd/config.ts";
import { advertiseConfig } from "./advertisements.ts";
import type { Configuration, InterfaceSection } from "./configuration.ts";

/**
 * An interface with an IPv6 address speaks IPv6; a router learns nothing from advertisements (RFC
 * 4861 6.2.7).
 */
export function interface6(
  file: Configuration,
  section: InterfaceSection | undefined,
): Interface6Config | undefined {
  const addresses = (section?.addresses ?? []).flatMap(({ ipv6, length }) =>
    ipv6 === undefined ? [] : [{ address: ipv6, prefix: length }],
  );
  const isWanted = section?.ipv6 === true || section?.["router-advertisements"] !== undefined;
  if (addresses.length === 0 && !isWanted) return undefined;
  const isHost = !file.forwarding.ipv6;
  return {
    addresses,
    acceptAdvertisements: isHost,
    autoconfigure: isHost,
    acceptRedirects: isHost,
    advertise: advertiseConfig(section),
  };
}

/** Routes and forwarding; `interfaces` are the names by number. */
export function host6(file: Configuration, interfaces: readonly string[]): Host6Config {
  return {
    ...HOST6_DEFAULTS,
    forwarding: file.forwarding.ipv6,
    redirects: file.forwarding.redirects,
    routes: file.routes.flatMap((route) => {
      const { ipv6: to, length: prefix } = route.to;
      if (to === undefined) return [];
      const iface = route.interface === undefined ? -1 : interfaces.indexOf(route.interface);
      return [{ to, prefix, via: route.via?.ipv6 ?? null, interface: iface, kind: route.kind }];
    }),
  };
}

/** Neighbour discovery. What it does at random differs from machine to machine as their MACs do. */
export function nd(file: Configuration, interfaces: readonly string[], mac: Mac): NdConfig {
  const section = file.neighbours.nd;
  return {
    ...ND_DEFAULTS,
    owner: section?.owner ?? ND_DEFAULTS.owner,
    reachableTime: section?.["reachable-time"] ?? ND_DEFAULTS.reachableTime,
    retransTimer: section?.["retrans-timer"] ?? ND_DEFAULTS.retransTimer,
    dadTransmits: section?.["dad-transmits"] ?? ND_DEFAULTS.dadTransmits,
    maxEntries: section?.["max-entries"] ?? ND_DEFAULTS.maxEntries,
    router: file.forwarding.ipv6,
    seed: 1 + (mac % 0x7fffffff),
    statics: file.neighbours.static.flatMap(({ address, mac: station, interface: name }) =>
      address.ipv6 === undefined
        ? []
        : [{ iface: interfaces.indexOf(name), address: address.ipv6, mac: station }],
    ),
  };
}
