// npm run test:interop: the suites with real peers in network namespaces, one file after the other, because they share
// this machine's processors. Root runs them as it is; anybody else in user, network and mount namespaces of its own.
// What cannot run is said aloud before and after, and with --strict it is a failure.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { files, text } from "./files.ts";
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

async function runHere(args: readonly string[], strict: boolean): Promise<number> {
  const missing = readNeeds(text("test/interop/packages.txt")).filter((need) => !isThere(need));
  for (const { name, proof } of missing)
    console.error(
      `INTEROP: ${proof} is missing, what needs it cannot run: apt-get install ${name}`,
    );
  if (strict && missing.length > 0) return 1;

  const directory = mkdtempSync(join(tmpdir(), "linkloom-interop-"));
  try {
    const skipped = join(directory, "skipped");
    const how = [
      "--test-concurrency=1",
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      "--test-reporter=./scripts/skipped.ts",
      `--test-reporter-destination=${skipped}`,
    ];
    const code = await runTests(runnerArguments(how, args, files(/^test\/interop\/.*\.test\.ts$/)));
    const names = readFileSync(skipped, "utf8");
    if (names !== "") console.error(`INTEROP: these tests could not run here:\n${names.trimEnd()}`);
    return code === 0 && strict && names !== "" ? 1 : code;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const args = process.argv.slice(2).filter((arg) => arg !== "--strict");
  const strict = process.argv.includes("--strict");
  const root = process.getuid?.() === 0 || process.env[INSIDE] !== undefined;
  process.exitCode = root ? await runHere(args, strict) : reexecute(process.argv.slice(2));
}
