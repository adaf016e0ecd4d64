// What one virtual router of one family knows: plain fields, which its protocol's rules (vrrp.ts, hsrp.ts, carp.ts)
// move. The link master runs the rules; on the other cores the state follows the master's messages (message.ts).

import type { CommonConfig, InterfaceConfig } from "../engine/config.ts";
import type { Ipv6Words } from "../engine/ipv6.ts";
import type { Virtual } from "../engine/virtual.ts";
import type { ChannelId, Mac, Millis } from "../lib/units.ts";
import * as carp from "../wire/carp.ts";
import * as hsrp from "../wire/hsrp.ts";
import * as vrrp from "../wire/vrrp.ts";
import { type Advert, compareWords, copyWords, type Words } from "./advert.ts";
import type { VrRouterConfig } from "./config.ts";
import { Reason } from "./reason.ts";

/** A timer that does not run, a moment that never was. */
export const OFF = -1;

/** States of VRRP (RFC 9568 6.3) and CARP. */
export const State = { Initialize: 0, Backup: 1, Active: 2 } as const;
/** States of HSRP (RFC 2281 5.3), in the order of its numbers less one. */
export const HsrpState = {
  Initial: 0,
  Learn: 1,
  Listen: 2,
  Speak: 3,
  Standby: 4,
  Active: 5,
} as const;

const STATE_NAMES = {
  vrrp: ["initialize", "backup", "active"],
  hsrp: ["initial", "learn", "listen", "speak", "standby", "active"],
  carp: ["init", "backup", "master"],
} as const;

/** Past changes of state that `explain vr` prints. Our choice. */
const HISTORY = 8;

/** One change of state. */
export interface Transition {
  readonly at: Millis;
  readonly from: number;
  readonly to: number;
  readonly reason: number;
  /** Who was Active, as far as heard; 0 = nobody. */
  readonly mac: Mac;
}

/** The virtual MAC that a router's protocol prescribes. */
export function virtualMacOf(
  config: Pick<VrRouterConfig, "protocol" | "version" | "vrid">,
  family: 4 | 6,
): Mac {
  const { protocol, version, vrid } = config;
  if (protocol === "carp") return carp.virtualMac(vrid);
  if (protocol === "vrrp") return family === 4 ? vrrp.virtualMac4(vrid) : vrrp.virtualMac6(vrid);
  if (family === 6) return hsrp.virtualMac6(vrid);
  return version === 1 ? hsrp.virtualMacV1(vrid) : hsrp.virtualMacV2(vrid);
}

/** fe80:: and the modified EUI-64 of a MAC (RFC 4291 appendix A). */
function linkLocalOf(mac: Mac): Ipv6Words {
  const high = Math.floor(mac / 0x1000000);
  const low = mac % 0x1000000;
  const flipped = (high ^ 0x020000) >>> 0;
  return [0xfe800000, 0, ((flipped << 8) | 0xff) >>> 0, (0xfe000000 | low) >>> 0];
}

/** The address that a router's advertisements come from: the first one, or (IPv6) the link-local one. */
function primaryOf(iface: InterfaceConfig, family: 4 | 6): Words {
  if (family === 4) return [0, 0, 0, iface.addresses[0]?.address ?? 0];
  const own = iface.ipv6?.addresses.find(({ address }) => address[0] >>> 22 === 0x3fa);
  const [a, b, c, d] = own?.address ?? linkLocalOf(iface.mac);
  return [a, b, c, d];
}

export class Machine {
  config: VrRouterConfig;
  readonly family: 4 | 6;
  /** Its place in the list of machines, which messages name it by. */
  index = 0;
  /** Number in events: the router's place in the file * 2, + 1 for IPv6. */
  number = 0;
  iface: InterfaceConfig;
  virtual: Virtual;
  /** Our own address on the interface. */
  readonly primary: Words = [0, 0, 0, 0];

  state = 0;
  reason: number = Reason.none;
  /** When the state was entered. */
  since: Millis = 0;
  readonly history: Transition[] = [];
  transitions = 0;

  /** The priority set by an operator, or OFF. */
  override: number = OFF;
  /** Effective: after tracking. CARP: the demotion. */
  priority = 0;
  /** What it is to be, as the last look at tracked things said. */
  wanted = 0;
  /** A reload changed parameters that timers depend on. */
  isStale = false;
  /** Why the machine itself may not run (a reason), or Reason.none. */
  fault: number = Reason.none;
  /** The same for it and its group. */
  held: number = Reason.none;

  /** Adver_Timer; HSRP: hello timer. */
  advertAt: Millis = OFF;
  /** Active_Down_Timer; HSRP: active timer. */
  downAt: Millis = OFF;
  /** HSRP: standby timer. */
  standbyAt: Millis = OFF;
  /** A burst of announcements is due, and a single one. */
  burstAt: Millis = OFF;
  /** Bursts still to come. */
  bursts = 0;
  refreshAt: Millis = OFF;

  /** Active_Adver_Interval: what the Active router said, or our own. HSRP: hello and hold time. */
  interval: Millis;
  hold: Millis;
  /** Whoever is Active, as last heard; zeros = nobody. CARP: the demotion in place of the priority. */
  readonly active: Words = [0, 0, 0, 0];
  activeMac: Mac = 0;
  activeChannel: ChannelId = -1;
  activePriority = 0;
  activeHeard: Millis = OFF;
  /** HSRP: whoever is Standby. */
  readonly standby: Words = [0, 0, 0, 0];
  /** From when on a lower Active router is preempted; OFF = none was heard. */
  preemptAt: Millis = OFF;
  /** A lower Active router is being waited out; the Active router released. */
  isPreempting = false;
  isReleased = false;
  /** VRRP version 3 over IPv4: the checksum that the peer uses (ChecksumForm). */
  form = 0;

