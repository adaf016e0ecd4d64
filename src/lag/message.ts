// Fields of the records of link aggregation, behind FIELDS of engine/message.ts:
//
//   lag-mux      the master tells all of a port: its Mux moved
//   lag-select   the same, when only its selection did
//     0 port 2 | 2 mux 1 | 3 selected 1 | 4 sequence 4 | 8 epoch 4 | 12 flags 1 | 13 receive 1 | 14 actor state 1 |
//     15 partner state 1 | 16 partner system priority 2 | 18 partner system 6 | 24 partner key 2 | 26 partner port
//     priority 2 | 28 partner port 2
//   lag-ack               a core has followed: 0 port 2 | 4 sequence 4 | 8 epoch 4
//
// The partner travels along so that any core can take the master's place without a new negotiation.

import { FIELDS } from "../engine/message.ts";
import type { Offset } from "../lib/units.ts";
import { mac, setMac } from "../wire/bytes.ts";
import type { PortState } from "./port-state.ts";

const PORT: number = FIELDS;
const MUX: number = FIELDS + 2;
const SELECTED: number = FIELDS + 3;
const SEQUENCE: number = FIELDS + 4;
const EPOCH: number = FIELDS + 8;
const FLAGS: number = FIELDS + 12;
const RECEIVE: number = FIELDS + 13;
const ACTOR_STATE: number = FIELDS + 14;
const PARTNER_STATE: number = FIELDS + 15;
const PARTNER: number = FIELDS + 16;

/** The sender waits for a lag-ack. */
export const WANTS_ACK = 1;

export const portOf = (view: DataView, at: Offset): number => view.getUint16(at + PORT);
export const muxOf = (view: DataView, at: Offset): number => view.getUint8(at + MUX);
export const selectedOf = (view: DataView, at: Offset): number => view.getUint8(at + SELECTED);
export const sequenceOf = (view: DataView, at: Offset): number => view.getUint32(at + SEQUENCE);
export const epochOf = (view: DataView, at: Offset): number => view.getInt32(at + EPOCH);
export const wantsAck = (view: DataView, at: Offset): boolean =>
  (view.getUint8(at + FLAGS) & WANTS_ACK) !== 0;

export function writeHead(
  view: DataView,
  at: Offset,
  port: number,
  sequence: number,
  epoch: number,
): void {
  view.setUint16(at + PORT, port);
  view.setUint32(at + SEQUENCE, sequence);
  view.setInt32(at + EPOCH, epoch);
}

export function writeState(view: DataView, at: Offset, port: PortState, flags: number): void {
  view.setUint8(at + MUX, port.mux);
  view.setUint8(at + SELECTED, port.selected);
  view.setUint8(at + FLAGS, flags);
  view.setUint8(at + RECEIVE, port.receive);
  view.setUint8(at + ACTOR_STATE, port.actor.state);
  view.setUint8(at + PARTNER_STATE, port.partner.state);
  view.setUint16(at + PARTNER, port.partner.systemPriority);
  setMac(view, at + PARTNER + 2, port.partner.system);
  view.setUint16(at + PARTNER + 8, port.partner.key);
  view.setUint16(at + PARTNER + 10, port.partner.portPriority);
  view.setUint16(at + PARTNER + 12, port.partner.port);
}

/** What the master says of a port, into this core's record of it. */
export function readState(view: DataView, at: Offset, port: PortState): void {
  port.mux = muxOf(view, at);
  port.selected = selectedOf(view, at);
  port.receive = view.getUint8(at + RECEIVE);
  port.actor.state = view.getUint8(at + ACTOR_STATE);
  port.partner.state = view.getUint8(at + PARTNER_STATE);
  port.partner.systemPriority = view.getUint16(at + PARTNER);
  port.partner.system = mac(view, at + PARTNER + 2);
  port.partner.key = view.getUint16(at + PARTNER + 8);
  port.partner.portPriority = view.getUint16(at + PARTNER + 10);
  port.partner.port = view.getUint16(at + PARTNER + 12);
}
