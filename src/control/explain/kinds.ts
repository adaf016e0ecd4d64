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
];
