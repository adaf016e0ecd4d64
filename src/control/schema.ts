// The configuration file: one zod schema for every key of the specification, those of later versions included, so
// that types and messages are right everywhere. It is strict: an unknown key is a fault. What the keys mean together
// is checked in check.ts. Each default stands here with its source.

import { z } from "zod";
import {
  address,
  etherType,
  ipProtocol,
  match,
  parseVlans,
  prefix,
  stationMac,
  vlanList,
} from "./address.ts";
import type { Configuration } from "./configuration.ts";
import { bridgeKeys, channelKeys } from "./protection-schema.ts";
import { virtualRouter, vmac } from "./router-schema.ts";
import {
  duration,
  flag,
  integer,
  percent,
  powerOfTwo,
  scalar,
  size,
  text,
  word,
} from "./scalar.ts";

/** A day: the longest time that any timer takes, our choice. */
const DAY = 86_400_000;
const vlan: z.ZodType<number> = integer(1, 4094, "a VLAN");
const core: z.ZodType<number> = integer(0, 63, "a core");
const name: z.ZodType<string> = text("a name");
/** What ip-link(8) takes: IFNAMSIZ is 16 with its end. */
const kernelName: z.ZodType<string> = scalar("the name of a kernel interface", (value) =>
  typeof value === "string" && /^[^\s/:]{1,15}$/.test(value) ? value : undefined,
);

const SCHEMES = ["flow", "port", "function", "least-load", "time-slice", "arbiter"] as const;

const cores = z.strictObject({
  // Two cores as in the specification's example.
  count: integer(1, 64, "a number of cores").prefault(2),
  tick: duration(1, 100, "ms").prefault("1ms"), // CORE-11
  idle: word("sleep", "poll").prefault("sleep"), // CORE-11
  // Lowest (priority, id) becomes master, CORE-8; equal for all where not given.
  priorities: z.record(z.string(), integer(0, 255, "a priority")).prefault({}),
  // Sources of what follows: core/supervision-config.ts.
  "failure-timeout": duration(100, 60_000, "ms").prefault("300ms"),
  "restart-delay": duration(0, 600_000, "ms").prefault("1s"),
  "max-restarts": integer(0, 1000, "a number of restarts").prefault(5),
  "overload-threshold": percent().prefault("95%"),
  "overload-time": duration(1000, 3_600_000, "ms").prefault("10s"),
});

/** Frames or time that one core gets at a stretch. */
const unit = scalar<{ frames: number } | { millis: number }>(
  "a number of frames or a duration, such as 1 or 10ms",
  (value) => {
    if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65536) {
      return { frames: value as number };
    }
    const parsed = /^(\d{1,6})(ms|s)$/.exec(String(value));
    if (parsed === null || Number(parsed[1]) === 0) return undefined;
    return { millis: Number(parsed[1]) * (parsed[2] === "s" ? 1000 : 1) };
  },
);

const key = scalar<string>(
  "microsoft, symmetric or 16 to 52 bytes in hex",
  (value) => {
    if (value === "microsoft" || value === "symmetric") return value;
    const digits = String(value).replaceAll(/[:\s]/g, "");
    return typeof value === "string" && /^([0-9a-f]{2}){16,52}$/i.test(digits) ? digits : undefined;
  },
  (value) => {
    const digits = String(value).replaceAll(/[:\s]/g, "");
    if (!/^[0-9a-f]+$/i.test(digits)) return "";
    return typeof value === "string"
      ? `these are ${digits.length / 2} bytes`
      : "write the hex digits in quotes";
  },
);

const port16: z.ZodType<number> = integer(0, 65535, "a TCP or UDP port");

const rule = z.strictObject({
  "ether-type": etherType.optional(),
  vlan: vlan.optional(),
  port: name.optional(),
  protocol: ipProtocol.optional(),
  source: match.optional(),
  destination: match.optional(),
  "source-port": port16.optional(),
  "destination-port": port16.optional(),
  core: core.optional(),
  role: word("arp", "link").optional(),
});

