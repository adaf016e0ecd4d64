// One system's side of one channel: the variables of its ports and all machines, run to rest whenever something
// happened. The link master runs it for the appliance (lag.ts); a simulated partner runs the same (sim/partner.ts).
// It sends and tells through `ActorHooks` alone.

import type { Millis } from "../lib/units.ts";
import { State } from "../wire/lacp.ts";
import { makePortState } from "./begin.ts";
import * as churn from "./churn.ts";
import { type LagChannelConfig, LONG_TIMEOUT, SHORT_TIMEOUT } from "./config.ts";
import * as mux from "./mux.ts";
import * as periodic from "./periodic.ts";
import { has, OFF, type PortState, put, Selected, type Side } from "./port-state.ts";
import * as receive from "./receive.ts";
import { Choice, type LagId, lagIdOf, NO_LAG, select } from "./selection.ts";
import { allowedAt, record } from "./transmit.ts";

export interface ActorHooks {
  /** True when every core has followed the port's last change that frames depend on. */
  isSettled(index: number): boolean;
  /** The Mux entered a state. */
  entered(index: number, from: number, to: number): void;
  /** `selected` changed. */
  selected(index: number): void;
  /** A churn machine changed: of the actor, or of the partner. */
  churned(index: number, isPartner: boolean, to: number): void;
  /** Sends the port's LACPDU now. */
  transmit(index: number): void;
}

/** Steps after which the machines of a channel must have come to rest; a few suffice. */
const MAX_STEPS = 32;

const earlier = (a: Millis, b: Millis): Millis => (b !== OFF && (a === OFF || b < a) ? b : a);

export class Actor {
  readonly config: LagChannelConfig;
  readonly ports: PortState[];
  /** Why each port is or is not selected. */
  choice: Choice[];
  /** The LAG in service. */
  lag: LagId = NO_LAG;
  /** When `run` is to be called again at the latest; OFF = only when something happens. */
  due: Millis = OFF;
  readonly #hooks: ActorHooks;

  constructor(config: LagChannelConfig, hooks: ActorHooks) {
    this.config = config;
    this.#hooks = hooks;
    this.ports = config.members.map((member) => makePortState(config, member));
    this.choice = this.ports.map(() => Choice.Down);
    for (const port of this.ports) receive.enter(port, receive.Receive.Initialize, 0, null);
  }

  /** True when enough members are in sync for the channel to be in service (min-links). */
  get isEnough(): boolean {
    let count = 0;
    for (const port of this.ports) {
      const attached = port.selected === Selected.Selected && port.mux >= mux.Mux.Attached;
      if (attached && has(port.partner, State.Synchronization)) count++;
    }
    return count >= this.config.minLinks;
  }

  /** The link of a port came up or went down; its delays begin. */
  linkChanged(index: number, up: boolean, now: Millis): void {
    const port = this.ports[index] as PortState;
    if (port.link === up) return;
    port.link = up;
    port.linkSince = now;
    this.run(now);
  }

  /** A LACPDU came in, read into its two sides. */
  received(index: number, actor: Side, partner: Side, now: Millis): void {
    const port = this.ports[index] as PortState;
    this.#links(now);
    port.heard = now;
    port.counts.lacpReceived++;
    this.#findMoved(index, actor);
    // What the link decides comes first; a timer that runs out at this very moment does not.
    while (port.receive <= receive.Receive.PortDisabled && this.#receive(port, now, null));
    this.#receive(port, now, { actor, partner });
    this.run(now);
  }

  /** A partner's port that is now here has moved away from where its link is down (port_moved, 43.4.8). */
  #findMoved(index: number, actor: Side): void {
    for (const [other, port] of this.ports.entries()) {
      if (other === index || port.enabled || has(port.actor, State.Defaulted)) continue;
      const { partner } = port;
      if (partner.system !== actor.system || partner.port !== actor.port) continue;
      receive.enter(port, receive.Receive.Initialize, 0, null);
      port.receive = receive.Receive.PortDisabled;
    }
  }

