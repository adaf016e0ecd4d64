// Forwarding between two kernel interfaces, Linkloom beside others: topology  g0 -- d0 [forwarder] d1 -- s0  of veth
// pairs in three namespaces, one generator for all (native/traffic.c), rounds interleaved, medians. Needs root, gcc,
// ip, iperf3, ping; testpmd and Open vSwitch take part where they are installed.
//
//   node bench/wire.ts [--rounds 5] [--seconds 3] [--length 60] [--stations 4096] [--only flood,drain,tcp,ping]

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { median, option, spread } from "./measure.ts";
import {
  type Forwarder,
  inNamespace,
  kernelBridge,
  linkloom,
  openVswitch,
  type Place,
  testpmd,
} from "./wire-peers.ts";

const ROUNDS = option("rounds", 5);
const SECONDS = option("seconds", 3);
const LENGTH = option("length", 60);
const STATIONS = option("stations", 4096);
/**
 * Frames that wait in the ring when a stopped forwarder is continued: fewer than the smallest ring and
 * the kernel's backlog hold.
 */
const WAITING = 960;
const PINGS = 1000;

const [SOURCE, MIDDLE, SINK] = ["g", "d", "s"].map((name) => `ll-bench-${name}-${process.pid}`) as [
  string,
  string,
  string,
];
const folder = mkdtempSync(join(tmpdir(), "linkloom-bench-"));
const traffic = join(folder, "traffic");
/** The generator's CPU, and the forwarder's. */
const [GENERATOR, FORWARDER] = [0, 1];

function only(name: string): boolean {
  const at = process.argv.indexOf("--only");
  return at < 0 || (process.argv[at + 1] ?? "").split(",").includes(name);
}

function prepare(): void {
  const source = fileURLToPath(new URL("./native/traffic.c", import.meta.url));
  execFileSync("gcc", ["-O2", "-o", traffic, source]);
  for (const namespace of [SOURCE, MIDDLE, SINK]) {
    execFileSync("ip", ["netns", "add", namespace]);
    // So that nobody but the bench sends.
    for (const which of ["all", "default"]) {
      inNamespace(namespace, ["sysctl", "-qw", `net.ipv6.conf.${which}.disable_ipv6=1`]);
    }
  }
  const ip = (...words: string[]): void => void execFileSync("ip", words);
  ip("link", "add", "g0", "netns", SOURCE, "type", "veth", "peer", "name", "d0", "netns", MIDDLE);
  ip("link", "add", "s0", "netns", SINK, "type", "veth", "peer", "name", "d1", "netns", MIDDLE);
  for (const [namespace, name] of [
    [SOURCE, "g0"],
    [MIDDLE, "d0"],
    [MIDDLE, "d1"],
    [SINK, "s0"],
  ] as const) {
    ip("-n", namespace, "link", "set", name, "up");
  }
  ip("-n", SOURCE, "addr", "add", "192.0.2.1/24", "dev", "g0");
  ip("-n", SINK, "addr", "add", "192.0.2.2/24", "dev", "s0");
}

function clean(): void {
  for (const namespace of [SOURCE, MIDDLE, SINK]) spawnSync("ip", ["netns", "del", namespace]);
  rmSync(folder, { recursive: true });
}

interface Sent {
  readonly sent: number;
  readonly seconds: number;
}

/** A flood comes in by d0 as from its driver, a burst by way of g0. */
function generate(mode: "flood" | "burst", amount: number): Sent {
  const [namespace, name] = mode === "flood" ? [MIDDLE, "d0"] : [SOURCE, "g0"];
  const words = [name, mode, amount, LENGTH, STATIONS, GENERATOR].map(String);
  return JSON.parse(inNamespace(namespace, [traffic, ...words])) as Sent;
}

/** Frames that reached the sink since it exists. */
function arrived(): number {
  return Number(inNamespace(SINK, ["cat", "/sys/class/net/s0/statistics/rx_packets"]));
}

/** Thousands of frames a second at the sink under a flood, and what was offered. */
async function flood(): Promise<{ out: number; offered: number }> {
  const before = arrived();
  const { sent, seconds } = generate("flood", SECONDS);
  await sleep(200);
  return { out: (arrived() - before) / seconds / 1000, offered: sent / seconds / 1000 };
}

/** The process that forwards: the child of `ip netns exec` is the program itself, since it replaces itself. */
const processOf = (child: ChildProcess): number => child.pid as number;

/** CPU time of each thread of a process, in ticks. */
function threadTimes(pid: number): Map<string, number> {
  const times = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "latin1");
    const words = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    times.set(thread, Number(words[11]) + Number(words[12]));
  }
  return times;
}

/**
 * Warms the forwarder up (whoever compiles while it runs has done so after this), and leaves its CPU to the one thread
 * that forwards: the others would be woken there when the process is continued.
 */
function warmUp(child: ChildProcess | null): void {
  const before = child === null ? new Map<string, number>() : threadTimes(processOf(child));
  generate("flood", 1);
  if (child === null) return;
  const spent = [...threadTimes(processOf(child))].map(
    ([thread, time]) => [thread, time - (before.get(thread) ?? 0)] as const,
  );
  spent.sort(([, one], [, other]) => other - one);
  for (const [thread] of spent.slice(1)) {
    spawnSync("taskset", ["-pc", `${GENERATOR}`, thread], { stdio: "ignore" });
  }
}

