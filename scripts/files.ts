// The files that the gate looks at: what git tracks, and what it would (new files that it does not ignore).

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout's root, without a slash at the end. */
export const ROOT: string = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** Paths relative to the root, sorted; only files that exist and pass the filter. */
export function files(filter: RegExp): string[] {
  const output = execFileSync(
    "git",
    ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    {
      cwd: ROOT,
      encoding: "utf8",
      maxBuffer: 1 << 26,
    },
  );
  const paths = new Set(output.split("\0").filter((path) => path !== "" && filter.test(path)));
  return [...paths].filter((path) => existsSync(join(ROOT, path))).sort();
}

/** A file's text. */
export function text(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** Prints faults and one closing line; exits 1 when there are faults. */
export function report(what: string, faults: readonly string[]): void {
  for (const fault of faults) console.log(fault);
  console.log(`${what}: ${faults.length} fault${faults.length === 1 ? "" : "s"}`);
  if (faults.length > 0) process.exitCode = 1;
}
