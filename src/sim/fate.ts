// What befalls a simulation: carries out a script's operations, lets them end when their time is over, and mends all.

import type { Core } from "../core/core.ts";
import { Presence, presenceWord } from "../core/layout.ts";
import type { Supervision } from "../core/supervision.ts";
import { TABLE_COUNT } from "../engine/message.ts";
import { ROLE_COUNT } from "../engine/role.ts";
import type { Millis } from "../lib/units.ts";
import { DEFAULT_LIMITS } from "../steering/move.ts";
import type { Host, Node } from "./fabric.ts";
import { applyToGroups } from "./group-traffic.ts";
import type { Stage } from "./invariants/invariant.ts";
import { FAULTS as BREAKAGES } from "./partner.ts";
import { address6Of, addressOf, type Place, VLANS } from "./scenario.ts";
import { GROUP_TRAFFIC, type Operation } from "./script.ts";

const MAX_STALL: Millis = 60;
const LONG_STALL: Millis = 900;
const MAX_HOLD: Millis = 25;
const MAX_CUT: Millis = 4000;
const MAX_SILENCE: Millis = 3000;
const MAX_LATE: Millis = 30;
const MAX_SWEEP = 700;

/** Messages from one core to another that are kept back: the ring's tail as the receiver sees it. */
interface Held {
  readonly appliance: number;
  readonly from: number;
  readonly to: number;
  /** Index of the tail's word. */
  readonly word: number;
  readonly shown: number;
  real: number;
  readonly until: Millis;
}

export class Fate {
  readonly #stage: Stage;
  readonly #held: Held[] = [];
  /** Per appliance: when the next bucket may move, and who plays the roles. */
  readonly #moveFree: Millis[];
  readonly #masters: number[][];
  /** What people asked of cores: done when the core has its turn. */
  readonly #commands: Map<number, ((core: Core) => void)[]> = new Map();
  /** When each member of the simulated switch is mended; 0 = it is whole. */
  readonly #broken: Millis[];
  readonly #flows: Map<number, number> = new Map();
  #strangers = 0;
  #wasDeath = false;

  constructor(stage: Stage) {
    this.#stage = stage;
    const { clusters, partner } = stage.fabric;
    this.#moveFree = clusters.map(() => 0);
    this.#masters = clusters.map(({ supervision }) => this.#mastersOf(supervision));
    this.#broken = (partner?.ports ?? []).map(() => 0);
  }