/**
 * Thousands of frames a second that a forwarder passes on by itself, with nobody sending meanwhile;
 * NaN when it lost some.
 */
function drain(child: ChildProcess): number {
  const pid = processOf(child);
  process.kill(pid, "SIGSTOP");
  generate("burst", WAITING);
  const words = [traffic, "s0", "drain", `${WAITING}`, `${pid}`, "0", `${GENERATOR}`];
  const { sent, seconds } = JSON.parse(inNamespace(SINK, words)) as Sent;
  return sent < WAITING ? Number.NaN : sent / seconds / 1e3;
}

/** Gbit/s of one TCP connection with the interfaces' default offloads. */
async function tcp(): Promise<number> {
  const server = spawn("ip", ["netns", "exec", SINK, "iperf3", "-s", "-1"], { stdio: "ignore" });
  await sleep(300);
  const text = inNamespace(SOURCE, ["iperf3", "-c", "192.0.2.2", "-t", `${SECONDS}`, "-J"]);
  server.kill();
  const { end } = JSON.parse(text) as { end: { sum_received: { bits_per_second: number } } };
  return end.sum_received.bits_per_second / 1e9;
}

/** Median round trip in microseconds. */
function ping(): number {
  const text = inNamespace(SOURCE, ["ping", "-i", "0.002", "-c", `${PINGS}`, "192.0.2.2"]);
  const times = [...text.matchAll(/time=([\d.]+) ms/g)].map((match) => Number(match[1]) * 1000);
  return median(times);
}

interface Figures {
  readonly out: number[];
  readonly offered: number[];
  readonly drain: number[];
  readonly tcp: number[];
  readonly ping: number[];
}

async function measure(forwarder: Forwarder, figures: Figures): Promise<void> {
  const pinned: Place = { namespace: MIDDLE, ports: ["d0", "d1"], cpu: FORWARDER };
  if (only("flood") || only("drain")) {
    const child = await forwarder.start(pinned);
    try {
      warmUp(child);
      if (only("flood")) {
        const { out, offered } = await flood();
        figures.out.push(out);
        figures.offered.push(offered);
      }
      if (only("drain") && child !== null && !forwarder.name.startsWith("Open")) {
        const runs = Array.from({ length: 15 }, () => drain(child)).filter(
          (run) => !Number.isNaN(run),
        );
        if (runs.length > 0) figures.drain.push(median(runs));
      }
    } finally {
      await forwarder.stop(pinned, child);
    }
  }
  if (only("tcp") || only("ping")) {
    if (!/linkloom|bridge/.test(forwarder.name)) return;
    const free = { ...pinned, cpu: -1 };
    const child = await forwarder.start(free);
    try {
      inNamespace(SOURCE, ["ping", "-c", "2", "-i", "0.2", "192.0.2.2"]);
      if (only("tcp")) figures.tcp.push(await tcp());
      if (only("ping")) figures.ping.push(ping());
    } finally {
      await forwarder.stop(free, child);
    }
  }
}

const installed = (program: string): boolean => spawnSync("which", [program]).status === 0;

async function main(): Promise<void> {
  const forwarders = [linkloom("sleep"), linkloom("poll"), kernelBridge];
  if (installed("dpdk-testpmd")) forwarders.push(testpmd);
  if (installed("ovs-vswitchd")) forwarders.push(openVswitch());
  const figures = new Map<Forwarder, Figures>(
    forwarders.map((one) => [one, { out: [], offered: [], drain: [], tcp: [], ping: [] }]),
  );
  prepare();
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const [forwarder, theirs] of figures) await measure(forwarder, theirs);
    }
  } finally {
    clean();
  }
  print(figures);
}

/** A table per measurement; each line says what Linkloom's two ways to idle are of it. */
function print(figures: ReadonlyMap<Forwarder, Figures>): void {
  const tables = [
    ["out", `flood of ${LENGTH} bytes, ${STATIONS} stations: at the sink`, "kpps"],
    ["offered", "flood: offered (what the generator achieved beside it)", "kpps"],
    ["drain", "drain: the forwarder's own limit", "kpps"],
    ["tcp", "TCP, default offloads", "Gbit/s"],
    ["ping", "ping, median round trip", "µs"],
  ] as const;
  for (const [key, title, unit] of tables) {
    const rows = [...figures].filter(([, theirs]) => theirs[key].length > 0);
    if (rows.length === 0) continue;
    process.stdout.write(`\n${title}\n`);
    const ours = rows.filter(([{ name }]) => name.startsWith("linkloom"));
    for (const [{ name }, theirs] of rows) {
      const shares = ours.map(([our, figure]) => {
        const share = median(figure[key]) / median(theirs[key]);
        return `${our.name.replace("linkloom, ", "")} ${share.toFixed(2)}`;
      });
      const text = name.startsWith("linkloom") ? "" : `  Linkloom is ${shares.join(", ")} of it`;
      process.stdout.write(
        `  ${name.padEnd(28)} ${spread(theirs[key]).padEnd(38)} ${unit}${text}\n`,
      );
    }
  }
}

await main();
