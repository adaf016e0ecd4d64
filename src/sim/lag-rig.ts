// Two systems' link aggregation engines, each on several cores, joined by cables: for tests of the engine alone.
// Messages and frames wait in first-in first-out queues until somebody delivers them, so that any order can be
// played; the whole state can be taken and put back, so that all orders can.
//
// The rig holds up the promises of link aggregation after every step (`check`):
//   - a LACPDU says Collecting only while every core of its sender collects (LAG-6);
//   - a core distributes only while every core of the partner collects, unless the partner has taken that back since;
//   - no core distributes by a state from before the port was last attached.

import type { CommonConfig } from "../engine/config.ts";
import { EVENT_NAMES } from "../engine/event.ts";
import { FIELDS, MESSAGE_NAMES, Message } from "../engine/message.ts";
import { LAG_DEFAULTS, type LagChannelConfig, type LagConfig } from "../lag/config.ts";
import { Lag, type MemberSink } from "../lag/lag.ts";
import { Mux } from "../lag/mux.ts";
import type { PortState } from "../lag/port-state.ts";
import type { CoreId, Millis, Offset, PortId } from "../lib/units.ts";
import * as lacp from "../wire/lacp.ts";
import { DELIVERY, DRAFT, SmallOut } from "./small-out.ts";

const FRAME_AT = 4096;
const PDU = 14;

/** A message under way, with what its sender knew; `text` is its content. */
export interface Sent {
  readonly from: CoreId;
  readonly to: CoreId;
  readonly type: number;
  readonly bytes: Uint8Array;
  readonly text: string;
  /** The partner's withdrawals, and the own attachments, that the sender knew of. */
  readonly claim: number;
  readonly generation: number;
}

/** A frame on a cable. */
export interface Flying {
  readonly bytes: Uint8Array;
  readonly text: string;
  /** Times that its sender had taken Collecting back when it left. */
  readonly withdrawn: number;
}

const textOf = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** One core of a system: an Out and a sink that only remember. */
class RigCore extends SmallOut implements MemberSink {
  readonly collecting: boolean[];
  readonly distributing: boolean[];
  readonly system: LagSystem;
  lag: Lag | null = null;

  constructor(system: LagSystem, core: CoreId, cores: number, ports: number) {
    super(core, cores);
    this.system = system;
    this.collecting = new Array<boolean>(ports).fill(false);
    this.distributing = new Array<boolean>(ports).fill(false);
  }

  setMember(port: PortId, collecting: boolean, distributing: boolean): void {
    this.collecting[port] = collecting;
    this.distributing[port] = distributing;
  }

  override transmit(port: PortId, start: Offset, end: Offset): void {
    this.system.sent(port, this.bytes.slice(start, end));
  }

  master(): CoreId {
    return this.system.master;
  }

  override isAlive(core: CoreId): boolean {
    return !this.system.dead.has(core);
  }

  override broadcast(): void {
    for (let to = 0; to < this.cores; to++) if (to !== this.core) this.send(to);
  }

  tell(to: CoreId, record: Uint8Array): void {
    this.system.told(this, to, record);
  }

  override handover(to: CoreId, port: PortId, start: Offset, end: Offset): void {
    this.system.receive(to, port, this.bytes.slice(start, end));
  }

  drop(reason: number): void {
    this.system.drops.push(reason);
  }

  event(code: number, a: number, b: number, c: number): void {
    if (EVENT_NAMES[code] === "lag-member") this.system.moved(a, b, c);
  }
}

/** One of the two systems. */
export class LagSystem {
  readonly cores: RigCore[] = [];
  readonly lags: Lag[] = [];
  readonly config: LagConfig;
  readonly ports: number;
  readonly rig: LagRig;
  readonly side: number;
  readonly drops: number[] = [];
  readonly dead: Set<CoreId> = new Set();
  /** Cores whose messages are lost; ports whose frames are. */
  readonly deaf: Set<CoreId> = new Set();
  readonly muted: Set<PortId> = new Set();
  master: CoreId = 0;
  /** Messages under way, by sender * cores + receiver. */
  bus: Sent[][];
  /** Times that the master took Collecting back, and attached, per port. */
  readonly withdrawn: number[];
  readonly generation: number[];
  /** Per core and port: what its distributing rests on. */
  readonly claim: number[][];
  readonly attached: number[][];
  messages = 0;
  pdus = 0;

