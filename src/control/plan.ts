// What a new configuration would change, object by object, and whom that disturbs. Pure: two configurations and what
// they compile to; nothing is asked of a running appliance but which virtual routers are active.

import { disturbsMembers } from "../lag/inherit.ts";
import { steersAlike } from "../steering/config.ts";
import type { StartPlan } from "./appliance-port.ts";
import { configRows } from "./config-text.ts";
import type { Configuration } from "./configuration.ts";

export interface Change {
  /** "channel LA/1", "route 0.0.0.0/0", "steering". */
  readonly object: string;
  readonly change: "added" | "changed" | "removed";
  /** Each value that differs: "members: p0,p1 -> p0". */
  readonly values: readonly string[];
  /** What the change does to what runs; "" = nobody notices. */
  readonly disturbs: string;
}

export interface Plan {
  readonly changes: readonly Change[];
  /** Active virtual routers that another machine takes over, or that end. */
  readonly failovers: number;
  /** Aggregated channels whose partner is negotiated with anew. */
  readonly renegotiations: number;
  /** Ports that are closed and opened. */
  readonly reopened: number;
  /** "0 failovers, 1 channel renegotiates". */
  readonly summary: string;
  /** Why it needs a restart; "" when it does not. */
  readonly restart: string;
}

/** One side of a plan. */
export interface Side {
  readonly configuration: Configuration;
  readonly plan: StartPlan;
}

/** Objects of a configuration: its name, and the part of the file that it is. */
type Objects = Map<string, unknown>;

/** Sections whose entries have names; the word before the name. */
const NAMED = [
  ["ports", "port"],
  ["channels", "channel"],
  ["bridges", "bridge"],
  ["interfaces", "interface"],
  ["virtual-routers", "virtual-router"],
] as const;
const SINGLE = ["cores", "steering", "forwarding", "roles", "global-cache", "api"] as const;

/** The values of a part of a file as `show config` writes them, passwords hidden. */
const rowsOf = (value: unknown): Map<string, string> =>
  new Map(configRows(value).map(({ path, value: text }) => [path, text]));

function objectsOf(configuration: Configuration): Objects {
  const objects: Objects = new Map();
  for (const key of SINGLE) objects.set(key, configuration[key]);
  for (const [section, word] of NAMED) {
    for (const [name, value] of Object.entries(configuration[section])) {
      if (section !== "bridges") objects.set(`${word} ${name}`, value);
      else addBridge(objects, name, value as Configuration["bridges"][string]);
    }
  }
  const { arp, nd, static: statics, ...others } = configuration.neighbours;
  objects.set("neighbours.arp", arp);
  objects.set("neighbours.nd", nd);
  for (const [key, value] of Object.entries(others)) objects.set(`neighbours.${key}`, value);
  for (const entry of statics) {
    const address = rowsOf({ address: entry.address }).get("address");
    objects.set(`neighbour ${address} on ${entry.interface}`, entry);
  }
  for (const route of configuration.routes) {
    const rows = rowsOf(route);
    objects.set(`route ${rows.get("to")} ${rows.get("via") ?? rows.get("kind")}`, route);
  }
  const known = new Set<string>([
    ...SINGLE,
    ...NAMED.map(([section]) => section),
    "neighbours",
    "routes",
  ]);
  for (const [key, value] of Object.entries(configuration)) {
    if (!known.has(key)) objects.set(key, value);
  }
  return objects;
}

/** A bridge, its channels and its static stations are objects of their own, so that one of them changes alone. */
function addBridge(objects: Objects, name: string, bridge: Configuration["bridges"][string]): void {
  const { channels, static: statics, ...own } = bridge;
  objects.set(`bridge ${name}`, own);
  for (const [channel, value] of Object.entries(channels)) {
    objects.set(`bridge ${name} channel ${channel}`, value);
  }
  for (const station of statics) {
    const mac = rowsOf({ mac: station.mac }).get("mac");
    objects.set(`bridge ${name} station ${mac} vlan ${station.vlan}`, station);
  }
}

/** The paths whose values differ between two configurations. */
export function changes(before: unknown, after: unknown): string[] {
  const [old, now] = [rowsOf(before), rowsOf(after)];
  const paths = [...new Set([...old.keys(), ...now.keys()])];
  return paths.filter((path) => old.get(path) !== now.get(path));
}

