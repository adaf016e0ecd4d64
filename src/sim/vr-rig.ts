// Several routers' virtual-router engines on one segment, each on several cores, on a virtual clock: for tests of the
// engine alone. Frames take a delay, may be lost, and do not cross a partition; messages between the cores of a router
// are delivered in order. After every step all cores of a router must hold the same virtual MACs.

import type { CommonConfig } from "../engine/config.ts";
import { DROP_NAMES } from "../engine/drop.ts";
import { EVENT_NAMES } from "../engine/event.ts";
import { MESSAGE_NAMES, Message } from "../engine/message.ts";
import type { Virtual, VirtualSink } from "../engine/virtual.ts";
import { Prng } from "../lib/prng.ts";
import type { CoreId, Ipv4, Mac, Millis, Offset } from "../lib/units.ts";
import {
  VR_DEFAULTS,
  VR_ROUTER_DEFAULTS,
  type VrConfig,
  type VrRouterConfig,
} from "../vr/config.ts";
import type { Machine } from "../vr/machine.ts";
import { Vr } from "../vr/vr.ts";
import { DELIVERY, SmallOut } from "./small-out.ts";

/** Frames under construction and received ones lie here, one behind the other, used again in a circle. */
const FRAMES_AT = 4096;
const ROOM = 2048;
const COUNT = 64;

/** A frame that a router sent. */
export interface VrFrame {
  readonly at: Millis;
  readonly from: number;
  readonly bytes: Uint8Array;
}

/** Something that a core said. */
export interface VrEvent {
  readonly at: Millis;
  readonly core: CoreId;
  readonly name: string;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

interface Sent {
  readonly from: CoreId;
  readonly to: CoreId;
  readonly bytes: Uint8Array;
}

const keyOf = ({ iface, mac, family }: Virtual): string => `${iface} ${mac.toString(16)} ${family}`;

/** One core: an Out and a sink that remember. */
export class VrCore extends SmallOut implements VirtualSink {
  readonly router: VrRouter;
  /** The virtual MACs that this core takes frames to. */
  readonly active: Map<string, Virtual> = new Map();
  readonly vr: Vr;
  #frame = 0;

  constructor(router: VrRouter, core: CoreId, cores: number) {
    super(core, cores, FRAMES_AT + ROOM * COUNT);
    this.router = router;
    this.vr = new Vr(router.config, router.common, this, this);
  }

  // Out
  override scratch(): Offset {
    this.#frame = (this.#frame + 1) % COUNT;
    return FRAMES_AT + this.#frame * ROOM + 64;
  }

  master(): CoreId {
    return this.router.master;
  }

  override isAlive(core: CoreId): boolean {
    return !this.router.dead.has(core);
  }

  tell(to: CoreId, record: Uint8Array): void {
    if (this.isAlive(to)) this.router.told(this.core, to, record);
  }

  drop(reason: number): void {
    this.router.drops.push(DROP_NAMES[reason] ?? "?");
  }

  event(code: number, a: number, b: number, c: number, d: number): void {
    const { core } = this;
    this.router.events.push({
      at: this.router.rig.now,
      core,
      name: EVENT_NAMES[code] ?? "?",
      a,
      b,
      c,
      d,
    });
  }

  // VirtualSink
  setVirtual(virtual: Virtual, active: boolean): void {
    if (active) this.active.set(keyOf(virtual), virtual);
    else this.active.delete(keyOf(virtual));
  }

  announce(virtual: Virtual, repeat: number, now: Millis): void {
    if (!this.active.has(keyOf(virtual))) throw new Error("announces what it does not hold");
    this.router.announcements.push({ at: now, core: this.core, name: virtual.name, repeat });
  }

  sendControl(_iface: number, start: Offset, end: Offset): void {
    this.router.sent(this, this.bytes.slice(start, end));
  }

  sendUnicast(_iface: number, _family: 4 | 6, start: Offset, end: Offset): void {
    this.router.sent(this, this.bytes.slice(start, end));
  }

  isInterfaceUp(): boolean {
    return this.router.up;
  }

  isPortUp(port: number): boolean {
    return !this.router.downPorts.has(port);
  }

  isChannelUp(channel: number): boolean {
    return !this.router.downPorts.has(channel);
  }

  hasRoute4(prefix: Ipv4): boolean {
    return !this.router.downRoutes.has(prefix);
  }

  hasRoute6(): boolean {
    return true;
  }

  isReachable4(_iface: number, address: Ipv4): boolean {
    return !this.router.downRoutes.has(address);
  }

  isReachable6(): boolean {
    return true;
  }

