// The variables of a port and of a bridge, named as in the standard (IEEE 802.1D-2004 17.17 to 17.19), and nothing that
// runs them. A timer is the moment at which it runs out: it "is zero" when that has come. Where the standard's machines
// wind a timer up all the time they are in a state, `hold` does so at the start of each run.

import { PortState } from "../engine/port-state.ts";
import type { Mac, Millis } from "../lib/units.ts";
import type { StpBridgeConfig, StpChannelConfig } from "./config.ts";
import { makeTimes, makeVector, SECOND, type Times, type Vector } from "./vector.ts";

/** Port roles (17.7). */
export const Role = { Disabled: 0, Root: 1, Designated: 2, Alternate: 3, Backup: 4 } as const;
export type Role = (typeof Role)[keyof typeof Role];
export const ROLE_NAMES = ["disabled", "root", "designated", "alternate", "backup"] as const;

/** infoIs (17.19.10). */
export const Info = { Disabled: 0, Aged: 1, Mine: 2, Received: 3 } as const;
export type Info = (typeof Info)[keyof typeof Info];

/** Result of rcvInfo (17.21.8). */
export const RcvdInfo = {
  SuperiorDesignated: 0,
  RepeatedDesignated: 1,
  InferiorDesignated: 2,
  InferiorRootAlternate: 3,
  Other: 4,
} as const;
export type RcvdInfo = (typeof RcvdInfo)[keyof typeof RcvdInfo];

/** What keeps a port shut beside the protocol, or did last. */
export const Guard = { None: 0, Bpdu: 1, Root: 2, Loop: 3, Own: 4 } as const;
export type Guard = (typeof Guard)[keyof typeof Guard];
export const GUARD_NAMES = [null, "bpdu", "root", "loop", "own"] as const;

/** A timer that is zero. */
export const ZERO: Millis = -1;
/** Longer than any run of the appliance: a guard without recovery. */
export const NEVER: Millis = Number.MAX_SAFE_INTEGER;

export const toMillis = (units: number): Millis => (units * 1000) / SECOND;
export const toUnits = (time: Millis): number =>
  Math.min(0xffff, Math.round((time * SECOND) / 1000));

/** Counted on the link master, for people. */
export interface PortCounts {
  rstSent: number;
  configSent: number;
  tcnSent: number;
  rstReceived: number;
  configReceived: number;
  tcnReceived: number;
  pvstReceived: number;
  badReceived: number;
  topologyChanges: number;
  transitions: number;
}

/** One port. */
export class Port {
  config: StpChannelConfig;
  /** Source of its BPDUs. */
  mac: Mac = 0;

  // The machines' states; each machine's file names them. 0 is where BEGIN leads.
  prx = 0;
  ppm = 0;
  bdm = 0;
  ptx = 0;
  pim = 0;
  prt = 0;
  pst = 0;
  tcm = 0;

  // 17.17
  edgeDelayWhile: Millis = ZERO;
  fdWhile: Millis = ZERO;
  helloWhen: Millis = ZERO;
  mdelayWhile: Millis = ZERO;
  rbWhile: Millis = ZERO;
  rcvdInfoWhile: Millis = ZERO;
  rrWhile: Millis = ZERO;
  tcWhile: Millis = ZERO;
  /** When txCount is taken down by one (17.22). */
  txWhile: Millis = ZERO;

  // 17.19
  agree = false;
  agreed = false;
  readonly designatedPriority: Vector = makeVector();
  readonly designatedTimes: Times = makeTimes();
  disputed = false;
  fdbFlush = false;
  forward = false;
  /** True while any core may forward; false when every core has acknowledged that it does not. */
  forwarding = false;
  infoIs: Info = Info.Disabled;
  learn = false;
  /** As `forwarding`. */
  learning = false;
  mcheck = false;
  readonly msgPriority: Vector = makeVector();
  readonly msgTimes: Times = makeTimes();
  /** Kind and flags of the BPDU at hand (wire/bpdu.ts). */
  msgKind = 0;
  msgFlags = 0;
  newInfo = false;
  operEdge = false;
  portEnabled = false;
  portPathCost = 20_000;
  readonly portPriority: Vector = makeVector();
  readonly portTimes: Times = makeTimes();
  proposed = false;
  proposing = false;
  rcvdBPDU = false;
  rcvdInfo: RcvdInfo = RcvdInfo.Other;
  rcvdMsg = false;
  rcvdRSTP = false;
  rcvdSTP = false;
  rcvdTc = false;
  rcvdTcAck = false;
  rcvdTcn = false;
  reRoot = false;
  reselect = false;
  role: Role = Role.Disabled;
  selected = false;
  selectedRole: Role = Role.Disabled;
  sendRSTP = true;
  sync = false;
  synced = false;
  tcAck = false;
  tcProp = false;
  txCount = 0;
  updtInfo = false;

