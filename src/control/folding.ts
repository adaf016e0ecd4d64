// Equal copies of several cores become one row, for the command line and the page alike; of those that differ each
// stays, and says in what.

import { coreList } from "./core-list.ts";
import type { Folding } from "./objects.ts";

type Row = Readonly<Record<string, unknown>>;

/** One look of a thing, and the cores that see it so. */
export interface Folded {
  /** What makes rows the same thing, as text. */
  readonly key: string;
  /** The first core's row. */
  readonly row: Row;
  /** "0-3". */
  readonly cores: string;
  /** How many they are. */
  readonly count: number;
  /** Fields that another core sees otherwise. */
  readonly differs: ReadonlySet<string>;
}

/** One row for each set of cores that agree on a thing; things in the order in which they came. */
export function foldRows(
  rows: readonly Row[],
  fields: readonly string[],
  { identity, own }: Folding,
): Folded[] {
  const compared = fields.filter((field) => field !== "core" && !own.includes(field));
  const things = new Map<string, Map<string, { row: Row; cores: number[] }>>();
  for (const row of rows) {
    const key = identity.map((field) => String(row[field])).join("\t");
    const look = JSON.stringify(compared.map((field) => row[field]));
    const looks = things.get(key) ?? new Map<string, { row: Row; cores: number[] }>();
    things.set(key, looks);
    const known = looks.get(look);
    if (known === undefined) looks.set(look, { row, cores: [Number(row["core"])] });
    else known.cores.push(Number(row["core"]));
  }
  return [...things].flatMap(([key, looks]) => {
    const all = [...looks.values()];
    const differs = new Set(all.length === 1 ? [] : differing(all, compared));
    return all.map(({ row, cores }) => ({
      key,
      row,
      cores: coreList(cores),
      count: cores.length,
      differs,
    }));
  });
}

function differing(looks: readonly { row: Row }[], fields: readonly string[]): string[] {
  return fields.filter((field) => {
    const first = JSON.stringify(looks[0]?.row[field]);
    return looks.some(({ row }) => JSON.stringify(row[field]) !== first);
  });
}
