// The catalogue of core-to-core messages. A record is 64 bytes, big-endian, written in place in a ring:
//
//    0        1        2          4                 8
//    +--------+--------+----------+-----------------+----------------------------------+
//    | type   | from   | table    | sequence        | 56 bytes of the type's own fields |
//    +--------+--------+----------+-----------------+----------------------------------+
//
// `type` and `from` are filled by the bus, the rest by the sender. Field offsets of each type stand beside it, in
// the folder of the protocol that owns it. What each event may cost is design.md section 3, asserted in tests.

/** Bytes of a record: one cache line. */
export const RECORD = 64;
/** First byte of a type's own fields. */
export const FIELDS = 8;

export const MESSAGE_NAMES = [
  "none",
  "frame", // A frame for the role or the owner core of its flow. core/bus.ts
  "bridge-learn", // A station is new, moved, or seen again. bridge/message.ts
  "bridge-delete", // A station aged out or was removed. bridge/message.ts
  "arp-ask", // A core misses an address. arp/message.ts
  "arp-entry", // The master adds or changes an entry, or answers. arp/message.ts
  "arp-failed", // The master gave an address up. arp/message.ts
  "arp-delete", // The master flushed an entry. arp/message.ts
  "arp-used", // A replica used an entry whose used flag was clear. arp/message.ts
  "resync-begin", // What follows is a whole table. table at 2
  "resync-end", // The table is complete; what it did not name is gone. table at 2, 1 = refusals were lost at 4
  "resync-ask", // A core asks a peer for a table. table at 2
  "tap-frame", // reserved for the host hand-off
  "steer-passed", // Nothing more of a moving bucket comes from this core. steering/mover.ts
  "steer-drained", // Everything of a moving bucket has left its old core. steering/mover.ts
  "nd-ask", // A core misses a neighbour. nd/message.ts
  "nd-entry", // The owner adds or changes a neighbour, or answers. nd/message.ts
  "nd-delete", // The owner gave a neighbour up. nd/message.ts
  "nd-used", // A replica used a neighbour. nd/message.ts
  "nd-heard", // A core heard something about a neighbour that the owner must know. nd/message.ts
  "nd-move", // A neighbour's machine goes to another core. nd/message.ts
  "nd-own", // About the appliance's own IPv6 addresses. nd/message.ts
  "nd-router", // About routers and prefixes. nd/message.ts
  "lag-mux", // The master's Mux of a port entered a state. lag/message.ts
  "lag-select", // A port was selected, unselected or put on standby. lag/message.ts
  "lag-ack", // A core has followed a port's change that frames depend on. lag/message.ts
  "vr-state", // The link master's machine of a virtual router moved, or learned something. vr/message.ts
  "vr-heard", // An advertisement landed on another core than the link master's. vr/message.ts
  "vmac-entry", // A virtual MAC was heard for the first time, or changed. vr/message.ts
  "vmac-delete", // A virtual MAC aged out, or many were flushed. vr/message.ts
  "stp-port", // The master tells all of a channel in a spanning tree: its state changed. stp/message.ts
  "stp-role", // The same, when its state is as it was. stp/message.ts
  "stp-flush", // The same, when its stations are to be forgotten too. stp/message.ts
  "stp-ack", // A core has followed one of these that must be followed. stp/message.ts
  "group-entry", // The link master adds, changes or takes away a group or a router list. snoop/message.ts
  "bridge-shut", // A channel is shut, or open again. bridge/shut.ts
  "bridge-refuse", // A core cannot hold a station, so that nobody does. bridge/message.ts
  "bridge-held", // A core holds a station, says it to one whose refusals were lost. bridge/message.ts
] as const;
export type MessageName = (typeof MESSAGE_NAMES)[number];
/** Message type by name: `Message["arp-ask"]`. */
export const Message: { readonly [N in MessageName]: number } = Object.fromEntries(
  MESSAGE_NAMES.map((name, index) => [name, index]),
) as { [N in MessageName]: number };
/** Room for types of later protocols, so that the counters' layout stays. */
export const MESSAGE_TYPES = 64;

/**
 * A core is dead before that is known: what it told so long ago may not have reached everyone. Our choice: several
 * times the default failure timeout.
 */
export const LAST_WORDS = 2000;

/** Tables that are replicated by messages and re-sent whole after an overflow (CORE-3). */
export const Table = { Bridge: 0, Arp: 1, Nd: 2, Lag: 3, Stp: 4, Groups: 5, Vr: 6 } as const;
export type Table = (typeof Table)[keyof typeof Table];
export const TABLE_NAMES = ["bridge", "arp", "nd", "lag", "stp", "groups", "vr"] as const;
export const TABLE_COUNT = 7;
