// Virtual routers as their engine sees them: numbers for names, durations in milliseconds. Plain data, made by the
// control core from the checked file. Every default cites where it comes from.

import type { Ipv6Words } from "../engine/ipv6.ts";
import type { ChannelId, Ipv4, Mac, Millis, PortId } from "../lib/units.ts";

export type VrProtocol = "vrrp" | "hsrp" | "carp";
/** The checksum that is sent in version 3 over IPv4; `mirror`: what the peer was heard to use, rfc5798 before. */
export type VrChecksum = "rfc9568" | "rfc5798" | "mirror";
/**
 * What tracked things that are down do to the priority: `decrement` takes each one's own number off, never below 1;
 * `one` needs one of them, `all` every one of them, else the router gives up; `progressive` keeps the share that is
 * up.
 */
export type VrTracking = "decrement" | "none" | "one" | "all" | "progressive";

/** One thing that a router's priority depends on. */
export type VrTrack = {
  /** Taken off the priority (CARP: added to the demotion) while it is down; `FAULT`: the router gives up. */
  readonly decrement: number;
  /** As the file names it, for `explain`. */
  readonly name: string;
} & (
  | { readonly kind: "port"; readonly port: PortId }
  | { readonly kind: "channel"; readonly channel: ChannelId }
  | { readonly kind: "route4"; readonly prefix: Ipv4; readonly length: number }
  | { readonly kind: "route6"; readonly prefix: Ipv6Words; readonly length: number }
  | { readonly kind: "neighbour4"; readonly iface: number; readonly address: Ipv4 }
  | { readonly kind: "neighbour6"; readonly iface: number; readonly address: Ipv6Words }
);
/** A track without a number of its own: nothing works without it. */
export const FAULT = 255;

/** Announcements on becoming Active. */
export interface VrAnnounce {
  /** Copies of each announcement in a burst. */
  readonly repeat: number;
  /** Pause before the second burst; 0 = none. */
  readonly delay: Millis;
  /** Pause between single announcements while Active; 0 = none. */
  readonly refresh: Millis;
}

/**
 * One virtual router. With addresses of both families it runs a machine for each; over one interface, under one name.
 * Versions: vrrp 2 or 3, hsrp 1 or 2, carp 2.
 */
export interface VrRouterConfig {
  readonly name: string;
  readonly protocol: VrProtocol;
  readonly version: number;
  readonly iface: number;
  /** VRID 1..255; HSRP group 0..255 (version 1) or 0..4095; CARP vhid 1..255. */
  readonly vrid: number;
  /** 1..254, 255 = owner of the addresses (VRRP); HSRP 0..255; unused by CARP. */
  readonly priority: number;
  readonly addresses: readonly Ipv4[];
  /** VRRP: the first one is link-local. */
  readonly addresses6: readonly Ipv6Words[];
  /** Machines of both families fail and take over together. */
  readonly shareFate: boolean;
  /** VRRP: Advertisement_Interval: 10 ms to 40.95 s (version 3), whole seconds to 255 s (version 2). */
  readonly interval: Millis;
  readonly preempt: boolean;
  /** VRRP: a lower Active router is left in peace for so long before it is preempted. */
  readonly preemptDelay: Millis;
  readonly accept: boolean;
  readonly checksum: VrChecksum;
  /** VRRP version 2, RFC 2338: the simple password, eight bytes; HSRP: text, eight bytes; CARP: up to 20 bytes. */
  readonly password: readonly number[] | null;
  readonly tracks: readonly VrTrack[];
  readonly tracking: VrTracking;
  /** Routers of one group go Active and Backup together; "" = none. */
  readonly group: string;
  /** Advertisements go to and come from these addresses instead of the group, per family. */
  readonly peers: readonly Ipv4[];
  readonly peers6: readonly Ipv6Words[];
  /** False: the interface's own MAC stands for the addresses. */
  readonly virtualMac: boolean;
  /** HSRP. */
  readonly hello: Millis;
  readonly hold: Millis;
  /** CARP: seconds, and 1/256 seconds. */
  readonly advbase: number;
  readonly advskew: number;
  readonly announce: VrAnnounce;
}

