// Where frames may go (BR-2, BR-6): out of ports that carry their VLAN and in the form of that port, never back to
// where their sender sits, each copy once, and in order as long as nothing that may end a bucket's move by force
// happened.

import type { Millis, PortId, Vlan } from "../../lib/units.ts";
import { PROBE } from "../fabric.ts";
import { type HostPlan, interfaceMac, type Place, VLANS } from "../scenario.ts";
import type { Seen } from "../seen.ts";
import { portTowards } from "../tree-view.ts";
import { Violation } from "../violation.ts";
import type { Invariant, Stage } from "./invariant.ts";

export const VLAN = "no frame leaves through a port that may not carry it";
export const LOOP = "no frame comes back or comes twice";
export const ORDER = "frames of a flow stay in order";

/** Frames that were under way when a host was plugged in elsewhere are out after this. */
const UNDER_WAY: Millis = 400;
/** After trouble with a core, a move that was ended by force may still be felt. */
const FORCED: Millis = 1000;
/** Numbered frames remembered, a power of two. */
const MEMORY = 4096;

/** What a port may carry: the VLAN of each tag, 0 for none; -1 = not at all. */
function carriedBy(stage: Stage, appliance: number, port: PortId): Int32Array {
  const carried = new Int32Array(4096).fill(-1);
  const { common, bridging } = stage.fabric.scenario.appliances[
    appliance
  ] as (typeof stage.fabric.scenario.appliances)[number];
  const channel = common.channels.findIndex(({ ports }) => ports.includes(port));
  for (const member of bridging.bridges[0]?.channels ?? []) {
    if (member.channel !== channel) continue;
    if (member.mode === "access") carried[0] = member.accessVlan;
    else {
      if (member.nativeVlan > 0) carried[0] = member.nativeVlan;
      for (const [first, last] of member.trunkVlans) {
        for (let vlan = first; vlan <= last; vlan++) carried[vlan] = vlan;
      }
    }
  }
  return carried;
}

export class BridgingInvariant implements Invariant {
  readonly #stage: Stage;
  readonly #carried: Int32Array[][];
  readonly #vlanOf: Map<number, Vlan> = new Map();
  readonly #hostOf: Map<number, number> = new Map();
  /** Per appliance and port: the last number of each flow; and the numbers seen of late. */
  readonly #last: Map<number, Int32Array>[];
  readonly #seen: Int32Array[];

  constructor(stage: Stage) {
    this.#stage = stage;
    const { appliances, hosts } = stage.fabric.scenario;
    this.#carried = appliances.map(({ common }, appliance) =>
      common.ports.map((_, port) => carriedBy(stage, appliance, port)),
    );
    for (const [index, { mac, vlan }] of hosts.entries()) {
      this.#vlanOf.set(mac, vlan);
      this.#hostOf.set(mac, index);
    }
    for (const appliance of appliances.keys()) {
      for (const vlan of VLANS) this.#vlanOf.set(interfaceMac(appliance, vlan), vlan);
    }
    const places = appliances.flatMap(({ common }) => common.ports);
    this.#last = places.map(() => new Map());
    this.#seen = places.map(() => new Int32Array(MEMORY).fill(-1));
  }

  frame(seen: Seen): void {
    const { appliance, port, vlan, from } = seen;
    if (seen.isLinkLocal) return;
    const carried = this.#carried[appliance]?.[port]?.[vlan] ?? -1;
    const where = `appliance ${appliance} port ${port}`;
    if (carried < 0) throw new Violation(VLAN, `${where}: a frame with tag ${vlan}`);
    const own = this.#vlanOf.get(from);
    if (own !== undefined && own !== carried) {
      throw new Violation(VLAN, `${where}: a frame of VLAN ${own} in VLAN ${carried}`);
    }
    const index = this.#hostOf.get(from);
    if (index !== undefined) this.#home(index, seen);
    if (seen.type === PROBE) this.#probe(seen);
  }

  /** A host's own frames never come back to it. */
  #home(index: number, { appliance, port, type }: Seen): void {
    const { fabric } = this.#stage;
    const host = fabric.hosts[index];
    if (host === undefined || host.place.appliance !== appliance) return;
    if (
      host.place.port !== port &&
      !(fabric.isBehind(host) && fabric.scenario.bundle.includes(port))
    )
      return;
    // Where the tree changed, what waited on a core that does nothing may come by another way.
    const time = fabric.scenario.shape === "ring" ? FORCED : UNDER_WAY;
    if (
      fabric.now - host.since < time ||
      fabric.now - Math.max(this.#stage.disturbed.wire, fabric.spoiled) < time
    )
      return;
    const { name } = host.plan satisfies HostPlan;
    throw new Violation(
      LOOP,
      `a frame (${type.toString(16)}) of ${name} came back to port ${port}`,
    );
  }

  #probe({ appliance, port, view, at, from }: Seen): void {
    const flow = view.getUint32(at);
    if (flow === 0xffffffff) return;
    const number = view.getUint32(at + 4);
    const { disturbed, fabric } = this.#stage;
    if (fabric.now - Math.max(disturbed.wire, fabric.spoiled) < FORCED) return;
    const place = this.#placeOf(appliance, port);
    const slots = this.#seen[place] as Int32Array;
    const id = Math.imul(flow, 0x9e3779b1) ^ number;
    const slot = (id >>> 8) & (MEMORY - 1);
    const isTwice = slots[slot] === id;
    slots[slot] = id;
    const host = fabric.hosts[this.#hostOf.get(from) ?? -1];
    if (isTwice && host !== undefined && fabric.now - host.since > UNDER_WAY) {
      throw new Violation(LOOP, `frame ${number} of flow ${flow} left port ${port} twice`);
    }
    const last = (this.#last[place] as Map<number, Int32Array>).get(flow);
    if (last === undefined) {
      this.#last[place]?.set(flow, Int32Array.of(number));
      return;
    }
    const before = last[0] as number;
    last[0] = number;
    if (number >= before || fabric.now - disturbed.core < FORCED) return;
    throw new Violation(ORDER, `flow ${flow} on port ${port}: ${number} behind ${before}`);
  }

  #placeOf(appliance: number, port: PortId): number {
    const { appliances } = this.#stage.fabric.scenario;
    let place = port;
    for (let n = 0; n < appliance; n++) place += appliances[n]?.common.ports.length ?? 0;
    return place;
  }

  /** The port of an appliance through which a place is reached: its own, or a cable towards the other appliance. */
  #portTo(appliance: number, place: Place): PortId {
    if (place.appliance === appliance) return place.port;
    return portTowards(this.#stage.fabric, appliance, place.appliance);
  }

  /** Every core knows every host where it is. */
  unsettled(): string {
    const { fabric } = this.#stage;
    for (const cluster of fabric.clusters) {
      const appliance = fabric.clusters.indexOf(cluster);
      for (const { dispatch, core, bus } of cluster.cores) {
        if (!bus.isAlive(core)) continue;
        for (const host of fabric.hosts) {
          const found = dispatch.bridging.locate(0, host.plan.mac, host.plan.vlan);
          const channel = dispatch.channels.ownerOf(this.#portTo(appliance, host.place));
          if (found !== channel) {
            return `core ${core} of ${appliance} has ${host.plan.name} on ${found}, it is on ${channel}`;
          }
        }
      }
    }
    return "";
  }
}
