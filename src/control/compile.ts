// Turns a checked configuration into the plain numbers that the engines run on: names become indexes, MACs are chosen,
// defaults of what the file cannot say are filled in. A name keeps its number over a reload, because tables hold
// numbers; a number whose name is gone stays empty until its name comes back.

import { ARP_DEFAULTS, type ArpConfig } from "../arp/config.ts";
import type { BridgeChannelConfig, BridgingConfig } from "../bridge/config.ts";
import type { ApplianceConfig } from "../core/config.ts";
import { SUPERVISION_DEFAULTS, type SupervisionConfig } from "../core/supervision-config.ts";
import type { InterfaceConfig, PortConfig } from "../engine/config.ts";
import { ROLE_NAMES } from "../engine/role.ts";
import { HOST_DEFAULTS, type HostConfig } from "../host/config.ts";
import type { Mac } from "../lib/units.ts";
import type { PortDriverConfig } from "../ports/factory.ts";
import {
  defaultSteering,
  keyOf,
  type RuleConfig,
  SCHEME_NAMES,
  type Scheme,
  type SteeringConfig,
} from "../steering/config.ts";
import { channelConfig, channelNames, lagConfig, portsBehind } from "./aggregation.ts";
import type { StartPlan } from "./appliance-port.ts";
import { host6, interface6, nd } from "./compile6.ts";
import type {
  BridgeChannelSection,
  BridgeSection,
  Configuration,
  PortSection,
  RuleSection,
} from "./configuration.ts";
import type { LinkFacts } from "./machine.ts";
import type { Prefix } from "./network.ts";
import { channelProtection, snoopConfig } from "./protection.ts";
import { vrConfig } from "./router-config.ts";
import { routerRules } from "./router-steering.ts";
import { stpConfig } from "./spanning-tree.ts";

/** What compiling asks of the machine. */
export interface Facts {
  /** MAC and MTU of a kernel interface. */
  link(name: string): LinkFacts | undefined;
  /** The second since 1970 at which the appliance starts; 0 when left out. */
  bootSeconds?(): number;
  /** A MAC for a port that has none of its own, the same at every start. */
  derivedMac(driver: string, port: string): Mac;
}

/** Ethernet's payload (IEEE 802.3-2018 3.2.7), for a port that says nothing. */
const MTU = 1500;

/** The numbers that names have; "" where a name is gone. */
interface Names {
  readonly ports: readonly string[];
  readonly channels: readonly string[];
  readonly bridges: readonly string[];
  readonly interfaces: readonly string[];
}

/** Compiles a checked configuration; with `before`, names that it knew keep their numbers. */
export function compile(file: Configuration, facts: Facts, before?: ApplianceConfig): StartPlan {
  const portNames = number(Object.keys(file.ports), before?.common.ports);
  const wanted = channelNames(file, portNames);
  const names: Names = {
    ports: portNames,
    channels:
      before === undefined
        ? wanted
        : number(
            wanted.filter((name) => name !== ""),
            before.common.channels,
          ),
    bridges: number(Object.keys(file.bridges), before?.bridging.bridges),
    interfaces: number(Object.keys(file.interfaces), before?.common.interfaces),
  };
  const ports = names.ports.map((name): PortConfig => portConfig(name, file.ports[name], facts));
  const channels = names.channels.map((name) => channelConfig(file, name, names.ports));
  const interfaces = names.interfaces.map((name) => interfaceConfig(file, name, names, ports));
  return {
    config: {
      cores: {
        count: file.cores.count,
        tick: file.cores.tick,
        idle: file.cores.idle,
        priorities: perCore(file),
        supervision: supervision(file.cores),
      },
      globalCache: file["global-cache"].size,
      roles: ROLE_NAMES.map((role) => (file.roles[role] === "auto" ? -1 : file.roles[role])),
      common: { ports, channels, interfaces },
      bridging: bridging(file, names),
      arp: arp(file, names),
      host: host(file, names),
      host6: host6(file, names.interfaces),
      nd: nd(file, names.interfaces, lowestMac(interfaces.keys(), interfaces)),
      steering: steering(file, names),
      lag: lagConfig(file, channels, ports, before),
      vr: vrConfig(file, names, before, facts.bootSeconds?.() ?? 0),
      snoop: snoopConfig(file, names, interfaces, (bridge) =>
        bridgeMac(file, bridge, names, ports),
      ),
      stp: stpConfig(file, names, (bridge) => bridgeMac(file, bridge, names, ports)),
    },
    drivers: names.ports.map((name, port) => driver(file.ports[name], ports[port] as PortConfig)),
  };
}

