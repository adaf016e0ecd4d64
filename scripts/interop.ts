// npm run test:interop: the suites with real peers in network namespaces, one file after the other, because they share
// this machine's processors. Root runs them as it is; anybody else in user, network and mount namespaces of its own.
// What cannot run is said aloud before and after, and with --strict it is a failure. With --again, a file with a failed
// test runs once more, whole, and its second result counts: kernels and peers on a busy machine are late now and then.
// Such a test is named as unstable, which is a fault to mend in the test.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { files, ROOT, text } from "./files.ts";
import type { Outcome } from "./outcomes.ts";
import { runnerArguments, runTests } from "./test.ts";

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

/** Runs Node's test runner; its exit code, and what was skipped or failed. */
async function runSuites(
  args: readonly string[],
  suites: readonly string[],
): Promise<{ code: number; skipped: Outcome[]; failed: Outcome[] }> {
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
    return { code, skipped: of("skipped"), failed: of("failed") };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function runHere(args: readonly string[], { strict, again }: Options): Promise<number> {
  const missing = readNeeds(text("test/interop/packages.txt")).filter((need) => !isThere(need));
  for (const { name, proof } of missing)
    console.error(
      `INTEROP: ${proof} is missing, what needs it cannot run: apt-get install ${name}`,
    );
  if (strict && missing.length > 0) return 1;

  const suites = files(/^test\/interop\/.*\.test\.ts$/);
  let { code, skipped, failed } = await runSuites(args, suites);
  if (code !== 0 && again && failed.length > 0) {
    const paths = [...new Set(failed.map(({ file }) => relative(ROOT, file)))];
    console.error(`INTEROP: failed, and run once more: ${paths.join(", ")}`);
    const options = args.filter((arg) => arg.startsWith("-"));
    const second = await runSuites([...options, ...paths], suites);
    code = second.code;
    skipped = second.skipped.length > 0 ? second.skipped : skipped;
    if (code === 0) tell("these tests are unstable: they failed once and then passed", failed);
  }
  if (skipped.length > 0) tell("these tests could not run here", skipped);
  return code === 0 && strict && skipped.length > 0 ? 1 : code;
}

function tell(what: string, outcomes: readonly Outcome[]): void {
  const lines = outcomes.map(
    ({ name, reason }) => `  ${name}${reason === "" ? "" : `: ${reason}`}`,
  );
  console.error(`INTEROP: ${what}:\n${lines.join("\n")}`);
}

if (import.meta.main) {
  const given = process.argv.slice(2);
  const args = given.filter((arg) => arg !== "--strict" && arg !== "--again");
  const how = { strict: given.includes("--strict"), again: given.includes("--again") };
  const root = process.getuid?.() === 0 || process.env[INSIDE] !== undefined;
  process.exitCode = root ? await runHere(args, how) : reexecute(given);
}
