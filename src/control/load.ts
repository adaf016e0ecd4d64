// From a file's name to what an appliance starts with: read, check, compile. The one way that `run`, `check`, reload
// and `replay -c` take, so that they never disagree about a file.

import { readFileSync } from "node:fs";
import type { ApplianceConfig } from "../core/config.ts";
import type { StartPlan } from "./appliance-port.ts";
import { type CheckOptions, check } from "./check.ts";
import { compile, type Facts } from "./compile.ts";
import type { Configuration } from "./configuration.ts";
import { ConfigError, ControlError, errnoOf, type Fault } from "./errors.ts";
import { derivedMac, linkFacts, machineName, thisMachine } from "./machine.ts";

/** A file that may run. */
export interface Loaded {
  readonly configuration: Configuration;
  /** Warnings; there is no fault. */
  readonly warnings: readonly Fault[];
}

/** Largest file that is read: a hundred thousand routes in YAML are about 5 MB. Our choice. */
const MAX_BYTES = 64 * 1024 * 1024;

/** The text of a configuration file. */
export function readConfiguration(file: string): string {
  try {
    const text = readFileSync(file === "-" ? 0 : file);
    if (text.length <= MAX_BYTES) return text.toString("utf8");
  } catch (cause) {
    const errno = errnoOf(cause);
    const missing = errno === "ENOENT";
    const why = missing ? "there is no such file" : `the system says ${errno || String(cause)}`;
    const code = errno === "EACCES" ? "not-permitted" : "configuration-unreadable";
    throw readError(code, file, why, cause);
  }
  throw readError("configuration-unreadable", file, `it is larger than ${MAX_BYTES} bytes`);
}

function readError(
  code: "not-permitted" | "configuration-unreadable",
  file: string,
  why: string,
  cause?: unknown,
): ControlError {
  return new ControlError(code, `Cannot read ${file}`, why, { cause });
}

/** Reads and checks a file, or its text; throws a ConfigError with all faults. */
export function load(
  file: string,
  options: CheckOptions = {},
  text: string = readConfiguration(file),
): Loaded {
  const checked = check(text, { machine: thisMachine, ...options });
  if (checked.configuration === undefined) throw new ConfigError(file, checked.faults);
  return { configuration: checked.configuration, warnings: checked.faults };
}

/** What compiling asks of this machine. */
export const facts: Facts = {
  link: linkFacts,
  // The same text on two machines must not give their TAPs one MAC; files and memory stay the same everywhere.
  bootSeconds: () => Math.floor(Date.now() / 1000),
  derivedMac: (driver, port) =>
    derivedMac(driver === "tap" ? `${machineName()} ${port}` : `linkloom ${port}`),
};

/** What an appliance starts with; with `before`, names keep their numbers. */
export function plan(configuration: Configuration, before?: ApplianceConfig): StartPlan {
  return compile(configuration, facts, before);
}
