// `linkloom lab`: a whole small network in one process. The network is lab/'s; here its configuration is checked and
// compiled as a file's would be, and the control socket opened, so that `show` works from another terminal.

import type { Command } from "commander";
import { ConfigError, ControlError, twoLines } from "../control/errors.ts";
import { describeEvent } from "../control/event-text.ts";
import { print, warn } from "./io.ts";
import { coresOf } from "./run.ts";
import type { Globals } from "./show.ts";
import { serverSocket } from "./socket.ts";

interface LabFlags {
  readonly list?: boolean;
  readonly seconds?: string;
  readonly cores?: string;
  readonly seed?: string;
  readonly tokenFile?: string;
}

/** Cores of the lab when nothing is said: the issue of bridging and ARP on many cores shows from four on. */
const CORES = 4;

/** Adds the command. */
export function addLab(program: Command): void {
  program
    .command("lab")
    .description("run a whole small network in this process, with no privilege")
    .argument("[name]", "which one; --list names them")
    .option("--list", "name the labs")
    .option("--seconds <number>", "end after so long, with a summary")
    .option("--cores <number>", "cores of the appliance", String(CORES))
    .option("--seed <number>", "seed of the stations' doings", "1")
    .option("--token-file <file>", "tokens for changes over HTTP; made when there is no such file")
    .action(async (name: string | undefined, flags: LabFlags, self: Command) => {
      await lab(name, flags, self.optsWithGlobals<Globals>());
    });
}

async function lab(name: string | undefined, flags: LabFlags, globals: Globals): Promise<void> {
  const { LABS, runLab } = await import("../lab/lab.ts");
  if (flags.list === true) {
    const width = Math.max(...LABS.map((one) => one.name.length));
    const rows = LABS.map((one) => ({ lab: one.name, shows: one.shows }));
    const text = LABS.map((one) => `${one.name.padEnd(width)}  ${one.shows}`).join("\n");
    await print(globals.json === true ? JSON.stringify(rows) : text);
    return;
  }
  const names = LABS.map((one) => one.name);
  const fits = names.filter((one) => one === name || one.startsWith(name ?? ""));
  const [chosen] = fits;
  if (chosen === undefined || (name !== undefined && fits.length > 1 && !names.includes(name))) {
    throw new ControlError("usage", `There is no lab "${name}"`, `there are ${names.join(", ")}`);
  }
  const quit = new AbortController();
  const stop = (): void => quit.abort();
  process.on("SIGTERM", stop).on("SIGINT", stop);
  try {
    process.exitCode = await runLab({
      name: chosen,
      cores: coresOf(flags.cores) ?? CORES,
      seed: numberOf("--seed", flags.seed) ?? 1,
      seconds: numberOf("--seconds", flags.seconds),
      json: globals.json === true,
      output: process.stdout,
      input: process.stdin,
      start,
      serve: (appliance) => serveLab(appliance, globals.socket, flags.tokenFile),
      eventLines,
      aborted: quit.signal,
    });
  } finally {
    process.off("SIGTERM", stop).off("SIGINT", stop);
  }
}

function numberOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new ControlError("usage", `"${text}" is no number for ${flag}`, "write digits");
}

type Running = Awaited<ReturnType<typeof import("../runtime/appliance.ts").startAppliance>>;

async function start(text: string): Promise<Running> {
  const { check } = await import("../control/check.ts");
  const { plan } = await import("../control/load.ts");
  const { startAppliance } = await import("../runtime/appliance.ts");
  const { configuration, faults } = check(text);
  if (configuration === undefined) throw new ConfigError("the lab's configuration", faults);
  return startAppliance(plan(configuration));
}

/** The control socket, or the reason why there is none: a lab runs without one too. */
async function serveLab(
  appliance: Running,
  socket: string | undefined,
  tokenFile: string | undefined,
): Promise<{ where: string; close(): Promise<void> }> {
  const { openLab } = await import("../api/open.ts");
  try {
    let without = "";
    const server = await openLab(
      { appliance },
      {
        socket: serverSocket(socket),
        tokenFile,
        warn: (line) => {
          without ||= line;
        },
      },
    );
    const http = server.http === "" ? without.replace("linkloom: ", "") : server.http;
    return { where: `control ${server.socket}, ${http}`, close: () => server.close() };
  } catch (error) {
    const { what } = twoLines(error);
    if (socket !== undefined) warn(`linkloom: ${what}`);
    return { where: `no control socket: ${what}`, close: () => Promise.resolve() };
  }
}

function eventLines(appliance: Running, limit: number): string[] {
  const all = appliance.events(0, Number.MAX_SAFE_INTEGER);
  return all.slice(-limit).map((event) => {
    const { time, core, subject, from, to, cause, evidence } = describeEvent(
      event,
      appliance.config,
    );
    const change = [from, to].filter((word) => word !== "").join(" → ");
    return `${time.slice(11, 23)} core ${core} ${cause}: ${subject} ${change} ${evidence}`.trimEnd();
  });
}
