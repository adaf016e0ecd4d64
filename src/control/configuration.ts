// A configuration that passed the schema, as TypeScript sees it: defaults filled in, durations in milliseconds, sizes
// in bytes, addresses as numbers. The compiler checks that schema.ts yields exactly this.

import type { Mac, Vlan } from "../lib/units.ts";
import type { AdvertisementsSection } from "./advertisements.ts";
import type { Address, Prefix } from "./network.ts";
import type { ProtectedBridge, ProtectedChannel } from "./protection-schema.ts";

export type Scheme = "flow" | "port" | "function" | "least-load" | "time-slice" | "arbiter";
type Optional<T> = T | undefined;

export interface CoresSection {
  count: number;
  tick: number;
  idle: "sleep" | "poll";
  priorities: Record<string, number>;
  "failure-timeout": number;
  "restart-delay": number;
  "max-restarts": number;
  "overload-threshold": number;
  "overload-time": number;
}

/** A distribution rule: what a frame must match, and the core or role that gets it (CORE-5). */
export interface RuleSection {
  "ether-type"?: Optional<number>;
  vlan?: Optional<Vlan>;
  port?: Optional<string>;
  protocol?: Optional<number>;
  source?: Optional<Prefix>;
  destination?: Optional<Prefix>;
  "source-port"?: Optional<number>;
  "destination-port"?: Optional<number>;
  core?: Optional<number>;
  role?: Optional<"arp" | "link">;
}

export interface SteeringSection {
  scheme: Scheme;
  unit: { frames: number } | { millis: number };
  /** A name, or 32 to 104 hex digits. */
  key: string;
  buckets: number;
  rebalance: { threshold: number; interval: number };
  "load-threshold"?: Optional<number>;
  functions: {
    tcp?: Optional<number>;
    udp?: Optional<number>;
    icmp?: Optional<number>;
    ip?: Optional<number>;
    other?: Optional<number>;
  };
  rules: RuleSection[];
}

interface PortCommon {
  scheme?: Optional<Scheme>;
  core?: Optional<number>;
  mac?: Optional<Mac>;
  mtu?: Optional<number>;
}
export type PortSection = PortCommon &
  (
    | { driver: "packet" | "xdp"; interface: string; force: boolean }
    | { driver: "tap"; interface: string }
    | { driver: "pcap"; file?: Optional<string>; out?: Optional<string> }
    | { driver: "memory" }
  );

export interface ChannelSection {
  members: string[];
  mode: "lacp" | "static" | "active-backup";
  hash: "l3+l4" | "l2" | "l2+l3";
  "min-links": number;
  "max-links": number;
  "up-delay": number;
  "down-delay": number;
  lacp?: Optional<{
    activity: "active" | "passive";
    rate: "slow" | "fast";
    key?: Optional<number>;
    "system-priority": number;
    "system-id": "auto" | Mac;
    fallback: "none" | "static" | "individual";
    mux: "independent" | "coupled";
  }>;
  "member-options": Record<string, { priority: number }>;
}

export interface BridgeChannelSection extends ProtectedChannel {
  mode: "access" | "trunk";
  "access-vlan"?: Optional<Vlan>;
  "native-vlan"?: Optional<Vlan | "none">;
  "trunk-vlans"?: Optional<Vlan[]>;
  stp?: Optional<{
    edge: "auto" | boolean;
    "point-to-point": "auto" | boolean;
    "bpdu-guard": boolean;
    "bpdu-filter": boolean;
    "root-guard": boolean;
    "loop-guard": boolean;
    "tcn-guard": boolean;
    "guard-recovery": number;
    cost: "auto" | number;
    priority: number;
  }>;
}

