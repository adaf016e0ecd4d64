// Why something is as it is, in the words of `linkloom explain`.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Catalogue, operate } from "./client.ts";
import { useLive } from "./live.ts";

interface Kind {
  readonly name: string;
  /** Where the names to choose from stand. */
  readonly object: string;
  readonly nameOf: (row: Readonly<Record<string, unknown>>) => string;
}

const KINDS: readonly Kind[] = [
  {
    name: "lacp",
    object: "channels",
    nameOf: ({ channel, mode }) => (mode === "single" ? "" : String(channel)),
  },
  {
    name: "stp",
    object: "stp",
    nameOf: ({ bridge, channel }) => (channel === null ? "" : `${bridge} ${channel}`),
  },
  { name: "group", object: "groups", nameOf: ({ group }) => String(group) },
  { name: "vr", object: "vr", nameOf: ({ name }) => String(name) },
  { name: "arp", object: "arp", nameOf: ({ address }) => String(address) },
  { name: "nd", object: "nd", nameOf: ({ address }) => String(address) },
  { name: "bridge", object: "bridge", nameOf: ({ mac }) => String(mac) },
  ...(
    [
      ["cores", "core"],
      ["ports", "port"],
      ["channels", "channel"],
      ["interfaces", "interface"],
      ["vlans", "vlan"],
      ["vmac", "mac"],
      ["coherence", "table"],
      ["drops", "reason"],
      ["timers", "timer"],
      ["protection", "channel"],
      ["health", "subject"],
      ["config", "path"],
    ] as const
  ).map(([name, key]) => ({ name, object: name, nameOf: (row: Row) => String(row[key] ?? "") })),
];

type Row = Readonly<Record<string, unknown>>;

export function Explain({ known }: { known: Catalogue }): JSX.Element {
  const operation = known.operations.find(({ id }) => id === "explain");
  const [kind, setKind] = useState<Kind>(KINDS[0] as Kind);
  const [name, setName] = useState("");
  const [lines, setLines] = useState<readonly string[]>([]);
  const [fault, setFault] = useState("");
  const { rows } = useLive(kind.object);
  const names = [...new Set(rows.map(kind.nameOf))].filter((one) => one !== "").slice(0, 200);
  const chosen = names.includes(name) || name !== "" ? name : (names[0] ?? "");
  useEffect(() => {
    if (operation === undefined || chosen === "") return undefined;
    const ask = (): void => {
      operate(operation, { object: kind.name, name: chosen }).then(
        (answer) => {
          setLines(((answer as { lines?: string[] } | null)?.lines ?? []).map(String));
          setFault("");
        },
        (error: Error) => setFault(error.message),
      );
    };
    ask();
    const timer = setInterval(ask, 2000);
    return () => clearInterval(timer);
  }, [kind, chosen]);
  return (
    <section aria-labelledby="explain-title">
      <h2 id="explain-title">Explain</h2>
      <div class="tools">
        <label>
          What{" "}
          <select
            value={kind.name}
            onChange={(event) => {
              setKind(
                KINDS.find((one) => one.name === event.currentTarget.value) ?? (KINDS[0] as Kind),
              );
              setName("");
              setLines([]);
            }}
          >
            {KINDS.map((one) => (
              <option key={one.name}>{one.name}</option>
            ))}
          </select>
        </label>
        <label>
          Name{" "}
          <input
            list="explain-names"
            value={chosen}
            onInput={(event) => setName(event.currentTarget.value)}
          />
          <datalist id="explain-names">
            {names.map((one) => (
              <option key={one} value={one} />
            ))}
          </datalist>
        </label>
      </div>
      {fault !== "" && <p role="alert">{fault}</p>}
      {chosen === "" && <p class="lonely">There is nothing of this kind.</p>}
      <pre class="explained">{lines.join("\n")}</pre>
      <Frame known={known} />
    </section>
  );
}

/** What the appliance would do with a frame. */
function Frame({ known }: { known: Catalogue }): JSX.Element | null {
  const operation = known.operations.find(({ id }) => id === "explain-frame");
  const { rows } = useLive("ports");
  const ports = rows.map(({ port }) => String(port));
  const [port, setPort] = useState("");
  const [frame, setFrame] = useState("");
  const [lines, setLines] = useState<readonly string[]>([]);
  const [fault, setFault] = useState("");
  if (operation === undefined) return null;
  const chosen = ports.includes(port) ? port : (ports[0] ?? "");
  const ask = (event: Event): void => {
    event.preventDefault();
    operate(operation, { frame, port: chosen }).then(
      (answer) => {
        setLines(((answer as { lines?: string[] } | null)?.lines ?? []).map(String));
        setFault("");
      },
      (error: Error & { hint?: string }) => {
        setLines([]);
        setFault(error.hint || error.message);
      },
    );
  };
  return (
    <form onSubmit={ask} aria-labelledby="frame-title">
      <h3 id="frame-title">A frame</h3>
      <p>What the appliance would do with it. Nothing is sent, and nothing changes.</p>
      <div class="tools">
        <label>
          Port{" "}
          <select value={chosen} onChange={(event) => setPort(event.currentTarget.value)}>
            {ports.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label>
          Bytes in hex{" "}
          <input
            size={60}
            spellcheck={false}
            value={frame}
            onInput={(event) => setFrame(event.currentTarget.value)}
          />
        </label>
        <button type="submit">Explain</button>
      </div>
      {fault !== "" && <p role="alert">{fault}</p>}
      {lines.length > 0 && <pre class="explained">{lines.join("\n")}</pre>}
    </form>
  );
}
