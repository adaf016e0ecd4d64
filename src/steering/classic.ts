// The distributor as a classic BPF program for PACKET_FANOUT_CBPF, for where bpf(2) is refused (user namespaces).
// It has no maps, but the Toeplitz hash is linear: bit j of the result is the parity of the input under a mask, so
// the few low bits that choose a bucket cost some tens of instructions each. Same answers as Distributor.pick for
// the same frames; roles and buckets are constants in it, so it must be attached again when these change, and
// meanwhile software hands over what the old program misses. At that hook loads count from the network header;
// SKF_LL_OFF reaches the MACs.

import { Role } from "../engine/role.ts";
import type { PortId } from "../lib/units.ts";
import { EtherType } from "../wire/ethernet.ts";
import { CLASSIC_MAX, Classic, ClassicAssembler } from "./assembler.ts";
import { ADVERTISEMENT, ADVERTISEMENT_LENGTH, NO_PROTOCOL, Protocol, TARGET } from "./classify.ts";
import { portCoreOf, Scheme, type SteeringConfig, schemeOf } from "./config.ts";
import { steersExactly } from "./kernel.ts";
import { type CompiledRule, compileJobs, compileRules, Need, roleOf } from "./rules.ts";
import { hashWord, toeplitzTable } from "./toeplitz.ts";

/** Loads relative to the MAC header, and fields beside the frame (linux/filter.h). */
const FROM_MAC = -0x200000;
const VLAN_TAG = -0x1000 + 44;
const VLAN_PRESENT = -0x1000 + 48;

/** Scratch memory: nine words of input, then fields. */
const Memory = { Input: 0, L2: 9, Have: 10, Protocol: 11, Ports: 12, Bucket: 13 } as const;
const INPUT_WORDS = 9;

/** A classic program and how many of the user's rules found room in it. */
export interface ClassicProgram {
  /** struct sock_filter, 8 bytes each. */
  readonly bytes: Uint8Array;
  readonly rules: number;
}

const set = (a: ClassicAssembler, slot: number, value: number): void => {
  a.emit(Classic.LoadImm, value);
  a.emit(Classic.StoreMemory, slot);
};

/** Copies 32-bit words from the frame (`from` as a load takes it) to the input. */
function copyWords(a: ClassicAssembler, from: number, count: number): void {
  for (let word = 0; word < count; word++) {
    a.emit(Classic.LoadWord, from + word * 4);
    a.emit(Classic.StoreMemory, Memory.Input + word);
  }
}

function emitLink(a: ClassicAssembler): void {
  for (let word = 0; word < INPUT_WORDS; word++) set(a, Memory.Input + word, 0);
  for (const slot of [Memory.Have, Memory.Ports, Memory.Bucket]) set(a, slot, 0);
  set(a, Memory.Protocol, NO_PROTOCOL);
  a.emit(Classic.LoadHalf, FROM_MAC + 12);
  a.emit(Classic.Left, 16);
  a.emit(Classic.StoreMemory, Memory.L2);
  a.emit(Classic.LoadByte, VLAN_PRESENT);
  a.when(Classic.IfEqual, 0, "untagged");
  a.emit(Classic.LoadHalf, VLAN_TAG);
  a.emit(Classic.And, 0xfff);
  a.emit(Classic.XLoadMemory, Memory.L2);
  a.emit(Classic.Or);
  a.emit(Classic.StoreMemory, Memory.L2);
  a.label("untagged");
  a.emit(Classic.LoadHalf, FROM_MAC + 12);
  a.when(Classic.IfEqual, EtherType.Arp, "role-arp");
  a.when(Classic.IfEqual, EtherType.Rarp, "role-arp");
  a.when(Classic.IfEqual, EtherType.Slow, "role-link");
  a.emit(Classic.LoadWord, FROM_MAC);
  a.unless(Classic.IfEqual, 0x0180c200, "no-bpdu");
  a.emit(Classic.LoadHalf, FROM_MAC + 4);
  a.when(Classic.IfEqual, 0, "role-link");
  a.label("no-bpdu");
  a.emit(Classic.LoadHalf, FROM_MAC + 12);
  a.when(Classic.IfEqual, EtherType.Ipv4, "ipv4");
  a.when(Classic.IfEqual, EtherType.Ipv6, "ipv6");
  a.goto("mac");
}

