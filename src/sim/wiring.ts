// Several appliances joined by cables, in one time: each end of a cable is a port of a node, frames arrive after the
// cable's delay, and a cable can be cut and mended. A node is a whole appliance of its own (Cluster), or whatever takes
// frames and time. Rings and meshes of bridges, for tests and the lab.

import type { Millis, Offset, PortId } from "../lib/units.ts";
import type { Cluster } from "./cluster.ts";

/** What is needed of a node. */
export interface WiredNode {
  /** Gives a frame to a port. */
  inject(port: PortId, frame: Uint8Array): void;
  /** Plugs or pulls the cable of a port, as the node sees it. */
  setLink(port: PortId, up: boolean): void;
  /** Does what is due. */
  turn(now: Millis): void;
}

export interface End {
  readonly node: string;
  readonly port: PortId;
}
export interface Cable {
  readonly ends: readonly [End, End];
  readonly delay: Millis;
  up: boolean;
  /** Frames that it carried. */
  frames: number;
}

interface Flight {
  readonly due: Millis;
  readonly cable: Cable;
  readonly to: End;
  readonly frame: Uint8Array;
}

/** How often frames may go on within one moment; what is left waits for the next. Our choice: far above any tree. */
const PASSES = 32;

export class Wiring {
  readonly nodes: Map<string, WiredNode> = new Map();
  readonly cables: Cable[] = [];
  now: Millis = 0;
  /** Gets what leaves a port without a cable; the bytes are its own. */
  onFrame: (node: string, port: PortId, frame: Uint8Array) => void = () => {};
  /** Sees every frame that a cable takes. */
  onCable: (cable: Cable, from: End, frame: Uint8Array) => void = () => {};
  /** A frame that it names is lost on its way. */
  loses: (cable: Cable, frame: Uint8Array) => boolean = () => false;
  readonly #at: Map<string, { cable: Cable; end: 0 | 1 }> = new Map();
  #flights: Flight[] = [];

  add(name: string, node: WiredNode): void {
    this.nodes.set(name, node);
  }

  /** Adds a simulated appliance, whose frames leave through the cables. */
  addCluster(name: string, cluster: Cluster): void {
    cluster.onFrame = (port, _core, view, start, end) => this.send(name, port, view, start, end);
    this.add(name, {
      inject: (port, frame) => cluster.inject(port, frame),
      setLink: (port, up) => cluster.ends[port]?.[0]?.setUp(up),
      turn: (now) => {
        cluster.now = now;
        cluster.round();
        cluster.round();
      },
    });
  }

  /** Lays a cable; its number. */
  join(a: string, aPort: PortId, b: string, bPort: PortId, delay: Millis = 0): number {
    const ends = [
      { node: a, port: aPort },
      { node: b, port: bPort },
    ] as const;
    const cable: Cable = { ends, delay, up: true, frames: 0 };
    for (const end of [0, 1] as const) {
      this.#at.set(`${ends[end].node} ${ends[end].port}`, { cable, end });
    }
    return this.cables.push(cable) - 1;
  }

  /** A frame that leaves a node. */
  send(node: string, port: PortId, view: DataView, start: Offset, end: Offset): void {
    const frame = new Uint8Array(end - start);
    frame.set(new Uint8Array(view.buffer, view.byteOffset + start, end - start));
    const place = this.#at.get(`${node} ${port}`);
    if (place === undefined) {
      this.onFrame(node, port, frame);
      return;
    }
    const { cable } = place;
    const [from, to] = [cable.ends[place.end], cable.ends[1 - place.end] as End];
    if (!cable.up || this.loses(cable, frame)) return;
    this.onCable(cable, from, frame);
    cable.frames++;
    this.#flights.push({ due: this.now + cable.delay, cable, to, frame });
  }

  cut(index: number): void {
    this.#set(index, false);
  }

  mend(index: number): void {
    this.#set(index, true);
  }

  #set(index: number, up: boolean): void {
    const cable = this.cables[index];
    if (cable === undefined || cable.up === up) return;
    cable.up = up;
    for (const { node, port } of cable.ends) this.nodes.get(node)?.setLink(port, up);
    if (!up) this.#flights = this.#flights.filter((flight) => flight.cable !== cable);
  }

  /** Everything that happens at this moment. */
  turn(now: Millis): void {
    this.now = now;
    for (let pass = 0; pass < PASSES; pass++) {
      const due = this.#flights.filter((flight) => flight.due <= now);
      if (pass > 0 && due.length === 0) return;
      this.#flights = this.#flights.filter((flight) => flight.due > now);
      for (const { to, frame } of due) this.nodes.get(to.node)?.inject(to.port, frame);
      for (const node of this.nodes.values()) node.turn(now);
    }
  }

  /** Lets time pass in steps. */
  run(duration: Millis, each: (now: Millis) => void = () => {}, step: Millis = 1): void {
    const until = this.now + duration;
    while (this.now < until) {
      const now = Math.min(until, this.now + step);
      each(now);
      this.turn(now);
    }
  }
}
