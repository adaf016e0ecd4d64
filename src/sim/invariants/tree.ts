// A ring with spanning tree (BR-7): no core's ports make a loop at any moment, no frame leaves through a port that is
// shut on every core, no copy goes round. When all is mended one tree stands, also when any one cable of it is cut.

import type { Millis, PortId } from "../../lib/units.ts";
import { type Fabric, type Node, PROBE } from "../fabric.ts";
import type { Seen } from "../seen.ts";
import { TREE_TIME } from "../shape-parts.ts";
import { faultOfTree, findLoop, isOpen, linkMaster, topologyChanges } from "../tree-view.ts";
import { Violation } from "../violation.ts";
import type { Invariant, Stage } from "./invariant.ts";

export const NO_LOOP = "no loop of ports that forward";
export const NO_COPY = "no frame goes round";
export const SHUT = "no frame leaves through a port that every core has shut";
export const FORGOTTEN = "no station is known behind a port outside of the tree";
export const TREE = "one tree stands in time";

/** Copies of a frame on one port, while the tree changes, and while a wire doubles frames: our choice. */
const MOST_COPIES = 3;
const MOST_DOUBLED = 16;
/** Numbered frames remembered for each port, a power of two. */
const MEMORY = 1024;
/** Steps between two looks that no port's change asks for. */
const EVERY = 64;
/** A cable that is cut while all else is whole: its ends, and their neighbours, agree in this time (17.10: rapidly). */
const DRILL: Millis = 4000;
/** Numbers that no script's frames have. */
const DRILL_FLOW = 0x7000_0000;
/** While Topology Change is said no other begins: Hello Time and a second (17.21.7), and one more. */
const NEWS: Millis = 3000;
/** Learning that was under way when a port left the tree is over after this. */
const UNDER_WAY: Millis = 1000;

/** Where the drill of one rest is. */
const Drill = { Ready: 0, Cut: 1, Sent: 2, Done: 3 } as const;
type Drill = (typeof Drill)[keyof typeof Drill];

interface Copies {
  readonly id: Int32Array;
  readonly count: Uint8Array;
  readonly first: Float64Array;
}

