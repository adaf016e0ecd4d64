// The only parser and printer of addresses, for the control plane, the command line and tests; never on the packet
// path. A parser returns undefined for what it does not accept; the caller knows the place and says so.

import type { Ipv4, Mac, Offset } from "../lib/units.ts";

/** An IPv6 address as four unsigned 32-bit words, first word first. */
export type Ipv6 = readonly [number, number, number, number];

/** A prefix as written: the address keeps its host bits. */
export interface Ipv4Prefix {
  readonly address: Ipv4;
  readonly length: number;
}

/** A prefix as written: the address keeps its host bits. */
export interface Ipv6Prefix {
  readonly address: Ipv6;
  readonly length: number;
}

const MAC_COLONS = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;
const MAC_DASHES = /^[0-9a-f]{2}(?:-[0-9a-f]{2}){5}$/i;
const MAC_DOTS = /^[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}$/i;

/** 02:00:00:00:00:0a, 02-00-00-00-00-0A or 0200.0000.000a. */
export function parseMac(text: string): Mac | undefined {
  if (!MAC_COLONS.test(text) && !MAC_DASHES.test(text) && !MAC_DOTS.test(text)) return undefined;
  return Number.parseInt(text.replaceAll(/[:.-]/g, ""), 16);
}

/** Lower case with colons. */
export function formatMac(mac: Mac): string {
  const digits = mac.toString(16).padStart(12, "0");
  return digits.replaceAll(/..(?=.)/g, "$&:");
}

/** Four decimal numbers, without leading zeros (which some programs read as octal). */
export function parseIpv4(text: string): Ipv4 | undefined {
  if (!/^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/.test(text)) return undefined;
  let address = 0;
  for (const part of text.split(".")) {
    const value = Number(part);
    if (value > 255) return undefined;
    address = address * 256 + value;
  }
  return address;
}

export function formatIpv4(address: Ipv4): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** The length of "address/length" up to `limit`, and where the address ends; undefined when it is no such text. */
function prefixLength(text: string, limit: number): { slash: number; length: number } | undefined {
  const slash = text.indexOf("/");
  const digits = text.slice(slash + 1);
  if (slash < 0 || !/^(?:0|[1-9]\d{0,2})$/.test(digits) || Number(digits) > limit) return undefined;
  return { slash, length: Number(digits) };
}

/** 192.0.2.1/24; host bits stay. */
export function parseIpv4Prefix(text: string): Ipv4Prefix | undefined {
  const found = prefixLength(text, 32);
  const address = found === undefined ? undefined : parseIpv4(text.slice(0, found.slash));
  return found === undefined || address === undefined
    ? undefined
    : { address, length: found.length };
}

export function formatIpv4Prefix(address: Ipv4, length: number): string {
  return `${formatIpv4(address)}/${length}`;
}

/** The groups of one side of "::"; the last may be an IPv4 address. */
function groupsOf(text: string): number[] | undefined {
  const groups: number[] = [];
  if (text === "") return groups;
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1 && part.includes(".")) {
      const address = parseIpv4(part);
      if (address === undefined) return undefined;
      groups.push(address >>> 16, address & 0xffff);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** Every text form of RFC 4291 2.2; no zone. */
export function parseIpv6(text: string): Ipv6 | undefined {
  const halves = text.split("::");
  const head = groupsOf(halves[0] ?? "");
  const tail = groupsOf(halves[1] ?? "");
  if (halves.length > 2 || head === undefined || tail === undefined) return undefined;
  if (halves.length === 2 && (halves[0] ?? "").includes(".")) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const word = (index: number): number =>
    (groups[index * 2] ?? 0) * 0x10000 + (groups[index * 2 + 1] ?? 0);
  return [word(0), word(1), word(2), word(3)];
}

/** RFC 5952: lower case, the first longest run of two or more zero groups as "::", mapped IPv4 in dots. */
export function formatIpv6(a: number, b: number, c: number, d: number): string {
  if (a === 0 && b === 0 && c === 0xffff) return `::ffff:${formatIpv4(d)}`;
  const groups = [a, b, c, d].flatMap((word) => [word >>> 16, word & 0xffff]);
  let from = -1;
  let longest = 1;
  for (let index = 0; index < 8; index++) {
    let run = 0;
    while (groups[index + run] === 0) run++;
    if (run > longest) {
      longest = run;
      from = index;
    }
  }
  const hex = (list: number[]): string => list.map((group) => group.toString(16)).join(":");
  return from < 0
    ? hex(groups)
    : `${hex(groups.slice(0, from))}::${hex(groups.slice(from + longest))}`;
}

/** 2001:db8::1/64; host bits stay. */
export function parseIpv6Prefix(text: string): Ipv6Prefix | undefined {
  const found = prefixLength(text, 128);
  const address = found === undefined ? undefined : parseIpv6(text.slice(0, found.slash));
  return found === undefined || address === undefined
    ? undefined
    : { address, length: found.length };
}

/** A frame in hex digits; blanks, line ends, colons and dashes between bytes are passed over. */
export function parseHex(text: string): Uint8Array | undefined {
  const digits = text.replaceAll(/[\s:-]/g, "").replace(/^0x/i, "");
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) return undefined;
  const bytes = new Uint8Array(digits.length / 2);
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16);
  }
  return bytes;
}

/** Bytes as hex digits without blanks. */
export function formatHex(view: DataView, start: Offset, end: Offset): string {
  let text = "";
  for (let at = start; at < end; at++) text += view.getUint8(at).toString(16).padStart(2, "0");
  return text;
}