const steering = z.strictObject({
  scheme: word(...SCHEMES).prefault("flow"), // CORE-7
  unit: unit.prefault(1),
  key: key.prefault("microsoft"), // the published verification key, CORE-4
  buckets: powerOfTwo(2, 128).prefault(128), // CORE-4
  rebalance: z
    .strictObject({
      threshold: percent().prefault("20%"), // the specification's example
      interval: duration(100, DAY, "s").prefault("10s"), // the specification's example
    })
    .prefault({}),
  /** Load above which a core gets no new flows; left out, a core never refuses any. */
  "load-threshold": percent().optional(),
  /** Cores of the jobs that the scheme `function` pins. */
  functions: z
    .strictObject({
      tcp: core.optional(),
      udp: core.optional(),
      icmp: core.optional(),
      ip: core.optional(),
      other: core.optional(),
    })
    .prefault({}),
  rules: z.array(rule).prefault([]),
});

const portCommon = {
  scheme: word(...SCHEMES).optional(),
  /** The core of the scheme `port`; left out, the ports go round the cores. */
  core: core.optional(),
  mac: stationMac.optional(),
  mtu: integer(68, 65535, "an MTU").optional(), // RFC 791: every module forwards 68 octets
};

const port = z.discriminatedUnion("driver", [
  z.strictObject({
    driver: z.literal("packet"),
    interface: kernelName,
    /** Take the port although the kernel has addresses there and answers too. */
    force: flag.prefault(false),
    ...portCommon,
  }),
  z.strictObject({
    driver: z.literal("xdp"),
    interface: kernelName,
    force: flag.prefault(false),
    ...portCommon,
  }),
  z.strictObject({ driver: z.literal("tap"), interface: kernelName, ...portCommon }),
  z.strictObject({
    driver: z.literal("pcap"),
    /** Read to its end; nothing is received when there is none. */
    file: text("the name of a capture file").optional(),
    /** Where frames sent are written. */
    out: text("the name of a capture file").optional(),
    ...portCommon,
  }),
  z.strictObject({ driver: z.literal("memory"), ...portCommon }),
]);

const priority16: z.ZodType<number> = integer(0, 65535, "a priority");

const channel = z.strictObject({
  members: z.array(name),
  mode: word("lacp", "static", "active-backup").prefault("lacp"),
  hash: word("l3+l4", "l2", "l2+l3").prefault("l3+l4"),
  "min-links": integer(1, 16).prefault(1),
  "max-links": integer(1, 16).prefault(16),
  // At once, as IEEE 802.3-2005 43.4.8 takes port_enabled.
  "up-delay": duration(0, DAY, "s").prefault("0s"),
  "down-delay": duration(0, DAY, "s").prefault("0s"),
  lacp: z
    .strictObject({
      activity: word("active", "passive").prefault("active"),
      rate: word("slow", "fast").prefault("slow"), // IEEE 802.3-2005 43.4.4: long timeout
      // Left out, the number in the channel's name: LA/3 has key 3.
      key: integer(1, 65535, "a key").optional(),
      "system-priority": priority16.prefault(32768), // the common default of vendors
      "system-id": scalar("auto or a MAC address", (value) =>
        value === "auto" ? value : (stationMac.safeParse(value).data ?? undefined),
      ).prefault("auto"),
      fallback: word("none", "static", "individual").prefault("none"),
      mux: word("independent", "coupled").prefault("independent"),
    })
    .optional(),
  "member-options": z
    .record(z.string(), z.strictObject({ priority: priority16.prefault(32768) }))
    .prefault({}),
});

