// Gives back what only the start needed: sources of modules, the configuration, the first heaps. Called once per
// thread, before frames flow; nothing is collected while they do.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { mallocTrim } from "../ports/linux/ffi.ts";

/** Collects this thread's garbage and lets the C library return free pages to the kernel. */
export function releaseMemory(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: object) => void;
  // A last resort also moves what lives together, so that whole pages become free: 4 MB a thread.
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
  mallocTrim();
}
