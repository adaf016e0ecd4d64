// Rings and meshes of bridges, each in a namespace of its own: Linkloom, the kernel's bridge (802.1D-1998) and Open
// vSwitch (STP or RSTP). Every cable can be cut and mended. What each bridge says of itself is read into one form, and
// held against what the standard wants of the whole: one root, costs that add up, one tree.

import { join } from "node:path";
import { startOvs } from "./ovs.ts";
import { type Appliance, type Rig, run, until } from "./rig.ts";

export type Kind = "linkloom" | "kernel" | "ovs-rstp" | "ovs-stp";
export interface BridgeSpec {
  readonly kind: Kind;
  /** A multiple of 4096. */
  readonly priority: number;
  readonly cores?: number;
  /** Linkloom: rstp when left out. */
  readonly protocol?: "rstp" | "stp";
  /** A host gets a port on it. */
  readonly host?: boolean;
  /** Linkloom: options of a device's channel, such as "stp: {edge: on}". */
  readonly options?: Readonly<Record<string, string>>;
}
/** Timers of all bridges of a mesh, in seconds. */
export interface Timers {
  readonly hello: number;
  readonly forwardDelay: number;
  readonly maxAge: number;
}
export const DEFAULT_TIMERS: Timers = { hello: 2, forwardDelay: 15, maxAge: 20 };
/** The shortest that IEEE 802.1D-2004 table 17-1 and 17.14 permit together. */
export const SHORT_TIMERS: Timers = { hello: 1, forwardDelay: 4, maxAge: 6 };

/** A port as its bridge tells it. */
export interface PortView {
  readonly role: string;
  readonly state: string;
  readonly cost: number;
}
export interface View {
  /** Priority in four hex digits, and the address: ids compare as texts. */
  readonly id: string;
  readonly root: string;
  readonly cost: number;
  readonly ports: Readonly<Record<string, PortView>>;
}

interface Cable {
  readonly a: string;
  readonly b: string;
  readonly device: string;
  up: boolean;
}

const KERNEL_STATES = ["disabled", "listening", "learning", "forwarding", "blocking"];
const isForwarding = (port: PortView | undefined): boolean => port?.state === "forwarding";

export class Mesh {
  readonly rig: Rig;
  readonly names: readonly string[];
  readonly cables: Cable[] = [];
  readonly appliances: Map<string, Appliance> = new Map();
  readonly #specs: Readonly<Record<string, BridgeSpec>>;
  readonly #timers: Timers;

  private constructor(rig: Rig, specs: Readonly<Record<string, BridgeSpec>>, timers: Timers) {
    this.rig = rig;
    this.#specs = specs;
    this.#timers = timers;
    this.names = Object.keys(specs);
  }

  /** Makes namespaces and cables ("a-b"), and starts all bridges. */
  static async make(
    rig: Rig,
    specs: Readonly<Record<string, BridgeSpec>>,
    cables: readonly string[],
    timers: Timers = SHORT_TIMERS,
  ): Promise<Mesh> {
    const mesh = new Mesh(rig, specs, timers);
    for (const [index, name] of mesh.names.entries()) {
      await rig.mute(name);
      if (specs[name]?.host !== true) continue;
      await rig.host(`h${name}`);
      await rig.cable(`h${name}`, "eth0", name, "e0");
      await rig.address(`h${name}`, "eth0", `${mesh.address(name)}/24`);
      await rig.in(`h${name}`, "ethtool", "-K", "eth0", "tx", "off");
      await rig.in(
        `h${name}`,
        "ip",
        "link",
        "set",
        "eth0",
        "address",
        `02:00:00:00:00:${10 + index}`,
      );
    }
    for (const [index, text] of cables.entries()) {
      const [a = "", b = ""] = text.split("-");
      const device = `c${index}`;
      await rig.cable(a, device, b, device);
      mesh.cables.push({ a, b, device, up: true });
    }
    // One after the other: a start is all work and no waiting.
    for (const name of mesh.names) await mesh.#start(name);
    return mesh;
  }

  address(name: string): string {
    return `10.8.0.${this.names.indexOf(name) + 1}`;
  }

