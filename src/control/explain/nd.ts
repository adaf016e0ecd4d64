// `explain nd ADDRESS`: how the appliance reaches an IPv6 neighbour, who runs its machine, and what happened to it.

import { formatIpv6, parseIpv6 } from "../../wire/text.ts";
import { ControlError } from "../errors.ts";
import type { Row } from "../show.ts";
import type { Asked } from "./asked.ts";

interface NdEvidence {
  readonly address: string;
  readonly cores: number;
  readonly nd: readonly Row[];
  readonly interfaces: readonly Row[];
  readonly stations: readonly Row[];
  readonly events: readonly Row[];
}

/** The sentences; throws for what is no address. */
export async function explainNd({ rows, cores }: Asked, [text = ""]: string[]): Promise<string[]> {
  const words = parseIpv6(text);
  if (words === undefined) {
    throw new ControlError("usage", `"${text}" is no IPv6 address`, "write explain nd 2001:db8::9");
  }
  const address = formatIpv6(...words);
  const nd = await rows("nd", { address });
  const interfaces = await rows("interfaces");
  const subject = `nd ${address}`;
  // The filter finds 192.0.2.10 for 192.0.2.1, too.
  const events = (await rows("events", { subject })).filter((row) => row["subject"] === subject);
  const mac = String(nd.find((row) => row["mac"])?.["mac"] ?? "");
  const stations = mac === "" ? [] : await rows("bridge", { address: mac });
  return sentences({ address, cores, nd, interfaces, stations, events });
}

const MEANING: Readonly<Record<string, string>> = {
  incomplete: "it is being solicited; frames for it wait",
  reachable: "it was confirmed within the reachable time",
  stale: "nobody confirmed it lately; the next frame starts the check",
  delay: "a frame went there unconfirmed; a probe follows within 5 s",
  probe: "it is being asked by unicast whether it is still there",
  static: "it was configured and is never asked",
};

function sentences({ address, cores, nd, interfaces, stations, events }: NdEvidence): string[] {
  const lines: string[] = [];
  const own = interfaces.find(({ addresses }) =>
    (addresses as string[]).some((one) => one.startsWith(`${address}/`)),
  );
  if (own !== undefined) {
    lines.push(`${address} is the appliance's own address on ${own["interface"]} (${own["mac"]}).`);
  } else if (nd.length === 0) {
    lines.push(`No core knows ${address}: nothing was sent there, or it did not answer.`);
  }
  const groups = new Map<string, { row: Row; cores: number[] }>();
  for (const row of nd) {
    const key = JSON.stringify([row["mac"], row["state"], row["interface"], row["router"]]);
    const group = groups.get(key) ?? { row, cores: [] };
    group.cores.push(Number(row["core"]));
    groups.set(key, group);
  }
  for (const { row, cores: which } of groups.values()) {
    const who = which.length === cores ? "All cores have" : `Core ${which.join(", ")} has`;
    const what = row["mac"] === "" ? "no MAC yet" : String(row["mac"]);
    const router = row["router"] === true ? ", a router," : "";
    const state = String(row["state"]);
    lines.push(
      `${who} ${address}${router} at ${what} on ${row["interface"]}: ${state}, ${MEANING[state] ?? ""}.`,
    );
  }
  const owner = nd[0]?.["owner"];
  if (owner !== undefined && nd[0]?.["state"] !== "static") {
    lines.push(`Core ${owner} owns it: it alone solicits and runs the timers.`);
  }
  if (groups.size > 1) {
    lines.push(
      "Copies hold reachable until told otherwise; show coherence compares addresses and MACs.",
    );
  }
  for (const { bridge, channel, vlan } of stations.slice(0, 1)) {
    lines.push(`Its station is on ${channel}, VLAN ${vlan} of ${bridge}.`);
  }
  for (const event of events.slice(-5)) {
    const change = [event["from"], event["to"]].filter((word) => word !== "").join(" to ");
    const { time, core, cause, evidence } = event;
    lines.push(`${time} core ${core}: ${cause}, ${change} ${evidence}`.trim());
  }
  return lines;
}
