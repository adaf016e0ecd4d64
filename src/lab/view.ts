// The lab's screen and its lines: plain text made of two samples and the latest events. No terminal codes beyond
// bold, dim, green and red; without colour the text says the same.

import type { Sample } from "./sample.ts";

export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
}

const same = (text: string): string => text;
export const PLAIN: Style = { bold: same, dim: same, good: same, bad: same };
const code = (number: number) => (text: string) => `\u001b[${number}m${text}\u001b[0m`;
export const COLOUR: Style = { bold: code(1), dim: code(2), good: code(32), bad: code(31) };

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const count = (value: number): string => grouped.format(value);
const left = (text: string, width: number): string => text.padEnd(width);
const right = (text: string, width: number): string => text.padStart(width);

function perSecond(now: number, before: number, seconds: number): number {
  return seconds > 0 ? (now - before) / seconds : 0;
}

/** Rate as people read it: one digit behind the point while it is small. */
function rate(value: number): string {
  return value < 100 ? value.toFixed(1) : count(value);
}

function clock(millis: number): string {
  const seconds = Math.floor(millis / 1000);
  const minutes = String(Math.floor(seconds / 60)).padStart(2, "0");
  return `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
}

function answered(sample: Sample): string {
  const { answered, lost } = sample.traffic;
  const share = answered + lost === 0 ? 100 : (answered / (answered + lost)) * 100;
  return `${share.toFixed(1)} %`;
}

function coherence(sample: Sample, style: Style): string {
  return sample.tables
    .filter(({ entries, equal }) => entries > 0 || !equal)
    .map(({ table, entries, equal }) => {
      const word = equal ? style.good("equal") : style.bad("differs");
      return `${table} ${word} (${count(entries)} entries)`;
    })
    .join("   ");
}

/** Message types with their rate, busiest first. */
function messageRates(sample: Sample, before: Sample, seconds: number): string {
  const rates = Object.entries(sample.messages)
    .map(([name, sent]) => ({ name, rate: perSecond(sent, before.messages[name] ?? 0, seconds) }))
    .sort((one, other) => other.rate - one.rate || one.name.localeCompare(other.name));
  const total = rates.reduce((sum, entry) => sum + entry.rate, 0);
  const each = rates.map((entry) => `${entry.name} ${rate(entry.rate)}`).join("   ");
  return `${rate(total)}/s between cores   ${each}`;
}

/** The whole screen, at most `rows` lines. */
export function screen(
  title: string,
  sample: Sample,
  before: Sample,
  events: readonly string[],
  rows: number,
  style: Style,
  foot: string,
  picture: readonly string[] = [],
): string[] {
  const seconds = (sample.now - before.now) / 1000;
  const shown = sample.tables.flatMap(({ entries }, table) => (entries > 0 ? [table] : []));
  const names = shown.map((table) => sample.tables[table]?.table ?? "");
  const head = ["core", "roles", "state", "load", "frames/s in", "out", "messages/s", ...names];
  const widths = [5, 10, 9, 7, 12, 10, 12];
  const cell = (text: string, column: number): string => {
    const width = widths[column] ?? 8;
    return column < 3 ? left(text, width) : right(text, width);
  };
  const lines = [
    `${style.bold("Linkloom")} lab ${title}   ${clock(sample.now)}`,
    "",
    style.dim(head.map(cell).join("")),
  ];
  for (const [index, core] of sample.cores.entries()) {
    const was = before.cores[index] ?? core;
    const cells = [
      String(core.core),
      core.roles.join(" ") || "-",
      core.state,
      `${(core.load * 100).toFixed(1)} %`,
      rate(perSecond(core.received, was.received, seconds)),
      rate(perSecond(core.sent, was.sent, seconds)),
      rate(perSecond(core.messages, was.messages, seconds)),
      ...shown.map((table) => String(core.entries[table] ?? 0)),
    ];
    lines.push(cells.map(cell).join(""));
  }
  const pings = perSecond(sample.traffic.sent, before.traffic.sent, seconds);
  lines.push(
    "",
    `Stations   ${rate(pings)} pings/s, ${answered(sample)} answered, ${sample.moves} moves, ${sample.silent} silent now`,
    `Messages   ${messageRates(sample, before, seconds)}`,
    `Coherence  ${coherence(sample, style)}`,
    ...(picture.length > 0 ? ["", ...picture] : []),
    "",
    style.dim("Events"),
  );
  const room = Math.max(0, rows - lines.length - 2);
  lines.push(...events.slice(-room).map((event) => `  ${event}`));
  lines.push("", style.dim(foot));
  return lines;
}

/** One line for a log, where there is no terminal. */
export function line(sample: Sample, before: Sample): string {
  const seconds = (sample.now - before.now) / 1000;
  const frames = (of: Sample): number => of.cores.reduce((sum, core) => sum + core.received, 0);
  const messages = (of: Sample): number => of.cores.reduce((sum, core) => sum + core.messages, 0);
  const pings = perSecond(sample.traffic.sent, before.traffic.sent, seconds);
  return [
    clock(sample.now),
    `${rate(perSecond(frames(sample), frames(before), seconds))} frames/s`,
    `${rate(perSecond(messages(sample), messages(before), seconds))} messages/s`,
    `${rate(pings)} pings/s`,
    `${answered(sample)} answered`,
    `${sample.moves} moves`,
    coherence(sample, PLAIN),
  ].join("   ");
}

/** What the run was, at its end. */
export function summary(sample: Sample, style: Style): string[] {
  const { traffic } = sample;
  const frames = sample.cores.reduce((sum, core) => sum + core.received, 0);
  const messages = sample.cores.reduce((sum, core) => sum + core.messages, 0);
  const kinds = Object.entries(sample.messages)
    .sort(([, one], [, other]) => other - one)
    .map(([name, sent]) => `${name} ${count(sent)}`);
  const lost = Object.entries(sample.drops).map(([name, drops]) => `${name} ${count(drops)}`);
  return [
    style.bold("Summary"),
    `  ran for        ${clock(sample.now)} on ${sample.cores.length} cores`,
    `  frames         ${count(frames)} received, ${count(sample.cores.reduce((sum, core) => sum + core.sent, 0))} sent`,
    `  pings          ${count(traffic.sent)} sent, ${count(traffic.answered)} answered, ${count(traffic.lost)} lost (silent stations do not answer), ${count(traffic.unreachables)} told unreachable`,
    `    of IPv6      ${count(traffic.sent6)} sent, ${count(traffic.answered6)} answered, ${count(traffic.lost6)} lost`,
    `  stations       ${sample.moves} moves, ${count(traffic.arpRequests)} ARP requests and ${count(traffic.solicitations)} solicitations of their own`,
    `  messages       ${count(messages)} between cores, ${(messages / Math.max(1, frames)).toFixed(4)} per frame: ${kinds.join(", ") || "none"}`,
    `  drops          ${lost.join(", ") || "none"}`,
    `  coherence      ${coherence(sample, style)}`,
  ];
}
