// Rules that come before the hash (CORE-5): the first that matches names a core or a role. Compiled to columns,
// one value and one mask per field, so that a rule is a few xors and ands. The built-in ones are not in the
// columns: the distributor looks for ARP, BPDU, slow protocols and Neighbor Advertisements first, since no user
// may bend these.

import type { Role } from "../engine/role.ts";
import type { CoreId, PortId } from "../lib/units.ts";
import { EtherType } from "../wire/ethernet.ts";
import { type Classifier, Protocol } from "./classify.ts";
import type { AddressMatch, Masked, RuleConfig, SteeringConfig } from "./config.ts";

/** No rule matched. */
export const NO_MATCH = 0x7fffffff;
/** An action below zero is a role. */
const roleAction = (role: Role): number => -1 - role;
export const roleOf = (action: number): number => -1 - action;

/** What a rule needs of a frame before its values are compared. */
export const Need = { Ipv4: 1, Ipv6: 2, Ports: 4 } as const;

/** Most rules, our choice: each costs a nanosecond per frame. */
export const MAX_RULES = 512;

const bitsOf = (field: Masked | undefined): number =>
  field === undefined ? 0 : typeof field === "number" ? field : field.value;
const maskOf = (field: Masked | undefined, full: number): number =>
  field === undefined ? 0 : typeof field === "number" ? full : field.mask & full;

/** The mask of word `index` (0..3) of an address under a prefix of `length` bits. */
function prefixMask(length: number, index: number): number {
  const bits = Math.max(0, Math.min(32, length - index * 32));
  return bits === 0 ? 0 : (-1 << (32 - bits)) | 0;
}

/** A rule in words that compare with what the classifier read; also what the kernel program is made from. */
export interface CompiledRule {
  readonly need: number;
  /** Ethernet type in the upper, VLAN in the lower 16 bits. */
  readonly l2: number;
  readonly l2Mask: number;
  /** Port that the frame came in by, -1 for any. */
  readonly port: number;
  /** -1 for any. */
  readonly protocol: number;
  /** Source port in the upper, destination port in the lower 16 bits. */
  readonly l4: number;
  readonly l4Mask: number;
  /** Source address in words 0..3, destination in 4..7; IPv4 in words 0 and 4. */
  readonly address: readonly number[];
  readonly addressMask: readonly number[];
  readonly action: number;
}

/** Value and mask words of one address; a need when the family counts. */
function compileAddress(match: AddressMatch | undefined): {
  need: number;
  value: number[];
  mask: number[];
} {
  const value = [0, 0, 0, 0];
  const mask = [0, 0, 0, 0];
  if (match === undefined) return { need: 0, value, mask };
  const words = match.ipv4 === undefined ? match.ipv6 : [match.ipv4];
  for (const [index, word] of words.entries()) {
    mask[index] = prefixMask(match.length, index);
    value[index] = word & (mask[index] as number);
  }
  return { need: match.ipv4 === undefined ? Need.Ipv6 : Need.Ipv4, value, mask };
}

export function compileRule(rule: RuleConfig): CompiledRule {
  const source = compileAddress(rule.source);
  const destination = compileAddress(rule.destination);
  const hasPorts = rule.sourcePort !== undefined || rule.destinationPort !== undefined;
  const l2Mask = (maskOf(rule.etherType, 0xffff) << 16) | maskOf(rule.vlan, 0xfff);
  const l4Mask = (maskOf(rule.sourcePort, 0xffff) << 16) | maskOf(rule.destinationPort, 0xffff);
  return {
    need: source.need | destination.need | (hasPorts ? Need.Ports : 0),
    l2: ((bitsOf(rule.etherType) << 16) | bitsOf(rule.vlan)) & l2Mask,
    l2Mask,
    port: rule.port ?? -1,
    protocol: rule.protocol ?? -1,
    l4: ((bitsOf(rule.sourcePort) << 16) | bitsOf(rule.destinationPort)) & l4Mask,
    l4Mask,
    address: [...source.value, ...destination.value],
    addressMask: [...source.mask, ...destination.mask],
    action: rule.role === undefined ? (rule.core ?? 0) : roleAction(rule.role),
  };
}

/** The scheme `function` as rules (of the ports that run it): the jobs that a core was named for. */
function jobRules(config: SteeringConfig): RuleConfig[] {
  const { tcp, udp, icmp, ip, other } = config.functions;
  const rules: RuleConfig[] = [];
  const add = (core: CoreId | undefined, fields: RuleConfig): void => {
    if (core !== undefined) rules.push({ ...fields, core });
  };
  add(tcp, { protocol: Protocol.Tcp });
  add(udp, { protocol: Protocol.Udp });
  add(icmp, { etherType: EtherType.Ipv4, protocol: Protocol.Icmp });
  add(icmp, { etherType: EtherType.Ipv6, protocol: Protocol.Icmpv6 });
  add(ip, { etherType: EtherType.Ipv4 });
  add(ip, { etherType: EtherType.Ipv6 });
  // A rule says what it wants, not what it does not: the types but those of IP, as prefixes of the 16 bits.
  for (const etherType of typesButIp()) add(other, { etherType });
  return rules;
}

