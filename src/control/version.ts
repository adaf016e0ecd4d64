// What the configuration may say and this version does not do yet. What would silently not work is a fault; what can
// be left undone without harm is a warning.

import type { BridgeSection, Configuration } from "./configuration.ts";
import type { Report } from "./report.ts";

const ABSENT = "something that this version has";
const LATER = "not in this version";

/** Reports the parts of the specification that this version lacks. */
export function checkVersion(config: Configuration, report: Report): void {
  for (const [name, port] of Object.entries(config.ports)) {
    if (port.driver !== "xdp") continue;
    report.fault(["ports", name, "driver"], ABSENT, `AF_XDP is ${LATER}: write driver: packet`);
  }
  for (const name of report.names("virtual-routers")) {
    report.fault(
      ["virtual-routers", name],
      ABSENT,
      `virtual routers are ${LATER}`,
      "a virtual router",
    );
  }
  for (const [name, bridge] of Object.entries(config.bridges)) checkBridge(name, bridge, report);
  if (config.api !== undefined) {
    report.warn(
      ["api"],
      ABSENT,
      `HTTP is ${LATER}: the control socket serves the API`,
      "an API on HTTP",
    );
  }
}

function checkBridge(name: string, bridge: BridgeSection, report: Report): void {
  const path = ["bridges", name];
  const hint = `spanning tree is ${LATER}: write stp: {protocol: off}, and make no loops`;
  const protocol = bridge.stp?.protocol;
  if (protocol === undefined && !report.isWritten([...path, "stp"])) {
    report.warn(path, "a word on spanning tree", `without one it is off for now: ${hint}`, "none");
  } else if (protocol !== undefined && protocol !== "off") {
    const written = report.isWritten([...path, "stp", "protocol"]);
    report.fault(
      written ? [...path, "stp", "protocol"] : [...path, "stp"],
      ABSENT,
      hint,
      `"${protocol}"`,
    );
  }
  for (const [channel, section] of Object.entries(bridge.channels)) {
    const at = [...path, "channels", channel];
    const guards = (["bpdu-guard", "root-guard"] as const).filter((guard) => section.stp?.[guard]);
    for (const guard of guards) report.fault([...at, "stp", guard], ABSENT, `${guard} is ${LATER}`);
    if (section.stp !== undefined && guards.length === 0) {
      report.warn([...at, "stp"], ABSENT, `spanning tree is ${LATER}`, "its options");
    }
    if (section["mac-limit"] !== undefined) {
      report.fault([...at, "mac-limit"], ABSENT, `a limit of stations per channel is ${LATER}`);
    }
  }
}