/** Gives each name a number: the one that it had, then a free one, then the next. */
function number(wanted: readonly string[], before: readonly { name: string }[] = []): string[] {
  const numbers = before.map(({ name }) => (wanted.includes(name) ? name : ""));
  for (const name of wanted) {
    if (numbers.includes(name)) continue;
    // A number freed by this very reload may still stand in tables; only one that was free before is safe.
    const free = numbers.findIndex((taken, index) => taken === "" && before[index]?.name === "");
    if (free >= 0) numbers[free] = name;
    else numbers.push(name);
  }
  return numbers;
}

function supervision(cores: Configuration["cores"]): SupervisionConfig {
  return {
    ...SUPERVISION_DEFAULTS,
    failureTimeout: cores["failure-timeout"],
    restartDelay: cores["restart-delay"],
    maxRestarts: cores["max-restarts"],
    overloadThreshold: cores["overload-threshold"],
    overloadTime: cores["overload-time"],
  };
}

function perCore(file: Configuration): number[] {
  return Array.from({ length: file.cores.count }, (_, core) => file.cores.priorities[core] ?? 0);
}

function portConfig(name: string, port: PortSection | undefined, facts: Facts): PortConfig {
  if (port === undefined) return { name, mac: 0, mtu: MTU };
  const kernel =
    port.driver === "packet" || port.driver === "xdp" ? facts.link(port.interface) : undefined;
  // A TAP's kernel side has a MAC of its own, which the appliance's side must not share.
  const mac = port.mac ?? kernel?.mac ?? facts.derivedMac(port.driver, name);
  return { name, mac, mtu: port.mtu ?? kernel?.mtu ?? MTU };
}

function driver(port: PortSection | undefined, known: PortConfig): PortDriverConfig | null {
  if (port === undefined) return null;
  const { name, mac, mtu } = known;
  switch (port.driver) {
    case "packet":
    case "xdp":
      return { driver: "packet", name, interface: port.interface, force: port.force };
    case "tap":
      return { driver: "tap", name, interface: port.interface, mac, mtu };
    case "pcap":
      return { driver: "pcap", name, file: port.file ?? "", out: port.out ?? "", mac, mtu };
    case "memory":
      return { driver: "memory", name, mac, mtu };
  }
}

/** The lowest MAC of a bridge's ports, as IEEE 802.1D-2004 7.12.5 recommends for the bridge address. */
function bridgeMac(
  file: Configuration,
  bridge: string,
  names: Names,
  ports: readonly PortConfig[],
): Mac {
  const section = file.bridges[bridge];
  if (section?.mac !== undefined) return section.mac;
  const members = Object.keys(section?.channels ?? {}).flatMap((channel) =>
    portsBehind(file, channel).map((port) => names.ports.indexOf(port)),
  );
  return lowestMac(members, ports);
}

function lowestMac(members: Iterable<number>, ports: readonly { readonly mac: Mac }[]): Mac {
  const macs = [...members].map((port) => ports[port]?.mac ?? 0).filter((mac) => mac !== 0);
  return macs.length === 0 ? 0 : Math.min(...macs);
}

function interfaceConfig(
  file: Configuration,
  name: string,
  names: Names,
  ports: readonly PortConfig[],
): InterfaceConfig {
  const section = file.interfaces[name];
  const bridge = section?.bridge === undefined ? -1 : names.bridges.indexOf(section.bridge);
  const channel = section?.channel === undefined ? -1 : names.channels.indexOf(section.channel);
  const below = (
    section?.bridge === undefined ? [section?.channel ?? ""] : members(file, section.bridge)
  ).flatMap((name) => portsBehind(file, name).map((port) => names.ports.indexOf(port)));
  const mtus = below.map((port) => ports[port]?.mtu ?? MTU);
  const mac =
    section?.bridge === undefined
      ? lowestMac(below, ports)
      : bridgeMac(file, section.bridge, names, ports);
  return {
    name,
    mac: section?.mac ?? mac ?? 0,
    bridge,
    channel,
    vlan: section?.vlan ?? (bridge >= 0 ? 1 : 0),
    addresses: (section?.addresses ?? []).flatMap(({ ipv4, length }) =>
      ipv4 === undefined ? [] : [{ address: ipv4, prefix: length }],
    ),
    proxyArp: section?.["proxy-arp"] ?? false,
    mtu: section?.mtu ?? Math.min(MTU, ...mtus),
    ipv6: interface6(file, section),
  };
}

function members(file: Configuration, bridge: string): string[] {
  return Object.keys(file.bridges[bridge]?.channels ?? {});
}

