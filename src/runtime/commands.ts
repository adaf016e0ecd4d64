// Answers the control core's questions on a core's thread, between two rounds. Every answer is bounded: tables come in
// slices, so that no question holds frames up.

import type { ClearFilter } from "../bridge/bridging.ts";
import type { CoreCommand, RawRow } from "../control/appliance-port.ts";
import { copySlice } from "../core/copying.ts";
import type { Core } from "../core/core.ts";
import { Observer } from "../core/observer.ts";
import { routeRows } from "../core/route-rows.ts";
import { TABLE_COUNT, Table } from "../engine/message.ts";
import { STATUS_NAMES, Status } from "../host/sender.ts";
import type { Millis } from "../lib/units.ts";

/** An IPv4 packet without options holds so much (RFC 791 3.1). */
const MAX_PAYLOAD = 65535 - 20;
/** Where the rows of a command's table are. */
const TABLES = {
  arp: Table.Arp,
  nd: Table.Nd,
  bridge: Table.Bridge,
  lacp: Table.Lag,
  stp: Table.Stp,
  groups: Table.Groups,
  vr: Table.Vr,
} as const;

/** Rows per answer at most, whatever was asked for. */
const MAX_ROWS = 512;

/** Hears of echo replies and refusals; they may reach another core than the one that asked. */
export type Pong = (id: number, reason: string, now: Millis) => void;

export class Commands {
  readonly #core: Core;

  constructor(core: Core, pong: Pong) {
    this.#core = core;
    core.dispatch.host.listen({
      replied: (_from, id, _sequence, _bytes, _ttl, now) => pong(id, "", now),
      refused: (_to, id, _sequence, _type, _code, _from, now) => pong(id, "unreachable", now),
    });
    core.dispatch.host6.listen({
      replied6: (_from, id, _sequence, _bytes, _hops, now) => pong(id, "", now),
      refused6: (_to, id, _sequence, _type, _code, _from, now) => pong(id, "unreachable", now),
    });
  }

  /** Runs one command and gives its answer. Throws for what cannot be done. */
  run(command: CoreCommand, now: Millis): unknown {
    const { dispatch } = this.#core;
    const { resolver, bridging, nd } = dispatch;
    switch (command.kind) {
      case "rows": {
        if (command.table === "protection") {
          return { rows: bridging.protectionRows(now), next: -1 };
        }
        if (command.table === "vmac") {
          return dispatch.vr.vmacRows(command.cursor, Math.min(command.limit, MAX_ROWS), now);
        }
        return dispatch
          .replicated(TABLES[command.table])
          ?.rows(command.cursor, Math.min(command.limit, MAX_ROWS), now);
      }
      case "summary":
        return { tables: this.#summaries() };
      case "copy":
        return copySlice(this.#core, command.table, command.cursor, command.limit, now);
      case "resend":
        this.#core.joining.resendAll(command.tables);
        return { count: 1 };
      case "timers":
        return { rows: dispatch.timers(now), next: -1 };
      case "routes":
        return routeRows(dispatch, command.cursor, Math.min(command.limit, MAX_ROWS));
      case "arp-add":
        resolver.addStatic(command.interface, command.address, command.mac, now);
        return { count: 1 };
      case "arp-rm":
        return { count: resolver.remove(command.address, command.interface, now) };
      case "arp-clear":
        return {
          count: resolver.clear({ iface: command.interface, address: command.address }, now),
        };
      case "arp-announce":
        return { count: resolver.announce(-1, command.address, now) };
      case "nd-add": {
        const { interface: iface, address, mac } = command;
        return { count: Number(nd.addStatic({ iface, address, mac }, now)) };
      }
      case "nd-rm":
        return { count: nd.remove(command.address, command.interface, now) };
      case "nd-clear": {
        const which = command.address === null ? {} : { address: command.address };
        return { count: nd.clear({ iface: command.interface, ...which }, now) };
      }
      case "nd-announce":
        return { count: nd.announce(command.interface, now) };
      case "bridge-add":
        return {
          count: Number(
            bridging.addStatic(command.bridge, command.mac, command.vlan, command.channel, now),
          ),
        };
      case "bridge-rm":
        return {
          count: Number(bridging.removeStatic(command.bridge, command.mac, command.vlan, now)),
        };
      case "vr-explain":
        return { rows: dispatch.vr.explain(command.name, now), next: -1 };
      case "vr-priority":
        return { count: Number(dispatch.vr.setPriority(command.name, command.priority, now)) };
      case "vr-leave":
        return { count: dispatch.vr.leave(now) };
      case "vmac-clear":
        return { count: dispatch.vr.flushVmacs(command.interface, command.vrid, now) };
      case "groups-clear": {
        const { bridge, vlan, group } = command;
        return { count: dispatch.snoop.clear(bridge, vlan, group, now) };
      }
      case "shut-clear":
        return { count: bridging.protection.shut.open(command.channel, now) };
      case "stp-clear":
        return { count: dispatch.clearStp(command.channel, now) };
      case "bridge-clear":
        return { count: bridging.clear(filterOf(command), now) };
      case "observe":
        this.#core.observe(command.at < 0 ? null : new Observer(this.#core, command));
        return { count: 1 };
      case "send":
        return { status: this.#send(command, now) };
      case "ping":
        return { status: this.#ping(command, now) };
    }
  }

  #ping(command: Extract<CoreCommand, { kind: "ping" }>, now: Millis): number {
    const { host, host6 } = this.#core.dispatch;
    const { address, interface: iface = -1, id = 0, size } = command;
    if (typeof address === "number") return host.startPing(address, id, 0, now, size);
    return host6.startPing6(address, iface, id, 0, now, size);
  }

  /** Puts a program's packet into a buffer and sends it; the buffer goes back when it has left or been copied. */
  #send(command: Extract<CoreCommand, { kind: "send" }>, now: Millis): string {
    const { packet } = command;
    if (packet.length > MAX_PAYLOAD) return STATUS_NAMES[Status.TooBig];
    const at = this.#core.scratch(packet.length);
    if (at < 0) return STATUS_NAMES[Status.NoBuffer];
    this.#core.bytes.set(packet, at);
    const { host, host6 } = this.#core.dispatch;
    const { address, protocol, interface: iface = -1 } = command;
    const end = at + packet.length;
    if (typeof address === "number") {
      return STATUS_NAMES[host.send(address, protocol, at, end, now)];
    }
    return STATUS_NAMES[host6.send(address, iface, protocol, at, end, now)];
  }

  #summaries(): RawRow[] {
    const tables: RawRow[] = [];
    for (let table = 0; table < TABLE_COUNT; table++) {
      const replicated = this.#core.dispatch.replicated(table);
      if (replicated !== null) tables.push({ table, ...replicated.summary() });
    }
    return tables;
  }
}

/** The bridge's filter: "any" (-1, VLAN 0) is left out. */
function filterOf(command: Extract<CoreCommand, { kind: "bridge-clear" }>): ClearFilter {
  return {
    bridge: command.bridge < 0 ? undefined : command.bridge,
    mac: command.mac < 0 ? undefined : command.mac,
    vlan: command.vlan <= 0 ? undefined : command.vlan,
    channel: command.channel < 0 ? undefined : command.channel,
  };
}
