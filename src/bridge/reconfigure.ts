// From one configuration to the next (OPS-1): which tables stay as they are, which are copied into another shape, and
// which entries lose their channel or VLAN. Every core does the same by itself; the epoch tells messages apart that
// were sent before and after.

import type { CommonConfig } from "../engine/config.ts";
import type { Out } from "../engine/out.ts";
import type { Millis } from "../lib/units.ts";
import type { Clock } from "./clock.ts";
import type { BridgeChannelConfig, BridgeConfig, BridgingConfig } from "./config.ts";
import { Learning } from "./learning.ts";
import { Membership } from "./membership.ts";
import { NO_CHANNEL } from "./message.ts";
import { Muting } from "./muting.ts";
import { Protection } from "./protection.ts";
import { CHANNEL_MASK, Flag, highOf, lowOf, makeKey, Slot, vlanOf } from "./table.ts";

/** What is there before. */
export interface Before {
  readonly config: BridgingConfig;
  readonly common: CommonConfig;
  readonly bridges: readonly Learning[];
  readonly muting: Muting;
  readonly protection: Protection;
  readonly membership: Membership;
}

/** What is there after. */
export interface After {
  readonly membership: Membership;
  readonly muting: Muting;
  readonly protection: Protection;
  readonly bridges: readonly Learning[];
  readonly epoch: number;
}

/** A 16-bit number for a configuration: FNV-1a over all that gives channels and bridges their numbers and VLANs. */
export function epochOf(config: BridgingConfig, common: CommonConfig): number {
  const text = JSON.stringify([
    common.channels.map((channel) => channel.name),
    config.bridges.map(({ name, channels }) => [name, channels.map(placeOf)]),
  ]);
  let h = 0x811c9dc5;
  for (let n = 0; n < text.length; n++) h = Math.imul(h ^ text.charCodeAt(n), 0x01000193);
  return (h ^ (h >>> 16)) & 0xffff;
}

/** What a station's place depends on; limits and the like do not count. */
const placeOf = (member: BridgeChannelConfig): unknown[] => {
  const { channel, mode, accessVlan, nativeVlan, trunkVlans } = member;
  return [channel, mode, accessVlan, nativeVlan, trunkVlans];
};

/** For each channel of `to` its number in `from`, by name; -1 = it is new. */
function mapChannels(from: CommonConfig | undefined, to: CommonConfig): Int32Array {
  const numbers = new Map(from?.channels.map((channel, index) => [channel.name, index]));
  return Int32Array.from(to.channels, (channel) => numbers.get(channel.name) ?? -1);
}

export function reconfigure(
  before: Before | null,
  config: BridgingConfig,
  common: CommonConfig,
  out: Out,
  clock: Clock,
  counters: Float64Array,
  now: Millis,
): After {
  const membership = new Membership(config, common);
  const muting = new Muting(out, config, membership);
  const oldOf = mapChannels(before?.common, common);
  if (before !== null) {
    muting.inherit(before.muting, oldOf);
    membership.inherit(before.membership, oldOf);
  }
  const epoch = epochOf(config, common);
  const protection = new Protection(out, clock, config, common, membership);
  protection.shut.inherit(before?.protection.shut ?? null, oldOf, epoch);
  const renumbered =
    before?.common.channels.length !== common.channels.length ||
    oldOf.some((old, index) => old !== index);
  const bridges = config.bridges.map((bridge, index) => {
    const oldIndex = before?.config.bridges.findIndex((old) => old.name === bridge.name) ?? -1;
    const oldConfig = before?.config.bridges[oldIndex];
    const old = before?.bridges[oldIndex];
    let stations = old;
    const shaped = oldConfig !== undefined && isSameShape(oldConfig, bridge);
    if (old === undefined || !shaped || renumbered || oldIndex !== index) {
      stations = new Learning(out, clock, counters, index, bridge, common.channels.length);
      if (old !== undefined) copyInto(stations, old, oldOf);
    }
    const kept = stations as Learning;
    kept.configure(bridge, epoch, muting);
    dropStrangers(kept, membership);
    configureStatics(kept, membership, oldConfig, bridge, now);
    return kept;
  });
  return { membership, muting, protection, bridges, epoch };
}

function isSameShape(a: BridgeConfig, b: BridgeConfig): boolean {
  return (
    a.tableSize === b.tableSize &&
    a.probeLimit === b.probeLimit &&
    a.learning === b.learning &&
    a.seed === b.seed
  );
}

/** Copies what counts, with the channels' new numbers. */
function copyInto(to: Learning, { table }: Learning, oldOf: Int32Array): void {
  const newOf = new Map<number, number>([[NO_CHANNEL, NO_CHANNEL]]);
  for (let index = 0; index < oldOf.length; index++) newOf.set(oldOf[index] as number, index);
  for (let slot = 0; slot < table.size; slot++) {
    if (table.state(slot) !== Slot.Live) continue;
    const meta = table.meta(slot);
    const channel = newOf.get(meta & CHANNEL_MASK);
    if (channel !== undefined) to.inherit(table, slot, (meta & ~CHANNEL_MASK) | channel);
  }
}

/** Takes entries away whose channel is no longer in the bridge, or no longer in the VLAN. */
function dropStrangers({ table, index }: Learning, membership: Membership): void {
  for (let slot = 0; slot < table.size; slot++) {
    if (table.state(slot) !== Slot.Live) continue;
    const channel = table.meta(slot) & CHANNEL_MASK;
    if (channel !== NO_CHANNEL && !membership.mayHold(index, channel, vlanOf(table.key(slot))))
      table.release(slot);
  }
}

/** Static stations of the file; those that an operator added live stay. */
function configureStatics(
  stations: Learning,
  membership: Membership,
  before: BridgeConfig | undefined,
  config: BridgeConfig,
  now: Millis,
): void {
  const wanted = new Set(config.statics.map(({ mac, vlan }) => `${mac} ${vlan}`));
  for (const { mac, vlan } of before?.statics ?? []) {
    if (!wanted.has(`${mac} ${vlan}`)) stations.removeStatic(mac, vlan, now);
  }
  for (const { mac, vlan, channel } of config.statics) {
    if (!membership.mayHold(stations.index, channel, vlan)) continue;
    const { table } = stations;
    const slot = table.find(lowOf(mac), makeKey(highOf(mac), vlan));
    const meta = (channel < 0 ? NO_CHANNEL : channel) | Flag.Static;
    if (slot >= 0 && (table.meta(slot) & (CHANNEL_MASK | Flag.Static)) === meta) continue;
    stations.addStatic(mac, vlan, channel, now);
  }
}
