// The distributor as an eBPF program for PACKET_FANOUT_EBPF: the kernel puts a frame into the queue of the core that
// Distributor.pick would name, so that it normally lands on its core at once. It returns a core, which the kernel
// takes modulo the sockets of the group; sockets must join in the order of the cores.
//
// At that hook skb->data is the network header, an outer VLAN tag lies in the skb's metadata and headers in the linear
// part. Reads go through bpf_skb_load_bytes_relative from the MAC header; one that fails (a header in fragments, seen
// with few drivers) makes the frame fall back to a shorter hash: it is treated on the core where that puts it.
//
// The program reads two one-element array maps in place: the Toeplitz tables, and the state page (indirection.ts)
// which the control core writes through a mapping. The page also counts the frames of each bucket.
//
//   registers  r6 skb, r7 offset of the IP header, r8 type << 16 | VLAN, r9 bytes of hash input
//   stack      see Slot; the IP headers are loaded so that their addresses land in the hash input

import { Role } from "../engine/role.ts";
import { MAX_CORES, type PortId } from "../lib/units.ts";
import { EtherType } from "../wire/ethernet.ts";
import { Assembler, Op } from "./assembler.ts";
import { ADVERTISEMENT, ADVERTISEMENT_LENGTH, NO_PROTOCOL, Protocol, TARGET } from "./classify.ts";
import { portCoreOf, Scheme, type SteeringConfig, schemeOf, tracksFlows } from "./config.ts";
import {
  STATE_BUCKETS_AT,
  STATE_BYTES,
  STATE_COVERS_AT,
  STATE_FRAMES_AT,
  STATE_ROLE_AT,
} from "./indirection.ts";
import { type CompiledRule, compileJobs, compileRules, MAX_RULES, Need, roleOf } from "./rules.ts";
import { MAX_INPUT, TABLE_WORDS, toeplitzTable } from "./toeplitz.ts";

/** What the loader needs to create both maps: BPF_MAP_TYPE_ARRAY of one element, 4-byte key. */
export const HASH_MAP_BYTES: number = TABLE_WORDS * 4;
export const STATE_MAP_BYTES: number = STATE_BYTES;
/** BPF_F_MMAPABLE, for the state map. */
export const STATE_MAP_FLAGS = 0x400;

/** The value of the first map. */
export function hashTableBytes(key: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(HASH_MAP_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of toeplitzTable(key).entries()) view.setInt32(index * 4, word, true);
  return bytes;
}

/** A first value of the second map; later the control core writes it in place. */
export function stateBytes(buckets: Uint8Array, masters: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(STATE_MAP_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [role, core] of masters.entries()) view.setInt32(STATE_ROLE_AT + role * 4, core, true);
  bytes.set(buckets, STATE_BUCKETS_AT);
  for (let core = 0; core < MAX_CORES; core++) bytes[STATE_COVERS_AT + core] = core;
  return bytes;
}

/**
 * True when the program names the very core that `Distributor.pick` names for every frame of the port: software then
 * need not look at its frames. Otherwise the program spreads by flow, and software picks among the cores.
 */
export function steersExactly(config: SteeringConfig, port: PortId): boolean {
  const scheme = schemeOf(config, port);
  if (tracksFlows(config, port) || config.rules.length > MAX_RULES) return false;
  return scheme === Scheme.Flow || scheme === Scheme.Port || scheme === Scheme.Function;
}

const [R0, R1, R2, R3, R4, R5, SKB, L3, L2, LENGTH, FP] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
] as const;
/** bpf_skb_load_bytes_relative and its origin BPF_HDR_START_MAC. */
const LOAD_RELATIVE = 68;
const FROM_MAC = 0;
/** Fields of struct __sk_buff. */
const SKB_VLAN_PRESENT = 20;
const SKB_VLAN_TCI = 24;

/** Offsets from the frame pointer. */
const Slot = {
  Mac: -16,
  MacType: -4,
  /** An ICMPv6 message up to its target. */
  Advertisement: -56,
  /** 36 bytes of hash input, in network order. */
  Input: -96,
  /** The IPv6 header: its addresses are the input. */
  Ipv6: -104,
  /** The IPv4 header: its addresses are the input. */
  Ipv4: -108,
  Have: -112,
  Protocol: -116,
  Ports: -120,
  Scratch: -124,
} as const;

