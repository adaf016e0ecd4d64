// Checks a configuration file: YAML, schema, and what the parts mean together. EVERY fault is listed with its line,
// path, finding and expectation, never only the first: what is faulty is cut out and the rest is checked on.

import type { z } from "zod";
import type { Configuration } from "./configuration.ts";
import type { Fault } from "./errors.ts";
import { type Machine, Report } from "./report.ts";
import { checkMeaning } from "./rules.ts";
import { keysAt, parseConfiguration } from "./schema.ts";
import { formatPath, type Path, quote, Source, valueAt } from "./source.ts";
import { checkVersion } from "./version.ts";
import { nearest } from "./words.ts";

export interface CheckOptions {
  /** What this machine has; null = do not look (another machine will run it). */
  readonly machine?: Machine | null;
  /** Overrides cores.count, as `run --cores` does. */
  readonly cores?: number;
}

export interface Checked {
  /** The configuration when there is no fault; warnings do not matter. */
  readonly configuration: Configuration | undefined;
  /** In the order of the file. */
  readonly faults: readonly Fault[];
}

/** Checks the text of a configuration file. */
export function check(text: string, options: CheckOptions = {}): Checked {
  const source = new Source(text);
  const faults: Fault[] = [...source.faults];
  if (source.data === undefined) return { configuration: undefined, faults };
  if (source.data === null) {
    const place = { line: 1, column: 1, path: "", found: "" };
    const hint = "docs/examples has files to start from";
    faults.push({ severity: "fault", ...place, expected: "a configuration", hint });
    return { configuration: undefined, faults };
  }

  const data = withCores(source.data, options.cores);
  const first = parseConfiguration(data);
  if (!first.success) {
    for (const issue of first.error.issues) faults.push(...faultsOf(issue, source, data));
  }
  const { configuration, origins } = first.success
    ? { configuration: first.data, origins: new Map<string, number[]>() }
    : prune(data, first.error.issues);
  if (configuration !== undefined) {
    const report = new Report(source, data, origins, options.machine ?? null);
    checkMeaning(configuration, report);
    checkVersion(configuration, report);
    faults.push(...report.faults);
  }
  faults.sort((a, b) => a.line - b.line || a.column - b.column);
  const refused = faults.some((fault) => fault.severity === "fault");
  return { configuration: refused ? undefined : configuration, faults };
}

/** The data with another number of cores. */
function withCores(data: unknown, count: number | undefined): unknown {
  if (count === undefined || data === null || typeof data !== "object" || Array.isArray(data))
    return data;
  const cores = (data as Record<string, unknown>)["cores"];
  const isGroup = cores !== null && typeof cores === "object" && !Array.isArray(cores);
  if (cores !== undefined && !isGroup) return data;
  return { ...data, cores: { ...(cores as object | undefined), count } };
}

/** What people read of one issue of the schema. */
function faultsOf(issue: z.core.$ZodIssue, source: Source, data: unknown): Fault[] {
  const path = issue.path as Path;
  const make = (at: Path, found: string, expected: string, hint: string, key = false): Fault => ({
    severity: "fault",
    ...source.place(at, key),
    path: formatPath(at),
    found,
    expected,
    hint,
  });
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(path, data);
    return issue.keys.map((key) => {
      const near = nearest(key, known);
      const hint = near === "" ? "" : `did you mean "${near}"?`;
      return make([...path, key], "an unknown key", `one of ${known.join(", ")}`, hint, true);
    });
  }
  const value = valueAt(data, path);
  if (issue.code === "custom") {
    const { expected = issue.message, hint = "" } = (issue.params ?? {}) as Partial<Fault>;
    return [make(path, quote(value), expected, hint)];
  }
  if (issue.code === "invalid_union") {
    const words = (issue as { options?: unknown[] }).options?.map(String) ?? [];
    const near = value === undefined ? "" : nearest(String(value), words);
    const hint = near === "" ? "" : `did you mean "${near}"?`;
    return [make(path, quote(value), `one of ${words.join(", ")}`, hint)];
  }
  const expected =
    issue.code === "invalid_type" ? (TYPES[issue.expected] ?? issue.expected) : issue.message;
  const hint = value === null ? "leave the key out, or write what belongs under it" : "";
  return [make(path, value === null ? "nothing" : quote(value), expected, hint)];
}

const TYPES: Readonly<Record<string, string>> = {
  object: "a group of keys",
  record: "a group of named entries",
  array: "a list, in [brackets] or with dashes",
};

/** The data without what is faulty, parsed; `origins` tells the original position of each list item that stayed. */
function prune(
  data: unknown,
  issues: readonly z.core.$ZodIssue[],
): { configuration: Configuration | undefined; origins: Map<string, number[]> } {
  const origins = new Map<string, number[]>();
  const copy = structuredClone(data);
  let doomed: Path[] = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => [...(issue.path as Path), key])
      : [issue.code === "invalid_union" ? (issue.path as Path).slice(0, -1) : (issue.path as Path)],
  );
  // Each round cuts at least one level above the last, so that it ends.
  for (let round = 0; round < 64; round++) {
    if (doomed.some((path) => path.length === 0)) break;
    const once = new Map(doomed.map((path) => [formatPath(path), path]));
    for (const path of [...once.values()].sort(laterFirst)) cut(copy, path, origins);
    const result = parseConfiguration(copy);
    if (result.success) return { configuration: result.data, origins };
    doomed = result.error.issues.map((issue) => (issue.path as Path).slice(0, -1));
  }
  return { configuration: undefined, origins };
}

/** Orders paths so that a later list item is cut before an earlier one. */
function laterFirst(a: Path, b: Path): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const [left, right] = [a[index], b[index]];
    if (typeof left === "number" && typeof right === "number" && left !== right)
      return right - left;
    if (left !== right) return String(left) < String(right) ? -1 : 1;
  }
  return b.length - a.length;
}

function cut(data: unknown, path: Path, origins: Map<string, number[]>): void {
  const parent = valueAt(data, path.slice(0, -1));
  const last = path.at(-1);
  if (Array.isArray(parent) && typeof last === "number") {
    const list = formatPath(path.slice(0, -1));
    const origin = origins.get(list) ?? parent.map((_, index) => index);
    if (last >= parent.length) return;
    parent.splice(last, 1);
    origin.splice(last, 1);
    origins.set(list, origin);
  } else if (parent !== null && typeof parent === "object" && last !== undefined) {
    delete (parent as Record<string | number, unknown>)[last];
  }
}