  /** The delays of links whose state changed. */
  #links(now: Millis): void {
    const { upDelay, downDelay } = this.config;
    for (const port of this.ports) {
      if (port.link === port.enabled) continue;
      if (now - port.linkSince >= (port.link ? upDelay : downDelay)) port.enabled = port.link;
    }
  }

  #receive(port: PortState, now: Millis, pdu: { actor: Side; partner: Side } | null): boolean {
    const expired = port.currentWhile !== OFF && now >= port.currentWhile;
    const { enabled, lacp } = port;
    const input = { begin: false, moved: false, enabled, lacp, pdu: pdu !== null, expired };
    const to = receive.next(port.receive, input);
    if (to < 0) return false;
    // A link that comes up is told at once, as DETACHED tells it at BEGIN (43.4.15).
    if (port.receive === receive.Receive.PortDisabled) port.ntt = true;
    if (expired && pdu === null && port.receive === receive.Receive.Current) port.counts.expiries++;
    receive.enter(port, to, now, pdu);
    return true;
  }

  /** Runs all machines until none moves, then sends what is to be sent. */
  run(now: Millis): void {
    this.#links(now);
    for (const port of this.ports) while (this.#receive(port, now, null));
    for (let step = 0; step < MAX_STEPS; step++) {
      // What Receive unselected must come loose before it may be selected again.
      const moved = this.#muxes(now);
      if (!this.#select() && !moved) break;
    }
    for (const [index, port] of this.ports.entries()) {
      this.express(index);
      this.#periodic(port, now);
      this.#churn(index, port, now);
      this.#transmit(index, port, now);
    }
    this.#schedule();
  }

  #select(): boolean {
    const { selected, choice, lag } = select(this.config, this.ports, this.lag);
    this.lag = lag;
    this.choice = [...choice];
    let changed = false;
    for (const [index, port] of this.ports.entries()) {
      const to = selected[index] as number;
      if (port.selected === to) continue;
      port.selected = to;
      changed = true;
      this.#hooks.selected(index);
    }
    return changed;
  }

  #muxes(now: Millis): boolean {
    let moved = false;
    for (let again = true; again; ) {
      again = false;
      const enough = this.isEnough;
      const ready = this.#isReady(now);
      for (const [index, port] of this.ports.entries()) {
        if (!this.#mux(index, port, ready, enough, now)) continue;
        again = true;
        moved = true;
      }
    }
    return moved;
  }

  /** Ready: every port that waits to attach has waited its time (43.4.8). */
  #isReady(now: Millis): boolean {
    let ready = true;
    for (const port of this.ports) {
      if (port.mux !== mux.Mux.Waiting) continue;
      if (port.waitWhile !== OFF && now >= port.waitWhile) {
        port.ready = true;
        port.waitWhile = OFF;
      }
      if (port.selected === Selected.Selected && !port.ready) ready = false;
    }
    return ready;
  }

  #mux(index: number, port: PortState, ready: boolean, enough: boolean, now: Millis): boolean {
    const { partner } = port;
    const input = {
      selected: port.selected,
      ready,
      partnerSync: has(partner, State.Synchronization),
      partnerCollecting: has(partner, State.Collecting),
      settled: this.#hooks.isSettled(index),
      enough,
    };
    const from = port.mux;
    const to = mux.next(from, input, this.config.mux);
    if (to < 0) return false;
    port.mux = to;
    port.since = now;
    port.ready = false;
    port.waitWhile = to === mux.Mux.Waiting ? now + port.wait : OFF;
    port.ntt = true;
    this.#hooks.entered(index, from, to);
    return true;
  }

  /** Makes the state bits that the Mux decides. Collecting is told when every core collects (LAG-6). */
  express(index: number): void {
    const port = this.ports[index] as PortState;
    const { actor } = port;
    const settled = this.#hooks.isSettled(index);
    // What was told already is not taken back because a new master, or a reload, asks all cores anew.
    const collecting = mux.mayCollect(port.mux) && (settled || has(actor, State.Collecting));
    if (collecting !== has(actor, State.Collecting)) port.ntt = true;
    put(actor, State.Synchronization, port.mux >= mux.Mux.Attached);
    put(actor, State.Collecting, collecting);
    put(actor, State.Distributing, mux.mayDistribute(port.mux) && collecting);
  }

  #periodic(port: PortState, now: Millis): void {
    const { partner, actor } = port;
    const active = has(actor, State.Activity) || has(partner, State.Activity);
    for (;;) {
      const input = {
        active: active && port.enabled && port.lacp,
        short: has(partner, State.Timeout),
        expired: port.periodicTimer !== OFF && now >= port.periodicTimer,
      };
      const to = periodic.next(port.periodic, input);
      if (to < 0) return;
      periodic.enter(port, to, now);
    }
  }

  #churn(index: number, port: PortState, now: Millis): void {
    if (!port.lacp) return;
    const { enabled } = port;
    const sync = has(port.actor, State.Synchronization);
    const isLate = port.actorChurnTimer !== OFF && now >= port.actorChurnTimer;
    const to = churn.next(port.actorChurn, { enabled, sync, expired: isLate });
    if (to >= 0) {
      port.actorChurn = to;
      if (to === churn.Churn.Churn) port.counts.actorChurns++;
      this.#hooks.churned(index, false, to);
    }
    const runs = port.actorChurnTimer !== OFF && enabled && to < 0;
    if (!runs) port.actorChurnTimer = churn.timerOf(port.actorChurn, enabled, now);
    const theirs = has(port.partner, State.Synchronization);
    const expired = port.partnerChurnTimer !== OFF && now >= port.partnerChurnTimer;
    const then = churn.next(port.partnerChurn, { enabled, sync: theirs, expired });
    if (then >= 0) {
      port.partnerChurn = then;
      if (then === churn.Churn.Churn) port.counts.partnerChurns++;
      this.#hooks.churned(index, true, then);
    }
    const goesOn = port.partnerChurnTimer !== OFF && enabled && then < 0;
    if (!goesOn) port.partnerChurnTimer = churn.timerOf(port.partnerChurn, enabled, now);
  }

  #transmit(index: number, port: PortState, now: Millis): void {
    if (!port.ntt) return;
    // With both sides passive, and without a link, nothing is sent (43.4.16).
    if (port.periodic === periodic.Periodic.None) {
      port.ntt = false;
      return;
    }
    if (now < allowedAt(port.sent)) return;
    port.ntt = false;
    record(port.sent, now);
    port.counts.lacpSent++;
    this.#hooks.transmit(index);
  }

  #schedule(): void {
    let due: Millis = OFF;
    const { upDelay, downDelay } = this.config;
    for (const port of this.ports) {
      due = earlier(due, port.currentWhile);
      due = earlier(due, port.periodicTimer);
      due = earlier(due, port.waitWhile);
      due = earlier(due, port.actorChurnTimer);
      due = earlier(due, port.partnerChurnTimer);
      if (port.ntt) due = earlier(due, Math.max(0, allowedAt(port.sent)));
      if (port.link !== port.enabled) {
        due = earlier(due, port.linkSince + (port.link ? upDelay : downDelay));
      }
    }
    this.due = due;
  }

  /** After a stall of the loop: PDUs that came meanwhile are heard before anybody is declared gone. */
  forgive(until: Millis): void {
    for (const port of this.ports) {
      if (port.currentWhile !== OFF && port.currentWhile < until) port.currentWhile = until;
    }
    this.#schedule();
  }

  /**
   * This core became the master: it goes on from what the one before told. What is known of the partner holds for one
   * fresh timeout, and the partner hears from us at once.
   */
  takeOver(now: Millis): void {
    for (const [index, port] of this.ports.entries()) {
      port.enabled = port.link;
      port.sent.length = 0;
      port.actorChurn = churn.Churn.Monitor;
      port.partnerChurn = churn.Churn.Monitor;
      port.actorChurnTimer = OFF;
      port.partnerChurnTimer = OFF;
      port.periodic = periodic.Periodic.None;
      port.waitWhile = port.mux === mux.Mux.Waiting ? now + port.wait : OFF;
      port.ready = false;
      const short = has(port.actor, State.Timeout);
      const timed =
        port.receive === receive.Receive.Current || port.receive === receive.Receive.Expired;
      const time =
        port.receive === receive.Receive.Current && !short ? LONG_TIMEOUT : SHORT_TIMEOUT;
      port.currentWhile = timed ? now + time : OFF;
      port.ntt = true;
      this.express(index);
    }
    const first = this.ports.findIndex((port) => port.selected === Selected.Selected);
    if (first >= 0) this.lag = lagIdOf(this.ports[first] as PortState);
    this.run(now);
  }
}
