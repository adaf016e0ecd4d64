// npm test: every test that needs no rights and no network, by Node's own runner. Arguments are files or patterns that
// take the place of all (`npm test -- src/arp`), or options of the runner (`npm test -- --test-name-pattern=BR-4`).

import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { files, ROOT } from "./files.ts";

const UNIT = /^(?:src|scripts)\/.*\.test\.ts$|^test\/(?:conformance|contract|sim)\/.*\.test\.ts$/;

/** The runner's arguments: `how`, the options given, and the tests whose path starts with what was given, or all. */
export function runnerArguments(
  how: readonly string[],
  given: readonly string[],
  tests: readonly string[],
): string[] {
  const options = given.filter((arg) => arg.startsWith("-"));
  const prefixes = given
    .filter((arg) => !arg.startsWith("-"))
    .map((arg) => arg.replace(/^\.\//, ""));
  const chosen = tests.filter(
    (path) => prefixes.length === 0 || prefixes.some((prefix) => path.startsWith(prefix)),
  );
  if (chosen.length === 0) throw new Error(`No test file starts with ${prefixes.join(" or ")}`);
  return ["--test", ...how, ...options, ...chosen];
}

/** Runs Node's test runner with our stdio; its exit code. Signals that end us end it. */
export function runTests(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<number> {
  // The compile cache is for the command's start; under it coverage would be wrong, and every test file is new.
  const { NODE_COMPILE_CACHE: _, NODE_TEST_CONTEXT: __, ...env } = process.env;
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...env, ...environment },
    stdio: "inherit",
  });
  const forward = (signal: NodeJS.Signals): boolean => child.kill(signal);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

if (import.meta.main) {
  const how = [`--test-concurrency=${availableParallelism()}`];
  process.exitCode = await runTests(runnerArguments(how, process.argv.slice(2), files(UNIT)));
}
