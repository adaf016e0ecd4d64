// The appliance's own IPv6 addresses (ND-7): link-local from the MAC, configured ones, and those made from advertised
// prefixes. The master detects duplicates for all (RFC 4862 5.4, RFC 7527) and tells every change of state; any core
// answers for what is assigned.

import type { InterfaceConfig } from "../engine/config.ts";
import { Drop } from "../engine/drop.ts";
import { EventCode } from "../engine/event.ts";
import type { Ipv6Words, Learned6 } from "../engine/ipv6.ts";
import { Message } from "../engine/message.ts";
import type { Out } from "../engine/out.ts";
import { Role } from "../engine/role.ts";
import type { Prng } from "../lib/prng.ts";
import type { CoreId, Mac, Millis, Offset } from "../lib/units.ts";
import * as nd from "../wire/nd.ts";
import type { NdConfig } from "./config.ts";
import { tellEvent } from "./ledger.ts";
import * as message from "./message.ts";
import {
  fresh,
  identifierOf,
  isEqual,
  isSource,
  isUp,
  isVirtual,
  linkLocalOf,
  Origin,
  type OwnAddress,
  Phase,
  subnetRouter,
  type VirtualAddress,
} from "./own-address.ts";
import { ALL_NODES, ALL_ROUTERS, type Speaker } from "./speaker.ts";

/** MAX_RTR_SOLICITATION_DELAY, the random wait before the first probe (RFC 4862 5.4.2). */
const PROBE_DELAY: Millis = 1000;
/** MAX_NEIGHBOR_ADVERTISEMENT (RFC 4861 10). */
const ADVERTISEMENTS = 3;
/** RFC 7527 4.1: further probes after the own ones came back, MAX_MULTICAST_SOLICIT of them. */
const LOOPED_PROBES = 3;
/** RFC 4862 5.5.3 e: an advertised lifetime may not fall below that by itself. */
const TWO_HOURS = 7200;
const FOREVER = 0xffffffff;

/** What nd-own says beside a phase. */
export const OwnKind = { Contest: 5, Query: 6, Solicit: 7 } as const;

export class Own {
  readonly #out: Out;
  readonly #speaker: Speaker;
  readonly #learned: Learned6;
  readonly #random: Prng;
  #config: NdConfig;
  #interfaces: readonly InterfaceConfig[] = [];
  #list: OwnAddress[] = [];
  #disabled: Uint8Array = new Uint8Array(0);
  #next: Millis = 0;
  /** Counts changes, so that groups are looked at again. */
  changes = 0;
  /** Hears of another MAC for a virtual address of ours. */
  rivalHeard: ((iface: number, words: Ipv6Words, mac: Mac, now: Millis) => void) | null = null;

  constructor(out: Out, speaker: Speaker, learned: Learned6, random: Prng, config: NdConfig) {
    this.#out = out;
    this.#speaker = speaker;
    this.#learned = learned;
    this.#random = random;
    this.#config = config;
  }

  get isMaster(): boolean {
    return this.#out.master(Role.Arp) === this.#out.core;
  }

  get addresses(): readonly OwnAddress[] {
    return this.#list;
  }

  // --- questions -----------------------------------------------------------------------------------------------------

  /** Duplicate detection failed for the link-local address: no IPv6 there (RFC 4862 5.4.5). */
  isDisabled(iface: number): boolean {
    return this.#disabled[iface] === 1;
  }

  find(iface: number, view: DataView, at: Offset): OwnAddress | null {
    const d = view.getUint32(at + 12);
    for (const own of this.#list) {
      if (own.words[3] !== d || own.iface !== iface) continue;
      if (
        own.words[0] === view.getUint32(at) &&
        own.words[1] === view.getUint32(at + 4) &&
        own.words[2] === view.getUint32(at + 8)
      ) {
        return own;
      }
    }
    return null;
  }

  /** True for an address that is assigned to any interface; link-local ones only on `iface`. */
  isAssigned(iface: number, view: DataView, at: Offset): boolean {
    for (let index = 0; index < this.#interfaces.length; index++) {
      if (index !== iface && nd.isLinkLocal(view, at)) continue;
      const own = this.find(index, view, at);
      if (own !== null && isUp(own.phase)) return true;
    }
    return false;
  }

