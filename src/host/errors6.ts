// ICMPv6 errors about packets that we could not deliver or forward (RFC 4443 2.2, 2.4, 3): when
// none may be sent, which own address it carries, how much it quotes, and how many leave. The error
// is routed and resolved like any other packet: the MAC that the packet came from is not trusted.

import { Drop } from "../engine/drop.ts";
import type { Out } from "../engine/out.ts";
import type { Millis, Offset } from "../lib/units.ts";
import { copy } from "../wire/bytes.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmpv6 from "../wire/icmpv6.ts";
import { Protocol } from "../wire/ipv4.ts";
import * as ipv6 from "../wire/ipv6.ts";
import type { Addresses6 } from "./addresses6.ts";
import type { ErrorSource } from "./config.ts";
import type { Host6Config } from "./config6.ts";
import * as header6 from "./header6.ts";
import { Hop6 } from "./hops6.ts";
import type { Limiter } from "./limiter.ts";
import { writeChecksum, writeSource } from "./output6.ts";
import { MIN_MTU } from "./pmtu6.ts";
import { FRAGMENT_HEADER, place } from "./reassembly6.ts";
import type { Routes6 } from "./routes6.ts";
import { Stat, type Statistics } from "./sender.ts";
import type { Sender6 } from "./sender6.ts";

const ETHERNET = ethernet.LENGTH;
/** RFC 4443 2.4 (c): as much of the packet as fits the minimum MTU. */
const MAX_QUOTE: number = MIN_MTU - ipv6.LENGTH - icmpv6.LENGTH;
/** Types below it are errors (RFC 4443 2.1). */
const FIRST_INFORMATIONAL = 128;

/** Codes of Unreachable (RFC 4443 3.1). */
export const Unreachable = {
  NoRoute: 0,
  Prohibited: 1,
  BeyondScope: 2,
  Address: 3,
  Port: 4,
  RejectRoute: 6,
} as const;
/** Codes of TimeExceeded (3.3). */
export const Exceeded = { Transit: 0, Reassembly: 1 } as const;
/** Codes of ParameterProblem (3.4; RFC 7112 5). */
export const Problem = { Header: 0, NextHeader: 1, Option: 2, FirstFragment: 3 } as const;

export class Errors6 {
  readonly #out: Out;
  readonly #routes: Routes6;
  readonly #addresses: Addresses6;
  readonly #limiter: Limiter;
  readonly #sender: Sender6;
  readonly #stats: Statistics;
  #source: ErrorSource = "incoming";

  constructor(
    out: Out,
    routes: Routes6,
    addresses: Addresses6,
    limiter: Limiter,
    sender: Sender6,
    stats: Statistics,
  ) {
    this.#out = out;
    this.#routes = routes;
    this.#addresses = addresses;
    this.#limiter = limiter;
    this.#sender = sender;
    this.#stats = stats;
  }

  configure(config: Host6Config): void {
    this.#source = config.errorSource;
  }

