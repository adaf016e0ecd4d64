// What the parts of a configuration mean together: names that exist, ports with one user, VLANs that are carried,
// addresses that fit. Each check reports and goes on.

import { planLayout } from "../core/layout.ts";
import { MAX_PORTS } from "../engine/counter.ts";
import { PAGE, Planner } from "../lib/arena.ts";
import { MAX_RULES } from "../steering/rules.ts";
import { checkAddressing } from "./addressing.ts";
import { checkChannels } from "./channel-rules.ts";
import type {
  BridgeChannelSection,
  BridgeSection,
  Configuration,
  RuleSection,
} from "./configuration.ts";
import { checkProtection } from "./protection-rules.ts";
import type { Report } from "./report.ts";
import { checkVirtualRouters } from "./router-rules.ts";
import type { Path } from "./source.ts";
import { checkSpanningTree } from "./stp-rules.ts";
import { nearest } from "./words.ts";

/** Runs every check of meaning. */
export function checkMeaning(config: Configuration, report: Report): void {
  checkNames(report);
  checkCores(config, report);
  checkPorts(config, report);
  checkUsers(config, report);
  checkChannels(config, report);
  for (const [name, bridge] of Object.entries(config.bridges)) {
    checkBridge(name, bridge, report);
    checkSpanningTree(name, bridge, report);
    checkProtection(name, bridge, config, report);
  }
  checkInterfaces(config, report);
  checkAddressing(config, report);
  checkVirtualRouters(config, report);
  const { rules } = config.steering;
  for (const [index, rule] of rules.entries()) checkRule(config, rule, index, report);
  if (rules.length > MAX_RULES) {
    const hint = "with more the kernel does not steer, and every core looks at every rule itself";
    report.warn(["steering", "rules"], `at most ${MAX_RULES} rules`, hint, String(rules.length));
  }
  checkCache(config, report);
}

/** A size that is written must hold what the cores share at least (CORE-10). */
function checkCache(config: Configuration, report: Report): void {
  const path = ["global-cache", "size"];
  const planner = new Planner();
  planLayout(planner, config.cores.count, config["global-cache"].size);
  if (!report.isWritten(path) || planner.size - PAGE <= config["global-cache"].size) return;
  const least = Math.ceil(planner.size / 1024 ** 2);
  report.fault(path, `at least ${least}MiB for ${config.cores.count} cores`);
}

