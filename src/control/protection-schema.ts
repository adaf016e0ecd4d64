// The file's keys of multicast snooping and of what protects a bridge from its stations (BR-8, BR-9), and what they are
// when checked. Each default stands here with its source.

import { z } from "zod";
import type { Ipv4, Vlan } from "../lib/units.ts";
import { address, vlanList } from "./address.ts";
import type { Address } from "./network.ts";
import { duration, flag, integer, scalar, text, word } from "./scalar.ts";

type Optional<T> = T | undefined;
const DAY = 86_400_000;

export interface StormSection {
  broadcast?: Optional<number>;
  multicast?: Optional<number>;
  "unknown-unicast"?: Optional<number>;
  burst?: Optional<number>;
  action: "drop" | "shutdown";
  recovery: number;
}

export interface MacLimitSection {
  limit: number;
  action: "drop" | "flood" | "shutdown";
  recovery: number;
}

export interface LoopSection {
  enabled: boolean;
  interval: number;
  action: "shutdown" | "report";
  recovery: number;
}

export interface SnoopingSection {
  enabled: boolean;
  igmp: boolean;
  mld: boolean;
  querier: boolean;
  "querier-address"?: Optional<Address>;
  "querier-vlans"?: Optional<Vlan[]>;
  "igmp-version": number;
  "mld-version": number;
  robustness: number;
  "query-interval": number;
  "query-response-interval": number;
  "last-member-interval": number;
  unregistered: "routers" | "flood";
  "max-groups": number;
}

/** Keys of a bridge's channel. */
export interface ProtectedChannel {
  "storm-control"?: Optional<StormSection>;
  "mac-limit"?: Optional<MacLimitSection>;
  isolated: boolean;
  community?: Optional<string>;
  "loop-detection": boolean;
  "fast-leave": boolean;
  "router-port": "auto" | "always" | "never";
  "max-groups"?: Optional<number>;
}

/** Keys of a bridge. */
export interface ProtectedBridge {
  snooping: SnoopingSection;
  "loop-detection": LoopSection;
}

/** A single value in place of a group of keys: `mac-limit: 64`, `snooping: false`. */
function shorthand<T>(kind: "number" | "boolean", key: string, group: z.ZodType<T>): z.ZodType<T> {
  return z.preprocess(
    (value) => (typeof value === kind ? { [key]: value } : value),
    group,
  ) as unknown as z.ZodType<T>;
}

/** Frames a second. */
const rate: z.ZodType<number> = scalar(
  "frames a second, such as 100pps, 10kpps or 1000",
  (value) => {
    const match = /^(\d{1,9}(?:\.\d{1,3})?)(k|m)?(pps)?$/i.exec(String(value).trim());
    if (match === null || (typeof value !== "number" && typeof value !== "string"))
      return undefined;
    const scale = { k: 1000, m: 1e6 }[match[2]?.toLowerCase() ?? ""] ?? 1;
    const frames = Number(match[1]) * scale;
    return frames >= 1 && frames <= 1e9 ? frames : undefined;
  },
  (value) => (/bps|bit|%/i.test(String(value)) ? "frames are counted, not bits: write 100pps" : ""),
);

/** Five minutes: what switches take to open such a port again by themselves. Our choice. 0s = never. */
const recovery = (): z.ZodType<number> => duration(0, DAY, "s").prefault("5m");

const storm: z.ZodType<StormSection> = z.strictObject({
  broadcast: rate.optional(),
  multicast: rate.optional(),
  "unknown-unicast": rate.optional(),
  /** Frames that may come at once; left out, a tenth of a second's. */
  burst: integer(1, 1_000_000, "a number of frames").optional(),
  action: word("drop", "shutdown").prefault("drop"),
  recovery: recovery(),
});

const macLimit: z.ZodType<MacLimitSection> = z.strictObject({
  limit: integer(1, 1_048_576, "a number of stations"),
  action: word("drop", "flood", "shutdown").prefault("drop"),
  recovery: recovery(),
});

