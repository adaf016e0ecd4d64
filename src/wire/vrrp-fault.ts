// What can be wrong with a message of a first-hop redundancy protocol (VRRP, HSRP, CARP), in one numbering, so that a
// receiver maps each to one drop reason. The codecs find the faults of the bytes; what contradicts the configuration
// the protocol finds itself.

export const Fault = {
  None: 0,
  /** Cut short, or shorter than the number of its addresses says. */
  Short: 1,
  /** TTL or hop limit is not what the protocol sends. */
  Hops: 2,
  Version: 3,
  /** A type or an operation that the protocol does not know. */
  Type: 4,
  Checksum: 5,
  /** A virtual router id that cannot be. */
  Vrid: 6,
  /** No address, or those of another family. */
  Addresses: 7,
  /** An interval of zero, or a hold time that is not above the hello time. */
  Interval: 8,
  /** An authentication that the standard does not know. */
  Auth: 9,
  /** An element whose length goes past the end, or is wrong. */
  Element: 10,
  /** A state that the protocol does not have. */
  State: 11,
} as const;
export type Fault = (typeof Fault)[keyof typeof Fault];
