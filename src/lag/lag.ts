// Link aggregation of one core (LAG-1..6; IEEE 802.3-2005 clause 43). The link master alone runs Receive, Periodic,
// Selection, Churn and Transmit of every port (actor.ts); every core runs its own Mux, which follows the master's
// messages and is what opens and shuts the port on that core. A port is told to its partner as collecting when every
// core has acknowledged that it collects; and nothing goes up again before every core has acknowledged the last way
// down. So no core drops what the partner may send, and none sends by a state that is over.

import { Asking } from "../engine/asking.ts";
import type { CommonConfig } from "../engine/config.ts";
import { Drop } from "../engine/drop.ts";
import { EventCode } from "../engine/event.ts";
import { Message, Table } from "../engine/message.ts";
import type { Engine, Out, Replicated } from "../engine/out.ts";
import { Role } from "../engine/role.ts";
import type { CoreId, Millis, Offset, PortId } from "../lib/units.ts";
import * as lacp from "../wire/lacp.ts";
import { Actor, type ActorHooks } from "./actor.ts";
import { type LagConfig, RESEND, STALL } from "./config.ts";
import { epochOfConfig, inherit } from "./inherit.ts";
import * as message from "./message.ts";
import { mayCollect, mayDistribute } from "./mux.ts";
import { OFF, type PortState, type Side } from "./port-state.ts";
import { SlowFrames } from "./slow-frames.ts";
import { Sync } from "./sync.ts";
import { rowOf } from "./view.ts";

/** Opens and shuts a member for frames on this core; engine/channels.ts implements it. */
export interface MemberSink {
  setMember(port: PortId, collecting: boolean, distributing: boolean): void;
}

/** Where a port is: its channel's actor, and its index there. */
interface Place {
  readonly actor: Actor;
  readonly index: number;
}

export class Lag implements Engine, Replicated {
  readonly table: number = Table.Lag;
  actors: Actor[] = [];
  /** Sequences and acknowledgements. */
  sync: Sync;
  readonly #out: Out;
  readonly #sink: MemberSink;
  #config: LagConfig;
  #places: (Place | null)[] = [];
  #epoch: number;
  #isMaster: boolean;
  /** The link of every port, as the driver tells it. */
  #link: boolean[];
  #ports: number;
  #lastTick: Millis = OFF;
  readonly #asking: Asking;
  readonly #frames: SlowFrames;

