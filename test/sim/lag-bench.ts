// A bundle of four links between a whole appliance and a simulated partner, with an edge port for frames to and from
// it.

import type { ApplianceConfig } from "../../src/core/config.ts";
import { LAG_DEFAULTS, type LagChannelConfig } from "../../src/lag/config.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import { access, plainConfig } from "../../src/sim/configs.ts";
import { Partner } from "../../src/sim/partner.ts";

export const MEMBERS = 4;
export const EDGE = 4;
export const CHANNEL = 5;
export const SYSTEM = 0x02cc_0000_0001;
export const HOST = "02:00:00:00:00:0a";
export const FAR = "02:00:00:00:00:0b";

export function configOf(
  cores: number,
  more: Partial<LagChannelConfig> = {},
  roles?: readonly number[],
): ApplianceConfig {
  const base = plainConfig({
    cores,
    members: [],
    routedPorts: 5,
    ...(roles === undefined ? {} : { roles }),
  });
  const { ports } = base.common;
  const numbers = [0, 1, 2, 3];
  const members = numbers.map((port) => ({
    port,
    number: port + 1,
    priority: 0x8000,
    mac: ports[port]?.mac ?? 0,
  }));
  const system = ports[0]?.mac ?? 0;
  return {
    ...base,
    common: {
      ...base.common,
      channels: [
        ...numbers.map(() => ({ name: "", ports: [] })),
        { name: "p4", ports: [EDGE] },
        { name: "LA/1", ports: numbers, hash: "l3+l4" },
      ],
    },
    bridging: {
      bridges: plainConfig({ cores, members: [access(1), access(1)] }).bridging.bridges.map(
        (bridge) => ({
          ...bridge,
          channels: bridge.channels.map((channel, index) => ({
            ...channel,
            channel: EDGE + index,
          })),
        }),
      ),
    },
    lag: {
      channels: [{ ...LAG_DEFAULTS, channel: CHANNEL, system, members, rate: "fast", ...more }],
    },
  };
}

export class Bench {
  readonly cluster: Cluster;
  readonly partner: Partner;
  /** Frames that reached the edge port, and the hosts behind the partner. */
  edge = 0;
  behind = 0;
  /** Frames of the appliance by member, LACPDUs apart. */
  readonly byMember: number[] = [0, 0, 0, 0];
  readonly pdus: { port: number; core: number; at: number }[] = [];

  constructor(config: ApplianceConfig, seed = 1) {
    this.cluster = new Cluster(config, { seed });
    this.partner = new Partner([0, 1, 2, 3], SYSTEM, {
      toAppliance: (port, view, start, end) => {
        this.cluster.inject(
          port,
          new Uint8Array(view.buffer, view.byteOffset + start, end - start).slice(),
        );
      },
      toHosts: () => this.behind++,
      setLink: (port, up) => this.cluster.ends[port]?.[0]?.setUp(up),
    });
    this.cluster.onFrame = (port, core, view, start, end) => {
      if (port === EDGE) this.edge++;
      else {
        if (view.getUint16(start + 12) === 0x8809)
          this.pdus.push({ port, core, at: this.cluster.now });
        else this.byMember[port] = (this.byMember[port] ?? 0) + 1;
        this.partner.receive(port, view, start, end, this.cluster.now);
      }
    };
  }

  run(duration: number, each: (now: number) => void = () => {}): void {
    this.cluster.run(duration, (now) => {
      this.partner.tick(now);
      each(now);
    });
  }

  /** Messages by name that a step cost. */
  cost(step: () => void): Record<string, number> {
    const before = this.cluster.messages();
    step();
    const spent: Record<string, number> = {};
    for (const [name, count] of Object.entries(this.cluster.messages())) {
      const more = count - (before[name] ?? 0);
      if (more > 0) spent[name] = more;
    }
    return spent;
  }

  get muxes(): (string | undefined)[][] {
    return this.cluster.cores.map(({ dispatch }) =>
      dispatch.lag.rows(0, 9, this.cluster.now).rows.map((row) => row["mux"] as string),
    );
  }
}
