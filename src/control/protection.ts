// Compiles snooping and protection (BR-8, BR-9): rates with their bursts, communities as numbers, the VLANs where the
// own querier asks.

import type { BridgeChannelConfig, RateConfig, StormConfig } from "../bridge/config.ts";
import type { InterfaceConfig } from "../engine/config.ts";
import type { Mac, Vlan } from "../lib/units.ts";
import { RouterPort, type SnoopBridgeConfig, type SnoopConfig } from "../snoop/config.ts";
import type { BridgeChannelSection, BridgeSection, Configuration } from "./configuration.ts";
import { ipv4Of, type StormSection } from "./protection-schema.ts";

const ROUTER_PORTS = {
  auto: RouterPort.Auto,
  always: RouterPort.Always,
  never: RouterPort.Never,
} as const;
/** Isolation numbers of the engine: 0 everybody, 1 isolated, then communities. */
const FIRST_COMMUNITY = 2;

/** A tenth of a second's frames at once, where the file says nothing: a whole second's would hide short storms. */
const burstOf = (rate: number): number => Math.max(1, Math.ceil(rate / 10));

function stormConfig(section: StormSection | undefined): StormConfig | undefined {
  if (section === undefined) return undefined;
  const limit = (rate: number | undefined): RateConfig | undefined =>
    rate === undefined ? undefined : { rate, burst: section.burst ?? burstOf(rate) };
  return {
    broadcast: limit(section.broadcast),
    multicast: limit(section.multicast),
    unicast: limit(section["unknown-unicast"]),
    action: section.action,
    recovery: section.recovery,
  };
}

/** What protects a channel of a bridge. */
export function channelProtection(
  bridge: BridgeSection | undefined,
  section: BridgeChannelSection,
): Pick<BridgeChannelConfig, "storm" | "macLimit" | "isolation" | "loopDetection"> {
  const names = Object.values(bridge?.channels ?? {}).map(({ community }) => community ?? "");
  const communities = [...new Set(names)].filter((name) => name !== "").sort();
  const { community, isolated } = section;
  const isolation =
    community === undefined ? Number(isolated) : FIRST_COMMUNITY + communities.indexOf(community);
  const storm = stormConfig(section["storm-control"]);
  const macLimit = section["mac-limit"];
  return {
    ...(storm === undefined ? {} : { storm }),
    ...(macLimit === undefined ? {} : { macLimit }),
    ...(isolation === 0 ? {} : { isolation }),
    ...(section["loop-detection"] ? {} : { loopDetection: false }),
  };
}

/** The snooping of every bridge; undefined where none snoops. */
export function snoopConfig(
  file: Configuration,
  names: { readonly bridges: readonly string[]; readonly channels: readonly string[] },
  interfaces: readonly InterfaceConfig[],
  address: (bridge: string) => Mac,
): SnoopConfig | undefined {
  const bridges = names.bridges.flatMap((name, bridge): SnoopBridgeConfig[] => {
    const section = file.bridges[name];
    if (section === undefined || !section.snooping.enabled) return [];
    const { snooping } = section;
    const channels = Object.entries(section.channels);
    return [
      {
        bridge,
        igmp: snooping.igmp,
        mld: snooping.mld,
        querier: snooping.querier
          ? {
              igmpVersion: snooping["igmp-version"],
              mldVersion: snooping["mld-version"],
              vlans: snooping["querier-vlans"] ?? querierVlans(section, interfaces, bridge),
              address: ipv4Of(snooping["querier-address"]),
            }
          : null,
        mac: address(name),
        robustness: snooping.robustness,
        queryInterval: snooping["query-interval"],
        queryResponse: snooping["query-response-interval"],
        lastMemberInterval: snooping["last-member-interval"],
        unregistered: snooping.unregistered,
        maxGroups: snooping["max-groups"],
        channels: channels.map(([channel, options]) => ({
          channel: names.channels.indexOf(channel),
          routerPort: ROUTER_PORTS[options["router-port"]],
          fastLeave: options["fast-leave"],
          maxGroups: options["max-groups"] ?? 0,
        })),
      },
    ];
  });
  return bridges.length === 0 ? undefined : { bridges };
}

/** The untagged VLANs of the channels, and those where the appliance itself is. */
function querierVlans(
  section: BridgeSection,
  interfaces: readonly InterfaceConfig[],
  bridge: number,
): Vlan[] {
  const untagged = Object.values(section.channels).map((options) => {
    if (options.mode === "access") return options["access-vlan"] ?? 1;
    const native = options["native-vlan"] ?? 1;
    return native === "none" ? 0 : native;
  });
  const own = interfaces.filter((one) => one.bridge === bridge).map(({ vlan }) => vlan);
  return [...new Set([...untagged, ...own])].filter((vlan) => vlan > 0).sort((a, b) => a - b);
}