  constructor(config: LagConfig, common: CommonConfig, out: Out, sink: MemberSink) {
    this.#out = out;
    this.#sink = sink;
    this.#frames = new SlowFrames(out, this.#isOwn);
    this.#config = config;
    this.#ports = common.ports.length;
    this.#link = common.ports.map(() => true);
    this.#epoch = epochOfConfig(config);
    this.#isMaster = out.master(Role.Link) === out.core;
    this.#asking = new Asking(out, this.table, Role.Link);
    this.sync = new Sync(out.cores, this.#ports, out.core);
    this.#build(null);
  }

  #build(before: readonly Actor[] | null): void {
    this.#places = Array.from({ length: this.#ports }, () => null);
    this.actors = this.#config.channels.map((channel) => {
      const actor = new Actor(
        channel,
        this.#hooks(() => actor),
      );
      if (before !== null) inherit(before, actor);
      for (const [index, port] of actor.ports.entries()) {
        this.#places[port.port] = { actor, index };
        port.link = this.#link[port.port] ?? false;
      }
      return actor;
    });
    for (const actor of this.actors) for (const port of actor.ports) this.#apply(port);
  }

  #hooks(own: () => Actor): ActorHooks {
    const port = (index: number): PortState => own().ports[index] as PortState;
    return {
      isSettled: (index) => this.#isSettled(port(index).port),
      entered: (index, from, to) => {
        const { port: id } = port(index);
        this.sync.changed(id, mayCollect(from) !== mayCollect(to));
        this.#apply(port(index));
        this.#out.event(EventCode["lag-member"], id, from, to, own().choice[index] ?? 0);
      },
      selected: (index) => {
        const { port: id, selected } = port(index);
        this.sync.changed(id, false);
        this.#out.event(EventCode["lag-selected"], id, selected, own().choice[index] ?? 0, 0);
      },
      churned: (index, isPartner, to) => {
        if (to === 0) return; // Monitoring is no news.
        this.#out.event(EventCode["lag-churn"], port(index).port, isPartner ? 1 : 0, to, 0);
      },
      transmit: (index) => this.#transmit(port(index), port(index).actor),
    };
  }

  #isSettled(port: PortId): boolean {
    return this.sync.isSettled(port, (core) => this.#out.isAlive?.(core) ?? true);
  }

  /** Opens or shuts the port on this core as its Mux says. */
  #apply(port: PortState): void {
    this.#sink.setMember(port.port, mayCollect(port.mux), mayDistribute(port.mux));
  }

  #transmit(port: PortState, actor: Side): void {
    const start = this.#out.scratch(lacp.FRAME);
    if (start < 0) return;
    const end = lacp.write(this.#out.view, start, port.mac, actor, port.partner);
    this.#out.transmit(port.port, start, end);
  }

  // --- frames --------------------------------------------------------------------------------------------------------

  /** True when the port is a member of an aggregated channel. */
  isMember(port: PortId): boolean {
    return this.#places[port] !== null && this.#places[port] !== undefined;
  }

  /** A slow-protocol frame that arrived on a port, whatever its state; any core may get it. */
  receive(port: PortId, start: Offset, end: Offset, now: Millis): void {
    const place = this.#places[port];
    if (place === null || place === undefined) {
      this.#out.drop(Drop["lacp-no-channel"]);
      return;
    }
    const master = this.#out.master(Role.Link);
    if (master !== this.#out.core) {
      this.#out.handover(master, port, start, end);
      return;
    }
    this.#checkRole(now);
    if (this.#frames.receive(place.actor, place.index, start, end, now)) this.#flush(now);
  }

  /** True for a PDU that one of our own channels sent: no aggregate may be with itself (43.4.14). */
  readonly #isOwn = ({ system, systemPriority }: Side): boolean =>
    this.#config.channels.some(
      (channel) => channel.system === system && channel.systemPriority === systemPriority,
    );

  // --- messages ------------------------------------------------------------------------------------------------------

  message(type: number, from: CoreId, at: Offset, now: Millis): void {
    const { view } = this.#out;
    const port = message.portOf(view, at);
    const place = this.#places[port];
    if (message.epochOf(view, at) !== this.#epoch || place === null || place === undefined) {
      if (!this.#isMaster) this.#asking.later(now);
      return;
    }
    this.#checkRole(now);
    if (type === Message["lag-ack"]) {
      if (!this.#isMaster) return;
      this.sync.acknowledged(port, from, message.sequenceOf(view, at));
      if (this.#isSettled(port)) place.actor.run(now);
      this.#flush(now);
      return;
    }
    // Only the master's word counts; one that was master a moment ago is heard no more.
    if (this.#isMaster || from !== this.#out.master(Role.Link)) return;
    const state = place.actor.ports[place.index] as PortState;
    message.readState(view, at, state);
    this.sync.follow(port, message.sequenceOf(view, at));
    this.#apply(state);
    if (message.wantsAck(view, at)) this.#acknowledge(from, port);
  }

  #acknowledge(to: CoreId, port: PortId): void {
    const at = this.#out.draft(Message["lag-ack"]);
    message.writeHead(this.#out.view, at, port, this.sync.sequence(port), this.#epoch);
    this.#out.send(to);
  }

  /** Tells every other core what changed since the last time: one message for each port and core. */
  #flush(now: Millis): void {
    for (const actor of this.actors) {
      for (const port of actor.ports) {
        const kind = this.sync.take(port.port, now + RESEND);
        if (kind === 0 || this.#out.cores === 1) continue;
        this.#draft(port, this.sync.isWanted(port.port));
        this.#out.broadcast();
      }
    }
  }

  #draft(port: PortState, wantsAck: boolean): void {
    const { view } = this.#out;
    const moved = this.sync.hasMoved(port.port, port.mux);
    const at = this.#out.draft(Message[moved ? "lag-mux" : "lag-select"]);
    message.writeHead(view, at, port.port, this.sync.sequence(port.port), this.#epoch);
    message.writeState(view, at, port, wantsAck ? message.WANTS_ACK : 0);
  }

  // --- timers, roles, links ------------------------------------------------------------------------------------------

  tick(now: Millis): void {
    this.#checkRole(now);
    if (this.#isMaster) this.#tickMaster(now);
    else this.#asking.tick(now);
    this.#lastTick = now;
  }

  #tickMaster(now: Millis): void {
    if (this.#lastTick !== OFF && now - this.#lastTick > STALL) {
      for (const actor of this.actors) actor.forgive(now + STALL);
    }
    this.expire(now);
  }

  /** Runs what is due on the master. */
  expire(now: Millis): void {
    for (const actor of this.actors) {
      if (actor.due !== OFF && now >= actor.due) actor.run(now);
      else if (this.#lastTick === OFF) actor.run(now);
      if (this.#out.cores > 1) for (const port of actor.ports) this.#resend(port, now);
    }
    this.#flush(now);
  }

  /** Tells cores again that have not acknowledged in time. */
  #resend(port: PortState, now: Millis): void {
    if (!this.sync.isOverdue(port.port, now) || this.#isSettled(port.port)) return;
    this.sync.postpone(port.port, now + RESEND);
    for (let core = 0; core < this.#out.cores; core++) {
      if (core === this.#out.core || this.sync.hasAcknowledged(port.port, core)) continue;
      this.#draft(port, true);
      this.#out.send(core);
    }
  }

  roleChanged(now: Millis): void {
    this.#checkRole(now);
  }

  #checkRole(now: Millis): void {
    const isMaster = this.#out.master(Role.Link) === this.#out.core;
    if (isMaster === this.#isMaster) return;
    this.#isMaster = isMaster;
    this.sync.newMaster();
    if (!isMaster) return;
    this.#asking.cease();
    for (const actor of this.actors) {
      for (const port of actor.ports) this.sync.changed(port.port, true);
      actor.takeOver(now);
    }
    this.#flush(now);
  }

  /** Another core is gone: nobody waits for its acknowledgement any more. */
  coreLeft(_core: CoreId, now: Millis): void {
    this.#checkRole(now);
    if (!this.#isMaster) return;
    for (const actor of this.actors) actor.run(now);
    this.#flush(now);
  }

  linkChanged(port: PortId, up: boolean, now: Millis): void {
    this.#link[port] = up;
    const place = this.#places[port];
    if (place === null || place === undefined) return;
    this.#checkRole(now);
    if (this.#isMaster) {
      place.actor.linkChanged(place.index, up, now);
      this.#flush(now);
      return;
    }
    const state = place.actor.ports[place.index] as PortState;
    state.link = up;
    state.linkSince = now;
  }

  /** The system ends in good order: every partner hears that its links are no longer in sync. */
  goodbye(): void {
    if (!this.#isMaster) return;
    const open = lacp.State.Synchronization | lacp.State.Collecting | lacp.State.Distributing;
    for (const actor of this.actors) {
      for (const port of actor.ports) {
        if (!port.lacp || !port.enabled) continue;
        this.#transmit(port, { ...port.actor, state: port.actor.state & ~open });
      }
    }
  }

  // --- configuration
  // ---------------------------------------------------------------------------------------------------

  /** Takes over a configuration. Members that stay as they were go on undisturbed; all others start blocked. */
  configure(config: LagConfig, common: CommonConfig, now: Millis): void {
    const before = this.actors;
    this.#config = config;
    this.#epoch = epochOfConfig(config);
    this.#ports = common.ports.length;
    this.#link = common.ports.map((_, port) => this.#link[port] ?? true);
    this.sync = this.sync.resized(this.#ports);
    this.#build(before);
    if (config.channels.length === 0) return;
    if (!this.#isMaster) {
      this.#asking.soon(now);
      return;
    }
    for (const actor of this.actors) {
      for (const port of actor.ports) this.sync.changed(port.port, true);
      actor.run(now);
    }
    this.#flush(now);
  }

  // --- Replicated ----------------------------------------------------------------------------------------------------

  resync(to: CoreId, cursor: number, limit: number): number {
    if (!this.#isMaster) return -1;
    const ports = this.actors.flatMap((actor) => actor.ports);
    const last = Math.min(ports.length, cursor + limit);
    for (const port of ports.slice(cursor, last)) {
      const { sync } = this;
      this.#draft(port, sync.isWanted(port.port) && !sync.hasAcknowledged(port.port, to));
      this.#out.send(to);
    }
    return last < ports.length ? last : -1;
  }

  resyncBegin(): void {
    this.#asking.cease();
  }

  resyncEnd(): void {}

  /** Over what must be equal on every core: each port's Mux and selection. */
  summary(): { entries: number; digest: number; version: number } {
    let entries = 0;
    let digest = 0;
    let version = 0;
    for (const actor of this.actors) {
      for (const { port, mux, selected } of actor.ports) {
        entries++;
        digest ^= Math.imul(((port << 8) | (mux << 4) | selected) + 1, 0x9e3779b1);
        version += this.sync.sequence(port);
      }
    }
    return { entries, digest, version };
  }

  rows(
    cursor: number,
    limit: number,
    now: Millis,
  ): { rows: Record<string, unknown>[]; next: number } {
    const places = this.actors.flatMap((actor) =>
      actor.ports.map((_, index) => ({ actor, index })),
    );
    const rows = places.slice(cursor, cursor + limit).map(({ actor, index }) => {
      const { port } = actor.ports[index] as PortState;
      return rowOf(actor, index, this.#isMaster, this.#isSettled(port), now);
    });
    const next = cursor + limit < places.length ? cursor + limit : -1;
    return { rows, next };
  }

  /** What is due on the master: rows {timer, subject, due-ms, period-ms}. */
  timers(now: Millis): Record<string, unknown>[] {
    if (!this.#isMaster) return [];
    return this.actors.flatMap(({ ports }) =>
      ports.flatMap((port) =>
        (
          [
            ["lacp-current", port.currentWhile],
            ["lacp-periodic", port.periodicTimer],
            ["lag-wait", port.waitWhile],
          ] as const
        )
          .filter(([, due]) => due !== OFF)
          .map(([timer, due]) => ({
            timer,
            subject: `port ${port.port}`,
            "due-ms": due - now,
            "period-ms": 0,
          })),
      ),
    );
  }
}
