// Writes what a machine says into a fresh buffer: one frame to the group, or one to each configured peer.

import type { Out } from "../engine/out.ts";
import type { VirtualSink } from "../engine/virtual.ts";
import type { Mac, Offset } from "../lib/units.ts";
import * as carp from "../wire/carp.ts";
import * as hsrp from "../wire/hsrp.ts";
import * as vrrp from "../wire/vrrp.ts";
import type { Words } from "./advert.ts";
import { HsrpState, type Machine } from "./machine.ts";
import { Send } from "./rules.ts";

/** Ethernet and IP headers, and what HSRP needs at most. */
const HEADERS4 = 34;
const HEADERS6 = 54;
const HSRP_ROOM = 160;
/** The parting and the bow-out of CARP (OpenBSD). */
const BOW_OUT = 255;

export class Transmitter {
  readonly #out: Out;
  readonly #sink: VirtualSink;
  readonly #signerOf: (machine: Machine) => carp.Signer;
  #identification = 0;

  constructor(out: Out, sink: VirtualSink, signerOf: (machine: Machine) => carp.Signer) {
    this.#out = out;
    this.#sink = sink;
    this.#signerOf = signerOf;
  }

  /** Sends an advertisement; false when there was no buffer. */
  send(machine: Machine, what: Send, now: number): boolean {
    if (machine.isHsrp) return this.#hsrp(machine, what);
    if (machine.config.protocol === "carp") this.#count(machine);
    const { peers, peers6 } = machine.config;
    const to = machine.family === 4 ? peers : peers6;
    if (to.length === 0) {
      const [start, end] = this.#write(machine, what, null);
      if (start < 0) return false;
      this.#sink.sendControl(machine.config.iface, start, end);
      return true;
    }
    for (const peer of to) {
      const words: Words = typeof peer === "number" ? [0, 0, 0, peer] : [...peer];
      const [start, end] = this.#write(machine, what, words);
      if (start < 0) return false;
      this.#sink.sendUnicast(machine.config.iface, machine.family, start, end, now);
    }
    return true;
  }

  /** Every CARP advertisement has a number of its own, which peers saw none above of. */
  #count(machine: Machine): void {
    machine.low = (machine.low + 1) >>> 0;
    if (machine.low === 0) machine.high = (machine.high + 1) >>> 0;
  }

  /** A parting does not come from the virtual MAC: bridges are to find that where the winner is. */
  #sourceOf(machine: Machine, what: Send): Mac {
    return what === Send.Parting ? machine.iface.mac : machine.virtual.mac;
  }

  /** Writes the frame for a peer, or for the group (null); a start below zero when there is no buffer. */
  #write(machine: Machine, what: Send, peer: Words | null): [start: Offset, end: Offset] {
    const { family, primary } = machine;
    const isCarp = machine.config.protocol === "carp";
    const advert = advertisementOf(machine, what);
    const bytes = isCarp ? carp.LENGTH : vrrp.lengthOf(advert);
    const room = bytes + (family === 4 ? HEADERS4 : HEADERS6);
    const start = this.#out.scratch(room);
    if (start < 0) return [-1, -1];
    const { view } = this.#out;
    const from = this.#sourceOf(machine, what);
    let at: Offset;
    if (family === 4) {
      const mac = peer === null ? vrrp.GROUP4_MAC : 0;
      const to = peer === null ? vrrp.GROUP4 : peer[3];
      this.#identification = (this.#identification + 1) & 0xffff;
      const id = this.#identification;
      at = vrrp.writeEnvelope4(view, start, from, mac, sourceOf4(machine), to, bytes, id);
    } else {
      const mac = peer === null ? vrrp.GROUP6_MAC : 0;
      const to = peer ?? vrrp.GROUP6;
      at = vrrp.writeEnvelope6(view, start, from, mac, primary, to, bytes);
    }
    if (!isCarp) return [start, vrrp.write(view, vrrp.ipAt(start), at, advert)];
    const bows = what === Send.Release;
    const said = {
      vhid: machine.config.vrid,
      advskew: bows ? BOW_OUT : machine.skew,
      advbase: bows ? BOW_OUT : machine.config.advbase,
      demote: machine.priority,
    };
    const end = this.#signerOf(machine).write(view, at, said, machine.high, machine.low);
    return [start, end];
  }

  #hsrp(machine: Machine, what: Send): boolean {
    const start = this.#out.scratch(HSRP_ROOM);
    if (start < 0) return false;
    const { config, virtual, family, primary, iface } = machine;
    const isActive = machine.state === HsrpState.Active;
    // Not to learn: an Active router advertises its own times, the others those they learned (RFC 2281 5.1).
    let op: number = hsrp.Op.Hello;
    if (what === Send.Coup) op = hsrp.Op.Coup;
    else if (what === Send.Release) op = hsrp.Op.Resign;
    const said: hsrp.Message = {
      version: config.version === 1 ? 1 : 2,
      op,
      state: (machine.state + 1) as hsrp.State,
      group: config.vrid,
      priority: machine.priority,
      hello: machine.interval,
      hold: machine.hold,
      identifier: iface.mac,
      address4: virtual.addresses[0] ?? 0,
      address6: family === 6 ? (virtual.addresses6[0] ?? [0, 0, 0, 0]) : null,
      password: Uint8Array.from(config.password ?? []),
    };
    const { view } = this.#out;
    // RFC 2281 3: from the virtual MAC while Active, else from the interface's own.
    const mac = isActive ? virtual.mac : iface.mac;
    this.#identification = (this.#identification + 1) & 0xffff;
    const end =
      family === 4
        ? hsrp.writeFrame4(view, start, mac, sourceOf4(machine), this.#identification, said)
        : hsrp.writeFrame6(view, start, mac, primary, said);
    this.#sink.sendControl(config.iface, start, end);
    return true;
  }
}

/** An interface without an address of its own speaks from the first virtual one. */
const sourceOf4 = ({ primary, virtual }: Machine): number =>
  primary[3] || (virtual.addresses[0] ?? 0);

function advertisementOf(machine: Machine, what: Send): vrrp.Advertisement {
  const { config, virtual } = machine;
  const isMirrored = config.checksum === "mirror";
  const pseudo = isMirrored
    ? machine.form !== vrrp.ChecksumForm.Plain
    : config.checksum === "rfc5798";
  return {
    version: config.version === 2 ? 2 : 3,
    vrid: config.vrid,
    priority: what === Send.Release ? vrrp.RELEASE : machine.priority,
    interval: config.interval,
    addresses4: virtual.addresses,
    addresses6: virtual.addresses6,
    password: config.password === null ? null : Uint8Array.from(config.password),
    pseudo,
  };
}
