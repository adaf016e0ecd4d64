// Durations as people write them, and the word that they meant. Apart from the schema, because the command line needs
// these at every start.

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
