// Explanations of what has no protocol of its own: cores, ports, channels, interfaces, stations, VLANs, routes,
// steering, messages, tables, reasons, timers, events, health and the configuration. Each is made of rows of `show`.

import type { DropName } from "../../engine/drop.ts";
import { DROP_NAMES } from "../../engine/drop.ts";
import { coreList } from "../core-list.ts";
import { ControlError } from "../errors.ts";
import type { Row } from "../show.ts";
import { formatDuration } from "../words.ts";
import type { Asked } from "./asked.ts";
import { dropWords } from "./drop-words.ts";

type Explain = (asked: Asked, words: readonly string[]) => Promise<string[]>;

const text = (value: unknown): string =>
  value === null || value === undefined ? "" : String(value);
const list = (value: unknown): string =>
  Array.isArray(value) && value.length > 0 ? value.join(", ") : "none";

function missing(what: string, name: string, hint: string): ControlError {
  return new ControlError("not-found", `There is no ${what} "${name}"`, hint);
}

const cores: Explain = async ({ rows, cores: count }, [name = ""]) => {
  const all = await rows("cores");
  const row = all.find((one) => text(one["core"]) === name);
  if (row === undefined) throw missing("core", name, `0 to ${count - 1}`);
  const roles = row["roles"] as readonly string[];
  const plays = roles.length === 0 ? "plays no role" : `is the ${roles.join(" and ")} master`;
  const busy = Math.round(Number(row["load"]) * 100);
  const lines = [`Core ${name} is ${row["state"]}, busy ${busy} % of its time, and ${plays}.`];
  const [health] = (await rows("health")).filter((one) => one["subject"] === `core ${name}`);
  if (health !== undefined && health["state"] !== "ok")
    lines.push(`Not well: ${health["detail"]}.`);
  const buckets = (await rows("steering")).filter((one) => text(one["core"]) === name).length;
  lines.push(`${buckets} steering buckets are its own, so their flows come to it.`);
  const messages = `${row["messages-sent"]} messages to other cores, ${row["messages-received"]} from them`;
  lines.push(
    `It received ${row["frames-received"]} frames and sent ${row["frames-sent"]}; ${messages}.`,
  );
  if (Number(row["restarts"]) > 0)
    lines.push(
      `It was started again ${row["restarts"]} times: linkloom show events --core ${name}.`,
    );
  return [...lines, ...(await mostDrops(rows, name))];
};

async function mostDrops(rows: Asked["rows"], core: string): Promise<string[]> {
  const drops = await rows("drops", { core });
  const most = drops
    .filter((row) => Number(row["count"]) > 0)
    .sort((one, other) => Number(other["count"]) - Number(one["count"]));
  return most
    .slice(0, 3)
    .map((row) => `Given up ${row["count"]} times: ${dropWords(row["reason"] as DropName)}.`);
}

const ports: Explain = async ({ rows }, [name = ""]) => {
  const [row] = (await rows("ports")).filter((one) => one["port"] === name);
  if (row === undefined) throw missing("port", name, "linkloom show ports lists them");
  const where = row["interface"] ? ` on ${row["interface"]}` : "";
  const lines = [`${name} is a ${row["driver"]} port${where}; its link is ${row["link"]}.`];
  if (row["link"] === "down") {
    const bring = row["interface"] ? `, and ip link set ${row["interface"]} up` : "";
    lines.push(`Nothing comes or goes: look at the cable and the other side${bring}.`);
  }
  const channel = text(row["channel"]);
  if (channel === "") lines.push("It is in no channel, so no bridge and no interface uses it.");
  else if (channel !== name)
    lines.push(`It is a member of ${channel}: linkloom explain lacp ${channel}.`);
  else lines.push(...(await useOf(rows, channel)));
  lines.push(`Received ${row["frames-received"]} frames, sent ${row["frames-sent"]}.`);
  if (Number(row["drops"]) > 0) {
    lines.push(
      `${row["drops"]} frames were lost at the port: the kernel's ring or its queue was full.`,
    );
  }
  return lines;
};