const loop: z.ZodType<LoopSection> = z.strictObject({
  enabled: flag.prefault(true),
  // Our choice: a loop is found within a second, at sixty bytes a channel.
  interval: duration(100, 60_000, "s").prefault("1s"),
  action: word("shutdown", "report").prefault("shutdown"),
  recovery: recovery(),
});

/** Timers: RFC 3376 section 8 and RFC 3810 section 9. */
const snooping: z.ZodType<SnoopingSection> = z.strictObject({
  enabled: flag.prefault(true), // BR-8; without a querier nothing is limited
  igmp: flag.prefault(true),
  mld: flag.prefault(true),
  querier: flag.prefault(false), // a router on the network asks, as a rule
  /** Source of IGMP queries on VLANs without an interface; left out, 0.0.0.0 (RFC 4541 2.1.1). */
  "querier-address": address.optional(),
  /** Left out: the untagged VLANs of the channels, and those with an interface. */
  "querier-vlans": vlanList.optional(),
  "igmp-version": integer(2, 3, "a version").prefault(3), // RFC 3376
  "mld-version": integer(1, 2, "a version").prefault(2), // RFC 3810
  robustness: integer(1, 7, "a number of repeats").prefault(2), // 8.1, 9.1
  "query-interval": duration(1000, 31_744_000, "s").prefault("125s"), // 8.2, 9.2
  "query-response-interval": duration(100, 3_174_400, "s").prefault("10s"), // 8.3, 9.3
  "last-member-interval": duration(100, 25_500, "s").prefault("1s"), // 8.8, 9.8
  // RFC 4541 2.1.2: to routers, unless told otherwise.
  unregistered: word("routers", "flood").prefault("routers"),
  "max-groups": integer(1, 65_536, "a number of groups").prefault(1024), // our choice
});

export const bridgeKeys: {
  snooping: z.ZodPrefault<z.ZodType<SnoopingSection>>;
  "loop-detection": z.ZodPrefault<z.ZodType<LoopSection>>;
} = {
  snooping: shorthand("boolean", "enabled", snooping).prefault({} as SnoopingSection),
  // Off: spanning tree finds loops, and probes are frames that not everybody wants.
  "loop-detection": shorthand("boolean", "enabled", loop).prefault({ enabled: false }),
};

export const channelKeys: {
  "storm-control": z.ZodOptional<z.ZodType<StormSection>>;
  "mac-limit": z.ZodOptional<z.ZodType<MacLimitSection>>;
  isolated: z.ZodPrefault<z.ZodType<boolean>>;
  community: z.ZodOptional<z.ZodType<string>>;
  "loop-detection": z.ZodPrefault<z.ZodType<boolean>>;
  "fast-leave": z.ZodPrefault<z.ZodType<boolean>>;
  "router-port": z.ZodPrefault<z.ZodType<"auto" | "always" | "never">>;
  "max-groups": z.ZodOptional<z.ZodType<number>>;
} = {
  "storm-control": storm.optional(),
  "mac-limit": shorthand("number", "limit", macLimit).optional(),
  /** Reaches only channels that are neither isolated nor in a community. */
  isolated: flag.prefault(false),
  /** Reaches, of the channels that are isolated or in a community, only those of the same name. */
  community: text("a name").optional(),
  "loop-detection": flag.prefault(true),
  /** One host is behind the channel: a leave counts at once. */
  "fast-leave": flag.prefault(false),
  "router-port": word("auto", "always", "never").prefault("auto"),
  /** Groups that may be joined here; left out, as many as the bridge has room for. */
  "max-groups": integer(1, 65_536, "a number of groups").optional(),
};

/** The IPv4 address of a value, or 0. */
export const ipv4Of = (value: Optional<Address>): Ipv4 => value?.ipv4 ?? 0;
