// Compiles the file's spanning trees: one for each bridge, its channels numbered as the appliance numbers them, so that
// a port identifier stays over reloads.

import type { Mac } from "../lib/units.ts";
import {
  type Edge,
  STP_CHANNEL_DEFAULTS,
  type StpChannelConfig,
  type StpConfig,
} from "../stp/config.ts";
import type { BridgeChannelSection, Configuration } from "./configuration.ts";

const NAMES = { true: "on", false: "off", auto: "auto" } as const;
const nameOf = (value: "auto" | boolean): Edge => NAMES[`${value}`];

/** The spanning tree of every bridge; `address` gives a bridge's MAC. */
export function stpConfig(
  file: Configuration,
  names: { readonly bridges: readonly string[]; readonly channels: readonly string[] },
  address: (bridge: string) => Mac,
): StpConfig {
  return {
    bridges: names.bridges.flatMap((name, bridge) => {
      const section = file.bridges[name];
      if (section === undefined) return [];
      const { stp } = section;
      return [
        {
          bridge,
          protocol: stp.protocol,
          address: address(name),
          priority: stp.priority,
          helloTime: stp["hello-time"],
          forwardDelay: stp["forward-delay"],
          maxAge: stp["max-age"],
          txHoldCount: stp["tx-hold-count"],
          channels: Object.entries(section.channels).map(([channel, options]) =>
            channelOf(names.channels.indexOf(channel), options),
          ),
        },
      ];
    }),
  };
}

function channelOf(channel: number, { stp }: BridgeChannelSection): StpChannelConfig {
  const place = { channel, number: channel + 1 };
  if (stp === undefined) return { ...STP_CHANNEL_DEFAULTS, ...place };
  return {
    ...place,
    priority: stp.priority,
    cost: stp.cost === "auto" ? 0 : stp.cost,
    edge: nameOf(stp.edge),
    pointToPoint: nameOf(stp["point-to-point"]),
    bpduGuard: stp["bpdu-guard"],
    bpduFilter: stp["bpdu-filter"],
    rootGuard: stp["root-guard"],
    loopGuard: stp["loop-guard"],
    tcnGuard: stp["tcn-guard"],
    guardRecovery: stp["guard-recovery"],
  };
}