/** Hello, forward delay, maximum age, transmit hold count and priority: IEEE 802.1D-2004 tables 17-1 and 17-2. */
const bridgeStp = z.strictObject({
  // The first that the specification names: a bridge of two links to one neighbour must not make a loop by silence.
  protocol: word("rstp", "stp", "off").prefault("rstp"),
  priority: integer(0, 61440, "a bridge priority").prefault(32768),
  "hello-time": duration(1000, 10_000, "s").prefault("2s"),
  "forward-delay": duration(4000, 30_000, "s").prefault("15s"),
  "max-age": duration(6000, 40_000, "s").prefault("20s"),
  "tx-hold-count": integer(1, 10, "a number of BPDUs in a second").prefault(6),
});

/** What a port is made to be, or finds out by itself; YAML 1.2 reads on and off as words, as people mean them. */
const autoFlag: z.ZodType<"auto" | boolean> = scalar<"auto" | boolean>(
  "auto, on or off",
  (value) => {
    if (value === "auto" || typeof value === "boolean") return value;
    if (value === "on" || value === "off") return value === "on";
    return undefined;
  },
);

const channelStp = z.strictObject({
  edge: autoFlag.prefault("auto"), // IEEE 802.1D-2004 17.13.3: AutoEdge
  "point-to-point": autoFlag.prefault("auto"), // 6.4.3
  "bpdu-guard": flag.prefault(false),
  "bpdu-filter": flag.prefault(false),
  "root-guard": flag.prefault(false),
  "loop-guard": flag.prefault(false),
  "tcn-guard": flag.prefault(false),
  /** How long BPDU guard keeps a channel shut; 0s: until its link goes down, or somebody clears it. */
  "guard-recovery": duration(0, DAY, "s").prefault("0s"),
  cost: scalar<"auto" | number>("auto or a cost, 1 to 200000000", (value) =>
    value === "auto" || (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 2e8)
      ? (value as "auto" | number)
      : undefined,
  ).prefault("auto"),
  priority: integer(0, 240, "a port priority").prefault(128),
});

const bridgeChannel = z.strictObject({
  // Access in VLAN 1, so that a bridge of two ports needs no word about VLANs: our choice, as switches come.
  mode: word("access", "trunk").prefault("access"),
  "access-vlan": vlan.optional(),
  "native-vlan": scalar<number | "none">("a VLAN, 1 to 4094, or none", (value) => {
    if (value === "none") return "none";
    return Array.isArray(value) || parseVlans(value)?.length !== 1 ? undefined : Number(value);
  }).optional(),
  "trunk-vlans": vlanList.optional(),
  stp: channelStp.optional(),
  ...channelKeys,
});

const bridge = z.strictObject({
  mac: stationMac.optional(),
  "table-size": powerOfTwo(16, 1_048_576).prefault(8192), // BR-1
  "probe-limit": integer(1, 64, "a number of slots").prefault(8), // BR-1
  "ageing-time": duration(10_000, 1e9, "s").prefault("300s"), // IEEE 802.1D-2004 table 7-5
  ageing: word("each-tells", "each-silent", "one").prefault("each-tells"), // BR-5
  learning: word("broadcast", "independent").prefault("broadcast"), // BR-10
  stp: bridgeStp.prefault({}),
  ...bridgeKeys,
  channels: z.record(z.string(), bridgeChannel.prefault({})).prefault({}),
  /** Stations that neither move nor age (BR-9). */
  static: z.array(z.strictObject({ mac: stationMac, vlan, channel: name })).prefault([]),
  // NetScaler's maxbridgecollision (BR-10); 0 = never mute.
  "move-limit": integer(0, 1_000_000, "a number of moves in a second").prefault(20),
  "mute-time": duration(100, DAY, "s").prefault("10s"), // our choice: a loop made by hand is found in seconds
});

