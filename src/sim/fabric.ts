// The network of a simulation: appliances, the cables between them, hosts that may be plugged in elsewhere, a simulated
// switch behind an aggregate, and what goes wrong on wires. One seed, one order of things; nothing here knows a clock.

import type { Core } from "../core/core.ts";
import type { CoreId, Mac, Millis, Offset, PortId } from "../lib/units.ts";
import { BROADCAST } from "../lib/units.ts";
import * as bytes from "../wire/bytes.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as vlan from "../wire/vlan.ts";
import { BufferWatch } from "./buffer-watch.ts";
import { Cluster } from "./cluster.ts";
import { listenerOf } from "./group-traffic.ts";
import { Listener } from "./listener.ts";
import { Partner } from "./partner.ts";
import type { HostPlan, Place, Scenario } from "./scenario.ts";
import { type Emit, Station } from "./station.ts";
import { WatchedPort } from "./watched-port.ts";

/** Frames in a link's queue per core; the bus' rings and what waits behind them: small, so that they overflow. */
const SLOTS = 64;
const RING = 256;
export const BACKLOG = 64;
/** An address of freed memory. */
export const POISONED_FRAME: Mac = 0xdbdb_dbdb_dbdb;
/** Numbered frames: an experimental type (IEEE 802 local experimental). */
export const PROBE = 0x88b5;
const PROBE_BYTES = 60;
const SWITCH: Mac = 0x02cc_0000_0001;
/** Frames that one drain of the segments may carry; more is a storm. */
const MAX_CARRIED = 20_000;

/** One core of one appliance, as the scheduler sees it. */
export interface Node {
  readonly index: number;
  readonly appliance: number;
  readonly core: CoreId;
  /** Until when it does not run. */
  stalled: Millis;
  /** Bit per port: frames left. */
  sent: number;
  /** After so many more calls of drivers it dies in the middle of its round; 0 = it does not. */
  dies: number;
}

/** Thrown where a core dies. */
export class Death extends Error {}

/** A host and where it is. */
export interface Host {
  readonly plan: HostPlan;
  readonly station: Station;
  place: Place;
  /** When it was plugged in there. */
  since: Millis;
  wakes: Millis;
}

/** What goes wrong on a port's wire, each way: 0 = towards the appliance, 1 = away from it. */
interface Wire {
  readonly lose: [number, number];
  readonly duplicate: [number, number];
  readonly delay: [number, number];
  readonly late: [Millis, Millis];
  /** Until when the cable is pulled; 0 = it is there. */
  cut: Millis;
}

interface Late {
  readonly due: Millis;
  readonly appliance: number;
  readonly port: PortId;
  readonly way: 0 | 1;
  readonly frame: DataView;
}

/** Told of every frame that leaves an appliance. */
export type OnFrame = (
  appliance: number,
  port: PortId,
  core: CoreId,
  view: DataView,
  start: Offset,
  end: Offset,
) => void;

export class Fabric {
  readonly scenario: Scenario;
  readonly clusters: Cluster[] = [];
  readonly buffers: BufferWatch[] = [];
  readonly nodes: Node[] = [];
  readonly hosts: Host[] = [];
  readonly partner: Partner | null;
  readonly wires: Wire[][] = [];
  now: Millis = 0;
  /** Frames given to the appliances, and those that their queues had no room for. */
  injected = 0;
  overrun = 0;
  /** When a wire last did something to a frame, or will have. */
  spoiled: Millis = Number.NEGATIVE_INFINITY;
  readonly #known: Core[] = [];
  /** Per appliance: the index of its first core's node. */
  readonly #firstNode: number[] = [];
  readonly #onFrame: OnFrame;
  /** Per appliance and port: what hosts sit there, and the far end of a cable. */
  readonly #segments: Host[][][];
  readonly #far: (Place | null)[][];
  readonly #behind: Host[] = [];
  readonly #queue: { from: Host; frame: DataView }[] = [];
  #late: Late[] = [];
  readonly #probe: DataView = new DataView(new ArrayBuffer(128));

