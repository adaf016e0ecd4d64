// What snooping and protection of a bridge mean together: timers that fit each other, queries that have a source,
// options that would do nothing.

import type { BridgeSection, Configuration } from "./configuration.ts";
import type { Report } from "./report.ts";
import { formatDuration } from "./words.ts";

export function checkProtection(
  name: string,
  bridge: BridgeSection,
  config: Configuration,
  report: Report,
): void {
  checkSnooping(name, bridge, config, report);
  for (const [channel, section] of Object.entries(bridge.channels)) {
    const path = ["bridges", name, "channels", channel];
    if (section.isolated && section.community !== undefined) {
      const hint = "an isolated channel reaches nobody of a community: remove one of both";
      report.fault([...path, "community"], "either isolated or a community", hint);
    }
    const storm = section["storm-control"];
    const rates = [storm?.broadcast, storm?.multicast, storm?.["unknown-unicast"]];
    if (storm !== undefined && rates.every((rate) => rate === undefined)) {
      const hint = "write broadcast: 100pps, multicast: ... or unknown-unicast: ...";
      report.fault([...path, "storm-control"], "a rate", hint, "none");
    }
    if (!bridge.snooping.enabled) {
      for (const key of ["fast-leave", "router-port", "max-groups"] as const) {
        if (!report.isWritten([...path, key])) continue;
        report.warn([...path, key], "a bridge that snoops", "the bridge has snooping: false");
      }
    }
  }
}

function checkSnooping(
  name: string,
  { snooping }: BridgeSection,
  config: Configuration,
  report: Report,
): void {
  const path = ["bridges", name, "snooping"];
  const interval = snooping["query-interval"];
  const response = snooping["query-response-interval"];
  // RFC 3376 8.3, RFC 3810 9.3.
  if (response >= interval) {
    const hint = `answers to one query would still come after the next: below ${formatDuration(interval)}`;
    report.fault([...path, "query-response-interval"], "less than query-interval", hint);
  }
  const address = snooping["querier-address"];
  if (address !== undefined && address.ipv4 === undefined) {
    const hint = "MLD queries always come from the link-local address";
    report.fault([...path, "querier-address"], "an IPv4 address", hint);
  }
  if (!snooping.querier || !snooping.enabled || !snooping.igmp || address !== undefined) return;
  const has = Object.values(config.interfaces).some(
    (one) => one.bridge === name && one.addresses.some(({ ipv4 }) => ipv4 !== undefined),
  );
  if (has) return;
  const hint =
    "any other querier beats 0.0.0.0, and some hosts ignore it: write querier-address: 192.0.2.1";
  report.warn([...path, "querier"], "an interface with an IPv4 address, or querier-address", hint);
}