function bridging(file: Configuration, names: Names): BridgingConfig {
  return {
    bridges: names.bridges.map((name) => {
      const section = file.bridges[name];
      return {
        name,
        tableSize: section?.["table-size"] ?? 16,
        probeLimit: section?.["probe-limit"] ?? 8,
        ageingTime: section?.["ageing-time"] ?? 300_000,
        ageing: section?.ageing ?? "each-tells",
        learning: section?.learning ?? "broadcast",
        loopDetection: section?.["loop-detection"].enabled ? section["loop-detection"] : undefined,
        moveLimit: section?.["move-limit"] ?? 0,
        muteTime: section?.["mute-time"] ?? 0,
        channels: Object.entries(section?.channels ?? {}).map(([channel, options]) =>
          bridgeChannel(names.channels.indexOf(channel), options, section),
        ),
        statics: (section?.static ?? []).map(({ mac, vlan, channel }) => ({
          mac,
          vlan,
          channel: names.channels.indexOf(channel),
        })),
      };
    }),
  };
}

function bridgeChannel(
  channel: number,
  section: BridgeChannelSection,
  bridge: BridgeSection | undefined,
): BridgeChannelConfig {
  const native = section["native-vlan"] ?? 1;
  return {
    channel,
    mode: section.mode,
    accessVlan: section["access-vlan"] ?? 1,
    nativeVlan: native === "none" ? 0 : native,
    trunkVlans: section["trunk-vlans"] === undefined ? [[1, 4094]] : ranges(section["trunk-vlans"]),
    ...channelProtection(bridge, section),
  };
}

/** Ascending numbers as inclusive ranges. */
export function ranges(numbers: readonly number[]): [number, number][] {
  const found: [number, number][] = [];
  for (const value of numbers) {
    const last = found.at(-1);
    if (last !== undefined && last[1] === value - 1) last[1] = value;
    else found.push([value, value]);
  }
  return found;
}

function arp(file: Configuration, names: Names): ArpConfig {
  const section = file.neighbours.arp;
  const gratuitous = section["accept-gratuitous"];
  return {
    ...ARP_DEFAULTS,
    ageing: section.ageing,
    timeout: section.timeout,
    retries: section.retries,
    retryInterval: section["retry-interval"],
    backOff: section["back-off"] ? "exponential" : "none",
    pendingFrames: section["pending-frames"],
    propagate: section.propagate,
    answer: section.answer,
    maxEntries: section["max-entries"],
    acceptGratuitous: gratuitous === "create" ? "learn" : gratuitous,
    statics: file.neighbours.static.flatMap(({ address, mac, interface: name }) =>
      address.ipv4 === undefined
        ? []
        : [{ iface: names.interfaces.indexOf(name), address: address.ipv4, mac }],
    ),
  };
}

function host(file: Configuration, names: Names): HostConfig {
  return {
    ...HOST_DEFAULTS,
    forwarding: file.forwarding.ipv4,
    redirects: file.forwarding.redirects,
    routes: file.routes.flatMap((route) => {
      const { ipv4: to, length: prefix } = route.to;
      if (to === undefined) return [];
      const iface = route.interface === undefined ? -1 : names.interfaces.indexOf(route.interface);
      return [{ to, prefix, via: route.via?.ipv4 ?? 0, interface: iface, kind: route.kind }];
    }),
  };
}

function steering(file: Configuration, names: Names): SteeringConfig {
  const section = file.steering;
  const defaults = defaultSteering(file.cores.count);
  const scheme = (name: PortSection["scheme"]): Scheme =>
    (name === undefined ? -1 : SCHEME_NAMES.indexOf(name)) as Scheme;
  const perPort = <T>(read: (port: PortSection | undefined) => T): T[] =>
    names.ports.map((name) => read(file.ports[name]));
  return {
    ...defaults,
    key: keyOf(section.key) ?? defaults.key,
    buckets: section.buckets,
    scheme: scheme(section.scheme),
    portSchemes: perPort((port) => scheme(port?.scheme)),
    portCores: perPort((port) => port?.core ?? -1),
    unitFrames: "frames" in section.unit ? section.unit.frames : defaults.unitFrames,
    unitTime: "millis" in section.unit ? section.unit.millis : defaults.unitTime,
    functions: Object.fromEntries(
      Object.entries(section.functions).filter(([, core]) => core !== undefined),
    ) as SteeringConfig["functions"],
    rules: [...routerRules(file), ...section.rules.map((rule) => steeringRule(rule, names))],
    rebalance: section.rebalance,
    loadThreshold: section["load-threshold"] ?? defaults.loadThreshold,
    priorities: perCore(file),
  };
}

function steeringRule(rule: RuleSection, names: Names): RuleConfig {
  const match = (prefix: Prefix | undefined): RuleConfig["source"] => prefix;
  return {
    etherType: rule["ether-type"],
    vlan: rule.vlan,
    port: rule.port === undefined ? undefined : names.ports.indexOf(rule.port),
    protocol: rule.protocol,
    source: match(rule.source),
    destination: match(rule.destination),
    sourcePort: rule["source-port"],
    destinationPort: rule["destination-port"],
    core: rule.core,
    role: rule.role === undefined ? undefined : (ROLE_NAMES.indexOf(rule.role) as 0 | 1),
  };
}
