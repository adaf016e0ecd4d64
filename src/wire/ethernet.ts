// Ethernet header (IEEE 802.3-2018 3.2, 9.2): `at` is the first byte of the destination MAC, and the frame has no
// check sequence. A type below 1536 is a length, with an LLC header behind it (llc.ts).
//
//   0                 6                 12      14
//   +-----------------+-----------------+-------+---------
//   | destination     | source          | type  | payload
//   +-----------------+-----------------+-------+---------

import type { Mac, Offset } from "../lib/units.ts";
import { BROADCAST } from "../lib/units.ts";
import { mac, setMac } from "./bytes.ts";

/** Bytes of the header without tags. */
export const LENGTH = 14;
/** Bytes of both addresses: where the type, or a tag, starts. */
export const MACS = 12;
/** Shortest frame that a physical medium carries, without the check sequence (802.3 3.2.8). */
export const MIN_PADDED = 60;
/** Smallest value of the type field that is a type and no length (802.3 3.2.6). */
export const TYPE_MIN = 0x0600;

/** Types that Linkloom knows (IEEE registration authority; IANA "ieee-802-numbers"). */
export const EtherType = {
  Ipv4: 0x0800,
  Arp: 0x0806,
  Rarp: 0x8035,
  Vlan: 0x8100,
  Ipv6: 0x86dd,
  FlowControl: 0x8808,
  Slow: 0x8809,
  Eapol: 0x888e,
  ServiceVlan: 0x88a8,
  Lldp: 0x88cc,
  LegacyServiceVlan: 0x9100,
} as const;
export type EtherType = (typeof EtherType)[keyof typeof EtherType];

/** 01-80-C2-00-00-00, where bridges send BPDUs (IEEE 802.1D-2004 table 7-9). */
export const BRIDGE_GROUP: Mac = 0x0180c2000000;
/** 01-80-C2-00-00-02, slow protocols: LACP and marker (IEEE 802.3-2005 annex 43B). */
export const SLOW_GROUP: Mac = 0x0180c2000002;
/** 01-80-C2-00-00-0E, LLDP's nearest bridge (IEEE 802.1AB). */
export const LLDP_GROUP: Mac = 0x0180c200000e;
const RESERVED_LAST: Mac = 0x0180c200000f;

const BIT_40 = 2 ** 40;

/** True when a whole header is there. */
export function isValid(_view: DataView, at: Offset, end: Offset): boolean {
  return end - at >= LENGTH;
}

export const destination = (view: DataView, at: Offset): Mac => mac(view, at);
export const source = (view: DataView, at: Offset): Mac => mac(view, at + 6);
/** The type or length field; a tag's TPID where the frame is tagged. */
export const type = (view: DataView, at: Offset): number => view.getUint16(at + MACS);

export const setDestination = (view: DataView, at: Offset, value: Mac): void =>
  setMac(view, at, value);
export const setSource = (view: DataView, at: Offset, value: Mac): void =>
  setMac(view, at + 6, value);
export const setType = (view: DataView, at: Offset, value: number): void =>
  view.setUint16(at + MACS, value);

/** Multicast or broadcast: the first bit on the wire, which is bit 40 of the number. */
export const isGroup = (address: Mac): boolean => ((address / BIT_40) & 1) === 1;
/** The same question to the frame's destination, without building the number. */
export const isGroupDestination = (view: DataView, at: Offset): boolean =>
  (view.getUint8(at) & 1) === 1;
export const isBroadcast = (address: Mac): boolean => address === BROADCAST;
/** The universal/local bit: the address was assigned by an administrator or a program. */
export const isLocallyAdministered = (address: Mac): boolean => ((address / BIT_40) & 2) === 2;
/** True for what a single station may have: no group and not zero. */
export const isStation = (address: Mac): boolean => address !== 0 && !isGroup(address);
/** 01-80-C2-00-00-00..0F, which no bridge relays (IEEE 802.1D-2004 7.12.6). */
export const isReservedGroup = (address: Mac): boolean =>
  address >= BRIDGE_GROUP && address <= RESERVED_LAST;

/** Writes the header; returns the offset of the payload. */
export function writeHeader(
  view: DataView,
  at: Offset,
  to: Mac,
  from: Mac,
  etherType: number,
): Offset {
  setMac(view, at, to);
  setMac(view, at + 6, from);
  view.setUint16(at + MACS, etherType);
  return at + LENGTH;
}
