// One data core, whole, without its thread (CORE-11): bus, buffers, counters, ports and the engines, run to
// completion in rounds. A worker thread turns `round` on real time, the simulator and the replay turn many of them on
// a virtual clock.
//
// A round: messages, then received frames, then timers, then everything is sent, then buffers go back and the bus
// is published. So a frame's bytes, and records read from the bus, stay valid until all that came of them has left.

import {
  BUCKET_AT,
  CORE_AT,
  CoreCounter,
  DROP_AT,
  PORT_AT,
  PORT_COUNTERS,
  PortCounter,
} from "../engine/counter.ts";
import { Drop } from "../engine/drop.ts";
import { MIN_FRAME, OFFLOAD } from "../engine/frame.ts";
import { Message, RECORD } from "../engine/message.ts";
import type { Out } from "../engine/out.ts";
import type { Role } from "../engine/role.ts";
import type { Tallies } from "../engine/tally.ts";
import type { Arena } from "../lib/arena.ts";
import type { Copy } from "../lib/copy.ts";
import type { CoreId, Millis, Offset, PortId } from "../lib/units.ts";
import { Batch, BURST, type Port } from "../ports/port.ts";
import { Distributor } from "../steering/distributor.ts";
import { PARK } from "../steering/move.ts";
import { Mover } from "../steering/mover.ts";
import { Bounds } from "./bounds.ts";
import { Bus } from "./bus.ts";
import type { ApplianceConfig } from "./config.ts";
import { Dispatch } from "./dispatch.ts";
import { FRAME_END, FRAME_HOPS, FRAME_PORT, FRAME_START, FRAME_TREATED } from "./frame-message.ts";
import { Joining } from "./joining.ts";
import {
  bucketsOf,
  Control,
  countersOf,
  coversOf,
  type Layout,
  loadsOf,
  Presence,
  presenceWord,
  talliesOf,
} from "./layout.ts";
import type { Observer } from "./observer.ts";
import { Pool } from "./pool.ts";
import { discard, PortWatch } from "./port-watch.ts";
import { Resync } from "./resync.ts";
import { Teller } from "./told.ts";
import { first } from "./urgent.ts";

/** Records handled per round, so that messages cannot starve frames. */
const BUS_BURST = 256;
/** Frames to one port before the driver is called within a round. */
const TX_BATCH = 256;
/** A frame may be handed over for its flow and once more for a role; more would be a loop. */
const MAX_HOPS = 2;

/** What a core is made of. */
export interface CoreOptions {
  readonly arena: Arena;
  readonly layout: Layout;
  readonly core: CoreId;
  readonly config: ApplianceConfig;
  /** This core's queue of every port, index = PortId. */
  readonly ports: readonly Port[];
  /** Ports whose driver or kernel steers by the same function, so that software need not look. */
  readonly steered?: readonly boolean[];
  readonly now: Millis;
  /** The others run already: this core is sent every table before it serves. */
  readonly joins?: boolean;
}

export class Core implements Out {
  readonly core: CoreId;
  /** How many there are; a copy of the tables is made as for another core, also where there is none (copying.ts). */
  cores: number;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly copy: Copy;
  readonly counters: Float64Array;
  readonly tallies: Tallies;
  /** True while a frame is in work that another core's engines handed over. */
  isTreated = false;
  /** Gets the records that would go to another core, while a copy of the tables is made. */
  copied: ((record: Offset) => void) | null = null;
  readonly bus: Bus;
  readonly pool: Pool;
  readonly dispatch: Dispatch;
  readonly distributor: Distributor;
  readonly mover: Mover;
  readonly joining: Joining;

  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #control: number;
  readonly #presence: number;
  readonly #draft: Offset;
  readonly #ports: Port[];
  readonly #receive: Batch = new Batch(BURST);
  readonly #transmit: Batch[];
  readonly #watch: PortWatch;
  readonly #events: Teller;
  readonly #tick: Millis;
  /** Buffers to give back at the end of the round. */
  readonly #spent: Int32Array;
  #spentCount = 0;
  #now: Millis;
  #nextTick: Millis;
  /** Hops of the frame in work. */
  #hops = 0;
  readonly #resync: Resync;
  readonly #bounds: Bounds;
  #worked = false;
  /** Somebody looks at what this core sees; null costs one look per burst. */
  #observer: Observer | null = null;

