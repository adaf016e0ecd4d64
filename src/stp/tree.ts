// One bridge's spanning tree: runs its machines to rest whenever something happened (IEEE 802.1D-2004 17.15 to 17.17).
// The link master runs it for the appliance (stp.ts). It acts and tells through `TreeHooks` alone.

import { PortState } from "../engine/port-state.ts";
import type { ChannelId, Millis } from "../lib/units.ts";
import * as bpdu from "../wire/bpdu.ts";
import * as bdm from "./bridge-detection.ts";
import { forwardDelay, fwdDelay, newTcWhile, runs } from "./conditions.ts";
import {
  costOf,
  MIGRATE_TIME,
  SHARED_TIME,
  type StpBridgeConfig,
  type StpChannelConfig,
} from "./config.ts";
import {
  BridgeVariables,
  Guard,
  Info,
  NEVER,
  Port,
  Role,
  type TreeHooks,
  toMillis,
  ZERO,
} from "./port.ts";
import * as pim from "./port-information.ts";
import * as ppm from "./port-migration.ts";
import * as prx from "./port-receive.ts";
import * as ptx from "./port-transmit.ts";
import * as prs from "./role-selection.ts";
import * as prt from "./role-transition.ts";
import * as pst from "./state-transition.ts";
import * as tcm from "./topology-change.ts";

/** Rounds over all machines after which they must have come to rest; a few for each port suffice. */
const MAX_ROUNDS = 2000;
/** A machine's steps in one round. */
const MAX_STEPS = 32;

type TimerName =
  | "edgeDelayWhile"
  | "fdWhile"
  | "helloWhen"
  | "mdelayWhile"
  | "rbWhile"
  | "rcvdInfoWhile"
  | "rrWhile"
  | "tcWhile"
  | "txWhile"
  | "shutUntil";

/** Timers of a port, for due times, `show timers` and stalls. */
export const TIMERS: readonly TimerName[] = [
  "edgeDelayWhile",
  "fdWhile",
  "helloWhen",
  "mdelayWhile",
  "rbWhile",
  "rcvdInfoWhile",
  "rrWhile",
  "tcWhile",
  "txWhile",
  "shutUntil",
];

/** A machine of a port. */
interface Machine {
  next(bridge: BridgeVariables, port: Port): number;
  enter(bridge: BridgeVariables, port: Port, state: number): void;
}

/** In this order; Port Transmit comes when all others rest, so that one BPDU says all. */
const MACHINES: readonly Machine[] = [prx, ppm, bdm, pim, prt, pst, tcm];
const TRANSMIT: Machine = ptx;

export class Tree {
  readonly bridge: BridgeVariables;
  /** When `run` is to be called again at the latest; NEVER = only when something happens. */
  due: Millis = NEVER;
  /** Times that the machines did not come to rest: a fault of ours, asserted to be 0 in tests. */
  restless = 0;

  constructor(config: StpBridgeConfig, hooks: TreeHooks) {
    this.bridge = new BridgeVariables(config, hooks);
    this.bridge.ports = config.channels.map((channel) => new Port(channel));
  }

  get ports(): readonly Port[] {
    return this.bridge.ports;
  }

  find(channel: ChannelId): Port | undefined {
    return this.bridge.ports.find(({ config }) => config.channel === channel);
  }

  /** BEGIN (17.18.1) for the whole bridge. */
  begin(now: Millis): void {
    const { bridge } = this;
    bridge.now = now;
    prs.enter(bridge, prs.Prs.InitBridge);
    for (const port of bridge.ports) {
      // A core that only followed until now knows its links, and has done nothing about them.
      this.#enable(port);
      this.#cost(port);
      this.beginPort(port);
    }
    this.run(now);
  }

  /** BEGIN for one port. */
  beginPort(port: Port): void {
    const { bridge } = this;
    port.learn = false;
    port.forward = false;
    prx.enter(bridge, port, prx.Prx.Discard);
    port.sendRSTP = bridge.config.protocol === "rstp";
    ppm.enter(bridge, port, ppm.Ppm.CheckingRstp);
    bdm.enter(bridge, port, port.adminEdge ? bdm.Bdm.Edge : bdm.Bdm.NotEdge);
    pim.enter(bridge, port, pim.Pim.Disabled);
    port.disputed = false;
    port.updtInfo = false;
    prt.enter(bridge, port, prt.Prt.InitPort);
    prt.enter(bridge, port, prt.Prt.DisablePort);
    // Whatever was before: when every core has said that the port is shut, it is.
    port.learning = true;
    port.forwarding = true;
    pst.enter(bridge, port, pst.Pst.Discarding);
    tcm.enter(bridge, port, tcm.Tcm.Inactive);
    port.tcProp = false;
    ptx.enter(bridge, port, ptx.Ptx.TransmitInit);
  }