  constructor(scenario: Scenario, onFrame: OnFrame) {
    this.scenario = scenario;
    this.#onFrame = onFrame;
    for (const [appliance, config] of scenario.appliances.entries()) {
      const cluster = new Cluster(config, { slots: SLOTS, ringCapacity: RING, backlog: BACKLOG });
      this.clusters.push(cluster);
      this.#firstNode.push(this.nodes.length);
      this.buffers.push(new BufferWatch(cluster.arena, cluster.layout));
      for (const { core } of cluster.cores) {
        const index = this.nodes.length;
        this.nodes.push({ index, appliance, core, stalled: 0, sent: 0, dies: 0 });
        this.watch(appliance, core);
      }
    }
    const perPort = <T>(make: () => T): T[][] =>
      scenario.appliances.map(({ common }) => common.ports.map(make));
    this.wires = perPort(() => ({
      lose: [0, 0],
      duplicate: [0, 0],
      delay: [0, 0],
      late: [0, 0],
      cut: 0,
    }));
    this.#segments = perPort(() => []);
    this.#far = perPort(() => null);
    for (const [one, other] of scenario.cables) {
      (this.#far[one.appliance] as (Place | null)[])[one.port] = other;
      (this.#far[other.appliance] as (Place | null)[])[other.port] = one;
    }
    this.partner = scenario.bundle.length === 0 ? null : this.#makePartner(scenario.bundle);
    for (const [index, plan] of scenario.hosts.entries()) this.#addHost(plan, index);
  }

  /** Puts an eye on a core that has just been made. */
  watch(appliance: number, core: CoreId): void {
    const cluster = this.clusters[appliance] as Cluster;
    const made = cluster.cores[core] as Cluster["cores"][number];
    const buffers = this.buffers[appliance] as BufferWatch;
    const node = this.nodes.find((one) => one.appliance === appliance && one.core === core) as Node;
    buffers.watch(made);
    for (const port of cluster.config.common.ports.keys()) {
      const driver = made.port(port);
      if (driver === undefined) continue;
      const leaving = (to: PortId, start: Offset): void => {
        node.sent |= 1 << to;
        buffers.used(core, start);
      };
      const called = (): void => {
        if (node.dies > 0 && --node.dies === 0) throw new Death("the core dies here");
      };
      const outlet = { leaving, called };
      made.setPort(port, new WatchedPort(driver, port, cluster.arena.u8, outlet), false);
    }
    this.#known[node.index] = made;
  }

  /** Cores that were started again are watched, too; true when there is one. */
  renew(appliance: number): boolean {
    let any = false;
    const cluster = this.clusters[appliance] as Cluster;
    for (const node of this.nodes) {
      if (node.appliance !== appliance || cluster.cores[node.core] === this.#known[node.index])
        continue;
      node.dies = 0;
      this.watch(appliance, node.core);
      any = true;
    }
    return any;
  }

  /** True for a core that has not run since it was told to do nothing for a while. */
  isStalled(appliance: number, core: CoreId): boolean {
    const first = this.#firstNode[appliance] as number;
    return (this.nodes[first + core] as Node).stalled > 0;
  }

  #makePartner(ports: readonly PortId[]): Partner {
    return new Partner(ports, SWITCH, {
      toAppliance: (port, view, start, end) => this.#toAppliance(0, port, view, start, end),
      toHosts: (view, start, end) => {
        for (const host of this.#behind) host.station.receive(view, start, end, this.now);
      },
      setLink: (port, up) => this.#setUp(0, port, up),
    });
  }

  #addHost(plan: HostPlan, index: number): void {
    const place = plan.places[index % plan.places.length] as Place;
    const options = {
      name: plan.name,
      mac: plan.mac,
      address: plan.address,
      prefix: 24,
      gateway: plan.gateway,
      tag: place.tag,
      ipv6: { address: plan.ipv6, prefix: 64, gateway: plan.gateway6 },
    };
    const emit: Emit = (view, start, end) => this.#fromHost(host, view, start, end);
    const { groups } = this.scenario;
    const station =
      groups === null
        ? new Station(options, emit)
        : new Listener(options, emit, listenerOf(groups, plan, index));
    const host: Host = { plan, station, place, since: 0, wakes: 0 };
    this.hosts.push(host);
    this.#segment(place).push(host);
  }

  /** The hosts on a place's wire; those behind the simulated switch share one. */
  #segment({ appliance, port }: Place): Host[] {
    if (this.scenario.bundle.includes(port)) return this.#behind;
    return (this.#segments[appliance] as Host[][])[port] as Host[];
  }

  isBehind(host: Host): boolean {
    return this.scenario.bundle.includes(host.place.port);
  }

  /** Plugs a host in elsewhere; it says so there. */
  move(host: Host, to: Place): void {
    const here = this.#segment(host.place);
    here.splice(here.indexOf(host), 1);
    host.place = to;
    host.since = this.now;
    host.station.tag = to.tag;
    this.#segment(to).push(host);
    host.station.announce();
    this.drain();
  }

  // --- frames --------------------------------------------------------------------------------------------------------

  #fromHost(from: Host, view: DataView, start: Offset, end: Offset): void {
    const frame = new DataView(new ArrayBuffer(end - start));
    bytes.copy(view, start, frame, 0, end - start);
    this.#queue.push({ from, frame });
  }

  /** Carries what hosts have sent: to the appliance, and to everybody on the same wire. */
  drain(): void {
    for (let n = 0; this.#queue.length > 0; n++) {
      if (n > MAX_CARRIED) throw new Error("hosts send without end");
      const { from, frame } = this.#queue.shift() as { from: Host; frame: DataView };
      const { appliance, port } = from.place;
      const length = frame.byteLength;
      if (this.isBehind(from)) this.partner?.send(frame, 0, length);
      else this.#toAppliance(appliance, port, frame, 0, length);
      for (const host of this.#segment(from.place)) {
        if (host !== from) host.station.receive(frame, 0, length, this.now);
      }
    }
  }

  /** What the wire does to a frame; true when it is gone, or kept for later. */
  #spoil(
    appliance: number,
    port: PortId,
    way: 0 | 1,
    view: DataView,
    start: Offset,
    end: Offset,
  ): boolean {
    const wire = this.wireOf(appliance, port);
    if (wire.cut > 0) return true;
    if (wire.lose[way] + wire.duplicate[way] + wire.delay[way] === 0) return false;
    this.spoiled = this.now + wire.late[way];
    if (wire.lose[way] > 0) {
      wire.lose[way]--;
      return true;
    }
    const isTwice = wire.duplicate[way] > 0;
    if (isTwice) wire.duplicate[way]--;
    else wire.delay[way]--;
    const frame = new DataView(new ArrayBuffer(end - start));
    bytes.copy(view, start, frame, 0, end - start);
    const due = this.now + (isTwice ? 0 : wire.late[way]);
    this.#late.push({ due, appliance, port, way, frame });
    return !isTwice;
  }

