// BPDUs that arrive on the link master: the receiving port's share of the validation (IEEE 802.1D-2004 9.3.4), guards,
// and the reading into the port's variables. Every refusal has its own reason.

import { Drop } from "../engine/drop.ts";
import { EventCode } from "../engine/event.ts";
import type { Out } from "../engine/out.ts";
import type { Millis, Offset } from "../lib/units.ts";
import * as bpdu from "../wire/bpdu.ts";
import * as ethernet from "../wire/ethernet.ts";
import { RECEIVE_LIMIT } from "./config.ts";
import { type Port, ZERO } from "./port.ts";
import type { Tree } from "./tree.ts";
import { SECOND } from "./vector.ts";

/** Drop reason by kind: index = -kind. */
const REASONS: readonly number[] = [
  0,
  Drop["bpdu-llc"],
  Drop["bpdu-short"],
  Drop["bpdu-protocol"],
  Drop["bpdu-type"],
  Drop["bpdu-age"],
];

export class Incoming {
  readonly #out: Out;
  /** The sender of the frame at hand, for events. */
  from = 0;

  constructor(out: Out) {
    this.#out = out;
  }

  /** A frame to the bridge group address on a port. */
  receive(tree: Tree, port: Port, start: Offset, end: Offset, now: Millis): void {
    const { view } = this.#out;
    if (!this.#isWithinRate(port, now)) {
      this.#out.drop(Drop["bpdu-rate"]);
      return;
    }
    const kind = bpdu.kindOf(view, start, end);
    if (kind < 0) {
      port.counts.badReceived++;
      this.#out.drop(REASONS[-kind] as number);
      return;
    }
    if (!this.#pass(tree, port, start, now)) return;
    if (kind === bpdu.Kind.Tcn) port.counts.tcnReceived++;
    else if (kind === bpdu.Kind.Config) port.counts.configReceived++;
    else port.counts.rstReceived++;
    const at = bpdu.bpduAt(start);
    if (kind !== bpdu.Kind.Tcn && isOwn(tree, port, view, at)) {
      this.#out.drop(Drop["bpdu-own"]);
      tree.receivedOwn(port, now);
      return;
    }
    port.msgKind = kind;
    if (kind === bpdu.Kind.Tcn) port.msgFlags = 0;
    else read(view, at, kind, port);
    tree.received(port, now);
  }

  /** A frame to the group of PVST+; false when it goes on as any group's does. */
  pvst(tree: Tree, port: Port, start: Offset, end: Offset, now: Millis): boolean {
    const { view } = this.#out;
    if (!bpdu.isPvst(view, start, end)) return false;
    if (port.counts.pvstReceived === 0) {
      const vlan = bpdu.pvstVlan(view, start, end);
      const bridge = bpdu.pvstBridge(view, start, end);
      this.#out.event(EventCode["stp-pvst"], port.config.channel, vlan, bridge, 0);
    }
    port.counts.pvstReceived++;
    // A neighbour that speaks PVST+ is a bridge: what guards against bridges guards against it.
    return !port.config.bpduFilter && !this.#pass(tree, port, start, now);
  }

  /** BPDU filter and BPDU guard; false when the frame ends here. */
  #pass(tree: Tree, port: Port, start: Offset, now: Millis): boolean {
    const { config } = port;
    if (config.bpduFilter) {
      this.#out.drop(Drop["bpdu-filter"]);
      return false;
    }
    if (port.shutUntil === ZERO && !config.bpduGuard) return true;
    this.#out.drop(Drop["bpdu-guard"]);
    this.from = ethernet.source(this.#out.view, start);
    if (port.shutUntil === ZERO) tree.shut(port, now);
    return false;
  }

  #isWithinRate(port: Port, now: Millis): boolean {
    if (port.heardSince === ZERO || now - port.heardSince >= 1000) {
      port.heardSince = now;
      port.heard = 0;
    }
    port.heard++;
    return port.heard <= RECEIVE_LIMIT;
  }
}

/** 9.3.4: bridge and port identifier are those that this port sends. */
function isOwn(tree: Tree, port: Port, view: DataView, at: Offset): boolean {
  const { bridgePriority } = tree.bridge;
  return (
    bpdu.bridgeAddress(view, at) === bridgePriority.bridgeAddress &&
    bpdu.bridgePriority(view, at) === bridgePriority.bridgePriority &&
    bpdu.portId(view, at) === port.portId
  );
}

/** msgPriority, msgTimes and flags (17.19.14, 17.19.15). */
function read(view: DataView, at: Offset, kind: number, port: Port): void {
  const { msgPriority, msgTimes } = port;
  msgPriority.rootPriority = bpdu.rootPriority(view, at);
  msgPriority.rootAddress = bpdu.rootAddress(view, at);
  msgPriority.cost = bpdu.rootPathCost(view, at);
  msgPriority.bridgePriority = bpdu.bridgePriority(view, at);
  msgPriority.bridgeAddress = bpdu.bridgeAddress(view, at);
  msgPriority.portId = bpdu.portId(view, at);
  msgTimes.messageAge = bpdu.messageAge(view, at);
  msgTimes.maxAge = bpdu.maxAge(view, at);
  // 17.21.13: a hello time below the compatibility range's least is that.
  msgTimes.helloTime = Math.max(SECOND, bpdu.helloTime(view, at));
  msgTimes.forwardDelay = bpdu.forwardDelay(view, at);
  const flags = bpdu.flags(view, at);
  const ofConfig = flags & (bpdu.Flag.TopologyChange | bpdu.Flag.TopologyChangeAck);
  if (kind === bpdu.Kind.Config) port.msgFlags = ofConfig;
  // 9.2.9: with an unknown role an RST BPDU counts as a Configuration BPDU.
  else if ((flags & bpdu.Flag.Role) === bpdu.RoleBits.Unknown) {
    port.msgFlags = ofConfig | bpdu.RoleBits.Designated;
  } else port.msgFlags = flags;
}
