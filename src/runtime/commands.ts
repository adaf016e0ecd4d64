// Answers the control core's questions on a core's thread, between two rounds. Every answer is bounded: tables come in
// slices, so that no question holds frames up.

import type { Core } from "../core/core.ts";
import { Table, TABLE_COUNT } from "../engine/message.ts";
import type { Millis } from "../lib/units.ts";
import type { CoreCommand, RawRow } from "../control/appliance-port.ts";

/** Rows per answer at most, whatever was asked for. */
const MAX_ROWS = 512;

type Answer = (result: unknown) => void;

interface PendingPing {
  readonly answer: Answer;
  readonly sent: Millis;
  readonly until: Millis;
}

export class Commands {
  readonly #core: Core;
  readonly #pings = new Map<number, PendingPing>();
  #sequence = 0;

  constructor(core: Core) {
    this.#core = core;
    core.dispatch.host.onPing = (sequence, outcome, now) => this.#pinged(sequence, outcome, now);
  }

  /** Runs one command; `answer` is called now, or for a ping later. Throws for what cannot be done. */
  run(command: CoreCommand, now: Millis, answer: Answer): void {
    const { dispatch } = this.#core;
    const { resolver, bridging, host } = dispatch;
    switch (command.kind) {
      case "rows": {
        const table = command.table === "arp" ? Table.Arp : Table.Bridge;
        const limit = Math.min(command.limit, MAX_ROWS);
        answer(dispatch.replicated(table)?.rows(command.cursor, limit, now));
        return;
      }
      case "summary":
        answer({ tables: this.#summaries() });
        return;
      case "timers":
        answer({ rows: this.#timers(now), next: -1 });
        return;
      case "routes":
        answer(host.routes(command.cursor, Math.min(command.limit, MAX_ROWS)));
        return;
      case "arp-add":
        resolver.addStatic(command.interface, command.address, command.mac, now);
        answer({ count: 1 });
        return;
      case "arp-rm":
        answer({ count: resolver.remove(command.address, command.interface, now) });
        return;
      case "arp-clear":
        answer({ count: resolver.clear({ interface: command.interface, address: command.address }, now) });
        return;
      case "arp-announce":
        answer({ count: resolver.announce(-1, command.address, now) });
        return;
      case "bridge-add":
        answer({
          count: bridging.addStatic(command.bridge, command.mac, command.vlan, command.channel, now) ? 1 : 0,
        });
        return;
      case "bridge-rm":
        answer({ count: bridging.removeStatic(command.bridge, command.mac, command.vlan, now) ? 1 : 0 });
        return;
      case "bridge-clear":
        answer({ count: bridging.clear(command, now) });
        return;
      case "ping":
        this.#ping(command, now, answer);
        return;
    }
  }

  #summaries(): RawRow[] {
    const tables: RawRow[] = [];
    for (let table = 0; table < TABLE_COUNT; table++) {
      const replicated = this.#core.dispatch.replicated(table);
      if (replicated !== null) tables.push({ table, ...replicated.summary() });
    }
    return tables;
  }

  #timers(now: Millis): RawRow[] {
    const { dispatch } = this.#core;
    return [...dispatch.bridging.timers(now), ...dispatch.resolver.timers(now)];
  }

  #ping(command: Extract<CoreCommand, { kind: "ping" }>, now: Millis, answer: Answer): void {
    for (const [sequence, ping] of this.#pings) {
      if (now < ping.until) continue;
      this.#pings.delete(sequence);
      ping.answer({ replied: false, roundTripMs: 0, reason: "timeout" });
    }
    const sequence = this.#sequence++ & 0xffff;
    this.#pings.set(sequence, { answer, sent: now, until: now + command.timeoutMs });
    const reason = this.#core.dispatch.host.startPing(command.address, sequence, command.size, now);
    if (reason !== "") this.#finish(sequence, { replied: false, roundTripMs: 0, reason });
  }

  #pinged(sequence: number, outcome: string, now: Millis): void {
    const ping = this.#pings.get(sequence);
    if (ping === undefined) return;
    const replied = outcome === "";
    this.#finish(sequence, { replied, roundTripMs: now - ping.sent, reason: outcome });
  }

  #finish(sequence: number, result: unknown): void {
    this.#pings.get(sequence)?.answer(result);
    this.#pings.delete(sequence);
  }
}
