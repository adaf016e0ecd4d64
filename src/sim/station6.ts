// The IPv6 side of a simulated host: a link-local address and, when it is given one, a global address; it resolves by
// solicitations (RFC 4861 7.2), answers those for its addresses, pings and answers pings (RFC 4443 4), and announces
// itself when it moves (7.2.6). Duplicate detection is left out: the lab gives every address once.

import type { Mac, Millis, Offset } from "../lib/units.ts";
import * as bytes from "../wire/bytes.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmpv6 from "../wire/icmpv6.ts";
import { Protocol } from "../wire/ipv4.ts";
import * as ipv6 from "../wire/ipv6.ts";
import * as nd from "../wire/nd.ts";
import type { Ipv6 } from "../wire/text.ts";

/** A station's global address. */
export interface Station6Options {
  readonly address: Ipv6;
  readonly prefix: number;
  readonly gateway: Ipv6;
}

/** RFC 4861 10: REACHABLE_TIME, RETRANS_TIMER, MAX_MULTICAST_SOLICIT. */
const LIFETIME: Millis = 30_000;
const RETRY: Millis = 1000;
const TRIES = 3;
/** An answer later than this does not count: what ping waits with -W 1. */
const PING_TIMEOUT: Millis = 1000;
/** Echo requests that wait for one neighbour. Our choice, as on the IPv4 side. */
const WAITING = 16;
const HOPS = 64;
const PAYLOAD = 24;
const FRAME_AT = 64;
const ALL_NODES: Ipv6 = [0xff020000, 0, 0, 1];
const ALL_NODES_MAC: Mac = nd.groupMac(1);

interface Neighbour {
  readonly address: Ipv6;
  /** 0 while it is asked for. */
  mac: Mac;
  since: Millis;
  tries: number;
  waiting: { target: Ipv6; sequence: number }[];
}

const keyOf = (address: Ipv6): string => address.join(",");

const isLinkLocal = (address: Ipv6): boolean => address[0] >>> 22 === 0x3fa;

function isWithin(address: Ipv6, prefix: Ipv6, length: number): boolean {
  return address.every((word, index) => {
    const bits = Math.min(32, Math.max(0, length - index * 32));
    return bits === 0 || (word ^ (prefix[index] as number)) >>> (32 - bits) === 0;
  });
}

/** fe80:: and the modified EUI-64 of a MAC (RFC 4291 appendix A). */
export function linkLocalOf(mac: Mac): Ipv6 {
  const high = Math.floor(mac / 2 ** 24);
  const low = mac % 2 ** 24;
  const c = (((high ^ 0x020000) << 8) | 0xff) >>> 0;
  return [0xfe800000, 0, c, (0xfe000000 | low) >>> 0];
}

const solicitedNode = (address: Ipv6): Ipv6 => [
  0xff020000,
  0,
  1,
  (0xff000000 | (address[3] & 0xffffff)) >>> 0,
];

function addressAt(view: DataView, at: Offset): Ipv6 {
  return [
    view.getUint32(at),
    view.getUint32(at + 4),
    view.getUint32(at + 8),
    view.getUint32(at + 12),
  ];
}

export class Station6 {
  readonly linkLocal: Ipv6;
  /** The global address; null for none. */
  readonly address: Ipv6 | null;
  pingsSent = 0;
  pingsAnswered = 0;
  pingsLost = 0;
  unreachables = 0;
  duplicates = 0;
  solicitationsSent = 0;
  readonly #mac: Mac;
  readonly #options: Station6Options | null;
  readonly #own: readonly Ipv6[];
  /** Sends the untagged frame at FRAME_AT..end of the view. */
  readonly #send: (view: DataView, start: Offset, end: Offset) => void;
  readonly #view: DataView = new DataView(new ArrayBuffer(2048));
  readonly #neighbours = new Map<string, Neighbour>();
  /** When a neighbour is asked for again, at the earliest. */
  #askDue: Millis = Number.POSITIVE_INFINITY;
  readonly #pings = new Map<number, Millis>();
  #sequence = 0;

  constructor(
    mac: Mac,
    options: Station6Options | undefined,
    send: (view: DataView, start: Offset, end: Offset) => void,
  ) {
    this.#mac = mac;
    this.#options = options ?? null;
    this.linkLocal = linkLocalOf(mac);
    this.address = options?.address ?? null;
    this.#own = this.address === null ? [this.linkLocal] : [this.linkLocal, this.address];
    this.#send = send;
  }

