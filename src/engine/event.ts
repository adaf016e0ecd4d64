// Things worth telling a person: transitions with their cause. An engine emits numbers; the control core makes
// the line {time, core, subject, from, to, cause, evidence}. Append only.

/**
 * Event codes, with the meaning of the four numbers that go along (a, b, c, d). With an IPv6 address and a number n of
 * 48 bits: a interface * 2^32 + word 0 of the address; b, c and d its words 1 to 3 * 2^16 + a third of n, the high one
 * first.
 */
export const EVENT_NAMES = [
  "port-up", // a port
  "port-down", // a port
  "station-learned", // a bridge, b mac, c vlan, d channel
  "station-moved", // a mac, b vlan, c from channel, d to channel
  "station-flushed", // a bridge, b mac, c vlan, d channel
  "bridge-full", // a bridge, b channel that gave up its oldest
  "channel-muted", // a bridge, b channel, c moves seen
  "channel-unmuted", // a bridge, b channel
  "mac-limit", // a bridge, b channel, c limit
  "arp-added", // a interface, b address, c mac
  "arp-changed", // a interface, b address, c from mac, d to mac
  "arp-failed", // a interface, b address, c requests sent
  "arp-flushed", // a interface, b address, c mac
  "arp-conflict", // a interface, b address, c own mac, d rival mac
  "arp-full", // a interface, b address evicted
  "bus-resync", // a peer, b table
  "bus-full", // a peer
  "role-changed", // a role, b from core, c to core
  "bucket-moved", // a bucket, b from core, c to core
  "stalled", // a milliseconds that the loop slept longer than asked
  "configured", // a objects changed
  "address-in-use", // a interface, b address: RFC 5227 announcements done
  "nd-added", // an IPv6 neighbour; n the mac
  "nd-changed", // an IPv6 neighbour; n the mac that it has now
  "nd-failed", // an IPv6 address; n solicitations sent
  "nd-deleted", // an IPv6 neighbour; n the mac
  "nd-full", // the IPv6 neighbour evicted
  "nd-duplicate", // an own IPv6 address; n the mac of the station that has it
  "nd-own", // an own IPv6 address; n: 0 tentative, 1 preferred, 2 deprecated, 3 gone, 4 duplicate
  "nd-router", // an IPv6 router; n: 1 = a default router now, 0 = no more
  "lag-member", // a port, b from mux, c to mux, d why (lag/selection.ts)
  "lag-selected", // a port, b selected, c why (lag/selection.ts)
  "lag-churn", // a port, b 1 = partner, c churn state
  "lag-partner", // a port, b partner system, c partner key, d partner port
  "lag-freed", // a port that left a channel and stays blocked
  "bound-met", // a drop reason of something that is full, b given up in the last second
  "bound-cleared", // a drop reason, b given up in all since it was told
  "vr-state", // a router (vr/config.ts order) * 2, + 1 when IPv6; b from state, c to state, d why (vr/reason.ts)
  // a as above + kind (vr/reason.ts) * 2^16 + their address (its last 32 bits) * 2^20, b their mac, c our own,
  // d channels + 1: theirs * 65536 + ours, 0 = none
  "vr-rival",
  "vr-stranger", // a interface * 65536 + vrid, b their mac, c their channel, d three free vrids, 8 bits each
  "vr-late", // a as above, b milliseconds late, c interval
  "core-state", // a core, b from state, c to state, d why (core/supervision.ts)
  "core-given-up", // a core, b restarts in vain
  "buckets-rescued", // a core that lost them, b how many
  "table-differs", // a table that differs between cores although nothing changes
  "table-repaired", // a table that is equal again, b milliseconds that it took
  "stp-state", // a channel, b from state, c to state (engine/port-state.ts), d role (stp/port.ts)
  "stp-role", // a channel, b from role, c to role (stp/port.ts)
  "stp-root", // a bridge, b priority of the root, c its address, d the channel towards it, -1 = the bridge is the root
  "stp-topology-change", // a bridge, b channel, c 1 = it happened here, 0 = heard from a neighbour
  "stp-guard", // a channel, b guard (stp/port.ts), c 1 = shut, 0 = free again, d address of the BPDU's sender
  "stp-protocol", // a channel, b what is spoken there from now on: 0 = STP, 2 = RSTP
  "stp-pvst", // a channel, b VLAN of the first PVST+ BPDU heard there, c address of its bridge
  "querier-changed", // a bridge, b vlan * 2 + 1 for IPv6, c 0 none 1 another 2 this system, d its last 48 bits
  "router-port", // a bridge, b vlan * 2 + 1 for IPv6, c channel, d 1 = routers are there now, 0 = no more
  "groups-full", // a bridge, b limit
  "channel-shut", // a bridge, b channel, c why (bridge/shut.ts), d milliseconds until it opens
  "channel-opened", // a bridge, b channel, c why it was shut
  "loop-detected", // a bridge, b channel that the probe came back on, c channel that it left by, d vlan
  "own-mac-seen", // a bridge, b channel, c mac, d vlan: a frame from outside with our own source
  "storm", // a channel, b class (bridge/storm.ts), c 1 = began, 0 = over, d frames dropped
] as const;

export type EventName = (typeof EVENT_NAMES)[number];
export const EventCode: { readonly [N in EventName]: number } = Object.fromEntries(
  EVENT_NAMES.map((name, index) => [name, index]),
) as { [N in EventName]: number };
