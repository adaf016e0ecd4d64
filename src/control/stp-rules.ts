// What the spanning tree of a bridge means together: priorities in their steps, times that the standard permits beside
// each other, guards that contradict each other.

import { timesFit } from "../stp/config.ts";
import type { BridgeChannelSection, BridgeSection } from "./configuration.ts";
import type { Report } from "./report.ts";
import type { Path } from "./source.ts";
import { formatDuration } from "./words.ts";

/** IEEE 802.1D-2004 table 17-2: the low bits of both identifiers are other things. */
const BRIDGE_STEP = 4096;
const PORT_STEP = 16;
/** Table 17-1: the longest hello time of RSTP; 802.1D-1998 has ten seconds. */
const RSTP_HELLO = 2000;

export function checkSpanningTree(name: string, bridge: BridgeSection, report: Report): void {
  const { stp } = bridge;
  const path = ["bridges", name, "stp"];
  checkStep([...path, "priority"], stp.priority, BRIDGE_STEP, 61_440, report);
  if (stp.protocol !== "off") checkTimes(path, stp, report);
  for (const [channel, section] of Object.entries(bridge.channels)) {
    const at = ["bridges", name, "channels", channel, "stp"];
    if (section.stp === undefined) continue;
    if (stp.protocol === "off") {
      const hint = `the bridge has stp: {protocol: off}: its channels' options do nothing`;
      report.warn(at, "a spanning tree beside options of it", hint, "its options");
    }
    checkStep([...at, "priority"], section.stp.priority, PORT_STEP, 240, report);
    checkGuards(at, section.stp, report);
  }
}

function checkStep(at: Path, value: number, step: number, most: number, report: Report): void {
  if (value % step === 0) return;
  const near = Math.min(most, Math.round(value / step) * step);
  report.fault(at, `a multiple of ${step}, 0 to ${most}`, `the nearest is ${near}`);
}

/** 17.14: a bridge must not forget what is still on its way. */
function checkTimes(path: Path, stp: BridgeSection["stp"], report: Report): void {
  const { protocol, "hello-time": hello, "forward-delay": delay, "max-age": age } = stp;
  if (protocol === "rstp" && hello > RSTP_HELLO) {
    const hint =
      "rapid spanning tree says hello every 1 to 2 seconds; protocol: stp takes up to 10s";
    report.fault([...path, "hello-time"], "1s to 2s", hint);
  } else if (!timesFit(hello, delay, age)) {
    const least = 2 * (hello + 1000);
    const most = 2 * (delay - 1000);
    const sum = `2 * (forward-delay - 1s) >= max-age >= 2 * (hello-time + 1s)`;
    const fits = least <= most;
    const expected = fits
      ? `${formatDuration(least)} to ${formatDuration(most)} beside the other times`
      : "times that go together";
    const hint = fits ? sum : `${sum}: raise forward-delay`;
    const key = (["max-age", "forward-delay", "hello-time"] as const).find((one) =>
      report.isWritten([...path, one]),
    );
    const at = fits ? "max-age" : (key ?? "forward-delay");
    report.fault([...path, at], expected, hint, formatDuration(stp[at]));
  }
}

function checkGuards(
  at: Path,
  stp: NonNullable<BridgeChannelSection["stp"]>,
  report: Report,
): void {
  if (stp["root-guard"] && stp["loop-guard"]) {
    const hint = "root-guard says that no way to the root is there, loop-guard that one is";
    report.fault([...at, "loop-guard"], "either root-guard or loop-guard", hint, "both");
  }
  if (stp["bpdu-filter"] && stp["bpdu-guard"]) {
    const hint = "bpdu-filter takes no BPDU, so bpdu-guard never sees one";
    report.warn([...at, "bpdu-guard"], "either bpdu-filter or bpdu-guard", hint, "both");
  }
  if (stp.edge === true && stp["loop-guard"]) {
    const hint = "behind an edge nobody sends BPDUs that could fall silent";
    report.warn([...at, "loop-guard"], "edge: auto or off beside loop-guard", hint, "edge: on");
  }
}
