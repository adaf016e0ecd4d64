// Which objects of `show` have a past: the daemon, the documents, the command line and the page read this list.
// Nothing heavy is imported here: `show` starts fast.

import { OBJECTS, objectShape } from "./objects.ts";

/**
 * When an object is read. `often`: it lies in the control core's own memory, and no core is asked. `asked`: the cores
 * are asked, or it is made from what they answered; now and then, and when something has happened. `rarely`: tables
 * that grow with the network and change all the time, whatever happens.
 */
type Pace = "often" | "asked" | "rarely";

/** How an object's past is kept. */
export interface PastShape {
  readonly pace: Pace;
  /** The fields that say which thing a row is. */
  readonly keys: readonly string[];
  /** With more rows than these, of all cores together, none is kept. */
  readonly most: number;
}

/** Rows of small objects: 64 ports or 64 members on 32 cores. Our choice. */
const MOST = 2048;
/** Rows of tables that grow with the network: stations, neighbours, groups, routes. Our choice: what a person reads. */
const TABLE = 512;

const often = (...keys: string[]): PastShape => ({ pace: "often", keys, most: MOST });
const asked = (...keys: string[]): PastShape => ({ pace: "asked", keys, most: MOST });
const rarely = (...keys: string[]): PastShape => ({ pace: "rarely", keys, most: TABLE });

/** The objects whose past is kept. Timers are what is to come, and events are kept by themselves. */
export const PAST: Readonly<Record<string, PastShape>> = {
  cores: often("core"),
  ports: often("port"),
  bus: often("from", "to", "type"),
  drops: often("core", "reason"),
  steering: often("bucket"),
  interfaces: often("interface"),
  vlans: often("bridge", "vlan"),
  config: often("path"),
  history: often("number"),
  channels: asked("channel"),
  lacp: asked("core", "channel", "port"),
  stp: asked("core", "bridge", "channel"),
  vr: asked("name", "family"),
  coherence: asked("table", "core"),
  health: asked("subject"),
  protection: asked("core", "bridge", "channel"),
  groups: rarely("core", "bridge", "vlan", "family", "group"),
  arp: rarely("core", "address", "interface"),
  nd: rarely("core", "address", "interface"),
  bridge: rarely("core", "bridge", "mac", "vlan"),
  vmac: rarely("core", "mac", "family", "interface"),
  routes: rarely("core", "destination"),
};

/** Objects that take `at`: a moment of the past. */
export const PAST_NAMES: readonly string[] = OBJECTS.map(({ name }) => name).filter(
  (name) => name === "events" || PAST[name] !== undefined,
);

/** Options of objects that compute something new, and so say nothing about the past. */
const NOW_ONLY = ["rules", "plan", "hash", "moments"];

/** True when a filter of an object chooses among rows that are kept. */
export function filtersPast(object: string, filter: string): boolean {
  if (NOW_ONLY.includes(filter)) return false;
  return filter !== "core" || objectShape(object)?.fields.includes("core") === true;
}

/** The moment in words, for people: what `at` takes. */
export const AT_SUMMARY =
  "as it was then: 2026-11-23T20:15:00Z, or so long ago: -10m (units are ms, s, m and h)";

/** What `at` means: milliseconds since 1970, when it is `now` there; undefined for anything else. */
export function parseMoment(text: string, now: number): number | undefined {
  const ago = /^-(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text);
  if (ago !== null) return now - Number(ago[1]) * (UNITS[ago[2] ?? ""] ?? 0);
  const isDate = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const time = isDate ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
