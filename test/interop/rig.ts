// A small network of namespaces for interop tests: hosts are namespaces with a real Linux stack, cables are veth pairs,
// the appliance runs in a namespace whose own kernel stays mute. Everything is named ll-<pid>-<number>-<name> and goes
// away at the end; only processes that the rig started are ended.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NODE = process.execPath;
const MAIN = join(ROOT, "src/main.ts");
const WIRE = join(ROOT, "test/interop/wire.py");
/** Debian's own, whatever else is in the path. */
const PYTHON = "/usr/bin/python3";
/** A busy machine takes twenty seconds for what an idle one does in one. */
const START = 90_000;
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
      resolve({
        code,
        stdout,
        stderr: stderr + (error !== null && code === 1 ? ` ${error.message}` : ""),
      });
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

/** A frame as it was on a host's wire, its VLAN tag put back. */
export interface Seen {
  /** Seconds since the epoch. */
  readonly t: number;
  /** Tag control of the outer tag; -1 = untagged. */
  readonly tci: number;
  readonly hex: string;
}

/** A program that runs in a namespace. */
export interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Everything that it printed, when it has ended. */
  readonly ended: Promise<string>;
}

/** What came of many pings. */
export interface Pings {
  readonly sent: number;
  readonly lost: number;
  readonly gapMs: number;
}

/** What iperf3 measured. */
export interface Throughput {
  readonly gigabits: number;
  readonly bytes: number;
  /** Segments sent again (TCP). */
  readonly retransmits: number;
  /** Share of datagrams that did not arrive (UDP). */
  readonly lost: number;
}

interface IperfSum {
  readonly bytes?: number;
  readonly bits_per_second?: number;
  readonly retransmits?: number;
  readonly lost_percent?: number;
}

interface IperfAnswer {
  readonly error?: string;
  readonly end: { sum_received?: IperfSum; sum_sent?: IperfSum; sum?: IperfSum };
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

