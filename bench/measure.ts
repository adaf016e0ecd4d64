// What the benches share: medians of several runs, and lines that say what was measured.

/** The middle of an odd number of figures. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Minimum, median and maximum in one text. */
export function spread(figures: readonly number[], digits = 1): string {
  const low = Math.min(...figures).toFixed(digits);
  const high = Math.max(...figures).toFixed(digits);
  return `${median(figures).toFixed(digits)} (${low}..${high}, ${figures.length} runs)`;
}

/** Prints one result: what, figure, unit, and the goal it is held against. */
export function report(what: string, figures: readonly number[], unit: string, goal = ""): void {
  const suffix = goal === "" ? "" : `   goal ${goal}`;
  process.stdout.write(`${what.padEnd(58)} ${spread(figures)} ${unit}${suffix}\n`);
}

/** A number after `--name` on the command line, or the default. */
export function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
}
