// ICMPv6 messages to the appliance itself (RFC 4443 4, 2.4): echo is answered, answers to own pings
// and errors about them are told, path MTUs are noted. Neighbour discovery never gets here, but in
// fragments, which are refused (RFC 6980).

import { Drop } from "../engine/drop.ts";
import { HEADROOM } from "../engine/frame.ts";
import type { Ipv6Words, Resolver6 } from "../engine/ipv6.ts";
import type { Out } from "../engine/out.ts";
import type { Millis, Offset } from "../lib/units.ts";
import * as checksum from "../wire/checksum.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmpv6 from "../wire/icmpv6.ts";
import { Protocol } from "../wire/ipv4.ts";
import * as ipv6 from "../wire/ipv6.ts";
import * as nd from "../wire/nd.ts";
import * as offload from "../wire/offload.ts";
import type { Addresses6 } from "./addresses6.ts";
import * as header6 from "./header6.ts";
import { Hop6 } from "./hops6.ts";
import { type Output6, writeChecksum, writeSource } from "./output6.ts";
import { FRAGMENT_HEADER, place } from "./reassembly6.ts";
import type { Routes6 } from "./routes6.ts";
import { Stat, type Statistics } from "./sender.ts";
import { Address, type EchoSink6 } from "./sender6.ts";

const ETHERNET = ethernet.LENGTH;
const ID = 4;
const SEQUENCE = 6;
const MTU = 4;
/** Traffic class, which a reply keeps. */
const CLASS = 0x0ff00000;
/**
 * Pings that a core remembers, so that nobody else's reply confirms a neighbour. Our choice; a
 * power of two.
 */
const PINGS = 16;

export class Messages6 {
  readonly #out: Out;
  readonly #routes: Routes6;
  readonly #addresses: Addresses6;
  readonly #output: Output6;
  readonly #stats: Statistics;
  #resolver: Resolver6 | null = null;
  /** Who hears of answers to own pings. */
  sink: EchoSink6 | null = null;
  // Own pings: the last word of the destination, and identifier with sequence.
  readonly #to: Uint32Array = new Uint32Array(PINGS);
  readonly #echo: Uint32Array = new Uint32Array(PINGS);
  #pings = 0;

  constructor(
    out: Out,
    routes: Routes6,
    addresses: Addresses6,
    output: Output6,
    stats: Statistics,
  ) {
    this.#out = out;
    this.#routes = routes;
    this.#addresses = addresses;
    this.#output = output;
    this.#stats = stats;
  }

  attach(resolver: Resolver6): void {
    this.#resolver = resolver;
  }

  /** A ping of ours is about to leave. */
  asked(tail: number, id: number, sequence: number): void {
    const row = this.#pings++ & (PINGS - 1);
    this.#to[row] = tail;
    this.#echo[row] = (id << 16) | (sequence & 0xffff);
  }

