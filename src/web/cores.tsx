// The cores: load over time, what they send each other as a matrix, and whether their tables are equal.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { duration, short, text } from "./format.ts";
import { useLive, useRates, useRows } from "./live.ts";
import { usePast } from "./past.ts";

/** Seconds that the chart shows. Our choice. */
const WINDOW = 300;
const COLOURS = [
  "#0891b2",
  "#ea580c",
  "#65a30d",
  "#9333ea",
  "#e11d48",
  "#ca8a04",
  "#2563eb",
  "#0d9488",
];

export function Cores(): JSX.Element {
  const { rows, error } = useRows("cores");
  const rates = useRates("cores", (row) => String(row["core"]), [
    "frames-received",
    "frames-sent",
    "messages-sent",
  ]);
  return (
    <section aria-labelledby="cores-title">
      <h2 id="cores-title">Cores</h2>
      {error !== null && <p role="alert">{error.message}</p>}
      <div class="cards">
        {rows.map((row) => {
          const rate = rates.get(String(row["core"])) ?? {};
          return (
            <article
              key={String(row["core"])}
              class={`card ${row["state"] === "online" ? "good" : "bad"}`}
            >
              <h3>Core {String(row["core"])}</h3>
              <p>
                <strong>{text("state", row["state"])}</strong> {text("roles", row["roles"])}
              </p>
              <dl>
                <dt>Load</dt>
                <dd>{text("load", row["load"])}</dd>
                <dt>Frames in, out</dt>
                <dd>
                  {short(rate["frames-received"] ?? 0)}/s, {short(rate["frames-sent"] ?? 0)}/s
                </dd>
                <dt>Messages</dt>
                <dd>{short(rate["messages-sent"] ?? 0)}/s</dd>
                <dt>Last sign of life</dt>
                <dd>{duration(Number(row["heartbeat-age-ms"] ?? 0))} ago</dd>
                <dt>Restarts</dt>
                <dd>{text("restarts", row["restarts"])}</dd>
              </dl>
            </article>
          );
        })}
      </div>
      <LoadChart />
      <Matrix />
      <Coherence />
    </section>
  );
}

/** The load of every core over the last minutes: always those before now. */
function LoadChart(): JSX.Element {
  const { rows, at } = useLive("cores");
  const past = usePast();
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = useRef<number[][]>([]);
  const count = rows.length;
  useEffect(() => {
    if (place.current === null || count === 0) return undefined;
    data.current = Array.from({ length: count + 1 }, () => []);
    const ink = (): string => getComputedStyle(document.body).color;
    plot.current = new uPlot(
      {
        width: place.current.clientWidth,
        height: 180,
        cursor: { show: true },
        scales: { y: { range: [0, 100] } },
        axes: [
          { stroke: ink },
          { stroke: ink, values: (_: unknown, ticks: number[]) => ticks.map((n) => `${n} %`) },
        ],
        series: [
          {},
          ...rows.map(({ core }, n) => ({
            label: `core ${core}`,
            stroke: COLOURS[n % COLOURS.length] as string,
            width: 1.5,
          })),
        ],
      },
      data.current as uPlot.AlignedData,
      place.current,
    );
    const resize = (): void =>
      plot.current?.setSize({ width: place.current?.clientWidth ?? 600, height: 180 });
    addEventListener("resize", resize);
    return () => {
      removeEventListener("resize", resize);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [count]);
  useEffect(() => {
    const columns = data.current;
    const times = columns[0];
    if (plot.current === null || times === undefined || at === 0) return;
    const second = at / 1000;
    if (second <= (times.at(-1) ?? 0)) return;
    times.push(second);
    for (const [n, row] of rows.entries()) columns[n + 1]?.push(Number(row["load"] ?? 0) * 100);
    while ((times[0] ?? second) < second - WINDOW) for (const column of columns) column.shift();
    plot.current.setData(columns as uPlot.AlignedData);
  }, [at]);
  return (
    <figure>
      <figcaption>
        Load of each core, five minutes
        {past !== null && <span class="ofnow"> as it is now</span>}
      </figcaption>
      <div ref={place} class="plot" />
    </figure>
  );
}

/** Messages a second from core to core. */
function Matrix(): JSX.Element {
  const { rows } = useRows("bus");
  const rates = useRates("bus", (row) => `${row["from"]} ${row["to"]} ${row["type"]}`, ["sent"]);
  const cores = [...new Set(rows.flatMap(({ from, to }) => [Number(from), Number(to)]))].sort(
    (a, b) => a - b,
  );
  const [chosen, setChosen] = useState("");
  const totals = new Map<string, number>();
  for (const [key, rate] of rates) {
    const [from, to, type] = key.split(" ");
    if (chosen !== "" && type !== chosen) continue;
    const pair = `${from} ${to}`;
    totals.set(pair, (totals.get(pair) ?? 0) + (rate["sent"] ?? 0));
  }
  const most = Math.max(1, ...totals.values());
  const types = [...new Set(rows.map(({ type }) => String(type)))].sort();
  if (cores.length === 0) return <p>One core alone sends no messages.</p>;
  return (
    <figure>
      <figcaption>
        Messages a second, from the row's core to the column's{" "}
        <select
          aria-label="Type of message"
          value={chosen}
          onChange={(event) => setChosen(event.currentTarget.value)}
        >
          <option value="">every type</option>
          {types.map((type) => (
            <option key={type}>{type}</option>
          ))}
        </select>
      </figcaption>
      <table class="matrix">
        <thead>
          <tr>
            <th scope="col">from</th>
            {cores.map((core) => (
              <th key={core} scope="col">
                {core}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {cores.map((from) => (
            <tr key={from}>
              <th scope="row">{from}</th>
              {cores.map((to) => {
                const value = totals.get(`${from} ${to}`) ?? 0;
                return (
                  <td
                    key={to}
                    class={from === to ? "self" : `heat${Math.ceil((value / most) * 5)}`}
                  >
                    {from === to ? "" : short(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}

function Coherence(): JSX.Element {
  const { rows } = useRows("coherence");
  const tables = [...new Set(rows.map(({ table }) => String(table)))];
  return (
    <figure>
      <figcaption>Tables: entries, and whether every core has the same</figcaption>
      <ul class="chips">
        {tables.map((table) => {
          const own = rows.filter((row) => row["table"] === table);
          const equal = own.every((row) => row["equal"] === true);
          return (
            <li key={table} class={equal ? "good" : "bad"}>
              <a href="#/table/coherence">
                {table}: {text("entries", own[0]?.["entries"])} entries,{" "}
                {equal ? "equal" : "differ"}
              </a>
            </li>
          );
        })}
      </ul>
    </figure>
  );
}
