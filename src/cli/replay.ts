// `linkloom replay FILE`: plays a capture through N cores in virtual time, says what became of it and, with --out,
// writes what left each port, every core's tables, the events and the message counts. The same file gives the same
// output.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { ControlError, Exit, errnoOf } from "../control/errors.ts";
import type { ReplayResult } from "../replay/replay.ts";
import { print } from "./io.ts";
import { coresOf, listFaults } from "./run.ts";
import type { Globals } from "./show.ts";

interface ReplayFlags {
  readonly config?: string;
  readonly cores?: string;
  readonly out?: string;
  readonly seed?: string;
}

type Row = Record<string, unknown>;

/** Adds the command. */
export function addReplay(program: Command): void {
  program
    .command("replay")
    .description("play a pcap or pcapng file through the appliance in virtual time")
    .argument("<file>", "the capture file")
    .option(
      "-c, --config <file>",
      "the configuration; left out, one bridge with a port per captured interface",
    )
    .option("--cores <number>", "cores, instead of cores.count of the configuration")
    .option("--out <directory>", "write frames, tables, events and message counts there")
    .action(async (file: string, flags: ReplayFlags, self: Command) => {
      await replayFile(file, flags, self.optsWithGlobals<Globals>().json === true);
    });
}

async function replayFile(file: string, flags: ReplayFlags, json: boolean): Promise<void> {
  const { replay } = await import("../replay/replay.ts");
  const bytes = readCapture(file);
  const config = await configOf(bytes, flags);
  const names = config.common.ports.map(({ name }) => name);
  const result = replay(bytes, {
    config,
    // A captured interface plays into the port of its name, else into the port of its number.
    portOf: (index, name) => {
      const named = names.indexOf(name);
      return named >= 0 ? named : index < names.length ? index : -1;
    },
  });
  const summary = summarise(file, result);
  if (flags.out !== undefined) await writeOut(flags.out, result, summary);
  await print(json ? JSON.stringify([summary]) : describe(summary, result));
  if (result.fault === undefined) return;
  if (result.played === 0)
    throw new ControlError("operation-failed", `Nothing of ${file} can be played`, result.fault);
  process.exitCode = Exit.Failed;
}

function readCapture(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    const errno = errnoOf(cause);
    throw captureError(
      errno === "EACCES" ? "not-permitted" : "operation-failed",
      file,
      errno,
      cause,
    );
  }
}

const captureError = (
  code: "not-permitted" | "operation-failed",
  file: string,
  errno: string,
  cause: unknown,
): ControlError => {
  const why =
    errno === "ENOENT" ? "there is no such file" : `the system says ${errno || String(cause)}`;
  return new ControlError(code, `Cannot read ${file}`, why, { cause });
};

/** The given configuration, or one bridge over as many memory ports as the capture has interfaces, two at least. */
async function configOf(
  bytes: Uint8Array,
  flags: ReplayFlags,
): Promise<ReplayResult["cluster"]["config"]> {
  const { check } = await import("../control/check.ts");
  const { compile } = await import("../control/compile.ts");
  const { ConfigError } = await import("../control/errors.ts");
  const { derivedMac } = await import("../control/machine.ts");
  const { readConfiguration } = await import("../control/load.ts");
  const name = flags.config ?? "the built-in configuration";
  const text =
    flags.config === undefined
      ? bridgeOf(await interfacesOf(bytes))
      : readConfiguration(flags.config);
  const cores = coresOf(flags.cores);
  const { configuration, faults } = check(text, cores === undefined ? {} : { cores });
  if (configuration === undefined) {
    const error = new ConfigError(name, faults);
    listFaults(error, name);
    throw error;
  }
  // Nothing of this machine enters, so that the output is the same everywhere.
  const link = (): undefined => undefined;
  const mac = (driver: string, port: string): number => derivedMac(`linkloom ${driver} ${port}`);
  return compile(configuration, { link, derivedMac: mac }).config;
}

/** How many interfaces the capture names. */
async function interfacesOf(bytes: Uint8Array): Promise<number> {
  const { openCapture } = await import("../wire/capture.ts");
  const reader = openCapture(bytes);
  while (reader.next() !== undefined);
  return reader.interfaces.length;
}

