// Packets for the appliance itself over IPv6 (HOST-2): the chain of headers is walked in its order
// (RFC 8200 4), echo is answered, answers to own pings are told to their sink, and the rest is
// refused: port unreachable for UDP, a reset for TCP, a parameter problem for a header that nobody
// here knows.

import { Drop } from "../engine/drop.ts";
import type { Out } from "../engine/out.ts";
import type { Millis, Offset } from "../lib/units.ts";
import * as checksum from "../wire/checksum.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmpv6 from "../wire/icmpv6.ts";
import { Protocol } from "../wire/ipv4.ts";
import * as ipv6 from "../wire/ipv6.ts";
import * as offload from "../wire/offload.ts";
import * as tcp from "../wire/tcp.ts";
import * as udp from "../wire/udp.ts";
import type { Host6Config } from "./config6.ts";
import { type Errors6, Exceeded, Problem, Unreachable } from "./errors6.ts";
import * as extensions6 from "./extensions6.ts";
import * as header6 from "./header6.ts";
import type { Messages6 } from "./messages6.ts";
import * as offloads6 from "./offloads6.ts";
import { FRAGMENT_HEADER, hasMore, place, Reassembly6 } from "./reassembly6.ts";
import type { Resets6 } from "./resets6.ts";
import { Stat, type Statistics } from "./sender.ts";
import { Address, type Inward6 } from "./sender6.ts";

const ETHERNET = ethernet.LENGTH;
/** Most bytes behind an IPv6 header (RFC 8200 3). */
const MAX_PAYLOAD = 0xffff;
/** Bytes of a routing header up to where its segments left stand. */
const SEGMENTS_LEFT = 3;
const ROUTING_TYPE = 2;

export class Local6 implements Inward6 {
  readonly #out: Out;
  readonly #errors: Errors6;
  readonly #messages: Messages6;
  readonly #resets: Resets6;
  readonly #stats: Statistics;
  #reassembly: Reassembly6;

  constructor(out: Out, errors: Errors6, messages: Messages6, resets: Resets6, stats: Statistics) {
    this.#out = out;
    this.#errors = errors;
    this.#messages = messages;
    this.#resets = resets;
    this.#stats = stats;
    this.#reassembly = new Reassembly6(out, 0, 0, 0);
  }

  configure(config: Host6Config): void {
    const { reassemblies, reassemblyFragments, reassemblyMillis } = config;
    if (this.#reassembly.isSized(reassemblies, reassemblyFragments, reassemblyMillis)) return;
    this.#reassembly.clear();
    this.#reassembly = new Reassembly6(
      this.#out,
      reassemblies,
      reassemblyFragments,
      reassemblyMillis,
    );
  }

  /**
   * A valid packet for us, whose hop-by-hop options were looked at. `how` it is addressed:
   * sender6.ts.
   */
  receive(iface: number, start: Offset, end: Offset, how: number, now: Millis): void {
    const { view } = this.#out;
    this.#stats.add(Stat.Delivered);
    if (!offload.isPlain(view, start)) offloads6.settle(view, start, end);
    this.#walk(iface, start, end, how, false, now);
  }

  /** Gives up packets whose fragments did not all come; one a call. */
  tick(now: Millis): void {
    const row = this.#reassembly.expired(now);
    if (row < 0) return;
    this.#out.drop(Drop["ip-fragment"]);
    // RFC 8200 4.5: only when the first fragment, which tells about the packet, is there.
    const start = this.#reassembly.beginning(row);
    const { TimeExceeded } = icmpv6.Type;
    const iface = this.#reassembly.iface(row);
    if (start >= 0) this.#errors.send(iface, start, TimeExceeded, Exceeded.Reassembly, 0, now);
    this.#reassembly.remove(row);
  }

