// The lab "ring": four bridges in a circle, the appliance "a" and three more, "b" to "d", each a whole appliance of one
// core on the lab's own clock. RSTP keeps one cable of the circle out of use; cables are cut and mended, by the seed or
// by who watches, and the states move. `show stp` and `explain stp br0 p1` tell what is.

import { Prng } from "../lib/prng.ts";
import type { Millis, Offset, PortId } from "../lib/units.ts";
import { Cluster } from "../sim/cluster.ts";
import { stpBridge, stpRowsOf } from "../sim/stp-bridge.ts";
import { Wiring } from "../sim/wiring.ts";
import type { Behaviour, World } from "../sim/world.ts";
import { STP_DEFAULTS } from "../stp/config.ts";

/** The appliance's configuration, as a user would write it. */
export function ringConfig(cores: number): string {
  return `# The lab "ring": cables to two neighbours in a circle of four bridges, and a port of its own.
cores: {count: ${cores}}
ports:
  p0: {driver: memory}
  p1: {driver: memory}
  p2: {driver: memory}
bridges:
  br0:
    stp: {protocol: rstp}
    channels:
      p0: {mode: access, access-vlan: 10}
      p1: {mode: access, access-vlan: 10}
      p2: {mode: access, access-vlan: 10, stp: {edge: on}}
interfaces:
  vlan10: {bridge: br0, vlan: 10, addresses: [192.0.2.1/24]}
global-cache: {size: 32MiB}
`;
}

/** Segments with stations: one behind each bridge, the appliance's first. */
export const RING_SEGMENTS = 4;
const NAMES = ["a", "b", "c", "d"] as const;
/** The port behind which a bridge's stations are. */
const STATIONS_PORT: PortId = 2;
const STATIONS = 24;
/** "c", opposite the appliance, is the root, so that one of the appliance's own ports stands by. */
const ROOT = "c";
const ROOT_PRIORITY = 4096;
const FAULT_TIME: Millis = 5000;
const CALM_TIME: Millis = 5000;

/** Stations that stay where they are and ping each other ten times a second. */
export const RING_BEHAVIOUR: Behaviour = { pace: 100, move: 0, silence: 0, silentFor: 0 };

/** Puts stations behind all bridges. */
export function populateRing(world: World): void {
  for (let index = 0; index < STATIONS; index++) {
    world.add(
      {
        name: `h${index}`,
        mac: 0x0200_000a_0000 + index,
        address: 0xc000_020a + index,
        prefix: 24,
        gateway: 0xc000_0201,
      },
      [{ port: index % RING_SEGMENTS, tag: 0 }],
    );
  }
}

type Row = Readonly<Record<string, unknown>>;

/** What the ring needs of the appliance. */
export interface RingHooks {
  toAppliance(port: PortId, view: DataView, start: Offset, end: Offset): void;
  setLink(port: PortId, up: boolean): void;
}

/** Between the world and the appliance: the other bridges, and the cables of the circle. */
export class Ring {
  world: World | null = null;
  readonly #wiring: Wiring = new Wiring();
  readonly #clusters: Map<string, Cluster> = new Map();
  readonly #hooks: RingHooks;
  readonly #random: Prng;
  #next: Millis = CALM_TIME;
  #cut = -1;
  #presses = 0;
  #now: Millis = 0;

