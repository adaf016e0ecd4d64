// Rows of `show vr` and `show vmac`, and what `explain vr` tells. Names are the specification's; more are added.

import type { VirtualSink } from "../engine/virtual.ts";
import type { Millis } from "../lib/units.ts";
import { formatIpv4, formatIpv6, formatMac } from "../wire/text.ts";
import { ChecksumForm } from "../wire/vrrp.ts";
import { isZero, type Words } from "./advert.ts";
import { downInterval as carpDown } from "./carp.ts";
import { type Machine, OFF, stateName } from "./machine.ts";
import { REASON_NAMES, RIVAL_NAMES } from "./reason.ts";
import { isUp } from "./tracking.ts";
import { Flag, VMAC_PROTOCOLS, type VmacTable, WORDS } from "./vmac.ts";
import { downInterval, skewTime } from "./vrrp.ts";

/** An address as text; "" for none. */
export function textOf(words: Words, family: 4 | 6): string {
  if (isZero(words)) return "";
  const [a, b, c, d] = words;
  return family === 4 ? formatIpv4(d) : formatIpv6(a, b, c, d);
}

const FORMS = { [ChecksumForm.Plain]: "rfc9568", [ChecksumForm.Pseudo]: "rfc5798" } as const;

const addressesOf = ({ virtual }: Machine): string[] => [
  ...virtual.addresses.map(formatIpv4),
  ...virtual.addresses6.map(([a, b, c, d]) => formatIpv6(a, b, c, d)),
];

/** Round to a tenth, for people. */
const tenth = (value: number): number => Math.round(value * 10) / 10;

function downOf(machine: Machine): Millis {
  if (machine.isHsrp) return machine.hold;
  return machine.config.protocol === "carp" ? carpDown(machine) : downInterval(machine);
}

/** One machine for `show vr`. Times are of the appliance's clock; every core tells what it knows. */
export function rowOf(machine: Machine, isMaster: boolean, now: Millis): Record<string, unknown> {
  const { config, family } = machine;
  const isCarp = config.protocol === "carp";
  const master = machine.isActive ? machine.primary : machine.active;
  const row = {
    name: config.name,
    protocol: config.protocol,
    version: config.version,
    vrid: config.vrid,
    interface: machine.iface.name,
    family: family === 4 ? "ipv4" : "ipv6",
    state: machine.stateName,
    // CARP has no priority: what it is ordered by is the skew that it advertises.
    priority: isCarp ? machine.skew : machine.priority,
    "master-address": textOf(master, family),
    addresses: addressesOf(machine),
    "virtual-mac": formatMac(machine.virtual.mac),
    "last-transition": machine.since,
    "since-ms": tenth(now - machine.since),
    reason: REASON_NAMES[machine.reason] ?? "",
    "link-master": isMaster,
  };
  if (!isMaster) return row;
  return {
    ...row,
    "adverts-sent": machine.sent,
    "adverts-received": machine.received,
    "base-priority": isCarp ? config.advskew : machine.base,
    ...(isCarp && { demotion: machine.priority }),
    "interval-ms": tenth(machine.ownInterval),
    "master-interval-ms": tenth(machine.interval),
    "master-down-ms": tenth(downOf(machine)),
    "skew-ms": config.protocol === "vrrp" ? tenth(skewTime(machine)) : 0,
    preempt: config.preempt,
    "checksum-sent": checksumSent(machine),
    "checksum-heard": FORMS[machine.form as 1 | 2] ?? "",
    "master-mac": machine.activeMac === 0 ? "" : formatMac(machine.activeMac),
    "heard-ms": machine.activeHeard === OFF ? null : now - machine.activeHeard,
    transitions: machine.transitions,
    "releases-sent": machine.releasesSent,
    "releases-received": machine.releasesReceived,
    announcements: machine.announced,
    rivals: machine.rivals,
    "late-max-ms": tenth(machine.lateMax),
  };
}

function checksumSent({ config, family, form }: Machine): string {
  if (config.protocol !== "vrrp" || config.version !== 3 || family !== 4) return "";
  if (config.checksum !== "mirror") return config.checksum;
  return form === ChecksumForm.Plain ? "rfc9568" : "rfc5798";
}

/** Why a machine is as it is: the sum of its priority, what was heard, its last changes. */
export function explain(
  machine: Machine,
  sink: VirtualSink,
  isMaster: boolean,
  now: Millis,
): Record<string, unknown> {
  const { protocol, tracks, tracking, group } = machine.config;
  return {
    ...rowOf(machine, isMaster, now),
    tracking,
    group,
    tracks: tracks.map((track) => ({
      name: track.name,
      up: isUp(track, sink),
      decrement: track.decrement,
    })),
    held: REASON_NAMES[machine.held] ?? "",
    "last-rival": RIVAL_NAMES[machine.rivalKind] ?? "",
    "last-rival-mac": machine.rivalMac === 0 ? "" : formatMac(machine.rivalMac),
    "last-rival-ms": machine.rivalAt === OFF ? null : now - machine.rivalAt,
    history: machine.history.map(({ at, from, to, reason, mac }) => ({
      "age-ms": now - at,
      from: stateName(protocol, from),
      to: stateName(protocol, to),
      reason: REASON_NAMES[reason] ?? "",
      mac: mac === 0 ? "" : formatMac(mac),
    })),
  };
}

/** A row of the VMAC table. */
export function vmacRowOf(
  table: VmacTable,
  slot: number,
  interfaces: (iface: number) => string,
  now: Millis,
): Record<string, unknown> {
  const family = table.family[slot];
  const at = slot * WORDS;
  const word = (n: number): number => table.words[at + n] as number;
  const count = table.count[slot] as number;
  const addresses: string[] = [];
  if (family === 4) {
    for (let n = 0; n < Math.min(count, WORDS); n++) addresses.push(formatIpv4(word(n)));
  } else if (count > 0) addresses.push(formatIpv6(word(0), word(1), word(2), word(3)));
  const isStatic = table.isStatic(slot);
  return {
    mac: formatMac(table.mac[slot] as number),
    vrid: table.vrid[slot],
    family: family === 4 ? "ipv4" : "ipv6",
    priority: table.priority[slot],
    addresses,
    "owner-core": table.owner[slot],
    origin: isStatic ? "static" : "dynamic",
    "age-ms": isStatic ? 0 : Math.max(0, now - (table.heard[slot] as number)),
    updated: ((table.flags[slot] as number) & Flag.Updated) !== 0,
    interface: interfaces(table.iface[slot] as number),
    protocol: VMAC_PROTOCOLS[table.protocol[slot] as number] ?? "",
    "address-count": count,
  };
}

/** What is due of a machine on the link master: rows {timer, subject, due-ms, period-ms}. */
export function timersOf(machine: Machine, now: Millis): Record<string, unknown>[] {
  const { config, family } = machine;
  const timers: readonly (readonly [string, Millis, Millis])[] = [
    ["vr-advertise", machine.advertAt, machine.ownInterval],
    ["vr-active-down", machine.downAt, 0],
    ["vr-standby", machine.standbyAt, 0],
    ["vr-announce", machine.burstAt, 0],
    ["vr-refresh", machine.refreshAt, config.announce.refresh],
  ];
  return timers
    .filter(([, due]) => due !== OFF)
    .map(([timer, due, period]) => ({
      timer,
      subject: `vr ${config.name} ipv${family}`,
      "due-ms": due - now,
      "period-ms": period,
    }));
}
