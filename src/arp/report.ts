// What one core's ARP engine tells people: its table and its timers, as rows. Never on the packet path.

import type { Stations } from "../engine/out.ts";
import type { ChannelId, Mac, Millis } from "../lib/units.ts";
import { sequenceOf } from "../lib/version.ts";
import { formatIpv4 } from "../wire/text.ts";
import type { Context } from "./context.ts";
import type { Entries } from "./entries.ts";
import { STATE_NAMES, State } from "./machine.ts";

/** Slots looked at per call of `rows`, so that a sparse table delays no frame. Our choice. */
const SCAN = 4096;
/** Timers shown, the soonest first. Our choice: a screen or two. */
const TIMERS = 64;

export class Report {
  readonly #context: Context;
  readonly #entries: Entries;
  readonly #stations: Stations;

  constructor(context: Context, entries: Entries, stations: Stations) {
    this.#context = context;
    this.#entries = entries;
    this.#stations = stations;
  }

  /** Up to `limit` rows from `cursor`: the table's slots, then the own addresses. */
  rows(
    cursor: number,
    limit: number,
    now: Millis,
  ): { rows: Record<string, unknown>[]; next: number } {
    const { capacity } = this.#entries.table;
    const rows: Record<string, unknown>[] = [];
    const end = capacity + this.#context.own.all.length;
    const last = Math.min(end, cursor + SCAN);
    for (let at = cursor; at < last; at++) {
      if (rows.length === limit) return { rows, next: at };
      const row = at < capacity ? this.#row(at, now) : this.#ownRow(at - capacity, now);
      if (row !== null) rows.push(row);
    }
    return { rows, next: last < end ? last : -1 };
  }

  #row(slot: number, now: Millis): Record<string, unknown> | null {
    const { table } = this.#entries;
    const state = table.state(slot);
    if (state === State.None || state === State.Gone) return null;
    const isKnown = table.isUsable(slot);
    const iface = table.iface(slot);
    const mac = isKnown ? table.mac(slot) : null;
    return {
      core: this.#context.out.core,
      address: table.address(slot),
      mac,
      interface: iface,
      vlan: this.#context.interfaces[iface]?.vlan ?? 0,
      channel: this.#channelOf(iface, mac),
      origin: isKnown && table.isStatic(slot) ? "static" : "dynamic",
      state: STATE_NAMES[state],
      "age-ms": isKnown ? now - table.updated(slot) : 0,
      version: isKnown ? sequenceOf(table.version(slot)) : 0,
    };
  }

  #ownRow(index: number, now: Millis): Record<string, unknown> | null {
    const { own, out, interfaces } = this.#context;
    const entry = own.all[index];
    if (entry === undefined) return null;
    const { iface, address, mac, since } = entry;
    return {
      core: out.core,
      address,
      mac,
      interface: iface,
      vlan: interfaces[iface]?.vlan ?? 0,
      channel: interfaces[iface]?.channel ?? -1,
      origin: "local",
      state: own.answers(iface, address) ? "reachable" : "probing",
      "age-ms": now - since,
      version: 0,
    };
  }

  /** The channel that a station is behind, or -1. */
  #channelOf(iface: number, mac: Mac | null): ChannelId {
    const self = this.#context.interfaces[iface];
    if (self === undefined) return -1;
    if (self.bridge < 0) return self.channel;
    return mac === null ? -1 : this.#stations.locate(self.bridge, mac, self.vlan);
  }

  /** What is due next: requests, probes, ageing, hold-downs and announcements. */
  timers(now: Millis): Record<string, unknown>[] {
    const { table, ledger } = this.#entries;
    const { config, own, interfaces } = this.#context;
    const subject = (iface: number, address: number): string =>
      `${formatIpv4(address)} ${interfaces[iface]?.name ?? iface}`;
    const rows: { timer: string; subject: string; "due-ms": number; "period-ms": number }[] = [];
    for (let slot = 0; slot < table.capacity; slot++) {
      const state = table.state(slot);
      if (!ledger.wheel.isSet(slot) || state === State.Gone) continue;
      const period = {
        [State.Reachable]: config.timeout,
        [State.Probing]: config.retryInterval,
        [State.Pending]: config.retryInterval,
        [State.Failed]: config.holdDown,
        [State.None]: 0,
      }[state];
      rows.push({
        timer: `arp-${STATE_NAMES[state]}`,
        subject: subject(table.iface(slot), table.address(slot)),
        "due-ms": ledger.wheel.due(slot) - now,
        "period-ms": period,
      });
    }
    for (const { iface, address, due } of own.all) {
      if (!Number.isFinite(due)) continue;
      const timer = "arp-announce";
      rows.push({ timer, subject: subject(iface, address), "due-ms": due - now, "period-ms": 0 });
    }
    return rows.sort((a, b) => a["due-ms"] - b["due-ms"]).slice(0, TIMERS);
  }
}
