// Completes package-lock.json after `npm install`: a registry that carries only some platforms makes npm leave the
// other platforms' optional packages out of the lock, and `npm ci` then refuses the lock everywhere. Every optional
// package gets an entry with its exact version and platform (from its name), which npm skips where it does not fit.
// Also says when the lock names hosts, which would tie it to one registry.

import { readFileSync, writeFileSync } from "node:fs";

interface Entry {
  version?: string;
  resolved?: string;
  link?: boolean;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}
interface Lock {
  packages: Record<string, Entry>;
}

const SYSTEMS = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
];
const CPUS = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];

/** What `@scope/binding-linux-arm64-musl` says of its platform, or nothing when a word is unknown. */
export function platformOf(name: string): Pick<Entry, "os" | "cpu" | "libc"> | undefined {
  const words = (name.split("/").at(-1) ?? "").split("-");
  const os = words.filter((word) => SYSTEMS.includes(word));
  const cpu = words.filter((word) => CPUS.includes(word));
  if (os.length !== 1 || cpu.length !== 1) return undefined;
  if (os[0] !== "linux") return { os, cpu };
  return { os, cpu, libc: [words.some((word) => word.startsWith("musl")) ? "musl" : "glibc"] };
}

/** The faults of a lock, as sentences; `complete` mends those that it can. */
export function faultsOf(lock: Lock): string[] {
  const faults: string[] = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (entry.resolved !== undefined && entry.link !== true)
      faults.push(`${path} names where it was loaded from: ${entry.resolved}`);
    for (const name of Object.keys(entry.optionalDependencies ?? {}))
      if (!isLocked(lock, name)) faults.push(`${name} is missing, an optional package of ${path}`);
  }
  return faults;
}

function isLocked(lock: Lock, name: string): boolean {
  return Object.keys(lock.packages).some((path) => path.endsWith(`node_modules/${name}`));
}

/** The lock with an entry for every optional package, in npm's order. */
export function complete(lock: Lock): Lock {
  const packages = { ...lock.packages };
  for (const entry of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isLocked(lock, name)) continue;
      const platform = platformOf(name);
      if (platform === undefined) throw new Error(`Cannot tell the platform of ${name}`);
      if (!/^\d+\.\d+\.\d+$/.test(version))
        throw new Error(`${name} has no exact version: ${version}`);
      packages[`node_modules/${name}`] = {
        version,
        ...(entry.dev === true ? { dev: true } : {}),
        optional: true,
        ...platform,
      };
    }
  }
  const sorted = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en"));
  return { ...lock, packages: Object.fromEntries(sorted) };
}

/** The lock of this checkout. */
export function readLock(): Lock {
  return JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8")) as Lock;
}

if (import.meta.main) {
  const completed = complete(readLock());
  writeFileSync(
    new URL("../package-lock.json", import.meta.url),
    `${JSON.stringify(completed, null, 2)}\n`,
  );
  const faults = faultsOf(completed);
  for (const fault of faults) console.error(fault);
  console.log(
    `package-lock.json: ${Object.keys(completed.packages).length} packages, ${faults.length} faults`,
  );
  process.exitCode = faults.length === 0 ? 0 : 1;
}
