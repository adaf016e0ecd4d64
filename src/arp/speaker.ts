// Everything that the ARP master puts on the wire. Each function builds one untagged frame in a scratch buffer
// and gives it to the interface; a missing buffer is counted by the callee and the frame is simply not sent.

import type { Links, Out } from "../engine/out.ts";
import type { Ipv4, Mac, Offset } from "../lib/units.ts";
import * as arp from "../wire/arp.ts";

export class Speaker {
  readonly #out: Out;
  readonly #links: Links;
  /** Requests sent, probes and announcements included. */
  requests = 0;
  replies = 0;

  constructor(out: Out, links: Links) {
    this.#out = out;
    this.#links = links;
  }

  /** Who has `target`? */
  request(iface: number, mac: Mac, own: Ipv4, target: Ipv4): void {
    const start = this.#begin();
    if (start < 0) return;
    this.requests++;
    this.#links.output(iface, start, arp.writeRequest(this.#out.view, start, mac, own, target));
  }

  /** Does `toMac` still have `target`? */
  poll(iface: number, mac: Mac, own: Ipv4, toMac: Mac, target: Ipv4): void {
    const start = this.#begin();
    if (start < 0) return;
    this.requests++;
    this.#links.output(iface, start, arp.writePoll(this.#out.view, start, mac, own, toMac, target));
  }

  /** `own` is at `mac`; to the one who asked. */
  reply(iface: number, mac: Mac, own: Ipv4, toMac: Mac, to: Ipv4): void {
    const start = this.#begin();
    if (start < 0) return;
    this.replies++;
    this.#links.output(iface, start, arp.writeReply(this.#out.view, start, mac, own, toMac, to));
  }

  rarpReply(iface: number, mac: Mac, own: Ipv4, toMac: Mac, client: Mac, address: Ipv4): void {
    const start = this.#begin();
    if (start < 0) return;
    this.replies++;
    const { view } = this.#out;
    this.#links.output(
      iface,
      start,
      arp.writeRarpReply(view, start, mac, own, toMac, client, address),
    );
  }

  inarpReply(iface: number, mac: Mac, own: Ipv4, toMac: Mac, to: Ipv4): void {
    const start = this.#begin();
    if (start < 0) return;
    this.replies++;
    this.#links.output(
      iface,
      start,
      arp.writeInarpReply(this.#out.view, start, mac, own, toMac, to),
    );
  }

  #begin(): Offset {
    return this.#out.scratch(arp.FRAME);
  }
}
