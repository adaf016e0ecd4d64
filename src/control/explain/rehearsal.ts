// What the appliance would do with a frame, found by doing it: the product's own cores, in this thread and over memory
// ports, with the tables of the ones that run. A table is copied by the very messages in which a core that joins is
// sent it (core/copying.ts), roles are taken over as when a master dies, and then the frame is treated. So no second
// description of the engine can be wrong, and nothing that runs is touched.

import { makeScope, sendLearn } from "../../bridge/message.ts";
import { epochOf } from "../../bridge/reconfigure.ts";
import { highOf, lowOf, makeKey } from "../../bridge/table.ts";
import type { ApplianceConfig } from "../../core/config.ts";
import { Core } from "../../core/core.ts";
import { bucketsOf, Control, initControl, type Layout, planLayout } from "../../core/layout.ts";
import { CLASS_NAMES, OBSERVER_RING, OBSERVER_TAIL, Observer, Seen } from "../../core/observer.ts";
import { Told, type ToldEvent } from "../../core/told.ts";
import { BLOCK_COUNTERS, DROP_AT, PEER_AT, PEER_COUNTERS } from "../../engine/counter.ts";
import { DROP_COUNT, DROP_NAMES, type DropName } from "../../engine/drop.ts";
import { HEADROOM } from "../../engine/frame.ts";
import { MESSAGE_NAMES, Message, RECORD, TABLE_COUNT, Table } from "../../engine/message.ts";
import { Arena, Planner } from "../../lib/arena.ts";
import type { CoreId, Millis, Offset, PortId } from "../../lib/units.ts";
import { type MemoryLinkPlan, MemoryPort, planMemoryLink } from "../../ports/memory.ts";
import { Batch, BURST } from "../../ports/port.ts";
import type { Appliance, PortState, RawRow } from "../appliance-port.ts";

/** Frames that a port's queue holds: what one frame can let go is flooded copies, fragments, and who waited for it. */
const SLOTS = 32;
/** Records of a ring of the bus: nobody reads most of them. */
const RING = 64;
/** Bytes for what the observer notes of one frame. */
const OBSERVED = 65_536;
/** Entries per question, as many as a core gives (runtime/commands.ts). */
const SLICE = 512;
/** Rounds until a core must have come to rest. */
const ROUNDS = 64;
/** Cores that one frame can reach: it may be handed over twice (core/core.ts), and an address be asked of a third. */
const MOST_CORES = 4;
/** Messages by which a core has another one send something for a frame. */
const ASKS: ReadonlySet<number> = new Set([Message.frame, Message["arp-ask"], Message["nd-ask"]]);

/** A frame that left. */
export interface Sent {
  readonly core: CoreId;
  readonly port: PortId;
  readonly bytes: Uint8Array;
}

/** What became of the frame on one core. */
export interface OnCore {
  readonly core: CoreId;
  /** How the core classed it (core/observer.ts). */
  readonly class: string;
  /** What was counted as given up. */
  readonly drops: readonly DropName[];
  /** The cores that it was handed to. */
  readonly handedTo: readonly CoreId[];
  /** Those, and the ones that were asked for an address. */
  readonly reached: readonly CoreId[];
  /** Messages to other cores, by type. */
  readonly messages: Readonly<Record<string, number>>;
}

export interface Rehearsed {
  /** In the order in which the frame came to the cores. */
  readonly cores: readonly OnCore[];
  readonly sent: readonly Sent[];
  readonly events: readonly ToldEvent[];
  /** The copy of the first core, for questions about its tables; as it was before the frame. */
  readonly before: Facts;
}

/** What the copy of the first core knew before the frame came. */
export interface Facts {
  /** The channel of the port, whether frames are taken or not; -1 = none. */
  readonly owner: number;
  /** The member of an aggregate does not take frames. */
  readonly isBlocked: boolean;
  readonly isBridged: boolean;
  /** Asks for the channel of a station of the bridge; -1 = unknown. */
  locate(bridge: number, mac: number, vlan: number): number;
}

/** The tables of the cores that run, as they were told. */
interface Copy {
  readonly now: Millis;
  readonly records: readonly {
    readonly from: CoreId;
    readonly table: number;
    readonly bytes: Uint8Array;
  }[];
  /** Stations as each core that is copied has them. */
  readonly stations: Map<CoreId, readonly RawRow[]>;
}

