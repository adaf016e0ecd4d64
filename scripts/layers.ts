// Who may import whom. Folders of src/ are layers; each import inside src/ must follow an arrow of the table below, and
// a package from outside may be imported only where the second table says. A folder that no table names is a fault,
// and so is finding no files: a checker that looks at nothing must not pass.

import { posix } from "node:path";
import { files, report, text } from "./files.ts";

const BASE = ["lib", "wire", "engine"];
const PROTOCOLS = ["arp", "bridge", "host", "lag", "nd", "snoop", "steering", "stp", "vr"];

/** Layer -> layers that it may import, beside itself. An entry with a slash is one file or a folder in a layer. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  wire: ["lib"],
  engine: ["lib", "wire"],
  ...Object.fromEntries(PROTOCOLS.map((protocol) => [protocol, BASE])),
  // The contract of a port is numbers and a Batch: core/ loops over ports without knowing a driver.
  core: [...BASE, ...PROTOCOLS, "ports/port.ts"],
  ports: [...BASE, "steering"],
  sim: [...BASE, ...PROTOCOLS, "core", "ports/port.ts", "ports/memory.ts"],
  // The control core says in one file what it needs of a running appliance; the runtime is that.
  runtime: [...BASE, ...PROTOCOLS, "core", "ports", "control/appliance-port.ts"],
  control: [...BASE, ...PROTOCOLS, "core", "ports", "runtime"],
  lab: [...BASE, ...PROTOCOLS, "core", "ports", "runtime", "control", "sim"],
  replay: [...BASE, ...PROTOCOLS, "core", "ports", "control", "sim"],
  api: [...BASE, ...PROTOCOLS, "core", "ports", "runtime", "control"],
  // The page shares the lists of objects, operations and fields with the server, and nothing that runs there.
  web: [
    "api",
    "control/objects.ts",
    "control/operations.ts",
    "control/fields.ts",
    "control/filters.ts",
    "control/core-list.ts",
    "control/cell.ts",
    "control/folding.ts",
  ],
  cli: [
    ...BASE,
    ...PROTOCOLS,
    "core",
    "ports",
    "runtime",
    "control",
    "sim",
    "lab",
    "replay",
    "api",
  ],
  "index.ts": [...BASE, ...PROTOCOLS, "core", "ports", "runtime", "control"],
  "main.ts": ["cli"],
};

/** Package from outside -> where it may be imported. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  koffi: ["ports/linux/ffi.ts"],
  zod: ["control", "api"],
  yaml: ["control", "cli"],
  fastify: ["api"],
  "prom-client": ["api"],
  commander: ["cli"],
  preact: ["web"],
  uplot: ["web"],
};

/** What a test may import beside its layer's arrows. */
const TEST_ARROWS = ["sim", "ports/port.ts", "ports/memory.ts"];
const TEST_PACKAGES = ["fast-check", "yaml", "ajv"];

/** Folders where nothing may be random but the seeded generator (biome.json holds the rest of their rules). */
const PURE = new Set(["lib", "wire", "engine", ...PROTOCOLS, "core", "sim"]);

const IMPORT = /(?:\bfrom\s+|\bimport\s+|\bimport\s*\(\s*)"([^"]+)"/g;

function layerOf(path: string): string {
  return (path.split("/")[0] ?? "").replace(".test.ts", ".ts");
}

function isAllowed(target: string, layer: string, arrows: readonly string[]): boolean {
  if (layerOf(target) === layer) return true;
  return arrows.some((arrow) =>
    arrow.includes("/")
      ? target === arrow || target.startsWith(`${arrow}/`)
      : layerOf(target) === arrow,
  );
}

/** The faults of one module; `path` is relative to src/. */
export function faultsOf(path: string, source: string): string[] {
  const layer = layerOf(path);
  const arrows = ARROWS[layer];
  if (arrows === undefined)
    return [`src/${path}: no layer is called "${layer}" (scripts/layers.ts)`];
  const isTest = path.endsWith(".test.ts");
  const allowed = isTest ? [...arrows, ...TEST_ARROWS] : arrows;
  const faults: string[] = [];
  const lines = source.split("\n");
  for (const [index, line] of lines.entries()) {
    const place = `src/${path}:${index + 1}`;
    if (/^\s*(\/\/|\*|\/\*)/.test(line)) continue;
    for (const [, target = ""] of line.matchAll(IMPORT)) {
      if (target.startsWith("node:")) continue;
      if (target.startsWith(".")) {
        const resolved = posix.join(posix.dirname(path), target);
        if (resolved.startsWith("..")) {
          if (!isTest) faults.push(`${place}: ${target} lies outside src/`);
        } else if (!isAllowed(resolved, layer, allowed)) {
          faults.push(`${place}: ${layer} may not import ${resolved}`);
        }
        continue;
      }
      const name = target.split("/", target.startsWith("@") ? 2 : 1).join("/");
      if (isTest && TEST_PACKAGES.includes(name)) continue;
      const places = PACKAGES[name];
      if (places === undefined)
        faults.push(`${place}: the package ${name} is in no row of the table`);
      else if (!isAllowed(path, "", places))
        faults.push(`${place}: ${name} belongs in ${places.join(", ")}`);
    }
    if (PURE.has(layer) && !isTest && line.includes("Math.random"))
      faults.push(`${place}: Math.random cannot be replayed; use lib/prng.ts`);
  }
  return faults;
}

if (import.meta.main) {
  const paths = files(/^src\/.*\.tsx?$/);
  const faults = paths.flatMap((path) => faultsOf(path.slice("src/".length), text(path)));
  if (paths.length < 20)
    faults.push(`Only ${paths.length} files found under src/: the check looked at nothing`);
  report(`layers: ${paths.length} files`, faults);
}
