// What the parts of one core's ARP engine share: its settings, its surroundings, and who is master.

import type { InterfaceConfig } from "../engine/config.ts";
import type { Out, Waiting } from "../engine/out.ts";
import { Role } from "../engine/role.ts";
import { Buckets } from "../lib/token-buckets.ts";
import type { CoreId, Ipv4, Mac, Millis } from "../lib/units.ts";
import type { ArpConfig } from "./config.ts";
import type { Own } from "./own.ts";
import type { Speaker } from "./speaker.ts";

export class Context {
  readonly out: Out;
  readonly waiting: Waiting;
  readonly speaker: Speaker;
  readonly own: Own;
  /** Requests, asks and probes that an interface may still send. */
  readonly requests: Buckets;
  config: ArpConfig;
  interfaces: readonly InterfaceConfig[];
  /** The master as this core last saw it. */
  master: CoreId;
  isMaster: boolean;

  constructor(
    config: ArpConfig,
    interfaces: readonly InterfaceConfig[],
    out: Out,
    waiting: Waiting,
    speaker: Speaker,
    own: Own,
  ) {
    this.config = config;
    this.interfaces = interfaces;
    this.out = out;
    this.waiting = waiting;
    this.speaker = speaker;
    this.own = own;
    this.requests = new Buckets(interfaces.length, config.requestRate);
    this.master = out.master(Role.Arp);
    this.isMaster = this.master === out.core;
  }

  configure(config: ArpConfig, interfaces: readonly InterfaceConfig[]): void {
    this.config = config;
    this.interfaces = interfaces;
    this.requests.configure(interfaces.length, config.requestRate);
  }

  /** True when the role has moved since the last look. */
  lookForMaster(): boolean {
    const master = this.out.master(Role.Arp);
    if (master === this.master) return false;
    this.master = master;
    this.isMaster = master === this.out.core;
    return true;
  }

  /** Whether messages may name the interface. */
  hasInterface(iface: number): boolean {
    return iface < this.interfaces.length;
  }

  /** Broadcasts a request for an address, from the interface's best own address. */
  request(iface: number, address: Ipv4): void {
    const { mac } = this.interfaces[iface] as InterfaceConfig;
    this.speaker.request(iface, mac, this.own.source(iface, address), address);
  }

  /** Asks one station whether it still has the address. */
  poll(iface: number, address: Ipv4, station: Mac): void {
    const { mac } = this.interfaces[iface] as InterfaceConfig;
    this.speaker.poll(iface, mac, this.own.source(iface, address), station, address);
  }

  /** Half the ageing period: so at least one report of steady use falls into each. */
  get usePeriod(): Millis {
    return this.config.timeout / 2;
  }
}

/** Whether a station can have the address: not this network, loopback, multicast, reserved or broadcast. */
export function isUnicast(address: Ipv4): boolean {
  const first = address >>> 24;
  return first !== 0 && first !== 127 && first < 224; // RFC 1122 3.2.1.3, RFC 6890.
}
