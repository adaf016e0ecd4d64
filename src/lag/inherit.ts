// What a reload leaves undisturbed: a member whose own parameters and whose channel's are as before goes on with all
// that its machines know.

import type { Actor } from "./actor.ts";
import type { LagChannelConfig, LagConfig } from "./config.ts";

/** What of a channel its ports depend on; the rest (members, min-links, max-links) selection looks up anew. */
function termsOf(config: LagChannelConfig): string {
  const { members, minLinks, maxLinks, fallback, upDelay, downDelay, ...terms } = config;
  return JSON.stringify([terms, fallback]);
}

/** True when members that stay must negotiate anew, for people who plan a change. */
export function disturbsMembers(before: LagChannelConfig, after: LagChannelConfig): boolean {
  return termsOf(before) !== termsOf(after);
}

/** Hands the states of members that stay to a channel's new actor. */
export function inherit(before: readonly Actor[], actor: Actor): void {
  const old = before.find(({ config }) => config.channel === actor.config.channel);
  if (old === undefined || termsOf(old.config) !== termsOf(actor.config)) return;
  for (const [index, member] of actor.config.members.entries()) {
    const place = old.config.members.findIndex((one) => one.port === member.port);
    if (place < 0 || JSON.stringify(old.config.members[place]) !== JSON.stringify(member)) continue;
    const state = old.ports[place];
    if (state !== undefined) actor.ports[index] = state;
  }
  actor.lag = old.lag;
}

/** A number for a configuration (FNV-1a): messages of another one name other channels. */
export function epochOfConfig(config: LagConfig): number {
  let hash = 0x811c9dc5;
  for (const character of JSON.stringify(config)) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return hash | 0;
}
