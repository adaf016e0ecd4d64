// One bridge of the spanning tree rig (stp-rig.ts): its cores, each an engine with an Out, a sink and channels that
// only remember, and what happens to them: roles that move, cores that die.

import type { CommonConfig } from "../engine/config.ts";
import { EVENT_NAMES } from "../engine/event.ts";
import type { ChannelSink } from "../engine/inside.ts";
import { PortState, type PortStateSink } from "../engine/port-state.ts";
import type { ChannelId, CoreId, Mac, Millis, Offset } from "../lib/units.ts";
import {
  STP_CHANNEL_DEFAULTS,
  STP_DEFAULTS,
  type StpBridgeConfig,
  type StpChannelConfig,
  type StpConfig,
} from "../stp/config.ts";
import { Stp } from "../stp/stp.ts";
import { SmallOut } from "./small-out.ts";

/** Where a frame that arrives lies. */
export const FRAME_AT = 4096;

/** What a bridge needs of the world it is in. */
export interface Surroundings {
  readonly now: Millis;
  changed: boolean;
  lastChange: Millis;
  busDelay(): Millis;
  later(delay: Millis, act: () => void): void;
  sent(node: StpNode, channel: ChannelId, bytes: Uint8Array): void;
  handed(from: StpCore, to: CoreId, port: number, bytes: Uint8Array): void;
  told(from: StpCore, to: CoreId, bytes: Uint8Array): void;
}

export interface StpNodeOptions {
  readonly name: string;
  readonly address: Mac;
  readonly cores?: number;
  readonly bridge?: Partial<StpBridgeConfig>;
  /** One for each port. */
  readonly ports: readonly Partial<StpChannelConfig>[];
}

/** One core of a bridge: an Out, a sink and the channels. */
export class StpCore extends SmallOut implements PortStateSink, ChannelSink {
  readonly node: StpNode;
  /** By channel. */
  readonly states: PortState[];
  readonly flushes: number[];
  /** Whom this core takes for the link master. */
  masterSeen: CoreId = 0;
  stp: Stp | null = null;

  constructor(node: StpNode, core: CoreId, cores: number, ports: number) {
    super(core, cores);
    this.node = node;
    this.states = new Array<PortState>(ports).fill(PortState.Discarding);
    this.flushes = new Array<number>(ports).fill(0);
  }

  setPortState(_bridge: number, channel: ChannelId, state: PortState): void {
    if (this.states[channel] === state) return;
    this.states[channel] = state;
    this.node.world.changed = true;
    this.node.world.lastChange = this.node.world.now;
  }

  flushChannel(_bridge: number, channel: ChannelId): void {
    this.flushes[channel] = (this.flushes[channel] ?? 0) + 1;
  }

  tell(to: CoreId, record: Uint8Array): void {
    this.node.world.told(this, to, record);
  }

  override send(to: number, start?: Offset, end?: Offset): boolean {
    // Two interfaces have a `send`: of a draft to a core, and of a frame to a channel.
    if (start === undefined || end === undefined) {
      super.send(to);
      return true;
    }
    this.node.world.sent(this.node, to, this.bytes.slice(start, end));
    return true;
  }

  isUp(): boolean {
    return true;
  }

  master(): CoreId {
    return this.masterSeen;
  }

  override isAlive(core: CoreId): boolean {
    return !this.node.dead.has(core);
  }

  override handover(to: CoreId, port: number, start: Offset, end: Offset): void {
    this.node.world.handed(this, to, port, this.bytes.slice(start, end));
  }

  drop(reason: number): void {
    const { drops } = this.node;
    drops.set(reason, (drops.get(reason) ?? 0) + 1);
  }

  event(code: number, a: number, b: number, c: number, d: number): void {
    const name = EVENT_NAMES[code] ?? "";
    this.node.events.push({ at: this.node.world.now, name, numbers: [a, b, c, d] });
  }
}

