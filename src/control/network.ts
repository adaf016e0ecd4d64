// Addresses and prefixes of either family as the control core reads and compares them. No schema in here: what only
// answers questions about a running appliance need not load one.

import type { Ipv4 } from "../lib/units.ts";
import type { Ipv6 } from "../wire/text.ts";
import { parseIpv4, parseIpv4Prefix, parseIpv6, parseIpv6Prefix } from "../wire/text.ts";

/** An address of either family; exactly one of the two is there. */
export type Address =
  | { readonly ipv4: Ipv4; readonly ipv6?: undefined }
  | { readonly ipv6: Ipv6; readonly ipv4?: undefined };
/** With the length of its prefix; host bits as written. */
export type Prefix = Address & { readonly length: number };

/** Reads an address of either family. */
export function parseAddress(value: unknown): Address | undefined {
  if (typeof value !== "string") return undefined;
  const ipv4 = parseIpv4(value);
  if (ipv4 !== undefined) return { ipv4 };
  const ipv6 = parseIpv6(value);
  return ipv6 === undefined ? undefined : { ipv6 };
}

/** Reads address/length of either family. */
export function parsePrefix(value: unknown): Prefix | undefined {
  if (typeof value !== "string") return undefined;
  const four = parseIpv4Prefix(value);
  if (four !== undefined) return { ipv4: four.address, length: four.length };
  const six = parseIpv6Prefix(value);
  return six === undefined ? undefined : { ipv6: six.address, length: six.length };
}

/** The network that an IPv4 prefix names: its host bits cleared. */
export function networkOf(ipv4: Ipv4, length: number): Ipv4 {
  return length === 0 ? 0 : (ipv4 & (-1 << (32 - length))) >>> 0;
}

/** True when an address lies in the network of a prefix. */
export function isWithin(ipv4: Ipv4, network: Ipv4, length: number): boolean {
  return networkOf(ipv4, length) === networkOf(network, length);
}

/** The network that an IPv6 prefix names: its host bits cleared. */
export function network6Of(address: Ipv6, length: number): Ipv6 {
  const part = (word: number, bits: number): number => {
    if (bits <= 0) return 0;
    return bits >= 32 ? word : (word & (-1 << (32 - bits))) >>> 0;
  };
  const [a, b, c, d] = address;
  return [part(a, length), part(b, length - 32), part(c, length - 64), part(d, length - 96)];
}

/** True when an address lies in the network of a prefix. */
export function isWithin6(address: Ipv6, network: Ipv6, length: number): boolean {
  const own = network6Of(address, length);
  return network6Of(network, length).every((word, index) => word === own[index]);
}
