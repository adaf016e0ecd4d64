// What the control core needs from a running appliance, and all of it: the API server, `show` and the command line
// see an appliance through this interface alone. The runtime implements it over worker threads; a test fakes it.
// Everything that a core is asked is one `CoreCommand`, plain data posted to that core, answered by plain data.

import type { ApplianceConfig } from "../core/config.ts";
import type { Ipv6Words } from "../engine/ipv6.ts";
import type { CoreId, Ipv4, Mac, Millis, Vlan } from "../lib/units.ts";
import type { PortDriverConfig } from "../ports/factory.ts";

/** A row as a core tells it: numbers where addresses and names are meant; control/show.ts makes the words. */
export type RawRow = Record<string, unknown>;

/** Questions to ONE core and changes on it. -1 (VLAN: 0) means "any". */
export type CoreCommand =
  /** Up to `limit` rows of a table from `cursor` (0 first): answered by RowsAnswer, next = -1 at the end. */
  | {
      readonly kind: "rows";
      readonly table:
        | "arp"
        | "nd"
        | "bridge"
        | "lacp"
        | "stp"
        | "groups"
        | "protection"
        | "vr"
        | "vmac";
      readonly cursor: number;
      readonly limit: number;
    }
  /** Entries, digest and newest version of every replicated table: SummaryAnswer. */
  | { readonly kind: "summary" }
  /** The entries of a table (engine/message.ts) that this core answers for, as messages tell them: CopyAnswer. */
  | {
      readonly kind: "copy";
      readonly table: number;
      readonly cursor: number;
      readonly limit: number;
    }
  /** Tables, by bits, are sent to all other cores again, whole. */
  | { readonly kind: "resend"; readonly tables: number }
  /** What is due on this core: RowsAnswer with rows {timer, subject, due-ms, period-ms}, next = -1. */
  | { readonly kind: "timers" }
  /** The routes of this core: RowsAnswer with rows {address, prefix, via (0 or null = on link), interface, origin}. */
  | { readonly kind: "routes"; readonly cursor: number; readonly limit: number }
  /** Posted to the ARP master, which tells the others. */
  | {
      readonly kind: "arp-add";
      readonly interface: number;
      readonly address: Ipv4;
      readonly mac: Mac;
    }
  | { readonly kind: "arp-rm"; readonly interface: number; readonly address: Ipv4 }
  /** Flushes dynamic entries; posted to the ARP master. */
  | { readonly kind: "arp-clear"; readonly interface: number; readonly address: Ipv4 }
  /** Sends gratuitous ARP for one own address, or for all (-1); posted to the ARP master. */
  | { readonly kind: "arp-announce"; readonly address: Ipv4 }
  /** IPv6 neighbours; posted to one core, which tells the others. */
  | {
      readonly kind: "nd-add";
      readonly interface: number;
      readonly address: Ipv6Words;
      readonly mac: Mac;
    }
  | { readonly kind: "nd-rm"; readonly interface: number; readonly address: Ipv6Words }
  /** Flushes learned neighbours; null = every address. */
  | { readonly kind: "nd-clear"; readonly interface: number; readonly address: Ipv6Words | null }
  /** Sends advertisements of the own addresses of an interface, or of all (-1); posted to the ARP master. */
  | { readonly kind: "nd-announce"; readonly interface: number }
  /** HOST-1: a packet from a program; `packet` is what follows the IPv4 header: SendAnswer. */
  | {
      readonly kind: "send";
      /** IPv4, or the four words of an IPv6 address. */
      readonly address: Ipv4 | Ipv6Words;
      /** The interface of a link-local IPv6 destination; -1 or absent: the route's. */
      readonly interface?: number;
      readonly protocol: number;
      readonly packet: Uint8Array;
    }
  /** Static stations; posted to every core, told to nobody. */
  | {
      readonly kind: "bridge-add";
      readonly bridge: number;
      readonly mac: Mac;
      readonly vlan: Vlan;
      readonly channel: number;
    }
  | { readonly kind: "bridge-rm"; readonly bridge: number; readonly mac: Mac; readonly vlan: Vlan }
  /** Flushes dynamic stations; posted to one core, which tells the others. */
  | {
      readonly kind: "bridge-clear";
      readonly bridge: number;
      readonly mac: Mac;
      readonly vlan: Vlan;
      readonly channel: number;
    }
  /** Forgets what BPDU guard shut, and looks for RSTP neighbours anew; -1 = every channel. Posted to every core. */
  | { readonly kind: "stp-clear"; readonly channel: number }
  /** Takes groups away, of one address or all (null), of a VLAN or all (0); posted to the link master. */
  | {
      readonly kind: "groups-clear";
      readonly bridge: number;
      readonly vlan: Vlan;
      readonly group: readonly number[] | null;
    }
  /** Opens a channel that protection shut, or (-1) all; one core tells the others. */
  | { readonly kind: "shut-clear"; readonly channel: number }
  /** Why a virtual router is as it is, one row a family: RowsAnswer; posted to the link master. */
  | { readonly kind: "vr-explain"; readonly name: string }
  /** A virtual router's priority until the file says another; -1 = the file's. Posted to every core. */
  | { readonly kind: "vr-priority"; readonly name: string; readonly priority: number }
  /** Virtual routers leave: `count` of them have no successor yet. Posted to the link master, until it is 0. */
  | { readonly kind: "vr-leave" }
  /** Forgets learned virtual MACs, of an interface or all (-1), of a VRID or all (-1); one core tells the others. */
  | { readonly kind: "vmac-clear"; readonly interface: number; readonly vrid: number }
  /** Shows a person what the core sees, by a ring of `size` bytes at `at`; at -1 ends it. The runtime sends these. */
  | {
      readonly kind: "observe";
      readonly at: number;
      readonly size: number;
      readonly frames: boolean;
      readonly messages: boolean;
      readonly snap: number;
    }
  /** One ICMP echo from the appliance: PingAnswer, after the reply or the timeout. */
  | {
      readonly kind: "ping";
      readonly address: Ipv4 | Ipv6Words;
      /** Where a link-local address is meant. */
      readonly interface?: number | undefined;
      readonly size: number;
      readonly timeoutMs: number;
      /** Identifier of the echo; the runtime chooses it. */
      readonly id?: number;
    };

