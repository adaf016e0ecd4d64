// Connections to the appliance over IPv6 are refused by a reset (RFC 9293 3.10.7.1: the state
// CLOSED), so that a program that connects to a router fails at once.

import { Drop } from "../engine/drop.ts";
import type { Out } from "../engine/out.ts";
import type { Millis, Offset } from "../lib/units.ts";
import * as checksum from "../wire/checksum.ts";
import * as ethernet from "../wire/ethernet.ts";
import { Protocol } from "../wire/ipv4.ts";
import * as ipv6 from "../wire/ipv6.ts";
import * as offload from "../wire/offload.ts";
import * as tcp from "../wire/tcp.ts";
import * as header6 from "./header6.ts";
import type { Limiter } from "./limiter.ts";
import { Stat, type Statistics } from "./sender.ts";
import { Address, type Sender6 } from "./sender6.ts";

const ETHERNET = ethernet.LENGTH;
const WINDOW = 14;

export class Resets6 {
  readonly #out: Out;
  readonly #limiter: Limiter;
  readonly #sender: Sender6;
  readonly #stats: Statistics;
  /** Source and destination of a reset. */
  readonly #swapped: Int32Array = new Int32Array(8);

  constructor(out: Out, limiter: Limiter, sender: Sender6, stats: Statistics) {
    this.#out = out;
    this.#limiter = limiter;
    this.#sender = sender;
    this.#stats = stats;
  }

  /** The segment in at..end of the packet at start + 14. */
  refuse(iface: number, start: Offset, at: Offset, end: Offset, how: number, now: Millis): void {
    const { view } = this.#out;
    const ip = start + ETHERNET;
    if (how !== Address.Own) {
      this.#out.drop(Drop["ip-protocol"]);
      return;
    }
    const pseudo = checksum.pseudo6(view, ip, Protocol.Tcp, end - at);
    if (!tcp.isValid(view, at, end) || checksum.add(view, at, end, pseudo) !== 0xffff) {
      this.#out.drop(Drop["transport-checksum"]);
      return;
    }
    this.#out.drop(Drop["ip-protocol"]);
    if ((tcp.flags(view, at) & tcp.Flag.Rst) !== 0) return;
    if (this.#limiter.allowAny(now)) this.#reset(iface, ip, at, end, now);
    else this.#out.drop(Drop["icmp-rate"]);
  }

  /** Turns the segment into its reset, right behind an IPv6 header. */
  #reset(iface: number, ip: Offset, at: Offset, end: Offset, now: Millis): void {
    const { view } = this.#out;
    const flags = tcp.flags(view, at);
    const ports = (tcp.destinationPort(view, at) << 16) | tcp.sourcePort(view, at);
    const hasAck = (flags & tcp.Flag.Ack) !== 0;
    // "If the ACK bit is on, <SEQ=SEG.ACK><CTL=RST>", else
    // "<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>".
    const sequence = hasAck ? tcp.acknowledgment(view, at) : 0;
    const controls =
      ((flags & tcp.Flag.Syn) !== 0 ? 1 : 0) + ((flags & tcp.Flag.Fin) !== 0 ? 1 : 0);
    const length = end - at - tcp.headerLength(view, at) + controls;
    const acknowledged = hasAck ? 0 : tcp.sequence(view, at) + length;
    const to = at - ipv6.LENGTH;
    // All words are read before a place is written: the headers may overlap.
    for (let word = 0; word < 4; word++) {
      this.#swapped[word] = view.getInt32(ip + header6.DESTINATION + word * 4);
      this.#swapped[4 + word] = view.getInt32(ip + header6.SOURCE + word * 4);
    }
    for (let word = 0; word < 8; word++) {
      view.setInt32(to + header6.SOURCE + word * 4, this.#swapped[word] as number);
    }
    header6.write(view, to, Protocol.Tcp, tcp.LENGTH, 0);
    view.setInt32(at, ports);
    view.setUint32(at + 4, sequence);
    view.setUint32(at + 8, acknowledged);
    view.setUint16(at + 12, ((tcp.LENGTH / 4) << 12) | tcp.Flag.Rst | (hasAck ? 0 : tcp.Flag.Ack));
    view.setUint32(at + WINDOW, 0);
    view.setUint16(at + 18, 0);
    const last = at + tcp.LENGTH;
    const pseudo = checksum.pseudo6(view, to, Protocol.Tcp, tcp.LENGTH);
    view.setUint16(at + tcp.CHECKSUM, checksum.finish(checksum.add(view, at, last, pseudo)));
    offload.clear(view, to - ETHERNET);
    this.#stats.add(Stat.ResetsSent);
    this.#sender.sendPacket(iface, to - ETHERNET, last, now);
  }
}