/** What uses a channel: a bridge with its VLANs, or interfaces; and what keeps frames out. */
async function useOf(rows: Asked["rows"], channel: string): Promise<string[]> {
  const lines: string[] = [];
  const vlans = await rows("vlans", { channel });
  const bridges = [...new Set(vlans.map((row) => text(row["bridge"])))];
  for (const bridge of bridges) {
    const here = vlans.filter((row) => row["bridge"] === bridge);
    const range = (row: Row): string =>
      row["last-vlan"] === row["vlan"] || row["last-vlan"] === undefined
        ? text(row["vlan"])
        : `${row["vlan"]}-${row["last-vlan"]}`;
    const carried = (key: string): string =>
      here
        .filter((row) => (row[key] as string[]).includes(channel))
        .map(range)
        .join(", ") || "none";
    lines.push(
      `${channel} is on ${bridge}: untagged VLAN ${carried("untagged")}, tagged ${carried("tagged")}.`,
    );
    const [tree] = await rows("stp", { bridge, channel });
    if (tree !== undefined && text(tree["state"]) !== "") {
      lines.push(
        `Spanning tree: ${tree["role"]}, ${tree["state"]}; linkloom explain stp ${bridge} ${channel}.`,
      );
    }
  }
  const [guard] = await rows("protection", { channel });
  if (guard !== undefined && guard["state"] !== "open") {
    lines.push(
      `Protection has it ${guard["state"]} (${guard["reason"]}); linkloom clear protection opens it.`,
    );
  }
  const interfaces = (await rows("interfaces")).filter((row) => row["channel"] === channel);
  for (const row of interfaces) {
    lines.push(`${row["interface"]} is on it, with ${list(row["addresses"])}.`);
  }
  if (lines.length === 0) lines.push(`No bridge and no interface uses ${channel}.`);
  return lines;
}

const channels: Explain = async ({ rows }, [name = ""]) => {
  const [row] = (await rows("channels")).filter((one) => one["channel"] === name);
  if (row === undefined) throw missing("channel", name, "linkloom show channels lists them");
  const state = row["up"] === true ? "up" : "down";
  const members = `${list(row["active-members"])} of ${list(row["members"])} carry frames`;
  const lines = [`${name} (${row["mode"]}) is ${state}: ${members}.`];
  if (row["mode"] !== "single")
    lines.push(`Why each does or does not: linkloom explain lacp ${name}.`);
  return [...lines, ...(await useOf(rows, name))];
};

const interfaces: Explain = async ({ rows }, [name = ""]) => {
  const [row] = (await rows("interfaces")).filter((one) => one["interface"] === name);
  if (row === undefined) throw missing("interface", name, "linkloom show interfaces lists them");
  const where = row["bridge"]
    ? `VLAN ${row["vlan"]} of ${row["bridge"]}`
    : `${row["channel"]}${row["vlan"] ? `, VLAN ${row["vlan"]}` : ", untagged"}`;
  const lines = [
    `${name} is our own interface on ${where}, with the MAC ${row["mac"]}, MTU ${row["mtu"]}.`,
  ];
  lines.push(`Its addresses: ${list(row["addresses"])}.`);
  const routers = (await rows("vr")).filter((one) => one["interface"] === name);
  for (const one of routers) {
    lines.push(
      `Virtual router ${one["name"]} is ${one["state"]} there, with ${list(one["addresses"])}.`,
    );
  }
  const arp = await rows("arp", { interface: name, core: "0" });
  const nd = await rows("nd", { interface: name, core: "0" });
  lines.push(`${arp.length} IPv4 and ${nd.length} IPv6 neighbours are known there.`);
  return lines;
};

const bridge: Explain = async ({ rows, cores: count }, [mac = ""]) => {
  const found = await rows("bridge", { address: mac });
  if (found.length === 0) {
    return [
      `No core knows the station ${mac}: frames to it flood.`,
      "It has sent nothing within the ageing time, or protection refused it.",
    ];
  }
  const lines: string[] = [];
  const places = new Map<string, Row[]>();
  for (const row of found) {
    const key = `${row["bridge"]} ${row["vlan"]} ${row["channel"]}`;
    places.set(key, [...(places.get(key) ?? []), row]);
  }
  for (const same of places.values()) {
    const [row] = same as [Row];
    const who =
      same.length === count
        ? "All cores"
        : `Core ${coreList(same.map((one) => Number(one["core"])))}`;
    const kind = row["static"] === true ? "as a static station" : `for ${age(row["age-ms"])}`;
    const verb = same.length === 1 && count > 1 ? "has" : "have";
    lines.push(
      `${who} ${verb} ${mac} on ${row["channel"] ?? "no channel (dropped)"}, VLAN ${row["vlan"]} of ${row["bridge"]}, ${kind}.`,
    );
  }
  const moves = Math.max(...found.map((row) => Number(row["moves"])));
  if (moves > 0)
    lines.push(`It moved ${moves} times, the last time ${age(found[0]?.["last-move-ms"])} ago.`);
  if (places.size > 1)
    lines.push("It is in several places: show coherence tells whether cores differ, or VLANs do.");
  return [...lines, ...(await eventLines(rows, mac))];
};

