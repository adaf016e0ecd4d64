// Fields of the records of spanning tree, behind FIELDS of engine/message.ts:
//
//   stp-port    the master tells all of a port, whose state changed
//   stp-role    the same, when its state is as it was
//   stp-flush   the same, when its stations are to be forgotten
//     0 channel 2 | 2 state 1 | 3 role 1 | 4 sequence 4 | 8 epoch 4 | 12 flags 1 | 13 information 1 | 14 bits 2 |
//     16 flushes 4 | 20 port priority vector: root 2 + 6, cost 4, bridge 2 + 6, port 2 | 42 port times 4 x 2 |
//     50 what is left of tcWhile, 1/256 s, 2
//   stp-ack     a core has followed: 0 channel 2 | 4 sequence 4 | 8 epoch 4
//
// The information travels along so that any core can take the master's place. How often stations were to be forgotten
// is a count, so that a record that stands for several is as good as each of them.

import { FIELDS } from "../engine/message.ts";
import type { PortState } from "../engine/port-state.ts";
import type { ChannelId, Millis, Offset } from "../lib/units.ts";
import { mac, setMac } from "../wire/bytes.ts";
import { type Info, NEVER, type Port, type Role, toMillis, toUnits, ZERO } from "./port.ts";

const CHANNEL: number = FIELDS;
const STATE: number = FIELDS + 2;
const ROLE: number = FIELDS + 3;
const SEQUENCE: number = FIELDS + 4;
const EPOCH: number = FIELDS + 8;
const FLAGS: number = FIELDS + 12;
const INFO: number = FIELDS + 13;
const BITS: number = FIELDS + 14;
const FLUSHES: number = FIELDS + 16;
const VECTOR: number = FIELDS + 20;
const TIMES: number = FIELDS + 42;
const TC: number = FIELDS + 50;

/** The sender waits for an stp-ack. */
export const WANTS_ACK = 1;

const Bit = { Agree: 1, SendRstp: 2, OperEdge: 4, Shut: 8, Loop: 16, Neighbour: 32 } as const;

export const channelOf = (view: DataView, at: Offset): ChannelId => view.getUint16(at + CHANNEL);
export const sequenceOf = (view: DataView, at: Offset): number => view.getUint32(at + SEQUENCE);
export const epochOf = (view: DataView, at: Offset): number => view.getInt32(at + EPOCH);
export const stateOf = (view: DataView, at: Offset): PortState =>
  view.getUint8(at + STATE) as PortState;
export const flushesOf = (view: DataView, at: Offset): number => view.getUint32(at + FLUSHES);
export const wantsAck = (view: DataView, at: Offset): boolean =>
  (view.getUint8(at + FLAGS) & WANTS_ACK) !== 0;

/** What of a port the other cores must hear of when it changes; the rest of a record is as it is by then. */
export const bitsOf = (port: Port): number =>
  (port.agree ? Bit.Agree : 0) |
  (port.sendRSTP ? Bit.SendRstp : 0) |
  (port.operEdge ? Bit.OperEdge : 0) |
  (port.shutUntil !== ZERO ? Bit.Shut : 0) |
  (port.loopInconsistent ? Bit.Loop : 0) |
  (port.hasNeighbour ? Bit.Neighbour : 0);

export function writeHead(
  view: DataView,
  at: Offset,
  channel: ChannelId,
  sequence: number,
  epoch: number,
): void {
  view.setUint16(at + CHANNEL, channel);
  view.setUint32(at + SEQUENCE, sequence);
  view.setInt32(at + EPOCH, epoch);
}

export function writePort(
  view: DataView,
  at: Offset,
  port: Port,
  flags: number,
  now: Millis,
): void {
  const { portPriority: vector, portTimes: times } = port;
  view.setUint8(at + STATE, port.state);
  view.setUint8(at + ROLE, port.role);
  view.setUint8(at + FLAGS, flags);
  view.setUint8(at + INFO, port.infoIs);
  view.setUint16(at + BITS, bitsOf(port));
  view.setUint32(at + FLUSHES, port.flushes);
  view.setUint16(at + VECTOR, vector.rootPriority);
  setMac(view, at + VECTOR + 2, vector.rootAddress);
  view.setUint32(at + VECTOR + 8, vector.cost);
  view.setUint16(at + VECTOR + 12, vector.bridgePriority);
  setMac(view, at + VECTOR + 14, vector.bridgeAddress);
  view.setUint16(at + VECTOR + 20, vector.portId);
  view.setUint16(at + TIMES, times.messageAge);
  view.setUint16(at + TIMES + 2, times.maxAge);
  view.setUint16(at + TIMES + 4, times.helloTime);
  view.setUint16(at + TIMES + 6, times.forwardDelay);
  view.setUint16(at + TC, port.tcWhile > now ? toUnits(port.tcWhile - now) : 0);
}

/** What the master says of a port, into this core's variables; its state and flushes are the caller's to enforce. */
export function readPort(view: DataView, at: Offset, port: Port, now: Millis): void {
  const { portPriority: vector, portTimes: times } = port;
  const bits = view.getUint16(at + BITS);
  port.role = view.getUint8(at + ROLE) as Role;
  port.infoIs = view.getUint8(at + INFO) as Info;
  port.agree = (bits & Bit.Agree) !== 0;
  port.sendRSTP = (bits & Bit.SendRstp) !== 0;
  port.operEdge = (bits & Bit.OperEdge) !== 0;
  port.loopInconsistent = (bits & Bit.Loop) !== 0;
  port.hasNeighbour = (bits & Bit.Neighbour) !== 0;
  const isShut = (bits & Bit.Shut) !== 0;
  if (isShut !== (port.shutUntil !== ZERO)) {
    const { guardRecovery } = port.config;
    port.shutUntil = isShut ? (guardRecovery > 0 ? now + guardRecovery : NEVER) : ZERO;
  }
  vector.rootPriority = view.getUint16(at + VECTOR);
  vector.rootAddress = mac(view, at + VECTOR + 2);
  vector.cost = view.getUint32(at + VECTOR + 8);
  vector.bridgePriority = view.getUint16(at + VECTOR + 12);
  vector.bridgeAddress = mac(view, at + VECTOR + 14);
  vector.portId = view.getUint16(at + VECTOR + 20);
  times.messageAge = view.getUint16(at + TIMES);
  times.maxAge = view.getUint16(at + TIMES + 2);
  times.helloTime = view.getUint16(at + TIMES + 4);
  times.forwardDelay = view.getUint16(at + TIMES + 6);
  const left = view.getUint16(at + TC);
  port.tcWhile = left > 0 ? now + toMillis(left) : ZERO;
}