/** Names stand in commands, paths of the API and metrics, so they are one word. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_./:@-]{0,31}$/;

function checkNames(report: Report): void {
  for (const section of ["ports", "channels", "bridges", "interfaces", "virtual-routers"]) {
    for (const name of report.names(section)) {
      if (NAME.test(name)) continue;
      const expected = "a name of letters, digits and _ . / : @ -, at most 32";
      report.fault([section, name], expected, "", JSON.stringify(name).slice(0, 40));
    }
  }
  const ports = report.names("ports");
  for (const name of report.names("channels")) {
    if (!ports.includes(name)) continue;
    const hint = "a port that is in no channel is a channel of its own name";
    report.fault(["channels", name], "a name that no port has", hint, `the name of a port`);
  }
}

function checkCores(config: Configuration, report: Report): void {
  const { count, priorities } = config.cores;
  const expected = `a core of this appliance, 0 to ${count - 1}`;
  for (const name of Object.keys(priorities)) {
    if (/^\d{1,2}$/.test(name) && Number(name) < count) continue;
    report.fault(["cores", "priorities", name], expected, "", `the priority of core ${name}`);
  }
  for (const role of ["arp", "link"] as const) {
    const core = config.roles[role];
    if (core !== "auto" && core >= count) report.fault(["roles", role], expected);
  }
  for (const [job, core] of Object.entries(config.steering.functions)) {
    if (core !== undefined && core >= count) report.fault(["steering", "functions", job], expected);
  }
  for (const [name, port] of Object.entries(config.ports)) {
    if (port.core !== undefined && port.core >= count)
      report.fault(["ports", name, "core"], expected);
  }
  const slices = config.steering.scheme === "time-slice";
  if (!report.isWritten(["steering", "unit"])) return;
  if (slices && "frames" in config.steering.unit) {
    report.fault(["steering", "unit"], "a duration, such as 10ms, for time-slice");
  }
  if (config.steering.scheme === "least-load" && "millis" in config.steering.unit) {
    report.fault(["steering", "unit"], "a number of frames for least-load");
  }
}

function checkPorts(config: Configuration, report: Report): void {
  const names = Object.keys(config.ports);
  if (names.length > MAX_PORTS) {
    report.fault(["ports"], `at most ${MAX_PORTS} ports`, "", `${names.length} ports`);
  }
  if (report.names("ports").length === 0) {
    report.warn([], "ports", "without a port no frame comes in", "no ports");
  }
  const taken = new Map<string, string>();
  for (const [name, port] of Object.entries(config.ports)) {
    const things: [string, string][] = [];
    if ("interface" in port) things.push(["interface", port.interface]);
    if (port.driver === "pcap" && port.out !== undefined) things.push(["out", port.out]);
    for (const [key, thing] of things) {
      const other = taken.get(`${key} ${thing}`);
      const path = ["ports", name, key];
      if (other !== undefined)
        report.fault(path, "something that no other port uses", `port ${other} has it`);
      taken.set(`${key} ${thing}`, name);
    }
    if (port.driver === "packet" || port.driver === "xdp") checkKernelLink(name, port, report);
    if (port.driver === "pcap" && port.file === undefined && port.out === undefined) {
      report.fault(["ports", name], "a file to read, or out to write", "", "neither");
    }
  }
}

function checkKernelLink(
  name: string,
  port: { interface: string; force: boolean },
  report: Report,
): void {
  if (report.machine === null) return;
  const links = report.machine.links();
  const path = ["ports", name, "interface"];
  const link = links.get(port.interface);
  if (link === undefined) {
    const known = [...links.keys()].filter((other) => other !== "lo");
    report.require(path, "an interface of this machine", port.interface, known);
  } else if (link.addresses.length > 0 && !port.force) {
    const expected = "an interface without addresses: on this one the kernel answers too";
    const [address] = link.addresses;
    const hint = `ip address del ${address} dev ${port.interface}, or write force: true`;
    report.fault(path, expected, hint, `"${port.interface}" with ${address}`);
  }
}

/** Each port has one user: one channel, one bridge, or interfaces on different VLANs. */
function checkUsers(config: Configuration, report: Report): void {
  const ports = report.names("ports");
  const channels = report.names("channels");
  const user = new Map<string, string>();
  const claim = (thing: string, who: string, path: Path, shares = false): void => {
    const other = user.get(thing);
    if (other !== undefined && !(shares && other === who)) {
      report.fault(path, "a port that nothing else uses", `${other} uses it already`, `"${thing}"`);
    } else user.set(thing, who);
  };
  for (const [name, channel] of Object.entries(config.channels)) {
    for (const [index, member] of channel.members.entries()) {
      const path = ["channels", name, "members", index];
      if (report.require(path, "a port", member, ports)) claim(member, `channel ${name}`, path);
    }
    for (const member of Object.keys(channel["member-options"])) {
      if (channel.members.includes(member)) continue;
      const path = ["channels", name, "member-options", member];
      report.fault(path, "a member of the channel", "", `"${member}"`);
    }
    if (channel["min-links"] > channel["max-links"]) {
      report.fault(["channels", name, "min-links"], `at most max-links, ${channel["max-links"]}`);
    }
  }
  const known = [...channels, ...ports];
  for (const [name, bridge] of Object.entries(config.bridges)) {
    for (const channel of Object.keys(bridge.channels)) {
      const path = ["bridges", name, "channels", channel];
      if (requireNamed(report, path, channel, known)) claim(channel, `bridge ${name}`, path);
    }
  }
  for (const [name, { channel }] of Object.entries(config.interfaces)) {
    if (channel === undefined) continue;
    const path = ["interfaces", name, "channel"];
    const what = "a channel or a port";
    if (report.require(path, what, channel, known)) claim(channel, "an interface", path, true);
  }
  for (const port of Object.keys(config.ports)) {
    if (user.has(port) || config.ports[port]?.driver === "xdp") continue;
    const hint = "put it on a bridge, or an interface on it; its frames are dropped";
    report.warn(["ports", port], "a user of the port", hint, "none");
  }
}

/** As report.require, for a name that stands as a key. */
function requireNamed(report: Report, path: Path, name: string, known: readonly string[]): boolean {
  if (known.includes(name)) return true;
  const near = nearest(name, known);
  const hint = near === "" ? "define it under ports or channels" : `did you mean "${near}"?`;
  report.fault(path, "the name of a channel or a port", hint, `"${name}"`);
  return false;
}

function checkBridge(name: string, bridge: BridgeSection, report: Report): void {
  const path = ["bridges", name];
  if (Object.keys(bridge.channels).length === 0 && !report.isWritten([...path, "channels"])) {
    report.warn(path, "channels", "a bridge without channels carries nothing", "none");
  }
  if (bridge["probe-limit"] > bridge["table-size"]) {
    report.fault([...path, "probe-limit"], `at most the table-size, ${bridge["table-size"]}`);
  }
  for (const [channel, section] of Object.entries(bridge.channels)) {
    const at = [...path, "channels", channel];
    const wrong =
      section.mode === "access"
        ? (["native-vlan", "trunk-vlans"] as const)
        : (["access-vlan"] as const);
    const other = section.mode === "access" ? "trunk" : "access";
    for (const key of wrong) {
      if (section[key] === undefined) continue;
      const hint = `write mode: ${other}, or remove the key`;
      report.fault([...at, key], `no ${key} on a channel of mode ${section.mode}`, hint);
    }
  }
  const seen = new Set<string>();
  for (const [index, { mac, vlan, channel }] of bridge.static.entries()) {
    const at = [...path, "static", index];
    const section = bridge.channels[channel];
    if (section === undefined) {
      report.require(
        [...at, "channel"],
        "a channel of the bridge",
        channel,
        Object.keys(bridge.channels),
      );
    } else if (!carries(section, vlan)) {
      report.fault([...at, "vlan"], `a VLAN that ${channel} carries`);
    }
    if (seen.has(`${mac} ${vlan}`)) report.fault([...at, "mac"], "each station once in a VLAN");
    seen.add(`${mac} ${vlan}`);
  }
}