export interface BridgeSection extends ProtectedBridge {
  mac?: Optional<Mac>;
  "table-size": number;
  "probe-limit": number;
  "ageing-time": number;
  ageing: "each-tells" | "each-silent" | "one";
  learning: "broadcast" | "independent";
  stp: {
    protocol: "rstp" | "stp" | "off";
    priority: number;
    "hello-time": number;
    "forward-delay": number;
    "max-age": number;
    "tx-hold-count": number;
  };
  channels: Record<string, BridgeChannelSection>;
  static: { mac: Mac; vlan: Vlan; channel: string }[];
  "move-limit": number;
  "mute-time": number;
}

export interface InterfaceSection {
  bridge?: Optional<string>;
  channel?: Optional<string>;
  vlan?: Optional<Vlan>;
  addresses: Prefix[];
  "proxy-arp": boolean;
  mac?: Optional<Mac>;
  mtu?: Optional<number>;
  ipv6?: Optional<boolean>;
  "router-advertisements"?: Optional<AdvertisementsSection>;
}

export interface ArpSection {
  ageing: "timestamp" | "second-chance";
  timeout: number;
  retries: number;
  "retry-interval": number;
  "back-off": boolean;
  "pending-frames": number;
  propagate: "all" | "askers";
  answer: "asker" | "all";
  "max-entries": number;
  "accept-gratuitous": "update" | "create" | "ignore";
}

export interface NdSection {
  owner: "hash" | "first" | "traffic";
  "reachable-time": number;
  "retrans-timer": number;
  "dad-transmits": number;
  "max-entries": number;
}

export interface StaticNeighbour {
  address: Address;
  mac: Mac;
  interface: string;
}

export interface TrackSection {
  channel?: Optional<string>;
  port?: Optional<string>;
  route?: Optional<Prefix>;
  neighbour?: Optional<Address>;
  interface?: Optional<string>;
  decrement?: Optional<number>;
}

interface RouterCommon {
  interface: string;
  vrid: number;
  addresses: Address[];
  accept: boolean;
  preempt: boolean;
  track: TrackSection[];
  tracking: "decrement" | "none" | "one" | "all" | "progressive";
  group?: Optional<string>;
  "share-fate": boolean;
  "virtual-mac": boolean;
  announce: { repeat: number; delay: number; refresh: number };
}
export type RouterSection = RouterCommon &
  (
    | {
        protocol: "vrrp";
        version: number;
        priority: number;
        interval: number;
        "preempt-delay": number;
        checksum: "rfc9568" | "rfc5798" | "mirror";
        password?: Optional<string>;
        peers: Address[];
      }
    | { protocol: "carp"; advbase: number; advskew: number; password: string; peers: Address[] }
    | {
        protocol: "hsrp";
        version: number;
        priority: number;
        hello: number;
        hold: number;
        "preempt-delay": number;
        password: string;
      }
  );

export interface VmacSection {
  ageing: "timestamp" | "flag";
  timeout: number;
  "max-entries": number;
  static: { interface: string; mac: Mac; vrid: number; priority: number; addresses: Address[] }[];
}

export interface ApiSection {
  http: string | null;
  "token-file": string | null;
  metrics: boolean;
  /** Bytes that the past of the objects may take; null: it is not kept. */
  past: number | null;
}

export interface RouteSection {
  to: Prefix;
  via?: Optional<Address>;
  interface?: Optional<string>;
  kind: "unicast" | "blackhole" | "unreachable" | "prohibit";
}

/** The whole file. */
export interface Configuration {
  cores: CoresSection;
  steering: SteeringSection;
  ports: Record<string, PortSection>;
  channels: Record<string, ChannelSection>;
  bridges: Record<string, BridgeSection>;
  interfaces: Record<string, InterfaceSection>;
  routes: RouteSection[];
  forwarding: { ipv4: boolean; ipv6: boolean; redirects: boolean };
  neighbours: { arp: ArpSection; nd?: Optional<NdSection>; static: StaticNeighbour[] };
  "virtual-routers": Record<string, RouterSection>;
  vmac?: Optional<VmacSection>;
  roles: { arp: "auto" | number; link: "auto" | number };
  "global-cache": { size: number };
  api?: Optional<ApiSection>;
}
