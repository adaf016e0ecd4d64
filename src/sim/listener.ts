// A simulated host that listens to multicast groups as RFC 2236, 3376, 2710 and 3810 say: it reports what it joins and
// leaves, and answers queries; and, where it is a multicast router, asks. Its groups are numbers, each one of IPv4 and
// of IPv6. Not suppressed by others' reports: a switch that snoops keeps those from hosts (RFC 4541 2.1.1).

import type { Ipv4, Mac, Millis, Offset } from "../lib/units.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmpv6 from "../wire/icmpv6.ts";
import * as igmp from "../wire/igmp.ts";
import * as ipv4 from "../wire/ipv4.ts";
import * as ipv6 from "../wire/ipv6.ts";
import * as mld from "../wire/mld.ts";
import type { Words } from "../wire/nd.ts";
import * as vlan from "../wire/vlan.ts";
import { ASKING } from "./shape-parts.ts";
import { type Emit, Station, type StationOptions } from "./station.ts";
import { linkLocalOf } from "./station6.ts";

/** What is said of a packet to a group, in its payload: whoever sent it, and which one it is. */
export const PAYLOAD = 0x5eed_0000;
const UDP = 17;
const PORTS = 0x0fa0_1388;
/** Where a payload begins behind the headers of UDP. */
const UDP_LENGTH = 8;
const BODY = 12;
const FRAME_AT = 64;
const NOBODY: Words = [0, 0, 0, 0];

/** The address of a group, 239.1.1.n and ff15::n; of one that nobody limits: 224.0.0.251 and ff02::fb (mDNS). */
export const LINK_SCOPE = -1;
export const group4 = (group: number): Ipv4 => (group < 0 ? 0xe00000fb : 0xef010101 + group);
export const group6 = (group: number): Words =>
  group < 0 ? [0xff020000, 0, 0, 0xfb] : [0xff150000, 0, 0, 1 + group];

export interface ListenerOptions {
  /** Its packets' numbers begin with this. */
  readonly index: number;
  readonly igmpVersion: number;
  readonly mldVersion: number;
  /** A multicast router: it asks, unless somebody with a lower address does. */
  readonly isRouter: boolean;
}

/** A question that is to be asked once more. */
interface Doubt {
  readonly group: number;
  readonly isIpv6: boolean;
  at: Millis;
  left: number;
}

export class Listener extends Station {
  /** Groups it listens to, and when each is to be reported next; Infinity = when asked. */
  readonly joined: Map<number, { at4: Millis; at6: Millis }> = new Map();
  /** Numbered packets that came for it: how often each. */
  readonly heard: Map<number, number> = new Map();
  readonly #options: ListenerOptions;
  readonly #emit: Emit;
  readonly #frame: DataView = new DataView(new ArrayBuffer(512));
  readonly #own6: Words;
  #now: Millis = 0;
  #queryAt: Millis = 0;
  #packets = 0;
  #doubts: Doubt[] = [];

  constructor(options: StationOptions, emit: Emit, more: ListenerOptions) {
    super(options, emit);
    this.#emit = emit;
    this.#options = more;
    this.#own6 = linkLocalOf(options.mac) as Words;
  }

  get isRouter(): boolean {
    return this.#options.isRouter;
  }

  // --- joins and leaves ----------------------------------------------------------------------------------------------

  /** Reported at once, and again a moment later (RFC 3376 8.11). */
  join(group: number, now: Millis): void {
    if (this.joined.has(group)) return;
    const again = now + ASKING.queryResponse;
    this.joined.set(group, { at4: again, at6: again });
    this.report(group);
  }

  report(group: number): void {
    this.#report4(group);
    this.#report6(group);
  }

  #report4(group: number): void {
    const { igmpVersion } = this.#options;
    const { Record, Type, writeReport, writeReport3 } = igmp;
    const to = group4(group);
    this.#send(
      igmpVersion === 3
        ? writeReport3(this.#frame, FRAME_AT, this.mac, this.address, Record.IsExclude, to, [])
        : writeReport(this.#frame, FRAME_AT, this.mac, this.address, Type.Report2, to),
    );
  }