const age = (millis: unknown): string =>
  typeof millis === "number" && millis >= 0
    ? formatDuration(Math.round(millis / 1000) * 1000)
    : "ever";

async function eventLines(rows: Asked["rows"], subject: string): Promise<string[]> {
  const events = await rows("events", { subject });
  return events.slice(-5).map((row) => {
    const change = [row["from"], row["to"]].filter((word) => word !== "").join(" to ");
    const words = [row["cause"], row["subject"], change, row["evidence"]];
    return `${row["time"]} core ${row["core"]}: ${words.filter((word) => text(word) !== "").join(", ")}.`;
  });
}

const vlans: Explain = async ({ rows }, [name = ""]) => {
  const wanted = Number(name);
  if (!/^\d{1,4}$/.test(name) || wanted < 1 || wanted > 4094) {
    throw new ControlError("usage", `"${name}" is no VLAN`, "1 to 4094");
  }
  const found = await rows("vlans", { vlan: name });
  if (found.length === 0)
    return [`No channel of any bridge carries VLAN ${name}: its frames are given up.`];
  const lines = found.map(
    (row) =>
      `On ${row["bridge"]} VLAN ${name} goes untagged by ${list(row["untagged"])}, tagged by ${list(row["tagged"])}.`,
  );
  const own = (await rows("interfaces")).filter((row) => row["bridge"] && row["vlan"] === wanted);
  for (const row of own)
    lines.push(`${row["interface"]} is our own there, with ${list(row["addresses"])}.`);
  const stations = await rows("bridge", { vlan: name, core: "0" });
  lines.push(`${stations.length} stations are known in it.`);
  return lines;
};

const vmac: Explain = async ({ rows }, [mac = ""]) => {
  const found = await rows("vmac", { address: mac });
  if (found.length === 0) return [`No virtual router with the MAC ${mac} was configured or heard.`];
  const unique = [
    ...new Map(
      found.map((row) => [`${row["vrid"]} ${row["family"]} ${row["origin"]}`, row]),
    ).values(),
  ];
  return unique.map((row) => {
    const whose =
      row["origin"] === "static" ? "is of our own router" : "was heard from another router";
    return `${mac} ${whose}: VRID ${row["vrid"]}, ${row["family"]}, priority ${row["priority"]}, for ${list(row["addresses"])}.`;
  });
};

const routes: Explain = async ({ rows }, [address = ""]) => {
  const found = await rows("routes", { address, core: "0" });
  const length = (row: Row): number => Number(text(row["destination"]).split("/")[1] ?? 0);
  const [best, ...others] = [...found].sort((one, other) => length(other) - length(one));
  if (best === undefined) return [`No route leads to ${address}: packets there get an ICMP error.`];
  const via = text(best["via"]);
  const hop = /[.:]/.test(via) ? via : address;
  const way =
    hop === address ? `on the link of ${best["interface"]}` : `by ${hop} on ${best["interface"]}`;
  const lines = [
    `Packets to ${address} take ${best["destination"]} (${best["origin"]}), ${way}: it is the longest of those that fit.`,
  ];
  for (const row of others)
    lines.push(`${row["destination"]} (${row["origin"]}) fits too, and is shorter.`);
  lines.push(`The next hop: linkloom explain ${hop.includes(":") ? "nd" : "arp"} ${hop}.`);
  return lines;
};

const steering: Explain = async ({ rows }, words) => {
  const [row] = await rows("steering", { hash: words.join(",") });
  if (row === undefined)
    throw missing("tuple", words.join(" "), "write tcp,192.0.2.1:1000,192.0.2.2:80");
  const bucket = row["bucket"] === null ? "" : `, bucket ${row["bucket"]}`;
  return [
    `Its hash over ${row["hash-type"]} is ${row["hash"]}${bucket}.`,
    `Core ${row["core"]} treats it, because of ${row["reason"]}.`,
    "All rules, in the order in which they are tried: linkloom show steering --rules.",
  ];
};

const bus: Explain = async ({ rows, cores: count }, [from = "", to = ""]) => {
  const found = (await rows("bus")).filter(
    (row) => text(row["from"]) === from && text(row["to"]) === to,
  );
  const isCore = (word: string): boolean => /^\d{1,2}$/.test(word) && Number(word) < count;
  if (!isCore(from) || !isCore(to) || from === to)
    throw missing("pair of cores", `${from} ${to}`, "write explain bus 0 1");
  const sum = (key: string): number =>
    found.reduce((total, row) => total + Number(row[key] ?? 0), 0);
  const types = found
    .filter((row) => Number(row["sent"]) > 0)
    .map((row) => `${row["sent"]} ${row["type"]}`);
  const lines = [
    `Core ${from} sent ${sum("sent")} messages to core ${to}, which took ${sum("received")}.`,
  ];
  if (types.length > 0) lines.push(`They were ${types.join(", ")}.`);
  const resyncs = Math.max(0, ...found.map((row) => Number(row["resyncs"] ?? 0)));
  lines.push(
    resyncs === 0
      ? "The ring between them never overflowed."
      : `It overflowed: tables were sent whole ${resyncs} times.`,
  );
  return lines;
};