/** Defaults: AdvSendAdvertisements is the section itself; the others are RFC 4861 6.2.1's, where it has one. */
const advertisements = z.strictObject({
  interval: duration(4000, 1_800_000, "s").prefault("600s"), // MaxRtrAdvInterval
  /** Left out: three times the interval. 0s: hosts take no default route from this router. */
  lifetime: duration(0, 9_000_000, "s").optional(),
  managed: flag.prefault(false),
  other: flag.prefault(false),
  preference: word("medium", "low", "high").prefault("medium"), // RFC 4191 2.1
  mtu: integer(1280, 65535, "an MTU").optional(),
  "hop-limit": integer(0, 255, "a hop limit").prefault(64), // AdvCurHopLimit: IANA's default
  "reachable-time": duration(0, 3_600_000, "s").prefault("0s"), // AdvReachableTime: unspecified
  "retrans-timer": duration(0, 60_000, "s").prefault("0s"), // AdvRetransTimer: unspecified
  "valid-lifetime": duration(0, 4e12, "s").prefault("2592000s"), // AdvValidLifetime: 30 days
  "preferred-lifetime": duration(0, 4e12, "s").prefault("604800s"), // AdvPreferredLifetime: 7 days
  autonomous: flag.prefault(true), // AdvAutonomousFlag
  dns: z.array(address).prefault([]), // RFC 8106 5.1
});

const iface = z.strictObject({
  bridge: name.optional(),
  channel: name.optional(),
  vlan: vlan.optional(),
  addresses: z.array(prefix).prefault([]),
  "proxy-arp": flag.prefault(false), // off: RFC 1027 is for those who ask for it
  mac: stationMac.optional(),
  mtu: integer(68, 65535, "an MTU").optional(),
  /** True: IPv6 with a link-local address alone. An IPv6 address says so by itself. */
  ipv6: flag.optional(),
  /** Its presence makes the interface a router's (RFC 4861 6.2): it advertises its own prefixes. */
  "router-advertisements": advertisements.optional(),
});

const route = z.strictObject({
  to: prefix,
  via: address.optional(),
  interface: name.optional(),
  kind: word("unicast", "blackhole", "unreachable", "prohibit").prefault("unicast"),
});

const arp = z.strictObject({
  ageing: word("timestamp", "second-chance").prefault("timestamp"), // ARP-6
  timeout: duration(1000, DAY, "s").prefault("1200s"), // the specification's example; 20 min as in BSD
  retries: integer(1, 20, "a number of requests").prefault(3), // ARP-4
  "retry-interval": duration(100, 60_000, "s").prefault("1s"), // ARP-4
  "back-off": flag.prefault(false), // ARP-4, variant
  "pending-frames": integer(1, 1024, "a number of frames").prefault(16), // the specification's example
  propagate: word("all", "askers").prefault("all"), // ARP-4
  answer: word("asker", "all").prefault("asker"), // ARP-3
  "max-entries": integer(16, 1_048_576, "a number of entries").prefault(8192), // ARP-8
  "accept-gratuitous": word("update", "create", "ignore").prefault("update"),
});

const nd = z.strictObject({
  owner: word("hash", "first", "traffic").prefault("hash"), // ND-2
  "reachable-time": duration(1000, DAY, "s").prefault("30s"), // REACHABLE_TIME, RFC 4861 section 10
  "retrans-timer": duration(100, 60_000, "s").prefault("1s"), // RETRANS_TIMER, RFC 4861 section 10
  "dad-transmits": integer(0, 10).prefault(1), // DupAddrDetectTransmits, RFC 4862 section 5.1
  "max-entries": integer(16, 1_048_576, "a number of entries").prefault(8192),
});

const neighbours = z.strictObject({
  arp: arp.prefault({}),
  nd: nd.optional(),
  static: z.array(z.strictObject({ address, mac: stationMac, interface: name })).prefault([]),
});

const role = scalar<"auto" | number>("auto or a core, 0 to 63", (value) =>
  value === "auto" || (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 63)
    ? (value as "auto" | number)
    : undefined,
);

