// A simulated neighbour of an aggregate: a switch that runs the same LACP machines on its side, spreads its hosts'
// frames over the members, and can be broken on command in the ways that real ones are. Pure: it gets frames and
// time, and gives frames.

import { deal, HASH_NAMES, SLOTS, slotOf } from "../engine/spread.ts";
import { Actor } from "../lag/actor.ts";
import { LAG_DEFAULTS, type LagChannelConfig, PORT_PRIORITY } from "../lag/config.ts";
import { Mux } from "../lag/mux.ts";
import type { PortState, Side } from "../lag/port-state.ts";
import type { Mac, Millis, Offset, PortId } from "../lib/units.ts";
import * as bytes from "../wire/bytes.ts";
import { EtherType, SLOW_GROUP } from "../wire/ethernet.ts";
import * as lacp from "../wire/lacp.ts";
import { Subtype } from "../wire/slow.ts";

/** Ways in which a member of the partner is broken. */
export const FAULTS = [
  "cut", // Its link is down on both sides.
  "mute", // Its LACPDUs get lost; frames still pass.
  "deaf", // Ours get lost.
  "other-key", // It is in another aggregate there.
  "other-switch", // The cable ends at another switch.
  "loop", // It returns what it gets.
  "out-of-sync", // It never says that it is in sync.
] as const;
export type Fault = (typeof FAULTS)[number];

const OTHER_KEY = 99;
const OTHER_SWITCH: Mac = 0x02dd_0000_0001;
const SCRATCH = 0;
const PAYLOAD = 14;

/** What a partner needs of its surroundings. */
export interface PartnerHooks {
  /** Gives a frame to the appliance's port; the bytes are only valid during the call. */
  toAppliance(port: PortId, view: DataView, start: Offset, end: Offset): void;
  /** A frame for the hosts behind the partner. */
  toHosts(view: DataView, start: Offset, end: Offset): void;
  /** Plugs or pulls the cable of a port, as the appliance sees it. */
  setLink(port: PortId, up: boolean): void;
}

export class Partner {
  readonly config: LagChannelConfig;
  readonly ports: readonly PortId[];
  /** What is wrong with each member now. */
  readonly faults: (Fault | null)[];
  actor: Actor;
  /** LACPDUs sent; frames taken and refused because a member did not collect. */
  pdus = 0;
  taken = 0;
  refused = 0;
  readonly #hooks: PartnerHooks;
  readonly #view: DataView = new DataView(new ArrayBuffer(256));
  readonly #spread: Int16Array = new Int16Array(SLOTS);
  #present: readonly PortId[] = [];
  #now: Millis = 0;

  constructor(
    ports: readonly PortId[],
    system: Mac,
    hooks: PartnerHooks,
    more: Partial<LagChannelConfig> = {},
  ) {
    this.#hooks = hooks;
    this.ports = ports;
    this.faults = ports.map(() => null);
    const members = ports.map((port, index) => ({
      port,
      number: index + 1,
      priority: PORT_PRIORITY,
      mac: system + 0x10 + index,
    }));
    this.config = { ...LAG_DEFAULTS, channel: 0, system, members, rate: "fast", ...more };
    this.actor = this.#makeActor();
  }

  #makeActor(): Actor {
    return new Actor(this.config, {
      isSettled: () => true,
      entered: () => this.#deal(),
      selected: () => {},
      churned: () => {},
      transmit: (index) => this.#transmit(index),
    });
  }

  /** Members that it sends on now. */
  get distributing(): readonly PortId[] {
    return this.actor.ports
      .filter(({ mux, link }) => link && mux === Mux.Distributing)
      .map(({ port }) => port);
  }

  #deal(): void {
    this.#present = this.distributing;
    if (this.#present.length > 0) deal(this.ports, this.#present, this.#spread, 0);
  }

  #transmit(index: number): void {
    const port = this.actor.ports[index] as PortState;
    const fault = this.faults[index];
    if (fault === "mute" || fault === "cut" || fault === "loop") return;
    const actor: Side = { ...port.actor };
    if (fault === "other-key") actor.key = OTHER_KEY;
    if (fault === "other-switch") actor.system = OTHER_SWITCH;
    if (fault === "out-of-sync") actor.state &= ~lacp.State.Synchronization;
    const end = lacp.write(this.#view, SCRATCH, port.mac, actor, port.partner);
    this.pdus++;
    this.#hooks.toAppliance(port.port, this.#view, SCRATCH, end);
  }

  /** Breaks a member, or mends it with null. */
  break(index: number, fault: Fault | null): void {
    const before = this.faults[index];
    this.faults[index] = fault;
    const port = this.ports[index];
    if (port === undefined || before === fault) return;
    if ((before === "cut") === (fault === "cut")) return;
    this.#hooks.setLink(port, fault !== "cut");
    this.actor.linkChanged(index, fault !== "cut", this.#now);
    this.#deal();
  }

  /** It forgets everything and starts again. */
  restart(): void {
    this.actor = this.#makeActor();
    this.#present = [];
    this.tick(this.#now);
  }

  tick(now: Millis): void {
    this.#now = now;
    for (const [index, port] of this.actor.ports.entries()) {
      const up = this.faults[index] !== "cut";
      if (port.link !== up) this.actor.linkChanged(index, up, now);
    }
    if (this.actor.due >= 0 && now >= this.actor.due) this.actor.run(now);
  }

  /** A frame of the appliance on one of the members. */
  receive(port: PortId, view: DataView, start: Offset, end: Offset, now: Millis): void {
    this.#now = now;
    const index = this.ports.indexOf(port);
    const fault = this.faults[index];
    if (index < 0 || fault === "cut") return;
    if (fault === "loop") {
      this.#hooks.toAppliance(port, view, start, end);
      return;
    }
    const isSlow =
      bytes.mac(view, start) === SLOW_GROUP && view.getUint16(start + 12) === EtherType.Slow;
    if (isSlow) {
      if (fault !== "deaf") this.#receiveSlow(index, view, start + PAYLOAD, end, now);
      return;
    }
    if ((this.actor.ports[index]?.mux ?? 0) < Mux.Collecting) {
      this.refused++;
      return;
    }
    this.taken++;
    this.#hooks.toHosts(view, start, end);
  }

  #receiveSlow(index: number, view: DataView, at: Offset, end: Offset, now: Millis): void {
    if (view.getUint8(at) !== Subtype.Lacp || !lacp.isValid(view, at, end)) return;
    const side = (from: number): Side => ({
      systemPriority: lacp.systemPriority(view, at, from),
      system: lacp.system(view, at, from),
      key: lacp.key(view, at, from),
      portPriority: lacp.portPriority(view, at, from),
      port: lacp.port(view, at, from),
      state: lacp.state(view, at, from),
    });
    const seen = side(lacp.PARTNER);
    // What it lies about itself must not make it think that the appliance is mistaken.
    if (this.faults[index] === "other-key") seen.key = this.config.key;
    if (this.faults[index] === "other-switch") seen.system = this.config.system;
    this.actor.received(index, side(lacp.ACTOR), seen, now);
  }

  /** A frame of a host behind the partner; false when no member carries it. */
  send(view: DataView, start: Offset, end: Offset): boolean {
    if (this.#present.length === 0) return false;
    const slot = slotOf(view, start, end, HASH_NAMES.indexOf("l3+l4"));
    this.#hooks.toAppliance(this.#spread[slot] as number, view, start, end);
    return true;
  }
}