function emitIpv4(a: ClassicAssembler): void {
  a.label("ipv4");
  a.emit(Classic.LoadLength);
  a.unless(Classic.IfGreaterEqual, 20, "mac");
  a.emit(Classic.LoadByte, 0);
  a.unless(Classic.IfGreaterEqual, 0x45, "mac");
  a.when(Classic.IfGreaterEqual, 0x50, "mac");
  a.emit(Classic.XHeaderLength, 0);
  a.emit(Classic.LoadLength);
  a.emit(IF_AT_LEAST_X, 0, 1, 0);
  a.goto("mac");
  copyWords(a, 12, 2);
  set(a, Memory.Have, Need.Ipv4);
  a.emit(Classic.LoadByte, 9);
  a.emit(Classic.StoreMemory, Memory.Protocol);
  a.when(Classic.IfEqual, Protocol.Tcp, "ipv4-ports");
  a.unless(Classic.IfEqual, Protocol.Udp, "rules");
  a.label("ipv4-ports");
  a.emit(Classic.LoadHalf, 6);
  a.when(Classic.IfSet, 0x3fff, "rules");
  a.emit(Classic.XToA);
  a.emit(Classic.AddImm, 4);
  a.emit(Classic.AToX);
  a.emit(Classic.LoadLength);
  a.emit(IF_AT_LEAST_X, 0, 1, 0);
  a.goto("rules");
  a.emit(Classic.LoadWordX, -4);
  a.emit(Classic.StoreMemory, Memory.Input + 2);
  a.emit(Classic.StoreMemory, Memory.Ports);
  set(a, Memory.Have, Need.Ipv4 | Need.Ports);
  a.goto("rules");
}

/** Jump if A >= X. */
const IF_AT_LEAST_X = 0x3d;

function emitIpv6(a: ClassicAssembler): void {
  a.label("ipv6");
  a.emit(Classic.LoadLength);
  a.unless(Classic.IfGreaterEqual, 40, "mac");
  a.emit(Classic.LoadByte, 0);
  a.unless(Classic.IfGreaterEqual, 0x60, "mac");
  a.when(Classic.IfGreaterEqual, 0x70, "mac");
  a.emit(Classic.LoadByte, 6);
  a.emit(Classic.StoreMemory, Memory.Protocol);
  a.unless(Classic.IfEqual, Protocol.Icmpv6, "ipv6-addresses");
  a.emit(Classic.LoadLength);
  a.unless(Classic.IfGreaterEqual, 40 + ADVERTISEMENT_LENGTH, "ipv6-addresses");
  a.emit(Classic.LoadByte, 40);
  a.unless(Classic.IfEqual, ADVERTISEMENT, "ipv6-addresses");
  copyWords(a, 40 + TARGET, 4);
  a.goto("hash-4");
  a.label("ipv6-addresses");
  copyWords(a, 8, 8);
  set(a, Memory.Have, Need.Ipv6);
  a.emit(Classic.LoadMemory, Memory.Protocol);
  a.when(Classic.IfEqual, Protocol.Tcp, "ipv6-ports");
  a.unless(Classic.IfEqual, Protocol.Udp, "rules");
  a.label("ipv6-ports");
  a.emit(Classic.LoadLength);
  a.unless(Classic.IfGreaterEqual, 44, "rules");
  a.emit(Classic.LoadWord, 40);
  a.emit(Classic.StoreMemory, Memory.Input + 8);
  a.emit(Classic.StoreMemory, Memory.Ports);
  set(a, Memory.Have, Need.Ipv6 | Need.Ports);
  a.goto("rules");
}

function emitMac(a: ClassicAssembler): void {
  a.label("mac");
  copyWords(a, FROM_MAC, 3);
  a.emit(Classic.LoadMemory, Memory.L2);
  a.emit(Classic.And, 0xfff);
  a.emit(Classic.Left, 16);
  a.emit(Classic.StoreMemory, Memory.Input + 3);
}

/** Who stands in for a core; without a list, itself. */
const coverOf = (covers: Uint8Array, core: number): number => covers[core] ?? core;

function emitRule(
  a: ClassicAssembler,
  rule: CompiledRule,
  next: string,
  masters: readonly number[],
  covers: Uint8Array,
): void {
  const compare = (slot: number, mask: number, value: number): void => {
    if (mask === 0) return;
    a.emit(Classic.LoadMemory, slot);
    if (mask !== -1) a.emit(Classic.And, mask);
    a.unless(Classic.IfEqual, value, next);
  };
  compare(Memory.L2, rule.l2Mask, rule.l2);
  if (rule.protocol >= 0) compare(Memory.Protocol, -1, rule.protocol);
  compare(Memory.Have, rule.need, rule.need);
  compare(Memory.Ports, rule.l4Mask, rule.l4);
  const isIpv4 = (rule.need & Need.Ipv4) !== 0;
  for (const [word, mask] of rule.addressMask.entries()) {
    compare(isIpv4 && word === 4 ? 1 : word, mask, rule.address[word] as number);
  }
  const { action } = rule;
  a.emit(Classic.ReturnImm, action >= 0 ? coverOf(covers, action) : (masters[roleOf(action)] ?? 0));
}

