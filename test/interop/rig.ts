// A small network of namespaces for interop tests: hosts are namespaces with a real Linux stack, cables are veth pairs, the
// appliance runs in a namespace whose own kernel stays mute. Everything is named ll-<pid>-<number>-<name> and goes away at
// the end; only processes that the rig started are ended.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NODE = process.execPath;
const MAIN = join(ROOT, "src/main.ts");
const READY = /linkloom ready: (\d+) cores?, (\d+) ports?, control (\S+)/;
let rigs = 0;

export interface Done {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end; never rejects for an exit code. */
export function run(command: string, args: readonly string[], timeout = 60_000): Promise<Done> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ code, stdout, stderr: stderr + (error !== null && code === 1 ? ` ${error.message}` : "") });
    });
  });
}

/** Waits until `look` gives something; rejects with `what` when it takes too long. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  millis = 10_000,
): Promise<T> {
  const end = performance.now() + millis;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`waited ${millis} ms for ${what}`);
    await delay(20);
  }
}

/** A running `linkloom run`. */
export class Appliance {
  readonly child: ChildProcess;
  readonly socket: string;
  readonly output: () => string;

  constructor(child: ChildProcess, socket: string, output: () => string) {
    this.child = child;
    this.socket = socket;
    this.output = output;
  }

  /** `linkloom WORDS --json`, parsed. */
  async json<T = Record<string, unknown>[]>(...words: string[]): Promise<T> {
    const done = await this.cli(...words, "--json");
    if (done.code !== 0) throw new Error(`linkloom ${words.join(" ")}: ${done.stderr}`);
    return JSON.parse(done.stdout) as T;
  }

  cli(...words: string[]): Promise<Done> {
    return run(NODE, [MAIN, ...words, "--socket", this.socket]);
  }

  /** Rows of `show OBJECT`. */
  show(object: string, ...filters: string[]): Promise<Record<string, unknown>[]> {
    return this.json("show", object, ...filters);
  }

  async stop(): Promise<number> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    const ended = new Promise<number>((resolve) => this.child.once("exit", (code) => resolve(code ?? -1)));
    this.child.kill("SIGTERM");
    return ended;
  }
}

export class Rig {
  readonly id: string;
  readonly directory: string = mkdtempSync(join(tmpdir(), "linkloom-rig-"));
  readonly #namespaces: string[] = [];
  readonly #children: ChildProcess[] = [];
  readonly #undo: (() => Promise<unknown>)[] = [];

  constructor() {
    this.id = `ll-${process.pid}-${rigs++}`;
  }

  /** The namespace's full name. */
  name(short: string): string {
    return `${this.id}-${short}`;
  }

  async must(command: string, ...args: string[]): Promise<string> {
    const done = await run(command, args);
    if (done.code !== 0) {
      throw new Error(`${command} ${args.join(" ")}: exit ${done.code}: ${done.stderr.trim()}`);
    }
    return done.stdout;
  }

  /** Makes a host: a namespace with a Linux stack and no IPv6, which the tests do not look at. */
  async host(short: string): Promise<void> {
    const name = this.name(short);
    await this.must("ip", "netns", "add", name);
    this.#namespaces.push(name);
    await this.in(short, "ip", "link", "set", "lo", "up");
    await this.sysctl(short, {
      "net.ipv6.conf.all.disable_ipv6": 1,
      "net.ipv6.conf.default.disable_ipv6": 1,
      "net.ipv4.conf.all.rp_filter": 0,
      "net.ipv4.conf.default.rp_filter": 0,
    });
  }

  /** Makes a namespace whose kernel answers nothing: where the appliance runs. */
  async mute(short: string): Promise<void> {
    await this.host(short);
    await this.sysctl(short, {
      "net.ipv4.conf.all.arp_ignore": 8,
      "net.ipv4.conf.default.arp_ignore": 8,
      "net.ipv4.ip_forward": 0,
    });
  }

  async sysctl(short: string, values: Readonly<Record<string, number>>): Promise<void> {
    const pairs = Object.entries(values).map(([key, value]) => `${key}=${value}`);
    await this.in(short, "sysctl", "-qw", ...pairs);
  }