  constructor(rig: LagRig, side: number, cores: number, config: LagConfig, common: CommonConfig) {
    this.rig = rig;
    this.side = side;
    this.config = config;
    this.ports = common.ports.length;
    const zeros = (): number[] => new Array<number>(this.ports).fill(0);
    this.withdrawn = zeros();
    this.generation = zeros();
    this.claim = Array.from({ length: cores }, zeros);
    this.attached = Array.from({ length: cores }, zeros);
    this.bus = Array.from({ length: cores * cores }, () => []);
    for (let core = 0; core < cores; core++) {
      const own = new RigCore(this, core, cores, this.ports);
      this.cores.push(own);
      own.lag = new Lag(config, common, own, own);
      this.lags.push(own.lag);
    }
  }

  get partner(): LagSystem {
    return this.rig.systems[1 - this.side] as LagSystem;
  }

  /** The master's record of a port. */
  port(port: PortId, core: CoreId = this.master): PortState {
    const found = this.lags[core]?.actors
      .flatMap(({ ports }) => ports)
      .find((one) => one.port === port);
    if (found === undefined) throw new Error(`no port ${port}`);
    return found;
  }

  isCollecting(port: PortId): boolean {
    return this.cores.every(
      ({ core, collecting }) => this.dead.has(core) || collecting[port] === true,
    );
  }

  moved(port: PortId, from: number, to: number): void {
    if (from >= Mux.Collecting && to < Mux.Collecting)
      this.withdrawn[port] = (this.withdrawn[port] ?? 0) + 1;
    if (to === Mux.Attached && from === Mux.Waiting)
      this.generation[port] = (this.generation[port] ?? 0) + 1;
    const { master } = this;
    (this.attached[master] as number[])[port] = this.generation[port] ?? 0;
  }

  sent(port: PortId, bytes: Uint8Array): void {
    this.pdus++;
    const state = bytes[PDU + lacp.ACTOR + 14] as number;
    if ((state & lacp.State.Collecting) !== 0 && !this.isCollecting(port)) {
      throw new Error(
        `system ${this.side} told port ${port} to be collecting before all cores were`,
      );
    }
    if (this.muted.has(port)) return;
    const flying = { bytes, text: textOf(bytes), withdrawn: this.withdrawn[port] ?? 0 };
    this.rig.wire[this.side]?.[port]?.push(flying);
  }

  told(from: RigCore, to: CoreId, bytes: Uint8Array): void {
    this.messages++;
    if (this.deaf.has(to)) return;
    const port = from.view.getUint16(DRAFT + FIELDS);
    this.bus[from.core * this.cores.length + to]?.push({
      from: from.core,
      to,
      type: bytes[0] as number,
      bytes,
      text: textOf(bytes),
      claim: this.claim[from.core]?.[port] ?? 0,
      generation: this.attached[from.core]?.[port] ?? 0,
    });
  }

  receive(core: CoreId, port: PortId, bytes: Uint8Array): void {
    const own = this.cores[core] as RigCore;
    own.bytes.set(bytes, FRAME_AT);
    own.lag?.receive(port, FRAME_AT, FRAME_AT + bytes.length, this.rig.now);
  }

  /** A frame of the partner arrives. */
  arrive(port: PortId, flying: Flying): void {
    (this.claim[this.master] as number[])[port] = flying.withdrawn;
    this.receive(this.master, port, flying.bytes);
  }

  /** Delivers the oldest message of a pair. */
  deliver(pair: number): void {
    const sent = this.bus[pair]?.shift();
    if (sent === undefined || this.dead.has(sent.to)) return;
    const own = this.cores[sent.to] as RigCore;
    own.bytes.set(sent.bytes, DELIVERY);
    if (sent.type === Message["lag-mux"] || sent.type === Message["lag-select"]) {
      const port = own.view.getUint16(DELIVERY + FIELDS);
      (this.claim[sent.to] as number[])[port] = sent.claim;
      (this.attached[sent.to] as number[])[port] = sent.generation;
    }
    if (sent.type === Message["resync-ask"]) this.#resync(sent.to, sent.from);
    else own.lag?.message(sent.type, sent.from, DELIVERY, this.rig.now);
  }

  #resync(from: CoreId, to: CoreId): void {
    this.cores[from]?.lag?.resync(to, 0, 1000);
  }

  link(port: PortId, up: boolean): void {
    for (const { core, lag } of this.cores)
      if (!this.dead.has(core)) lag?.linkChanged(port, up, this.rig.now);
  }

  /** Promises that must hold whatever the order of things. */
  check(strict: boolean): void {
    for (const { core, distributing, collecting } of this.cores) {
      if (this.dead.has(core)) continue;
      for (let port = 0; port < this.ports; port++) {
        if (distributing[port] !== true) continue;
        const where = `system ${this.side} core ${core} port ${port}`;
        if (collecting[port] !== true) throw new Error(`${where} distributes and does not collect`);
        if (this.attached[core]?.[port] !== this.generation[port]) {
          throw new Error(`${where} distributes by a state from before the port was attached`);
        }
        const isOpen = this.claim[core]?.[port] === this.partner.withdrawn[port];
        if (strict && isOpen && !this.partner.isCollecting(port)) {
          throw new Error(`${where} distributes while a core of the partner does not collect`);
        }
      }
    }
  }
}

