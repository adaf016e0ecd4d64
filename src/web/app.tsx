// The shell: what there is to see, where the page stands (the address after #), the token, day and night, and the time
// that is looked at.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Actions } from "./actions.tsx";
import { type Catalogue, catalogue, keepToken, tokenOf } from "./client.ts";
import { Capture, Configuration } from "./configuration.tsx";
import { Cores } from "./cores.tsx";
import { Explain } from "./explain.tsx";
import { clock } from "./format.ts";
import { rememberEvents, useEvents, useRows } from "./live.ts";
import { Machines } from "./machines.tsx";
import { applianceNow, followPast, lookAt, usePast, useSpan } from "./past.ts";
import { TablePage } from "./table.tsx";
import { Timeline } from "./timeline.tsx";
import { Wire } from "./wire.tsx";

interface Place {
  readonly path: string;
  readonly title: string;
}

const PLACES: readonly Place[] = [
  { path: "wire", title: "The wire" },
  { path: "cores", title: "Cores" },
  { path: "machines", title: "State machines" },
  { path: "timeline", title: "Timeline" },
  { path: "explain", title: "Explain" },
  { path: "capture", title: "Capture" },
  { path: "actions", title: "Change" },
  { path: "configuration", title: "Configuration" },
];

const placeNow = (): string => location.hash.replace(/^#\/?/, "") || "wire";

export function App(): JSX.Element {
  const [place, setPlace] = useState(placeNow());
  const [known, setKnown] = useState<Catalogue | null>(null);
  const [refused, setRefused] = useState("");
  const [turn, setTurn] = useState(0);

  useEffect(() => {
    const moved = (): void => setPlace(placeNow());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  useEffect(() => {
    catalogue().then(
      (answer) => {
        setKnown(answer);
        setRefused("");
      },
      (error: Error) => setRefused(error.message),
    );
  }, [turn]);
  useEffect(() => {
    if (known === null) return undefined;
    const stops = [followPast(), rememberEvents()];
    return () => {
      for (const stop of stops) stop();
    };
  }, [known === null]);

  if (known === null) {
    return refused === "" ? (
      <p class="lonely">Asking the appliance …</p>
    ) : (
      <Door reason={refused} onToken={() => setTurn(turn + 1)} />
    );
  }
  return (
    <div class="shell">
      <a class="skip" href="#content">
        To the content
      </a>
      <Navigation place={place} known={known} />
      <main id="content" tabIndex={-1}>
        <TimeBar place={place} />
        <Content place={place} known={known} />
      </main>
    </div>
  );
}

/** Asks for a token. */
function Door({ reason, onToken }: { reason: string; onToken: () => void }): JSX.Element {
  const [token, setToken] = useState("");
  return (
    <form
      class="door"
      onSubmit={(event) => {
        event.preventDefault();
        keepToken(token.trim());
        onToken();
      }}
    >
      <h1>Linkloom</h1>
      <p role="alert">{reason}</p>
      <label>
        Token
        <input
          type="password"
          autocomplete="off"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
      </label>
      <button type="submit">Enter</button>
      <p class="quiet">
        The tokens stand in the file that the appliance named when it started (api.token-file). This
        tab forgets yours when it is closed.
      </p>
    </form>
  );
}

function Navigation({ place, known }: { place: string; known: Catalogue }): JSX.Element {
  const link = (path: string, title: string): JSX.Element => (
    <li key={path}>
      <a href={`#/${path}`} aria-current={place === path ? "page" : undefined}>
        {title}
      </a>
    </li>
  );
  return (
    <nav aria-label="Places">
      <h1>
        <img src="./icon.svg" alt="" width="24" height="24" /> Linkloom
      </h1>
      <Health />
      <ul>{PLACES.map(({ path, title }) => link(path, title))}</ul>
      <h2>Tables</h2>
      <ul>
        {known.objects
          .filter(({ name }) => name !== "config")
          .map(({ name }) => link(`table/${name}`, name))}
      </ul>
      <Settings />
    </nav>
  );
}

/** In one line: is all well. */
function Health(): JSX.Element {
  const { rows, error } = useRows("health");
  const { connected } = useEvents();
  if (error !== null)
    return (
      <p class="health failed" role="status">
        {error.message}
      </p>
    );
  const bad = rows.filter(({ state }) => state !== "ok");
  const worst = bad.some(({ state }) => state === "failed")
    ? "failed"
    : bad.length > 0
      ? "warning"
      : "ok";
  return (
    <p class={`health ${worst}`} role="status">
      <a href="#/table/health">{worst === "ok" ? "All is well" : `${bad.length} to look at`}</a>
      {connected ? "" : " · events: waiting"}
    </p>
  );
}

const THEMES = ["auto", "light", "dark"] as const;

function Settings(): JSX.Element {
  const [theme, setTheme] = useState(localStorage.getItem("linkloom-theme") ?? "auto");
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme;
    localStorage.setItem("linkloom-theme", theme);
  }, [theme]);
  const [token, setToken] = useState(tokenOf());
  return (
    <details class="settings">
      <summary>Settings</summary>
      <form onSubmit={(event) => event.preventDefault()}>
        <fieldset>
          <legend>Colours</legend>
          {THEMES.map((name) => (
            <label key={name}>
              <input
                type="radio"
                name="theme"
                checked={theme === name}
                onChange={() => setTheme(name)}
              />{" "}
              {name}
            </label>
          ))}
        </fieldset>
        <label>
          Token for changes
          <input
            type="password"
            autocomplete="off"
            value={token}
            onInput={(event) => {
              setToken(event.currentTarget.value);
              keepToken(event.currentTarget.value.trim());
            }}
          />
        </label>
      </form>
    </details>
  );
}

/** Places that say and do what is now, wherever the bar stands. */
const OF_NOW = ["explain", "capture", "actions", "configuration"];
/** The bar moves in seconds; this near to its right end it is now. */
const STEP = 1000;
const NEAR = 1500;

/** Where in what the appliance has kept the page looks; at the right end it is now. */
function TimeBar({ place }: { place: string }): JSX.Element {
  const past = usePast();
  const { oldest } = useSpan();
  const [now, setNow] = useState(applianceNow());
  useEffect(() => {
    const timer = setInterval(() => setNow(applianceNow()), 1000);
    return () => clearInterval(timer);
  }, []);
  const first = Math.min(oldest ?? now, now - STEP);
  const isOfNow = OF_NOW.includes(place.split("/")[0] ?? "");
  return (
    <div class={past === null ? "timebar" : "timebar past"}>
      <label>
        <span>{past === null ? "Now" : `As it was at ${clock(past)}`}</span>
        <input
          type="range"
          aria-label="Time that is shown"
          aria-valuetext={past === null ? "now" : clock(past)}
          title={`Back to ${clock(first)}`}
          min={first}
          max={now}
          step="any"
          value={past ?? now}
          onKeyDown={(event) => {
            const step = KEYS[event.key];
            if (step === undefined) return;
            event.preventDefault();
            const to = (past ?? now) + step;
            lookAt(to >= now - NEAR ? null : Math.max(first, to));
          }}
          onInput={(event) => {
            const time = event.currentTarget.valueAsNumber;
            const whole = Math.max(first, Math.floor(time / STEP) * STEP);
            lookAt(time >= now - NEAR ? null : whole);
          }}
        />
      </label>
      {past !== null && isOfNow && <strong>This place shows and changes what is now.</strong>}
      {past !== null && (
        <button type="button" onClick={() => lookAt(null)}>
          Back to now
        </button>
      )}
    </div>
  );
}

/** What a key moves the bar by: seconds, and minutes. Home and End are the browser's. */
const KEYS: Readonly<Record<string, number>> = {
  ArrowLeft: -2000,
  ArrowDown: -2000,
  ArrowRight: 2000,
  ArrowUp: 2000,
  PageDown: -60_000,
  PageUp: 60_000,
};

function Content({ place, known }: { place: string; known: Catalogue }): JSX.Element {
  const [name = "", rest = ""] = place.split("/");
  switch (name) {
    case "wire":
      return <Wire />;
    case "cores":
      return <Cores />;
    case "machines":
      return <Machines />;
    case "timeline":
      return <Timeline />;
    case "explain":
      return <Explain known={known} />;
    case "capture":
      return <Capture known={known} />;
    case "actions":
      return <Actions known={known} />;
    case "configuration":
      return <Configuration known={known} />;
    case "table": {
      const shape = known.objects.find((object) => object.name === rest);
      if (shape !== undefined) return <TablePage key={rest} shape={shape} />;
      break;
    }
  }
  return <p class="lonely">There is no page "{place}".</p>;
}
