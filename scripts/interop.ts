// npm run test:interop: the suites with real peers in network namespaces, one file after the other, because they share
// this machine's processors. Root runs them as it is; anybody else in user, network and mount namespaces of its own.
// What cannot run is said aloud before and after, and with --strict it is a failure. With --again, a test that failed
// runs alone once more, and then a last time: kernels and peers on a busy machine are late now and then. A test that
// passes only then is named as unstable, which is a fault to mend in the test.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { files, ROOT, text } from "./files.ts";
import type { Outcome } from "./outcomes.ts";
import { runnerArguments, runTests } from "./test.ts";

/** So often runs again, with --again, what failed. Our choice. */
const MORE_TRIES = 2;

/** Set inside the namespaces that this script made. */
const INSIDE = "LINKLOOM_INTEROP_NAMESPACE";

/** A line of test/interop/packages.txt: the Debian package, and a program or file that it brings. */
export interface Need {
  readonly name: string;
  readonly proof: string;
}

/** Reads `iperf3 iperf3` or `python3-scapy python3:scapy`; # starts a comment. */
export function readNeeds(source: string): Need[] {
  return source
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "")
    .map((line) => {
      const [name = "", proof = name] = line.split(/\s+/);
      return { name, proof };
    });
}

function isThere({ proof }: Need): boolean {
  const command = proof.startsWith("python3:")
    ? `/usr/bin/python3 -c 'import ${proof.slice("python3:".length)}'`
    : `PATH="$PATH:/usr/sbin:/sbin" command -v ${proof}`;
  return spawnSync("sh", ["-c", command], { stdio: "ignore" }).status === 0;
}

/** Runs this script again in namespaces where it is root; /run is its own, so that ip-netns(8) can write there. */
function reexecute(args: readonly string[]): number {
  const script = `mount -t tmpfs tmpfs /run && mount -t sysfs sysfs /sys; ip link set lo up; exec "$@"`;
  const self = [process.execPath, fileURLToPath(import.meta.url), ...args];
  const { status, error } = spawnSync("unshare", ["-Urnm", "sh", "-c", script, "sh", ...self], {
    stdio: "inherit",
    env: { ...process.env, [INSIDE]: "1" },
  });
  if (error !== undefined) console.error(`Cannot run unshare: ${error.message}`);
  return status ?? 1;
}

interface Options {
  readonly strict: boolean;
  readonly again: boolean;
}

interface Result {
  readonly code: number;
  readonly passed: readonly Outcome[];
  readonly skipped: readonly Outcome[];
  readonly failed: readonly Outcome[];
}

/** Runs Node's test runner; its exit code, and how each test ended. */
async function runSuites(args: readonly string[], suites: readonly string[]): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), "linkloom-interop-"));
  try {
    const report = join(directory, "outcomes");
    const how = [
      "--test-concurrency=1",
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      "--test-reporter=./scripts/outcomes.ts",
      `--test-reporter-destination=${report}`,
    ];
    const code = await runTests(runnerArguments(how, args, suites));
    const lines = readFileSync(report, "utf8").split("\n").slice(0, -1);
    const outcomes = lines.map((line) => JSON.parse(line) as Outcome);
    const of = (kind: string): Outcome[] => outcomes.filter((outcome) => outcome.kind === kind);
    return { code, passed: of("passed"), skipped: of("skipped"), failed: of("failed") };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * The runner's arguments for each file with a failed test: those tests alone, or the whole file where it failed itself.
 */
export function rerunsOf(failed: readonly Pick<Outcome, "name" | "file">[]): string[][] {
  const escaped = (name: string): string => name.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  return [...new Set(failed.map(({ file }) => file))].map((file) => {
    const names = failed.filter((one) => one.file === file).map(({ name }) => name);
    const path = relative(ROOT, file);
    if (names.some((name) => file.endsWith(name))) return [path];
    return [...names.map((name) => `--test-name-pattern=/^${escaped(name)}$/`), path];
  });
}

/** Runs what failed once more; what has still not passed. A test that did not run at all has not passed. */
async function runAgain(
  failed: readonly Outcome[],
  options: readonly string[],
  suites: readonly string[],
): Promise<Outcome[]> {
  console.error(`INTEROP: failed, and run once more:\n${list(failed)}`);
  const still: Outcome[] = [];
  for (const args of rerunsOf(failed)) {
    const { code, passed } = await runSuites([...options, ...args], suites);
    const path = args.at(-1) as string;
    const has = (name: string): boolean => passed.some((one) => one.name === name);
    const of = failed.filter(({ file }) => relative(ROOT, file) === path);
    still.push(...of.filter(({ name, file }) => code !== 0 || !(has(name) || file.endsWith(name))));
  }
  return still;
}

async function runHere(args: readonly string[], { strict, again }: Options): Promise<number> {
  const missing = readNeeds(text("test/interop/packages.txt")).filter((need) => !isThere(need));
  for (const { name, proof } of missing)
    console.error(
      `INTEROP: ${proof} is missing, what needs it cannot run: apt-get install ${name}`,
    );
  if (strict && missing.length > 0) return 1;

  const suites = files(/^test\/interop\/.*\.test\.ts$/);
  const first = await runSuites(args, suites);
  const { skipped } = first;
  let { code, failed } = first;
  if (again && failed.length > 0) {
    const options = args.filter((arg) => arg.startsWith("-"));
    for (let n = 0; n < MORE_TRIES && failed.length > 0; n++) {
      failed = await runAgain(failed, options, suites);
    }
    if (failed.length === 0) {
      code = 0;
      tell("these tests are unstable: they failed and then passed", first.failed);
    } else tell("these tests failed each time", failed);
  }
  if (skipped.length > 0) tell("these tests could not run here", skipped);
  return code === 0 && strict && skipped.length > 0 ? 1 : code;
}

function list(outcomes: readonly Outcome[]): string {
  return outcomes
    .map(({ name, reason }) => `  ${name}${reason === "" ? "" : `: ${reason}`}`)
    .join("\n");
}

function tell(what: string, outcomes: readonly Outcome[]): void {
  console.error(`INTEROP: ${what}:\n${list(outcomes)}`);
}

if (import.meta.main) {
  const given = process.argv.slice(2);
  const args = given.filter((arg) => arg !== "--strict" && arg !== "--again");
  const how = { strict: given.includes("--strict"), again: given.includes("--again") };
  const root = process.getuid?.() === 0 || process.env[INSIDE] !== undefined;
  process.exitCode = root ? await runHere(args, how) : reexecute(given);
}
