// Packets through the appliance over IPv6 (HOST-3, RFC 8200, RFC 4443): route, scope, hop limit,
// MTU. Nothing behind the IPv6 header and its hop-by-hop options is looked at, and nothing is cut:
// only a source may do that.

import { Drop } from "../engine/drop.ts";
import { HEADROOM } from "../engine/frame.ts";
import type { Neighbours6 } from "../engine/ipv6.ts";
import type { Out } from "../engine/out.ts";
import type { Millis, Offset } from "../lib/units.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmpv6 from "../wire/icmpv6.ts";
import * as ipv6 from "../wire/ipv6.ts";
import type { Host6Config } from "./config6.ts";
import { type Errors6, Exceeded, Unreachable } from "./errors6.ts";
import * as header6 from "./header6.ts";
import { Hop6 } from "./hops6.ts";
import * as offloads6 from "./offloads6.ts";
import type { Output6 } from "./output6.ts";
import type { Routes6 } from "./routes6.ts";
import { Stat, type Statistics } from "./sender.ts";

const ETHERNET = ethernet.LENGTH;

export class Forwarding6 {
  readonly #out: Out;
  readonly #view: DataView;
  readonly #routes: Routes6;
  readonly #errors: Errors6;
  readonly #output: Output6;
  readonly #stats: Statistics;
  #neighbours: Neighbours6 | null = null;
  #isOn = true;
  #redirects = true;

  constructor(out: Out, routes: Routes6, errors: Errors6, output: Output6, stats: Statistics) {
    this.#out = out;
    this.#view = out.view;
    this.#routes = routes;
    this.#errors = errors;
    this.#output = output;
    this.#stats = stats;
  }

  attach(neighbours: Neighbours6): void {
    this.#neighbours = neighbours;
  }

  configure(config: Host6Config): void {
    this.#isOn = config.forwarding;
    this.#redirects = config.redirects;
  }

  /** A valid packet to a unicast address of more than one link, which is not ours. */
  receive(iface: number, start: Offset, end: Offset, now: Millis): void {
    const view = this.#view;
    const ip = start + ETHERNET;
    if (!this.#isOn) {
      this.#out.drop(Drop["ip-forwarding-off"]);
      return;
    }
    if (header6.isLinkLocal(header6.source(view, ip, 0))) {
      // RFC 4291 2.5.6; RFC 4443 3.1: "beyond scope of source address".
      this.#out.drop(Drop["ip6-scope"]);
      this.#unreachable(iface, start, Unreachable.BeyondScope, now);
      return;
    }
    const hop = this.#routes.lookup(
      header6.destination(view, ip, 0),
      header6.destination(view, ip, 1),
      header6.destination(view, ip, 2),
      header6.destination(view, ip, 3),
    );
    const { hops } = this.#routes;
    const kind = hops.kind(hop);
    if (kind !== Hop6.Link && kind !== Hop6.Gateway) {
      this.#noRoute(iface, kind, start, now);
      return;
    }
    const left = ipv6.hopLimit(view, ip);
    if (left <= 1) {
      this.#out.drop(Drop["ip-ttl"]);
      this.#errors.send(iface, start, icmpv6.Type.TimeExceeded, Exceeded.Transit, 0, now);
      return;
    }
    const to = hops.iface(hop);
    const mtu = this.#output.mtu(to);
    if (end - ip > mtu && offloads6.packetLength(view, start, end) > mtu) {
      this.#out.drop(Drop["ip-too-big"]);
      this.#errors.send(iface, start, icmpv6.Type.PacketTooBig, 0, mtu, now);
      return;
    }
    if (to === iface && this.#redirects) this.#redirect(iface, hop, kind, start, end, now);
    header6.setHopLimit(view, ip, left - 1);
    this.#stats.add(Stat.Forwarded);
    this.#output.transmit(iface + 1, hop, start, end, now);
  }

  #noRoute(iface: number, kind: number, start: Offset, now: Millis): void {
    this.#out.drop(Drop["ip-no-route"]);
    if (kind === Hop6.Blackhole) return;
    let code: number = Unreachable.NoRoute;
    if (kind === Hop6.Unreachable) code = Unreachable.RejectRoute;
    else if (kind === Hop6.Prohibit) code = Unreachable.Prohibited;
    this.#unreachable(iface, start, code, now);
  }

  #unreachable(iface: number, start: Offset, code: number, now: Millis): void {
    this.#errors.send(iface, start, icmpv6.Type.Unreachable, code, 0, now);
  }

  /**
   * RFC 4861 8.2: the source, a neighbour, could have reached the next hop itself. A router can be
   * named by its link-local address alone: a gateway that is configured by another is not told.
   */
  #redirect(
    iface: number,
    hop: number,
    kind: number,
    start: Offset,
    end: Offset,
    now: Millis,
  ): void {
    // Not through a virtual MAC: the sender knows the virtual router alone (RFC 9568 8.2.1).
    if (ethernet.destination(this.#view, start) !== this.#output.mac(iface)) return;
    const view = this.#view;
    const ip = start + ETHERNET;
    const { hops } = this.#routes;
    const isNeighbour = this.#routes.isOnLink(
      iface,
      header6.source(view, ip, 0),
      header6.source(view, ip, 1),
      header6.source(view, ip, 2),
      header6.source(view, ip, 3),
    );
    if (!isNeighbour) return;
    let target = ip + header6.DESTINATION;
    if (kind === Hop6.Gateway) {
      if (!header6.isLinkLocal(hops.word(hop, 0))) return;
      target = start - HEADROOM;
      view.setInt32(target, hops.word(hop, 0));
      view.setInt32(target + 4, hops.word(hop, 1));
      view.setInt32(target + 8, hops.word(hop, 2));
      view.setInt32(target + 12, hops.word(hop, 3));
    }
    this.#neighbours?.redirect(iface, start, end, target, now);
  }
}
