// The flow distributor of one core (CORE-4..7): which core a frame belongs to. Built-in rules, then the user's,
// then the port's scheme. Where the kernel steers by the same function (kernel.ts) a frame has landed on its core
// already and need not be looked at; elsewhere every core asks its own instance and hands foreign frames over the
// bus (CORE-6).

import { Role } from "../engine/role.ts";
import type { CoreId, Millis, Offset, PortId } from "../lib/units.ts";
import { EtherType } from "../wire/ethernet.ts";
import { Classifier, HashType, hashTarget } from "./classify.ts";
import { portCoreOf, Scheme, type SteeringConfig, schemeOf, tracksFlows } from "./config.ts";
import { moveWordsOf } from "./indirection.ts";
import { MoveMachine, PARK } from "./move.ts";
import { compileJobs, compileRules, NO_MATCH, RuleTable, roleOf } from "./rules.ts";
import { Election, FlowTable, Placement } from "./schemes.ts";
import { toeplitzTable } from "./toeplitz.ts";

/** Ports that a distributor keeps a scheme for: as many as the statistics segment has room for. */
const MAX_PORTS = 256;

/** What all cores see; the bucket bytes and the loads are written by others. */
export interface SteeringShared {
  /** 128 bytes; in the control section, so that moves can be followed (indirection.ts). */
  readonly buckets: Uint8Array;
  /** Load per core, 0..1; negative or NaN: the core takes no part. */
  readonly loads: Float64Array;
  /** When each core reported its load; absent: always fresh. */
  readonly reported?: Float64Array;
  /** The core that stands in for each core where a rule or a scheme names one; absent: each for itself. */
  readonly covers?: Uint8Array;
}

/** Who plays a role now. */
export interface Roles {
  master(role: Role): CoreId;
}

/** 01-80-C2-00-00-00 as its upper 32 and lower 16 bits. */
const BRIDGE_GROUP_HIGH = 0x0180c200;

export class Distributor {
  readonly core: CoreId;
  /** Bucket moves; its `map` is this core's copy of the indirection table. */
  readonly move: MoveMachine;
  readonly #shared: SteeringShared;
  readonly #roles: Roles;
  /** Frames per bucket, this core's, in the statistics segment. */
  readonly #frames: Float64Array;
  readonly #map: Uint8Array;
  readonly #covers: Uint8Array;
  readonly #steered: Uint8Array = new Uint8Array(MAX_PORTS);
  readonly #schemes: Uint8Array = new Uint8Array(MAX_PORTS);
  readonly #portCores: Uint8Array = new Uint8Array(MAX_PORTS);
  /** 1 = a table of flows stands before the buckets. */
  readonly #tracked: Uint8Array = new Uint8Array(MAX_PORTS);
  #config: SteeringConfig;
  #table: Int32Array;
  #frame: Classifier;
  #rules: RuleTable;
  /** The scheme `function`. */
  #jobs: RuleTable;
  #mask: number;
  #election: Election;
  #flows: FlowTable | null = null;
  /** least-load and time-slice: the core that has its turn, frames left, when it ends. */
  #turn: CoreId;
  #turnFrames = 0;
  #turnEnd: Millis = -Infinity;

  constructor(
    config: SteeringConfig,
    core: CoreId,
    shared: SteeringShared,
    roles: Roles,
    bucketFrames: Float64Array,
  ) {
    this.core = core;
    this.#shared = shared;
    this.#roles = roles;
    this.#frames = bucketFrames;
    const words = moveWordsOf(shared.buckets);
    this.move = new MoveMachine(core, config.cores, MAX_PORTS, shared.buckets, words);
    this.#map = this.move.map;
    this.#covers = shared.covers ?? Uint8Array.from({ length: 256 }, (_, one) => one);
    this.#config = config;
    this.#table = toeplitzTable(config.key);
    this.#frame = new Classifier(this.#table);
    this.#rules = new RuleTable([]);
    this.#jobs = this.#rules;
    this.#mask = config.buckets - 1;
    this.#election = this.#newElection(config);
    this.#turn = core;
    this.configure(config);
  }

