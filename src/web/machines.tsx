// State machines as their standards draw them, with the present state lit and the last transitions beside.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Row } from "./client.ts";
import { text } from "./format.ts";
import { useEvents, useRows } from "./live.ts";
import { usePast } from "./past.ts";

interface Machine {
  readonly title: string;
  readonly source: string;
  readonly object: string;
  /** The field that holds the state. */
  readonly field: string;
  readonly states: readonly string[];
  /** What runs the machine: the text that names it. */
  readonly subject: (row: Row) => string;
  /** Its events' subjects begin so. */
  readonly events: (row: Row) => string;
}

const MACHINES: readonly Machine[] = [
  {
    title: "LACP Receive",
    source: "IEEE 802.1AX 5.4.12",
    object: "lacp",
    field: "receive",
    states: ["initialize", "port-disabled", "lacp-disabled", "expired", "defaulted", "current"],
    subject: ({ channel, port }) => `${channel} ${port}`,
    events: ({ port }) => `port ${port}`,
  },
  {
    title: "LACP Mux",
    source: "IEEE 802.1AX 5.4.15",
    object: "lacp",
    field: "mux",
    states: ["detached", "waiting", "attached", "collecting", "distributing"],
    subject: ({ channel, port }) => `${channel} ${port}`,
    events: ({ port }) => `port ${port}`,
  },
  {
    title: "Spanning tree: port role",
    source: "IEEE 802.1D-2004 17.7",
    object: "stp",
    field: "role",
    states: ["disabled", "root", "designated", "alternate", "backup"],
    subject: ({ bridge, channel }) => `${bridge} ${channel}`,
    events: ({ channel }) => `channel ${channel}`,
  },
  {
    title: "Spanning tree: port state",
    source: "IEEE 802.1D-2004 17.5",
    object: "stp",
    field: "state",
    states: ["discarding", "learning", "forwarding"],
    subject: ({ bridge, channel }) => `${bridge} ${channel}`,
    events: ({ channel }) => `channel ${channel}`,
  },
  {
    title: "Virtual router",
    source: "RFC 9568 6.4, RFC 2281 5",
    object: "vr",
    field: "state",
    states: [
      "initialize",
      "init",
      "learn",
      "listen",
      "speak",
      "standby",
      "backup",
      "active",
      "master",
    ],
    subject: ({ name, family }) => `${name} ${text("family", family)}`.trim(),
    events: ({ name }) => `vr ${name}`,
  },
  {
    title: "IPv6 neighbour (the owner's)",
    source: "RFC 4861 7.3.2",
    object: "nd",
    field: "state",
    states: ["incomplete", "reachable", "stale", "delay", "probe", "static"],
    subject: ({ address }) => String(address),
    events: ({ address }) => String(address),
  },
  {
    title: "ARP entry",
    source: "RFC 826, RFC 1122 2.3.2",
    object: "arp",
    field: "state",
    states: ["pending", "reachable", "probing", "failed"],
    subject: ({ address }) => String(address),
    events: ({ address }) => String(address),
  },
];

/** Subjects of one kind on the page at once; the tables show all. */
const MOST = 24;

export function Machines(): JSX.Element {
  const [filter, setFilter] = useState("");
  return (
    <section aria-labelledby="machines-title">
      <h2 id="machines-title">State machines</h2>
      <div class="tools">
        <label>
          Subject{" "}
          <input
            type="search"
            placeholder="LA/1, p3, gw10, an address"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </label>
      </div>
      {MACHINES.map((machine) => (
        <Group key={machine.title} machine={machine} filter={filter.trim().toLowerCase()} />
      ))}
    </section>
  );
}

/** Every core has a row of most things; the first core's, or the owner's, is the one whose machine runs. */
function running(machine: Machine, rows: readonly Row[]): Row[] {
  const bySubject = new Map<string, Row>();
  for (const row of rows) {
    if (row[machine.field] === null || row[machine.field] === undefined) continue;
    const subject = machine.subject(row);
    const known = bySubject.get(subject);
    const isOwner = row["owner"] !== undefined && row["owner"] === row["core"];
    if (known === undefined || isOwner) bySubject.set(subject, row);
  }
  return [...bySubject.values()];
}

function Group({ machine, filter }: { machine: Machine; filter: string }): JSX.Element | null {
  const { rows, isLive } = useRows(machine.object);
  const past = usePast();
  const all = running(machine, rows).filter((row) =>
    machine.subject(row).toLowerCase().includes(filter),
  );
  if (all.length === 0) return null;
  return (
    <section class="machines">
      <h3>
        {machine.title} <small>{machine.source}</small>
      </h3>
      {past !== null && isLive && <p class="ofnow">As it is now: not kept from then.</p>}
      {all.slice(0, MOST).map((row) => (
        <One key={machine.subject(row)} machine={machine} row={row} />
      ))}
      {all.length > MOST && (
        <p class="quiet">
          {all.length - MOST} more: choose by subject, or see{" "}
          <a href={`#/table/${machine.object}`}>the table</a>.
        </p>
      )}
    </section>
  );
}

function One({ machine, row }: { machine: Machine; row: Row }): JSX.Element {
  const { events } = useEvents();
  const state = text(machine.field, row[machine.field]);
  const states = machine.states.includes(state) ? machine.states : [...machine.states, state];
  const begins = machine.events(row);
  const last = events
    .filter(({ subject }) => String(subject) === begins || String(subject).startsWith(`${begins} `))
    .slice(-3)
    .reverse();
  return (
    <article class="machine">
      <h4>{machine.subject(row)}</h4>
      <ol class="states">
        {states.map((name) => (
          <li
            key={name}
            class={name === state ? "lit" : ""}
            aria-current={name === state ? "step" : undefined}
          >
            {name}
          </li>
        ))}
      </ol>
      {row["reason"] !== undefined && <p class="quiet">{text("reason", row["reason"])}</p>}
      <ul class="transitions">
        {last.map((event, n) => (
          <li key={n}>
            <time>{String(event["time"]).slice(11, 23)}</time> {text("from", event["from"])} →{" "}
            {text("to", event["to"])}{" "}
            <em>{text("evidence", event["evidence"]) || text("cause", event["cause"])}</em>
          </li>
        ))}
      </ul>
    </article>
  );
}