  // Beside the standard.
  /** What the port says of itself has changed since its last BPDU left: an agreement that comes now is to another. */
  untold = false;
  /** The link, as told; `portEnabled` is this unless a guard shuts the port. */
  link = false;
  /** Mbit/s, 0 = unknown. */
  speed = 0;
  /** The port is shut until then by BPDU guard; ZERO = it is not. */
  shutUntil: Millis = ZERO;
  /** Loop guard: the neighbour fell silent. */
  loopInconsistent = false;
  /** Root guard: the last selection would have made it the root port. */
  rootInconsistent = false;
  /** What this core enforces, by the sink. */
  state: PortState = PortState.Discarding;
  /** Times that its stations were to be forgotten; carried in messages, so that none is missed. */
  flushes = 0;
  /** A bridge was heard since the link came up: what is there is no edge, even when it falls silent. */
  hasNeighbour = false;
  /** The bridge that sent the last BPDU but TCNs, and when. */
  sender: Mac = 0;
  senderAt: Millis = ZERO;
  /** When it was heard last that more than one bridge sends here; ZERO = never. */
  sharedAt: Millis = ZERO;
  /** The master has told of it: `flushes` is a count to go on from. */
  known = false;
  /** Its channel's name: channels may have other numbers after a reload. */
  name = "";
  /** Since when it has its state and role. */
  since: Millis = 0;
  /** When the last own BPDU came back; ZERO = never. */
  ownAt: Millis = ZERO;
  /** Frames of this second looked at, and when the second began. */
  heard = 0;
  heardSince: Millis = ZERO;
  readonly counts: PortCounts = {
    rstSent: 0,
    configSent: 0,
    tcnSent: 0,
    rstReceived: 0,
    configReceived: 0,
    tcnReceived: 0,
    pvstReceived: 0,
    badReceived: 0,
    topologyChanges: 0,
    transitions: 0,
  };

  constructor(config: StpChannelConfig) {
    this.config = config;
  }

  /** portId (17.19.19, 9.2.7): four bits of priority, twelve of number. */
  get portId(): number {
    return ((this.config.priority & 0xf0) << 8) | (this.config.number & 0xfff);
  }

  /** `auto`: not while two bridges are heard, as behind a switch that passes BPDUs on. */
  get operPointToPoint(): boolean {
    const { pointToPoint } = this.config;
    return pointToPoint === "on" || (pointToPoint === "auto" && this.sharedAt === ZERO);
  }

  get adminEdge(): boolean {
    return this.config.edge === "on";
  }

  get autoEdge(): boolean {
    return this.config.edge !== "off";
  }

  /** True while the port is to be shut and some core has not said that it is. */
  get isClosing(): boolean {
    return !this.learn && (this.learning || this.forwarding);
  }
}

/** What the machines may do to the world; stp.ts implements it. */
export interface TreeHooks {
  /** Enforces a state from now on, here and, by a message, everywhere. */
  enforce(port: Port, state: PortState): void;
  /** Forgets the stations learned on a port, here and everywhere. */
  flush(port: Port): void;
  /** True when every core has acknowledged all that it was to enforce on the port. */
  isSettled(port: Port): boolean;
  /** Sends a BPDU now: `kind` is one of wire/bpdu.ts. */
  transmit(port: Port, kind: number): void;
  roleChanged(port: Port, from: Role): void;
  protocolChanged(port: Port): void;
  guardChanged(port: Port, guard: Guard, shut: boolean): void;
  topologyChanged(port: Port, here: boolean): void;
}

/** One bridge (17.18). */
export class BridgeVariables {
  config: StpBridgeConfig;
  ports: Port[] = [];
  /** The moment of this run. */
  now: Millis = 0;
  prs = 0;
  /** RootPortId (17.18.5): the root port, null = the bridge is the root. */
  rootPort: Port | null = null;
  readonly rootPriority: Vector = makeVector();
  readonly rootTimes: Times = makeTimes();
  readonly bridgePriority: Vector = makeVector();
  readonly bridgeTimes: Times = makeTimes();
  readonly hooks: TreeHooks;

  constructor(config: StpBridgeConfig, hooks: TreeHooks) {
    this.config = config;
    this.hooks = hooks;
    this.parameters(config);
  }

  /** BridgeIdentifier, BridgePriority and BridgeTimes of a configuration (17.18.2 to 17.18.4). */
  parameters(config: StpBridgeConfig): void {
    this.config = config;
    const { bridgePriority, bridgeTimes } = this;
    bridgePriority.rootPriority = config.priority;
    bridgePriority.rootAddress = config.address;
    bridgePriority.cost = 0;
    bridgePriority.bridgePriority = config.priority;
    bridgePriority.bridgeAddress = config.address;
    bridgePriority.portId = 0;
    bridgeTimes.messageAge = 0;
    bridgeTimes.maxAge = toUnits(config.maxAge);
    bridgeTimes.helloTime = toUnits(config.helloTime);
    bridgeTimes.forwardDelay = toUnits(config.forwardDelay);
  }
}
