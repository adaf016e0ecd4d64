// Spanning tree BPDUs (IEEE 802.1D-2004 clause 9): Configuration, Topology Change Notification and Rapid. `at` is the
// protocol identifier, behind the LLC header 42-42-03. Of a BPDU of a later version what this one knows is read
// (9.3.4): an MST BPDU (IEEE 802.1Q-2018 14.4) begins as an RST BPDU does.
//
//   0         2        3      4       5       13     17        25    27     29    31     33     35
//   +---------+--------+------+-------+-------+------+---------+-----+------+-----+------+------+-----------+
//   | 0       | version| type | flags | root  | cost | bridge  | port| age  | max | hello| fwd  | 0 (RST)   |
//   +---------+--------+------+-------+-------+------+---------+-----+------+-----+------+------+-----------+
//   a TCN ends behind its type; times are in 1/256 s; identifiers are priority 2, address 6
//
// PVST+ (Cisco's, no standard) carries the same behind LLC AA-AA-03, 00-00-0C, 010B, to a group of its own, with the
// VLAN in a TLV behind: pad 1, type 2 (0), length 2 (2), VLAN 2.

import type { Mac, Offset } from "../lib/units.ts";
import { mac, setMac } from "./bytes.ts";
import { LENGTH as ETHERNET } from "./ethernet.ts";
import { BpduType, LENGTH as LLC } from "./llc.ts";

/** Bytes of each kind behind the LLC header (9.3.1 to 9.3.3). */
export const TCN_LENGTH = 4;
export const CONFIG_LENGTH = 35;
export const RST_LENGTH = 36;
/** Bytes of a whole frame with an RST BPDU, without padding and check sequence. */
export const FRAME: number = ETHERNET + LLC + RST_LENGTH;

/** Where BPDUs go: the bridge group address (7.12.3). */
export const GROUP: Mac = 0x0180c2000000;
/** Where PVST+ BPDUs go. */
export const PVST_GROUP: Mac = 0x01000ccccccd;

/** Bits of the flags (9.2.9). */
export const Flag = {
  TopologyChange: 0x01,
  Proposal: 0x02,
  Role: 0x0c,
  Learning: 0x10,
  Forwarding: 0x20,
  Agreement: 0x40,
  TopologyChangeAck: 0x80,
} as const;
/** The port role in the flags (9.2.9), in place. */
export const RoleBits = { Unknown: 0x00, Alternate: 0x04, Root: 0x08, Designated: 0x0c } as const;

