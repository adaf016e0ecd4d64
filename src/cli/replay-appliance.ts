// A replayed appliance behind the interface of a running one, so that `replay` writes its tables by the same code
// and in the same fields as `show` prints them. It answers questions; it cannot be changed.

import type {
  Appliance,
  CoreAnswer,
  CoreCommand,
  CoreStatus,
  PortState,
  RawEvent,
  StartPlan,
} from "../control/appliance-port.ts";
import { ControlError } from "../control/errors.ts";
import { copySlice } from "../core/copying.ts";
import { routeRows } from "../core/route-rows.ts";
import { TABLE_COUNT, Table } from "../engine/message.ts";
import { ROLE_COUNT } from "../engine/role.ts";
import { bucketTotals } from "../engine/totals.ts";
import type { ReplayResult } from "../replay/replay.ts";

/** The face of a replay that is over. */
export function applianceOf(result: ReplayResult): Appliance {
  const { cluster } = result;
  const { config } = cluster;
  const epoch = result.origin.seconds * 1000 + result.origin.nanos / 1e6;
  const events = result.events.map(
    (event, index): RawEvent => ({ ...event, sequence: index + 1, time: epoch + event.time }),
  );
  const core = (index: number): (typeof cluster.cores)[number] => {
    const found = cluster.cores[index];
    if (found === undefined)
      throw new ControlError("core-not-online", `There is no core ${index}`, "");
    return found;
  };
  const answer = (index: number, command: CoreCommand): unknown => {
    const { dispatch } = core(index);
    if (command.kind === "rows") {
      const tables = {
        arp: Table.Arp,
        nd: Table.Nd,
        bridge: Table.Bridge,
        lacp: Table.Lag,
        stp: Table.Stp,
        groups: Table.Groups,
        vr: Table.Vr,
      };
      if (command.table === "vmac") {
        return dispatch.vr.vmacRows(command.cursor, command.limit, cluster.now);
      }
      if (command.table === "protection") {
        return { rows: dispatch.bridging.protectionRows(cluster.now), next: -1 };
      }
      const table = dispatch.replicated(tables[command.table]);
      return table?.rows(command.cursor, command.limit, cluster.now) ?? { rows: [], next: -1 };
    }
    if (command.kind === "copy") {
      return copySlice(core(index), command.table, command.cursor, command.limit, cluster.now);
    }
    if (command.kind === "routes") return routeRows(dispatch, command.cursor, command.limit);
    if (command.kind === "summary") {
      const tables = Array.from({ length: TABLE_COUNT }, (_, table) => ({
        table,
        ...(dispatch.replicated(table)?.summary() ?? { entries: 0, digest: 0, version: 0 }),
      }));
      return { tables };
    }
    throw new ControlError("operation-failed", `A replay cannot do ${command.kind}`, "it is over");
  };
  const refuse = (): never => {
    throw new ControlError("operation-failed", "A replay cannot be changed", "it is over");
  };
  return {
    config,
    startedAt: epoch,
    setCore: refuse,
    setMaster: refuse,
    repairs: () => [],
    counters: (index) => core(index).counters,
    bucketFrames: () => bucketTotals(cluster.cores.map(({ counters }) => counters)),
    cores: () =>
      cluster.cores.map(
        (_, index): CoreStatus => ({
          core: index,
          state: "online",
          load: 0,
          heartbeatAgeMs: 0,
          restarts: 0,
        }),
      ),
    ports: () =>
      config.common.ports.map(
        ({ mac, mtu }): PortState => ({ driver: "memory", interface: "", up: true, mac, mtu }),
      ),
    masters: () => Array.from({ length: ROLE_COUNT }, (_, role) => core(0).master(role as 0 | 1)),
    buckets: () =>
      new Uint8Array(cluster.arena.buffer, cluster.layout.control + 128, config.steering.buckets),
    command: <C extends CoreCommand>(index: number, command: C) =>
      Promise.resolve(answer(index, command) as CoreAnswer<C["kind"]>),
    events: (since, limit) => events.filter(({ sequence }) => sequence > since).slice(0, limit),
    observe: () => () => {}, // What is over is not looked at.
    reconfigure: (_plan: StartPlan) =>
      Promise.reject(
        new ControlError("operation-failed", "A replay cannot be changed", "it is over"),
      ),
    stop: () => Promise.resolve(),
    ended: Promise.resolve(),
  };
}