export interface RowsAnswer {
  readonly rows: readonly RawRow[];
  /** The next cursor, or -1 at the end. */
  readonly next: number;
}

export interface SummaryAnswer {
  readonly tables: readonly {
    /** Number of engine/message.ts. */
    readonly table: number;
    readonly entries: number;
    readonly digest: number;
    readonly version: number;
  }[];
}

export interface CopyAnswer {
  /** Records of 64 bytes. */
  readonly records: Uint8Array;
  /** The next cursor, or -1 at the end. */
  readonly next: number;
  /** The appliance's time. */
  readonly now: Millis;
}

/** `count` things changed; 0 means that there was nothing to change. */
export interface ChangeAnswer {
  readonly count: number;
}

/** Name of a status of host/sender.ts. */
export interface SendAnswer {
  readonly status: string;
}

export interface PingAnswer {
  readonly replied: boolean;
  readonly roundTripMs: number;
  /** Why there was no reply, "" when there was one: `timeout`, `unreachable`, `no-route`. */
  readonly reason: string;
}

/** What a core answers to each kind. */
export type CoreAnswer<K extends CoreCommand["kind"]> = K extends
  | "rows"
  | "timers"
  | "routes"
  | "vr-explain"
  ? RowsAnswer
  : K extends "summary"
    ? SummaryAnswer
    : K extends "ping"
      ? PingAnswer
      : K extends "send"
        ? SendAnswer
        : K extends "copy"
          ? CopyAnswer
          : ChangeAnswer;

