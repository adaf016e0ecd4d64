// Text tables: aligned columns, a count at the end. Equal copies of the cores fold into one row `cores: 0-3`; copies
// that differ, or that some cores lack, are marked and stand together.

import { cellText } from "../control/cell.ts";
import { foldRows } from "../control/folding.ts";
import type { Folding, ObjectShape } from "../control/objects.ts";

export type Row = Readonly<Record<string, unknown>>;

export interface TableOptions {
  readonly shape: Pick<ObjectShape, "name" | "fields" | "folding" | "hidden">;
  /** Cores of the appliance; a thing that fewer of them have stands out. */
  readonly cores: number;
  /** False when one core's copy was asked for. */
  readonly fold: boolean;
  /** Colours for a terminal. */
  readonly colour: boolean;
}

const MARK = "!";
const BOLD_RED = "\u001b[1;31m";
const RESET = "\u001b[0m";

interface Line {
  readonly cells: readonly string[];
  readonly differs: boolean;
}

/** The whole table with its last line. */
export function formatTable(rows: readonly Row[], options: TableOptions): string {
  const { shape } = options;
  const folds = options.fold && shape.folding !== undefined;
  const shown = shape.fields.filter((field) => !(shape.hidden ?? []).includes(field));
  const fields = folds ? ["cores", ...shown.filter((field) => field !== "core")] : shown;
  const { fields: all, folding } = shape;
  const folded =
    folds && folding !== undefined ? foldLines(rows, { fields: all, folding }, options.cores) : [];
  const lines: Line[] = folds
    ? folded.map(({ row, differs }) => ({
        cells: fields.map((field) => cellText(field, row[field])),
        differs,
      }))
    : rows.map((row) => ({
        cells: fields.map((field) => cellText(field, row[field])),
        differs: false,
      }));
  const things = folds ? new Set(folded.map(({ key }) => key)).size : rows.length;
  const differing = new Set(folded.filter(({ differs }) => differs).map(({ key }) => key)).size;
  return [
    ...layOut(fields, rows, lines, options.colour),
    countLine(shape.name, things, differing, folds, options.cores),
  ].join("\n");
}

function countLine(
  name: string,
  things: number,
  differing: number,
  folds: boolean,
  cores: number,
): string {
  const noun = NOUNS[name] ?? ["entry", "entries"];
  const count = `${things} ${things === 1 ? noun[0] : noun[1]}`;
  const on = folds && cores > 1 ? ` on ${cores} cores` : "";
  if (differing === 0) return `${count}${on}`;
  return `${count}${on}, ${differing} ${differing === 1 ? "differs" : "differ"} between cores (${MARK})`;
}

const NOUNS: Readonly<Record<string, readonly [string, string]>> = {
  cores: ["core", "cores"],
  ports: ["port", "ports"],
  channels: ["channel", "channels"],
  stp: ["row", "rows"],
  interfaces: ["interface", "interfaces"],
  vlans: ["row", "rows"],
  routes: ["route", "routes"],
  steering: ["row", "rows"],
  bus: ["row", "rows"],
  coherence: ["table", "tables"],
  timers: ["timer", "timers"],
  drops: ["row", "rows"],
  events: ["event", "events"],
  config: ["key", "keys"],
  health: ["row", "rows"],
  past: ["row", "rows"],
};

function layOut(
  fields: readonly string[],
  rows: readonly Row[],
  lines: readonly Line[],
  colour: boolean,
): string[] {
  const headers = fields.map((field) => field.replace(/-ms$/, "").toUpperCase());
  const right = fields.map((field) => isNumeric(rows.map((row) => row[field])));
  const widths = headers.map((header, column) =>
    lines.reduce((width, { cells }) => Math.max(width, cells[column]?.length ?? 0), header.length),
  );
  const marked = lines.some(({ differs }) => differs);
  const compose = (cells: readonly string[], differs: boolean): string => {
    const text = cells
      .map((value, column) => {
        const width = widths[column] ?? 0;
        return right[column] === true ? value.padStart(width) : value.padEnd(width);
      })
      .join("  ")
      .trimEnd();
    const line = marked ? `${differs ? MARK : " "} ${text}` : text;
    return differs && colour ? `${BOLD_RED}${line}${RESET}` : line;
  };
  return [compose(headers, false), ...lines.map(({ cells, differs }) => compose(cells, differs))];
}

/** A column of numbers, with gaps perhaps. */
const isNumeric = (values: readonly unknown[]): boolean =>
  values.some((value) => typeof value === "number") &&
  values.every((value) => typeof value === "number" || value === null);

/** A row of the table, folded. */
interface FoldedLine {
  readonly key: string;
  readonly row: Row;
  /** Other cores see it otherwise, or not at all. */
  readonly differs: boolean;
}

/** One row for each set of cores that agree on a thing, things in order of their identity. */
function foldLines(
  rows: readonly Row[],
  { fields, folding }: { readonly fields: readonly string[]; readonly folding: Folding },
  cores: number,
): FoldedLine[] {
  const order = new Intl.Collator("en", { numeric: true });
  const folded = foldRows(rows, fields, folding);
  folded.sort((a, b) => order.compare(a.key, b.key));
  const looks = new Map<string, number>();
  for (const { key } of folded) looks.set(key, (looks.get(key) ?? 0) + 1);
  return folded.map(({ key, row, cores: text, count }) => ({
    key,
    row: { ...row, cores: text },
    differs: (looks.get(key) ?? 1) > 1 || count < cores,
  }));
}
