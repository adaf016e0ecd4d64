// Multicast snooping (BR-8): what everybody gets floods at any time, and tables are bounded. When all is mended a
// stream reaches every host that listens, and no port without one, or without a router (RFC 4541 2.1).

import type { Millis, Offset, PortId, Vlan } from "../../lib/units.ts";
import { EtherType } from "../../wire/ethernet.ts";
import * as ipv4 from "../../wire/ipv4.ts";
import * as ipv6 from "../../wire/ipv6.ts";
import type { Fabric, Host, Node } from "../fabric.ts";
import { LINK_SCOPE, Listener, PAYLOAD } from "../listener.ts";
import { type Place, VLANS } from "../scenario.ts";
import type { Seen } from "../seen.ts";
import { GROUPS, type GroupPlan, ROOM } from "../shape-parts.ts";
import { portTowards } from "../tree-view.ts";
import { Violation } from "../violation.ts";
import type { Invariant, Stage } from "./invariant.ts";

export const FLOODS = "what everybody gets floods";
export const BOUNDED = "tables of groups are bounded";

const UDP = 17;
/** Steps between two looks at a table. */
const EVERY = 16;
/** Rows that name routers: one for each VLAN and family. */
const ROUTER_ROWS = 4;
/** More frames in one step may be too many for the queue of a port. */
const CROWDED = 40;

/** After a cable was plugged in again every core knows by then, though it may just have slept its longest. */
const LINKS: Millis = 1200;

/** What the link master before told is heard by then. */
const TOLD: Millis = 1000;

/** A packet to a group that is looked for. */
interface Sent {
  readonly number: number;
  readonly group: number;
  readonly from: Host;
}

export class GroupsInvariant implements Invariant {
  readonly #stage: Stage;
  readonly #fabric: Fabric;
  /** Per node: groups that it had at the last look as the link master. */
  readonly #counts: number[];
  readonly #plan: GroupPlan;
  readonly #places: readonly (readonly Place[])[];
  /** Ports that each packet of the round of streams left through, by appliance. */
  readonly #left: Map<number, Set<PortId>[]> = new Map();
  #sent: Sent[] = [];
  #round = 0;
  /** What was not well with the round before. */
  #last = "";
  #turn = 0;
  /** When a cable was last out. */
  #cutAt = Number.NEGATIVE_INFINITY;
  /** Of the step in work: frames that left, and the ports that each packet for everybody took. */
  #frames = 0;
  readonly #flooded: Map<number, { readonly vlan: Vlan; readonly ports: Set<PortId> }> = new Map();

