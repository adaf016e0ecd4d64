// A simulated host on a VLAN: resolves with ARP, answers pings, pings others, announces itself when it moves; its IPv6
// side is station6.ts. It does what a small host stack does, so that the appliance in the lab and in the simulator has
// somebody to talk to. Not a hot path, but free of clocks and I/O: time comes in, frames go out through `emit`.

import type { Ipv4, Mac, Millis, Offset, Vlan } from "../lib/units.ts";
import { BROADCAST } from "../lib/units.ts";
import * as arp from "../wire/arp.ts";
import * as bytes from "../wire/bytes.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmp from "../wire/icmp.ts";
import * as ipv4 from "../wire/ipv4.ts";
import type { Ipv6 } from "../wire/text.ts";
import * as vlan from "../wire/vlan.ts";
import { Station6, type Station6Options } from "./station6.ts";

/** Where a station is on the network. */
export interface StationOptions {
  readonly name: string;
  readonly mac: Mac;
  readonly address: Ipv4;
  readonly prefix: number;
  readonly gateway: Ipv4;
  /** The tag its frames carry; 0 for none. */
  readonly tag: Vlan;
  /** A global IPv6 address; every station has a link-local one. */
  readonly ipv6?: Station6Options;
}

/** Sends a frame of a station; the bytes are only valid during the call. */
export type Emit = (view: DataView, start: Offset, end: Offset) => void;

/** How long a host believes an ARP entry: Linux's base_reachable_time of 30 s. */
const ARP_LIFETIME: Millis = 30_000;
/** Between two requests for one address: RFC 1122 2.3.2.1 asks for at most one per second. */
const ARP_RETRY: Millis = 1000;
const ARP_TRIES = 3;
/** An answer later than this does not count: what ping waits with -W 1. */
const PING_TIMEOUT: Millis = 1000;
const FRAME_AT = 64;

interface Neighbour {
  mac: Mac;
  /** When the MAC was learned or asked for. */
  since: Millis;
  tries: number;
  /** Echo requests that wait for the MAC: target and sequence. */
  waiting: { target: Ipv4; sequence: number }[];
}

export class Station {
  readonly name: string;
  readonly mac: Mac;
  readonly address: Ipv4;
  readonly ipv6: Station6;
  tag: Vlan;
  /** A silent station neither hears nor speaks. */
  silent = false;
  pingsSent = 0;
  pingsAnswered = 0;
  pingsLost = 0;
  unreachables = 0;
  framesReceived = 0;
  arpRequestsSent = 0;
  duplicates = 0;
  readonly #mask: number;
  readonly #gateway: Ipv4;
  readonly #emit: Emit;
  readonly #view: DataView = new DataView(new ArrayBuffer(2048));
  readonly #neighbours = new Map<Ipv4, Neighbour>();
  /** When a neighbour is asked for again, at the earliest. */
  #askDue: Millis = Number.POSITIVE_INFINITY;
  readonly #pings = new Map<number, Millis>();
  #sequence = 0;

  constructor(options: StationOptions, emit: Emit) {
    this.name = options.name;
    this.mac = options.mac;
    this.address = options.address;
    this.tag = options.tag;
    this.#mask = options.prefix === 0 ? 0 : (0xffffffff << (32 - options.prefix)) >>> 0;
    this.#gateway = options.gateway;
    this.#emit = emit;
    this.ipv6 = new Station6(options.mac, options.ipv6, (view, start, end) =>
      this.#emitTagged(view, start, end),
    );
  }

  /** Says where it is: a gratuitous announcement (RFC 5227 2.3), and advertisements of its IPv6 addresses. */
  announce(): void {
    if (this.silent) return;
    this.#send(arp.writeAnnouncement(this.#view, FRAME_AT, this.mac, this.address));
    this.ipv6.announce();
  }

  /** Sends one IPv6 echo request. */
  ping6(target: Ipv6, now: Millis): void {
    if (!this.silent) this.ipv6.ping(target, now);
  }

  /** Sends one echo request, after resolving the next hop if needed. */
  ping(target: Ipv4, now: Millis): void {
    if (this.silent) return;
    const sequence = this.#sequence++ & 0xffff;
    this.pingsSent++;
    this.#pings.set(sequence, now);
    const onLink = (target & this.#mask) >>> 0 === (this.address & this.#mask) >>> 0;
    const hop = onLink ? target : this.#gateway;
    const known = this.#neighbours.get(hop);
    if (known !== undefined && known.mac !== 0 && now - known.since < ARP_LIFETIME) {
      this.#sendEcho(known.mac, target, sequence);
      return;
    }
    if (known !== undefined && known.mac === 0) {
      if (known.waiting.length < 16) known.waiting.push({ target, sequence });
      return;
    }
    this.#neighbours.set(hop, { mac: 0, since: now, tries: 1, waiting: [{ target, sequence }] });
    this.#askDue = Math.min(this.#askDue, now + ARP_RETRY);
    this.#ask(hop);
  }

  #ask(hop: Ipv4): void {
    this.arpRequestsSent++;
    this.#send(arp.writeRequest(this.#view, FRAME_AT, this.mac, this.address, hop));
  }