  /** The MAC of an assigned address of an interface, or -1. Words may be signed. */
  macOf(iface: number, a: number, b: number, c: number, d: number): Mac {
    const own = this.#findWords(iface, a, b, c, d);
    return own !== null && isUp(own.phase) ? this.linkOf(own) : -1;
  }

  /** The MAC that stands for an own address: a virtual one, or the interface's. */
  linkOf(own: OwnAddress): Mac {
    return own.mac >= 0 ? own.mac : this.#speaker.mac(own.iface);
  }

  /** True for a virtual MAC that is ours now on the interface. */
  isVirtualMac(iface: number, mac: Mac): boolean {
    for (const own of this.#list) if (own.mac === mac && own.iface === iface) return true;
    return false;
  }

  #findWords(iface: number, a: number, b: number, c: number, d: number): OwnAddress | null {
    for (const own of this.#list) {
      const { words } = own;
      if (own.iface !== iface || words[3] !== d >>> 0 || words[2] !== c >>> 0) continue;
      if (words[1] === b >>> 0 && words[0] === a >>> 0) return own;
    }
    return null;
  }

  /** The assigned link-local address, or null. */
  linkLocal(iface: number): Uint32Array | null {
    for (const own of this.#list) {
      if (own.iface === iface && own.origin === Origin.LinkLocal && isUp(own.phase)) {
        return own.words;
      }
    }
    return null;
  }

  /**
   * The source of a solicitation for a target that starts with words a and b: the prompting packet's where that is ours
   * (its address stands at `prompt`, or -1), else one that shares the prefix, else the link-local one. null = none yet.
   */
  sourceFor(iface: number, a: number, b: number, prompt: Offset): nd.Words | null {
    if (prompt >= 0) {
      const own = this.find(iface, this.#out.view, prompt);
      if (own !== null && isUp(own.phase) && isSource(own)) return own.words;
    }
    let best = this.linkLocal(iface);
    for (const own of this.#list) {
      if (own.iface !== iface || !isUp(own.phase)) continue;
      if (own.origin === Origin.LinkLocal || !isSource(own)) continue;
      if (best === null || (own.words[0] === a && own.words[1] === b)) best = own.words;
      if (own.words[0] === a && own.words[1] === b) return best;
    }
    return best;
  }

  // --- configuration -------------------------------------------------------------------------------------------------

  configure(interfaces: readonly InterfaceConfig[], config: NdConfig, now: Millis): void {
    const before = this.#interfaces;
    this.#config = config;
    this.#interfaces = interfaces;
    const disabled = new Uint8Array(interfaces.length);
    disabled.set(this.#disabled.subarray(0, interfaces.length));
    this.#disabled = disabled;
    const wanted = this.#wanted(interfaces);
    for (const own of this.#list.slice()) {
      if (own.origin === Origin.Virtual) continue;
      const isSame = before[own.iface]?.mac === interfaces[own.iface]?.mac;
      const speaks = interfaces[own.iface]?.ipv6 !== undefined;
      const isWanted = wanted.some((other) => isEqual(other, own));
      if (own.origin === Origin.Autoconfigured ? speaks && isSame : isWanted) {
        if (!isSame) this.#macChanged(own, now);
      } else this.#take(own);
    }
    for (const other of wanted) {
      if (!this.#list.some((own) => isEqual(own, other))) this.#add(other, now);
    }
    this.#next = now;
  }

  #wanted(interfaces: readonly InterfaceConfig[]): OwnAddress[] {
    const wanted: OwnAddress[] = [];
    for (const [iface, { mac, ipv6 }] of interfaces.entries()) {
      if (ipv6 === undefined) continue;
      const hasLinkLocal = ipv6.addresses.some(({ address }) => address[0] >>> 22 === 0x3fa);
      if (!hasLinkLocal) wanted.push(fresh(iface, linkLocalOf(mac), 64, Origin.LinkLocal));
      for (const { address, prefix } of ipv6.addresses) {
        const isLinkLocal = address[0] >>> 22 === 0x3fa;
        if (this.#config.router && !isLinkLocal && prefix < 127) {
          wanted.push(fresh(iface, subnetRouter(address, prefix), prefix, Origin.Anycast));
        }
        const origin = isLinkLocal ? Origin.LinkLocal : Origin.Configured;
        wanted.push(fresh(iface, Uint32Array.from(address), prefix, origin));
      }
    }
    return wanted;
  }

  #add(own: OwnAddress, now: Millis): void {
    this.#list.push(own);
    this.changes++;
    // RFC 4862 5.4: anycast addresses are not checked.
    const isChecked = this.#config.dadTransmits > 0 && own.origin !== Origin.Anycast;
    if (!isChecked) this.#enter(own, Phase.Preferred);
    else own.due = now + this.#random.fraction() * PROBE_DELAY;
    if (own.due < this.#next) this.#next = own.due;
  }

  #take(own: OwnAddress): void {
    this.#enter(own, Phase.Gone);
    this.#list = this.#list.filter((other) => other !== own);
  }

  /** The interface has another MAC: neighbours hear of it (RFC 4861 7.2.6). */
  #macChanged(own: OwnAddress, now: Millis): void {
    if (!isUp(own.phase) || own.origin === Origin.Anycast) return;
    own.announcements = ADVERTISEMENTS;
    own.isChange = true;
    own.due = now;
  }