  /** Winds up what the machines' states hold, before something changes at `now`. */
  #hold(now: Millis): void {
    const { bridge } = this;
    bridge.now = now;
    for (const port of bridge.ports) {
      prx.hold(bridge, port);
      ppm.hold(bridge, port);
      prt.hold(bridge, port);
      ptx.tick(bridge, port);
      if (port.shutUntil !== ZERO && port.shutUntil <= now) this.release(port);
    }
  }

  /** Runs all machines until none moves, then sends what is to be sent. */
  run(now: Millis): void {
    this.#hold(now);
    this.#settle();
  }

  #settle(): void {
    const { bridge } = this;
    let rounds = 0;
    for (; rounds < MAX_ROUNDS; rounds++) {
      if (!this.#round()) break;
    }
    if (rounds === MAX_ROUNDS) this.restless++;
    for (const port of bridge.ports) this.#step(TRANSMIT, port);
    this.#schedule();
  }

  /** All machines of all ports, one kind after the other: nobody acts on what another has yet to learn. */
  #round(): boolean {
    const { bridge } = this;
    let moved = false;
    for (let state = prs.next(bridge); state >= 0; state = prs.next(bridge)) {
      prs.enter(bridge, state);
      moved = true;
    }
    for (const port of bridge.ports) {
      if (pst.complete(bridge, port)) moved = true;
      if (tcm.complete(bridge, port)) moved = true;
    }
    for (const machine of MACHINES) {
      for (const port of bridge.ports) if (this.#step(machine, port)) moved = true;
      if (machine === pim && prs.next(bridge) >= 0) return true;
    }
    return moved;
  }

  #step(machine: Machine, port: Port): boolean {
    const { bridge } = this;
    let moved = false;
    for (let step = 0; step < MAX_STEPS; step++) {
      const state = machine.next(bridge, port);
      if (state < 0) return moved;
      machine.enter(bridge, port, state);
      moved = true;
    }
    return moved;
  }

  #schedule(): void {
    const { now, ports } = this.bridge;
    let due = NEVER;
    for (const port of ports) {
      for (const timer of TIMERS) {
        const at = port[timer];
        if (at > now && at < due) due = at;
      }
    }
    this.due = due;
  }

  // --- what happens to a port ----------------------------------------------------------------------------------------

  /** A valid BPDU, read into `msg...` of the port. */
  received(port: Port, now: Millis): void {
    this.#hold(now);
    if (port.loopInconsistent) {
      port.loopInconsistent = false;
      port.reselect = true;
      port.selected = false;
      this.bridge.hooks.guardChanged(port, Guard.Loop, false);
    }
    port.hasNeighbour = true;
    if (port.msgKind !== bpdu.Kind.Tcn) this.#noteSender(port);
    port.rcvdBPDU = true;
    this.#settle();
  }

  /**
   * Beyond the standard: on a link between two, every BPDU comes from the one bridge at the other end. Two of them mean
   * a segment that more bridges share, where one's agreement does not speak for the others.
   */
  #noteSender(port: Port): void {
    const { now } = this.bridge;
    const { bridgeAddress } = port.msgPriority;
    const isOther = port.sender !== bridgeAddress;
    if (isOther && port.senderAt !== ZERO && now - port.senderAt < SHARED_TIME) {
      port.sharedAt = now;
      port.agreed = false;
    } else if (port.sharedAt !== ZERO && now - port.sharedAt >= SHARED_TIME) {
      port.sharedAt = ZERO;
    }
    port.sender = bridgeAddress;
    port.senderAt = now;
  }

  /** An own BPDU came back to the port that sent it: what it forwards would come back too, so it opens no more. */
  receivedOwn(port: Port, now: Millis): void {
    this.#hold(now);
    port.operEdge = false;
    port.edgeDelayWhile = now + MIGRATE_TIME;
    port.agreed = false;
    port.disputed = port.learn || port.forward;
    port.fdWhile = Math.max(
      port.fdWhile,
      now + forwardDelay(port),
      now + 3 * toMillis(this.#hello),
    );
    if (port.ownAt === ZERO) this.bridge.hooks.guardChanged(port, Guard.Own, true);
    port.ownAt = now;
    this.#settle();
  }

  get #hello(): number {
    return this.bridge.bridgeTimes.helloTime;
  }

  linkChanged(port: Port, up: boolean, speed: number, now: Millis): void {
    this.#hold(now);
    port.link = up;
    port.speed = speed;
    if (!up) {
      port.loopInconsistent = false;
      port.hasNeighbour = false;
      port.senderAt = ZERO;
      port.sharedAt = ZERO;
      port.ownAt = ZERO;
      if (port.shutUntil !== ZERO) this.release(port); // Who pulled the cable has seen to it.
    }
    this.#enable(port);
    this.#cost(port);
    this.#settle();
  }

  #enable(port: Port): void {
    port.portEnabled = port.link && port.shutUntil === ZERO;
  }

  /** PortPathCost (17.13.11): a change is taken up by a new selection. */
  #cost(port: Port): void {
    const cost = port.config.cost > 0 ? port.config.cost : costOf(port.speed);
    if (cost === port.portPathCost) return;
    port.portPathCost = cost;
    port.reselect = true;
    port.selected = false;
  }

  /** BPDU guard: shuts the port. */
  shut(port: Port, now: Millis): void {
    this.#hold(now);
    const { guardRecovery } = port.config;
    port.shutUntil = guardRecovery > 0 ? now + guardRecovery : NEVER;
    this.#enable(port);
    this.bridge.hooks.guardChanged(port, Guard.Bpdu, true);
    this.#settle();
  }

  /** Ends what BPDU guard did; `run` follows. */
  release(port: Port): void {
    if (port.shutUntil === ZERO) return;
    port.shutUntil = ZERO;
    this.#enable(port);
    this.bridge.hooks.guardChanged(port, Guard.Bpdu, false);
  }

  /** An operator's word: release it, and find out anew what the neighbour speaks. */
  clear(port: Port, now: Millis): void {
    this.#hold(now);
    this.release(port);
    port.mcheck = this.bridge.config.protocol === "rstp"; // 17.19.13
    this.#settle();
  }

  // --- the whole bridge ----------------------------------------------------------------------------------------------

  /**
   * Takes over new parameters (17.13). Only what is new or begins anew is disturbed: the ports are those of the
   * configuration already; `was` has the former configuration of each that stays.
   */
  configure(config: StpBridgeConfig, was: ReadonlyMap<Port, StpChannelConfig>, now: Millis): void {
    const { bridge } = this;
    const isOther = bridge.config.protocol !== config.protocol;
    this.#hold(now);
    bridge.parameters(config);
    if (isOther) {
      this.begin(now);
      return;
    }
    for (const port of bridge.ports) {
      const before = was.get(port);
      if (before === undefined) this.beginPort(port);
      else this.#edges(port, before);
      this.#enable(port);
      this.#cost(port);
      port.reselect = true;
      port.selected = false;
    }
    this.#settle();
  }

  /** AdminEdge of a port that is up counts when its link comes up again, unless nobody was ever heard there. */
  #edges(port: Port, before: StpChannelConfig): void {
    const { config } = port;
    if (before.edge !== config.edge && port.infoIs !== Info.Received) {
      const isEdge = config.edge === "on" || (config.edge === "auto" && port.operEdge);
      bdm.enter(this.bridge, port, isEdge ? bdm.Bdm.Edge : bdm.Bdm.NotEdge);
    }
    if (!config.loopGuard && port.loopInconsistent) {
      port.loopInconsistent = false;
      this.bridge.hooks.guardChanged(port, Guard.Loop, false);
    }
    if (!config.bpduGuard) this.release(port);
  }

  /**
   * After a stall of the loop of `slept`: timers go on from where they were, and nobody is declared gone, and no port
   * opens by silence, before a fresh interval in which the neighbours could be heard.
   */
  forgive(slept: Millis, now: Millis): void {
    const { bridge } = this;
    bridge.now = now;
    for (const port of bridge.ports) {
      for (const timer of TIMERS) {
        if (port[timer] !== ZERO && port[timer] < NEVER && port[timer] > now - slept) {
          port[timer] += slept;
        }
      }
      port.helloWhen = Math.min(port.helloWhen, now); // The neighbours have waited long enough.
      this.#freshen(port);
    }
  }

  #freshen(port: Port): void {
    const { now } = this.bridge;
    if (port.infoIs === Info.Received && runs(this.bridge, port.rcvdInfoWhile)) {
      pim.updtRcvdInfoWhile(this.bridge, port);
    }
    if (!port.operEdge) port.edgeDelayWhile = Math.max(port.edgeDelayWhile, now + MIGRATE_TIME);
    if (!port.forward && runs(this.bridge, port.fdWhile)) {
      port.fdWhile = now + fwdDelay(port);
    }
  }

  /**
   * This core became the master and goes on from what the one before told: role, state, information and agreement of
   * each port, already in its variables. What was heard holds for one fresh interval, a port that waits to open waits
   * anew, and no machine passes through a state that tells a neighbour of a change.
   */
  takeOver(now: Millis): void {
    const { bridge } = this;
    bridge.now = now;
    bridge.prs = prs.Prs.RoleSelection;
    for (const port of bridge.ports) this.#takeOver(port);
    // What the roles follow from, without touching them yet.
    prs.enter(bridge, prs.Prs.RoleSelection);
    for (const port of bridge.ports) {
      port.fdWhile = now + fwdDelay(port);
      if (port.role === Role.Backup) port.rbWhile = now + 2 * toMillis(this.#hello);
    }
    this.#settle();
  }

  #takeOver(port: Port): void {
    const { bridge } = this;
    const { now } = bridge;
    const isOpen = port.state === PortState.Forwarding;
    port.learn = port.state !== PortState.Discarding;
    port.forward = isOpen;
    // Until every core has said so, some may be where the last master left them.
    port.learning = port.learn || !bridge.hooks.isSettled(port);
    port.forwarding = port.forward || port.learning;
    port.portEnabled = port.link && port.shutUntil === ZERO;
    port.portPathCost = port.config.cost > 0 ? port.config.cost : costOf(port.speed);
    port.prx = prx.Prx.Discard;
    port.rcvdBPDU = false;
    port.rcvdMsg = false;
    port.rcvdRSTP = false;
    port.rcvdSTP = false;
    port.ppm = ppm.Ppm.Sensing;
    port.mdelayWhile = ZERO;
    port.mcheck = false;
    port.bdm = port.operEdge ? bdm.Bdm.Edge : bdm.Bdm.NotEdge;
    port.edgeDelayWhile = now + MIGRATE_TIME;
    port.pst = port.state;
    port.tcm = tcmOf(port);
    port.rcvdTc = false;
    port.rcvdTcn = false;
    port.rcvdTcAck = false;
    port.tcProp = false;
    port.tcAck = false;
    port.fdbFlush = false;
    this.#takeOverInformation(port);
    port.prt = PRT_OF[port.role];
    port.selectedRole = port.role;
    port.hasNeighbour = port.link && !port.operEdge && (port.hasNeighbour || !port.known);
    // A designated port that forwards proposes on where nobody was heard: so it becomes an edge (17.25), and later
    // changes of the tree do not shut hosts out.
    port.proposing = port.agreed && port.autoEdge && !port.operEdge && !port.hasNeighbour;
    port.proposed = false;
    port.disputed = false;
    port.sync = false;
    port.synced = false;
    port.reRoot = false;
    port.rrWhile = ZERO;
    port.rbWhile = ZERO;
    port.ptx = port.portEnabled ? ptx.Ptx.Idle : ptx.Ptx.TransmitInit;
    port.txCount = 0;
    port.newInfo = false;
    port.untold = false;
    port.helloWhen = now + TAKE_OVER_HELLO;
  }

  #takeOverInformation(port: Port): void {
    const { bridge } = this;
    if (port.infoIs === Info.Received) pim.updtRcvdInfoWhile(bridge, port);
    else port.rcvdInfoWhile = ZERO;
    port.pim = port.infoIs === Info.Disabled ? pim.Pim.Disabled : pim.Pim.Current;
    if (port.infoIs === Info.Aged) port.pim = pim.Pim.Aged;
    // DESIGNATED_FORWARD: a designated port that forwards and speaks RSTP has been agreed to, or nobody objected.
    port.agreed = port.role === Role.Designated && port.forward && port.sendRSTP;
    port.updtInfo = false;
    port.reselect = false;
    port.selected = true;
    if (runs(bridge, port.tcWhile)) {
      // The change that was under way is told for a fresh while: somebody may not have heard of it.
      port.tcWhile = ZERO;
      newTcWhile(bridge, port);
    }
  }
}

/** A new master's first BPDUs: by then every core that lives has acknowledged. Our choice. */
const TAKE_OVER_HELLO: Millis = 200;

/** Where the role machine goes on: shut ports wait there for every core to have shut them. */
const PRT_OF: Readonly<Record<Role, number>> = {
  [Role.Disabled]: prt.Prt.DisablePort,
  [Role.Root]: prt.Prt.RootPort,
  [Role.Designated]: prt.Prt.DesignatedPort,
  [Role.Alternate]: prt.Prt.BlockPort,
  [Role.Backup]: prt.Prt.BlockPort,
};

/** Where the topology machine goes on: at ACTIVE, so that what was told is not told again. */
function tcmOf(port: Port): number {
  const isInTree = port.role === Role.Root || port.role === Role.Designated;
  if (isInTree && port.forward && !port.operEdge) return tcm.Tcm.Active;
  return port.learn ? tcm.Tcm.Learning : tcm.Tcm.Inactive;
}
