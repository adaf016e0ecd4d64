// Bridges that run spanning tree, each on several cores, joined by segments: for tests of the engine alone, in virtual
// time. Frames are lost and late, messages between cores are late (in order for each pair), cores notice links and
// roles when they like. After every change of a port state the rig looks for a loop in what the cores would forward: a
// frame that goes round may take another core in each bridge, and another at each round.

import { MESSAGE_NAMES } from "../engine/message.ts";
import { PortState } from "../engine/port-state.ts";
import { Prng } from "../lib/prng.ts";
import type { ChannelId, CoreId, Millis } from "../lib/units.ts";
import type { StpBridgeConfig } from "../stp/config.ts";
import { Agenda } from "./agenda.ts";
import { DELIVERY } from "./small-out.ts";
import {
  FRAME_AT,
  type StpCore,
  StpNode,
  type StpNodeOptions,
  type Surroundings,
} from "./stp-node.ts";

export interface StpWorldOptions {
  readonly seed?: number;
  /** Share of frames that segments lose. */
  readonly loss?: number;
  /** What a frame takes, at least and at most. */
  readonly delay?: readonly [least: Millis, most: Millis];
  /** What a message between cores takes. */
  readonly bus?: readonly [least: Millis, most: Millis];
  /** Between two ticks of a core. */
  readonly tick?: Millis;
}

export class StpWorld implements Surroundings {
  readonly nodes: Map<string, StpNode> = new Map();
  readonly random: Prng;
  now: Millis = 0;
  /** A port state changed since the last look for loops. */
  changed = false;
  lastChange: Millis = 0;
  /** Segments that are cut. */
  readonly cut: Set<string> = new Set();
  loss: number;
  /** BPDUs sent. */
  frames = 0;
  /** Looks at what goes out; false = the frame is lost. */
  onFrame: ((node: StpNode, channel: ChannelId, bytes: Uint8Array) => boolean) | null = null;
  readonly #agenda: Agenda = new Agenda();
  readonly #delay: readonly [Millis, Millis];
  readonly #bus: readonly [Millis, Millis];
  readonly #tick: Millis;
  /** When the last message of an ordered pair of cores, and the last frame of a port, arrives. */
  readonly #last: Map<string, Millis> = new Map();

  constructor(options: StpWorldOptions = {}) {
    this.random = new Prng(options.seed ?? 1);
    this.loss = options.loss ?? 0;
    this.#delay = options.delay ?? [0.1, 1];
    this.#bus = options.bus ?? [0.01, 0.1];
    this.#tick = options.tick ?? 10;
  }

