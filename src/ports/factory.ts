// From the configuration to a driver's queue on one core. The control core plans all ports' sections of the arena
// before any core starts; each core then opens its own queues.

import type { Arena, Planner } from "../lib/arena.ts";
import type { CoreId, Mac, PortId } from "../lib/units.ts";
import type { SteeringConfig } from "../steering/config.ts";
import { steersExactly } from "../steering/kernel.ts";
import { Held } from "./held.ts";
import { SystemError } from "./linux/errno.ts";
import * as sys from "./linux/ffi.ts";
import { type MemoryLinkPlan, MemoryPort, planMemoryLink } from "./memory.ts";
import { LONG_FROM, type SteeringProgram } from "./packet/fanout.ts";
import { type PacketConfig, type PacketPlan, PacketPort, planPacket } from "./packet/packet.ts";
import { memberClassic, memberProgram } from "./packet/program.ts";
import { type PcapConfig, type PcapPlan, PcapPort, planPcap } from "./pcap.ts";
import type { Port } from "./port.ts";
import { loadPrograms, type StatePage } from "./steering.ts";
import { planTap, type TapConfig, type TapPlan, TapPort } from "./tap.ts";

/** Slots of a memory link per direction and core: half a millisecond at 2 Mpps. Our choice. */
const MEMORY_SLOTS = 1024;

/** A cable inside the process; the world's end is opened by whoever simulates (memory.ts). */
export interface MemoryConfig {
  readonly driver: "memory";
  readonly name?: string;
  readonly mac?: Mac;
  readonly mtu?: number;
  /** A power of two. */
  readonly slots?: number;
}

/** A port's driver and what it needs to know. Plain data. */
export type PortDriverConfig = PacketConfig | TapConfig | PcapConfig | MemoryConfig;

/** A port's place in the arena. Plain data. */
export type PortPlan =
  | ({ readonly driver: "packet" } & PacketPlan)
  | ({ readonly driver: "tap" } & TapPlan)
  | ({ readonly driver: "pcap" } & PcapPlan)
  | ({ readonly driver: "memory" } & MemoryLinkPlan);

/** Reserves what a port needs on so many cores. */
export function planPort(planner: Planner, config: PortDriverConfig, cores: number): PortPlan {
  switch (config.driver) {
    case "packet":
      return { driver: "packet", ...planPacket(planner, cores) };
    case "tap":
      return { driver: "tap", ...planTap(planner, cores) };
    case "pcap":
      return { driver: "pcap", ...planPcap(planner, cores) };
    case "memory":
      return { driver: "memory", ...planMemoryLink(planner, config.slots ?? MEMORY_SLOTS, cores) };
  }
}

/** What a core brings along to open its queue. */
export interface PortContext {
  readonly arena: Arena;
  readonly plan: PortPlan;
  readonly port: PortId;
  readonly core: CoreId;
  readonly cores: number;
  readonly steering: SteeringConfig;
  /** The page that steers; absent: the kernel gets a program that only spreads. */
  readonly page?: StatePage;
  /** Wakes the far end of a memory link after a burst was published. */
  readonly wake?: () => void;
}

/** What the programs of a port are made from. */
type Steering = Omit<PortContext, "plan" | "wake">;

/** A queue, and whether its frames are on their core already: then software need not look at them. */
export interface OpenedPort {
  readonly driver: Port;
  readonly steered: boolean;
}

/** Opens one core's queue of a port. Throws SystemError when the system refuses. */
export function openPort(config: PortDriverConfig, context: PortContext): OpenedPort {
  const { arena, core, cores, plan } = context;
  if (config.driver === "packet" && plan.driver === "packet") {
    return openPacket(config, plan, context);
  }
  if (config.driver === "tap" && plan.driver === "tap") return openTap(config, plan, context);
  if (config.driver === "pcap" && plan.driver === "pcap") {
    return { driver: new PcapPort(config, arena, plan, core), steered: cores === 1 };
  }
  if (config.driver === "memory" && plan.driver === "memory") {
    const { mac = 0, mtu = 1500 } = config;
    const wake = context.wake === undefined ? {} : { wake: context.wake };
    const driver = new MemoryPort(arena, plan, core, { side: "core", mac, mtu, ...wake });
    return { driver, steered: cores === 1 };
  }
  throw new TypeError("a port's plan was made for another driver");
}

const asItIs = (program: Uint8Array): Uint8Array => program;
const forMembers = (program: Uint8Array): Uint8Array => memberProgram(program, LONG_FROM);

/** The programs of the first core, which attaches them for all; null where the kernel takes none. */
function programsOf(context: Steering, adapt: (program: Uint8Array) => Uint8Array) {
  const { arena, core, cores, page, port, steering } = context;
  if (core !== 0 || cores === 1 || page === undefined) return null;
  try {
    return loadPrograms(steering, port, page, arena, adapt);
  } catch (error) {
    // The state page could be made, but not this program: a classic one, and software, do it.
    if (!(error instanceof SystemError) || page.map < 0) throw error;
    return loadPrograms(steering, port, { at: page.at, map: -1 }, arena, adapt);
  }
}

/**
 * Exchanges the kernel program of an open port for that of `context`'s steering, under traffic. For the first core,
 * which attached the program for all. False where the port has no eBPF program, or the kernel refuses: it must then be
 * opened anew.
 */
export function steerPort(driver: Port, kind: string, context: Steering): boolean {
  if (driver.steer === undefined) return false;
  const program = programsOf(context, kind === "packet" ? forMembers : asItIs)?.ebpf ?? -1;
  if (program < 0) return false;
  if (driver.steer(program)) return true;
  sys.close(program);
  return false;
}

/** Closes what threads that are gone left open of a port. */
export function closeHeld(arena: Arena, plan: PortPlan, core: CoreId): void {
  if (plan.driver === "packet" || plan.driver === "tap") {
    new Held(arena, plan.held, core).closeAll();
  }
}

function openPacket(config: PacketConfig, plan: PacketPlan, context: PortContext): OpenedPort {
  const { arena, core, cores, port, steering } = context;
  const adopts = new Held(arena, plan.held, core).isSet;
  const programs = adopts ? null : programsOf(context, forMembers);
  const program: SteeringProgram =
    programs === null
      ? {}
      : programs.ebpf >= 0
        ? { ebpf: programs.ebpf }
        : { classic: memberClassic(programs.classic, LONG_FROM) };
  const driver = new PacketPort(config, arena, plan, core, cores, program);
  const isExact = driver.steered === "ebpf" && steersExactly(steering, port);
  return { driver, steered: cores === 1 || isExact };
}

function openTap(config: TapConfig, plan: TapPlan, context: PortContext): OpenedPort {
  const { arena, core, cores, port, steering } = context;
  const adopts = new Held(arena, plan.held, core).isSet;
  const programs = adopts ? null : programsOf(context, asItIs);
  const driver = new TapPort(config, arena, plan, core, programs?.ebpf ?? -1);
  const isExact = driver.steered === "ebpf" && steersExactly(steering, port);
  return { driver, steered: cores === 1 || isExact };
}