  #mastersOf({ membership }: Supervision): number[] {
    return Array.from({ length: ROLE_COUNT }, (_, role) => membership.master(role));
  }

  /** The core of a node when it may run now, else null. */
  runnable(node: Node): Core | null {
    if (node.stalled > 0) {
      if (node.stalled > this.#stage.fabric.now) return null;
      node.stalled = 0;
      this.#stage.disturbed.core = this.#stage.fabric.now;
    }
    const cluster = this.#stage.fabric.clusters[node.appliance];
    if (cluster === undefined || !cluster.isRunning(node.core)) return null;
    const core = cluster.cores[node.core] as Core;
    if (this.#commands.size > 0) {
      const commands = this.#commands.get(node.index) ?? [];
      this.#commands.delete(node.index);
      for (const command of commands) command(core);
    }
    return core;
  }

  /** The core dies where it is, in the middle of its work. */
  died(node: Node): void {
    const cluster = this.#stage.fabric.clusters[node.appliance];
    this.#letGoOf(node);
    cluster?.kill(node.core, true);
  }

  /** The control core of every appliance looks at its cores. */
  watch(): void {
    const { fabric, disturbed } = this.#stage;
    for (const [appliance, cluster] of fabric.clusters.entries()) {
      cluster.now = fabric.now;
      const before = cluster.supervision.isQuiet;
      cluster.watch();
      // Who begins anew does not know what it asked for a moment ago.
      if (fabric.renew(appliance)) {
        disturbed.role = fabric.now;
        this.#wasDeath = true;
      }
      if (!before || !cluster.supervision.isQuiet) disturbed.core = fabric.now;
      const { membership } = cluster.supervision;
      const masters = this.#masters[appliance] as number[];
      for (let role = 0; role < ROLE_COUNT; role++) {
        const master = membership.master(role);
        if (master === masters[role]) continue;
        disturbed.role = fabric.now;
        masters[role] = master;
      }
    }
  }

  #letGoOf(node: Node): void {
    for (let n = this.#held.length - 1; n >= 0; n--) {
      const { appliance, from, to } = this.#held[n] as Held;
      if (appliance === node.appliance && (from === node.core || to === node.core)) this.#letGo(n);
    }
  }

  /** A node had its turn: what it told is hidden again from those who are not to hear it yet. */
  ran(node: Node): void {
    for (let n = 0; n < this.#held.length; n++) {
      const held = this.#held[n] as Held;
      if (held.appliance !== node.appliance || held.from !== node.core) continue;
      const { i32 } = this.#arena(held.appliance);
      const tail = i32[held.word] as number;
      if (tail === held.shown) continue;
      held.real = tail;
      i32[held.word] = held.shown;
    }
  }

  #arena(appliance: number): { readonly i32: Int32Array } {
    const cluster = this.#stage.fabric.clusters[appliance];
    if (cluster === undefined) throw new Error("no such appliance");
    return cluster.arena;
  }

  #letGo(index: number): void {
    const [held] = this.#held.splice(index, 1);
    if (held === undefined) return;
    const { appliance, from, to, word, real } = held;
    const cluster = this.#stage.fabric.clusters[appliance];
    if (cluster === undefined) return;
    const { i32 } = cluster.arena;
    i32[word] = real;
    const at = presenceWord(cluster.layout, to) + Presence.PendingLow;
    i32[at] = (i32[at] as number) | (1 << from);
  }

  /** What is over ends. */
  tick(): void {
    const { fabric } = this.#stage;
    for (let n = this.#held.length - 1; n >= 0; n--) {
      if (fabric.now >= (this.#held[n] as Held).until) this.#letGo(n);
    }
    for (let index = 0; index < this.#broken.length; index++) {
      const until = this.#broken[index] as number;
      if (until === 0 || fabric.now < until) continue;
      this.#broken[index] = 0;
      fabric.partner?.break(index, null);
    }
    if (this.#held.length > 0) this.#stage.disturbed.core = fabric.now;
  }

  /** Mends everything at once; true when a core died or left since the last time. */
  mend(): boolean {
    const { fabric, disturbed } = this.#stage;
    for (let n = this.#held.length - 1; n >= 0; n--) this.#letGo(n);
    for (const node of fabric.nodes) node.stalled = 0;
    for (const index of this.#broken.keys()) {
      this.#broken[index] = 0;
      fabric.partner?.break(index, null);
    }
    for (const [appliance, wires] of fabric.wires.entries()) {
      for (const [port, wire] of wires.entries()) {
        for (const way of [0, 1] as const) {
          wire.lose[way] = 0;
          wire.duplicate[way] = 0;
          wire.delay[way] = 0;
        }
        if (wire.cut > 0) fabric.mend(appliance, port);
      }
    }
    for (const host of fabric.hosts) fabric.wake(host);
    for (const cluster of fabric.clusters) {
      for (const core of cluster.cores.keys()) cluster.online(core);
    }
    disturbed.core = fabric.now;
    disturbed.wire = fabric.now;
    // A death that nobody has noticed yet is one, too.
    const isDead = ({ appliance, core, dies }: Node): boolean =>
      dies > 0 || fabric.clusters[appliance]?.isRunning(core) === false;
    const wasDeath =
      this.#wasDeath ||
      fabric.nodes.some(isDead) ||
      fabric.clusters.some(({ supervision }) => !supervision.isQuiet);
    this.#wasDeath = false;
    return wasDeath;
  }

  // --- operations ----------------------------------------------------------------------------------------------------

  #host(n: number): Host {
    const { hosts } = this.#stage.fabric;
    return hosts[n % hosts.length] as Host;
  }

  #node(n: number): Node {
    const { nodes } = this.#stage.fabric;
    return nodes[n % nodes.length] as Node;
  }

  /** Another core of the same appliance; undefined when there is none. */
  #peer(node: Node, n: number): Node | undefined {
    const others = this.#stage.fabric.nodes.filter(
      (one) => one.appliance === node.appliance && one !== node,
    );
    return others[n % Math.max(1, others.length)];
  }

  apply(operation: Operation): void {
    const { a, b, c } = operation;
    const { fabric } = this.#stage;
    const { now } = fabric;
    switch (operation.name) {
      case "ping":
        this.#host(a).station.ping(this.#host(b).plan.address, now);
        break;
      case "ping6":
        this.#host(a).station.ping6(this.#host(b).plan.ipv6, now);
        break;
      case "stranger":
        this.#host(a).station.ping(addressOf(VLANS[b % 2] as number, 100 + (c % 40)), now);
        break;
      case "stranger6":
        this.#host(a).station.ping6(address6Of(VLANS[b % 2] as number, 100 + (c % 40)), now);
        break;
      case "probe":
        this.#probe(a, b);
        break;
      case "flood":
        this.#probe(a, -1);
        break;
      case "announce":
        this.#host(a).station.announce();
        break;
      case "move": {
        const host = this.#host(a);
        const { places } = host.plan;
        const to = places[b % places.length] as Place;
        if (to !== host.place) fabric.move(host, to);
        break;
      }
      case "silence":
        fabric.silence(this.#host(a), now + (b % MAX_SILENCE));
        break;
      case "sweep":
        for (let n = b % MAX_SWEEP; n > 0; n--) {
          fabric.sendStranger(this.#host(a), 0x0400_0000_0000 + (this.#strangers++ % 4096));
        }
        break;
      default:
        if (operation.name in GROUP_TRAFFIC) applyToGroups(this.#host(a).station, operation, now);
        else this.#fault(operation);
    }
    fabric.drain();
  }

  #probe(a: number, b: number): void {
    const { hosts } = this.#stage.fabric;
    const from = a % hosts.length;
    const to = b < 0 ? hosts.length : b % hosts.length;
    if (to === from || (to < hosts.length && hosts[to]?.plan.vlan !== hosts[from]?.plan.vlan))
      return;
    const flow = from * 256 + to;
    const number = (this.#flows.get(flow) ?? 0) + 1;
    this.#flows.set(flow, number);
    this.#stage.fabric.sendProbe(this.#host(from), hosts[to] ?? null, flow, number);
  }

  #fault({ name, a, b, c }: Operation): void {
    const { fabric, disturbed } = this.#stage;
    const { now } = fabric;
    const appliance = a % fabric.clusters.length;
    const node = this.#node(a);
    const cluster =
      fabric.clusters[name === "role" || name === "bucket" ? appliance : node.appliance];
    if (cluster === undefined) return;
    const { cores } = cluster;
    switch (name) {
      case "stall":
        this.#letGoOf(node);
        node.stalled = now + (c % 8 === 0 ? b % LONG_STALL : b % MAX_STALL);
        disturbed.core = now;
        break;
      case "kill":
        disturbed.core = now;
        this.#kill(node, b, c);
        break;
      case "leave":
        cluster.now = now;
        if (c % 2 === 0) cluster.offline(node.core);
        else cluster.online(node.core);
        disturbed.core = now;
        break;
      case "hold":
        this.#hold(node, b, c);
        break;
      case "resync": {
        const peer = this.#peer(node, b);
        const core = cores[node.core];
        const table = c % TABLE_COUNT;
        if (peer !== undefined && core?.dispatch.replicated(table) !== null) {
          core?.bus.markDirty(peer.core, table);
        }
        break;
      }
      case "role":
        cluster.supervision.setMaster(b % ROLE_COUNT, c % cores.length);
        disturbed.role = now;
        break;
      case "bucket": {
        const { membership } = cluster.supervision;
        const to = c % cores.length;
        if (now < (this.#moveFree[appliance] ?? 0) || !membership.isMoved) break;
        if (!cluster.supervision.isQuiet || !cluster.supervision.serves(to)) break;
        this.#moveFree[appliance] = now + DEFAULT_LIMITS.targetWait + 10;
        membership.move(b % 128, to);
        disturbed.bucket = now;
        break;
      }
      case "clear":
        this.#clear(appliance, b, c);
        break;
      case "breakage":
        this.#break(a, b, now + (c % MAX_CUT));
        break;
      default:
        this.#wireFault({ name, a, b, c, at: 0 });
    }
  }

  /** Ends a core's thread: at once, or in the middle of its next round; the supervisor hears of it, or must notice. */
  #kill(node: Node, b: number, c: number): void {
    const cluster = this.#stage.fabric.clusters[node.appliance];
    if (cluster === undefined) return;
    if (c % 3 === 0) node.dies = 1 + (b % 40);
    else {
      this.#letGoOf(node);
      cluster.now = this.#stage.fabric.now;
      cluster.kill(node.core, c % 3 === 1);
    }
  }

  /** An operator clears a table: the cores are asked, and do it when they have their turn. */
  #clear(appliance: number, b: number, c: number): void {
    const { fabric } = this.#stage;
    const nodes = fabric.nodes.filter((node) => node.appliance === appliance);
    const ask = (node: Node | undefined, command: (core: Core) => void): void => {
      if (node === undefined) return;
      this.#commands.set(node.index, [...(this.#commands.get(node.index) ?? []), command]);
    };
    if (b % 3 === 0) ask(nodes[0], (core) => void core.dispatch.bridging.clear({}, fabric.now));
    else if (b % 3 === 1) {
      for (const node of nodes)
        ask(node, (core) => void core.dispatch.resolver.clear({}, fabric.now));
    } else if (fabric.scenario.owner === "hash") {
      ask(nodes[c % nodes.length], (core) => void core.dispatch.nd.clear({}, fabric.now));
    }
  }

  #hold(node: Node, b: number, c: number): void {
    const peer = this.#peer(node, b);
    const cluster = this.#stage.fabric.clusters[node.appliance];
    if (peer === undefined || cluster === undefined) return;
    const { appliance, core: from } = node;
    const to = peer.core;
    const { supervision } = cluster;
    if (!supervision.serves(from) || !supervision.serves(to) || node.stalled + peer.stalled > 0)
      return;
    if (this.#held.some((one) => one.appliance === appliance && one.from === from && one.to === to))
      return;
    const word = (cluster.layout.rings[from * cluster.layout.cores + to] as number) >> 2;
    const real = cluster.arena.i32[word] as number;
    const until = this.#stage.fabric.now + (c % MAX_HOLD);
    this.#held.push({ appliance, from, to, word, shown: real, real, until });
    this.#stage.disturbed.core = this.#stage.fabric.now;
  }

  #break(a: number, b: number, until: Millis): void {
    const { partner } = this.#stage.fabric;
    if (partner === null) return;
    const index = a % partner.ports.length;
    // A loop of the cable is a loop indeed: the promise not to return frames is not the appliance's then.
    const faults = BREAKAGES.filter((fault) => fault !== "loop");
    partner.break(index, faults[b % faults.length] ?? "cut");
    this.#broken[index] = until;
    this.#stage.disturbed.wire = until;
  }

  #wireFault({ name, a, b, c }: Operation): void {
    const { fabric, disturbed } = this.#stage;
    const places = fabric.wires.flatMap((wires, appliance) =>
      wires.map((_, port) => ({ appliance, port })),
    );
    const place = places[a % places.length];
    if (place === undefined) return;
    const { appliance, port } = place;
    const member = fabric.partner?.ports.indexOf(port) ?? -1;
    const way = c % 2 === 0 ? 0 : 1;
    const wire = fabric.wireOf(appliance, port);
    disturbed.wire = fabric.now + MAX_LATE;
    if (name === "cut") {
      const until = fabric.now + (b % MAX_CUT);
      if (member >= 0) this.#break(member, 0, until);
      else fabric.cut(appliance, port, until);
    } else if (name === "lose") wire.lose[way] += b % 20;
    else if (name === "duplicate") wire.duplicate[way] += b % 5;
    else if (name === "delay") {
      wire.delay[way] += b % 8;
      wire.late[way] = c % MAX_LATE;
    }
  }
}