/** One bridge. */
export class StpNode {
  readonly name: string;
  readonly world: Surroundings;
  readonly cores: StpCore[] = [];
  readonly dead: Set<CoreId> = new Set();
  /** Cores whose messages wait until they are let go: a core that stalls. */
  readonly stalled: Set<CoreId> = new Set();
  readonly drops: Map<number, number> = new Map();
  readonly events: { at: Millis; name: string; numbers: number[] }[] = [];
  /** The segment of each port, "" = none. */
  readonly segments: string[];
  readonly address: Mac;
  common: CommonConfig;
  config: StpConfig;
  master: CoreId = 0;
  messages: Map<string, number> = new Map();

  constructor(world: Surroundings, options: StpNodeOptions) {
    const { ports, cores = 1 } = options;
    this.world = world;
    this.name = options.name;
    this.address = options.address;
    this.segments = ports.map(() => "");
    this.common = commonOf(options.name, options.address, ports.length);
    this.config = configOf(options);
    for (let core = 0; core < cores; core++) {
      const own = new StpCore(this, core, cores, ports.length);
      this.cores.push(own);
      own.stp = new Stp(this.config, this.common, own, own, own, world.now);
    }
  }

  /** The engine of the link master. */
  get stp(): Stp {
    return this.cores[this.master]?.stp as Stp;
  }

  row(channel: ChannelId): Record<string, unknown> {
    const found = this.stp
      .rows(0, 1000, this.world.now)
      .rows.find((row) => row["channel"] === channel);
    if (found === undefined) throw new Error(`no channel ${channel}`);
    return found;
  }

  /** Takes another configuration, on every core, each when it likes. */
  reconfigure(change: (config: StpBridgeConfig) => StpBridgeConfig): void {
    this.config = { bridges: this.config.bridges.map(change) };
    for (const core of this.cores) {
      this.world.later(this.world.busDelay(), () => {
        core.stp?.configure(this.config, this.common, this.world.now);
      });
    }
  }

  /** The role goes to another core; each core notices when it likes. */
  moveRole(to: CoreId): void {
    this.master = to;
    for (const core of this.cores) {
      this.world.later(this.world.busDelay(), () => {
        core.masterSeen = this.master;
        if (!this.dead.has(core.core)) core.stp?.roleChanged(this.world.now);
      });
    }
  }

  /** A core dies; what it was to hear is lost, and what it had sent arrives. */
  kill(core: CoreId): void {
    this.dead.add(core);
    if (core !== this.master) return;
    const next = this.cores.findIndex((one) => !this.dead.has(one.core));
    if (next >= 0) this.moveRole(next);
  }

  /** A core begins anew with nothing; its links are told to it. */
  restart(core: CoreId): void {
    const own = this.cores[core] as StpCore;
    this.dead.delete(core);
    own.masterSeen = this.master;
    own.stp = new Stp(this.config, this.common, own, own, own, this.world.now);
    for (const [port, segment] of this.segments.entries()) {
      own.stp.linkChanged(port, segment !== "", 0, this.world.now);
    }
  }

  /** Channels that any living core forwards from one to the other. */
  joins(from: ChannelId, to: ChannelId): boolean {
    return this.cores.some(
      ({ core, states }) =>
        !this.dead.has(core) &&
        states[from] === PortState.Forwarding &&
        states[to] === PortState.Forwarding,
    );
  }

  messageCount(): number {
    let total = 0;
    for (const count of this.messages.values()) total += count;
    return total;
  }
}

function commonOf(name: string, address: Mac, count: number): CommonConfig {
  const numbers = Array.from({ length: count }, (_, port) => port);
  return {
    ports: numbers.map((port) => ({ name: `p${port}`, mac: address + 1 + port, mtu: 1500 })),
    channels: numbers.map((port) => ({ name: `${name}.${port}`, ports: [port] })),
    interfaces: [],
  };
}

function configOf(options: StpNodeOptions): StpConfig {
  const channels = options.ports.map((port, channel) => ({
    ...STP_CHANNEL_DEFAULTS,
    channel,
    number: channel + 1,
    ...port,
  }));
  const { address, bridge } = options;
  return { bridges: [{ ...STP_DEFAULTS, bridge: 0, address, channels, ...bridge }] };
}
