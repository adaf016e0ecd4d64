// ARP (RFC 826), RARP (RFC 903) and InARP (RFC 2390). `at` is the offset of the ARP header. Any lengths are parsed
// (`isParsable`); only packets for Ethernet and IPv4 (`isValid`) are acted on, at the fixed offsets below.
//
//   0        2        4     5     6        8            14       18           24       28
//   +--------+--------+-----+-----+--------+------------+--------+------------+--------+
//   | htype  | ptype  | hlen| plen| op     | sender MAC | spa    | target MAC | tpa    |
//   +--------+--------+-----+-----+--------+------------+--------+------------+--------+

import type { Ipv4, Mac, Offset } from "../lib/units.ts";
import { BROADCAST } from "../lib/units.ts";
import { mac, setMac } from "./bytes.ts";
import { LENGTH as ETHERNET, EtherType, writeHeader } from "./ethernet.ts";

/** Bytes of a packet for Ethernet and IPv4. */
export const LENGTH = 28;
/** Bytes of a whole untagged frame with such a packet, unpadded. */
export const FRAME: number = ETHERNET + LENGTH;
/** Bytes before the addresses. */
const FIXED = 8;

/** IANA "arp-parameters". */
export const Operation = {
  Request: 1,
  Reply: 2,
  RarpRequest: 3,
  RarpReply: 4,
  InarpRequest: 8,
  InarpReply: 9,
} as const;
export type Operation = (typeof Operation)[keyof typeof Operation];

/** Hardware type Ethernet; 6 (IEEE 802) is the same to us and accepted (RFC 1042, RFC 1122 2.3.2). */
const ETHERNET_HARDWARE = 1;
const IEEE_802_HARDWARE = 6;

const PTYPE = 2;
const HLEN = 4;
const PLEN = 5;
const OPER = 6;
const SHA = 8;
const SPA = 14;
const THA = 18;
const TPA = 24;

/** True when the bytes are a whole packet of any hardware and protocol, with its own lengths. */
export function isParsable(view: DataView, at: Offset, end: Offset): boolean {
  return (
    end - at >= FIXED &&
    end - at >= FIXED + 2 * (view.getUint8(at + HLEN) + view.getUint8(at + PLEN))
  );
}

/** True when the bytes are a whole packet for Ethernet and IPv4. Check once, then read freely. */
export function isValid(view: DataView, at: Offset, end: Offset): boolean {
  if (end - at < LENGTH || view.getUint32(at + PTYPE) !== 0x0800_0604) return false;
  const type = view.getUint16(at);
  return type === ETHERNET_HARDWARE || type === IEEE_802_HARDWARE;
}

export const hardwareType = (view: DataView, at: Offset): number => view.getUint16(at);
export const protocolType = (view: DataView, at: Offset): number => view.getUint16(at + PTYPE);
export const hardwareLength = (view: DataView, at: Offset): number => view.getUint8(at + HLEN);
export const protocolLength = (view: DataView, at: Offset): number => view.getUint8(at + PLEN);
export const operation = (view: DataView, at: Offset): number => view.getUint16(at + OPER);

/** The four addresses; only after `isValid`. */
export const senderMac = (view: DataView, at: Offset): Mac => mac(view, at + SHA);
export const senderIp = (view: DataView, at: Offset): Ipv4 => view.getUint32(at + SPA);
export const targetMac = (view: DataView, at: Offset): Mac => mac(view, at + THA);
export const targetIp = (view: DataView, at: Offset): Ipv4 => view.getUint32(at + TPA);

/** A probe (RFC 5227 1.1): a request whose sender has no address yet. */
export const isProbe = (view: DataView, at: Offset): boolean =>
  operation(view, at) === Operation.Request && senderIp(view, at) === 0;

/** Sender and target address are one: an announcement (RFC 5227 1.1) or another gratuitous form. */
export const isGratuitous = (view: DataView, at: Offset): boolean =>
  senderIp(view, at) === targetIp(view, at) && senderIp(view, at) !== 0;

