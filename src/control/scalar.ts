// The single values of a configuration: each reads one YAML scalar into a plain number or word, and says in one
// phrase what it expects. Durations and sizes are written with a unit; a bare number is refused with a hint.

import { z } from "zod";
import { formatDuration, nearest, parseDuration } from "./words.ts";

/**
 * A single value: `read` gives undefined for what it does not take; `hint` then says what to do. `json` says the same
 * as far as a JSON Schema can.
 */
export function scalar<T>(
  expected: string,
  read: (value: unknown) => T | undefined,
  hint?: (value: unknown) => string,
  json: Readonly<Record<string, unknown>> = {},
): z.ZodType<T> {
  const value = z.unknown().transform((value, context): T => {
    const result = read(value);
    if (result !== undefined) return result;
    const params = { expected, hint: value === undefined ? "" : (hint?.(value) ?? "") };
    context.issues.push({ code: "custom", input: value, message: expected, params });
    return z.NEVER;
  });
  return value.meta({ description: expected, ...json });
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
    { type: "string", pattern: "^\\s*[0-9]{1,12}(\\.[0-9]{1,6})?(us|ms|s|m|h)\\s*$" },
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
    { type: "string", pattern: "^[0-9]{1,9}([KMG]i?B|B)$" },
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
    { type: "string", pattern: "^[0-9]{1,3}(\\.[0-9]+)?%$" },
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
    { type: "integer", minimum, maximum },
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
    { type: "integer", minimum, maximum },
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
    { enum: words },
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
  { type: "boolean" },
);

/** A text that is not empty, such as the name of a file. */
export const text = (expected: string): z.ZodType<string> =>
  scalar(
    expected,
    (value) => (typeof value === "string" && value !== "" ? value : undefined),
    undefined,
    { type: "string", minLength: 1 },
  );