/** A configured row of the VMAC table. */
export interface VrStaticVmac {
  readonly iface: number;
  readonly mac: Mac;
  readonly vrid: number;
  readonly family: 4 | 6;
  readonly priority: number;
  readonly addresses: readonly Ipv4[];
  readonly addresses6: readonly Ipv6Words[];
}

export interface VrConfig {
  readonly routers: readonly VrRouterConfig[];
  readonly statics: readonly VrStaticVmac[];
  /** Rows of the VMAC table at most. */
  readonly maxEntries: number;
  /** `timestamp`: a row goes when it was not heard for its time; `flag`: when a whole sweep passed without it. */
  readonly ageing: "timestamp" | "flag";
  /** 0: what the advertisement's own timers say (three intervals and the skew, or the hold time); else this. */
  readonly timeout: Millis;
  /**
   * Seconds since 1970 as the appliance started: CARP counters begin with it, so that those of a process that was
   * started again are no replays.
   */
  readonly boot: number;
}

export const VR_DEFAULTS: VrConfig = {
  routers: [],
  statics: [],
  maxEntries: 1024, // our choice: 255 VRIDs of four interfaces
  ageing: "timestamp",
  timeout: 0,
  boot: 0,
};

/** What a router of the file has unless it says otherwise. HSRP and CARP: see the overrides below. */
export const VR_ROUTER_DEFAULTS: Omit<VrRouterConfig, "name" | "iface" | "vrid"> = {
  protocol: "vrrp",
  version: 3,
  priority: 100, // RFC 9568 5.2.4; Cisco's for HSRP
  addresses: [],
  addresses6: [],
  shareFate: true, // our choice: a gateway whose families part is two half gateways
  interval: 1000, // RFC 9568 5.2.7: 100 centiseconds
  preempt: true, // RFC 9568 6.1
  preemptDelay: 0, // the specification
  accept: true, // the specification; RFC 9568 6.1 says false, and everybody pings a gateway
  checksum: "rfc9568", // the specification
  password: null,
  tracks: [],
  tracking: "decrement",
  group: "",
  peers: [],
  peers6: [],
  virtualMac: true, // RFC 9568 7.3
  hello: 3000, // RFC 2281 5.1
  hold: 10_000, // RFC 2281 5.1
  advbase: 1, // OpenBSD ifconfig(8)
  advskew: 0, // OpenBSD ifconfig(8)
  announce: {
    repeat: 5, // keepalived vrrp_garp_master_repeat
    delay: 5000, // keepalived vrrp_garp_master_delay
    refresh: 60_000, // our choice: a switch that forgot us is told within a minute; keepalived never does
  },
};
/** HSRP: as Cisco's; "cisco" is RFC 2281 5.1's default text. */
export const HSRP_DEFAULTS: Partial<VrRouterConfig> = {
  protocol: "hsrp",
  version: 2,
  preempt: false,
  password: [0x63, 0x69, 0x73, 0x63, 0x6f, 0, 0, 0],
};
export const CARP_DEFAULTS: Partial<VrRouterConfig> = {
  protocol: "carp",
  version: 2,
  preempt: false, // OpenBSD net.inet.carp.preempt
};

/**
 * A loop that slept longer than this share of a router's interval has stalled for it: it takes nothing over before one
 * fresh interval has passed. Our choice: half of what a peer may be silent without anybody noticing.
 */
export const STALL_SHARE = 0.5;
/** But no pause below this is a stall: a scheduler's slice. Our choice. */
export const STALL_MIN: Millis = 20;
/** How often tracked things are looked at. Our choice: a hundredth of the default interval. */
export const TRACK_PERIOD: Millis = 10;
/** The same rival is told of at most this often. Our choice. */
export const RIVAL_PERIOD: Millis = 10_000;
/**
 * Advertisements of one port that are looked at in a second. Our choice: 255 routers at 10 ms would be 25,500; ten
 * thousand is far above what people run and bounds what a flood costs.
 */
export const RECEIVE_LIMIT = 10_000;
/** New or changed rows of the VMAC table that one port may cause in a second, each N-1 messages. Our choice. */
export const LEARN_LIMIT = 200;
