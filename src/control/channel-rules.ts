// What the file's `channels` mean: members that are there and few enough, limits that can be met, and keys that keep
// two aggregates of one system apart.

import { keyOf } from "./aggregation.ts";
import type { ChannelSection, Configuration } from "./configuration.ts";
import type { Report } from "./report.ts";

/** Members of one channel: what max-links allows at most. */
const MAX_MEMBERS = 16;

export function checkChannels(config: Configuration, report: Report): void {
  const taken = new Map<string, string>();
  for (const [name, channel] of Object.entries(config.channels)) {
    checkMembers(name, channel, report);
    if (channel.mode !== "lacp") {
      if (channel.lacp === undefined) continue;
      const hint = "write mode: lacp, or remove the options";
      report.warn(
        ["channels", name, "lacp"],
        "mode: lacp beside options of LACP",
        hint,
        channel.mode,
      );
      continue;
    }
    const key = keyOf(name, channel);
    const system = channel.lacp?.["system-id"] ?? "auto";
    const place = `${channel.lacp?.["system-priority"] ?? ""} ${system} ${key}`;
    const other = taken.get(place);
    if (other !== undefined) {
      const hint = `${other} has key ${key} too; a partner would take both for one aggregate: write lacp: {key: N}`;
      report.fault(["channels", name], "a key of its own", hint, `key ${key}`);
    }
    taken.set(place, name);
  }
}

function checkMembers(name: string, channel: ChannelSection, report: Report): void {
  const path = ["channels", name];
  const { members } = channel;
  if (members.length === 0 && !report.isWritten([...path, "members"])) return;
  if (members.length === 0 || members.length > MAX_MEMBERS) {
    const found = members.length === 0 ? "none" : `${members.length} members`;
    report.fault([...path, "members"], `1 to ${MAX_MEMBERS} ports`, "", found);
  } else if (channel["min-links"] > members.length) {
    const expected = `at most the number of members, ${members.length}`;
    report.fault([...path, "min-links"], expected, "else the channel never comes up");
  }
}