  wireOf(appliance: number, port: PortId): Wire {
    return (this.wires[appliance] as Wire[])[port] as Wire;
  }

  #toAppliance(appliance: number, port: PortId, view: DataView, start: Offset, end: Offset): void {
    if (!this.#spoil(appliance, port, 0, view, start, end)) {
      this.#arrive(appliance, port, view, start, end);
    }
  }

  #arrive(appliance: number, port: PortId, view: DataView, start: Offset, end: Offset): void {
    const cluster = this.clusters[appliance] as Cluster;
    cluster.now = this.now;
    const frame = new Uint8Array(view.buffer, view.byteOffset + start, end - start);
    this.injected++;
    if (!cluster.inject(port, frame, this.#queueFor(cluster, view, start))) this.overrun++;
  }

  /** The core whose queue a NIC picks: by the appliance's own steering, or one for each pair of addresses. */
  #queueFor(cluster: Cluster, view: DataView, start: Offset): CoreId {
    if (!this.scenario.isStray) return -1;
    const pair = view.getUint32(start + 2) ^ Math.imul(view.getUint32(start + 8), 7);
    const core = (pair >>> 0) % cluster.cores.length;
    return cluster.cores[core]?.bus.isAlive(core) === true ? core : -1;
  }

  /** A frame that an appliance sent. */
  left(
    appliance: number,
    port: PortId,
    core: CoreId,
    view: DataView,
    start: Offset,
    end: Offset,
  ): void {
    this.#onFrame(appliance, port, core, view, start, end);
    if (!this.#spoil(appliance, port, 1, view, start, end)) {
      this.#deliver(appliance, port, view, start, end);
    }
  }

  #deliver(appliance: number, port: PortId, view: DataView, start: Offset, end: Offset): void {
    const far = this.#far[appliance]?.[port];
    if (far !== null && far !== undefined) {
      this.#toAppliance(far.appliance, far.port, view, start, end);
    } else if (this.scenario.bundle.includes(port)) {
      this.partner?.receive(port, view, start, end, this.now);
    } else {
      for (const host of this.#segments[appliance]?.[port] ?? []) {
        host.station.receive(view, start, end, this.now);
      }
    }
    if (this.#queue.length > 0) this.drain();
  }

  /** Hosts, the switch and frames that are late do what is due. */
  tick(): void {
    const { now } = this;
    for (const host of this.hosts) {
      if (host.wakes > 0 && now >= host.wakes) this.wake(host);
      host.station.tick(now);
    }
    this.partner?.tick(now);
    for (const [appliance, wires] of this.wires.entries()) {
      for (const [port, wire] of wires.entries()) {
        if (wire.cut > 0 && now >= wire.cut) this.mend(appliance, port);
      }
    }
    if (this.#late.length > 0) this.#sendLate();
    this.drain();
  }

  #sendLate(): void {
    const due = this.#late.filter((late) => late.due <= this.now);
    if (due.length === 0) return;
    this.#late = this.#late.filter((late) => late.due > this.now);
    for (const { appliance, port, way, frame } of due) {
      if (this.wireOf(appliance, port).cut > 0) continue;
      if (way === 0) this.#arrive(appliance, port, frame, 0, frame.byteLength);
      else this.#deliver(appliance, port, frame, 0, frame.byteLength);
    }
  }

  /** True when no frame is kept for later. */
  get isStill(): boolean {
    return this.#late.length === 0;
  }

  // --- what people and fate do ---------------------------------------------------------------------------------------

  silence(host: Host, until: Millis): void {
    host.station.silent = true;
    host.wakes = until;
  }

  wake(host: Host): void {
    host.station.silent = false;
    host.wakes = 0;
  }

  cut(appliance: number, port: PortId, until: Millis): void {
    for (const place of this.#ends(appliance, port)) {
      this.wireOf(place.appliance, place.port).cut = until;
      this.#setUp(place.appliance, place.port, false);
    }
  }

  mend(appliance: number, port: PortId): void {
    for (const place of this.#ends(appliance, port)) {
      this.wireOf(place.appliance, place.port).cut = 0;
      this.#setUp(place.appliance, place.port, true);
    }
  }

  /** Both ends of a cable; one, where hosts or the simulated switch are at the other. */
  #ends(appliance: number, port: PortId): Place[] {
    const far = this.#far[appliance]?.[port];
    const near: Place = { appliance, port, tag: 0 };
    return far === null || far === undefined ? [near] : [near, far];
  }

  #setUp(appliance: number, port: PortId, up: boolean): void {
    for (const end of this.clusters[appliance]?.ends[port] ?? []) end.setUp(up);
  }

  /** Sends a numbered frame from a host: to another, or to all. */
  sendProbe(from: Host, to: Host | null, flow: number, number: number): void {
    if (from.station.silent) return;
    const view = this.#probe;
    const at = 16;
    ethernet.writeHeader(view, at, to?.plan.mac ?? BROADCAST, from.plan.mac, PROBE);
    view.setUint32(at + 14, flow);
    view.setUint32(at + 18, number);
    this.#sendFrom(from, at);
  }

  /** Sends a frame with another source than the host's own, as a bridge behind the port would. */
  sendStranger(from: Host, source: Mac): void {
    if (from.station.silent) return;
    const at = 16;
    ethernet.writeHeader(this.#probe, at, from.plan.mac, source, PROBE);
    this.#probe.setUint32(at + 14, 0xffffffff);
    this.#sendFrom(from, at);
  }

  #sendFrom(from: Host, at: Offset): void {
    const { tag } = from.place;
    const start = tag === 0 ? at : vlan.insert(this.#probe, at, tag, ethernet.EtherType.Vlan);
    this.#fromHost(from, this.#probe, start, at + PROBE_BYTES);
  }
}