  constructor(options: CoreOptions) {
    const { arena, layout, core, config } = options;
    this.core = core;
    this.cores = layout.cores;
    this.view = arena.view;
    this.copy = arena.copy;
    this.#f64 = arena.f64;
    this.bytes = arena.u8;
    this.#i32 = arena.i32;
    this.#control = layout.control >> 2;
    this.#presence = presenceWord(layout, core);
    this.#draft = (this.#presence + Presence.Draft) << 2;
    this.counters = countersOf(arena, layout, core);
    this.tallies = talliesOf(arena, layout, core);
    this.pool = new Pool(layout.pools[core] as Layout["pools"][number]);
    this.#spent = new Int32Array(this.pool.size);
    this.bus = new Bus(arena, layout, core, this.counters, this.pool);
    this.#events = new Teller(arena, layout, core);
    this.#ports = [...options.ports];
    this.#transmit = options.ports.map(() => new Batch(TX_BATCH));
    this.#tick = config.cores.tick;
    this.#now = options.now;
    this.#nextTick = options.now;
    this.distributor = new Distributor(
      config.steering,
      core,
      {
        buckets: bucketsOf(arena, layout),
        loads: loadsOf(arena, layout),
        covers: coversOf(arena, layout),
      },
      this,
      this.counters.subarray(BUCKET_AT, BUCKET_AT + 128),
    );
    for (const [port, steered] of (options.steered ?? []).entries()) {
      this.distributor.setSteered(port, steered);
    }
    this.dispatch = new Dispatch(config, this, options.now, {
      map: this.distributor.move.map,
      bucketOf: (a, b, c, d) => this.distributor.bucketOfTarget(a, b, c, d),
    });
    this.#watch = new PortWatch(this, this.#ports, this.dispatch, this.counters, options.now);
    this.#bounds = new Bounds(this, this.counters, this.bus);
    this.#resync = new Resync(this, this.bus, (table) => this.dispatch.replicated(table));
    this.mover = new Mover(this.distributor, this, this.dispatch, (peer) => this.bus.isAlive(peer));
    if (options.joins === true) {
      this.#countDrops(Drop["core-restarted"], discard(this.#ports, this.#receive));
      this.dispatch.resolver.resume(options.now);
    }
    const parts = { resync: this.#resync, mover: this.mover, distributor: this.distributor };
    const { bus, dispatch } = this;
    this.joining = new Joining(arena.i32, layout, core, { bus, dispatch, ...parts });
    if (options.joins === true && layout.cores > 1) this.joining.want(this.#resync.tables);
  }

  /** Does all the work there is now, up to a burst per port. True when there was any. */
  round(now: Millis): boolean {
    this.#now = now;
    this.#worked = false;
    if (this.bus.poll()) this.#drainBus(now);
    for (let port = 0; port < this.#ports.length; port++) this.#drainPort(port, now);
    if (now >= this.#nextTick) this.#runTick(now);
    this.#finish();
    this.#i32[this.#presence + Presence.Heartbeat] = now | 0;
    return this.#worked;
  }

  #drainBus(now: Millis): void {
    for (let n = 0; n < BUS_BURST; n++) {
      const at = this.bus.next();
      if (at < 0) return;
      this.#worked = true;
      const type = this.view.getUint8(at);
      if (this.#observer !== null) this.#observer.message(type, at, now);
      if (type === Message.frame) this.#receiveHandedOver(at, now);
      else if (type === Message["resync-begin"] || type === Message["resync-end"]) {
        if (!this.#resync.marked(type, at, now)) this.drop(Drop["bus-unknown"]);
        else if (type === Message["resync-end"]) {
          this.joining.ended(this.view.getUint8(at + 1), this.view.getUint16(at + 2));
        }
      } else if (type === Message["resync-ask"]) {
        this.bus.markDirty(this.view.getUint8(at + 1), this.view.getUint16(at + 2));
      } else if (type === Message["steer-passed"] || type === Message["steer-drained"]) {
        this.mover.message(type, this.view.getUint8(at + 1), at, now);
      } else if (!this.dispatch.message(type, this.view.getUint8(at + 1), at, now)) {
        this.drop(Drop["bus-unknown"]);
      }
    }
  }

  #receiveHandedOver(at: Offset, now: Millis): void {
    const port = this.view.getUint16(at + FRAME_PORT);
    const start = this.view.getInt32(at + FRAME_START);
    const end = this.view.getInt32(at + FRAME_END);
    if (this.mover.holdsBack(port, start, end, now)) return;
    this.#hops = this.view.getUint16(at + FRAME_HOPS);
    this.isTreated = this.view.getUint8(at + FRAME_TREATED) !== 0;
    if (this.#observer === null) this.dispatch.receive(port, start, end, now);
    else this.#observer.handedOver(port, start, end, now);
    this.#hops = 0;
    this.isTreated = false;
  }

  #drainPort(port: PortId, now: Millis): void {
    const batch = this.#receive;
    batch.count = 0;
    (this.#ports[port] as Port).receive(batch);
    const { count } = batch;
    if (this.cores > 1) this.mover.observe(now);
    if (count > 0) this.#treatBurst(port, batch, now);
    if (this.cores > 1) this.mover.received(port, count, BURST, now);
  }

  #treatBurst(port: PortId, batch: Batch, now: Millis): void {
    const { count } = batch;
    this.#worked = true;
    let bytes = 0;
    for (let n = 0; n < count; n++) bytes += (batch.end[n] as number) - (batch.start[n] as number);
    if (this.#observer === null) this.treat(port, batch, now);
    else this.#observer.burst(port, batch, now);
    const at = PORT_AT + port * PORT_COUNTERS;
    this.#add(at + PortCounter.FramesReceived, count);
    this.#add(at + PortCounter.BytesReceived, bytes);
    this.#add(CORE_AT + CoreCounter.FramesReceived, count);
  }

  /** Frames of one port, some of which may be another core's. For the observer too, which treats one by one. */
  treat(port: PortId, batch: Batch, now: Millis): void {
    if (this.distributor.needed(port)) this.#steerBurst(port, batch, now);
    else this.dispatch.receiveBurst(port, batch, now);
  }

  /** Shows what this core sees from now on; null ends it. */
  observe(observer: Observer | null): void {
    this.#observer = observer;
  }

  /** A burst of which some frames may be another core's. */
  #steerBurst(port: PortId, batch: Batch, now: Millis): void {
    for (let n = 0; n < batch.count; n++) {
      const start = batch.start[n] as number;
      const end = batch.end[n] as number;
      if (end - start < MIN_FRAME) {
        this.drop(Drop.runt);
        continue;
      }
      const to = this.distributor.pick(port, this.view, start, end, now);
      if (to === this.core) this.dispatch.receive(port, start, end, now);
      else if (to === PARK) this.mover.park(port, start, end);
      else this.#passOn(to, port, start, end, false);
    }
  }

  #runTick(now: Millis): void {
    const late = now - this.#nextTick;
    const worst = CORE_AT + CoreCounter.LatenessMaxMillis;
    if (late > (this.counters[worst] as number)) this.counters[worst] = late;
    this.#nextTick = now + this.#tick;
    if (this.cores > 1) this.joining.look(now);
    this.joining.lookAtRoles(now);
    this.first(() => this.dispatch.tick(now));
    this.dispatch.publish(this.counters);
    this.#bounds.tick(now);
    if (this.cores > 1 && this.#resync.turn(now)) this.#worked = true;
    if (this.cores > 1) this.joining.tick();
    this.#watch.turn(now);
  }

  #finish(): void {
    for (let port = 0; port < this.#transmit.length; port++) this.#flush(port);
    if (this.distributor.move.active) {
      this.mover.round(this.#now);
      // Frames that were parked may leave now; their buffers go back below.
      for (let port = 0; port < this.#transmit.length; port++) this.#flush(port);
    }
    if (this.#worked) {
      for (let port = 0; port < this.#ports.length; port++) (this.#ports[port] as Port).release();
    }
    for (let n = 0; n < this.#spentCount; n++) this.pool.give(this.#spent[n] as number);
    this.#spentCount = 0;
    if (this.cores > 1) {
      if (this.#worked) this.bus.release();
      if (this.bus.publish()) this.#worked = true;
    }
    this.#events.publish();
  }

  #flush(port: PortId): void {
    const batch = this.#transmit[port] as Batch;
    const { count } = batch;
    if (count === 0) return;
    this.#worked = true;
    const sent = (this.#ports[port] as Port).send(batch);
    if (this.#observer !== null) this.#observer.sent(port, batch, sent, this.#now);
    let bytes = 0;
    for (let n = 0; n < sent; n++) bytes += (batch.end[n] as number) - (batch.start[n] as number);
    batch.clear();
    const at = PORT_AT + port * PORT_COUNTERS;
    this.#add(at + PortCounter.FramesSent, sent);
    this.#add(at + PortCounter.BytesSent, bytes);
    this.#add(CORE_AT + CoreCounter.FramesSent, sent);
    if (sent < count) {
      this.#countDrops(Drop["transmit-queue-full"], count - sent);
      this.#add(at + PortCounter.Drops, count - sent);
    }
  }

  // --- Out -----------------------------------------------------------------------------------------------------------

  transmit(port: PortId, start: Offset, end: Offset): void {
    const batch = this.#transmit[port] as Batch;
    if (batch.count === TX_BATCH) this.#flush(port);
    batch.start[batch.count] = start;
    batch.end[batch.count] = end;
    batch.count++;
  }

  first(send: () => void): void {
    first(this.#transmit, send);
  }

  scratch(room: number): Offset {
    const buffer = this.#take(room);
    if (buffer < 0) return -1;
    this.#spent[this.#spentCount++] = buffer;
    return this.pool.start(buffer);
  }

  #take(room: number): number {
    const buffer = this.pool.take(room);
    if (buffer < 0) {
      this.drop(Drop["pool-empty"]);
      return -1;
    }
    const start = this.pool.start(buffer);
    this.view.setFloat64(start - OFFLOAD, 0);
    this.view.setUint16(start - 2, 0);
    return buffer;
  }

  hold(start: Offset, end: Offset): number {
    const buffer = this.#take(end - start);
    if (buffer < 0) return -1;
    const to = this.pool.start(buffer);
    this.copy(start - OFFLOAD, to - OFFLOAD, end);
    this.pool.setEnd(buffer, to + end - start);
    this.#count(CoreCounter.Copies);
    return buffer;
  }

  heldStart(handle: number): Offset {
    return this.pool.start(handle);
  }

  heldEnd(handle: number): Offset {
    return this.pool.end(handle);
  }

  release(handle: number): void {
    this.#spent[this.#spentCount++] = handle;
  }

  master(role: Role): CoreId {
    return this.#i32[this.#control + Control.RoleAt + role] as number;
  }

  isAlive(core: CoreId): boolean {
    return this.bus.isAlive(core);
  }

  draft(type: number): Offset {
    const at = this.#draft;
    for (let n = at >> 3; n < (at + RECORD) >> 3; n++) this.#f64[n] = 0;
    this.view.setUint8(at, type);
    this.view.setUint8(at + 1, this.core);
    return at;
  }

  send(to: CoreId): void {
    if (this.copied !== null) this.copied(this.#draft);
    if (this.copied !== null || !this.bus.isAlive(to)) return;
    const table = this.dispatch.tableOf(this.view.getUint8(this.#draft));
    if (!this.bus.send(to, this.#draft, table, -1)) this.drop(Drop["handover-full"]);
  }

  room(to: CoreId): number {
    return this.bus.room(to);
  }

  broadcast(): void {
    for (let to = 0; to < this.cores; to++) if (to !== this.core) this.send(to);
  }

  handover(to: CoreId, port: PortId, start: Offset, end: Offset): void {
    this.#passOn(to, port, start, end, true);
  }

  #passOn(to: CoreId, port: PortId, start: Offset, end: Offset, treated: boolean): void {
    if (this.#hops >= MAX_HOPS) {
      this.drop(Drop["steering-loop"]);
      return;
    }
    const buffer = this.hold(start, end);
    if (buffer < 0) return;
    const at = this.draft(Message.frame);
    this.view.setUint16(at + FRAME_PORT, port);
    this.view.setUint16(at + FRAME_HOPS, this.#hops + 1);
    this.view.setInt32(at + FRAME_START, this.pool.start(buffer));
    this.view.setInt32(at + FRAME_END, this.pool.end(buffer));
    this.view.setUint8(at + FRAME_TREATED, treated ? 1 : 0);
    if (!this.bus.isAlive(to) || !this.bus.send(to, at, -1, buffer)) {
      this.pool.give(buffer);
      this.drop(Drop["handover-full"]);
      return;
    }
    this.#count(CoreCounter.Handovers);
  }

  drop(reason: number): void {
    this.#countDrops(reason, 1);
  }

  #countDrops(reason: number, count: number): void {
    this.#add(DROP_AT + reason, count);
  }

  #count(counter: number): void {
    this.#add(CORE_AT + counter, 1);
  }

  #add(at: number, by: number): void {
    this.counters[at] = (this.counters[at] as number) + by;
  }

  event(code: number, a: number, b: number, c: number, d: number): void {
    if (this.#events.tell(this.#now, code, a, b, c, d)) this.#count(CoreCounter.Events);
  }

  /** The last look before sleep: nothing to read, nothing behind a full ring. */
  get isIdle(): boolean {
    if (this.bus.backlogged > 0 || this.bus.poll()) return false;
    for (const port of this.#ports) if (port.pending()) return false;
    return true;
  }

  /** When `round` must be called again at the latest, without a frame or a message. */
  get nextDue(): Millis {
    return this.#nextTick;
  }

  /** Replaces the driver of a port: the interface came back, or the configuration changed. */
  setPort(port: PortId, driver: Port, steered: boolean): void {
    this.#ports[port] = driver;
    this.distributor.setSteered(port, steered);
    this.#transmit[port] ??= new Batch(TX_BATCH);
  }

  port(port: PortId): Port | undefined {
    return this.#ports[port];
  }

  /** This core is taken out of service: what it sent last leaves. */
  depart(): void {
    this.#finish();
  }

  /** The appliance stops in good order: who must hear of it does. */
  leave(): void {
    this.dispatch.stop(this.#now);
    this.#finish();
  }

  /** Takes over a new configuration; what is unchanged stays undisturbed. */
  configure(config: ApplianceConfig, now: Millis): void {
    this.#now = now;
    this.distributor.configure(config.steering);
    this.dispatch.configure(config, now);
    this.#finish();
  }
}