  /**
   * Tells the source of the valid packet in the frame at `start`, which came in on `iface`. `rest`
   * is the message's second word: 0, an MTU, or where in the packet the fault lies. The frame is
   * left as it is.
   */
  send(iface: number, start: Offset, type: number, code: number, rest: number, now: Millis): void {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    // RFC 4443 2.4 (e.3): the two errors that packets to groups may cause, or path MTU discovery
    // would be blind to them.
    const forGroups =
      type === icmpv6.Type.PacketTooBig ||
      (type === icmpv6.Type.ParameterProblem && code === Problem.Option);
    if (!forGroups) {
      if (ethernet.isGroupDestination(view, start) || ipv6.isMulticastDestination(view, ip)) return;
    }
    if (!isAnswerable(view, ip)) return;
    const row = this.#ownAddress(iface, ip);
    if (row < 0) return;
    if (!this.#mayTell(type, ip, now)) {
      this.#out.drop(Drop["icmp-rate"]);
      return;
    }
    const to = this.#out.scratch(ETHERNET + MIN_MTU);
    if (to < 0) return;
    const quoted = Math.min(ipv6.LENGTH + ipv6.payloadLength(view, ip), MAX_QUOTE);
    const about = to + ETHERNET;
    const at = header6.write(view, about, Protocol.Icmpv6, icmpv6.LENGTH + quoted, 0);
    copy(view, ip + header6.SOURCE, view, about + header6.DESTINATION, 16);
    writeSource(view, about, this.#addresses, row);
    view.setUint16(at, (type << 8) | code);
    view.setUint32(at + 4, rest);
    copy(view, ip, view, at + icmpv6.LENGTH, quoted);
    const end = at + icmpv6.LENGTH + quoted;
    writeChecksum(view, about, at, end);
    this.#stats.add(Stat.ErrorsSent);
    this.#sender.sendPacket(iface, to, end, now);
  }

  /**
   * RFC 4443 2.4 (f). A path MTU is told to everyone until all may hear no more: Linux exempts it
   * as well.
   */
  #mayTell(type: number, ip: Offset, now: Millis): boolean {
    if (type === icmpv6.Type.PacketTooBig) return this.#limiter.allowAny(now);
    const { view } = this.#out;
    let peer = Math.imul(ipv6.source(view, ip, 0), 0x9e3779b1) ^ ipv6.source(view, ip, 1);
    peer = Math.imul(peer, 0x85ebca6b) ^ ipv6.source(view, ip, 2);
    peer = Math.imul(peer, 0xc2b2ae35) ^ ipv6.source(view, ip, 3);
    return this.#limiter.allow(peer >>> 0, now);
  }

  /**
   * The row of the address to speak from (RFC 4443 2.2); -1 = there is none that the source could
   * hear.
   */
  #ownAddress(iface: number, ip: Offset): number {
    const { view } = this.#out;
    const addresses = this.#addresses;
    const asked = addresses.find(
      iface,
      ipv6.destination(view, ip, 0),
      ipv6.destination(view, ip, 1),
      ipv6.destination(view, ip, 2),
      ipv6.destination(view, ip, 3),
    );
    if (asked >= 0 && !addresses.isAnycast(asked)) return asked;
    const a = ipv6.source(view, ip, 0);
    const b = ipv6.source(view, ip, 1);
    const c = ipv6.source(view, ip, 2);
    const d = ipv6.source(view, ip, 3);
    if (this.#source === "incoming") {
      const row = addresses.source(iface, a, b, c, d, true);
      if (row >= 0) return row;
    }
    const hop = this.#routes.lookup(a, b, c, d);
    const kind = this.#routes.hops.kind(hop);
    const leads = kind === Hop6.Link || kind === Hop6.Gateway;
    return addresses.source(leads ? this.#routes.hops.iface(hop) : iface, a, b, c, d);
  }
}

/**
 * True when the valid packet may be answered by an error as far as its own bytes tell (RFC 4443 2.4
 * (e)): no error itself and no redirect, and from one node.
 */
export function isAnswerable(view: DataView, ip: Offset): boolean {
  const a = ipv6.source(view, ip, 0);
  if (header6.isMulticast(a)) return false;
  const b = ipv6.source(view, ip, 1);
  const c = ipv6.source(view, ip, 2);
  const d = ipv6.source(view, ip, 3);
  if (header6.isUnspecified(a, b, c, d)) return false;
  const found = ipv6.upper(view, ip);
  if (found < 0) return true;
  let at = ip + ipv6.upperOffset(found);
  let protocol = ipv6.upperProtocol(found);
  if (protocol === ipv6.Next.Fragment) {
    protocol = view.getUint8(at);
    // What message a later fragment belongs to cannot be seen. No error is long enough to be
    // fragmented (2.4 (c)).
    if (place(view, at) !== 0) return true;
    at += FRAGMENT_HEADER;
  }
  if (protocol !== Protocol.Icmpv6) return true;
  if (at >= ipv6.packetEnd(view, ip)) return true;
  const type = icmpv6.type(view, at);
  return type >= FIRST_INFORMATIONAL && type !== icmpv6.Type.Redirect;
}