/** True when a channel of a bridge is a member of the VLAN; a trunk without a list carries all. */
export function carries(channel: BridgeChannelSection, vlan: number): boolean {
  if (channel.mode === "access") return (channel["access-vlan"] ?? 1) === vlan;
  const native = channel["native-vlan"] ?? 1;
  return native === vlan || (channel["trunk-vlans"]?.includes(vlan) ?? true);
}

function checkInterfaces(config: Configuration, report: Report): void {
  const taken = new Map<string, string>();
  for (const [name, iface] of Object.entries(config.interfaces)) {
    const path = ["interfaces", name];
    const { bridge, channel } = iface;
    if ((bridge === undefined) === (channel === undefined)) {
      const found = bridge === undefined ? "neither" : "both";
      const expected = "either bridge or channel";
      // A faulty key was cut out and is reported already.
      if (
        found === "both" ||
        !(report.isWritten([...path, "bridge"]) || report.isWritten([...path, "channel"]))
      ) {
        report.fault(path, expected, "an interface sits on one bridge, or on one channel", found);
      }
      if (bridge !== undefined) {
        report.require([...path, "bridge"], "a bridge", bridge, report.names("bridges"));
      }
      continue;
    }
    const vlan = iface.vlan ?? (bridge === undefined ? 0 : 1);
    const place = `${bridge === undefined ? "channel" : "bridge"} ${bridge ?? channel} VLAN ${vlan}`;
    const other = taken.get(place);
    if (other !== undefined) {
      const hint = `${other} is the interface of ${place}; give it both addresses`;
      report.fault(path, "one interface for each VLAN", hint, `a second one, "${name}"`);
    }
    taken.set(place, name);
    if (bridge !== undefined) checkOnBridge(config, name, bridge, vlan, report);
  }
}

function checkOnBridge(
  config: Configuration,
  name: string,
  bridge: string,
  vlan: number,
  report: Report,
): void {
  const path = ["interfaces", name];
  if (!report.require([...path, "bridge"], "a bridge", bridge, report.names("bridges"))) return;
  const channels = Object.values(config.bridges[bridge]?.channels ?? {});
  if (channels.length === 0 || channels.some((channel) => carries(channel, vlan))) return;
  const hint = `add ${vlan} to a trunk, or an access channel of VLAN ${vlan}`;
  report.fault([...path, "vlan"], `a VLAN that a channel of ${bridge} carries`, hint, String(vlan));
}

/** IP protocols with ports. */
const WITH_PORTS: readonly (number | undefined)[] = [6, 17, 132];

function checkRule(config: Configuration, rule: RuleSection, index: number, report: Report): void {
  const path = ["steering", "rules", index];
  const { core, role, ...fields } = rule;
  if (Object.values(fields).every((field) => field === undefined)) {
    report.fault(path, "a field to match, such as ether-type or destination", "", "none");
  }
  if ((core === undefined) === (role === undefined)) {
    const written = report.isWritten([...path, "core"]) || report.isWritten([...path, "role"]);
    const both = core !== undefined;
    if (both || !written) report.fault(path, "either core or role", "", both ? "both" : "neither");
  }
  if (core !== undefined && core >= config.cores.count) {
    report.fault([...path, "core"], `a core of this appliance, 0 to ${config.cores.count - 1}`);
  }
  if (rule.port !== undefined)
    report.require([...path, "port"], "a port", rule.port, report.names("ports"));
  const ports = rule["source-port"] !== undefined || rule["destination-port"] !== undefined;
  if (ports && !WITH_PORTS.includes(rule.protocol) && !report.isWritten([...path, "protocol"])) {
    report.fault(path, "protocol: tcp or udp beside a port", "", "no protocol");
  } else if (ports && rule.protocol !== undefined && !WITH_PORTS.includes(rule.protocol)) {
    report.fault([...path, "protocol"], "tcp, udp or sctp beside a port");
  }
  const { source, destination } = rule;
  if (source !== undefined && destination !== undefined) {
    const mixed = (source.ipv4 === undefined) !== (destination.ipv4 === undefined);
    if (mixed) report.fault([...path, "destination"], "an address of the same family as source");
  }
}
