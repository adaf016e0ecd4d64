// What an appliance costs when nothing happens: CPU time of each thread, and the whole process's resident memory, for
// two cores and two AF_PACKET ports on veth pairs in a namespace of its own; without HTTP, and as it is by default,
// with HTTP and the past that is kept for it. It measures the JavaScript that the package ships.
//   npm run bench -- idle
//   node bench/idle.ts [--seconds 10]          needs root

import { execFileSync, spawn } from "node:child_process";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { option } from "./measure.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NAMESPACE = `ll-idle-${process.pid}`;
/** What the first line of bin/linkloom passes. */
const FLAG = "--max-semi-space-size=1";
const CONFIG = `
cores: {count: 2}
ports: {p0: {driver: packet, interface: va}, p1: {driver: packet, interface: vb}}
bridges: {br0: {stp: {protocol: "off"}, channels: {p0: {mode: access, access-vlan: 10}, p1: {mode: access, access-vlan: 10}}}}
`;

function ip(...words: string[]): void {
  execFileSync("ip", words);
}

/** The package as it would be installed: emitted JavaScript beside bin/. */
function emit(directory: string): void {
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  execFileSync(tsc, ["-p", join(ROOT, "tsconfig.build.json"), "--outDir", join(directory, "dist")]);
  cpSync(join(ROOT, "bin"), join(directory, "bin"), { recursive: true });
  cpSync(join(ROOT, "package.json"), join(directory, "package.json"));
  symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
}

/** User and system time of every thread, in ticks of 10 ms, with its name. */
function threads(pid: number): Map<string, { name: string; ticks: number }> {
  const all = new Map<string, { name: string; ticks: number }>();
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const name = readFileSync(`/proc/${pid}/task/${task}/comm`, "latin1").trim();
    all.set(task, { name, ticks: Number(fields[11]) + Number(fields[12]) });
  }
  return all;
}

function ask(socketPath: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path }, (response) => response.resume().once("end", resolve))
      .once("error", reject)
      .end();
  });
}

/** One appliance, from its start to its end. */
async function measure(
  directory: string,
  seconds: number,
  config: string,
  what: string,
  goal: string,
): Promise<void> {
  const file = join(directory, "idle.yaml");
  writeFileSync(file, config);
  const words = ["run", "-c", file, "--socket", join(directory, "control.sock")];
  const bin = join(directory, "bin/linkloom");
  const child = spawn("ip", ["netns", "exec", NAMESPACE, process.execPath, FLAG, bin, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((ready) => child.stdout.once("data", ready));
  await delay(3000);
  const { pid } = child;
  if (pid === undefined) throw new Error("the appliance did not start");
  const before = threads(pid);
  await delay(seconds * 1000);
  for (const [task, { name, ticks }] of threads(pid)) {
    const used = ticks - (before.get(task)?.ticks ?? ticks);
    if (used > 0)
      process.stdout.write(
        `idle: ${what}: thread ${name.padEnd(16)} ${(used / seconds).toFixed(2)} % of a CPU   goal < 2 %\n`,
      );
  }
  const resident = (when: string, suffix = ""): void => {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const bytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
    process.stdout.write(
      `idle: resident memory, ${when}  ${(bytes / 1e6).toFixed(1)} MB${suffix}\n`,
    );
  };
  resident(`2 cores and 2 ports, ${what}`, goal);
  // What serving costs from the first request on: the framework, the metrics, the documents.
  const socket = join(directory, "control.sock");
  for (const path of ["/api/v1/cores", "/metrics", "/api/v1/openapi.json"]) {
    await ask(socket, path);
    await delay(1000);
    resident(`after GET ${path}`);
  }
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}

async function main(): Promise<void> {
  const seconds = option("seconds", 10);
  const directory = mkdtempSync(join(tmpdir(), "linkloom-idle-"));
  emit(directory);
  ip("netns", "add", NAMESPACE);
  try {
    for (const end of ["va", "vb"]) {
      ip("-n", NAMESPACE, "link", "add", "name", end, "type", "veth", "peer", "name", `${end}1`);
      ip("-n", NAMESPACE, "link", "set", end, "up");
      ip("-n", NAMESPACE, "link", "set", `${end}1`, "up");
    }
    ip("netns", "exec", NAMESPACE, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1");
    await measure(
      directory,
      seconds,
      `${CONFIG}api: {http: null}\n`,
      "no HTTP",
      "   goal < 150 MB",
    );
    await measure(directory, seconds, CONFIG, "HTTP and the past", "");
  } finally {
    ip("netns", "del", NAMESPACE);
    rmSync(directory, { recursive: true, force: true });
  }
}

await main();
