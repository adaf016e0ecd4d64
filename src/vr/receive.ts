// Takes advertisements apart, on whichever core got them, and gives up what must not be acted on: RFC 9568 7.1, RFC
// 3768 7.1, RFC 2281 5, CARP's digest. What is left is the same for all protocols (advert.ts) and needs no frame any
// more.

import { Drop } from "../engine/drop.ts";
import type { Out } from "../engine/out.ts";
import { Buckets } from "../lib/token-buckets.ts";
import type { ChannelId, Mac, Millis, Offset } from "../lib/units.ts";
import * as carp from "../wire/carp.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as hsrp from "../wire/hsrp.ts";
import * as ipv4 from "../wire/ipv4.ts";
import * as ipv6 from "../wire/ipv6.ts";
import * as udp from "../wire/udp.ts";
import * as vrrp from "../wire/vrrp.ts";
import { Fault } from "../wire/vrrp-fault.ts";
import { Advert, compareWords, type Words } from "./advert.ts";
import { RECEIVE_LIMIT, type VrProtocol } from "./config.ts";
import { type Machine, virtualMacOf } from "./machine.ts";
import { addToDigest, makeSaid, VMAC_PROTOCOLS, type VmacSaid, WORDS } from "./vmac.ts";

/** What becomes of a frame. `Mine`: `advert` and, when `hasSaid`, `said` are filled. */
export const Got = { Other: 0, Dropped: 1, Heard: 2 } as const;
export type Got = (typeof Got)[keyof typeof Got];

/** What the receiver asks and tells. */
export interface Receiving {
  readonly out: Out;
  /** The machine of a virtual router, or null. */
  machineOf(iface: number, protocol: VrProtocol, vrid: number, family: 4 | 6): Machine | null;
  /** What signs and verifies a CARP machine's advertisements. */
  signerOf(machine: Machine): carp.Signer;
  /** Somebody who is no peer of ours uses a VRID of ours. */
  stranger(machine: Machine, mac: Mac, channel: ChannelId, now: Millis): void;
}

const DROP_OF: Readonly<Record<number, number>> = {
  [Fault.Short]: Drop["vr-short"],
  [Fault.Hops]: Drop["vr-ttl"],
  [Fault.Version]: Drop["vr-version"],
  [Fault.Type]: Drop["vr-type"],
  [Fault.Checksum]: Drop["vr-checksum"],
  [Fault.Vrid]: Drop["vr-vrid"],
  [Fault.Addresses]: Drop["vr-addresses"],
  [Fault.Interval]: Drop["vr-interval"],
  [Fault.Auth]: Drop["vr-auth"],
  [Fault.Element]: Drop["vr-element"],
  [Fault.State]: Drop["vr-state"],
};

export class Receiver {
  readonly advert: Advert = new Advert();
  /** What the advertisement says of its virtual MAC, when `hasSaid`. */
  readonly said: VmacSaid = makeSaid();
  hasSaid = false;
  /** The machine that it is for, or null. */
  machine: Machine | null = null;
  readonly #use: Receiving;
  readonly #limits: Buckets;
  readonly #destination: Words = [0, 0, 0, 0];
  /** Where the frame in hand stands. */
  #ip = 0;
  #family: 4 | 6 = 4;

  constructor(use: Receiving, channels: number) {
    this.#use = use;
    this.#limits = new Buckets(channels, RECEIVE_LIMIT);
  }

  configure(channels: number): void {
    this.#limits.configure(channels, RECEIVE_LIMIT);
  }