  /** The message in at..end of the packet at start + 14. */
  receive(
    iface: number,
    start: Offset,
    at: Offset,
    end: Offset,
    how: number,
    joined: boolean,
    now: Millis,
  ): void {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    if (!icmpv6.isValid(view, at, end)) {
      this.#out.drop(Drop["icmp-short"]);
      return;
    }
    if (!icmpv6.verify(view, ip, at, end)) {
      this.#out.drop(Drop["icmp-checksum"]);
      return;
    }
    const type = icmpv6.type(view, at);
    switch (type) {
      case icmpv6.Type.Echo:
        this.#answer(iface, start, at, end, how, now);
        break;
      case icmpv6.Type.EchoReply:
        this.#reply(iface, start, at, end, now);
        break;
      case icmpv6.Type.PacketTooBig:
        this.#tooBig(ip, at, end, now);
        break;
      case icmpv6.Type.Unreachable:
      case icmpv6.Type.TimeExceeded:
      case icmpv6.Type.ParameterProblem:
        if (!this.#told(ip, at, end, now)) this.#out.drop(Drop["icmp-type"]);
        break;
      default:
        this.#out.drop(joined && nd.isNd(type) ? Drop["nd-fragment"] : Drop["icmp-type"]);
    }
  }

  /**
   * One of our own packets went no further: its next hop is silent. Only pings have somebody to
   * tell.
   */
  ownFailed(start: Offset, end: Offset, code: number, now: Millis): void {
    const ip = start + ETHERNET;
    this.#tell(ip, end, icmpv6.Type.Unreachable, code, ip + header6.SOURCE, now);
  }

  /**
   * Turns a request into its reply; headers between IPv6's and the message do not come back (RFC
   * 4443 4.2).
   */
  #answer(iface: number, start: Offset, at: Offset, end: Offset, how: number, now: Millis): void {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    const a = ipv6.source(view, ip, 0);
    const b = ipv6.source(view, ip, 1);
    const c = ipv6.source(view, ip, 2);
    const d = ipv6.source(view, ip, 3);
    // RFC 4443 4.2: a request to a group or an anycast address is answered from a unicast one of
    // the interface.
    const row = how === Address.Own ? -1 : this.#addresses.source(iface, a, b, c, d);
    if (how !== Address.Own && row < 0) {
      this.#out.drop(Drop["icmp-type"]);
      return;
    }
    const to = at - ipv6.LENGTH;
    if (to !== ip) this.#moveHeader(ip, to);
    if (row >= 0) writeSource(view, to, this.#addresses, row);
    else this.#copyAddress(to + header6.DESTINATION, to + header6.SOURCE);
    header6.setAddress(view, to + header6.DESTINATION, a, b, c, d);
    view.setInt32(to, 0x60000000 | (view.getUint32(to) & CLASS));
    header6.setPayloadLength(view, to, end - at);
    header6.setNextHeader(view, to, Protocol.Icmpv6);
    header6.setHopLimit(view, to, 0);
    const word = view.getUint16(at);
    view.setUint16(at, icmpv6.Type.EchoReply << 8);
    if (row >= 0) writeChecksum(view, to, at, end);
    else {
      // The addresses only change places, which a sum does not see.
      const sum = checksum.update(view.getUint16(at + 2), word, icmpv6.Type.EchoReply << 8);
      view.setUint16(at + 2, sum);
    }
    this.#stats.add(Stat.EchoesAnswered);
    this.#output.sendPacket(iface, to - ETHERNET, end, now);
  }

  /**
   * Moves the IPv6 header right before the message, and marks the shorter frame as an ordinary one.
   */
  #moveHeader(ip: Offset, to: Offset): void {
    const { view } = this.#out;
    // From behind, for the places may overlap.
    for (let byte = ipv6.LENGTH - 4; byte >= 0; byte -= 4) {
      view.setInt32(to + byte, view.getInt32(ip + byte));
    }
    offload.clear(view, to - ETHERNET);
  }

