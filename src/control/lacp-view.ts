// `show lacp` and `show channels` in words: each core's own Mux and selection beside what the link master knows of a
// port, and which member a tuple's frames leave through.

import type { ApplianceConfig } from "../core/config.ts";
import { deal, HASH_NAMES, SLOTS, slotOf } from "../engine/spread.ts";
import { State } from "../wire/lacp.ts";
import { formatMac } from "../wire/text.ts";
import type { Appliance, RawRow } from "./appliance-port.ts";
import { TUPLE_START, tupleFrame } from "./steering-view.ts";

type Row = Record<string, unknown>;

/**
 * Words of a state's bits, in the order of IEEE 802.3-2005 43.4.2.2; a bit that is clear has none, but for these two.
 */
function stateWords(state: unknown): string[] | null {
  if (typeof state !== "number") return null;
  const has = (bit: number): boolean => (state & bit) !== 0;
  return [
    has(State.Activity) ? "active" : "passive",
    has(State.Timeout) ? "short-timeout" : "long-timeout",
    ...(has(State.Aggregation) ? ["aggregation"] : ["individual"]),
    ...(has(State.Synchronization) ? ["in-sync"] : []),
    ...(has(State.Collecting) ? ["collecting"] : []),
    ...(has(State.Distributing) ? ["distributing"] : []),
    ...(has(State.Defaulted) ? ["defaulted"] : []),
    ...(has(State.Expired) ? ["expired"] : []),
  ];
}

/** A system as LACP orders them: priority, MAC. */
function systemText(priority: unknown, mac: unknown): string | null {
  if (typeof mac !== "number" || typeof priority !== "number" || mac === 0) return null;
  return `${priority},${formatMac(mac)}`;
}

const round = (value: unknown): number | null =>
  typeof value === "number" ? Math.round(value) : null;

/** Rows of `show lacp` from every core's raw rows. */
export function lacpRows(
  config: ApplianceConfig,
  answers: readonly { core: number; rows: readonly RawRow[] }[],
): Row[] {
  const { channels, ports } = config.common;
  const master = new Map<unknown, RawRow>();
  for (const { rows } of answers) {
    for (const row of rows) if (row["master"] === true) master.set(row["port"], row);
  }
  return answers.flatMap(({ core, rows }) =>
    rows.map((row) => {
      const known = master.get(row["port"]) ?? {};
      const defaulted = (Number(known["actorState"] ?? 0) & State.Defaulted) !== 0;
      return {
        core,
        channel: channels[row["channel"] as number]?.name ?? "",
        port: ports[row["port"] as number]?.name ?? "",
        receive: known["receive"] ?? null,
        periodic: known["periodic"] ?? null,
        mux: row["mux"],
        selected: row["selected"],
        actor: stateWords(known["actorState"]),
        partner: defaulted ? null : stateWords(known["partnerState"]),
        "partner-system": systemText(known["partnerSystemPriority"], known["partnerSystem"]),
        "partner-key": defaulted ? null : (known["partnerKey"] ?? null),
        "partner-port": defaulted ? null : (known["partnerPort"] ?? null),
        "pdus-sent": known["lacpSent"] ?? null,
        "pdus-received": known["lacpReceived"] ?? null,
        reason: known["reason"] ?? null,
        "actor-system": systemText(known["actorSystemPriority"], known["actorSystem"]),
        "actor-key": known["actorKey"] ?? null,
        "actor-port": known["actorPort"] ?? null,
        "since-ms": round(known["sinceMs"]),
        "last-received-ms": round(known["heardMs"]),
        "last-sent-ms": round(known["sentMs"]),
        "actor-churn": known["actorChurn"] ?? null,
        "partner-churn": known["partnerChurn"] ?? null,
        "actor-churns": known["actorChurns"] ?? null,
        "partner-churns": known["partnerChurns"] ?? null,
        "markers-received": known["markerReceived"] ?? null,
        "marker-responses-sent": known["markerResponsesSent"] ?? null,
        "marker-responses-received": known["markerResponsesReceived"] ?? null,
        "unknown-received": known["unknownReceived"] ?? null,
        "illegal-received": known["illegalReceived"] ?? null,
        "own-received": known["ownReceived"] ?? null,
        expiries: known["expiries"] ?? null,
        "partner-changes": known["partnerChanges"] ?? null,
      };
    }),
  );
}

/** Members of a channel that frames leave through now: numbers of ports. */
function activeOf(appliance: Appliance, channel: number, lacp: readonly RawRow[]): number[] {
  const states = appliance.ports();
  const { ports, hash } = appliance.config.common.channels[channel] ?? { ports: [] };
  const up = ports.filter((port) => states[port]?.up === true);
  if (hash === undefined) return up;
  const open = lacp.filter(({ mux }) => mux === "distributing").map(({ port }) => port);
  return up.filter((port) => open.includes(port));
}

/** Rows of `show channels`; `lacp` and `stp` are the master's raw rows. */
export function channelRows(
  appliance: Appliance,
  lacp: readonly RawRow[],
  stp: readonly RawRow[],
): Row[] {
  const { common, lag } = appliance.config;
  const name = (port: number): string => common.ports[port]?.name ?? "";
  return common.channels.flatMap((channel, index) => {
    if (channel.name === "") return [];
    const active = activeOf(appliance, index, lacp);
    const known = lacp.find(
      (row) =>
        row["channel"] === index &&
        row["selected"] === "selected" &&
        row["receive"] !== "defaulted",
    );
    const mode = lag?.channels.find((one) => one.channel === index)?.mode ?? "single";
    const isSpoken = mode === "lacp" && known !== undefined;
    return [
      {
        channel: channel.name,
        mode,
        members: channel.ports.map(name),
        "active-members": active.map(name),
        "partner-system": isSpoken
          ? systemText(known["partnerSystemPriority"], known["partnerSystem"])
          : null,
        "partner-key": isSpoken ? known["partnerKey"] : null,
        up: active.length > 0,
        stp: stp.find((row) => row["channel"] === index)?.["state"] ?? null,
      },
    ];
  });
}

/** Which member the frames of a tuple leave through, for each channel: the cores' own functions, asked. */
export function memberRows(appliance: Appliance, lacp: readonly RawRow[], tuple: string): Row[] {
  const view = new DataView(new ArrayBuffer(256));
  const end = tupleFrame(view, tuple);
  const { common } = appliance.config;
  const name = (port: number | undefined): string | null =>
    port === undefined ? null : (common.ports[port]?.name ?? null);
  return common.channels.flatMap((channel, index): Row[] => {
    if (channel.name === "") return [];
    const active = activeOf(appliance, index, lacp);
    const { hash } = channel;
    const row = { channel: channel.name, tuple, hash: hash ?? null };
    if (hash === undefined || active.length === 0) {
      const reason = active.length === 0 ? "no member distributes" : "the only port";
      return [{ ...row, slot: null, member: name(active[0]), reason }];
    }
    const slot = slotOf(view, TUPLE_START, end, HASH_NAMES.indexOf(hash));
    const table = new Int16Array(SLOTS);
    deal(channel.ports, active, table, 0);
    const home = channel.ports[slot % channel.ports.length] as number;
    const reason = active.includes(home) ? "the slot's own member" : `in place of ${name(home)}`;
    return [{ ...row, slot, member: name(table[slot]), reason }];
  });
}