const swap16 = (value: number): number => ((value & 0xff) << 8) | ((value >> 8) & 0xff);
const swap32 = (value: number): number =>
  (swap16(value & 0xffff) << 16) | swap16((value >>> 16) & 0xffff);

/**
 * Loads `length` bytes of the frame at offset `at` (a register is `L3` plus `at`) to the stack;
 * elsewhere on failure.
 */
function loadBytes(
  a: Assembler,
  at: number,
  fromL3: boolean,
  slot: number,
  length: number,
  otherwise: string,
): void {
  if (fromL3) {
    a.reg(Op.Mov, R2, L3);
    if (at !== 0) a.imm(Op.AddImm, R2, at);
  } else a.imm(Op.MovImm, R2, at);
  callLoad(a, slot, length, otherwise);
}

/** The same from the offset in R2. */
function callLoad(a: Assembler, slot: number, length: number, otherwise: string): void {
  a.reg(Op.Mov, R1, SKB);
  a.reg(Op.Mov, R3, FP);
  a.imm(Op.AddImm, R3, slot);
  a.imm(Op.MovImm, R4, length);
  a.imm(Op.MovImm, R5, FROM_MAC);
  a.imm(Op.Call, 0, LOAD_RELATIVE);
  a.jump(Op.IfNotEqualImm, R0, 0, otherwise);
}

/** MAC header, tag and type: leaves L2 and L3. */
function emitLink(a: Assembler): void {
  a.reg(Op.Mov, SKB, R1);
  for (let at = Slot.Scratch - 4; at < -56; at += 8) a.storeImm(Op.StoreDoubleImm, FP, at, 0);
  a.storeImm(Op.StoreWordImm, FP, Slot.Protocol, NO_PROTOCOL);
  loadBytes(a, 0, false, Slot.Mac, 14, "runt");
  a.load(Op.LoadHalf, L2, FP, Slot.MacType);
  a.imm(Op.Big, L2, 16);
  a.imm(Op.MovImm, L3, 14);
  a.load(Op.LoadWord, R1, SKB, SKB_VLAN_PRESENT);
  a.jump(Op.IfEqualImm, R1, 0, "in-line");
  a.load(Op.LoadWord, R2, SKB, SKB_VLAN_TCI);
  a.goto("tagged");
  a.label("in-line");
  a.jump(Op.IfEqualImm, L2, EtherType.Vlan, "tag");
  a.jump(Op.IfNotEqualImm, L2, EtherType.ServiceVlan, "untagged");
  a.label("tag");
  loadBytes(a, 14, false, Slot.Scratch, 4, "untagged");
  a.load(Op.LoadHalf, L2, FP, Slot.Scratch + 2);
  a.imm(Op.Big, L2, 16);
  a.load(Op.LoadHalf, R2, FP, Slot.Scratch);
  a.imm(Op.Big, R2, 16);
  a.imm(Op.MovImm, L3, 18);
  a.label("tagged");
  a.imm(Op.AndImm, R2, 0xfff);
  a.imm(Op.LeftImm, L2, 16);
  a.reg(Op.Or, L2, R2);
  a.goto("typed");
  a.label("untagged");
  a.imm(Op.LeftImm, L2, 16);
  a.label("typed");
}

/** ARP, slow protocols and BPDUs to their roles; then by type. */
function emitBuiltIn(a: Assembler): void {
  a.reg(Op.Mov, R1, L2);
  a.imm(Op.RightImm, R1, 16);
  a.jump(Op.IfEqualImm, R1, EtherType.Arp, "role-arp");
  a.jump(Op.IfEqualImm, R1, EtherType.Rarp, "role-arp");
  a.jump(Op.IfEqualImm, R1, EtherType.Slow, "role-link");
  a.load(Op.LoadWord, R2, FP, Slot.Mac);
  a.jump(Op.If32NotEqualImm, R2, swap32(0x0180c200), "no-bpdu");
  a.load(Op.LoadHalf, R2, FP, Slot.Mac + 4);
  a.jump(Op.IfEqualImm, R2, 0, "role-link");
  a.label("no-bpdu");
  a.jump(Op.IfEqualImm, R1, EtherType.Ipv4, "ipv4");
  a.jump(Op.IfEqualImm, R1, EtherType.Ipv6, "ipv6");
  a.goto("mac");
}

