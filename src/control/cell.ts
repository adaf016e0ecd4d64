// A field's value as people read it: one text for the command line's tables and the page's.

/** A value in a table; "-" for none. */
export function cellText(field: string, value: unknown): string {
  if (value === null || value === undefined || value === "") return "-";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.join(",");
  if (typeof value === "number" && field.endsWith("-ms")) return milliseconds(value);
  return String(value);
}

function milliseconds(value: number): string {
  if (value < 1000) return `${Math.round(value)}ms`;
  return value < 100_000 ? `${(value / 1000).toFixed(1)}s` : `${Math.round(value / 1000)}s`;
}