/** What a frame to the bridge group address is, or what is wrong with it. */
export const Kind = {
  Config: 0,
  Tcn: 1,
  Rst: 2,
  /** No LLC frame of the spanning tree. */
  NotLlc: -1,
  Short: -2,
  /** A protocol identifier other than 0. */
  Protocol: -3,
  Type: -4,
  /** The message age is not below the maximum. */
  Age: -5,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

const BRIDGE_SAPS = 0x4242;
const UNNUMBERED = 0x03;

/** The first byte of the BPDU of a frame. */
export const bpduAt = (start: Offset): Offset => start + ETHERNET + LLC;

/**
 * Classifies and validates an untagged frame to the group (9.3.4); `end` may lie behind padding. What is left of 9.3.4,
 * that a BPDU is not the receiving port's own, its receiver knows.
 */
export function kindOf(view: DataView, start: Offset, end: Offset): Kind {
  const at = bpduAt(start);
  if (at > end || view.getUint16(start + ETHERNET) !== BRIDGE_SAPS) return Kind.NotLlc;
  if (view.getUint8(start + ETHERNET + 2) !== UNNUMBERED) return Kind.NotLlc;
  const length = view.getUint16(start + ETHERNET - 2);
  // A type instead of a length: some senders' long frames; their BPDU ends with the frame.
  const stop = length > 1500 ? end : Math.min(end, start + ETHERNET + length);
  const room = stop - at;
  if (room < TCN_LENGTH) return Kind.Short;
  if (view.getUint16(at) !== 0) return Kind.Protocol;
  return kindOfBpdu(view, at, room);
}

function kindOfBpdu(view: DataView, at: Offset, room: number): Kind {
  const type = view.getUint8(at + 3);
  if (type === BpduType.TopologyChange) return Kind.Tcn;
  if (type === BpduType.Config) {
    if (room < CONFIG_LENGTH) return Kind.Short;
    return messageAge(view, at) < maxAge(view, at) ? Kind.Config : Kind.Age;
  }
  // 9.3.4 c): type 2 with version 2; later versions begin as it does.
  if (type !== BpduType.Rapid || version(view, at) < 2) return Kind.Type;
  return room < RST_LENGTH ? Kind.Short : Kind.Rst;
}

export const version = (view: DataView, at: Offset): number => view.getUint8(at + 2);
export const flags = (view: DataView, at: Offset): number => view.getUint8(at + 4);
export const rootPriority = (view: DataView, at: Offset): number => view.getUint16(at + 5);
export const rootAddress = (view: DataView, at: Offset): Mac => mac(view, at + 7);
export const rootPathCost = (view: DataView, at: Offset): number => view.getUint32(at + 13);
export const bridgePriority = (view: DataView, at: Offset): number => view.getUint16(at + 17);
export const bridgeAddress = (view: DataView, at: Offset): Mac => mac(view, at + 19);
export const portId = (view: DataView, at: Offset): number => view.getUint16(at + 25);
// Times, in 1/256 s.
export const messageAge = (view: DataView, at: Offset): number => view.getUint16(at + 27);
export const maxAge = (view: DataView, at: Offset): number => view.getUint16(at + 29);
export const helloTime = (view: DataView, at: Offset): number => view.getUint16(at + 31);
export const forwardDelay = (view: DataView, at: Offset): number => view.getUint16(at + 33);

/** What a Configuration or an RST BPDU says. */
export interface Content {
  readonly flags: number;
  readonly rootPriority: number;
  readonly rootAddress: Mac;
  readonly rootPathCost: number;
  readonly bridgePriority: number;
  readonly bridgeAddress: Mac;
  readonly portId: number;
  readonly messageAge: number;
  readonly maxAge: number;
  readonly helloTime: number;
  readonly forwardDelay: number;
}

function writeHead(view: DataView, start: Offset, from: Mac, length: number): Offset {
  setMac(view, start, GROUP);
  setMac(view, start + 6, from);
  view.setUint16(start + 12, LLC + length);
  view.setUint16(start + ETHERNET, BRIDGE_SAPS);
  view.setUint8(start + ETHERNET + 2, UNNUMBERED);
  const at = bpduAt(start);
  view.setUint16(at, 0);
  return at;
}

function writeContent(view: DataView, at: Offset, content: Content): void {
  view.setUint8(at + 4, content.flags);
  view.setUint16(at + 5, content.rootPriority);
  setMac(view, at + 7, content.rootAddress);
  view.setUint32(at + 13, content.rootPathCost);
  view.setUint16(at + 17, content.bridgePriority);
  setMac(view, at + 19, content.bridgeAddress);
  view.setUint16(at + 25, content.portId);
  view.setUint16(at + 27, content.messageAge);
  view.setUint16(at + 29, content.maxAge);
  view.setUint16(at + 31, content.helloTime);
  view.setUint16(at + 33, content.forwardDelay);
}

/** Writes a whole frame with a Configuration BPDU (9.3.1) at `start`; returns its end. */
export function writeConfig(view: DataView, start: Offset, from: Mac, content: Content): Offset {
  const at = writeHead(view, start, from, CONFIG_LENGTH);
  view.setUint8(at + 2, 0);
  view.setUint8(at + 3, BpduType.Config);
  writeContent(view, at, content);
  return at + CONFIG_LENGTH;
}

/** Writes a whole frame with an RST BPDU (9.3.3). */
export function writeRst(view: DataView, start: Offset, from: Mac, content: Content): Offset {
  const at = writeHead(view, start, from, RST_LENGTH);
  view.setUint8(at + 2, 2);
  view.setUint8(at + 3, BpduType.Rapid);
  writeContent(view, at, content);
  view.setUint8(at + 35, 0);
  return at + RST_LENGTH;
}

/** Writes a whole frame with a TCN BPDU (9.3.2). */
export function writeTcn(view: DataView, start: Offset, from: Mac): Offset {
  const at = writeHead(view, start, from, TCN_LENGTH);
  view.setUint8(at + 2, 0);
  view.setUint8(at + 3, BpduType.TopologyChange);
  return at + TCN_LENGTH;
}

// --- PVST+ -----------------------------------------------------------------------------------------------------------

const SNAP = 8;
/** Where the TLV with the VLAN stands behind the protocol identifier; a TCN has none. */
const PVST_TLV = 36;

/** True when a frame to PVST_GROUP, tagged or not, carries a PVST+ BPDU. */
export function isPvst(view: DataView, start: Offset, end: Offset): boolean {
  const at = pvstLlc(view, start, end);
  return (
    end - at >= SNAP + TCN_LENGTH &&
    view.getUint32(at) === 0xaaaa0300 &&
    view.getUint32(at + 4) === 0x000c010b &&
    view.getUint16(at + SNAP) === 0
  );
}

function pvstLlc(view: DataView, start: Offset, end: Offset): Offset {
  const isTagged = end - start >= ETHERNET + 4 && view.getUint16(start + 12) === 0x8100;
  return start + ETHERNET + (isTagged ? 4 : 0);
}

/** The VLAN that a PVST+ BPDU belongs to, of its TLV or else of its tag; 0 = it says none. Only after `isPvst`. */
export function pvstVlan(view: DataView, start: Offset, end: Offset): number {
  const llc = pvstLlc(view, start, end);
  const at = llc + SNAP + PVST_TLV;
  if (end - at >= 6 && view.getUint32(at - 1) << 8 === 0 && view.getUint16(at + 2) === 2) {
    return view.getUint16(at + 4) & 0xfff;
  }
  return llc > start + ETHERNET ? view.getUint16(start + 14) & 0xfff : 0;
}

/** The bridge that sent a PVST+ BPDU; 0 for a topology change notification. Only after `isPvst`. */
export function pvstBridge(view: DataView, start: Offset, end: Offset): Mac {
  const at = pvstLlc(view, start, end) + SNAP;
  if (end - at < CONFIG_LENGTH) return 0;
  return bridgeAddress(view, at);
}
