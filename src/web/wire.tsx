// The wire as a picture: ports, the channels they make up, the bridges and VLANs, the interfaces, from left to right.
// A line is as wide as its traffic, grey where nothing may pass, dashed where spanning tree or LACP holds it.

import type { JSX } from "preact";
import type { Row } from "./client.ts";
import { short } from "./format.ts";
import { useRates, useRows } from "./live.ts";

const ROW = 54;
const COLUMNS = { port: 20, channel: 270, bridge: 520, interface: 770 } as const;
const WIDTH = 190;
const HEIGHT = 40;

interface Box {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  readonly title: string;
  readonly lines: string;
  readonly tone: "good" | "bad" | "held" | "plain";
  readonly href: string;
}

interface Line {
  readonly from: Box;
  readonly to: Box;
  readonly tone: Box["tone"];
  /** Frames a second. */
  readonly rate: number;
}

export function Wire(): JSX.Element {
  const { rows: ports, error } = useRows("ports");
  const { rows: channels } = useRows("channels");
  const { rows: vlans } = useRows("vlans");
  const { rows: interfaces } = useRows("interfaces");
  const { rows: stp } = useRows("stp");
  const { rows: cores } = useRows("cores");
  const rates = useRates("ports", (row) => String(row["port"]), ["frames-received", "frames-sent"]);
  const picture = draw(ports, channels, vlans, interfaces, stp, rates);
  return (
    <section aria-labelledby="wire-title">
      <h2 id="wire-title">The wire</h2>
      {error !== null && <p role="alert">{error.message}</p>}
      <Roles cores={cores} />
      <div class="scroll">
        <svg
          class="wire"
          viewBox={`0 0 980 ${picture.height}`}
          role="img"
          aria-label={`${ports.length} ports, ${channels.length} channels, ${interfaces.length} interfaces`}
        >
          {picture.lines.map((line) => (
            <Cable key={`${line.from.id}>${line.to.id}`} line={line} />
          ))}
          {picture.boxes.map((box) => (
            <a key={box.id} href={box.href} aria-label={`${box.title}: ${box.lines}`}>
              <g class={`box ${box.tone}`} transform={`translate(${box.x} ${box.y})`}>
                <rect width={WIDTH} height={HEIGHT} rx="6" />
                <text x="10" y="17" class="name">
                  {box.title}
                </text>
                <text x="10" y="32" class="detail">
                  {box.lines}
                </text>
              </g>
            </a>
          ))}
        </svg>
      </div>
      <p class="quiet">
        Ports, channels, bridges and interfaces. A line's width is its frames a second; dashed: held
        by spanning tree or LACP; grey: down.
      </p>
    </section>
  );
}

/** Who speaks for all. */
function Roles({ cores }: { cores: readonly Row[] }): JSX.Element {
  const words = cores.flatMap(({ core, roles }) =>
    (Array.isArray(roles) ? roles : []).map((role) => `${role}: core ${core}`),
  );
  const online = cores.filter(({ state }) => state === "online").length;
  return (
    <p>
      {online} of {cores.length} cores online. Masters: {words.join(", ") || "none"}.
    </p>
  );
}

function Cable({ line }: { line: Line }): JSX.Element {
  const x1 = line.from.x + WIDTH;
  const y1 = line.from.y + HEIGHT / 2;
  const x2 = line.to.x;
  const y2 = line.to.y + HEIGHT / 2;
  const bend = (x2 - x1) / 2;
  const width = 1.5 + Math.min(8, Math.log10(1 + line.rate) * 1.6);
  return (
    <path
      class={`cable ${line.tone}`}
      d={`M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`}
      stroke-width={width}
    >
      <title>{`${line.from.title} to ${line.to.title}: ${short(line.rate)} frames a second`}</title>
    </path>
  );
}

type Rates = ReadonlyMap<string, Readonly<Record<string, number>>>;