const api = z.strictObject({
  http: scalar<string | null>("host:port in quotes, or null", (value) => {
    if (value === null) return null;
    const found = /^(.+):(\d{1,5})$/.exec(typeof value === "string" ? value : "");
    return found !== null && Number(found[2]) <= 65535 ? (value as string) : undefined;
  }).prefault("127.0.0.1:7474"),
  "token-file": scalar<string | null>("the name of a file, or null", (value) =>
    value === null || (typeof value === "string" && value !== "") ? value : undefined,
  ).prefault(null),
  metrics: flag.prefault(true),
  // Ours: an hour of 10 busy ports and 4 cores takes less than half of it.
  past: size(256 * 1024, 1024 ** 3)
    .nullable()
    .prefault("8MiB"),
});

/** The whole file. Empty is valid: an appliance without ports. */
const configuration = z.strictObject({
  cores: cores.prefault({}),
  steering: steering.prefault({}),
  ports: z.record(z.string(), port).prefault({}),
  channels: z.record(z.string(), channel).prefault({}),
  bridges: z.record(z.string(), bridge).prefault({}),
  interfaces: z.record(z.string(), iface).prefault({}),
  routes: z.array(route).prefault([]),
  forwarding: z
    .strictObject({
      ipv4: flag.prefault(true), // the specification's example
      ipv6: flag.prefault(true), // the specification's example
      redirects: flag.prefault(true), // Linux net.ipv4.conf.all.send_redirects
    })
    .prefault({}),
  neighbours: neighbours.prefault({}),
  "virtual-routers": z.record(z.string(), virtualRouter).prefault({}),
  vmac: vmac.optional(),
  roles: z.strictObject({ arp: role.prefault("auto"), link: role.prefault("auto") }).prefault({}),
  // The specification's example; statistics, steering table and buffers of 4 cores fit many times.
  "global-cache": z
    .strictObject({ size: size(1024 ** 2, 2 * 1024 ** 3).prefault("64MiB") })
    .prefault({}),
  api: api.optional(),
});

/** The schema of a whole file, from which docs/reference/configuration.md is printed. */
export const CONFIGURATION: z.ZodType = configuration;

/** Reads the data of a whole file; on success all defaults are filled in. */
export const parseConfiguration = (value: unknown): z.ZodSafeParseResult<Configuration> =>
  configuration.safeParse(value);

/** What a walk through the schema sees of a node (zod's own shape of it). */
interface Definition {
  readonly type: string;
  readonly innerType?: z.ZodType;
  /** What a shorthand is turned into. */
  readonly out?: z.ZodType;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly valueType?: z.ZodType;
  readonly element?: z.ZodType;
  readonly discriminator?: string;
  readonly options?: readonly z.ZodType[];
}

/** The keys that the group at `path` may have, in the order of the schema; [] where there is no such group. */
export function keysAt(path: readonly (string | number)[], data: unknown): readonly string[] {
  let node: Definition | undefined = unwrap(configuration, data);
  let value = data;
  for (const part of path) {
    value = (value as Record<string | number, unknown> | undefined | null)?.[part];
    const next: z.ZodType | undefined =
      node?.type === "object"
        ? node.shape?.[part]
        : node?.type === "record"
          ? node.valueType
          : node?.element;
    node = next === undefined ? undefined : unwrap(next, value);
  }
  return Object.keys(node?.shape ?? {});
}

/** The definition below defaults and options, with the variant that the data names. */
function unwrap(schema: z.ZodType, value: unknown): Definition | undefined {
  const definition = schema.def as unknown as Definition;
  const inner = definition.innerType ?? definition.out;
  if (inner !== undefined) return unwrap(inner, value);
  if (definition.discriminator === undefined) return definition;
  const wanted = (value as Record<string, unknown> | null)?.[definition.discriminator];
  const literal = (option: z.ZodType): unknown =>
    (
      (option.def as unknown as Definition).shape?.[definition.discriminator ?? ""]
        ?.def as unknown as {
        values?: unknown[];
      }
    )?.values?.[0];
  return definition.options?.find((option) => literal(option) === wanted)
    ?.def as unknown as Definition;
}