  /** Walks the headers one by one; `joined`: the packet was put together of fragments. */
  #walk(
    iface: number,
    start: Offset,
    end: Offset,
    how: number,
    joined: boolean,
    now: Millis,
  ): void {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    let field = ip + header6.NEXT;
    let at = ip + ipv6.LENGTH;
    for (let passed = 0; passed <= ipv6.MAX_EXTENSIONS; passed++) {
      const kind = view.getUint8(field);
      if (kind === ipv6.Next.Fragment) {
        if (joined || at + FRAGMENT_HEADER > end) break;
        // RFC 6946: one fragment that is all of the packet has nothing to do with others.
        if (place(view, at) !== 0 || hasMore(view, at)) {
          this.#fragment(iface, start, at, end, how, now);
          return;
        }
        field = at;
        at += FRAGMENT_HEADER;
        continue;
      }
      // RFC 8200 4.3: hop-by-hop options stand behind the IPv6 header alone.
      const isExtension =
        kind === ipv6.Next.Destination ||
        kind === ipv6.Next.Routing ||
        (kind === ipv6.Next.HopByHop && at === ip + ipv6.LENGTH);
      if (!isExtension) {
        this.#upper(iface, start, field, at, end, how, joined, now);
        return;
      }
      if (at + 8 > end) break;
      const behind = at + extensions6.lengthAt(view, at);
      if (behind > end) break;
      if (!this.#mayPass(iface, start, kind, at, behind, now)) return;
      field = at;
      at = behind;
    }
    this.#out.drop(Drop["ip6-extension"]);
  }

  /** False when the extension header stops the packet (counted). */
  #mayPass(
    iface: number,
    start: Offset,
    kind: number,
    at: Offset,
    behind: Offset,
    now: Millis,
  ): boolean {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    if (kind === ipv6.Next.Routing) {
      // RFC 8200 4.4, and for type 0 RFC 5095 3: no type is known here.
      if (view.getUint8(at + SEGMENTS_LEFT) === 0) return true;
      this.#out.drop(Drop["ip6-routing"]);
      this.#problem(iface, start, Problem.Header, at + ROUTING_TYPE - ip, now);
      return false;
    }
    if (kind !== ipv6.Next.Destination) return true;
    const verdict = extensions6.options(view, ip, at, behind);
    return verdict === extensions6.Verdict.Pass || this.refuseOption(iface, start, verdict, now);
  }

  /** Drops a packet for what its options ask; always false. */
  refuseOption(iface: number, start: Offset, verdict: number, now: Millis): false {
    const { view } = this.#out;
    const action = verdict & 3;
    this.#out.drop(Drop["ip6-option"]);
    const isGroup = ipv6.isMulticastDestination(view, start + ETHERNET);
    if (
      action === extensions6.Verdict.Problem ||
      (action === extensions6.Verdict.UnicastProblem && !isGroup)
    ) {
      this.#problem(iface, start, Problem.Option, verdict >> 2, now);
    }
    return false;
  }

  #problem(iface: number, start: Offset, code: number, pointer: number, now: Millis): void {
    this.#errors.send(iface, start, icmpv6.Type.ParameterProblem, code, pointer, now);
  }

  /** What no extension header comes before; `field` is where it was named. */
  #upper(
    iface: number,
    start: Offset,
    field: Offset,
    at: Offset,
    end: Offset,
    how: number,
    joined: boolean,
    now: Millis,
  ): void {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    switch (view.getUint8(field)) {
      case Protocol.Icmpv6:
        this.#messages.receive(iface, start, at, end, how, joined, now);
        return;
      case Protocol.Udp:
        if (udp.isValid(view, at, end) && isUdpWhole(view, ip, at)) {
          this.#out.drop(Drop["ip-protocol"]);
          const { Unreachable: type } = icmpv6.Type;
          this.#errors.send(iface, start, type, Unreachable.Port, 0, now);
        } else this.#out.drop(Drop["transport-checksum"]);
        return;
      case Protocol.Tcp:
        this.#resets.refuse(iface, start, at, end, how, now);
        return;
      case ipv6.Next.NoNext:
        this.#out.drop(Drop["ip-protocol"]);
        return;
      default:
        this.#out.drop(Drop["ip-protocol"]);
        this.#problem(iface, start, Problem.NextHeader, field - ip, now);
    }
  }

  /** A piece of a packet; the last missing one has all of them put together. */
  #fragment(iface: number, start: Offset, at: Offset, end: Offset, how: number, now: Millis): void {
    const { view } = this.#out;
    if (!this.#isPossible(iface, start, at, end, now)) return;
    const next = view.getUint8(at);
    if (how === Address.Group) {
      this.#out.drop(Drop["icmp-type"]);
      return;
    }
    if (next !== Protocol.Icmpv6 && next !== ipv6.Next.Destination) {
      this.#refusePiece(iface, start, at, next, now);
      return;
    }
    const all = this.#reassembly;
    const row = all.accept(iface, how, start, at, end, now);
    if (row < 0) return;
    this.#stats.add(Stat.Reassembled);
    const whole = all.join(row);
    if (whole < 0) this.#out.drop(Drop["ip-fragment"]);
    else this.#walk(iface, whole, whole + all.frameLength(row), how, true, now);
    all.remove(row);
  }

  /**
   * False when the fragment cannot be a piece of anything (counted, and told as RFC 8200 4.5 asks).
   */
  #isPossible(iface: number, start: Offset, at: Offset, end: Offset, now: Millis): boolean {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    const length = end - at - FRAGMENT_HEADER;
    const from = place(view, at);
    let code: number = Problem.Header;
    let pointer = -1;
    if (hasMore(view, at) && length % 8 !== 0) pointer = header6.PAYLOAD;
    else if (at - ip - ipv6.LENGTH + from + length > MAX_PAYLOAD) pointer = at + 2 - ip;
    else if (from === 0 && !hasUpper(view, at, end)) {
      code = Problem.FirstFragment;
      pointer = 0;
    }
    if (pointer < 0) return true;
    this.#out.drop(Drop["ip-fragment"]);
    this.#problem(iface, start, code, pointer, now);
    return false;
  }

  /** A piece of what is refused anyway: the first one, which has the ports, is answered. */
  #refusePiece(iface: number, start: Offset, at: Offset, next: number, now: Millis): void {
    const { view } = this.#out;
    this.#out.drop(Drop["ip-protocol"]);
    if (place(view, at) !== 0 || next === Protocol.Tcp || next === ipv6.Next.NoNext) return;
    if (next !== Protocol.Udp) {
      this.#problem(iface, start, Problem.NextHeader, at - start - ETHERNET, now);
      return;
    }
    this.#errors.send(iface, start, icmpv6.Type.Unreachable, Unreachable.Port, 0, now);
  }
}