  constructor(seed: number, hooks: RingHooks) {
    this.#hooks = hooks;
    this.#random = new Prng(seed);
    this.#wiring.add("a", {
      inject: (port, frame) => hooks.toAppliance(port, viewOf(frame), 0, frame.length),
      setLink: (port, up) => hooks.setLink(port, up),
      turn: () => {},
    });
    for (const [index, name] of NAMES.entries()) {
      if (index === 0) continue;
      const mac = 0x02bb_0000_0000 + index * 0x100;
      const priority = name === ROOT ? ROOT_PRIORITY : STP_DEFAULTS.priority;
      const channels = { [STATIONS_PORT]: { edge: "on" as const } };
      const config = stpBridge({ cores: 1, ports: 3, mac, stp: { priority }, channels });
      const cluster = new Cluster(config, { seed: seed + index });
      this.#clusters.set(name, cluster);
      this.#wiring.addCluster(name, cluster);
    }
    for (const [index, name] of NAMES.entries()) {
      this.#wiring.join(
        name,
        index === 0 ? 0 : 1,
        NAMES[(index + 1) % 4] ?? "a",
        index === 3 ? 1 : 0,
      );
    }
    this.#wiring.onFrame = (node, _port, frame) => {
      const segment = NAMES.indexOf(node as "a");
      this.world?.deliver(segment, viewOf(frame), 0, frame.length, this.#now);
    };
  }

  /** A station's frame on its way to its bridge. */
  readonly send = (segment: PortId, view: DataView, start: Offset, end: Offset): void => {
    if (segment === 0) this.#hooks.toAppliance(STATIONS_PORT, view, start, end);
    else {
      const frame = new Uint8Array(view.buffer, view.byteOffset + start, end - start);
      this.#clusters.get(NAMES[segment] ?? "")?.inject(STATIONS_PORT, frame);
    }
  };

  /** A frame of the appliance. */
  deliver(port: PortId, view: DataView, start: Offset, end: Offset, now: Millis): void {
    this.#now = now;
    if (port === STATIONS_PORT) this.world?.deliver(0, view, start, end, now);
    else this.#wiring.send("a", port, view, start, end);
  }

  tick(now: Millis): void {
    this.#now = now;
    this.#wiring.turn(now);
    this.world?.tick(now);
    if (now < this.#next) return;
    if (this.#cut >= 0) {
      this.#mend();
      this.#next = now + CALM_TIME;
    } else {
      this.#cut = this.#random.below(this.#wiring.cables.length);
      this.#wiring.cut(this.#cut);
      this.#next = now + FAULT_TIME;
    }
  }

  #mend(): void {
    for (let cable = 0; cable < this.#wiring.cables.length; cable++) this.#wiring.mend(cable);
    this.#cut = -1;
  }

  /**
   * A command of the person who watches: `cut 2` (cable 0 to 3) or `mend`. From the first one on nothing is cut by
   * itself. Returns what was done, or what could have been said.
   */
  command(words: readonly string[]): string {
    const [verb, which = ""] = words;
    const last = this.#wiring.cables.length - 1;
    if (verb === "mend") {
      this.calm();
      return "all cables are mended";
    }
    if (verb !== "cut" || !/^\d$/.test(which) || Number(which) > last) {
      return `say "mend", or "cut CABLE" with a cable 0 to ${last}`;
    }
    this.calm();
    this.#cut = Number(which);
    this.#wiring.cut(this.#cut);
    return `cable ${which} is cut`;
  }

  /** Key c: the next cable is cut, the others are mended; key m: all are mended. */
  key(key: string): void {
    if (key === "m") this.command(["mend"]);
    if (key === "c") this.command(["cut", String(this.#presses++ % this.#wiring.cables.length)]);
  }

  /** Mends everything, and nothing is cut by itself any more. */
  calm(): void {
    this.#mend();
    this.#next = Number.POSITIVE_INFINITY;
  }

  /** The circle, cable by cable; `rows` are the appliance's own of its spanning tree. */
  picture(rows: readonly Row[]): string[] {
    const all = new Map<string, readonly Row[]>([["a", rows]]);
    for (const [name, cluster] of this.#clusters) all.set(name, stpRowsOf(cluster, this.#now));
    return this.#wiring.cables.map(({ ends, up }, index) => {
      const [one, other] = ends.map(({ node, port }) => {
        const row = all.get(node)?.find(({ channel }) => channel === port);
        return { node, text: `${row?.["role"] ?? "?"} ${row?.["state"] ?? ""}` };
      });
      const used = [one, other].every((end) => end?.text.endsWith("forwarding"));
      const cable = up ? (used ? "=====" : "- - -") : "  X  ";
      const left = `${one?.text} ${one?.node}`.padStart(26);
      return `cable ${index} ${left} ${cable} ${other?.node} ${other?.text}`;
    });
  }
}

const viewOf = (frame: Uint8Array): DataView =>
  new DataView(frame.buffer, frame.byteOffset, frame.length);