  // --- phases --------------------------------------------------------------------------------------------------------

  #enter(own: OwnAddress, phase: Phase): void {
    const { words, iface } = own;
    const [a, b, c, d] = words as unknown as [number, number, number, number];
    const wasUp = isUp(own.phase);
    own.phase = phase;
    this.changes++;
    if (own.origin === Origin.Anycast) return; // The forwarding side knows them by itself.
    const prefix = own.origin === Origin.Autoconfigured ? 128 : own.prefix;
    if (isUp(phase)) {
      this.#learned.addressUp(iface, a, b, c, d, prefix, phase === Phase.Preferred);
    } else if (wasUp) this.#learned.addressDown(iface, a, b, c, d);
    if (phase === Phase.Duplicate && own.origin === Origin.LinkLocal) this.#disabled[iface] = 1;
  }

  /** The master's decision: for itself, for the others, for people. */
  #decide(own: OwnAddress, phase: Phase): void {
    this.#enter(own, phase);
    this.#tell(own, message.ALL);
    const [a, b, c, d] = own.words as unknown as [number, number, number, number];
    tellEvent({ out: this.#out }, EventCode["nd-own"], own.iface, a, b, c, d, phase);
    if (phase === Phase.Gone) this.#list = this.#list.filter((other) => other !== own);
  }

  #tell(own: OwnAddress, to: CoreId): void {
    const out = this.#out;
    if (out.cores === 1) return;
    const [a, b, c, d] = own.words as unknown as [number, number, number, number];
    const at = message.draft(out, Message["nd-own"], own.iface, a, b, c, d);
    message.setKind(out.view, at, own.phase);
    message.setFlags(out.view, at, own.origin);
    message.setTries(out.view, at, own.prefix);
    message.post(out, to);
  }

  /** All states to a core that has none, after an overflow, or to all by a new master. */
  tellAll(to: CoreId): void {
    for (const own of this.#list) {
      if (own.phase !== Phase.Tentative && own.origin !== Origin.Virtual) this.#tell(own, to);
    }
  }

  tick(now: Millis): void {
    if (now < this.#next) return;
    this.#next = Number.POSITIVE_INFINITY;
    const isMaster = this.isMaster;
    if (!isMaster) return;
    for (const own of this.#list) {
      if (own.origin === Origin.Virtual) continue;
      this.#expire(own, now);
      while (now >= own.due) this.#act(own, now);
      const until = Math.min(
        own.validUntil,
        own.preferredUntil > now ? own.preferredUntil : Infinity,
      );
      this.#next = Math.min(this.#next, own.due, until);
    }
  }

  /** What the address' timer asks for. */
  #act(own: OwnAddress, now: Millis): void {
    if (own.phase === Phase.Tentative) {
      if (own.sent >= own.probes + this.#config.dadTransmits) {
        own.due = now;
        own.announcements = 1;
        own.isChange = false;
        this.#decide(own, own.preferredUntil > now ? Phase.Preferred : Phase.Deprecated);
        return;
      }
      own.sent++;
      own.nonce = this.#random.below(0x1000000) * 0x1000000 + this.#random.below(0x1000000);
      own.due = now + this.#config.retransTimer;
      this.#speaker.probe(own.iface, own.words, own.nonce);
      return;
    }
    own.due = Number.POSITIVE_INFINITY;
    if (own.announcements <= 0 || !isUp(own.phase)) return;
    own.announcements--;
    if (own.announcements > 0) own.due = now + this.#config.retransTimer;
    this.#announce(own, own.isChange);
  }

  /** A new address is told to the routers (RFC 9131 6.1.1); a new MAC to all (RFC 4861 7.2.6). */
  #announce(own: OwnAddress, isChange: boolean): void {
    const router = this.#config.router || own.mac >= 0 ? nd.Flag.Router : 0;
    const override = isChange ? nd.Flag.Override : 0;
    const group = isChange ? ALL_NODES : ALL_ROUTERS;
    this.#speaker.advertise(own.iface, group, own.words, router | override, this.linkOf(own));
  }

  // --- virtual addresses (VR-4) ----------------------------------------------------------------------------------------

  /**
   * The virtual addresses that are ours from now on, all of them; those that an interface has, too, only change their
   * MAC. Each core hears of them by itself. The forwarding side takes packets for those that `accept` says, without
   * ever sending from them first.
   */
  setVirtual(addresses: readonly VirtualAddress[]): void {
    for (const own of this.#list.slice()) {
      if (own.mac < 0 || addresses.some((one) => isVirtual(own, one) && one.mac === own.mac)) {
        continue;
      }
      own.mac = -1;
      if (own.origin !== Origin.Virtual) continue;
      if (own.preferredUntil > 0) this.#learn(own, false);
      this.#list = this.#list.filter((other) => other !== own);
      this.changes++;
    }
    for (const { iface, words, mac, accept } of addresses) {
      const [a, b, c, d] = words;
      const known = this.#findWords(iface, a, b, c, d);
      if (known !== null) {
        known.mac = mac;
        continue;
      }
      const own = fresh(iface, Uint32Array.from(words), 128, Origin.Virtual);
      own.phase = Phase.Deprecated;
      own.mac = mac;
      own.preferredUntil = accept ? 1 : 0;
      this.#list.push(own);
      this.changes++;
      if (accept) this.#learn(own, true);
    }
  }

  /** Another MAC claims a virtual address of ours (VR-6): who runs the virtual router hears of it. */
  rival(own: OwnAddress, mac: Mac, now: Millis): void {
    this.rivalHeard?.(own.iface, own.words as unknown as Ipv6Words, mac, now);
  }

  #learn({ iface, words }: OwnAddress, isUp: boolean): void {
    const [a, b, c, d] = words as unknown as [number, number, number, number];
    if (isUp) this.#learned.addressUp(iface, a, b, c, d, 128, false);
    else this.#learned.addressDown(iface, a, b, c, d);
  }

  /** Announces assigned addresses to all nodes; -1 = of all interfaces. Only on the master; how many it were. */
  announce(iface: number, now: Millis): number {
    let count = 0;
    for (const own of this.#list) {
      if (!isUp(own.phase) || own.origin === Origin.Anycast) continue;
      if (iface >= 0 && own.iface !== iface) continue;
      this.#announce(own, true);
      count++;
    }
    this.#next = Math.min(this.#next, now);
    return count;
  }

  roleChanged(now: Millis): void {
    if (!this.isMaster) return;
    for (const own of this.#list) {
      if (own.phase === Phase.Tentative) {
        own.sent = 0;
        own.due = now + this.#random.fraction() * PROBE_DELAY;
      }
    }
    this.#next = now;
  }

  // --- duplicates ----------------------------------------------------------------------------------------------------

  /**
   * Somebody else claims, or asks for, an address of ours that is not assigned yet; `nonce` -1 = none. `isProbe`: by a
   * solicitation from ::, which may be our own that came back.
   */
  contested(own: OwnAddress, isProbe: boolean, mac: Mac, nonce: number): void {
    const out = this.#out;
    if (!this.isMaster) {
      const [a, b, c, d] = own.words as unknown as [number, number, number, number];
      const at = message.draft(out, Message["nd-own"], own.iface, a, b, c, d);
      message.setKind(out.view, at, OwnKind.Contest);
      message.setHardware(out.view, at, mac);
      message.setFlags(out.view, at, isProbe ? 1 : 0);
      message.setDue(out.view, at, nonce < 0 ? FOREVER : Math.floor(nonce / 0x1000000));
      message.setAge(out.view, at, nonce < 0 ? 0 : nonce % 0x1000000);
      out.send(out.master(Role.Arp));
      return;
    }
    if (own.phase !== Phase.Tentative) return;
    if (isProbe && own.sent > 0 && nonce >= 0 && nonce === own.nonce) {
      out.drop(Drop["nd-looped"]);
      // RFC 7527 4.1: our own; look again, with another nonce.
      if (own.probes === 0) own.probes = LOOPED_PROBES;
      return;
    }
    if (isProbe && nonce < 0 && mac === this.#speaker.mac(own.iface)) {
      out.drop(Drop["nd-looped"]);
      return;
    }
    const [a, b, c, d] = own.words as unknown as [number, number, number, number];
    tellEvent({ out }, EventCode["nd-duplicate"], own.iface, a, b, c, d, Math.max(0, mac));
    own.due = Number.POSITIVE_INFINITY;
    this.#decide(own, Phase.Duplicate);
  }

  // --- autoconfiguration (RFC 4862 5.5) ------------------------------------------------------------------------------

  /** A prefix was advertised for making addresses; seconds. Only on the master. */
  autoconfigure(
    iface: number,
    a: number,
    b: number,
    valid: number,
    preferred: number,
    now: Millis,
  ): void {
    if (preferred > valid || a >>> 22 === 0x3fa) return;
    const words = identifierOf(this.#speaker.mac(iface), a, b);
    let own = this.#findWords(iface, a, b, words[2] as number, words[3] as number);
    const until = (seconds: number): Millis =>
      seconds === FOREVER ? Number.POSITIVE_INFINITY : now + seconds * 1000;
    if (own === null) {
      if (valid === 0) return;
      own = fresh(iface, words, 64, Origin.Autoconfigured);
      own.validUntil = until(valid);
      own.preferredUntil = until(preferred);
      this.#add(own, now);
      this.#tell(own, message.ALL);
      return;
    }
    if (own.origin !== Origin.Autoconfigured) return;
    const remaining = (own.validUntil - now) / 1000;
    // 5.5.3 e: what nobody signed cannot shorten a long life to less than two hours.
    if (valid > TWO_HOURS || valid > remaining) own.validUntil = until(valid);
    else if (remaining > TWO_HOURS) own.validUntil = until(TWO_HOURS);
    own.preferredUntil = until(preferred);
    if (own.phase === Phase.Deprecated && preferred > 0) this.#decide(own, Phase.Preferred);
    this.#next = now;
  }

  #expire(own: OwnAddress, now: Millis): void {
    if (now >= own.validUntil) {
      own.due = Number.POSITIVE_INFINITY;
      this.#decide(own, Phase.Gone);
    } else if (own.phase === Phase.Preferred && now >= own.preferredUntil) {
      this.#decide(own, Phase.Deprecated);
    }
  }

  // --- messages ------------------------------------------------------------------------------------------------------

  /** nd-own about a phase or a contest. */
  message(at: Offset): void {
    const { view } = this.#out;
    const kind = message.kindOf(view, at);
    const iface = message.ifaceOf(view, at);
    let own = this.find(iface, view, at + message.ADDRESS);
    if (kind === OwnKind.Contest) {
      if (own === null || !this.isMaster) return;
      const high = message.dueOf(view, at);
      const nonce = high === FOREVER ? -1 : high * 0x1000000 + message.ageOf(view, at);
      this.contested(own, message.flagsOf(view, at) === 1, message.macOf(view, at), nonce);
      return;
    }
    if (own === null) {
      if (kind === Phase.Gone || this.#interfaces[iface]?.ipv6 === undefined) return;
      const words = Uint32Array.from([0, 1, 2, 3], (index) => message.wordOf(view, at, index));
      own = fresh(iface, words, message.triesOf(view, at), message.flagsOf(view, at));
      this.#list.push(own);
    }
    own.due = Number.POSITIVE_INFINITY;
    if (own.phase !== kind) this.#enter(own, kind as Phase);
    if (kind === Phase.Gone) this.#list = this.#list.filter((other) => other !== own);
  }
}
