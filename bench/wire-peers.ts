// The forwarders that the wire bench compares, each between two interfaces of one namespace: Linkloom, the kernel's
// bridge, Open vSwitch in user space, DPDK's testpmd. One is started, measured and stopped before the next.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** Where a forwarder runs. */
export interface Place {
  readonly namespace: string;
  readonly ports: readonly [string, string];
  /** The CPU that it may use, -1 = all. */
  readonly cpu: number;
}

export interface Forwarder {
  readonly name: string;
  /** Starts it and waits until it forwards. Returns its process, or none for the kernel. */
  start(place: Place): Promise<ChildProcess | null>;
  stop(place: Place, child: ChildProcess | null): Promise<void>;
}

export function inNamespace(namespace: string, words: readonly string[]): string {
  return execFileSync("ip", ["netns", "exec", namespace, ...words], {
    encoding: "utf8",
    stdio: "pipe",
  });
}

/** Runs a program in the namespace, on the place's CPU. */
function launch({ namespace, cpu }: Place, words: readonly string[], log: string[]): ChildProcess {
  const pinned = cpu < 0 ? words : ["taskset", "-c", `${cpu}`, ...words];
  const child = spawn("ip", ["netns", "exec", namespace, ...pinned], {
    // testpmd and Open vSwitch end when their input does.
    stdio: ["pipe", "pipe", "pipe"],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => log.push(text));
  }
  return child;
}

async function until(
  what: string,
  child: ChildProcess,
  log: readonly string[],
  isDone: () => boolean,
): Promise<void> {
  for (let waited = 0; waited < 15_000; waited += 50) {
    if (isDone()) return;
    await sleep(50);
  }
  child.kill("SIGKILL");
  throw new Error(`${what} did not start: ${log.join("").slice(-2000)}`);
}

async function end(child: ChildProcess | null): Promise<void> {
  if (child === null || child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
  await ended;
  clearTimeout(timer);
}

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

/** Linkloom with one core: learning, VLANs and statistics on. */
export function linkloom(idle: "sleep" | "poll"): Forwarder {
  let folder = "";
  return {
    name: `linkloom, ${idle}`,
    async start(place) {
      folder = mkdtempSync(join(tmpdir(), "linkloom-bench-"));
      const [one, other] = place.ports;
      writeFileSync(
        join(folder, "wire.yaml"),
        `cores: {count: 1, idle: ${idle}}
ports:
  p0: {driver: packet, interface: ${one}}
  p1: {driver: packet, interface: ${other}}
bridges:
  br0:
    table-size: 16384
    stp: {protocol: "off"}
    channels:
      p0: {mode: access, access-vlan: 10}
      p1: {mode: access, access-vlan: 10}
`,
      );
      const log: string[] = [];
      const words = [process.execPath, MAIN, "run", "-c", join(folder, "wire.yaml")];
      const child = launch(place, [...words, "--socket", join(folder, "control.sock")], log);
      await until("linkloom", child, log, () => log.join("").includes("ready"));
      return child;
    },
    async stop(_place, child) {
      await end(child);
      rmSync(folder, { recursive: true });
    },
  };
}

export const kernelBridge: Forwarder = {
  name: "kernel bridge",
  start({ namespace, ports }) {
    const ip = (...words: string[]): string => inNamespace(namespace, ["ip", "link", ...words]);
    ip("add", "br0", "type", "bridge");
    for (const port of ports) ip("set", port, "master", "br0");
    ip("set", "br0", "up");
    return Promise.resolve(null);
  },
  stop({ namespace }) {
    inNamespace(namespace, ["ip", "link", "del", "br0"]);
    return Promise.resolve();
  },
};

/** testpmd's plain forwarding between two AF_PACKET devices with rings as deep as ours. */
export const testpmd: Forwarder = {
  name: "testpmd io, net_af_packet",
  async start(place) {
    const log: string[] = [];
    const devices = place.ports.map(
      (port, index) =>
        `--vdev=net_af_packet${index},iface=${port},blocksz=65536,framesz=2048,framecnt=1024,qpairs=1`,
    );
    const cpus = place.cpu < 0 ? "0,1" : `0,${place.cpu}`;
    // Into a pipe it would say nothing before its buffer is full.
    const words = [
      "stdbuf",
      "-oL",
      "dpdk-testpmd",
      "-l",
      cpus,
      "--no-huge",
      "-m",
      "256",
      "--no-pci",
      "--no-telemetry",
    ];
    const prefix = `linkloom-bench-${process.pid}`;
    const options = ["--forward-mode=io", "--auto-start", "-a", "--total-num-mbufs=16384"];
    // It pins its own threads.
    const child = launch(
      { ...place, cpu: -1 },
      [...words, "--file-prefix", prefix, ...devices, "--", ...options],
      log,
    );
    await until("testpmd", child, log, () =>
      /Press enter to exit|start packet forwarding/.test(log.join("")),
    );
    await sleep(1000);
    return child;
  },
  stop: (_place, child) => end(child),
};

/** Open vSwitch's user-space datapath over system ports, with its learning switch. */
export function openVswitch(): Forwarder {
  let folder = "";
  let database: ChildProcess | null = null;
  return {
    name: "Open vSwitch, netdev",
    async start(place) {
      folder = mkdtempSync(join(tmpdir(), "linkloom-ovs-"));
      const at = (file: string): string => join(folder, file);
      const environment = [
        "env",
        `OVS_RUNDIR=${folder}`,
        `OVS_LOGDIR=${folder}`,
        `OVS_DBDIR=${folder}`,
      ];
      const log: string[] = [];
      execFileSync("ovsdb-tool", [
        "create",
        at("conf.db"),
        "/usr/share/openvswitch/vswitch.ovsschema",
      ]);
      const remote = `unix:${at("db.sock")}`;
      database = launch(
        { ...place, cpu: -1 },
        [
          ...environment,
          "ovsdb-server",
          at("conf.db"),
          `--remote=p${remote}`,
          `--unixctl=${at("db.ctl")}`,
        ],
        log,
      );
      const vsctl = (...words: string[]): string =>
        inNamespace(place.namespace, ["ovs-vsctl", "--no-wait", `--db=${remote}`, ...words]);
      await until("ovsdb-server", database, log, () => {
        try {
          vsctl("init");
          return true;
        } catch {
          return false;
        }
      });
      const child = launch(
        place,
        [...environment, "ovs-vswitchd", remote, `--unixctl=${at("vs.ctl")}`, "-vconsole:warn"],
        log,
      );
      vsctl("add-br", "ovs0", "--", "set", "bridge", "ovs0", "datapath_type=netdev");
      for (const port of place.ports) vsctl("add-port", "ovs0", port);
      await sleep(3000);
      return child;
    },
    async stop({ namespace }, child) {
      await end(child);
      await end(database);
      // It leaves its bridge's TAP behind.
      spawnSync("ip", ["-n", namespace, "link", "del", "ovs0"]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
