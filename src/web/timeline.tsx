// What happened, newest first, and how much of it when: a chart of the last hour to aim the time bar with.

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { clock, text } from "./format.ts";
import { useEvents } from "./live.ts";
import { applianceNow, lookAt } from "./past.ts";

const MINUTES = 60;
const MOST = 500;

export function Timeline(): JSX.Element {
  const { events, connected } = useEvents();
  const [search, setSearch] = useState("");
  const wanted = search.trim().toLowerCase();
  const chosen = useMemo(() => {
    const fields = ["subject", "from", "to", "cause", "evidence"];
    return events.filter((row) =>
      fields.some((field) => text(field, row[field]).toLowerCase().includes(wanted)),
    );
  }, [events, wanted]);
  return (
    <section aria-labelledby="timeline-title">
      <h2 id="timeline-title">
        Timeline <small>{connected ? "live" : "waiting for the appliance"}</small>
      </h2>
      <div class="tools">
        <label>
          Search{" "}
          <input
            type="search"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
        <output>
          {chosen.length} of {events.length} events
        </output>
      </div>
      <Minutes times={chosen.map((row) => Date.parse(String(row["time"])))} />
      <div class="lines">
        <table>
          <thead>
            <tr>
              {["time", "core", "subject", "from", "to", "cause", "evidence"].map((field) => (
                <th key={field} scope="col">
                  {field}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {chosen
              .slice(-MOST)
              .reverse()
              .map((row, n) => (
                <tr key={n}>
                  <td>
                    <button
                      type="button"
                      class="link"
                      title="Show everything as it was then"
                      onClick={() => lookAt(Date.parse(String(row["time"])))}
                    >
                      {String(row["time"]).slice(11, 23)}
                    </button>
                  </td>
                  {["core", "subject", "from", "to", "cause", "evidence"].map((field) => (
                    <td key={field}>{text(field, row[field])}</td>
                  ))}
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** Events by minute; a click looks at that minute's end. */
function Minutes({ times }: { times: readonly number[] }): JSX.Element {
  const now = applianceNow();
  const counts = new Array<number>(MINUTES).fill(0);
  for (const time of times) {
    const ago = Math.floor((now - time) / 60_000);
    if (ago >= 0 && ago < MINUTES) counts[MINUTES - 1 - ago] = (counts[MINUTES - 1 - ago] ?? 0) + 1;
  }
  const most = Math.max(1, ...counts);
  return (
    <fieldset class="minutes" aria-label="Events by minute over the last hour">
      {counts.map((count, n) => {
        const end = now - (MINUTES - 1 - n) * 60_000;
        const level = count === 0 ? 0 : Math.ceil((count / most) * 10);
        return (
          <button
            key={n}
            type="button"
            class={`bar level${level}`}
            aria-label={`${count} events up to ${clock(end)}`}
            title={`${count} events up to ${clock(end)}`}
            onClick={() => lookAt(n === MINUTES - 1 ? null : end)}
          />
        );
      })}
    </fieldset>
  );
}
