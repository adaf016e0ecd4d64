// `explain arp IP`: how the appliance reaches an address, and why it is as it is, in sentences made from the tables of
// all cores and the events.

import { coreList } from "../core-list.ts";
import { ControlError } from "../errors.ts";
import type { Row } from "../show.ts";
import type { Asked } from "./asked.ts";

/** What an explanation is made of: the rows of `show`, all about one address. */
interface Evidence {
  readonly address: string;
  readonly cores: number;
  readonly arp: readonly Row[];
  readonly interfaces: readonly Row[];
  readonly routes: readonly Row[];
  readonly stations: readonly Row[];
  readonly events: readonly Row[];
}

/** The sentences; throws for what is no address. */
export async function explainArp(
  { rows, cores }: Asked,
  [address = ""]: string[],
): Promise<string[]> {
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(address)) {
    const what = `"${address}" is no IPv4 address`;
    throw new ControlError("usage", what, "write explain arp 192.0.2.9");
  }
  const arp = await rows("arp", { address });
  const interfaces = await rows("interfaces");
  const routes = await rows("routes", { address, core: "0" });
  const subject = `arp ${address}`;
  // The filter finds 192.0.2.10 for 192.0.2.1, too.
  const events = (await rows("events", { subject })).filter((row) => row["subject"] === subject);
  const mac = String(arp.find((row) => row["mac"])?.["mac"] ?? "");
  const stations = mac === "" ? [] : await rows("bridge", { address: mac });
  return sentences({ address, cores, arp, interfaces, routes, stations, events });
}

function sentences(evidence: Evidence): string[] {
  const { address, arp, interfaces, events } = evidence;
  const own = interfaces.find(({ addresses }) =>
    (addresses as string[]).some((one) => one.startsWith(`${address}/`)),
  );
  const lines: string[] = [];
  if (own !== undefined) {
    lines.push(`${address} is the appliance's own address on ${own["interface"]} (${own["mac"]}).`);
  } else lines.push(...reach(evidence));
  if (arp.length === 0 && own === undefined) {
    lines.push("No core has an ARP entry of it: nothing was sent there, or the entry aged out.");
  }
  const groups = new Map<string, { row: Row; cores: number[] }>();
  for (const row of arp) {
    const key = JSON.stringify([row["mac"], row["origin"], row["state"], row["interface"]]);
    const group = groups.get(key) ?? { row, cores: [] };
    group.cores.push(Number(row["core"]));
    groups.set(key, group);
  }
  for (const { row, cores } of groups.values()) lines.push(entry(row, cores, evidence.cores));
  if (groups.size > 1)
    lines.push("The cores differ; show coherence tells whether messages are under way.");
  for (const { bridge, channel, vlan } of evidence.stations.slice(0, 1)) {
    lines.push(`Its station is on ${channel}, VLAN ${vlan} of ${bridge}.`);
  }
  for (const event of events.slice(-5)) {
    const change = [event["from"], event["to"]].filter((word) => word !== "").join(" to ");
    lines.push(
      `${event["time"]} core ${event["core"]}: ${event["cause"]}, ${change} ${event["evidence"]}`.trim(),
    );
  }
  return lines;
}

/** How packets to the address leave. */
function reach({ address, routes }: Evidence): string[] {
  const best = [...routes].sort((a, b) => length(b) - length(a))[0];
  if (best === undefined)
    return [`${address} is in no subnet of the appliance, and no route leads there.`];
  if (best["origin"] === "connected")
    return [`${address} is on the link of ${best["interface"]} (${best["destination"]}).`];
  const via = best["via"] === "" ? "" : ` by ${best["via"]}`;
  const text = `Packets to ${address} take the route ${best["destination"]}${via}`;
  return [`${text}; the next hop's entry counts, not its own.`];
}

const length = (route: Row): number => Number(String(route["destination"]).split("/")[1] ?? 0);

function entry(row: Row, holders: readonly number[], cores: number): string {
  const who =
    holders.length === cores
      ? cores === 1
        ? "The core"
        : `All ${cores} cores`
      : `Core ${coreList(holders)}`;
  const verb = holders.length > 1 ? "have" : "has";
  const age =
    row["age-ms"] === null
      ? ""
      : `, last confirmed ${Math.round(Number(row["age-ms"]) / 100) / 10} s ago`;
  if (row["state"] === "pending") {
    return `${who} ${holders.length > 1 ? "wait" : "waits"} for an answer on ${row["interface"]}.`;
  }
  if (row["state"] === "failed") {
    return `${who} ${verb} it as failed on ${row["interface"]}: nobody answered the requests.`;
  }
  return `${who} ${verb} it at ${row["mac"]} on ${row["interface"]}: ${row["origin"]}, ${row["state"]}${age}.`;
}