/** MACs and VLAN as hash input. */
function emitMac(a: Assembler): void {
  a.label("mac");
  for (let word = 0; word < 12; word += 4) {
    a.load(Op.LoadWord, R1, FP, Slot.Mac + word);
    a.store(Op.StoreWord, FP, Slot.Input + word, R1);
  }
  a.reg(Op.Mov, R1, L2);
  a.imm(Op.AndImm, R1, 0xfff);
  a.imm(Op.Big, R1, 16);
  a.store(Op.StoreHalf, FP, Slot.Input + 12, R1);
  a.imm(Op.MovImm, LENGTH, 14);
}

/** The ports behind the addresses, from the offset in R2. */
function emitPorts(a: Assembler, addresses: number, need: number, otherwise: string): void {
  callLoad(a, Slot.Input + addresses, 4, otherwise);
  a.load(Op.LoadWord, R1, FP, Slot.Input + addresses);
  a.store(Op.StoreWord, FP, Slot.Ports, R1);
  a.storeImm(Op.StoreWordImm, FP, Slot.Have, need | Need.Ports);
  a.imm(Op.MovImm, LENGTH, addresses + 4);
  a.goto("rules");
}

function emitIpv4(a: Assembler): void {
  a.label("ipv4");
  loadBytes(a, 0, true, Slot.Ipv4, 20, "mac");
  a.load(Op.LoadByte, R1, FP, Slot.Ipv4);
  a.reg(Op.Mov, LENGTH, R1);
  a.imm(Op.RightImm, R1, 4);
  a.jump(Op.IfNotEqualImm, R1, 4, "mac");
  a.imm(Op.AndImm, LENGTH, 15);
  a.jump(Op.IfLessImm, LENGTH, 5, "mac");
  a.imm(Op.LeftImm, LENGTH, 2);
  a.jump(Op.IfEqualImm, LENGTH, 20, "ipv4-whole");
  a.reg(Op.Mov, R2, L3);
  a.reg(Op.Add, R2, LENGTH);
  a.imm(Op.AddImm, R2, -1);
  callLoad(a, Slot.Scratch, 1, "mac"); // The options' last byte is there.
  a.label("ipv4-whole");
  a.load(Op.LoadByte, R1, FP, Slot.Ipv4 + 9);
  a.load(Op.LoadHalf, R2, FP, Slot.Ipv4 + 6);
  a.store(Op.StoreWord, FP, Slot.Protocol, R1);
  a.storeImm(Op.StoreWordImm, FP, Slot.Have, Need.Ipv4);
  a.jump(Op.IfEqualImm, R1, Protocol.Tcp, "ipv4-ports");
  a.jump(Op.IfNotEqualImm, R1, Protocol.Udp, "ipv4-two");
  a.label("ipv4-ports");
  a.imm(Op.AndImm, R2, swap16(0x3fff));
  a.jump(Op.IfNotEqualImm, R2, 0, "ipv4-two");
  a.reg(Op.Mov, R2, L3);
  a.reg(Op.Add, R2, LENGTH);
  emitPorts(a, 8, Need.Ipv4, "ipv4-two");
  a.label("ipv4-two");
  a.imm(Op.MovImm, LENGTH, 8);
  a.goto("rules");
}

