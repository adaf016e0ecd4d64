// What one core's neighbour discovery has due, as rows for people. Never on the packet path.

import type { InterfaceConfig } from "../engine/config.ts";
import type { Millis } from "../lib/units.ts";
import { formatIpv6 } from "../wire/text.ts";
import type { Advertiser } from "./advertiser.ts";
import type { NdConfig } from "./config.ts";
import type { Entries } from "./entries.ts";
import { STATE_NAMES, State } from "./machine.ts";
import type { Own } from "./own.ts";
import { Phase } from "./own-address.ts";

/** Rows at most, the soonest first. Our choice, as for ARP: what people can read. */
const TIMERS = 64;

/** The parts that wait for something. */
export interface Waits {
  readonly config: NdConfig;
  readonly interfaces: readonly InterfaceConfig[];
  readonly entries: Entries;
  readonly own: Own;
  readonly advertiser: Advertiser;
}

/** Rows {timer, subject, due-ms, period-ms}; only the master acts for own addresses and advertises. */
export function timerRows(waits: Waits, now: Millis): Record<string, unknown>[] {
  const { config, interfaces, entries, own, advertiser } = waits;
  const rows: { timer: string; subject: string; "due-ms": number; "period-ms": number }[] = [];
  const add = (timer: string, subject: string, due: Millis, period: Millis): void => {
    if (Number.isFinite(due)) {
      rows.push({ timer, subject, "due-ms": due - now, "period-ms": period });
    }
  };
  const name = (iface: number): string => interfaces[iface]?.name ?? String(iface);
  const { table, ledger } = entries;
  for (let slot = 0; slot < table.capacity; slot++) {
    const state = table.state(slot);
    if (!ledger.wheel.isSet(slot) || state === State.Gone) continue;
    const [a, b, c, d] = [0, 1, 2, 3].map((index) => table.word(slot, index)) as number[];
    const address = formatIpv6(a as number, b as number, c as number, d as number);
    const period = state === State.Reachable ? config.reachableTime : config.retransTimer;
    const isDelay = state === State.Delay;
    add(
      `nd-${STATE_NAMES[state]}`,
      `${address} ${name(table.iface(slot))}`,
      ledger.wheel.due(slot),
      isDelay ? config.delayFirstProbe : period,
    );
  }
  if (own.isMaster) {
    for (const { iface, words, phase, due } of own.addresses) {
      const [a, b, c, d] = words as unknown as [number, number, number, number];
      const timer = phase === Phase.Tentative ? "nd-duplicate" : "nd-announce";
      add(timer, `${formatIpv6(a, b, c, d)} ${name(iface)}`, due, config.retransTimer);
    }
    for (const { iface, due, period } of advertiser.due()) {
      add("nd-advertise", `interface ${name(iface)}`, due, period);
    }
  }
  return rows.sort((a, b) => a["due-ms"] - b["due-ms"]).slice(0, TIMERS);
}