  #newElection(config: SteeringConfig): Election {
    const source = { loads: this.#shared.loads, reported: this.#shared.reported ?? null };
    return new Election(this.core, config.cores, source, config.priorities, config.loadThreshold);
  }

  /**
   * Takes over a configuration. The bucket bytes are the control core's; it rewrites them when their
   * number changes.
   */
  configure(config: SteeringConfig): void {
    const keyChanged = config.key.some((byte, index) => byte !== this.#config.key[index]);
    if (keyChanged || config.key.length !== this.#config.key.length) {
      this.#table = toeplitzTable(config.key);
      this.#frame = new Classifier(this.#table);
    }
    let tracked = 0;
    for (let port = 0; port < MAX_PORTS; port++) {
      this.#schemes[port] = schemeOf(config, port);
      this.#portCores[port] = portCoreOf(config, port);
      this.#tracked[port] = tracksFlows(config, port) ? 1 : 0;
      tracked |= this.#tracked[port] as number;
    }
    const old = this.#config;
    if (tracked === 0) this.#flows = null;
    else if (this.#flows === null || old.flows !== config.flows || keyChanged) {
      this.#flows = new FlowTable(config.flows, config.flowTimeout);
    }
    this.#rules = new RuleTable(compileRules(config));
    this.#jobs = new RuleTable(compileJobs(config));
    this.#mask = config.buckets - 1;
    this.#election = this.#newElection(config);
    this.#turnFrames = 0;
    this.#turnEnd = -Infinity;
    this.#config = config;
    if (!this.move.active) this.move.copy();
  }

  /** Says whether the port's driver or kernel steers by this same function. */
  setSteered(port: PortId, steered: boolean): void {
    this.#steered[port] = steered ? 1 : 0;
  }

  /** False when a frame of the port is on its core for certain, so that `pick` need not be asked. */
  needed(port: PortId): boolean {
    if (this.#config.cores === 1) return false;
    return this.#steered[port] === 0 || this.move.parking;
  }

  /** The core of a frame that arrived on a port; PARK: keep it until the running bucket move is through. */
  pick(port: PortId, view: DataView, start: Offset, end: Offset, now: Millis): CoreId {
    const frame = this.#frame;
    if (frame.read(view, start, end) === HashType.None) return this.core;
    const role = builtInRole(frame, view, start);
    if (role >= 0) return this.#roles.master(role as Role);
    if (frame.target >= 0) return this.#bucketCore(frame.targetHash(view));
    if (this.#rules.count > 0) {
      const action = this.#rules.match(frame, view, port);
      if (action !== NO_MATCH) {
        return this.#coreOf(action);
      }
    }
    const scheme = this.#schemes[port] as number;
    if (scheme === Scheme.Flow && this.#tracked[port] === 0) {
      return this.#bucketCore(frame.hash(view, start));
    }
    return this.#pickBy(scheme, port, view, start, now);
  }

  #bucketCore(hash: number): CoreId {
    const bucket = hash & this.#mask;
    this.#frames[bucket] = (this.#frames[bucket] as number) + 1;
    return this.#map[bucket] as number;
  }

  /** The core that a rule names, or who stands in for it, or who plays the role that it names. */
  #coreOf(action: number): CoreId {
    if (action < 0) return this.#roles.master(roleOf(action) as Role);
    return this.#covers[action] as number;
  }