/** Something that a core saw, for a person. */
export interface SeenRecord {
  readonly kind: "received" | "sent" | "message";
  readonly core: CoreId;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The port of a frame, or the type of a message (engine/message.ts). */
  readonly number: number;
  /** What the frame was (core/observer.ts), and why it was given up; -1 when it was not. */
  readonly class: number;
  readonly reason: number;
  /** Bytes that it had, and those that were kept: valid during the call. */
  readonly length: number;
  readonly bytes: Uint8Array;
}

export interface ObserveRequest {
  readonly frames: boolean;
  readonly messages: boolean;
  /** Bytes kept of a frame. */
  readonly snap: number;
  /** This core only; -1 = all. */
  readonly core: number;
}

export type CoreState = "starting" | "online" | "stalled" | "offline";

export interface CoreStatus {
  readonly core: CoreId;
  readonly state: CoreState;
  /** Share of the time that the loop was busy, 0..1, over about the last second. */
  readonly load: number;
  readonly heartbeatAgeMs: number;
  readonly restarts: number;
  /** Why it does not serve, or did not last: a word of core/supervision.ts. */
  readonly reason?: string;
}

/** A port as its driver sees it now, index = PortId. */
export interface PortState {
  readonly driver: string;
  /** The kernel's interface or the file; "" for none. */
  readonly interface: string;
  readonly up: boolean;
  readonly mac: Mac;
  readonly mtu: number;
}

/** An event as a core emitted it (engine/event.ts), with its place in the history. */
export interface RawEvent {
  readonly sequence: number;
  /** Milliseconds since 1970, for people. */
  readonly time: number;
  readonly core: CoreId;
  readonly code: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

/** What an appliance starts with, or changes to: control/compile.ts makes it. */
export interface StartPlan {
  readonly config: ApplianceConfig;
  /** Driver of each port, index = PortId; null for a number whose port a reload removed. */
  readonly drivers: readonly (PortDriverConfig | null)[];
}

/** A running appliance. */
export interface Appliance {
  /** The compiled configuration that runs now; after a reload the new one. */
  readonly config: ApplianceConfig;
  /** Milliseconds since 1970 at which every core forwarded. */
  readonly startedAt: number;
  /** One core's block of the statistics segment (engine/counter.ts), live: reading it stops nobody. */
  counters(core: CoreId): Float64Array;
  cores(): readonly CoreStatus[];
  /** Takes a core out of service, or into it again; throws when that cannot be. It happens by and by. */
  setCore(core: CoreId, online: boolean): void;
  /** Gives a role to a core, or (-1) to the one that the configuration says; throws when that core is not online. */
  setMaster(role: number, core: CoreId): void;
  /** How often each table was found different between cores, and sent again. */
  repairs(): readonly number[];
  ports(): readonly PortState[];
  /** The core that plays each role (engine/role.ts), index = role. */
  masters(): readonly CoreId[];
  /** The core of each steering bucket; its length is the number of buckets. */
  buckets(): Uint8Array;
  /** Frames per bucket since the start, steered by software or by the kernel; 128 numbers. */
  bucketFrames(): Float64Array;
  /** Rejects with a ControlError when the core is not online or does not answer in time. */
  command<C extends CoreCommand>(core: CoreId, command: C): Promise<CoreAnswer<C["kind"]>>;
  /** Events with a sequence above `since`, oldest first, at most `limit`; the history is bounded. */
  events(since: number, limit: number): readonly RawEvent[];
  /** Shows what the cores see until the returned function is called; `lost` counts what was too much to show. */
  observe(
    request: ObserveRequest,
    each: (record: SeenRecord) => void,
    lost: (count: number) => void,
  ): () => void;
  /** Takes over a new configuration; rejects, with nothing changed, when it cannot. */
  reconfigure(options: StartPlan): Promise<void>;
  /** Stops every core and closes every port; resolves when all is released. */
  stop(): Promise<void>;
  /** Resolves when the appliance ended; rejects with the reason when a core died for good. */
  readonly ended: Promise<void>;
}
