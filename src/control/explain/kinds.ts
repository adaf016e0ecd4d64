// What can be explained, as the command line and the page offer it. Plain data: nothing heavy is imported here.

export interface Explained {
  readonly object: string;
  /** The words of the name; one in brackets may be left out. */
  readonly words: readonly { readonly name: string; readonly summary: string }[];
  readonly summary: string;
}

export const EXPLAINED: readonly Explained[] = [
  {
    object: "arp",
    summary: "how the appliance reaches an IPv4 address",
    words: [{ name: "<address>", summary: "an IPv4 address" }],
  },
  {
    object: "nd",
    summary: "how the appliance reaches an IPv6 neighbour, and which core owns it",
    words: [{ name: "<address>", summary: "an IPv6 address" }],
  },
  {
    object: "stp",
    summary: "why a bridge's channels have their roles and states in the spanning tree",
    words: [
      { name: "<bridge>", summary: "a bridge, such as br0" },
      { name: "[channel]", summary: "one of its channels, in detail" },
    ],
  },
  {
    object: "group",
    summary: "where data to a multicast group goes, and why",
    words: [{ name: "<address>", summary: "an IPv4 or IPv6 group, such as 239.1.2.3" }],
  },
  {
    object: "vr",
    summary: "why a virtual router is Active or not: its priority, what was heard, its changes",
    words: [{ name: "<name>", summary: "a virtual router, such as gw10" }],
  },
  {
    object: "lacp",
    summary: "why each member of an aggregated channel carries frames, or does not",
    words: [{ name: "<channel>", summary: "a channel, such as LA/1" }],
  },
  more("cores", "what a core does, and how well", ["<core>", "its number"]),
  more("ports", "what a port carries, or why it does not", ["<port>", "a port, such as p0"]),
  more("channels", "who uses a channel, and what keeps frames out of it", [
    "<channel>",
    "a channel, such as p0 or LA/1",
  ]),
  more("interfaces", "where one of our interfaces is, and what is there", [
    "<interface>",
    "an interface, such as vlan10",
  ]),
  more("bridge", "where a station is, and why", ["<mac>", "a station's MAC"]),
  more("vlans", "which channels carry a VLAN", ["<vlan>", "1 to 4094"]),
  more("vmac", "whose a virtual MAC is", ["<mac>", "a virtual MAC"]),
  more("routes", "which route packets to an address take", ["<address>", "an address"]),
  more("steering", "which core treats a flow, and why", [
    "<tuple>",
    "tcp,192.0.2.1:1000,192.0.2.2:80",
  ]),
  more("bus", "what one core tells another", ["<from>", "a core"], ["<to>", "another"]),
  more("coherence", "whether a table is equal on all cores", ["<table>", "arp, bridge, ..."]),
  more("drops", "what a counted reason means, and who counted it", ["<reason>", "its name"]),
  more("timers", "when a timer is due", ["<timer>", "its name, as in show timers"]),
  more("events", "what happened to something lately", ["<subject>", "words of its subject"]),
  more("config", "what a key is now, defaults included", ["<path>", "cores, ports.p0, ..."]),
  more("health", "what is not well", ["[subject]", "part of its name; left out, all"]),
  more("protection", "what guards a channel, and what it did", ["<channel>", "a channel"]),
];

function more(
  object: string,
  summary: string,
  ...words: readonly (readonly [name: string, summary: string])[]
): Explained {
  return { object, summary, words: words.map(([name, what]) => ({ name, summary: what })) };
}
