// The objects of `show` and of the API: fields in their order, filters, and how equal copies of the cores fold. One
// list for the server, the command line and the documentation. Nothing heavy is imported here: `show` starts fast.

import { GROUP_OBJECTS } from "./group-objects.ts";

/** What a row may be chosen by. */
export type Filter =
  | "core"
  | "vlan"
  | "channel"
  | "port"
  | "bridge"
  | "interface"
  | "address"
  | "subject"
  | "reason"
  | "rules"
  | "plan"
  | "hash"
  | "limit"
  | "moments";

/** How the copies that every core has of one thing become one row of text. */
export interface Folding {
  /** What makes two rows the same thing. */
  readonly identity: readonly string[];
  /** What may differ between equal copies: each core's own view, such as ages. The first core's is printed. */
  readonly own: readonly string[];
}

export interface ObjectShape {
  readonly name: string;
  readonly summary: string;
  readonly fields: readonly string[];
  readonly filters: readonly Filter[];
  readonly folding?: Folding;
  /** Fields that the text table leaves out, because it would be too wide. */
  readonly hidden?: readonly string[];
}

/** Every object that this version shows, in the order of the specification. */
export const OBJECTS: readonly ObjectShape[] = [
  {
    name: "cores",
    summary: "the cores: state, roles, load, messages",
    fields: [
      "core",
      "state",
      "roles",
      "frames-received",
      "frames-sent",
      "messages-sent",
      "messages-received",
      "load",
      "heartbeat-age-ms",
      "restarts",
    ],
    filters: ["core"],
  },
  {
    name: "ports",
    summary: "the ports: driver, link, traffic",
    fields: [
      "port",
      "driver",
      "interface",
      "link",
      "mac",
      "channel",
      "frames-received",
      "frames-sent",
      "bytes-received",
      "bytes-sent",
      "drops",
    ],
    filters: ["core", "port", "channel"],
  },
  {
    name: "channels",
    summary: "the channels: what bridging and routing see",
    fields: [
      "channel",
      "mode",
      "members",
      "active-members",
      "partner-system",
      "partner-key",
      "up",
      "stp",
    ],
    filters: ["channel", "port", "hash"],
  },
  {
    name: "lacp",
    summary: "the members of aggregated channels: both sides, and why",
    fields: [
      "core",
      "channel",
      "port",
      "receive",
      "periodic",
      "mux",
      "selected",
      "actor",
      "partner",
      "partner-system",
      "partner-key",
      "partner-port",
      "pdus-sent",
      "pdus-received",
      "reason",
      "actor-system",
      "actor-key",
      "actor-port",
      "since-ms",
      "last-received-ms",
      "last-sent-ms",
      "actor-churn",
      "partner-churn",
      "actor-churns",
      "partner-churns",
      "markers-received",
      "marker-responses-sent",
      "marker-responses-received",
      "unknown-received",
      "illegal-received",
      "own-received",
      "expiries",
      "partner-changes",
    ],
    hidden: [
      "periodic",
      "partner-key",
      "partner-port",
      "actor-system",
      "actor-key",
      "actor-port",
      "since-ms",
      "last-received-ms",
      "last-sent-ms",
      "actor-churn",
      "partner-churn",
      "actor-churns",
      "partner-churns",
      "markers-received",
      "marker-responses-sent",
      "marker-responses-received",
      "unknown-received",
      "illegal-received",
      "own-received",
      "expiries",
      "partner-changes",
    ],
    filters: ["core", "channel", "port", "reason"],
    folding: { identity: ["channel", "port"], own: [] },
  },
  {
    name: "stp",
    summary: "the spanning tree: where the root is, and each channel's role and state",
    fields: [
      "core",
      "bridge",
      "channel",
      "role",
      "state",
      "cost",
      "designated-bridge",
      "designated-port",
      "root",
      "edge",
      "point-to-point",
      "protocol",
      "transitions",
      "reason",
      "root-channel",
      "designated-cost",
      "priority",
      "number",
      "since-ms",
      "guard",
      "settled",
      "bpdus-sent",
      "bpdus-received",
      "rst-sent",
      "config-sent",
      "tcn-sent",
      "rst-received",
      "config-received",
      "tcn-received",
      "pvst-received",
      "bad-received",
      "topology-changes",
      "topology-change-ms",
      "topology-change-channel",
      "hello-ms",
      "forward-delay-ms",
      "max-age-ms",
    ],
    hidden: [
      "point-to-point",
      "transitions",
      "root-channel",
      "designated-cost",
      "priority",
      "number",
      "settled",
      "rst-sent",
      "config-sent",
      "tcn-sent",
      "rst-received",
      "config-received",
      "tcn-received",
      "pvst-received",
      "bad-received",
      "topology-change-ms",
      "topology-change-channel",
      "hello-ms",
      "forward-delay-ms",
      "max-age-ms",
    ],
    filters: ["core", "bridge", "channel", "reason"],
    folding: { identity: ["bridge", "channel"], own: [] },
  },
  ...GROUP_OBJECTS,
  {
    name: "interfaces",
    summary: "the appliance's own interfaces and addresses",
    fields: ["interface", "mac", "bridge", "channel", "vlan", "addresses", "mtu", "proxy-arp"],
    filters: ["interface", "bridge", "channel", "vlan", "address"],
  },
  {
    name: "arp",
    summary: "every core's ARP table",
    fields: [
      "core",
      "address",
      "mac",
      "interface",
      "vlan",
      "channel",
      "origin",
      "state",
      "age-ms",
      "version",
    ],
    filters: ["core", "address", "interface", "vlan", "channel"],
    folding: { identity: ["address", "interface"], own: ["age-ms"] },
  },
  {
    name: "nd",
    summary: "every core's IPv6 neighbours",
    fields: [
      "core",
      "address",
      "mac",
      "interface",
      "state",
      "owner",
      "router",
      "age-ms",
      "version",
    ],
    filters: ["core", "address", "interface"],
    // Copies hold a state until they are told another one; the owner's alone runs.
    folding: { identity: ["address", "interface"], own: ["age-ms", "state"] },
  },
  {
    name: "bridge",
    summary: "every core's bridge table",
    fields: [
      "core",
      "bridge",
      "index",
      "mac",
      "vlan",
      "channel",
      "in-use",
      "static",
      "age-ms",
      "moves",
      "last-move-ms",
      "version",
    ],
    filters: ["core", "address", "bridge", "vlan", "channel"],
    folding: {
      identity: ["bridge", "mac", "vlan"],
      own: ["index", "in-use", "age-ms", "moves", "last-move-ms", "version"],
    },
  },
  {
    name: "vr",
    summary: "the virtual routers: who is Active, why, and what is heard",
    fields: [
      "name",
      "protocol",
      "version",
      "vrid",
      "interface",
      "family",
      "state",
      "priority",
      "master-address",
      "addresses",
      "virtual-mac",
      "last-transition",
      "reason",
      "adverts-sent",
      "adverts-received",
      "since-ms",
      "base-priority",
      "demotion",
      "interval-ms",
      "master-interval-ms",
      "master-down-ms",
      "skew-ms",
      "preempt",
      "checksum-sent",
      "checksum-heard",
      "master-mac",
      "heard-ms",
      "transitions",
      "releases-sent",
      "releases-received",
      "announcements",
      "rivals",
      "late-max-ms",
      "link-master",
    ],
    hidden: [
      "version",
      "virtual-mac",
      "last-transition",
      "base-priority",
      "demotion",
      "master-interval-ms",
      "skew-ms",
      "preempt",
      "checksum-sent",
      "checksum-heard",
      "master-mac",
      "heard-ms",
      "transitions",
      "releases-sent",
      "releases-received",
      "announcements",
      "rivals",
      "late-max-ms",
      "link-master",
    ],
    filters: ["interface", "address"],
  },
  {
    name: "vmac",
    summary: "every core's virtual MACs: own, heard and configured ones",
    fields: [
      "core",
      "mac",
      "vrid",
      "family",
      "priority",
      "addresses",
      "owner-core",
      "origin",
      "age-ms",
      "updated",
      "interface",
      "protocol",
    ],
    filters: ["core", "address", "interface"],
    folding: { identity: ["mac", "family", "interface"], own: ["age-ms", "updated"] },
  },
  {
    name: "vlans",
    summary: "which channel carries which VLAN, and how",
    fields: ["bridge", "vlan", "last-vlan", "untagged", "tagged", "interface"],
    filters: ["bridge", "vlan", "channel"],
  },
  {
    name: "routes",
    summary: "every core's IPv4 routes",
    fields: ["core", "destination", "via", "interface", "origin"],
    filters: ["core", "address", "interface"],
    folding: { identity: ["destination"], own: [] },
  },
  {
    name: "steering",
    summary: "which core gets which bucket; --rules, --hash TUPLE, --plan",
    fields: ["bucket", "core", "frames"],
    filters: ["core", "rules", "plan", "hash", "port"],
  },
  {
    name: "bus",
    summary: "core-to-core messages of each pair and type",
    fields: ["from", "to", "type", "sent", "received", "high-water", "resyncs"],
    filters: ["core"],
  },
  {
    name: "coherence",
    summary: "whether every core has the same tables",
    fields: ["table", "core", "entries", "digest", "newest-version", "equal", "repairs"],
    filters: ["core"],
    folding: { identity: ["table"], own: ["newest-version"] },
  },
  {
    name: "timers",
    summary: "what is due on each core",
    fields: ["core", "timer", "subject", "due-ms", "period-ms"],
    filters: ["core", "subject"],
  },
  {
    name: "drops",
    summary: "frames and requests given up, by reason",
    fields: ["core", "reason", "count"],
    filters: ["core", "reason"],
  },
  {
    name: "events",
    summary: "what happened, with cause and evidence",
    fields: ["time", "core", "subject", "from", "to", "cause", "evidence"],
    filters: ["core", "subject", "limit"],
  },
  {
    name: "config",
    summary: "the configuration that runs, defaults included",
    fields: ["path", "value"],
    filters: ["subject"],
  },
  {
    name: "history",
    summary: "the configurations that ran, to go back to",
    fields: ["number", "time", "state", "by", "changed", "disturbs"],
    filters: [],
  },
  {
    name: "health",
    summary: "what is well and what is not",
    fields: ["subject", "state", "detail"],
    filters: ["subject"],
  },
  {
    name: "past",
    summary: "how far back the appliance can show each object as it was",
    fields: ["object", "oldest", "newest", "age-ms", "moments", "bytes", "reason"],
    filters: ["moments"],
  },
];

/** Objects of the specification that come with later versions. */
export const LATER_OBJECTS: readonly string[] = [];

/** The fields of `show channels --hash TUPLE`. */
export const MEMBER_FIELDS: readonly string[] = [
  "channel",
  "tuple",
  "hash",
  "slot",
  "member",
  "reason",
];

/** The fields of `show past --moments`. */
export const MOMENT_FIELDS: readonly string[] = ["time", "age-ms", "objects"];

/** The shape of an object of `steering` under its options. */
export const RULE_FIELDS: readonly string[] = ["rule", "match", "to", "origin"];
export const PLAN_FIELDS: readonly string[] = ["step", "bucket", "from", "to", "loads"];
export const HASH_FIELDS: readonly string[] = [
  "tuple",
  "hash-type",
  "hash",
  "bucket",
  "core",
  "reason",
];

export function objectShape(name: string): ObjectShape | undefined {
  return OBJECTS.find((object) => object.name === name);
}
