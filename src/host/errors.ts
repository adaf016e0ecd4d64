// ICMP errors about packets that we could not deliver or forward (RFC 792, RFC 1812 4.3, RFC 1122 3.2.2): when none
// may be sent, which own address it carries, and how many leave. The error is routed and resolved like any other
// packet: the MAC that the packet came from is not trusted.

import { Drop } from "../engine/drop.ts";
import type { Out } from "../engine/out.ts";
import type { Ipv4, Millis, Offset } from "../lib/units.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmp from "../wire/icmp.ts";
import * as ipv4 from "../wire/ipv4.ts";
import type { ErrorSource, HostConfig } from "./config.ts";
import * as header from "./header.ts";
import type { Limiter } from "./limiter.ts";
import { Hop, type Routes } from "./routes.ts";
import { type Sender, Stat, type Statistics } from "./sender.ts";

const ETHERNET = ethernet.LENGTH;

export class Errors {
  readonly #out: Out;
  readonly #routes: Routes;
  readonly #limiter: Limiter;
  readonly #sender: Sender;
  readonly #stats: Statistics;
  #source: ErrorSource = "incoming";
  #ttl = 64;

  constructor(out: Out, routes: Routes, limiter: Limiter, sender: Sender, stats: Statistics) {
    this.#out = out;
    this.#routes = routes;
    this.#limiter = limiter;
    this.#sender = sender;
    this.#stats = stats;
  }

  configure(config: HostConfig): void {
    this.#source = config.errorSource;
    this.#ttl = config.ttl;
  }

  /**
   * Tells the source of the valid packet in the frame at `start`, which came in on `iface`. `rest` is the message's
   * second word: 0, an MTU, a gateway, or a pointer in its first byte. The frame is left as it is.
   */
  send(iface: number, start: Offset, type: number, code: number, rest: number, now: Millis): void {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    if (ethernet.isGroupDestination(view, start) || !icmp.isAnswerable(view, ip)) return;
    const source = ipv4.source(view, ip);
    const towards = this.#routes.lookup(source);
    const whom = this.#routes.kind(towards);
    const destination = ipv4.destination(view, ip);
    const at = this.#routes.kind(this.#routes.lookup(destination));
    if (whom === Hop.Broadcast || whom === Hop.Network || at === Hop.Broadcast) return;
    const own = at === Hop.Local ? destination : this.#ownAddress(iface, source, towards);
    if (own === 0) return;
    // Path MTU discovery must not stall (RFC 1191 3); Linux exempts this message as well.
    const exempt = type === icmp.Type.Unreachable && code === icmp.Unreachable.FragmentationNeeded;
    if (!exempt && !this.#limiter.allow(source, now)) {
      // A redirect is advice about a packet that goes on: nothing is lost when it is not repeated.
      if (type !== icmp.Type.Redirect) this.#out.drop(Drop["icmp-rate"]);
      return;
    }
    const to = this.#out.scratch(ETHERNET + icmp.MAX_ERROR);
    if (to < 0) return;
    const id = this.#sender.nextId();
    const end = icmp.writeError(view, to + ETHERNET, own, type, code, rest, ip, id);
    header.setTtl(view, to + ETHERNET, this.#ttl);
    ipv4.setChecksum(view, to + ETHERNET);
    this.#stats.add(type === icmp.Type.Redirect ? Stat.Redirects : Stat.ErrorsSent);
    this.#sender.sendPacket(to, end, now);
  }

  #ownAddress(iface: number, source: Ipv4, towards: number): Ipv4 {
    if (this.#source === "outgoing") {
      const outgoing = this.#routes.source(towards);
      if (outgoing !== 0) return outgoing;
    }
    return this.#routes.addressFor(iface, source);
  }
}
