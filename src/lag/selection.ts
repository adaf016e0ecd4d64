// The selection logic (IEEE 802.3-2005 43.4.14) of one channel, which is one aggregator: which ports may be in it,
// which LAG it serves, and who stands by when there are more than max-links. A pure function of what is known of the
// ports.

import { State } from "../wire/lacp.ts";
import type { LagChannelConfig } from "./config.ts";
import { has, type PortState, Selected } from "./port-state.ts";
import { Receive } from "./receive.ts";

/** Why a port is not selected; Chosen when it is. */
export const Choice = {
  Chosen: 0,
  /** No link. */
  Down: 1,
  /** Nobody has answered yet. */
  Silent: 2,
  /** Its partner is another system, or has another key, than the aggregate's. */
  OtherLag: 3,
  /** More than max-links. */
  Spare: 4,
  /** It, or its partner, takes part in no aggregate. */
  Individual: 5,
} as const;
/** For people. */
export const CHOICE_NAMES = [
  "chosen",
  "no link",
  "no partner",
  "another LAG than the channel's",
  "more than max-links",
  "its partner does not aggregate it",
] as const;
export type Choice = (typeof Choice)[keyof typeof Choice];

/** A LAG ID's part that the partner decides (43.3.6); `port` is not 0 for a link that cannot aggregate. */
export interface LagId {
  readonly systemPriority: number;
  readonly system: number;
  readonly key: number;
  readonly port: number;
}

/** The LAG that nobody is in. */
export const NO_LAG: LagId = { systemPriority: -1, system: -1, key: -1, port: -1 };

const isSame = (a: LagId, b: LagId): boolean =>
  a.system === b.system &&
  a.key === b.key &&
  a.port === b.port &&
  a.systemPriority === b.systemPriority;

/** The LAG ID of a port; an individual link's is like no other (43.3.6.1). */
export function lagIdOf(port: PortState): LagId {
  const { partner } = port;
  const aggregates = has(partner, State.Aggregation) && has(port.actor, State.Aggregation);
  return {
    systemPriority: partner.systemPriority,
    system: partner.system,
    key: partner.key,
    port: aggregates ? 0 : port.actor.port,
  };
}

/** What the logic decides: who is selected (port-state.ts), why, and the LAG that the channel serves now. */
export interface Selection {
  readonly selected: readonly number[];
  readonly choice: readonly Choice[];
  readonly lag: LagId;
}

/** Ports that could take frames, as the mode and the fallback want it. */
function candidates(config: LagChannelConfig, ports: readonly PortState[]): boolean[] {
  if (config.mode !== "lacp") return ports.map(({ enabled }) => enabled);
  const known = ports.map((port) => port.enabled && !has(port.actor, State.Defaulted));
  if (config.fallback === "none" || known.includes(true)) return known;
  const silent = ports.map((port) => port.enabled && port.receive === Receive.Defaulted);
  if (config.fallback === "static") return silent;
  const first = best(config, ports, silent);
  return silent.map((_, index) => index === first);
}

/** The index of the port that comes first by priority and number, or -1. */
function best(
  config: LagChannelConfig,
  ports: readonly PortState[],
  among: readonly boolean[],
): number {
  const order = ranking(config, ports);
  return order.find((index) => among[index] === true) ?? -1;
}

/**
 * All ports, best first. The system with the smaller identifier decides by its own port priorities and numbers, so
 * that both sides choose the same links (43.4.14.1); without a partner we do.
 */
function ranking(config: LagChannelConfig, ports: readonly PortState[]): number[] {
  const rank = (index: number): readonly [number, number] => {
    const { actor, partner } = ports[index] as PortState;
    const theirs =
      config.mode === "lacp" &&
      partner.system !== 0 &&
      (partner.systemPriority < actor.systemPriority ||
        (partner.systemPriority === actor.systemPriority && partner.system < actor.system));
    const side = theirs ? partner : actor;
    return [side.portPriority, side.port];
  };
  return ports
    .map((_, index) => index)
    .sort((a, b) => {
      const [one, other] = [rank(a), rank(b)];
      return one[0] - other[0] || one[1] - other[1] || a - b;
    });
}

/**
 * Chooses. The LAG in service stays while a port of it is left, so that a stranger cannot take the channel; else the
 * LAG with most ports, the one of the best port among equals.
 */
export function select(
  config: LagChannelConfig,
  ports: readonly PortState[],
  before: LagId,
): Selection {
  const able = candidates(config, ports);
  const ids = ports.map(lagIdOf);
  const order = ranking(config, ports).filter((index) => able[index] === true);
  const lag = chooseLag(order, ids, before);
  const choice = ports.map((port, index): Choice => {
    if (!port.enabled) return Choice.Down;
    if (able[index] !== true) return Choice.Silent;
    if (isSame(ids[index] as LagId, lag)) return Choice.Spare;
    return (ids[index] as LagId).port === 0 ? Choice.OtherLag : Choice.Individual;
  });
  const selected: number[] = ports.map(() => Selected.Unselected);
  const members = order.filter((index) => choice[index] === Choice.Spare);
  if (config.mode === "active-backup") keepActive(ports, members);
  const room = config.mode === "active-backup" ? 1 : config.maxLinks;
  for (const [place, index] of members.entries()) {
    selected[index] = place < room ? Selected.Selected : Selected.Standby;
    if (place < room) choice[index] = Choice.Chosen;
  }
  return { selected, choice, lag };
}

function chooseLag(order: readonly number[], ids: readonly LagId[], before: LagId): LagId {
  const present = order.map((index) => ids[index] as LagId);
  if (present.some((id) => isSame(id, before))) return before;
  let chosen = NO_LAG;
  let most = 0;
  for (const id of present) {
    const count = present.filter((other) => isSame(id, other)).length;
    if (count > most) [chosen, most] = [id, count];
  }
  return chosen;
}

/** The active port stays when the better one is only better by its number: a move costs frames. */
function keepActive(ports: readonly PortState[], members: number[]): void {
  const first = ports[members[0] as number];
  const place = members.findIndex((index) => ports[index]?.selected === Selected.Selected);
  const active = ports[members[place] as number];
  if (first === undefined || active === undefined) return;
  if (active.actor.portPriority > first.actor.portPriority) return;
  members.unshift(...members.splice(place, 1));
}
