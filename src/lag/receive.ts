// The Receive machine (IEEE 802.3-2005 43.4.12, figure 43-10): what is known of the partner, and for how long. `next`
// is the figure's transitions; the actions of entering a state are the functions below, named as in 43.4.9.

import type { Millis } from "../lib/units.ts";
import { State } from "../wire/lacp.ts";
import { LONG_TIMEOUT, SHORT_TIMEOUT } from "./config.ts";
import {
  copySide,
  has,
  isSamePort,
  OFF,
  type PortState,
  put,
  Selected,
  type Side,
} from "./port-state.ts";

export const Receive = {
  Initialize: 0,
  PortDisabled: 1,
  Expired: 2,
  LacpDisabled: 3,
  Defaulted: 4,
  Current: 5,
} as const;
export type Receive = (typeof Receive)[keyof typeof Receive];
export const RECEIVE_NAMES = [
  "initialize",
  "port-disabled",
  "expired",
  "lacp-disabled",
  "defaulted",
  "current",
] as const;

/** What the machine's transitions ask for. */
export interface ReceiveInput {
  readonly begin: boolean;
  /** The partner's port was seen on another port of ours. */
  readonly moved: boolean;
  readonly enabled: boolean;
  readonly lacp: boolean;
  /** A LACPDU was received. */
  readonly pdu: boolean;
  /** current_while has run out. */
  readonly expired: boolean;
}

/** The state to enter, which may be the same again; -1 when nothing happens. */
export function next(state: number, input: ReceiveInput): Receive | -1 {
  if (input.begin) return Receive.Initialize;
  if (state === Receive.Initialize) return Receive.PortDisabled;
  if (!input.enabled) {
    if (input.moved) return state === Receive.PortDisabled ? Receive.Initialize : -1;
    return state === Receive.PortDisabled ? -1 : Receive.PortDisabled;
  }
  switch (state) {
    case Receive.PortDisabled:
      return input.lacp ? Receive.Expired : Receive.LacpDisabled;
    case Receive.Expired:
      if (!input.lacp) return Receive.LacpDisabled;
      if (input.pdu) return Receive.Current;
      return input.expired ? Receive.Defaulted : -1;
    case Receive.LacpDisabled:
      return input.lacp ? Receive.PortDisabled : -1;
    case Receive.Defaulted:
      if (!input.lacp) return Receive.LacpDisabled;
      return input.pdu ? Receive.Current : -1;
    default:
      if (!input.lacp) return Receive.LacpDisabled;
      if (input.pdu) return Receive.Current;
      return input.expired ? Receive.Expired : -1;
  }
}

/** Enters a state; `pdu` are both sides of the received LACPDU, for CURRENT alone. */
export function enter(
  port: PortState,
  state: number,
  now: Millis,
  pdu: { readonly actor: Side; readonly partner: Side } | null,
): void {
  port.receive = state;
  switch (state) {
    case Receive.Initialize:
      port.selected = Selected.Unselected;
      recordDefault(port);
      put(port.actor, State.Expired, false);
      break;
    case Receive.PortDisabled:
      put(port.partner, State.Synchronization, false);
      port.currentWhile = OFF;
      break;
    case Receive.Expired:
      put(port.partner, State.Synchronization, false);
      put(port.partner, State.Timeout, true);
      port.currentWhile = now + SHORT_TIMEOUT;
      put(port.actor, State.Expired, true);
      break;
    case Receive.LacpDisabled:
      port.selected = Selected.Unselected;
      recordDefault(port);
      put(port.actor, State.Expired, false);
      port.currentWhile = OFF;
      break;
    case Receive.Defaulted:
      updateDefaultSelected(port);
      recordDefault(port);
      put(port.actor, State.Expired, false);
      port.currentWhile = OFF;
      break;
    default:
      if (pdu === null) break;
      updateSelected(port, pdu.actor);
      updateNtt(port, pdu.partner);
      recordPdu(port, pdu.actor, pdu.partner);
      port.currentWhile = now + (has(port.actor, State.Timeout) ? SHORT_TIMEOUT : LONG_TIMEOUT);
      put(port.actor, State.Expired, false);
  }
}

const AGGREGATION = State.Aggregation;
/** Bits that a partner must have right of us, else it is told at once. */
const TOLD: number = State.Activity | State.Timeout | State.Synchronization | State.Aggregation;

function recordDefault(port: PortState): void {
  copySide(port.admin, port.partner);
  put(port.actor, State.Defaulted, true);
}

function updateDefaultSelected(port: PortState): void {
  const { partner, admin } = port;
  const same = isSamePort(partner, admin) && ((partner.state ^ admin.state) & AGGREGATION) === 0;
  if (!same) port.selected = Selected.Unselected;
}

/** Compares with the OLD record of the partner: recordPdu comes after. */
function updateSelected(port: PortState, actor: Side): void {
  const { partner } = port;
  const same = isSamePort(actor, partner) && ((actor.state ^ partner.state) & AGGREGATION) === 0;
  if (same) return;
  port.selected = Selected.Unselected;
  if (partner.system !== 0) port.counts.partnerChanges++;
}

function updateNtt(port: PortState, partner: Side): void {
  const { actor } = port;
  if (!isSamePort(partner, actor) || ((partner.state ^ actor.state) & TOLD) !== 0) port.ntt = true;
}

function recordPdu(port: PortState, actor: Side, partner: Side): void {
  const own = port.actor;
  copySide(actor, port.partner);
  port.partnerSaysSync = has(actor, State.Synchronization);
  put(own, State.Defaulted, false);
  const knowsUs = isSamePort(partner, own) && ((partner.state ^ own.state) & AGGREGATION) === 0;
  const matches = knowsUs || !has(actor, AGGREGATION);
  const maintained =
    has(actor, State.Activity) || (has(own, State.Activity) && has(partner, State.Activity));
  const inSync = has(actor, State.Synchronization) && matches && maintained;
  put(port.partner, State.Synchronization, inSync);
}