/** RFC 8200 4.5, RFC 7112: a first fragment holds all headers up to the upper layer's. */
function hasUpper(view: DataView, fragment: Offset, end: Offset): boolean {
  let kind = view.getUint8(fragment);
  let at = fragment + FRAGMENT_HEADER;
  for (let passed = 0; passed <= ipv6.MAX_EXTENSIONS; passed++) {
    switch (kind) {
      case ipv6.Next.Destination:
      case ipv6.Next.Routing:
        if (at + 8 > end) return false;
        kind = view.getUint8(at);
        at += extensions6.lengthAt(view, at);
        break;
      case Protocol.Tcp:
        return at + tcp.LENGTH <= end;
      case Protocol.Icmpv6:
        return at + icmpv6.LENGTH <= end;
      case Protocol.Udp:
        return at + udp.LENGTH <= end;
      default:
        return at <= end;
    }
  }
  return false;
}

/** True when the datagram's checksum is right: over IPv6 there must be one (RFC 8200 8.1). */
function isUdpWhole(view: DataView, ip: Offset, at: Offset): boolean {
  if (view.getUint16(at + 6) === 0) return false;
  const bytes = udp.length(view, at);
  const pseudo = checksum.pseudo6(view, ip, Protocol.Udp, bytes);
  return checksum.add(view, at, at + bytes, pseudo) === 0xffff;
}
