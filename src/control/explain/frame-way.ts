// Where a frame meets the appliance: its port's channel, the VLAN, the stations, and for what is routed the way on. The
// sentences say why the copies of the cores did what they did (rehearsal.ts); they decide nothing.

import type { BridgeChannelConfig } from "../../bridge/config.ts";
import type { ApplianceConfig } from "../../core/config.ts";
import { EtherType } from "../../wire/ethernet.ts";
import { formatMac } from "../../wire/text.ts";
import type { Appliance } from "../appliance-port.ts";
import type { Row } from "../show.ts";
import type { Asked } from "./asked.ts";
import type { Headers } from "./frame-text.ts";
import type { Facts, Rehearsed } from "./rehearsal.ts";

export interface Context {
  readonly appliance: Appliance;
  readonly asked: Asked;
  readonly headers: Headers;
  readonly port: number;
  readonly core: number;
  readonly before: Facts;
}

interface OnBridge {
  readonly bridge: number;
  readonly name: string;
  readonly member: BridgeChannelConfig;
}

function bridgeOf({ bridging }: ApplianceConfig, channel: number): OnBridge | undefined {
  for (const [bridge, { name, channels }] of bridging.bridges.entries()) {
    const member = channels.find((one) => one.channel === channel);
    if (member !== undefined) return { bridge, name, member };
  }
  return undefined;
}

/** The VLAN that a bridge's channel puts a frame in; 0 = none. */
function vlanOf({ headers }: Context, { member }: OnBridge): number {
  if (headers.vlan !== null && headers.vlan !== 0) return headers.vlan;
  return member.mode === "access" ? member.accessVlan : member.nativeVlan;
}

/** The frames of protocols that end at every bridge (IEEE 802.1D-2004 7.12.6). */
const isReserved = (mac: number): boolean => Math.floor(mac / 16) === 0x0180c200000;

/** The port, its channel, its VLAN, and what keeps frames out there. */
export async function placeLines(context: Context): Promise<string[]> {
  const { appliance, asked, before, port, core, headers } = context;
  const { config } = appliance;
  const name = config.common.ports[port]?.name ?? "";
  const lines: string[] = [];
  const state = appliance.ports()[port];
  if (state?.up === false) lines.push(`${name} has no link now: such a frame could not come.`);
  const channel = config.common.channels[before.owner]?.name;
  if (channel === undefined) return [...lines, `${name} belongs to no channel.`];
  if (before.isBlocked) {
    lines.push(
      `${name} is a member of ${channel} that does not take frames now: linkloom explain lacp ${channel}.`,
    );
  }
  const on = bridgeOf(config, before.owner);
  if (on === undefined) return [...lines, ...routedLines(context, channel)];
  const { mode, isolation = 0 } = on.member;
  const by = headers.vlan === null ? "it has no tag" : `its tag says ${headers.vlan}`;
  const where = channel === name ? name : `${name} is of ${channel}, which`;
  if (isReserved(headers.destination)) {
    return [...lines, `${where} is on ${on.name}; such an address ends at every bridge.`];
  }
  const vlan = vlanOf(context, on);
  const what = vlan === 0 ? `no VLAN, because ${by}` : `VLAN ${vlan}, because ${by}`;
  lines.push(
    `${where} is ${mode === "access" ? "an access channel" : "a trunk"} of ${on.name}; the frame is in ${what}.`,
  );
  const [stp] = await asked.rows("stp", { core: String(core), channel, bridge: on.name });
  if (stp !== undefined && stp["state"] !== "forwarding") {
    lines.push(
      `Spanning tree has ${channel} ${stp["state"]} (${stp["role"]}): linkloom explain stp ${on.name} ${channel}.`,
    );
  }
  const guarded = await asked.rows("protection", { core: String(core), channel });
  for (const row of guarded) {
    if (row["state"] === "open") continue;
    const muted = row["state"] === "muted" ? "; what follows is as if it were open" : "";
    lines.push(`${channel} is ${row["state"]} by protection (${row["reason"]})${muted}.`);
  }
  if (isolation === 1) lines.push(`${channel} is isolated: it reaches only channels that are not.`);
  else if (isolation > 1) lines.push(`${channel} is in community ${isolation}.`);
  return lines;
}