  /**
   * Rows of `show OBJECT FILTERS --json`, written as on the command line but asked of the control socket: a program
   * start for each look would be most of a test's time.
   */
  show(object: string, ...filters: string[]): Promise<Record<string, unknown>[]> {
    const query = new URLSearchParams();
    for (let n = 0; n < filters.length; n++) {
      const word = filters[n] as string;
      if (!word.startsWith("--")) query.set("address", word);
      else if (word === "--rules") query.set("rules", "true");
      else query.set(word.slice(2), filters[++n] as string);
    }
    return new Promise((resolve, reject) => {
      const asked = request(
        { socketPath: this.socket, path: `/api/v1/${object}?${query}`, agent: false },
        (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (data: string) => {
            text += data;
          });
          response.on("end", () => {
            if (response.statusCode === 200) resolve(JSON.parse(text));
            else reject(new Error(`show ${object}: ${text}`));
          });
        },
      );
      asked.on("error", reject);
      asked.end();
    });
  }

  async stop(): Promise<number> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    const ended = new Promise<number>((resolve) =>
      this.child.once("exit", (code) => resolve(code ?? -1)),
    );
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
    for (const address of addresses)
      await this.in(short, "ip", "addr", "add", address, "dev", device);
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
  start(short: string, command: string, ...args: string[]): Started {
    return this.#start({ stdin: "ignore", environment: {} }, short, command, args);
  }

  /** The same with an input. */
  startWith(short: string, command: string, ...args: string[]): Started {
    return this.#start({ stdin: "pipe", environment: {} }, short, command, args);
  }

  #start(
    given: { stdin: "ignore" | "pipe"; environment: Readonly<Record<string, string>> },
    short: string,
    command: string,
    args: readonly string[],
  ): Started {
    const child = spawn("ip", ["netns", "exec", this.name(short), command, ...args], {
      stdio: [given.stdin, "pipe", "pipe"],
      env: { ...process.env, ...given.environment },
    });
    this.#children.push(child);
    let text = "";
    child.stdout?.on("data", (data: Buffer) => {
      text += data.toString();
    });
    child.stderr?.on("data", (data: Buffer) => {
      text += data.toString();
    });
    const ended = new Promise<string>((resolve) => child.once("close", () => resolve(text)));
    return { child, output: () => text, ended };
  }

  /** Ends a program that was started before the rig's end. */
  async finish(started: Started, signal: NodeJS.Signals = "SIGTERM"): Promise<string> {
    if (started.child.exitCode === null && started.child.signalCode === null)
      started.child.kill(signal);
    return started.ended;
  }

  /** Runs wire.py in a namespace to its end; what it printed. */
  wire(short: string, ...args: (string | number)[]): Promise<string> {
    return this.in(short, PYTHON, WIRE, ...args.map(String));
  }

  /** Starts wire.py in a namespace; resolves when it is ready. */
  async startWire(short: string, ...args: (string | number)[]): Promise<Started> {
    const started = this.start(short, PYTHON, WIRE, ...args.map(String));
    await until(`wire.py ${args.join(" ")}`, () => started.output().includes("ready"));
    return started;
  }

  /** Looks at what arrives on a device, at Ethernet types (hex) or at all; the frames so far. */
  async sniff(short: string, device: string, ...types: string[]): Promise<() => Seen[]> {
    const started = await this.startWire(short, "sniff", device, ...types);
    return () =>
      started
        .output()
        .split("\n")
        .filter((line) => line.startsWith("{") && line.endsWith("}"))
        .map((line) => JSON.parse(line) as Seen);
  }

  /** A program of Debian's Python. */
  python(short: string, program: string): Promise<string> {
    return this.in(short, PYTHON, "-c", program);
  }

  /** iperf3 from one host to another; the server ends after one client. */
  async iperf(from: string, to: string, address: string, ...more: string[]): Promise<Throughput> {
    const server = this.start(to, "iperf3", "-s", "-1", "--forceflush");
    await until("the iperf3 server", () => server.output().includes("listening"));
    const done = await this.try(from, "iperf3", "-J", "-c", address, ...more);
    const answer = JSON.parse(done.stdout) as IperfAnswer;
    if (answer.error !== undefined) throw new Error(`iperf3: ${answer.error}`);
    await this.finish(server);
    const { sum_received, sum_sent, sum } = answer.end;
    const total = sum_received ?? sum;
    return {
      gigabits: (total?.bits_per_second ?? 0) / 1e9,
      bytes: total?.bytes ?? 0,
      retransmits: sum_sent?.retransmits ?? 0,
      lost: (sum?.lost_percent ?? 0) / 100,
    };
  }

  /** MAC of a device, as the kernel tells it. */
  async macOf(short: string, device: string): Promise<string> {
    return (await this.in(short, "cat", `/sys/class/net/${device}/address`)).trim();
  }

  /**
   * The first `count` echo requests of a row; how many were answered. Requests go on until as many answers came or two
   * seconds are over, because ping(8) itself waits for late answers no longer than for the ones before.
   */
  async ping(short: string, target: string, count = 3, ...more: string[]): Promise<number> {
    const args = ["-n", "-c", String(count), "-i", "0.02", "-w", "2", ...more, target];
    const done = await this.try(short, "ping", ...args);
    const answers = [...done.stdout.matchAll(/bytes from .* icmp_seq=(\d+) /g)];
    return new Set(answers.map((m) => Number(m[1])).filter((number) => number <= count)).size;
  }

  /** Pings every 10 ms until told to stop; then how many were lost and the longest silence between two answers. */
  startPing(short: string, target: string): { stop: () => Promise<Pings> } {
    const started = this.start(short, "ping", "-D", "-n", "-i", "0.01", "-W", "1", target);
    return {
      stop: async () => {
        const text = await this.finish(started, "SIGINT");
        const [, sent] = /(\d+) packets transmitted/.exec(text) ?? [];
        const answers = [...text.matchAll(/^\[([\d.]+)\] \d+ bytes from .* icmp_seq=(\d+)/gm)];
        const times = answers.map((m) => Number(m[1]));
        // What was under way when it was told to stop is not lost.
        const lost = Math.max(0, ...answers.map((m) => Number(m[2]))) - answers.length;
        let gap = 0;
        for (const [n, at] of times.entries()) gap = Math.max(gap, at - (times[n - 1] ?? at));
        return { sent: Number(sent), lost, gapMs: gap * 1000 };
      },
    };
  }

  /** Starts the appliance in a mute namespace; resolves when it says that it is ready. */
  linkloom(short: string, config: string, ...options: string[]): Promise<Appliance> {
    return this.linkloomWith({}, short, config, options);
  }

  /** The same with more in its environment, and behind another command, such as setpriv. */
  async linkloomWith(
    environment: Readonly<Record<string, string>>,
    short: string,
    config: string,
    options: readonly string[] = [],
    before: readonly string[] = [],
  ): Promise<Appliance> {
    const file = join(this.directory, `${short}.yaml`);
    const socket = join(this.directory, `${short}.sock`);
    writeFileSync(file, config);
    const words = [NODE, MAIN, "run", "-c", file, "--socket", socket, ...options];
    const [command, ...args] = [...before, ...words] as [string, ...string[]];
    const { child, output } = this.#start({ stdin: "ignore", environment }, short, command, args);
    await until(
      "the appliance to be ready",
      () => {
        if (child.exitCode !== null)
          throw new Error(`linkloom ended with ${child.exitCode}: ${output()}`);
        return READY.test(output());
      },
      START,
    );
    return new Appliance(child, socket, output);
  }

  /** Replaces the configuration file of a started appliance and tells it to reload. */
  reload(short: string, appliance: Appliance, config: string): void {
    writeFileSync(join(this.directory, `${short}.yaml`), config);
    appliance.child.kill("SIGHUP");
  }

  /** Raises a limit of the whole machine for the test and puts it back after; false where that is not allowed. */
  async raise(key: string, value: number): Promise<boolean> {
    const path = `/proc/sys/${key.replaceAll(".", "/")}`;
    if (!existsSync(path)) return false;
    const before = Number(readFileSync(path, "utf8"));
    if (before >= value) return true;
    await this.must("sysctl", "-qw", `${key}=${value}`);
    this.#undo.push(() => this.must("sysctl", "-qw", `${key}=${before}`));
    return true;
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
