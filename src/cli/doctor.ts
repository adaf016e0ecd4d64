// `linkloom doctor`: asks this machine, and the appliance that runs here if one does, what stands in the way.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import type { Command } from "commander";
import { type DoctoredPort, examine, type Finding, type Patient } from "../control/doctor.ts";
import { ConfigError, ControlError, Exit } from "../control/errors.ts";
import { ask } from "./client.ts";
import { print } from "./io.ts";
import { listFaults } from "./run.ts";
import type { Globals } from "./show.ts";

/** Longest that a program may take to answer. */
const PATIENCE = 5000;

/** Adds the command. */
export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("what on this machine stands in the way, and the command that mends it")
    .argument("[file]", "the configuration file; left out, the appliance that runs is asked")
    .action(async (file: string | undefined, _flags: unknown, self: Command) => {
      await doctor(file, self.optsWithGlobals<Globals>());
    });
}

async function doctor(file: string | undefined, globals: Globals): Promise<void> {
  const ports = file === undefined ? await runningPorts(globals) : await portsOf(file);
  const findings = [
    ...examine(await thisPatient(), ports),
    ...(await strangers(globals)),
    ...(await unsaved(globals)),
  ];
  if (globals.json === true) await print(JSON.stringify(findings, null, 2));
  else await print(findings.map(textOf).join("\n"));
  // Scripts ask by the exit code.
  if (findings.some(({ state }) => state === "failed")) process.exitCode = Exit.Failed;
}

const SIGNS = { ok: "ok     ", warning: "warning", failed: "FAILED " } as const;

function textOf({ check, state, detail, command }: Finding): string {
  const line = `${SIGNS[state]} ${check}: ${detail}`;
  return command === "" ? line : `${line}\n        ${command}`;
}

async function thisPatient(): Promise<Patient> {
  const { thisMachine } = await import("../control/machine.ts");
  return {
    read: (path) => (existsSync(path) ? readText(path) : undefined),
    exists: existsSync,
    run: (name, ...words) => {
      try {
        const stdio = ["ignore", "pipe", "ignore"] as const;
        return execFileSync(name, words, {
          encoding: "utf8",
          timeout: PATIENCE,
          stdio: [...stdio],
        });
      } catch {
        // A program that is not there has nothing to say.
        return undefined;
      }
    },
    links: () => thisMachine.links(),
  };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // What may not be read is not known.
    return undefined;
  }
}

/** The ports of a file; one that has faults is told as `check` does. */
async function portsOf(file: string): Promise<DoctoredPort[]> {
  const { load } = await import("../control/load.ts");
  try {
    // Without this machine: what is wrong with it is what doctor finds.
    const { configuration } = load(file, { machine: null });
    return Object.entries(configuration.ports).map(([name, port]) => ({
      name,
      driver: port.driver,
      interface: "interface" in port ? port.interface : "",
    }));
  } catch (error) {
    if (error instanceof ConfigError) listFaults(error, file);
    throw error;
  }
}

/** The ports of the appliance that runs here; none when none does. */
async function runningPorts(globals: Globals): Promise<DoctoredPort[]> {
  const rows = await rowsOf(globals, "ports");
  return rows.map((row) => ({
    name: String(row["port"]),
    driver: String(row["driver"]),
    interface: String(row["interface"]),
  }));
}

async function rowsOf(globals: Globals, object: string): Promise<Record<string, unknown>[]> {
  try {
    const { body } = await ask(globals.socket, { method: "GET", path: object });
    return JSON.parse(body) as Record<string, unknown>[];
  } catch (error) {
    if (error instanceof ControlError && error.code === "no-appliance") return [];
    throw error;
  }
}

/** Others who speak for our virtual routers' numbers, as the appliance has heard them. */
async function strangers(globals: Globals): Promise<Finding[]> {
  const heard = (await rowsOf(globals, "events")).filter(({ cause }) =>
    /^vr-(?:stranger|rival)$/.test(String(cause)),
  );
  const bySubject = new Map(heard.map((row) => [String(row["subject"]), row]));
  return [...bySubject.values()].map((row) => ({
    check: String(row["subject"]),
    state: "warning",
    detail: `somebody else speaks here: ${String(row["evidence"])}`,
    command: "give one of the two another vrid",
  }));
}

/** A file that does not say what runs: a restart would bring back what it says. */
async function unsaved(globals: Globals): Promise<Finding[]> {
  const rows = await rowsOf(globals, "health");
  return rows
    .filter(({ subject, state }) => subject === "configuration" && state === "warning")
    .map((row) => {
      const [detail = "", command = ""] = String(row["detail"]).split("; ");
      return { check: "configuration", state: "warning", detail, command };
    });
}
