// Events for people: the four numbers of an event (engine/event.ts) become {time, core, subject, from, to, cause,
// evidence}.

import { WHY_NAMES } from "../bridge/shut.ts";
import { STORM_NAMES } from "../bridge/storm.ts";
import type { ApplianceConfig } from "../core/config.ts";
import { REASONS, STATES } from "../core/supervised.ts";
import { DROP_NAMES } from "../engine/drop.ts";
import { EVENT_NAMES, type EventName } from "../engine/event.ts";
import { TABLE_NAMES } from "../engine/message.ts";
import { PORT_STATE_NAMES } from "../engine/port-state.ts";
import { ROLE_NAMES } from "../engine/role.ts";
import { CHURN_NAMES } from "../lag/churn.ts";
import { MUX_NAMES } from "../lag/mux.ts";
import { SELECTED_NAMES } from "../lag/port-state.ts";
import { CHOICE_NAMES } from "../lag/selection.ts";
import { GUARD_NAMES, ROLE_NAMES as STP_ROLE_NAMES } from "../stp/port.ts";
import { stateName } from "../vr/machine.ts";
import { REASON_NAMES, RIVAL_NAMES } from "../vr/reason.ts";
import { formatIpv4, formatIpv6, formatMac } from "../wire/text.ts";
import type { RawEvent } from "./appliance-port.ts";

/** An event as `show events` prints it. */
export interface EventRow {
  readonly time: string;
  readonly core: number;
  readonly subject: string;
  readonly from: string;
  readonly to: string;
  /** The event's name. */
  readonly cause: string;
  readonly evidence: string;
}

type Words = Pick<EventRow, "subject" | "from" | "to" | "evidence">;
type Describe = (event: RawEvent, name: Namer) => Words;

/** The names of things, from the configuration that runs. */
class Namer {
  readonly #config: ApplianceConfig;

  constructor(config: ApplianceConfig) {
    this.#config = config;
  }