  /** Names of the bridges with hosts. */
  get hosts(): string[] {
    return this.names.filter((name) => this.#specs[name]?.host === true);
  }

  #devices(name: string): string[] {
    const own = this.cables.filter(({ a, b }) => a === name || b === name);
    const host = this.#specs[name]?.host === true ? ["e0"] : [];
    return [...own.map(({ device }) => device), ...host];
  }

  async #start(name: string): Promise<void> {
    const { kind } = this.#specs[name] as BridgeSpec;
    if (kind === "linkloom") await this.#startLinkloom(name);
    else if (kind === "kernel") await this.#startKernel(name);
    else await this.#startOvs(name, kind === "ovs-rstp" ? "rstp" : "stp");
  }

  async #startLinkloom(name: string): Promise<void> {
    const {
      cores = 2,
      priority,
      protocol = "rstp",
      options = {},
    } = this.#specs[name] as BridgeSpec;
    const { hello, forwardDelay, maxAge } = this.#timers;
    const devices = this.#devices(name);
    const times = `hello-time: ${hello}s, forward-delay: ${forwardDelay}s, max-age: ${maxAge}s`;
    const config = `cores: {count: ${cores}}
ports:
${devices.map((device) => `  ${device}: {driver: packet, interface: ${device}}`).join("\n")}
bridges:
  br0:
    stp: {protocol: ${protocol}, priority: ${priority}, ${times}}
    channels:
${devices.map((device) => `      ${device}: {${options[device] ?? ""}}`).join("\n")}
`;
    this.appliances.set(name, await this.rig.linkloom(name, config));
  }

  async #startKernel(name: string): Promise<void> {
    const { rig } = this;
    const { priority } = this.#specs[name] as BridgeSpec;
    const { hello, forwardDelay, maxAge } = this.#timers;
    const times = ["hello_time", hello, "max_age", maxAge, "forward_delay", forwardDelay];
    const options = times.map((one) => (typeof one === "number" ? String(one * 100) : one));
    const stp = ["stp_state", "1", "priority", String(priority)];
    await rig.in(name, "ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", ...stp);
    await rig.in(name, "ip", "link", "set", "br0", "type", "bridge", ...options);
    for (const device of this.#devices(name)) {
      await rig.in(name, "ip", "link", "set", device, "master", "br0");
    }
    await rig.in(name, "ip", "link", "set", "br0", "up");
  }

  async #startOvs(name: string, protocol: "rstp" | "stp"): Promise<void> {
    const { priority } = this.#specs[name] as BridgeSpec;
    const { hello, forwardDelay, maxAge } = this.#timers;
    const ovs = await startOvs(this.rig, name);
    const other = Object.entries({
      priority,
      "hello-time": hello,
      "forward-delay": forwardDelay,
      "max-age": maxAge,
    });
    const options = other.map(([key, value]) => `other_config:${protocol}-${key}=${value}`);
    const ports = this.#devices(name).flatMap((device) => ["--", "add-port", "br0", device]);
    await ovs("set", "bridge", "br0", `${protocol}_enable=true`, ...options, ...ports);
  }

  // --- cables ----------------------------------------------------------------------------------------------------------

  /** Both ends lose their link: one is set down, the other has no carrier. */
  async cut(index: number): Promise<void> {
    await this.#set(index, false);
  }

  async mend(index: number): Promise<void> {
    await this.#set(index, true);
  }

  async #set(index: number, up: boolean): Promise<void> {
    const cable = this.cables[index] as Cable;
    cable.up = up;
    await this.rig.in(cable.b, "ip", "link", "set", cable.device, up ? "up" : "down");
  }

  // --- what the bridges say ----------------------------------------------------------------------------------------------

  async views(): Promise<Readonly<Record<string, View>>> {
    const all = await Promise.all(
      this.names.map(async (name) => [name, await this.#view(name)] as const),
    );
    return Object.fromEntries(all);
  }

  #view(name: string): Promise<View> {
    const { kind } = this.#specs[name] as BridgeSpec;
    if (kind === "linkloom") return this.#viewLinkloom(name);
    return kind === "kernel" ? this.#viewKernel(name) : this.#viewOvs(name, kind);
  }

  async #viewLinkloom(name: string): Promise<View> {
    const rows = (await this.appliances.get(name)?.show("stp")) ?? [];
    const ports: Record<string, PortView> = {};
    let own = { id: "", root: "", cost: 0 };
    for (const row of rows) {
      const channel = String(row["channel"] ?? "");
      if (channel === "") {
        own = {
          id: idOf(String(row["designated-bridge"])),
          root: idOf(String(row["root"])),
          cost: Number(row["cost"]),
        };
      } else {
        const [role, state] = [String(row["role"]), String(row["state"])];
        const other = ports[channel]?.state ?? state;
        ports[channel] = {
          role,
          state: state === other ? state : "differs between cores",
          cost: Number(row["cost"]),
        };
      }
    }
    return { ...own, ports };
  }

  async #viewKernel(name: string): Promise<View> {
    const files = "port_no state path_cost designated_bridge";
    const text = await this.rig.in(
      name,
      "sh",
      "-c",
      `cd /sys/class/net/br0; echo $(cat bridge/bridge_id bridge/root_id bridge/root_path_cost bridge/root_port)
       for port in brif/*; do cd /sys/class/net/br0/$port; echo $(basename $port) $(cat ${files}); done`,
    );
    const [first = "", ...rest] = text.trim().split("\n");
    const [id = "", root = "", cost = "", rootPort = ""] = first.split(" ");
    const ports: Record<string, PortView> = {};
    for (const line of rest) {
      const [device = "", number = "", state = "", own = "", designated = ""] = line.split(" ");
      const word = KERNEL_STATES[Number(state)] ?? "";
      let role = designated === id ? "designated" : "alternate";
      if (Number(number) === Number(rootPort)) role = "root";
      if (word === "disabled") role = "disabled";
      ports[device] = { role, state: discarding(word), cost: Number(own) };
    }
    return { id, root, cost: Number(cost), ports };
  }

  async #viewOvs(name: string, kind: "ovs-rstp" | "ovs-stp"): Promise<View> {
    const control = join(this.rig.directory, `ovs-${name}`, "vs.ctl");
    const what = kind === "ovs-rstp" ? "rstp/show" : "stp/show";
    const { stdout } = await run("ovs-appctl", ["-t", control, what, "br0"]);
    const id = (from: string): string => {
      const found = new RegExp(`${from} ID:\\s+stp-priority\\s+(\\d+)\\s+stp-system-id\\s+(\\S+)`);
      const [, priority = "0", mac = ""] = found.exec(stdout) ?? [];
      return idOf(`${priority}.${mac}`);
    };
    const ports: Record<string, PortView> = {};
    for (const match of stdout.matchAll(/^ {2}(\w+) +(\w+) +(\w+) +(\d+) +\d+\.\d+/gm)) {
      const [, device = "", role = "", state = "", cost = ""] = match;
      const port = { role: role.toLowerCase(), state: discarding(state.toLowerCase()) };
      ports[device] = { ...port, cost: Number(cost) };
    }
    const cost = Number(/root-path-cost\s+(\d+)/.exec(stdout)?.[1] ?? 0);
    return { id: id("Bridge"), root: id("Root"), cost, ports };
  }

  // --- what must hold ----------------------------------------------------------------------------------------------------

  /** What is not yet as the standard wants it, "" when all is. */
  fault(views: Readonly<Record<string, View>>): string {
    const ids = Object.values(views).map(({ id }) => id);
    const root = [...ids].sort()[0] ?? "";
    const costs = this.#costs(views);
    let tree = 0;
    for (const name of this.names) {
      const view = views[name] as View;
      if (view.root !== root) return `${name} takes ${view.root} for the root, not ${root}`;
      if (view.cost !== costs[name]) return `${name} is at cost ${view.cost}, not ${costs[name]}`;
      const roots = Object.values(view.ports).filter(({ role }) => role === "root").length;
      if (roots !== (view.id === root ? 0 : 1)) return `${name} has ${roots} root ports`;
      const { e0 } = view.ports;
      if (e0 !== undefined && !isForwarding(e0)) return `${name} e0 is ${e0.state}`;
    }
    for (const { a, b, device, up } of this.cables) {
      if (!up) continue;
      const ends = [views[a]?.ports[device], views[b]?.ports[device]];
      const words = ends.map((end) => `${end?.role} ${end?.state}`).join(" / ");
      const roles = ends.map((end) => end?.role);
      if (roles.filter((role) => role === "designated").length !== 1) {
        return `${device} of ${a} and ${b} is ${words}`;
      }
      const isUsed = roles.includes("root");
      if (isUsed !== ends.every(isForwarding)) return `${device} of ${a} and ${b} is ${words}`;
      if (isUsed) tree++;
    }
    return tree === this.names.length - 1 ? "" : `the tree has ${tree} cables`;
  }

  /** The root path cost of every bridge, by the costs of the ports themselves. */
  #costs(views: Readonly<Record<string, View>>): Record<string, number> {
    const root =
      [...this.names].sort((x, y) => (views[x]?.id ?? "").localeCompare(views[y]?.id ?? ""))[0] ??
      "";
    const costs: Record<string, number> = { [root]: 0 };
    for (let round = 0; round < this.names.length; round++) {
      for (const { a, b, device, up } of this.cables) {
        for (const [from, to] of up ? [[a, b] as const, [b, a] as const] : []) {
          const cost = (costs[from] ?? Number.NaN) + (views[to]?.ports[device]?.cost ?? Number.NaN);
          if (to !== root && cost < (costs[to] ?? Number.POSITIVE_INFINITY)) costs[to] = cost;
        }
      }
    }
    return costs;
  }

  /** Waits until all is as the standard wants it; how long it took, in milliseconds. */
  async converge(what: string, millis: number): Promise<number> {
    const began = performance.now();
    let fault = "";
    await until(
      what,
      async () => {
        fault = this.fault(await this.views());
        return fault === "";
      },
      millis,
    ).catch((error: unknown) => {
      throw new Error(`${what}: ${fault}`, { cause: error });
    });
    return performance.now() - began;
  }

  /** Frames that each host has received since it was made. */
  async received(): Promise<number[]> {
    const file = "/sys/class/net/eth0/statistics/rx_packets";
    return Promise.all(
      this.hosts.map(async (name) => Number(await this.rig.in(`h${name}`, "cat", file))),
    );
  }

  /**
   * Waits until every host reaches every other, each request answered once: tables may hold old places for as long as
   * the topology change takes to get round, and old STP ages them by its forward delay.
   */
  async data(millis: number): Promise<void> {
    await Promise.all(
      this.hosts.map(async (from) => {
        for (const to of this.hosts) if (from !== to) await this.#reach(from, to, millis);
      }),
    );
  }

  async #reach(from: string, to: string, millis: number): Promise<void> {
    const words = ["-n", "-c", "2", "-i", "0.02", "-w", "2", this.address(to)];
    let last = "";
    await until(
      `answers from ${to} to ${from}`,
      async () => {
        last = (await this.rig.try(`h${from}`, "ping", ...words)).stdout;
        if (last.includes("DUP!")) throw new Error(`frames came twice: ${last}`);
        return / 0% packet loss/.test(last);
      },
      millis,
    );
  }

  /** Cuts and mends every cable in turn; each time one tree must come of it, and data flow. Tells the times. */
  async cutAll(tell: (text: string) => void, millis: number): Promise<void> {
    for (const [index, { a, b }] of this.cables.entries()) {
      const before = await this.received();
      await this.cut(index);
      const cut = await this.converge(`the tree without ${a}-${b}`, millis);
      await this.data(millis);
      await this.mend(index);
      const mended = await this.converge(`the tree with ${a}-${b} again`, millis);
      await this.data(millis);
      const after = await this.received();
      const most = Math.max(...after.map((frames, n) => frames - (before[n] ?? 0)));
      tell(
        `${a}-${b}: cut ${Math.round(cut)} ms, mended ${Math.round(mended)} ms, ${most} frames to a host`,
      );
      // A storm is hundreds of thousands of them in a second.
      if (most > STORM) throw new Error(`a host received ${most} frames: a storm`);
    }
  }
}

/** Frames that a host may get in one cut and repair: pings, ARP, BPDUs; far above them, far below a storm. */
const STORM = 5000;

/** Old words for states: what neither learns nor forwards. */
const discarding = (state: string): string =>
  ["listening", "blocking", "disabled"].includes(state) ? "discarding" : state;

/** "32768.02:aa:00:00:00:01" as the kernel writes it: 8000.02aa00000001. */
function idOf(text: string): string {
  const [priority = "", mac = ""] = text.split(".");
  return `${Number(priority).toString(16).padStart(4, "0")}.${mac.replaceAll(":", "")}`;
}
