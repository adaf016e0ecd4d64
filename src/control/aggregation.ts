// Compiles the file's `channels`: which channel has which number, and what link aggregation runs on.

import type { ApplianceConfig } from "../core/config.ts";
import type { ChannelConfig, PortConfig } from "../engine/config.ts";
import {
  LAG_DEFAULTS,
  type LagChannelConfig,
  type LagConfig,
  PORT_PRIORITY,
} from "../lag/config.ts";
import type { Mac } from "../lib/units.ts";
import type { ChannelSection, Configuration } from "./configuration.ts";

/** The names of all channels: ports in no aggregate, each at its port's place, then the aggregates. */
export function channelNames(file: Configuration, ports: readonly string[]): string[] {
  const members = new Set(Object.values(file.channels).flatMap((channel) => channel.members));
  const single = ports.map((name) => (members.has(name) ? "" : name));
  return [...single, ...Object.keys(file.channels)];
}

/** A channel by its name; "" is a number without a channel. */
export function channelConfig(
  file: Configuration,
  name: string,
  ports: readonly string[],
): ChannelConfig {
  const section = file.channels[name];
  if (section === undefined) return { name, ports: name === "" ? [] : [ports.indexOf(name)] };
  const members = section.members.map((member) => ports.indexOf(member));
  return { name, ports: members, hash: section.hash };
}

/** The key of a channel that names none: its number, so that two channels of one system never share one. */
export function keyOf(name: string, section: ChannelSection): number {
  const number = Number(/(\d{1,5})$/.exec(name)?.[1] ?? LAG_DEFAULTS.key);
  return section.lacp?.key ?? (number >= 1 && number <= 65535 ? number : LAG_DEFAULTS.key);
}

/** One system for all channels: the lowest MAC of the ports at the start, kept over reloads. */
function autoSystem(ports: readonly PortConfig[], before: ApplianceConfig | undefined): Mac {
  const kept = before?.lag?.autoSystem ?? 0;
  if (kept > 0) return kept;
  const macs = ports.map(({ mac }) => mac).filter((mac) => mac > 0);
  return macs.length === 0 ? 0 : Math.min(...macs);
}

/** What link aggregation runs on. */
export function lagConfig(
  file: Configuration,
  channels: readonly ChannelConfig[],
  ports: readonly PortConfig[],
  before: ApplianceConfig | undefined,
): LagConfig {
  const auto = autoSystem(ports, before);
  return {
    autoSystem: auto,
    channels: channels.flatMap(({ name }, channel) => {
      const section = file.channels[name];
      return section === undefined ? [] : [lagChannel(name, section, channel, ports, auto)];
    }),
  };
}

function lagChannel(
  name: string,
  section: ChannelSection,
  channel: number,
  ports: readonly PortConfig[],
  auto: Mac,
): LagChannelConfig {
  const { lacp } = section;
  const system = lacp?.["system-id"] ?? "auto";
  return {
    channel,
    mode: section.mode,
    members: section.members.map((member) => {
      const port = ports.findIndex((one) => one.name === member);
      const priority = section["member-options"][member]?.priority ?? PORT_PRIORITY;
      return { port, number: port + 1, priority, mac: ports[port]?.mac ?? 0 };
    }),
    minLinks: section["min-links"],
    maxLinks: section["max-links"],
    system: system === "auto" ? auto : system,
    systemPriority: lacp?.["system-priority"] ?? LAG_DEFAULTS.systemPriority,
    key: keyOf(name, section),
    activity: lacp?.activity ?? LAG_DEFAULTS.activity,
    rate: lacp?.rate ?? LAG_DEFAULTS.rate,
    fallback: lacp?.fallback ?? LAG_DEFAULTS.fallback,
    mux: lacp?.mux ?? LAG_DEFAULTS.mux,
    upDelay: section["up-delay"],
    downDelay: section["down-delay"],
  };
}

/** The ports behind a channel or port of this name. */
export function portsBehind(file: Configuration, name: string): readonly string[] {
  return file.channels[name]?.members ?? [name];
}