  /** A frame arrives at this core. */
  receive(bytes: Uint8Array, channel = 0): boolean {
    const start = this.scratch();
    this.bytes.set(bytes, start);
    return this.vr.receive(0, channel, start, start + bytes.length, this.router.rig.now);
  }
}

export class VrRouter {
  readonly rig: VrRig;
  readonly index: number;
  config: VrConfig;
  common: CommonConfig;
  readonly cores: VrCore[] = [];
  readonly mac: Mac;
  readonly address: Ipv4;
  master: CoreId = 0;
  readonly dead: Set<CoreId> = new Set();
  /** Nothing runs: the process is stopped, or killed. Frames wait (up to a queue's length). */
  frozen = false;
  up = true;
  readonly downPorts: Set<number> = new Set();
  readonly downRoutes: Set<number> = new Set();
  readonly drops: string[] = [];
  readonly events: VrEvent[] = [];
  readonly announcements: { at: Millis; core: CoreId; name: string; repeat: number }[] = [];
  /** Messages sent, by name. */
  readonly messages: Map<string, number> = new Map();
  /** Which core gets the next frame. */
  steer: (frame: VrFrame) => CoreId = () => this.master;
  readonly waiting: VrFrame[] = [];
  readonly #bus: Sent[] = [];

  constructor(rig: VrRig, index: number, cores: number, config: VrConfig) {
    this.rig = rig;
    this.index = index;
    this.config = config;
    this.mac = 0x0200_0000_0001 + index;
    this.address = 0xc000_0202 + index;
    this.common = this.#common();
    for (let core = 0; core < cores; core++) this.cores.push(new VrCore(this, core, cores));
  }

  #common(): CommonConfig {
    const { mac, address } = this;
    return {
      ports: [{ name: "p0", mac, mtu: 1500 }],
      channels: [{ name: "p0", ports: [0] }],
      interfaces: [
        {
          name: "lan",
          mac,
          bridge: -1,
          channel: 0,
          vlan: 0,
          addresses: [{ address, prefix: 24 }],
          proxyArp: false,
          mtu: 1500,
          ipv6: {
            addresses: [],
            acceptAdvertisements: false,
            autoconfigure: false,
            acceptRedirects: false,
            advertise: null,
          },
        },
      ],
    };
  }

  /** The master's record of a router; its first machine unless a family is named. */
  machine(name = "gw", family: 4 | 6 = 4, core: CoreId = this.master): Machine {
    const found = this.cores[core]?.vr.runner.machines.find(
      (one) => one.config.name === name && one.family === family,
    );
    if (found === undefined) throw new Error(`no router ${name}`);
    return found;
  }

  state(name = "gw", family: 4 | 6 = 4): string {
    return this.machine(name, family).stateName;
  }

  get isActive(): boolean {
    return this.machine().isActive;
  }

  sent(from: VrCore, bytes: Uint8Array): void {
    if (from.core !== this.master) throw new Error("another core than the link master sends");
    this.rig.sent({ at: this.rig.now, from: this.index, bytes });
  }

  told(from: CoreId, to: CoreId, bytes: Uint8Array): void {
    const name = MESSAGE_NAMES[bytes[0] as number] ?? "?";
    this.messages.set(name, (this.messages.get(name) ?? 0) + 1);
    this.#bus.push({ from, to, bytes });
  }

  /** Messages sent since the last call, as words. */
  takeMessages(): string {
    const text = [...this.messages].map(([name, count]) => `${name} ${count}`).join(", ");
    this.messages.clear();
    return text;
  }

  takeDrops(): string[] {
    return this.drops.splice(0);
  }

  takeEvents(): VrEvent[] {
    return this.events.splice(0);
  }

  /** Delivers messages until none is under way. */
  settle(): void {
    for (let sent = this.#bus.shift(); sent !== undefined; sent = this.#bus.shift()) {
      if (this.dead.has(sent.to)) continue;
      const own = this.cores[sent.to] as VrCore;
      own.bytes.set(sent.bytes, DELIVERY);
      if (sent.bytes[0] === Message["resync-ask"]) this.resync(sent.to, sent.from);
      else own.vr.message(sent.bytes[0] as number, sent.from, DELIVERY, this.rig.now);
    }
  }

  /** Sends a core's whole view to another one, as after an overflow. */
  resync(from: CoreId, to: CoreId): void {
    const { vr } = this.cores[from] as VrCore;
    this.cores[to]?.vr.resyncBegin(from);
    for (let cursor = 0; cursor >= 0; ) cursor = vr.resync(to, cursor, 64, this.rig.now);
    this.settle();
    this.cores[to]?.vr.resyncEnd(from);
  }

  arrive(frame: VrFrame): void {
    if (this.frozen) {
      if (this.waiting.length < 64) this.waiting.push(frame);
      return;
    }
    const core = this.steer(frame);
    if (!this.dead.has(core)) this.cores[core]?.receive(frame.bytes);
    this.settle();
  }

  /** The process runs again: frames first, then timers, as a core's round does. */
  thaw(): void {
    this.frozen = false;
    for (const frame of this.waiting.splice(0)) this.arrive(frame);
  }

