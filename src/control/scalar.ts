// The single values of a configuration: each reads one YAML scalar into a plain number or word, and says in one
// phrase what it expects. Durations and sizes are written with a unit; a bare number is refused with a hint.

import { z } from "zod";

/** A single value: `read` gives undefined for what it does not take; `hint` then says what to do. */
export function scalar<T>(
  expected: string,
  read: (value: unknown) => T | undefined,
  hint?: (value: unknown) => string,
): z.ZodType<T> {
  return z.unknown().transform((value, context): T => {
    const result = read(value);
    if (result !== undefined) return result;
    const params = { expected, hint: value === undefined ? "" : (hint?.(value) ?? "") };
    context.issues.push({ code: "custom", input: value, message: expected, params });
    return z.NEVER;
  });
}

/** Milliseconds per unit. */
const UNITS: Readonly<Record<string, number>> = { us: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 36e5 };

/** Reads `200ms`, `1s`, `1.5m`; undefined for anything else. */
export function parseDuration(text: unknown): number | undefined {
  if (typeof text !== "string") return undefined;
  const match = /^(\d{1,12}(?:\.\d{1,6})?)(us|ms|s|m|h)$/.exec(text.trim());
  const scale = UNITS[match?.[2] ?? ""];
  return match === null || scale === undefined ? undefined : Number(match[1]) * scale;
}

/** Writes milliseconds with the largest unit that keeps the number whole. */
export function formatDuration(millis: number): string {
  for (const unit of ["h", "m", "s", "ms"] as const) {
    const scale = UNITS[unit] as number;
    if (millis !== 0 && Number.isInteger(millis / scale)) return `${millis / scale}${unit}`;
  }
  return millis === 0 ? "0s" : `${Math.round(millis * 1e3)}us`;
}

/** A duration in milliseconds between two bounds; `unit` is what a bare number most likely meant. */
export function duration(minimum: number, maximum: number, unit: "ms" | "s"): z.ZodType<number> {
  const range = `${formatDuration(minimum)} to ${formatDuration(maximum)}`;
  return scalar(
    `a duration with a unit, ${range}`,
    (value) => {
      const millis = parseDuration(value);
      return millis !== undefined && millis >= minimum && millis <= maximum ? millis : undefined;
    },
    (value) => {
      const bare = typeof value === "number" || /^\d+(\.\d+)?$/.test(String(value));
      if (bare) return `a bare number says no unit: write ${value}${unit}`;
      return parseDuration(value) === undefined
        ? "units are us, ms, s, m and h: 200ms, 1s, 5m"
        : "";
    },
  );
}

const SIZES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
};

/** A size in bytes: `64MiB`. */
export function size(minimum: number, maximum: number): z.ZodType<number> {
  return scalar(
    "a size with a unit, such as 64MiB",
    (value) => {
      const match = typeof value === "string" ? /^(\d{1,9})([KMG]i?B|B)$/.exec(value) : null;
      const bytes = Number(match?.[1]) * (SIZES[match?.[2] ?? ""] ?? Number.NaN);
      return bytes >= minimum && bytes <= maximum ? bytes : undefined;
    },
    (value) =>
      typeof value === "number"
        ? `a bare number says no unit: write ${value}MiB`
        : `between ${minimum} and ${maximum} bytes; units are B, KiB, MiB and GiB`,
  );
}

/** A share, `20%`, as 0..1. */
export function percent(): z.ZodType<number> {
  return scalar(
    "a share from 1% to 100%",
    (value) => {
      const match = typeof value === "string" ? /^(\d{1,3}(?:\.\d+)?)%$/.exec(value) : null;
      const share = Number(match?.[1]) / 100;
      return match !== null && share >= 0.01 && share <= 1 ? share : undefined;
    },
    (value) => (typeof value === "number" ? `write ${value <= 1 ? value * 100 : value}%` : ""),
  );
}

/** A whole number between two bounds. */
export function integer(
  minimum: number,
  maximum: number,
  what = "a whole number",
): z.ZodType<number> {
  return scalar(
    `${what}, ${minimum} to ${maximum}`,
    (value) =>
      Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum
        ? (value as number)
        : undefined,
    (value) => (typeof value === "string" && /^\d+$/.test(value) ? "write it without quotes" : ""),
  );
}

/** A power of two between two bounds. */
export function powerOfTwo(minimum: number, maximum: number): z.ZodType<number> {
  const good = (value: number): boolean =>
    Number.isInteger(value) &&
    value >= minimum &&
    value <= maximum &&
    Number.isInteger(Math.log2(value));
  return scalar(
    `a power of two, ${minimum} to ${maximum}`,
    (value) => (typeof value === "number" && good(value) ? value : undefined),
    (value) => {
      if (typeof value !== "number" || !(value > 0)) return "";
      const near = 2 ** Math.round(Math.log2(value));
      return `the nearest is ${Math.min(maximum, Math.max(minimum, near))}`;
    },
  );
}

/** One of a few words; YAML's own true, false and numbers are taken as they were written. */
export function word<const W extends string>(...words: readonly W[]): z.ZodType<W> {
  return scalar(
    words.length === 1 ? (words[0] as string) : `one of ${words.join(", ")}`,
    (value) => words.find((candidate) => candidate === value),
    (value) => {
      const near = nearest(String(value), words);
      return near === "" ? "" : `did you mean "${near}"?`;
    },
  );
}

/** true or false. */
export const flag: z.ZodType<boolean> = scalar(
  "true or false",
  (value) => (typeof value === "boolean" ? value : undefined),
  (value) =>
    value === "yes" || value === "on"
      ? "write true"
      : value === "no" || value === "off"
        ? "write false"
        : "",
);

/** A text that is not empty, such as the name of a file. */
export const text = (expected: string): z.ZodType<string> =>
  scalar(expected, (value) => (typeof value === "string" && value !== "" ? value : undefined));

/** The candidate with the smallest edit distance, when it is near enough to be meant; else "". */
export function nearest(given: string, candidates: Iterable<string>): string {
  const wanted = given.toLowerCase();
  if (wanted.length < 3) return "";
  let best = "";
  // A third of the letters wrong, two letters swapped (distance 2) at least: our choice.
  let bestDistance = Math.max(2, Math.ceil(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance && distance < wanted.length - 1) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein's distance, on the first 64 characters. */
export function editDistance(left: string, right: string): number {
  const a = left.slice(0, 64);
  const b = right.slice(0, 64);
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