function differing(before: unknown, after: unknown): string[] {
  const [old, now] = [rowsOf(before), rowsOf(after)];
  const values = changes(before, after).map(
    (path) => `${path}: ${old.get(path) ?? "not set"} -> ${now.get(path) ?? "not set"}`,
  );
  // Secrets print alike and still differ.
  return values.length > 0 ? values : ["a secret differs"];
}

/** Compares; `activeRouters` are the names of virtual routers that are active now. */
export function planChanges(
  before: Side,
  after: Side,
  activeRouters: ReadonlySet<string> = new Set(),
): Plan {
  const [old, now] = [objectsOf(before.configuration), objectsOf(after.configuration)];
  const reopened = reopenedPorts(before.plan, after.plan);
  const changes: Change[] = [];
  const counts = { failovers: 0, renegotiations: 0 };
  const note = (object: string, change: Change["change"], values: readonly string[]): void => {
    const disturbs = disturbance(object, change, { before, after, activeRouters, reopened });
    if (disturbs === FAILS_OVER) counts.failovers++;
    if (object.startsWith("interface ")) {
      counts.failovers += moved(object.slice("interface ".length), {
        before,
        after,
        activeRouters,
      }).length;
    }
    if (disturbs === RENEGOTIATES) counts.renegotiations++;
    changes.push({ object, change, values, disturbs });
  };
  for (const [object, value] of old) {
    if (value === undefined) continue;
    const next = now.get(object);
    if (next === undefined) note(object, "removed", []);
    else if (JSON.stringify(next) !== JSON.stringify(value)) {
      note(object, "changed", differing(value, next));
    }
  }
  for (const [object, value] of now) {
    if (value !== undefined && old.get(object) === undefined) note(object, "added", []);
  }
  const plan = { ...counts, reopened: reopened.size };
  return {
    changes,
    ...plan,
    summary: summaryOf(plan),
    restart: restartReason(before.plan, after.plan),
  };
}

/** What cannot change while the cores run: runtime/ refuses it. */
function restartReason({ config: before }: StartPlan, { config: after }: StartPlan): string {
  const keys = (["count", "tick", "idle"] as const).filter(
    (key) => before.cores[key] !== after.cores[key],
  );
  const reasons = keys.map((key) => `cores.${key}`);
  if (before.globalCache !== after.globalCache) reasons.push("global-cache.size");
  return reasons.length === 0 ? "" : `${reasons.join(", ")} cannot change while running`;
}

const count = (number: number, noun: string, verb: string): string =>
  `${number} ${noun}${number === 1 ? "" : "s"} ${verb}${number === 1 ? "s" : ""}`;

/** In a sentence: always failovers and channels, ports only where there are any. */
function summaryOf(plan: Pick<Plan, "failovers" | "renegotiations" | "reopened">): string {
  const parts = [
    `${plan.failovers} failover${plan.failovers === 1 ? "" : "s"}`,
    count(plan.renegotiations, "channel", "renegotiate"),
  ];
  if (plan.reopened > 0) parts.push(count(plan.reopened, "port", "reopen"));
  return parts.join(", ");
}

/** Ports that are there before and after, and are opened anew; by name. */
function reopenedPorts(before: StartPlan, after: StartPlan): Set<string> {
  const names = new Set<string>();
  for (const [port, { name }] of after.config.common.ports.entries()) {
    const [old, now] = [before.drivers[port] ?? null, after.drivers[port] ?? null];
    if (name === "" || old === null || now === null) continue;
    const steers = now.driver === "packet" || now.driver === "tap";
    const alike =
      before.config.cores.count === 1 ||
      !steers ||
      steersAlike(before.config.steering, after.config.steering, port);
    if (JSON.stringify(old) !== JSON.stringify(now) || !alike) names.add(name);
  }
  return names;
}

const FAILS_OVER = "fails over";
const RENEGOTIATES = "renegotiates";

interface Around {
  readonly before: Side;
  readonly after: Side;
  readonly activeRouters: ReadonlySet<string>;
  readonly reopened: ReadonlySet<string>;
}

