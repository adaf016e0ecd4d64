// The appliance's own addresses: what the master answers for, announces and defends (ARP-5, ARP-7; RFC 5227).
// Every core runs the same phases in step, but only the master speaks, so that another core can take over in
// the middle.

import type { InterfaceConfig } from "../engine/config.ts";
import { EventCode } from "../engine/event.ts";
import type { Out } from "../engine/out.ts";
import { HashIndex } from "../lib/hash-index.ts";
import type { Ipv4, Mac, Millis } from "../lib/units.ts";
import { AcdInput, DEFEND_INTERVAL, isAnswered, nextPhase, Phase, wait } from "./acd.ts";
import type { Speaker } from "./speaker.ts";

/** One own address and where its conflict detection stands. */
interface OwnAddress {
  readonly iface: number;
  readonly address: Ipv4;
  readonly prefix: number;
  readonly mac: Mac;
  phase: Phase;
  /** Frames sent in this phase. */
  sent: number;
  due: Millis;
  defended: Millis;
  since: Millis;
}

const mask = (prefix: number): number => (prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0);

export class Own {
  readonly #out: Out;
  readonly #speaker: Speaker;
  #acd: "announce" | "probe" | "off";
  #index: HashIndex = new HashIndex(0);
  #addresses: OwnAddress[] = [];
  /** Addresses of each interface. */
  #byInterface: OwnAddress[][] = [];
  /** Virtual addresses that are ours now, answered for with a virtual MAC (VR-4). */
  #virtual: OwnAddress[] = [];
  /** The earliest moment at which an address has something to do. */
  #due: Millis = Number.POSITIVE_INFINITY;

  constructor(out: Out, speaker: Speaker, acd: "announce" | "probe" | "off") {
    this.#out = out;
    this.#speaker = speaker;
    this.#acd = acd;
  }

  get all(): readonly Readonly<OwnAddress>[] {
    return this.#addresses;
  }

  /** Takes over the interfaces' addresses; what stays keeps its phase, what is new starts its own. */
  configure(
    interfaces: readonly InterfaceConfig[],
    acd: "announce" | "probe" | "off",
    now: Millis,
  ): void {
    this.#acd = acd;
    const before = this.#addresses.filter((own) => !this.#virtual.includes(own));
    this.#addresses = [];
    this.#byInterface = interfaces.map(() => []);
    for (const [iface, { addresses, mac }] of interfaces.entries()) {
      for (const { address, prefix } of addresses) {
        const old = before.find(
          (one) => one.iface === iface && one.address === address && one.mac === mac,
        );
        const entry: OwnAddress =
          old === undefined ? this.#start(iface, address, prefix, mac, now) : { ...old, prefix };
        this.#addresses.push(entry);
        this.#byInterface[iface]?.push(entry);
      }
    }
    this.#addresses.push(...this.#virtual);
    this.#reindex();
    this.#schedule();
  }

