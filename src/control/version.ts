// What the configuration may say and this version does not do yet. What would silently not work is a fault; what can
// be left undone without harm is a warning.

import type { Configuration } from "./configuration.ts";
import type { Report } from "./report.ts";

const ABSENT = "something that this version has";
const LATER = "not in this version";

/** Reports the parts of the specification that this version lacks. */
export function checkVersion(config: Configuration, report: Report): void {
  for (const [name, port] of Object.entries(config.ports)) {
    if (port.driver !== "xdp") continue;
    report.fault(["ports", name, "driver"], ABSENT, `AF_XDP is ${LATER}: write driver: packet`);
  }
}