/** Places everything: each column from top to bottom, in the order of the configuration. */
export function draw(
  ports: readonly Row[],
  channels: readonly Row[],
  vlans: readonly Row[],
  interfaces: readonly Row[],
  stp: readonly Row[],
  rates: Rates,
): { boxes: Box[]; lines: Line[]; height: number } {
  const boxes: Box[] = [];
  const lines: Line[] = [];
  const counts = { port: 0, channel: 0, bridge: 0, interface: 0 };
  const add = (column: keyof typeof COLUMNS, box: Omit<Box, "x" | "y" | "id">): Box => {
    const y = 10 + counts[column]++ * ROW;
    const placed = { ...box, id: `${column} ${box.title}`, x: COLUMNS[column], y };
    boxes.push(placed);
    return placed;
  };
  const rateOf = (port: unknown): number => {
    const rate = rates.get(String(port));
    return (rate?.["frames-received"] ?? 0) + (rate?.["frames-sent"] ?? 0);
  };
  const bridges = new Map<string, Box>();
  for (const { bridge } of vlans) {
    const name = String(bridge);
    if (bridges.has(name)) continue;
    const own = vlans.filter((row) => row["bridge"] === bridge);
    const first = String(own[0]?.["vlan"] ?? "");
    const detail = own.length === 1 ? `VLAN ${first}` : `${own.length} ranges of VLANs`;
    bridges.set(
      name,
      add("bridge", { title: name, lines: detail, tone: "plain", href: "#/table/vlans" }),
    );
  }
  const isSingle = (channel: Row): boolean =>
    channel["mode"] === "single" &&
    String(channel["channel"]) === String(words(channel["members"])[0]);
  const channelBoxes = new Map<string, Box>();
  for (const channel of channels) {
    const name = String(channel["channel"]);
    const members = words(channel["members"]);
    const active = words(channel["active-members"]);
    const detail = isSingle(channel)
      ? ""
      : `${channel["mode"]}, ${active.length} of ${members.length} members`;
    const tone = channel["up"] === true ? "good" : "bad";
    const box = add("channel", { title: name, lines: detail, tone, href: "#/table/channels" });
    channelBoxes.set(name, box);
    const held = stp.find((row) => row["channel"] === name && row["state"] === "discarding");
    const rate = members.reduce((sum, member) => sum + rateOf(member), 0);
    for (const row of vlans) {
      const isThere = [...words(row["untagged"]), ...words(row["tagged"])].includes(name);
      const bridge = bridges.get(String(row["bridge"]));
      if (!isThere || bridge === undefined) continue;
      const tone = channel["up"] !== true ? "bad" : held === undefined ? "good" : "held";
      if (!lines.some((line) => line.from === box && line.to === bridge))
        lines.push({ from: box, to: bridge, tone, rate });
    }
  }
  for (const port of ports) {
    const name = String(port["port"]);
    const up = port["link"] === "up";
    const channel = channels.find((row) => words(row["members"]).includes(name));
    const active = channel !== undefined && words(channel["active-members"]).includes(name);
    const rate = rateOf(name);
    const detail = `${port["link"]}, ${short(rate)} frames/s`;
    const tone = !up ? "bad" : active ? "good" : "held";
    const box = add("port", { title: name, lines: detail, tone, href: "#/table/ports" });
    const to = channelBoxes.get(String(port["channel"]));
    if (to !== undefined) lines.push({ from: box, to, tone, rate });
  }
  for (const row of interfaces) {
    const name = String(row["interface"]);
    const detail = words(row["addresses"])[0] ?? "";
    const box = add("interface", {
      title: name,
      lines: detail,
      tone: "plain",
      href: "#/table/interfaces",
    });
    const from = bridges.get(String(row["bridge"])) ?? channelBoxes.get(String(row["channel"]));
    if (from !== undefined) lines.push({ from, to: box, tone: "good", rate: 0 });
  }
  return { boxes, lines, height: Math.max(...Object.values(counts), 1) * ROW + 20 };
}

const words = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