  #copyAddress(from: Offset, to: Offset): void {
    const { view } = this.#out;
    for (let byte = 0; byte < 16; byte += 4) view.setInt32(to + byte, view.getInt32(from + byte));
  }

  #reply(iface: number, start: Offset, at: Offset, end: Offset, now: Millis): void {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    if (this.#isAsked(view, ip, at)) this.#confirm(iface, start, now);
    if (this.sink === null) {
      this.#out.drop(Drop["icmp-type"]);
      return;
    }
    this.sink.replied6(
      this.#address(ip + header6.SOURCE),
      view.getUint16(at + ID),
      view.getUint16(at + SEQUENCE),
      end - at - icmpv6.LENGTH,
      ipv6.hopLimit(view, ip),
      now,
    );
  }

  #isAsked(view: DataView, ip: Offset, at: Offset): boolean {
    const echo = view.getUint32(at + ID);
    const from = ipv6.source(view, ip, 3);
    for (let row = 0; row < PINGS && row < this.#pings; row++) {
      if (this.#echo[row] === echo && this.#to[row] === from) return true;
    }
    return false;
  }

  /** The way to the sender works: its first neighbour was heard to answer (RFC 4861 7.3.1). */
  #confirm(iface: number, start: Offset, now: Millis): void {
    const { view } = this.#out;
    const { hops } = this.#routes;
    const ip = start + ETHERNET;
    const from = ip + header6.SOURCE;
    const a = ipv6.source(view, ip, 0);
    if (header6.isLinkLocal(a)) {
      this.#resolver?.confirm(iface, from, now);
      return;
    }
    const hop = this.#routes.lookup(
      a,
      ipv6.source(view, ip, 1),
      ipv6.source(view, ip, 2),
      ipv6.source(view, ip, 3),
    );
    if (hops.kind(hop) === Hop6.Link) this.#resolver?.confirm(hops.iface(hop), from, now);
    else if (hops.kind(hop) === Hop6.Gateway) {
      const at = start - HEADROOM;
      header6.setAddress(
        view,
        at,
        hops.word(hop, 0),
        hops.word(hop, 1),
        hops.word(hop, 2),
        hops.word(hop, 3),
      );
      this.#resolver?.confirm(hops.iface(hop), at, now);
    }
  }

  /** RFC 8201 4: a router cannot pass on what we sent. */
  #tooBig(ip: Offset, at: Offset, end: Offset, now: Millis): void {
    const { view } = this.#out;
    const about = at + icmpv6.LENGTH;
    if (end - about < ipv6.LENGTH || view.getUint8(about) >> 4 !== 6 || !this.#isOurs(about)) {
      this.#out.drop(Drop["icmp-type"]);
      return;
    }
    const a = ipv6.destination(view, about, 0);
    const b = ipv6.destination(view, about, 1);
    const c = ipv6.destination(view, about, 2);
    const d = ipv6.destination(view, about, 3);
    const hop = this.#routes.lookup(a, b, c, d);
    const iface = this.#routes.hops.iface(hop);
    if (iface >= 0) {
      const mtu = this.#output.mtu(iface);
      this.#output.pathMtus.note(a, b, c, d, view.getUint32(at + MTU), mtu, now);
    }
    this.#told(ip, at, end, now);
  }

  /**
   * True when the source of the packet at `about` is an own address: only then it can be about us.
   */
  #isOurs(about: Offset): boolean {
    const { view } = this.#out;
    const row = this.#addresses.find(
      -1,
      ipv6.source(view, about, 0),
      ipv6.source(view, about, 1),
      ipv6.source(view, about, 2),
      ipv6.source(view, about, 3),
    );
    return row >= 0;
  }

  /** Somebody reports an error about a packet that we are said to have sent. */
  #told(ip: Offset, at: Offset, end: Offset, now: Millis): boolean {
    const { view } = this.#out;
    const [type, code] = [icmpv6.type(view, at), icmpv6.code(view, at)];
    return this.#tell(at + icmpv6.LENGTH, end, type, code, ip + header6.SOURCE, now);
  }

  /** Tells the sink when the packet at `about`, perhaps cut short, is a ping of ours. */
  #tell(
    about: Offset,
    end: Offset,
    type: number,
    code: number,
    from: Offset,
    now: Millis,
  ): boolean {
    const { view } = this.#out;
    if (this.sink === null || end - about < ipv6.LENGTH) return false;
    if (view.getUint8(about) >> 4 !== 6) return false;
    let at = about + ipv6.LENGTH;
    let next = ipv6.nextHeader(view, about);
    if (next === ipv6.Next.Fragment && end - at >= FRAGMENT_HEADER && place(view, at) === 0) {
      next = view.getUint8(at);
      at += FRAGMENT_HEADER;
    }
    if (next !== Protocol.Icmpv6 || end - at < icmpv6.LENGTH) return false;
    const isOwn = header6.isLinkLocal(ipv6.source(view, about, 0)) || this.#isOurs(about);
    if (icmpv6.type(view, at) !== icmpv6.Type.Echo || !isOwn) return false;
    this.sink.refused6(
      this.#address(about + header6.DESTINATION),
      view.getUint16(at + ID),
      view.getUint16(at + SEQUENCE),
      type,
      code,
      this.#address(from),
      now,
    );
    return true;
  }

  #address(at: Offset): Ipv6Words {
    const { view } = this.#out;
    return [
      view.getUint32(at),
      view.getUint32(at + 4),
      view.getUint32(at + 8),
      view.getUint32(at + 12),
    ];
  }
}