function bridgeOf(interfaces: number): string {
  const ports = Array.from({ length: Math.max(2, interfaces) }, (_, port) => `p${port}`);
  const define = ports.map((port) => `  ${port}: {driver: memory}`);
  const carry = ports.map((port) => `      ${port}: {mode: trunk}`);
  const bridge = ["bridges:", "  br0:", "    stp: {protocol: off}", "    channels:", ...carry];
  return ["ports:", ...define, ...bridge, ""].join("\n");
}

function summarise(file: string, result: ReplayResult): Row {
  const { cluster } = result;
  return {
    file,
    cores: cluster.cores.length,
    played: result.played,
    skipped: result.skipped,
    sent: result.sent.length,
    events: result.events.length,
    messages: cluster.messages(),
    drops: cluster.drops(),
    "virtual-ms": Math.round(cluster.now),
    fault: result.fault ?? null,
  };
}

function describe(summary: Row, result: ReplayResult): string {
  const list = (counts: Readonly<Record<string, number>>): string => {
    const parts = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
    return parts.length === 0 ? "none" : parts.join(", ");
  };
  const { cluster } = result;
  const skipped =
    Object.keys(result.skipped).length === 0 ? "" : `, skipped: ${list(result.skipped)}`;
  return [
    `${summary["file"]}: ${result.played} frames played through ${summary["cores"]} cores${skipped}`,
    `sent      ${list(countBy(result.sent, ({ port }) => cluster.config.common.ports[port]?.name ?? ""))}`,
    `messages  ${list(cluster.messages())}`,
    `drops     ${list(cluster.drops())}`,
    `events    ${result.events.length}`,
    ...(result.fault === undefined ? [] : [`the file breaks off: ${result.fault}`]),
  ].join("\n");
}

function countBy<T>(things: readonly T[], keyOf: (thing: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const thing of things) counts[keyOf(thing)] = (counts[keyOf(thing)] ?? 0) + 1;
  return counts;
}

async function writeOut(directory: string, result: ReplayResult, summary: Row): Promise<void> {
  const { applianceOf } = await import("./replay-appliance.ts");
  const { show } = await import("../control/show.ts");
  const appliance = applianceOf(result);
  try {
    mkdirSync(directory, { recursive: true });
    for (const [port, { name }] of result.cluster.config.common.ports.entries()) {
      writeFileSync(
        join(directory, `${name.replaceAll("/", "-")}.pcapng`),
        await captureOf(result, port, name),
      );
    }
    for (const object of [
      "arp",
      "bridge",
      "nd",
      "routes",
      "events",
      "bus",
      "drops",
      "coherence",
      "cores",
      "ports",
    ]) {
      const rows: Row[] = [];
      for await (const slice of show({ appliance }, object, {})) rows.push(...slice);
      writeFileSync(join(directory, `${object}.json`), lines(rows));
    }
    writeFileSync(join(directory, "summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
  } catch (cause) {
    if (errnoOf(cause) === "") throw cause;
    const code = errnoOf(cause) === "EACCES" ? "not-permitted" : "operation-failed";
    throw writeError(code, directory, cause);
  }
}

const writeError = (
  code: "not-permitted" | "operation-failed",
  directory: string,
  cause: unknown,
): ControlError =>
  new ControlError(code, `Cannot write to ${directory}`, `the system says ${errnoOf(cause)}`, {
    cause,
  });

/** One row a line, so that two runs compare well. */
function lines(rows: readonly Row[]): string {
  return rows.length === 0
    ? "[]\n"
    : `[\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]\n`;
}

/** What left a port, with the core that sent it, at the time of the capture's clock. */
async function captureOf(result: ReplayResult, port: number, name: string): Promise<Uint8Array> {
  const { interfaceBlock, packetBlock, sectionHeader } = await import("../wire/pcapng.ts");
  const { Direction } = await import("../wire/record.ts");
  const { origin } = result;
  const blocks = [sectionHeader("linkloom replay"), interfaceBlock(name)];
  for (const frame of result.sent) {
    if (frame.port !== port) continue;
    const nanos = origin.nanos + Math.round(frame.at * 1e6);
    const stamp = {
      interface: 0,
      seconds: origin.seconds + Math.floor(nanos / 1e9),
      nanos: ((nanos % 1e9) + 1e9) % 1e9,
      originalLength: frame.bytes.length,
      direction: Direction.Out,
      comments: [`core=${frame.core}`],
    };
    blocks.push(packetBlock(stamp, frame.bytes));
  }
  return Buffer.concat(blocks);
}