function emitIpv6(a: Assembler): void {
  a.label("ipv6");
  loadBytes(a, 0, true, Slot.Ipv6, 40, "mac");
  a.load(Op.LoadByte, R1, FP, Slot.Ipv6);
  a.imm(Op.RightImm, R1, 4);
  a.jump(Op.IfNotEqualImm, R1, 6, "mac");
  a.load(Op.LoadByte, R1, FP, Slot.Ipv6 + 6);
  a.store(Op.StoreWord, FP, Slot.Protocol, R1);
  a.storeImm(Op.StoreWordImm, FP, Slot.Have, Need.Ipv6);
  a.reg(Op.Mov, R2, L3);
  a.imm(Op.AddImm, R2, 40);
  a.jump(Op.IfEqualImm, R1, Protocol.Tcp, "ipv6-ports");
  a.jump(Op.IfEqualImm, R1, Protocol.Udp, "ipv6-ports");
  a.jump(Op.IfNotEqualImm, R1, Protocol.Icmpv6, "ipv6-two");
  callLoad(a, Slot.Advertisement, ADVERTISEMENT_LENGTH, "ipv6-two");
  a.load(Op.LoadByte, R1, FP, Slot.Advertisement);
  a.jump(Op.IfNotEqualImm, R1, ADVERTISEMENT, "ipv6-two");
  for (let half = 0; half < 16; half += 8) {
    a.load(Op.LoadDouble, R1, FP, Slot.Advertisement + TARGET + half);
    a.store(Op.StoreDouble, FP, Slot.Input + half, R1);
  }
  a.imm(Op.MovImm, LENGTH, 16);
  a.goto("hash-buckets");
  a.label("ipv6-ports");
  emitPorts(a, 32, Need.Ipv6, "ipv6-two");
  a.label("ipv6-two");
  a.imm(Op.MovImm, LENGTH, 32);
  a.goto("rules");
}

/** One rule: on to the next at the first field that differs. */
function emitRule(a: Assembler, rule: CompiledRule, next: string, stateMapFd: number): void {
  if (rule.l2Mask !== 0) {
    a.reg(Op.Mov32, R1, L2);
    a.imm(Op.And32Imm, R1, rule.l2Mask);
    a.jump(Op.If32NotEqualImm, R1, rule.l2, next);
  }
  if (rule.protocol >= 0) {
    a.load(Op.LoadWord, R1, FP, Slot.Protocol);
    a.jump(Op.IfNotEqualImm, R1, rule.protocol, next);
  }
  if (rule.need !== 0) {
    a.load(Op.LoadWord, R1, FP, Slot.Have);
    a.imm(Op.AndImm, R1, rule.need);
    a.jump(Op.IfNotEqualImm, R1, rule.need, next);
  }
  if (rule.l4Mask !== 0) {
    a.load(Op.LoadWord, R1, FP, Slot.Ports);
    a.imm(Op.And32Imm, R1, swap32(rule.l4Mask));
    a.jump(Op.If32NotEqualImm, R1, swap32(rule.l4), next);
  }
  const isIpv4 = (rule.need & Need.Ipv4) !== 0;
  for (const [word, mask] of rule.addressMask.entries()) {
    if (mask === 0) continue;
    a.load(Op.LoadWord, R1, FP, Slot.Input + (isIpv4 && word === 4 ? 4 : word * 4));
    a.imm(Op.And32Imm, R1, swap32(mask));
    a.jump(Op.If32NotEqualImm, R1, swap32(rule.address[word] as number), next);
  }
  if (rule.action >= 0) emitCore(a, rule.action, stateMapFd);
  else emitRole(a, roleOf(rule.action), stateMapFd);
  a.emit(Op.Exit, 0, 0, 0, 0);
}

/** R0 = the core, or who stands in for it. */
function emitCore(a: Assembler, core: number, stateMapFd: number): void {
  a.mapValue(R1, stateMapFd, STATE_COVERS_AT + core);
  a.load(Op.LoadByte, R0, R1, 0);
}

function emitRole(a: Assembler, role: number, stateMapFd: number): void {
  a.mapValue(R1, stateMapFd, STATE_ROLE_AT + role * 4);
  a.load(Op.LoadWord, R0, R1, 0);
}

/** R0 = Toeplitz hash of the input. `name` tells the two copies apart. */
function emitHash(a: Assembler, hashTableMapFd: number, name: string): void {
  a.imm(Op.MovImm, R0, 0);
  a.mapValue(R2, hashTableMapFd, 0);
  let base = 0;
  for (let at = 0; at < MAX_INPUT; at++) {
    if (at === 16) {
      // Offsets of instructions are 16 bits, signed.
      base = 16;
      a.imm(Op.AddImm, R2, 16 * 1024);
    }
    if ([8, 12, 14, 16, 32].includes(at)) a.jump(Op.IfEqualImm, LENGTH, at, `${name}-done`);
    a.load(Op.LoadByte, R1, FP, Slot.Input + at);
    a.imm(Op.LeftImm, R1, 2);
    a.reg(Op.Mov, R3, R2);
    a.reg(Op.Add, R3, R1);
    a.load(Op.LoadWord, R4, R3, (at - base) * 1024);
    a.reg(Op.Xor, R0, R4);
  }
  a.label(`${name}-done`);
}

