// `explain OBJECT NAME`, for the command line, the page and the API alike: why a thing is as it is, in sentences. Each
// kind gathers rows of `show` and has a file of its own.

import { formatIpv6, parseIpv4, parseIpv6 } from "../../wire/text.ts";
import { ControlError } from "../errors.ts";
import type { Serving } from "../serving.ts";
import { type Query, type Row, show } from "../show.ts";
import { vrExplanation } from "../vr-view.ts";
import { explainArp } from "./arp.ts";
import type { Asked } from "./asked.ts";
import { explainGroup } from "./group.ts";
import { EXPLAINED } from "./kinds.ts";
import { explainLacp } from "./lacp.ts";
import { explainNd } from "./nd.ts";
import { explainStp } from "./stp.ts";
import { THINGS } from "./things.ts";
import { explainVr } from "./vr.ts";

/** What explanations are made of. */
export const askedOf = (serving: Serving): Asked => ({
  cores: serving.appliance.config.cores.count,
  rows: async (of: string, query: Query = {}) => {
    const all: Row[] = [];
    for await (const slice of show(serving, of, query)) all.push(...slice);
    return all;
  },
});

/** The sentences about one thing; `name` is what the command line takes, its words with a blank between. */
export async function explain(serving: Serving, object: string, name: string): Promise<string[]> {
  const asked = askedOf(serving);
  const words = name.split(" ").filter((word) => word !== "");
  switch (object) {
    case "arp":
      return explainArp(asked, words);
    case "nd":
      return explainNd(asked, words);
    case "stp":
      return stp(asked, words);
    case "group":
      return group(asked, words);
    case "lacp":
      return lacp(asked, words);
    case "vr":
      return vr(serving, words);
    default: {
      const thing = Object.hasOwn(THINGS, object) ? THINGS[object] : undefined;
      if (thing !== undefined) return thing(asked, words);
      const known = EXPLAINED.map((kind) => kind.object).join(", ");
      throw new ControlError("not-found", `"${object}" is not explained`, `there are ${known}`);
    }
  }
}

async function vr(serving: Serving, [name = ""]: string[]): Promise<string[]> {
  const rows = await vrExplanation(serving.appliance, name);
  if (rows.length > 0) return explainVr(rows);
  const what = `There is no virtual router "${name}"`;
  throw new ControlError("not-found", what, "linkloom show vr lists them");
}

async function group({ rows, cores }: Asked, [text = ""]: string[]): Promise<string[]> {
  const words = parseIpv6(text);
  const address = words === undefined ? text : formatIpv6(...words);
  const first = parseIpv4(text);
  if (first === undefined ? words === undefined || words[0] >>> 24 !== 0xff : first >>> 28 !== 14) {
    throw new ControlError("usage", `"${text}" is no group`, "write explain group 239.1.2.3");
  }
  return explainGroup({ address, rows: await rows("groups"), cores });
}

async function stp({ rows }: Asked, [bridge = "", channel]: string[]): Promise<string[]> {
  const found = await rows("stp", { bridge });
  if (channel === undefined) return explainStp({ rows: found, events: [] });
  if (!found.some((row) => row["channel"] === channel)) {
    const hint = `show stp --bridge ${bridge} lists them`;
    throw new ControlError("not-found", `"${channel}" is no channel of ${bridge}`, hint);
  }
  const subject = `stp ${channel}`;
  const events = await rows("events", { subject });
  // The filter finds p10 for p1, too.
  return explainStp({
    rows: found,
    channel,
    events: events.filter((row) => row["subject"] === subject),
  });
}

async function lacp({ rows }: Asked, [name = ""]: string[]): Promise<string[]> {
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
  return explainLacp({ channel, lacp: await rows("lacp", { channel: name }), config });
}
