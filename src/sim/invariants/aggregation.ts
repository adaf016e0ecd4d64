// No core sends on a member that it may not send on (LAG-3): after the Mux left DISTRIBUTING on a core, none of its
// frames leaves there. In the end every member is in use on every core and at the partner.

import { Mux } from "../../lag/mux.ts";
import type { PortState } from "../../lag/port-state.ts";
import { EtherType } from "../../wire/ethernet.ts";
import type { Fabric, Node } from "../fabric.ts";
import type { Seen } from "../seen.ts";
import { Violation } from "../violation.ts";
import type { Invariant, Stage } from "./invariant.ts";

export const MEMBER = "no core sends on a member that is shut";

export class AggregationInvariant implements Invariant {
  readonly #fabric: Fabric;
  /** Per node: its members, and which of them distributed before the step. */
  readonly #members: PortState[][] = [];
  readonly #were: boolean[][] = [];

  constructor(stage: Stage) {
    this.#fabric = stage.fabric;
  }

  #membersOf({ index, appliance, core }: Node): PortState[] {
    const lag = this.#fabric.clusters[appliance]?.cores[core]?.dispatch.lag;
    const actor = lag?.actors[0];
    if (actor === undefined) return [];
    const known = this.#members[index];
    if (known !== undefined && known[0] === actor.ports[0]) return known;
    this.#members[index] = actor.ports;
    this.#were[index] = actor.ports.map(() => false);
    return actor.ports;
  }

  frame(seen: Seen): void {
    if (seen.type === EtherType.Slow) return;
    const node = this.#fabric.nodes.find(
      (one) => one.appliance === seen.appliance && one.core === seen.core,
    ) as Node;
    const members = this.#membersOf(node);
    for (let n = 0; n < members.length; n++) {
      const { port, mux } = members[n] as PortState;
      if (port !== seen.port || mux === Mux.Distributing || this.#were[node.index]?.[n]) continue;
      throw new Violation(MEMBER, `core ${seen.core} sent on port ${port} in state ${mux}`);
    }
  }

  stepped(node: Node): void {
    const members = this.#membersOf(node);
    const were = this.#were[node.index];
    if (were === undefined) return;
    for (let n = 0; n < members.length; n++) {
      were[n] = (members[n] as PortState).mux === Mux.Distributing;
    }
  }

  unsettled(): string {
    for (const node of this.#fabric.nodes) {
      const cluster = this.#fabric.clusters[node.appliance];
      if (cluster?.cores[node.core]?.bus.isAlive(node.core) !== true) continue;
      for (const { port, mux } of this.#membersOf(node)) {
        if (mux === Mux.Distributing) continue;
        return `port ${port} of ${node.appliance} is in state ${mux} on core ${node.core}`;
      }
    }
    const { partner } = this.#fabric;
    if (partner !== null && partner.distributing.length < partner.ports.length) {
      return "the switch does not use every member";
    }
    return "";
  }
}
