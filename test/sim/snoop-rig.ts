// A whole appliance of several cores that snoops, with what left each port counted: for the simulations of BR-8.

import { Control } from "../../src/core/layout.ts";
import { Table } from "../../src/engine/message.ts";
import type { Role } from "../../src/engine/role.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import { access, type PlainOptions, plainConfig } from "../../src/sim/configs.ts";
import {
  type SnoopBridgeConfig,
  type SnoopChannelConfig,
  snoopDefaults,
} from "../../src/snoop/config.ts";
import type { Snoop } from "../../src/snoop/snoop.ts";

export interface SnoopOptions {
  readonly cores?: number;
  readonly roles?: readonly number[];
  readonly ports?: number;
  readonly snoop?: Partial<SnoopBridgeConfig>;
  readonly channels?: Record<number, Partial<SnoopChannelConfig>>;
  readonly plain?: Partial<PlainOptions>;
}

export const ROUTER = "02:00:00:00:00:f0";
export const ROUTER_IP = "192.0.2.254";
export const ROUTER_IP6 = "fe80::f0";

export class SnoopRig {
  readonly cluster: Cluster;
  readonly sent: { port: number; hex: string }[] = [];

  constructor(options: SnoopOptions = {}) {
    const ports = options.ports ?? 5;
    const numbers = Array.from({ length: ports }, (_, port) => port);
    const defaults = snoopDefaults(0, numbers, { mac: 0x02ee_0000_0001, ...options.snoop });
    const channels = defaults.channels.map((channel) => ({
      ...channel,
      ...options.channels?.[channel.channel],
    }));
    const config = plainConfig({
      cores: options.cores ?? 1,
      roles: options.roles ?? [-1, -1],
      members: numbers.map(() => access(10)),
      ...options.plain,
    });
    this.cluster = new Cluster(
      { ...config, snoop: { bridges: [{ ...defaults, channels }] } },
      {
        onFrame: (port, _core, view, start, end) => {
          const bytes = new Uint8Array(view.buffer, start, end - start);
          this.sent.push({ port, hex: Buffer.from(bytes).toString("hex") });
        },
      },
    );
    this.cluster.run(5);
    this.cluster.settle();
    this.sent.length = 0;
  }

  snoop(core: number): Snoop {
    return (this.cluster.cores[core] as (typeof this.cluster.cores)[number]).dispatch.snoop;
  }

  /** Gives a frame to a core; ports that it, or what came of it, left through. */
  give(port: number, frame: Uint8Array, core = -1): number[] {
    this.sent.length = 0;
    this.cluster.inject(port, frame, core);
    this.cluster.settle();
    return this.sent.map((one) => one.port).sort((a, b) => a - b);
  }

  /** Moves a role, as the control core does. */
  setMaster(role: Role, core: number): void {
    const { arena, layout } = this.cluster;
    arena.i32[(layout.control >> 2) + Control.RoleAt + role] = core;
  }

  /** Lets time pass. */
  pass(time: number): void {
    this.cluster.run(time, undefined, Math.max(1, Math.min(100, time / 100)));
    this.cluster.settle();
  }

  get isCoherent(): boolean {
    return this.cluster.isCoherent(Table.Groups);
  }
}