  #report6(group: number): void {
    this.#say6(group, mld.Record.IsExclude, false);
  }

  #say6(group: number, kind: number, isDone: boolean): void {
    const { mldVersion } = this.#options;
    const to = group6(group);
    this.#send(
      mldVersion === 2
        ? mld.writeReport2(this.#frame, FRAME_AT, this.mac, this.#own6, kind, [to], 0, 1)
        : mld.writeReport1(this.#frame, FRAME_AT, this.mac, this.#own6, to, isDone),
    );
  }

  leave(group: number): void {
    if (!this.joined.delete(group)) return;
    const { igmpVersion } = this.#options;
    const to = group4(group);
    const { Record, Type, writeReport, writeReport3 } = igmp;
    this.#send(
      igmpVersion === 3
        ? writeReport3(this.#frame, FRAME_AT, this.mac, this.address, Record.ToInclude, to, [])
        : writeReport(this.#frame, FRAME_AT, this.mac, this.address, Type.Leave, to),
    );
    this.#say6(group, mld.Record.ToInclude, true);
  }

  // --- time ----------------------------------------------------------------------------------------------------------

  override tick(now: Millis): void {
    super.tick(now);
    this.#now = now;
    if (this.silent) return;
    for (const [group, due] of this.joined) {
      if (now >= due.at4) {
        due.at4 = Number.POSITIVE_INFINITY;
        this.#report4(group);
      }
      if (now >= due.at6) {
        due.at6 = Number.POSITIVE_INFINITY;
        this.#report6(group);
      }
    }
    if (this.isRouter) this.#ask(now);
  }

  #ask(now: Millis): void {
    for (const doubt of this.#doubts) {
      if (now < doubt.at) continue;
      doubt.at = now + ASKING.lastMemberInterval;
      doubt.left--;
      if (doubt.isIpv6) this.#query6(group6(doubt.group), ASKING.lastMemberInterval);
      else this.#query4(group4(doubt.group), ASKING.lastMemberInterval);
    }
    this.#doubts = this.#doubts.filter(({ left }) => left > 0);
    if (now < this.#queryAt) return;
    this.#queryAt = now + ASKING.queryInterval;
    this.#query4(0, ASKING.queryResponse);
    this.#query6(NOBODY, ASKING.queryResponse);
    // It hears its own questions, too as every host on the wire does.
    this.#asked("at4", null, ASKING.queryResponse, now);
    this.#asked("at6", null, ASKING.queryResponse, now);
  }

  #said(version: number, responseDelay: Millis): igmp.Query {
    const { robustness, queryInterval } = ASKING;
    return {
      version,
      responseDelay,
      suppresses: false,
      robustness,
      interval: queryInterval / 1000,
    };
  }

  #query4(group: Ipv4, delay: Millis): void {
    const said = this.#said(this.#options.igmpVersion, delay);
    this.#send(igmp.writeQuery(this.#frame, FRAME_AT, this.mac, this.address, group, said));
  }

  #query6(group: Words, delay: Millis): void {
    const said = this.#said(this.#options.mldVersion, delay);
    this.#send(mld.writeQuery(this.#frame, FRAME_AT, this.mac, this.#own6, group, said));
  }

  // --- what comes ----------------------------------------------------------------------------------------------------

  override receive(view: DataView, start: Offset, end: Offset, now: Millis): void {
    super.receive(view, start, end, now);
    if (this.silent) return;
    const tagged = vlan.isTagged(view, start, end);
    if (tagged ? vlan.vid(vlan.tci(view, start)) !== this.tag : this.tag !== 0) return;
    if ((view.getUint8(start) & 1) === 0 || ethernet.source(view, start) === this.mac) return;
    const at = start + (tagged ? 18 : 14);
    const type = view.getUint16(at - 2);
    if (type === ethernet.EtherType.Ipv4 && ipv4.isValid(view, at, end)) this.#hear4(view, at, now);
    else if (type === ethernet.EtherType.Ipv6 && ipv6.isValid(view, at, end)) {
      this.#hear6(view, at, now);
    }
  }

  #hear4(view: DataView, ip: Offset, now: Millis): void {
    const at = ipv4.payload(view, ip);
    const end = ipv4.packetEnd(view, ip);
    if (ipv4.protocol(view, ip) === UDP) this.#hearData(view, at + UDP_LENGTH, end);
    if (ipv4.protocol(view, ip) !== ipv4.Protocol.Igmp || !igmp.isValid(view, at, end)) return;
    const kind = igmp.type(view, at);
    if (kind === igmp.Type.Query) {
      const version = igmp.queryVersion(view, at, end);
      const delay = igmp.responseDelay(view, at, version);
      const group = igmp.group(view, at) === 0 ? null : igmp.group(view, at) - group4(0);
      this.#asked("at4", group, delay, now);
    } else if (kind === igmp.Type.Leave) this.#doubt(igmp.group(view, at) - group4(0), false);
    else if (kind === igmp.Type.Report3) {
      const record = igmp.firstRecord(at);
      if (igmp.recordType(view, record) !== igmp.Record.ToInclude) return;
      this.#doubt(igmp.recordGroup(view, record) - group4(0), false);
    }
  }

  #hear6(view: DataView, ip: Offset, now: Millis): void {
    const found = ipv6.upper(view, ip);
    if (found < 0) return;
    const at = ip + ipv6.upperOffset(found);
    const end = ipv6.packetEnd(view, ip);
    if (ipv6.upperProtocol(found) === UDP) this.#hearData(view, at + UDP_LENGTH, end);
    if (ipv6.upperProtocol(found) !== ipv4.Protocol.Icmpv6) return;
    const kind = view.getUint8(at);
    const groupAt = (from: Offset): number | null =>
      view.getUint32(from) === 0 ? null : view.getUint32(from + 12) - 1;
    if (kind === icmpv6.Type.ListenerQuery) {
      const delay = mld.responseDelay(view, at, mld.queryVersion(at, end));
      this.#asked("at6", groupAt(mld.groupAt(at)), delay, now);
    } else if (kind === icmpv6.Type.ListenerDone) this.#doubt(groupAt(at + 8) ?? -1, true);
    else if (kind === icmpv6.Type.ListenerReport2) {
      const record = mld.firstRecord(at);
      if (mld.recordType(view, record) !== mld.Record.ToInclude) return;
      this.#doubt(groupAt(mld.recordGroupAt(record)) ?? -1, true);
    }
  }

  /** Somebody asks: answered within the time that it gives, each group at its own moment. */
  #asked(when: "at4" | "at6", group: number | null, delay: Millis, now: Millis): void {
    for (const [joined, due] of this.joined) {
      if (group !== null && group !== joined) continue;
      const share = ((this.mac + joined * 37) % 64) / 80;
      due[when] = Math.min(due[when], now + delay * share);
    }
  }

  /** A router hears a leave: it asks whether anybody is left (RFC 2236 3, RFC 3376 6.4.2). */
  #doubt(group: number, isIpv6: boolean): void {
    if (!this.isRouter || group < 0) return;
    if (this.#doubts.some((one) => one.group === group && one.isIpv6 === isIpv6)) return;
    this.#doubts.push({ group, isIpv6, at: this.#now, left: ASKING.robustness });
  }

  #hearData(view: DataView, at: Offset, end: Offset): void {
    if (end - at < BODY || view.getUint32(at) !== PAYLOAD) return;
    const number = view.getUint32(at + 4);
    this.heard.set(number, (this.heard.get(number) ?? 0) + 1);
  }

  // --- packets to groups ---------------------------------------------------------------------------------------------

  /** Sends a packet to a group, over one family; its number. */
  stream(group: number, isIpv6: boolean): number {
    const number = this.#options.index * 2 ** 24 + ++this.#packets;
    const view = this.#frame;
    const to: Mac = isIpv6
      ? 0x3333_0000_0000 + (group6(group)[3] as number)
      : igmp.groupMac(group4(group));
    const type = isIpv6 ? ethernet.EtherType.Ipv6 : ethernet.EtherType.Ipv4;
    const ip = ethernet.writeHeader(view, FRAME_AT, to, this.mac, type);
    const length = UDP_LENGTH + BODY;
    const at = isIpv6
      ? this.#header6(ip, group6(group), length)
      : ipv4.write(view, ip, this.address, group4(group), UDP, length, 8, number & 0xffff);
    view.setUint32(at, PORTS);
    view.setUint32(at + 4, length << 16);
    view.setUint32(at + 8, PAYLOAD);
    view.setUint32(at + 12, number);
    view.setUint32(at + 16, group);
    this.#send(at + length);
    return number;
  }

  #header6(ip: Offset, to: Words, length: number): Offset {
    const view = this.#frame;
    view.setUint32(ip, 0x6000_0000);
    view.setUint32(ip + 4, (length << 16) | (UDP << 8) | 8);
    for (let word = 0; word < 4; word++) {
      view.setUint32(ip + 8 + word * 4, this.#own6[word] as number);
      view.setUint32(ip + 24 + word * 4, to[word] as number);
    }
    return ip + ipv6.LENGTH;
  }

  #send(end: Offset): void {
    if (this.silent) return;
    const start =
      this.tag === 0
        ? FRAME_AT
        : vlan.insert(this.#frame, FRAME_AT, this.tag, ethernet.EtherType.Vlan);
    this.#emit(this.#frame, start, Math.max(end, start + 60));
  }
}