  #drop(reason: number): Got {
    this.#use.out.drop(reason);
    return Got.Dropped;
  }

  /** A frame without tag. `Other`: none of these protocols, or so broken that the host is to say so. */
  receive(iface: number, channel: ChannelId, start: Offset, end: Offset, now: Millis): Got {
    const { view } = this.#use.out;
    const ip = start + ethernet.LENGTH;
    let protocol = -1;
    let at = 0;
    let to = 0;
    const type = view.getUint16(ip - 2);
    if (type === ethernet.EtherType.Ipv4) {
      // Most of what comes to groups is neither, and need not be summed twice.
      if (end - ip < ipv4.LENGTH) return Got.Other;
      const kind = ipv4.protocol(view, ip);
      if (kind !== vrrp.PROTOCOL && kind !== ipv4.Protocol.Udp) return Got.Other;
      if (!ipv4.isValid(view, ip, end) || ipv4.isFragment(view, ip)) return Got.Other;
      protocol = ipv4.protocol(view, ip);
      at = ipv4.payload(view, ip);
      to = ipv4.packetEnd(view, ip);
      this.#family = 4;
    } else if (type === ethernet.EtherType.Ipv6) {
      if (!ipv6.isValid(view, ip, end)) return Got.Other;
      const found = ipv6.upper(view, ip);
      if (found < 0) return Got.Other;
      protocol = ipv6.upperProtocol(found);
      at = ip + ipv6.upperOffset(found);
      to = ipv6.packetEnd(view, ip);
      this.#family = 6;
    } else return Got.Other;
    const isHsrp = protocol === ipv4.Protocol.Udp && this.#isHsrp(ip, at, to);
    if (protocol !== vrrp.PROTOCOL && !isHsrp) return Got.Other;
    if (!this.#limits.take(Math.max(0, channel), now)) return this.#drop(Drop["vr-rate"]);
    this.#ip = ip;
    this.hasSaid = false;
    this.machine = null;
    this.#begin(start, ip, channel);
    if (!this.#isSourceGood()) return this.#drop(Drop["vr-source"]);
    if (isHsrp) return this.#hsrp(iface, at, to, now);
    return carp.isCarp(view, at, to)
      ? this.#carp(iface, at, to, now)
      : this.#vrrp(iface, at, to, now);
  }

  /** To the port and one of the groups of HSRP. */
  #isHsrp(ip: Offset, at: Offset, to: Offset): boolean {
    const { view } = this.#use.out;
    if (to - at < udp.LENGTH) return false;
    if (this.#family === 6) {
      if (udp.destinationPort(view, at) !== hsrp.PORT6) return false;
      return hsrp.GROUP6.every((word, n) => ipv6.destination(view, ip, n) >>> 0 === word);
    }
    if (udp.destinationPort(view, at) !== hsrp.PORT) return false;
    const destination = ipv4.destination(view, ip);
    return destination === hsrp.GROUP_V1 || destination === hsrp.GROUP_V2;
  }

  /** An address that a router of the link can have: of one host, at least. */
  #isSourceGood(): boolean {
    const [a, b, c, d] = this.advert.source;
    if (this.#family === 4) return ipv4.isHost(d);
    return a >>> 24 !== 0xff && (a | b | c | (d & ~1)) !== 0;
  }

  #begin(start: Offset, ip: Offset, channel: ChannelId): void {
    const { view } = this.#use.out;
    const { advert } = this;
    advert.machine = -1;
    advert.channel = channel;
    advert.mac = ethernet.source(view, start);
    advert.isSame = true;
    advert.form = 0;
    advert.op = 0;
    advert.state = 0;
    advert.high = 0;
    advert.low = 0;
    advert.hold = 0;
    const to = this.#destination;
    if (this.#family === 4) {
      to.fill(0);
      to[3] = ipv4.destination(view, ip);
      advert.source.fill(0);
      advert.source[3] = ipv4.source(view, ip);
      return;
    }
    for (let n = 0; n < 4; n++) {
      to[n] = ipv6.destination(view, ip, n) >>> 0;
      advert.source[n] = ipv6.source(view, ip, n) >>> 0;
    }
  }

  /** What is common to VRRP and CARP before a machine is looked for: where it goes, and what its bytes are worth. */
  #isToGroup(): boolean {
    const to = this.#destination;
    if (this.#family === 4) return to[3] === vrrp.GROUP4;
    return compareWords(to, vrrp.GROUP6) === 0;
  }

  /** Between peers, advertisements go to addresses; without, to the group alone. A drop reason, or -1. */
  #checkPeers(machine: Machine): number {
    const { peers, peers6 } = machine.config;
    const unicast = this.#family === 4 ? peers.length > 0 : peers6.length > 0;
    if (!unicast) return this.#isToGroup() ? -1 : Drop["vr-destination"];
    if (compareWords(this.#destination, machine.primary) !== 0) return Drop["vr-destination"];
    const { source } = this.advert;
    const isPeer =
      this.#family === 4
        ? peers.includes(source[3])
        : peers6.some((one) => compareWords(one, source) === 0);
    return isPeer ? -1 : Drop["vr-peer"];
  }

  /** Our own frame, which came back by a loop; another router that took our address is no such thing. */
  #isOwn(machine: Machine): boolean {
    const { advert } = this;
    if (compareWords(advert.source, machine.primary) !== 0) return false;
    return advert.mac === machine.virtual.mac || advert.mac === machine.iface.mac;
  }

  #say(iface: number, protocol: VrProtocol, mac: Mac, vrid: number, priority: number): VmacSaid {
    const { said } = this;
    said.iface = iface;
    said.mac = mac;
    said.vrid = vrid;
    said.family = this.#family;
    said.priority = Math.min(255, priority);
    said.protocol = VMAC_PROTOCOLS.indexOf(protocol);
    said.words.fill(0);
    said.count = 0;
    said.digest = 0;
    this.hasSaid = true;
    return said;
  }

  /** Reads `count` addresses that stand one behind the other. */
  #sayAddresses(at: Offset, count: number): void {
    const { view } = this.#use.out;
    const { said } = this;
    said.count = count;
    const words = count * (this.#family === 4 ? 1 : 4);
    let digest = 0;
    for (let n = 0; n < words; n++) {
      const word = view.getUint32(at + n * 4);
      digest = addToDigest(digest, word);
      if (n < WORDS) said.words[n] = word;
    }
    said.digest = digest;
  }

  /** Nobody here runs it, or whoever does speaks another protocol with the same virtual MAC. */
  #foreign(iface: number, protocol: VrProtocol, vrid: number, now: Millis): Got {
    const other = protocol === "carp" ? "vrrp" : "carp";
    const neighbour = this.#use.machineOf(iface, other, vrid, this.#family);
    if (neighbour !== null && protocol !== "hsrp") {
      this.#use.stranger(neighbour, this.advert.mac, this.advert.channel, now);
    }
    return this.#drop(Drop["vr-foreign"]);
  }

  // --- VRRP ---------------------------------------------------------------------------------------------------------

  #vrrp(iface: number, at: Offset, end: Offset, now: Millis): Got {
    const { view } = this.#use.out;
    const { advert } = this;
    const fault = vrrp.fault(view, this.#ip, at, end);
    if (fault !== Fault.None) return this.#drop(DROP_OF[fault] as number);
    const vrid = vrrp.vrid(view, at);
    const machine = this.#use.machineOf(iface, "vrrp", vrid, this.#family);
    if (machine === null) {
      if (!this.#isToGroup()) return this.#drop(Drop["vr-destination"]);
      this.#sayVrrp(iface, at, vrid);
      return this.#foreign(iface, "vrrp", vrid, now);
    }
    const wrong = this.#checkPeers(machine);
    if (wrong >= 0) {
      if (wrong === Drop["vr-peer"]) this.#strange(machine, now);
      return this.#drop(wrong);
    }
    if (this.#isOwn(machine)) return this.#drop(Drop["vr-own"]);
    const reason = this.#checkVrrp(machine, at, now);
    if (reason >= 0) return this.#drop(reason);
    this.#sayVrrp(iface, at, vrid);
    this.machine = machine;
    advert.machine = machine.index;
    advert.priority = vrrp.priority(view, at);
    advert.interval = vrrp.interval(view, at);
    const isReadTwice = vrrp.version(view, at) === 3 && this.#family === 4;
    advert.form = isReadTwice ? vrrp.checksumForm(view, this.#ip, at) : 0;
    return Got.Heard;
  }

  #strange(machine: Machine, now: Millis): void {
    this.#use.stranger(machine, this.advert.mac, this.advert.channel, now);
  }

  #sayVrrp(iface: number, at: Offset, vrid: number): void {
    const { view } = this.#use.out;
    const mac = this.#family === 4 ? vrrp.virtualMac4(vrid) : vrrp.virtualMac6(vrid);
    const said = this.#say(iface, "vrrp", mac, vrid, vrrp.priority(view, at));
    this.#sayAddresses(at + vrrp.LENGTH, vrrp.count(view, at));
    said.timeout = vrrp.interval(view, at) * 4;
  }

  /** What contradicts the machine that it is for: a drop reason, or -1. */
  #checkVrrp(machine: Machine, at: Offset, now: Millis): number {
    const { view } = this.#use.out;
    const { config } = machine;
    if (vrrp.version(view, at) !== config.version) {
      this.#strange(machine, now);
      return Drop["vr-version"];
    }
    const isVersion2 = config.version === 2;
    if (isVersion2 && !isAuthentic(view, at, config.password)) {
      this.#strange(machine, now);
      return Drop["vr-auth"];
    }
    const isSame = this.#hasOurAddresses(machine, at);
    this.advert.isSame = isSame;
    // RFC 9568 7.1 only lets it be told; RFC 3768 7.1 has it dropped unless the owner says it.
    if (!isSame) this.#strange(machine, now);
    if (machine.priority === vrrp.OWNER) {
      this.#strange(machine, now);
      return Drop["vr-owner"];
    }
    if (!isVersion2) return -1;
    if (!isSame && vrrp.priority(view, at) !== vrrp.OWNER) return Drop["vr-addresses"];
    return vrrp.interval(view, at) === config.interval ? -1 : Drop["vr-interval"];
  }

  /** The same addresses, in any order. */
  #hasOurAddresses(machine: Machine, at: Offset): boolean {
    const { view } = this.#use.out;
    const { addresses, addresses6 } = machine.virtual;
    const count = vrrp.count(view, at);
    if (this.#family === 4) {
      if (count !== addresses.length) return false;
      for (let n = 0; n < count; n++) {
        if (!addresses.includes(vrrp.address4(view, at, n))) return false;
      }
      return true;
    }
    if (count !== addresses6.length) return false;
    for (let n = 0; n < count; n++) {
      const from = vrrp.address6At(at, n);
      const isOurs = addresses6.some((one) =>
        one.every((word, k) => view.getUint32(from + k * 4) === word),
      );
      if (!isOurs) return false;
    }
    return true;
  }

  // --- CARP ---------------------------------------------------------------------------------------------------------

  #carp(iface: number, at: Offset, end: Offset, now: Millis): Got {
    const { view } = this.#use.out;
    const { advert } = this;
    const fault = carp.fault(view, this.#ip, at, end);
    if (fault !== Fault.None) return this.#drop(DROP_OF[fault] as number);
    const vhid = carp.vhid(view, at);
    const machine = this.#use.machineOf(iface, "carp", vhid, this.#family);
    if (machine === null) {
      if (!this.#isToGroup()) return this.#drop(Drop["vr-destination"]);
      this.#sayCarp(iface, at, vhid, null);
      return this.#foreign(iface, "carp", vhid, now);
    }
    const wrong = this.#checkPeers(machine);
    if (wrong >= 0) return this.#drop(wrong);
    if (this.#isOwn(machine)) return this.#drop(Drop["vr-own"]);
    if (!this.#use.signerOf(machine).verify(view, at)) {
      this.#strange(machine, now);
      return this.#drop(Drop["vr-auth"]);
    }
    this.#sayCarp(iface, at, vhid, machine);
    this.machine = machine;
    advert.machine = machine.index;
    advert.priority = carp.demote(view, at);
    advert.interval = carp.interval(view, at);
    advert.high = carp.counterHigh(view, at);
    advert.low = carp.counterLow(view, at);
    return Got.Heard;
  }

  #sayCarp(iface: number, at: Offset, vhid: number, machine: Machine | null): void {
    const { view } = this.#use.out;
    // What stands in the place of a priority: the less skew, the better.
    const better = 255 - carp.advskew(view, at);
    const said = this.#say(iface, "carp", carp.virtualMac(vhid), vhid, better);
    // The addresses are not said, but the digest proved them ours.
    const { addresses = [], addresses6 = [] } = machine?.virtual ?? {};
    said.count = addresses.length + addresses6.length;
    let n = 0;
    for (const word of [...addresses, ...addresses6.flat()]) {
      said.digest = addToDigest(said.digest, word);
      if (n < WORDS) said.words[n++] = word;
    }
    said.timeout = 3 * carp.interval(view, at) + 1000;
  }

  // --- HSRP ---------------------------------------------------------------------------------------------------------

  #hsrp(iface: number, at: Offset, end: Offset, now: Millis): Got {
    const { view } = this.#use.out;
    const { advert } = this;
    const fault = hsrp.fault(view, this.#ip, at, end);
    if (fault !== Fault.None) return this.#drop(DROP_OF[fault] as number);
    const body = at + udp.LENGTH;
    const to = at + udp.length(view, at);
    const version = hsrp.version(view, body);
    const fields = hsrp.group(view, body, to);
    const group = hsrp.groupNumber(view, fields, version);
    const machine = this.#use.machineOf(iface, "hsrp", group, this.#family);
    const state = hsrp.state(view, fields, version);
    const priority = hsrp.priority(view, fields, version);
    advert.hold = hsrp.hold(view, fields, version);
    if (machine === null) {
      if (state === hsrp.State.Active) this.#sayHsrp(iface, version, group, priority, fields);
      return this.#foreign(iface, "hsrp", group, now);
    }
    if (this.#isOwn(machine)) return this.#drop(Drop["vr-own"]);
    if (version !== machine.config.version) {
      this.#strange(machine, now);
      return this.#drop(Drop["vr-version"]);
    }
    if (!isText(view, hsrp.passwordAt(view, body, to), machine.config.password)) {
      this.#strange(machine, now);
      return this.#drop(Drop["vr-auth"]);
    }
    if (!this.#isOurAddress(machine, hsrp.addressAt(fields, version))) {
      advert.isSame = false;
      this.#strange(machine, now);
    }
    // Others than the Active router say their own priorities, not the virtual router's.
    if (state === hsrp.State.Active) this.#sayHsrp(iface, version, group, priority, fields);
    this.machine = machine;
    advert.machine = machine.index;
    advert.op = hsrp.op(view, fields);
    advert.state = state;
    advert.priority = Math.min(255, priority);
    advert.interval = hsrp.hello(view, fields, version);
    return Got.Heard;
  }

  #sayHsrp(iface: number, version: 1 | 2, group: number, priority: number, fields: Offset): void {
    const config = { protocol: "hsrp", version, vrid: group } as const;
    const mac = virtualMacOf(config, this.#family);
    const said = this.#say(iface, "hsrp", mac, group, priority);
    this.#sayAddresses(hsrp.addressAt(fields, version), 1);
    said.timeout = this.advert.hold;
  }

  /** Zero (a router that has not learned it yet) contradicts nobody. */
  #isOurAddress(machine: Machine, at: Offset): boolean {
    const { view } = this.#use.out;
    const { addresses, addresses6 } = machine.virtual;
    if (this.#family === 4) {
      const address = view.getUint32(at);
      return address === 0 || addresses.includes(address);
    }
    const isOurs = (one: readonly number[]): boolean =>
      one.every((word, n) => view.getUint32(at + n * 4) === word);
    return isOurs([0, 0, 0, 0]) || addresses6.some(isOurs);
  }
}

/** RFC 3768 7.1: the type of authentication is ours; a simple password (RFC 2338) is equal. */
function isAuthentic(view: DataView, at: Offset, password: readonly number[] | null): boolean {
  const type = vrrp.authType(view, at);
  if (password === null) return type === vrrp.Auth.None;
  return type === vrrp.Auth.Simple && isText(view, vrrp.authAt(view, at), password);
}

/** Eight bytes at `at` (-1 = there are none), zero padded. */
function isText(view: DataView, at: Offset, password: readonly number[] | null): boolean {
  if (password === null) return true;
  if (at < 0) return false;
  let difference = 0;
  for (let n = 0; n < 8; n++) difference |= view.getUint8(at + n) ^ (password[n] ?? 0);
  return difference === 0;
}