  #sendEcho(to: Mac, target: Ipv4, sequence: number): void {
    const view = this.#view;
    const ip = ethernet.writeHeader(view, FRAME_AT, to, this.mac, ethernet.EtherType.Ipv4);
    const length = 8 + 24;
    const echo = ipv4.write(
      view,
      ip,
      this.address,
      target,
      ipv4.Protocol.Icmp,
      length,
      64,
      sequence,
    );
    for (let at = echo + 8; at < echo + length; at += 4) view.setUint32(at, at);
    icmp.writeEcho(view, echo, echo + length, icmp.Type.Echo, this.address & 0xffff, sequence);
    this.#send(echo + length);
  }

  /** Gives up what was not answered in time. */
  tick(now: Millis): void {
    if (this.#pings.size > 0) this.#giveUp(now);
    if (now >= this.#askDue) this.#askAgain(now);
    this.ipv6.tick(now, this.silent);
  }

  #giveUp(now: Millis): void {
    for (const [sequence, sent] of this.#pings) {
      if (now - sent < PING_TIMEOUT) break;
      this.#pings.delete(sequence);
      this.pingsLost++;
    }
  }

  #askAgain(now: Millis): void {
    this.#askDue = Number.POSITIVE_INFINITY;
    for (const [hop, entry] of this.#neighbours) {
      if (entry.mac !== 0) continue;
      if (now - entry.since >= ARP_RETRY) {
        entry.since = now;
        if (entry.tries++ < ARP_TRIES && !this.silent) this.#ask(hop);
        else {
          this.#neighbours.delete(hop);
          continue;
        }
      }
      this.#askDue = Math.min(this.#askDue, entry.since + ARP_RETRY);
    }
  }

  /** A frame that the station's cable brings. */
  receive(view: DataView, start: Offset, end: Offset, now: Millis): void {
    if (this.silent) return;
    const tagged = vlan.isTagged(view, start, end);
    if (tagged ? vlan.vid(vlan.tci(view, start)) !== this.tag : this.tag !== 0) return;
    const to = ethernet.destination(view, start);
    if (to !== this.mac && to !== BROADCAST && !this.ipv6.hears(to)) return;
    this.framesReceived++;
    const at = start + (tagged ? 18 : 14);
    const type = view.getUint16(at - 2);
    if (type === ethernet.EtherType.Arp) this.#receiveArp(view, at, end, now);
    else if (type === ethernet.EtherType.Ipv4 && to === this.mac) {
      this.#receiveIp(view, start, at, end, now);
    } else if (type === ethernet.EtherType.Ipv6) this.ipv6.receive(view, start, at, end, now);
  }

  #receiveArp(view: DataView, at: Offset, end: Offset, now: Millis): void {
    if (!arp.isValid(view, at, end)) return;
    const from = arp.senderIp(view, at);
    const mac = arp.senderMac(view, at);
    const known = this.#neighbours.get(from);
    if (known !== undefined) {
      known.mac = mac;
      known.since = now;
      for (const { target, sequence } of known.waiting.splice(0))
        this.#sendEcho(mac, target, sequence);
    }
    if (arp.targetIp(view, at) !== this.address) return;
    if (arp.operation(view, at) !== arp.Operation.Request || from === this.address) return;
    this.#send(arp.writeReply(this.#view, FRAME_AT, this.mac, this.address, mac, from));
  }

  #receiveIp(view: DataView, start: Offset, ip: Offset, end: Offset, now: Millis): void {
    if (!ipv4.isValid(view, ip, end) || ipv4.destination(view, ip) !== this.address) return;
    if (ipv4.protocol(view, ip) !== ipv4.Protocol.Icmp) return;
    const at = ipv4.payload(view, ip);
    const packetEnd = ipv4.packetEnd(view, ip);
    if (!icmp.isValid(view, at, packetEnd) || !icmp.verify(view, at, packetEnd)) return;
    const type = icmp.type(view, at);
    if (type === icmp.Type.Echo) this.#answerEcho(view, start, ip, packetEnd);
    else if (type === icmp.Type.Unreachable) this.unreachables++;
    else if (type === icmp.Type.EchoReply) {
      const sequence = icmp.sequence(view, at);
      const sent = this.#pings.get(sequence);
      if (sent === undefined) this.duplicates++;
      else if (now - sent <= PING_TIMEOUT) this.pingsAnswered++;
      this.#pings.delete(sequence);
    }
  }

  #answerEcho(view: DataView, start: Offset, ip: Offset, packetEnd: Offset): void {
    const length = packetEnd - ip;
    const to = FRAME_AT + 14;
    if (to + length > this.#view.byteLength) return;
    bytes.copy(view, ip, this.#view, to, length);
    ethernet.writeHeader(
      this.#view,
      FRAME_AT,
      ethernet.source(view, start),
      this.mac,
      ethernet.EtherType.Ipv4,
    );
    ipv4.setDestination(this.#view, to, ipv4.source(view, ip));
    ipv4.setSource(this.#view, to, this.address);
    icmp.turnEcho(this.#view, ipv4.payload(this.#view, to));
    this.#send(to + length);
  }

  #send(end: Offset): void {
    this.#emitTagged(this.#view, FRAME_AT, end);
  }

  #emitTagged(view: DataView, untagged: Offset, end: Offset): void {
    const start = this.tag === 0 ? untagged : vlan.insert(view, untagged, this.tag, 0x8100);
    this.#emit(view, start, end);
  }
}
