// What the link master does with slow-protocol frames (IEEE 802.3-2005 annex 43B): LACPDUs go to their port's
// machines, markers are answered, all else is counted and ends. Nothing is thrown for bytes, and no more than a
// bounded number is looked at.

import { Drop } from "../engine/drop.ts";
import { EventCode } from "../engine/event.ts";
import type { Out } from "../engine/out.ts";
import type { Millis, Offset } from "../lib/units.ts";
import * as lacp from "../wire/lacp.ts";
import * as slow from "../wire/slow.ts";
import type { Actor } from "./actor.ts";
import { RECEIVE_LIMIT } from "./config.ts";
import type { PortState, Side } from "./port-state.ts";

/** Behind the Ethernet type. */
const PAYLOAD = 14;
const NO_SIDE: Side = {
  systemPriority: 0,
  system: 0,
  key: 0,
  portPriority: 0,
  port: 0,
  state: 0,
};

export class SlowFrames {
  readonly #out: Out;
  readonly #isOwn: (side: Side) => boolean;
  readonly #actorSide: Side = { ...NO_SIDE };
  readonly #partnerSide: Side = { ...NO_SIDE };

  /** `isOwn` knows the systems of the appliance itself. */
  constructor(out: Out, isOwn: (side: Side) => boolean) {
    this.#out = out;
    this.#isOwn = isOwn;
  }

  /** Takes a frame that arrived on a port of a channel; true when the machines ran. */
  receive(actor: Actor, index: number, start: Offset, end: Offset, now: Millis): boolean {
    const { view } = this.#out;
    const at = start + PAYLOAD;
    const port = actor.ports[index] as PortState;
    const { counts } = port;
    if (isTooMany(port, now)) {
      this.#out.drop(Drop["lacp-rate"]);
      return false;
    }
    if (!slow.isValid(view, at, end)) {
      counts.illegalReceived++;
      this.#out.drop(Drop["lacp-short"]);
      return false;
    }
    const subtype = slow.subtype(view, at);
    if (subtype === slow.Subtype.Lacp) return this.#receiveLacp(actor, index, at, end, now);
    if (subtype === slow.Subtype.Marker) this.#receiveMarker(port, start, end);
    else {
      // 0 and all above 10 may not be; 3 to 10 are others' (annex 43B.4).
      if (subtype === 0 || subtype > slow.Subtype.Ossp) counts.illegalReceived++;
      else counts.unknownReceived++;
      this.#out.drop(Drop["slow-subtype"]);
    }
    return false;
  }

  #receiveLacp(actor: Actor, index: number, at: Offset, end: Offset, now: Millis): boolean {
    const { view } = this.#out;
    const port = actor.ports[index] as PortState;
    const { counts, partner } = port;
    if (!lacp.isValid(view, at, end)) {
      counts.illegalReceived++;
      this.#out.drop(Drop["lacp-short"]);
      return false;
    }
    if (!port.lacp) {
      this.#out.drop(Drop["lacp-no-channel"]);
      return false;
    }
    read(view, at, lacp.ACTOR, this.#actorSide);
    read(view, at, lacp.PARTNER, this.#partnerSide);
    if (this.#isOwn(this.#actorSide)) {
      counts.ownReceived++;
      port.looped = now;
      this.#out.drop(Drop["lacp-own"]);
      return false;
    }
    const { system, key, port: number } = this.#actorSide;
    if (partner.system !== system || partner.key !== key || partner.port !== number) {
      this.#out.event(EventCode["lag-partner"], port.port, system, key, number);
    }
    actor.received(index, this.#actorSide, this.#partnerSide, now);
    return true;
  }

  #receiveMarker(port: PortState, start: Offset, end: Offset): void {
    const { view } = this.#out;
    const at = start + PAYLOAD;
    if (!lacp.isValidMarker(view, at, end)) {
      port.counts.illegalReceived++;
      this.#out.drop(Drop["lacp-short"]);
    } else if (lacp.isMarkerInformation(view, at)) {
      port.counts.markerReceived++;
      port.counts.markerResponsesSent++;
      lacp.turnMarker(view, start, port.mac);
      this.#out.transmit(port.port, start, end);
    } else {
      // Nobody here asks, so an answer is not for us.
      if (lacp.isMarkerResponse(view, at)) port.counts.markerResponsesReceived++;
      else port.counts.unknownReceived++;
      this.#out.drop(Drop["slow-subtype"]);
    }
  }
}

/** Counts the frames of a second; true beyond what is looked at. */
function isTooMany(port: PortState, now: Millis): boolean {
  const second = Math.floor(now / 1000);
  if (second !== port.second) {
    port.second = second;
    port.inSecond = 0;
  }
  port.inSecond++;
  return port.inSecond > RECEIVE_LIMIT;
}

function read(view: DataView, at: Offset, side: number, to: Side): void {
  to.systemPriority = lacp.systemPriority(view, at, side);
  to.system = lacp.system(view, at, side);
  to.key = lacp.key(view, at, side);
  to.portPriority = lacp.portPriority(view, at, side);
  to.port = lacp.port(view, at, side);
  to.state = lacp.state(view, at, side);
}
