// Builds the rows of every object of `show`: from the statistics segment, the configuration that runs, and the cores'
// own answers, with exactly the fields of the specification. Tables of the cores come in slices, one core after the
// other, so that a million rows are never held at once.

import { formatIpv4, formatIpv4Prefix, formatIpv6, formatMac, parseMac } from "../wire/text.ts";
import type { Appliance, RawRow } from "./appliance-port.ts";
import { coherence, summaries } from "./coherence-view.ts";
import { configRows } from "./config-text.ts";
import { ControlError } from "./errors.ts";
import { describeEvent } from "./event-text.ts";
import { groupRows, protectionRows } from "./groups-view.ts";
import { healthRows } from "./health.ts";
import { channelRows, lacpRows, memberRows } from "./lacp-view.ts";
import { isWithin, isWithin6, type Prefix, parsePrefix } from "./network.ts";
import { LATER_OBJECTS, OBJECTS, objectShape } from "./objects.ts";
import { filtersPast, PAST_NAMES } from "./past-list.ts";
import { momentOf, type PastReader, rowsThen } from "./past-view.ts";
import { busRows, coreRows, dropRows, portRows, steeringRows } from "./statistics.ts";
import { planRows } from "./steering-plan.ts";
import { predict, ruleRows } from "./steering-view.ts";
import { stpRows } from "./stp-view.ts";
import { vlanRows } from "./vlans.ts";
import { vmacRows, vrRows } from "./vr-view.ts";

export type Row = Record<string, unknown>;
/** Filters and options as words. */
export type Query = Readonly<Record<string, string>>;

/** What `show` needs beside the appliance. */
export interface Shown {
  readonly appliance: Appliance;
  /** The checked configuration; absent where an appliance was made without a file. */
  readonly configuration?: unknown;
  /** The file of `run -c` against what runs; absent where an appliance was made without one. */
  readonly configurations?:
    | { fileState(): { state: string; detail: string } | undefined }
    | undefined;
  /** Configurations that ran; absent where an appliance was made without a file. */
  readonly history?: (() => readonly Row[]) | undefined;
  /** How it was before; absent where nobody keeps that. */
  readonly past?: PastReader | undefined;
}

/** Rows per question to a core. */
const SLICE = 512;
/** Above this load a core has better to do than answer: so long it is left alone between two slices (bench/api.ts). */
const BUSY = 0.5;
const PAUSE = 6;
/** Events without a limit asked for. */
const EVENTS = 4096;

/** Checks object and query; returns the rows in slices. Throws a ControlError before the first slice. */
export function show(shown: Shown, object: string, query: Query): AsyncIterable<Row[]> {
  const shape = objectShape(object);
  if (shape === undefined) {
    if (LATER_OBJECTS.includes(object)) {
      throw new ControlError(
        "not-in-this-version",
        `"${object}" is not in this version`,
        "it comes later",
      );
    }
    const hint = `there are ${OBJECTS.map(({ name }) => name).join(", ")}`;
    throw new ControlError("not-found", `There is no object "${object}"`, hint);
  }
  for (const key of Object.keys(query)) {
    if (key === "at" && PAST_NAMES.includes(object)) continue;
    const isThen = query["at"] !== undefined && object !== "events";
    const known = (shape.filters as readonly string[]).includes(key);
    if (known && (!isThen || filtersPast(object, key))) continue;
    if (known) {
      const what = `"${key}" and "at" do not go together`;
      throw new ControlError("value-invalid", what, `${key} says how ${object} is now`);
    }
    const hint = `${object} has ${shape.filters.join(", ")}`;
    throw new ControlError("value-invalid", `"${key}" does not filter ${object}`, hint);
  }
  return new Shower(shown, query).rows(object);
}

class Shower {
  readonly #appliance: Appliance;
  readonly #shown: Shown;
  readonly #query: Query;
  /** -1 = every core. */
  readonly #core: number;
  /** The moment that is asked for, in milliseconds since 1970; infinity = now. */
  readonly #until: number;

  constructor(shown: Shown, query: Query) {
    this.#appliance = shown.appliance;
    this.#shown = shown;
    this.#query = query;
    const { at } = query;
    this.#until = at === undefined ? Number.POSITIVE_INFINITY : momentOf(shown.past, at);
    this.#core = this.#number("core", this.#appliance.config.cores.count - 1);
    this.#number("vlan", 4094);
    this.#checkNames();
  }