/** Mask of input word `word` whose parity is bit `bit` of the hash. */
function parityMask(table: Int32Array, word: number, bit: number): number {
  let mask = 0;
  for (let n = 0; n < 32; n++) {
    const input = (1 << n) | 0;
    if (((hashWord(table, word * 4, input) >>> bit) & 1) === 1) mask |= input;
  }
  return mask | 0;
}

/** Bucket of the first `words` words of input into A. */
function emitHash(a: ClassicAssembler, config: SteeringConfig, words: number): void {
  const table = toeplitzTable(config.key);
  a.label(`hash-${words}`);
  for (let bit = 0; 1 << bit < config.buckets; bit++) {
    for (let word = 0; word < words; word++) {
      a.emit(Classic.LoadMemory, Memory.Input + word);
      a.emit(Classic.And, parityMask(table, word, bit));
      if (word > 0) a.emit(Classic.XorX);
      a.emit(Classic.AToX);
    }
    for (let fold = 16; fold >= 1; fold /= 2) {
      a.emit(Classic.Right, fold);
      a.emit(Classic.XorX);
      if (fold > 1) a.emit(Classic.AToX);
    }
    a.emit(Classic.And, 1);
    a.emit(Classic.Left, bit);
    a.emit(Classic.XLoadMemory, Memory.Bucket);
    a.emit(Classic.Or);
    a.emit(Classic.StoreMemory, Memory.Bucket);
  }
}

/** Returns the core of the bucket in A: a tree of comparisons. */
function emitTree(a: ClassicAssembler, table: Uint8Array, from: number, to: number): void {
  const first = table[from] as number;
  let uniform = true;
  for (let bucket = from; bucket < to; bucket++) if (table[bucket] !== first) uniform = false;
  if (uniform) {
    a.emit(Classic.ReturnImm, first);
    return;
  }
  const middle = (from + to) >> 1;
  const left = new ClassicAssembler();
  emitTree(left, table, from, middle);
  a.emit(Classic.IfGreaterEqual, middle, left.length, 0);
  emitTree(a, table, from, middle);
  emitTree(a, table, middle, to);
}

function build(
  config: SteeringConfig,
  buckets: Uint8Array,
  masters: readonly number[],
  port: PortId,
  rules: readonly CompiledRule[],
  covers: Uint8Array,
): ClassicAssembler {
  const a = new ClassicAssembler();
  emitLink(a);
  emitIpv4(a);
  emitIpv6(a);
  emitMac(a);
  a.label("rules");
  for (const [index, rule] of rules.entries()) {
    emitRule(a, rule, `rule-${index}`, masters, covers);
    a.label(`rule-${index}`);
  }
  if (schemeOf(config, port) === Scheme.Port) {
    a.emit(Classic.ReturnImm, coverOf(covers, portCoreOf(config, port)));
  } else {
    a.emit(Classic.LoadMemory, Memory.Have);
    a.when(Classic.IfSet, Need.Ipv6, "hash-9");
    a.when(Classic.IfEqual, 0, "hash-4");
    emitHash(a, config, 3);
    a.goto("buckets");
  }
  emitHash(a, config, 4);
  a.goto("buckets");
  if (schemeOf(config, port) !== Scheme.Port) {
    emitHash(a, config, 9);
  }
  a.label("buckets");
  a.emit(Classic.LoadMemory, Memory.Bucket);
  const landing = Uint8Array.from(buckets, (core, bucket) =>
    steersExactly(config, port) ? core : coverOf(covers, bucket % config.cores),
  );
  emitTree(a, landing, 0, config.buckets);
  a.label("role-arp");
  a.emit(Classic.ReturnImm, masters[Role.Arp] ?? 0);
  a.label("role-link");
  a.emit(Classic.ReturnImm, masters[Role.Link] ?? 0);
  return a;
}

/** The program for one port with the present buckets and roles. Rules that find no room are left to software. */
export function buildClassic(
  config: SteeringConfig,
  buckets: Uint8Array,
  masters: readonly number[],
  port: PortId = 0,
  covers: Uint8Array = new Uint8Array(0),
): ClassicProgram {
  const jobs = schemeOf(config, port) === Scheme.Function ? compileJobs(config) : [];
  const rules = [...compileRules(config), ...jobs].filter(
    (rule) => rule.port < 0 || rule.port === port,
  );
  for (let count = rules.length; ; count = Math.floor(count / 2)) {
    const a = build(config, buckets, masters, port, rules.slice(0, count), covers);
    if (a.length <= CLASSIC_MAX) return { bytes: a.bytes(), rules: count };
  }
}
