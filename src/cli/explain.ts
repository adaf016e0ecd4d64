// `linkloom explain arp IP`: how the appliance reaches an address, and why it is as it is, in sentences made from the
// tables of all cores and the events.

import type { Command } from "commander";
import { ControlError } from "../control/errors.ts";
import { formatIpv6, parseIpv6 } from "../wire/text.ts";
import { ask } from "./client.ts";
import { explainLacp, type LacpEvidence } from "./explain-lacp.ts";
import { explainNd, gatherNd } from "./explain-nd.ts";
import { explainStp, type StpEvidence } from "./explain-stp.ts";
import { explainVr } from "./explain-vr.ts";
import { print } from "./io.ts";
import type { Globals } from "./show.ts";
import { coreList, type Row } from "./table.ts";

/** What an explanation is made of: the rows of `show`, all about one address. */
export interface Evidence {
  readonly address: string;
  readonly cores: number;
  readonly arp: readonly Row[];
  readonly interfaces: readonly Row[];
  readonly routes: readonly Row[];
  readonly stations: readonly Row[];
  readonly events: readonly Row[];
}

/** Adds the command. */
export function addExplain(program: Command): void {
  const explain = program.command("explain").description("why something is as it is");
  explain
    .command("arp")
    .description("how the appliance reaches an IPv4 address")
    .argument("<address>", "an IPv4 address")
    .action(async (address: string, ...rest: unknown[]) => {
      const options = (rest.at(-1) as Command).optsWithGlobals<Globals>();
      if (!/^\d+\.\d+\.\d+\.\d+$/.test(address)) {
        throw new ControlError(
          "usage",
          `"${address}" is no IPv4 address`,
          "write explain arp 192.0.2.9",
        );
      }
      const evidence = await gather(address, options.socket);
      const lines = explainArp(evidence);
      await print(
        options.json === true ? JSON.stringify(lines.map((text) => ({ text }))) : lines.join("\n"),
      );
    });
  explain
    .command("nd")
    .description("how the appliance reaches an IPv6 neighbour, and which core owns it")
    .argument("<address>", "an IPv6 address")
    .action(async (address: string, ...rest: unknown[]) => {
      const options = (rest.at(-1) as Command).optsWithGlobals<Globals>();
      const words = parseIpv6(address);
      if (words === undefined) {
        const what = `"${address}" is no IPv6 address`;
        throw new ControlError("usage", what, "write explain nd 2001:db8::9");
      }
      const lines = explainNd(await gatherNd(formatIpv6(...words), options.socket));
      await print(
        options.json === true ? JSON.stringify(lines.map((text) => ({ text }))) : lines.join("\n"),
      );
    });
  explain
    .command("stp")
    .description("why a bridge's channels have their roles and states in the spanning tree")
    .argument("<bridge>", "a bridge, such as br0")
    .argument("[channel]", "one of its channels, in detail")
    .action(async (bridge: string, channel: string | undefined, ...rest: unknown[]) => {
      const options = (rest.at(-1) as Command).optsWithGlobals<Globals>();
      const lines = explainStp(await gatherStp(bridge, channel, options.socket));
      await print(
        options.json === true ? JSON.stringify(lines.map((text) => ({ text }))) : lines.join("\n"),
      );
    });
  explain
    .command("vr")
    .description("why a virtual router is Active or not: its priority, what was heard, its changes")
    .argument("<name>", "a virtual router, such as gw10")
    .action(async (name: string, ...rest: unknown[]) => {
      const options = (rest.at(-1) as Command).optsWithGlobals<Globals>();
      const path = `vr/${encodeURIComponent(name)}`;
      const { body } = await ask(options.socket, { method: "GET", path });
      const lines = explainVr(JSON.parse(body) as Row[]);
      await print(
        options.json === true ? JSON.stringify(lines.map((text) => ({ text }))) : lines.join("\n"),
      );
    });
  explain
    .command("lacp")
    .description("why each member of an aggregated channel carries frames, or does not")
    .argument("<channel>", "a channel, such as LA/1")
    .action(async (name: string, ...rest: unknown[]) => {
      const options = (rest.at(-1) as Command).optsWithGlobals<Globals>();
      const lines = explainLacp(await gatherLacp(name, options.socket));
      await print(
        options.json === true ? JSON.stringify(lines.map((text) => ({ text }))) : lines.join("\n"),
      );
    });
}

async function gatherStp(
  bridge: string,
  channel: string | undefined,
  socket: string | undefined,
): Promise<StpEvidence> {
  const rows = async (path: string, query: Record<string, string>): Promise<Row[]> =>
    JSON.parse((await ask(socket, { method: "GET", path, query })).body) as Row[];
  const found = await rows("stp", { bridge });
  if (channel === undefined) return { rows: found, events: [] };
  if (!found.some((row) => row["channel"] === channel)) {
    const hint = `show stp --bridge ${bridge} lists them`;
    throw new ControlError("not-found", `"${channel}" is no channel of ${bridge}`, hint);
  }
  const events = await rows("events", { subject: `stp ${channel}` });
  return { rows: found, channel, events: events.filter((row) => isOf(row, channel)) };
}

/** The subject's filter finds p10 for p1, too. */
const isOf = (row: Row, channel: string): boolean => row["subject"] === `stp ${channel}`;

async function gatherLacp(name: string, socket: string | undefined): Promise<LacpEvidence> {
  const rows = async (path: string, query: Record<string, string>): Promise<Row[]> =>
    JSON.parse((await ask(socket, { method: "GET", path, query })).body) as Row[];
  const [channel] = await rows("channels", { channel: name });
  if (channel === undefined) {
    throw new ControlError(
      "not-found",
      `There is no channel "${name}"`,
      "show channels lists them",
    );
  }
  const path = `channels.${name}.`;
  const found = await rows("config", { subject: path });
  const config = Object.fromEntries(
    found.map((row) => [String(row["path"]).slice(path.length), row["value"]]),
  );
  return { channel, lacp: await rows("lacp", { channel: name }), config };
}

async function gather(address: string, socket: string | undefined): Promise<Evidence> {
  let cores = 0;
  const rows = async (path: string, query: Record<string, string>): Promise<Row[]> => {
    const answer = await ask(socket, { method: "GET", path, query });
    cores = answer.cores;
    return JSON.parse(answer.body) as Row[];
  };
  const arp = await rows("arp", { address });
  const interfaces = await rows("interfaces", {});
  const routes = await rows("routes", { address, core: "0" });
  const events = await rows("events", { subject: `arp ${address}` });
  const mac = String(arp.find((row) => row["mac"])?.["mac"] ?? "");
  const stations = mac === "" ? [] : await rows("bridge", { address: mac });
  return { address, cores, arp, interfaces, routes, stations, events };
}

/** The sentences. */
export function explainArp(evidence: Evidence): string[] {
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
