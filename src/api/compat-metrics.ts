// The same figures under the names and labels of node_exporter (bonding, ARP), keepalived_exporter and frr_exporter
// (VRRP), so that dashboards made for them go on working: `run --compat-metrics`.

import type { Serving } from "../control/serving.ts";
import type { Row } from "../control/show.ts";
import { Role } from "../engine/role.ts";
import type { SetMetric } from "./metrics.ts";

type Rows = (
  serving: Serving,
  object: string,
  query?: Readonly<Record<string, string>>,
) => Promise<Row[]>;

const text = (value: unknown): string => String(value ?? "");

/** keepalived's words and numbers, for the states of VRRP, HSRP and CARP. */
const KEEPALIVED: Readonly<Record<string, readonly [word: string, number: number]>> = {
  initialize: ["INIT", 0],
  init: ["INIT", 0],
  initial: ["INIT", 0],
  learn: ["BACKUP", 1],
  listen: ["BACKUP", 1],
  speak: ["BACKUP", 1],
  standby: ["BACKUP", 1],
  backup: ["BACKUP", 1],
  active: ["MASTER", 2],
  master: ["MASTER", 2],
};
/** FRR's words. */
const FRR_STATES = ["Initialize", "Master", "Backup"] as const;
const FRR: Readonly<Record<string, string>> = {
  INIT: "Initialize",
  BACKUP: "Backup",
  MASTER: "Master",
};

export async function addCompat(set: SetMetric, serving: Serving, rows: Rows): Promise<void> {
  for (const row of await rows(serving, "channels")) {
    if (!/^(lacp|static|active-backup)$/.test(text(row["mode"]))) continue;
    const labels = { master: text(row["channel"]) };
    set("node_bonding_slaves", labels, (row["members"] as unknown[]).length);
    set("node_bonding_active", labels, (row["active-members"] as unknown[]).length);
  }
  const master = String(serving.appliance.masters()[Role.Arp] ?? 0);
  const entries = new Map<string, number>();
  for (const row of await rows(serving, "arp", { core: master })) {
    const device = text(row["interface"]);
    entries.set(device, (entries.get(device) ?? 0) + 1);
  }
  for (const [device, count] of entries) set("node_arp_entries", { device }, count);
  set("keepalived_up", {}, 1);
  for (const row of await rows(serving, "vr")) addRouter(set, row);
}

function addRouter(set: SetMetric, row: Row): void {
  const state = text(row["state"]).toLowerCase();
  const [word, number] = KEEPALIVED[state] ?? ["FAULT", 3];
  const iname = text(row["name"]);
  const intf = text(row["interface"]);
  const vrid = text(row["vrid"]);
  for (const address of (row["addresses"] ?? []) as readonly unknown[]) {
    const labels = { iname, intf, vrid, ip_address: text(address) };
    set("keepalived_vrrp_state", labels, number);
  }
  const labels = { iname, intf, vrid, state: word };
  const sent = Number(row["adverts-sent"] ?? 0);
  const received = Number(row["adverts-received"] ?? 0);
  set("keepalived_advertisements_sent_total", labels, sent);
  set("keepalived_advertisements_received_total", labels, received);
  const proto = /6/.test(text(row["family"])) ? "v6" : "v4";
  const frr = { proto, vrid, interface: intf, subinterface: text(row["virtual-mac"]) };
  for (const one of FRR_STATES) {
    set("frr_vrrp_state", { ...frr, state: one }, Number(FRR[word] === one));
  }
  set("frr_vrrp_adverTx_total", frr, sent);
  set("frr_vrrp_adverRx_total", frr, received);
}
