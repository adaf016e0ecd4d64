// The bridges of an appliance on one core: each one's configuration, tree and facts for people, and where a channel is
// in them. Over a reload ports are known by their channels' names, since the numbers may be others.

import type { CommonConfig } from "../engine/config.ts";
import type { ChannelId, Mac } from "../lib/units.ts";
import type { StpBridgeConfig, StpChannelConfig, StpConfig } from "./config.ts";
import { Port, type TreeHooks, ZERO } from "./port.ts";
import { Tree } from "./tree.ts";
import type { BridgeFacts } from "./view.ts";

/** One bridge on this core. */
export interface Slot {
  readonly config: StpBridgeConfig;
  /** null where the protocol is off. */
  readonly tree: Tree | null;
  readonly facts: BridgeFacts;
  /** The root as it was told to people: priority and address. */
  root: { priority: number; address: Mac };
}

/** Where a channel is: its tree and its port there. */
export interface Place {
  readonly slot: Slot;
  readonly tree: Tree;
  readonly port: Port;
}

/** A slot to be begun after a reload: `was` has the former configuration of each port that stays. */
export interface Plan {
  readonly slot: Slot;
  readonly isNew: boolean;
  readonly was: ReadonlyMap<Port, StpChannelConfig>;
}

export function makeSlot(config: StpBridgeConfig, hooks: TreeHooks): Slot {
  const facts = { topologyChanges: 0, topologyChangeAt: ZERO, topologyChangeChannel: -1 };
  const root = { priority: config.priority, address: config.address };
  const tree = config.protocol === "off" ? null : new Tree(config, hooks);
  return { config, tree, facts, root };
}

/** A bridge's slot under a new configuration, with the ports that stay. */
export function planSlot(
  config: StpBridgeConfig,
  before: readonly Slot[],
  common: CommonConfig,
  hooks: TreeHooks,
): Plan {
  const old = before.find((slot) => slot.config.bridge === config.bridge);
  const was = new Map<Port, StpChannelConfig>();
  if (old === undefined || old.tree === null || config.protocol === "off") {
    return { slot: makeSlot(config, hooks), isNew: true, was };
  }
  const { tree, facts, root } = old;
  tree.bridge.ports = config.channels.map((channel) => {
    const name = common.channels[channel.channel]?.name;
    const port = tree.ports.find((one) => one.name === name);
    if (port === undefined) return new Port(channel);
    was.set(port, port.config);
    port.config = channel;
    return port;
  });
  return { slot: { config, tree, facts, root }, isNew: false, was };
}

/** The place of each channel; gives the ports their names and addresses. */
export function placesOf(slots: readonly Slot[], common: CommonConfig): (Place | undefined)[] {
  const places: (Place | undefined)[] = [];
  for (const slot of slots) {
    const { tree } = slot;
    if (tree === null) continue;
    for (const port of tree.ports) {
      const channel = common.channels[port.config.channel];
      const first = channel?.ports[0];
      port.name = channel?.name ?? "";
      port.mac = (first === undefined ? 0 : common.ports[first]?.mac) || slot.config.address;
      places[port.config.channel] = { slot, tree, port };
    }
  }
  return places;
}

export const allPlaces = (places: readonly (Place | undefined)[]): Place[] =>
  places.filter((place) => place !== undefined);

/** Channels of a slot, for enforcement. */
export const channelsOf = ({ config }: Slot): ChannelId[] =>
  config.channels.map(({ channel }) => channel);

/** A number for a configuration (FNV-1a): messages of another one name other channels. */
export function epochOf(config: StpConfig, common: CommonConfig): number {
  let hash = 0x811c9dc5;
  const names = common.channels.map(({ name }) => name);
  for (const character of JSON.stringify([config, names])) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return hash | 0;
}
