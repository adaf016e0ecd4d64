// Who asks for addresses (ARP-2, ARP-3): the master alone sends ARP, and one address is asked for once in a while,
// however many cores and frames wait for it. In the end every entry is true.

import { REQUEST_SPACING } from "../../arp/ledger.ts";
import { Role } from "../../engine/role.ts";
import type { Mac, Millis, Vlan } from "../../lib/units.ts";
import { BROADCAST } from "../../lib/units.ts";
import * as arp from "../../wire/arp.ts";
import { EtherType } from "../../wire/ethernet.ts";
import { type HostPlan, interfaceMac, VLANS } from "../scenario.ts";
import type { Seen } from "../seen.ts";
import { Violation } from "../violation.ts";
import type { Invariant, Stage } from "./invariant.ts";

export const REQUESTER = "one requester is on the wire for an address";
export const SPEAKER = "the master alone sends ARP";
export const TRUTH = "neighbour tables are true to the network";

interface Request {
  at: Millis;
  core: number;
  round: number;
}

export class ResolvingInvariant implements Invariant {
  readonly #stage: Stage;
  readonly #own: Map<Mac, Vlan> = new Map();
  /** The last request for an address on a port. */
  readonly #asked: Map<number, Request> = new Map();
  readonly #hosts: Map<number, HostPlan>;

  constructor(stage: Stage) {
    this.#stage = stage;
    const { appliances, hosts } = stage.fabric.scenario;
    for (const appliance of appliances.keys()) {
      for (const vlan of VLANS) this.#own.set(interfaceMac(appliance, vlan), vlan);
    }
    this.#hosts = new Map(hosts.map((plan) => [plan.address, plan]));
  }

  frame(seen: Seen): void {
    const { type, view, at, from, appliance, core } = seen;
    const vlan = this.#own.get(from);
    if (type !== EtherType.Arp || vlan === undefined) return;
    if (from !== interfaceMac(appliance, vlan)) return; // Another appliance's, on its way.
    const { fabric, steps } = this.#stage;
    const master = fabric.clusters[appliance]?.cores[core]?.master(Role.Arp);
    if (master !== core)
      throw new Violation(SPEAKER, `core ${core} sends, ${master} is the master`);
    if (arp.operation(view, at) !== arp.Operation.Request || seen.to !== BROADCAST) return;
    const target = arp.targetIp(view, at);
    const sender = arp.senderIp(view, at);
    if (sender === 0 || sender === target) return; // Probes and announcements.
    const key = (appliance * 16 + seen.port) * 2 ** 32 + target;
    const last = this.#asked.get(key);
    if (last === undefined) {
      this.#asked.set(key, { at: fabric.now, core, round: steps });
      return;
    }
    const gap = fabric.now - last.at;
    const isMoved = last.core !== core || this.#stage.disturbed.role >= last.at;
    if (gap < REQUEST_SPACING - 0.001 && !isMoved) {
      throw new Violation(REQUESTER, `${target.toString(16)} was asked for ${gap} ms before`);
    }
    last.at = fabric.now;
    last.core = core;
    last.round = steps;
  }

  unsettled(): string {
    for (const { cores } of this.#stage.fabric.clusters) {
      for (const { dispatch, core, bus } of cores) {
        if (!bus.isAlive(core)) continue;
        for (const row of dispatch.resolver.rows(0, 1000, this.#stage.fabric.now).rows) {
          const plan = this.#hosts.get(row["address"] as number);
          if (plan === undefined || row["origin"] !== "dynamic" || row["mac"] === 0) continue;
          if (row["mac"] !== plan.mac) return `core ${core} has a wrong MAC for ${plan.name}`;
        }
      }
    }
    return "";
  }
}