export interface LagRigOptions {
  readonly cores?: readonly [number, number];
  readonly ports?: number;
  readonly one?: Partial<LagChannelConfig>;
  readonly other?: Partial<LagChannelConfig>;
}

/** Systems of the rig: the first has the smaller identifier, so it decides on standby. */
export const RIG_SYSTEMS: readonly [number, number] = [0x02aa_0000_0001, 0x02bb_0000_0001];

function configOf(system: number, ports: number, more: Partial<LagChannelConfig> = {}): LagConfig {
  const members = Array.from({ length: ports }, (_, port) => ({
    port,
    number: port + 1,
    priority: 0x8000,
    mac: system + 0x100 + port,
  }));
  return {
    channels: [{ ...LAG_DEFAULTS, channel: ports, system, members, rate: "fast", ...more }],
  };
}

export class LagRig {
  now: Millis = 0;
  readonly systems: LagSystem[] = [];
  /** Frames under way, by sending system and port. */
  wire: Flying[][][];
  readonly ports: number;
  readonly strict: boolean;

  constructor(options: LagRigOptions = {}) {
    const ports = options.ports ?? 2;
    this.ports = ports;
    const numbers = Array.from({ length: ports }, (_, port) => port);
    const common: CommonConfig = {
      ports: numbers.map((port) => ({ name: `p${port}`, mac: port + 1, mtu: 1500 })),
      channels: [
        ...numbers.map(() => ({ name: "", ports: [] })),
        { name: "LA/1", ports: numbers, hash: "l3+l4" },
      ],
      interfaces: [],
    };
    this.wire = [numbers.map(() => []), numbers.map(() => [])];
    const { one, other, cores = [1, 1] } = options;
    for (const side of [0, 1] as const) {
      const config = configOf(RIG_SYSTEMS[side], ports, side === 0 ? one : other);
      this.systems.push(new LagSystem(this, side, cores[side], config, common));
    }
    // Without LACP, or with coupled control, nobody waits for the partner to collect.
    this.strict = [one, other].every(
      (config) =>
        config?.mux !== "coupled" &&
        (config?.mode ?? "lacp") === "lacp" &&
        (config?.fallback ?? "none") === "none",
    );
  }

  get first(): LagSystem {
    return this.systems[0] as LagSystem;
  }

  get second(): LagSystem {
    return this.systems[1] as LagSystem;
  }

  check(): void {
    for (const system of this.systems) system.check(this.strict);
  }

  /** Delivers the oldest frame of one direction of a cable. */
  fly(side: number, port: PortId): void {
    const flying = this.wire[side]?.[port]?.shift();
    if (flying !== undefined) this.systems[1 - side]?.arrive(port, flying);
  }

  /** Both ends of a cable see it come or go; what was on it is gone. */
  cable(port: PortId, up: boolean): void {
    for (const side of [0, 1]) (this.wire[side]?.[port] as Flying[]).length = 0;
    for (const system of this.systems) system.link(port, up);
  }

  /** The next moment at which a master has something to do; undefined when never. */
  nextDue(): Millis | undefined {
    const dues = this.systems.flatMap(({ lags, master }) =>
      (lags[master]?.actors ?? []).map(({ due }) => due).filter((due) => due >= 0),
    );
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  /** Lets every core of both systems do what is due. */
  tick(): void {
    for (const system of this.systems) {
      for (const { core, lag } of system.cores) if (!system.dead.has(core)) lag?.tick(this.now);
    }
  }

  /** Delivers everything until nothing is under way; returns the names of the messages. */
  settle(): string[] {
    const names: string[] = [];
    for (let again = true; again; ) {
      again = false;
      for (const system of this.systems) {
        for (const [pair, queue] of system.bus.entries()) {
          for (; queue.length > 0; again = true) {
            names.push(MESSAGE_NAMES[queue[0]?.type ?? 0] ?? "?");
            system.deliver(pair);
            this.check();
          }
        }
      }
      for (const [side, cables] of this.wire.entries()) {
        for (const [port, queue] of cables.entries()) {
          for (; queue.length > 0; again = true) {
            this.fly(side, port);
            this.check();
          }
        }
      }
    }
    return names;
  }

  /** Lets time pass in steps, with everything delivered after each; returns the names of the messages. */
  run(duration: Millis, step: Millis = 10): string[] {
    const names: string[] = [];
    for (const until = this.now + duration; this.now < until; ) {
      this.now = Math.min(until, this.now + step);
      this.tick();
      names.push(...this.settle());
    }
    return names;
  }
}
