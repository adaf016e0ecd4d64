// The objects of `show` about multicast groups and about what protects bridges.

import type { ObjectShape } from "./objects.ts";

export const GROUP_OBJECTS: readonly ObjectShape[] = [
  {
    name: "groups",
    summary: "multicast groups: who joined, where routers are, and who asks",
    fields: [
      "core",
      "bridge",
      "vlan",
      "family",
      "group",
      "channels",
      "routers",
      "querier",
      "querier-state",
      "limited",
      "expires-ms",
      "version",
    ],
    hidden: ["family"],
    filters: ["core", "bridge", "vlan", "channel", "address"],
    folding: { identity: ["bridge", "vlan", "family", "group"], own: ["expires-ms"] },
  },
  {
    name: "protection",
    summary: "what protects bridges: channels that are shut, limits, isolation, storm control",
    fields: [
      "core",
      "bridge",
      "channel",
      "state",
      "reason",
      "opens-ms",
      "stations",
      "mac-limit",
      "isolation",
      "broadcast",
      "multicast",
      "unknown-unicast",
    ],
    filters: ["core", "bridge", "channel", "reason"],
    folding: { identity: ["bridge", "channel"], own: ["opens-ms"] },
  },
];