const coherence: Explain = async ({ rows }, [name = ""]) => {
  const found = (await rows("coherence")).filter((row) => row["table"] === name);
  if (found.length === 0) throw missing("table", name, "linkloom show coherence lists them");
  const same = found.every((row) => row["equal"] === true);
  const lines = [
    same
      ? `Every core has the same ${name} table: ${found[0]?.["entries"]} entries.`
      : `The cores' ${name} tables differ now.`,
  ];
  if (!same) {
    for (const row of found)
      lines.push(`Core ${row["core"]} has ${row["entries"]} entries, digest ${row["digest"]}.`);
    lines.push(
      "While messages are under way that is no fault; what stays is found and sent again by itself.",
    );
  }
  const repairs = Math.max(0, ...found.map((row) => Number(row["repairs"] ?? 0)));
  if (repairs > 0) lines.push(`It differed for good ${repairs} times and was sent again.`);
  return lines;
};

const drops: Explain = async ({ rows }, [name = ""]) => {
  if (!(DROP_NAMES as readonly string[]).includes(name)) {
    throw missing("reason", name, "linkloom show drops lists those that were counted");
  }
  const found = (await rows("drops", { reason: name })).filter((row) => Number(row["count"]) > 0);
  const lines = [`${dropWords(name as DropName)}.`];
  if (found.length === 0) lines.push("It was never counted.");
  for (const row of found) lines.push(`Core ${row["core"]} counted it ${row["count"]} times.`);
  lines.push(`The frames themselves, as they come: linkloom trace frames --reason ${name}.`);
  return lines;
};

const timers: Explain = async ({ rows }, [name = ""]) => {
  const found = (await rows("timers")).filter((row) => text(row["timer"]) === name);
  if (found.length === 0) throw missing("timer", name, "linkloom show timers lists those that run");
  return found.map((row) => {
    const due =
      row["due-ms"] === null ? "is not armed" : `is due in ${Math.round(Number(row["due-ms"]))} ms`;
    const every = row["period-ms"] ? `, every ${row["period-ms"]} ms` : "";
    return `${name} ${text(row["subject"])} on core ${row["core"]} ${due}${every}.`.replaceAll(
      "  ",
      " ",
    );
  });
};

const events: Explain = async ({ rows }, words) => {
  const lines = await eventLines(rows, words.join(" "));
  return lines.length > 0
    ? lines
    : [`Nothing was told about "${words.join(" ")}" since the start.`];
};

const health: Explain = async ({ rows }, words) => {
  const wanted = words.join(" ");
  const found = (await rows("health")).filter((row) => text(row["subject"]).includes(wanted));
  const ill = found.filter((row) => row["state"] !== "ok");
  if (found.length === 0) throw missing("subject", wanted, "linkloom show health lists them");
  if (ill.length === 0) return [`All is well: ${found.length} things were looked at.`];
  return ill.map((row) => `${row["subject"]}: ${row["state"]}, ${row["detail"]}.`);
};

const config: Explain = async ({ rows }, [path = ""]) => {
  const found = (await rows("config", { subject: path })).filter((row) =>
    text(row["path"]).startsWith(path),
  );
  if (found.length === 0)
    throw missing("key", path, "linkloom show config lists what runs, defaults included");
  return found.slice(0, 20).map((row) => `${row["path"]} is ${row["value"]}.`);
};

const protection: Explain = async ({ rows }, [channel = ""]) => {
  const found = await rows("protection", { channel });
  const [row] = found;
  if (row === undefined) return [`${channel} is on no bridge, so nothing protects it.`];
  const lines = [`${channel} is ${row["state"]}${row["reason"] ? `: ${row["reason"]}` : ""}.`];
  for (const [key, value] of Object.entries(row)) {
    if (["core", "bridge", "channel", "state", "reason"].includes(key) || value === null) continue;
    lines.push(`${key}: ${text(value)}.`);
  }
  return lines;
};

/** By the object of `show`. */
export const THINGS: Readonly<Record<string, Explain>> = {
  cores,
  ports,
  channels,
  interfaces,
  bridge,
  vlans,
  vmac,
  routes,
  steering,
  bus,
  coherence,
  drops,
  timers,
  events,
  config,
  health,
  protection,
};