/** Has the copies of the appliance's cores treat a frame that comes to a core's queue of a port. */
export async function rehearse(
  appliance: Appliance,
  frame: Uint8Array,
  port: PortId,
  core: CoreId,
): Promise<Rehearsed> {
  const copy = await copyTables(appliance);
  const wanted = [core];
  for (;;) {
    for (const one of wanted) {
      if (!copy.stations.has(one)) copy.stations.set(one, await stationsOf(appliance, one));
    }
    const stage = new Stage(appliance, copy, wanted);
    const { missing, rehearsed } = stage.play(frame, port);
    if (missing === undefined || wanted.length === MOST_CORES) return rehearsed;
    wanted.push(missing);
  }
}

async function copyTables(appliance: Appliance): Promise<Copy> {
  const records: { from: CoreId; table: number; bytes: Uint8Array }[] = [];
  let latest = 0;
  for (const { core, state } of appliance.cores()) {
    if (state !== "online") continue;
    for (let table = 0; table < TABLE_COUNT; table++) {
      for (let cursor = 0; cursor >= 0; ) {
        // Stations are taken from each core's own table: here, only what protection shut.
        const limit = table === Table.Bridge ? 0 : SLICE;
        const slice = await appliance.command(core, { kind: "copy", table, cursor, limit });
        records.push({ from: core, table, bytes: slice.records });
        latest = Math.max(latest, slice.now);
        cursor = table === Table.Bridge ? -1 : slice.next;
      }
    }
  }
  return { now: latest, records, stations: new Map() };
}

async function stationsOf(appliance: Appliance, core: CoreId): Promise<RawRow[]> {
  const rows: RawRow[] = [];
  for (let cursor = 0; cursor >= 0; ) {
    const question = { kind: "rows", table: "bridge", cursor, limit: SLICE } as const;
    const answer = await appliance.command(core, question);
    rows.push(...answer.rows);
    cursor = answer.next;
  }
  return rows;
}

/** One play: an arena, the copies in it, the world's ends of their ports. */
class Stage {
  readonly #config: ApplianceConfig;
  readonly #copy: Copy;
  readonly #masters: readonly CoreId[];
  readonly #ports: readonly PortState[];
  readonly #arena: Arena;
  readonly #layout: Layout;
  readonly #wanted: readonly CoreId[];
  readonly #links: Map<CoreId, MemoryLinkPlan[]> = new Map();
  readonly #ends: Map<CoreId, MemoryPort[]> = new Map();
  readonly #cores: Map<CoreId, Core> = new Map();
  readonly #observed: Map<CoreId, Offset> = new Map();
  readonly #told: Told;
  /** Where a record or the frame is written. */
  readonly #staging: Offset;
  readonly #batch: Batch = new Batch(BURST);
  #now: Millis;