  #pickBy(scheme: number, port: PortId, view: DataView, start: Offset, now: Millis): CoreId {
    switch (scheme) {
      case Scheme.Port:
        return this.#covers[this.#portCores[port] as number] as number;
      case Scheme.LeastLoad:
        if (this.#turnFrames <= 0) {
          this.#turnFrames = this.#config.unitFrames;
          this.#turn = this.#election.elect(now);
        }
        this.#turnFrames--;
        return this.#turn;
      case Scheme.TimeSlice:
        if (now >= this.#turnEnd) {
          this.#turnEnd = now + this.#config.unitTime;
          this.#turn = this.#election.elect(now);
        }
        return this.#turn;
      case Scheme.Function: {
        const action = this.#jobs.match(this.#frame, view, port);
        return action !== NO_MATCH
          ? this.#coreOf(action)
          : this.#pickFlow(scheme, view, start, now);
      }
      default:
        return this.#pickFlow(scheme, view, start, now);
    }
  }

  /**
   * A known flow to its core; a new one where its bucket says if that core accepts it, else to the
   * election's winner.
   */
  #pickFlow(scheme: number, view: DataView, start: Offset, now: Millis): CoreId {
    const hash = this.#frame.hash(view, start);
    const home = this.#bucketCore(hash);
    const flows = this.#flows;
    if (flows === null || home === PARK) return home;
    const known = flows.find(hash, now);
    if (known >= 0) return known;
    if (flows.placement === Placement.None) return home;
    let core = home;
    if (flows.placement === Placement.Free) {
      if (scheme === Scheme.Arbiter || !this.#election.accepts(home)) {
        core = this.#election.elect(now);
      }
    }
    flows.put(hash, core, now);
    return core;
  }

  /** The bucket that decides about a frame, or -1 when a rule or a scheme without buckets does. Counts nothing. */
  bucketOf(port: PortId, view: DataView, start: Offset, end: Offset): number {
    const frame = this.#frame;
    if (frame.read(view, start, end) === HashType.None) return -1;
    if (builtInRole(frame, view, start) >= 0) return -1;
    if (frame.target >= 0) return frame.targetHash(view) & this.#mask;
    if (this.#rules.find(frame, view, port) >= 0) return -1;
    const scheme = this.#schemes[port];
    if (scheme === Scheme.Function && this.#jobs.find(frame, view, port) >= 0) return -1;
    if (scheme !== Scheme.Flow && scheme !== Scheme.Function) return -1;
    return frame.hash(view, start) & this.#mask;
  }

  /** True when a frame that another core handed over must be parked too; see move.ts. */
  parks(port: PortId, view: DataView, start: Offset, end: Offset): boolean {
    if (!this.move.parking) return false;
    const bucket = this.bucketOf(port, view, start, end);
    return bucket >= 0 && this.#map[bucket] === PARK;
  }

  /** The rule that decides about a frame, in the order in which they are tried, or -1. For people. */
  ruleOf(port: PortId, view: DataView, start: Offset, end: Offset): number {
    const frame = this.#frame;
    if (frame.read(view, start, end) === HashType.None) return -1;
    return this.#rules.find(frame, view, port);
  }

  /** Hash of a frame, with its type, as `show` prints it. */
  hashOf(view: DataView, start: Offset, end: Offset): { hash: number; type: HashType } {
    const hash = this.#frame.hashFrame(view, start, end) >>> 0;
    return { hash, type: this.#frame.hashType };
  }

  /** The core that owns the neighbour entry of an IPv6 address: where its advertisements are steered to (CORE-5). */
  ownerOf(a: number, b: number, c: number, d: number): CoreId {
    const core = this.#map[hashTarget(this.#table, a, b, c, d) & this.#mask] as number;
    return core === PARK ? this.core : core;
  }

  /** The bucket of the advertisements of an IPv6 address. */
  bucketOfTarget(a: number, b: number, c: number, d: number): number {
    return hashTarget(this.#table, a, b, c, d) & this.#mask;
  }

  /** A core left: flows that it had are placed anew. */
  coreLeft(core: CoreId): void {
    this.#flows?.forget(core);
  }

  /** Flows remembered now, and frames of flows that found no room. */
  flowCounts(now: Millis): { flows: number; overflows: number } {
    return { flows: this.#flows?.count(now) ?? 0, overflows: this.#flows?.overflows ?? 0 };
  }
}

/** The role that a built-in rule names for a frame, or -1. */
export function builtInRole(frame: Classifier, view: DataView, start: Offset): number {
  const type = frame.etherType;
  if (type === EtherType.Arp || type === EtherType.Rarp) return Role.Arp;
  if (type === EtherType.Slow) return Role.Link;
  if (view.getUint32(start) === BRIDGE_GROUP_HIGH && view.getUint16(start + 4) === 0) {
    return Role.Link;
  }
  return -1;
}