  /** CARP: the counter of the next advertisement. */
  high = 0;
  low = 0;

  sent = 0;
  received = 0;
  releasesSent = 0;
  releasesReceived = 0;
  announced = 0;
  lateMax: Millis = 0;
  /** When and what was last said about a rival, and when an advertisement last answered one. */
  rivalAt: Millis = OFF;
  rivalMac: Mac = 0;
  rivalKind: number = OFF;
  rivals = 0;
  answeredAt: Millis = OFF;
  /** Its group lost by the one router that decides: until then another's release is no invitation. */
  patientUntil: Millis = OFF;
  /** When it last announced itself against a rival, and last heard anybody. */
  againAt: Millis = OFF;
  peerHeard: Millis = OFF;
  equalMac: Mac = 0;

  constructor(config: VrRouterConfig, family: 4 | 6, common: CommonConfig, now: Millis) {
    this.family = family;
    this.config = config;
    this.iface = common.interfaces[config.iface] as InterfaceConfig;
    this.virtual = this.#virtual();
    this.interval = config.interval;
    this.hold = config.hold;
    this.since = now;
    this.configure(config, common);
  }

  /** Takes over changed parameters of the same router. */
  configure(config: VrRouterConfig, common: CommonConfig): void {
    if (config.priority !== this.config.priority) this.override = OFF;
    this.config = config;
    this.iface = common.interfaces[config.iface] as InterfaceConfig;
    this.virtual = this.#virtual();
    copyWords(primaryOf(this.iface, this.family), this.primary);
  }

  #virtual(): Virtual {
    const { config, family } = this;
    const isOwner = config.protocol === "vrrp" && config.priority === vrrp.OWNER;
    return {
      name: config.name,
      iface: config.iface,
      family,
      mac: config.virtualMac ? virtualMacOf(config, family) : this.iface.mac,
      addresses: family === 4 ? config.addresses : [],
      addresses6: family === 6 ? config.addresses6 : [],
      accept: config.accept || isOwner || config.protocol === "carp",
    };
  }

  get isHsrp(): boolean {
    return this.config.protocol === "hsrp";
  }

  get isActive(): boolean {
    return this.state === (this.isHsrp ? HsrpState.Active : State.Active);
  }

  /** The state in which nothing runs. */
  get isDown(): boolean {
    return this.state === State.Initialize;
  }

  get stateName(): string {
    return stateName(this.config.protocol, this.state);
  }

  /** The priority before tracking. */
  get base(): number {
    return this.override === OFF ? this.config.priority : this.override;
  }

  /** How often we advertise ourselves. */
  get ownInterval(): Millis {
    const { config } = this;
    if (config.protocol === "hsrp") return config.hello;
    if (config.protocol === "vrrp") return config.interval;
    return config.advbase * 1000 + (this.skew * 1000) / 256;
  }

  /** CARP: advskew as advertised: 240 at least when demoted (OpenBSD carp_send_ad). */
  get skew(): number {
    const { advskew } = this.config;
    return this.priority > 0 ? Math.max(240, advskew) : advskew;
  }

  /** True when a MAC that is not ours stands for an address that we hold; IPv4 in the last word. */
  isAnsweredBy(address: readonly number[], mac: Mac): boolean {
    if (!this.isActive || mac === this.virtual.mac || mac === this.iface.mac) return false;
    return this.family === 4
      ? this.virtual.addresses.includes(address[3] as number)
      : this.virtual.addresses6.some((one) => compareWords(one, address) === 0);
  }

  /** Remembers who is Active. */
  follow(advert: Advert, now: Millis): void {
    copyWords(advert.source, this.active);
    this.activeMac = advert.mac;
    this.activeChannel = advert.channel;
    this.activePriority = advert.priority;
    this.activeHeard = now;
    this.isReleased = false;
  }

  /** Nobody else is Active any more. */
  unfollow(): void {
    copyWords([0, 0, 0, 0], this.active);
    this.activeMac = 0;
    this.activeChannel = -1;
    this.activePriority = 0;
    this.activeHeard = OFF;
    this.preemptAt = OFF;
    this.isPreempting = false;
    this.isReleased = false;
  }

  /** Stops every timer. */
  quiet(): void {
    this.advertAt = OFF;
    this.downAt = OFF;
    this.standbyAt = OFF;
    this.burstAt = OFF;
    this.refreshAt = OFF;
  }

  /** Enters a state and remembers why; `mac` is whoever made it so, 0 = nobody. */
  enter(state: number, reason: number, mac: Mac, now: Millis): void {
    this.history.push({ at: now, from: this.state, to: state, reason, mac });
    if (this.history.length > HISTORY) this.history.shift();
    this.state = state;
    this.reason = reason;
    this.since = now;
    this.transitions++;
  }

  /** The earliest of what is due, or OFF. */
  get due(): Millis {
    let due = OFF;
    const { advertAt, downAt, standbyAt, burstAt, refreshAt } = this;
    for (const at of [advertAt, downAt, standbyAt, burstAt, refreshAt]) {
      if (at !== OFF && (due === OFF || at < due)) due = at;
    }
    return due;
  }
}

export function stateName(protocol: VrRouterConfig["protocol"], state: number): string {
  return STATE_NAMES[protocol][state] ?? `state ${state}`;
}