  /** True for the groups that the station's addresses are in: all nodes and their solicited-node groups. */
  hears(group: Mac): boolean {
    if (group === ALL_NODES_MAC) return true;
    return this.#own.some((own) => group === nd.groupMac(solicitedNode(own)[3]));
  }

  /** Says where it is: an unsolicited advertisement of each address. */
  announce(): void {
    for (const own of this.#own) {
      this.#advertise(ALL_NODES_MAC, own, ALL_NODES, own, nd.Flag.Override);
    }
  }

  #advertise(toMac: Mac, from: Ipv6, to: Ipv6, target: Ipv6, flags: number): void {
    const mac = this.#mac;
    this.#finish(
      nd.writeAdvertisement(this.#view, FRAME_AT, toMac, mac, from, to, target, mac, flags),
    );
  }

  #finish(end: Offset): void {
    this.#send(this.#view, FRAME_AT, end);
  }

  /** Sends one echo request, after resolving the next hop if needed. */
  ping(target: Ipv6, now: Millis): void {
    const hop = this.#hopTo(target);
    if (hop === null) return;
    const sequence = this.#sequence++ & 0xffff;
    this.pingsSent++;
    this.#pings.set(sequence, now);
    const key = keyOf(hop);
    const known = this.#neighbours.get(key);
    if (known !== undefined && known.mac !== 0 && now - known.since < LIFETIME) {
      this.#sendEcho(known.mac, target, sequence);
      return;
    }
    if (known !== undefined && known.mac === 0) {
      if (known.waiting.length < WAITING) known.waiting.push({ target, sequence });
      return;
    }
    const waiting = [{ target, sequence }];
    this.#neighbours.set(key, { address: hop, mac: 0, since: now, tries: 1, waiting });
    this.#askDue = Math.min(this.#askDue, now + RETRY);
    this.#ask(hop);
  }

  /** True when an address is reached without the gateway. */
  isOnLink(target: Ipv6): boolean {
    const options = this.#options;
    if (isLinkLocal(target)) return true;
    return options !== null && isWithin(target, options.address, options.prefix);
  }

  /** The neighbour that takes packets to an address; null without a way. */
  #hopTo(target: Ipv6): Ipv6 | null {
    return this.isOnLink(target) ? target : (this.#options?.gateway ?? null);
  }

  /** The own address of the target's scope (RFC 6724 rule 2). */
  #sourceFor(target: Ipv6): Ipv6 {
    return isLinkLocal(target) ? this.linkLocal : (this.address ?? this.linkLocal);
  }

  #ask(hop: Ipv6): void {
    this.solicitationsSent++;
    const group = solicitedNode(hop);
    const mac = this.#mac;
    const to = nd.groupMac(group[3]);
    const from = this.#sourceFor(hop);
    this.#finish(nd.writeSolicitation(this.#view, FRAME_AT, to, mac, from, group, hop, mac, -1));
  }

  #sendEcho(to: Mac, target: Ipv6, sequence: number): void {
    const view = this.#view;
    const from = this.#sourceFor(target);
    const at = nd.writeHeaders(view, FRAME_AT, to, this.#mac, from, target, Protocol.Icmpv6, HOPS);
    const end = at + icmpv6.LENGTH + PAYLOAD;
    view.setUint16(at, icmpv6.Type.Echo << 8);
    view.setUint16(at + 4, from[3] & 0xffff);
    view.setUint16(at + 6, sequence);
    for (let data = at + icmpv6.LENGTH; data < end; data += 4) view.setUint32(data, data);
    this.#finish(nd.finish(view, FRAME_AT, at, end));
  }

  /** Gives up what was not answered in time; a silent station asks no more. */
  tick(now: Millis, isSilent: boolean): void {
    if (this.#pings.size > 0) this.#giveUp(now);
    if (now >= this.#askDue) this.#askAgain(now, isSilent);
  }

  #giveUp(now: Millis): void {
    for (const [sequence, sent] of this.#pings) {
      if (now - sent < PING_TIMEOUT) break;
      this.#pings.delete(sequence);
      this.pingsLost++;
    }
  }

  #askAgain(now: Millis, isSilent: boolean): void {
    this.#askDue = Number.POSITIVE_INFINITY;
    for (const [key, entry] of this.#neighbours) {
      if (entry.mac !== 0) continue;
      if (now - entry.since >= RETRY) {
        entry.since = now;
        if (entry.tries++ < TRIES && !isSilent) this.#ask(entry.address);
        else {
          this.#neighbours.delete(key);
          continue;
        }
      }
      this.#askDue = Math.min(this.#askDue, entry.since + RETRY);
    }
  }

  /** A frame to the station or one of its groups; the IPv6 header is at `ip`. */
  receive(view: DataView, start: Offset, ip: Offset, end: Offset, now: Millis): void {
    if (!ipv6.isValid(view, ip, end) || ipv6.nextHeader(view, ip) !== Protocol.Icmpv6) return;
    const at = ip + ipv6.LENGTH;
    const packetEnd = ipv6.packetEnd(view, ip);
    if (!icmpv6.isValid(view, at, packetEnd)) return;
    const type = icmpv6.type(view, at);
    if (nd.isNd(type)) {
      if (nd.fault(view, ip, at, packetEnd) !== nd.Fault.None) return;
      const from = nd.options(view, at);
      if (type === icmpv6.Type.NeighborSolicitation) {
        const link = nd.linkLayer(view, from, packetEnd, nd.Option.SourceLink);
        this.#solicited(ethernet.source(view, start), addressAt(view, ip + 8), link, view, at, now);
      } else if (type === icmpv6.Type.NeighborAdvertisement) {
        const link = nd.linkLayer(view, from, packetEnd, nd.Option.TargetLink);
        if (link > 0) this.#heard(addressAt(view, nd.targetAt(at)), link, now);
      }
      return;
    }
    if (!this.#isOwn(view, ip + 24) || !icmpv6.verify(view, ip, at, packetEnd)) return;
    if (type === icmpv6.Type.Echo) this.#answerEcho(view, start, ip, packetEnd);
    else if (type === icmpv6.Type.Unreachable) this.unreachables++;
    else if (type === icmpv6.Type.EchoReply) this.#answered(view.getUint16(at + 6), now);
  }

  #isOwn(view: DataView, at: Offset): boolean {
    return this.#own.some((own) => own.every((word, n) => view.getUint32(at + n * 4) === word));
  }

  #solicited(mac: Mac, from: Ipv6, link: Mac, view: DataView, at: Offset, now: Millis): void {
    const target = addressAt(view, nd.targetAt(at));
    const isAnonymous = from.every((word) => word === 0);
    if (!isAnonymous && link > 0) this.#heard(from, link, now);
    if (!this.#isOwn(view, nd.targetAt(at))) return;
    if (isAnonymous) this.#advertise(ALL_NODES_MAC, target, ALL_NODES, target, nd.Flag.Override);
    else {
      const flags = nd.Flag.Solicited | nd.Flag.Override;
      this.#advertise(link > 0 ? link : mac, target, from, target, flags);
    }
  }

  /** A neighbour said its MAC: only one that is in use or asked for is remembered. */
  #heard(address: Ipv6, mac: Mac, now: Millis): void {
    const known = this.#neighbours.get(keyOf(address));
    if (known === undefined) return;
    known.mac = mac;
    known.since = now;
    for (const { target, sequence } of known.waiting.splice(0)) {
      this.#sendEcho(mac, target, sequence);
    }
  }

  #answered(sequence: number, now: Millis): void {
    const sent = this.#pings.get(sequence);
    if (sent === undefined) this.duplicates++;
    else if (now - sent <= PING_TIMEOUT) this.pingsAnswered++;
    this.#pings.delete(sequence);
  }

  #answerEcho(view: DataView, start: Offset, ip: Offset, packetEnd: Offset): void {
    const length = packetEnd - ip;
    const to = FRAME_AT + ethernet.LENGTH;
    if (to + length > this.#view.byteLength) return;
    const at = nd.writeHeaders(
      this.#view,
      FRAME_AT,
      ethernet.source(view, start),
      this.#mac,
      addressAt(view, ip + 24),
      addressAt(view, ip + 8),
      Protocol.Icmpv6,
      HOPS,
    );
    bytes.copy(view, ip + ipv6.LENGTH, this.#view, at, length - ipv6.LENGTH);
    this.#view.setUint8(at, icmpv6.Type.EchoReply);
    this.#finish(nd.finish(this.#view, FRAME_AT, at, to + length));
  }
}
