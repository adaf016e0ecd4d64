// Packets for the appliance itself (HOST-2): echo answered in place, fragmented echo answered piece by piece, answers
// to own pings told to their sink, and the refusals that RFC 1122 asks for: port unreachable for UDP, protocol
// unreachable, and a reset for TCP (RFC 9293 3.10.7.1), so that a program that connects to a router fails at once.

import { Drop } from "../engine/drop.ts";
import type { Out } from "../engine/out.ts";
import type { Millis, Offset } from "../lib/units.ts";
import * as checksum from "../wire/checksum.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmp from "../wire/icmp.ts";
import * as ipv4 from "../wire/ipv4.ts";
import * as offload from "../wire/offload.ts";
import * as tcp from "../wire/tcp.ts";
import * as udp from "../wire/udp.ts";
import type { HostConfig } from "./config.ts";
import type { Errors } from "./errors.ts";
import * as header from "./header.ts";
import type { Limiter } from "./limiter.ts";
import * as offloads from "./offloads.ts";
import * as options from "./options.ts";
import type { Inward } from "./output.ts";
import { Reassembly } from "./reassembly.ts";
import type { Routes } from "./routes.ts";
import { type EchoSink, type Sender, Stat, type Statistics } from "./sender.ts";

const ETHERNET = ethernet.LENGTH;
const TCP_WINDOW = 14;

export class Local implements Inward {
  readonly #out: Out;
  readonly #routes: Routes;
  readonly #errors: Errors;
  readonly #limiter: Limiter;
  readonly #sender: Sender;
  readonly #stats: Statistics;
  #reassembly: Reassembly;
  #ttl = 64;
  /** Who hears of answers to own pings. */
  sink: EchoSink | null = null;

  constructor(
    out: Out,
    routes: Routes,
    errors: Errors,
    limiter: Limiter,
    sender: Sender,
    stats: Statistics,
  ) {
    this.#out = out;
    this.#routes = routes;
    this.#errors = errors;
    this.#limiter = limiter;
    this.#sender = sender;
    this.#stats = stats;
    this.#reassembly = new Reassembly(out, 0, 0, 0);
  }

  configure(config: HostConfig): void {
    const { reassemblies, reassemblyFragments, reassemblyMillis } = config;
    this.#ttl = config.ttl;
    if (this.#reassembly.isSized(reassemblies, reassemblyFragments, reassemblyMillis)) return;
    this.#reassembly.clear();
    this.#reassembly = new Reassembly(
      this.#out,
      reassemblies,
      reassemblyFragments,
      reassemblyMillis,
    );
  }

  /** A valid packet for an own address, or (`group`) for a broadcast or multicast that we hear. */
  receive(iface: number, start: Offset, end: Offset, group: boolean, now: Millis): void {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    this.#stats.add(Stat.Delivered);
    if (!offload.isPlain(view, start)) offloads.settle(view, start, end);
    switch (ipv4.protocol(view, ip)) {
      case ipv4.Protocol.Icmp:
        if (ipv4.isFragment(view, ip)) this.#fragment(iface, start, end, group, now);
        else this.#icmp(start, end, group, now);
        break;
      case ipv4.Protocol.Udp:
        this.#udp(iface, start, end, now);
        break;
      case ipv4.Protocol.Tcp:
        this.#tcp(start, end, group, now);
        break;
      default:
        this.#out.drop(Drop["ip-protocol"]);
        this.#unreachable(iface, start, icmp.Unreachable.Protocol, now);
    }
  }

  /** Gives up datagrams whose fragments did not all come; one a call. */
  tick(now: Millis): void {
    const row = this.#reassembly.expired(now);
    if (row < 0) return;
    this.#out.drop(Drop["ip-fragment"]);
    // RFC 792: "If fragment zero is not available then no time exceeded need be sent at all."
    const start = this.#reassembly.beginning(row);
    if (start >= 0) {
      const { TimeExceeded } = icmp.Type;
      const iface = this.#reassembly.iface(row);
      this.#errors.send(iface, start, TimeExceeded, icmp.Exceeded.Reassembly, 0, now);
    }
    this.#reassembly.remove(row);
  }