export class TreeInvariant implements Invariant {
  readonly #stage: Stage;
  readonly #fabric: Fabric;
  /** Ports of each appliance that lead to another. */
  readonly #links: readonly PortId[][];
  /** Per node: bit n = link n of its appliance is open. Per appliance and link: it was shut before the step. */
  readonly #open: Int32Array;
  readonly #wasShut: Uint8Array;
  readonly #copies: Copies[][];
  /** When a port last changed on any core. */
  #changed: Millis = 0;
  #turn = 0;
  #drill: Drill = Drill.Ready;
  #cable = 0;
  #number = 0;
  #since: Millis = -1;
  #counted = "";
  #countedAt: Millis = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#fabric = stage.fabric;
    const { appliances, cables } = stage.fabric.scenario;
    this.#links = appliances.map((_, appliance) =>
      cables
        .flat()
        .filter((end) => end.appliance === appliance)
        .map(({ port }) => port),
    );
    this.#open = new Int32Array(stage.fabric.nodes.length);
    this.#wasShut = new Uint8Array(appliances.length * 32);
    this.#copies = appliances.map(({ common }) =>
      common.ports.map(() => ({
        id: new Int32Array(MEMORY),
        count: new Uint8Array(MEMORY),
        first: new Float64Array(MEMORY),
      })),
    );
  }

  // --- every step ----------------------------------------------------------------------------------------------------

  stepped(node: Node): void {
    const { appliance, core, index } = node;
    const cluster = this.#fabric.clusters[appliance];
    const made = cluster?.cores[core];
    if (cluster === undefined || made === undefined) return;
    const links = this.#links[appliance] as PortId[];
    let open = 0;
    if (cluster.isRunning(core)) {
      for (let n = 0; n < links.length; n++) {
        if (isOpen(made, links[n] as PortId)) open |= 1 << n;
      }
    }
    this.#noteShut(appliance, links);
    const isChange = open !== this.#open[index];
    if (!isChange && ++this.#turn % EVERY !== 0) return;
    this.#open[index] = open;
    if (isChange) this.#changes();
    this.#checkLoop();
    this.#checkForgotten(node);
  }

  /** Frames may take another way from now on, and overtake others. */
  #changes(): void {
    const { disturbed } = this.#stage;
    this.#changed = this.#fabric.now;
    disturbed.wire = Math.max(disturbed.wire, this.#changed);
  }

  #noteShut(appliance: number, links: readonly PortId[]): void {
    const stp = linkMaster(this.#fabric, appliance)?.dispatch.stp;
    for (let n = 0; n < links.length; n++) {
      const isShut = stp?.isShut(links[n] as PortId) === true;
      this.#wasShut[appliance * 32 + (links[n] as PortId)] = isShut ? 1 : 0;
    }
  }

  #checkLoop(): void {
    const loop = findLoop(this.#fabric, (appliance, from, to) => {
      const links = this.#links[appliance] as PortId[];
      const both = (1 << links.indexOf(from)) | (1 << links.indexOf(to));
      const cluster = this.#fabric.clusters[appliance];
      const node = this.#fabric.nodes.find(
        (one) =>
          one.appliance === appliance &&
          ((this.#open[one.index] as number) & both) === both &&
          cluster?.isRunning(one.core) === true,
      );
      return node?.core ?? -1;
    });
    if (loop !== null) throw new Violation(NO_LOOP, loop);
  }

  /** 17.31: what a port knew is flushed when it is neither root nor designated any more. */
  #checkForgotten({ appliance, core }: Node): void {
    const { hosts, now, clusters } = this.#fabric;
    const { disturbed } = this.#stage;
    if (now - Math.max(disturbed.core, disturbed.role, disturbed.wire) < UNDER_WAY) return;
    const master = linkMaster(this.#fabric, appliance);
    const made = clusters[appliance]?.cores[core];
    if (master === undefined || made?.bus.isAlive(core) !== true) return;
    for (const port of this.#links[appliance] as PortId[]) {
      if (!master.dispatch.stp.isOutside(port)) continue;
      for (const { plan } of hosts) {
        if (made.dispatch.bridging.locate(0, plan.mac, plan.vlan) !== port) continue;
        const where = `core ${core} of appliance ${appliance}`;
        throw new Violation(FORGOTTEN, `${where} has ${plan.name} behind port ${port}`);
      }
    }
  }

  frame(seen: Seen): void {
    if (seen.isLinkLocal) return;
    const { appliance, port, core } = seen;
    if (this.#wasShut[appliance * 32 + port] === 1) {
      const stp = linkMaster(this.#fabric, appliance)?.dispatch.stp;
      if (stp?.isShut(port) === true) {
        throw new Violation(SHUT, `core ${core} of appliance ${appliance}, port ${port}`);
      }
    }
    if (seen.type === PROBE) this.#count(seen);
  }

  #count({ appliance, port, view, at }: Seen): void {
    const flow = view.getUint32(at);
    if (flow === 0xffffffff) return;
    const number = view.getUint32(at + 4);
    const { now, spoiled } = this.#fabric;
    const copies = this.#copies[appliance]?.[port] as Copies;
    const id = Math.imul(flow, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b);
    const slot = (id >>> 8) & (MEMORY - 1);
    if (copies.id[slot] !== id) {
      copies.id[slot] = id;
      copies.count[slot] = 0;
      copies.first[slot] = now;
    }
    const count = (copies.count[slot] as number) + 1;
    copies.count[slot] = Math.min(255, count);
    if (count === 1) return;
    const first = copies.first[slot] as number;
    const isDoubled = spoiled >= first - UNDER_WAY;
    // Frames that waited, on a core that did nothing, when the tree changed may be there twice (6.3.4, 17.10).
    let most = isDoubled ? MOST_DOUBLED : 1;
    if (!isDoubled && this.#changed >= first - UNDER_WAY) most = MOST_COPIES;
    if (count <= most) return;
    const what = `frame ${number} of flow ${flow.toString(16)}`;
    throw new Violation(NO_COPY, `${what} left port ${port} of ${appliance} ${count} times`);
  }

  // --- all is mended -------------------------------------------------------------------------------------------------

  unsettled(): string {
    const { now } = this.#fabric;
    if (this.#since < 0) this.#since = now;
    const what = this.#drillOn();
    if (what === "") return this.#isNews() ? "the topology still changes" : "";
    const isCut = this.#drill === Drill.Cut || this.#drill === Drill.Sent;
    const time = isCut ? DRILL : TREE_TIME;
    if (now - this.#since > time) throw new Violation(TREE, `after ${time} ms ${what}`);
    return what;
  }

  settled(): void {
    this.#drill = Drill.Ready;
    this.#since = -1;
  }

  #isNews(): boolean {
    const counted = topologyChanges(this.#fabric);
    if (counted !== this.#counted) {
      this.#counted = counted;
      this.#countedAt = this.#fabric.now;
    }
    return this.#fabric.now - this.#countedAt < NEWS;
  }

  #next(drill: Drill): string {
    this.#drill = drill;
    this.#since = this.#fabric.now;
    return "a cable is cut, and mended";
  }

  /** When the tree stands a cable is cut, everybody must be heard everywhere; then it is mended. */
  #drillOn(): string {
    const fault = faultOfTree(this.#fabric);
    if (fault !== "") return fault;
    const { cables } = this.#fabric.scenario;
    const [end] = cables[this.#cable % cables.length] as (typeof cables)[number];
    if (this.#drill === Drill.Ready) {
      this.#fabric.cut(end.appliance, end.port, Number.POSITIVE_INFINITY);
      this.#changes();
      return this.#next(Drill.Cut);
    }
    if (this.#drill === Drill.Cut) {
      const { hosts } = this.#fabric;
      this.#number++;
      for (const [index, host] of hosts.entries()) {
        this.#fabric.sendProbe(host, null, DRILL_FLOW + index, this.#number);
      }
      this.#fabric.drain();
      this.#drill = Drill.Sent;
      return "frames are under way";
    }
    if (this.#drill === Drill.Done) return "";
    const missing = this.#missing();
    if (missing !== "") {
      // What was sent while a hello was on its way may be lost; what is sent again may not, in the end.
      this.#drill = Drill.Cut;
      return missing;
    }
    this.#fabric.mend(end.appliance, end.port);
    this.#changes();
    this.#cable++;
    return this.#next(Drill.Done);
  }

  /** Who was not heard where; "" = everybody everywhere. */
  #missing(): string {
    const { hosts } = this.#fabric;
    for (const [index, from] of hosts.entries()) {
      for (const to of hosts) {
        const { appliance, port } = to.place;
        const isSame = appliance === from.place.appliance && port === from.place.port;
        if (isSame || to.plan.vlan !== from.plan.vlan) continue;
        if (!this.#left(appliance, port, DRILL_FLOW + index)) {
          return `${from.plan.name} is not heard by ${to.plan.name} while a cable is cut`;
        }
      }
    }
    return "";
  }

  #left(appliance: number, port: PortId, flow: number): boolean {
    const copies = this.#copies[appliance]?.[port] as Copies;
    const id = Math.imul(flow, 0x9e3779b1) ^ Math.imul(this.#number, 0x85ebca6b);
    const slot = (id >>> 8) & (MEMORY - 1);
    return copies.id[slot] === id && (copies.count[slot] as number) > 0;
  }
}
