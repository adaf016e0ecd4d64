// `show health`: one row for each thing that can be well or not, in a word and a sentence.

import { CORE_AT, CoreCounter } from "../engine/counter.ts";
import type { Appliance } from "./appliance-port.ts";
import { busRows } from "./statistics.ts";

type Row = Record<string, unknown>;
type State = "ok" | "warning" | "failed";

/** A core above this share of busy time has no room for a burst. Our choice. */
const HIGH_LOAD = 0.9;
/** A tick this late is seen by protocols with timers in tens of milliseconds. Our choice. */
const LATE_MILLIS = 50;

const row = (subject: string, state: State, detail: string): Row => ({ subject, state, detail });

/** The rows; `coherence` are those of `show coherence`. */
export function healthRows(
  appliance: Appliance,
  coherence: readonly Row[],
  file?: { readonly state: string; readonly detail: string },
): Row[] {
  return [
    ...(file === undefined
      ? []
      : [row("configuration", file.state === "same" ? "ok" : "warning", file.detail)]),
    ...cores(appliance),
    ...ports(appliance),
    ...tables(coherence),
    ...discovery(appliance),
    ...busRows(appliance)
      .filter(({ resyncs }) => Number(resyncs) > 0)
      .map(({ from, to, resyncs }) =>
        row(`bus ${from} to ${to}`, "warning", `overflowed and was re-synced ${resyncs} times`),
      )
      .filter(
        ({ subject }, index, all) =>
          all.findIndex((other) => other["subject"] === subject) === index,
      ),
  ];
}

function cores(appliance: Appliance): Row[] {
  return appliance.cores().map(({ core, state, load, reason, restarts }) => {
    const late = Math.round(appliance.counters(core)[CORE_AT + CoreCounter.LatenessMaxMillis] ?? 0);
    const again = restarts > 0 ? `, started again ${restarts} times` : "";
    const detail = `${state}, load ${Math.round(load * 100)} %, ticks at most ${late} ms late${again}`;
    const poll = appliance.config.cores.idle === "poll";
    if (state !== "online") {
      const byCommand = state === "offline" && reason === "command";
      const why = reason === undefined || reason === "none" ? "" : `: ${reason}`;
      const isBad = !byCommand && state !== "starting";
      return row(`core ${core}`, isBad ? "failed" : "warning", `${state}${why}`);
    }
    const warn = (load > HIGH_LOAD && !poll) || late > LATE_MILLIS || restarts > 0;
    return row(`core ${core}`, warn ? "warning" : "ok", detail);
  });
}

function ports(appliance: Appliance): Row[] {
  return appliance.config.common.ports.flatMap(({ name }, port) => {
    if (name === "") return [];
    const up = appliance.ports()[port]?.up === true;
    return [row(`port ${name}`, up ? "ok" : "warning", up ? "up" : "link down")];
  });
}

/** IPv6 neighbour discovery: what no table shows. Advertisements handed over cost a message each, and are no fault. */
function discovery(appliance: Appliance): Row[] {
  if (appliance.config.common.interfaces.every(({ ipv6 }) => ipv6 === undefined)) return [];
  const sum = (counter: number): number =>
    appliance
      .cores()
      .reduce((total, { core }) => total + (appliance.counters(core)[CORE_AT + counter] ?? 0), 0);
  const handedOver = sum(CoreCounter.NdHandedOver);
  const detail = `${handedOver} advertisements handed over to the core that owns the neighbour`;
  const pending = `${sum(CoreCounter.NdPending)} addresses in resolution on all cores`;
  return [row("neighbour discovery", "ok", `${detail}, ${pending}`)];
}

function tables(coherence: readonly Row[]): Row[] {
  const names = [...new Set(coherence.map(({ table }) => String(table)))];
  return names.map((name) => {
    const rows = coherence.filter(({ table }) => table === name);
    const equal = rows.every(({ equal: same }) => same === true);
    const entries = Math.max(0, ...rows.map(({ entries: count }) => Number(count)));
    const detail = equal
      ? `${entries} entries, equal on ${rows.length} cores`
      : "copies differ; while messages are under way that is no fault";
    return row(`table ${name}`, equal ? "ok" : "warning", detail);
  });
}
