// What hosts do with multicast groups in a script (BR-8): who asks, who listens to what, and who sends.

import type { Millis } from "../lib/units.ts";
import { LINK_SCOPE, Listener, type ListenerOptions } from "./listener.ts";
import type { HostPlan } from "./scenario.ts";
import type { Operation } from "./script.ts";
import { GROUPS, type GroupPlan } from "./shape-parts.ts";
import type { Station } from "./station.ts";

/** Groups that one host reports and forgets; theirs begin behind all that are listened to. */
const MAX_CROWD = 100;
const CROWD = 1000;
const CROWDS = 400;

/** The last host of each VLAN asks, where the appliances do not; every other one speaks the older versions. */
export function listenerOf(plan: GroupPlan, { name }: HostPlan, index: number): ListenerOptions {
  const isOld = index % 2 === 1;
  return {
    index,
    igmpVersion: isOld ? 2 : plan.igmpVersion,
    mldVersion: isOld ? 1 : plan.mldVersion,
    isRouter: plan.querier === "router" && name.endsWith(".3"),
  };
}

/** Carries out an operation of GROUP_TRAFFIC. */
export function applyToGroups(station: Station, { name, b, c }: Operation, now: Millis): void {
  if (!(station instanceof Listener) || station.silent) return;
  const group = b % GROUPS;
  if (name === "listen") station.join(group, now);
  else if (name === "unlisten") station.leave(group);
  else if (name === "stream") station.stream(group, c % 2 === 1);
  else if (name === "local") station.stream(LINK_SCOPE, c % 2 === 1);
  else if (name === "crowd") {
    for (let n = b % MAX_CROWD; n > 0; n--) station.report(CROWD + ((c + n) % CROWDS));
  }
}