  readonly port = (index: number): string =>
    this.#config.common.ports[index]?.name || `number ${index}`;
  readonly channel = (index: number): string =>
    index < 0 ? "" : this.#config.common.channels[index]?.name || `number ${index}`;
  readonly iface = (index: number): string =>
    this.#config.common.interfaces[index]?.name || `interface ${index}`;
  /** A channel that may be unknown. */
  readonly place = (index: number): string =>
    index < 0 ? "an unknown port" : this.channel(index) || `number ${index}`;
  /** A virtual router by its place in the configuration, twice, and 1 for IPv6. */
  readonly router = (about: number): string => {
    const found = this.#config.vr?.routers[Math.floor(about / 2)];
    const family = about % 2 === 1 ? "ipv6" : "ipv4";
    return `vr ${found?.name ?? `number ${Math.floor(about / 2)}`} ${family}`;
  };
  readonly routerState = (about: number, state: number): string =>
    stateName(this.#config.vr?.routers[Math.floor(about / 2)]?.protocol ?? "vrrp", state);
  readonly bridge = (index: number): string =>
    this.#config.bridging.bridges[index]?.name || `number ${index}`;
}

const words = (subject: string, from: string, to: string, evidence = ""): Words => ({
  subject,
  from,
  to,
  evidence,
});

const station = (mac: number, vlan: number): string => `station ${formatMac(mac)} vlan ${vlan}`;
const bound = (reason: number): string => `bound ${DROP_NAMES[reason] ?? reason}`;
const member = (e: RawEvent, n: Namer): string => `port ${n.port(e.a)}`;
const tree = (e: RawEvent, n: Namer): string => `stp ${n.channel(e.a)}`;
const neighbour = (address: number): string => `arp ${formatIpv4(address)}`;

/** An event without an entry prints its numbers. */
/** Address, interface and number of an event about an IPv6 address (engine/event.ts). */
function about6({ a, b, c, d }: RawEvent): { address: string; iface: number; n: number } {
  const high = (value: number): number => Math.floor(value / 0x10000);
  const low = (value: number): number => value % 0x10000;
  return {
    address: formatIpv6(a % 0x1_0000_0000, high(b), high(c), high(d)),
    iface: Math.floor(a / 0x1_0000_0000),
    n: (low(b) * 0x10000 + low(c)) * 0x10000 + low(d),
  };
}

const OWN_STATES = ["tentative", "preferred", "deprecated", "gone", "duplicate"];

/** An event about an IPv6 neighbour, from its parts. */
const nd =
  (describe: (n: number) => readonly [from: string, to: string, evidence?: string]): Describe =>
  (event, name) => {
    const { address, iface, n } = about6(event);
    const [from, to, evidence = ""] = describe(n);
    const on = `on ${name.iface(iface)}`;
    return words(`nd ${address}`, from, to, evidence === "" ? on : `${evidence} ${on}`);
  };

/** Free identifiers, 8 bits each, as a list; "" for none. */
const freeText = (free: number): string =>
  [free >> 16, (free >> 8) & 0xff, free & 0xff].filter((one) => one > 0).join(", ");

/** Events about virtual routers (vr/vr.ts). */
const VR_EVENTS: { readonly [N in EventName]?: Describe } = {
  "vr-state": (e, n) =>
    words(n.router(e.a), n.routerState(e.a, e.b), n.routerState(e.a, e.c), REASON_NAMES[e.d]),
  "vr-rival": (e, n) => {
    const about = e.a % 0x1_0000;
    const kind = RIVAL_NAMES[Math.floor(e.a / 0x1_0000) % 16] ?? "";
    const theirs = Math.floor(e.d / 0x1_0000) - 1;
    const ours = (e.d % 0x1_0000) - 1;
    const address = Math.floor(e.a / 0x10_0000) % 0x1_0000_0000;
    const from = about % 2 === 0 && address > 0 ? ` (${formatIpv4(address)})` : "";
    const evidence = `${formatMac(e.b)}${from} on ${n.place(theirs)}, we are ${formatMac(e.c)} on ${n.place(ours)}`;
    return words(n.router(about), "", kind, evidence);
  },
  "vr-stranger": (e, n) => {
    const vrid = e.a % 0x1_0000;
    const free = freeText(e.d);
    const hint = free === "" ? "" : `; free there: ${free}`;
    const who = `${formatMac(e.b)} on ${n.place(e.c)} speaks it otherwise than we`;
    return words(
      `vrid ${vrid} on ${n.iface(Math.floor(e.a / 0x1_0000))}`,
      "",
      "stranger",
      who + hint,
    );
  },
  "vr-late": (e, n) =>
    words(
      n.router(e.a),
      "",
      "late",
      `${Math.round(e.b)} ms, with an interval of ${Math.round(e.c)} ms`,
    ),
};

const ASKERS = ["nobody", "another system", "this system"];

/** A VLAN of a bridge in one family: b is VLAN * 2 + 1 for IPv6. */
const domain = (e: RawEvent, n: Namer): string =>
  `groups ${n.bridge(e.a)} vlan ${e.b >> 1} ${(e.b & 1) === 1 ? "ipv6" : "ipv4"}`;

function querierText({ b, c, d }: RawEvent): string {
  if (c === 0) return "multicast floods";
  if ((b & 1) === 0) return d === 0 ? "0.0.0.0" : formatIpv4(d);
  return `...${formatIpv6(0, 0, Math.floor(d / 0x1_0000_0000), d % 0x1_0000_0000)}`;
}

/** Events of snooping and of what protects a bridge. */
const GROUP_EVENTS: { readonly [N in EventName]?: Describe } = {
  "querier-changed": (e, n) => words(domain(e, n), "", ASKERS[e.c] ?? "", querierText(e)),
  "router-port": (e, n) =>
    words(
      domain(e, n),
      e.d === 1 ? "" : "router",
      e.d === 1 ? "router" : "",
      `behind ${n.channel(e.c)}`,
    ),
  "groups-full": (e, n) =>
    words(`bridge ${n.bridge(e.a)}`, "", "groups full", `${e.b} groups: unknown ones flood`),
  "channel-shut": (e, n) =>
    words(
      `channel ${n.channel(e.b)}`,
      "open",
      "shut",
      `${WHY_NAMES[e.c] ?? ""}; opens ${e.d > 0 ? `in ${Math.round(e.d / 1000)} s` : "when cleared"}`,
    ),
  "channel-opened": (e, n) =>
    words(`channel ${n.channel(e.b)}`, "shut", "open", WHY_NAMES[e.c] ?? ""),
  "loop-detected": (e, n) =>
    words(
      `channel ${n.channel(e.b)}`,
      "",
      "loop",
      `a probe sent on ${n.channel(e.c)} came back, vlan ${e.d}`,
    ),
  "own-mac-seen": (e, n) =>
    words(
      `channel ${n.channel(e.b)}`,
      "",
      "own MAC",
      `${formatMac(e.c)} came from outside, vlan ${e.d}: a loop, or a forger`,
    ),
  storm: (e, n) =>
    words(
      `channel ${n.channel(e.a)}`,
      e.c === 1 ? "" : "storm",
      e.c === 1 ? "storm" : "",
      `${STORM_NAMES[e.b] ?? ""}${e.c === 1 ? "" : `, ${e.d} frames dropped`}`,
    ),
};

const DESCRIBE: { readonly [N in EventName]?: Describe } = {
  "port-up": (e, n) => words(`port ${n.port(e.a)}`, "down", "up"),
  "port-down": (e, n) => words(`port ${n.port(e.a)}`, "up", "down"),
  "station-learned": (e, n) => words(station(e.b, e.c), "", n.channel(e.d), `on ${n.bridge(e.a)}`),
  "station-moved": (e, n) => words(station(e.a, e.b), n.channel(e.c), n.channel(e.d)),
  "station-flushed": (e, n) => words(station(e.b, e.c), n.channel(e.d), "", `on ${n.bridge(e.a)}`),
  "bridge-full": (e, n) =>
    words(`bridge ${n.bridge(e.a)}`, "", "full", `${n.channel(e.b)} gave up its oldest station`),
  "channel-muted": (e, n) =>
    words(
      `channel ${n.channel(e.b)}`,
      "forwarding",
      "muted",
      `${e.c} moves seen on ${n.bridge(e.a)}`,
    ),
  "channel-unmuted": (e, n) =>
    words(`channel ${n.channel(e.b)}`, "muted", "forwarding", `on ${n.bridge(e.a)}`),
  "mac-limit": (e, n) =>
    words(`channel ${n.channel(e.b)}`, "", "limit", `${e.c} stations on ${n.bridge(e.a)}`),
  "arp-added": (e, n) => words(neighbour(e.b), "", formatMac(e.c), `on ${n.iface(e.a)}`),
  "arp-changed": (e, n) =>
    words(neighbour(e.b), formatMac(e.c), formatMac(e.d), `on ${n.iface(e.a)}`),
  "arp-failed": (e, n) =>
    words(
      neighbour(e.b),
      "pending",
      "failed",
      `${e.c} requests on ${n.iface(e.a)} without an answer`,
    ),
  "arp-flushed": (e, n) => words(neighbour(e.b), formatMac(e.c), "", `on ${n.iface(e.a)}`),
  "arp-conflict": (e, n) =>
    words(
      neighbour(e.b),
      formatMac(e.c),
      formatMac(e.d),
      `our own address on ${n.iface(e.a)} is claimed by ${formatMac(e.d)}`,
    ),
  "arp-full": (e, n) => words(neighbour(e.b), "reachable", "evicted", `on ${n.iface(e.a)}`),
  "bus-resync": (e) =>
    words(
      `bus to core ${e.a}`,
      "overflowed",
      "in step",
      `table ${TABLE_NAMES[e.b] ?? e.b} sent whole`,
    ),
  "bus-full": (e) => words(`bus to core ${e.a}`, "flowing", "full"),
  "role-changed": (e) =>
    words(`role ${ROLE_NAMES[e.a] ?? e.a}`, e.b < 0 ? "" : `core ${e.b}`, `core ${e.c}`),
  "core-state": (e) =>
    words(
      `core ${e.a}`,
      STATES[e.b] ?? "",
      STATES[e.c] ?? "",
      REASONS[e.d] === "none" ? "" : REASONS[e.d],
    ),
  "core-given-up": (e) => words(`core ${e.a}`, "", "offline", `failed after ${e.b} restarts`),
  "buckets-rescued": (e) => words(`core ${e.a}`, "", "", `${e.b} buckets to other cores at once`),
  "table-differs": (e) =>
    words(`table ${TABLE_NAMES[e.a] ?? e.a}`, "equal", "different", "it is sent again"),
  "table-repaired": (e) =>
    words(`table ${TABLE_NAMES[e.a] ?? e.a}`, "different", "equal", `after ${e.b} ms`),
  "bucket-moved": (e) => words(`bucket ${e.a}`, `core ${e.b}`, `core ${e.c}`),
  stalled: (e) =>
    words(`core ${e.core}`, "", "stalled", `slept ${Math.round(e.a)} ms longer than asked`),
  configured: (e) => words("configuration", "", "changed", `${e.a} objects`),
  "bound-met": (e) => words(bound(e.a), "", "full", `${e.b} given up in the last second`),
  "bound-cleared": (e) => words(bound(e.a), "full", "", `${e.b} given up in all`),
  "lag-member": (e, n) =>
    words(member(e, n), MUX_NAMES[e.b] ?? "", MUX_NAMES[e.c] ?? "", CHOICE_NAMES[e.d]),
  "lag-selected": (e, n) => words(member(e, n), "", SELECTED_NAMES[e.b] ?? "", CHOICE_NAMES[e.c]),
  "lag-churn": (e, n) =>
    words(member(e, n), "", CHURN_NAMES[e.c] ?? "", e.b === 1 ? "its partner" : "this side"),
  "lag-partner": (e, n) =>
    words(member(e, n), "", `partner ${formatMac(e.b)}`, `key ${e.c}, port ${e.d}`),
  "lag-freed": (e, n) =>
    words(
      member(e, n),
      "in a channel",
      "shut",
      "a second link of its bridge: pull its cable to open it",
    ),
  "stp-state": (e, n) =>
    words(
      tree(e, n),
      PORT_STATE_NAMES[e.b] ?? "",
      PORT_STATE_NAMES[e.c] ?? "",
      STP_ROLE_NAMES[e.d] ?? "",
    ),
  "stp-role": (e, n) => words(tree(e, n), STP_ROLE_NAMES[e.b] ?? "", STP_ROLE_NAMES[e.c] ?? ""),
  "stp-root": (e, n) =>
    words(
      `stp ${n.bridge(e.a)}`,
      "",
      `root ${e.b}.${formatMac(e.c)}`,
      e.d < 0 ? "this bridge is the root" : `through ${n.channel(e.d)}`,
    ),
  "stp-topology-change": (e, n) =>
    words(
      `stp ${n.bridge(e.a)}`,
      "",
      "topology change",
      e.c === 1 ? `${n.channel(e.b)} forwards` : `heard on ${n.channel(e.b)}`,
    ),
  "stp-guard": (e, n) =>
    words(
      tree(e, n),
      e.c === 1 ? "" : "shut",
      e.c === 1 ? "shut" : "",
      `${GUARD_NAMES[e.b] ?? ""} guard${e.d > 0 ? `: a BPDU of ${formatMac(e.d)}` : ""}`,
    ),
  "stp-protocol": (e, n) =>
    words(tree(e, n), "", e.b === 0 ? "STP" : "RSTP", "what its neighbour speaks"),
  "stp-pvst": (e, n) =>
    words(tree(e, n), "", "PVST+", `VLAN ${e.b} of ${formatMac(e.c)}: it is not spoken here`),
  ...GROUP_EVENTS,
  "address-in-use": (e, n) => words(neighbour(e.b), "announced", "in use", `on ${n.iface(e.a)}`),
  ...VR_EVENTS,
  "nd-added": nd((n) => ["", formatMac(n)]),
  "nd-changed": nd((n) => ["", formatMac(n), "another MAC"]),
  "nd-failed": nd((n) => ["incomplete", "failed", `${n} solicitations without an answer`]),
  "nd-deleted": nd((n) => [formatMac(n), ""]),
  "nd-full": nd(() => ["reachable", "evicted"]),
  "nd-duplicate": nd((n) => ["", "duplicate", `${formatMac(n)} has our address`]),
  "nd-own": nd((n) => ["", OWN_STATES[n] ?? String(n), "our own address"]),
  "nd-router": nd((n) => (n === 1 ? ["", "default router"] : ["default router", ""])),
};

/** An event in words. */
export function describeEvent(event: RawEvent, config: ApplianceConfig): EventRow {
  const name = EVENT_NAMES[event.code];
  const time = new Date(event.time).toISOString();
  const describe = name === undefined ? undefined : DESCRIBE[name];
  const numbers = `${event.a} ${event.b} ${event.c} ${event.d}`;
  const text = describe?.(event, new Namer(config)) ?? words("", "", "", numbers);
  const cause = name ?? `event ${event.code}`;
  return { time, core: event.core, ...pick(text), cause, evidence: text.evidence };
}

const pick = ({ subject, from, to }: Words): Omit<Words, "evidence"> => ({ subject, from, to });