function routedLines({ appliance, before, headers }: Context, channel: string): string[] {
  const wanted = headers.vlan ?? 0;
  const found = appliance.config.common.interfaces.find(
    (one) => one.channel === before.owner && one.vlan === wanted,
  );
  const tag = wanted === 0 ? "untagged frames" : `VLAN ${wanted}`;
  if (found === undefined) return [`${channel} is routed, and no interface there takes ${tag}.`];
  return [`${channel} is routed: ${found.name} takes ${tag} there.`];
}

const isGroup = (mac: number): boolean => (Math.floor(mac / 2 ** 40) & 1) === 1;

/** Who the two stations are to the bridge. */
export function stationLines(context: Context): string[] {
  const { appliance, before, headers } = context;
  const { config } = appliance;
  const on = bridgeOf(config, before.owner);
  if (on === undefined || isReserved(headers.destination)) return [];
  const vlan = vlanOf(context, on);
  if (vlan === 0) return [];
  const nameOf = (channel: number): string => config.common.channels[channel]?.name ?? "";
  const { source, destination } = headers;
  const lines: string[] = [];
  const known = before.locate(on.bridge, source, vlan);
  if (isGroup(source)) lines.push(`${formatMac(source)} is a group, and no station can be one.`);
  else if (known < 0) lines.push(`${formatMac(source)} is not known in VLAN ${vlan}.`);
  else if (known === before.owner) lines.push(`${formatMac(source)} is known there.`);
  else lines.push(`${formatMac(source)} was on ${nameOf(known)}: it moves.`);
  const own = config.common.interfaces.find(
    (one) => one.bridge === on.bridge && one.vlan === vlan && one.mac === destination,
  );
  if (own !== undefined) lines.push(`${formatMac(destination)} is our own ${own.name}.`);
  else if (!isGroup(destination)) {
    const to = before.locate(on.bridge, destination, vlan);
    const where = to < 0 ? "is not known" : `is on ${nameOf(to)}`;
    lines.push(`${formatMac(destination)} ${where} in VLAN ${vlan}.`);
  }
  return lines;
}

/** For a packet that the appliance took in or sent on: its route and its next hop. */
export async function wayLines(context: Context, played: Rehearsed): Promise<string[]> {
  const { asked, headers, core } = context;
  const { to, type } = headers;
  const isTaken = played.cores.some(({ class: name }) => name === "local" || name === "taken");
  const reached = played.cores.some(({ drops }) =>
    drops.some((reason) => /^(ip6?|icmp|arp-(failed|negative)|nd-failed)/.test(reason)),
  );
  if (to === "" || !(isTaken || reached) || isGroup(headers.destination)) return [];
  const interfaces = await asked.rows("interfaces");
  const own = interfaces.find(({ addresses }) =>
    (addresses as string[]).some((one) => one.split("/")[0] === to),
  );
  if (own !== undefined) return [`${to} is our own address on ${own["interface"]}.`];
  const routes = await asked.rows("routes", { address: to, core: String(core) });
  const length = (row: Row): number => Number(String(row["destination"]).split("/")[1] ?? 0);
  const [route] = [...routes].sort((one, other) => length(other) - length(one));
  if (route === undefined) return [`No route leads to ${to}.`];
  const via = String(route["via"]);
  const hop = /[.:]/.test(via) ? via : to;
  const name = String(route["interface"]);
  const way = hop === to ? `on the link of ${name}` : `by ${hop} on ${name}`;
  const lines = [`The route ${route["destination"]} leads to ${to} ${way}.`];
  const table = type === EtherType.Ipv6 ? "nd" : "arp";
  const [entry] = await asked.rows(table, { address: hop, core: String(core) });
  if (entry === undefined)
    lines.push(`${hop} is no known neighbour: it is asked for, and the packet waits.`);
  else lines.push(`${hop} is ${entry["state"]}${entry["mac"] ? ` at ${entry["mac"]}` : ""}.`);
  return lines;
}
