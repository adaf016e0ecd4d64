// The files that the scripts look at: what lies in the checkout, but for what is installed, emitted or measured. Found
// without git, so that a copy of the files does as well as a clone.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout's root, without a slash at the end. */
export const ROOT: string = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** What .gitignore names, and git's own folder. */
const IGNORED = /^(?:\.git|node_modules|dist|packages|\.linkloom|bench\/results\/tmp|.*\.tgz)$/;

function walk(folder: string, found: string[]): string[] {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (IGNORED.test(path)) continue;
    if (entry.isDirectory()) walk(path, found);
    else if (entry.isFile()) found.push(path);
  }
  return found;
}

/** Paths relative to the root that pass the filter, sorted. */
export function files(filter: RegExp): string[] {
  return walk("", [])
    .filter((path) => filter.test(path))
    .sort();
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
