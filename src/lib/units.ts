// Names for the plain numbers that the whole house passes around. A frame, an address and a moment are
// numbers (never objects or strings) on the packet path; these aliases say which number is meant.

/** Milliseconds since the appliance started, on one clock that all cores share; fractions allowed. */
export type Millis = number;

/** A 48-bit MAC address as one integer, exact in a double: 02:00:00:00:00:0a is 0x02000000000a. */
export type Mac = number;

/** An IPv4 address as an unsigned 32-bit integer: 192.0.2.1 is 0xc0000201. */
export type Ipv4 = number;

/** A VLAN identifier 1..4094 (IEEE 802.1Q); 0 where a frame or an interface has none. */
export type Vlan = number;

/** Byte offset into the arena: every frame, ring and counter lies in one buffer. */
export type Offset = number;

/** Index of a core, 0..63. "core" always means a CPU core with its own engine. */
export type CoreId = number;

/** Index of a port in the appliance's configuration, 0.. in the order of the file. */
export type PortId = number;

/** Index of a channel: what bridging and routing see, one port or several aggregated. */
export type ChannelId = number;

/** All cores of an appliance fit into the bits of two 32-bit words (CORE-1). */
export const MAX_CORES = 64;

/** ff:ff:ff:ff:ff:ff. */
export const BROADCAST: Mac = 0xffffffffffff;
