// `linkloom explain group ADDRESS`: where data to a multicast group goes in each VLAN, and why.

import type { Row } from "../show.ts";

/** What an explanation is made of. */
export interface GroupEvidence {
  readonly address: string;
  /** All rows of `show groups`, of every core. */
  readonly rows: readonly Row[];
  readonly cores: number;
}

const list = (value: unknown): string =>
  Array.isArray(value) && value.length > 0 ? value.join(", ") : "none";

/** True for a group that always floods (RFC 4541 2.1.2, RFC 4291 2.7). */
export const isLinkScope = (address: string): boolean =>
  /^224\.0\.0\.\d+$/.test(address) || /^ff[0-9a-f][012]:/i.test(address);

function askers(row: Row): string {
  if (row["querier-state"] === "own") return `this system asks (${row["querier"] ?? "0.0.0.0"})`;
  return `the querier is ${row["querier"] ?? "unknown"}`;
}

/** The explanation, a sentence a line. */
export function explainGroup({ address, rows, cores }: GroupEvidence): string[] {
  if (isLinkScope(address)) {
    return [`${address} is of the link's scope: it always floods, and nobody needs to join it.`];
  }
  const family = address.includes(":") ? "ipv6" : "ipv4";
  const own = rows.filter((row) => row["family"] === family);
  const places = [...new Set(own.map((row) => `${row["bridge"]} ${row["vlan"]}`))];
  if (places.length === 0) {
    const protocol = family === "ipv6" ? "MLD" : "IGMP";
    return [
      `No ${protocol} querier was heard on any VLAN, so ${address} floods.`,
      "A querier is needed: a router's, another switch's, or snooping: {querier: true} on the bridge.",
    ];
  }
  return places.flatMap((place) => {
    const here = own.filter((row) => `${row["bridge"]} ${row["vlan"]}` === place);
    const routers = here.find((row) => row["group"] === null) ?? here[0];
    const groups = here.filter((row) => row["group"] === address);
    const where = `Bridge ${place.replace(" ", ", VLAN ")}`;
    if (routers === undefined) return [];
    if (routers["limited"] !== true) {
      return [`${where}: it floods; ${askers(routers)}, and hosts had no time to answer yet.`];
    }
    const [group] = groups;
    if (group === undefined) {
      return [
        `${where}: nobody joined; it goes to routers alone: ${list(routers["routers"])}; ${askers(routers)}.`,
      ];
    }
    const lines = [
      `${where}: it goes to ${list(group["channels"])}, and to routers: ${list(routers["routers"])}; ${askers(routers)}.`,
    ];
    const expiry = groups.map((row) => row["expires-ms"]).find((value) => value !== null);
    if (typeof expiry === "number") {
      lines.push(
        `  Without another report the last member is forgotten in ${Math.round(expiry / 1000)} s.`,
      );
    }
    const texts = new Set(groups.map((row) => `${list(row["channels"])} ${row["version"]}`));
    if (texts.size > 1 || groups.length < cores)
      lines.push("  The cores do not agree: see show coherence.");
    return lines;
  });
}
