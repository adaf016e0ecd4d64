// The schema of `virtual-routers` and `vmac` (VR-1..6). Defaults cite their source here and in vr/config.ts; what the
// keys mean together is checked in router-rules.ts.

import { z } from "zod";
import { address, prefix, stationMac } from "./address.ts";
import type { RouterSection, VmacSection } from "./configuration.ts";
import { duration, flag, integer, scalar, text, word } from "./scalar.ts";

/** A day: the longest time that any timer takes, our choice. */
const DAY = 86_400_000;
const name: z.ZodType<string> = text("a name");

const track = z.array(
  z.strictObject({
    channel: name.optional(),
    port: name.optional(),
    route: prefix.optional(),
    neighbour: address.optional(),
    /** Of the neighbour; left out, that of the virtual router. */
    interface: name.optional(),
    /** Left out: without the thing the router gives up. */
    decrement: integer(1, 254, "a decrement").optional(),
  }),
);

const common = {
  interface: name,
  addresses: z.array(address),
  accept: flag.prefault(true), // the specification's example; RFC 9568 6.1 says false
  track: track.prefault([]),
  tracking: word("decrement", "none", "one", "all", "progressive").prefault("decrement"),
  /** Routers of one group are Active together. */
  group: name.optional(),
  /** Both families take over and fail together. Our choice: a gateway of one family is half a gateway. */
  "share-fate": flag.prefault(true),
  "virtual-mac": flag.prefault(true), // RFC 9568 7.3
  announce: z
    .strictObject({
      repeat: integer(1, 20, "a number of announcements").prefault(5), // keepalived vrrp_garp_master_repeat
      delay: duration(0, 600_000, "s").prefault("5s"), // keepalived vrrp_garp_master_delay
      refresh: duration(0, DAY, "s").prefault("60s"), // our choice: a switch that forgot us is told within a minute
    })
    .prefault({}),
};
const preemptDelay = { "preempt-delay": duration(0, DAY, "s").prefault("0s") };

/** A password of at most that many bytes; written in the file, so no secret of value. */
const password = (bytes: number): z.ZodType<string> =>
  scalar(`a password of 1 to ${bytes} bytes`, (value) => {
    const length = typeof value === "string" ? new TextEncoder().encode(value).length : 0;
    return length >= 1 && length <= bytes ? (value as string) : undefined;
  });

export const virtualRouter: z.ZodType<RouterSection> = z.discriminatedUnion("protocol", [
  z.strictObject({
    protocol: z.literal("vrrp"),
    version: integer(2, 3, "a version").prefault(3),
    vrid: integer(1, 255, "a VRID"),
    ...common,
    priority: integer(1, 255, "a priority").prefault(100), // RFC 9568 6.1
    interval: duration(10, 255_000, "s").prefault("1s"), // RFC 9568 6.1
    preempt: flag.prefault(true), // RFC 9568 6.1
    ...preemptDelay,
    checksum: word("rfc9568", "rfc5798", "mirror").prefault("rfc9568"),
    /** Version 2: the simple password of RFC 2338. */
    password: password(8).optional(),
    /** Advertisements go to these routers, and are taken from these alone, instead of the group. */
    peers: z.array(address).prefault([]),
  }),
  z.strictObject({
    protocol: z.literal("carp"),
    vrid: integer(1, 255, "a vhid"),
    ...common,
    advbase: integer(0, 254, "seconds").prefault(1), // OpenBSD ifconfig(8)
    advskew: integer(0, 254, "a skew").prefault(0), // OpenBSD ifconfig(8)
    password: password(20),
    preempt: flag.prefault(false), // OpenBSD net.inet.carp.preempt
    peers: z.array(address).prefault([]),
  }),
  z.strictObject({
    protocol: z.literal("hsrp"),
    version: integer(1, 2, "a version").prefault(2),
    vrid: integer(0, 4095, "a group"),
    ...common,
    priority: integer(0, 255, "a priority").prefault(100), // Cisco
    hello: duration(15, 255_000, "s").prefault("3s"), // RFC 2281 5.1
    hold: duration(50, 255_000, "s").prefault("10s"), // RFC 2281 5.1
    preempt: flag.prefault(false), // RFC 2281 5.1
    ...preemptDelay,
    password: password(8).prefault("cisco"), // RFC 2281 5.1
  }),
]);

/** The table of virtual MACs that are heard (VR-1, VR-2). */
export const vmac: z.ZodType<VmacSection> = z.strictObject({
  ageing: word("timestamp", "flag").prefault("timestamp"), // VR-2
  /** 0s: as long as the advertisement's own timers say. */
  timeout: duration(0, DAY, "s").prefault("0s"),
  "max-entries": integer(16, 65_536, "a number of entries").prefault(1024), // our choice, see vr/config.ts
  static: z
    .array(
      z.strictObject({
        interface: name,
        mac: stationMac,
        vrid: integer(0, 4095, "a VRID"),
        priority: integer(0, 255, "a priority").prefault(0),
        addresses: z.array(address),
      }),
    )
    .prefault([]),
});