/** Writes the packet; returns the offset behind it. */
export function write(
  view: DataView,
  at: Offset,
  op: number,
  fromMac: Mac,
  fromIp: Ipv4,
  toMac: Mac,
  toIp: Ipv4,
): Offset {
  view.setUint16(at, ETHERNET_HARDWARE);
  view.setUint32(at + PTYPE, 0x0800_0604);
  view.setUint16(at + OPER, op);
  setMac(view, at + SHA, fromMac);
  view.setUint32(at + SPA, fromIp);
  setMac(view, at + THA, toMac);
  view.setUint32(at + TPA, toIp);
  return at + LENGTH;
}

// Whole untagged frames at `start`, each FRAME bytes long; every function returns the frame's end.

/** A broadcast request: who has `askedIp`? The target MAC is zero, as nearly all hosts send it. */
export function writeRequest(
  view: DataView,
  start: Offset,
  ownMac: Mac,
  ownIp: Ipv4,
  askedIp: Ipv4,
): Offset {
  const at = writeHeader(view, start, BROADCAST, ownMac, EtherType.Arp);
  return write(view, at, Operation.Request, ownMac, ownIp, 0, askedIp);
}

/** A request to one station: is `askedIp` still yours (RFC 1122 2.3.2.1, "unicast poll")? */
export function writePoll(
  view: DataView,
  start: Offset,
  ownMac: Mac,
  ownIp: Ipv4,
  askedMac: Mac,
  askedIp: Ipv4,
): Offset {
  const at = writeHeader(view, start, askedMac, ownMac, EtherType.Arp);
  return write(view, at, Operation.Request, ownMac, ownIp, 0, askedIp);
}

/** The answer to a request of `toMac`: `ownIp` is at `ownMac`. */
export function writeReply(
  view: DataView,
  start: Offset,
  ownMac: Mac,
  ownIp: Ipv4,
  toMac: Mac,
  toIp: Ipv4,
): Offset {
  const at = writeHeader(view, start, toMac, ownMac, EtherType.Arp);
  return write(view, at, Operation.Reply, ownMac, ownIp, toMac, toIp);
}

/** A probe before an address is used (RFC 5227 2.1.1). */
export function writeProbe(view: DataView, start: Offset, ownMac: Mac, wantedIp: Ipv4): Offset {
  return writeRequest(view, start, ownMac, 0, wantedIp);
}

/** An announcement of the own address (RFC 5227 2.3). */
export function writeAnnouncement(view: DataView, start: Offset, ownMac: Mac, ownIp: Ipv4): Offset {
  return writeRequest(view, start, ownMac, ownIp, ownIp);
}

/** What a host without an address asks: which is mine (RFC 903)? */
export function writeRarpRequest(
  view: DataView,
  start: Offset,
  ownMac: Mac,
  askedMac: Mac,
): Offset {
  const at = writeHeader(view, start, BROADCAST, ownMac, EtherType.Rarp);
  return write(view, at, Operation.RarpRequest, ownMac, 0, askedMac, 0);
}

/** The answer of a RARP server to `toMac`, the frame's sender: `clientMac` has `clientIp` (RFC 903). */
export function writeRarpReply(
  view: DataView,
  start: Offset,
  ownMac: Mac,
  ownIp: Ipv4,
  toMac: Mac,
  clientMac: Mac,
  clientIp: Ipv4,
): Offset {
  const at = writeHeader(view, start, toMac, ownMac, EtherType.Rarp);
  return write(view, at, Operation.RarpReply, ownMac, ownIp, clientMac, clientIp);
}

/** The answer to an InARP request: this MAC's protocol address is `ownIp` (RFC 2390 7). */
export function writeInarpReply(
  view: DataView,
  start: Offset,
  ownMac: Mac,
  ownIp: Ipv4,
  toMac: Mac,
  toIp: Ipv4,
): Offset {
  const at = writeHeader(view, start, toMac, ownMac, EtherType.Arp);
  return write(view, at, Operation.InarpReply, ownMac, ownIp, toMac, toIp);
}