  /** A number of the query, or -1. */
  #number(key: string, maximum: number): number {
    const text = this.#query[key];
    if (text === undefined) return -1;
    if (/^\d{1,7}$/.test(text) && Number(text) <= maximum) return Number(text);
    throw new ControlError("value-invalid", `"${text}" is no ${key}`, `0 to ${maximum}`);
  }

  #checkNames(): void {
    const { common, bridging } = this.#appliance.config;
    const known: [string, readonly { name: string }[]][] = [
      ["port", common.ports],
      ["channel", common.channels],
      ["interface", common.interfaces],
      ["bridge", bridging.bridges],
    ];
    for (const [key, things] of known) {
      const wanted = this.#query[key];
      // What was there then need not be there now.
      if (
        this.#query["at"] !== undefined ||
        wanted === undefined ||
        things.some(({ name }) => name === wanted)
      )
        continue;
      const names = things.map(({ name }) => name).filter((name) => name !== "");
      const hint = names.length === 0 ? "there is none" : `there are ${names.join(", ")}`;
      throw new ControlError("not-found", `There is no ${key} "${wanted}"`, hint);
    }
    const address = this.#query["address"];
    if (address === undefined || matchAddress(address) !== undefined) return;
    throw new ControlError(
      "value-invalid",
      `"${address}" is no address`,
      "a MAC, an IPv4 address or a prefix",
    );
  }

  rows(object: string): AsyncIterable<Row[]> {
    const appliance = this.#appliance;
    if (this.#query["at"] !== undefined && object !== "events") {
      return this.#later(async () => rowsThen(this.#shown.past, object, this.#until));
    }
    switch (object) {
      case "arp":
      case "nd":
      case "bridge":
        return this.#table(object);
      case "lacp":
        return this.#later(async () => lacpRows(appliance.config, await this.#everyCore("lacp")));
      case "stp":
        return this.#later(async () => stpRows(appliance.config, await this.#everyCore("stp")));
      case "groups":
        return this.#slices("groups", groupRows);
      case "protection":
        return this.#slices("protection", protectionRows);
      case "vr":
        return this.#later(() => vrRows(appliance));
      case "vmac":
        return this.#later(() => vmacRows(appliance));
      case "channels":
        return this.#later(() => this.#channels());
      case "routes":
        return this.#routes();
      case "timers":
        return this.#timers();
      case "coherence":
        return this.#later(async () => coherence(await summaries(appliance), appliance.repairs()));
      case "health":
        return this.#later(async () =>
          healthRows(
            appliance,
            coherence(await summaries(appliance), appliance.repairs()),
            this.#shown.configurations?.fileState(),
          ),
        );
      default:
        return this.#later(() => Promise.resolve(this.#now(object)));
    }
  }

  /** Objects that need no core's answer. */
  #now(object: string): Row[] {
    const appliance = this.#appliance;
    const { config } = appliance;
    switch (object) {
      case "cores":
        return coreRows(appliance);
      case "ports":
        return portRows(appliance, this.#core);
      case "interfaces":
        return interfaceRows(appliance);
      case "vlans":
        return vlanRows(config);
      case "steering":
        return this.#steering();
      case "bus":
        return busRows(appliance).filter(
          ({ from, to }) => this.#core < 0 || from === this.#core || to === this.#core,
        );
      case "drops":
        return dropRows(appliance);
      case "events": {
        const limit = this.#number("limit", 1_000_000);
        const rows = appliance
          .events(0, EVENTS)
          .filter(({ time }) => time <= this.#until)
          .map((event) => ({ ...describeEvent(event, config) }));
        return limit < 0 ? rows : rows.slice(-limit || rows.length);
      }
      case "history":
        return [...(this.#shown.history?.() ?? [])];
      case "past": {
        const { past } = this.#shown;
        return (this.#query["moments"] === undefined ? past?.overview() : past?.moments()) ?? [];
      }
      case "config":
        return configRows(this.#shown.configuration ?? config);
      default:
        throw new ControlError("not-found", `There is no object "${object}"`, "");
    }
  }

  /** Every core's raw rows about members of channels, or channels of bridges. */
  #everyCore(table: "lacp" | "stp"): Promise<{ core: number; rows: readonly RawRow[] }[]> {
    const command = { kind: "rows", table, cursor: 0, limit: SLICE } as const;
    // The link master knows what no other core does, so a stalled one is waited for.
    const there = this.#appliance
      .cores()
      .filter(({ state }) => state === "online" || state === "stalled");
    return Promise.all(
      there.map(async ({ core }) => ({
        core,
        rows: (await this.#appliance.command(core, command)).rows,
      })),
    );
  }

  async #channels(): Promise<Row[]> {
    const rows = await this.#ofMaster("lacp");
    const { hash } = this.#query;
    return hash === undefined
      ? channelRows(this.#appliance, rows, await this.#ofMaster("stp"))
      : memberRows(this.#appliance, rows, hash);
  }

  /** The link master's raw rows. */
  async #ofMaster(table: "lacp" | "stp"): Promise<RawRow[]> {
    const answers = await this.#everyCore(table);
    return answers.flatMap((answer) => answer.rows).filter((row) => row["master"] === true);
  }

  #steering(): Row[] {
    const { hash, plan, rules, port } = this.#query;
    if (plan !== undefined) return planRows(this.#appliance);
    if (hash !== undefined) {
      const ports = this.#appliance.config.common.ports;
      return [
        predict(
          this.#appliance,
          hash,
          Math.max(
            0,
            ports.findIndex(({ name }) => name === port),
          ),
        ),
      ];
    }
    return rules === undefined ? steeringRows(this.#appliance) : ruleRows(this.#appliance.config);
  }

  async *#later(make: () => Promise<Row[]>): AsyncGenerator<Row[]> {
    yield (await make()).filter((row) => this.#wanted(row));
  }

  #cores(): number[] {
    if (this.#core >= 0) return [this.#core];
    const online = this.#appliance
      .cores()
      .filter(({ state }) => state === "online" || state === "stalled");
    return online.map(({ core }) => core);
  }

  async *#table(table: "arp" | "nd" | "bridge"): AsyncGenerator<Row[]> {
    const fields = objectShape(table)?.fields ?? [];
    for (const core of this.#cores()) {
      for (let cursor = 0; cursor >= 0; ) {
        const command = { kind: "rows", table, cursor, limit: SLICE } as const;
        const answer = await this.#appliance.command(core, command);
        const rows = answer.rows.map((raw) => this.#words(core, raw, fields));
        const wanted = rows.filter((row) => this.#wanted(row));
        if (wanted.length > 0) yield wanted;
        cursor = answer.next;
        if (cursor >= 0) await this.#breathe(core);
      }
    }
  }

  /** A busy core is asked no faster than costs it a twentieth of its time; a slice costs it some 0.2 ms. */
  async #breathe(core: number): Promise<void> {
    const status = this.#appliance.cores().find((one) => one.core === core);
    if ((status?.load ?? 0) > BUSY) await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }

  /** A table of every core, a slice at a time, in the words of a view. */
  async *#slices(table: "groups" | "protection", view: typeof groupRows): AsyncGenerator<Row[]> {
    for (const core of this.#cores()) {
      for (let cursor = 0; cursor >= 0; ) {
        const command = { kind: "rows", table, cursor, limit: SLICE } as const;
        const { rows, next } = await this.#appliance.command(core, command);
        yield view(this.#appliance.config, [{ core, rows }]).filter((row) => this.#wanted(row));
        cursor = next;
      }
    }
  }

  async *#routes(): AsyncGenerator<Row[]> {
    for (const core of this.#cores()) {
      for (let cursor = 0; cursor >= 0; ) {
        const answer = await this.#appliance.command(core, {
          kind: "routes",
          cursor,
          limit: SLICE,
        });
        const rows = answer.rows.map((raw) => {
          const kind = String(raw["kind"] ?? "unicast");
          const via = raw["via"] === null || raw["via"] === 0 ? "" : addressText(raw["via"]);
          return {
            core,
            destination: `${addressText(raw["address"])}/${raw["prefix"]}`,
            via: via === "" && kind !== "unicast" ? kind : via,
            interface: this.#name("interface", raw["interface"]),
            origin: raw["origin"],
          };
        });
        yield rows.filter((row) => this.#wanted(row));
        cursor = answer.next;
      }
    }
  }

  async *#timers(): AsyncGenerator<Row[]> {
    const fields = objectShape("timers")?.fields ?? [];
    for (const core of this.#cores()) {
      const answer = await this.#appliance.command(core, { kind: "timers" });
      yield answer.rows
        .map((raw) => this.#words(core, raw, fields))
        .filter((row) => this.#wanted(row));
    }
  }

  /** A core's row in words: the fields in their order, null for what it does not have. */
  #words(core: number, raw: RawRow, fields: readonly string[]): Row {
    const given: Row = { core };
    for (const [key, value] of Object.entries(raw)) {
      const field = key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      given[field] = this.#word(field, value);
    }
    const iface = this.#appliance.config.common.interfaces[raw["interface"] as number];
    if (given["vlan"] === undefined && iface !== undefined) given["vlan"] = iface.vlan;
    if (!given["channel"] && iface !== undefined && iface.channel >= 0) {
      given["channel"] = this.#name("channel", iface.channel);
    }
    return Object.fromEntries(fields.map((field) => [field, given[field] ?? null]));
  }

  #word(field: string, value: unknown): unknown {
    if (typeof value !== "number") return value;
    switch (field) {
      case "mac":
        return value <= 0 ? "" : formatMac(value);
      case "address":
        return formatIpv4(value);
      case "bridge":
      case "channel":
      case "interface":
        return this.#name(field, value);
      case "last-move-ms":
        return value < 0 ? null : Math.round(value); // It never moved.
      case "age-ms":
      case "due-ms":
      case "period-ms":
        return Math.round(value);
      default:
        return value;
    }
  }

  #name(kind: "bridge" | "channel" | "interface", value: unknown): string {
    if (typeof value !== "number") return String(value ?? "");
    const { common, bridging } = this.#appliance.config;
    const things = {
      bridge: bridging.bridges,
      channel: common.channels,
      interface: common.interfaces,
    }[kind];
    return value < 0 ? "" : (things[value]?.name ?? String(value));
  }

  /** True when a row passes the filters that it has fields for. */
  #wanted(row: Row): boolean {
    const { channel, port, vlan, interface: iface, bridge, address, subject, reason } = this.#query;
    const has = (wanted: string | undefined, ...fields: string[]): boolean => {
      if (wanted === undefined) return true;
      const values = fields.map((field) => row[field]).filter((value) => value !== undefined);
      return values.some((value) =>
        Array.isArray(value) ? value.includes(wanted) : String(value) === wanted,
      );
    };
    if (this.#core >= 0 && typeof row["core"] === "number" && row["core"] !== this.#core)
      return false;
    if (!has(channel, "channel", "channels", "tagged", "untagged")) return false;
    if (this.#query["hash"] === undefined && !has(port, "port", "members")) return false;
    if (!has(iface, "interface") || !has(bridge, "bridge") || !has(reason, "reason")) return false;
    if (subject !== undefined) {
      const place = String(row["subject"] ?? row["path"] ?? "");
      if (!place.includes(subject)) return false;
    }
    if (vlan !== undefined && !hasVlan(row, Number(vlan))) return false;
    return address === undefined || (matchAddress(address)?.(row) ?? false);
  }
}

function hasVlan(row: Row, vlan: number): boolean {
  const first = Number(row["vlan"]);
  return vlan >= first && vlan <= Number(row["last-vlan"] ?? first);
}

/** An address of a row: a number, or the words of IPv6. */
function addressText(value: unknown): string {
  return Array.isArray(value)
    ? formatIpv6(...(value as [number, number, number, number]))
    : formatIpv4(value as number);
}

/** A prefix of either family; an address alone is the whole of it. */
function prefixOf(text: string): Prefix | undefined {
  if (text.includes("/")) return parsePrefix(text);
  return parsePrefix(`${text}/${text.includes(":") ? 128 : 32}`);
}

/** True when all of `inner` lies in `outer`. */
function contains(outer: Prefix, inner: Prefix): boolean {
  if (inner.length < outer.length) return false;
  if (outer.ipv4 !== undefined) {
    return inner.ipv4 !== undefined && isWithin(inner.ipv4, outer.ipv4, outer.length);
  }
  return inner.ipv6 !== undefined && isWithin6(inner.ipv6, outer.ipv6, outer.length);
}

/** What an address in words chooses: rows with that MAC, that address, or an address in that prefix. */
function matchAddress(text: string): ((row: Row) => boolean) | undefined {
  const mac = parseMac(text);
  if (mac !== undefined) return (row) => row["mac"] === formatMac(mac);
  const prefix = prefixOf(text);
  if (prefix === undefined) return undefined;
  const inside = (value: unknown, both: boolean): boolean => {
    const other = prefixOf(String(value));
    if (other === undefined) return false;
    return contains(prefix, other) || (both && contains(other, prefix));
  };
  return (row) => {
    // A route is found by any address that it leads to.
    if (row["destination"] !== undefined) return inside(row["destination"], true);
    const { address = row["group"], addresses } = row;
    return Array.isArray(addresses)
      ? addresses.some((one) => inside(String(one).replace(/\/.*/, ""), false))
      : inside(address, false);
  };
}

function interfaceRows(appliance: Appliance): Row[] {
  const { common, bridging } = appliance.config;
  return common.interfaces
    .filter(({ name }) => name !== "")
    .map((iface) => ({
      interface: iface.name,
      mac: formatMac(iface.mac),
      bridge: iface.bridge < 0 ? null : (bridging.bridges[iface.bridge]?.name ?? null),
      channel: iface.channel < 0 ? null : (common.channels[iface.channel]?.name ?? null),
      vlan: iface.vlan,
      addresses: [
        ...iface.addresses.map(({ address, prefix }) => formatIpv4Prefix(address, prefix)),
        ...(iface.ipv6?.addresses ?? []).map(
          ({ address, prefix }) => `${formatIpv6(...address)}/${prefix}`,
        ),
      ],
      mtu: iface.mtu,
      "proxy-arp": iface.proxyArp,
    }));
}