  tick(): void {
    if (this.frozen) return;
    for (const { core, vr } of this.cores) if (!this.dead.has(core)) vr.tick(this.rig.now);
    this.settle();
    this.check();
  }

  /** The master dies and the next core plays its role. */
  kill(core: CoreId): void {
    this.dead.add(core);
    if (core === this.master) this.master = this.cores.findIndex((one) => !this.dead.has(one.core));
  }

  reload(config: VrConfig): void {
    this.config = config;
    for (const { core, vr } of this.cores) {
      if (this.dead.has(core)) continue;
      vr.retire(config, this.common, this.rig.now);
      vr.configure(config, this.common, this.rig.now);
    }
    this.settle();
  }

  check(): void {
    const live = this.cores.filter(({ core }) => !this.dead.has(core));
    const sets = live.map(({ active }) => [...active.keys()].sort().join());
    if (sets.some((one) => one !== sets[0])) {
      throw new Error(`router ${this.index}: cores differ in the virtual MACs they take`);
    }
    const digests = live.map(({ vr }) => vr.summary().digest);
    if (digests.some((one) => one !== digests[0])) {
      throw new Error(`router ${this.index}: cores differ in what they know`);
    }
  }
}

/** What a test says of a router. */
export type VrSpec = Partial<VrRouterConfig>;

/** A whole router's configuration: version 3, VRID 10, one address, no second bursts unless asked for. */
export const vrRouter = (more: VrSpec = {}): VrRouterConfig => ({
  ...VR_ROUTER_DEFAULTS,
  name: "gw",
  iface: 0,
  vrid: 10,
  addresses: more.addresses6 === undefined ? [0xc000_0201] : [],
  ...more,
});

export const vrConfig = (routers: readonly VrSpec[], more: Partial<VrConfig> = {}): VrConfig => ({
  ...VR_DEFAULTS,
  boot: 1_700_000_000,
  ...more,
  routers: routers.map(vrRouter),
});

export interface VrRigOptions {
  readonly seed?: number;
  readonly cores?: number;
  /** How long a frame takes. */
  readonly delay?: Millis;
  /** Share of frames that are lost. */
  readonly loss?: number;
}

export class VrRig {
  now: Millis = 1000;
  readonly routers: VrRouter[] = [];
  readonly frames: VrFrame[] = [];
  loss: number;
  /** Side of each router; frames stay on theirs. */
  readonly sides: number[] = [];
  readonly #delay: Millis;
  readonly #random: Prng;
  readonly #flying: VrFrame[] = [];

  constructor(routers: readonly (VrConfig | VrSpec)[], options: VrRigOptions = {}) {
    this.#delay = options.delay ?? 0.2;
    this.loss = options.loss ?? 0;
    this.#random = new Prng(options.seed ?? 1);
    for (const [index, one] of routers.entries()) {
      const config = "routers" in one ? one : vrConfig([one]);
      this.routers.push(new VrRouter(this, index, options.cores ?? 1, config as VrConfig));
      this.sides.push(0);
    }
  }

  router(index: number): VrRouter {
    return this.routers[index] as VrRouter;
  }

  get first(): VrRouter {
    return this.router(0);
  }

  get second(): VrRouter {
    return this.router(1);
  }

  sent(frame: VrFrame): void {
    this.frames.push(frame);
    this.#flying.push(frame);
  }

  /** Frames of a router since the last call. */
  takeFrames(from?: number): VrFrame[] {
    const taken = this.frames.splice(0);
    return from === undefined ? taken : taken.filter((frame) => frame.from === from);
  }

  /** Delivers what has arrived by now. */
  deliver(): void {
    for (;;) {
      const next = this.#flying.findIndex(({ at }) => at + this.#delay <= this.now);
      if (next < 0) return;
      const [frame] = this.#flying.splice(next, 1);
      for (const router of this.routers) {
        if (frame === undefined || router.index === frame.from) continue;
        if (this.sides[router.index] !== this.sides[frame.from]) continue;
        if (this.#random.chance(this.loss)) continue;
        router.arrive(frame);
      }
    }
  }

  /** Lets time pass in steps. */
  run(duration: Millis, each: () => void = () => {}, step: Millis = 1): void {
    for (const until = this.now + duration; this.now < until; ) {
      this.now = Math.min(until, this.now + step);
      this.deliver();
      for (const router of this.routers) router.tick();
      each();
    }
  }

  /** Lets time pass until something holds; how long it took. */
  runUntil(holds: () => boolean, limit: Millis = 60_000, step: Millis = 1): Millis {
    const from = this.now;
    while (!holds()) {
      if (this.now - from > limit) throw new Error(`still not so after ${limit} ms`);
      this.run(step, undefined, step);
    }
    return this.now - from;
  }

  /** The routers that are Active and not frozen. */
  active(name = "gw", family: 4 | 6 = 4): number[] {
    return this.routers
      .filter((one) => !one.frozen && one.machine(name, family).isActive)
      .map(({ index }) => index);
  }
}