function disturbance(object: string, change: Change["change"], around: Around): string {
  const [word = "", ...rest] = object.split(" ");
  const name = rest.join(" ");
  switch (word) {
    case "port":
      if (change === "removed") return "ends";
      return around.reopened.has(name) ? "reopens: frames of a moment are lost" : "";
    case "channel":
      return channelDisturbance(name, change, around);
    case "virtual-router":
      return routerDisturbance(name, change, around);
    case "bridge":
      return change === "added" ? "" : bridgeDisturbance(rest, change);
    case "interface":
      return interfaceDisturbance(name, change, around);
    case "steering":
      return around.reopened.size > 0
        ? "ports reopen, because the kernel steers by another program"
        : "";
    default:
      return "";
  }
}

function bridgeDisturbance(rest: readonly string[], change: Change["change"]): string {
  const [, kind] = rest;
  if (kind === "station") return "";
  if (kind === "channel") {
    return change === "removed"
      ? "its stations are forgotten"
      : "stations of VLANs that it no longer carries are forgotten";
  }
  return change === "removed" ? "ends" : "";
}

/** A channel renegotiates when its terms differ; a member that comes or goes leaves the others alone. */
function channelDisturbance(
  name: string,
  change: Change["change"],
  { before, after }: Around,
): string {
  if (change === "added") return "";
  if (change === "removed") return "ends";
  const find = ({ plan }: Side): number =>
    plan.config.common.channels.findIndex((channel) => channel.name === name);
  const of = (side: Side, index: number): Parameters<typeof disturbsMembers>[0] | undefined =>
    side.plan.config.lag?.channels.find(({ channel }) => channel === index);
  const [old, now] = [of(before, find(before)), of(after, find(after))];
  if (old === undefined || now === undefined) return RENEGOTIATES;
  return disturbsMembers(old, now) ? RENEGOTIATES : "only members that come or go notice";
}

/** What makes a virtual router another one (vr/inherit.ts); with anything else changed it goes on. */
const IDENTITY = ["protocol", "version", "vrid", "virtual-mac", "interface"];
/** What of an interface is the place of its virtual routers and neighbours. */
const PLACE = ["mac", "vlan", "bridge", "channel"];

type Keys = Readonly<Record<string, unknown>>;

const differ = (one: unknown, other: unknown, keys: readonly string[]): boolean =>
  keys.some((key) => JSON.stringify((one as Keys)[key]) !== JSON.stringify((other as Keys)[key]));

/** Active virtual routers that begin anew, because their interface is elsewhere, and that stay what they are. */
function moved(
  name: string,
  { before, after, activeRouters }: Pick<Around, "before" | "after" | "activeRouters">,
): string[] {
  const [old, now] = [before, after].map((side) => side.configuration.interfaces[name]);
  if (old === undefined || now === undefined || !differ(old, now, PLACE)) return [];
  const routers = before.configuration["virtual-routers"];
  return [...activeRouters].filter((router) => {
    const next = after.configuration["virtual-routers"][router];
    const same = next !== undefined && !differ(routers[router] ?? {}, next, IDENTITY);
    return same && routers[router]?.interface === name;
  });
}

function interfaceDisturbance(name: string, change: Change["change"], around: Around): string {
  if (change !== "changed") return change === "removed" ? "ends" : "";
  const [old, now] = [around.before, around.after].map(
    (side) => side.configuration.interfaces[name] ?? {},
  );
  if (!differ(old, now, PLACE)) return "";
  const routers = moved(name, around);
  const more = routers.length === 0 ? "" : `, ${routers.join(", ")} ${FAILS_OVER}`;
  return `its neighbours are resolved anew${more}`;
}

function routerDisturbance(
  name: string,
  change: Change["change"],
  { before, after, activeRouters }: Around,
): string {
  if (change === "added") return "";
  if (change === "removed") return activeRouters.has(name) ? FAILS_OVER : "ends";
  const [old, now] = [before, after].map(
    (side) => (side.configuration["virtual-routers"][name] ?? {}) as Keys,
  );
  if (differ(old, now, IDENTITY)) return activeRouters.has(name) ? FAILS_OVER : "starts anew";
  const lower = Number(now?.["priority"]) < Number(old?.["priority"]);
  return lower && activeRouters.has(name) ? "may fail over to a router of higher priority" : "";
}
