// Linkloom as a library: an appliance inside a program. Everything that the command line does to a running appliance is
// here too; frames can be given to memory ports and taken from them, packets sent, tables read.
//
//   const appliance = await startLinkloom("ports: {a: {driver: memory}} ...");
//   await appliance.send("192.0.2.10", packet);

import { check } from "./control/check.ts";
import { ConfigError, ControlError } from "./control/errors.ts";
import { load, plan } from "./control/load.ts";
import { parseAddress } from "./control/network.ts";
import { show } from "./control/show.ts";
import { type MemoryOptions, MemoryPort } from "./ports/memory.ts";
import { type RunningAppliance, startAppliance } from "./runtime/appliance.ts";
import { Protocol } from "./wire/ipv4.ts";

export { ConfigError, ControlError } from "./control/errors.ts";
export { MemoryPort } from "./ports/memory.ts";
export { Batch, type Port } from "./ports/port.ts";

/** A row of `show`, as the command line prints it with --json. */
export type Row = Record<string, unknown>;

/** What became of a packet (host/sender.ts): on its way, waiting for an address, or why not. */
export type SendStatus = "sent" | "waiting" | "no-route" | "too-big" | "no-buffer" | "no-source";

/** A running appliance. */
export class Linkloom {
  readonly #appliance: RunningAppliance;

  constructor(appliance: RunningAppliance) {
    this.#appliance = appliance;
  }

  /** Rejects with the reason when a core died; resolves after `stop`. */
  get ended(): Promise<void> {
    return this.#appliance.ended;
  }

  /**
   * HOST-1: sends `packet`, the payload of an IP packet, to an address of either family: route, resolve, transmit.
   * `protocol` is the IPv4 protocol number, UDP by default; the packet then begins with its UDP header. Rejects for an
   * address that is none and for a packet over 65,515 bytes.
   */
  async send(
    address: string,
    packet: Uint8Array,
    protocol: number = Protocol.Udp,
  ): Promise<SendStatus> {
    const destination = destinationOf(address);
    const command = { kind: "send", address: destination, protocol, packet } as const;
    const { status } = await this.#appliance.command(0, command);
    return status as SendStatus;
  }

  /** One echo; the round trip in milliseconds, or undefined without an answer in time. */
  async ping(address: string, timeoutMs = 1000): Promise<number | undefined> {
    const target = destinationOf(address);
    const answer = await this.#appliance.command(0, {
      kind: "ping",
      address: target,
      size: 56,
      timeoutMs,
    });
    return answer.replied ? answer.roundTripMs : undefined;
  }

  /** All rows of an object of `show`: cores, ports, arp, bridge, routes, bus, coherence, events, ... */
  async show(object: string, filters: Readonly<Record<string, string>> = {}): Promise<Row[]> {
    const rows: Row[] = [];
    for await (const slice of show({ appliance: this.#appliance }, object, filters))
      rows.push(...slice);
    return rows;
  }

  /**
   * The far end of a memory port's queue on one core: what it sends arrives there as from a wire, and the other way
   * round.
   */
  attach(port: string, core = 0, options: Omit<MemoryOptions, "side"> = {}): MemoryPort {
    const index = this.#appliance.config.common.ports.findIndex(({ name }) => name === port);
    const opening = this.#appliance.openings[index];
    if (opening?.plan.driver !== "memory") {
      throw new ControlError(
        "not-found",
        `There is no memory port "${port}"`,
        "give the port driver: memory",
      );
    }
    const wake = (): void => this.#appliance.wake(core);
    return new MemoryPort(this.#appliance.arena, opening.plan, core, {
      wake,
      ...options,
      side: "world",
    });
  }

  /** The shared buffer that all frames lie in, for who attaches to memory ports. */
  get memory(): SharedArrayBuffer {
    return this.#appliance.arena.buffer;
  }

  /** Room in `memory` for frames to send from; their start must leave 32 bytes before them. */
  reserve(bytes: number): number {
    return this.#appliance.reserve(bytes);
  }

  /** Takes over another configuration; what is unchanged stays undisturbed, a faulty one changes nothing. */
  async reload(text: string): Promise<void> {
    const { configuration, faults } = check(text);
    if (configuration === undefined) throw new ConfigError("the configuration", faults);
    await this.#appliance.reconfigure(plan(configuration, this.#appliance.config));
  }

  stop(): Promise<void> {
    return this.#appliance.stop();
  }
}

function destinationOf(text: string): number | readonly [number, number, number, number] {
  const parsed = parseAddress(text);
  if (parsed !== undefined) return parsed.ipv4 ?? parsed.ipv6;
  throw new ControlError(
    "value-invalid",
    `"${text}" is no IP address`,
    "write 192.0.2.10 or 2001:db8::10",
  );
}

/** Starts an appliance of a configuration's text (YAML or JSON). Rejects with a ConfigError that lists every fault. */
export async function startLinkloom(text: string): Promise<Linkloom> {
  const { configuration, faults } = check(text);
  if (configuration === undefined) throw new ConfigError("the configuration", faults);
  return new Linkloom(await startAppliance(plan(configuration)));
}

/** The same of a configuration file. */
export async function startLinkloomFile(file: string): Promise<Linkloom> {
  return new Linkloom(await startAppliance(plan(load(file).configuration)));
}