  /** A virtual address that an interface has, too, stands behind it in the list, and so in front of it here. */
  #reindex(): void {
    this.#index = new HashIndex(this.#addresses.length);
    for (const [index, one] of this.#addresses.entries()) {
      this.#index.set(one.iface, one.address, index);
    }
  }

  /** The virtual addresses that are ours from now on, all of them; nothing is announced here. */
  setVirtual(
    addresses: readonly { readonly iface: number; readonly address: Ipv4; readonly mac: Mac }[],
    now: Millis,
  ): void {
    const before = this.#virtual;
    const configured = this.#addresses.slice(0, this.#addresses.length - before.length);
    this.#virtual = addresses.map(
      ({ iface, address, mac }) =>
        before.find((one) => one.iface === iface && one.address === address && one.mac === mac) ?? {
          iface,
          address,
          prefix: 32,
          mac,
          phase: Phase.InUse,
          sent: 0,
          due: Number.POSITIVE_INFINITY,
          defended: Number.NEGATIVE_INFINITY,
          since: now,
        },
    );
    this.#addresses = [...configured, ...this.#virtual];
    this.#reindex();
  }

  /** True for a MAC that stands for a virtual address of ours on the interface. */
  isVirtual(iface: number, mac: Mac): boolean {
    for (let n = 0; n < this.#virtual.length; n++) {
      const own = this.#virtual[n] as OwnAddress;
      if (own.mac === mac && own.iface === iface) return true;
    }
    return false;
  }

  #start(iface: number, address: Ipv4, prefix: number, mac: Mac, now: Millis): OwnAddress {
    const phase =
      this.#acd === "off" ? Phase.InUse : this.#acd === "probe" ? Phase.Probing : Phase.Announcing;
    const entry = { iface, address, prefix, mac, phase, sent: 0, due: 0, defended: 0, since: now };
    entry.defended = Number.NEGATIVE_INFINITY;
    entry.due = now + wait(phase, 0, jitter(entry));
    return entry;
  }

  /** The engine was made at an unknown moment; its first tick tells it. */
  begin(now: Millis): void {
    for (const own of this.#addresses) {
      if (this.#virtual.includes(own)) continue;
      own.due += now;
      own.since = now;
    }
    this.#schedule();
  }

  /** Every address is in use already: other cores speak for it. */
  resume(now: Millis): void {
    for (const own of this.#addresses) {
      own.phase = Phase.InUse;
      own.due = Number.POSITIVE_INFINITY;
      own.since = now;
    }
    this.#schedule();
  }

  /** Number of an own address on an interface, or -1. */
  find(iface: number, address: Ipv4): number {
    return this.#index.find(iface, address);
  }

  /** The MAC of an own address, or -1. */
  mac(iface: number, address: Ipv4): Mac {
    return this.#addresses[this.#index.find(iface, address)]?.mac ?? -1;
  }

  /** Whether an own address is answered for now: not while it is still probed or another has it. */
  answers(iface: number, address: Ipv4): boolean {
    const own = this.#addresses[this.#index.find(iface, address)];
    return own !== undefined && isAnswered(own.phase);
  }

  /** The own address to ask from: one on the target's subnet, else the first that is in use, else 0. */
  source(iface: number, target: Ipv4): Ipv4 {
    const addresses = this.#byInterface[iface];
    if (addresses === undefined) return 0;
    let first = 0;
    for (let n = 0; n < addresses.length; n++) {
      const own = addresses[n] as OwnAddress;
      if (!isAnswered(own.phase)) continue;
      if (((own.address ^ target) & mask(own.prefix)) === 0) return own.address;
      if (first === 0) first = own.address;
    }
    return first;
  }

  /** Whether a station of an interface's subnets may have the address. */
  isOnSubnet(iface: number, address: Ipv4): boolean {
    const addresses = this.#byInterface[iface];
    if (addresses === undefined) return false;
    for (let n = 0; n < addresses.length; n++) {
      const { address: own, prefix } = addresses[n] as OwnAddress;
      if (((own ^ address) & mask(prefix)) !== 0) continue;
      if (prefix >= 31) return true; // RFC 3021: both are hosts.
      const host = (address & ~mask(prefix)) >>> 0;
      if (host !== 0 && host !== ~mask(prefix) >>> 0) return true;
    }
    return false;
  }

  /** Another station claims the own address number `index`: defend it, or keep away from it. */
  conflict(index: number, rival: Mac, now: Millis): void {
    const own = this.#addresses[index] as OwnAddress;
    const before = own.phase;
    own.phase = nextPhase(before, AcdInput.Conflict, own.sent);
    if (own.phase !== before) {
      own.sent = 0;
      own.due = now + wait(own.phase, 0, 0);
      this.#schedule();
    } else if (now - own.defended < DEFEND_INTERVAL) return;
    own.defended = now;
    this.#out.event(EventCode["arp-conflict"], own.iface, own.address, own.mac, rival);
    if (isAnswered(own.phase)) this.#announce(own);
  }

  /** Another host probes for the address: a conflict only while this one probes too (RFC 5227 2.1.1). */
  isProbed(index: number): boolean {
    return this.#addresses[index]?.phase === Phase.Probing;
  }

  /** Sends one announcement per own address that matches (-1 = any); returns how many. */
  announce(iface: number, address: number): number {
    let sent = 0;
    for (const own of this.#addresses) {
      if (iface >= 0 && own.iface !== iface) continue;
      if ((address >= 0 && own.address !== address) || !isAnswered(own.phase)) continue;
      this.#announce(own);
      sent++;
    }
    return sent;
  }

  #announce(own: OwnAddress): void {
    this.#speaker.request(own.iface, own.mac, own.address, own.address);
  }

  /** Advances what is due. `speaks` on the master alone; the others keep step in silence. */
  tick(now: Millis, speaks: boolean): void {
    if (now < this.#due) return;
    for (const own of this.#addresses) if (now >= own.due) this.#advance(own, now, speaks);
    this.#schedule();
  }

  #advance(own: OwnAddress, now: Millis, speaks: boolean): void {
    const phase = nextPhase(own.phase, AcdInput.Timer, own.sent);
    if (phase !== own.phase) own.sent = 0;
    own.phase = phase;
    if (phase === Phase.InUse) {
      own.due = Number.POSITIVE_INFINITY;
      if (speaks) this.#out.event(EventCode["address-in-use"], own.iface, own.address, own.mac, 0);
      return;
    }
    own.sent++;
    own.due = now + wait(phase, own.sent, jitter(own));
    if (!speaks) return;
    if (phase === Phase.Announcing) this.#announce(own);
    else this.#speaker.request(own.iface, own.mac, 0, own.address);
  }

  #schedule(): void {
    this.#due = Number.POSITIVE_INFINITY;
    for (const own of this.#addresses) if (own.due < this.#due) this.#due = own.due;
  }
}

/** A number 0..1 that differs between stations and between frames: the engine has no randomness of its own. */
function jitter(own: { mac: Mac; address: Ipv4; sent: number }): number {
  let hash = Math.imul((own.mac ^ own.address) + own.sent, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) / 0x1_0000_0000;
}
