// Any object as a table: search, order, and what differs between cores. Only the rows in sight are in the document, so
// that 65,536 of them scroll like ten.

import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { cellText } from "../control/cell.ts";
import { type Folded, foldRows } from "../control/folding.ts";
import type { ObjectShape } from "./client.ts";
import { clock } from "./format.ts";
import { useRows } from "./live.ts";
import { usePast } from "./past.ts";

const LINE = 26;
const SPARE = 12;

/** A row of the table: one thing, and the cores that see it so. */
type Line = Pick<Folded, "row" | "cores" | "differs">;

const NOTHING: ReadonlySet<string> = new Set();

function compare(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a ?? "").localeCompare(String(b ?? ""), "en", { numeric: true });
}

export function TablePage({ shape }: { shape: ObjectShape }): JSX.Element {
  const { rows, error, at, isLive } = useRows(shape.name);
  const past = usePast();
  const [search, setSearch] = useState("");
  const [order, setOrder] = useState<{ field: string; down: boolean } | null>(null);
  const [onlyDiffering, setOnlyDiffering] = useState(false);
  const [core, setCore] = useState("");
  const folds = shape.folding !== undefined;
  const cores = useMemo(
    () => [...new Set(rows.map((row) => row["core"]))].map(String).sort(),
    [rows],
  );
  const shown = useMemo(() => {
    const chosen = core === "" ? rows : rows.filter((row) => String(row["core"]) === core);
    let lines: readonly Line[] =
      core === "" && shape.folding !== undefined
        ? foldRows(chosen, shape.fields, shape.folding)
        : chosen.map((row) => ({ row, cores: core, differs: NOTHING }));
    if (onlyDiffering) lines = lines.filter(({ differs }) => differs.size > 0);
    const wanted = search.trim().toLowerCase();
    if (wanted !== "") {
      lines = lines.filter(({ row }) =>
        shape.fields.some((field) => cellText(field, row[field]).toLowerCase().includes(wanted)),
      );
    }
    if (order !== null) {
      const sign = order.down ? -1 : 1;
      lines = [...lines].sort((a, b) => sign * compare(a.row[order.field], b.row[order.field]));
    }
    return lines;
  }, [rows, search, order, onlyDiffering, core]);
  const fields = shape.fields.filter((field) => !(folds && field === "core"));
  return (
    <section aria-labelledby="table-title" class="tablepage">
      <h2 id="table-title">
        {shape.name} <small>{shape.summary}</small>
      </h2>
      {error !== null && <p role="alert">{error.message}</p>}
      {past !== null && <ThenOrNow isLive={isLive} at={at} />}
      <div class="tools">
        <label>
          Search{" "}
          <input
            type="search"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
        {folds && (
          <label>
            Core{" "}
            <select value={core} onChange={(event) => setCore(event.currentTarget.value)}>
              <option value="">all, equal copies as one</option>
              {cores.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
        )}
        {folds && (
          <label>
            <input
              type="checkbox"
              checked={onlyDiffering}
              onChange={(event) => setOnlyDiffering(event.currentTarget.checked)}
            />{" "}
            only what differs between cores
          </label>
        )}
        <output>
          {shown.length} of {rows.length} rows{at === 0 ? ", asking …" : ""}
        </output>
      </div>
      <Lines
        fields={folds ? ["cores", ...fields] : fields}
        lines={shown}
        order={order}
        onOrder={(field) =>
          setOrder(
            order?.field === field
              ? order.down
                ? null
                : { field, down: true }
              : { field, down: false },
          )
        }
      />
    </section>
  );
}

/** While the page looks at the past: when these rows were read, or that they are those of now. */
function ThenOrNow({ isLive, at }: { isLive: boolean; at: number }): JSX.Element {
  return isLive ? (
    <p class="ofnow">As it is now: this table is not kept from then.</p>
  ) : (
    <p class="quiet">As read at {clock(at)}.</p>
  );
}

interface LinesProps {
  readonly fields: readonly string[];
  readonly lines: readonly Line[];
  readonly order: { readonly field: string; readonly down: boolean } | null;
  readonly onOrder: (field: string) => void;
}

/** The rows in sight, between two empty ones as high as the rest. */
function Lines({ fields, lines, order, onOrder }: LinesProps): JSX.Element {
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  useEffect(() => {
    // The box is never higher than the window.
    const measure = (): void => setHeight(innerHeight);
    measure();
    addEventListener("resize", measure);
    return () => removeEventListener("resize", measure);
  }, []);
  const first = Math.max(0, Math.floor(top / LINE) - SPARE);
  const last = Math.min(lines.length, Math.ceil((top + height) / LINE) + SPARE);
  const gap = (count: number): JSX.Element | null =>
    count === 0 ? null : (
      <tr>
        <td colSpan={fields.length} style={{ height: `${count * LINE}px`, padding: 0 }} />
      </tr>
    );
  return (
    <section
      class="lines"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by the keyboard
      tabIndex={0}
      aria-label="Rows"
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
    >
      <table aria-rowcount={lines.length + 1}>
        <thead>
          <tr>
            {fields.map((field) => (
              <th
                key={field}
                scope="col"
                aria-sort={
                  order?.field !== field ? "none" : order.down ? "descending" : "ascending"
                }
              >
                <button type="button" onClick={() => onOrder(field)}>
                  {field.replace(/-ms$/, "")}
                  {order?.field === field ? (order.down ? " ▼" : " ▲") : ""}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {gap(first)}
          {lines.slice(first, last).map(({ row, cores, differs }, n) => (
            <tr key={first + n} aria-rowindex={first + n + 2}>
              {fields.map((field) => (
                <td key={field} class={differs.has(field) ? "differs" : undefined}>
                  {field === "cores" ? cores : cellText(field, row[field])}
                </td>
              ))}
            </tr>
          ))}
          {gap(lines.length - last)}
        </tbody>
      </table>
      {lines.length === 0 && <p class="lonely">No rows.</p>}
    </section>
  );
}