  /** One of our own packets went no further: `code` of Unreachable. Only pings have somebody to tell. */
  ownFailed(start: Offset, code: number, now: Millis): void {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    this.#tell(
      ip,
      ipv4.packetEnd(view, ip),
      icmp.Type.Unreachable,
      code,
      ipv4.source(view, ip),
      now,
    );
  }

  #unreachable(iface: number, start: Offset, code: number, now: Millis): void {
    this.#errors.send(iface, start, icmp.Type.Unreachable, code, 0, now);
  }

  #icmp(start: Offset, end: Offset, group: boolean, now: Millis): void {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    const at = ipv4.payload(view, ip);
    if (!icmp.isValid(view, at, end)) {
      this.#out.drop(Drop["icmp-short"]);
      return;
    }
    if (!icmp.verify(view, at, end)) {
      this.#out.drop(Drop["icmp-checksum"]);
      return;
    }
    switch (icmp.type(view, at)) {
      case icmp.Type.Echo:
        // RFC 1122 3.2.2.6 allows to ignore them, and so stops amplification; Linux icmp_echo_ignore_broadcasts.
        if (group) this.#out.drop(Drop["icmp-type"]);
        else this.#echo(start, end, at, now);
        break;
      case icmp.Type.EchoReply:
        this.#reply(ip, at, end - at - icmp.LENGTH, now);
        break;
      case icmp.Type.Unreachable:
      case icmp.Type.TimeExceeded:
      case icmp.Type.ParameterProblem:
        this.#told(ip, at, end, now);
        break;
      default:
        this.#out.drop(Drop["icmp-type"]);
    }
  }

  #echo(start: Offset, end: Offset, at: Offset, now: Millis): void {
    const { view } = this.#out;
    if (!this.#turnHeader(start + ETHERNET, this.#sender.nextId(), now)) return;
    icmp.turnEcho(view, at);
    this.#stats.add(Stat.EchoesAnswered);
    this.#sender.sendPacket(start, end, now);
  }

  /** Makes a request's IPv4 header the reply's; false when its options are broken (counted). */
  #turnHeader(ip: Offset, id: number, now: Millis): boolean {
    const { view } = this.#out;
    const own = ipv4.destination(view, ip);
    // RFC 1122 3.2.2.6: record route and timestamp "SHOULD be updated to include the current host".
    if (ipv4.headerLength(view, ip) > ipv4.LENGTH && options.record(view, ip, own, now) !== 0) {
      this.#out.drop(Drop["ip-options"]);
      return false;
    }
    header.swapAddresses(view, ip);
    header.setTtl(view, ip, this.#ttl);
    ipv4.setId(view, ip, id);
    ipv4.setChecksum(view, ip);
    return true;
  }

  #reply(ip: Offset, at: Offset, bytes: number, now: Millis): void {
    const { view } = this.#out;
    if (this.sink === null) {
      this.#out.drop(Drop["icmp-type"]);
      return;
    }
    const from = ipv4.source(view, ip);
    const id = icmp.id(view, at);
    this.sink.replied(from, id, icmp.sequence(view, at), bytes, ipv4.ttl(view, ip), now);
  }

  /** Somebody reports an error about a packet that we are said to have sent. */
  #told(ip: Offset, at: Offset, end: Offset, now: Millis): void {
    const { view } = this.#out;
    const from = ipv4.source(view, ip);
    const quoted = at + icmp.LENGTH;
    if (!this.#tell(quoted, end, icmp.type(view, at), icmp.code(view, at), from, now)) {
      this.#out.drop(Drop["icmp-type"]);
    }
  }

  /** Tells the sink when the packet at `ip`, perhaps cut short, is a ping of ours. */
  #tell(ip: Offset, end: Offset, type: number, code: number, from: number, now: Millis): boolean {
    const { view } = this.#out;
    if (this.sink === null || end - ip < ipv4.LENGTH) return false;
    const at = ipv4.payload(view, ip);
    if (view.getUint8(ip) >> 4 !== 4 || at - ip < ipv4.LENGTH || end - at < icmp.LENGTH)
      return false;
    const isEcho =
      ipv4.protocol(view, ip) === ipv4.Protocol.Icmp &&
      !ipv4.isLaterFragment(view, ip) &&
      icmp.type(view, at) === icmp.Type.Echo;
    if (!isEcho || !this.#routes.isLocal(ipv4.source(view, ip))) return false;
    const to = ipv4.destination(view, ip);
    this.sink.refused(to, icmp.id(view, at), icmp.sequence(view, at), type, code, from, now);
    return true;
  }

  /** A piece of a fragmented ICMP message; the last missing one has all of them answered. */
  #fragment(iface: number, start: Offset, end: Offset, group: boolean, now: Millis): void {
    if (group) {
      this.#out.drop(Drop["icmp-type"]);
      return;
    }
    const row = this.#reassembly.accept(iface, start, end, now);
    if (row < 0) return;
    this.#stats.add(Stat.Reassembled);
    this.#whole(row, now);
    this.#reassembly.remove(row);
  }

  #whole(row: number, now: Millis): void {
    const { view } = this.#out;
    const all = this.#reassembly;
    const ip = all.start(all.first(row)) + ETHERNET;
    const at = ipv4.payload(view, ip);
    let sum = 0;
    let bytes = 0;
    // Every piece but the last has a multiple of eight bytes, so that the sums add up.
    for (let piece = all.first(row); piece >= 0; piece = all.next(piece)) {
      const from = ipv4.payload(view, all.start(piece) + ETHERNET);
      sum = checksum.add(view, from, all.end(piece), sum);
      bytes += all.end(piece) - from;
    }
    if (sum !== 0xffff) this.#out.drop(Drop["icmp-checksum"]);
    else if (icmp.type(view, at) === icmp.Type.Echo) this.#echoPieces(row, now);
    else if (icmp.type(view, at) === icmp.Type.EchoReply)
      this.#reply(ip, at, bytes - icmp.LENGTH, now);
    else this.#out.drop(Drop["icmp-type"]);
  }

  /** Answers a fragmented echo by its own fragments: as they fitted the way here, they mostly fit the way back. */
  #echoPieces(row: number, now: Millis): void {
    const { view } = this.#out;
    const all = this.#reassembly;
    const id = this.#sender.nextId();
    this.#stats.add(Stat.EchoesAnswered);
    for (let piece = all.first(row); piece >= 0; piece = all.next(piece)) {
      const start = all.start(piece);
      const ip = start + ETHERNET;
      if (piece === all.first(row)) icmp.turnEcho(view, ipv4.payload(view, ip));
      if (!this.#turnHeader(ip, id, now)) return;
      this.#sender.sendPacket(start, all.end(piece), now);
    }
  }

  #udp(iface: number, start: Offset, end: Offset, now: Millis): void {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    const at = ipv4.payload(view, ip);
    if (!ipv4.isFragment(view, ip) && !(udp.isValid(view, at, end) && udp.verify4(view, ip, at))) {
      this.#out.drop(Drop["transport-checksum"]);
      return;
    }
    this.#out.drop(Drop["ip-protocol"]);
    this.#unreachable(iface, start, icmp.Unreachable.Port, now);
  }

  #tcp(start: Offset, end: Offset, group: boolean, now: Millis): void {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    const at = ipv4.payload(view, ip);
    if (group || ipv4.isFragment(view, ip)) {
      this.#out.drop(Drop["ip-protocol"]);
      return;
    }
    const pseudo = checksum.pseudo4(view, ip, ipv4.Protocol.Tcp, end - at);
    if (!tcp.isValid(view, at, end) || checksum.add(view, at, end, pseudo) !== 0xffff) {
      this.#out.drop(Drop["transport-checksum"]);
      return;
    }
    this.#out.drop(Drop["ip-protocol"]);
    if ((tcp.flags(view, at) & tcp.Flag.Rst) !== 0) return;
    if (this.#limiter.allowAny(now)) this.#reset(start, end, at, now);
    else this.#out.drop(Drop["icmp-rate"]);
  }

  /** Answers a segment by a reset, in place (RFC 9293 3.10.7.1: the state CLOSED). */
  #reset(start: Offset, end: Offset, at: Offset, now: Millis): void {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    const flags = tcp.flags(view, at);
    const ports = (tcp.destinationPort(view, at) << 16) | tcp.sourcePort(view, at);
    const hasAck = (flags & tcp.Flag.Ack) !== 0;
    // "If the ACK bit is on, <SEQ=SEG.ACK><CTL=RST>", else "<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>".
    const sequence = hasAck ? tcp.acknowledgment(view, at) : 0;
    const controls =
      ((flags & tcp.Flag.Syn) !== 0 ? 1 : 0) + ((flags & tcp.Flag.Fin) !== 0 ? 1 : 0);
    const length = end - at - tcp.headerLength(view, at) + controls;
    const acknowledged = hasAck ? 0 : tcp.sequence(view, at) + length;
    const to = ipv4.write(
      view,
      ip,
      ipv4.destination(view, ip),
      ipv4.source(view, ip),
      ipv4.Protocol.Tcp,
      tcp.LENGTH,
      this.#ttl,
      this.#sender.nextId(),
    );
    view.setInt32(to, ports);
    view.setUint32(to + 4, sequence);
    view.setUint32(to + 8, acknowledged);
    view.setUint16(to + 12, ((tcp.LENGTH / 4) << 12) | tcp.Flag.Rst | (hasAck ? 0 : tcp.Flag.Ack));
    view.setUint32(to + TCP_WINDOW, 0);
    view.setUint16(to + 18, 0);
    const last = to + tcp.LENGTH;
    const pseudo = checksum.pseudo4(view, ip, ipv4.Protocol.Tcp, tcp.LENGTH);
    view.setUint16(to + tcp.CHECKSUM, checksum.finish(checksum.add(view, to, last, pseudo)));
    this.#stats.add(Stat.ResetsSent);
    this.#sender.sendPacket(start, last, now);
  }
}