  #between([least, most]: readonly [Millis, Millis]): Millis {
    return least + ((most - least) * this.random.below(1001)) / 1000;
  }

  busDelay(): Millis {
    return this.#between(this.#bus);
  }

  later(delay: Millis, act: () => void): void {
    this.#agenda.add(this.now + delay, act);
  }

  /** Later, and in order with all else of the same key. */
  #inOrder(key: string, delay: Millis, act: () => void): void {
    const at = Math.max(this.now + delay, this.#last.get(key) ?? 0);
    this.#last.set(key, at);
    this.#agenda.add(at, act);
  }

  add(options: StpNodeOptions): StpNode {
    const node = new StpNode(this, options);
    this.nodes.set(options.name, node);
    for (const core of node.cores) {
      const turn = (): void => {
        if (!node.dead.has(core.core) && !node.stalled.has(core.core)) core.stp?.tick(this.now);
        this.later(this.#tick, turn);
      };
      this.later(this.#between([0, this.#tick]), turn);
    }
    return node;
  }

  node(name: string): StpNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no bridge "${name}"`);
    return node;
  }

  // --- frames and messages -------------------------------------------------------------------------------------------

  sent(node: StpNode, channel: ChannelId, bytes: Uint8Array): void {
    this.frames++;
    if (this.onFrame !== null && !this.onFrame(node, channel, bytes)) return;
    const segment = node.segments[channel] ?? "";
    if (segment === "" || this.cut.has(segment)) return;
    for (const to of this.nodes.values()) {
      for (const [port, other] of to.segments.entries()) {
        if (other !== segment || (to === node && port === channel)) continue;
        if (this.random.chance(this.loss)) continue;
        const key = `${node.name}.${channel}>${to.name}.${port}`;
        this.#inOrder(key, this.#between(this.#delay), () =>
          this.#arrive(to, port, segment, bytes),
        );
      }
    }
  }

  #arrive(to: StpNode, port: number, segment: string, bytes: Uint8Array): void {
    if (to.segments[port] !== segment || this.cut.has(segment)) return;
    this.inject(to, port, bytes);
  }

  /** A frame arrives on a port: always on the same one of the cores that live, as every distributor has it. */
  inject(to: StpNode, port: number, bytes: Uint8Array): void {
    const alive = to.cores.filter(({ core }) => !to.dead.has(core) && !to.stalled.has(core));
    if (alive.length === 0) return;
    const core = alive[port % alive.length] as StpCore;
    core.bytes.set(bytes, FRAME_AT);
    core.stp?.receive(port, port, FRAME_AT, FRAME_AT + bytes.length, this.now);
  }

  handed(from: StpCore, to: CoreId, port: number, bytes: Uint8Array): void {
    const { node } = from;
    this.#toCore(node, from.core, to, () => {
      const own = node.cores[to] as StpCore;
      own.bytes.set(bytes, FRAME_AT);
      own.stp?.receive(port, port, FRAME_AT, FRAME_AT + bytes.length, this.now);
    });
  }

  told(from: StpCore, to: CoreId, bytes: Uint8Array): void {
    const { node } = from;
    const type = bytes[0] as number;
    const name = MESSAGE_NAMES[type] ?? "?";
    node.messages.set(name, (node.messages.get(name) ?? 0) + 1);
    this.#toCore(node, from.core, to, () => {
      const own = node.cores[to] as StpCore;
      own.bytes.set(bytes, DELIVERY);
      if (name === "resync-ask") this.#resync(node, own, from.core);
      else own.stp?.message(type, from.core, DELIVERY, this.now);
    });
  }

  #resync(node: StpNode, own: StpCore, to: CoreId): void {
    node.cores[to]?.stp?.resyncBegin();
    own.stp?.resync(to, 0, 1000, this.now);
  }

  #toCore(node: StpNode, from: CoreId, to: CoreId, act: () => void): void {
    this.#inOrder(`${node.name}:${from}>${to}`, this.busDelay(), () => this.#atCore(node, to, act));
  }

  #atCore(node: StpNode, to: CoreId, act: () => void): void {
    if (node.dead.has(to)) return;
    if (node.stalled.has(to))
      this.#inOrder(`${node.name}:stalled${to}`, 1, () => this.#atCore(node, to, act));
    else act();
  }

  // --- cables --------------------------------------------------------------------------------------------------------

  /** Plugs a port into a segment, or pulls it out ("" = none). Every core notices when it likes. */
  plug(name: string, port: number, segment: string): void {
    const node = this.node(name);
    node.segments[port] = segment;
    this.#noticeLink(node, port);
  }

  /** Cuts a whole segment: all its ports lose their link. */
  sever(segment: string): void {
    this.cut.add(segment);
    this.#noticeSegment(segment);
  }

  mend(segment: string): void {
    this.cut.delete(segment);
    this.#noticeSegment(segment);
  }

  #noticeSegment(segment: string): void {
    for (const node of this.nodes.values()) {
      for (const [port, other] of node.segments.entries()) {
        if (other === segment) this.#noticeLink(node, port);
      }
    }
  }

  #noticeLink(node: StpNode, port: number): void {
    for (const core of node.cores) {
      this.#inOrder(`${node.name}:${core.core}:link`, this.#between([0, 5]), () => {
        const segment = node.segments[port] ?? "";
        const up = segment !== "" && !this.cut.has(segment);
        if (!node.dead.has(core.core)) core.stp?.linkChanged(port, up, 0, this.now);
      });
    }
  }

  // --- time and truth ------------------------------------------------------------------------------------------------

  /** Lets time pass; throws when what the cores forward has a loop. */
  run(duration: Millis): void {
    const until = this.now + duration;
    for (;;) {
      const at = this.#agenda.nextAt();
      if (at < 0 || at > until) break;
      this.now = at;
      this.#agenda.take()();
      if (!this.changed) continue;
      this.changed = false;
      const loop = this.findLoop();
      if (loop !== null) throw new Error(`a loop at ${this.now} ms: ${loop}`);
    }
    this.now = until;
  }

  /** Ports plugged into each segment that is whole. */
  attachments(): Map<string, { node: StpNode; port: number }[]> {
    const found = new Map<string, { node: StpNode; port: number }[]>();
    for (const node of this.nodes.values()) {
      for (const [port, segment] of node.segments.entries()) {
        if (segment === "" || this.cut.has(segment)) continue;
        const list = found.get(segment) ?? [];
        list.push({ node, port });
        found.set(segment, list);
      }
    }
    return found;
  }

  /** The way of a frame that comes back to where it was, in words; null when there is none. */
  findLoop(): string | null {
    const attachments = this.attachments();
    const marks = new Map<string, number>();
    const path: string[] = [];
    const visit = (node: StpNode, out: number): string | null => {
      const key = `${node.name}.${out}`;
      const mark = marks.get(key);
      if (mark === 2) return null;
      if (mark === 1) return [...path.slice(path.indexOf(key)), key].join(" > ");
      marks.set(key, 1);
      path.push(key);
      for (const { node: to, port } of attachments.get(node.segments[out] ?? "") ?? []) {
        if (to === node && port === out) continue;
        for (let next = 0; next < to.segments.length; next++) {
          if (next === port || !to.joins(port, next)) continue;
          const loop = visit(to, next);
          if (loop !== null) return loop;
        }
      }
      path.pop();
      marks.set(key, 2);
      return null;
    };
    for (const node of this.nodes.values()) {
      for (let port = 0; port < node.segments.length; port++) {
        const loop = visit(node, port);
        if (loop !== null) return loop;
      }
    }
    return null;
  }

  /**
   * What is missing to one tree over each part that hangs together: "" when every core forwards alike, every bridge
   * names the best one as its root, and every two bridges of a part reach each other.
   */
  faultOfTree(): string {
    for (const node of this.nodes.values()) {
      const [first] = node.cores.filter(({ core }) => !node.dead.has(core));
      for (const { core, states } of node.cores) {
        if (node.dead.has(core) || states.join() === first?.states.join()) continue;
        return `${node.name}: cores differ`;
      }
      if (node.stp.restless > 0) return `${node.name}: machines do not rest`;
    }
    const parts = this.#parts(() => true);
    const reach = this.#parts((node, port) =>
      node.cores.every(
        ({ core, states }) => node.dead.has(core) || states[port] === PortState.Forwarding,
      ),
    );
    for (const part of parts) {
      const [any] = part;
      const reached = reach.find((names) => names.has(any ?? ""));
      if (reached?.size !== part.size) return `${[...part].join()} do not reach each other`;
      const fault = this.#faultOfRoot(part);
      if (fault !== "") return fault;
    }
    return "";
  }

  #faultOfRoot(part: ReadonlySet<string>): string {
    const ids = [...part].map((name) => {
      const { priority, address } = this.node(name).config.bridges[0] as StpBridgeConfig;
      return { name, priority, address };
    });
    ids.sort((a, b) => a.priority - b.priority || a.address - b.address);
    for (const { name } of ids) {
      const row = this.node(name).row(-1);
      if (row["rootAddress"] !== ids[0]?.address) return `${name} has another root`;
    }
    return "";
  }

  /** Bridges that hang together over segments by the ports that `uses` takes. */
  #parts(uses: (node: StpNode, port: number) => boolean): Set<string>[] {
    const parts: Set<string>[] = [...this.nodes.keys()].map((name) => new Set([name]));
    for (const ends of this.attachments().values()) {
      const names = new Set(
        ends.filter(({ node, port }) => uses(node, port)).map(({ node }) => node.name),
      );
      const touched = parts.filter((part) => [...part].some((name) => names.has(name)));
      const [into, ...others] = touched;
      for (const part of others) {
        for (const name of part) into?.add(name);
        parts.splice(parts.indexOf(part), 1);
      }
    }
    return parts;
  }
}
