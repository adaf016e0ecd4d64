// `linkloom run` and `linkloom check`: the commands that read a configuration file. What they need is loaded when they
// are called, so that `show` starts fast.

import type { Command } from "commander";
import { ConfigError, ControlError, describeFault } from "../control/errors.ts";
import { print, warn } from "./io.ts";
import type { Globals } from "./show.ts";
import { serverSocket } from "./socket.ts";

/** Reads the number of cores of --cores. */
export function coresOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const cores = Number(text);
  if (Number.isInteger(cores) && cores >= 1 && cores <= 64) return cores;
  throw new ControlError("usage", `"${text}" is no number of cores`, "1 to 64");
}

interface RunFlags {
  readonly config: string;
  readonly cores?: string;
  readonly socketGroup?: string;
  readonly compatMetrics?: boolean;
}

/** Adds the commands. */
export function addRun(program: Command): void {
  program
    .command("run")
    .description("run the appliance of a configuration file in the foreground")
    .requiredOption("-c, --config <file>", "the configuration file")
    .option("--cores <number>", "cores, instead of cores.count of the file")
    .option("--socket-group <group>", "a group that may use the control socket too")
    .option("--compat-metrics", "metrics also under the names of other exporters")
    .addHelpText(
      "after",
      "\nSIGTERM stops it cleanly; SIGHUP reads the file again, and a bad one changes nothing.",
    )
    .action(async (options: RunFlags, self: Command) => {
      const socket = serverSocket(self.optsWithGlobals<Globals>().socket);
      const { run } = await import("../control/run.ts");
      const { openApi } = await import("../api/open.ts");
      const cores = coresOf(options.cores);
      const group = options.socketGroup;
      try {
        await run({
          file: options.config,
          cores,
          socket,
          compatMetrics: options.compatMetrics === true,
          serve: (serving, configuration) =>
            openApi(serving, configuration, { socket, group, warn }),
          say: (line) => process.stdout.write(`${line}\n`),
          warn,
        });
      } catch (error) {
        listFaults(error, options.config);
        throw error;
      }
    });
  program
    .command("check")
    .description("check a configuration file; every fault with its line and path")
    .argument("<file>", "the configuration file, - for stdin")
    .option("--cores <number>", "cores, instead of cores.count of the file")
    .option("--offline", "do not look at this machine's interfaces: it is for another one")
    .action(async (file: string, options: { cores?: string; offline?: boolean }, self: Command) => {
      const { json } = self.optsWithGlobals<Globals>();
      await checkFile(file, options, json === true);
    });
}

/** Prints the faults of a refused file, before the two lines of the error itself. */
export function listFaults(error: unknown, file: string): void {
  if (!(error instanceof ConfigError)) return;
  for (const fault of error.faults) warn(describeFault(file, fault));
}

async function checkFile(
  file: string,
  options: { cores?: string; offline?: boolean },
  json: boolean,
): Promise<void> {
  const { check } = await import("../control/check.ts");
  const { readConfiguration } = await import("../control/load.ts");
  const machine =
    options.offline === true ? null : (await import("../control/machine.ts")).thisMachine;
  const cores = coresOf(options.cores);
  const checked = check(readConfiguration(file), {
    machine,
    ...(cores === undefined ? {} : { cores }),
  });
  const error = new ConfigError(file, checked.faults);
  if (json) await print(JSON.stringify(checked.faults, null, 2));
  else listFaults(error, file);
  if (checked.configuration === undefined) throw error;
  if (json) return;
  const { cores: section, ports, bridges, interfaces } = checked.configuration;
  const count = (number: number, noun: string): string =>
    `${number} ${noun}${number === 1 ? "" : "s"}`;
  const parts = [
    count(section.count, "core"),
    count(Object.keys(ports).length, "port"),
    count(Object.keys(bridges).length, "bridge"),
    count(Object.keys(interfaces).length, "interface"),
  ];
  await print(`${file} is valid: ${parts.join(", ")}`);
}
