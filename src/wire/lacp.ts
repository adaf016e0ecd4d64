// LACP (IEEE 802.3-2005 43.4.2, subtype 1) and the marker protocol (43.5.3, subtype 2) as slow protocols. `at` is the
// first byte behind the Ethernet type. A receiver checks the lengths and nothing else of the structure: version, TLV
// types and reserved bytes are for standards to come (43.4.12), and a later version begins as this one does.
//
//   0        1        2                    22                   42                58     60            110
//   +--------+--------+--------------------+--------------------+-----------------+------+-------------+
//   | 1      | version| 1, 20, actor       | 2, 20, partner     | 3, 16, collector| 0, 0 | reserved    |
//   +--------+--------+--------------------+--------------------+-----------------+------+-------------+
//   actor and partner, behind type and length:
//   system priority 2, system 6, key 2, port priority 2, port 2, state 1, 0 x 3

import type { Mac, Offset } from "../lib/units.ts";
import { mac, setMac } from "./bytes.ts";
import { LENGTH as ETHERNET, EtherType, SLOW_GROUP, writeHeader } from "./ethernet.ts";
import { Subtype } from "./slow.ts";

/** Bytes of a LACPDU and of a marker PDU behind the Ethernet type. */
export const LENGTH = 110;
/** Bytes of the whole frame, without check sequence. */
export const FRAME: number = ETHERNET + LENGTH;
/** What this implementation writes. */
export const VERSION = 1;

/** Where the parameters of both sides start: pass one of them to the accessors. */
export const ACTOR = 4;
export const PARTNER = 24;
const COLLECTOR = 42;
const ACTOR_LENGTH = 20;
const COLLECTOR_LENGTH = 16;

/** Bits of a side's state (43.4.2.2). */
export const State = {
  Activity: 0x01,
  Timeout: 0x02,
  Aggregation: 0x04,
  Synchronization: 0x08,
  Collecting: 0x10,
  Distributing: 0x20,
  Defaulted: 0x40,
  Expired: 0x80,
} as const;

/**
 * True when a whole LACPDU is there, with the TLV lengths that fix where things stand. Check once, then read freely.
 */
export function isValid(view: DataView, at: Offset, end: Offset): boolean {
  return (
    end - at >= LENGTH &&
    view.getUint8(at + 3) === ACTOR_LENGTH &&
    view.getUint8(at + 23) === ACTOR_LENGTH &&
    view.getUint8(at + COLLECTOR + 1) === COLLECTOR_LENGTH
  );
}

// A side's parameters: `side` is ACTOR or PARTNER.
export const systemPriority = (view: DataView, at: Offset, side: number): number =>
  view.getUint16(at + side);
export const system = (view: DataView, at: Offset, side: number): Mac => mac(view, at + side + 2);
export const key = (view: DataView, at: Offset, side: number): number =>
  view.getUint16(at + side + 8);
export const portPriority = (view: DataView, at: Offset, side: number): number =>
  view.getUint16(at + side + 10);
export const port = (view: DataView, at: Offset, side: number): number =>
  view.getUint16(at + side + 12);
export const state = (view: DataView, at: Offset, side: number): number =>
  view.getUint8(at + side + 14);
/** How long the sender's collector may take, in tens of microseconds. */
export const collectorMaxDelay = (view: DataView, at: Offset): number =>
  view.getUint16(at + COLLECTOR + 2);

/** What a side says of itself, or of the other (43.4.7). */
export interface Parameters {
  readonly systemPriority: number;
  readonly system: Mac;
  readonly key: number;
  readonly portPriority: number;
  readonly port: number;
  readonly state: number;
}

function writeSide(view: DataView, at: Offset, type: number, side: Parameters): void {
  view.setUint8(at, type);
  view.setUint8(at + 1, ACTOR_LENGTH);
  view.setUint16(at + 2, side.systemPriority);
  setMac(view, at + 4, side.system);
  view.setUint16(at + 10, side.key);
  view.setUint16(at + 12, side.portPriority);
  view.setUint16(at + 14, side.port);
  view.setUint8(at + 16, side.state);
}

/** Writes a whole frame at `start`, FRAME bytes of zeros before; returns its end. */
export function write(
  view: DataView,
  start: Offset,
  from: Mac,
  actor: Parameters,
  partner: Parameters,
): Offset {
  const at = writeHeader(view, start, SLOW_GROUP, from, EtherType.Slow);
  for (let byte = at; byte < at + LENGTH; byte++) view.setUint8(byte, 0);
  view.setUint8(at, Subtype.Lacp);
  view.setUint8(at + 1, VERSION);
  writeSide(view, at + 2, 1, actor);
  writeSide(view, at + 22, 2, partner);
  view.setUint8(at + COLLECTOR, 3);
  view.setUint8(at + COLLECTOR + 1, COLLECTOR_LENGTH);
  return at + LENGTH;
}

// Marker PDUs:
//
//   0        1        2    3     4         6             12            16     18    20          110
//   +--------+--------+----+-----+---------+-------------+-------------+------+-----+-----------+
//   | 2      | version| 1/2| 16  | port    | system      | transaction | pad  | 0, 0| reserved  |
//   +--------+--------+----+-----+---------+-------------+-------------+------+-----+-----------+

const MARKER_INFORMATION = 1;
const MARKER_RESPONSE = 2;
const MARKER_LENGTH = 16;

export function isValidMarker(view: DataView, at: Offset, end: Offset): boolean {
  return end - at >= LENGTH && view.getUint8(at + 3) === MARKER_LENGTH;
}

/** True for a marker that wants an answer; false for an answer, or for what no standard knows. */
export const isMarkerInformation = (view: DataView, at: Offset): boolean =>
  view.getUint8(at + 2) === MARKER_INFORMATION;
export const isMarkerResponse = (view: DataView, at: Offset): boolean =>
  view.getUint8(at + 2) === MARKER_RESPONSE;
export const markerPort = (view: DataView, at: Offset): number => view.getUint16(at + 4);
export const markerSystem = (view: DataView, at: Offset): Mac => mac(view, at + 6);
export const markerTransaction = (view: DataView, at: Offset): number => view.getUint32(at + 12);

/** Turns a received marker frame into its answer, in place: the type, and the own source address (43.5.4.2). */
export function turnMarker(view: DataView, start: Offset, own: Mac): void {
  setMac(view, start, SLOW_GROUP);
  setMac(view, start + 6, own);
  view.setUint8(start + ETHERNET + 2, MARKER_RESPONSE);
}

/** Writes a marker that wants an answer; returns the frame's end. */
export function writeMarker(
  view: DataView,
  start: Offset,
  from: Mac,
  fromPort: number,
  fromSystem: Mac,
  transaction: number,
): Offset {
  const at = writeHeader(view, start, SLOW_GROUP, from, EtherType.Slow);
  for (let byte = at; byte < at + LENGTH; byte++) view.setUint8(byte, 0);
  view.setUint8(at, Subtype.Marker);
  view.setUint8(at + 1, VERSION);
  view.setUint8(at + 2, MARKER_INFORMATION);
  view.setUint8(at + 3, MARKER_LENGTH);
  view.setUint16(at + 4, fromPort);
  setMac(view, at + 6, fromSystem);
  view.setUint32(at + 12, transaction);
  return at + LENGTH;
}