/** R0 = core of the hash's bucket, and one more frame for the bucket. */
function emitBuckets(a: Assembler, config: SteeringConfig, stateMapFd: number): void {
  a.imm(Op.AndImm, R0, config.buckets - 1);
  a.mapValue(R3, stateMapFd, 0);
  a.reg(Op.Mov, R1, R0);
  a.imm(Op.LeftImm, R1, 3);
  a.reg(Op.Add, R1, R3);
  a.imm(Op.MovImm, R2, 1);
  a.store(Op.AddDouble, R1, STATE_FRAMES_AT, R2);
  a.reg(Op.Add, R3, R0);
  a.load(Op.LoadByte, R0, R3, STATE_BUCKETS_AT);
  a.emit(Op.Exit, 0, 0, 0, 0);
}

/** What the port's scheme says of a frame that no rule took. */
function emitScheme(
  a: Assembler,
  config: SteeringConfig,
  port: PortId,
  hashMapFd: number,
  stateMapFd: number,
): void {
  if (schemeOf(config, port) === Scheme.Port) {
    emitCore(a, portCoreOf(config, port), stateMapFd);
    a.emit(Op.Exit, 0, 0, 0, 0);
  } else if (!steersExactly(config, port)) {
    // Software chooses. A flow must always land on one core, so the buckets, which may move, are left out.
    emitHash(a, hashMapFd, "landing");
    a.imm(Op.AndImm, R0, config.buckets - 1);
    a.imm(Op.ModuloImm, R0, config.cores);
    a.imm(Op.AndImm, R0, MAX_CORES - 1); // The verifier of older kernels sees no bound in a remainder.
    a.mapValue(R1, stateMapFd, STATE_COVERS_AT);
    a.reg(Op.Add, R1, R0);
    a.load(Op.LoadByte, R0, R1, 0);
    a.emit(Op.Exit, 0, 0, 0, 0);
  }
}

/** The user's rules, then the jobs; false when one takes every frame, for the verifier refuses code behind it. */
function emitRules(
  a: Assembler,
  config: SteeringConfig,
  port: PortId,
  stateMapFd: number,
): boolean {
  const rules = compileRules(config).slice(0, MAX_RULES);
  if (schemeOf(config, port) === Scheme.Function) rules.push(...compileJobs(config));
  for (const [index, rule] of rules.entries()) {
    if (rule.port >= 0 && rule.port !== port) continue;
    emitRule(a, rule, `rule-${index}`, stateMapFd);
    if (rule.l2Mask === 0 && rule.protocol < 0 && rule.need === 0) return false;
    a.label(`rule-${index}`);
  }
  return true;
}

/** The program for one port as an array of struct bpf_insn, BPF_PROG_TYPE_SOCKET_FILTER. */
export function buildProgram(
  config: SteeringConfig,
  hashTableMapFd: number,
  stateMapFd: number,
  port: PortId = 0,
): Uint8Array {
  const a = new Assembler();
  emitLink(a);
  emitBuiltIn(a);
  emitIpv4(a);
  emitIpv6(a);
  emitMac(a);
  a.label("rules");
  if (emitRules(a, config, port, stateMapFd)) {
    emitScheme(a, config, port, hashTableMapFd, stateMapFd);
  }
  a.label("hash-buckets");
  emitHash(a, hashTableMapFd, "bucket");
  emitBuckets(a, config, stateMapFd);
  a.label("runt");
  a.imm(Op.MovImm, R0, 0);
  a.emit(Op.Exit, 0, 0, 0, 0);
  a.label("role-arp");
  emitRole(a, Role.Arp, stateMapFd);
  a.emit(Op.Exit, 0, 0, 0, 0);
  a.label("role-link");
  emitRole(a, Role.Link, stateMapFd);
  a.emit(Op.Exit, 0, 0, 0, 0);
  return a.bytes();
}
