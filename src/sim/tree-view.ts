// A ring or mesh of appliances as the cores' port states make it: through which port another appliance is reached, and
// what is missing to one tree (BR-7).

import { Lane } from "../bridge/membership.ts";
import type { Core } from "../core/core.ts";
import { Role } from "../engine/role.ts";
import type { PortId } from "../lib/units.ts";
import type { Fabric } from "./fabric.ts";
import type { Place } from "./scenario.ts";

/** The core that has the link master's role, as the control core has it. */
export function linkMaster(fabric: Fabric, appliance: number): Core | undefined {
  const cluster = fabric.clusters[appliance];
  return cluster?.cores[cluster.supervision.membership.master(Role.Link)];
}

/** True when a core lets frames of stations in and out of a channel. */
export const isOpen = (core: Core, channel: number): boolean =>
  ((core.dispatch.bridging.membership.lane[channel] as number) & Lane.Blocked) === 0;

/** True when the cable is plugged in at both ends. */
export const isWhole = (fabric: Fabric, cable: readonly [Place, Place]): boolean =>
  cable.every(({ appliance, port }) => fabric.wireOf(appliance, port).cut === 0);

function carries(fabric: Fabric, cable: readonly [Place, Place]): boolean {
  if (!isWhole(fabric, cable)) return false;
  return cable.every(({ appliance, port }) => {
    const core = linkMaster(fabric, appliance);
    return core !== undefined && isOpen(core, core.dispatch.channels.ownerOf(port));
  });
}

/** The port of an appliance through which another one is reached; -1 = it is not. */
export function portTowards(fabric: Fabric, from: number, to: number): PortId {
  const { cables } = fabric.scenario;
  // From the far end, so that the first step found is the one next to `from`.
  const known = new Set([to]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const cable of cables) {
      for (const [near, far] of [cable, [cable[1], cable[0]] as const]) {
        if (!known.has(far.appliance) || known.has(near.appliance)) continue;
        if (!carries(fabric, cable)) continue;
        if (near.appliance === from) return near.port;
        known.add(near.appliance);
        grown = true;
      }
    }
  }
  return -1;
}

/**
 * The way of a frame that comes back to where it was, in words; null when there is none. `joins` says by which core an
 * appliance passes frames on from one port to another, -1 = by none; each time round it may be another one.
 */
export function findLoop(
  fabric: Fabric,
  joins: (appliance: number, from: PortId, to: PortId) => number,
): string | null {
  const cables = fabric.scenario.cables.filter((cable) => isWhole(fabric, cable));
  // Ways through a cable: two for each, there and back.
  const ways = cables.flatMap(([one, other]) => [
    { from: one, to: other },
    { from: other, to: one },
  ]);
  const marks = new Uint8Array(ways.length);
  const path: string[] = [];
  const visit = (index: number): boolean => {
    if (marks[index] === 2) return false;
    if (marks[index] === 1) return true;
    marks[index] = 1;
    const { to } = ways[index] as (typeof ways)[number];
    for (const [next, { from }] of ways.entries()) {
      if (from.appliance !== to.appliance || from.port === to.port) continue;
      const core = joins(to.appliance, to.port, from.port);
      if (core < 0) continue;
      path.push(`core ${core} of ${to.appliance} from port ${to.port} to ${from.port}`);
      if (visit(next)) return true;
      path.pop();
    }
    marks[index] = 2;
    return false;
  };
  return ways.some((_, index) => visit(index)) ? path.join(", ") : null;
}

type Row = Record<string, unknown>;

/** The link master's rows of each appliance: the bridge's first, then its channels'. */
function rowsOf(fabric: Fabric): Row[][] {
  return fabric.clusters.map((_, appliance) => {
    const stp = linkMaster(fabric, appliance)?.dispatch.stp;
    return stp?.rows(0, 512, fabric.now).rows ?? [];
  });
}

/** Topology changes that the link masters have counted, with who they are: equal when nothing was counted. */
export function topologyChanges(fabric: Fabric): string {
  return rowsOf(fabric)
    .map((rows, appliance) => {
      const { core } = linkMaster(fabric, appliance) ?? {};
      return `${core}: ${rows[0]?.["topologyChanges"]}`;
    })
    .join(", ");
}

/** What is missing to one tree over all cables that are whole; "" = nothing. */
export function faultOfTree(fabric: Fabric): string {
  const all = rowsOf(fabric);
  const bridges = all.map(([row]) => row ?? {});
  const priorities = bridges.map((row) => row["priority"] as number);
  const root = bridges[priorities.indexOf(Math.min(...priorities))]?.["address"];
  for (const [appliance, row] of bridges.entries()) {
    if (row["rootAddress"] !== root) return `appliance ${appliance} has another root`;
  }
  const joined = fabric.scenario.cables.flat();
  for (const [appliance, rows] of all.entries()) {
    for (const { channel, state, settled } of rows.slice(1)) {
      const what = `port ${channel} of appliance ${appliance}`;
      if (settled !== true) return `${what} waits for an acknowledgement`;
      const isLink = joined.some((end) => end.appliance === appliance && end.port === channel);
      if (!isLink && state !== "forwarding") return `${what}, with hosts, is ${state}`;
    }
  }
  for (const cable of fabric.scenario.cables) {
    const fault = isWhole(fabric, cable) ? faultOfCable(all, cable) : "";
    if (fault !== "") return fault;
  }
  for (const to of fabric.clusters.keys()) {
    if (to > 0 && portTowards(fabric, 0, to) < 0) return `appliance ${to} is not reached from 0`;
  }
  return "";
}

/** One end of a cable is designated and forwards; the other is the way to the root and forwards, or is shut. */
function faultOfCable(all: readonly Row[][], cable: readonly [Place, Place]): string {
  const ends = cable.map(({ appliance, port }) => {
    const row = all[appliance]?.find((one) => one["channel"] === port);
    return `${row?.["role"]} ${row?.["state"]}`;
  });
  ends.sort();
  const text = ends.join(" and ");
  const isWell =
    text === "designated forwarding and root forwarding" ||
    text === "alternate discarding and designated forwarding";
  const [one, other] = cable;
  return isWell ? "" : `the cable of ${one.appliance} and ${other.appliance} is ${text}`;
}