  /** A cable between two namespaces, with the kernel's default offloads. */
  async cable(one: string, end: string, other: string, far: string): Promise<void> {
    await this.must(
      ...(["ip", "link", "add", end, "netns", this.name(one), "type", "veth"] as const),
      ...["peer", "name", far, "netns", this.name(other)],
    );
    await this.in(one, "ip", "link", "set", end, "up");
    await this.in(other, "ip", "link", "set", far, "up");
  }

  async address(short: string, device: string, ...addresses: string[]): Promise<void> {
    for (const address of addresses) await this.in(short, "ip", "addr", "add", address, "dev", device);
  }

  /** Runs a command in a namespace; it must succeed. */
  in(short: string, command: string, ...args: string[]): Promise<string> {
    return this.must("ip", "netns", "exec", this.name(short), command, ...args);
  }

  /** Runs a command in a namespace; whatever its exit code. */
  try(short: string, command: string, ...args: string[]): Promise<Done> {
    return run("ip", ["netns", "exec", this.name(short), command, ...args]);
  }

  /** Starts a command in a namespace that runs on; its output so far. */
  start(short: string, command: string, ...args: string[]): { child: ChildProcess; output: () => string } {
    const child = spawn("ip", ["netns", "exec", this.name(short), command, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#children.push(child);
    let text = "";
    child.stdout?.on("data", (data: Buffer) => (text += data.toString()));
    child.stderr?.on("data", (data: Buffer) => (text += data.toString()));
    return { child, output: () => text };
  }

  /** MAC of a device, as the kernel tells it. */
  async macOf(short: string, device: string): Promise<string> {
    return (await this.in(short, "cat", `/sys/class/net/${device}/address`)).trim();
  }

  /** Echo requests in a row; how many were answered. */
  async ping(short: string, target: string, count = 3, ...more: string[]): Promise<number> {
    const args = ["-n", "-c", String(count), "-i", "0.2", "-W", "2", ...more, target];
    const done = await this.try(short, "ping", ...args);
    return Number(/(\d+) received/.exec(done.stdout)?.[1] ?? 0);
  }

  /** Starts the appliance in a mute namespace; resolves when it says that it is ready. */
  async linkloom(short: string, config: string, ...options: string[]): Promise<Appliance> {
    const file = join(this.directory, `${short}.yaml`);
    const socket = join(this.directory, `${short}.sock`);
    writeFileSync(file, config);
    const { child, output } = this.start(short, NODE, MAIN, "run", "-c", file, "--socket", socket, ...options);
    await until("the appliance to be ready", () => {
      if (child.exitCode !== null) throw new Error(`linkloom ended with ${child.exitCode}: ${output()}`);
      return READY.test(output());
    }, 30_000);
    return new Appliance(child, socket, output);
  }

  /** Replaces the configuration file of a started appliance and tells it to reload. */
  reload(short: string, appliance: Appliance, config: string): void {
    writeFileSync(join(this.directory, `${short}.yaml`), config);
    appliance.child.kill("SIGHUP");
  }

  /** Raises a limit of the whole machine for the test and puts it back after. */
  async raise(key: string, value: number): Promise<void> {
    const path = `/proc/sys/${key.replaceAll(".", "/")}`;
    const before = Number(readFileSync(path, "utf8"));
    if (before >= value) return;
    await this.must("sysctl", "-qw", `${key}=${value}`);
    this.#undo.push(() => this.must("sysctl", "-qw", `${key}=${before}`));
  }

  /** Something to be done at the end. */
  onEnd(task: () => Promise<unknown>): void {
    this.#undo.push(task);
  }

  async end(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      const killer = setTimeout(() => child.kill("SIGKILL"), 3000);
      await ended;
      clearTimeout(killer);
    }
    for (const task of this.#undo.reverse()) await task();
    for (const name of this.#namespaces) await run("ip", ["netns", "del", name]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Runs `body` with a rig that is cleared away whatever happens. */
export async function withRig(body: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = new Rig();
  try {
    await body(rig);
  } finally {
    await rig.end();
  }
}