  constructor(stage: Stage, plan: GroupPlan) {
    this.#stage = stage;
    this.#fabric = stage.fabric;
    this.#counts = stage.fabric.nodes.map(() => Number.POSITIVE_INFINITY);
    const { scenario } = stage.fabric;
    this.#plan = plan;
    // Where frames of each VLAN may leave an appliance: to hosts, and to the other appliance.
    const hosts = scenario.hosts.flatMap(({ vlan, places }) =>
      places.map((one) => ({ vlan, one })),
    );
    this.#places = scenario.appliances.map((_, appliance) =>
      [
        ...hosts.map(({ vlan, one }) => ({ ...one, tag: vlan })),
        ...scenario.cables.flat().flatMap((one) => VLANS.map((vlan) => ({ ...one, tag: vlan }))),
      ].filter((one) => one.appliance === appliance),
    );
  }

  /** Ports of an appliance that carry a VLAN and lead somewhere. */
  #portsOf(appliance: number, vlan: Vlan): Set<PortId> {
    const places = this.#places[appliance] ?? [];
    return new Set(places.filter(({ tag }) => tag === vlan).map(({ port }) => port));
  }

  // --- every step ----------------------------------------------------------------------------------------------------

  frame(seen: Seen): void {
    this.#frames++;
    if ((seen.view.getUint8(seen.start) & 1) === 0) return;
    const at = payloadOf(seen);
    if (at < 0 || seen.end - at < 12 || seen.view.getUint32(at) !== PAYLOAD) return;
    const number = seen.view.getUint32(at + 4);
    this.#left.get(number)?.[seen.appliance]?.add(seen.port);
    if (seen.view.getInt32(at + 8) !== LINK_SCOPE) return;
    const vlan = this.#vlanOf(number);
    const known = this.#flooded.get(number) ?? { vlan, ports: new Set() };
    known.ports.add(seen.port);
    this.#flooded.set(number, known);
  }

  #vlanOf(number: number): Vlan {
    return this.#fabric.hosts[Math.floor(number / 2 ** 24)]?.plan.vlan ?? 0;
  }

  stepped(node: Node): void {
    const { now } = this.#fabric;
    if (this.#isCut()) this.#cutAt = now;
    if (this.#flooded.size > 0) {
      const isRunning = this.#fabric.clusters[node.appliance]?.isRunning(node.core) === true;
      // A core looks at links ten times a second, and one that dies does so in the middle of its work.
      const isCrowded = this.#frames > CROWDED || now - this.#cutAt < LINKS || !isRunning;
      for (const [number, { vlan, ports }] of this.#flooded) {
        const wanted = this.#portsOf(node.appliance, vlan).size - 1;
        if (isCrowded || ports.size >= wanted) continue;
        const where = `${ports.size} of ${wanted} ports of appliance ${node.appliance}`;
        throw new Violation(FLOODS, `packet ${number} left through ${where}`);
      }
      this.#flooded.clear();
    }
    this.#frames = 0;
    if (++this.#turn % EVERY === 0) this.#checkBound(node, this.#plan);
  }

  #isCut(): boolean {
    const { wires } = this.#fabric;
    for (let appliance = 0; appliance < wires.length; appliance++) {
      const ports = wires[appliance] ?? [];
      for (let port = 0; port < ports.length; port++) if ((ports[port]?.cut ?? 0) > 0) return true;
    }
    return false;
  }

  /**
   * The link master enters nothing beyond the bound. The others may have old and new rows side by side while they are
   * sent a table anew, and one of them may become the master then; when all is mended, nobody has too many.
   */
  #checkBound({ appliance, core, index }: Node, { maxGroups }: GroupPlan): void {
    const snoop = this.#fabric.clusters[appliance]?.cores[core]?.dispatch.snoop;
    if (snoop === undefined) return;
    const count = snoop.groups.groupCount(0);
    const isMaster = snoop.master !== null;
    const before = this.#counts[index] as number;
    this.#counts[index] = isMaster ? count : Number.POSITIVE_INFINITY;
    if (!isMaster || count <= Math.max(maxGroups, before)) return;
    if (this.#fabric.now - this.#stage.disturbed.role < TOLD) return;
    throw new Violation(BOUNDED, `core ${core} of appliance ${appliance} has ${count} groups`);
  }

  // --- all is mended -------------------------------------------------------------------------------------------------

  unsettled(): string {
    const full = this.#rowsTooMany();
    if (full !== "") return full;
    if (this.#sent.length === 0) {
      this.#send();
      return this.#last || "streams are under way";
    }
    const what = this.#check(this.#plan);
    this.#last = what;
    this.#sent = [];
    this.#left.clear();
    for (const { station } of this.#fabric.hosts)
      if (station instanceof Listener) station.heard.clear();
    return what;
  }

  #rowsTooMany(): string {
    const { maxGroups } = this.#plan;
    for (const { cores } of this.#fabric.clusters) {
      for (const { dispatch, bus, core } of cores) {
        const { entries } = dispatch.snoop.summary();
        if (bus.isAlive(core) && entries > maxGroups + ROUTER_ROWS)
          return `${BOUNDED}: core ${core} has ${entries} rows`;
      }
    }
    return "";
  }

  /** A packet for every group of each VLAN, over both families, from one host after the other. */
  #send(): void {
    const { hosts } = this.#fabric;
    this.#round++;
    for (const vlan of VLANS) {
      const there = hosts.filter(({ plan }) => plan.vlan === vlan);
      for (let group = LINK_SCOPE; group < GROUPS; group++) {
        for (const isIpv6 of [false, true]) {
          const from = there[(this.#round + group + 1) % there.length] as Host;
          if (!(from.station instanceof Listener)) continue;
          const number = from.station.stream(group, isIpv6);
          this.#sent.push({ number, group, from });
          this.#left.set(
            number,
            this.#fabric.clusters.map(() => new Set()),
          );
        }
      }
    }
    this.#fabric.drain();
  }

  #check(plan: GroupPlan): string {
    for (const sent of this.#sent) {
      const what = this.#missing(sent) || this.#beyond(plan, sent);
      if (what !== "") return what;
    }
    return "";
  }

  #listeners(vlan: Vlan, group: number): Host[] {
    return this.#fabric.hosts.filter(
      ({ plan, station }) =>
        plan.vlan === vlan &&
        station instanceof Listener &&
        (group === LINK_SCOPE || station.joined.has(group)),
    );
  }

  #missing({ number, group, from }: Sent): string {
    for (const host of this.#listeners(from.plan.vlan, group)) {
      if (host === from) continue;
      const count = (host.station as Listener).heard.get(number) ?? 0;
      const what = `${host.plan.name} got ${count} of a packet of ${from.plan.name}`;
      if (count !== 1) return `${what} to group ${group}`;
    }
    return "";
  }

  #portTo(appliance: number, place: Place): PortId {
    if (place.appliance === appliance) return place.port;
    return portTowards(this.#fabric, appliance, place.appliance);
  }

  /** A port that got what nobody behind it wants: not looked at where tables may be full. */
  #beyond(plan: GroupPlan, { number, group, from }: Sent): string {
    if (group === LINK_SCOPE || plan.maxGroups < ROOM) return "";
    const { vlan } = from.plan;
    const listeners = this.#listeners(vlan, group);
    for (const [appliance, ports] of (this.#left.get(number) ?? []).entries()) {
      const wanted = new Set(listeners.map(({ place }) => this.#portTo(appliance, place)));
      // What no row is about floods, where it is to: whether there is one the other appliance's hosts need not say.
      const isKnown = listeners.some(({ place }) => place.appliance === appliance);
      if (plan.unregistered === "flood" && !isKnown) continue;
      for (const port of ports) {
        if (wanted.has(port) || port === this.#routerPort(plan, appliance, vlan)) continue;
        return `group ${group} of VLAN ${vlan} leaves port ${port} of ${appliance}, where nobody listens`;
      }
    }
    return "";
  }

  /** Where whoever asks is; -1 = here. */
  #routerPort(plan: GroupPlan, appliance: number, vlan: Vlan): PortId {
    if (plan.querier === "appliance") return portTowards(this.#fabric, appliance, 0);
    const router = this.#fabric.hosts.find(
      (host) =>
        host.plan.vlan === vlan && host.station instanceof Listener && host.station.isRouter,
    );
    return router === undefined ? -1 : this.#portTo(appliance, router.place);
  }
}

/** The offset of a UDP packet's payload; -1 = it is none. */
function payloadOf({ type, view, at, end }: Seen): Offset {
  if (type === EtherType.Ipv4 && end - at > ipv4.LENGTH) {
    return ipv4.protocol(view, at) === UDP ? ipv4.payload(view, at) + 8 : -1;
  }
  if (type !== EtherType.Ipv6 || end - at <= ipv6.LENGTH) return -1;
  return ipv6.nextHeader(view, at) === UDP ? at + ipv6.LENGTH + 8 : -1;
}