/** The Ethernet types without 0x0800 and 0x86dd, as values under masks. */
function typesButIp(): Masked[] {
  const fields: Masked[] = [];
  const split = (value: number, bits: number): void => {
    const mask = (0xffff << (16 - bits)) & 0xffff;
    const inside = [EtherType.Ipv4, EtherType.Ipv6].filter((type) => (type & mask) === value);
    if (inside.length === 0) fields.push({ value, mask });
    else if (bits < 16) {
      split(value, bits + 1);
      split(value | (0x8000 >> bits), bits + 1);
    }
  };
  split(0, 0);
  return fields;
}

/** The user's rules, in the order in which they are tried. */
export function compileRules(config: SteeringConfig): CompiledRule[] {
  return config.rules.map(compileRule);
}

/** What the scheme `function` adds to them on its ports. */
export function compileJobs(config: SteeringConfig): CompiledRule[] {
  return jobRules(config).map(compileRule);
}

/** The rules of one distributor, as columns. */
export class RuleTable {
  readonly count: number;
  readonly #need: Uint8Array;
  readonly #port: Int16Array;
  readonly #protocol: Int16Array;
  readonly #l2: Int32Array;
  readonly #l2Mask: Int32Array;
  readonly #l4: Int32Array;
  readonly #l4Mask: Int32Array;
  readonly #address: Int32Array;
  readonly #addressMask: Int32Array;
  readonly #action: Int32Array;

  constructor(rules: readonly CompiledRule[]) {
    this.count = rules.length;
    this.#need = Uint8Array.from(rules, (rule) => rule.need);
    this.#port = Int16Array.from(rules, (rule) => rule.port);
    this.#protocol = Int16Array.from(rules, (rule) => rule.protocol);
    this.#l2 = Int32Array.from(rules, (rule) => rule.l2);
    this.#l2Mask = Int32Array.from(rules, (rule) => rule.l2Mask);
    this.#l4 = Int32Array.from(rules, (rule) => rule.l4);
    this.#l4Mask = Int32Array.from(rules, (rule) => rule.l4Mask);
    this.#address = Int32Array.from(rules.flatMap((rule) => rule.address));
    this.#addressMask = Int32Array.from(rules.flatMap((rule) => rule.addressMask));
    this.#action = Int32Array.from(rules, (rule) => rule.action);
  }

  /** Index of the first rule that the frame matches, or -1. */
  find(frame: Classifier, view: DataView, port: PortId): number {
    const l2 = (frame.etherType << 16) | frame.vlan;
    const l4 = frame.ports < 0 ? 0 : view.getInt32(frame.ports);
    let have = frame.family === 4 ? Need.Ipv4 : frame.family === 6 ? Need.Ipv6 : 0;
    if (frame.ports >= 0) have |= Need.Ports;
    for (let rule = 0; rule < this.count; rule++) {
      if ((((this.#l2[rule] as number) ^ l2) & (this.#l2Mask[rule] as number)) !== 0) continue;
      const onPort = this.#port[rule] as number;
      if (onPort >= 0 && onPort !== port) continue;
      const protocol = this.#protocol[rule] as number;
      if (protocol >= 0 && protocol !== frame.protocol) continue;
      const need = this.#need[rule] as number;
      if ((need & ~have) !== 0) continue;
      if ((((this.#l4[rule] as number) ^ l4) & (this.#l4Mask[rule] as number)) !== 0) continue;
      if ((need & (Need.Ipv4 | Need.Ipv6)) === 0 || this.#addresses(rule, frame, view)) return rule;
    }
    return -1;
  }

  /** The action of the first rule that the frame matches, or NO_MATCH. */
  match(frame: Classifier, view: DataView, port: PortId): number {
    const rule = this.find(frame, view, port);
    return rule < 0 ? NO_MATCH : (this.#action[rule] as number);
  }

  #addresses(rule: number, frame: Classifier, view: DataView): boolean {
    const base = rule * 8;
    if (frame.family === 4) {
      return (
        this.#same(base, view.getInt32(frame.l3 + 12)) &&
        this.#same(base + 4, view.getInt32(frame.l3 + 16))
      );
    }
    for (let word = 0; word < 8; word++) {
      if (!this.#same(base + word, view.getInt32(frame.l3 + 8 + word * 4))) return false;
    }
    return true;
  }

  #same(index: number, word: number): boolean {
    return (((this.#address[index] as number) ^ word) & (this.#addressMask[index] as number)) === 0;
  }
}
