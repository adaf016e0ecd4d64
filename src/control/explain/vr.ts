// `linkloom explain vr NAME`: why a virtual router is Active or not: the sum of its priority, what was heard of others,
// its last changes, and what to do. Made from what the link master tells.

import type { Row } from "../show.ts";

const text = (value: unknown): string => String(value ?? "");
const number = (value: unknown): number => Number(value ?? 0);
const seconds = (value: unknown): string => `${Math.round(number(value) / 100) / 10} s`;

/** Why a machine moved, by the names of vr/reason.ts. */
const REASONS: Readonly<Record<string, string>> = {
  none: "nothing has happened yet",
  started: "it was started",
  owner: "it owns the addresses, so it is Active at once",
  "no-advertisement": "no advertisement of an Active router came in time",
  released: "the Active router said that it gives up",
  preempted: "the Active router had a lower priority, and preempt is on",
  "higher-priority": "a router of a higher priority is Active",
  "higher-address": "a router of the same priority and a higher address is Active",
  "interface-down": "its interface has no link",
  "tracked-down": "what it tracks is down and leaves it no priority",
  group: "another router of its group, or its other family, moved",
  stopped: "the appliance stops",
  changed: "a reload changed what it is",
  coup: "a higher router said that it takes over",
  "standby-timer": "nobody stood by",
  demoted: "the demotions of the two differ",
  "too-slow": "the Active router advertises too seldom",
  speaking: "nobody was heard to be Active",
};
const because = (reason: unknown): string => REASONS[text(reason)] ?? text(reason);

/** The sentences about all families of one router. */
export function explainVr(rows: readonly Row[]): string[] {
  return rows.flatMap((row) => [
    headline(row),
    ...priority(row),
    ...heard(row),
    ...rivals(row),
    ...history(row),
    ...advice(row),
  ]);
}

function headline(row: Row): string {
  const what = `${text(row["name"])} (${text(row["protocol"])} version ${text(row["version"])}, id ${text(row["vrid"])}, ${text(row["family"])})`;
  return `${what} on ${text(row["interface"])} is ${text(row["state"])} for ${seconds(row["since-ms"])}: ${because(row["reason"])}.`;
}

/** One thing that is tracked, as the row has it. */
interface Track {
  readonly name: string;
  readonly up: boolean;
  readonly decrement: number;
}
const tracksOf = (row: Row): readonly Track[] =>
  Array.isArray(row["tracks"]) ? (row["tracks"] as Track[]) : [];

function priority(row: Row): string[] {
  const base = number(row["base-priority"]);
  const tracks = tracksOf(row);
  const down = tracks.filter(({ up }) => !up);
  if (row["protocol"] === "carp") {
    const sum = `advertises a skew of ${text(row["priority"])} (${base} configured) and a demotion of ${text(row["demotion"])}`;
    return [`It ${sum}.`, ...tracked(tracks, down)];
  }
  const parts = down
    .filter(({ decrement }) => decrement < 255)
    .map(({ name, decrement }) => ` - ${decrement} (${name} is down)`);
  const plain = row["tracking"] === "decrement" && parts.length > 0 ? parts.join("") : "";
  const equals = `priority ${text(row["priority"])}`;
  const sum =
    plain === "" && number(row["priority"]) === base ? "as configured" : `${base}${plain}`;
  return [`Its ${equals} = ${sum}.`, ...tracked(tracks, down)];
}

function tracked(tracks: readonly Track[], down: readonly Track[]): string[] {
  if (tracks.length === 0) return [];
  if (down.length === 0) {
    return [`All that it tracks is up: ${tracks.map(({ name }) => name).join(", ")}.`];
  }
  return [`It tracks what is down: ${down.map(({ name }) => name).join(", ")}.`];
}

function heard(row: Row): string[] {
  const lines: string[] = [];
  if (row["state"] === "active") {
    lines.push(
      `It has sent ${text(row["adverts-sent"])} advertisements, one in ${seconds(row["interval-ms"])}.`,
    );
  } else if (row["heard-ms"] !== null && row["heard-ms"] !== undefined) {
    const from = text(row["master-address"]);
    const mac = text(row["master-mac"]);
    lines.push(
      `The Active router is ${from}${mac === "" ? "" : ` (${mac})`}, heard ${seconds(row["heard-ms"])} ago; without it we take over ${seconds(row["master-down-ms"])} after its last word.`,
    );
  } else if (number(row["adverts-received"]) === 0) {
    lines.push("Nothing was heard of another router.");
  }
  const ours = text(row["checksum-sent"]);
  const theirs = text(row["checksum-heard"]);
  if (ours !== "" && theirs !== "" && ours !== theirs) {
    lines.push(
      `Others compute the checksum as ${theirs} says and we as ${ours}: we take both, they may not. Write checksum: ${theirs}.`,
    );
  }
  return lines;
}

function rivals(row: Row): string[] {
  const kind = text(row["last-rival"]);
  if (kind === "" || row["last-rival-ms"] === null || row["last-rival-ms"] === undefined) return [];
  const who = text(row["last-rival-mac"]);
  return [`A rival was met ${seconds(row["last-rival-ms"])} ago: ${kind}, from ${who}.`];
}

function history(row: Row): string[] {
  const list = Array.isArray(row["history"]) ? (row["history"] as Row[]) : [];
  return list
    .slice(-5)
    .map(
      (one) =>
        `${seconds(one["age-ms"])} ago it went from ${text(one["from"])} to ${text(one["to"])}: ${because(one["reason"])}.`,
    );
}

function advice(row: Row): string[] {
  const held = text(row["held"]);
  if (held !== "" && held !== "none") return [`It is kept from running: ${because(held)}.`];
  const late = number(row["late-max-ms"]);
  const interval = number(row["interval-ms"]);
  if (interval > 0 && late > interval) {
    return [
      `A timer was late by ${late} ms, more than an interval: the machine is too busy for it.`,
    ];
  }
  return [];
}
