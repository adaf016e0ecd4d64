// How values are written on the page: the same words and units as the command line's tables.

import { cellText } from "../control/cell.ts";

const UNITS: readonly (readonly [number, string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
  [1000, "s"],
];

/** 1500 -> "1.5 s". */
export function duration(millis: number): string {
  for (const [size, unit] of UNITS)
    if (millis >= size) return `${(millis / size).toFixed(millis < 10 * size ? 1 : 0)} ${unit}`;
  return `${Math.round(millis)} ms`;
}

/** 12345 -> "12.3 k". */
export function short(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} G`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(1)} k`;
  return value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1);
}

/** A field's value within a sentence: as tables have it, but nothing where there is none. */
export function text(field: string, value: unknown): string {
  if (field === "load" && typeof value === "number") return `${(value * 100).toFixed(1)} %`;
  const cell = cellText(field, value);
  return cell === "-" ? "" : cell;
}

export const clock = (time: number): string => new Date(time).toLocaleTimeString("en-GB");
