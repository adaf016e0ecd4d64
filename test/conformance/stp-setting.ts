// One bridge's variables without a network, for tests of single machines: a port at rest, hooks that remember.

import { STP_CHANNEL_DEFAULTS, STP_DEFAULTS, type StpChannelConfig } from "../../src/stp/config.ts";
import { BridgeVariables, Info, Port, Role, type TreeHooks } from "../../src/stp/port.ts";

export const NOW = 100_000;
/** Timers that run, and that have run out. */
export const RUNS: number = NOW + 1;
export const OUT: number = NOW - 1;

export type Patch = Partial<Omit<Port, "config">> & { readonly config?: Partial<StpChannelConfig> };

export interface Setting {
  readonly bridge: BridgeVariables;
  readonly port: Port;
  readonly other: Port;
  /** What the hooks were called for, in words. */
  readonly done: string[];
  /** Set to make cores late. */
  settled: boolean;
}

const KINDS = ["config", "tcn", "rst"];

/** A bridge of two ports whose links are up; `port` is patched. */
export function setting(patch: Patch = {}, protocol: "rstp" | "stp" = "rstp"): Setting {
  const done: string[] = [];
  const hooks: TreeHooks = {
    enforce: (_, state) => done.push(`enforce ${state}`),
    flush: () => done.push("flush"),
    isSettled: () => made.settled,
    transmit: (_, kind) => done.push(`transmit ${KINDS[kind]}`),
    roleChanged: () => {},
    protocolChanged: () => {},
    guardChanged: (_, guard, shut) => done.push(`guard ${guard} ${shut}`),
    topologyChanged: () => {},
  };
  const config = { ...STP_DEFAULTS, bridge: 0, address: 0x0200_0000_0100, protocol, channels: [] };
  const bridge = new BridgeVariables(config, hooks);
  bridge.now = NOW;
  const channel = (number: number): StpChannelConfig => ({
    ...STP_CHANNEL_DEFAULTS,
    channel: number - 1,
    number,
    ...(number === 1 ? patch.config : {}),
  });
  const [port, other] = [1, 2].map((number) => atRest(new Port(channel(number)))) as [Port, Port];
  const { config: _config, ...variables } = patch;
  Object.assign(port, variables);
  bridge.ports = [port, other];
  const made: Setting = { bridge, port, other, done, settled: true };
  return made;
}

/** A designated port that forwards, agreed to, with nothing to do. */
function atRest(port: Port): Port {
  Object.assign(port, {
    link: true,
    portEnabled: true,
    selected: true,
    role: Role.Designated,
    selectedRole: Role.Designated,
    infoIs: Info.Mine,
    learn: true,
    forward: true,
    learning: true,
    forwarding: true,
    agreed: true,
    synced: true,
    sendRSTP: true,
    helloWhen: RUNS,
    edgeDelayWhile: RUNS,
    mdelayWhile: RUNS,
  });
  const times = { messageAge: 0, maxAge: 20 * 256, helloTime: 512, forwardDelay: 15 * 256 };
  Object.assign(port.designatedTimes, times);
  Object.assign(port.portTimes, times);
  return port;
}
