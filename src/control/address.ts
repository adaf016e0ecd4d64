// The values of a configuration that name places in a network: addresses, prefixes, VLAN lists, Ethernet types.
// wire/text.ts parses; here are only the expectations in words.

import type { z } from "zod";
import type { Mac } from "../lib/units.ts";
import { parseMac } from "../wire/text.ts";
import { type Address, type Prefix, parseAddress, parsePrefix } from "./network.ts";
import { scalar } from "./scalar.ts";

const readMac = (value: unknown): Mac | undefined =>
  typeof value === "string" ? parseMac(value) : undefined;

/** A station's MAC: not a group address, not zero. */
export const stationMac: z.ZodType<Mac> = scalar(
  "a unicast MAC address, such as 02:00:00:00:00:09",
  (value) => {
    const mac = readMac(value);
    const group = mac !== undefined && Math.floor(mac / 2 ** 40) % 2 === 1;
    return mac === undefined || mac === 0 || group ? undefined : mac;
  },
  (value) => {
    const mac = readMac(value);
    if (mac === 0) return "all zeros is no station's address";
    if (mac !== undefined) return "this is a group address: its first octet is odd";
    return "six pairs of hex digits, with colons, dashes or Cisco dots";
  },
);

/** An address of either family. */
export const address: z.ZodType<Address> = scalar(
  "an IPv4 or IPv6 address",
  parseAddress,
  (value) => (parsePrefix(value) === undefined ? "" : "write it without the prefix length"),
);

/** An address with the length of its prefix. */
export const prefix: z.ZodType<Prefix> = scalar(
  "an address with its prefix length, such as 192.0.2.2/24",
  parsePrefix,
  (value) => {
    const found = parseAddress(value);
    if (found === undefined) return "";
    return found.ipv4 === undefined ? `write ${value}/64` : `write ${value}/24`;
  },
);

/** A prefix, or an address alone, which is the prefix of full length. */
export const match: z.ZodType<Prefix> = scalar(
  "an address, with a prefix length or without",
  (value) => {
    const alone = parseAddress(value);
    if (alone?.ipv4 !== undefined) return { ipv4: alone.ipv4, length: 32 };
    if (alone?.ipv6 !== undefined) return { ipv6: alone.ipv6, length: 128 };
    return parsePrefix(value);
  },
);

/** VLANs as "10,20-29", a number or a list; ascending, each once. */
export function parseVlans(value: unknown): number[] | undefined {
  const words = (Array.isArray(value) ? value : String(value).split(",")).map((part) =>
    String(part).trim(),
  );
  if (value === null || value === undefined || typeof value === "boolean") return undefined;
  const found = new Set<number>();
  for (const part of words) {
    const range = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part);
    const from = Number(range?.[1]);
    const to = Number(range?.[2] ?? range?.[1]);
    if (range === null || from < 1 || to > 4094 || from > to) return undefined;
    for (let vlan = from; vlan <= to; vlan++) found.add(vlan);
  }
  return [...found].sort((a, b) => a - b);
}

export const vlanList: z.ZodType<number[]> = scalar(
  'VLANs 1 to 4094, such as "10,20-29"',
  parseVlans,
  (value) => (/\b(0|409[5-9]|[5-9]\d{3})\b/.test(String(value)) ? "0 and 4095 are reserved" : ""),
);

/** Names of Ethernet types that a rule may use instead of the number (IEEE 802 registry). */
const ETHER_TYPES: Readonly<Record<string, number>> = {
  ipv4: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  ipv6: 0x86dd,
  slow: 0x8809,
  lldp: 0x88cc,
};

export const etherType: z.ZodType<number> = scalar(
  "an Ethernet type, such as 0x88cc",
  (value) => {
    const number = typeof value === "string" ? ETHER_TYPES[value] : value;
    return Number.isInteger(number) && (number as number) >= 0x600 && (number as number) <= 0xffff
      ? (number as number)
      : undefined;
  },
  () => `0x0600 to 0xffff, or one of ${Object.keys(ETHER_TYPES).join(", ")}`,
);

/** IP protocol numbers (IANA registry) of the names that people write. */
const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  icmpv6: 58,
  ospf: 89,
  vrrp: 112,
  sctp: 132,
};

export const ipProtocol: z.ZodType<number> = scalar(
  "an IP protocol, such as tcp or 6",
  (value) => {
    const number = typeof value === "string" ? PROTOCOLS[value] : value;
    return Number.isInteger(number) && (number as number) >= 0 && (number as number) <= 255
      ? (number as number)
      : undefined;
  },
  () => `0 to 255, or one of ${Object.keys(PROTOCOLS).join(", ")}`,
);