  constructor(appliance: Appliance, copy: Copy, wanted: readonly CoreId[]) {
    // Stations are told to the copies by messages, also where the cores do not tell each other.
    this.#config = {
      ...appliance.config,
      bridging: {
        ...appliance.config.bridging,
        bridges: appliance.config.bridging.bridges.map((one) => ({
          ...one,
          learning: "broadcast",
        })),
      },
    };
    this.#copy = copy;
    this.#masters = appliance.masters();
    this.#ports = appliance.ports();
    this.#wanted = wanted;
    const count = Math.max(2, this.#config.cores.count);
    const planner = new Planner();
    this.#layout = planLayout(planner, count, 0, RING);
    this.#staging = planner.reserve(HEADROOM + 65_536) + HEADROOM;
    for (const core of wanted) {
      this.#links.set(
        core,
        this.#config.common.ports.map(() => planMemoryLink(planner, SLOTS)),
      );
      this.#observed.set(core, planner.reserve(OBSERVER_RING + OBSERVED));
    }
    this.#arena = Arena.create(planner.size);
    initControl(this.#arena, this.#layout, this.#masters, this.#config.steering.buckets);
    bucketsOf(this.#arena, this.#layout).set(appliance.buckets());
    this.#told = new Told(this.#arena, this.#layout);
    this.#now = Math.max(0, copy.now);
  }

  /** Plays; `missing`: the frame went to a core that is not on the stage yet. */
  play(frame: Uint8Array, port: PortId): { missing?: CoreId; rehearsed: Rehearsed } {
    for (const core of this.#wanted) this.#prepare(core);
    this.#setMasters(this.#masters);
    // The roles are taken over, as when a master dies; then everything is at rest.
    for (let n = 0; n < 2; n++) {
      this.#now += this.#config.cores.tick;
      this.#rest();
    }
    this.#drain();
    this.#told.take();
    const entry = this.#wanted[0] as CoreId;
    const before = this.#facts(this.#cores.get(entry) as Core, port);
    const counted = new Map(
      [...this.#cores].map(([core, { counters }]) => [core, counters.slice(0, BLOCK_COUNTERS)]),
    );
    this.#observe();
    this.#inject(frame, port, entry);
    this.#rest();
    const cores = this.#wanted.map((core) => this.#became(core, counted.get(core) as Float64Array));
    const missing = cores
      .flatMap(({ reached }) => reached)
      .find((core) => !this.#wanted.includes(core));
    const rehearsed = { cores, sent: this.#drain(), events: this.#told.take(), before };
    return missing === undefined ? { rehearsed } : { missing, rehearsed };
  }

  #setMasters(masters: readonly CoreId[]): void {
    const word = this.#layout.control >> 2;
    for (const [role, core] of masters.entries())
      this.#arena.i32[word + Control.RoleAt + role] = core;
  }

  /** A copy of a core. While it is sent the tables another one plays its roles, since a master believes only itself. */
  #prepare(core: CoreId): void {
    const other = (core + 1) % this.#layout.cores;
    this.#setMasters(this.#masters.map((master) => (master === core ? other : master)));
    const links = this.#links.get(core) as MemoryLinkPlan[];
    const { common } = this.#config;
    const ports = links.map(
      (link, port) =>
        new MemoryPort(this.#arena, link, 0, {
          side: "core",
          mac: common.ports[port]?.mac ?? 0,
          mtu: this.#ports[port]?.mtu ?? 1500,
        }),
    );
    const ends = links.map((link) => new MemoryPort(this.#arena, link, 0, { side: "world" }));
    for (const [port, end] of ends.entries()) end.setUp(this.#ports[port]?.up ?? true);
    this.#ends.set(core, ends);
    const { layout, config, now } = { layout: this.#layout, config: this.#config, now: this.#now };
    const copy = new Core({ arena: this.#arena, layout, core, config, ports, now });
    this.#cores.set(core, copy);
    copy.round(now);
    this.#feed(copy, other, now);
  }

  #feed(copy: Core, other: CoreId, now: Millis): void {
    const { u8 } = this.#arena;
    const froms = new Set(this.#copy.records.map(({ from }) => from));
    for (const from of froms) {
      const as = from === copy.core ? other : from;
      for (let table = 0; table < TABLE_COUNT; table++) {
        const replicated = copy.dispatch.replicated(table);
        const own = this.#copy.records.filter((one) => one.from === from && one.table === table);
        if (replicated === null || own.length === 0) continue;
        if (table !== Table.Bridge) replicated.resyncBegin(as, now);
        for (const { bytes } of own) {
          for (let at = 0; at < bytes.length; at += RECORD) {
            u8.set(bytes.subarray(at, at + RECORD), this.#staging);
            u8[this.#staging + 1] = as;
            copy.dispatch.message(u8[this.#staging] as number, as, this.#staging, now);
          }
        }
        if (table !== Table.Bridge) replicated.resyncEnd(as, now, false);
      }
    }
    this.#feedStations(copy, other, now);
  }

  #feedStations(copy: Core, other: CoreId, now: Millis): void {
    const { bridging } = copy.dispatch;
    const epoch = epochOf(this.#config.bridging, this.#config.common);
    copy.copied = (at) => {
      copy.dispatch.message(this.#arena.u8[at] as number, other, at, now);
    };
    for (const row of this.#copy.stations.get(copy.core) ?? []) {
      const { bridge, mac, vlan, channel, version } = row as Record<string, number>;
      if (row["static"] === true) {
        bridging.addStatic(bridge as number, mac as number, vlan as number, channel as number, now);
        continue;
      }
      const key = makeKey(highOf(mac as number), vlan as number);
      const scope = makeScope(epoch, bridge as number);
      sendLearn(
        copy,
        other,
        scope,
        lowOf(mac as number),
        key,
        channel as number,
        version as number,
      );
    }
    copy.copied = null;
  }

  #facts(core: Core, port: PortId): Facts {
    const { channels, bridging } = core.dispatch;
    const owner = channels.ownerOf(port);
    return {
      owner,
      isBlocked: channels.isBlocked(port),
      isBridged: owner >= 0 && bridging.isBridged(owner),
      locate: (bridge, mac, vlan) => {
        const rows = this.#copy.stations.get(core.core) ?? [];
        const found = rows.find(
          (row) => row["bridge"] === bridge && row["mac"] === mac && row["vlan"] === vlan,
        );
        return Number(found?.["channel"] ?? -1);
      },
    };
  }

  #observe(): void {
    for (const [core, copy] of this.#cores) {
      const at = this.#observed.get(core) as Offset;
      const look = { at, size: OBSERVED, frames: true, messages: false, snap: 64 };
      copy.observe(new Observer(copy, look));
    }
  }

  #inject(frame: Uint8Array, port: PortId, core: CoreId): void {
    const start = this.#staging;
    this.#arena.u8.fill(0, start - HEADROOM, start);
    this.#arena.u8.set(frame, start);
    const one = new Batch(1);
    one.start[0] = start;
    one.end[0] = start + frame.length;
    one.count = 1;
    this.#ends.get(core)?.[port]?.send(one);
  }

  /** Rounds of all copies until nobody has anything to do; time stands still. */
  #rest(): void {
    for (let n = 0; n < ROUNDS; n++) {
      let worked = false;
      for (const core of this.#cores.values()) worked = core.round(this.#now) || worked;
      if (!worked) return;
    }
  }

  /** Takes what left. */
  #drain(): Sent[] {
    const sent: Sent[] = [];
    for (const [core, ends] of this.#ends) {
      for (const [port, end] of ends.entries()) {
        end.receive(this.#batch);
        for (let n = 0; n < this.#batch.count; n++) {
          const bytes = this.#arena.u8.slice(this.#batch.start[n], this.#batch.end[n]);
          sent.push({ core, port, bytes });
        }
        end.release();
      }
    }
    return sent;
  }

  #became(core: CoreId, before: Float64Array): OnCore {
    const { counters } = this.#cores.get(core) as Core;
    const rose = (at: number): number => (counters[at] as number) - (before[at] as number);
    const drops: DropName[] = [];
    for (let reason = 0; reason < DROP_COUNT; reason++) {
      if (rose(DROP_AT + reason) > 0) drops.push(DROP_NAMES[reason] as DropName);
    }
    const messages: Record<string, number> = {};
    const handedTo: CoreId[] = [];
    const reached: CoreId[] = [];
    for (let peer = 0; peer < this.#layout.cores; peer++) {
      for (const [type, name] of MESSAGE_NAMES.entries()) {
        const count = rose(PEER_AT + peer * PEER_COUNTERS + type);
        if (count === 0) continue;
        if (ASKS.has(type)) reached.push(peer);
        if (type === Message.frame) handedTo.push(peer);
        else messages[name] = (messages[name] ?? 0) + count;
      }
    }
    return { core, class: this.#classOf(core), drops, handedTo, reached, messages };
  }

  /** How the core classed the frame, "" when none came to it. */
  #classOf(core: CoreId): string {
    const { i32, view } = this.#arena;
    const ring = this.#observed.get(core) as Offset;
    const tail = i32[(ring + OBSERVER_TAIL) >> 2] as number;
    for (let at = 0; at < tail; at += view.getUint32(ring + OBSERVER_RING + at)) {
      const record = ring + OBSERVER_RING + at;
      if (view.getUint8(record + 4) === Seen.Received) {
        return CLASS_NAMES[view.getUint8(record + 5)] ?? "";
      }
    }
    return "";
  }
}
