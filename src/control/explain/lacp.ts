// `linkloom explain lacp LA/1`: why each member of an aggregated channel carries frames or does not, and what to
// change, in sentences made from the rows of `show channels` and `show lacp`.

import type { Row } from "../show.ts";

/** What an explanation is made of. */
export interface LacpEvidence {
  readonly channel: Row;
  /** Rows of every core. */
  readonly lacp: readonly Row[];
  /** `show config` of the channel: path below it, value. */
  readonly config: Readonly<Record<string, unknown>>;
}

const text = (value: unknown): string => String(value ?? "");
const seconds = (value: unknown): string => `${Math.round(Number(value ?? 0) / 100) / 10} s`;
const words = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map(String) : [];

/** What stands in a member's way, by `reason`, and what to change. */
const ADVICE: Readonly<Record<string, (row: Row, evidence: LacpEvidence) => string>> = {
  bundled: () => "is bundled: it takes and sends frames.",
  fallback: () =>
    "carries frames by fallback: no partner answers. Switch LACP on at the other side, or fallback off here.",
  "link-down": () => "has no link. Look at the cable and at the other side's port.",
  starting: () => "has just come up; the partner has three seconds to say something.",
  "never-heard": (row) =>
    `never got a LACPDU, though ${text(row["pdus-sent"])} were sent: the other side does not run LACP on this port, ` +
    "or something between swallows 01:80:c2:00:00:02. Switch LACP on there, or write mode: static here.",
  "gone-silent": (row) =>
    `hears nothing any more: the last LACPDU came ${seconds(row["last-received-ms"])} ago. The other side stopped, or its ` +
    "frames are lost on the way here. Look at its port, and at what is between.",
  "both-passive": () =>
    "is silent because both sides are passive: each waits for the other. Write lacp: {activity: active} here or there.",
  looped: (row) =>
    `gets its own LACPDUs back (${text(row["own-received"])} of them): its cable ends on this appliance, or a device returns ` +
    "frames. Plug it elsewhere.",
  "other-system": (row, evidence) =>
    `is cabled to another switch: it hears ${text(row["partner-system"])}, and the channel serves ` +
    `${text(evidence.channel["partner-system"])}. Put all members on one switch, or on two that act as one.`,
  "other-key": (row, evidence) =>
    `has a partner with another key, ${text(row["partner-key"])} instead of ${text(evidence.channel["partner-key"])}: the other ` +
    "side has this port in another aggregate. Put it in the same one there.",
  individual: () =>
    "has a partner that does not aggregate this port. Put it in an aggregate there, or take it out of the channel here.",
  standby: (_row, { config }) =>
    `stands by: max-links is ${text(config["max-links"])} and others come first by priority. Raise max-links, or lower its priority number.`,
  waiting: () => "waits two seconds so that members which come together join together.",
  "cores-following": () =>
    "waits until every core has followed; show cores tells whether one is stuck.",
  "partner-out-of-sync": () =>
    "waits for its partner, which does not say that it is in sync: the other side may have it on standby, in " +
    "another aggregate, or below its own minimum of links. Look there.",
  "partner-mistaken": () =>
    "has a partner that has wrong or old information of us. If that lasts, LACPDUs from here do not get there.",
  "below-min-links": (_row, { config }) =>
    `is ready, but fewer members than min-links (${text(config["min-links"])}) are in sync, so the channel is kept down. Mend the others, or lower min-links.`,
  "partner-not-collecting": () =>
    "is ready; its partner does not take frames yet (its Collecting bit is off). Look at the other side.",
};

/** The sentences, one list for one channel. */
export function explainLacp(evidence: LacpEvidence): string[] {
  const { channel, lacp } = evidence;
  const name = text(channel["channel"]);
  const members = words(channel["members"]);
  const active = words(channel["active-members"]);
  const lines: string[] = [];
  if (channel["mode"] === "single") return [`${name} is a single port; nothing is aggregated.`];
  const state = channel["up"] === true ? "is up" : "is down";
  const share = `${active.length} of ${members.length} members carry frames`;
  lines.push(`${name} (${text(channel["mode"])}) ${state}: ${share}.`);
  if (channel["partner-system"] !== null) {
    lines.push(
      `Its partner is system ${text(channel["partner-system"])}, key ${text(channel["partner-key"])}.`,
    );
  }
  for (const member of members) {
    const rows = lacp.filter((row) => row["port"] === member);
    const [row] = rows;
    if (row !== undefined) lines.push(...explainMember(row, rows, evidence));
  }
  return lines;
}

function explainMember(row: Row, rows: readonly Row[], evidence: LacpEvidence): string[] {
  const port = text(row["port"]);
  const advice = ADVICE[text(row["reason"])];
  const lines = [`${port} ${advice?.(row, evidence) ?? `is ${text(row["mux"])}.`}`];
  const states = new Set(rows.map((one) => one["mux"]));
  if (states.size > 1) {
    const each = rows.map((one) => `core ${text(one["core"])} ${text(one["mux"])}`).join(", ");
    lines.push(`${port}: the cores are under way to one state: ${each}.`);
  }
  const mismatch = rateMismatch(row);
  if (mismatch !== "") lines.push(`${port}: ${mismatch}`);
  if (Number(row["partner-changes"] ?? 0) > 2) {
    lines.push(
      `${port}: its partner changed ${text(row["partner-changes"])} times: who is plugged in there?`,
    );
  }
  if (Number(row["actor-churns"] ?? 0) + Number(row["partner-churns"] ?? 0) > 0) {
    lines.push(`${port}: churned: a side was out of sync for a minute and more.`);
  }
  return lines;
}

/**
 * Sides that ask for different rates work, but find a dead link at different times; a partner that is late does not.
 */
function rateMismatch(row: Row): string {
  const actor = words(row["actor"]);
  const partner = words(row["partner"]);
  const late = Number(row["expiries"] ?? 0);
  if (actor.includes("short-timeout") && late > 1) {
    return `its partner's LACPDUs came too late ${late} times: we ask for one a second (rate: fast). If it sends only slowly, write rate: slow.`;
  }
  if (partner.length === 0 || actor.includes("short-timeout") === partner.includes("short-timeout"))
    return "";
  const [ours, theirs] = actor.includes("short-timeout") ? ["fast", "slow"] : ["slow", "fast"];
  return `rates differ: we ask for ${ours}, the partner for ${theirs}; each finds a dead link in its own time. Write the same rate on both sides.`;
}
